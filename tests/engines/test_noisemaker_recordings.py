"""The NoiseMaker's notes, chords and melodies against recordings of the plug-in."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import Timing, get_collection
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.metrics import level_difference, mss
from secret_sauce_hf.presets import Presets

ROWS = 60


def recorded(path: Path, name: str) -> tuple[Presets, np.ndarray]:
    """Rows of a session and their recordings, played by one instance: half a second of silence, then a take."""
    rows = pq.read_table(path).slice(0, ROWS).to_pylist()
    seconds = rows[0]["take_seconds"]
    timing = Timing(0.6, seconds + 0.5, (0.5, seconds + 0.5), slot=seconds + 0.5)
    collection = replace(get_collection(name), name="recorded", count=0, train_count=0, timing=timing)
    columns = [parameter.name for parameter in collection.parameters]
    presets = Presets.from_settings(collection, [{column: row[column] for column in columns} for row in rows])
    notes = [[Note(n["note"], n["velocity"], n["onset_s"], n["duration_s"]) for n in row["notes"]] for row in rows]
    sounds = np.stack([soundfile.read(io.BytesIO(row["flac"]), dtype="float32")[0] for row in rows])
    return presets.playing(Performances.from_notes(notes)), sounds


def tonal(presets: Presets) -> np.ndarray:
    settings = presets.complete()
    noise = [(settings[f"osc{n}_wave"] == "Noise") & (settings[f"osc{n}_volume"] > 0) for n in (1, 2)]
    return ~(noise[0] | noise[1])


@pytest.mark.parametrize(
    ("stem", "name", "in_session", "median", "ninetieth"),
    [
        ("noisemaker-notes-rows-0-599", "noisemaker", False, 0.12, 0.8),
        ("noisemaker-notes-rows-0-599", "noisemaker", True, 0.08, 0.5),
        ("noisemaker_light-notes-rows-0-399", "noisemaker-light", False, 0.05, 0.3),
        ("noisemaker-chords-rows-0-149", "noisemaker", False, 0.2, 1.0),
        ("noisemaker-melodies-rows-0-149", "noisemaker", False, 0.25, 1.2),
    ],
)
def test_what_is_played_sounds_like_the_plug_in(stem, name, in_session, median, ninetieth, shared):
    presets, sounds = recorded(shared / "real" / f"{stem}.parquet", name)
    takes = render(presets, in_session=in_session).astype(np.float32) / 32_767
    compared = tonal(presets) & (np.abs(sounds).max(axis=1) > 10 ** (-50 / 20))
    assert compared.sum() >= 15
    pairs = [(sounds[row], takes[row], 22_050) for row in np.flatnonzero(compared)]
    distances = [mss(*pair) for pair in pairs]
    assert np.median(distances) <= median and np.percentile(distances, 90) <= ninetieth
    assert np.median([level_difference(*pair) for pair in pairs]) <= 0.05
