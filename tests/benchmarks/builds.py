"""Building collections with the command, as a user would: the whole process, by the clock."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from measuring import Report, figures, rate

_WHOLE = 10_000
"""Rows of the collections of 2018 that are built here."""
_ROWS = 2_000
_FEW = 32
_MOST_BYTES = 1_000_000_000
_MORE_ROWS = 6_000
_MOST_GROWTH = 1.15
"""From the peak of memory for `_ROWS` to that for so many more; it varies by 6 %, keeping the sounds would add half."""


class _Case(NamedTuple):
    collection: str
    arguments: tuple[str, ...]
    label: str
    target: int
    """Seconds for the whole collection on two cores."""
    cold: bool = False


_CASES = (
    _Case("subphatty", (), "subphatty", 20),
    _Case("subphatty", (), "subphatty, compiling first", 30, cold=True),
    _Case("guitar", (), "guitar", 20),
    _Case("noisemaker", ("--from-silence",), "noisemaker, from silence", 20),
    _Case("noisemaker", ("--in-session",), "noisemaker, in session", 40),
)


class _Built(NamedTuple):
    seconds: float
    processor: float
    """Seconds of processor time."""
    written: int
    """Bytes."""
    peak: int
    """Bytes of memory."""


def report_builds(report: Report) -> None:
    """Seconds, size and memory of builds, beside what they are meant to take."""
    count = _WHOLE if report.options.full else _ROWS
    which = "the whole collections of 2018" if report.options.full else f"{count:,} fresh rows"
    table = figures(
        f"secret-sauce build, {which}",
        "",
        "s",
        "processor s",
        "takes/s",
        "MB written",
        "MB of memory",
        f"s for {_WHOLE:,}",
        "target, 2 cores",
        "",
    )
    peaks: dict[str, int] = {}
    warm_start: dict[tuple[str, ...], float] = {}
    for case in _CASES:
        rows = () if report.options.full else ("--seed", "1", "--count", str(count))
        few = ("--seed", "1", "--count", str(_FEW), *case.arguments)
        key = (case.collection, *case.arguments)
        if key not in warm_start:
            report.say(f"warming up for {case.label}")
            # Twice: the first may compile.
            _build(report, case.collection, few, report.warm)
            warm_start[key] = _build(report, case.collection, few, report.warm).seconds
        report.say(f"building {case.label}")
        environment = report.kernel_cache("cold-build") if case.cold else report.warm
        built = _build(report, case.collection, (*rows, *case.arguments), environment)
        if case.cold:
            report.check_kernel_cache(environment)
        else:
            warm = built
        # A line through a small build and a large one; what compiling adds does not grow.
        per_row = (warm.seconds - warm_start[key]) / (count - _FEW)
        whole = built.seconds + per_row * (_WHOLE - count)
        peaks[case.label] = built.peak
        table.add_row(
            case.label,
            f"{built.seconds:.1f}",
            f"{built.processor:.1f}",
            rate(count / built.seconds),
            f"{built.written / 1e6:.1f}",
            f"{built.peak / 1e6:.0f}",
            f"{whole:.1f}" if report.options.full else f"≈ {whole:.1f}",
            f"≤ {case.target} s",
            "met" if whole <= case.target else "missed",
        )
    report.print(table)
    for label, peak in peaks.items():
        if peak > _MOST_BYTES:
            report.fail(f"{label}: {peak / 1e6:.0f} MB of memory, more than {_MOST_BYTES / 1e6:.0f} MB.")
    _report_growth(report, {count: peaks["subphatty"]})


def _report_growth(report: Report, peaks: dict[int, int]) -> None:
    """Fail where memory follows the rows; `peaks` has one peak already, by the number of rows."""
    other = _ROWS if report.options.full else _MORE_ROWS
    report.say(f"building {other:,} rows of subphatty for the peak of memory")
    peaks[other] = _build(report, "subphatty", ("--seed", "1", "--count", str(other)), report.warm).peak
    (few, low), (many, high) = sorted(peaks.items())
    growth = high / low
    report.print(
        f"Peak of memory, subphatty: {low / 1e6:.0f} MB for {few:,} rows, {high / 1e6:.0f} MB for {many:,} "
        f"({growth - 1:+.1%}).\n"
    )
    if growth > _MOST_GROWTH:
        report.fail(f"Memory grows with the number of rows: {growth:.2f}× for {many / few:.0f}× the rows.")


def _build(report: Report, collection: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> _Built:
    out = report.folder / "built"
    said = report.folder / "build.log"
    command = [str(Path(sys.executable).with_name("secret-sauce")), "build", collection, *arguments]
    command += ["--out", str(out), "--overwrite"]
    with said.open("w") as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | dict(environment))
        # Unlike `getrusage` this tells the memory of the one process.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ChildProcessError(f"{' '.join(command)}: {said.read_text().strip()[-600:]}")
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return _Built(seconds, usage.ru_utime + usage.ru_stime, written, peak)
