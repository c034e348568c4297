"""The notebooks run, each from its first cell to its last, and are kept without what they printed."""

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the group dev is not installed")
nbclient = pytest.importorskip("nbclient", reason="the group dev is not installed")

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples" / "notebooks").glob("*.ipynb"))
SECONDS = 300
"""The most that a cell may take. The five take 9, 18, 88, 30 to 70 and 24 s of a processor, of which there are two."""
MOST_BYTES = 10_000
NEEDS = {"3-learn-your-own-synth": Path("/usr/lib/vst/amsynth_vst.so")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_small_and_clean(path):
    assert path.stat().st_size < MOST_BYTES
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, hub, monkeypatch):
    if not NEEDS.get(path.stem, path).exists():
        pytest.skip(f"needs {NEEDS[path.stem]}")
    if hub.server is None:
        pytest.skip("the names on the Hub that it chooses are made on our own")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(path.parents[2]), os.environ.get("PYTHONPATH", "")]))
    folder = tmp_path / "reader"
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    told = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert told
    assert [output for output in told if output.output_type == "error"] == []
