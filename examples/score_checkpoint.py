"""How well the shipped checkpoint tells the settings of test rows, beside two simple references.

    python examples/score_checkpoint.py

The test rows of 2018 are rendered as in that session; none of them was trained on. With
recordings of the instrument (a Parquet file of consecutive rows from row 0 on, their sounds
in a column `flac`) it is scored on these instead:

    python examples/score_checkpoint.py --recordings noisemaker_light-rows-0-799.parquet
"""

import argparse
import io

import numpy as np
import pyarrow.parquet as pq
import soundfile

from secret_sauce_hf import checkpoint_path
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.presets import draw_presets, original_presets
from secret_sauce_hf.training import evaluate_checkpoint

REFERENCES = 5_000
"""Fresh sounds among which the nearest neighbour is looked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", default="noisemaker-light")
    parser.add_argument("--recordings", metavar="FILE.parquet")
    options = parser.parse_args()
    collection = get_collection(options.collection)

    if options.recordings:
        recorded = pq.read_table(options.recordings, columns=["flac"])["flac"].to_pylist()
        sounds = np.stack([soundfile.read(io.BytesIO(flac), dtype="float32")[0] for flac in recorded])
        presets = original_presets(collection, 0, len(sounds))
    else:
        first = collection.train_count
        presets = original_presets(collection, first)
        before = original_presets(collection, first - 1, first)
        takes = render(presets, in_session=True, preceding=before, first_row=first)
        sounds = takes.astype(np.float32) / 32_768
    references = draw_presets(collection, REFERENCES, seed=0)
    scores = evaluate_checkpoint(
        checkpoint_path(collection.name),
        sounds,
        presets,
        train_sounds=render(references, noise_seed=0).astype(np.float32) / 32_768,
        train_presets=references,
    )
    print(f"{len(presets)} sounds; knobs: mean absolute error of 0 to 10, switches: share of right ones")
    names = ["mean of knobs", *collection.columns]
    width = max(map(len, names))
    print(f"{'':{width}}", *(f"{who:>8}" for who in scores))
    for name in names:
        values = [s.knob_mae if name == names[0] else s.per_parameter[name] for s in scores.values()]
        print(f"{name:{width}}", *(f"{value:8.3f}" for value in values))


if __name__ == "__main__":
    main()
