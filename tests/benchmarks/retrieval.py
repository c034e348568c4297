"""Whether the preset that made a sound is found in a bank: by what the model hears of it, and by rendering.

    python tests/benchmarks/retrieval.py noisemaker-light-notes
    python tests/benchmarks/retrieval.py noisemaker-notes --told

The bank has fresh presets, the sounds are takes of its first rows with notes, noise and phases of their own; silent
ones are left out. A preset counts as found where it is the true one, or exchanging it for that one changes the take by
less than is heard. "Rendered" are the presets that come first by the model, ranked by the search's objective. Of a
smaller bank all presets are rendered too, once each, and ranked by their MSS from the sound.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import replace

import numpy as np
from measuring import figures, machine
from rich.console import Console

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation.same import measure_same
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.matching import Bank, load_model, read_bank
from secret_sauce_hf.matching.attempt import listen
from secret_sauce_hf.matching.excerpt import take_out
from secret_sauce_hf.matching.retrieving import Retrieval
from secret_sauce_hf.matching.strategies.base import silent
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets, draw_presets

BANK_SEED, NOISE_SEED = 3_111_426, 3_111_427
"""Of the bank's presets, and of the sounds' noise: no training or calibration has seen either."""
FIRST = (1, 8, 64)


class Found:
    """In how many sounds a preset that counts as the true one is among the first, and how long it took."""

    def __init__(self) -> None:
        self.hits: dict[int, list[bool]] = defaultdict(list)
        self.seconds: list[float] = []

    def add(self, same: np.ndarray, seconds: float) -> None:
        """Of one sound: whether each of the first presets counts, the nearest first."""
        self.seconds.append(seconds)
        for first in FIRST:
            self.hits[first].append(bool(same[:first].any()))

    def cells(self) -> list[str]:
        return [f"{np.mean(self.hits[first]):.0%}" for first in FIRST] + [f"{1e3 * np.median(self.seconds):.0f} ms"]


def main() -> None:
    """Look for every sound's preset, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("--checkpoint", help="instead of the one that ships")
    parser.add_argument("--rows", type=int, default=60, help="sounds")
    parser.add_argument("--size", type=int, default=2_000, help="presets in the bank")
    parser.add_argument("--rendered", type=int, default=100, help="presets in the smaller bank")
    parser.add_argument("--prior", default="uniform", help="how presets are drawn: uniform, or musical")
    parser.add_argument("--told", action="store_true", help="tell the model the notes")
    options = parser.parse_args()
    if not options.rows <= options.rendered <= options.size:
        parser.error("the sounds' presets have to be in both banks: --rows, --rendered and --size go up.")
    collection = get_collection(options.collection)
    engine, loaded = get_engine(collection), load_model(collection, options.checkpoint)
    drawn = draw_presets(collection, options.size, BANK_SEED, prior=options.prior)
    bank = read_bank(collection, drawn)
    sounds = to_float(engine.render(drawn[: options.rows], noise_seed=NOISE_SEED))
    found: dict[str, Found] = defaultdict(Found)
    known: dict[bytes, bool] = {}

    def tell(way: str, cc: np.ndarray, row: int, began: float) -> None:
        seconds = time.process_time() - began
        first = cc[: max(FIRST)]
        fresh = first[[one.tobytes() not in known for one in first]]
        units = Presets.from_cc(collection, fresh).unit
        truth = drawn[np.full(len(fresh), row)]
        same = measure_same(engine, truth, units, counted=np.zeros(fresh.shape, bool)).whole
        known.update(zip((one.tobytes() for one in fresh), same.tolist(), strict=True))
        found[way].add(np.array([known[one.tobytes()] for one in first]), seconds)

    for row in np.flatnonzero(np.abs(sounds).max(axis=1) >= SILENCE):
        known.clear()
        notes = [note._asdict() for note in drawn.performances[row]] if options.told else None
        excerpt = take_out(sounds[row], SAMPLE_RATE)
        heard = listen(loaded, None, excerpt, engine=None, searching=True, candidates=1, seed=0, notes=notes)
        # The compiler and the caches are no part of the first figure.
        heard.space.render(heard.space.places(bank.cc[:64]))
        for size in (options.size, options.rendered):
            part, attempt = Bank(collection, bank.cc[:size], bank.names[:size]), replace(heard)
            began = time.process_time()
            attempt.choose_from(part, True, 1)
            tell(f"the model, of {size:,}", attempt.proposals.cc[1 : 1 + max(FIRST)], row, began)
            began = time.process_time()
            attempt.seek(Retrieval(), None, None, silent)
            tell(f"rendered, of {size:,}", attempt.search.known[:, : bank.cc.shape[1]], row, began)
        began = time.process_time()
        takes = attempt.space.render(attempt.space.places(part.cc))
        reference = np.repeat(attempt.reference.take[None], len(takes), axis=0)
        apart = mss(reference, attempt.reference.covered(takes), SAMPLE_RATE)
        tell(f"MSS of all {size:,}", part.cc[np.argsort(apart, kind="stable")], row, began)
    count = len(found[f"the model, of {options.size:,}"].seconds)
    table = figures(
        f"{collection.name}, {count} sounds", "ranked by", *(f"in the first {n}" for n in FIRST), "median CPU time"
    )
    for way, one in found.items():
        table.add_row(way, *one.cells())
    console = Console(width=120, highlight=False)
    console.print(table)
    console.print(machine())


if __name__ == "__main__":
    main()
