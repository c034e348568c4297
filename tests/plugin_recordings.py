"""Recordings of the real NoiseMaker that plays notes: rows, their sounds, and which of them can be compared."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import soundfile

from secret_sauce_hf.instruments import Timing, get_collection
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.presets import Presets

SETS = {
    "single notes": ("noisemaker-notes-rows-0-599", "noisemaker"),
    "light, single notes": ("noisemaker_light-notes-rows-0-399", "noisemaker-light"),
    "chords": ("noisemaker-chords-rows-0-149", "noisemaker"),
    "melodies": ("noisemaker-melodies-rows-0-149", "noisemaker"),
}
"""Their files, without the ending, and the collection whose parameters vary."""
AUDIBLE = 10 ** (-50 / 20)
"""A softer recording is mostly its rounding to 16 bits."""


def recorded(folder: Path, name: str, rows: int | None = None) -> tuple[Presets, np.ndarray]:
    """Rows of a session and their recordings, played by one instance: half a second of silence, then a take."""
    stem, collection_name = SETS[name]
    table = pq.read_table(folder / f"{stem}.parquet").slice(0, rows).to_pylist()
    seconds = table[0]["take_seconds"]
    timing = Timing(0.6, seconds + 0.5, (0.5, seconds + 0.5), slot=seconds + 0.5)
    collection = replace(get_collection(collection_name), name="recorded", count=0, train_count=0, timing=timing)
    columns = [parameter.name for parameter in collection.parameters]
    presets = Presets.from_settings(collection, [{column: row[column] for column in columns} for row in table])
    notes = [[Note(n["note"], n["velocity"], n["onset_s"], n["duration_s"]) for n in row["notes"]] for row in table]
    sounds = np.stack([soundfile.read(io.BytesIO(row["flac"]), dtype="float32")[0] for row in table])
    return presets.playing(Performances.from_notes(notes)), sounds


def comparable(presets: Presets, sounds: np.ndarray) -> np.ndarray:
    """The rows that are heard and have no noise, of which no two takes are the same: their numbers."""
    settings = presets.complete()
    noise = [(settings[f"osc{n}_wave"] == "Noise") & (settings[f"osc{n}_volume"] > 0) for n in (1, 2)]
    return np.flatnonzero(~(noise[0] | noise[1]) & (np.abs(sounds).max(axis=1) > AUDIBLE))
