"""Give every reader of untrusted input what reaches new code in it, found by a coverage-guided fuzzer (atheris).

    python tests/fuzz/fuzz.py [--target midi …] [--seconds 60] [--input FILE] [--list]

A reader must take what it is given or raise an `InputError` of one line, in less than `mutants.SECONDS` of a processor
and `mutants.SPARE_BYTES` of memory. One input of every other kind of end is kept in build/fuzz/findings, with the
command that repeats it, and the search goes on; then it exits with 1. What reached new code is kept in
build/fuzz/corpus, where the next run begins. Seconds are those of a processor. The targets are those of
`mutant_readers.READERS`.
"""

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import pkgutil
import random
import re
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
ROOT = TESTS.parent
PLACE = ROOT / "build" / "fuzz"
LARGEST = 2**16
"""Bytes of an input."""
PARSERS = ("mido", "zipfile", "csv")
"""What in Python reads for us, and is watched with our package."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", nargs="+", metavar="NAME", help="what to fuzz; everything if not given")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a processor, for each target")
    parser.add_argument(
        "--input", type=Path, metavar="FILE", help="give the target this one input, and show what happens"
    )
    parser.add_argument("--list", action="store_true", help="list the targets")
    options = parser.parse_args()
    # First: it points the Hub's clients at the tests' own.
    import conftest  # noqa: F401

    atheris = None
    if options.input is None and not options.list:
        import atheris

        import_watched(atheris)
    from mutant_readers import READERS

    if options.list:
        print(*READERS, sep="\n")
        return 0
    if unknown := [name for name in options.target or () if name not in READERS]:
        parser.error(f"there is no target {unknown[0]}; there are {', '.join(READERS)}")
    if options.input is not None:
        if len(options.target or ()) != 1:
            parser.error("say by --target who is to read the input")
        return repeat(options.target[0], options.input)
    return int(sum(run(atheris, name, options.seconds) for name in options.target or READERS) > 0)


def repeat(name: str, path: Path) -> int:
    """Give a target one input; 1 if it does not take it as it must."""
    from mutant_readers import READERS, scratch
    from mutants import fault, limit_memory

    with scratch() as folder:
        target, content = READERS[name](folder), path.read_bytes()
        limit_memory()
        start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        error = fault(lambda: target.read(content))
        seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - start
    if error is None:
        print(f"{name} takes or refuses {path} as it must, in {seconds:.2f} s.")
        return 0
    traceback.print_exception(error)
    return 1


def run(atheris: Any, name: str, seconds: float) -> int:
    """Fuzz a target in a process of its own; the number of its findings."""
    own = PLACE / name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    sys.stdout.flush()
    # A fork: to import everything takes longer than most targets need to show what they have.
    child = os.fork()
    if not child:
        log = os.open(own / "log.txt", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            fuzz(atheris, name, seconds)
        except BaseException:  # noqa: BLE001 - a target that cannot be set up
            traceback.print_exc()
        finally:
            os._exit(1)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    state: dict[str, Any] = {"executions": 0, "seconds": 0.0, "corpus": 0, "peak": 0, "slowest": 0.0, "findings": []}
    with contextlib.suppress(FileNotFoundError, ValueError):
        state = json.loads((own / "state.json").read_text())
    if ended:
        # In the middle of an input, which lies there.
        last = own / "current"
        state["findings"].append(keep(name, last.read_bytes() if last.exists() else b"", "ended", str(ended)))
    print(
        f"{name}: {state['executions']:,} executions in {state['seconds']:.0f} s, {state['corpus']} inputs kept, "
        f"peak {state['peak']} MB, slowest {state['slowest']:.2f} s, {len(state['findings'])} findings",
        flush=True,
    )
    for told in state["findings"]:
        print(f"    {told}", flush=True)
    return len(state["findings"])


def keep(name: str, content: bytes, kind: str, at: str) -> str:
    """Write a finding down; returns what to say of it."""
    folder = PLACE / "findings"
    folder.mkdir(parents=True, exist_ok=True)
    place = re.sub(r"[^A-Za-z0-9]+", "-", f"{name}-{kind}-{at}").strip("-")
    path = folder / f"{place}.bin"
    if not path.exists() or len(content) < path.stat().st_size:
        path.write_bytes(content)
    told = path.relative_to(ROOT)
    again = f'make fuzz ARGS="--target {name} --input {told}"'
    path.with_suffix(".txt").write_text(f"{kind} at {at}\n{again}\n")
    return f"{kind} at {at}: {again}"


def import_watched(atheris: Any) -> None:
    """Import everything of ours with the fuzzer's eyes in it; what numba compiles cannot have them."""
    files = [path for path in (ROOT / "secret_sauce_hf").rglob("*.py") if "compiling import" in path.read_text()]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    # Without the fuzzer's eyes: they would see little but these.
    for heavy in ("torch", "transformers", "datasets", "scipy.signal", "numba", "fastapi", "mcp"):
        with contextlib.suppress(ImportError):
            importlib.import_module(heavy)
    found = {name for name in sys.modules if name.split(".")[0] in PARSERS}
    for name in found:
        # Whoever holds it already goes on with the one without.
        del sys.modules[name]
    kernels = [*names, "secret_sauce_hf.compiling"]
    quiet = contextlib.redirect_stderr(io.StringIO())
    with quiet, atheris.instrument_imports(include=["secret_sauce_hf", *PARSERS], exclude=kernels):
        for name in PARSERS:
            importlib.import_module(name)
        import secret_sauce_hf

        for module in pkgutil.walk_packages(secret_sauce_hf.__path__, "secret_sauce_hf.", onerror=lambda _: None):
            if ".modules." not in module.name and not module.name.endswith(("__main__", "_engine")):
                # Not everything that an extra brings need be there.
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)


