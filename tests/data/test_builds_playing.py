"""Builds of which every row plays the same notes, or whose takes are of another length."""

import json
from typing import ClassVar

import numpy as np
import pytest

from secret_sauce_hf.data import build_collection, write_sounds
from secret_sauce_hf.data.building import RECORD_NAME, finished_plan
from secret_sauce_hf.data.plan import make_plan, shard_files
from secret_sauce_hf.engines import Engine, Job
from secret_sauce_hf.instruments import InputError, Note, get_collection, with_seconds
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.presets import draw_presets

LIGHT = get_collection("noisemaker-light")
RIFF = (Note(48, 90, 0.1, 0.2), Note(55, 100, 0.4, 0.3))


class Steps(Engine):
    """Plays every note as a constant: its pitch."""

    name = "noisemaker"
    version = "steps-1"
    parameters = LIGHT.instrument.parameters
    plays: ClassVar[range] = range(24, 97)
    voices: ClassVar[int] = 2

    def _render(self, job: Job) -> np.ndarray:
        takes = np.zeros((len(job.presets), job.presets.collection.samples), np.int16)
        for row, take in enumerate(takes):
            for note in job.presets.performances[row]:
                take[round(note.onset * 22_050) : round(note.end * 22_050)] = note.pitch
        return takes


class OneNote(Steps):
    plays: ClassVar[range] = range(0)


def build(folder, **options):
    asked = {"seed": 1, "count": 5, "engine": Steps(), "progress": False} | options
    return build_collection(LIGHT, folder, **asked)


def test_every_row_plays_it_and_the_record_says_so(tmp_path):
    folder = build(tmp_path / "a", plays=RIFF, seconds=1.5)
    record = json.loads((folder / RECORD_NAME).read_text())
    assert record["plays"][1] == {"pitch": 55, "velocity": 100, "onset": 0.4, "duration": 0.3}
    assert record["seconds"] == 1.5
    plan = finished_plan(folder, LIGHT, Steps())
    assert plan is not None and plan.plays == RIFF and plan.collection == with_seconds(LIGHT, 1.5)
    again = build(tmp_path / "b", plays=list(RIFF), seconds=1.5, rows_per_shard=1000)
    assert [p.read_bytes() for p in shard_files(folder)] == [p.read_bytes() for p in shard_files(again)]


def test_another_performance_is_another_build(tmp_path):
    folder = build(tmp_path / "a", plays=RIFF)
    for other in ({}, {"plays": RIFF[:1]}, {"plays": RIFF, "seconds": 2.0}):
        with pytest.raises(InputError, match=r"holds another build \(.*(plays|seconds).*choose another folder"):
            build(folder, **other)
    build(folder, plays=RIFF)


def test_without_notes_a_record_is_that_of_before():
    assert not {"plays", "seconds"} & make_plan(LIGHT, None, 1, 5, None, 1000, engine=Steps()).record.keys()
    same = make_plan(LIGHT, None, 1, 5, None, 1000, engine=Steps(), seconds=LIGHT.seconds)
    assert "seconds" not in same.record


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plays": []}, "what every row plays: no notes"),
        ({"plays": [RIFF[0]._replace(pitch=20)]}, "plays, note 0: the pitch is 20, .* goes from 24 to 96"),
        ({"plays": [RIFF[0], RIFF[1]._replace(onset=0.9)]}, "plays, note 1: it starts at 0.9 s, and the take lasts"),
        ({"plays": [RIFF[0]._replace(velocity=0)]}, "note 0: the velocity is 0"),
        ({"plays": RIFF, "engine": OneNote()}, "plays the one note that a collection's timing has"),
        ({"seconds": 31}, "A take of 31 seconds is none; give 0.05 to 30"),
        ({"seconds": float("nan")}, "A take of nan seconds is none"),
        ({"seconds": True}, "A take of True seconds is none"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_made(options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        build(tmp_path / "a", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["plays", "seconds"])
@pytest.mark.parametrize("value", ["x", -1, [{}], [{"onset": 0, "duration": 1, "pitch": 300, "velocity": 1}], [None]])
def test_a_record_with_other_notes_is_refused(tmp_path, name, value):
    folder = build(tmp_path / "a", plays=RIFF, seconds=1.5)
    record = json.loads((folder / RECORD_NAME).read_text())
    (folder / RECORD_NAME).write_text(json.dumps(record | {name: value}))
    with pytest.raises(InputError, match="is not a build of this version"):
        finished_plan(folder, LIGHT, Steps())


def test_a_chord_that_no_guitarist_can_play_leaves_nothing_half_written(tmp_path):
    guitar = get_collection("guitar")
    # Both are on the lowest string only.
    impossible = [Note(42, 90, 0.1, 0.4), Note(44, 90, 0.1, 0.4)]
    with pytest.raises(InputError, match=r"what every row plays, pitch 42 at 0\.1 s: it needs the string of pitch 44"):
        build_collection(guitar, tmp_path / "build", seed=1, count=4, plays=impossible, progress=False)
    rows = draw_presets(guitar, 3, 1)
    some = Performances.from_notes([[Note(64, 90, 0.1, 0.4)], [Note(60, 90, 0.1, 0.4)], impossible])
    with pytest.raises(InputError, match=r"row 2, pitch 42 at 0\.1 s"):
        write_sounds(rows.playing(some), tmp_path / "sounds", progress=False)
    assert not list(tmp_path.iterdir())
