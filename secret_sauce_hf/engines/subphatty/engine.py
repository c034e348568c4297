"""The Moog Sub Phatty: from presets to the settings of its voice, and takes.

What the manual and the published tables say is taken over: octaves, oscillator 2's
range, hard sync, the cutoff's range, envelope times, LFO rates, what the modulation
reaches. The rest are guesses, chosen to sound like the instrument, and each says so
here or where it is used. The instrument has never been measured for this.

The modulation wheel, which scales all modulation, was never sent in 2018, so nobody
knows where it stood: it is taken as full up. Everything else that the collection does
not set is at its factory default: 24 dB/oct, no glide, the last key has priority, envelopes are
triggered once and not reset. Velocity does nothing: what it scales on the machine are hidden
parameters, and that these are off in a preset from the panel is a guess. There is no pitch bend.

What the keys do is in `keys`, what runs per sample in `oscillators` and `voice`.
"""

from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.dsp.lanes import LANES, every_lane
from secret_sauce_hf.engines.dsp.takes import limit_takes, on_every_processor
from secret_sauce_hf.engines.subphatty import layout, voice
from secret_sauce_hf.engines.subphatty.keys import key_events, of_rows
from secret_sauce_hf.instruments import SAMPLE_RATE, get_instrument
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.presets import row_random

_INSTRUMENT = get_instrument("subphatty")
_COLUMN = {parameter.name: column for column, parameter in enumerate(_INSTRUMENT.parameters)}
_SOURCES = (
    layout.TRIANGLE,
    layout.SQUARE,
    layout.SAW,
    layout.RAMP,
    layout.SAMPLE_AND_HOLD,
    layout.FILTER_ENVELOPE,
)

_MIDDLE_C = 440.0 * 2.0 ** (-9 / 12)
_WARM_UP = 0.01
"""Seconds before the take's start from which the voice runs, so that it has settled."""
_HEAD_START = 0.1
"""Seconds before its first note from which the voice runs where that comes later."""
_WIDE_ABOVE = 60
"""The highest note up to which the oscillators keep the form that they had when it was the only one."""

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
    """Time of an attack, a decay or a release: 1 ms to 10 s over four decades (manual)."""
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
        float32, (rows, `layout.SETTING_ROWS`).
    """
    value = {name: unit[:, column] for name, column in _COLUMN.items()}
    settings = np.zeros((len(unit), layout.SETTING_ROWS))

    hertz1 = _MIDDLE_C * 2.0 ** (value["osc1_octave"] - _EIGHT_FOOT)
    hertz2 = _MIDDLE_C * 2.0 ** (value["osc2_octave"] - _EIGHT_FOOT)
    semitones = 7.0 * (2.0 * value["osc2_frequency"] - 1.0)
    settings[:, layout.STEP1] = hertz1 / layout.RATE
    settings[:, layout.STEP2] = hertz2 * 2.0 ** (semitones / 12.0) / layout.RATE
    settings[:, layout.WAVE1] = value["osc1_wave"]
    settings[:, layout.WAVE2] = value["osc2_wave"]
    settings[:, layout.SYNC] = value["osc1_sync_osc2"]
    for row, name in (
        (layout.LEVEL1, "mixer_osc1"),
        (layout.LEVEL2, "mixer_osc2"),
        (layout.LEVEL_SUB, "mixer_sub"),
        (layout.LEVEL_NOISE, "mixer_noise"),
    ):
        settings[:, row] = _FULL_LEVEL * value[name] ** 2

    ticks = SAMPLE_RATE
    settings[:, layout.LFO_STEP] = lfo_hertz(value["mod_lfo_rate"]) / ticks
    for index, row in enumerate(_SOURCES):
        settings[:, row] = value["mod_source"] == index
    # Square law, so that the lower half of the knob is vibrato.
    octaves = _PITCH_OCTAVES * value["mod_pitch_amount"] ** 2
    settings[:, layout.PITCH1] = np.where(value["mod_pitch_osc2"] == 1.0, 0.0, octaves)
    settings[:, layout.PITCH2] = octaves
    settings[:, layout.MODULATED_CUTOFF] = _CUTOFF_OCTAVES * value["mod_filter_amount"]
    settings[:, layout.MODULATED_WAVE] = _WAVE_TURNS * value["mod_wave_amount"]

    # At half, the cutoff goes with the key from note 60 on; at full, two octaves an octave (manual).
    settings[:, layout.KEY_CUTOFF] = 2.0 * value["filter_kb_tracking_amount"]
    settings[:, layout.CUTOFF] = np.log2(cutoff_hertz(value["filter_cutoff"]) / voice.CUTOFF_REFERENCE)
    settings[:, layout.ENVELOPE_CUTOFF] = _ENVELOPE_OCTAVES * (2.0 * value["filter_eg_amount"] - 1.0)
    settings[:, layout.FEEDBACK] = _MOST_FEEDBACK * value["filter_reso"]
    _set_drive(settings, value["filter_multidrive"])

    head_start = np.log(voice.ATTACK_TARGET / (voice.ATTACK_TARGET - 1.0))
    for attack, decay, sustain, release, name in (
        (layout.F_ATTACK, layout.F_DECAY, layout.F_SUSTAIN, layout.F_RELEASE, "env_filter"),
        (layout.A_ATTACK, layout.A_DECAY, layout.A_SUSTAIN, layout.A_RELEASE, "env_amplifier"),
    ):
        # An attack takes its time from 0 to 1; a decay, to within 5 % of the sustain level; a release, of nothing.
        attack_ticks = envelope_seconds(value[f"{name}_attack"]) * ticks
        decay_ticks = envelope_seconds(value[f"{name}_decay"]) * ticks
        settings[:, attack] = -np.expm1(-head_start / attack_ticks)
        settings[:, decay] = -np.expm1(-np.log(20.0) / decay_ticks)
        settings[:, sustain] = value[f"{name}_sustain"]
        release_ticks = envelope_seconds(value[f"{name}_release"]) * ticks
        settings[:, release] = -np.expm1(-np.log(20.0) / release_ticks)
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
    settings[:, layout.DRIVE_OTA] = ota
    settings[:, layout.DRIVE_FET] = fet
    settings[:, layout.DRIVE_BIAS] = bias
    settings[:, layout.DRIVE_REST] = rest
    made_up = 2.0 * nominal / (drive(nominal) - drive(-nominal))
    settings[:, layout.DRIVE_LEVEL] = _MASTER * made_up * (1.0 + 0.5 * unit)


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
        float32, (rows, `layout.STATE_ROWS`).
    """
    state = np.zeros((len(settings), layout.STATE_ROWS), np.float32)
    state[:, layout.PHASE1] = 2.0 * turns[:, 0] % 1.0
    state[:, layout.PHASE2] = turns[:, 1]
    state[:, layout.LFO_PHASE] = turns[:, 2]
    state[:, layout.SUB] = np.where(turns[:, 0] < 0.5, 1.0, -1.0)
    state[:, layout.DUTY1] = state[:, layout.DUTY2] = 0.5
    state[:, layout.MIXER_ROOT] = state[:, layout.OTA_ROOT] = 1.0
    bias = settings[:, layout.DRIVE_BIAS]
    state[:, layout.FET_INPUT] = bias
    state[:, layout.FET_ROOT] = np.sqrt(1.0 + bias**2)
    # A filter that oscillates has done so for long: the four stages lag 1/8 turn each.
    surplus = np.maximum(settings[:, layout.FEEDBACK] / 4.0 - 1.0, 0.0)
    for stage in range(4):
        angle = 2.0 * np.pi * (turns[:, 3] - stage / 8.0)
        state[:, layout.STAGE1 + stage] = np.sqrt(surplus) * 2.0 ** ((3 - stage) / 2) / 2.0 * np.cos(angle)
    return state


