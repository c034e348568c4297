"""Plug-ins to test the engine for plug-ins with."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "fixtures" / "plugin_source"


def compiled(name: str, path: Path) -> None:
    """A source as a shared library; without a compiler the test is skipped."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, and Linux")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, SOURCES / name, "-lm"], check=True)


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VST2 plug-in with every fault that one may have (see its source)."""
    pytest.importorskip("dawdreamer")
    path = tmp_path_factory.mktemp("plugin") / "toy.so"
    compiled("toy.c", path)
    return path


@pytest.fixture(scope="session")
def toy3_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VST3 plug-in that does what it shall."""
    path = tmp_path_factory.mktemp("plugin") / "Toy.vst3"
    program = path / "Contents" / f"{platform.machine()}-linux" / "Toy.so"
    program.parent.mkdir(parents=True)
    compiled("toy3.c", program)
    return path


@pytest.fixture
def toy(toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where nothing is known of it from before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TOY_PLUGIN", raising=False)
    return toy_file
