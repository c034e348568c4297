"""Kill an upload at random moments, complete it each time, and see what the repository showed and what was sent twice.

    python tests/benchmarks/uploads.py [--kills 20] [--collection subphatty] [--rows 1000] [--xet] [--seed 0]

The Hub is the tests' own, on loopback. SIGKILL comes when a random number of bytes has arrived, from the first to the
last. Exits with 1 if a repository shows anything but the old state or the new one, or what had arrived is sent again.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from huggingface_hub import HfApi

sys.path.insert(0, str(Path(__file__).parents[1]))
from hub_server import HubServer, User

TOKEN = "hf_benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--collection", default="subphatty")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--xet", action="store_true", help="upload by Xet instead of plain LFS")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    draw = random.Random(options.seed)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = ["--count", str(options.rows), "--rows-per-shard", "50"]
        for state, seed in (("old", "1"), ("new", "2")):
            build = ["secret-sauce", "build", options.collection, "--seed", seed, *rows, "--out", str(folder / state)]
            subprocess.run(build, check=True, stderr=subprocess.DEVNULL)
        expected = {}
        with Upload(folder, "reference", options) as upload:
            for state in ("old", "new"):
                before = upload.arrived()
                assert upload.start(state).wait() == 0, f"the {state} state cannot be published"
                expected[state] = upload.content()
            total = upload.arrived() - before
        print(f"{total / 1e6:.1f} MB to send", flush=True)

        faults = 0
        for number in range(options.kills):
            with Upload(folder, f"kill-{number}", options) as upload:
                assert upload.start("old").wait() == 0
                first = upload.killed(draw.randrange(total))
                content = upload.content()
                shown = next((state for state, files in expected.items() if files == content), "a broken")
                before = upload.arrived()
                complete = upload.start("new").wait() == 0 and upload.content() == expected["new"]
                again = upload.arrived() - before
            print(
                f"killed after {first / 1e6:5.1f} MB, shows the {shown} state; {again / 1e6:5.1f} MB complete it"
                f"{'' if complete else ': NOT COMPLETE'}",
                flush=True,
            )
            faults += not complete or shown == "a broken"
        sys.exit(1 if faults else 0)


class Upload:
    """A Hub of its own, so that nothing is there from an earlier try, and what is published on it."""

    def __init__(self, folder: Path, name: str, options: argparse.Namespace):
        self.folder, self.options = folder, options
        self.hub = HubServer(folder / name, users={TOKEN: User("me")}, xet=options.xet)

    def __enter__(self) -> "Upload":
        self.hub.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hub.stop()
        shutil.rmtree(self.hub.root)

    def start(self, state: str) -> subprocess.Popen:
        """Begin to publish a state."""
        command = ["secret-sauce", "publish", "dataset", self.options.collection, "--from", str(self.folder / state)]
        environment = {
            **os.environ,
            "HF_ENDPOINT": self.hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(self.folder / "home"),
            "HF_HUB_DISABLE_XET": "0" if self.options.xet else "1",
        }
        command += ["--repo", "me/takes", "--overwrite"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def killed(self, stop: int) -> int:
        """Begin to publish the new state and kill it when so many bytes are there; returns how many were in the end."""
        before = self.arrived()
        process = self.start("new")
        while process.poll() is None and self.arrived() - before < stop:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return self.arrived() - before

    def arrived(self) -> int:
        """Bytes that were sent so far; by Xet those that are stored."""
        if self.options.xet:
            return stored(self.hub.root)
        return sum(record.bytes_in for record in list(self.hub.log))

    def content(self) -> dict[str, str]:
        """What the repository shows: blob ids by path."""
        tree = HfApi(endpoint=self.hub.url).list_repo_tree("me/takes", repo_type="dataset", recursive=True)
        return {item.path: item.blob_id for item in tree if hasattr(item, "blob_id")}


def stored(folder: Path) -> int:
    """Bytes of the files in a folder, of which some come and go meanwhile."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(path) / name).stat().st_size
    return total


if __name__ == "__main__":
    main()
