"""The Moog Sub Phatty: from presets to the settings of its voice, and takes.

What the manual and the published tables say is taken over: octaves, oscillator 2's
range, hard sync, the cutoff's range, envelope times, LFO rates, what the modulation
reaches. The rest are guesses, chosen to sound like the instrument, and each says so
here or where it is used. The instrument has never been measured for this.

The modulation wheel, which scales all modulation, was never sent in 2018, so nobody
knows where it stood: it is taken as full up. Everything else that the collection does
not set is at its factory default: 24 dB/oct, no glide, envelopes that are not reset.

What runs per sample is in `voice`.
"""

import numpy as np

from secret_sauce_hf.engines.base import Engine, Job, note_ends_early
from secret_sauce_hf.engines.dsp.lanes import LANES, every_lane
from secret_sauce_hf.engines.dsp.takes import limit_takes, render_groups
from secret_sauce_hf.engines.subphatty import voice
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, Timing, get_instrument
from secret_sauce_hf.presets import row_random

_INSTRUMENT = get_instrument("subphatty")
_COLUMN = {parameter.name: column for column, parameter in enumerate(_INSTRUMENT.parameters)}
_SOURCES = (
    voice.TRIANGLE,
    voice.SQUARE,
    voice.SAW,
    voice.RAMP,
    voice.SAMPLE_AND_HOLD,
    voice.FILTER_ENVELOPE,
)

_MIDDLE_C = 440.0 * 2.0 ** (-9 / 12)
_WARM_UP = 0.01
"""Seconds before the take's start from which the voice runs, so that it has settled."""

# Guesses, all of them.
_EIGHT_FOOT = 1
"""Position of the octave switches at which note 60 is middle C."""
_FULL_LEVEL = 1.25
"""A mixer knob at full, for waves of ±1; the mixer bends at 1, so two knobs near full overdrive it."""
_PITCH_OCTAVES = 1.0
_CUTOFF_OCTAVES = 4.0
_WAVE_TURNS = 0.5
"""Full modulation amounts: of pitch and wave either way from where the knob is."""
_ENVELOPE_OCTAVES = 5.0
_MOST_FEEDBACK = 4.6
"""The ladder oscillates by itself from a feedback of 4, so from 8.7 on the knob."""
_MASTER = 1.1


def envelope_seconds(unit: np.ndarray) -> np.ndarray:
    """Time of an attack or a decay: 1 ms to 10 s over four decades (manual)."""
    return 0.001 * 10.0 ** (4.0 * unit)


def lfo_hertz(unit: np.ndarray) -> np.ndarray:
    """0.1 Hz to 100 Hz over three decades (manual)."""
    return 0.1 * 10.0 ** (3.0 * unit)


def cutoff_hertz(unit: np.ndarray) -> np.ndarray:
    """20 Hz to 20 kHz over three decades (manual)."""
    return 20.0 * 10.0 ** (3.0 * unit)


