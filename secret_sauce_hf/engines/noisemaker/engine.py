"""The TAL-NoiseMaker as the collections use it: slots of a session, takes cut out of them.

What runs per sample is in `voice`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from secret_sauce_hf.engines.base import Engine, Job, note_ends_early
from secret_sauce_hf.engines.dsp.lanes import LANES, every_lane
from secret_sauce_hf.engines.dsp.takes import cut_takes, render_groups
from secret_sauce_hf.engines.noisemaker import envelopes, ladder, lfo, oscillators, voice
from secret_sauce_hf.engines.noisemaker.recorded import recorded_positions
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, Timing, get_instrument
from secret_sauce_hf.original.table import are_original
from secret_sauce_hf.presets import Presets, row_random

_NOTHING = np.zeros(0, np.float32)


@cache
def _tables(note_samples: int) -> voice.Tables:
    return voice.Tables(
        envelopes.onset_sweep(note_samples),
        oscillators.beside(oscillators.step_residual()),
        oscillators.beside(oscillators.corner_residual()),
        lfo.sine_table(),
    )


class _Rows(NamedTuple):
    """What rows of presets play."""

    settings: np.ndarray
    """Of `lane_settings`."""
    generators: np.ndarray
    """The state of the oscillators' noise at note-on, uint32, (rows, 2)."""
    seeds: np.ndarray
    """The state of the filter's noise at note-on, uint32, (rows,)."""

    def select(self, indices: np.ndarray) -> "_Rows":
        return _Rows(*(values[indices] for values in self))


