"""The TAL-NoiseMaker as the collections use it: slots of a session, takes cut out of them.

What runs per sample is in `voice`; which voice plays which note, in `planning`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.dsp.takes import cut_takes, render_groups
from secret_sauce_hf.engines.noisemaker import envelopes, lfo, oscillators, planning, voice
from secret_sauce_hf.engines.noisemaker.recorded import recorded_positions
from secret_sauce_hf.engines.noisemaker.settings import RATE, VOICES, lane_settings, noise_states, pitch_table
from secret_sauce_hf.instruments import SAMPLE_RATE, Timing, get_instrument
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.original.table import are_original
from secret_sauce_hf.presets import Presets, row_random

_RING = RATE
"""Samples of the slot before, at its end, that are heard in a take: the high-pass rings on."""
_HEARD = 17_640
"""What had ended longer before a slot's end is not: it is 150 dB down."""

_SAMPLES_TOGETHER = 2**19
"""So many samples of takes are resampled together, of eight rows at least, which bounds the memory of long takes."""


@cache
def _tables() -> voice.Tables:
    return voice.Tables(
        envelopes.onset_sweep(),
        oscillators.beside(oscillators.step_residual()),
        oscillators.beside(oscillators.corner_residual()),
        lfo.sine_table(),
        pitch_table(),
    )


class _Rows(NamedTuple):
    """What rows of presets are to the voices."""

    settings: np.ndarray
    """Of `lane_settings`."""
    generators: np.ndarray
    """The state of the oscillators' noise at the first note-on of each voice, uint32, (rows, `VOICES`, 2)."""
    seeds: np.ndarray
    """The state of the filters' noise then, uint32, (rows, `VOICES`)."""
    notes: Performances

    def __len__(self) -> int:
        return len(self.settings)