def lane_settings(unit: np.ndarray) -> np.ndarray:
    """Units of the instrument's parameters to the voice's settings.

    Args:
        unit: (rows, parameters of the instrument).

    Returns:
        float32, (rows, `voice.SETTING_ROWS`).
    """
    value = {name: unit[:, column] for name, column in _COLUMN.items()}
    settings = np.zeros((len(unit), voice.SETTING_ROWS))

    hertz1 = _MIDDLE_C * 2.0 ** (value["osc1_octave"] - _EIGHT_FOOT)
    hertz2 = _MIDDLE_C * 2.0 ** (value["osc2_octave"] - _EIGHT_FOOT)
    semitones = 7.0 * (2.0 * value["osc2_frequency"] - 1.0)
    settings[:, voice.STEP1] = hertz1 / voice.RATE
    settings[:, voice.STEP2] = hertz2 * 2.0 ** (semitones / 12.0) / voice.RATE
    settings[:, voice.WAVE1] = value["osc1_wave"]
    settings[:, voice.WAVE2] = value["osc2_wave"]
    settings[:, voice.SYNC] = value["osc1_sync_osc2"]
    for row, name in (
        (voice.LEVEL1, "mixer_osc1"),
        (voice.LEVEL2, "mixer_osc2"),
        (voice.LEVEL_SUB, "mixer_sub"),
        (voice.LEVEL_NOISE, "mixer_noise"),
    ):
        settings[:, row] = _FULL_LEVEL * value[name] ** 2

    ticks = SAMPLE_RATE
    settings[:, voice.LFO_STEP] = lfo_hertz(value["mod_lfo_rate"]) / ticks
    for index, row in enumerate(_SOURCES):
        settings[:, row] = value["mod_source"] == index
    # Square law, so that the lower half of the knob is vibrato.
    octaves = _PITCH_OCTAVES * value["mod_pitch_amount"] ** 2
    settings[:, voice.PITCH1] = np.where(value["mod_pitch_osc2"] == 1.0, 0.0, octaves)
    settings[:, voice.PITCH2] = octaves
    settings[:, voice.MODULATED_CUTOFF] = _CUTOFF_OCTAVES * value["mod_filter_amount"]
    settings[:, voice.MODULATED_WAVE] = _WAVE_TURNS * value["mod_wave_amount"]

    # Key follow does nothing at note 60, and the release knobs nothing while the note is held.
    settings[:, voice.CUTOFF] = np.log2(cutoff_hertz(value["filter_cutoff"]) / voice.CUTOFF_REFERENCE)
    settings[:, voice.ENVELOPE_CUTOFF] = _ENVELOPE_OCTAVES * (2.0 * value["filter_eg_amount"] - 1.0)
    settings[:, voice.FEEDBACK] = _MOST_FEEDBACK * value["filter_reso"]
    _set_drive(settings, value["filter_multidrive"])

    head_start = np.log(voice.ATTACK_TARGET / (voice.ATTACK_TARGET - 1.0))
    for attack, decay, sustain, name in (
        (voice.F_ATTACK, voice.F_DECAY, voice.F_SUSTAIN, "env_filter"),
        (voice.A_ATTACK, voice.A_DECAY, voice.A_SUSTAIN, "env_amplifier"),
    ):
        # An attack takes its time from 0 to 1; a decay, to within 5 % of the sustain level.
        attack_ticks = envelope_seconds(value[f"{name}_attack"]) * ticks
        decay_ticks = envelope_seconds(value[f"{name}_decay"]) * ticks
        settings[:, attack] = -np.expm1(-head_start / attack_ticks)
        settings[:, decay] = -np.expm1(-np.log(20.0) / decay_ticks)
        settings[:, sustain] = value[f"{name}_sustain"]
    return settings.astype(np.float32)


def _set_drive(settings: np.ndarray, unit: np.ndarray) -> None:
    """The multidrive: a symmetric stage (OTA) that is driven first, then a biased one (FET).

    Two stages and the order are documented, their gains are guesses. The level is made up
    for at ±0.4, so that the knob changes colour more than loudness.
    """
    ota = 0.5 * 2.0 ** (5.0 * unit)
    fet = 0.5 + 3.5 * unit**2
    bias = 0.8 * unit
    rest = bias / np.sqrt(1.0 + bias**2)

    def drive(x: float) -> np.ndarray:
        y = ota * x / np.sqrt(1.0 + (ota * x) ** 2)
        y = fet * y + bias
        return y / np.sqrt(1.0 + y**2) - rest

    nominal = 0.4
    settings[:, voice.DRIVE_OTA] = ota
    settings[:, voice.DRIVE_FET] = fet
    settings[:, voice.DRIVE_BIAS] = bias
    settings[:, voice.DRIVE_REST] = rest
    made_up = 2.0 * nominal / (drive(nominal) - drive(-nominal))
    settings[:, voice.DRIVE_LEVEL] = _MASTER * made_up * (1.0 + 0.5 * unit)


def _random(noise_seed: int | None, first_row: int, count: int, same_noise: bool = False) -> np.ndarray:
    return row_random(noise_seed or 0, first_row, count, 4, stream=2, same=same_noise)


def _turns(random: np.ndarray) -> np.ndarray:
    """Phases of rows, (rows, 4), from random integers, (rows, 4)."""
    turns = (random >> np.uint64(40)) / 2.0**24
    # The sub oscillator turns over once in two turns of oscillator 1.
    turns[:, 0] = (turns[:, 0] + np.where(random[:, 0] & np.uint64(1), 0.0, 1.0)) / 2.0
    return turns


