"""Give thousands of damaged files to the commands that read them, as people do.

    python tests/benchmarks/mutated_files.py [--files 10000] [--start 0] [--only midi tables …] [--processes 2]

Each file is a mutant of a target of `mutant_readers`; number i is the same in every run. A command must end with 0, or
with 2 and one line on standard error that begins with `secret-sauce: ` (`check-archive` with 1 where it found something
wrong). Anything else is a fault: a traceback, another code, more than `mutants.SECONDS` of a processor. Exits with 1 if
there is one. `--show NUMBER` runs a single one and shows all of what it prints.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import io
import json
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

Command = Callable[[str, Path], list[list[str]]]
"""Of a damaged file, and of a folder in which something may be written, the commands that read it."""


def _presets(*options: str) -> Command:
    return lambda path, _: [["presets", *options, path]]


def commands(folder: Path) -> dict[str, tuple[int, Command]]:
    """By target how often it is chosen, and what reads its files.

    Args:
        folder: where the targets' own folders are.
    """
    from mutant_files import sound, wav
    from mutant_readers import small_checkpoints

    good, model = folder / "good.wav", small_checkpoints(folder / "models")[0]
    good.write_bytes(wav(sound(0.9)))
    test = folder / "listening-tests" / "mushra"
    searched = ["--seconds", "0", "--candidates", "1", "--json"]
    return {
        "audio": (
            1,
            lambda path, out: [
                ["match", path, "-c", "noisemaker-light", "--model", str(model), *searched, "--out", str(out)]
            ],
        ),
        "archives": (8, lambda path, _: [["check-archive", "guitar-tiny", path]]),
        "midi": (
            18,
            lambda path, _: [
                ["presets", "noisemaker-light", "--presets", path],
                ["presets", "subphatty", "--count", "1", "--clip", path],
            ],
        ),
        "noisemaker-presets": (8, _presets("noisemaker", "--presets")),
        "dx7-voices": (8, _presets("dx7", "--presets")),
        "vital-presets": (4, _presets("vital", "--presets")),
        "preset-records": (8, _presets("noisemaker-light", "--presets")),
        "tables": (12, _presets("noisemaker-light", "--presets")),
        "json-lines": (10, _presets("noisemaker-light", "--rows")),
        "declarations": (
            10,
            lambda path, _: [["instrument", "check", path], ["presets", path, "--seed", "1", "--count", "2"]],
        ),
        "listening-tests": (4, lambda path, _: [["listening-test", "evaluate", path, "--test", str(test), "--json"]]),
        "parquet": (
            1,
            lambda path, _: [
                ["publish", "dataset", "noisemaker-light", "--from", path, "--repo", "me/takes", "--dry-run"]
            ],
        ),
        "checkpoints": (
            1,
            lambda path, out: [
                ["match", str(good), "-c", "noisemaker-light", "--model", path, *searched, "--out", str(out)]
            ],
        ),
    }


@dataclass
class Found:
    """What came of some files."""

    files: int = 0
    codes: collections.Counter = field(default_factory=collections.Counter)
    peak: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int, str] = (0.0, -1, "")
    faults: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        """Count those of another, too."""
        self.files += other.files
        self.codes += other.codes
        self.peak = max(self.peak, other.peak)
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.faults += other.faults


class Worker:
    """Runs commands in this process, one after the other."""

    def __init__(self, folder: Path):
        from mutant_readers import READERS

        self.folder = folder
        self.commands = commands(folder)
        self.readers, self.targets = READERS, {}

    def target(self, name: str) -> Any:
        """A target, put into a folder of its own when it is first wanted."""
        if name not in self.targets:
            own = self.folder / name
            own.mkdir()
            self.targets[name] = self.readers[name](own)
        return self.targets[name]

    def spoilt(self, number: int, only: Sequence[str]) -> tuple[str, Path]:
        """The name of a target, and its mutant of this number."""
        draw = random.Random(f"file {number}")
        names = list(only or self.commands)
        [name] = draw.choices(names, [self.commands[one][0] for one in names])
        target = self.target(name)
        if target.place is not None:
            return name, target.place(draw)
        path = self.folder / f"mutant{target.ending}"
        path.write_bytes(target.spoil(draw, draw.choice(target.seeds)))
        return name, path

    def run(self, arguments: list[str]) -> tuple[int, str, str, str]:
        """Run a command: its code, its output, what it says, and what it raises instead."""
        from mutants import TooSlow, in_time

        from secret_sauce_hf.cli.root import main

        code, raised = -1, ""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
            # As a terminal's, with a number that the system knows.
            streams = [io.TextIOWrapper(file, encoding="utf-8", errors="replace") for file in files]
            try:
                with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]), in_time():
                    main(arguments)
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            except (Exception, TooSlow):  # noqa: BLE001 - a traceback is what is looked for
                raised = traceback.format_exc()
            told = []
            for stream in streams:
                stream.flush()
                stream.seek(0)
                told.append(stream.read())
        return code, told[0], told[1], raised

    def try_files(self, numbers: Sequence[int], only: Sequence[str]) -> Found:
        """Give files to their commands."""
        found = Found()
        for number in numbers:
            name, path = self.spoilt(number, only)
            for arguments in self.commands[name][1](str(path), self.folder / "out"):
                start = _used()
                code, _, said, raised = self.run(arguments)
                seconds = _used() - start
                shown = " ".join(arguments[:2])
                found.codes[name, code] += 1
                found.seconds += seconds
                found.slowest = max(found.slowest, (seconds, number, f"{name}: {shown}"))
                if fault := _fault(name, code, said, raised):
                    found.faults.append((number, f"{name}: {shown}", fault))
            found.files += 1
        found.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
        return found


def _fault(name: str, code: int, said: str, raised: str) -> str:
    """What is wrong with how a command ended; empty if nothing is."""
    if raised or "Traceback" in said:
        return raised or said
    allowed = (0, 1, 2) if name == "archives" else (0, 2)
    if code not in allowed:
        return f"code {code}: {said[-300:]}"
    complaints = [line for line in said.splitlines() if line.startswith("secret-sauce: ")]
    if code == 2 and (not complaints or max(map(len, complaints)) > 1_500):
        return f"no clear line: {said[-500:]}"
    return ""


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


_worker: Worker


def _begin(folder: str) -> None:
    global _worker
    import conftest  # noqa: F401
    from mutants import limit_memory

    import secret_sauce_hf.cli.root  # noqa: F401

    own = Path(folder) / str(os.getpid())
    own.mkdir()
    os.chdir(own)
    _worker = Worker(own)
    limit_memory()


def _some(numbers: Sequence[int], only: Sequence[str]) -> Found:
    return _worker.try_files(numbers, only)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--only", nargs="+", default=(), metavar="TARGET")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--show", type=int, metavar="NUMBER", help="run this one alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        if options.show is not None:
            _begin(folder)
            name, path = _worker.spoilt(options.show, options.only)
            for arguments in _worker.commands[name][1](str(path), Path(folder) / "out"):
                print(*arguments, *_worker.run(arguments), sep="\n")
            return 0
        numbers = range(options.start, options.start + options.files)
        parts = [numbers[at : at + 100] for at in range(0, len(numbers), 100)]
        found, start = Found(), time.monotonic()
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(options.processes, context, _begin, (folder,)) as pool:
            try:
                for done in concurrent.futures.as_completed([pool.submit(_some, part, options.only) for part in parts]):
                    found.add(done.result())
                    print(f"{found.files:,} files, {len(found.faults)} faults", file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                # What was tried until then is told.
                pool.shutdown(wait=False, cancel_futures=True)
    codes: dict[str, dict[str, int]] = {}
    for (name, code), count in sorted(found.codes.items()):
        codes.setdefault(name, {})[str(code)] = count
    for name, counts in codes.items():
        print(f"{name}: {json.dumps(counts)}")
    total = collections.Counter()
    for (_, code), count in found.codes.items():
        total[code] += count
    seconds, number, what = found.slowest
    print(
        f"{found.files:,} files, {sum(total.values()):,} commands in {time.monotonic() - start:.0f} s "
        f"({found.seconds:.0f} s of a processor): by exit code {dict(sorted(total.items()))}; peak {found.peak:,} MB; "
        f"slowest {seconds:.2f} s (number {number}, {what}); {len(found.faults)} faults"
    )
    for number, what, fault in found.faults[:50]:
        print(f"--- {number} {what}\n{fault[-1_500:]}")
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
