"""Vital's engine: the same bytes for a row wherever it is rendered, and what a note says is done."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("vita")

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Note, get_collection, with_seconds
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.presets import Presets, draw_presets

VITAL = get_collection("vital")
SHORT = with_seconds(VITAL, 0.5)
# Everything that there is in a voice, at once: noise, unison, distortion, chorus, reverb.
FULL = {"osc_1_level": 8.0, "osc_2_level": 8.0, "sample_level": 5.0, "filter_1_cutoff": 8.0}
FULL |= {"osc_1_unison_voices": 4.0, "osc_2_unison_voices": 2.0, "lfo_1_depth": 9.0, "distortion_mix": 5.0}
FULL |= {"chorus_dry_wet": 5.0, "reverb_dry_wet": 5.0, "env_1_attack": 0.0}
PLAIN = FULL | dict.fromkeys(("sample_level", "distortion_mix", "chorus_dry_wet", "reverb_dry_wet"), 0.0)
PLAIN |= {"env_1_sustain": 10.0, "env_1_release": 0.0, "lfo_1_depth": 5.0, "env_2_depth": 5.0, "osc_2_level": 0.0}
PLAIN |= {"osc_1_transpose": 5.0, "osc_1_tune": 5.0, "osc_1_unison_voices": 0.0, "filter_1_style": "12dB"}
PLAIN |= {"filter_1_blend": 0.0, "filter_1_drive": 0.0, "osc_1_wave_frame": 0.0, "filter_1_cutoff": 10.0}


def rows(*changes, collection=SHORT, notes=None):
    first = next(draw_presets(collection, 1, 3).rows())
    presets = Presets.from_settings(collection, [first | change for change in changes])
    return presets if notes is None else presets.playing(Performances.from_notes(notes))


def drawn():
    full = rows(FULL, FULL | {"distortion_type": "Sine Fold", "lfo_1_destination": "voice_tune"}, PLAIN)
    return Presets.concatenated([full, draw_presets(SHORT, 2, 11, prior="musical").playing(None)])


def take_of(change, *notes):
    (take,) = get_engine(SHORT).render(rows(PLAIN | change, notes=[list(notes)]))
    return take.astype(float)


def level(take, start, end):
    return np.sqrt(np.mean(take[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] ** 2))


def test_a_row_gives_the_same_bytes_wherever_it_is_rendered():
    presets = drawn()
    engine = get_engine(SHORT)
    takes = engine.render(presets)
    assert takes.dtype == np.int16 and takes.shape == (len(presets), SHORT.samples)
    assert (np.abs(takes).max(axis=1) > 300).sum() >= 4
    backwards = np.arange(len(presets))[::-1]
    assert np.array_equal(engine.render(presets[backwards]), takes[backwards])
    sent = pickle.loads(pickle.dumps(engine))  # noqa: S301 - our own
    assert np.array_equal(sent.render(presets[2:3]), takes[2:3])
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(lambda row: engine.render(presets[row : row + 1])[0], range(4)))
    assert np.array_equal(parts, takes[:4])


def test_another_process_gives_the_same_bytes():
    program = (
        "import sys, pickle; from secret_sauce_hf.engines import get_engine\n"
        "presets = pickle.load(sys.stdin.buffer); engine = get_engine(presets.collection)\n"
        "sys.stdout.buffer.write(engine.render(presets).tobytes())"
    )
    presets = drawn()[:3]
    other = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(presets), capture_output=True, check=True
    )
    assert other.stdout == get_engine(SHORT).render(presets).tobytes()


def test_onset_and_duration():
    take = take_of({}, Note(60, 100, 0.2, 0.1))
    assert not take[: round(0.199 * SAMPLE_RATE)].any()
    assert level(take, 0.22, 0.28) > 1_000 > 10 > level(take, 0.35, 0.5)


def test_pitch():
    take = take_of({}, Note(69, 100, 0.0, 0.5))[2_000:]
    spectrum = np.abs(np.fft.rfft(take * np.hanning(len(take))))
    assert spectrum.argmax() * SAMPLE_RATE / len(take) == pytest.approx(440, abs=3)


def test_velocity():
    soft, loud = (level(take_of({"velocity_track": 10.0}, Note(60, v, 0.0, 0.4)), 0.1, 0.3) for v in (30, 120))
    # Its square.
    assert loud / soft == pytest.approx(16, rel=0.01)
    same = [take_of({"velocity_track": 5.0}, Note(60, velocity, 0.0, 0.4)) for velocity in (30, 120)]
    assert np.abs(same[0] - same[1]).max() < 3


def test_notes_are_added():
    low, high = Note(48, 90, 0.0, 0.3), Note(55, 60, 0.1, 0.3)
    both = take_of({"osc_1_level": 5.0}, low, high)
    alone = [take_of({"osc_1_level": 5.0}, note) for note in (low, high)]
    assert np.abs(both - sum(alone)).max() <= 2


def test_a_take_is_never_above_full_scale():
    take = take_of({"osc_1_level": 10.0, "osc_1_wave_frame": 7.5}, *(Note(48, 127, 0.0, 0.4) for _ in range(4)))
    assert np.abs(take).max() == round(0.999 * 32_767)


def test_it_leaves_the_arithmetic_of_others_alone():
    """Vital counts the smallest numbers as nought in its thread; other engines would then play otherwise."""
    get_engine(SHORT).render(rows(PLAIN))
    assert np.array([1e-310])[0] * 0.5 > 0 and np.float32(1e-40) * np.float32(0.5) > 0
