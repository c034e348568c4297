"""The guitar rack's effects one by one, some beside pedalboard's."""

import itertools

import numpy as np
import pytest
import scipy.signal
from guitar_takes import (
    MODES,
    NOTE_OFF,
    NOTE_ON,
    RATE,
    decibels,
    distance,
    impulse,
    log_spectra,
    on,
    play,
    response,
    through,
)

from secret_sauce_hf.engines import render
from secret_sauce_hf.engines.dsp import biquads as guitar_biquads
from secret_sauce_hf.engines.guitar_rack import distortion
from secret_sauce_hf.engines.guitar_rack import lines as guitar_lines
from secret_sauce_hf.engines.guitar_rack import reverb as guitar_reverb
from secret_sauce_hf.engines.guitar_rack.amp import amplify, cabinet, saturate
from secret_sauce_hf.engines.guitar_rack.engine import LEVEL
from secret_sauce_hf.engines.guitar_rack.filter import cutoff_hertz, quality
from secret_sauce_hf.engines.guitar_rack.string import FUNDAMENTAL
from secret_sauce_hf.presets import Presets


@pytest.fixture
def pedalboard():
    """A library of effects to compare with; CI has it, other machines may lack a library that it needs."""
    return pytest.importorskip("pedalboard", exc_type=ImportError)


# Distortion


def distorted(signal: np.ndarray, drive: float, tone: float = 0.5) -> np.ndarray:
    """An oversampled signal through the distortion alone."""
    origin = distortion.oversampled(signal, RATE)
    sound = np.zeros((1, origin.whole.shape[1] - 2 * distortion.MARGIN), np.float32)
    unit = np.array([drive])
    distortion.distort(
        sound,
        np.ones(1, bool),
        distortion.drive_gain(unit).astype(np.float32),
        distortion.drive_level(unit).astype(np.float32),
        distortion.tilt_gain(np.array([tone])).astype(np.float32),
        distortion.tilt_coefficient(RATE),
        *origin,
        distortion.decimator(),
    )
    return sound[0].astype(np.float64)


def oversampled_sine(hertz: float, amplitude: float, samples: int = 16_384) -> np.ndarray:
    time = np.arange(distortion.OVERSAMPLING * (samples + 2 * distortion.MARGIN)) / (distortion.OVERSAMPLING * RATE)
    return amplitude * np.sin(2 * np.pi * hertz * time)


def alias_level(sound: np.ndarray, hertz: float) -> float:
    """dB of the strongest component below 8 kHz that is no harmonic, below the strongest that is."""
    steady = sound[1_000:9_192] * scipy.signal.windows.kaiser(8_192, 16)
    level = decibels(np.fft.rfft(steady, 2**16))
    frequency = np.fft.rfftfreq(2**16, 1 / RATE)
    between = np.abs((frequency / hertz + 0.5) % 1 - 0.5) * hertz > 30
    return float(level[between & (frequency > 60) & (frequency < 8_000)].max() - level.max())


@pytest.mark.parametrize(("hertz", "below"), [(262.4, -90), (523.7, -85), (1_244.5, -75), (2_217.3, -65)])
def test_aliases_of_the_distortion(hertz, below):
    # At full drive, on a sine as loud as the whole guitar.
    assert alias_level(distorted(oversampled_sine(hertz, 0.6), 1.0), hertz) < below


@pytest.mark.parametrize("hertz", [261.6, 1_244.5, 3_520.7])
def test_aliases_of_the_amplifier(hertz):
    taken = np.zeros(16_384, np.float32)
    sound = amplify(oversampled_sine(hertz, 1.0), distortion.OVERSAMPLING * RATE)
    distortion.decimate(distortion.by_phase(sound.astype(np.float32)), distortion.decimator(), taken)
    assert alias_level(taken, hertz) < -90


def test_saturation_is_the_mean_of_the_curve_between_samples():
    x = np.array([0.3, -2.0, 5.0, 5.0, 5.0 + 1e-12])
    quotients = np.diff(np.sqrt(1 + x[:3] ** 2)) / np.diff(x[:3])
    assert saturate(x)[1:3] == pytest.approx(quotients)
    # Where the quotient itself would be 0/0 the curve's own value comes out.
    assert saturate(x)[3:] == pytest.approx(5 / np.sqrt(26))


