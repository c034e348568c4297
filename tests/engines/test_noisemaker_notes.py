"""The NoiseMaker plays any performance: pitch, filter, chords, gaps, repeatability."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from noisemaker_takes import PLAIN as PLAIN_SINE

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.engines.noisemaker import lfo, planning, settings, voice
from secret_sauce_hf.engines.noisemaker.engine import _tables
from secret_sauce_hf.instruments import InputError, Timing, get_collection
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.presets import Presets, draw_presets

RATE = 22_050
PLAIN = PLAIN_SINE | {"osc2_volume": 3.0}


def collection(seconds: float):
    """The full collection with takes of other times: half a second before each, and the slot ends with it."""
    timing = Timing(0.6, seconds + 0.5, (0.5, seconds + 0.5), slot=seconds + 0.5)
    return replace(get_collection("noisemaker"), name="mine", count=0, train_count=0, timing=timing)


def play(notes, *changes: dict, seconds: float = 1.0, **options) -> np.ndarray:
    """Takes of the plain preset, each with some settings changed; `notes` of all of them, or of each."""
    presets = Presets.from_settings(collection(seconds), [PLAIN | change for change in changes or ({},)])
    rows = [notes] * len(presets) if isinstance(notes[0], Note) else notes
    if len(rows) > len(presets):
        presets = presets[np.zeros(len(rows), np.int64)]
    return render(presets.playing(Performances.from_notes(rows)), **options).astype(np.float64) / 32_767


def note(pitch: int, onset: float = 0.1, duration: float = 2.0, velocity: int = 100) -> Note:
    return Note(pitch, velocity, onset, duration)


def equal(pitch: int) -> float:
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def strongest(take: np.ndarray, near: float) -> float:
    """Hz of the strongest partial within a semitone or two."""
    steady = take[6_000:] * np.blackman(len(take) - 6_000)
    level = np.abs(np.fft.rfft(steady, 2**19))
    hertz = np.fft.rfftfreq(2**19, 1 / RATE)
    band = np.flatnonzero(np.abs(hertz - near) < near / 8)
    peak = band[level[band].argmax()]
    below, at, above = np.log(level[peak - 1 : peak + 2])
    return (peak + 0.5 * (below - above) / (below - 2 * at + above)) * RATE / 2**19


@pytest.mark.parametrize(
    ("change", "cents"),
    [
        ({}, 0.6),
        ({"osc2_wave": "Triangle"}, 0.6),
        ({"osc1_volume": 3.0, "osc2_volume": 0.0}, -2.0),
        ({"osc1_volume": 3.0, "osc2_volume": 0.0, "osc1_wave": "Pulse"}, -2.0),
    ],
)
def test_every_note_is_in_tune(change, cents):
    pitches = range(24, 97)
    takes = play([[note(pitch)] for pitch in pitches], change, seconds=2.0)
    off = [
        1200 * np.log2(strongest(take, equal(pitch)) / equal(pitch)) for take, pitch in zip(takes, pitches, strict=True)
    ]
    assert np.abs(np.array(off) - cents).max() < 0.2


@pytest.mark.parametrize(("cutoff", "hertz"), [(3.0, (28, 313, 912)), (5.0, (879, 1_797, 3_075))])
def test_the_filter_follows_the_keys(cutoff, hertz):
    # Measured on the plug-in, at full resonance.
    takes = play(
        [[note(pitch)] for pitch in (24, 60, 96)],
        {"osc2_volume": 0.0, "filter_resonance": 10.0, "filter_cutoff": cutoff},
        seconds=2.0,
    )
    for take, expected in zip(takes, hertz, strict=True):
        assert strongest(take, expected) == pytest.approx(expected, rel=0.03)


def test_levels_do_not_depend_on_the_note():
    takes = play([[note(pitch)] for pitch in (24, 36, 48, 60, 72, 84, 96)], {"osc2_wave": "Saw"})
    level = 20 * np.log10(takes[:, 8_000:].std(axis=1))
    # Measured: within .3 dB up to note 84, .7 lower at 96.
    assert np.abs(level[:6] - level[3]).max() < 0.6
    assert level[6] - level[3] == pytest.approx(-0.7, abs=0.4)


def test_the_velocity_is_nothing():
    takes = play([[note(50, velocity=velocity)] for velocity in (1, 2, 64, 127)], noise_seed=1, same_noise=True)
    assert (takes == takes[0]).all() and takes.any()


@pytest.mark.parametrize("change", [{}, {"osc2_wave": "Saw", "amp_attack": 2.0}])
def test_a_chord_is_the_sum_of_its_notes(change):
    chord = [note(72), note(76, 0.15), note(79, 0.1, 0.4), note(84, 0.3, 0.3)]
    together, *alone = play([chord, *([one] for one in chord)], change)
    apart = np.abs(together - sum(alone))
    # Each voice's filter has noise of its own, which the click at a note-on lets through.
    clicks = np.zeros(len(apart), bool)
    for onset in (0.1, 0.15, 0.3):
        clicks[round((onset - 0.01) * RATE) : round((onset + 0.02) * RATE)] = True
    assert apart[~clicks].max() < 4 / 32_768 and apart.max() < 1e-3
    assert np.abs(together).max() > 2 * np.abs(alone[0]).max()


def test_a_note_falls_silent_when_it_is_released():
    take = play([note(72, 0.1, 0.3)], {"osc2_volume": 6.0})[0]
    held, after = round(0.4 * RATE), round((0.4 + 210 / 44_100) * RATE)
    assert np.abs(take[held - 200 : held]).max() > 0.05
    # What is left is the high-pass's ringing.
    ringing = take[after + 10 :]
    assert np.abs(np.diff(ringing)).max() < 1e-3 and np.abs(ringing[-100:]).max() < 1e-4


@pytest.mark.parametrize("change", [{}, {"lfo1_destination": "FILTER", "lfo1_amount": 8.0, "filter_cutoff": 5.0}])
def test_a_silent_gap_changes_nothing(change):
    """The filter stands still in a gap, however long: the note after it is the same."""
    near, far = play([[note(60, 0.1, 0.3), note(67, 0.1 + gap, 0.4)] for gap in (0.6, 1.6)], change, seconds=2.5)
    first, second = (
        take[round(onset * RATE) : round((onset + 0.5) * RATE)] for take, onset in ((near, 0.7), (far, 1.7))
    )
    assert np.abs(first).max() > 0.02
    # The noise inside the filter is another for every row.
    assert np.abs(first - second).max() < 2e-3


def test_a_repeated_note_clicks_anew_and_runs_on():
    low = {"filter_cutoff": 3.0, "osc2_volume": 10.0}
    legato = play([note(60, 0.1, 0.5), note(60, 0.5, 0.5)], low)[0]
    once = play([note(60, 0.1, 0.9)], low)[0]
    # Half a period of the resampler's ringing aside, they are the same up to the second note-on.
    same = round(0.5 * RATE) - 40
    assert np.abs(legato[:same] - once[:same]).max() < 2e-3
    assert np.abs(legato[same : same + 400]).max() > 2 * np.abs(once[same : same + 400]).max()


def test_notes_of_any_pitch_and_number_are_finite():
    draw = np.random.default_rng(2)
    presets = draw_presets(collection(0.5), 64, seed=6)
    rows = [[note(int(pitch), 0.0, 0.4)] for pitch in np.linspace(0, 127, 32)]
    rows += [
        [note(int(draw.integers(128)), float(draw.uniform(0, 0.5)), float(draw.uniform(0.001, 0.2))) for _ in range(50)]
        for _ in range(32)
    ]
    takes = render(presets.playing(Performances.from_notes(rows)), noise_seed=1)
    assert np.abs(takes.astype(int)).max() <= 32_736
    assert (np.abs(takes.astype(int)).max(axis=1) > 0).mean() > 0.9


def performances(count: int, seed: int, seconds: float) -> Performances:
    """Random performances, from one note to crowds of them."""
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        notes = int(draw.choice([1, 1, 1, 2, 3, 4, 9]))
        onsets = draw.uniform(0, seconds, notes) if draw.random() < 0.7 else np.full(notes, 0.04)
        lasts = np.exp(draw.uniform(np.log(0.001), np.log(2.0), notes))
        rows.append(
            [note(int(draw.integers(24, 97)), *each) for each in zip(onsets.tolist(), lasts.tolist(), strict=True)]
        )
    return Performances.from_notes(rows)


def test_a_row_does_not_depend_on_what_is_rendered_with_it(monkeypatch):
    presets = draw_presets(collection(0.7), 70, seed=4).playing(performances(70, 5, 0.7))
    for in_session in (False, True):
        together = render(presets, noise_seed=2, in_session=in_session)
        before = presets[32:33] if in_session else None
        some = render(presets[33:48], noise_seed=2, first_row=33, in_session=in_session, preceding=before)
        assert np.array_equal(some, together[33:48])
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "1")
    assert np.array_equal(render(presets, noise_seed=2, in_session=True), together)


def test_voices_have_noise_of_their_own():
    noisy = {"osc2_wave": "Noise"}
    one, two = play([[note(72)], [note(72), note(73)]], noisy, noise_seed=3, same_noise=True)
    # Two voices of the same noise would be twice as loud; of different noise they are 1.4 times.
    assert two[6_000:].std() / one[6_000:].std() == pytest.approx(np.sqrt(2), rel=0.05)


def test_a_note_that_is_held_when_its_slot_ends_is_released_there():
    presets = Presets.from_settings(collection(0.5), [PLAIN | {"osc2_volume": 10.0}] * 2)
    long = presets.playing(Performances.from_notes([[note(36, 0.1, 9.0)], [note(48, 0.3, 9.0)]]))
    take = render(long, in_session=True, noise_seed=1)[1]
    # The half second between the takes is silent.
    assert np.abs(take[: round(0.29 * RATE)]).max() <= 1 < np.abs(take[round(0.35 * RATE) :]).max()


def test_the_lfo_goes_on_from_the_row_before():
    moved = {"lfo1_destination": "FM", "lfo1_amount": 9.0, "lfo1_rate": 6.0}
    notes = Performances.from_notes([[note(60, 0.1, length)] for length in (0.21, 0.3)])
    presets = Presets.from_settings(collection(0.5), [PLAIN | moved] * 2).playing(notes)
    silence, session = (render(presets, in_session=in_session, noise_seed=1) for in_session in (False, True))
    assert np.array_equal(silence[0], session[0]) and not np.array_equal(silence[1], session[1])


def test_long_takes():
    take = play([note(60, 0.1, 0.2), note(64, 29.5, 0.3)], seconds=30.0)[0]
    assert len(take) == 30 * RATE
    sounds = np.flatnonzero(np.abs(take) > 0.02) / RATE
    assert sounds.min() == pytest.approx(0.1, abs=0.02) and sounds.max() == pytest.approx(29.8, abs=0.02)
    assert not ((sounds > 0.35) & (sounds < 29.4)).any()


def test_notes_outside_the_take_are_refused():
    with pytest.raises(InputError, match=r"row 1, note 0: it starts at 1.5 s, and the take lasts 1 s"):
        play([[note(60)], [note(60, 1.5)]])
    assert get_engine("noisemaker").plays == range(128) and get_engine("noisemaker").voices == 4


def small_plan() -> dict:
    """What `voice.play` is given for one note."""
    rows = planning.Rows(
        *(np.array(column) for column in ([0, 1], [100], [5_000], [60], [1])),
        np.repeat(settings.lane_settings(Presets.from_settings("noisemaker", [PLAIN]).complete_unit()), 2, axis=0),
        np.ones((2, 4), np.uint32),
        np.ones((2, 4, 2), np.uint32),
    )
    found = planning.empty_plan(1, 1)
    lives, events = planning.plan(rows, -1, 6_000, lfo.sine_table(), found)
    found = found._replace(events=found.events[:events])
    return {
        "chosen": np.array([0]),
        "found": found,
        "lives": lives,
        "first": np.array([0, *[events] * lives]),
        "rows": rows.settings,
        "tables": _tables(),
        "tracks": np.zeros((1, 4), np.int64),
        "mix": np.zeros((1, 6_000), np.float32),
        "begin": 0,
    }


def changed(found: planning.Plan, column: int, value: int) -> planning.Plan:
    numbers = found.numbers.copy()
    numbers[0, column] = value
    return found._replace(numbers=numbers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": lambda _: np.zeros(33, np.int64)}, "more lives than it has lanes"),
        ({"chosen": lambda _: np.array([9])}, "a life that there is not"),
        ({"chosen": lambda _: np.array([-1])}, "a life that there is not"),
        ({"lives": lambda lives: lives + 99}, "do not go together"),
        ({"first": lambda first: first[:-1]}, "do not go together"),
        ({"first": lambda first: first + 99}, "do not go together"),
        ({"rows": lambda rows: rows[:, :5].copy()}, "tables of another size"),
        ({"rows": lambda rows: rows[:1]}, "without a preset"),
        ({"tracks": lambda tracks: tracks[:0]}, "without a row"),
        ({"tracks": lambda tracks: tracks + 1}, "without a track"),
        ({"mix": lambda mix: mix[:0]}, "without a track"),
        ({"found": lambda found: changed(found, planning.PITCH, 128)}, "a pitch that cannot be"),
        ({"found": lambda found: changed(found, planning.VOICE, 4)}, "a voice that cannot be"),
    ],
)
def test_the_kernel_refuses_what_does_not_go_together(change, message):
    given = small_plan()
    with pytest.raises(ValueError, match=message):
        voice.play(*(change[name](value) if name in change else value for name, value in given.items()))


def test_the_kernel_adds_what_lies_within_the_tracks_only():
    given = small_plan()
    voice.play(*given.values())
    whole = given["mix"].copy()
    assert whole[0, 400:4_000].any() and not whole[0, :100].any() and not whole[0, 5_250:].any()
    given["mix"], given["begin"] = np.zeros((1, 300), np.float32), 1_000
    voice.play(*given.values())
    assert np.array_equal(given["mix"][0], whole[0, 1_000:1_300])


def render_at_random(count: int, seed: int) -> int:
    """Random performances at random times, each in takes of the very length; returns how many were rendered."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        lead, length, wait = draw.uniform([0.0, 0.05, 0.0], [0.3, 0.5, 0.3])
        timing = Timing(
            lead, lead + length, (lead, lead + length), slot=lead + length + wait, patch=draw.uniform(0, lead)
        )
        one = replace(get_collection("noisemaker"), name="mine", count=0, train_count=0, timing=timing)
        presets = draw_presets(one, 3, seed=number).playing(performances(3, number, one.seconds))
        takes = render(presets, in_session=number % 2 == 1, noise_seed=1)
        assert takes.shape == (3, one.samples)
    return count


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's checks")
def test_no_performance_makes_a_kernel_write_beyond_its_arrays():
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import test_noisemaker_notes as t\nprint(t.render_at_random(80, 3))"
    )
    checks = {"MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "LD_PRELOAD": "libc_malloc_debug.so.0"}
    command = [sys.executable, "-c", program, *map(str, Path(__file__).parents[:2])]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | checks, timeout=500)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert "cannot be preloaded" not in done.stderr
    assert done.stdout.split() == ["80"]
