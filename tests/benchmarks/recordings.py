"""How near the NoiseMaker engine comes to recordings of the plug-in that plays notes, chords and melodies.

    python tests/benchmarks/recordings.py FOLDER

FOLDER has the Parquet files of recordings (`plugin_recordings.SETS`). Compared are rows without noise whose
recording peaks above -50 dBFS: the multi-scale spectral distance and the difference of levels, in dB.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from plugin_recordings import SETS, comparable, recorded

from secret_sauce_hf.engines import render
from secret_sauce_hf.metrics import level_difference, mss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    table = Table("what is played", box=None)
    for title in ("rows", "MSS", "90 %", "level", "MSS in session", "90 %", "level"):
        table.add_column(title, justify="right")
    for name in SETS:
        presets, sounds = recorded(folder, name)
        rows = comparable(presets, sounds)
        figures = []
        for in_session in (False, True):
            takes = render(presets, in_session=in_session).astype(np.float32) / 32_767
            distances = [mss(sounds[row], takes[row], 22_050) for row in rows]
            levels = [level_difference(sounds[row], takes[row], 22_050) for row in rows]
            figures += [np.median(distances), np.percentile(distances, 90), np.median(levels)]
        table.add_row(name, str(len(rows)), *(f"{figure:.3f}" for figure in figures))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
