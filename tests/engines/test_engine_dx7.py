"""The DX7: what a voice plays, beside Dexed's own reader, and what does not change it."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest

from secret_sauce_hf.engines import find_engine, get_engine, render
from secret_sauce_hf.engines.registry import ENGINES
from secret_sauce_hf.instruments import InputError, Note, get_collection
from secret_sauce_hf.instruments.dx7 import OPERATORS, targets
from secret_sauce_hf.instruments.takes import SAMPLE_RATE
from secret_sauce_hf.presets import Presets, draw_presets

dexed = pytest.importorskip("dexed")

DX7 = get_collection("dx7")
# One carrier that is on and off at once, everything else off.
PLAIN = {parameter.name: 0.0 if not parameter.classes else parameter.labels[0] for parameter in DX7.parameters} | {
    "algorithm": "32",
    "transpose": 5.0,
    **{f"pitch_rate{stage}": 10.0 for stage in range(1, 5)},
    **{f"pitch_level{stage}": 50 / 9.9 for stage in range(1, 5)},
    "op1_output_level": 10.0,
    "op1_coarse": "1",
    "op1_detune": 5.0,
    **{f"op1_rate{stage}": 10.0 for stage in range(1, 5)},
    **{f"op1_level{stage}": 10.0 for stage in range(1, 4)},
}


NOTE = Note(60, 100, 0.1, 1.0)


def voices(*changes, notes=(NOTE,)):
    return Presets.from_settings(DX7, [PLAIN | change for change in changes]).playing(list(notes))


def spectrum(take):
    return np.abs(np.fft.rfft(take.astype(np.float64) * np.hanning(len(take)))), np.fft.rfftfreq(
        len(take), 1 / SAMPLE_RATE
    )


def loudest(take):
    levels, hertz = spectrum(take)
    return hertz[levels.argmax()]


def test_a_carrier_plays_the_key_and_the_ratio():
    takes = render(voices({}, {"op1_coarse": "3"}, {"op1_coarse": "0"}, {"transpose": 36 / 4.8}, {"op1_mode": "FIXED"}))
    held = takes[:, 5_000:24_000]
    for take, hertz in zip(held[:4], (261.63, 784.88, 130.81, 523.25), strict=True):
        assert loudest(take) == pytest.approx(hertz, abs=1.5)
    # 10 Hz, whatever the key.
    assert loudest(held[4]) == pytest.approx(10, abs=1.5)


def test_a_modulator_makes_sidebands():
    alone, modulated = render(
        voices({"algorithm": "5"}, {"algorithm": "5"} | {f"op2_{name}": PLAIN[f"op1_{name}"] for name in
               ("rate1", "rate2", "rate3", "rate4", "level1", "level2", "level3", "detune")}
               | {"op2_output_level": 8.0, "op2_coarse": "2"})
    )  # fmt: skip
    levels, hertz = spectrum(modulated[5_000:24_000])
    third = levels[np.abs(hertz - 3 * 261.63).argmin()]
    plain, _ = spectrum(alone[5_000:24_000])
    assert third > 100 * plain[np.abs(hertz - 3 * 261.63).argmin()]


def test_a_note_starts_and_ends_when_it_is_played():
    for onset, duration in ((0.1, 0.5), (0.7123, 0.3), (0.0, 1.0)):
        (take,) = render(voices({}, notes=[Note(69, 110, onset, duration)]))
        on = np.flatnonzero(np.abs(take.astype(int)) > 300)
        assert on[0] / SAMPLE_RATE == pytest.approx(onset, abs=0.002)
        assert on[-1] / SAMPLE_RATE == pytest.approx(onset + duration, abs=0.02)


def test_notes_add_up():
    low, high = Note(48, 100, 0.1, 1.0), Note(64, 80, 0.3, 1.0)
    soft = {"op1_output_level": 80 / 9.9}
    parts = [render(voices(soft, notes=[note]))[0].astype(int) for note in (low, high)]
    (both,) = render(voices(soft, notes=[low, high]))
    assert np.abs(both - sum(parts)).max() <= 2


def test_velocity_counts_where_an_operator_is_sensitive():
    def peak(sensitivity, velocity):
        rows = voices({"op1_velocity": sensitivity / 0.7, "op1_output_level": 8.0}, notes=[Note(60, velocity, 0.1, 1)])
        return np.abs(render(rows).astype(int)).max()

    assert peak(0, 20) == peak(0, 120)
    assert 5 * peak(7, 20) < peak(7, 120)


def test_a_take_is_that_of_dexeds_own_reader():
    """A preset is written as a voice, read by Dexed, and rendered: the same to the bit."""
    import soxr

    from secret_sauce_hf.engines.dsp.takes import limit_takes
    from secret_sauce_hf.midi import native_preset

    rows = draw_presets(DX7, 12, seed=8, prior="musical")
    takes = render(rows)
    synth = dexed.DexedSynth(sample_rate=44_100)
    for row, take, notes in zip(rows.rows(), takes, (rows.performances[row] for row in range(12)), strict=True):
        data = native_preset(DX7, row, "A VOICE")
        synth.load_patch(dexed.Patch.from_sysex(data[6:-2]))
        (note,) = notes
        sound = np.zeros(round(2.5 * 44_100), np.float32)
        at = round(note.onset * 44_100)
        left = (len(sound) - at) / 44_100
        voice = synth.render(note.pitch, note.velocity, min(note.duration, left), left)
        sound[at : at + len(voice)] += voice[: len(sound) - at]
        expected = limit_takes(soxr.resample(sound, 44_100, SAMPLE_RATE, "HQ")[None])[0]
        assert np.array_equal(take, expected)


def test_neither_order_nor_company_nor_threads_nor_copies_change_a_take():
    engine = get_engine("dx7")
    rows = draw_presets(DX7, 40, seed=4, prior="musical")
    takes = engine.render(rows)
    order = np.random.default_rng(1).permutation(40)
    assert np.array_equal(engine.render(rows[order]), takes[order])
    # As for the processes of a build.
    copied = pickle.loads(pickle.dumps(engine))  # noqa: S301
    assert np.array_equal(copied.render(rows[:5]), takes[:5])
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(lambda at: engine.render(rows[at : at + 8]), range(0, 40, 8)))
    assert np.array_equal(np.concatenate(parts), takes)
    assert np.median(np.abs(takes.astype(int)).max(axis=1)) > 3_000


def test_another_process_plays_the_same():
    program = (
        "import hashlib; from secret_sauce_hf.engines import render; from secret_sauce_hf.presets import draw_presets; "
        "print(hashlib.sha256(render(draw_presets('dx7', 8, seed=2, prior='musical')).tobytes()).hexdigest())"
    )
    import hashlib

    here = hashlib.sha256(render(draw_presets(DX7, 8, seed=2, prior="musical")).tobytes()).hexdigest()
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        == f"{here}\n"
    )


def test_the_algorithms_are_those_of_dexed():
    for number in range(32):
        theirs = dexed.algorithms[number]
        for operator in OPERATORS:
            modulated = {target + 1 for target in range(6) if theirs.mod_matrix[target, operator - 1]}
            assert set(targets(number + 1, operator)) == modulated
        assert {op + 1 for op in theirs.carriers} == {one for one in OPERATORS if not targets(number + 1, one)}


def test_an_operator_that_leads_nowhere_is_not_heard():
    def heard(**settings):
        row = Presets.from_settings(DX7, [PLAIN | settings]).playing([NOTE])
        return {name for name, told in zip(DX7.columns, row.heard()[0], strict=True) if told}

    on = {f"op{one}_output_level": 9.0 for one in OPERATORS}
    assert {"op6_coarse", "op5_coarse"} <= heard(**on | {"algorithm": "1"})
    # 6 into 5 into 4 into 3: with 4 off, nothing of the two is left.
    assert not {"op6_coarse", "op5_coarse"} & heard(**on | {"algorithm": "1", "op4_output_level": 0.0})
    assert "op6_coarse" in heard(**on | {"algorithm": "32", "op4_output_level": 0.0})
    assert "lfo_speed" not in heard(**on)
    assert "lfo_speed" in heard(**on | {"lfo_pitch_depth": 5.0, "pitch_mod_sensitivity": 5.0})
    assert "feedback" not in heard(**on | {"algorithm": "1", "op6_output_level": 0.0})


def test_without_the_extra(monkeypatch):
    ENGINES.forget()
    for name in [name for name in sys.modules if name.startswith("secret_sauce_hf.engines.dx7")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dexed", None)
    try:
        with pytest.raises(InputError, match=r"The engine dx7 needs dexed.*pip install 'secret_sauce_hf\[dx7\]'"):
            get_engine("dx7")
        assert find_engine(DX7) is None
    finally:
        monkeypatch.undo()
        ENGINES.forget()
    assert find_engine(DX7) is not None and import_module("secret_sauce_hf.engines.dx7.engine")
