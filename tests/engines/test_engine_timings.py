"""Takes of any times: an engine renders them within its arrays, or refuses them in one line."""

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.instruments import Collection, InputError, Timing, get_collection
from secret_sauce_hf.presets import draw_presets

NAMES = ("noisemaker", "subphatty", "guitar")
every_engine = pytest.mark.parametrize("name", NAMES)


def random_timings(count: int, seed: int) -> list[Timing]:
    """Times as somebody might declare them: some sensible, some at the edge of it, some absurd."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        # On a grid or not, in order or not.
        grid = draw.choice([0.0, 1e-3, 1 / 22_050, 1 / 44_100, 50 / 44_100])
        lead, before, length, after = draw.uniform([0.0, 0.0, 0.0, -0.3], [0.15, 0.1, 1.0, 0.3])
        length = 0.05 + 0.3 * length**3
        times = np.array([lead, lead + before, lead + length, max(lead + length + after, 0.0)])
        if draw.random() < 0.5:
            times[3] = times[2]
        if draw.random() < 0.1:
            draw.shuffle(times)
        if draw.random() < 0.05:
            times[draw.integers(4)] *= draw.choice([-1.0, 1e9, np.nan, np.inf])
        start, note_on, stop, note_off = (float(np.round(time / grid) * grid if grid else time) for time in times)
        slot = max(stop, note_off) if draw.random() < 0.7 else draw.uniform(0.0, 2.0)
        found.append(Timing(note_on, note_off, (start, stop), slot=float(slot)))
    return found


def check(collection: Collection, in_session: bool = False) -> None:
    get_engine(collection.instrument).check(collection, in_session=in_session)


def render_or_refuse(name: str, count: int, seed: int) -> int:
    """How many of so many random timings were rendered, each in takes of the very length."""
    plain = get_collection(name)
    rendered = 0
    for number, timing in enumerate(random_timings(count, seed)):
        collection = replace(plain, name=f"other-{name}", timing=timing, count=0, train_count=0)
        in_session = name == "noisemaker" and number % 2 == 1
        try:
            check(collection, in_session)
        except InputError as error:
            assert "\n" not in str(error)
            with pytest.raises(InputError):
                render(draw_presets(collection, 2, 1), in_session=in_session)
            continue
        presets = draw_presets(collection, 2, 1)
        takes = render(presets, in_session=in_session, noise_seed=1)
        assert takes.shape == (2, collection.samples)
        rendered += 1
    return rendered


@every_engine
def test_any_timing_is_rendered_or_refused(name):
    assert 25 < render_or_refuse(name, 120, seed=1) < 115


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's checks")
def test_no_timing_makes_a_kernel_write_beyond_its_arrays():
    """Random timings of each engine, in a process whose allocator looks for what was written beyond an array."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_engine_timings as t\n"
        "print([t.render_or_refuse(name, 200, seed=2) for name in t.NAMES])"
    )
    # Of 2.34 and later the checks are in a library of their own, which Debian's libc6 brings along.
    checks = {"MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "LD_PRELOAD": "libc_malloc_debug.so.0"}
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | checks, timeout=500)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert "cannot be preloaded" not in done.stderr
    counts = ast.literal_eval(done.stdout.splitlines()[-1])
    assert all(count > 30 for count in counts), counts


@pytest.mark.parametrize(
    "name, times, message",
    [
        ("noisemaker", {"note_on": 0.05}, r"the note starts -0.05 s after the start of a take"),
        ("guitar", {"note_off": 0.1}, r"the note ends before it starts"),
        ("subphatty", {"cut": (0.1, 99.0), "slot": 99.0}, r"give 0.05 to 60 seconds"),
        ("guitar", {"note_off": 1e9, "slot": 1e9}, r"the slot lasts 1e\+09 s; give at most 600"),
    ],
)
def test_what_an_engine_cannot_render_is_refused(name, times, message):
    collection = get_collection(name)
    collection = replace(collection, name="mine", timing=replace(collection.timing, **times))
    for attempt in (lambda: check(collection), lambda: render(draw_presets(collection, 1, 1))):
        with pytest.raises(InputError, match=message):
            attempt()


def test_sessions_of_other_times():
    collection = get_collection("noisemaker")
    for times in ({"slot": 1.5}, {"note_off": 0.8}, {"note_on": 0.1667}, {"cut": (0.04, 1.0)}):
        other = replace(collection, name="mine", timing=replace(collection.timing, **times))
        takes = render(draw_presets(other, 3, 5), in_session=True, noise_seed=1)
        assert takes.shape == (3, other.samples) and takes.any(axis=1).all()


@every_engine
def test_other_parameters_under_an_engines_name_are_refused(name):
    collection = get_collection(name)
    instrument = replace(collection.instrument, parameters=collection.instrument.parameters[::-1])
    other = replace(collection, name="mine", instrument=instrument)
    with pytest.raises(InputError, match=r"mine has other parameters: give the instrument another name"):
        render(draw_presets(other, 1, 1))
    # What it is called for people is nothing to an engine.
    check(replace(collection, instrument=replace(collection.instrument, title="Mine")))


def test_a_longer_note_is_cut_where_the_take_ends():
    """What lies in both takes is the same, but for what resampling makes of the end."""
    collection = get_collection("noisemaker")
    longer = replace(collection, name="mine", timing=replace(collection.timing, cut=(0.1, 1.2), note_off=1.3, slot=1.3))
    short, long = (render(draw_presets(one, 8, 5), noise_seed=1) for one in (collection, longer))
    assert long.shape[1] == longer.samples
    quiet = np.abs(short).max(axis=1) < 32_000  # The others are turned down, each by its own peak.
    assert quiet.sum() > 2
    np.testing.assert_allclose(long[quiet, :19_700], short[quiet, :19_700], atol=1)