def test_drive_adds_harmonics():
    # A soft sine, as even the lowest drive rounds a loud one.
    shares = []
    for drive in (0.0, 0.25, 0.5, 0.75, 1.0):
        sound = distorted(oversampled_sine(400.0, 0.1), drive)[4_000 : 4_000 + 11_025]
        level = np.abs(np.fft.rfft(sound * np.blackman(len(sound))))
        # Bins of 2 Hz
        fundamental, *harmonics = (level[200 * number - 3 : 200 * number + 4].max() for number in range(1, 18, 2))
        shares.append(np.linalg.norm(harmonics) / fundamental)
    assert (np.diff(shares) > 0).all()
    assert shares[0] < 0.02
    # A square wave's would be 0.46.
    assert shares[-1] > 0.25


def test_drive_lengthens_the_note_and_keeps_its_level():
    takes = play(*(on("disto", disto_drive=drive) for drive in (0.0, 2.5, 5.0, 7.5, 10.0)))
    ratios = [take[10_000:14_000].std() / take[500:4_500].std() for take in takes]
    assert (np.diff(ratios) > 0).all()
    assert np.ptp(decibels(np.abs(takes).max(axis=1))) < 9


def test_tone_tilts_the_spectrum():
    takes = play(*(on("disto", disto_tone=tone) for tone in np.linspace(0, 10, 5)))
    hertz, power = scipy.signal.welch(takes, RATE, nperseg=2_048)
    tilt = [10 * np.log10(take[hertz > 2_000].sum() / take[hertz < 500].sum()) for take in power]
    # The two sides overlap, so that less than 32 dB come out.
    assert (np.diff(tilt) > 2).all()
    assert 14 < tilt[-1] - tilt[0] < 32


# Delay


def echoes(row: dict) -> np.ndarray:
    """What follows an impulse, in a band where the echoes are not dulled."""
    row = row | {"delay_on_off": "on"}
    band = scipy.signal.butter(2, (300, 1_500), "bandpass", fs=RATE, output="sos")
    return np.abs(scipy.signal.hilbert(scipy.signal.sosfiltfilt(band, through(impulse(2**15, 500), row)[0])))


@pytest.mark.parametrize("cc", [0, 16, 32, 48, 64])
def test_repeats_come_when_the_knob_says(cc):
    time = guitar_lines.delay_seconds(np.array(cc / 127))
    assert 0.0199 < time < 0.3501
    # One delay alone is heard as the peak of the autocorrelation of an even spectrum.
    sound = through(impulse(2**15, 500), on("delay", delay_time=cc / 12.7, delay_feedback=0.0))[0]
    correlation = scipy.signal.correlate(sound, sound)[len(sound) - 1 :]
    assert (correlation[200:].argmax() + 200) / RATE == pytest.approx(time, abs=1.5e-4)


def test_repeats_fall_within_the_take():
    longest = play(on("delay", delay_time=64 / 12.7, delay_intensity=10.0))[0]
    start = round(0.35 * RATE) + NOTE_ON
    assert np.abs(longest[: start - 50]).max() < 2e-3 < 0.05 < np.abs(longest[start:]).max()
    # Even then there is a second one to tell the feedback by.
    rows = [on("delay", delay_time=64 / 12.7, delay_feedback=feedback) for feedback in (0.0, 2.5, 5.0, 7.5, 10.0)]
    assert min(distance(*pair) for pair in itertools.pairwise(log_spectra(play(*rows)))) > 0.5


@pytest.mark.parametrize("feedback", [2.5, 5.0, 7.5, 10.0])
def test_feedback_is_the_ratio_of_repeats(feedback):
    time = guitar_lines.delay_seconds(np.array(32 / 127)) * RATE
    envelope = echoes(on(delay_feedback=feedback))
    peaks = [envelope[round(500 + n * time) - 60 : round(500 + n * time) + 60].max() for n in range(1, 6)]
    assert np.array(peaks[1:]) / peaks[:-1] == pytest.approx(np.full(4, 0.092 * feedback), rel=0.12)


