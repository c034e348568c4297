"""Notes, and what rows play."""

import numpy as np
import pytest

from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.notes import MAX_NOTES, Note, Performances, check_notes, constant_note
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
CHORD = (Note(60, 100, 0.1, 0.5), Note(64, 90, 0.1, 0.25))
RIFF = (Note(40, 127, 0.3, 0.1), Note(41, 1, 0.0, 0.2), Note(42, 64, 0.3, 0.2))


class TestPerformances:
    rows = Performances.from_notes([CHORD, RIFF, CHORD[:1]])

    def test_a_row_gives_its_notes_back(self):
        assert [self.rows[row] for row in range(3)] == [CHORD, RIFF, CHORD[:1]]
        assert self.rows.counts.tolist() == [2, 3, 1]
        assert self.rows.row.tolist() == [0, 0, 1, 1, 1, 2]
        assert self.rows.end[0] == CHORD[0].end == 0.6

    @pytest.mark.parametrize("chosen", [[], [1], [2, 0], [1, 1, 0]])
    def test_rows_are_chosen(self, chosen):
        some = self.rows.select(chosen)
        assert [some[row] for row in range(len(some))] == [self.rows[row] for row in chosen]

    def test_in_time_keeps_the_order_of_notes_that_start_together(self):
        assert self.rows.in_time()[1] == (RIFF[1], RIFF[0], RIFF[2])
        assert self.rows.in_time()[0] == CHORD

    def test_several_are_put_together(self):
        assert Performances.concatenated([self.rows, self.rows.select([0])]) == self.rows.select([0, 1, 2, 0])
        assert self.rows != self.rows.select([0, 1])


def with_(**changes):
    return [CHORD[0]._replace(**changes)]


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ([], "row 7: no notes; a take has from 1 to 1,000"),
        ([CHORD[0]] * (MAX_NOTES + 1), "1,001 notes"),
        (with_(pitch=128), "row 7, note 0: the pitch is 128; give a MIDI number from 0 to 127"),
        (with_(pitch=-1), "the pitch is -1"),
        (with_(pitch=60.5), "the pitch is 60.5"),
        (with_(pitch=True), "the pitch is True"),
        (with_(pitch=30), "goes from 40 to 88"),
        (with_(velocity=0), r"the velocity is 0 \(which MIDI takes for a note-off\); give 1 to 127"),
        (with_(velocity=128), "the velocity is 128"),
        (with_(onset=-0.1), "the onset is -0.1"),
        (with_(onset=float("nan")), "the onset is nan"),
        (with_(onset=2.0), "it starts at 2 s, and the take lasts 2 s"),
        (with_(duration=0.0), "the duration is 0.0"),
        (with_(duration=-1.0), "the duration is -1.0"),
        (with_(duration=float("inf")), "the duration is inf"),
        (with_(duration="long"), "the duration is 'long'"),
        ([CHORD[0], *with_(velocity=200)], "row 7, note 1: "),
    ],
)
def test_what_is_no_performance_is_refused(notes, message):
    with pytest.raises(InputError, match=message):
        check_notes(notes, "row 7", seconds=2.0, pitches=range(40, 89))


class TestRows:
    presets = draw_presets(LIGHT, 3, 1)

    def test_without_notes_every_row_plays_that_of_the_timing(self):
        (note,) = self.presets.performances[2]
        assert note == constant_note(LIGHT.timing) == Note(60, 120, 1 / 6 - 0.1, 1 - 1 / 6)
        assert self.presets.play_constant

    def test_rows_keep_what_they_play(self):
        playing = self.presets.playing(TestPerformances.rows)
        assert playing[1:].performances[0] == RIFF and playing[[2]].performances[0] == CHORD[:1]
        assert playing != self.presets and not playing.play_constant
        both = Presets.concatenated([playing[:1], self.presets[:1]], ["a.wav", "b.wav"])
        assert both.performances[0] == CHORD and both.performances[1] == self.presets.performances[0]
        with pytest.raises(InputError, match="2 performances for 3 rows"):
            self.presets.playing(TestPerformances.rows.select([0, 1]))

    def test_an_engine_of_one_note_refuses_others(self):
        class Still(Engine):
            name = "noisemaker"
            version = "1"
            parameters = LIGHT.instrument.parameters

            def _render(self, job):
                return np.zeros((len(job.presets), LIGHT.samples), np.int16)

        assert Still().render(self.presets).shape == (3, LIGHT.samples)
        with pytest.raises(InputError, match="plays the one note that a collection's timing has"):
            Still().render(self.presets.playing(TestPerformances.rows))

    def test_the_constant_note_may_be_told(self):
        told = self.presets.playing(Performances.constant([constant_note(LIGHT.timing)], 3))
        np.testing.assert_array_equal(get_engine(LIGHT).render(told), get_engine(LIGHT).render(self.presets))
