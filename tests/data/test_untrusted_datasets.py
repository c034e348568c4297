"""A dataset's folder comes from elsewhere: nothing that it says names code, or a file of this machine."""

import json

import pytest

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.instruments import InputError

PROGRAM = """
from secret_sauce_hf.instruments import Collection, Instrument, Knob, Timing
open({mark!r}, "w").close()
COLLECTION = Collection("box", "box", Instrument("box", "Box", (Knob("level", (7,)),)), ("level",), 5, 4,
                        Timing(0.1, 1.0, (0.0, 1.0)), "Box")
"""
RECORD = {"start": 0, "stop": 10, "seed": 1, "in_session": False, "rows_per_shard": 10, "heard_threshold": None}


@pytest.fixture(params=["relative", "absolute", "parent", "declaration", "list", "link"])
def folder(request, tmp_path, monkeypatch):
    """A folder that says it is a build of what a file of it declares."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "theirs"
    (folder / "data").mkdir(parents=True)
    program = folder / "evil.py"
    program.write_text(PROGRAM.format(mark=str(tmp_path / "it-ran")))
    (folder / "evil.json").write_text('{"name": "box", "parameters": [{"kind": "knob", "name": "level"}]}')
    (tmp_path / "evil.py").write_text(program.read_text())
    (folder / "light").symlink_to(program)
    names = {
        "relative": "evil.py",
        "absolute": str(program),
        "parent": "theirs/../evil.py",
        "declaration": str(folder / "evil.json"),
        "list": [str(program)],
        "link": "theirs/light",
    }
    (folder / ".build.json").write_text(json.dumps(RECORD | {"collection": names[request.param]}))
    return folder


def test_a_record_of_a_build_names_no_file(folder, tmp_path):
    with pytest.raises(InputError, match=r"is not a build of this version: .*is no collection of this package"):
        finished_plan(folder)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("command", ["evaluate", "benchmark", "sheet", "publish", "train", "collections"])
def test_no_command_runs_what_a_folder_names(command, folder, tmp_path, capsys):
    arguments = {
        "evaluate": ["evaluate", "noisemaker-light", "--data", str(folder)],
        "benchmark": ["benchmark", "noisemaker-light", "--data", str(folder), "--rows", "1", "--seconds", "1"],
        "sheet": ["sheet", "--data", str(folder), "--out", str(tmp_path / "sheet.png")],
        "publish": ["publish", "dataset", "noisemaker-light", "--from", str(folder), "--repo", "me/x", "--dry-run"],
        "train": ["train", "noisemaker-light", "--data", str(folder), "--out", str(tmp_path / "model")],
        "collections": ["collections", "--in", str(tmp_path)],
    }
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments[command])
    # The last line; training shows a progress bar before.
    assert "Traceback" not in capsys.readouterr().err
    assert stop.value.code == (0 if command == "collections" else 2)
    assert not (tmp_path / "it-ran").exists()
