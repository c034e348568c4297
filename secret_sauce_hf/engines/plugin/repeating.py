"""How a plug-in is brought back to its first state before every take, and which of its parameters do anything.

What a plug-in keeps from one note to the next, phases, tails, glides, the numbers that its noise is made of, is told
by nobody. So a few rows are rendered at two places of a run, each after other rows, and in another process: the way
that gives the same sounds, and costs least, is taken.
"""

import contextlib
import hashlib
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from secret_sauce_hf.engines.plugin.failures import Refused, WorkerFault
from secret_sauce_hf.engines.plugin.process import RATE, Worker
from secret_sauce_hf.engines.plugin.targets import Target, split
from secret_sauce_hf.files import write_whole

RESETS = ("continue", "fork", "state", "silence", "fresh")
"""What is done before a take, the cheapest first: nothing but setting all parameters; a copy of the process, which
ends with the take (Linux only); the first state is loaded; sound off and silence; the plug-in is loaded anew."""
SAME = 0.999
"""Sounds that agree as much are the same, see `agreement`."""
CHANGED = 0.9999
"""A parameter that makes a sound agree less than this changes it."""
ROWS = 4
"""Rows that are compared, of those that sound."""
_TRIED = 12
_AUDIBLE = 1e-3
_NEARLY = 0.02
_BLOCK = 441
_SECONDS, _HELD = 0.8, 0.5
_FORM = 1
"""Changes whenever what is looked for does, so that what older ones found is not believed."""


@dataclass(frozen=True)
class ResetReport:
    """What was found out about a plug-in.

    Args:
        reset: what is done before each take, one of `RESETS`.
        repeats: whether takes then are the same wherever they stand in a run, and in a fresh process.
        agreements: for each reset that was tried, the lowest agreement of a row with the same row at another place
            or in another process; NaN where the plug-in did not survive it.
        seconds: what a take of 0.8 s cost with each.
        audible: how many of the rows that were compared sounded.
        silent: names of parameters that changed what they read, but none of the sounds that were tried.
        idle: names of parameters that changed neither.
    """

    reset: str
    repeats: bool
    agreements: dict[str, float]
    seconds: dict[str, float]
    audible: int
    silent: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    def __str__(self) -> str:
        tried = ", ".join(f"{reset} {value:.4f}" for reset, value in self.agreements.items())
        ending = "repeats" if self.repeats else "does not repeat itself, whatever is done"
        return f"{ending}; reset: {self.reset}; agreements over {self.audible} rows: {tried}"


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """How far two sounds are the same: 1 if they are, less with every difference of shape or level.

    It is twice the inner product over the sum of the energies: the correlation where levels are equal. Two sounds of
    nothing agree fully.
    """
    energy = float(one @ one + other @ other)
    return 1.0 if max(np.abs(one).max(), np.abs(other).max()) < _AUDIBLE else 2 * float(one @ other) / energy


def study(
    start: Callable[[], Worker],
    targets: Sequence[Target],
    rows: np.ndarray,
    names: Sequence[str],
    ends: np.ndarray,
    seconds: float,
) -> ResetReport:
    """Find out how a plug-in is reset, and what its parameters do.

    Args:
        start: starts a process that has loaded it.
        targets: what the parameters set, see `targets`.
        rows: values, 0 to 1, of these parameters, (rows, parameters): first the defaults, then others.
        names: what the parameters are called here.
        ends: two values of each parameter, far from each other: (parameters, 2).
        seconds: what a take may last.

    Raises:
        WorkerFault: the plug-in does not even survive being loaded anew for each take.
    """
    take = Taker(start, targets, seconds)
    try:
        chosen = rows[_sounding(take, rows)]
        report, references = _choose(take, chosen)
        if report.audible:
            silent, idle = _without_effect(take, report, chosen[:2], references[:2], names, ends)
            report = replace(report, silent=silent, idle=idle)
        return report
    finally:
        take.close()


def cached(key: Sequence[Any], find: Callable[[], ResetReport]) -> ResetReport:
    """What was found out before under a key, or is now; kept in the user's cache folder.

    Args:
        key: everything that it depends on, JSON-ready.
        find: finds it out.
    """
    digest = hashlib.sha256(json.dumps([_FORM, *key]).encode()).hexdigest()
    path = user_cache_path("secret_sauce_hf", appauthor=False) / "plugins" / f"{digest[:32]}.json"
    if (known := _read(path)) is not None:
        return known
    report = find()
    # Where it cannot be kept it is found out anew the next time.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(report)).encode())
    return report


def _read(path: Path) -> ResetReport | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        report = ResetReport(**(told | {"silent": tuple(told["silent"]), "idle": tuple(told["idle"])}))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return report if report.reset in RESETS else None