def _rows(presets: Presets, noise_seed: int | None, first_row: int, same_noise: bool = False) -> _Rows:
    raw = row_random(noise_seed or 0, first_row, len(presets), 2, stream=1, same=same_noise)
    # The first voice has its numbers since 2018's one note; those of the others are drawn beside them.
    more = row_random(noise_seed or 0, first_row, len(presets), 2 * (VOICES - 1), stream=3, same=same_noise)
    raw = np.concatenate([raw, more], axis=1).reshape(len(presets), VOICES, 2)
    # Any point of the plug-in's own stream may be where a take's noise begins.
    positions = raw[:, :, :1] >> np.array([0, 32], np.uint64)
    if noise_seed is None:
        recorded = np.flatnonzero(are_original(presets, first_row))
        if recorded.size:
            positions[recorded, 0] = recorded_positions(presets.collection.name)[first_row + recorded]
    return _Rows(
        settings=lane_settings(presets.complete_unit()),
        generators=noise_states(positions & np.uint64(0xFFFFFFFF)),
        seeds=(raw[:, :, 1] & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        notes=presets.performances,
    )


class _Session:
    """Rows and what they play, each with the row before it where there is one.

    Args:
        timing: of a slot.
        samples: of a take, at `SAMPLE_RATE`.
        rows: the rows.
        before: the row before each, of which nothing is kept but the state; None to start from silence.
    """

    def __init__(self, timing: Timing, samples: int, rows: _Rows, before: _Rows | None):
        slot = 0 if before is None else round(timing.slot * RATE)
        # Times are samples from the start of the slot before, or else of a row's own.
        self.load = -1 if before is None else slot + round(timing.patch * RATE)
        self.keep_from = slot + round(timing.cut[0] * RATE)
        self.end = self.keep_from + samples * (RATE // SAMPLE_RATE)
        self.begin = self.keep_from if before is None else max(slot - _RING, 0)
        self.heard_from = max(slot - _HEARD, 0)
        self.together = max(_SAMPLES_TOGETHER // (self.end - self.begin), 8)
        # What a group has worked in, for the next one: fresh memory costs more than what is done in it.
        self._spare: list[np.ndarray] = []
        self._set_notes(timing, slot, rows, before)
        both = (rows if before is None else before, rows)
        self.settings = np.stack([one.settings for one in both], axis=1)
        self.seeds = np.stack([one.seeds for one in both], axis=1)
        self.generators = np.stack([one.generators for one in both], axis=1)

    def _set_notes(self, timing: Timing, slot: int, rows: _Rows, before: _Rows | None) -> None:
        """What every row plays and the row before it, in the order of time."""
        parts = [rows.notes] if before is None else [before.notes, rows.notes]
        row, pitch = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "pitch"))
        on, off = (
            _samples(timing.cut[0], np.concatenate([getattr(p, name) for p in parts])) for name in ("onset", "end")
        )
        own = np.concatenate([np.full(len(part.pitch), part is rows.notes) for part in parts])
        # A slot ends with the release of whatever is held.
        off = np.where(own, slot + off, np.minimum(off, slot))
        played = np.flatnonzero(own | (on < slot))
        on = on + slot * own
        order = played[np.lexsort((played, on[played], row[played]))]
        self.on, self.pitch, self.own = on[order], pitch[order], own[order].astype(np.int64)
        self.off = np.maximum(off[order], self.on + 1)
        self.first = np.searchsorted(row[order], np.arange(len(rows) + 1))

    def groups(self) -> list[np.ndarray]:
        """The rows in groups that are best played together: about as long, with as many voices as there are lanes."""
        voices, sounding = np.ones(len(self.first) - 1, np.int64), np.zeros(len(self.first) - 1, np.int64)
        planning.measure(self.first, self.on, np.minimum(self.off, self.end), self.own, voices, sounding)
        groups: list[list[int]] = []
        used = LANES
        for row in np.lexsort((-sounding, -voices)):
            used += voices[row]
            if used > LANES:
                groups.append([])
                used = voices[row]
            groups[-1].append(row)
        return [np.array(group) for group in groups]

    def takes(self, wanted: np.ndarray) -> np.ndarray:
        """The takes of some rows: int16, (rows, samples)."""
        of_rows = [np.arange(self.first[row], self.first[row + 1]) for row in wanted]
        notes = np.concatenate(of_rows)
        rows = planning.Rows(
            np.concatenate([[0], np.cumsum([len(some) for some in of_rows])]),
            self.on[notes],
            self.off[notes],
            self.pitch[notes],
            self.own[notes],
            *(values[wanted].reshape(-1, *values.shape[2:]) for values in (self.settings, self.seeds, self.generators)),
        )
        found = planning.empty_plan(len(wanted), len(notes))
        tables = _tables()
        lives, events = planning.plan(rows, self.load, self.end, tables.sine, found)
        numbers = found.numbers[:lives]
        by_life = np.argsort(found.events[:events, planning.LIFE], kind="stable")
        found = found._replace(events=found.events[by_life])
        first = np.searchsorted(found.events[:, planning.LIFE], np.arange(lives + 1))

        lasts = numbers[:, planning.BEGIN] + numbers[:, planning.LENGTH] - numbers[:, planning.PREPARED]
        heard = (numbers[:, planning.BEGIN] >= 0) & (lasts > self.heard_from)
        used = np.zeros((len(wanted), VOICES), np.int64)
        used[numbers[heard, planning.ROW], numbers[heard, planning.VOICE]] = 1
        # A row in which nothing sounds has a track, too.
        used[:, 0] |= ~used.any(axis=1)
        tracks = np.cumsum(used).reshape(used.shape) - 1
        try:
            space = self._spare.pop()
        except IndexError:
            space = np.empty((LANES, self.end - self.begin), np.float32)
        mix = space[: used.sum()]
        mix[:] = 0.0
        chosen = np.flatnonzero(heard)
        chosen = chosen[np.argsort(-numbers[chosen, planning.LENGTH], kind="stable")]
        for start in range(0, len(chosen), LANES):
            some = chosen[start : start + LANES]
            voice.play(some, found, lives, first, rows.settings, tables, tracks, mix, self.begin)
        voice.sum_tracks(mix, np.concatenate([[0], np.cumsum(used.sum(axis=1))]))
        sound = mix[: len(wanted), self.keep_from - self.begin :]
        starts = range(0, len(wanted), self.together)
        takes = [cut_takes(sound[row : row + self.together].T, RATE, SAMPLE_RATE) for row in starts]
        self._spare.append(space)
        return np.concatenate(takes)


def _samples(start: float, seconds: np.ndarray) -> np.ndarray:
    return np.rint((start + seconds) * RATE).astype(np.int64)


class NoiseMaker(Engine):
    """TAL-NoiseMaker; a note starts in the state that the one before it left, and sets what turns to its start."""

    name = "noisemaker"
    version = "1"
    parameters = get_instrument("noisemaker").parameters
    remembers = True
    plays = range(128)
    voices = VOICES
    batch = LANES
    emulates = (
        "a reimplementation from measurements of the plug-in (DISTRHO port 3.22): oscillators, filter, envelopes, LFO "
        "and the onset's click, in the one base preset of 2018"
    )
    guesses = "nothing; but the plug-in's noise generators run freely, so that of noise only the character is the same"

    def _render(self, job: Job) -> np.ndarray:
        presets, preceding, first_row = job.presets, job.preceding, job.first_row
        if job.in_session and preceding is None and len(presets):
            # The very first row has none before it: its slot starts from silence.
            alone = _render_rows(presets[:1], None, job.noise_seed, first_row, False)
            others = first_row if job.same_noise else first_row + 1
            rest = _render_rows(presets[1:], presets[:1], job.noise_seed, others, job.same_noise)
            return np.concatenate([alone, rest])
        return _render_rows(presets, preceding, job.noise_seed, first_row, job.same_noise)


def _render_rows(
    presets: Presets, preceding: Presets | None, noise_seed: int | None, first_row: int, same_noise: bool
) -> np.ndarray:
    """Render rows from silence, or in the session that `preceding` begins."""
    samples = presets.collection.samples
    if not len(presets):
        return np.empty((0, samples), np.int16)
    rows = _rows(presets, noise_seed, first_row, same_noise)
    before = None
    if preceding is not None:
        ahead = _rows(preceding, noise_seed, first_row if same_noise else max(first_row - 1, 0))
        before = _Rows(
            np.concatenate([ahead.settings, rows.settings[:-1]]),
            np.concatenate([ahead.generators, rows.generators[:-1]]),
            np.concatenate([ahead.seeds, rows.seeds[:-1]]),
            Performances.concatenated([ahead.notes, rows.notes.select(np.arange(len(rows) - 1))]),
        )
    session = _Session(presets.collection.timing, samples, rows, before)
    return render_groups(len(rows), samples, session.takes, session.groups())
