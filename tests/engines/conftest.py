"""Plug-ins to test the engine for plug-ins with."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "fixtures" / "plugin_source" / "toy.c"


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VST2 plug-in with every fault that one may have (see its source); without a compiler the test is skipped."""
    pytest.importorskip("dawdreamer")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    path = tmp_path_factory.mktemp("plugin") / "toy.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, SOURCE, "-lm"], check=True)
    return path


@pytest.fixture
def toy(toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where nothing is known of it from before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TOY_PLUGIN", raising=False)
    return toy_file
