"""What else may have been played, where a listener may have been wrong about ends and beginnings."""

import numpy as np
import pytest

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.matching.readings import alike, loud_until, single
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened


def heard(*notes: tuple[int, float, float], seconds: float = 1.0) -> Listened:
    """A tone of so many seconds in which these are heard: pitch, onset and end."""
    samples = np.zeros(2 * SAMPLE_RATE, np.float32)
    tone = np.sin(np.arange(round(seconds * SAMPLE_RATE)) / 20)
    samples[: len(tone)] = tone
    told = tuple(Note(pitch, 100, onset, end - onset) for pitch, onset, end in notes)
    return Listened(samples, told, (), 0.0, False, ())


def ends(listened: Listened) -> list[tuple[int, float, float]]:
    return [(note.pitch, note.onset, round(note.end, 3)) for note in listened.notes]


def test_notes_that_go_on_are_one():
    sound = heard((62, 0.1, 0.4), (68, 0.1, 0.4), (62, 0.41, 0.99))
    assert [(62, 0.1, 0.99), (68, 0.1, 0.4)] in [ends(other) for other in alike(sound)]


def test_a_note_that_is_struck_again_later_is_another():
    sound = heard((62, 0.1, 0.4), (62, 0.6, 0.99))
    assert all(len(other.notes) == 2 for other in alike(sound))


def test_notes_are_held():
    sound = heard((62, 0.1, 0.2), (68, 0.5, 0.6))
    until = loud_until(sound.samples)
    assert [(62, 0.1, 0.5), (68, 0.5, round(until, 3))] in [ends(other) for other in alike(sound)]


def test_what_was_heard_comes_first_and_nothing_twice():
    sound = heard((62, 0.1, 1.5), (65, 0.1, 1.5))
    assert alike(sound) == [sound]


@pytest.mark.parametrize(("end", "told"), [(0.3, 1.0), (0.98, 0.98)], ids=["long before the sound", "with it"])
def test_one_note_ends_when_the_sound_does(end, told):
    (one,) = single(heard((62, 0.1, end)), [70])
    assert one.notes[0].pitch == 70
    assert one.notes[0].onset == 0.1
    assert one.notes[0].end == pytest.approx(told, abs=0.01)
    assert [stroke.pitches for stroke in one.strokes] == [(70,)]


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(5, np.float32)], ids=["none", "few"])
def test_too_short_to_be_loud(samples):
    assert loud_until(samples) == 0.0
