"""`secret-sauce export`: what goes wrong is one line, and nothing is left behind."""

import sys

import pytest

from secret_sauce_hf.browser import RUNTIME_VERSION


def test_a_group_of_two(run):
    code, out, _ = run("export")
    assert code == 0 and "onnx" in out and "page" in out


@pytest.mark.parametrize("command", ["onnx", "page"])
def test_no_such_model(run, tmp_path, command):
    code, _, error = run("export", command, "nowhere", "--out", "out")
    assert code == 2 and error == (
        "secret-sauce: No such checkpoint folder: nowhere; give a folder, or ORG/NAME of a model on the Hub.\n"
    )
    assert not (tmp_path / "out").exists()


def test_no_checkpoint_ships(run, tmp_path):
    pytest.importorskip("onnxruntime")
    code, _, error = run("export", "onnx", "dx7", "--out", "out")
    assert code == 2 and error.startswith("secret-sauce: No checkpoint ships for dx7;")
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_folder_should_be(run, tmp_path):
    (tmp_path / "out").write_text("mine")
    code, _, error = run("export", "onnx", "guitar", "--out", "out")
    assert code == 2 and "out is a file; give a folder for the two files to go to" in error
    assert (tmp_path / "out").read_text() == "mine"


def test_a_checkpoint_is_not_written_into(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.json").write_text("{}")
    code, _, error = run("export", "onnx", "mine", "--out", "mine")
    assert code == 2 and "mine.json would be overwritten by mine/mine.json; choose another folder" in error


def test_what_is_not_installed_is_named_with_its_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    code, _, error = run("export", "onnx", "guitar", "--out", "out")
    assert code == 2 and error == "secret-sauce: This needs onnxscript: install secret_sauce_hf[onnx].\n"


def test_one_model_twice(run):
    code, _, error = run("export", "page", "guitar", "guitar", "--out", "out")
    assert code == 2 and "Two models are called guitar" in error


def test_a_runtime_that_is_none(run, tmp_path):
    code, _, error = run("export", "page", "guitar", "--out", "out", "--runtime", ".")
    assert code == 2 and f"npm pack onnxruntime-web@{RUNTIME_VERSION}" in error
    assert not (tmp_path / "out").exists()
