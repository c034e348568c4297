"""Rules of what is heard: what they may ask of what is played, and what is decided of them beforehand."""

import json
from itertools import product

import numpy as np
import pytest

from secret_sauce_hf.instruments import COLLECTIONS, INSTRUMENTS
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.instruments.parameters import parameter_from_dict, parameter_to_dict
from secret_sauce_hf.instruments.played import PREFIX, QUANTITIES
from secret_sauce_hf.instruments.rules import (
    ALWAYS,
    NEVER,
    above,
    all_of,
    along,
    any_of,
    away_from,
    below,
    decided,
    holds,
    is_line,
    is_one_of,
    is_rule,
    may_hold,
    named,
)
from secret_sauce_hf.presets import draw_presets

SECONDS = 3.0
ROWS = [
    [Note(60, 100, 0.5, 1.0)],
    # Beyond the take, and the second one first.
    [Note(72, 40, 1.0, 9.0), Note(48, 127, 0.25, 0.5)],
    # Legato, then a rest, then a note that outlasts the next one.
    [Note(60, 1, 0.0, 0.75), Note(62, 2, 0.5, 0.5), Note(64, 3, 1.5, 1.0), Note(65, 4, 1.75, 0.25)],
    # One note's end is the next one's start: no rest, but they do not overlap.
    [Note(30, 64, 0.0, 1.0), Note(90, 64, 1.0, 2.0)],
]
EXPECTED = {
    "note.lowest": [60, 48, 60, 30],
    "note.highest": [60, 72, 65, 90],
    "note.away": [0, 12, 5, 30],
    "note.softest": [100, 40, 1, 64],
    "note.hardest": [100, 127, 4, 64],
    "note.held": [1.0, 2.0, 1.0, 2.0],
    "note.gate": [1.0, 2.0, 1.0, 2.0],
    "note.gates": [1, 2, 2, 2],
    "note.rest": [1.5, 0.25, 0.5, 0.0],
    "note.since": [2.5, 2.75, 3.0, 3.0],
}


# What is played


def test_what_can_be_asked_of_rows():
    told = Performances.from_notes(ROWS).asked(SECONDS)
    assert {name: values.tolist() for name, values in told.items()} == EXPECTED
    assert told.keys() == QUANTITIES.keys() and all(name.startswith(PREFIX) for name in told)
    for name, values in told.items():
        assert values.dtype == np.float64
        assert (values >= QUANTITIES[name].low).all() and (values <= QUANTITIES[name].high).all()


def test_the_order_in_which_notes_are_listed_does_not_matter():
    backwards = Performances.from_notes(row[::-1] for row in ROWS).asked(SECONDS)
    assert {name: values.tolist() for name, values in backwards.items()} == EXPECTED


def test_no_rows():
    told = Performances.from_notes([]).asked(SECONDS)
    assert all(values.shape == (0,) for values in told.values())


def test_times_of_many_rows_are_those_on_a_fine_grid():
    """The gate and the rest, against counting sixteenths in which a note is held."""
    generator = np.random.default_rng(5)
    rows = []
    for _ in range(200):
        times = generator.integers(1, 60, (generator.integers(1, 9), 2))
        rows.append([Note(60, 64, onset / 16, length / 16) for onset, length in (times % [47, 24] + [0, 1]).tolist()])
    told = Performances.from_notes(rows).asked(SECONDS)
    for number, notes in enumerate(rows):
        start = round(16 * min(note.onset for note in notes))
        begun = np.array([any(16 * one.onset <= at < 16 * one.end for one in notes) for at in range(start, 48)])
        joined = np.array([any(16 * one.onset < at < 16 * one.end for one in notes) for at in range(start + 1, 48)])
        # Where nothing is held, and where one ends as another starts, something else begins.
        runs = np.split(begun, np.flatnonzero((begun[1:] != begun[:-1]) | (begun[1:] & ~joined)) + 1)
        assert told["note.gate"][number] == max(len(run) for run in runs if run[0]) / 16
        assert told["note.gates"][number] == sum(run[0] for run in runs)
        assert told["note.rest"][number] == max([0, *(len(run) for run in runs if not run[0])]) / 16


@pytest.mark.parametrize("name", COLLECTIONS)
def test_what_every_row_of_2018_plays_is_known_beforehand(name):
    collection = COLLECTIONS[name]
    presets = draw_presets(collection, 2, seed=0)
    told = presets.performances.asked(collection.seconds)
    if collection.plays is not None:
        assert collection.played == {}
        return
    assert {key: values.tolist() for key, values in told.items()} == {
        key: [value, value] for key, value in collection.played.items()
    }
    assert collection.played["note.lowest"] == 60


# Limits that run along something


