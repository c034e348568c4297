"""The sound sheet: what stands on it, that nothing overlaps, and that its bytes are repeatable."""

import json
import shutil

import numpy as np
import pytest
from datasets import Dataset, load_dataset
from PIL import Image

from secret_sauce_hf.data import build_collection, features, gathering
from secret_sauce_hf.data.shards import takes_table
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.engines.noisemaker.engine import NoiseMaker
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.plots import sheet as module
from secret_sauce_hf.plots.sheet import sound_sheet, write_sheet
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = "noisemaker-light"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_collection(LIGHT, tmp_path_factory.mktemp("built") / "light", seed=4, count=20, progress=False)


def dataset(presets: Presets, silent: bool = False) -> Dataset:
    """Takes that need no engine: tones in noise, levels and pitches by the row."""
    generator = np.random.default_rng(0)
    time = np.arange(presets.collection.samples) / 22_050
    sounds = []
    for row in range(len(presets)):
        tone = np.sin(2 * np.pi * 60 * (1 + row % 40) * time) * 10 ** -(row % 5)
        sound = 0.9 * tone + generator.normal(0, 1e-3, len(time))
        sounds.append(np.zeros(len(time), np.int16) if silent else (32_000 * sound).astype(np.int16))
    types = features(presets.collection, notes=not presets.play_constant)
    return Dataset(takes_table(presets, [encode(sound, "FLAC") for sound in sounds], types.arrow_schema))


