"""Render the Sub Phatty's corners: every combination of its switches with every combination of knobs at either end.

    python tests/benchmarks/corners.py [--knobs 9] [--seed 0]

Of the 24 knobs those that drive the feedback hardest take every combination, the others are drawn, at
either end too. Exits with 1 at anything that is not a number, a peak above full scale or a DC above -40 dBFS.
"""

import argparse
import itertools
import sys
import warnings

import numpy as np
from tqdm import tqdm

from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import Switch, get_collection
from secret_sauce_hf.presets import Presets

KNOBS = (
    "filter_reso",
    "filter_cutoff",
    "filter_multidrive",
    "mixer_osc2",
    "filter_eg_amount",
    "mod_filter_amount",
    "mod_pitch_amount",
    "mod_wave_amount",
    "mod_lfo_rate",
    "mixer_osc1",
    "env_amplifier_attack",
    "mixer_noise",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--knobs", type=int, default=9, choices=range(1, len(KNOBS) + 1), metavar=f"1..{len(KNOBS)}")
    parser.add_argument("--seed", type=int, default=0, help="of the other knobs")
    options = parser.parse_args()
    # A cast of what is not a number warns.
    warnings.simplefilter("error")

    collection = get_collection("subphatty")
    columns = {parameter.name: column for column, parameter in enumerate(collection.parameters)}
    switches = [parameter for parameter in collection.parameters if isinstance(parameter, Switch)]
    combinations = list(itertools.product(*(range(len(switch.codes)) for switch in switches)))
    ends = np.array(list(itertools.product((0.0, 1.0), repeat=options.knobs)))
    generator = np.random.default_rng(options.seed)
    takes, peak, dc = 0, 0, 0.0
    for combination in tqdm(combinations, unit_scale=len(ends), unit="take"):
        unit = generator.integers(0, 2, (len(ends), len(collection.columns))).astype(np.float64)
        unit[:, [columns[name] for name in KNOBS[: options.knobs]]] = ends
        unit[:, [columns[switch.name] for switch in switches]] = combination
        sounds = render(Presets(collection, unit))
        takes += len(sounds)
        peak = max(peak, int(np.abs(sounds.astype(np.int32)).max()))
        dc = max(dc, float(np.abs(sounds.mean(axis=1)).max()))
    dc = 20 * np.log10(dc / 32_768)
    print(f"{takes:,} corners: all finite, highest peak {peak / 32_768:.4f}, highest DC {dc:.1f} dBFS")
    sys.exit(peak > 32_768 or dc > -40.0)


if __name__ == "__main__":
    main()