def test_a_limit_runs_on_lines_and_is_level_beyond_them():
    rule = below("attack", along("note.held", (0.5, 4.0), (1.0, 6.0), (3.0, 7.0)))
    held = np.array([0.1, 0.5, 0.75, 2.0, 3.0, 9.0])
    limits = [4.0, 4.0, 5.0, 6.5, 7.0, 7.0]
    for limit, holding in product(limits, (True, False)):
        attack = limit + (-1e-6 if holding else 0)
        told = holds(json.loads(json.dumps(rule)), {"attack": attack, "note.held": held})
        assert told.tolist() == [attack < one for one in limits]
    assert holds(above("note.held", along("attack", (0, 0), (10, 5))), {"attack": 4.0, "note.held": 2.0}) == False  # noqa: E712
    assert named(rule) == {"attack", "note.held"}


@pytest.mark.parametrize("line", [
    (), ("along",), ("along", "x"), ("along", "x", (0, 1)), ("along", 3, (0, 1), (1, 2)), ("along", "x", 0, 1),
    ("along", "x", (0, 1), (0, 2)), ("along", "x", (1, 1), (0, 2)), ("along", "x", (0, 1), (1, "a")), "along",
    ("along", "x", (0, 1), (1, float("nan"))), ("along", "x", (0, 1), (1, True)), ("along", "x", (0, 1, 2), (1, 2)),
])  # fmt: skip
def test_what_is_no_line(line):
    assert not is_line(line)
    assert not is_rule(("above", "y", line))


def test_a_record_keeps_its_rules():
    knob = INSTRUMENTS["subphatty"].parameters[0]
    for rule in (below("x", along("note.held", (0.1, 2), (1, 3.5))), above("note.rest", 0.5)):
        record = json.loads(json.dumps(parameter_to_dict(knob) | {"heard": rule}))
        assert parameter_from_dict(record).heard == rule


# What is known, and what is not


A, B = above("a", 5), is_one_of("b", "On")
RULES = [
    ALWAYS, NEVER, A, B, above("note.rest", 0.5),
    all_of(A, above("note.rest", 0.5)), any_of(A, above("note.rest", 0.5)),
    all_of(any_of(B, below("note.rest", 0.5)), A), below("a", along("note.rest", (0, 4), (1, 6))),
    any_of(all_of(A, B), all_of(away_from("note.rest", 0.5, 0.1), below("a", along("note.rest", (0, 4), (1, 6))))),
    above("note.rest", along("a", (0, 0), (10, 1))),
]  # fmt: skip
PRESETS = {"a": np.array([4.5, 5.0, 5.5, 4.5, 5.5]), "b": np.array(["On", "Off", "On", "Off", "Off"])}


@pytest.mark.parametrize("rest", [0.0, 0.3, 0.5, 0.55, 1.0])
@pytest.mark.parametrize("rule", RULES)
def test_what_is_known_can_be_decided_beforehand(rule, rest):
    expected = np.broadcast_to(holds(rule, PRESETS | {"note.rest": rest}), 5)
    short = decided(rule, {"note.rest": rest})
    assert is_rule(short)
    if "note.rest" in named(rule) and rule != RULES[-1]:
        assert "note.rest" not in named(short)
    assert np.array_equal(np.broadcast_to(holds(short, PRESETS | {"note.rest": rest}), 5), expected)
    # What may be holds at least where it holds for what is.
    assert np.broadcast_to(may_hold(rule, PRESETS), 5)[expected].all()
    assert np.array_equal(np.broadcast_to(may_hold(rule, PRESETS | {"note.rest": rest}), 5), expected)


def test_rules_that_name_nothing_known_stay_as_they_are():
    rule = all_of(all_of(A), any_of(any_of(A, B)))
    assert decided(rule, {"note.rest": 1.0}) is rule
    assert decided(all_of(any_of(above("note.rest", 2), B), A), {"note.rest": 1.0}) == all_of(B, A)
    assert decided(all_of(above("note.rest", 2), A), {"note.rest": 1.0}) == NEVER
    assert decided(any_of(below("note.rest", 2), A), {"note.rest": 1.0}) == ALWAYS
    assert decided(below("a", along("note.rest", (0, 4), (0.9, 4.6))), {"note.rest": 0.9}) == below("a", 4.6)


@pytest.mark.parametrize("rule, expected", [
    (A, True), (all_of(A, NEVER), False), (all_of(B, A), True), (any_of(NEVER, B), True),
    (below("known", 3), False), (below("known", along("note.held", (0, 1), (1, 6))), True),
    (above("a", along("known", (0, 1), (1, 6))), True), (all_of(A, below("known", 3)), False),
])  # fmt: skip
def test_what_is_not_known_may_be_anything(rule, expected):
    assert bool(may_hold(rule, {"known": 5.0})) is expected


def test_unknown_operators_and_names_are_errors():
    with pytest.raises(ValueError, match="Unknown operator 'not'"):
        holds(("not", A), {"a": 1.0})
    with pytest.raises(KeyError, match=r"note\.held"):
        holds(above("note.held", 1), {"a": 1.0})
