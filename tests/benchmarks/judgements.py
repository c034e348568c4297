"""How many judgements a listening test needs, and how often its tests and intervals err where there is nothing to find.

python tests/benchmarks/judgements.py
"""

import argparse

import numpy as np
from scipy.stats import binom

from secret_sauce_hf.listening_test.statistics import Crossed, chosen_pairs, rating_pairs

LEVEL, POWER = 0.05, 0.8


def answers_needed(share: float) -> int:
    """From how many independent answers on a preference of this share is found, two-sided at 5 %, in 80 % of tests."""
    last = 5
    for answers in range(6, 3_000):
        least = int(binom.isf(LEVEL / 2, answers, 0.5)) + 1
        if binom.sf(least - 1, answers, share) < POWER:
            last = answers
    return last + 1


def false_alarms(participants: int, sounds: int, spread: float, times: int) -> dict[str, float]:
    """How often two systems that nobody prefers, by and large, are told apart at 5 %.

    Each sound and each participant leans to one of them (the logit by `spread`, one standard deviation).
    """
    generator = np.random.default_rng([participants, sounds, round(100 * spread)])
    found: dict[str, list[bool]] = {}
    for _ in range(times):
        lean = generator.normal(0, spread, (participants, 1)) + generator.normal(0, spread, (1, sounds))
        chosen = generator.random((participants, sounds)) < 1 / (1 + np.exp(-lean))
        (pair,) = chosen_pairs({("one", "other"): chosen}, Crossed(participants, sounds, 0))
        by = [pair[name]["p"] < LEVEL for name in ("participants", "sounds")]
        ratings = {
            "one": 50 + 20 * lean + generator.normal(0, 15, lean.shape),
            "other": 50 + generator.normal(0, 15, lean.shape),
        }
        (rated,) = rating_pairs(ratings, ["one", "other"])
        for name, wrong in (
            ("2afc: binomial test", pair["p"] < LEVEL),
            ("2afc: Wilson's interval", not pair["wilson"][0] <= 0.5 <= pair["wilson"][1]),
            ("2afc: bootstrap's interval", not pair["share"][1] <= 0.5 <= pair["share"][2]),
            ("2afc: over participants", by[0]),
            ("2afc: over sounds", by[1]),
            ("2afc: over both", all(by)),
            ("mushra: over participants", rated["participants"]["p"] < LEVEL),
            ("mushra: over sounds", rated["sounds"]["p"] < LEVEL),
            ("mushra: over both", all(rated[name]["p"] < LEVEL for name in ("participants", "sounds"))),
        ):
            found.setdefault(name, []).append(bool(wrong))
    return {name: float(np.mean(values)) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200, help="how many tests are simulated")
    times = parser.parse_args().times
    print("Answers that find a preference of a share, at 5 % in 80 % of tests:")
    for share in (0.55, 0.6, 0.65, 0.7, 0.8):
        print(f"  {share:.0%}  {answers_needed(share):5,}")
    for participants, sounds, spread in ((20, 12, 0.0), (20, 12, 0.5), (20, 12, 1.0), (40, 6, 0.5)):
        print(f"{participants} participants, {sounds} sounds, leaning by {spread:g}: false alarms of {times:,} tests")
        for name, share in false_alarms(participants, sounds, spread, times).items():
            print(f"  {name:28} {share:6.1%}")


if __name__ == "__main__":
    main()