def test_intensity_is_the_level_of_the_repeats():
    time = guitar_lines.delay_seconds(np.array(32 / 127)) * RATE
    for intensity in (0.0, 2.5, 5.0, 7.5, 10.0):
        envelope = echoes(on(delay_intensity=intensity, delay_feedback=0.0))
        direct, echo = envelope[440:560].max(), envelope[round(500 + time) - 60 : round(500 + time) + 60].max()
        plain = echoes(on(delay_intensity=0.0))[440:560].max()
        assert direct / plain == pytest.approx(np.cos(np.pi / 20 * intensity), abs=0.02)
        assert echo / plain == pytest.approx(np.sin(np.pi / 20 * intensity), abs=0.1)


def test_no_intensity_is_the_dry_sound():
    plain, dry = play(on(), on("delay", delay_intensity=0.0, delay_feedback=10.0))
    assert np.array_equal(plain, dry)


def test_the_delay_beside_pedalboards(pedalboard):
    time = float(guitar_lines.delay_seconds(np.array(40 / 127)))
    # Its mix goes up to 1 for both sides.
    theirs = pedalboard.Delay(delay_seconds=time, feedback=0.46, mix=0.5)(impulse(2**15, 500).astype(np.float32), RATE)
    expected = np.flatnonzero(np.abs(theirs) > 0.05)
    envelope = echoes(on(delay_time=40 / 12.7, delay_feedback=5.0))
    ours, _ = scipy.signal.find_peaks(envelope, distance=500, height=envelope.max() * 0.05)
    count = min(len(expected), len(ours), 4)
    assert count == 4
    assert ours[:count] == pytest.approx(expected[:count], abs=25)
    assert envelope[ours[2]] / envelope[ours[1]] == pytest.approx(theirs[expected[2]] / theirs[expected[1]], rel=0.12)


# Chorus / flanger


@pytest.mark.parametrize("setting", [0.0, 5.0, 7.5, 10.0])
def test_the_rate_of_the_lfo(setting):
    rate = 0.1 * 100 ** (setting / 10)
    seconds = max(2.0, 1.6 / rate)
    time = np.arange(round(seconds * RATE)) / RATE
    sine = 0.3 * np.sin(2 * np.pi * 1_000 * time)
    sound = through(sine, on("flanger", flanger_mode="pitchmod", flanger_rate=setting, flanger_width=3.0))[0]
    phase = np.unwrap(np.angle(scipy.signal.hilbert(sound)))
    # The delay swings the phase: fit a sine to what it leaves beside the steady tone's.
    wobble = (phase - 2 * np.pi * 1_000 * time)[2_000:-2_000]
    time = time[2_000:-2_000]
    residuals = []
    candidates = rate * np.linspace(0.9, 1.1, 41)
    for hertz in candidates:
        turns = 2 * np.pi * hertz * time
        basis = np.stack([np.ones_like(time), np.sin(turns), np.cos(turns)], axis=1)[::50]
        residuals.append(np.linalg.norm(wobble[::50] - basis @ np.linalg.lstsq(basis, wobble[::50], rcond=None)[0]))
    assert candidates[np.argmin(residuals)] == pytest.approx(rate, rel=0.02)
    assert min(residuals) < 0.1 * np.linalg.norm(wobble[::50] - wobble[::50].mean())


def taps(mode: str, intensity: float, phase: float = 0.0) -> np.ndarray:
    """Milliseconds and gains of what the modulation makes of an impulse, the LFO all but standing still."""
    row = on("flanger", flanger_mode=mode, flanger_rate=0.0, flanger_width=5.0, flanger_intensity=intensity)
    plain, sound = (np.fft.rfft(through(impulse(2**14), r, phase=phase)[0]) for r in (on(), row))
    band = np.exp(-((np.fft.rfftfreq(2**14, 1 / RATE) / 4_000) ** 2))
    direct = np.abs(scipy.signal.hilbert(np.fft.irfft(band)))[0]
    envelope = np.abs(scipy.signal.hilbert(np.fft.irfft(sound / plain * band))) / direct
    envelope = np.concatenate([envelope[-50:], envelope[:2_000]])
    peaks, found = scipy.signal.find_peaks(envelope, height=0.08, distance=6)
    return np.stack([(peaks - 50) * 1e3 / RATE, found["peak_heights"]])


