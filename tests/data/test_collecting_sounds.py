import io

import numpy as np
import pytest
import soundfile

from secret_sauce_hf.data import session_start, sounds, write_sounds
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = "noisemaker-light"


def test_sounds_of_a_part_of_the_session(tmp_path, monkeypatch):
    monkeypatch.setattr(sounds, "ROWS_AT_ONCE", 5)
    presets = original_presets(LIGHT, 788, 800)
    out = write_sounds(presets, tmp_path / "deep" / "out", in_session=True, progress=False)
    assert sorted(path.name for path in out.iterdir()) == sorted(presets.files)
    whole = render(original_presets(LIGHT, 780, 800), in_session=True, first_row=780)[8:]
    for name, expected in zip(presets.files, whole, strict=True):
        take, rate = soundfile.read(out / name, dtype="int16")
        assert rate == 22_050 and soundfile.info(out / name).subtype == "PCM_16"
        assert np.array_equal(take, expected)


def test_sounds_from_silence(tmp_path):
    presets = original_presets(LIGHT, 40, 44)
    out = write_sounds(presets, tmp_path, noise_seed=9, progress=False)
    for name, take in zip(presets.files, render(presets, noise_seed=9, first_row=40), strict=True):
        assert (out / name).read_bytes() == encode(take, "WAV")


def test_sounds_after_a_given_row(tmp_path):
    presets, before = draw_presets(LIGHT, 3, seed=4), draw_presets(LIGHT, 1, seed=5)
    out = write_sounds(presets, tmp_path, in_session=True, preceding=before, progress=False)
    for name, take in zip(presets.files, render(presets, in_session=True, preceding=before), strict=True):
        assert (out / name).read_bytes() == encode(take, "WAV")


def test_where_a_session_starts():
    rows = original_presets("noisemaker", 7, 10)
    preceding, first_row = session_start(rows)
    assert first_row == 7
    assert preceding == original_presets("noisemaker", 6, 7)
    assert session_start(original_presets("noisemaker", 0, 2)) == (None, 0)
    assert session_start(original_presets("noisemaker", 5, 5)) == (None, 0)
    # The name of a row of 2018 with other settings; a number beyond 2018; a name without number.
    assert session_start(Presets("noisemaker", rows.unit[1:], ["s7.wav", "s8.wav"])) == (None, 7)
    assert session_start(draw_presets("noisemaker", 1, seed=0, start=10_000)) == (None, 10_000)
    assert session_start(Presets("noisemaker", rows.unit, ["a.wav", "b.wav", "c.wav"])) == (None, 0)


def test_a_table_of_2018_starts_where_its_first_row_says():
    table = io.StringIO()
    original_presets("noisemaker", 7, 9).to_csv(table)
    table.seek(0)
    preceding, first_row = session_start(Presets.from_csv("noisemaker", table))
    assert first_row == 7 and preceding == original_presets("noisemaker", 6, 7)


@pytest.mark.parametrize(
    "files, message",
    [
        ([], "has no rows"),
        (["a.wav", "b.wav", "a.wav"], "row 2, column file: 'a.wav' is also the file of row 0"),
        (["a.wav", "A.WAV"], "row 1, column file: 'A.WAV' is also the file of row 0"),
        (["a.mp3"], "row 0, column file: 'a.mp3' must end in .wav"),
    ],
)
def test_bad_file_names(files, message, tmp_path):
    presets = Presets(LIGHT, draw_presets(LIGHT, len(files), seed=0).unit, files)
    with pytest.raises(InputError, match=message):
        write_sounds(presets, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_sounds_into_a_file(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is a file; give a folder"):
        write_sounds(original_presets(LIGHT, 0, 1), tmp_path / "out", progress=False)


@pytest.mark.usefixtures("no_engines")
def test_sounds_without_an_engine(tmp_path):
    with pytest.raises(InputError, match="No engine renders"):
        write_sounds(original_presets(LIGHT, 0, 2), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
