"""A dataset's folder comes from elsewhere: nothing that it says names code, or a file of this machine."""

import json

import pytest

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data import load_takes
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.card_facts import split_files
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


@pytest.mark.parametrize(
    "files",
    [
        "{outside}",
        "../outside.csv",
        "data/../../outside.csv",
        "http://127.0.0.1:1/x.csv",
        "zip://x.csv::http://127.0.0.1:1/x.zip",
        "~/x.csv",
        "[{{split: train, path: ['*.csv', '{outside}']}}]",
    ],
)
@pytest.mark.parametrize("name", ["README.md", ".huggingface.yaml"])
def test_a_card_names_no_files_elsewhere(files, name, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "train.csv").write_text("a\n1\n")
    (tmp_path / "outside.csv").write_text("a\n2\n")
    told = f"configs:\n- config_name: default\n  data_files: {files.format(outside=tmp_path / 'outside.csv')}\n"
    (folder / name).write_text(f"---\n{told}---\n" if name == "README.md" else told)
    with pytest.raises(InputError, match=r"names the files .*, which do not lie in the folder; do not use it"):
        load_takes(folder)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("a: &a [x]\nb: *a", "it has an alias: write out"),
        ("a: [", "cannot be read"),
        ("a: " + "x" * 2**17, "has 131,075 characters of YAML"),
        ("[" * 100_000, "cannot be read"),
        ("a: " + "x" * 2**20, "larger than 1 MB"),
        ("a: \xff", "cannot be read"),
    ],
    ids=["alias", "broken", "long", "deep", "large", "no text"],
)
def test_cards_that_cannot_be_read(told, message, tmp_path):
    (tmp_path / "train.csv").write_text("a\n1\n")
    (tmp_path / "README.md").write_bytes(f"---\n{told}\n---\n".encode("latin-1"))
    with pytest.raises(InputError, match=message) as caught:
        load_takes(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["data/train-00000-of-00001.parquet", "train.parquet"])
def test_links_lead_out_of_no_folder(place, tmp_path):
    (tmp_path / "secret.parquet").write_bytes(b"PAR1")
    for folder in ("theirs", "datasets--a--b/snapshots/abc"):
        path = tmp_path / folder / place
        path.parent.mkdir(parents=True)
        path.symlink_to(tmp_path / "secret.parquet")
        with pytest.raises(InputError, match="is a link that leads out of"):
            load_takes(tmp_path / folder)
        with pytest.raises(InputError, match="is a link that leads out of"):
            split_files(tmp_path / folder)
    # As the Hub's client keeps what it has fetched.
    blob = tmp_path / "datasets--a--b" / "blobs" / "1234"
    blob.parent.mkdir()
    blob.write_bytes(b"PAR1")
    path.unlink()
    path.symlink_to(blob)
    assert split_files(tmp_path / folder) == {"train": [path]}