class _Session:
    """LANES voices and the order in which a slot of the session plays them.

    Args:
        timing: of a slot.
        samples: of a take, at `SAMPLE_RATE`.
        used: of how many lanes, the first, the takes are wanted.
        rows: what the lanes play.
        before: what they play in the slot before, of which nothing is kept but the state; None
            to start from silence.
    """

    def __init__(self, timing: Timing, samples: int, used: int, rows: _Rows, before: _Rows | None):
        self.used = used
        self.note_on = round(timing.note_on * voice.RATE)
        self.note_samples = round((timing.note_off - timing.note_on) * voice.RATE)
        self.cut = round(timing.cut[0] * voice.RATE)
        self.take_samples = samples * (voice.RATE // SAMPLE_RATE)
        longest = self.take_samples if before is None else max(self.note_samples, self.take_samples)
        self.tables = _tables(_whole_blocks(longest))
        first = rows if before is None else before
        self.lanes = voice.Lanes(
            settings=np.empty((LANES, voice.SETTINGS)),
            state=np.zeros((LANES, voice.STATES)),
            generators=first.generators.copy(),
            pending=np.zeros((2, LANES, oscillators.SPREAD)),
            delay=np.zeros((LANES, voice.TRIANGLE_DELAY)),
            filter_state=np.zeros(ladder.STATE_ROWS * LANES, np.float32),
            filter_constants=np.empty(ladder.CONSTANT_ROWS * LANES, np.float32),
            filter_seeds=first.seeds.copy(),
            dc_state=np.zeros(2 * LANES, np.float32),
        )
        # A fresh instance, silent, with its cutoff settled.
        self.load(first)
        self.lanes.state[:, voice.SMOOTH_CUTOFF] = first.settings[:, voice.CUTOFF]
        self.settle()
        self.elapsed = 0
        if before is not None:
            self.play_slot()
            self.next_slot(rows)

    def load(self, rows: _Rows) -> None:
        """Send every lane its preset."""
        self.rows = rows
        self.lanes.settings[:] = rows.settings
        resonance = rows.settings[:, voice.RESONANCE]
        constants = self.lanes.filter_constants.reshape(-1, LANES)
        constants[ladder.RESONANCE] = 4.2 * resonance
        constants[ladder.DRIVE_GAIN] = 1.0 + (1.0 - (1.0 - resonance) ** 2)
        constants[ladder.OUTPUT_GAIN] = 1.0 + 1.1 * resonance
        constants[ladder.RESONANT_GAIN] = 2.5 * resonance

    def settle(self) -> None:
        """What the filter does once a note has died away: 2,000 samples on silence."""
        voice.rest_filter(self.lanes.filter_state)
        self._play(voice.QUIET, voice.IDLE_SAMPLES)
        self.lanes.filter_state[ladder.FIRST * LANES :] = 0.0

    def play_slot(self) -> None:
        """Wait for the note and play it; nothing is kept but the state."""
        voice.ring_out(self.note_on, self.note_on, _NOTHING, self.lanes)
        self._play(voice.NOTE, self.note_samples)

    def next_slot(self, rows: _Rows) -> None:
        """Note-off and the next preset, in the same tick."""
        # Each shape has a phase of its own, which waits at its start until the shape is chosen.
        state, old = self.lanes.state, self.lanes.settings
        for column, wave in ((voice.PHASE1, voice.WAVE1), (voice.PHASE2, voice.WAVE2)):
            chosen = old[:, wave] != rows.settings[:, wave]
            state[chosen, column] = voice.start_phases(rows.settings[chosen])[column]
        self.load(rows)
        stages = self.lanes.state[:, voice.AMP_STAGE]
        stages[stages != envelopes.IDLE] = envelopes.RELEASE
        self.lanes.state[:, voice.AMP_HOLD] = 1.0
        self._play(voice.TAIL, voice.TAIL_SAMPLES)
        self.settle()
        self.elapsed = voice.TAIL_SAMPLES + voice.IDLE_SAMPLES

    def take(self) -> np.ndarray:
        """The sound of one take, float32 of shape (samples, used lanes)."""
        # A take's noise is its own, whatever went before used up.
        self.lanes.generators[:] = self.rows.generators
        self.lanes.filter_seeds[:] = self.rows.seeds
        lead = self.note_on - self.cut
        held = _whole_blocks(self.take_samples - lead)
        out = np.empty((lead + held) * LANES, np.float32)
        voice.ring_out(self.note_on - self.elapsed, self.cut - self.elapsed, out, self.lanes)
        self._play(voice.NOTE, held, out[lead * LANES :])
        return out.reshape(-1, LANES)[: self.take_samples, : self.used]

    def _play(self, phase_of_take: int, samples: int, out: np.ndarray | None = None) -> None:
        keep_from = samples if out is None else 0
        out = _NOTHING if out is None else out
        voice.play(phase_of_take, samples, self.used, keep_from, out, self.lanes, self.tables)


def _whole_blocks(samples: int) -> int:
    return -(-samples // voice.BLOCK) * voice.BLOCK


def _rows(presets: Presets, noise_seed: int | None, first_row: int, same_noise: bool = False) -> _Rows:
    raw = row_random(noise_seed or 0, first_row, len(presets), 2, stream=1, same=same_noise)
    # Any point of the plug-in's own stream may be where a take's noise begins.
    positions = raw[:, :1] >> np.array([0, 32], np.uint64)
    if noise_seed is None:
        recorded = np.flatnonzero(are_original(presets, first_row))
        if recorded.size:
            positions[recorded] = recorded_positions(presets.collection.name)[first_row + recorded]
    return _Rows(
        settings=voice.lane_settings(presets.complete_unit()),
        generators=noise_states(positions & np.uint64(0xFFFFFFFF)),
        seeds=(raw[:, 1] & np.uint64(0xFFFFFFFF)).astype(np.uint32),
    )


def noise_states(positions: np.ndarray) -> np.ndarray:
    """State of the generators at positions in their stream, in steps from their seed of 1: uint32, of that shape."""
    states = [pow(voice.NOISE_MULTIPLIER, int(position), 2**32) for position in positions.flat]
    return np.array(states, dtype=np.uint32).reshape(positions.shape)


class NoiseMaker(Engine):
    """TAL-NoiseMaker; a note starts in the state that the one before it left, and sets what turns to its start."""

    name = "noisemaker"
    version = "1"
    parameters = get_instrument("noisemaker").parameters
    remembers = True
    batch = LANES
    emulates = (
        "a reimplementation from measurements of the plug-in (DISTRHO port 3.22): oscillators, filter, envelopes, LFO "
        "and the onset's click, in the one base preset of 2018"
    )
    guesses = "nothing; but the plug-in's noise generators run freely, so that of noise only the character is the same"

    def refusal(self, collection: Collection, *, in_session: bool = False) -> str:
        """Why it cannot render the takes of a collection, see `Engine`; empty if it can."""
        if why := super().refusal(collection, in_session=in_session):
            return why
        if why := note_ends_early(collection):
            return why
        timing = collection.timing
        if not in_session:
            return ""
        held = (timing.note_off - timing.note_on) * voice.RATE
        if timing.note_off != timing.slot or abs(held - _whole_blocks(round(held))) > 1e-6:
            return (
                f"plays sessions in which a note ends with its slot and lasts a multiple of {voice.BLOCK} samples at "
                f"{voice.RATE:,} Hz: render from silence, or change note_off and slot"
            )
        if round(timing.cut[0] * voice.RATE) < voice.TAIL_SAMPLES + voice.IDLE_SAMPLES:
            return "needs 52 ms of a session's slot before the take: render from silence, or make lead longer"
        return ""

    def _render(self, job: Job) -> np.ndarray:
        presets = job.presets
        if job.in_session and job.preceding is None and len(presets):
            # The very first row has none before it: its slot starts from silence.
            alone = _render_rows(presets[:1], None, job.noise_seed, job.first_row, False)
            others = job.first_row if job.same_noise else job.first_row + 1
            after = _render_rows(presets[1:], presets[:1], job.noise_seed, others, job.same_noise)
            return np.concatenate([alone, after])
        return _render_rows(presets, job.preceding, job.noise_seed, job.first_row, job.same_noise)


def _render_rows(
    presets: Presets, preceding: Presets | None, noise_seed: int | None, first_row: int, same_noise: bool
) -> np.ndarray:
    """Render rows from silence, or in the session that `preceding` begins."""
    samples = presets.collection.samples
    rows = _rows(presets, noise_seed, first_row, same_noise)
    before = None
    if preceding is not None:
        first = _rows(preceding, noise_seed, first_row if same_noise else max(first_row - 1, 0))
        before = _Rows(*(np.concatenate([one, most[:-1]]) for one, most in zip(first, rows, strict=True)))

    def group(wanted: np.ndarray) -> np.ndarray:
        lanes = every_lane(wanted)
        preceding_rows = None if before is None else before.select(lanes)
        session = _Session(presets.collection.timing, samples, len(wanted), rows.select(lanes), preceding_rows)
        return cut_takes(session.take(), voice.RATE, SAMPLE_RATE)

    return render_groups(len(presets), samples, group)
