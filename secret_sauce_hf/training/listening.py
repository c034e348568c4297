"""Training the listener, which hears notes, on fresh takes of everything that an engine renders."""

import io
import json
import math
import pickle
import time
from collections import OrderedDict
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection
from secret_sauce_hf.instruments.priors import PRIORS, UNIFORM, check_prior
from secret_sauce_hf.instruments.takes import SAMPLE_RATE
from secret_sauce_hf.modeling.listener_secret_sauce import LISTENER, Features, NoteListener, features
from secret_sauce_hf.modeling.transcription_secret_sauce import Logits
from secret_sauce_hf.outputs import alone, check_folder
from secret_sauce_hf.processors import launched, machine
from secret_sauce_hf.progress import row_progress, say
from secret_sauce_hf.training.data import fresh_rows
from secret_sauce_hf.training.listening_config import ListeningConfig
from secret_sauce_hf.training.phrases import Phrase, Targets, as_present, phrases, targets
from secret_sauce_hf.training.recorded_as import (
    DETUNE_CENTS,
    DETUNED,
    LEVEL_DB,
    disturbed,
    in_a_room,
    tuned,
)

SHARES = {
    "noisemaker-notes": 3,
    "noisemaker-phrases": 4,
    "noisemaker-light-notes": 1,
    "subphatty-notes": 2,
    "subphatty-phrases": 2,
    "guitar-notes": 2,
    "guitar-phrases": 3,
}
"""How often each of our collections of notes and phrases comes; any other one once."""
CHUNK = 32
"""Rows of a collection that are rendered together."""
SEEN = 4
"""How often a take is seen, each time otherwise recorded."""
POOL = 32
"""Chunks among which the takes of a step are drawn."""
AGAIN = 64
"""Half of a batch are sounds that were seen before, drawn among the last of them: most of the time goes into these."""
PART = 44
"""Pitches that are told of a sound at a time."""
SECONDS = 1.5
"""Of every sound; longer takes are seen in part, around where one of their notes starts or ends."""
CUT = 0.2
"""Share of the sounds that break off before they end."""
STARTS = 0.7
"""Share of the sounds in which a start is sure to be seen, with as much as there is room for after it."""
WEIGHTS = {"onset": 88.0, "sounding": 44.0, "velocity": 0.3, "fine_onset": 10.0, "fine_end": 5.0}
"""Of the parts of the loss, which are means."""
SAVED_SECONDS = 60.0
"""How often the state of a run is kept."""
AVERAGED = 0.998
"""How much of the averaged weights stays at every step."""
STATE = "state.pt"


