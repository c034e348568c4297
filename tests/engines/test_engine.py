"""The NoiseMaker engine by itself: physics, limits, repeatability."""

import itertools
import platform
import threading

import numpy as np
import pytest
import scipy.signal
from noisemaker_takes import PLAIN
from numba import njit
from processor_digests import digests_of_two_processors

from secret_sauce_hf.engines import find_engine, get_engine, render
from secret_sauce_hf.engines.dsp.arithmetic import cosine_of_turns, power_of_two
from secret_sauce_hf.engines.noisemaker import envelopes, lfo, oscillators
from secret_sauce_hf.instruments import InputError, Instrument, get_collection
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

RATE = 22_050
NOTE_ON = 1_470
"""Samples into a take."""


def play(*changes: dict, **options) -> np.ndarray:
    """Takes of a plain sine at full volume through an open filter, each with some settings changed."""
    presets = Presets.from_settings("noisemaker", [PLAIN | change for change in changes])
    return render(presets, **options).astype(np.float64) / 32_767


def spectrum(take: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hz and dB below the maximum of the steady part of a take."""
    steady = take[6_000:] * np.blackman(len(take) - 6_000)
    power = np.abs(np.fft.rfft(steady, 2**17)) ** 2
    return np.fft.rfftfreq(2**17, 1 / RATE), 10 * np.log10(power / power.max() + 1e-20)


def pitch(take: np.ndarray, near: float) -> float:
    hertz, level = spectrum(take)
    band = np.flatnonzero(np.abs(hertz - near) < near / 8)
    peak = band[level[band].argmax()]
    below, at, above = level[peak - 1 : peak + 2]
    return (peak + 0.5 * (below - above) / (below - 2 * at + above)) * RATE / 2**17


def test_pitch_is_the_base_presets_fine_tuning():
    only_osc1 = {"osc1_volume": 10.0, "osc2_volume": 0.0}
    sine, saw, triangle, saw1, pulse1 = play(
        {}, {"osc2_wave": "Saw"}, {"osc2_wave": "Triangle"}, only_osc1, only_osc1 | {"osc1_wave": "Pulse"}
    )
    for take, cents in ((sine, 0.6), (saw, 0.6), (triangle, 0.6), (saw1, -2.0), (pulse1, -2.0)):
        assert 1200 * np.log2(pitch(take, 261.6) / 261.6256) == pytest.approx(cents, abs=0.1)


@pytest.mark.parametrize(
    ("wave", "harmonics"),
    [
        ("Saw", {n: 1 / n for n in range(1, 9)}),
        ("Pulse", {n: 1 / n for n in range(1, 9, 2)}),
        ("Triangle", {n: 1 / n**2 for n in range(1, 9, 2)}),
    ],
)
def test_harmonics_of_each_shape(wave, harmonics):
    # A nearly silent oscillator leaves the filter linear; wide open it does not bend the series.
    hertz, level = spectrum(play({"osc2_wave": wave, "osc2_volume": 2.0})[0])
    for number, amplitude in harmonics.items():
        near = np.abs(hertz - number * 261.72) < 20
        assert level[near].max() == pytest.approx(20 * np.log10(amplitude), abs=1.5)


@pytest.mark.parametrize(("wave", "below"), [("Saw", -60), ("Pulse", -60), ("Triangle", -80)])
def test_aliases_are_far_below_the_signal(wave, below):
    hertz, level = spectrum(play({"osc2_wave": wave, "osc2_volume": 2.0})[0])
    between = np.abs((hertz / 261.72 + 0.5) % 1 - 0.5) * 261.72 > 40
    audible = (hertz > 30) & (hertz < 8_000)
    assert level[between & audible].max() < below


def test_pulse_width_is_the_duty_cycle():
    # Without the high-pass's sag a short take's mean sign is its duty.
    for width in (2.0, 5.0, 8.0):
        take = play({"osc1_wave": "Pulse", "osc1_pulse_width": width, "osc1_volume": 5.0, "osc2_volume": 0.0})[0]
        duty = 0.5 + (width / 10 - 0.5) * 0.985
        assert (take[6_000:] > 0).mean() == pytest.approx(duty, abs=0.03)


def test_the_filter_falls_by_21_decibels_per_octave():
    cutoff = 5.0
    noise = {"osc2_wave": "Noise", "filter_cutoff": cutoff, "osc2_volume": 2.0}
    takes = play(*([noise] * 32), noise_seed=3)
    hertz, power = scipy.signal.welch(takes[:, 6_000:], RATE, nperseg=2_048, axis=-1)
    power = power.mean(axis=0)
    octave = [10 * np.log10(power[np.abs(hertz - f) < f / 20].mean()) for f in (3_000, 6_000)]
    assert octave[0] - octave[1] == pytest.approx(21, abs=1)
    passed = 10 * np.log10(power[(hertz > 100) & (hertz < 300)].mean())
    assert 10 * np.log10(power[np.abs(hertz - 757) < 40].mean()) - passed == pytest.approx(-3, abs=1.5)


def test_the_filter_oscillates_by_itself_near_its_pole():
    quiet = {"osc2_volume": 0.0, "osc2_wave": "Saw", "filter_cutoff": 5.0}
    takes = play(*(quiet | {"filter_resonance": resonance} for resonance in (8.0, 9.5, 10.0)))
    level = np.abs(takes[:, 10_000:]).max(axis=1)
    assert level[0] < 0.01 < 0.1 < level[1] < level[2]
    hertz, _ = spectrum(takes[2])
    peak = hertz[spectrum(takes[2])[1].argmax()]
    assert 0.8 < peak / (757 / 0.435) < 1.3


@pytest.mark.parametrize(("attack", "seconds"), [(2.0, 0.027), (3.0, 0.092), (4.0, 0.35)])
def test_attack_times(attack, seconds):
    unit = np.array(attack / 10)
    rate, target, value, samples = envelopes.attack_rate(unit), envelopes.attack_target(unit), 0.0, 0
    while value < 1.0:
        value, samples = value + rate * (target - value), samples + 1
    assert samples / 44_100 == pytest.approx(seconds, rel=0.1)
    envelope = np.abs(scipy.signal.hilbert(play({"amp_attack": attack})[0]))
    full = np.median(envelope[-4_000:-1_000])
    rise = (envelope[NOTE_ON:] > 0.98 * full).argmax() / RATE
    assert rise == pytest.approx(seconds, rel=0.25)


def test_decay_falls_to_the_sustain_level():
    take = play({"amp_decay": 3.0, "amp_sustain": 2.5, "osc2_volume": 3.0})[0]
    loud = play({"osc2_volume": 3.0})[0]
    assert take[-4_000:].std() / loud[-4_000:].std() == pytest.approx(0.25, rel=0.02)


def test_lfo_rate_and_phase():
    assert lfo.lfo_hertz(np.array([0.0, 0.5, 1.0])) * 256 / 255 == pytest.approx([0.0117, 5.72, 516], rel=0.01)
    wobbling = {"lfo1_destination": "OSC2PITCH", "lfo1_rate": 64 / 12.7, "lfo1_amount": 7.0, "osc2_volume": 2.0}
    take = play(wobbling)[0]
    phase = np.unwrap(np.angle(scipy.signal.hilbert(take)))
    cents = 1200 * np.log2(np.maximum(np.gradient(phase)[NOTE_ON + 500 : -500] * RATE / (2 * np.pi), 1) / 261.72)
    time = np.arange(NOTE_ON + 500, len(take) - 500) / RATE - NOTE_ON / RATE
    rate = lfo.lfo_hertz(np.array(64 / 127)) * 256 / 255
    # 48 semitones times the cube of the amount; quiet, as the filter's saturation would bend the sine
    expected = 4_800 * 0.4**3 * np.sin(2 * np.pi * (0.488 * 255 / 256 + rate * time))
    assert np.corrcoef(cents, expected)[0, 1] > 0.998
    assert np.polyfit(expected, cents, 1)[0] == pytest.approx(1, rel=0.02)


def test_destinations_that_do_nothing():
    swinging = {"lfo1_rate": 6.0, "lfo1_amount": 9.0, "osc2_wave": "Noise"}
    still, *others = play(
        *({**swinging, "lfo1_destination": destination} for destination in ("NOTHING", "LFO2RATE", "OSC2PITCH", "FM")),
        {**swinging, "lfo1_destination": "PW", "osc1_wave": "Saw"},
        noise_seed=5,
    )
    # Each row has its own noise: compare what the LFO would move, the level over time.
    assert len(others) == 4
    for other in others:
        assert np.std(other) == pytest.approx(np.std(still), rel=0.1)
    tonal = {**swinging, "osc2_wave": "Saw"}
    still, same = play(tonal | {"lfo1_destination": "NOTHING"}, tonal | {"lfo1_destination": "LFO2RATE"})
    assert np.abs(still - same).max() < 1e-3


@pytest.mark.parametrize("destination", ["FILTER", "OSC1PITCH", "OSC2PITCH", "PW", "FM"])
def test_destinations_that_do_something(destination):
    both = {"osc1_volume": 8.0, "osc1_wave": "Pulse", "filter_cutoff": 6.0, "lfo1_rate": 6.0}
    still, moved = play(
        both | {"lfo1_destination": destination}, both | {"lfo1_destination": destination, "lfo1_amount": 9.0}
    )
    assert np.std(still - moved) > 0.1 * np.std(still)


def test_the_filter_envelope_is_inert():
    still, moved = play({}, {"filter_attack": 9.0, "filter_decay": 9.0, "filter_sustain": 0.0})
    assert np.abs(still - moved).max() < 1e-3 * np.abs(still).max()


def test_the_onset_clicks():
    # The hidden sweep holds the filter's b one lower: at the top of the knob that shuts it for 3.3 ms.
    take = play({"osc2_wave": "Saw"})[0]
    assert np.abs(take[NOTE_ON : NOTE_ON + 60]).max() < 0.2 * np.abs(take[NOTE_ON + 200 :]).max()


def test_silence_before_the_note_and_the_take_ends_held():
    take = play({})[0]
    # The resampler's ringing reaches a few samples ahead of the note.
    assert not take[: NOTE_ON - 100].any()
    assert take[-400:].std() == pytest.approx(take[-4_000:-400].std(), rel=0.05)


def test_every_corner_is_finite_and_below_full_scale():
    collection = get_collection("noisemaker")
    knobs = [p.name for p in collection.parameters if p.kind == "knob" and not p.name.startswith("filter_a")]
    extremes = [dict.fromkeys(knobs, value) for value in (0.0, 10.0)]
    extremes += [
        dict.fromkeys(knobs, 10.0) | {"filter_cutoff": cutoff, "lfo1_amount": amount}
        for cutoff, amount in itertools.product((0.0, 10.0), repeat=2)
    ]
    switches = [(p.name, p.labels) for p in collection.parameters if p.kind == "switch"]
    rows = [
        PLAIN | knobs_at | dict(zip((name for name, _ in switches), labels, strict=True))
        for knobs_at in extremes
        for labels in itertools.product(*(labels for _, labels in switches))
    ]
    takes = play(*rows)
    assert takes.shape == (len(rows), 19_845)
    assert np.abs(takes).max() <= 0.9991
    # A NaN would round to the lowest integer, and a voice gone astray falls silent.
    assert np.abs(takes[:, NOTE_ON:]).max(axis=1)[np.array([row["osc2_volume"] for row in rows]) > 0].min() > 0


def test_a_row_does_not_depend_on_its_neighbours():
    presets = draw_presets("noisemaker", 70, seed=11)
    together = render(presets, noise_seed=4)
    assert np.array_equal(render(presets[33:35], noise_seed=4, first_row=33), together[33:35])
    assert np.array_equal(render(presets, noise_seed=4), together)
    in_session = render(presets, in_session=True, noise_seed=4)
    part = render(presets[40:], in_session=True, preceding=presets[39:40], noise_seed=4, first_row=40)
    assert np.array_equal(part, in_session[40:])
    # The first row of a session has none before it.
    assert np.array_equal(in_session[0], together[0])
    assert not np.array_equal(in_session[1:], together[1:])


def test_threads_do_not_matter(monkeypatch):
    presets = draw_presets("noisemaker", 70, seed=12)
    together = render(presets)
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "1")
    assert np.array_equal(render(presets), together)
    results = {}
    callers = [threading.Thread(target=lambda i=i: results.update({i: render(presets)})) for i in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert all(np.array_equal(result, together) for result in results.values())


def test_noise_follows_seed_and_row_number():
    noisy = Presets.from_settings("noisemaker", [PLAIN | {"osc2_wave": "Noise"}] * 3)
    takes = render(noisy, noise_seed=1)
    assert not np.array_equal(takes[0], takes[1])
    assert np.array_equal(render(noisy, noise_seed=1, first_row=1)[0], takes[1])
    assert not np.array_equal(render(noisy, noise_seed=2)[0], takes[0])


@pytest.mark.parametrize("name", ["guitar", "noisemaker", "subphatty"])
def test_rows_of_the_same_noise_differ_by_their_presets_only(name):
    one = draw_presets(name, 30, seed=3)[21:22]
    alike = Presets(one.collection, np.repeat(one.unit, 3, axis=0))
    takes = render(alike, noise_seed=1, first_row=5, same_noise=True)
    assert (takes == render(one, noise_seed=1, first_row=5)).all()
    assert (render(alike[:0], noise_seed=1, same_noise=True)).shape == (0, one.collection.samples)
    with pytest.raises(InputError, match="needs a noise_seed"):
        render(alike, same_noise=True)
    if name == "noisemaker":
        # Each starts in the state that the one before it leaves: from the second one on the same.
        session = render(alike, noise_seed=1, first_row=5, same_noise=True, in_session=True)
        assert (session[0] == takes[0]).all() and (session[1] == session[2]).all()


@pytest.mark.parametrize("name", ["guitar", "subphatty"])
def test_phases_are_those_given(name):
    some = draw_presets(name, 12, seed=3)
    engine = get_engine(name)
    phases = engine.draw_phases(1, 5, 12)
    assert phases.shape == (12, len(engine.free_phases))
    takes = render(some, noise_seed=1, first_row=5)
    assert np.array_equal(render(some, noise_seed=1, first_row=5, phases=phases), takes)
    assert not np.array_equal(render(some, noise_seed=1, first_row=5, phases=phases[::-1]), takes)
    for wrong in (phases[:3], phases[:, :0], phases + 1.1, phases * np.nan):
        with pytest.raises(InputError, match=f"12 times {phases.shape[1]} numbers from 0 to 1"):
            render(some, noise_seed=1, phases=wrong)


def test_a_note_of_the_noisemaker_resets_all_phases():
    some = draw_presets("noisemaker", 2, seed=3)
    engine = get_engine("noisemaker")
    assert engine.free_phases == () and engine.draw_phases(1, 5, 2).shape == (2, 0)
    takes = render(some, noise_seed=1)
    assert np.array_equal(render(some, noise_seed=1, phases=np.empty((2, 0))), takes)
    with pytest.raises(InputError, match="2 times 0 numbers"):
        render(some, noise_seed=1, phases=np.zeros((2, 1)))


def test_rows_of_2018_carry_the_recorded_noise_wherever_they_stand():
    rows = original_presets("noisemaker-light", 10, 40)
    takes = render(rows, first_row=10)
    assert np.array_equal(render(rows[12:13], first_row=22), takes[12:13])
    # Under another number it is not that row.
    assert not np.array_equal(render(rows[12:13], first_row=0), takes[12:13])


def test_no_rows():
    assert render(draw_presets("noisemaker", 0, seed=1)).shape == (0, 19_845)
    assert render(draw_presets("noisemaker", 0, seed=1), in_session=True).shape == (0, 19_845)


def test_what_cannot_be_rendered():
    assert find_engine(get_collection("noisemaker")) is get_engine("noisemaker")
    assert get_engine("noisemaker").version
    with pytest.raises(InputError, match=r"Unknown collection 'theremin'"):
        get_engine("theremin")
    with pytest.raises(
        InputError, match=r"No engine renders 'theremin'; there is one for dx7, guitar-rack, noisemaker"
    ):
        get_engine(Instrument("theremin", "Theremin", get_collection("guitar").parameters))
    presets = draw_presets("noisemaker", 3, seed=1)
    with pytest.raises(InputError, match="in_session=True"):
        render(presets, preceding=presets[:1])
    with pytest.raises(InputError, match="one row before"):
        render(presets, in_session=True, preceding=presets)


@njit
def _cosines(turns):
    return np.array([cosine_of_turns(turn) for turn in turns])


@njit
def _powers(exponents):
    return np.array([power_of_two(exponent) for exponent in exponents])


def test_arithmetic():
    turns = np.linspace(0, 1, 10_001)
    assert np.abs(_cosines(turns) - np.cos(2 * np.pi * turns)).max() < 1e-10
    exponents = np.linspace(-50, 50, 10_001)
    assert np.abs(_powers(exponents) / 2**exponents - 1).max() < 1e-9


def test_tables():
    steps = oscillators.step_residual()
    assert steps[0] == pytest.approx(1, abs=0.01)
    assert np.abs(steps[oscillators.TABLE - 64 :]).max() < 1e-3
    corners = oscillators.corner_residual()
    # What a band-limited corner rounds off: most at the corner itself, nothing far from it.
    assert corners.argmax() == oscillators.TABLE // 2
    assert abs(corners[0]) < 1e-9 > abs(corners[oscillators.TABLE])
    sweep = envelopes.onset_sweep()
    assert (sweep[:144] == 1).all()
    assert 185 <= np.count_nonzero(sweep[144:]) <= 205 and sweep[-1] == 0


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="compares two x86 processors")
def test_bytes_do_not_depend_on_the_processor(tmp_path):
    """Of one engine; `make bench` does it with all."""
    ours, theirs = digests_of_two_processors(["subphatty"], tmp_path)
    assert len(ours) == 1 and ours == theirs
