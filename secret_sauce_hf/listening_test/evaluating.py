"""Evaluating a listening test: from the files that participants have saved to figures."""

import io
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.scoring import CONFIDENCE, RESAMPLES
from secret_sauce_hf.files import jsonable, write_whole
from secret_sauce_hf.instruments import InputError, integer
from secret_sauce_hf.listening_test.form import MUSHRA, REFERENCE, SCHEMA, read_key
from secret_sauce_hf.listening_test.returned import read_results, result_files
from secret_sauce_hf.listening_test.screening import MOST, Excluded, doubt_ratings, screen_checks, screen_ratings
from secret_sauce_hf.listening_test.statistics import (
    Crossed,
    agreement,
    chosen_pairs,
    rated,
    rating_pairs,
    with_distance,
)
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.training.config import MAX_SEED

RECORD_FILE, PICTURE_FILE = "listening-test.json", "listening-test.png"


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What participants said.

    Args:
        record: JSON-ready; every figure is `[value, low, high]`, the last two the limits of its 95 % interval:

            - `schema`; `test`, `method`, `title`, `systems`, `sounds`: of the test.
            - `participants`: `files` that were given, `refused` ones (`file`, `reason`), `excluded` participants
              (`participant`, `reason`), `doubtful` ones, who are counted; `counted`: how many are left; `devices`: what
              these listened with.
            - `conditions` (of MUSHRA): by name `mean`, `median`, `answers`.
            - `pairs`: see `statistics.rating_pairs` and `statistics.chosen_pairs`.
            - `mss`: `spearman` of ratings and MSS, or `agreement` of choices with it.
            - `intervals`: how they were made; `screening`: whether there was any; `versions`.
        shown: for the picture, by condition, what each participant gave on average; or by pair.
    """

    record: dict[str, Any]
    shown: dict[str, list[float]]

    def save(self, folder: str | Path) -> list[Path]:
        """Write `listening-test.json` and, where matplotlib is installed, `listening-test.png`; returns the files.

        Raises:
            InputError: `folder` is a file, or cannot be written to.
        """
        folder = check_folder(folder, (RECORD_FILE, PICTURE_FILE), what="the evaluation")
        folder.mkdir(parents=True, exist_ok=True)
        contents = {RECORD_FILE: (json.dumps(self.record, indent=1) + "\n").encode()}
        if find_spec("matplotlib") is not None:
            from secret_sauce_hf.plots.listening_test import draw

            picture = io.BytesIO()
            with warnings.catch_warnings():
                # A title in a script that the font lacks is drawn as boxes; that is all.
                warnings.filterwarnings("ignore", message="Glyph .* missing from")
                draw(self.record, self.shown).savefig(picture, format="png", dpi=110, metadata={"Software": None})
            contents[PICTURE_FILE] = picture.getvalue()
        for name, content in contents.items():
            write_whole(folder / name, content)
        return [folder / name for name in contents]


def evaluate_listening_test(
    results: Iterable[str | Path], test: str | Path, *, screening: bool = True, seed: int = 0
) -> Evaluated:
    """Evaluate what participants have sent back.

    Args:
        results: the files that they saved, or folders of them. Files that are none of this test are left out, and told.
        test: the folder that `make_listening_test` has written.
        screening: whether participants are left out who did not hear what everybody hears, see `screening`.
        seed: of the intervals' draws.

    Raises:
        InputError: a file is missing, there is no key, or nothing is left to count.
    """
    seed = integer("seed", seed, 0, MAX_SEED)
    key = read_key(test)
    paths = result_files(results)
    records, refused = read_results(paths, key)
    if not records:
        first = f": {refused[0].file}: {refused[0].reason}" if refused else ""
        raise InputError(f"None of {len(paths):,} files is a result of this test{first}.")
    participants = [record["participant"] for record in records]
    read = _Ratings(key, records) if key["method"] == MUSHRA else _Choices(key, records)
    excluded = read.screened(participants) if screening else []
    gone = {one.participant for one in excluded}
    kept = [place for place, name in enumerate(participants) if name not in gone]
    if not kept:
        raise InputError(
            f"None of {len(participants):,} participants heard what everybody should hear ({excluded[0].participant}: "
            f"{excluded[0].reason}); see them all the same with --all."
        )
    doubtful = read.doubted(participants, kept)
    crossed = Crossed(len(kept), len(key["sounds"]), seed)
    figures, shown = read.figures(kept, crossed)
    devices = [records[place]["about"]["device"] for place in kept]
    record = {
        "schema": SCHEMA,
        "test": key["test"],
        "method": key["method"],
        "title": key["title"],
        "systems": key["systems"],
        "sounds": len(key["sounds"]),
        "trials": len(key["trials"]),
        "participants": {
            "files": len(paths),
            "refused": [asdict(one) for one in refused],
            "excluded": [asdict(one) for one in excluded],
            "doubtful": [asdict(one) for one in doubtful],
            "counted": len(kept),
            "devices": {name: devices.count(name) for name in sorted(set(devices))},
        },
        **figures,
        "intervals": {
            "confidence": CONFIDENCE,
            "resamples": RESAMPLES,
            "over": "participants and sounds",
            "seed": seed,
        },
        "screening": {"most_wrong": MOST} if screening else None,
        "versions": {"secret_sauce_hf": version("secret_sauce_hf")},
    }
    return Evaluated(jsonable(record), shown)


class _Ratings:
    """Ratings of a MUSHRA test, by condition: int of shape (participants, sounds)."""

    def __init__(self, key: Mapping[str, Any], records: Sequence[Mapping[str, Any]]):
        self.key = key
        conditions = {sound["id"]: sound["stimuli"] for sound in key["sounds"]}
        self.ratings = {
            name: np.zeros((len(records), len(key["sounds"])), dtype=np.int64) for name in key["conditions"]
        }
        for row, record in enumerate(records):
            given = {one["trial"]: one["ratings"] for one in record["trials"]}
            for trial in key["trials"]:
                column = _place(key, trial)
                for stimulus, rating in given[trial["id"]].items():
                    self.ratings[conditions[trial["sound"]][stimulus]["condition"]][row, column] = rating

    def screened(self, participants: Sequence[str]) -> list[Excluded]:
        return screen_ratings(self.ratings, participants)

    def doubted(self, participants: Sequence[str], kept: Sequence[int]) -> list[Excluded]:
        ratings = {name: values[kept] for name, values in self.ratings.items()}
        return doubt_ratings(ratings, [participants[place] for place in kept])

    def figures(self, kept: Sequence[int], crossed: Crossed) -> tuple[dict[str, Any], dict[str, list[float]]]:
        ratings = {name: values[kept] for name, values in self.ratings.items()}
        systems = self.key["systems"]
        distances = _distances(self.key)
        figures = {
            "conditions": rated(ratings, crossed),
            "pairs": rating_pairs(ratings, systems),
            "mss": {"spearman": with_distance({name: ratings[name] for name in systems}, distances, crossed)},
        }
        return figures, {name: values.mean(axis=1).tolist() for name, values in ratings.items()}


class _Choices:
    """Choices of a 2AFC test: whether the first of two systems was chosen, bool of shape (participants, sounds)."""

    def __init__(self, key: Mapping[str, Any], records: Sequence[Mapping[str, Any]]):
        self.key = key
        conditions = {name: one["condition"] for sound in key["sounds"] for name, one in sound["stimuli"].items()}
        shape = len(records), len(key["sounds"])
        self.choices = {pair: np.zeros(shape, dtype=bool) for pair in combinations(key["systems"], 2)}
        checks: list[list[bool]] = [[] for _ in records]
        for row, record in enumerate(records):
            given = {one["trial"]: conditions[one["chosen"]] for one in record["trials"]}
            for trial in key["trials"]:
                chosen = given[trial["id"]]
                if trial["check"]:
                    checks[row].append(chosen == REFERENCE)
                    continue
                names = {conditions[name] for name in trial["stimuli"]}
                pair = next(pair for pair in self.choices if set(pair) == names)
                self.choices[pair][row, _place(key, trial)] = chosen == pair[0]
        self.right = np.array(checks, dtype=bool).reshape(len(records), -1)

    def screened(self, participants: Sequence[str]) -> list[Excluded]:
        return screen_checks(self.right, participants)

    def doubted(self, participants: Sequence[str], kept: Sequence[int]) -> list[Excluded]:  # noqa: ARG002 - checks tell enough
        return []

    def figures(self, kept: Sequence[int], crossed: Crossed) -> tuple[dict[str, Any], dict[str, list[float]]]:
        choices = {pair: values[kept] for pair, values in self.choices.items()}
        figures = {
            "pairs": chosen_pairs(choices, crossed),
            "mss": {"agreement": agreement(choices, _distances(self.key), crossed)},
        }
        return figures, {f"{one}/{other}": values.mean(axis=1).tolist() for (one, other), values in choices.items()}


def _place(key: Mapping[str, Any], trial: Mapping[str, Any]) -> int:
    return next(place for place, sound in enumerate(key["sounds"]) if sound["id"] == trial["sound"])


def _distances(key: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """MSS of every system's answers, shape (sounds,)."""
    found = {name: np.full(len(key["sounds"]), np.nan) for name in key["systems"]}
    for place, sound in enumerate(key["sounds"]):
        for one in sound["stimuli"].values():
            if one["condition"] in found and one["mss"] is not None:
                found[one["condition"]][place] = one["mss"]
    return found
