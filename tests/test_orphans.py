"""Processes of ours end when the one that started them is killed, which can tell them nothing any more."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="what kills at once is called otherwise here")

STARTS = 600.0
"""Seconds within which the slowest machine has started everything."""
ENDS = 120.0
"""A second suffices on a machine with nothing else to do."""

PLAIN = '''
import os, subprocess, sys
child = """if True:
    import os, time
    from secret_sauce_hf.processors import end_with
    end_with(os.getppid())
    print('ready', flush=True)
    time.sleep(600)
"""
subprocess.run([sys.executable, "-c", child])
'''

# Foreign code that lets no thread of Python run.
HANGING = """
import ctypes, os

class Host:
    def __init__(self, *_):
        os.write(2, b"ready\\n")
        ctypes.PyDLL(None).sleep(600)
"""
PLUG_IN = """
import os, subprocess, sys
arguments = ["secret_sauce_hf.engines.plugin.worker", "hanging_host", "none.so", "22050", "64", str(os.getpid()), "1"]
subprocess.run([sys.executable, "-m", *arguments], stdin=subprocess.PIPE)
"""

BUILD = """
import sys, time
import numpy as np
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import get_collection

class Slow(Engine):
    name, version = "noisemaker", "slow-1"
    parameters = get_collection("noisemaker-light").instrument.parameters

    def _render(self, job):
        print("ready", flush=True)
        time.sleep(600)

if __name__ == "__main__":
    rows = {"seed": 1, "count": 4, "rows_per_shard": 1, "progress": False}
    build_collection("noisemaker-light", sys.argv[1], engine=Slow(), workers=2, **rows)
"""

TRAIN = """
import sys, time
import torch
from torch.utils.data import IterableDataset
from secret_sauce_hf.training.stream import stream_loader

class Endless(IterableDataset):
    def __iter__(self):
        yield torch.zeros(1)
        # Between two batches torch looks itself.
        time.sleep(600)

if __name__ == "__main__":
    for _ in stream_loader(Endless(), 1):
        print("ready", flush=True)
        time.sleep(600)
"""


def said(stream: int, until: float) -> bytes:
    """What is said next; nothing at the end, and none within the time is a failure."""
    assert select.select([stream], [], [], max(until - time.monotonic(), 0))[0], "neither a word nor an end"
    return os.read(stream, 4096)


@pytest.mark.parametrize("program", [PLAIN, PLUG_IN, BUILD, TRAIN], ids=["plain", "plug-in", "build", "train"])
def test_nothing_is_left_when_the_first_is_killed(program, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(program)
    (tmp_path / "hanging_host.py").write_text(HANGING)
    paths = f"{Path(__file__).parents[1]}{os.pathsep}{tmp_path}"
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as first:
        stream, heard, until = first.stdout.fileno(), b"", time.monotonic() + STARTS
        try:
            while b"ready" not in heard:
                more = said(stream, until)
                assert more, heard
                heard += more
        finally:
            first.kill()
        first.wait()
        # Every process that was started holds the other end, until it ends.
        until = time.monotonic() + ENDS
        while said(stream, until):
            pass
