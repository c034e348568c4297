"""The metrics against librosa, and the properties that make them distances."""

from contextlib import nullcontext

import librosa
import numpy as np
import pytest

from secret_sauce_hf import metrics
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics import spectra

RATE = 22_050


def _sound(seed: int, samples: int = 19_845) -> np.ndarray:
    """A decaying tone with some noise: broad spectrum, wide dynamic range."""
    generator = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    tone = sum(np.sin(2 * np.pi * 110 * (seed + 1) * k * time) / k for k in range(1, 8))
    return (tone * np.exp(-time * (seed + 2)) * 0.2 + generator.normal(0, 1e-4, samples)).astype(np.float64)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    return _sound(1), _sound(2)


@pytest.mark.parametrize("rate", [22_050, 44_100, 16_000])
@pytest.mark.parametrize(("length", "bands"), [(220, 32), (551, 64), (2205, 128), (1024, 128)])
def test_mel_bands_are_librosas(rate, length, bands):
    # Some of the narrowest bands fall between two bins and are empty, in both.
    with pytest.warns(UserWarning, match="Empty filters") if _has_empty(rate, length, bands) else nullcontext():
        expected = librosa.filters.mel(sr=rate, n_fft=length, n_mels=bands, dtype=np.float64)
    np.testing.assert_allclose(spectra.mel_bands(rate, length, bands).T, expected, atol=1e-12)


def _has_empty(rate: int, length: int, bands: int) -> bool:
    return bool((spectra.mel_bands(rate, length, bands).max(axis=0) == 0).any())


@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mss_is_its_definition_in_librosa(pair):
    parts = []
    for window, hop, mels in ((10, 5, 32), (25, 10, 64), (100, 50, 128)):
        first, second = (
            librosa.power_to_db(
                librosa.feature.melspectrogram(
                    y=y, sr=RATE, n_mels=mels, n_fft=window * RATE // 1000, hop_length=hop * RATE // 1000
                ),
                ref=np.max,
            )
            for y in pair
        )
        parts.append(np.abs(first - second).mean())
    assert metrics.mss(*pair, RATE) == pytest.approx(np.mean(parts), abs=1e-4)


@pytest.mark.filterwarnings("ignore:Empty filters")
def test_wmfcc_is_its_definition_in_librosa(pair):
    first, second = (
        librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=20, n_fft=50 * RATE // 1000, hop_length=10 * RATE // 1000, n_mels=128)
        for y in pair
    )
    cost = np.abs(first[:, :, None] - second[:, None, :]).mean(axis=0)
    total = librosa.sequence.dtw(C=cost, weights_mul=np.array([2.0, 1.0, 1.0]), backtrack=False)
    expected = total[-1, -1] / sum(cost.shape)
    assert metrics.wmfcc(*pair, RATE) == pytest.approx(expected, abs=1e-4)


def test_warping_forgives_a_shift_that_the_plain_difference_does_not():
    sound = _sound(1)
    shifted = np.concatenate([np.zeros(1_000), sound[:-1_000]])
    length, hop = 50 * RATE // 1000, 10 * RATE // 1000
    plain = np.abs(np.subtract(*(spectra.cepstra(y, RATE, length, hop, 128, 20) for y in (sound, shifted)))).mean()
    assert metrics.wmfcc(sound, shifted, RATE) < 0.5 * plain


def test_sot_is_its_definition_in_librosa(pair):
    cumulative = []
    for y in pair:
        spectrum = np.abs(librosa.stft(y, n_fft=50 * RATE // 1000, hop_length=20 * RATE // 1000))
        cumulative.append(np.cumsum(spectrum / spectrum.sum(axis=0), axis=0))
    expected = np.abs(cumulative[0] - cumulative[1]).mean()
    assert metrics.sot(*pair, RATE) == pytest.approx(expected, abs=1e-6)
    assert metrics.sot_hertz(*pair, RATE) == pytest.approx(expected * RATE / 2, abs=1e-2)


def test_sot_of_two_tones_is_their_distance_in_hertz():
    time = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * hertz * time) for hertz in (1_000, 3_000))
    assert metrics.sot_hertz(low, high, RATE) == pytest.approx(2_000, rel=0.05)


