"""Compiled kernels are unpickled: only from a folder that nobody else could have written to."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf import compiling

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes are POSIX's")

TOY = """
import numpy as np
from secret_sauce_hf.compiling import kernel

@kernel()
def total(values):
    return values.sum()
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


def summed(cache: Path, before: str = "", *, check: bool = True) -> subprocess.CompletedProcess:
    (cache.parent / "toy.py").write_text(TOY)
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(cache.parent)}
    command = [sys.executable, "-c", f"{before}\nimport toy\nprint(toy.total(toy.np.arange(4.0)))"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=check)


TRAP = """
import pickle
from secret_sauce_hf import compiling
class Bomb:
    def __reduce__(self):
        return open, ({path!r}, "w")
compiling.serialize.dumps = lambda _: pickle.dumps(Bomb())
"""


def test_a_cache_that_others_can_write_to_runs_nothing(tmp_path):
    cache, mark = tmp_path / "cache", tmp_path / "it-ran"
    first = summed(cache, TRAP.format(path=str(mark)))
    assert not first.stderr
    (folder,) = cache.glob("secret_sauce_hf/kernels-*")
    folder.chmod(0o777)
    again = summed(cache)
    assert again.stdout == first.stdout
    assert "others can write to it: compiled kernels are not loaded from" in again.stderr
    assert not mark.exists()
    # The trap works: closed again, it is the owner's own folder.
    folder.chmod(0o700)
    summed(cache, check=False)
    assert mark.exists()


# What is damaged, and a disk that is full


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty folder for the kernels that a test compiles."""
    compiling._warn_once.cache_clear()
    monkeypatch.setattr(compiling, "_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(compiling, "_has_private_cache", lambda: True)
    return tmp_path


def twice(values):
    total = 0.0
    for value in values:
        total += 2 * value
    return total


def thrice(values):
    total = 0.0
    for value in values:
        total += 3 * value
    return total


VALUES = np.arange(4.0)


def run(function=twice) -> tuple[float, int]:
    """What a kernel answers in a process that begins, and how many of its signatures were kept."""
    compiled = compiling.kernel()(function)
    return compiled(VALUES), sum(compiled.stats.cache_hits.values())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # In the machine code, which is the most of it.
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "one bit": flip,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "something else": lambda path: path.write_bytes(b"<html>no such page</html>" * 100),
    "a pickle": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_compiled_anew_and_kept_again(cache, damage):
    assert [run(), run()] == [(12.0, 0), (12.0, 1)]
    (kept,) = cache.iterdir()
    DAMAGES[damage](kept)
    assert [run(), run()] == [(12.0, 0), (12.0, 1)]
    assert list(cache.iterdir()) == [kept]


def test_the_code_of_another_kernel_is_not_run(cache):
    run(twice)
    (kept,) = cache.iterdir()
    run(thrice)
    (other,) = set(cache.iterdir()) - {kept}
    kept.write_bytes(other.read_bytes())
    assert run(twice) == (12.0, 0)


def test_a_place_that_cannot_be_written_to_costs_time_only(cache, caplog):
    run()
    (kept,) = cache.iterdir()
    to_folder(kept)
    assert [run(), run()] == [(12.0, 0), (12.0, 0)]
    (said,) = caplog.messages
    assert said.startswith(f"{cache} cannot be written to (Is a directory): kernels are compiled anew")
    assert list(cache.iterdir()) == [kept]


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_full_disk_is_told_of_the_cache_and_costs_time_only(tmp_path):
    # No file may grow beyond a kilobyte, as on a disk without room.
    script = """
import resource, signal
from secret_sauce_hf.compiling import kernel
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
print(kernel()(lambda x: -x)(-1), kernel()(lambda x: 2 * x)(3))
"""
    command = [sys.executable, "-c", script]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "1 6\n"
    (folder,) = tmp_path.glob("secret_sauce_hf/kernels-*")
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"{folder} cannot be written to (File too large)") and "XDG_CACHE_HOME" in said
    assert not list(folder.iterdir())


def test_files_that_come_and_go_while_a_cache_is_looked_at(folder, monkeypatch):
    monkeypatch.setattr(compiling, "_everything", lambda folder: iter([folder, folder / "just renamed"]))
    assert compiling._first_not_ours(folder) is None
