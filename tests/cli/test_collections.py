"""`secret-sauce collections` beside whatever lies in a folder."""

import json
import os
from pathlib import Path

import pytest

from secret_sauce_hf import cli

BUILD = {"collection": "noisemaker", "start": 0, "stop": 8, "seed": 1}
CONFIG = {"model_type": "secret-sauce", "collection": "noisemaker"}


def listed(folder: Path, capsys) -> str:
    with pytest.raises(SystemExit) as stop:
        cli.main(["collections", "--in", str(folder)])
    assert stop.value.code in (0, None)
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.partition("here")[2]


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, file, record in (("good", ".build.json", BUILD), ("mine", "config.json", CONFIG)):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(json.dumps(record))
    (tmp_path / "odd").mkdir()
    return tmp_path


def assert_only_the_good(folder: Path, capsys) -> None:
    here = listed(folder, capsys)
    assert "8 rows of seed 1, not finished" in here
    assert "checkpoint, not evaluated" in here
    assert "odd" not in here


@pytest.mark.parametrize("name", [".build.json", "config.json"])
@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "[]", "1" * 5_000, "\x00", '{"model_type": [], "collection": {}}', " " * 2**25],
    ids=["deep list", "deep mapping", "list", "number", "zero", "other values", "large"],
)
def test_files_that_are_no_records(folder, name, text, capsys):
    (folder / "odd" / name).write_text(text)
    assert_only_the_good(folder, capsys)


@pytest.mark.parametrize("name", [".build.json", "config.json"])
@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to(path)]
)
def test_what_is_no_file(folder, name, make, capsys):
    make(folder / "odd" / name)
    assert_only_the_good(folder, capsys)


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": "8"},
        {"stop": 1.5},
        {"stop": 10**400},
        {"seed": None, "stop": None},
        {"collection": ["a"]},
        {"start": {}},
    ],
    ids=str,
)
def test_builds_of_other_values(folder, changes, capsys):
    (folder / "odd" / ".build.json").write_text(json.dumps(BUILD | changes))
    assert_only_the_good(folder, capsys)