def test_rms_cosine_is_its_definition_in_librosa(pair):
    first, second = (
        librosa.feature.rms(y=y, frame_length=50 * RATE // 1000, hop_length=25 * RATE // 1000)[0] for y in pair
    )
    expected = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    assert metrics.rms_cosine(*pair, RATE) == pytest.approx(expected, abs=1e-6)


def test_spectral_composite_is_its_definition_in_librosa(pair):
    first, second = (np.abs(librosa.stft(y, n_fft=1024, hop_length=256)) for y in pair)
    convergence = np.linalg.norm(first - second) / np.linalg.norm(first)
    logs = [np.log10(np.maximum(s, 1e-4)) for s in (first, second)]
    mfcc = [librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=40, n_fft=1024, hop_length=256) for y in pair]
    expected = 0.7 * convergence + 0.27 * np.abs(logs[0] - logs[1]).mean() + 0.03 * np.abs(mfcc[0] - mfcc[1]).mean()
    assert metrics.spectral_composite(*pair, RATE) == pytest.approx(expected, abs=1e-4)


def test_level_difference_is_the_gain():
    sound = _sound(1)
    assert metrics.level_difference(sound, sound * 0.5, RATE) == pytest.approx(20 * np.log10(2))
    assert metrics.level_difference(sound * 0.5, sound, RATE) == pytest.approx(20 * np.log10(2))


def test_mss_ignores_level_and_the_others_see_it():
    # Loud enough that the absolute floor of the decibel scale is out of reach.
    sound = _sound(1)
    assert metrics.mss(sound, sound * 0.9, RATE) == pytest.approx(0, abs=1e-9)
    assert metrics.wmfcc(sound, sound * 0.5, RATE) > 0.1
    assert metrics.spectral_composite(sound, sound * 0.5, RATE) > 0.3


@pytest.mark.parametrize("distance", metrics.DISTANCES, ids=lambda d: d.name)
def test_equal_sounds_are_at_distance_nought(distance):
    best = 1.0 if distance.name == "rms_cosine" else 0.0
    for sound in (_sound(1), np.zeros(5_000), np.full(1, 0.1)):
        assert distance.function(sound, sound, RATE) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("distance", metrics.DISTANCES, ids=lambda d: d.name)
def test_rows_give_what_single_sounds_give(distance):
    # More rows than are computed at once.
    first = np.stack([_sound(row % 5, 3_000) for row in range(70)])
    second = np.stack([_sound(row % 3, 3_000) for row in range(70)])
    rows = distance.function(first, second, RATE)
    assert rows.shape == (70,)
    for row in (0, 1, 4, 69):
        assert rows[row] == pytest.approx(distance.function(first[row], second[row], RATE), rel=1e-9, abs=1e-12)
    assert distance.function(first[:0], second[:0], RATE).shape == (0,)


@pytest.mark.parametrize("distance", metrics.DISTANCES, ids=lambda d: d.name)
def test_integers_are_scaled_by_their_type(distance):
    first, second = ((_sound(seed) * 20_000).astype(np.int16) for seed in (1, 2))
    floats = distance.function(first / 32_768, second / 32_768, RATE)
    assert distance.function(first, second, RATE) == pytest.approx(floats, rel=1e-12)


@pytest.mark.parametrize("distance", metrics.DISTANCES, ids=lambda d: d.name)
def test_silence_against_sound_is_far_and_finite(distance):
    sound, silence = _sound(1), np.zeros(19_845)
    for pair in ((sound, silence), (silence, sound)):
        value = distance.function(*pair, RATE)
        assert np.isfinite(value)
        assert value < 0.5 if distance.name == "rms_cosine" else value > 0.01


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros(10), np.zeros(11), "same length"),
        (np.zeros(0), np.zeros(0), "shape"),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), "shape"),
        (np.array([0.0, np.nan]), np.zeros(2), "not finite"),
        (np.zeros(2), np.array([0.0, np.inf]), "not finite"),
        (np.zeros(2, dtype=complex), np.zeros(2), "complex"),
        (np.zeros(2, dtype=np.uint8), np.zeros(2), "uint8"),
        ([0, 1], [1, 0], "int64"),
    ],
)
def test_bad_sounds_are_refused(first, second, message):
    for distance in metrics.DISTANCES:
        with pytest.raises(InputError, match=message):
            distance.function(first, second, RATE)