def test_the_modes_of_the_chorus_flanger():
    # Chorus: the direct sound and two late voices.
    times, gains = taps("chorus", 10.0)
    assert len(times) == 3
    assert times[0] == pytest.approx(0, abs=0.05)
    assert 10 < times[1] < times[2] < 25
    assert gains == pytest.approx(np.full(3, 0.5), abs=0.05)
    # Pitch mod: one voice, nothing direct.
    times, gains = taps("pitchmod", 0.0)
    assert len(times) == 1
    assert 1 < times[0] < 6
    # Flanger: the direct sound and a short delay that is fed back.
    times, gains = taps("flanger", 10.0)
    assert len(times) > 5
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, times[1]), abs=0.1)
    assert 0.5 < times[1] < 8
    assert gains[2:6] / gains[1:5] == pytest.approx(np.full(4, 0.85), abs=0.08)


@pytest.mark.parametrize(("mode", "swing"), [("chorus", None), ("pitchmod", None), ("flanger", (0.5, 8.0))])
def test_the_width_swings_the_delay(mode, swing):
    spans = []
    for width in (0.0, 5.0, 10.0):
        seconds = guitar_lines.modulation_swings(np.array([width / 10]), np.array([float(MODES.index(mode))]))
        spans.append(1e3 * seconds[0])
    assert 0 < spans[0] < spans[1] / 2 < spans[2] / 4
    # At the ends of the LFO's swing the delay is shortest and longest.
    shortest, longest = (taps(mode, 0.0, phase)[0] for phase in (0.75, 0.25))
    assert longest[-1 if mode == "pitchmod" else 1] - shortest[-1 if mode == "pitchmod" else 1] == pytest.approx(
        spans[1], abs=0.15
    )
    if swing:
        assert (0.5, 0.5 + spans[2]) == pytest.approx(swing)


def test_vibrato_bends_the_pitch_and_chorus_thickens_it():
    time = np.arange(2 * RATE) / RATE
    sine = 0.3 * np.sin(2 * np.pi * 1_000 * time)
    rows = [on("flanger", flanger_mode=mode, flanger_intensity=0.0, flanger_width=10.0) for mode in MODES[:2]]
    for row, bends in zip(rows, (False, True), strict=True):
        sound = through(sine, row)[0][4_000:]
        hertz = np.gradient(np.unwrap(np.angle(scipy.signal.hilbert(sound))))[2_000:-2_000] * RATE / (2 * np.pi)
        # π · rate · swing of 4 ms
        bend = np.pi * 0.1 * 100**0.6 * 0.004
        assert (np.abs(hertz / 1_000 - 1).max() > 0.8 * bend) == bends


def test_the_chorus_beside_pedalboards(pedalboard):
    # A chorus fills the gaps between partials: its sidebands.
    take = play(on())[0]
    theirs = pedalboard.Chorus(rate_hz=1.58, depth=0.5, centre_delay_ms=14, feedback=0, mix=0.5)(
        take.astype(np.float32), RATE
    )
    ours = play(on("flanger", flanger_mode="chorus", flanger_intensity=10.0))[0]

    def between(sound: np.ndarray) -> float:
        level = np.abs(np.fft.rfft(sound[2_000:NOTE_OFF] * np.blackman(NOTE_OFF - 2_000))) ** 2
        hertz = np.fft.rfftfreq(NOTE_OFF - 2_000, 1 / RATE)
        apart = np.abs((hertz / FUNDAMENTAL + 0.5) % 1 - 0.5) * FUNDAMENTAL
        audible = (hertz > 1_000) & (hertz < 3_000)
        return level[audible & (apart > 25)].sum() / level[audible].sum()

    assert between(theirs) > 5 * between(take)
    assert between(ours) > 5 * between(take)


def test_the_lfo_runs_freely():
    rows = Presets.from_settings("guitar", [on("flanger")] * 3 + [on()] * 2)
    takes = render(rows, noise_seed=1)
    assert not np.array_equal(takes[0], takes[1])
    assert np.array_equal(takes[3], takes[4])
    assert np.array_equal(
        render(rows[:1], noise_seed=1, first_row=1)[0], render(rows[1:2], noise_seed=1, first_row=1)[0]
    )
    assert np.array_equal(render(rows[1:], noise_seed=1, first_row=1), takes[1:])
    assert not np.array_equal(render(rows, noise_seed=2)[0], takes[0])
    assert np.array_equal(render(rows, noise_seed=0), render(rows))


# Reverb