class Taker:
    """Takes of 0.8 s of some rows, by a process that is started anew whenever it has ended.

    Args:
        start: starts a process that has loaded the plug-in.
        targets: what the values of a row set, see `targets`.
        seconds: what a take may last.
    """

    def __init__(self, start: Callable[[], Worker], targets: Sequence[Target], seconds: float) -> None:
        self._start, self.targets, self._seconds = start, list(targets), seconds
        self._worker: Worker | None = None
        self.lasted = 0.0

    def worker(self) -> Worker:
        if self._worker is None or not self._worker.alive:
            self._worker = self._start()
            # Without a state there is none to go back to.
            with contextlib.suppress(Refused):
                self._worker.ask({"do": "remember"}, seconds=self._seconds)
        return self._worker

    def restart(self) -> None:
        self.close()

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def __call__(self, values: np.ndarray, reset: str) -> np.ndarray:
        """The take of a row, float32 of shape (samples,)."""
        asked, given = split(self.targets, values)
        asked |= {
            "reset": reset,
            "notes": [[60, 100, 10 * _BLOCK, 10 * _BLOCK + round(_HELD * RATE)]],
            "lead": 10 * _BLOCK,
            "samples": round(_SECONDS * RATE),
            "block": _BLOCK,
        }
        worker = self.worker()
        sound = worker.take(asked, given, seconds=self._seconds)
        self.lasted = worker.lasted
        return sound

    def texts(self, indices: Sequence[int], values: Sequence[float]) -> list[str]:
        payload = np.asarray(values, np.float32).tobytes()
        told, _ = self.worker().ask({"do": "read", "indices": list(indices)}, payload, seconds=self._seconds)
        return [str(text) for text in told["texts"]]


def _sounding(take: Taker, rows: np.ndarray) -> list[int]:
    """The numbers of up to `ROWS` rows that sound, each rendered by a plug-in just loaded; of none the first."""
    silent: list[int] = []
    found: list[int] = []
    for row in range(min(len(rows), _TRIED)):
        try:
            sound = take(rows[row], "fresh")
        except WorkerFault:
            # A row that kills it is found when somebody wants it.
            continue
        (found if np.abs(sound).max() > _AUDIBLE else silent).append(row)
        if len(found) == ROWS:
            break
    if not found and not silent:
        raise WorkerFault("does not survive any of the rows that were tried")
    return found or silent[:1]


def _choose(take: Taker, rows: np.ndarray) -> tuple[ResetReport, list[np.ndarray]]:
    """The reset that is taken, and the sounds of the rows with it."""
    lowest: dict[str, float] = {}
    means: dict[str, float] = {}
    seconds: dict[str, float] = {}
    sounds: dict[str, list[np.ndarray]] = {}
    audible = 0
    for reset in RESETS:
        if reset == "fork" and sys.platform != "linux":
            continue
        try:
            sounds[reset], values, seconds[reset] = _rendered_thrice(take, rows, reset)
        except WorkerFault:
            lowest[reset] = math.nan
            continue
        lowest[reset], means[reset] = min(values), float(np.mean(values))
        audible = sum(float(np.abs(sound).max()) > _AUDIBLE for sound in sounds[reset])
        if audible and lowest[reset] >= SAME:
            return ResetReport(reset, True, lowest, seconds, audible), sounds[reset]
    if not means:
        raise WorkerFault("survives no second take")
    if not audible:
        # There is nothing to compare: the strongest cannot be wrong.
        return ResetReport(next(reversed(means)), False, lowest, seconds, 0), []
    # What is left of the take before must not be heard, even where chance makes all takes differ.
    able = {reset: mean for reset, mean in means.items() if reset != "continue"} or means
    best = next(reset for reset, mean in able.items() if mean >= max(able.values()) - _NEARLY)
    return ResetReport(best, False, lowest, seconds, audible), sounds[best]


def _rendered_thrice(take: Taker, rows: np.ndarray, reset: str) -> tuple[list[np.ndarray], list[float], float]:
    """Rows forwards and backwards in one process, and backwards in another.

    Returns:
        The sounds, the agreements with them of the others, and what a take cost, in seconds.
    """
    values, lasted = [], []
    take.restart()
    sounds = [take(row, reset) for row in rows]
    for _ in range(2):
        for row, sound in reversed(list(zip(rows, sounds, strict=True))):
            values.append(agreement(take(row, reset), sound))
            lasted.append(take.lasted)
        take.restart()
    return sounds, values, float(np.median(lasted))


def _without_effect(
    take: Taker,
    report: ResetReport,
    rows: np.ndarray,
    references: list[np.ndarray],
    names: Sequence[str],
    ends: np.ndarray,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the parameters that change texts only, and of those that change nothing."""
    silent, idle = [], []
    for column, name in enumerate(names):
        try:
            if report.repeats and any(
                agreement(take(_moved(row, column, end), report.reset), reference) < CHANGED
                for row, reference in zip(rows, references, strict=True)
                for end in ends[column]
            ):
                continue
            target = take.targets[column]
            # Of controllers a plug-in shows nothing.
            texts = take.texts([target] * 2, ends[column].tolist()) if isinstance(target, int) else ["", "?"]
        except WorkerFault:
            continue  # It does something.
        if texts[0] == texts[1]:
            idle.append(name)
        elif report.repeats:
            silent.append(name)
    return tuple(silent), tuple(idle)


def _moved(row: np.ndarray, column: int, value: float) -> np.ndarray:
    moved = row.copy()
    moved[column] = value
    return moved
