"""The guitar rack by itself: the string, each effect, limits, repeatability."""

import itertools
import threading

import numpy as np
import pytest
from guitar_takes import (
    COLLECTION,
    EFFECTS,
    KNOBS,
    MIDDLE,
    MODES,
    NOTE_OFF,
    NOTE_ON,
    RATE,
    SAMPLES,
    decibels,
    distance,
    log_spectra,
    on,
    partials,
    play,
    play_each,
)

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.engines.dsp.takes import limit_takes
from secret_sauce_hf.engines.guitar_rack.amp import cabinet, play_cabinet
from secret_sauce_hf.engines.guitar_rack.engine import LEVEL, effects
from secret_sauce_hf.engines.guitar_rack.playing import source
from secret_sauce_hf.engines.guitar_rack.string import FUNDAMENTAL, mode_hertz, pluck
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

# The string


def test_the_string_is_in_tune():
    hertz, _ = partials(pluck(40_000, 44_100, 0.0, 2.0), 44_100)
    assert 1200 * np.log2(hertz[0] / 261.6256) == pytest.approx(0, abs=0.5)
    # Stiffness raises the partials: the twelfth by about ten cents.
    assert 1200 * np.log2(hertz / mode_hertz()[:12]) == pytest.approx(np.zeros(12), abs=0.8)
    assert 5 < 1200 * np.log2(hertz[11] / (12 * hertz[0])) < 15
    take = play(on())[0]
    assert 1200 * np.log2(partials(take[1_000:NOTE_OFF], RATE)[0][0] / FUNDAMENTAL) == pytest.approx(0, abs=0.5)


def test_higher_partials_die_faster():
    sound = pluck(44_100, 44_100, 0.0, 2.0)
    early, late = (partials(sound[start : start + 8_000], 44_100)[1] for start in (1_000, 25_000))
    fall = decibels(early / late)
    # The two planes of vibration beat: partials stray from the line.
    assert np.polyfit(np.arange(12), fall, 1)[0] > 1
    assert 5 < fall.min() == fall[0] < 15


def test_the_plectrum_starts_the_note():
    take = play(on())[0]
    # Filters that look ahead ring a little before the note.
    assert not take[: NOTE_ON - 25].any()
    assert np.abs(take[NOTE_ON - 25 : NOTE_ON - 3]).max() < 1e-3
    assert NOTE_ON <= np.abs(take).argmax() < NOTE_ON + 0.03 * RATE
    levels = [take[start : start + 2_000].std() for start in range(NOTE_ON, NOTE_OFF - 2_000, 2_000)]
    assert (np.diff(levels) < 0).all()


def test_plucking_and_hearing_a_string_at_a_node_leaves_partials_out():
    _, levels = partials(pluck(40_000, 44_100, 0.0, 2.0), 44_100)
    # Plucked at .17 of its length, the sixth is nearly missing; heard at .235, so is the fourth.
    relative = decibels(levels / levels.max())
    assert relative[5] < relative[[0, 1, 2, 6, 7]].min() - 6
    assert relative[3] < relative[[0, 1, 2]].min() - 6


def test_note_off_damps_the_string():
    take = play(on())[0]
    before = take[NOTE_OFF - 2_000 : NOTE_OFF].std()
    held = take[NOTE_OFF - 4_000 : NOTE_OFF - 2_000].std()
    after = take[-1_000:].std()
    assert decibels(before / held) > -3
    assert -50 < decibels(after / before) < -25


def test_the_level_leaves_headroom():
    assert -12 < decibels(np.abs(play(on())[0]).max()) < -6


# What is off


def test_everything_off_is_the_dry_chain():
    origin = source(COLLECTION.timing, SAMPLES)
    sound = origin.dry[None].copy()
    play_cabinet(sound, np.array([SAMPLES]), cabinet(RATE), LEVEL)
    assert np.array_equal(render(Presets.from_settings("guitar", [on()])), limit_takes(sound))


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_that_is_off_changes_no_bit(effect):
    others = [name for name in EFFECTS if name != effect]
    knobs = [knob for knob in KNOBS if knob.name.startswith(effect)]
    moved = [
        on(*others, **{knob.name: knob.setting_limits[end] for knob, end in zip(knobs, ends, strict=True)})
        for ends in itertools.islice(itertools.product((0, 1), repeat=len(knobs)), 8)
    ]
    if effect == "flanger":
        moved += [on(*others, flanger_mode=mode) for mode in MODES]
    plain = play(on(*others))[0]
    assert all(np.array_equal(take, plain) for take in play_each(*moved))
    # Switched on it is heard.
    assert distance(*log_spectra(play_each(on(*others), on(*others, effect)))) > 1


