"""Searches of sounds with any notes: what a space plays, and how the notes' times are found."""

from contextlib import closing

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Budget
from secret_sauce_hf.matching.space import END_SECONDS, ONSET_SECONDS, SIDE, Space
from secret_sauce_hf.matching.strategies.chance import tune
from secret_sauce_hf.matching.strategies.stepping import climb
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
ENGINE = get_engine(LIGHT)
NOTES = [Note(55, 100, 0.5, 0.3), Note(48, 100, 0.1, 0.3)]
TONE = {"lfo1_rate": 3.0, "filter_cutoff": 6.0, "lfo1_amount": 5.0, "osc2_wave": "Saw", "filter_resonance": 4.0}


def tone(space: Space) -> np.ndarray:
    return space.places(Presets.from_settings(LIGHT, [TONE]).cc)


def test_a_space_plays_its_notes_in_takes_of_any_length():
    space = Space(LIGHT, ENGINE, notes=NOTES, seconds=1.2, exact=True)
    assert (space.times, space.free, len(space.parameters)) == (0, 0, 5)
    assert space.collection.samples == round(1.2 * SAMPLE_RATE)
    presets = space.presets(tone(space))
    assert presets.performances[0] == tuple(sorted(NOTES, key=lambda note: note.onset))
    take = space.render(tone(space))
    expected = ENGINE.render(
        Presets.from_cc(space.collection, tone(space)).playing(NOTES), noise_seed=0, same_noise=True
    )
    np.testing.assert_array_equal(take, expected)
    # Without notes it is as ever.
    assert Space(LIGHT, ENGINE).presets(tone(space)).play_constant


def test_times_that_were_heard_are_columns():
    chord = [Note(60, 100, 0.1, 0.4), Note(64, 100, 0.105, 0.4), Note(67, 100, 0.6, 2.0)]
    space = Space(LIGHT, ENGINE, notes=chord, seconds=1.2)
    # The chord's end, and the onset after it; the last end is beyond the take.
    assert [parameter.name for parameter in space.parameters[space.settings :]] == ["onset 2", "end 1"]
    place = tone(space)
    assert place[0, space.settings :].tolist() == [SIDE, SIDE]
    moved = np.repeat(place, 2, axis=0)
    moved[1, space.settings :] = [0, 2 * SIDE]
    as_heard, other = (space.performances(moved)[row] for row in range(2))
    assert as_heard == tuple(chord)
    assert other[2].onset == pytest.approx(0.6 - ONSET_SECONDS) and other[2].end == pytest.approx(2.6)
    assert [note.onset for note in other[:2]] == [0.1, 0.105]
    assert [note.end for note in other[:2]] == pytest.approx([0.5 + END_SECONDS, 0.505 + END_SECONDS])
    assert space.unit(moved).shape == moved.shape and not space.heard(moved)[:, space.settings :].any()


@pytest.mark.parametrize(
    ("notes", "seconds", "message"),
    [
        ([], 1.0, "no notes"),
        ([Note(60, 100, 1.5, 0.2)], 1.0, "let it start within the take"),
        ([Note(200, 100, 0.1, 0.2)], 1.0, "pitch"),
        (NOTES, 99.0, "give 0.05 to 30 seconds"),
    ],
)
def test_what_cannot_be_played_is_refused(notes, seconds, message: str):
    with pytest.raises(InputError, match=message):
        Space(LIGHT, ENGINE, notes=notes, seconds=seconds)


def test_an_engine_of_one_note_refuses_others():
    class Lonely(type(ENGINE)):
        plays = range(0)

    with pytest.raises(InputError, match="plays the one note"):
        Space(LIGHT, Lonely(), notes=NOTES, seconds=1.2)


def test_onsets_and_ends_are_found():
    space = Space(LIGHT, ENGINE, notes=NOTES, seconds=1.2)
    assert space.times == 3
    truth = tone(space)
    truth[0, space.settings :] += [8, -6, 10]
    wave = space.render(truth)[0] / np.float32(32_768)
    objective = Objective(wave, (0, len(wave)), round(0.1 * SAMPLE_RATE))
    with closing(Evaluator(space, objective, Budget(None, 4_000))) as evaluator:
        start = tone(space)[0]
        found, distance = climb(evaluator, start)
        assert evaluator.matters[space.settings :].all()
    assert distance < 0.2 and np.abs(found - truth[0])[space.settings :].max() <= 1


def test_a_tuning_is_found_without_rendering():
    space = Space(LIGHT, ENGINE, notes=[Note(57, 100, 0.1, 2.0)], seconds=1.0)
    place = tone(space)
    wave = space.render(place)[0] / np.float32(32_768)
    note_on = round(0.1 * SAMPLE_RATE)
    # Tuned up by turning the objective round: what is tuned down by -30 cents is 30 cents too high.
    high = Objective(wave, (0, len(wave)), note_on).tuned(-30.0)._wave
    sound = np.concatenate([wave[:note_on], high])[: len(wave)]
    sound = np.pad(sound, (0, len(wave) - len(sound)))
    objective = Objective(sound, (0, len(sound) - 800), note_on)
    with closing(Evaluator(space, objective, Budget(None, 4))) as evaluator:
        evaluator(np.concatenate([place, space.places(draw_presets(LIGHT, 1, 3).cc)]))
        assert tune(evaluator, evaluator.known(1), 0.05)
        assert evaluator.objective.cents == pytest.approx(30, abs=2)
        assert not tune(evaluator, evaluator.known(1), 0.05)
        assert evaluator.budget.used == 2
