"""What the page asks for: sounds matched, presets rendered, reasons measured, files written."""

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any

import numpy as np
import soundfile

from secret_sauce_hf.app.limits import MAX_RENDERED_SECONDS, MAX_RENDERING
from secret_sauce_hf.app.line import BusyError, Job
from secret_sauce_hf.app.store import KeptSound
from secret_sauce_hf.data.heard import changes
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, constant_note
from secret_sauce_hf.instruments.sounds import read_samples
from secret_sauce_hf.instruments.takes import to_float, to_int16
from secret_sauce_hf.matching import Loaded, Match, load_model, match
from secret_sauce_hf.matching.asked import NO_MODEL
from secret_sauce_hf.matching.loading import shipped
from secret_sauce_hf.matching.playable import playable
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.modeling.registration import ships
from secret_sauce_hf.plots.spectrogram import levels
from secret_sauce_hf.presets import Presets

REASONING_SECONDS = 4.0
"""How long it may take to measure what matters, about."""
PICTURE_BANDS = 128
"""Rows of a spectrogram on the page, spread evenly over the logarithm of frequency."""
PICTURE_FRAMES = 400
"""Most columns of one."""
PICTURE_HERTZ = (60.0, 10_000.0)
PICTURE_DB = 80.0


@dataclass(frozen=True)
class Asked:
    """What a visitor asks of a search.

    Args:
        sound: the sound.
        collection: whose parameters to set; None for the instrument that comes nearest.
        region: from where to where in the sound, in seconds; found if None.
        notes: what is played, as `match` takes it; heard if None.
        seconds: how long to search.
        candidates: how many presets to tell.
    """

    sound: KeptSound
    collection: str | None
    region: tuple[float, float] | None
    notes: list[dict[str, Any]] | None
    seconds: float
    candidates: int


@dataclass(eq=False)
class Answer:
    """A match, as the page asks about it."""

    match: Match
    _reasons: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def size(self) -> int:
        """Bytes of its sounds."""
        found = self.match
        rendered = sum(one.rendered.nbytes for one in found.candidates if one.rendered is not None)
        return found.reference.nbytes + rendered

    @cached_property
    def notes(self) -> tuple[Note, ...] | None:
        """What is played, in seconds from the start of the take; None where it is the collection's own note."""
        found = self.match
        if found.notes is None:
            return None
        start, end = found.region
        # A sound that is out of tune was taken at another speed.
        stretch = self.seconds / (end - start)
        return tuple(
            one._replace(onset=max((one.onset - start) * stretch, 0.0), duration=one.duration * stretch)
            for one in found.notes
        )

    @property
    def seconds(self) -> float:
        """How long the take is."""
        return len(self.match.reference) / SAMPLE_RATE

    def reasons(self, number: int, turn: "Rendering") -> list[tuple[str, float]]:
        """What each parameter of a candidate changes in the sound, the most first, in dB (see `measure_heard`).

        Parameters that cannot be heard change nothing. Where an engine is slow, each is moved once.

        Raises:
            BusyError: too many wait.
        """
        with turn.admitted(), self._lock:
            if number not in self._reasons:
                self._reasons[number] = self._measured(number, turn)
            return self._reasons[number]

    def _measured(self, number: int, turn: "Rendering") -> list[tuple[str, float]]:
        row = played(self.match.collection, self.match.candidates[number].preset, self.notes, self.seconds)
        heard = row.heard()[0]
        with turn.turn():
            own = rendered(row)
        found: dict[str, float] = {}
        began, slow = monotonic(), False
        for column, parameter in enumerate(row.parameters):
            if not heard[column]:
                found[parameter.name] = 0.0
                continue
            moved = parameter.moves(row.unit[:, column])[: 1 if slow else None]
            unit = np.repeat(row.unit, len(moved), axis=0)
            unit[:, column] = np.concatenate(moved)
            plays = None if row.play_constant else row.performances.select(np.zeros(len(moved), np.intp))
            rows = Presets(row.collection, unit, None, plays)
            # Knobs and keys need not wait for all of it.
            with turn.turn():
                takes = rendered_all(rows)
            found[parameter.name] = round(float(changes(own[None], takes, np.zeros(len(takes), np.intp)).max()), 2)
            slow = monotonic() - began > REASONING_SECONDS * (column + 1) / len(row.parameters)
        return sorted(found.items(), key=lambda one: -one[1])


