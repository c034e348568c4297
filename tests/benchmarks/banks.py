"""Sounds of patches that somebody else made: what a search finds, beside the nearest other patch of their bank.

    python tests/benchmarks/banks.py dx7 /usr/share/hexter/dx7_roms.dx7 --sounds 20 --seconds 10

The bank of that command, 128 voices of the ROMs, is of the Debian package hexter. Of every sound its own patch is
left out of the bank. Each plays a note of its own, drawn with the seed, which the model hears itself. MSS in dB, of the
notes that were played.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from secret_sauce_hf import match
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.matching import read_bank
from secret_sauce_hf.matching.bank import Bank
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("bank", type=Path)
    parser.add_argument("--model", help="a checkpoint, or none; that which ships, if one does, if not given")
    parser.add_argument("--sounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    collection = get_collection(args.collection)
    engine = get_engine(collection)
    with tempfile.TemporaryDirectory() as folder:
        # Known by its ending.
        file = Path(folder) / f"{args.bank.stem}{'.syx' if args.bank.suffix == '.dx7' else args.bank.suffix}"
        shutil.copyfile(args.bank, file)
        bank = read_bank(collection, file)
    random = np.random.default_rng(args.seed)
    rows = []
    for voice in random.permutation(len(bank)).tolist():
        note = Note(int(random.integers(43, 77)), int(random.integers(70, 120)), 0.1, float(random.uniform(0.4, 1.6)))
        takes = engine.render(Presets.from_cc(collection, bank.cc).playing((note,)))
        take = takes[voice]
        if np.abs(take.astype(np.int32)).max() < 300:
            continue  # Nothing is heard of it at this note.
        others = np.delete(np.arange(len(bank)), voice)
        nearest = min(mss(take, takes[other], SAMPLE_RATE) for other in others.tolist())
        rest = Bank(collection, bank.cc[others], tuple(bank.names[other] for other in others))
        told = {"array": take, "sampling_rate": SAMPLE_RATE}
        common = {"collection": collection, "model": args.model}
        asked = match(told, **common, bank=rest)
        found, from_bank = (match(told, **common, seconds=args.seconds, bank=given) for given in (None, rest))
        rows.append((found.alone.distance, nearest, *(one.distances["mss"] for one in (asked, found, from_bank))))
        print(len(rows), bank.names[voice], note.pitch, *(f"{value:.2f}" for value in rows[-1]), flush=True)
        if len(rows) == args.sounds:
            break
    told = np.array(rows)
    table = Table(title=f"{len(rows)} sounds of {args.bank.name}, MSS in dB")
    for title in ("", "median", "quartiles", "nearer than the nearest patch"):
        table.add_column(title)
    names = (
        "model alone" if found.model else "a usual preset",
        "nearest other patch",
        "nearest, as match --bank tells",
        f"after {args.seconds:g} s",
        f"after {args.seconds:g} s, from the bank",
    )
    for name, values in zip(names, told.T, strict=True):
        low, high = np.percentile(values, [25, 75])
        nearer = "" if name == "nearest other patch" else f"{np.mean(values < told[:, 1]):.0%}"
        table.add_row(name, f"{np.median(values):.2f}", f"{low:.2f} to {high:.2f}", nearer)
    Console().print(table)


if __name__ == "__main__":
    main()
