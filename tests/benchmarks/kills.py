"""Kill a command at random moments, give it again each time, and compare with one that ran through.

    python tests/benchmarks/kills.py [--command build] [--kills 20] [--by steps] [--collection noisemaker-light]
        [--rows 60] [--workers 1] [--seed 0]

Commands: build, train, learn, publish, match, benchmark, render. By steps, the moments are spread over everything that
changes the disk or is asked of the Hub, the first and the last included; by the clock (`--by clock`) over the time that
the command takes, which also finds the middle of what native code writes. A command that goes on is killed once more
every other time. Rows are those of `build` and `render`; the others have so little to do that a run takes seconds.
Of publishing, the Hub is the tests' own; `uploads.py` kills the whole command between its bytes.

Exits with 1 if a file differs, if the repository shows anything but the old state or the new one, or if the command
does not come to its end.
"""

import argparse
import importlib
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from kill_steps import work_in_copy

ROOT = Path(__file__).parents[2]
TOKEN = "hf_benchmark"
_CLOCKS = re.compile(rb'"(?:[a-z_]*seconds[a-z_]*|load)": *(?:\[[^\]]*\]|\{[^}]*\}|[^,}\n]*)')
"""What a record tells of the time that was taken, which differs from run to run."""


def command_line(*arguments: object) -> None:
    """Give a command; a mistake is one that this program makes."""
    from secret_sauce_hf.cli import main

    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"It ends with {ended.code}.") from ended


def _shard(options: argparse.Namespace) -> int:
    return max(1, options.rows // 6)


def build(options: argparse.Namespace, out: Path) -> None:
    rows = ["--seed", 1, "--count", options.rows, "--rows-per-shard", _shard(options), "--workers", options.workers]
    command_line("build", options.collection, *rows, "--out", out)


def render(options: argparse.Namespace, out: Path) -> None:
    rows = out.with_name("rows.jsonl")
    if not rows.exists():
        from secret_sauce_hf.presets import draw_presets
        from secret_sauce_hf.rows import write_rows

        with rows.open("w") as file:
            write_rows([draw_presets(options.collection, options.rows, 1)], file)
    command_line("render", options.collection, "--from", rows, "--out", out, "--overwrite")


def train(options: argparse.Namespace, out: Path) -> None:
    from secret_sauce_hf.training import train as run

    small = {"batch_size": 32, "hidden_size": 16, "layers": 1, "validation": 32, "workers": 0, "progress": False}
    if (out / "model.safetensors").exists() and not (out / ".training" / "run.json").exists():
        return
    # As people do: what is there is gone on with.
    run(options.collection, None, out, fresh=64, epochs=4, seed=1, resume=(out / ".training").exists(), **small)


def learn(options: argparse.Namespace, out: Path) -> None:
    from secret_sauce_hf.learning import budgeting, run

    # So little of everything that it takes seconds.
    run.TAKES, run.VALIDATION, budgeting.PROBE_STEPS, budgeting.FEWEST_STEPS = 40, 8, 1, 1
    budgeting.TRAINING_SHARE = 1e-6
    sys.modules["secret_sauce_hf.training.run"].default_workers = lambda: 0  # type: ignore[attr-defined]
    if not (out / "report.md").exists():
        run.learn(options.collection, out, minutes=0.5, rows=2, seconds=0.2, progress=False, seed=3)


def match(_: argparse.Namespace, out: Path) -> None:
    sound = ROOT / "secret_sauce_hf" / "assets" / "noisemaker-light-s211.flac"
    command_line("match", sound, "--collection", "noisemaker-light", "--renders", 40, "--candidates", 2, "--out", out)


def benchmark(options: argparse.Namespace, out: Path) -> None:
    ways = ["--only", "naive", "--only", "model", "--only", "matching", "--no-same"]
    command_line("benchmark", options.collection, "--rows", 3, "--seconds", 0.1, *ways, "--out", out)


def publish(_: argparse.Namespace, out: Path, state: str = "new") -> None:
    """Publish a state by what every `secret-sauce publish` ends in; the repository is called as `out`."""
    from secret_sauce_hf.hub.repository import RepositoryFile, look_at
    from secret_sauce_hf.hub.repository import publish as bring

    draw = random.Random(state)
    # Large ones, of which one is in both states, small ones, and one that is in one state only.
    files = [RepositoryFile(f"data/{number}.parquet", bytes([0, *draw.randbytes(9_999)])) for number in range(3)]
    files += [RepositoryFile("data/same.parquet", bytes(10_000)), RepositoryFile(f"{state}.txt", state.encode())]
    files += [RepositoryFile("README.md", f"---\ntags: [{state}]\n---\n".encode())]
    there = look_at(f"me/{out.name}", "dataset", [], tag="1.0", overwrite=True)
    bring(there, files, removable=lambda _: True, message=state, overwrite=True)


COMMANDS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    one.__name__: one for one in (build, render, train, learn, match, benchmark, publish)
}


_DATA = ["secret_sauce_hf.cli", "secret_sauce_hf.data.building", "secret_sauce_hf.cards.dataset", "scipy.signal"]
_ALL = [*_DATA, "datasets", "torch", "transformers", "secret_sauce_hf.evaluation", "secret_sauce_hf.learning.run"]
_IMPORTS = {name: [*_ALL, "secret_sauce_hf.matching"] for name in COMMANDS}
_IMPORTS |= {"build": _DATA, "render": _DATA, "publish": ["secret_sauce_hf.hub.repository"]}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is not hidden, by name, without what it tells of the time that was taken."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or any(part.startswith(".") for part in name.split("/")):
            continue
        content = path.read_bytes()
        found[name] = _CLOCKS.sub(b"", content) if path.suffix in (".json", ".jsonl") else content
    return found


