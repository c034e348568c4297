"""Guitar takes to test with, and what is measured on them."""

import numpy as np
import scipy.signal

from secret_sauce_hf.engines import render
from secret_sauce_hf.engines.guitar_rack import distortion
from secret_sauce_hf.engines.guitar_rack.engine import effects
from secret_sauce_hf.engines.guitar_rack.playing import Source
from secret_sauce_hf.engines.guitar_rack.string import mode_hertz
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.presets import Presets

RATE = 22_050
SAMPLES = 18_522
NOTE_ON = 147
NOTE_OFF = 14_847
"""Samples into a take."""
EFFECTS = ("filter", "disto", "flanger", "delay", "reverb")
COLLECTION = get_collection("guitar")
KNOBS = [p for p in COLLECTION.instrument.parameters if p.kind == "knob"]
MODES = ("chorus", "pitchmod", "flanger")

OFF = {f"{effect}_on_off": "off" for effect in EFFECTS}
MIDDLE = {
    "filter_mode_LBF_HPF": 0.0,
    "filter_frequency": 63 / 12.7,
    "filter_resonance": 4.0,
    "disto_tone": 5.0,
    "disto_drive": 5.0,
    "flanger_rate": 6.0,
    "flanger_intensity": 6.0,
    "flanger_width": 6.0,
    "flanger_mode": "flanger",
    "delay_time": 32 / 12.7,
    "delay_feedback": 5.0,
    "delay_intensity": 5.0,
    "reverb_room_size": 5.0,
    "reverb_bright": 5.0,
}


def on(*names: str, **settings) -> dict:
    """A row with some effects on and everything else in the middle."""
    return MIDDLE | OFF | {f"{name}_on_off": "on" for name in names} | settings


def play(*rows: dict, **options) -> np.ndarray:
    return render(Presets.from_settings("guitar", rows), **options).astype(np.float64) / 32_767


def play_each(*rows: dict) -> np.ndarray:
    """Every row as row 0, so that all of them meet the LFO at the same point."""
    return np.concatenate([play(row) for row in rows])


def through(signal: np.ndarray, *rows: dict, phase: float = 0.0) -> np.ndarray:
    """Any signal through the effects and the cabinet, in place of the guitar; float64, (rows, samples)."""
    unit = Presets.from_settings("guitar", rows).complete_unit()
    silence = np.zeros((distortion.OVERSAMPLING, len(signal) + 2 * distortion.MARGIN), np.float32)
    origin = Source(signal.astype(np.float32), distortion.Oversampled(silence, silence))
    return effects(unit, np.full(len(rows), phase), len(signal), [(slice(None), origin)]).astype(np.float64)


def impulse(samples: int = SAMPLES, at: int = 0) -> np.ndarray:
    return np.eye(1, samples, at)[0]


def response(*rows: dict) -> tuple[np.ndarray, np.ndarray]:
    """Hz below 9 kHz and the gains in dB that the effects of each row have, the cabinet's taken away."""
    # The cabinet leaves next to nothing above.
    plain, *others = np.abs(np.fft.rfft(through(impulse(2**15), on(), *rows)))[:, : 2**15 * 9_000 // RATE]
    return np.fft.rfftfreq(2**15, 1 / RATE)[: len(plain)], 20 * np.log10(np.array(others) / plain)


def decibels(ratio) -> np.ndarray:
    return 20 * np.log10(np.abs(ratio) + 1e-20)


def log_spectra(takes: np.ndarray) -> np.ndarray:
    """dB in 64 bands by time, floored 70 dB below the loudest of all takes."""
    _, _, power = scipy.signal.stft(takes, RATE, nperseg=1_024, noverlap=512, axis=-1)
    bands = np.add.reduceat(np.abs(power) ** 2, np.unique(np.geomspace(4, 400, 64).astype(int)), axis=1)
    return 10 * np.log10(np.maximum(bands, bands.max() * 1e-7))


def distance(spectrum: np.ndarray, other: np.ndarray) -> float:
    """Root mean square of the difference, in dB."""
    return float(np.sqrt(np.mean((spectrum - other) ** 2)))


def partials(sound: np.ndarray, rate: int, count: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Hz and amplitudes of the string's first partials."""
    bins = 2**18
    magnitude = np.abs(np.fft.rfft(sound * np.blackman(len(sound)), bins))
    hertz, levels = [], []
    for near in mode_hertz()[:count]:
        around = np.arange(round((near - 60) * bins / rate), round((near + 60) * bins / rate))
        peak = around[magnitude[around].argmax()]
        below, at, above = np.log(magnitude[peak - 1 : peak + 2])
        hertz.append((peak + 0.5 * (below - above) / (below - 2 * at + above)) * rate / bins)
        levels.append(magnitude[peak])
    return np.array(hertz), np.array(levels)