def start_state(settings: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """The state of lanes that have been on for a while, before a note.

    Args:
        settings: of `lane_settings`.
        turns: where in their period what runs freely is, from 0 to 1, (rows, 4).

    Returns:
        float32, (rows, `voice.STATE_ROWS`).
    """
    state = np.zeros((len(settings), voice.STATE_ROWS), np.float32)
    state[:, voice.PHASE1] = 2.0 * turns[:, 0] % 1.0
    state[:, voice.PHASE2] = turns[:, 1]
    state[:, voice.LFO_PHASE] = turns[:, 2]
    state[:, voice.SUB] = np.where(turns[:, 0] < 0.5, 1.0, -1.0)
    state[:, voice.DUTY1] = state[:, voice.DUTY2] = 0.5
    state[:, voice.MIXER_ROOT] = state[:, voice.OTA_ROOT] = 1.0
    bias = settings[:, voice.DRIVE_BIAS]
    state[:, voice.FET_INPUT] = bias
    state[:, voice.FET_ROOT] = np.sqrt(1.0 + bias**2)
    # A filter that oscillates has done so for long: the four stages lag 1/8 turn each.
    surplus = np.maximum(settings[:, voice.FEEDBACK] / 4.0 - 1.0, 0.0)
    for stage in range(4):
        angle = 2.0 * np.pi * (turns[:, 3] - stage / 8.0)
        state[:, voice.STAGE1 + stage] = np.sqrt(surplus) * 2.0 ** ((3 - stage) / 2) / 2.0 * np.cos(angle)
    return state


def _lanes(rows: np.ndarray) -> np.ndarray:
    """(LANES, values) to flat rows of LANES."""
    return np.ascontiguousarray(rows.T).reshape(-1)


def _render_group(
    timing: Timing, samples: int, settings: np.ndarray, random: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    lanes = voice.Lanes(
        settings=_lanes(settings),
        state=_lanes(start_state(settings, turns)),
        noise=(random[:, 0] >> np.uint64(8)).astype(np.uint32),
        holds=(random[:, 1] >> np.uint64(8)).astype(np.uint32),
    )
    out = np.empty(samples * LANES, np.float32)
    cut = round(timing.cut[0] * SAMPLE_RATE)
    first = round((timing.cut[0] - _WARM_UP) * SAMPLE_RATE)
    voice.play(first, round(timing.note_on * SAMPLE_RATE), cut, out, lanes, voice.FIRST_TAPS, voice.SECOND_TAPS)
    return limit_takes(out.reshape(samples, LANES).T)


class SubPhatty(Engine):
    """Moog Sub Phatty. Takes are rendered from silence: what an earlier note left in the envelopes is not."""

    name = "subphatty"
    version = "1"
    parameters = _INSTRUMENT.parameters
    # The filter where it oscillates by itself.
    free_phases = ("oscillator 1 and sub", "oscillator 2", "LFO", "filter")
    batch = LANES
    emulates = (
        "a voice after the manual and its tables: octaves, hard sync, envelope times, LFO rates, a ladder filter, what "
        "the modulation reaches; nobody measured the instrument for it"
    )
    guesses = (
        "how loud the mixer drives, how far full modulation goes, the drive's shape, where the filter oscillates, and "
        "that the modulation wheel stood full up"
    )

    def refusal(self, collection: Collection, *, in_session: bool = False) -> str:
        """Why it cannot render the takes of a collection, see `Engine`; empty if it can."""
        return super().refusal(collection, in_session=in_session) or note_ends_early(collection)

    def draw_phases(self, noise_seed: int, first_row: int, count: int) -> np.ndarray:
        """Where what runs freely is in rows of a noise seed, see `Engine`: (count, 4)."""
        return _turns(_random(noise_seed, first_row, count))

    def _render(self, job: Job) -> np.ndarray:
        settings = lane_settings(job.presets.complete_unit())
        random = _random(job.noise_seed, job.first_row, len(job.presets), job.same_noise)
        turns = _turns(random) if job.phases is None else job.phases
        samples, timing = job.presets.collection.samples, job.presets.collection.timing

        def group(rows: np.ndarray) -> np.ndarray:
            lanes = every_lane(rows)
            return _render_group(timing, samples, settings[lanes], random[lanes], turns[lanes])[: len(rows)]

        return render_groups(len(job.presets), samples, group)