def texts(figure) -> list[str]:
    """Every text that is not empty, those of the axes included."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def overlaps(figure) -> list[tuple[str, str]]:
    """Pairs of captions and titles that cover each other, and those that leave the picture."""
    figure.draw_without_rendering()
    titles = [title for axes in figure.axes for title in (axes.title, axes._left_title, axes._right_title)]
    shown = [text for text in [*figure.texts, *titles] if text.get_text()]
    boxes = np.array([text.get_window_extent().extents for text in shown])
    left, bottom, right, top = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    along = np.minimum(top[:, None], top) - np.maximum(bottom[:, None], bottom)
    # Lines of text may touch by a pixel: the boxes hold room for letters that hang lower.
    pairs = np.argwhere(np.triu((across > 1) & (along > 2), 1))
    width, height = figure.bbox.width, figure.bbox.height
    outside = (left < 0) | (bottom < 0) | (right > width) | (top > height)
    return [(shown[one].get_text(), shown[other].get_text()) for one, other in pairs] + [
        (text.get_text(), "the edge") for text, out in zip(shown, outside, strict=True) if out
    ]


# From the engine


def test_a_sheet_of_the_rows_of_2018():
    figure = sound_sheet(LIGHT, rows=40, tiles=6, progress=False)
    said = texts(figure)
    assert any(text.startswith("noisemaker-light: TAL-NoiseMaker") for text in said)
    assert any(text.startswith("48 of the 1,000 rows of 2018, in session; engine noisemaker ") for text in said)
    # Runs of 16 rows, evenly spread, and six takes evenly among them.
    shown = [int(text.removeprefix("row ")) for text in said if text.startswith("row ")]
    assert len(shown) == 6 and shown[0] == 0 and shown == sorted(shown) and shown[-1] > 666
    assert set(get_collection(LIGHT).columns) <= set(said)
    first = next(original_presets(LIGHT, 0, 1).rows())
    assert any(text.startswith(f"osc2_wave {first['osc2_wave']}") for text in said)
    for title in ("Level", "Level over time", "Silent and limited takes", "dBFS", "spectral centroid, Hz", "seconds"):
        assert title in said
    assert not overlaps(figure)


def test_tiles_show_what_the_session_plays(monkeypatch):
    played = []
    plain = NoiseMaker.render

    def spy(engine, presets, **options):
        played.append((presets.files[0], len(presets), options))
        return plain(engine, presets, **options)

    monkeypatch.setattr(NoiseMaker, "render", spy)
    sound_sheet(LIGHT, rows=32, tiles=2, progress=False)
    (first, count, alone), (later, _, after) = sorted(played, key=lambda call: call[2]["first_row"])
    assert (first, count, alone["preceding"]) == ("s0.wav", 16, None)
    assert later == f"s{after['first_row']}.wav" == "s500.wav"
    assert after["preceding"] == original_presets(LIGHT, 499, 500)
    assert after["in_session"] and after["noise_seed"] is None


def test_fresh_rows(tmp_path):
    path = write_sheet(tmp_path / "sheet.png", LIGHT, seed=9, rows=9, tiles=2, progress=False)
    again = write_sheet(tmp_path / "again.PNG", LIGHT, seed=9, rows=9, tiles=2, progress=False)
    assert path.read_bytes() == again.read_bytes()
    with Image.open(path) as image:
        assert image.format == "PNG" and image.size[0] == 2200 and 600 < image.size[1] < 1200
        assert "Software" not in image.info
        pixels = np.asarray(image.convert("L"))
    assert pixels.min() < 50 and pixels.max() == 255
    assert "9 fresh rows of seed 9, from silence" in " ".join(
        texts(sound_sheet(LIGHT, seed=9, rows=9, tiles=1, progress=False))
    )


@pytest.mark.parametrize(
    "count, rows, expected",
    [
        (1000, 32, [(0, 16), (500, 516)]),
        (32, 608, [(0, 16), (16, 32)]),
        (40, 40, [(0, 13), (13, 26), (26, 40)]),
        (10, 3, [(0, 3)]),
        (1, 5, [(0, 1)]),
    ],
)
def test_runs(count, rows, expected):
    assert gathering._runs(count, rows) == expected


# From data


def test_a_folder(built):
    figure = sound_sheet(data=built, tiles=4, progress=False)
    said = texts(figure)
    assert any(text.startswith("20 rows as built (seed 4, from silence); engine noisemaker") for text in said)
    assert [text for text in said if text.startswith("row ")] == ["row 0", "row 6", "row 12", "row 18"]
    test_rows = texts(sound_sheet(data=built, split="test", tiles=4, progress=False))
    assert any(text.startswith("4 test rows as built") for text in test_rows)
    assert "row 16" in test_rows
    assert not overlaps(figure)


def test_a_folder_looks_like_what_it_was_rendered_from(built):
    rendered = sound_sheet(LIGHT, seed=4, rows=20, tiles=4, progress=False)
    read = sound_sheet(data=built, tiles=4, progress=False)

    def images(figure):
        return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]

    assert len(images(read)) == 4
    assert all(np.array_equal(one, other) for one, other in zip(images(rendered), images(read), strict=True))


def test_a_folder_whose_record_is_gone_or_odd(built, tmp_path):
    for record in (None, "no JSON", json.dumps([1]), json.dumps({"seed": 1})):
        folder = tmp_path / "data set"
        folder.mkdir(exist_ok=True)
        if not (folder / "data").exists():
            shutil.copytree(built / "data", folder / "data")
        if record is not None:
            (folder / ".build.json").write_text(record)
        said = texts(sound_sheet(data=folder, tiles=1, progress=False))
        assert any(text.startswith("20 rows of the folder data set; 1 shown") for text in said)


@pytest.mark.parametrize("name, tiles", [("subphatty", 48), ("guitar", 20), ("guitar-tiny", 8), ("noisemaker", 9)])
def test_every_collection_fits(name, tiles, tmp_path, monkeypatch):
    presets = draw_presets(name, tiles, seed=2)
    figure = sound_sheet(data=dataset(presets), collection=name, tiles=tiles, progress=False)
    said = texts(figure)
    assert len([text for text in said if text.startswith("row ")]) == tiles
    assert set(presets.collection.columns) <= set(said)
    assert not overlaps(figure)
    # Only what is heard is told of a take, switches by the name that is shown.
    for parameter, heard in zip(presets.parameters, presets.heard().any(axis=0), strict=True):
        told = [text for text in said for token in text.split("  ·  ") if token.startswith(f"{parameter.name} ")]
        assert heard or not told
    if name == "subphatty":
        assert any("mod_source Sample & Hold" in text for text in said)
        assert any("osc2_octave 16′" in text for text in said)
        monkeypatch.setattr(module, "sound_sheet", lambda *_, **__: figure)
        assert write_sheet(tmp_path / "sheet.png").stat().st_size < 1_500_000
    if name == "guitar":
        assert any("delay_on_off on" in text for text in said)
        assert not any("delay_on_off off" in text for text in said)


def test_files_of_any_name_and_silence():
    presets = draw_presets("noisemaker", 2, seed=2)
    presets = Presets("noisemaker", presets.unit, ["$x^2$ " + "very long " * 20 + ".wav", "s1.wav"])
    figure = sound_sheet(data=dataset(presets, silent=True), progress=False)
    said = texts(figure)
    assert "silent: peak below −60 dBFS: 100.0%" in said
    assert said.count("silent") == 2
    assert any(text.startswith("$x^2$ very") and text.endswith("…") for text in said)
    assert "heard 0%" in said and "heard 100%" not in said
    assert not overlaps(figure)


def test_takes_are_chosen_evenly_however_many_pass_by():
    presets = draw_presets(LIGHT, 10, seed=1)
    for batches in (1, 2, 7, 50):
        gathered = gathering.Gatherer(4)
        for _ in range(batches):
            gathered.add(np.zeros((10, 5_000), np.float32), presets)
        numbers = [take.number for take in gathered.shown()]
        assert gathered.count == 10 * batches
        assert len(numbers) == 4 and numbers[0] == 0 and numbers[-1] >= 7 * batches
        assert np.diff(numbers).min() >= 0.6 * np.diff(numbers).max()
        assert len(gathered.kept) < 16


# Mistakes


def test_bad_arguments(built, tmp_path):
    with pytest.raises(InputError, match="needs a collection to render or data to read"):
        sound_sheet()
    with pytest.raises(InputError, match="Unknown collection 'moog'"):
        sound_sheet("moog")
    for tiles in (0, 401):
        with pytest.raises(InputError, match=f"tiles must be an integer from 1 to 400, not {tiles}"):
            sound_sheet(LIGHT, tiles=tiles)
    with pytest.raises(InputError, match="rows must be an integer from 1"):
        sound_sheet(LIGHT, rows=0)
    with pytest.raises(InputError, match="seed must be an integer from 0"):
        sound_sheet(LIGHT, seed=-1)
    with pytest.raises(InputError, match="`split` chooses among the rows of data"):
        sound_sheet(LIGHT, split="test")
    with pytest.raises(InputError, match="`seed` is for rendering"):
        sound_sheet(data=built, seed=1)
    with pytest.raises(InputError, match=r"must end in \.png"):
        write_sheet(tmp_path / "sheet.svg", LIGHT)
    with pytest.raises(InputError, match=r"There is no folder .*missing; make it first"):
        write_sheet(tmp_path / "missing" / "sheet.png", LIGHT)


def test_bad_data(built, tmp_path):
    with pytest.raises(InputError, match="No shards in"):
        sound_sheet(data=tmp_path)
    with pytest.raises(InputError, match="No split 'validation'"):
        sound_sheet(data=built, split="validation")
    with pytest.raises(InputError, match="has no rows"):
        sound_sheet(data=load_dataset(str(built), split="train", cache_dir=str(tmp_path)).select([]))
    (tmp_path / "cut" / "data").mkdir(parents=True)
    (tmp_path / "cut" / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        sound_sheet(data=tmp_path / "cut")
    gathered = gathering.Gatherer(1)
    presets = draw_presets(LIGHT, 1, seed=1)
    gathered.add(np.zeros((1, 5_000), np.float32), presets)
    with pytest.raises(InputError, match="differ in length"):
        gathered.add(np.zeros((1, 9_000), np.float32), presets)


@pytest.mark.parametrize("name", ["guitar-notes", "noisemaker-phrases"])
def test_what_is_played_has_panels_of_its_own(name):
    presets = draw_presets(name, 30, seed=5)
    figure = sound_sheet(data=dataset(presets), tiles=8, progress=False)
    said = texts(figure)
    counts = presets.performances.counts
    told = "1 in a take" if name == "guitar-notes" else f"{counts.min()} to {counts.max()} in a take"
    assert {"Pitches", "Velocities", "Durations", f"Notes over time: {told}, 30 takes"} <= set(said)
    assert any(text.startswith(f"{name}: ") for text in said)
    assert overlaps(figure) == []
    plain = texts(sound_sheet(data=dataset(draw_presets("guitar", 3, seed=5)), tiles=3, progress=False))
    assert "Pitches" not in plain and "Velocities" not in plain


def test_one_pitch_and_one_duration_can_be_drawn():
    presets = draw_presets("guitar", 3, seed=5).playing((Note(60, 1, 0.0, 0.5),))
    figure = sound_sheet(data=dataset(presets), tiles=3, progress=False)
    assert "Pitches" in texts(figure) and overlaps(figure) == []


def test_a_sheet_says_whose_rows_it_shows():
    of_its_own = gathering.gather_rendered(
        get_collection("noisemaker-notes"), NoiseMaker(), seed=None, rows=16, tiles=1
    )
    assert of_its_own.source.startswith("16 of the 10,000 rows of its own, from silence; engine noisemaker ")
    musical = gathering.gather_rendered(get_collection(LIGHT), NoiseMaker(), seed=3, rows=8, tiles=1, prior="musical")
    assert musical.source.startswith("8 fresh rows of seed 3, musical prior, from silence")
    assert musical.presets == draw_presets(LIGHT, 8, 3, prior="musical")
    with pytest.raises(InputError, match="`prior` is for rendering; leave it out where data is read"):
        sound_sheet(data=dataset(draw_presets(LIGHT, 1, 1)), prior="musical", progress=False)


def test_a_sheet_of_another_note_and_length(tmp_path):
    figure = sound_sheet("noisemaker-light", rows=8, tiles=2, plays=[Note(36, 90, 0.1, 0.4)], progress=False)
    told = [text.get_text() for text in figure.texts]
    assert any("from silence" in text for text in told) and not any("in session" in text for text in told)
    with pytest.raises(InputError, match="`plays` is for rendering"):
        sound_sheet(data=tmp_path, plays=[Note(36, 90, 0.1, 0.4)], progress=False)
    with pytest.raises(InputError, match="what every row plays, note 0: the pitch is 30"):
        sound_sheet("guitar", rows=8, tiles=2, plays=[Note(30, 90, 0.1, 0.4)], progress=False)
