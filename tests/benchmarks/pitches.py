"""How often the first pitch is right as it was heard, and after a search has asked what else may have been played.

    python tests/benchmarks/pitches.py noisemaker-notes ../shared/real --rows 80

Counted are single notes of the plug-in's recordings without noise that peak above -40 dBFS, by default of the
first half; nothing may be tuned on the second.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from plugin_recordings import comparable, recorded

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.matching.attempt import LEAD_SECONDS
from secret_sauce_hf.matching.guides import ModelGuide
from secret_sauce_hf.matching.pitching import likeliest
from secret_sauce_hf.matching.problem import Budget
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.progress import row_progress

LOUD = 10 ** (-40 / 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("folder", type=Path, help="of the recordings")
    parser.add_argument("--rows", type=int, default=80)
    parser.add_argument("--half", choices=("first", "second"), default="first")
    options = parser.parse_args()
    collection = get_collection(options.collection)
    pipe = load_pipeline(None, collection=collection.name)
    kind = "light, single notes" if "light" in collection.name else "single notes"
    presets, sounds = recorded(options.folder, kind)
    middle = len(sounds) // 2
    rows = [row for row in comparable(presets, sounds) if np.abs(sounds[row]).max() > LOUD]
    rows = [row for row in rows if (row < middle) == (options.half == "first")][: options.rows]
    heard, settled = [], []
    with row_progress("listening", len(rows), True) as advance:
        for row in rows:
            listened = pipe.listen({"array": sounds[row], "sampling_rate": SAMPLE_RATE})
            other, _ = likeliest(
                ModelGuide(pipe), collection, get_engine(collection), listened, LEAD_SECONDS, 0, Budget(None, None)
            )
            for told, found in ((heard, listened), (settled, other)):
                told.append(bool(found.notes) and found.notes[0].pitch == presets.performances[row][0].pitch)
            advance(1)
    print(f"{len(rows)} sounds: {np.mean(heard):.3f} as heard, {np.mean(settled):.3f} after asking")


if __name__ == "__main__":
    main()