@alone("a training")
def train_listener(
    out: str | Path,
    config: ListeningConfig,
    *,
    base: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a listener on fresh takes of all collections of notes and phrases that an engine renders.

    With the same settings, in a run that ends by its number of sounds, it is the same to the bit on one machine.

    Args:
        out: the folder of `listener.safetensors` and `listener.json`.
        config: the settings of the run.
        base: the folder of a listener to start from.
        resume: whether to go on with an interrupted run of the same settings.
        progress: whether to show it.

    Returns:
        The record of the run, which `listener.json` has too.

    Raises:
        InputError: several processes were launched, the folder cannot be written, there is no listener in
            `base`, or nothing to go on from.
    """
    if launched()[1] > 1:
        raise InputError("A listener is trained by one process; start it without accelerate launch or torchrun.")
    out = check_folder(out, [f"{LISTENER}.safetensors", f"{LISTENER}.json"], what="the listener")
    torch.manual_seed(config.seed)
    listener = NoteListener() if base is None else NoteListener.load(base)
    averaged = NoteListener(**listener.sizes)
    averaged.load_state_dict(listener.state_dict())
    optimizer = torch.optim.AdamW(listener.parameters(), lr=config.learning_rate, weight_decay=0.01)
    settings = asdict(config) | {"base": None if base is None else str(base)}
    place = out / ".listening"
    step, spent = 0, 0.0
    if resume:
        step, spent = _restore(place, settings, listener, averaged, optimizer)
    steps = -(-config.fresh // config.batch_size) if config.fresh else None
    names = _collections()
    examples = _Examples(_Pool(names, config.seed), config, listener.pitches)
    begun, saved = time.monotonic() - spent, time.monotonic()
    means: dict[str, float] = {}
    with row_progress("Listening", config.fresh or None, progress, step * config.batch_size) as advance:
        while (done := _progress(step, steps, time.monotonic() - begun, config.minutes)) < 1:
            _set_rate(optimizer, config.learning_rate, step, done)
            heard, wanted, places = _batch(examples, step, config)
            parts = losses(listener(heard, places), wanted)
            loss = sum((WEIGHTS[name] * part for name, part in parts.items()), torch.zeros(()))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(listener.parameters(), 5.0)
            optimizer.step()
            step += 1
            _average(averaged, listener, min(AVERAGED, step / (step + 9)))
            for name, part in parts.items():
                kept = min(0.99, (step - 1) / step)
                means[name] = kept * means.get(name, 0.0) + (1 - kept) * part.item()
            advance(config.batch_size)
            if time.monotonic() - saved > SAVED_SECONDS:
                saved = time.monotonic()
                _keep(place, settings, step, saved - begun, listener, averaged, optimizer)
                if progress:
                    told = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
                    say(f"{step * config.batch_size:,} sounds, {(saved - begun) / 60:.0f} min: {told}")
    record = {
        "settings": settings,
        "collections": names,
        "steps": step,
        "sounds": step * config.batch_size,
        "seconds": round(time.monotonic() - begun, 1),
        "losses": {name: round(value, 6) for name, value in means.items()},
        "machine": machine(),
    }
    averaged.save(out, record)
    _clear(place)
    return record


def losses(told: Logits, wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The parts of the loss: means of binary cross entropies.

    Args:
        told: of a batch of sounds.
        wanted: the fields of `Targets`, of all sounds: float32.
    """
    pitched = wanted["pitched"][:, None, None]
    starts = (wanted["onset"] > 0.3) * pitched

    def mean(logits: torch.Tensor, name: str, counts: torch.Tensor, strong: float = 1.0) -> torch.Tensor:
        each = functional.binary_cross_entropy_with_logits(
            logits, wanted[name], pos_weight=torch.tensor(strong), reduction="none"
        )
        return (each * counts).sum() / counts.expand_as(each).sum().clamp_min(1.0)

    return {
        "onset": mean(told.onset, "onset", pitched, 2.0),
        "sounding": mean(told.sounding, "sounding", pitched),
        "velocity": mean(told.velocity, "velocity", starts),
        "fine_onset": mean(told.fine_onset, "fine_onset", wanted["onset_known"], 2.0),
        "fine_end": mean(told.fine_end, "fine_end", wanted["end_known"], 2.0),
    }


class _Pool:
    """Takes by chunk, rendered when they are asked for; the last ones are kept."""

    def __init__(self, names: list[str], seed: int):
        self._names = names
        self._seed = seed
        self._kept: OrderedDict[int, list[Phrase]] = OrderedDict()

    def __getitem__(self, chunk: int) -> list[Phrase]:
        if chunk not in self._kept:
            self._kept[chunk] = self._rendered(chunk)
            while len(self._kept) > POOL + 2:
                self._kept.popitem(last=False)
        return self._kept[chunk]

    def _rendered(self, chunk: int) -> list[Phrase]:
        turn, number = divmod(chunk, len(self._names))
        collection = get_collection(self._names[number])
        engine = find_engine(collection)
        if engine is None:
            raise InputError(f"No engine renders {collection.name} any more.")
        # Every chunk of a collection, wherever it stands in the round, has rows of its own.
        first = (turn * len(self._names) + number) * CHUNK
        prior = PRIORS[(turn + number) % len(PRIORS)] if _has_every_prior(collection) else UNIFORM
        takes, presets = fresh_rows(engine, collection, first, CHUNK, self._seed + 1, prior)
        return phrases(engine, takes, presets)


def _has_every_prior(collection: Collection) -> bool:
    """Whether presets of a collection can be drawn by every prior there is."""
    try:
        for prior in PRIORS:
            check_prior(prior, collection)
    except InputError:
        return False
    return True


def _collections() -> list[str]:
    """The names of the collections to hear, each as often as its share, well mixed."""
    found = [
        (place / (SHARES.get(name, 1) + 1), name)
        for name, collection in COLLECTIONS.items()
        if collection.plays is not None and (engine := find_engine(collection)) is not None and not engine.extra
        for place in range(1, SHARES.get(name, 1) + 1)
    ]
    return [name for _, name in sorted(found)]


class _Examples:
    """What the listener reads of sounds and should tell of them, by number; the last ones are kept."""

    def __init__(self, pool: _Pool, config: ListeningConfig, pitches: range):
        self.pitches = pitches
        self._pool = pool
        self._config = config
        self._kept: OrderedDict[int, tuple[Features, Targets]] = OrderedDict()

    def __getitem__(self, number: int) -> tuple[Features, Targets]:
        if number not in self._kept:
            random = np.random.default_rng((self._config.seed, 1, number))
            latest = number // (CHUNK * SEEN) + POOL // 4
            chunk = self._pool[int(random.integers(max(0, latest - POOL), latest + 1))]
            sound, target = recorded(chunk[int(random.integers(len(chunk)))], random, self.pitches)
            heard = features(torch.from_numpy(sound)[None])
            self._kept[number] = heard, as_present(target, heard.pitched[0].numpy(), self.pitches)
            while len(self._kept) > AGAIN + self._config.batch_size:
                self._kept.popitem(last=False)
        return self._kept[number]


def _batch(
    examples: _Examples, step: int, config: ListeningConfig
) -> tuple[Features, dict[str, torch.Tensor], list[range]]:
    """What is read in a step; the targets, by field; and which pitches are told of every sound, by their places."""
    random = np.random.default_rng((config.seed, 2, step))
    new = -(-config.batch_size // 2)
    numbers = list(range(step * new, (step + 1) * new))
    numbers += random.integers(max(0, numbers[0] - AGAIN), numbers[0] + 1, config.batch_size - new).tolist()
    # The older ones first, so that what is kept is what comes again.
    chosen = {number: examples[number] for number in sorted(numbers)}
    heard = [chosen[number][0] for number in numbers]
    parts, places = [], []
    for number in numbers:
        target = chosen[number][1]
        used = np.flatnonzero(target.sounding.any(axis=1))
        # All pitches that sound are among them, if there is room.
        low, high = (used[0], used[-1]) if len(used) else (0, 0)
        most = len(examples.pitches) - PART
        first = (
            int(random.integers(min(max(high - PART + 1, 0), most), max(min(low, most), 0) + 1))
            if len(used) and high - low < PART
            else int(random.integers(0, most + 1))
        )
        places.append(range(first, first + PART))
        cut = {name: getattr(target, name)[first : first + PART] for name in ("onset", "sounding", "velocity")}
        parts.append(replace(target, **cut))
    fields = {
        name: torch.from_numpy(np.stack([np.asarray(getattr(one, name), np.float32) for one in parts]))
        for name in Targets.__dataclass_fields__
    }
    return Features(*(torch.cat(values) for values in zip(*heard, strict=True))), fields, places


def recorded(phrase: Phrase, random: np.random.Generator, pitches: range) -> tuple[np.ndarray, Targets]:
    """A take as somebody might hand it over, and what a listener should tell of it.

    Args:
        phrase: the take and its notes.
        random: numbers.
        pitches: that the listener tells.

    Returns:
        The sound, float32, shape (`SECONDS` * `SAMPLE_RATE`,); and the targets.
    """
    length = round(SECONDS * SAMPLE_RATE)
    cents = random.uniform(-DETUNE_CENTS, DETUNE_CENTS) if random.random() < DETUNED else 0.0
    take = tuned(phrase.take, cents)
    notes = phrase.notes.copy()
    notes[:, 0] += cents / 100
    notes[:, 2:] /= 2 ** (cents / 1200)
    number = int(random.integers(len(notes)))
    seen, before = (2, 0.5) if random.random() < STARTS else (3, 0.9)
    start = notes[number, seen] - random.uniform(0.05, before) * SECONDS
    first = round(start * SAMPLE_RATE)
    clean = np.zeros(length, np.float32)
    piece = take[max(first, 0) : max(first + length, 0)][: length - max(-first, 0)]
    clean[max(-first, 0) : max(-first, 0) + len(piece)] = piece
    notes[:, 2:] -= first / SAMPLE_RATE
    if random.random() < CUT:
        ends = random.uniform(0.25, 1.0) * SECONDS
        clean[round(ends * SAMPLE_RATE) :] = 0
        notes = notes[notes[:, 2] < ends]
        notes[:, 3] = np.minimum(notes[:, 3], ends)
    peak = float(np.abs(clean).max())
    tonal = phrase.tonal
    # As loud as it is, or as anybody may have turned it.
    if peak > 1e-3:
        clean = clean * np.float32(10 ** (random.uniform(*LEVEL_DB) / 20) / peak)
    else:
        tonal = 0.0
    sound, noise_db = disturbed(in_a_room(clean, random), random)
    return sound, targets(clean, notes, tonal, noise_db, pitches)


def _progress(step: int, steps: int | None, seconds: float, minutes: float | None) -> float:
    """How much of a run is done: 0 to 1."""
    by_steps = step / steps if steps else 0.0
    return max(by_steps, seconds / 60 / minutes if minutes else 0.0)


def _set_rate(optimizer: torch.optim.Optimizer, highest: float, step: int, done: float) -> None:
    """Up over the first steps, then down along a cosine."""
    rate = highest * min(1.0, (step + 1) / 50) * (0.03 + 0.97 * (1 + math.cos(math.pi * done)) / 2)
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def _average(averaged: NoteListener, listener: NoteListener, stays: float) -> None:
    for mine, latest in zip(averaged.parameters(), listener.parameters(), strict=True):
        mine.lerp_(latest, 1 - stays)


def _keep(
    place: Path,
    settings: dict[str, Any],
    step: int,
    seconds: float,
    listener: NoteListener,
    averaged: NoteListener,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the state of a run, whole, and the listener as it is by now."""
    place.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    state = {
        "settings": json.dumps(settings),
        "step": step,
        "seconds": seconds,
        "listener": listener.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, written)
    write_whole(place / STATE, written.getvalue())
    averaged.save(place, {"settings": settings, "steps": step, "seconds": round(seconds, 1)})


_NO_STATE = (
    pickle.UnpicklingError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    OSError,
)
"""What loading raises for a state that is cut off, damaged or of something else."""


def _restore(
    place: Path,
    settings: dict[str, Any],
    listener: NoteListener,
    averaged: NoteListener,
    optimizer: torch.optim.Optimizer,
) -> tuple[int, float]:
    """Go back to the state of a run; how many steps are done, and the seconds that they took.

    Raises:
        InputError: there is none, or it is of another run.
    """
    path = place / STATE
    if not path.is_file():
        raise InputError(f"{place.parent} has no run to go on with; leave --resume away.")
    try:
        state = torch.load(path, weights_only=True)
        told = json.loads(state["settings"])
        if told != settings:
            others = [name for name in settings if told.get(name) != settings[name]]
            raise InputError(f"The run in {place.parent} has another {', '.join(others)}; go on with the same options.")
        listener.load_state_dict(state["listener"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = int(state["step"]), float(state["seconds"])
        if step < 0 or not seconds >= 0 or not all(bool(value.isfinite().all()) for value in listener.parameters()):
            raise ValueError("numbers that no run has")
        return step, seconds
    except _NO_STATE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no state of a run; delete it and start anew.") from error


def _clear(place: Path) -> None:
    """Take the state of a finished run away."""
    for name in (STATE, f"{LISTENER}.safetensors", f"{LISTENER}.json"):
        (place / name).unlink(missing_ok=True)
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()
