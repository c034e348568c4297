"""From notes to what a model of notes reads of them."""

import numpy as np
import pytest
import torch

from secret_sauce_hf import InputError, Note
from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import NOTE_INPUTS, SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.outputs_secret_sauce import SecretSauceOutput, combined
from secret_sauce_hf.modeling.strokes_secret_sauce import (
    HARMONIC_BINS,
    HARMONICS,
    PITCHES,
    Stroke,
    harmonics,
    longest,
    played,
    stack,
    strokes_of,
    window,
)

LONG_MELS = {"name": "long_mels", "kind": "mels", "window": 2048, "hop": 512, "bins": 160, "samples": 19_845}


def notes(*each):
    return [Note(pitch, 100, onset, duration) for pitch, onset, duration in each]


class TestStrokes:
    def test_a_chord_is_one_stroke(self):
        (stroke,) = strokes_of(notes((64, 0.11, 0.5), (60, 0.1, 0.4), (67, 0.12, 0.3)), 2.0)
        assert stroke.pitches == (60, 64, 67)
        assert (stroke.onset, stroke.until, stroke.duration) == (0.1, 1.9, 0.5)

    def test_a_melody_has_a_stroke_per_note_which_ends_with_the_next(self):
        strokes = strokes_of(notes((60, 0.1, 0.5), (62, 0.5, 0.2), (60, 0.9, 0.1)), 2.0)
        assert [stroke.pitches for stroke in strokes] == [(60,), (62,), (60,)]
        assert np.allclose([stroke.until for stroke in strokes], [0.4, 0.4, 1.1])

    def test_the_same_pitch_twice_together_is_one(self):
        assert strokes_of(notes((60, 0.1, 0.5), (60, 0.11, 0.4)), 2.0)[0].pitches == (60,)

    def test_what_starts_after_the_sound_is_left_out(self):
        assert len(strokes_of(notes((60, 0.1, 0.5), (62, 2.5, 0.2)), 2.0)) == 1
        assert strokes_of([], 1.0) == []

    def test_the_longest_in_the_order_of_time(self):
        strokes = strokes_of(notes((60, 0.0, 0.1), (61, 0.1, 0.1), (62, 0.5, 0.1), (63, 0.6, 0.1)), 1.0)
        assert [stroke.pitches[0] for stroke in longest(strokes, 2)] == [61, 63]

    @pytest.mark.parametrize(("pitch", "cents", "hertz"), [(69, 0.0, 440.0), (57, 0.0, 220.0), (69, 100.0, 466.16)])
    def test_fundamental(self, pitch, cents, hertz):
        assert Stroke((pitch, 90), 0.0, 1.0, cents=cents).fundamental == pytest.approx(hertz, abs=0.01)


class TestWindow:
    def test_the_onset_lies_at_note_on_and_the_next_stroke_is_silent(self):
        samples = np.ones(SAMPLE_RATE, np.float32)
        cut = window(samples, Stroke((60,), 0.5, 0.2), SAMPLE_RATE, 0.1, SAMPLE_RATE)
        end = round(0.3 * SAMPLE_RATE)
        assert cut[0] == 1 and cut[end - 40] == 1 and not cut[end:].any()
        assert 0 <= cut[end - 1] < 0.1

    def test_what_is_before_the_sound_is_silent(self):
        cut = window(np.ones(1_000, np.float32), Stroke((60,), 0.0, 1.0), SAMPLE_RATE, 0.01, 2_000)
        lead = round(0.01 * SAMPLE_RATE)
        assert not cut[:lead].any() and cut[lead:1_000].all() and not cut[1_000 + lead :].any()


class TestPlayed:
    def test_what_is_told(self):
        (row,) = played(stack([Stroke((60, 64), 0.1, 2.0, 1.0, 127, 25.0)]))[:, 0]
        assert row[:PITCHES].nonzero().ravel().tolist() == [60, 64]
        assert row[PITCHES] == 0.5 and row[-1] == 1 and row[-3] == 1

    def test_what_is_not_known_is_said_to_be(self):
        (row,) = played(stack([Stroke((60,), 0.1, 2.0)]))[:, 0]
        assert row[-4:].tolist() == [0, 0, 0, 0]

    def test_finite_for_any_length(self):
        assert played(stack([Stroke((0,), 0.0, 0.0, 0.0), Stroke((127,), 0.0, 600.0, 600.0)])).isfinite().all()