class Workshop:
    """Models and engines, loaded once for all visitors.

    Args:
        models: folders of checkpoints, as `learn` makes them, whose instruments are offered besides.

    Raises:
        InputError: a checkpoint cannot be read, or is called like a collection.
    """

    def __init__(self, models: Sequence[str] = ()):
        self._loaded: dict[str, Loaded] = {}
        self._lock = threading.Lock()
        self.collections: dict[str, Collection] = {}
        for name, collection in COLLECTIONS.items():
            # Chords need what only a search hears; the models of notes answer for phrases, too.
            if collection.plays is None or collection.plays.kind == "notes":
                self.collections[name] = collection
        for path in models:
            loaded = load_model(None, path)
            collection = loaded.collection
            if collection.name in self.collections:
                raise InputError(f"{path} is of {collection.name}, which is offered already: give it another name.")
            self.collections[collection.name] = collection
            self._loaded[collection.name] = loaded

    def offered(self) -> list[dict[str, Any]]:
        """The collections that can be asked for: name, title, instrument, and what there is for each."""
        found = []
        for name, collection in self.collections.items():
            engine = find_engine(collection)
            has_model = name in self._loaded or ships(name)
            if engine is None and not has_model:
                continue
            found.append(
                {
                    "name": name,
                    "instrument": collection.instrument.name,
                    "instrument_title": collection.instrument.title,
                    "title": collection.title,
                    "model": has_model,
                    "renders": engine is not None,
                    "plays": None if engine is None or not engine.plays else [engine.plays[0], engine.plays[-1]],
                    "hears_notes": collection.plays is not None,
                    "seconds": collection.seconds,
                }
            )
        return found

    def collection(self, name: str) -> Collection:
        """A collection that is offered.

        Raises:
            InputError: it is not.
        """
        if name not in self.collections:
            raise InputError(f"There is no instrument {name[:60]!r} here; there are {', '.join(self.collections)}.")
        return self.collections[name]

    def loaded(self, name: str) -> Loaded:
        """The model of a collection, or its prior where it has none."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load_model(self.collection(name), None if ships(name) else NO_MODEL)
            return self._loaded[name]

    def warm(self) -> None:
        """Load the models that are asked where no instrument is said, so that the first visitor need not wait."""
        for name in shipped(lambda collection: find_engine(collection) is not None):
            self.loaded(name)

    def seek(self, asked: Asked, job: Job) -> Answer:
        """Search for what made a sound.

        Raises:
            InputError: as `match`.
            KeyboardInterrupt: the job is to end, and nothing was found by then.
        """

        def told(reached: Any) -> None:
            job.trace.append((reached.share, reached.renders, reached.distance))
            job.check()

        model: Any
        if asked.collection is None:
            names = shipped(lambda one: find_engine(one) is not None and (one.plays is not None or asked.notes is None))
            model = [self.loaded(name) for name in names]
        else:
            model = self.loaded(asked.collection)
        job.check()
        found = match(
            {"bytes": asked.sound.content, "path": asked.sound.name},
            model=model,
            seconds=asked.seconds,
            candidates=asked.candidates,
            region=asked.region,
            notes=asked.notes,
            progress=told,
        )
        return Answer(found)


class Rendering:
    """Renderings for knobs and keys, one at a time: they take milliseconds, and must not wait for searches."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._count = threading.Semaphore(MAX_RENDERING)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Be one of those who may wait, of whom there are fewer than the server has threads.

        Raises:
            BusyError: too many wait.
        """
        if not self._count.acquire(blocking=False):
            raise BusyError
        try:
            yield
        finally:
            self._count.release()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, for one rendering or a few; in `admitted`."""
        with self._one:
            yield


