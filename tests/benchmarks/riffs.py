"""How well the settings of the guitar rack are found for riffs never seen, from the wet sound and the dry one.

    python tests/benchmarks/riffs.py [--riffs 12] [--renders 1800] [--seed 500] [--fed clean|takes]

The riffs are phrases as of guitar-phrases, played with every effect off; the racks are drawn as the rows of guitar
are. With `--fed clean` the wet sound is that dry sound sent through the rack; with `--fed takes` strings and rack are
rendered as ever, so that what the distortion is fed has to be found out, too. Counted is what is heard by the
declared rules. On two idle cores 1,800 renderings of 4 s take about 10 s.
Seeds below 500 were used to tune the search; report others.
"""

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import load_model, match
from secret_sauce_hf.metrics.scores import setting_errors
from secret_sauce_hf.presets import Presets, draw_presets

RACK, PHRASES = get_collection("guitar"), get_collection("guitar-phrases")


def riffs(count: int, seed: int, fed: str) -> tuple[np.ndarray, np.ndarray, Presets]:
    """Dry and wet sounds, float32 of shape (riffs, samples), and the racks between them."""
    engine = get_engine(RACK)
    phrases, racks = draw_presets(PHRASES, count, seed), draw_presets(RACK, count, seed + 1_000_000)
    off = [row | {name: "off" for name in row if name.endswith("_on_off")} for row in phrases.rows()]
    dry = to_float(engine.render(Presets.from_settings(PHRASES, off).playing(phrases.performances), noise_seed=0))
    if fed == "takes":
        wet = engine.render(Presets(PHRASES, racks.unit).playing(phrases.performances), noise_seed=seed)
    else:
        takes = [
            engine.render(racks[row : row + 1], dry=dry[row], noise_seed=seed, first_row=row) for row in range(count)
        ]
        wet = np.concatenate(takes)
    return dry, to_float(wet), racks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--riffs", type=int, default=12)
    parser.add_argument("--renders", type=int, default=1_800)
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--fed", choices=("clean", "takes"), default="clean")
    options = parser.parse_args()
    dry, wet, racks = riffs(options.riffs, options.seed, options.fed)
    model = load_model("guitar")
    switches = np.array([parameter.classes > 0 for parameter in RACK.parameters])
    heard = racks.heard()
    console = Console(width=120)
    table = Table("riff", "MSS alone, dB", "MSS, dB", "heard switches right", "heard knobs off by", "CPU s", box=None)
    errors = {"alone": np.zeros(heard.shape), "found": np.zeros(heard.shape)}
    seconds = []
    for row in range(options.riffs):
        began = time.process_time()
        found = match(wet[row], dry=dry[row], sampling_rate=SAMPLE_RATE, model=model, renders=options.renders)
        seconds.append(time.process_time() - began)
        for name, preset in (("alone", found.alone.preset), ("found", found.preset)):
            told = Presets.from_settings(RACK, [preset])
            errors[name][row] = setting_errors(RACK.parameters, racks.unit[row : row + 1], told.unit)[0]
        right = 1 - errors["found"][row][heard[row] & switches]
        knobs = errors["found"][row][heard[row] & ~switches]
        shown = [f"{found.alone.distance:.2f}", f"{found.candidates[0].distance:.2f}", f"{right.mean():.2f}"]
        table.add_row(str(row), *shown, f"{knobs.mean():.2f}" if len(knobs) else "–", f"{seconds[-1]:.1f}")
        console.print(f"riff {row}: {' '.join(shown)}", style="dim")
    console.print(table)
    for name, values in errors.items():
        right, knobs = 1 - values[heard & switches].mean(), values[heard & ~switches].mean()
        console.print(f"{name}: heard switches {right:.3f}, heard knobs {knobs:.2f}")
    pace = options.renders * options.riffs / max(sum(seconds), 1e-9)
    console.print(f"{pace:.0f} renderings a second of one processor, all included")


if __name__ == "__main__":
    main()