class TestHarmonics:
    def spectrum(self, hertz, pitch, cents=0.0):
        time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        take = torch.from_numpy(np.sin(2 * np.pi * hertz * time).astype(np.float32))[None]
        return harmonics(
            take, stack([Stroke((pitch,), 0.0, 2.0, cents=cents)]).fundamental, 4096, 2048, 3, 0, SAMPLE_RATE
        )[0]

    @pytest.mark.parametrize("pitch", [36, 60, 84])
    @pytest.mark.parametrize("harmonic", [1, 3])
    def test_a_harmonic_lies_in_the_same_band_at_every_pitch(self, pitch, harmonic):
        hertz = harmonic * 440 * 2 ** ((pitch - 69) / 12)
        assert self.spectrum(hertz, pitch).argmax(dim=1).tolist() == [2 * harmonic] * 3

    def test_of_a_sound_that_is_out_of_tune(self):
        hertz = 9 * 440 * 2 ** (0.55 / 12)
        assert self.spectrum(hertz, 69, cents=55.0)[0].argmax() == 18
        assert self.spectrum(hertz, 69)[0].argmax() != 18

    def test_the_power_of_a_sine_is_that_of_its_band(self):
        # A full-scale sine has a power of 0, of which its neighbours' bins have some, too.
        assert self.spectrum(440.0, 69).amax() == pytest.approx(np.log10(1.5), abs=0.02)

    def test_beyond_the_highest_frequency_there_is_nothing(self):
        assert self.spectrum(5_000.0, 127)[:, HARMONICS:].amax() < -6

    def test_shape_and_silence(self):
        silent = harmonics(
            torch.zeros(2, 100), stack([Stroke((60,), 0, 1)] * 2).fundamental, 4096, 2048, 5, 50, SAMPLE_RATE
        )
        assert silent.shape == (2, 5, HARMONIC_BINS)
        assert torch.allclose(silent, torch.full_like(silent, -10.0))


class TestExtractor:
    def extractor(self):
        return SecretSauceFeatureExtractor(
            take_samples=2 * SAMPLE_RATE,
            note_on=0.1,
            inputs=[LONG_MELS, *NOTE_INPUTS],
        )

    def test_shapes_are_as_it_says(self):
        extractor = self.extractor()
        takes = torch.zeros(3, extractor.take_samples)
        features = extractor.transform(takes, [Stroke((60,), 0.1, 1.0)] * 3)
        for record in extractor.input_sizes():
            assert features[record["name"]].shape == (3, record["frames"], record["bins"])

    def test_an_input_of_the_first_samples_is_the_same_whatever_follows(self):
        extractor = self.extractor()
        takes = torch.rand(1, extractor.take_samples)
        longer = takes.clone()
        longer[:, 25_000:] = 0
        told = [Stroke((60,), 0.1, 1.0)]
        one, other = (extractor.transform(each, told) for each in (takes, longer))
        assert torch.equal(one["long_mels"], other["long_mels"])
        assert not torch.equal(one["far_mels"], other["far_mels"])

    def test_it_has_to_be_told_what_is_played(self):
        with pytest.raises(InputError, match="has to be told a stroke for each of the 2 takes"):
            self.extractor().transform(torch.zeros(2, 2 * SAMPLE_RATE))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kind": "harmonics", "bins": 5}, "do not go together"),
            ({"kind": "played", "name": "played", "bins": 5}, "do not go together"),
            ({"kind": "mels", "bins": 48, "samples": 10**6}, "is of 1000000 samples"),
        ],
    )
    def test_sizes_that_cannot_be(self, change, message):
        record = {"name": "harmonics", "window": 4096, "hop": 2048, "frames": 4} | change
        with pytest.raises(InputError, match=message):
            SecretSauceFeatureExtractor(inputs=[record])


class TestCombined:
    def output(self, *, heard=((0.0, 0.0), (0.0, 0.0))):
        logits = (torch.tensor([[2.0, 0.0], [0.0, 2.0]]).log_softmax(1), torch.tensor([[3.0, 0, 0], [0, 0, 0.0]]))
        answers = torch.stack([torch.zeros(2, 4), torch.ones(2, 4)])
        return SecretSauceOutput(
            logits=logits, heard_logits=torch.tensor(heard), answers=answers, domain_logits=torch.tensor([1.0, 3.0])
        )

    def test_one_stroke_is_left_as_it_is(self):
        output = self.output()
        assert combined(output, torch.ones(1)) is output

    def test_two_that_disagree_as_much_are_undecided(self):
        told = combined(self.output(), torch.ones(2))
        assert torch.allclose(told.logits[0].softmax(1), torch.tensor([[0.5, 0.5]]))
        assert told.domain_logits.tolist() == [2.0] and told.answers.shape == (1, 2, 4)

    def test_a_stroke_in_which_a_parameter_is_heard_counts_for_more(self):
        told = combined(self.output(heard=((9.0, 0.0), (-9.0, 0.0))), torch.ones(2))
        assert told.logits[0].softmax(1)[0, 0] > 0.85
        assert told.heard_logits.tolist() == [[9.0, 0.0]]

    def test_probabilities_sum_to_one(self):
        for scores in combined(self.output(), torch.tensor([0.3, 1.1])).logits:
            assert scores.exp().sum() == pytest.approx(1.0, abs=1e-5)
