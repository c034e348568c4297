"""Match every WAV file of a folder with one loaded model, and print a table of presets.

    python examples/match_folder.py FOLDER [SECONDS] > presets.csv

SECONDS is how long to search for each sound, 10 if left out. The table has the format of
2018: `secret-sauce render noisemaker-light --presets presets.csv --out sounds` renders it.
"""

import sys
from pathlib import Path

from secret_sauce_hf.matching import match
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets


def main(folder: str, seconds: str = "10") -> None:
    pipe = load_pipeline(collection="noisemaker-light")
    rows = []
    for path in sorted(Path(folder).glob("*.wav")):
        found = match(path, model=pipe, seconds=float(seconds))
        print(f"{path.name}: MSS {found.distances['mss']:.2f} dB", file=sys.stderr)
        rows.append({**found.preset, "file": path.name})
    Presets.from_settings("noisemaker-light", rows).to_csv(sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
