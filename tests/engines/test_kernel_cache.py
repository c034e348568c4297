"""Compiled kernels are unpickled: only from a folder that nobody else could have written to."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from secret_sauce_hf import compiling

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes are POSIX's")

RENDER = """
import numpy as np
from secret_sauce_hf.engines import render
from secret_sauce_hf.presets import draw_presets
print(int(np.abs(render(draw_presets("guitar", 2, 1), noise_seed=1).astype(int)).sum()))
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A cache as it should be, with a file in it."""
    tmp_path.chmod(0o700)
    folder = tmp_path / "home" / "kernels"
    (folder / "room").mkdir(parents=True)
    (folder / "room" / "kernel.nbi").write_bytes(b"")
    for path in (folder.parent, folder, folder / "room"):
        path.chmod(0o755)
    return folder


def test_a_cache_of_ones_own_is_used(folder):
    assert compiling._first_not_ours(folder) is None
    folder.chmod(0o700)
    # Nobody else gets to what lies in a closed folder, whatever the umask was.
    (folder / "room").chmod(0o777)
    (folder / "room" / "kernel.nbi").chmod(0o666)
    assert compiling._first_not_ours(folder) is None


def test_a_sticky_folder_on_the_way_does_no_harm(folder):
    folder.parent.chmod(0o1777)
    assert compiling._first_not_ours(folder) is None


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777])
@pytest.mark.parametrize("where", [".", "..", "room", "room/kernel.nbi"])
def test_what_others_can_write_to_is_refused(folder, where, mode):
    if mode == 0o1777 and where == "..":
        pytest.skip("a sticky folder on the way does no harm")
    path = (folder / where).resolve()
    path.chmod(mode)
    assert compiling._first_not_ours(folder) == path


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("where", [".", "..", "room", "room/kernel.nbi"])
def test_what_is_somebody_elses_is_refused(folder, where):
    path = (folder / where).resolve()
    os.chown(path, 12_345, 12_345)
    assert compiling._first_not_ours(folder) == path


def test_links_are_refused(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere.nbi"
    elsewhere.write_bytes(b"")
    (folder / "room" / "link.nbi").symlink_to(elsewhere)
    assert compiling._first_not_ours(folder) == folder / "room" / "link.nbi"


def test_a_folder_behind_a_link_is_looked_at(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder.parent)
    assert compiling._first_not_ours(link / "kernels") is None
    folder.parent.chmod(0o777)
    assert compiling._first_not_ours(link / "kernels") == folder.parent


def rendered(cache: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    return subprocess.run([sys.executable, "-c", RENDER], capture_output=True, text=True, env=environment, check=True)


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_cache_that_others_can_write_to_runs_nothing(tmp_path):
    cache, mark = tmp_path / "cache", tmp_path / "it-ran"
    first = rendered(cache)
    assert not first.stderr
    indices = list(cache.glob("secret_sauce_hf/kernels-*/**/*.nbi"))
    assert indices
    for index in indices:
        # As Numba writes one: its version, then what it unpickles.
        index.write_bytes(pickle.dumps(numba.__version__) + pickle.dumps(Bomb(mark)))
    (folder,) = cache.glob("secret_sauce_hf/kernels-*")
    folder.chmod(0o777)
    again = rendered(cache)
    assert again.stdout == first.stdout
    assert "others can write to it: compiled kernels are not loaded from" in again.stderr
    assert not mark.exists()
    # The trap works: closed again, it is the owner's own folder.
    folder.chmod(0o700)
    subprocess.run(
        [sys.executable, "-c", RENDER],
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        check=False,
    )
    assert mark.exists()
