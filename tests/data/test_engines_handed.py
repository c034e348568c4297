"""Datasets, files and measurements by an engine that is handed in."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from secret_sauce_hf.data import build_collection, load_takes, measure_heard, write_sounds
from secret_sauce_hf.data.building import RECORD_NAME, finished_plan
from secret_sauce_hf.engines import Engine, Job
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.presets import draw_presets

LIGHT = get_collection("noisemaker-light")


class Tones(Engine):
    """Plays a tone whose level is the first parameter's, whatever the others are."""

    name = "noisemaker"
    version = "tones-1"
    parameters = LIGHT.instrument.parameters
    emulates = "one tone"
    guesses = "everything else"

    def _render(self, job: Job) -> np.ndarray:
        presets = job.presets
        tone = np.sin(2 * np.pi * 440 * np.arange(presets.collection.samples) / 22_050)
        levels = 0.1 + 0.8 * presets.unit[:, :1] / max(1, presets.unit[:, 0].max())
        return (30_000 * levels * tone).astype(np.int16)


class Strange(Tones):
    """An engine of an instrument with other parameters."""

    parameters = LIGHT.instrument.parameters[1:]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_collection(
        LIGHT, tmp_path_factory.mktemp("built") / "a", seed=1, count=6, engine=Tones(), progress=False
    )


def test_a_build_has_the_engines_sounds_and_names_it(built):
    takes = load_takes(built, collection=LIGHT)
    assert np.array_equal((takes.sounds * 32_768).astype(np.int16), Tones().render(draw_presets(LIGHT, 6, 1)))
    assert json.loads((built / RECORD_NAME).read_text())["engine"] == "noisemaker tones-1"
    card = (built / "README.md").read_text()
    assert "noisemaker, version tones-1" in card and "What is emulated: one tone." in card
    # No command finds this engine, so none is said to make the same bytes again.
    assert "secret-sauce build" not in card and "The sounds are made by another engine" in card


def test_a_build_belongs_to_its_engine(built):
    plan = finished_plan(built, LIGHT, Tones())
    assert plan is not None and plan.engine.label == "noisemaker tones-1"
    with pytest.raises(InputError, match=r"engine was 'noisemaker tones-1' and is 'noisemaker [^t]"):
        finished_plan(built, LIGHT)


def test_workers_get_the_engine(built, tmp_path):
    again = build_collection(
        LIGHT,
        tmp_path / "again",
        seed=1,
        count=6,
        rows_per_shard=2,
        workers=2,
        engine=Tones(),
        progress=False,
    )
    assert np.array_equal(load_takes(again, collection=LIGHT).sounds, load_takes(built, collection=LIGHT).sounds)


def test_measuring_asks_the_engine(tmp_path):
    presets = draw_presets(LIGHT, 4, seed=1)
    heard = measure_heard(presets, engine=Tones()).heard
    assert not heard[:, 1:].any()
    folder = build_collection(LIGHT, tmp_path / "a", seed=1, count=4, measure=True, engine=Tones(), progress=False)
    paths = sorted((folder / "data").glob("*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path)["heard_measured"].to_pylist()]
    assert [list(row.values()) for row in rows] == heard.tolist()


def test_files_of_the_engine(tmp_path):
    presets = draw_presets(LIGHT, 2, seed=1)
    folder = write_sounds(presets, tmp_path / "wav", engine=Tones(), progress=False)
    written = [soundfile.read(folder / name, dtype="int16")[0] for name in presets.files]
    assert np.array_equal(written, Tones().render(presets))


def test_takes_that_the_engine_cannot_render_are_refused_before_anything_is_made(tmp_path):
    presets = draw_presets(LIGHT, 2, seed=1)
    for refused in (
        lambda: build_collection(LIGHT, tmp_path / "a", seed=1, count=6, engine=Strange(), progress=False),
        lambda: write_sounds(presets, tmp_path / "a", engine=Strange(), progress=False),
        lambda: measure_heard(presets, engine=Strange()),
    ):
        with pytest.raises(InputError, match="has other parameters") as caught:
            refused()
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="The engine of noisemaker does not render subphatty"):
        build_collection("subphatty", tmp_path / "a", seed=1, count=6, engine=Tones(), progress=False)
    with pytest.raises(InputError, match="not in session"):
        build_collection(LIGHT, tmp_path / "a", rows=(0, 3), in_session=True, engine=Tones(), progress=False)
    assert not (tmp_path / "a").exists()
