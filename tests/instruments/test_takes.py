"""What all takes have in common."""

import numpy as np

from secret_sauce_hf.instruments.takes import SILENCE, SILENCE_DBFS, sound_file, to_float, to_int16


def test_every_stored_sample_comes_back():
    stored = np.arange(-32_768, 32_768).astype(np.int16)
    floats = to_float(stored)
    assert floats.dtype == np.float32 and floats[0] == -1 and floats[-1] == np.float32(1 - 2**-15)
    np.testing.assert_array_equal(to_int16(floats), stored)


def test_what_is_beyond_full_scale_is_cut_off():
    np.testing.assert_array_equal(
        to_int16(np.array([-2.0, -1.0, 0.4 / 32_768, 1.0, 9.0])), [-32768, -32768, 0, 32767, 32767]
    )
    assert to_int16(np.zeros((2, 3))).dtype == np.int16


def test_silence():
    assert 20 * np.log10(SILENCE) == SILENCE_DBFS


def test_names():
    assert [sound_file(row) for row in (0, 9999)] == ["s0.wav", "s9999.wav"]