def played(
    collection: Collection, preset: Mapping[str, Any], notes: Sequence[Note] | None, seconds: float | None
) -> Presets:
    """One row: a preset and what it plays, within what the instrument can play.

    Args:
        collection: of the preset.
        preset: name → setting of each parameter.
        notes: in seconds from the start of the take; the collection's own note if None.
        seconds: of the take; the collection's if None.

    Raises:
        InputError: settings or notes that are none; no engine renders the collection; longer than may be.
    """
    if seconds is not None and not 0 < seconds <= MAX_RENDERED_SECONDS:
        raise InputError(f"A rendering lasts up to {MAX_RENDERED_SECONDS:g} s; give fewer seconds.")
    form = collection if seconds is None else with_seconds(collection, seconds)
    rows = Presets.from_settings(form, [preset])
    engine = find_engine(form)
    if engine is None:
        raise InputError(f"Nothing here renders {collection.instrument.title}.")
    if notes is None and collection.plays is None:
        return rows
    kept, _ = playable(tuple(notes) if notes else (constant_note(form.timing),), form, engine)
    return rows.playing(list(kept))


def rendered(row: Presets) -> np.ndarray:
    """The take of a row: int16 of shape (samples,), at 22,050 Hz."""
    return rendered_all(row)[0]


def rendered_all(rows: Presets) -> np.ndarray:
    """The takes of rows, with the same noise: int16 of shape (rows, samples), at 22,050 Hz."""
    engine = find_engine(rows.collection)
    if engine is None:
        raise InputError(f"Nothing here renders {rows.collection.instrument.title}.")
    return engine.render(rows, noise_seed=0, same_noise=True)


def apart(reference: np.ndarray, take: np.ndarray) -> float:
    """MSS from a sound to a take, in dB, over the shorter of the two."""
    samples = min(len(reference), len(take))
    return float(mss(reference[:samples], to_float(take[:samples]), SAMPLE_RATE))


def wav(sound: np.ndarray, rate: int = SAMPLE_RATE) -> bytes:
    """A sound as a WAV of 16 bits.

    Args:
        sound: int16 or float32, full scale ±1, of shape (samples,) or (samples, channels).
        rate: in Hz.
    """
    target = io.BytesIO()
    take = sound if sound.dtype == np.int16 else to_int16(sound)
    soundfile.write(target, take, rate, format="WAV", subtype="PCM_16")
    return target.getvalue()


def listenable(sound: KeptSound) -> bytes:
    """What a visitor sent, as a WAV that every browser plays."""
    samples, rate, _ = read_samples(sound.content)
    peak = float(np.abs(samples).max(initial=0.0))
    return wav((samples / max(peak, 1.0)).astype(np.float32), rate)


def picture(sound: np.ndarray, ceiling: float | None = None) -> dict[str, Any]:
    """A spectrogram for the page.

    Args:
        sound: float32 of shape (samples,), at 22,050 Hz.
        ceiling: the level in dB that is brightest; the highest of the sound if None.

    Returns:
        `frames`, `bands`, `ceiling` in dB, `seconds`, and `values`: bytes of shape (bands, frames), lowest band
        first, 255 at the ceiling and 0 from 80 dB below it down.
    """
    spectrum = levels(sound)
    hertz = np.geomspace(*PICTURE_HERTZ, PICTURE_BANDS)
    bins = hertz / (SAMPLE_RATE / 2) * (len(spectrum) - 1)
    low = np.clip(np.floor(bins).astype(int), 0, len(spectrum) - 2)
    part = (bins - low)[:, None]
    spectrum = spectrum[low] * (1 - part) + spectrum[low + 1] * part
    step = -(-spectrum.shape[1] // PICTURE_FRAMES)
    spectrum = np.maximum.reduceat(spectrum, np.arange(0, spectrum.shape[1], step), axis=1)
    ceiling = float(spectrum.max()) if ceiling is None else ceiling
    values = np.clip(np.rint(255 * (1 + (spectrum - ceiling) / PICTURE_DB)), 0, 255).astype(np.uint8)
    return {
        "frames": values.shape[1],
        "bands": values.shape[0],
        "ceiling": ceiling,
        "seconds": len(sound) / SAMPLE_RATE,
        "values": values.tobytes(),
    }