def _lanes(rows: np.ndarray) -> np.ndarray:
    """(LANES, values) to flat rows of LANES."""
    return np.ascontiguousarray(rows.T).reshape(-1)


@dataclass(frozen=True)
class _Rows:
    """What several rows need to be rendered.

    Ticks are those of the takes: 0 is a take's first sample.

    Args:
        samples: of a take.
        settings: of `lane_settings`.
        keys: of every row, see `key_events`.
        start: int64, (rows,): tick from which the voice runs.
        random: of `_random`.
        turns: where what runs freely is at `start`.
    """

    samples: int
    settings: np.ndarray
    keys: layout.Keys
    start: np.ndarray
    random: np.ndarray
    turns: np.ndarray

    @property
    def wide(self) -> np.ndarray:
        """Whether a row is one for the oscillators' form for high notes: bool, (rows,)."""
        return np.maximum.reduceat(self.keys.pitch, self.keys.first[:-1]) > _WIDE_ABOVE

    @property
    def ticks(self) -> np.ndarray:
        """For how long each row sounds, about; the voice knows better. int64, (rows,)."""
        last = self.keys.first[1:] - 1
        let_go = self.keys.action[last] == layout.RELEASE
        quiet = np.log(voice.SILENT) / np.log1p(-self.settings[:, layout.A_RELEASE].astype(np.float64))
        end = np.where(let_go, self.keys.tick[last] + quiet, np.inf)
        return np.minimum(end, self.samples).astype(np.int64) - self.start

    def groups(self) -> list[np.ndarray]:
        """Row numbers, LANES at most of rows that are of one form and sound for about as long; the longest first."""
        ticks, wide = self.ticks, self.wide
        order = np.argsort(-ticks, kind="stable")
        alike = [order[wide[order] == form] for form in (False, True)]
        groups = [rows[at : at + LANES] for rows in alike for at in range(0, len(rows), LANES)]
        return sorted(groups, key=lambda rows: -int(ticks[rows[0]]))

    def render(self, rows: np.ndarray, takes: np.ndarray) -> None:
        """Render a group.

        Args:
            rows: one of `groups`.
            takes: int16, (all rows, samples), zeros; those of the group are filled in.
        """
        spread = every_lane(rows)
        keys = of_rows(self.keys, spread)
        keys = keys._replace(tick=keys.tick - np.repeat(self.start[spread], np.diff(keys.first)))
        lanes = layout.Lanes(
            settings=_lanes(self.settings[spread]),
            state=_lanes(start_state(self.settings[spread], self.turns[spread])),
            noise=(self.random[spread, 0] >> np.uint64(8)).astype(np.uint32),
            holds=(self.random[spread, 1] >> np.uint64(8)).astype(np.uint32),
        )
        # The take's first sample among what the voice writes, and the one after its last.
        begin = voice.DELAY - self.start[rows]
        end = begin + self.samples
        sound = np.empty((LANES, int(end.max())), np.float32)
        wide = bool(self.wide[rows[0]])
        written = voice.play(lanes, keys, wide, sound, voice.FIRST_TAPS, voice.SECOND_TAPS)
        for lane, row in enumerate(rows):
            heard = sound[lane, max(begin[lane], 0) : min(end[lane], written)]
            at = max(-begin[lane], 0)
            takes[row, at : at + len(heard)] = limit_takes(heard[None])[0]


