"""How well the shipped checkpoint tells the settings of recordings, beside two simple references.

    python examples/score_recordings.py noisemaker_light-rows-0-799.parquet

The file holds recordings of the instrument, of consecutive rows of 2018 from row 0 on, their sounds in a column
`flac`. The references know fresh sounds of the engine. For datasets in this package's columns there is
`secret-sauce evaluate`.
"""

import argparse
import io
import sys

import numpy as np
import pyarrow.parquet as pq
import soundfile

from secret_sauce_hf import InputError, checkpoint_path
from secret_sauce_hf.engines import render
from secret_sauce_hf.presets import draw_presets, original_presets
from secret_sauce_hf.training import evaluate_checkpoint

REFERENCES = 5_000
"""Fresh sounds among which the nearest neighbour is looked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", metavar="FILE.parquet")
    parser.add_argument("--collection", default="noisemaker-light")
    options = parser.parse_args()

    recorded = pq.read_table(options.recordings, columns=["flac"])["flac"].to_pylist()
    sounds = np.stack([soundfile.read(io.BytesIO(flac), dtype="float32")[0] for flac in recorded])
    presets = original_presets(options.collection, 0, len(sounds))
    references = draw_presets(options.collection, REFERENCES, seed=0)
    scores = evaluate_checkpoint(
        checkpoint_path(options.collection),
        sounds,
        presets,
        train_sounds=render(references, noise_seed=0).astype(np.float32) / 32_768,
        train_presets=references,
    )
    print(f"{len(presets)} sounds; knobs: mean absolute error of 0 to 10, switches: share of right ones")
    names = ["mean of knobs", *presets.collection.columns]
    width = max(map(len, names))
    print(f"{'':{width}}", *(f"{who:>8}" for who in scores))
    for name in names:
        values = [s.knob_mae if name == names[0] else s.per_parameter[name] for s in scores.values()]
        print(f"{name:{width}}", *(f"{value:8.3f}" for value in values))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"score_recordings: {error}")
