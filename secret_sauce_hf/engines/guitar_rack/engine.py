"""The guitar rack: plucked strings through an amplifier, five effects and a cabinet.

The note of 2018 is the same in every take, so its string and the amplifier play once per
process; any other performance plays once per call, see `playing`. A sound that is fed in takes
the place of strings and amplifier, see `feeding`. The effects that are on run row by row. They
run at the rate of the takes: the cabinet leaves nothing above it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np

from secret_sauce_hf.engines.base import DRY_PEAK, Engine, Job, check_dry
from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.dsp.takes import limit_takes, render_groups
from secret_sauce_hf.engines.guitar_rack import amp, distortion, neck
from secret_sauce_hf.engines.guitar_rack import filter as guitar_filter
from secret_sauce_hf.engines.guitar_rack import lines as guitar_lines
from secret_sauce_hf.engines.guitar_rack import reverb as guitar_reverb
from secret_sauce_hf.engines.guitar_rack.feeding import LEVEL, fed_source, without_cabinet
from secret_sauce_hf.engines.guitar_rack.playing import Programme, Source, performed, source
from secret_sauce_hf.instruments import SAMPLE_RATE, get_instrument
from secret_sauce_hf.presets import Presets, row_random
from secret_sauce_hf.processors import thread_count

_PARAMETERS = get_instrument("guitar-rack").parameters
_COLUMN = {parameter.name: column for column, parameter in enumerate(_PARAMETERS)}


def _single(values: np.ndarray) -> np.ndarray:
    # The last bits of NumPy's functions depend on the machine and on the place in an array.
    return values.astype(np.float32)


def effects(
    unit: np.ndarray, lfo_phases: np.ndarray, samples: int, sources: Iterable[tuple[slice, Source]]
) -> np.ndarray:
    """Play rows through the rack, up to the limiter.

    Args:
        unit: of the instrument's parameters, (rows, parameters).
        lfo_phases: of the chorus / flanger at the first sample, in turns, (rows,).
        samples: of a take.
        sources: what the rack is fed: which rows, and what; for all of them, one after the other.

    Returns:
        float32, (rows, samples).
    """
    value = {name: unit[:, column] for name, column in _COLUMN.items()}
    on = {effect: value[f"{effect}_on_off"] > 0.5 for effect in ("filter", "disto", "flanger", "delay", "reverb")}
    sound = np.empty((len(unit), samples), np.float32)
    stops = _feed(sound, value, on["disto"], sources)

    def ring(effect: str, tail: np.ndarray) -> None:
        # Behind the end of its sound a take costs nothing.
        longer = np.minimum(stops + np.ceil(tail), samples).astype(np.int64)
        stops[:] = np.where(on[effect], longer, stops)

    times = guitar_lines.delay_seconds(value["delay_time"]) * SAMPLE_RATE
    feedbacks = guitar_lines.delay_feedback(value["delay_feedback"])
    dry, wet = guitar_lines.delay_mix(value["delay_intensity"])
    ring("delay", guitar_lines.delay_tail(times, feedbacks, SAMPLE_RATE))
    guitar_lines.delay(
        sound,
        stops,
        on["delay"],
        _single(times),
        _single(feedbacks),
        _single(dry),
        _single(wet),
        *guitar_lines.loop_coefficients(SAMPLE_RATE),
    )
    depths = guitar_lines.modulation_depths(value["flanger_intensity"])
    ring("flanger", guitar_lines.modulation_tail(depths, value["flanger_mode"], SAMPLE_RATE))
    guitar_lines.modulate(
        sound,
        stops,
        on["flanger"],
        value["flanger_mode"],
        lfo_phases,
        _single(guitar_lines.lfo_hertz(value["flanger_rate"]) / SAMPLE_RATE),
        _single(guitar_lines.modulation_swings(value["flanger_width"], value["flanger_mode"])),
        _single(depths),
        float(SAMPLE_RATE),
        guitar_lines.sine_table(),
    )
    lengths = guitar_reverb.line_samples(value["reverb_room_size"], SAMPLE_RATE)
    gains = guitar_reverb.line_gains(value["reverb_room_size"], lengths, SAMPLE_RATE)
    ring("reverb", guitar_reverb.reverb_tail(value["reverb_room_size"], SAMPLE_RATE))
    guitar_reverb.reverberate(
        sound,
        stops,
        on["reverb"],
        lengths,
        _single(gains),
        _single(guitar_reverb.tail_levels(gains)),
        _single(guitar_reverb.damping_coefficients(value["reverb_bright"], SAMPLE_RATE)),
        guitar_reverb.thin_coefficient(SAMPLE_RATE),
    )
    stops = np.minimum(stops + round(amp.CABINET_TAIL * SAMPLE_RATE), samples)
    amp.play_cabinet(sound, stops, amp.cabinet(SAMPLE_RATE), LEVEL)
    cutoff = guitar_filter.cutoff_hertz(value["filter_frequency"], SAMPLE_RATE)
    qualities = guitar_filter.quality(value["filter_resonance"])
    ring("filter", guitar_filter.filter_tail(cutoff, qualities, SAMPLE_RATE))
    guitar_filter.filter_rows(
        sound,
        stops,
        on["filter"],
        _single(elementary.tan(np.pi * cutoff / SAMPLE_RATE)),
        _single(qualities),
        _single(guitar_filter.filter_level(value["filter_resonance"])),
        _single(guitar_filter.morph_gains(value["filter_mode_LBF_HPF"])),
    )
    return sound


def _feed(
    sound: np.ndarray, value: dict[str, np.ndarray], on: np.ndarray, sources: Iterable[tuple[slice, Source]]
) -> np.ndarray:
    """Write the sources to the rows, distorted where that is on; from which sample on each is silent, (rows,)."""
    gains = _single(distortion.drive_gain(value["disto_drive"]))
    levels = _single(distortion.drive_level(value["disto_drive"]))
    tilts = _single(distortion.tilt_gain(value["disto_tone"]))
    stops = np.zeros(len(sound), np.int64)
    for rows, origin in sources:
        sound[rows] = origin.dry
        stops[rows] = len(origin.dry) if origin.sounding is None else origin.sounding
        if origin.oversampled is not None and on[rows].any():
            distortion.distort(
                sound[rows],
                on[rows],
                gains[rows],
                levels[rows],
                tilts[rows],
                distortion.tilt_coefficient(SAMPLE_RATE),
                *origin.oversampled,
                distortion.decimator(),
            )
    return stops


def _drawn(noise_seed: int | None, first_row: int, count: int, same_noise: bool = False) -> np.ndarray:
    # The original's LFO runs freely: a take may meet it anywhere.
    return (row_random(noise_seed or 0, first_row, count, 1, stream=1, same=same_noise) >> np.uint64(11)) / 2.0**53


class GuitarRack(Engine):
    """The guitar rack; every take is rendered from silence."""

    name = "guitar-rack"
    version = "1"
    parameters = _PARAMETERS
    free_phases = ("chorus / flanger",)
    plays = neck.PITCHES
    voices = neck.STRINGS
    processes = True
    batch = LANES
    emulates = (
        "a plucked string through an amplifier, the five kinds of effects and a cabinet, after textbooks and the "
        "pedals that Guitar Rig's are modelled on"
    )
    guesses = (
        "the strings, the amplifier, the cabinet, and the range of every knob: the rack of 2018 was never measured"
    )

    def check_performances(self, presets: Presets, where: Callable[[int], str] = lambda row: f"row {row}") -> None:
        """Refuse rows that play what no guitarist can, too: see `Engine` and `neck.on_strings`."""
        super().check_performances(presets, where)
        if not presets.play_constant:
            Programme.of(presets.playing(presets.performances.in_time()), where)

    def input_of(self, clean: np.ndarray) -> np.ndarray:
        """What the effects are fed when a sound comes out of the cabinet with all of them off, see `Engine`."""
        return np.clip(without_cabinet(check_dry(clean)), -DRY_PEAK, DRY_PEAK)

    def draw_phases(self, noise_seed: int, first_row: int, count: int) -> np.ndarray:
        """Where the LFO is in rows of a noise seed, see `Engine`: (count, 1)."""
        return _drawn(noise_seed, first_row, count)

    def _render(self, job: Job) -> np.ndarray:
        count, samples = len(job.presets), job.presets.collection.samples
        unit = job.presets.complete_unit()
        drawn = _drawn(job.noise_seed, job.first_row, count, job.same_noise) if job.phases is None else job.phases
        lfo_phases = drawn[:, 0]
        if job.dry is not None:
            origin = fed_source(job.dry.tobytes())
            samples = len(job.dry)

            def through(rows: np.ndarray) -> np.ndarray:
                return limit_takes(effects(unit[rows], lfo_phases[rows], samples, [(slice(None), origin)]))

            return render_groups(count, samples, through)
        programme = Programme.of(job.presets)
        # Rows that play the same come after each other, and share what the rack is fed.
        order = np.argsort(programme.number, kind="stable")
        distorted = np.zeros(len(programme.plucks), bool)
        np.logical_or.at(distorted, programme.number, unit[:, _COLUMN["disto_on_off"]] > 0.5)

        @lru_cache(maxsize=thread_count())
        def fed(number: int) -> Source:
            plucks = programme.plucks[number]
            if plucks is None:
                return source(job.presets.collection.timing, samples)
            return performed(plucks, samples, bool(distorted[number]))

        def sources(numbers: np.ndarray) -> Iterator[tuple[slice, Source]]:
            ends = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(numbers)]
            for start, stop in itertools.pairwise(ends):
                yield slice(start, stop), fed(int(numbers[start]))

        def group(places: np.ndarray) -> np.ndarray:
            rows = order[places]
            return limit_takes(effects(unit[rows], lfo_phases[rows], samples, sources(programme.number[rows])))

        takes = render_groups(count, samples, group)
        if (order[:-1] < order[1:]).all():
            return takes
        sorted_takes, takes = takes, np.empty_like(takes)
        takes[order] = sorted_takes
        return takes
