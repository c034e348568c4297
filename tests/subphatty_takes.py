"""What tests of the Sub Phatty share: a plain preset, and spectra."""

import numpy as np
import scipy.signal

RATE = 22_050
TRIANGLE, SAW, SQUARE, PULSE = 0.0, 10 / 3, 20 / 3, 10.0
OCTAVES = {"16f": 0.5, "8f": 1.0, "4f": 2.0, "2f": 4.0}

# One quiet saw, so that nothing bends, through an open filter; short envelopes.
PLAIN = {
    "filter_reso": 0.0,
    "mixer_noise": 0.0,
    "mixer_osc2": 0.0,
    "mixer_osc1": 3.0,
    "env_amplifier_attack": 0.0,
    "osc2_octave": "8f",
    "env_amplifier_decay": 5.0,
    "filter_cutoff": 10.0,
    "mod_wave_amount": 0.0,
    "mod_lfo_rate": 5.0,
    "osc1_sync_osc2": "OFF",
    "env_amplifier_sustain": 10.0,
    "mod_pitch_osc2": "OFF",
    "env_filter_sustain": 0.0,
    "mixer_sub": 0.0,
    "env_filter_release": 0.0,
    "osc2_frequency": 5.0,
    "osc1_octave": "8f",
    "mod_filter_amount": 0.0,
    "mod_source": "Triangle",
    "osc1_wave": 10 / 3,
    "filter_kb_tracking_amount": 0.0,
    "env_filter_attack": 0.0,
    "env_filter_decay": 5.0,
    "filter_eg_amount": 5.0,
    "osc2_wave": 10 / 3,
    "filter_multidrive": 0.0,
    "env_amplifier_release": 0.0,
    "mod_pitch_amount": 0.0,
}


def spectrum(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hz and amplitudes; the window's side lobes are 92 dB down."""
    window = scipy.signal.windows.blackmanharris(len(sound), sym=False)
    size = 2**17
    return np.fft.rfftfreq(size, 1 / RATE), 2 * np.abs(np.fft.rfft(sound * window, size)) / window.sum()


def inharmonic(sound: np.ndarray, fundamental: float) -> float:
    """The strongest partial up to 10 kHz that is no harmonic, in dB below the strongest of all."""
    hertz, amplitude = spectrum(sound)
    distance = np.abs(hertz / fundamental - np.round(hertz / fundamental)) * fundamental
    return 20 * np.log10(amplitude[(distance > 12) & (hertz > 30) & (hertz < 10_000)].max() / amplitude.max())