def whole(folder: Path, expected: dict[str, bytes], exact: bool) -> bool:
    """Whether no file under its own name is cut: each is as it will be, or is read to its end."""
    for name, content in contents(folder).items():
        # A manifest tells of what there is so far.
        if exact and name != "manifest.json" and name in expected and content != expected[name]:
            print(f"  {name} is not whole", file=sys.stderr)
            return False
        if name.endswith(".json"):
            json.loads((folder / name).read_bytes())
    return True


class Hub:
    """The tests' Hub in a process of its own, and what a repository on it shows."""

    def __init__(self, root: Path) -> None:
        from hub_server import HubServer, User

        read, write = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            server = HubServer(root, users={TOKEN: User("me")})
            server.start()
            os.write(write, server.url.encode())
            while True:
                time.sleep(60)
        self.url = os.read(read, 200).decode()

    def end(self) -> None:
        os.kill(self._process, 9)
        os.waitpid(self._process, 0)

    def shows(self, repo: str) -> tuple[dict[str, str], str | None]:
        """The files of a repository by path, and the commit that its tag names, where it is the newest."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.url, token=TOKEN)
        tree = api.list_repo_tree(repo, repo_type="dataset", recursive=True)
        files = {item.path: item.blob_id for item in tree if hasattr(item, "blob_id")}
        head = api.repo_info(repo, repo_type="dataset").sha
        tags = {tag.target_commit for tag in api.list_repo_refs(repo, repo_type="dataset").tags}
        return files, "tagged" if tags == {head} else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", choices=sorted(COMMANDS), default="build")
    parser.add_argument("--kills", type=int, default=20, help="0 for one at every step")
    parser.add_argument("--by", choices=["steps", "clock"], default="steps")
    parser.add_argument("--collection", default="noisemaker-light")
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        hub = Hub(folder / "hub") if options.command == "publish" else None
        try:
            if hub is not None:
                os.environ |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
                os.environ["HF_HOME"] = str(folder / "home")
            faults = run(options, folder, hub)
        finally:
            if hub is not None:
                hub.end()
    sys.exit(1 if faults else 0)


def run(options: argparse.Namespace, folder: Path, hub: Hub | None) -> int:
    """Kill so often; returns how often what came of it was wrong."""
    # What the command needs is imported once, and nothing of it starts a thread.
    for module in _IMPORTS[options.command]:
        importlib.import_module(module)
    draw = random.Random(options.seed)
    command = COMMANDS[options.command]

    def prepare(out: Path) -> None:
        """What was there before; of publishing, the old state."""
        if hub is not None:
            work_in_copy(lambda: publish(options, out, "old"))

    def shown(out: Path) -> Any:
        return contents(out) if hub is None else hub.shows(f"me/{out.name}")

    first = folder / "whole"
    prepare(first)
    old = None if hub is None else shown(first)
    begun = time.monotonic()
    steps = work_in_copy(lambda: command(options, first))
    took = time.monotonic() - begun
    expected = shown(first)
    exact = options.command not in ("benchmark", "learn")
    print(f"{options.command}: {steps} steps, {took:.1f} s", file=sys.stderr)
    assert steps is not None
    kills = faults = runs = 0
    every = iter(range(1, steps + 1))
    # At every step once, a run that is done a step sooner included.
    while kills < options.kills if options.kills else runs < steps:
        out = folder / f"killed-{runs}"
        prepare(out)
        runs += 1
        moments: list[str] = []
        # Every other time what goes on is killed, too.
        for _ in range(1 + runs % 2 if options.kills else 1):
            at = draw.randint(1, steps) if options.kills else next(every)
            at = at if options.by == "steps" else 0
            after = draw.uniform(0.01, took) if not at else 0
            moments.append(f"step {at}" if at else f"{after:.2f} s")
            if work_in_copy(lambda: command(options, out), at, after) is not None:  # noqa: B023
                break
            kills += 1
            if hub is None:
                faults += not whole(out, expected, exact)
            elif (state := hub.shows(f"me/{out.name}")[0]) not in (old[0], expected[0]):  # type: ignore[index]
                print(f"  the repository shows neither state: {sorted(state)}", file=sys.stderr)
                faults += 1
        try:
            work_in_copy(lambda: command(options, out))  # noqa: B023
            same = same_end(shown(out), expected, exact)
        except RuntimeError as error:
            print(f"  {error}", file=sys.stderr)
            same = False
        print(f"killed at {', '.join(moments)}: {'the same' if same else 'NOT THE SAME'}", file=sys.stderr, flush=True)
        faults += not same
        shutil.rmtree(out, ignore_errors=True)
    print(
        f"{options.command}, {options.collection}: killed {kills} times in {runs} runs, by {options.by} of {steps} "
        f"steps: {faults} faults"
    )
    return faults


def same_end(found: Any, expected: Any, exact: bool) -> bool:
    """Whether what a killed and resumed run leaves is what one leaves that ran through."""
    if not isinstance(found, dict):
        return found == expected
    if exact:
        differing = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    else:
        differing = sorted(found.keys() ^ expected.keys())
    if differing:
        print(f"  different: {', '.join(differing[:5])}", file=sys.stderr)
    return not differing


if __name__ == "__main__":
    main()
