"""The sounds of other instruments: two sets that share nothing, the same files each time, and a word on what lacks."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "other_instruments.py"


@pytest.fixture(scope="module")
def script() -> dict:
    return runpy.run_path(str(SCRIPT))


def programs(plan) -> set:
    return {(sound.source, sound.program) for sound in plan}


def single_pitches(plan) -> set:
    return {sound.notes[0][0] for sound in plan if sound.what == "single"}


def words(plan) -> set:
    return {word.strip("?") for sound in plan for word in sound.words.lower().split()}


def test_the_sets_share_no_program_pitch_sample_or_word(script):
    test, calibration = (script["PLANS"][name] for name in ("test", "calibration"))
    assert len(test) == len(calibration) >= 36
    for of in (programs, single_pitches, words):
        assert of(test) and of(calibration)
        assert not of(test) & of(calibration), of.__name__
    for plan in (test, calibration):
        assert {sound.what for sound in plan} == {"single", "chord", "phrase", "drums", "sample", "speech"}


def test_files_are_cut_levelled_and_never_too_short(script):
    short = script["finished"](np.sin(np.arange(2000))[:, None], 4.0, -6.0)
    assert len(short) == 22_050 and short.dtype == np.int16
    assert np.abs(short).max() == pytest.approx(32_767 * 10**-0.3, abs=1)
    assert len(script["finished"](np.ones((400_000, 2)), 9.0, -1.0)) == 4 * 44_100
    with pytest.raises(SystemExit, match="silent"):
        script["finished"](np.zeros((100, 1)), 1.0, -1.0)


def test_what_lacks_is_told_with_the_way_to_get_it(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "out"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode
    assert "fluidsynth" in done.stderr and "apt-get install" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_same_sounds_each_time(script):
    if lacking := script["missing"]():
        pytest.skip(f"needs {', '.join(lacking)}")
    plan = script["PLANS"]["test"]
    # One of each program; ZynAddSubFX loads for two seconds.
    for source in script["MAKERS"]:
        sound = next(sound for sound in plan if sound.source == source)
        one, other = (script["finished"](script["MAKERS"][source](sound), 0.5, -1.0) for _ in range(2))
        assert np.array_equal(one, other), source
        assert np.abs(one).max() > 29_000