# The knobs


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_every_knob_is_heard_at_every_step(knob):
    effect = knob.name.split("_")[0]
    low, high = knob.setting_limits
    positions = np.linspace(low, high, 5)
    for mode in MODES if effect == "flanger" else (MIDDLE["flanger_mode"],):
        rows = [on(effect, **{knob.name: position, "flanger_mode": mode}) for position in positions]
        spectra = log_spectra(play_each(*rows))
        steps = [distance(*pair) for pair in itertools.pairwise(spectra)]
        assert min(steps) > 0.5, (mode, steps)
        # The ends differ more than neighbours do on average.
        assert distance(spectra[0], spectra[-1]) > np.mean(steps), mode


# Limits and repeatability


def check_limits(presets: Presets) -> None:
    origin = source(COLLECTION.timing, SAMPLES)
    sound = effects(presets.complete_unit(), np.linspace(0, 0.999, len(presets)), SAMPLES, [(slice(None), origin)])
    assert np.isfinite(sound).all()
    takes = render(presets).astype(np.float64) / 32_767
    assert takes.shape == (len(presets), SAMPLES)
    assert np.abs(takes).max() <= 0.9991
    peaks = np.abs(takes).max(axis=1)
    # No direct current, and no row is silent.
    assert decibels(takes.mean(axis=1) / peaks).max() < -40
    assert peaks.min() > 1e-3


def test_every_corner_is_finite_and_below_full_scale():
    rows = []
    corners = itertools.product((0, 1), repeat=len(KNOBS))
    # Every 61st of the 8,192 corners, each mode in turn.
    for number, ends in enumerate(itertools.islice(corners, 0, None, 61)):
        settings = {knob.name: knob.setting_limits[end] for knob, end in zip(KNOBS, ends, strict=True)}
        rows.append(on(*EFFECTS, **settings, flanger_mode=MODES[number % 3]))
    for end, mode in itertools.product((0, 1), MODES):
        rows.append(on(*EFFECTS, **{knob.name: knob.setting_limits[end] for knob in KNOBS}, flanger_mode=mode))
    check_limits(Presets.from_settings("guitar", rows))


def test_random_presets_are_finite_and_below_full_scale():
    check_limits(draw_presets("guitar", 300, seed=9))


def test_a_row_does_not_depend_on_its_neighbours():
    presets = draw_presets("guitar", 70, seed=11)
    together = render(presets, noise_seed=4)
    for row in (0, 1, 31, 32, 40, 69):
        assert np.array_equal(render(presets[row : row + 1], noise_seed=4, first_row=row)[0], together[row])
    pieces = [render(presets[a:b], noise_seed=4, first_row=a) for a, b in ((0, 5), (5, 38), (38, 70))]
    assert np.array_equal(np.concatenate(pieces), together)


def test_threads_do_not_matter(monkeypatch):
    presets = draw_presets("guitar", 70, seed=12)
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "2")
    together = render(presets)
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "1")
    assert np.array_equal(render(presets), together)
    results = {}
    callers = [threading.Thread(target=lambda i=i: results.update({i: render(presets)})) for i in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 2
    assert all(np.array_equal(result, together) for result in results.values())


def test_every_combination_of_effects_sounds_different():
    takes = render(original_presets("guitar-tiny"))
    assert takes.shape == (32, SAMPLES)
    spectra = log_spectra(takes / 32_767)
    assert min(distance(*pair) for pair in itertools.combinations(spectra, 2)) > 1


def test_the_engine_is_found():
    assert get_engine("guitar-rack").version
    assert not get_engine("guitar-rack").remembers
    presets = draw_presets("guitar", 1, seed=1)
    with pytest.raises(InputError, match="from silence"):
        render(presets, in_session=True)
    assert render(presets[:0]).shape == (0, SAMPLES)
