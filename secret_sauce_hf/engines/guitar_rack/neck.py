"""Which string plays a note, until when, and how that string vibrates.

Strings: a set of 0.012 to 0.054 inch, tuned E2 to E4, on a scale of 648 mm; string 0 is the lowest. Note 60 at
velocity 120 is the B string at its first fret, plucked as in 2018; everything else follows from it.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.guitar_rack import string as modes
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.guitar_rack import FRETS, TUNING
from secret_sauce_hf.instruments.notes import Note

STRINGS = len(TUNING)
PITCHES = range(TUNING[0], TUNING[-1] + FRETS + 1)
_REFERENCE = (4, 1)
"""String and fret of the note of 2018."""
_REFERENCE_VELOCITY = 120

# Of every string, the lowest first: mass in kg/m (after D'Addario's charts of unit weights), and the diameter in
# metres of what resists bending: the core of the three wound ones (a guess), the whole of the plain ones.
_MASSES = (9.61e-3, 5.76e-3, 3.46e-3, 1.58e-3, 1.01e-3, 5.7e-4)
_CORES = (4.6e-4, 4.1e-4, 3.6e-4, 5.1e-4, 4.1e-4, 3.05e-4)
_DOUBLING = 48.0
"""So many steps of velocity softer, the plectrum takes twice as long to let go; a guess."""


class Pluck(NamedTuple):
    """One note on its string; times in samples of the take.

    Args:
        string: the string's number, from the lowest.
        fret: the fret, 0 for the open string.
        velocity: MIDI velocity.
        start: when it is let go.
        release: when the finger leaves it and it is damped.
        choke: when the same string is plucked again; None if it is not.
    """

    string: int
    fret: int
    velocity: int
    start: int
    release: int
    choke: int | None


class Modes(NamedTuple):
    """The modes of a string that is let go with full force, of both planes; float64, (modes,), the lowest first.

    Args:
        amplitudes: of the velocity under the pickup.
        omegas: angular frequencies, in 1/s.
        harmonics: what these would be were the string not stiff.
        losses: decay rates while it is held, in 1/s.
        dampers: decay rates that the damper adds, in 1/s.
    """

    amplitudes: np.ndarray
    omegas: np.ndarray
    harmonics: np.ndarray
    losses: np.ndarray
    dampers: np.ndarray


def string_for(pitch: int, free: Sequence[int]) -> int | None:
    """The free string that plays a note at the lowest fret; None if none of them reaches it.

    Args:
        pitch: a MIDI number.
        free: numbers of strings.
    """
    return max((string for string in free if 0 <= pitch - TUNING[string] <= FRETS), default=None)


def on_strings(notes: Sequence[Note], samples: Sequence[tuple[int, int]], where: str) -> list[Pluck]:
    """Give every note its string, as a player would who knows what comes no further than the next chord.

    Notes are given strings in the order of their onsets, of one onset the highest first. A note that a held string
    sounds already plucks this string again. Any other takes, of the strings whose note has been released or that have
    none, the one that reaches it at the lowest fret. If no such string reaches it, it takes the one among those that
    reach it whose note has sounded longest. What a string sounded before is choked.

    Args:
        notes: of one row, in the order of their onsets.
        samples: when each starts and ends, in samples of the take.
        where: names the row for messages.

    Returns:
        One for each note, in the order in which they are given strings; of two notes alike that start together, one.

    Raises:
        InputError: more notes are held than there are strings, or notes that start together need the same string.
    """
    order = sorted(range(len(notes)), key=lambda number: (samples[number][0], -notes[number].pitch))
    strings: dict[int, int] = {}
    choked: dict[int, int] = {}
    # The last note of every string, and when the last of every pitch ends.
    last: dict[int, int] = {}
    ends: dict[int, int] = {}
    for number in order:
        pitch, (start, end) = notes[number].pitch, samples[number]
        ends[pitch] = end
        if (count := sum(other == pitch or ends[other] > start for other in ends)) > STRINGS:
            raise InputError(
                f"{where}, {_named(notes[number])}: {count} notes are held at once, and there are {STRINGS} strings; "
                "leave notes out, or let them end earlier."
            )
        held = {string: other for string, other in last.items() if samples[other][1] > start}
        string = next((string for string, other in held.items() if notes[other].pitch == pitch), None)
        if string is None:
            string = string_for(pitch, [string for string in range(STRINGS) if string not in held])
        if string is None:
            reaching = [string for string in held if string_for(pitch, [string]) is not None]
            string = min(reaching, key=lambda string: (samples[held[string]][0], -string))
            if samples[held[string]][0] == start:
                raise InputError(
                    f"{where}, {_named(notes[number])}: it needs the string of {_named(notes[held[string]])}, which "
                    "starts with it; move one of them to another octave, or let it start later."
                )
        if string in last:
            choked[last[string]] = start
        last[string] = number
        strings[number] = string
    plucks = []
    for number, string in strings.items():
        note, (start, end), choke = notes[number], samples[number], choked.get(number)
        if choke != start:
            plucks.append(Pluck(string, note.pitch - TUNING[string], note.velocity, start, end, choke))
    return plucks


def _named(note: Note) -> str:
    return f"pitch {note.pitch} at {note.onset:g} s"


@lru_cache(maxsize=STRINGS * (FRETS + 1))
def string_modes(string: int, fret: int) -> Modes:
    """The modes of a string stopped at a fret, as far as they matter.

    A string stopped at fret n sounds 2^(n/12) times shorter, and the plectrum and the pickup are as many times
    further along it. B = π³ E d⁴ / (64 T l²), with the tension T = 4 μ l² f² of the open string, as in the string
    of 2018 but for d, T and l (Fletcher and Rossing, "The Physics of Musical Instruments", 2.18). The losses of air
    and ends grow with the root of the fundamental, so that E2 rings for about 6 s and E6 for 1.5 s (a guess).
    """
    fundamental = modes.FUNDAMENTAL * float(elementary.power(2.0, (TUNING[string] + fret - 60) / 12))
    inharmonicity = modes.INHARMONICITY * _stiffness(string, fret) / _stiffness(*_REFERENCE)
    hertz = modes.mode_hertz(fundamental, inharmonicity)
    hertz = hertz[hertz < 1.15 * modes.HIGHEST_HERTZ]
    amplitudes = modes.mode_amplitudes(len(hertz), float(elementary.power(2.0, (fret - _REFERENCE[1]) / 12)))
    # Above the note of 2018 the planes beat no faster than there, so that both stay in tune.
    detuning = min(1.0, modes.FUNDAMENTAL / fundamental) / 1200
    detuned = [hertz * elementary.power(2.0, cents * detuning) for _, cents, _ in modes.PLANES]
    omegas = 2.0 * np.pi * np.concatenate(detuned)
    held = modes.LOSS * np.sqrt(fundamental / modes.FUNDAMENTAL)
    factors = np.repeat([factor for _, _, factor in modes.PLANES], len(hertz))
    shares = np.repeat([share for share, _, _ in modes.PLANES], len(hertz))
    found = Modes(
        shares * np.tile(amplitudes, len(modes.PLANES)),
        omegas,
        np.tile(2.0 * np.pi * fundamental * np.arange(1, len(hertz) + 1), len(modes.PLANES)),
        factors * (held + modes.LOSS_BY_SQUARE * omegas**2),
        modes.DAMPER_LOSS + modes.DAMPER_LOSS_BY_SQUARE * omegas**2,
    )
    # Both planes of a mode beside each other.
    order = np.argsort(omegas)
    return Modes(*(values[order] for values in found))


def _stiffness(string: int, fret: int) -> float:
    """What B is in proportion to: d⁴ / (T l²), and T to μ f², as the open strings are equally long."""
    tension = _MASSES[string] * elementary.power(2.0, TUNING[string] / 6)
    return float(_CORES[string] ** 4 / tension * elementary.power(2.0, fret / 6))


def pluck_gains(velocity: int, harmonics: np.ndarray) -> np.ndarray:
    """Gain of every mode for a velocity: a harder pluck is louder, and lets go faster, so that it is brighter.

    Force grows in proportion to velocity, and a string moves in proportion to force.

    Args:
        velocity: MIDI velocity; at 120 the plectrum lets go as fast as in 2018, and the gain of low modes is 1.
        harmonics: of `Modes`.
    """
    seconds = modes.RELEASE_SECONDS * elementary.power(2.0, (_REFERENCE_VELOCITY - velocity) / _DOUBLING)
    return velocity / _REFERENCE_VELOCITY * elementary.exp(-0.5 * (harmonics * seconds) ** 2)