def tails(*rows: dict, seconds: float = 5.0) -> np.ndarray:
    """The reverb's answer to an impulse, without the direct sound."""
    plain, *others = through(impulse(round(seconds * RATE)), on(), *(row | {"reverb_on_off": "on"} for row in rows))
    return np.array(others) - plain


def decay_time(tail: np.ndarray) -> float:
    """T60 in seconds, from the fall between -5 and -25 dB of the energy still to come (ISO 3382)."""
    band = scipy.signal.butter(2, (200, 700), "bandpass", fs=RATE, output="sos")
    to_come = np.cumsum(scipy.signal.sosfilt(band, tail)[::-1] ** 2)[::-1]
    level = 10 * np.log10(to_come / to_come[0] + 1e-15)
    return 3 * float((level < -25).argmax() - (level < -5).argmax()) / RATE


def test_decay_time_grows_with_the_room():
    sizes = np.linspace(0, 10, 5)
    rows = [on(reverb_room_size=size, reverb_bright=10.0) for size in sizes]
    times = np.array([decay_time(tail) for tail in tails(*rows)])
    assert (np.diff(times) > 0).all()
    assert times / guitar_reverb.decay_seconds(sizes / 10) == pytest.approx(np.ones(5), abs=0.3)


def test_reflections_come_later_in_a_larger_room():
    onsets = []
    for tail in tails(*(on(reverb_room_size=size) for size in (0.0, 5.0, 10.0)), seconds=0.5):
        energy = np.cumsum(tail**2)
        onsets.append((energy > 0.01 * energy[-1]).argmax() / RATE)
    assert 0.005 < onsets[0] < onsets[1] < onsets[2] < 0.12


@pytest.mark.parametrize("size", [0.0, 5.0, 10.0])
def test_brightness_of_the_tail(size):
    rows = [on(reverb_room_size=size, reverb_bright=bright) for bright in np.linspace(0, 10, 5)]
    hertz, power = scipy.signal.welch(tails(*rows, seconds=1.0), RATE, nperseg=1_024)
    ratio = [10 * np.log10(tail[hertz > 2_000].sum() / tail[hertz < 800].sum()) for tail in power]
    assert (np.diff(ratio) > 1.5).all()
    assert ratio[-1] - ratio[0] > 15


