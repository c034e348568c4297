"""The TAL-NoiseMaker as the collections use it: slots of a session, takes cut out of them.

What runs per sample is in `noisemaker_voice`.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from secret_sauce_hf.engines import envelopes, ladder, lfo, oscillators
from secret_sauce_hf.engines import noisemaker_voice as voice
from secret_sauce_hf.engines.compiling import LANES
from secret_sauce_hf.engines.takes import cut_takes, thread_count
from secret_sauce_hf.instruments import SAMPLE_RATE, Timing
from secret_sauce_hf.presets import Presets, are_original, original_presets, row_random

VERSION = "1"
"""Raise it whenever the sound changes."""

_NOTHING = np.zeros(0, np.float32)


@cache
def _tables(note_samples: int) -> voice.Tables:
    return voice.Tables(
        envelopes.onset_sweep(note_samples),
        oscillators.step_residual(),
        oscillators.corner_residual(),
        lfo.sine_table(),
    )


class _Session:
    """LANES voices and the order in which a slot of the session plays them.

    Args:
        timing: of a slot.
        settings: of the first slot, as of `lane_settings`.
        generators: the state of each take's oscillator noise, uint32, (LANES, 2).
        seeds: likewise of its filter noise, (LANES,).
    """

    def __init__(self, timing: Timing, settings: np.ndarray, generators: np.ndarray, seeds: np.ndarray):
        self.note_on = round(timing.note_on * voice.RATE)
        self.note_samples = round((timing.note_off - timing.note_on) * voice.RATE)
        self.cut = round(timing.cut[0] * voice.RATE)
        self.tables = _tables(self.note_samples)
        self.generators = generators
        self.seeds = seeds
        self.lanes = voice.Lanes(
            settings=np.empty((LANES, voice.SETTINGS)),
            state=np.zeros((LANES, voice.STATES)),
            generators=generators.copy(),
            rings=np.zeros((2, LANES, oscillators.RING)),
            delay=np.zeros((LANES, voice.TRIANGLE_RING)),
            filter_state=np.zeros(ladder.STATE_ROWS * LANES, np.float32),
            filter_constants=np.empty(ladder.CONSTANT_ROWS * LANES, np.float32),
            filter_seeds=seeds.copy(),
            dc_state=np.zeros(2 * LANES, np.float32),
        )
        # A fresh instance, silent, with its cutoff settled.
        self.load(settings)
        self.lanes.state[:, voice.SMOOTH_CUTOFF] = settings[:, voice.CUTOFF]
        self.settle()
        self.elapsed = 0

    def load(self, settings: np.ndarray) -> None:
        """Send every lane its preset."""
        self.lanes.settings[:] = settings
        resonance = settings[:, voice.RESONANCE]
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

    def next_slot(self, settings: np.ndarray) -> None:
        """Note-off and the next preset, in the same tick."""
        self.load(settings)
        stages = self.lanes.state[:, voice.AMP_STAGE]
        stages[stages != envelopes.IDLE] = envelopes.RELEASE
        self.lanes.state[:, voice.AMP_HOLD] = 1.0
        self._play(voice.TAIL, voice.TAIL_SAMPLES)
        self.settle()
        self.elapsed = voice.TAIL_SAMPLES + voice.IDLE_SAMPLES

    def take(self) -> np.ndarray:
        """The sound of one take, float32 of shape (samples, LANES)."""
        # A take's noise is its own, whatever went before used up.
        self.lanes.generators[:] = self.generators
        self.lanes.filter_seeds[:] = self.seeds
        lead = self.note_on - self.cut
        out = np.empty((lead + self.note_samples) * LANES, np.float32)
        voice.ring_out(self.note_on - self.elapsed, self.cut - self.elapsed, out, self.lanes)
        self._play(voice.NOTE, self.note_samples, out[lead * LANES :])
        return out.reshape(-1, LANES)

    def _play(self, phase_of_take: int, samples: int, out: np.ndarray | None = None) -> None:
        keep_from = samples if out is None else 0
        voice.play(phase_of_take, samples, keep_from, _NOTHING if out is None else out, self.lanes, self.tables)


def _render_group(
    timing: Timing, settings: np.ndarray, before: np.ndarray | None, generators: np.ndarray, seeds: np.ndarray
) -> np.ndarray:
    session = _Session(timing, settings if before is None else before, generators, seeds)
    if before is not None:
        session.play_slot()
        session.next_slot(settings)
    return cut_takes(session.take(), voice.RATE, SAMPLE_RATE)


def render(
    presets: Presets, *, in_session: bool, preceding: Presets | None, noise_seed: int | None, first_row: int
) -> np.ndarray:
    """Render one take per row; see `secret_sauce_hf.engines.render`."""
    rows = len(presets)
    if in_session and preceding is None and rows:
        # The very first row has none before it: its slot starts from silence.
        alone = render(presets[:1], in_session=False, preceding=None, noise_seed=noise_seed, first_row=first_row)
        others = render(
            presets[1:], in_session=True, preceding=presets[:1], noise_seed=noise_seed, first_row=first_row + 1
        )
        return np.concatenate([alone, others])
    unit = presets.complete_unit()
    settings = voice.lane_settings(unit)
    before = None
    if preceding is not None:
        before = voice.lane_settings(np.concatenate([preceding.complete_unit(), unit[:-1]]))
    raw = row_random(noise_seed or 0, first_row, rows, 2, stream=1)
    positions = raw[:, :1] >> np.array([0, 32], np.uint64)
    recorded = np.flatnonzero(are_original(presets, first_row)) if noise_seed is None else np.zeros(0, np.intp)
    if recorded.size:
        positions[recorded] = _recorded_positions(presets.collection.name)[first_row + recorded]
    generators = noise_states(positions)
    seeds = (raw[:, 1] & np.uint64(0xFFFFFFFF)).astype(np.uint32)

    takes = np.empty((rows, presets.collection.samples), dtype=np.int16)

    def group(first: int) -> None:
        # A last group that is not full plays its last row in the lanes left over.
        lanes = np.minimum(np.arange(first, first + LANES), rows - 1)
        sound = _render_group(
            presets.collection.timing,
            settings[lanes],
            None if before is None else before[lanes],
            generators[lanes],
            seeds[lanes],
        )
        takes[first : first + LANES] = sound[: rows - first]

    firsts = range(0, rows, LANES)
    if len(firsts) <= 1:
        for first in firsts:
            group(first)
    else:
        with ThreadPoolExecutor(thread_count()) as pool:
            list(pool.map(group, firsts))
    return takes


@cache
def _recorded_positions(collection: str) -> np.ndarray:
    """Where in the noise stream each note of the 2018 session starts, (rows, oscillators).

    The session was played by one instance, whose generators step once per sounding
    sample while their oscillator is set to Noise and turned up. A note's tail falls
    into the slot of the next row, whose preset has arrived by then.
    """
    presets = original_presets(collection)
    timing = presets.collection.timing
    settings = voice.lane_settings(presets.complete_unit())
    notes = np.zeros(len(presets), np.int64)
    tails = np.zeros(len(presets), np.int64)
    voice.count_sounding(settings, round((timing.note_off - timing.note_on) * voice.RATE), notes, tails)
    tails_before = np.concatenate([[0], tails[:-1]])[:, None]
    stepping = np.stack(
        [
            (settings[:, voice.WAVE1] == voice.OSC1_NOISE) & (settings[:, voice.VOLUME1] > 0.0),
            (settings[:, voice.WAVE2] == voice.OSC2_NOISE) & (settings[:, voice.VOLUME2] > 0.0),
        ],
        axis=1,
    )
    spent = np.cumsum(stepping * (tails_before + notes[:, None]), axis=0)
    return spent - stepping * notes[:, None]


def noise_states(positions: np.ndarray) -> np.ndarray:
    """State of the generators so many steps after their seed of 1; any shape, uint32."""
    states = [pow(voice.NOISE_MULTIPLIER, int(position), 2**32) for position in positions.flat]
    return np.array(states, dtype=np.uint32).reshape(positions.shape)
