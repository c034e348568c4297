"""Which voice of the NoiseMaker plays which note, and what its notes do to each other."""

import numpy as np
import pytest
from noisemaker_takes import PLAIN

from secret_sauce_hf.engines.noisemaker import envelopes, lfo, planning, settings
from secret_sauce_hf.presets import Presets, draw_presets

RATE = settings.RATE
END = 10 * RATE


def rows_of(notes, unit=None, **changes) -> planning.Rows:
    """One row, from silence, whose notes are (pitch, on, off) in samples."""
    if unit is None:
        unit = Presets.from_settings("noisemaker", [PLAIN | changes]).complete_unit()
    pitch, on, off = np.array(notes, dtype=np.int64).reshape(-1, 3).T
    return planning.Rows(
        np.array([0, len(pitch)]),
        on.copy(),
        off.copy(),
        pitch.copy(),
        np.ones(len(pitch), np.int64),
        np.repeat(settings.lane_settings(unit), 2, axis=0),
        np.ones((2, settings.VOICES), np.uint32),
        np.ones((2, settings.VOICES, 2), np.uint32),
    )


def plan(rows: planning.Rows, end: int = END) -> tuple[np.ndarray, np.ndarray]:
    """The lives that are played, and the events."""
    found = planning.empty_plan(1, len(rows.on))
    lives, events = planning.plan(rows, -1, end, lfo.sine_table(), found)
    return found.numbers[:lives], found.events[:events]


def story(notes, **changes) -> list[tuple[int, str, int]]:
    """What happens to which voice when: (sample, what, voice), for note-ons, note-offs and what falls silent."""
    numbers, events = plan(rows_of(notes, **changes))
    named = {planning.START: "start", planning.RESTART: "restart", planning.RELEASED: "off"}
    told = []
    for life, when, what, _ in events:
        if what in named:
            at = numbers[life, planning.BEGIN] - numbers[life, planning.PREPARED] + when
            told.append((int(at), named[what], int(numbers[life, planning.VOICE])))
    return told


LONG = 5 * RATE


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        pytest.param(
            [(60, 0, 900), (64, 0, 1_000), (67, 0, 1_100)],
            [(0, "start", 0), (0, "start", 1), (0, "start", 2), (900, "off", 0), (1_000, "off", 1), (1_100, "off", 2)],
            id="a chord takes the voices in order",
        ),
        pytest.param(
            [(60, 0, LONG), (61, 10, LONG), (62, 20, LONG), (63, 30, LONG), (64, 40, 5_000), (65, 50, 6_000)],
            [
                (0, "start", 0),
                (10, "start", 1),
                (20, "start", 2),
                (30, "start", 3),
                (40, "restart", 0),
                (50, "restart", 0),
                (6_000, "off", 0),
                (LONG, "off", 1),
                (LONG, "off", 2),
                (LONG, "off", 3),
            ],
            id="more notes rob the voice that was allotted longest; the off of a stolen note is nothing",
        ),
        pytest.param(
            [(60, 0, 5_000), (62, 100, LONG), (60, 1_000, 9_000)],
            [(0, "start", 0), (100, "start", 1), (1_000, "restart", 0), (5_000, "off", 0), (LONG, "off", 1)],
            id="the same note twice shares a voice, and its first off ends both",
        ),
        pytest.param(
            [(60, 0, 5_000), (62, 5_100, 9_000)],
            [(0, "start", 0), (5_000, "off", 0), (5_100, "start", 1), (9_000, "off", 1)],
            id="a silent voice comes before one that is being released",
        ),
        pytest.param(
            [(60, 0, LONG), (61, 0, 5_000), (62, 0, LONG), (63, 0, 5_050), (64, 5_100, 9_000)],
            [
                (0, "start", 0),
                (0, "start", 1),
                (0, "start", 2),
                (0, "start", 3),
                (5_000, "off", 1),
                (5_050, "off", 3),
                (5_100, "restart", 1),
                (9_000, "off", 1),
                (LONG, "off", 0),
                (LONG, "off", 2),
            ],
            id="then the first that is being released",
        ),
        pytest.param(
            [(60, 0, 5_000), (62, 0, LONG), (64, 6_000, 7_000)],
            [
                (0, "start", 0),
                (0, "start", 1),
                (5_000, "off", 0),
                (6_000, "start", 0),
                (7_000, "off", 0),
                (LONG, "off", 1),
            ],
            id="the lowest silent voice",
        ),
        pytest.param(
            [(60, 0, 5_000), (60, 5_200, 8_000)],
            [(0, "start", 0), (5_000, "off", 0), (5_200, "restart", 0), (8_000, "off", 0)],
            id="a note goes on 200 samples after its off",
        ),
        pytest.param(
            [(60, 0, 5_000), (60, 5_210, 8_000)],
            [(0, "start", 0), (5_000, "off", 0), (5_210, "start", 0), (8_000, "off", 0)],
            id="and begins anew after 210",
        ),
        pytest.param(
            [(60, 0, 5_000), (60, 5_000, 8_000)],
            [(0, "start", 0), (5_000, "off", 0), (5_000, "restart", 0), (8_000, "off", 0)],
            id="in one sample offs come before ons",
        ),
    ],
)
def test_voices_are_allotted(notes, expected):
    assert story(notes) == expected