def _prepared(job: Job) -> _Rows:
    presets = job.presets
    cut, samples = presets.collection.timing.cut[0], presets.collection.samples
    settings = lane_settings(presets.complete_unit())
    keys = _keys(presets.performances, cut, samples)
    random = _random(job.noise_seed, job.first_row, len(presets), job.same_noise)
    turns = _turns(random) if job.phases is None else job.phases
    # Nothing is heard before the first note; until shortly before it, what runs freely does so by calculation.
    earliest = _tick(cut - _WARM_UP) - _tick(cut)
    start = np.maximum(keys.tick[keys.first[:-1]] - round(_HEAD_START * SAMPLE_RATE), earliest)
    pitch = keys.pitch[keys.first[:-1]]
    return _Rows(samples, settings, keys, start, random, _later(turns, settings, pitch, start - earliest))


def _tick(seconds: np.ndarray | float) -> np.ndarray:
    return np.rint(np.asarray(seconds) * SAMPLE_RATE).astype(np.int64)


def _keys(performances: Performances, cut: float, samples: int) -> layout.Keys:
    on, off = (_tick(cut + times) - _tick(cut) for times in (performances.onset, performances.end))
    # An onset in the last half sample would be rounded to the one after the take.
    return key_events(performances.first, performances.pitch, np.minimum(on, samples - 1), off, samples)


def _later(turns: np.ndarray, settings: np.ndarray, pitch: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """Where in its period what runs freely is some ticks later, if nothing modulates it.

    Args:
        turns: (rows, 4), as the phases of `SubPhatty`.
        settings: of `lane_settings`.
        pitch: (rows,), of the key that the oscillators are tuned to.
        ticks: (rows,).

    Returns:
        (rows, 4), from 0 up to 1; that of the filter is as it was.
    """
    cycles = (layout.OVERSAMPLING * ticks * 2.0 ** ((pitch - 60) / 12.0))[:, None]
    passed = np.zeros_like(turns)
    passed[:, :2] = settings[:, [layout.STEP1, layout.STEP2]] * cycles
    # Of oscillator 1, two turns are one.
    passed[:, 0] /= 2.0
    passed[:, 2] = settings[:, layout.LFO_STEP] * ticks
    return (turns + passed) % 1.0


class SubPhatty(Engine):
    """Moog Sub Phatty, one note at a time. Takes are rendered from silence: what an earlier take left is not there."""

    name = "subphatty"
    version = "1"
    parameters = _INSTRUMENT.parameters
    # The filter where it oscillates by itself.
    free_phases = ("oscillator 1 and sub", "oscillator 2", "LFO", "filter")
    plays = range(128)
    batch = LANES
    emulates = (
        "a voice after the manual and its tables: octaves, hard sync, envelope times, LFO rates, a ladder filter, what "
        "the modulation reaches; nobody measured the instrument for it"
    )
    guesses = (
        "how loud the mixer drives, how far full modulation goes, the drive's shape, where the filter oscillates, and "
        "that the modulation wheel stood full up"
    )

    def draw_phases(self, noise_seed: int, first_row: int, count: int) -> np.ndarray:
        """Where what runs freely is in rows of a noise seed, see `Engine`: (count, 4)."""
        return _turns(_random(noise_seed, first_row, count))

    def _render(self, job: Job) -> np.ndarray:
        takes = np.zeros((len(job.presets), job.presets.collection.samples), np.int16)
        if len(takes):
            rows = _prepared(job)
            on_every_processor(lambda group: rows.render(group, takes), rows.groups())
        return takes