class Search:
    """What is given to a target, and what came of it.

    Args:
        name: of the target.
        target: it.
        seconds: of a processor.
    """

    def __init__(self, name: str, target: Any, seconds: float):
        self.name, self.target, self.seconds = name, target, seconds
        self.own = PLACE / name
        self.executions, self.slowest, self.written = 0, 0.0, 0.0
        self.findings: dict[tuple[str, str], str] = {}
        self.current = os.open(self.own / "current", os.O_RDWR | os.O_CREAT)
        self.start = self.used = _used()

    def __call__(self, content: bytes) -> None:
        """Give it one input."""
        from mutants import fault, kind_of

        # Should this process be killed, the input is there.
        os.pwrite(self.current, content, 0)
        os.ftruncate(self.current, len(content))
        error = fault(lambda: self.target.read(content))
        if error is not None:
            kind = kind_of(error)
            told = keep(self.name, content, *kind)
            if kind not in self.findings:
                traceback.print_exception(error)
            self.findings[kind] = told
        self.executions += 1
        now = _used()
        if now - self.used > self.slowest:
            self.slowest = now - self.used
            (self.own / "slowest").write_bytes(content)
        self.used = now
        if now - self.start >= self.seconds:
            self.write()
            # The fuzzer has no other end than its own clock.
            os._exit(0)
        if time.monotonic() - self.written > 1.0:
            self.write()

    def write(self) -> None:
        """Say how far it is."""
        self.written = time.monotonic()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
        corpus = len(list((PLACE / "corpus" / self.name).iterdir()))
        state = {"executions": self.executions, "seconds": self.used - self.start, "corpus": corpus, "peak": peak}
        state |= {"slowest": self.slowest, "findings": list(self.findings.values())}
        (self.own / "state.json").write_text(json.dumps(state))


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def fuzz(atheris: Any, name: str, seconds: float) -> None:
    """Fuzz a target in this process, which does not come back from it."""
    from mutant_readers import READERS, scratch
    from mutants import limit_memory

    corpus, seeds = PLACE / "corpus" / name, PLACE / name / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds.mkdir()
    with scratch() as folder:
        target = READERS[name](folder)
        for seed in target.seeds:
            (seeds / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

        def mutate(content: bytes, largest: int, seed: int) -> bytes:
            draw = random.Random(seed)
            # Damage that knows the form, and that of the fuzzer, which knows what was compared with what.
            if draw.random() < 0.5:
                return atheris.Mutate(content, largest)
            return bytes(target.spoil(draw, content)[:largest])

        limit_memory()
        # Time and memory are looked at in `fault`.
        flags = [f"-max_len={LARGEST}", "-handle_alrm=0", "-rss_limit_mb=0", "-print_final_stats=0", "-reload=0"]
        flags += [f"-artifact_prefix={PLACE / name}/", f"-seed={1 + len(list(corpus.iterdir()))}"]
        atheris.Setup(
            [sys.argv[0], *flags, str(corpus), str(seeds)], Search(name, target, seconds), custom_mutator=mutate
        )
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
