"""An evaluated listening test as tables and sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from secret_sauce_hf.listening_test.form import MUSHRA

Table = tuple[list[str], list[list[str]]]
"""Header and rows."""


def conditions_table(record: Mapping[str, Any]) -> Table:
    """Mean and median of every condition, the best first."""
    conditions = sorted(record["conditions"].items(), key=lambda one: -one[1]["mean"][0])
    rows = [
        [name, *(_interval(one[what], ".1f") for what in ("mean", "median")), f"{one['answers']:,}"]
        for name, one in conditions
    ]
    return ["condition", "mean, 95 %", "median, 95 %", "answers"], rows


def pairs_table(record: Mapping[str, Any]) -> Table:
    """What was compared with what: of MUSHRA the difference, of 2AFC how often one was chosen."""
    tests = ["p, participants", "p, sounds"]
    if record["method"] == MUSHRA:
        rows = [[pair["one"], pair["other"], f"{pair['difference']:+.1f}", *_tests(pair)] for pair in record["pairs"]]
        return ["one", "other", "difference", *tests], rows
    rows = [
        [
            pair["one"],
            pair["other"],
            f"{pair['chosen']} of {pair['answers']}",
            _interval([pair["share"][0], *pair["wilson"]], ".0f", 100),
            _interval(pair["share"], ".0f", 100),
            _p(pair["holm"]),
            *_tests(pair),
        ]
        for pair in record["pairs"]
    ]
    return ["one", "other", "one chosen", "%, Wilson", "%, bootstrap", "p, binomial", *tests], rows


def sentences(record: Mapping[str, Any]) -> list[str]:
    """What is to be said beside the tables."""
    people = record["participants"]
    found = [
        f"{people['counted']} {_plural('participant', people['counted'])}, {record['sounds']} "
        f"{_plural('sound', record['sounds'])}; {len(people['excluded'])} excluded, {len(people['refused'])} of "
        f"{people['files']} files not counted."
    ]
    found += [f"Excluded: {one['participant']}, who rated {one['reason']}." for one in people["excluded"]]
    if people["doubtful"]:
        told = "; ".join(f"{one['participant']} ({one['reason']})" for one in people["doubtful"])
        found.append(f"Counted, but doubtful: {told}.")
    if record["method"] == MUSHRA:
        value, name = record["mss"]["spearman"], "Spearman's correlation of ratings and MSS"
        found.append(f"{name}: {_interval(value, '+.2f')} (a distance that hears as people do comes to -1).")
    else:
        value = record["mss"]["agreement"]
        found.append(f"Choices of the answer that is nearer by MSS: {_interval(value, '.0f', 100)} %.")
    found.append(
        "Intervals are of a bootstrap over participants and sounds; p is corrected for the number of pairs (Holm), "
        "over the means of participants and over those of sounds, and unknown (–) of fewer than six."
    )
    if record["method"] != MUSHRA:
        found.append("Wilson's interval and the binomial test take every answer for one of somebody else.")
    if people["counted"] < 20:
        found.append(f"{people['counted']} are few: BS.1534-3 holds 20 participants for enough.")
    return found


def _tests(pair: Mapping[str, Any]) -> list[str]:
    return [_p(pair[by]["holm"]) for by in ("participants", "sounds")]


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0") if value < 1 else "1"


def _interval(values: Sequence[float | None], digits: str, scale: float = 1.0) -> str:
    if values[0] is None:
        return "–"
    value, low, high = (format(scale * (one or 0.0), digits) for one in values)
    return f"{value} [{low}, {high}]"


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
