"""Which MIDI controllers a plug-in answers to, found by ear: no plug-in lists them.

Each controller is sent at several values before a note, and what is heard is compared with the note alone. What no
value changes is sent during the note, and once more with what was found before moved: a resonance is not heard where
the filter is wide open. A plug-in whose takes differ by chance is compared by its spectra, and answers where it
differs more than by chance.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from secret_sauce_hf.engines.plugin.failures import WorkerFault
from secret_sauce_hf.engines.plugin.process import RATE, Worker
from secret_sauce_hf.engines.plugin.repeating import CHANGED, agreement

_NOT_ASKED = {
    # Bank select, data entry and what it is for, the pedals that hold notes, the fine part of a velocity.
    *(0, 32, 6, 38, *range(96, 102)),
    *(64, 66, 69, 88),
}
CONTROLLERS = tuple(number for number in range(1, 120) if number not in _NOT_ASKED)
"""Those that are tried; from 120 on they are no controllers."""
NAMES = {
    1: "mod_wheel",
    2: "breath",
    4: "foot",
    5: "portamento_time",
    7: "volume",
    8: "balance",
    10: "pan",
    11: "expression",
    12: "effect_1",
    13: "effect_2",
    65: "portamento",
    67: "soft_pedal",
    68: "legato",
    70: "sound_variation",
    71: "resonance",
    72: "release_time",
    73: "attack_time",
    74: "cutoff",
    75: "decay_time",
    76: "vibrato_rate",
    77: "vibrato_depth",
    78: "vibrato_delay",
    84: "portamento_from",
    91: "reverb",
    92: "tremolo",
    93: "chorus",
    94: "detune",
    95: "phaser",
}
"""What the MIDI standard, and its recommended practice 21, call controllers."""
_FINE = 32
"""Controllers 32 to 63 are the fine parts of those 32 below them."""
_TRIED = (0, 42, 85, 127)
_SWEEP = (*range(0, 127, 8), 127)
_MOST_POSITIONS = 8
_BLOCK = 441
_LEAD, _SAMPLES, _HELD = 20 * _BLOCK, 60 * _BLOCK, 45 * _BLOCK
_DURING = _LEAD + 20 * _BLOCK
"""Samples: a note of 0.45 s in a take of 0.6 s, controllers 0.2 s before it or after it has begun."""
_REFERENCES = 4
_EXACT, _LEAST_DECIBELS = 1e-7, 0.3
_BANDS = 24


@dataclass(frozen=True)
class Controller:
    """A controller that changes the sound of a note.

    Args:
        number: of the controller, 1 to 119.
        codes: a value for each of its positions, if it is a switch; empty of a knob.
        left_out: why it is no parameter of an instrument; empty if it is.
    """

    number: int
    codes: tuple[int, ...] = ()
    left_out: str = ""


@dataclass(frozen=True)
class Hearing:
    """What was found by listening.

    Args:
        found: the controllers that change the sound, ascending.
        takes: how many were listened to.
        seconds: what they took.
        repeats: whether two takes of the same are the same.
    """

    found: tuple[Controller, ...]
    takes: int
    seconds: float
    repeats: bool

    def __str__(self) -> str:
        used = sum(not one.left_out for one in self.found)
        pace = self.takes / max(self.seconds, 1e-9)
        return (
            f"answers to {used} of {len(CONTROLLERS)} controllers, by {self.takes:,} takes, {pace:.0f} a second; "
            f"{'it repeats itself' if self.repeats else 'its takes differ by chance, and are compared by spectra'}"
        )


def find_controllers(start: Callable[[], Worker], seconds: float) -> Hearing:
    """Find the controllers that a plug-in answers to.

    Every take starts from the plug-in as it is when it is loaded: in a copy of its process on Linux, else loaded anew.

    Args:
        start: starts a process that has loaded it.
        seconds: what a take may last.

    Raises:
        WorkerFault: the plug-in does not survive a note.
    """
    listener = _Listener(start, seconds)
    try:
        return _found(listener)
    finally:
        listener.close()


def _found(listener: "_Listener") -> Hearing:
    alone = listener.compared({})
    heard = {number: alone for number in CONTROLLERS if alone.changed(number, _TRIED)}
    during = {number for number in CONTROLLERS if number not in heard and alone.changed(number, (0, 127), _DURING)}
    # What was found is moved together: from a quarter on, until something sounds.
    for value in (32, 64, 96) if heard else ():
        moved = listener.compared(dict.fromkeys(sorted(heard), value))
        if moved.audible:
            heard |= {n: moved for n in CONTROLLERS if n not in heard and moved.changed(n, (0, 64, 127))}
            break
    found = []
    for number in sorted(heard.keys() | during):
        if number >= _FINE and number - _FINE in heard and number - _FINE < _FINE:
            found.append(Controller(number, (), f"is the fine part of controller {number - _FINE}"))
        elif number in heard:
            found.append(Controller(number, heard[number].positions(number)))
        else:
            found.append(Controller(number, (), "is heard only where it is sent while a note sounds"))
    return Hearing(tuple(found), listener.takes, listener.seconds, alone.repeats)


class _Listener:
    """Takes of one note, with controllers sent."""

    def __init__(self, start: Callable[[], Worker], seconds: float) -> None:
        self._start, self._limit = start, seconds
        self._reset = "fork" if sys.platform == "linux" else "fresh"
        self._worker: Worker | None = None
        self.takes, self.seconds = 0, 0.0

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def take(self, sent: Sequence[tuple[int, int, int]]) -> np.ndarray:
        """The take of controllers (number, value, sample).

        Raises:
            WorkerFault: the plug-in does not survive it.
        """
        if self._worker is None or not self._worker.alive:
            self._worker = self._start()
        asked = {
            "reset": self._reset,
            "indices": [],
            "controls": sorted(map(list, sent), key=lambda one: one[2]),
            "notes": [[60, 100, _LEAD, _LEAD + _HELD]],
            "lead": 0,
            "samples": _LEAD + _SAMPLES,
            "block": _BLOCK,
        }
        begun = time.perf_counter()
        sound = self._worker.take(asked, np.zeros(0, np.float32), seconds=self._limit)[_LEAD:]
        self.takes, self.seconds = self.takes + 1, self.seconds + time.perf_counter() - begun
        return sound

    def compared(self, context: Mapping[int, int]) -> "_Context":
        """What takes are compared with: some of a note alone, after some controllers that stay as they are."""
        sent = [(number, value, 0) for number, value in context.items()]
        return _Context(self, sent, [self.take(sent) for _ in range(_REFERENCES)])


class _Context:
    """Takes of the same, what they differ by among each other, and what a controller changes in them."""

    def __init__(self, listener: _Listener, sent: list[tuple[int, int, int]], references: Sequence[np.ndarray]) -> None:
        self._listener, self._sent = listener, sent
        self._references = [(one, _spectra(one)) for one in references]
        shapes, spectra = zip(
            *(
                _distances(one, other)
                for place, one in enumerate(self._references)
                for other in self._references[:place]
            ),
            strict=True,
        )
        self._floors = max(shapes), max(spectra)
        self.audible = max(np.abs(one).max() for one in references) > 1e-3
        self.repeats = self._floors[0] <= _EXACT

    def changed(self, number: int, values: Sequence[int], at: int = 0) -> bool:
        """Whether one of some values of a controller changes the sound, sent at a sample."""
        return any(self._apart(self._take(number, value, at)) for value in values)

    def positions(self, number: int) -> tuple[int, ...]:
        """A value for each position of a switch; empty where a controller is a knob, or nobody can tell.

        A switch sounds the same over wide ranges of values, which two takes by chance do not show.
        """
        if not self.repeats:
            return ()
        sounds = [self._take(number, value, 0) for value in _SWEEP]
        kinds: list[int] = []
        for place, sound in enumerate(sounds):
            same = place and _distances(sound, sounds[place - 1])[0] <= _EXACT
            kinds.append(kinds[-1] if same else place)
        runs = [[_SWEEP[place] for place, _ in run] for _, run in groupby(enumerate(kinds), key=lambda one: one[1])]
        if not 2 <= len(runs) <= _MOST_POSITIONS or min(map(len, runs)) < 2:
            return ()
        return (0, *(run[len(run) // 2] for run in runs[1:-1]), 127)

    def _take(self, number: int, value: int, at: int) -> tuple[np.ndarray, np.ndarray] | None:
        try:
            sound = self._listener.take([*self._sent, (number, value, at)])
        except WorkerFault:
            return None
        return sound, _spectra(sound)

    def _apart(self, told: tuple[np.ndarray, np.ndarray] | None) -> bool:
        """Whether a take differs from all references by more than they do from each other; a lost one does not."""
        if told is None:
            return False
        shape, spectrum = np.min([_distances(told, one) for one in self._references], axis=0)
        return bool(
            shape > max(1 - CHANGED, 2 * self._floors[0]) or spectrum > max(_LEAST_DECIBELS, 2 * self._floors[1])
        )


def _distances(
    one: tuple[np.ndarray, np.ndarray] | None, other: tuple[np.ndarray, np.ndarray] | None
) -> tuple[float, float]:
    """How far two takes are apart: one less their agreement, and decibels between their spectra."""
    if one is None or other is None:
        return (0.0, 0.0) if one is other else (np.inf, np.inf)
    return 1 - agreement(one[0], other[0]), float(np.abs(one[1] - other[1]).mean())


def _spectra(sound: np.ndarray) -> np.ndarray:
    """Levels in decibels, of four parts of a take in bands of a third of an octave and more: (parts, bands)."""
    parts = sound[: len(sound) // 4 * 4].reshape(4, -1)
    power = np.abs(np.fft.rfft(parts * np.hanning(parts.shape[1]))) ** 2
    edges = np.geomspace(60, RATE / 2, _BANDS + 1) * parts.shape[1] / RATE
    bands = np.add.reduceat(power, np.unique(edges.astype(np.intp))[:-1], axis=1)
    return 10 * np.log10(bands + 1e-6)
