"""Loudness and anchors of a listening test."""

import math

import numpy as np
import pytest
import scipy.signal

from secret_sauce_hf.listening_test.levels import (
    CEILING_DBFS,
    faded,
    gains,
    headroom,
    k_weighting,
    loudness,
    low_passed,
)

RATE = 22_050


def _tone(hertz: float, seconds: float, rate: int, peak: float = 1.0) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


class TestLoudness:
    def test_the_filters_are_those_of_the_standard_at_its_rate(self):
        # ITU-R BS.1770-5, tables 1 and 2.
        shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
        high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
        np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=1e-8)

    @pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
    def test_a_full_tone_in_one_channel_is_three_below(self, rate):
        # The standard: 997 Hz at 0 dBFS in one channel reads -3.01 LKFS.
        assert loudness(_tone(997, 3, rate), rate) == pytest.approx(-3.01, abs=0.05)
        assert loudness(_tone(997, 3, rate, 0.1), rate) == pytest.approx(-23.01, abs=0.05)

    def test_pauses_are_not_counted(self):
        tone = _tone(997, 3, RATE, 0.1)
        padded = np.concatenate([np.zeros(RATE * 5), tone, np.zeros(RATE * 5)])
        plain = 10 * math.log10(len(tone) / len(padded))
        # Blocks half in the pause soften it by a little, and silence by nothing: ungated it were 6 dB.
        assert -0.6 < loudness(padded, RATE) - loudness(tone, RATE) <= 0
        assert plain < -6

    def test_short_and_silent_sounds(self):
        assert loudness(_tone(997, 0.1, RATE, 0.1), RATE) == pytest.approx(-23, abs=0.3)
        assert loudness(np.zeros(RATE), RATE) == -math.inf
        assert loudness(np.zeros(0), RATE) == -math.inf

    def test_gains_make_sounds_equally_loud(self):
        noise = np.random.default_rng(0).normal(0, 0.02, RATE)
        sounds = {"tone": _tone(200, 1, RATE, 0.7), "noise": noise, "silent": np.zeros(RATE), "faint": noise * 1e-4}
        found = gains(sounds, RATE, -23.0)
        assert found["silent"] is None
        assert found["faint"] is None
        for name in ("tone", "noise"):
            assert loudness(sounds[name] * 10 ** (found[name] / 20), RATE) == pytest.approx(-23, abs=0.01)

    def test_nothing_is_clipped(self):
        assert headroom(0.5) == 0
        assert headroom(0.0) == 0
        assert 4.0 * 10 ** (-headroom(4.0) / 20) == pytest.approx(10 ** (CEILING_DBFS / 20))


class TestAnchors:
    @pytest.mark.parametrize(("cutoff", "softer", "gone"), [(3_500, 4_000, 4_500), (7_000, 8_000, 9_000)])
    def test_they_are_those_of_the_standard(self, cutoff, softer, gone):
        """BS.1534-3: a ripple below .1 dB up to the cut-off, 25 dB less at 4 kHz and 50 dB at 4.5 kHz."""
        impulse = np.zeros(RATE)
        impulse[RATE // 2] = 1
        frequencies, response = scipy.signal.freqz(low_passed(impulse, RATE, cutoff), worN=2**15, fs=RATE)
        levels = 20 * np.log10(np.maximum(np.abs(response), 1e-9))
        assert np.abs(levels[frequencies <= cutoff]).max() < 0.1
        assert levels[frequencies >= softer].max() < -25
        assert levels[frequencies >= gone].max() < -50

    def test_they_are_not_late(self):
        tone = _tone(440, 1, RATE) * np.hanning(RATE)
        np.testing.assert_allclose(low_passed(tone, RATE, 3_500), tone, atol=2e-3)
        # Sounds shorter than the filter have their length, too.
        assert low_passed(tone[:50], RATE, 3_500).shape == (50,)

    def test_where_there_is_nothing_above_nothing_is_taken_off(self):
        noise = np.random.default_rng(0).normal(0, 0.1, 4_000)
        np.testing.assert_array_equal(low_passed(noise, 8_000, 3_500), noise)


def test_sounds_begin_and_end_softly():
    ones = faded(np.ones(RATE), RATE)
    assert ones[0] == ones[-1] == 0
    assert np.abs(np.diff(ones)).max() < 0.05
    assert ones[RATE // 2] == 1
    assert faded(np.ones(3), RATE).shape == (3,)
