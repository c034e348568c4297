"""The guitar rack as the collections use it: one plucked note through an amplifier, five effects and a cabinet.

The note is the same in every take, so the string and the amplifier play once per
process; the effects that are on run row by row. They run at the rate of the takes: the
cabinet leaves nothing above it.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import scipy.signal

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.dsp.takes import limit_takes, render_groups
from secret_sauce_hf.engines.guitar_rack import distortion
from secret_sauce_hf.engines.guitar_rack import filter as guitar_filter
from secret_sauce_hf.engines.guitar_rack import lines as guitar_lines
from secret_sauce_hf.engines.guitar_rack import reverb as guitar_reverb
from secret_sauce_hf.engines.guitar_rack.amp import amplify, cabinet, play_cabinet
from secret_sauce_hf.engines.guitar_rack.string import pluck
from secret_sauce_hf.instruments import SAMPLE_RATE, Timing, get_instrument
from secret_sauce_hf.presets import row_random

_PARAMETERS = get_instrument("guitar-rack").parameters
_COLUMN = {parameter.name: column for column, parameter in enumerate(_PARAMETERS)}
LEVEL = 0.5
"""Gain into the cabinet; with every effect off a take peaks at about -9 dB."""


class Source(NamedTuple):
    """What every take begins with."""

    dry: np.ndarray
    """The amplifier's sound, float32, (samples,)."""
    oversampled: distortion.Oversampled
    """The same for the distortion."""


@cache
def source(timing: Timing, samples: int) -> Source:
    """Pluck the string through the amplifier, as a take of this timing hears it."""
    length = samples + 2 * distortion.MARGIN
    start = timing.cut[0] - distortion.MARGIN / SAMPLE_RATE
    # The string needs no more than twice the rate.
    voltage = pluck(2 * length, 2 * SAMPLE_RATE, timing.note_on - start, timing.note_off - start)
    voltage = scipy.signal.resample_poly(voltage, distortion.OVERSAMPLING // 2, 1, window=("kaiser", 9.0))
    sound = amplify(voltage, distortion.OVERSAMPLING * SAMPLE_RATE)
    oversampled = distortion.oversampled(sound, SAMPLE_RATE)
    dry = np.empty(samples, np.float32)
    distortion.decimate(oversampled.whole, distortion.decimator(), dry)
    return Source(dry, oversampled)


def _single(values: np.ndarray) -> np.ndarray:
    # The last bits of NumPy's functions depend on the machine and on the place in an array.
    return values.astype(np.float32)


def effects(unit: np.ndarray, lfo_phases: np.ndarray, origin: Source) -> np.ndarray:
    """Play rows through the rack, up to the limiter.

    Args:
        unit: of the instrument's parameters, (rows, parameters).
        lfo_phases: of the chorus / flanger at the first sample, in turns, (rows,).
        origin: what the rack is fed.

    Returns:
        float32, (rows, samples).
    """
    value = {name: unit[:, column] for name, column in _COLUMN.items()}
    on = {effect: value[f"{effect}_on_off"] > 0.5 for effect in ("filter", "disto", "flanger", "delay", "reverb")}
    sound = np.repeat(origin.dry[None], len(unit), axis=0)
    distortion.distort(
        sound,
        on["disto"],
        _single(distortion.drive_gain(value["disto_drive"])),
        _single(distortion.drive_level(value["disto_drive"])),
        _single(distortion.tilt_gain(value["disto_tone"])),
        distortion.tilt_coefficient(SAMPLE_RATE),
        *origin.oversampled,
        distortion.decimator(),
    )
    dry, wet = guitar_lines.delay_mix(value["delay_intensity"])
    guitar_lines.delay(
        sound,
        on["delay"],
        _single(guitar_lines.delay_seconds(value["delay_time"]) * SAMPLE_RATE),
        _single(guitar_lines.delay_feedback(value["delay_feedback"])),
        _single(dry),
        _single(wet),
        *guitar_lines.loop_coefficients(SAMPLE_RATE),
    )
    guitar_lines.modulate(
        sound,
        on["flanger"],
        value["flanger_mode"],
        lfo_phases,
        _single(guitar_lines.lfo_hertz(value["flanger_rate"]) / SAMPLE_RATE),
        _single(guitar_lines.modulation_swings(value["flanger_width"], value["flanger_mode"])),
        _single(guitar_lines.modulation_depths(value["flanger_intensity"])),
        float(SAMPLE_RATE),
        guitar_lines.sine_table(),
    )
    lengths = guitar_reverb.line_samples(value["reverb_room_size"], SAMPLE_RATE)
    gains = guitar_reverb.line_gains(value["reverb_room_size"], lengths, SAMPLE_RATE)
    guitar_reverb.reverberate(
        sound,
        on["reverb"],
        lengths,
        _single(gains),
        _single(guitar_reverb.tail_levels(gains)),
        _single(guitar_reverb.damping_coefficients(value["reverb_bright"], SAMPLE_RATE)),
        guitar_reverb.thin_coefficient(SAMPLE_RATE),
    )
    play_cabinet(sound, cabinet(SAMPLE_RATE), LEVEL)
    cutoff = guitar_filter.cutoff_hertz(value["filter_frequency"], SAMPLE_RATE)
    guitar_filter.filter_rows(
        sound,
        on["filter"],
        _single(np.tan(np.pi * cutoff / SAMPLE_RATE)),
        _single(guitar_filter.quality(value["filter_resonance"])),
        _single(guitar_filter.filter_level(value["filter_resonance"])),
        _single(guitar_filter.morph_gains(value["filter_mode_LBF_HPF"])),
    )
    return sound


def _drawn(noise_seed: int | None, first_row: int, count: int, same_noise: bool = False) -> np.ndarray:
    # The original's LFO runs freely: a take may meet it anywhere.
    return (row_random(noise_seed or 0, first_row, count, 1, stream=1, same=same_noise) >> np.uint64(11)) / 2.0**53


class GuitarRack(Engine):
    """The guitar rack; every take is rendered from silence."""

    name = "guitar-rack"
    version = "1"
    parameters = _PARAMETERS
    free_phases = ("chorus / flanger",)
    batch = LANES
    emulates = (
        "a plucked string through an amplifier, the five kinds of effects and a cabinet, after textbooks and the "
        "pedals that Guitar Rig's are modelled on"
    )
    guesses = "the string, the amplifier, the cabinet, and the range of every knob: the rack of 2018 was never measured"

    def draw_phases(self, noise_seed: int, first_row: int, count: int) -> np.ndarray:
        """Where the LFO is in rows of a noise seed, see `Engine`: (count, 1)."""
        return _drawn(noise_seed, first_row, count)

    def _render(self, job: Job) -> np.ndarray:
        count, samples = len(job.presets), job.presets.collection.samples
        unit = job.presets.complete_unit()
        origin = source(job.presets.collection.timing, samples)
        drawn = _drawn(job.noise_seed, job.first_row, count, job.same_noise) if job.phases is None else job.phases
        lfo_phases = drawn[:, 0]

        def group(rows: np.ndarray) -> np.ndarray:
            return limit_takes(effects(unit[rows], lfo_phases[rows], origin))

        return render_groups(count, samples, group)
