"""Where files go: through links and into pipes, never over an input, and refused before the work."""

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from secret_sauce_hf.files import fitting, temporary, write_whole
from secret_sauce_hf.instruments import InputError, get_collection, write_declaration
from secret_sauce_hf.midi import read_midi_file, write_midi_file
from secret_sauce_hf.original.session import collection_track
from secret_sauce_hf.outputs import check_file, check_folder, check_free, expanded, near_miss, same_text
from secret_sauce_hf.presets import draw_presets

LONGEST = "x" * 251 + ".mid"


@pytest.fixture(scope="module")
def track():
    return collection_track(draw_presets("guitar-tiny", 2, 1))


def test_links_are_written_through(tmp_path: Path, track):
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "real.mid"
    target.write_bytes(b"old")
    target.chmod(0o600)
    (tmp_path / "one.mid").symlink_to("far/real.mid")
    (tmp_path / "two.mid").symlink_to("one.mid")
    (tmp_path / "new.mid").symlink_to("far/new.mid")
    for name in ("two.mid", "new.mid"):
        write_midi_file(track, tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert read_midi_file(target) == read_midi_file(tmp_path / "far" / "new.mid")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    declared = tmp_path / "declared.json"
    declared.symlink_to("far/declared.json")
    write_declaration(get_collection("guitar-tiny"), declared)
    assert declared.is_symlink()
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["declared.json", "new.mid", "real.mid"]


def test_pipes_devices_and_descriptors_are_written_into(tmp_path: Path, track):
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_midi_file(track, pipe)
    reader.join()
    assert got[0].startswith(b"MThd")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_midi_file(track, os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    with (tmp_path / "shell").open("wb") as file:
        file.write(b"before")
        file.flush()
        (tmp_path / "link.mid").symlink_to(f"/dev/fd/{file.fileno()}")
        before = os.fstat(file.fileno()).st_ino
        write_midi_file(track, tmp_path / "link.mid")
    assert (tmp_path / "shell").stat().st_ino == before
    assert b"MThd" in (tmp_path / "shell").read_bytes()


@pytest.mark.parametrize("name", [LONGEST, "ж" * 125 + ".json", "\udcff" * 255])
def test_names_at_the_limit(tmp_path: Path, name: str):
    write_whole(tmp_path / name, b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(os.fsencode(temporary(tmp_path / name, ".mark").name)) <= 255
    assert temporary(tmp_path / name) == temporary(tmp_path / name) != temporary(tmp_path / f"{name[:-1]}y")
    assert len(os.fsencode(fitting(name, "-match"))) <= 255


def test_no_input_is_overwritten(tmp_path: Path):
    sound = tmp_path / "bass.wav"
    sound.write_bytes(b"mine")
    (tmp_path / "hard.wav").hardlink_to(sound)
    (tmp_path / "soft.wav").symlink_to("bass.wav")
    (tmp_path / "here").symlink_to(".")
    for folder, name in (("", "bass.wav"), ("here", "bass.wav"), ("", "hard.wav"), ("", "soft.wav"), ("here/..", None)):
        place = tmp_path / folder
        names = [name] if name else [f"{tmp_path.name}/bass.wav"]
        with pytest.raises(InputError, match=r"bass.wav would be overwritten by .*; choose another folder"):
            check_folder(place, names, inputs=[sound])
        with pytest.raises(InputError, match="would be overwritten"):
            check_file(place / names[0], inputs=[sound])
    assert check_folder(tmp_path, ["other.wav"], inputs=[sound, tmp_path / "gone"]) == tmp_path
    with pytest.raises(InputError, match=r"bass.wav and hard.wav|bass.wav, hard.wav are in .* already"):
        check_free(tmp_path, ["bass.wav", "hard.wav", "new.wav"], "choose")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("file", "is a file; give a folder for the sounds to go to"),
        ("file/below/that", "file is a file; choose another folder"),
        ("nowhere", "is a link that leads nowhere"),
        ("x" * 256, "a name in it is too long"),
        ("/proc/here", "cannot be written to"),
        ("a\0b", "cannot be written to"),
    ],
)
def test_a_folder_that_cannot_be_written_to(tmp_path: Path, folder: str, message: str, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("nowhere").symlink_to("gone")
    with pytest.raises(InputError, match=message) as caught:
        check_folder(folder, what="the sounds")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "nowhere"]


@pytest.mark.parametrize("name", ["folder", "gone/a.mid", "link.mid", "x" * 252 + ".mid", "a\0b", "/proc/a.mid"])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str, track):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.mid").symlink_to("gone/a.mid")
    with pytest.raises(InputError, match="cannot be written") as caught:
        write_midi_file(track, tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_is_not_made_yet(tmp_path: Path):
    assert check_folder(tmp_path / "a" / "b", ["c.wav"]) == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "c.wav").mkdir()
    with pytest.raises(InputError, match="it is a folder; choose another"):
        check_folder(tmp_path, ["c.wav"])


@pytest.mark.skipif(sys.platform == "darwin", reason="there these names are the same file's")
def test_names_in_another_unicode_form_or_case(tmp_path: Path, monkeypatch):
    (tmp_path / "Cafe\u0301.wav").touch()
    assert same_text(tmp_path / "Caf\u00e9.wav").name == "Cafe\u0301.wav"
    assert same_text(tmp_path / "caf\u00e9.wav").name == "caf\u00e9.wav"
    assert near_miss(tmp_path / "caf\u00e9.WAV") == tmp_path / "Cafe\u0301.wav"
    assert near_miss(tmp_path / "other.wav") is near_miss(tmp_path / "gone" / "a.wav") is None
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert expanded("~nobody-of-that-name/a") == Path("~nobody-of-that-name/a")
