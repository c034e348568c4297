"""Recordings whose names and forms are those of other programs: found, read, or the near miss is named."""

import io
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from secret_sauce_hf.data import collect_recordings, load_takes
from secret_sauce_hf.data.columns import features
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
TAKE = np.rint(9_000 * np.sin(np.arange(LIGHT.samples) / 9)).astype(np.int16)


def without_length() -> bytes:
    content = bytearray(encode(TAKE, "FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content)


def unfinished() -> bytes:
    content = bytearray(encode(TAKE, "WAV"))
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = bytes(4)
    return bytes(content)


def collected(tmp_path: Path, names: list[str], files: dict[str, bytes]) -> np.ndarray:
    """The takes of a dataset of these files, whose table has these names."""
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name, content in files.items():
        (sounds / name).write_bytes(content)
    drawn = draw_presets(LIGHT, len(names), 1)
    table = io.StringIO()
    Presets(LIGHT, drawn.unit, names).to_csv(table)
    table.seek(0)
    done = collect_recordings(LIGHT, table, sounds, tmp_path / "takes", test_share=0, progress=False)
    return load_takes(done.folder).sounds


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_the_other_unicode_form(tmp_path: Path, form):
    names = [unicodedata.normalize(form, name) for name in ("Café.wav", "señor über.wav")]
    other = "NFD" if form == "NFC" else "NFC"
    files = {unicodedata.normalize(other, name): encode(TAKE, "WAV") for name in names}
    assert np.array_equal(collected(tmp_path, names, files), np.stack([TAKE / np.float32(32_768)] * 2))


@pytest.mark.parametrize("name", ["S0.WAV", "s0.Wav", "É.wav"])
def test_a_name_in_another_case_is_named(tmp_path: Path, name: str):
    with pytest.raises(InputError, match=rf"1 of 1 recordings are not in .*: {name} \(but {name.lower()}\); add them"):
        collected(tmp_path, [name], {name.lower(): encode(TAKE, "WAV")})
    assert not (tmp_path / "takes").exists()


@pytest.mark.parametrize("content", [without_length(), unfinished()], ids=["flac", "wav"])
def test_files_whose_length_was_never_written(tmp_path: Path, content: bytes):
    expected = TAKE / np.float32(32_768)
    # A name that ends otherwise, too: the content counts.
    assert np.array_equal(collected(tmp_path, ["a.raw"], {"a.raw": content}), expected[None])


def test_a_dataset_with_such_files(tmp_path: Path):
    made = collected(tmp_path, ["a.wav"], {"a.wav": encode(TAKE, "WAV")})
    schema = features(LIGHT)
    (row,) = pq.read_table(next((tmp_path / "takes" / "data").iterdir())).to_pylist()
    for content in (without_length(), unfinished()):
        again = Dataset.from_list([row | {"audio": {"bytes": content, "path": None}}], features=schema)
        assert np.array_equal(load_takes(again).sounds, made)


@pytest.mark.parametrize("content", [b"", b"no sound", TAKE.tobytes()])
def test_what_is_no_sound_is_one_line(tmp_path: Path, content: bytes):
    with pytest.raises(InputError, match=r"row 0: a.raw: .*(convert it to WAV|no samples)") as caught:
        collected(tmp_path, ["a.raw"], {"a.raw": content})
    assert "\n" not in str(caught.value) and "object at 0x" not in str(caught.value)
