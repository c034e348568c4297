"""How well the listener hears notes: of recordings of the real NoiseMaker, and of fresh takes of the engines' own.

    python tests/benchmarks/listening.py LISTENER FOLDER [--half first|second] [--rows N] [--sets NAME …]

LISTENER is the folder of a listener, FOLDER has the Parquet files of recordings (`plugin_recordings.SETS`). Counted
are rows with a pitch that peak above -40 dBFS: of recordings those without a noise oscillator, of fresh takes the test
rows of collections whose pitch `training.phrases` is sure of. In some of these a filter leaves nothing of the pitch;
the first table has a second line for single notes of which a harmonic is there (`training.phrases.presence`). Of
single notes the table shows how often the pitch and
its class are right, and the medians of the errors of onset and end, the latter where the end is heard. Of phrases it
shows precision, recall and F1 as mir_eval defines them: a note is right if its pitch is, and its onset within 50 ms.
Nothing may be tuned on the second half of the recordings.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

sys.path.insert(0, str(Path(__file__).parents[1]))
from plugin_recordings import SETS, comparable, recorded

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.instruments.takes import SAMPLE_RATE, to_float
from secret_sauce_hf.modeling.listener_secret_sauce import NoteListener, features
from secret_sauce_hf.modeling.transcription_secret_sauce import HOP, Heard
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training.phrases import PRESENT_DB, STANDS_OUT_DB, phrases, presence, within

LOUD = 10 ** (-40 / 20)
TOLERANCE = 0.05
"""Seconds, of an onset that is right."""
PER_SECOND = SAMPLE_RATE / HOP
PITCHES = NoteListener().pitches
HEARD_DB = 40.0
"""An end is heard if the sound is softer before it than its loudest by less, and by 10 dB more soon after it."""
FRESH = ("subphatty-notes", "guitar-notes", "subphatty-phrases", "guitar-phrases")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listener", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=("first", "second"), default="second")
    parser.add_argument("--rows", type=int, default=10_000, help="of every set, at most")
    parser.add_argument("--sets", nargs="*", default=[], metavar="NAME", help="of these only, such as chords")
    parser.add_argument("--wrong", action="store_true", help="list the sounds that are heard wrong")
    arguments = parser.parse_args()
    listener = NoteListener.load(arguments.listener)
    singles = _table("single notes", "pitch", "class", "one note", "onset ms", "90 %", "end ms", "90 %", "cents")
    several = _table("phrases", "precision", "recall", "F1", "onset ms", "ms a sound")
    for name, sounds in itertools.chain(_recordings(arguments), _fresh(arguments)):
        begun, results = time.process_time(), []
        for row, sound, notes in sounds:
            heard = listener.listen(sound)
            results.append((sound, notes, heard))
            if arguments.wrong and _score(notes, heard)[0] < len(notes):
                print(name, row, *(f"{n[0]:.1f}@{n[2]:.3f}-{n[3]:.3f}" for n in notes), "heard", end=" ")
                print(*(f"{n.pitch}@{n.onset:.3f}-{n.onset + n.duration:.3f}({n.confidence:.2f})" for n in heard.notes))
        spent = (time.process_time() - begun) / max(len(results), 1)
        if name.endswith("notes"):
            singles.add_row(name, str(len(results)), *_of_notes(results))
            there = [one for one in results if _is_there(one[0], one[1])]
            singles.add_row("  pitch is there", str(len(there)), *_of_notes(there))
        else:
            several.add_row(name, str(len(results)), *_of_phrases(results), f"{1000 * spent:.0f}")
    Console(width=120).print(singles, several)


def _table(first: str, *titles: str) -> Table:
    table = Table(first, box=None)
    for title in ("rows", *titles):
        table.add_column(title, justify="right")
    return table


def _recordings(arguments: argparse.Namespace) -> Iterator[tuple[str, Iterator]]:
    for name in SETS:
        if arguments.sets and name not in arguments.sets:
            continue
        presets, sounds = recorded(arguments.folder, name)
        middle = len(presets) // 2
        rows = [row for row in comparable(presets, sounds) if (row < middle) == (arguments.half == "first")]
        rows = [row for row in rows if np.abs(sounds[row]).max() > LOUD][: arguments.rows]
        yield name, _told(rows, sounds, presets.performances)


def _told(rows, sounds, performances):
    for row in rows:
        yield row, sounds[row], np.array([[n.pitch, n.velocity, n.onset, n.end] for n in performances[row]])


def _fresh(arguments: argparse.Namespace) -> Iterator[tuple[str, Iterator]]:
    for name in FRESH:
        if arguments.sets and name not in arguments.sets:
            continue
        collection = get_collection(name)
        engine = get_engine(collection)
        count = min(arguments.rows, 200)
        presets = draw_presets(collection, count, collection.seed, collection.train_count)
        takes = to_float(engine.render(presets, noise_seed=0))
        # As the preset sounds: a Sub Phatty's key may sound octaves away.
        found = phrases(engine, takes, presets)
        for one in found:
            # By octaves into the listener's range.
            one.notes[:, 0] += [within(round(pitch), PITCHES) - round(pitch) for pitch in one.notes[:, 0]]
        rows = [row for row, one in enumerate(found) if one.tonal == 1 and np.abs(one.take).max() > LOUD]
        yield name, iter([(row, found[row].take, found[row].notes) for row in rows])


def _is_there(sound: np.ndarray, notes: np.ndarray) -> bool:
    """Whether the pitch of the only note of a sound is in it at all."""
    pitch, _, onset, end = notes[0]
    pitched = features(torch.from_numpy(sound)[None]).pitched[0].numpy()
    level, stands_out = presence(pitched[:, round(onset * PER_SECOND) + 1 : round(end * PER_SECOND)], round(pitch))
    return level >= -PRESENT_DB and stands_out >= STANDS_OUT_DB


def _of_notes(results: list[tuple[np.ndarray, np.ndarray, Heard]]) -> list[str]:
    pitch, group, alone, onsets, ends, cents = [], [], [], [], [], []
    for sound, notes, heard in results:
        best = max(heard.notes, key=lambda note: note.confidence * min(note.duration, 0.5))
        (true, _, onset, end) = notes[0]
        away = best.pitch - round(true)
        pitch.append(away == 0)
        group.append(away % 12 == 0)
        alone.append(len(heard.notes) == 1)
        onsets.append(abs(best.onset - onset))
        if away == 0:
            cents.append(abs(best.cents - 100 * (true - round(true))))
        if _end_is_heard(sound, end):
            ends.append(abs(best.onset + best.duration - end))
    shares = [f"{np.mean(values):.3f}" for values in (pitch, group, alone)]
    times = [f"{1000 * value:.1f}" for values in (onsets, ends) for value in np.percentile(values, (50, 90))]
    return [*shares, *times, f"{np.median(cents):.1f}"]


def _end_is_heard(sound: np.ndarray, end: float) -> bool:
    """Whether a sound ends at a time, not before it and not after it."""

    def level(start: float, stop: float) -> float:
        part = sound[round(start * SAMPLE_RATE) : round(stop * SAMPLE_RATE)]
        return 10 * np.log10(np.square(part, dtype=np.float64).mean() + 1e-12) if len(part) else -120.0

    if end + 0.1 > len(sound) / SAMPLE_RATE:
        return False
    loudest = max(level(start, start + 0.04) for start in np.arange(0, len(sound) / SAMPLE_RATE - 0.04, 0.02))
    before, after = level(end - 0.04, end), level(end + 0.02, end + 0.06)
    return before > loudest - HEARD_DB and after < before - 10


def _score(notes: np.ndarray, heard: Heard) -> tuple[int, list[float]]:
    """How many notes are heard right, each once, and the errors of their onsets."""
    right = np.array(
        [
            [note.pitch == round(true[0]) and abs(note.onset - true[2]) <= TOLERANCE for note in heard.notes]
            for true in notes
        ],
        dtype=bool,
    ).reshape(len(notes), len(heard.notes))
    pairs = maximum_bipartite_matching(csr_array(right.astype(np.int8)), perm_type="column")
    errors = [abs(heard.notes[pair].onset - notes[number][2]) for number, pair in enumerate(pairs) if pair >= 0]
    return len(errors), errors


def _of_phrases(results: list[tuple[np.ndarray, np.ndarray, Heard]]) -> list[str]:
    scores, onsets = [], []
    for _, notes, heard in results:
        right, errors = _score(notes, heard)
        onsets += errors
        precision, recall = right / max(len(heard.notes), 1), right / len(notes)
        scores.append((precision, recall, 2 * right / (len(notes) + len(heard.notes))))
    return [*(f"{value:.3f}" for value in np.mean(scores, axis=0)), f"{1000 * np.median(onsets or [np.nan]):.1f}"]


if __name__ == "__main__":
    main()