@pytest.mark.parametrize(("level", "samples"), [(10.0, 204), (5.0, 190), (1.0, 156), (0.1, 96)])
def test_releases_last_as_long_as_the_plug_ins(level, samples):
    # Measured: so long after its off nothing was heard any more, from level 1, .5, .1 and .01.
    numbers, _ = plan(rows_of([(60, 0, 2 * RATE)], amp_sustain=level))
    sounded = numbers[0, planning.LENGTH] - numbers[0, planning.PREPARED]
    assert sounded - 2 * RATE == pytest.approx(samples, abs=4)


def test_a_voice_that_ends_holds_the_lfo_while_its_filter_gets_ready():
    # Measured: off 1.2500, hold 1.2547 to 1.3000 s.
    numbers, events = plan(rows_of([(60, RATE // 2, RATE * 5 // 4), (64, RATE // 2, LONG)]))
    other = 1
    assert numbers[other, planning.VOICE] == 1
    told = {what: when - settings.IDLE_SAMPLES + RATE // 2 for life, when, what, _ in events if life == other}
    assert told[planning.LFO_HELD] / RATE == pytest.approx(1.2547, abs=1e-4)
    assert told[planning.LFO_FREED] / RATE == pytest.approx(1.3000, abs=1e-4)
    assert told[planning.LFO_FREED] - told[planning.LFO_HELD] == settings.IDLE_SAMPLES


def test_a_note_on_of_that_voice_ends_the_hold_and_one_of_another_does_not():
    ended, fresh = 40_000, 41_000
    held = [(60, 0, ended), (64, 0, LONG)]
    again = [planning.LFO_HELD, planning.LFO_RESTARTED, planning.LFO_FREED]
    for more, expected in (([], 0), ([(67, fresh, LONG)], 1)):
        _, events = plan(rows_of(held + more))
        told = [(int(when), int(what)) for life, when, what, _ in events if life == 1 and what in again]
        freed = [when - settings.IDLE_SAMPLES for when, what in told if what == planning.LFO_FREED]
        assert freed == [fresh] if expected else freed[0] > fresh
    # Voices 1 and 2 end at different times; the note between takes voice 1, and voice 2 still holds.
    two = [(60, 0, ended), (62, 0, ended + 500), (64, 0, LONG), (67, fresh, LONG)]
    _, events = plan(rows_of(two))
    freed = [when for life, when, what, _ in events if life == 2 and what == planning.LFO_FREED]
    assert len(freed) == 1 and freed[0] - settings.IDLE_SAMPLES > ended + 500 + settings.IDLE_SAMPLES


def test_every_note_on_restarts_the_lfo_of_every_voice():
    _, events = plan(rows_of([(60, 0, LONG), (64, 5_000, LONG), (60, 9_000, LONG)]))
    told = [(int(life), int(when) - 2_000) for life, when, what, _ in events if what == planning.LFO_RESTARTED]
    assert told == [(0, 5_000), (1, 9_000 - 5_000)]


def envelope_ends(unit, held: int) -> int:
    """For how many samples a note sounds, sample by sample."""
    row = settings.lane_settings(unit)[0]
    level, stage, samples = 0.0, envelopes.ATTACK, 0
    columns = (settings.ATTACK_RATE, settings.ATTACK_TARGET, settings.DECAY_RATE, settings.SUSTAIN)
    values = [row[column] for column in columns]
    while stage != envelopes.IDLE and samples < held:
        level, stage = envelopes.held.py_func(level, stage, *values)
        samples += 1
    hold = 1.0
    stage = envelopes.RELEASE if stage != envelopes.IDLE else stage
    while stage != envelopes.IDLE:
        level, hold, stage = envelopes.released.py_func(level, hold, stage)
        samples += 1
    return samples


def test_the_plans_closed_form_ends_a_note_in_the_very_sample():
    presets = draw_presets("noisemaker", 60, seed=8)
    rows = presets.complete_unit()
    # Without a sustain some notes end by themselves.
    column = [parameter.name for parameter in presets.collection.instrument.parameters].index
    rows[::3, column("amp_sustain")] = 0.0
    rows[::3, column("amp_attack")] *= 0.3
    rows[::3, column("amp_decay")] *= 0.3
    draw = np.random.default_rng(1)
    early = 0
    for unit in rows:
        held = int(draw.integers(1, 30_000))
        numbers, _ = plan(rows_of([(60, 0, held)], unit[None]))
        sounded = numbers[0, planning.LENGTH] - numbers[0, planning.PREPARED]
        assert sounded == envelope_ends(unit[None], held)
        early += sounded < held
    assert early >= 5


def test_the_preparation_before_a_note_is_as_long_as_the_silence_lets_it():
    numbers, _ = plan(rows_of([(60, 0, 5_000), (60, 5_500, 9_000), (60, 30_000, 31_000)]))
    lives = numbers[numbers[:, planning.LENGTH] > 0]
    silent = lives[0, planning.LENGTH] - 2_000
    assert lives[:, planning.PREPARED].tolist() == [2_000, 5_500 - silent, 2_000]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("first", lambda values: values + 1, "do not go together"),
        ("first", lambda values: values * 9, "do not go together"),
        ("off", lambda values: values[:-1], "not whole"),
        ("off", lambda values: values * 0, "cannot be one"),
        ("on", lambda values: values - 1, "cannot be one"),
        ("on", lambda values: values[::-1].copy(), "order of time"),
        ("pitch", lambda values: values + 100, "cannot be one"),
        ("part", lambda values: values[:0], "not whole"),
        ("settings", lambda values: values[:1], "presets"),
        ("seeds", lambda values: values[:1], "presets"),
        ("generators", lambda values: values[:1], "presets"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(name, change, message):
    rows = rows_of([(60, 0, 9_000), (64, 100, 9_000)])
    with pytest.raises(ValueError, match=message):
        plan(rows._replace(**{name: change(getattr(rows, name))}))


def test_a_plan_without_room_is_refused():
    rows = rows_of([(60, 0, 9_000), (64, 100, 9_000)])
    small = planning.empty_plan(1, 0)
    with pytest.raises(ValueError, match="no room for the lives"):
        planning.plan(rows, -1, END, lfo.sine_table(), small)
    small = planning.empty_plan(1, 2)._replace(events=np.zeros((1, 4), np.int64))
    with pytest.raises(ValueError, match="more events than there is room"):
        planning.plan(rows, -1, END, lfo.sine_table(), small)
