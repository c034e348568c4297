"""The pipeline from settings and notes to sounds."""

import numpy as np
import pytest
from transformers import pipeline

import secret_sauce_hf  # noqa: F401 - makes the pipelines known
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import InputError, with_seconds
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.presets import Presets, draw_presets

ROWS = draw_presets("subphatty", 3, 1)
SETTINGS = list(ROWS.rows())
CHORD = [{"onset": 0.1, "duration": 0.4, "pitch": 36, "velocity": 90}]


@pytest.fixture(scope="module")
def pipe():
    return pipeline("preset-to-audio", model="subphatty")


class TestSounds:
    def test_a_preset_alone_plays_the_collections_note(self, pipe):
        told = pipe(SETTINGS[0])
        wanted = to_float(render(ROWS[:1], noise_seed=0, same_noise=True))[0]
        assert told["sampling_rate"] == 22_050 and told["audio"].dtype == np.float32
        np.testing.assert_array_equal(told["audio"], wanted)

    def test_a_row_sounds_the_same_whatever_is_beside_it(self, pipe):
        alone = [pipe(settings)["audio"] for settings in SETTINGS]
        rows = [{"preset": SETTINGS[0]}, {"preset": SETTINGS[1], "seconds": 1.5, "notes": CHORD}, *SETTINGS]
        together = [told["audio"] for told in pipe(rows)]
        np.testing.assert_array_equal(together[0], alone[0])
        np.testing.assert_array_equal(together[2:], alone)
        assert len(together[1]) == round(1.5 * 22_050)
        assert [len(told["audio"]) for told in pipe(iter(rows))] == [len(sound) for sound in together]

    def test_notes_and_lengths(self, pipe):
        long = with_seconds(ROWS.collection, 1.5)
        wanted = render(Presets(long, ROWS.unit[:1]).playing([Note(36, 90, 0.1, 0.4)]), noise_seed=0, same_noise=True)
        for played in (
            pipe({"preset": SETTINGS[0], "notes": CHORD, "seconds": 1.5}),
            pipe(SETTINGS[0], notes=CHORD, seconds=1.5),
            pipe(SETTINGS[0], notes=[Note(36, 90, 0.1, 0.4)], seconds=1.5),
        ):
            np.testing.assert_array_equal(played["audio"], to_float(wanted)[0])
        # What a row says itself comes before what is said for all.
        own = pipe({"preset": SETTINGS[0], "notes": CHORD, "seconds": 1.5}, note="C6", seconds=2)
        np.testing.assert_array_equal(own["audio"], to_float(wanted)[0])

    def test_one_note_by_its_name(self, pipe):
        for name in ("C1", 36):
            start = round(0.06 * 22_050)
            sound = pipe(SETTINGS[0], note=name, velocity=90, seconds=2)["audio"]
            assert len(sound) == 44_100 and np.abs(sound[:start]).max() < np.abs(sound).max() / 10
        np.testing.assert_array_equal(pipe(SETTINGS[0], note="C1")["audio"], pipe(SETTINGS[0], note=36)["audio"])
        assert not np.array_equal(pipe(SETTINGS[0], note="C1")["audio"], pipe(SETTINGS[0])["audio"])

    def test_chance_follows_from_the_seed(self, pipe):
        once, again, other = (pipe(SETTINGS[0], noise_seed=seed)["audio"] for seed in (3, 3, 4))
        np.testing.assert_array_equal(once, again)
        assert not np.array_equal(once, other)

    def test_there_and_back(self, pipe):
        """What one pipeline answers the other takes, as it is."""
        hear = pipeline("audio-to-preset", model="subphatty", device="cpu")
        sound = pipe(SETTINGS[0])
        answer = hear(sound, num_candidates=2)
        (wanted,) = (pipe(answer["preset"])["audio"],)
        np.testing.assert_array_equal(pipe(answer)["audio"], wanted)
        np.testing.assert_array_equal(pipe(answer["candidates"])[0]["audio"].shape, wanted.shape)

    def test_a_default_and_a_collection_with_fixed_settings(self):
        pipe = pipeline("preset-to-audio")
        (settings,) = draw_presets("noisemaker-light", 1, 2).rows()
        assert len(pipe(settings)["audio"]) == 19_845
        assert pipe.model.config.collection == "noisemaker-light" and str(pipe.device) == "cpu"


@pytest.mark.parametrize(
    ("row", "arguments", "message"),
    [
        (SETTINGS[0], {"note": 128}, "'128' is no MIDI note"),
        (SETTINGS[0], {"note": "H2"}, "'H2' is no pitch"),
        (SETTINGS[0], {"velocity": 0}, "row 0, note 0: the velocity is 0"),
        (SETTINGS[0], {"seconds": 31}, "give 0.05 to 30 seconds"),
        (SETTINGS[0], {"notes": []}, "row 0: no notes"),
        (SETTINGS[0], {"notes": CHORD, "note": 60}, "leave out note, velocity and duration"),
        (SETTINGS[0], {"pitch": 60}, "has no argument pitch"),
        (SETTINGS[0], {"noise_seed": -1}, "noise_seed"),
        ({**SETTINGS[0], "filter_reso": 11.0}, {}, "row 0, column filter_reso: 11.0"),
        ({**SETTINGS[0], "cutof": 1.0}, {}, "subphatty has no parameter 'cutof'"),
        ({"preset": SETTINGS[0], "nots": []}, {}, "unknown key 'nots'"),
        ({"preset": SETTINGS[0], "notes": [{"pitch": 60}]}, {}, "note 0: no velocity"),
        ("bass.json", {}, "str is no row"),
        (3, {}, "int is no row"),
    ],
)
def test_what_cannot_be_played_is_one_line(pipe, row, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        pipe(row, **arguments)
    assert "\n" not in str(caught.value)


def test_no_engine_no_pipeline(pipe, tmp_path):
    with pytest.raises(InputError, match="Unknown collection 'bassbox'"):
        pipeline("preset-to-audio", model="bassbox")
    with pytest.raises(InputError, match="an engine has no weights"):
        pipe.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())
