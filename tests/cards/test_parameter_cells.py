"""Parameters as the tables of cards show them, where rules ask of what is played."""

from dataclasses import replace

import pytest

from secret_sauce_hf.cards.parameters import heard_text, parameter_cells, simplify
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.instruments.instrument import Playing
from secret_sauce_hf.instruments.rules import above, all_of, along, any_of, below

SAME = get_collection("subphatty")
NOTES = replace(SAME, plays=Playing("notes", 24, 96))


@pytest.mark.parametrize("rule, text, same", [
    (above("note.rest", 0.05), "the longest rest after a note > 0.05 s", "never"),
    (above("note.away", 0), "the furthest pitch from note 60 > 0 semitones", "never"),
    (below("note.softest", 121), "the lowest velocity < 121", "always"),
    (all_of(above("note.held", 0.5), above("filter_cutoff", 3)),
     "the longest note > 0.5 s and `filter_cutoff` > 3", "`filter_cutoff` > 3"),
    (any_of(all_of(below("note.held", 0.5), below("filter_reso", 3)), above("filter_cutoff", 3)),
     "(the longest note < 0.5 s and `filter_reso` < 3) or `filter_cutoff` > 3", "`filter_cutoff` > 3"),
    (below("filter_cutoff", along("note.held", (0.1, 3), (2, 7))),
     "`filter_cutoff` < 3 to 7 (with the longest note from 0.1 to 2 s)", "`filter_cutoff` < 4.54386"),
    (above("note.held", along("filter_cutoff", (0, 0.1), (10, 2))),
     "the longest note > 0.1 to 2 s (with `filter_cutoff` from 0 to 10)",
     "the longest note > 0.1 to 2 s (with `filter_cutoff` from 0 to 10)"),
])  # fmt: skip
def test_rules_as_text(rule, text, same):
    assert heard_text(rule, NOTES) == text
    assert heard_text(rule, SAME) == same


def test_what_is_said_of_a_parameter_that_is_never_heard_says_why():
    key_follow, release = SAME.instrument["filter_kb_tracking_amount"], SAME.instrument["env_amplifier_release"]
    assert parameter_cells(key_follow, SAME)[0].endswith("Key follow of the cutoff (does nothing at note 60)")
    assert parameter_cells(release, SAME)[0].endswith("Amplifier release (the note is held to the end of a take)")
    assert parameter_cells(key_follow, NOTES)[0].endswith("Key follow of the cutoff")
    assert parameter_cells(release, NOTES)[0].endswith("Amplifier release")
    # Rows of 2018's collection that play something else, as of `build --note`.
    assert parameter_cells(release, SAME, own_notes=True)[0].endswith("Amplifier release")
    assert parameter_cells(release, SAME, own_notes=True)[4] == "the longest rest after a note > 0.05 s"
    ended = replace(SAME, timing=replace(SAME.timing, note_off=0.8))
    assert parameter_cells(release, ended)[0].endswith("Amplifier release")
    assert "to the end" not in str([parameter_cells(parameter, ended) for parameter in ended.parameters])


def test_simplified_rules_ask_nothing_that_is_known():
    rule = all_of(any_of(above("note.rest", 0.5), all_of(above("filter_cutoff", 3))), above("filter_cutoff", 3))
    assert simplify(rule, {"note.rest": 0.0}) == above("filter_cutoff", 3)
    assert simplify(rule, {"note.rest": 1.0}) == above("filter_cutoff", 3)