def test_the_tail_is_dense():
    # Noise-like after a tenth of a second: few samples stand out.
    tail = tails(on(reverb_room_size=10.0, reverb_bright=10.0), seconds=1.0)[0][RATE // 5 : RATE // 2]
    assert scipy.stats.kurtosis(tail) < 6


def test_the_reverb_beside_pedalboards(pedalboard):
    # Both ring on after the string is damped, longer in the larger room.
    take = play(on())[0]
    sizes = (0.1, 0.9)
    theirs = [
        pedalboard.Reverb(room_size=size, damping=0.5, wet_level=0.33, dry_level=0.4)(take.astype(np.float32), RATE)
        for size in sizes
    ]
    ours = play(*(on("reverb", reverb_room_size=10 * size) for size in sizes))
    for small, large in (theirs, ours):
        ends = [decibels(sound[-1_000:].std() / sound[NOTE_OFF - 3_000 : NOTE_OFF].std()) for sound in (small, large)]
        assert ends[0] + 3 < ends[1] < 0
        assert ends[0] > decibels(take[-1_000:].std() / take[NOTE_OFF - 3_000 : NOTE_OFF].std())


# Filter and cabinet


def test_the_filter_falls_by_12_decibels_per_octave():
    rows = [
        on("filter", filter_frequency=52 / 12.7, filter_resonance=0.0, filter_mode_LBF_HPF=mode) for mode in (0.0, 10.0)
    ]
    hertz, (low, high) = response(*rows)
    cutoff = float(cutoff_hertz(np.array(52 / 127), RATE))

    def at(gains: np.ndarray, frequency: float) -> float:
        return float(np.interp(frequency, hertz, gains))

    assert at(low, 3.2 * cutoff) - at(low, 6.4 * cutoff) == pytest.approx(12, abs=2)
    assert at(high, cutoff / 2) - at(high, cutoff / 4) == pytest.approx(12, abs=1)
    for gains, passed in ((low, 60.0), (high, 8_000.0)):
        assert at(gains, passed) == pytest.approx(0, abs=0.5)
        # Q of 0.7
        assert at(gains, cutoff) == pytest.approx(-3, abs=0.3)


def test_the_filter_beside_pedalboards(pedalboard):
    # Its ladder, two of four stages: the same slope, far from the cutoff.
    cutoff = float(cutoff_hertz(np.array(52 / 127), RATE))
    noise = np.random.default_rng(1).normal(0, 0.01, 2**16).astype(np.float32)
    hertz, source_power = scipy.signal.welch(noise, RATE, nperseg=2_048)
    for mode, ladder, octave in (
        (0.0, pedalboard.LadderFilter.Mode.LPF12, (4, 8)),
        (10.0, pedalboard.LadderFilter.Mode.HPF12, (1 / 4, 1 / 8)),
    ):
        board = pedalboard.LadderFilter(mode=ladder, cutoff_hz=cutoff, resonance=0.0, drive=1.0)
        theirs = 10 * np.log10(scipy.signal.welch(board(noise, RATE), RATE, nperseg=2_048)[1] / source_power)
        axis, (ours,) = response(
            on("filter", filter_frequency=52 / 12.7, filter_resonance=0.0, filter_mode_LBF_HPF=mode)
        )
        falls = [
            -np.diff(np.interp(np.array(octave) * cutoff, x, gains))[0] for x, gains in ((hertz, theirs), (axis, ours))
        ]
        assert falls[1] == pytest.approx(falls[0], abs=4)


@pytest.mark.parametrize("cc", [42, 52, 63, 74, 84])
def test_the_filters_cutoff_and_resonance(cc):
    cutoff = float(cutoff_hertz(np.array(cc / 127), RATE))
    assert 199 < cutoff < 4_001
    resonances = (2.5, 5.0, 7.5, 10.0)
    hertz, gains = response(
        *(on("filter", filter_frequency=cc / 12.7, filter_resonance=r, filter_mode_LBF_HPF=0.0) for r in resonances)
    )
    below = np.abs(hertz - 60) < 10
    heights = [gain.max() - gain[below].mean() for gain in gains]
    # A low-pass peaks Q above its pass-band, a little more as Q is low.
    expected = [decibels(quality(np.array(r / 10))) for r in resonances]
    assert heights[1:] == pytest.approx(expected[1:], abs=1)
    assert hertz[gains[-1].argmax()] == pytest.approx(cutoff, rel=0.02)
    # It is turned down as it resonates.
    assert gains.max() < 15


def test_the_filter_morphs():
    cutoff = float(cutoff_hertz(np.array(63 / 127), RATE))
    modes = np.linspace(0, 10, 9)
    hertz, gains = response(
        *(on("filter", filter_frequency=63 / 12.7, filter_resonance=3.0, filter_mode_LBF_HPF=mode) for mode in modes)
    )
    lows, highs = (gains[:, np.abs(hertz - f) < f / 20].mean(axis=1) for f in (cutoff / 8, cutoff * 6))
    assert (np.diff(lows) < 0).all()
    assert (np.diff(highs) > 0).all()
    middle = gains[4]
    assert middle[np.abs(hertz - cutoff) < 20].mean() > max(lows[4], highs[4]) + 10


def test_the_cabinets_sections_are_pedalboards(pedalboard):
    noise = np.random.default_rng(2).normal(0, 0.1, 4_096).astype(np.float32)
    for ours, theirs in (
        (guitar_biquads.peak(2_600, 1.3, 5.0, RATE), pedalboard.PeakFilter(2_600, gain_db=5.0, q=1.3)),
        (guitar_biquads.high_shelf(2_500, 0.7, 3.0, RATE), pedalboard.HighShelfFilter(2_500, gain_db=3.0, q=0.7)),
    ):
        assert scipy.signal.sosfilt(ours, noise) == pytest.approx(theirs(noise, RATE), abs=1e-5)


def test_the_cabinet():
    plain = through(impulse(2**14), on())[0]
    assert plain / LEVEL == pytest.approx(scipy.signal.sosfilt(cabinet(RATE), impulse(2**14)), abs=1e-6)
    hertz, gains = scipy.signal.freqz_sos(cabinet(RATE), fs=RATE, worN=4_096)
    assert decibels(gains)[np.abs(hertz - 2_600) < 100].mean() > 3
    assert decibels(gains)[hertz > 8_000].max() < -15
    assert decibels(gains)[hertz < 30].max() < -15
