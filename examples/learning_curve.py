"""What more training sounds buy: trains a model for each of several numbers of them, and plots their errors.

    python examples/learning_curve.py noisemaker-light --out curve
    python examples/learning_curve.py noisemaker-light --out curve --sounds 1000 4000 16000 64000 --steps 4000

Every model is trained for as many steps on its own sounds, as of `secret-sauce build --seed`, and validated on the
same fresh ones. Stopped, the same command goes on from where it was.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from secret_sauce_hf import InputError
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.training import train

SEED = 1
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for models, table and picture")
    parser.add_argument(
        "--sounds", type=int, nargs="+", default=[1_000, 4_000, 16_000], help="how many, for each model"
    )
    parser.add_argument("--steps", type=int, default=2_000, help="of 64 sounds, for each model")
    parser.add_argument("--hidden-size", type=int, help="width of the models")
    parser.add_argument("--layers", type=int, help="of the models")
    parser.add_argument("--validation", type=int, default=1_000, help="how many sounds to validate on")
    options = parser.parse_args()
    if min(options.sounds) < 2 * BATCH or options.steps < 1:
        parser.error(f"each model needs at least {2 * BATCH} sounds and one step.")

    points = []
    for sounds in sorted(set(options.sounds)):
        scores = trained(options, sounds)["validation"]
        points.append({"sounds": sounds} | {who: _means(one) for who, one in scores.items()})
        print(f"{sounds:>9,} sounds: " + ", ".join(f"{name} {v:.3f}" for name, v in points[-1]["model"].items()))
        (options.out / "curve.json").write_text(json.dumps({"steps": options.steps, "points": points}, indent=2) + "\n")
    draw(points, options).savefig(options.out / "curve.png", dpi=110)
    print(f"Wrote {options.out / 'curve.json'} and {options.out / 'curve.png'}")


def trained(options: argparse.Namespace, sounds: int) -> dict[str, Any]:
    """The record of a model trained on so many sounds; where it was begun or done already, of that one."""
    folder = options.out / f"{sounds}-sounds"
    if (folder / "training.json").is_file():
        return json.loads((folder / "training.json").read_text(encoding="utf-8"))
    # Four fifths of a build are for training; a row is the same in all builds of a seed.
    takes = build_collection(options.collection, options.out / f"{sounds}-takes", seed=SEED, count=-(-sounds * 5 // 4))
    return train(
        options.collection,
        takes,
        folder,
        epochs=options.steps * BATCH / sounds,
        batch_size=BATCH,
        validation=options.validation,
        hidden_size=options.hidden_size,
        layers=options.layers,
        resume=(folder / ".training").is_dir(),
    )


def _means(scores: dict[str, Any]) -> dict[str, float]:
    """The mean error of the knobs and the share of wrong switches, where there are any."""
    means = {}
    if scores["knob_mae"] is not None:
        means["knobs"] = scores["knob_mae"]
    if scores["switch_accuracy"] is not None:
        means["wrong switches"] = 1 - scores["switch_accuracy"]
    return means


def draw(points: list[dict[str, Any]], options: argparse.Namespace) -> Any:
    """Errors against the number of sounds, beside those of who always answers the same."""
    from matplotlib.figure import Figure

    titles = {"knobs": "Mean error of the knobs, 0 to 10", "wrong switches": "Share of wrong switches"}
    shown = [name for name in titles if name in points[0]["model"]]
    figure = Figure(figsize=(0.6 + 4.2 * len(shown), 3.7), layout="constrained")
    grid = figure.subplots(1, len(shown), squeeze=False)[0]
    numbers = [point["sounds"] for point in points]
    for axes, name in zip(grid, shown, strict=True):
        axes.plot(numbers, [point["model"][name] for point in points], "o-", color="#0072B2", label="model")
        axes.axhline(points[-1]["naive"][name], color="#777777", linestyle=":", label="always the same answer")
        axes.set_xscale("log")
        axes.set_xticks(numbers, [f"{number:,}" for number in numbers], minor=False)
        axes.minorticks_off()
        axes.set_ylim(0, 1.08 * max(axes.get_ylim()))
        axes.set_title(titles[name], fontsize=10)
        axes.set_xlabel("training sounds")
        axes.grid(color="#dddddd")
        axes.set_axisbelow(True)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"{options.collection}: {options.steps:,} steps each", fontsize=11)
    return figure


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"learning_curve: {error}")
    except KeyboardInterrupt:
        sys.exit("learning_curve: stopped; the same command goes on from here.")