def test_a_sample_rate_in_kilohertz_is_refused():
    with pytest.raises(InputError, match="in Hz"):
        metrics.mss(np.zeros(10), np.zeros(10), 22)


def test_distances_names_every_distance(pair):
    values = metrics.distances(*pair, RATE)
    assert list(values) == [distance.name for distance in metrics.DISTANCES]
    assert values["mss"] == metrics.mss(*pair, RATE)


def test_knob_mae_over_rows_and_heard_rows():
    truth, prediction = np.array([[0.0, 5.0], [10.0, 5.0]]), np.array([[1.0, 5.0], [7.0, 9.0]])
    np.testing.assert_allclose(metrics.knob_mae(truth, prediction), [2.0, 2.0])
    heard = np.array([[True, False], [False, False]])
    np.testing.assert_allclose(metrics.knob_mae(truth, prediction, heard), [1.0, np.nan])
    assert metrics.knob_mae(truth[:, 0], prediction[:, 0]) == 2.0


def test_switch_accuracy_takes_labels_and_indices():
    truth, prediction = np.array(["Saw", "Pulse", "Noise"]), np.array(["Saw", "Saw", "Noise"])
    assert metrics.switch_accuracy(truth, prediction) == pytest.approx(2 / 3)
    assert metrics.switch_accuracy(np.array([0, 1, 4]), np.array([0, 0, 4])) == pytest.approx(2 / 3)
    assert metrics.switch_accuracy(truth, prediction, np.array([True, True, False])) == 0.5


def test_presets_are_scored_by_parameter():
    truth = [
        {"rate": 1.0, "cutoff": 5, "wave": "Saw", "sync": True},
        {"wave": "Sine", "rate": 2.0, "cutoff": 6, "sync": False},
    ]
    told = [
        {"rate": 2.5, "cutoff": 5, "wave": "Saw", "sync": True},
        {"rate": 2.0, "cutoff": 9, "wave": "Saw", "sync": False},
    ]
    assert metrics.preset_errors(truth, told) == {
        "knob_mae": 1.125,
        "switch_accuracy": 0.75,
        "per_parameter": {"rate": 0.75, "cutoff": 1.5, "wave": 0.5, "sync": 1.0},
    }
    heard = metrics.preset_errors(truth, told, [{"cutoff": False}, {"wave": False, "cutoff": False}])
    assert heard["per_parameter"] == {
        "rate": 0.75,
        "cutoff": pytest.approx(np.nan, nan_ok=True),
        "wave": 1.0,
        "sync": 1.0,
    }
    assert (heard["knob_mae"], heard["switch_accuracy"]) == (0.75, 1.0)
    assert metrics.preset_errors(truth, told, switches="cutoff")["per_parameter"]["cutoff"] == 0.5


def test_no_presets_score_nothing():
    nothing = metrics.preset_errors([], [])
    assert np.isnan([nothing["knob_mae"], nothing["switch_accuracy"]]).all()
    assert nothing["per_parameter"] == {}


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="one shape"):
        metrics.knob_mae(np.zeros(2), np.zeros(3))
    with pytest.raises(InputError, match="heard"):
        metrics.switch_accuracy(np.zeros(2), np.zeros(2), np.ones(3, dtype=bool))
    with pytest.raises(InputError, match="finite"):
        metrics.knob_mae(np.array([np.nan]), np.zeros(1))
    with pytest.raises(InputError, match="labels with labels"):
        metrics.switch_accuracy(np.array(["Saw"]), np.array([0]))
    with pytest.raises(InputError, match="1 true presets, 2 predicted"):
        metrics.preset_errors([{"a": 1.0}], [{"a": 1.0}] * 2)
    with pytest.raises(InputError, match="true preset 1 lacks a and has b"):
        metrics.preset_errors([{"a": 1.0}, {"b": 1.0}], [{"a": 1.0}] * 2)
    with pytest.raises(InputError, match=r"features\[name\].int2str"):
        metrics.preset_errors([{"a": "Saw"}], [{"a": 0}])
    with pytest.raises(InputError, match="settings are numbers, labels or booleans"):
        metrics.preset_errors([{"a": [1.0]}], [{"a": 0}])
    with pytest.raises(InputError, match="`heard` 0 names b"):
        metrics.preset_errors([{"a": 1.0}], [{"a": 0.0}], [{"b": True}])
