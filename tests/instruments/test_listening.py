"""What befalls a sound on its way to a file, and that the note is heard all the same."""

import numpy as np
import pytest
from kinds import ORIGINAL

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.listening import align, find_onset, hear_onset, mix, strays
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.original.table import original_presets

HALF = SAMPLE_RATE // 2


def note_on(name: str) -> int:
    timing = get_collection(name).timing
    return round((timing.note_on - timing.cut[0]) * SAMPLE_RATE)


def takes(name: str, first: int = 0, last: int = 12, **options) -> np.ndarray:
    """Some takes of a collection, float32."""
    collection = get_collection(name)
    rows = original_presets(collection)[first:last]
    return to_float(get_engine(collection).render(rows, first_row=first, **options))


LIGHT = "noisemaker-light"
NOTE_ON = note_on(LIGHT)


@pytest.fixture(scope="module")
def light() -> np.ndarray:
    return takes(LIGHT)


def hiss(samples: int) -> np.ndarray:
    return 0.01 * np.random.default_rng(5).standard_normal(samples)


def hum(samples: int, hertz: float = 50.0) -> np.ndarray:
    return 0.0056 * np.sin(2 * np.pi * hertz * np.arange(samples) / SAMPLE_RATE + 1)


def click(samples: int) -> np.ndarray:
    sound = np.zeros(samples)
    sound[samples // 2 : samples // 2 + 3] = [0.5, -0.4, 0.2]
    return sound


def knock(samples: int, length: int) -> np.ndarray:
    """What a switch or a fingernail makes: a click that rings."""
    sound = np.zeros(samples)
    times = np.arange(length)
    sound[samples // 2 :][:length] = 0.6 * np.exp(-4 * times / length) * np.sin(0.9 * times + 1)
    return sound


BEFORE = {
    "silence": np.zeros,
    "an offset": lambda samples: np.full(samples, 0.01),
    "a negative offset": lambda samples: np.full(samples, -0.02),
    "hiss": hiss,
    "hum of 50 Hz": hum,
    "hum of 60 Hz": lambda samples: hum(samples, 60.0),
    "a click": click,
    "a click that rings for 3 ms": lambda samples: knock(samples, 60),
    "a click that rings for 6 ms": lambda samples: knock(samples, 130),
    "two clicks": lambda samples: click(samples) + np.roll(click(samples), samples // 4),
}


@pytest.mark.parametrize("kind", BEFORE)
def test_the_note_is_found_behind(kind: str, light):
    for take in light:
        placed = align(np.concatenate([BEFORE[kind](HALF), take]), len(take), NOTE_ON, SAMPLE_RATE)
        assert abs(placed.start - HALF) <= 40
        lead = placed.take[: NOTE_ON - 150]
        assert np.abs(lead).max() < 1e-3


@pytest.mark.parametrize("kind", ["an offset", "hum of 50 Hz", "hum of 60 Hz"])
@pytest.mark.parametrize("more", [0, HALF])
def test_what_goes_on_beneath_the_note_is_taken_off(kind: str, more: int, light):
    for take in light:
        sound = np.pad(take, (more, 0))
        placed = align(sound + BEFORE[kind](len(sound)), len(take), NOTE_ON, SAMPLE_RATE)
        back = placed.take[max(more - placed.start, 0) :]
        there = take[max(placed.start - more, 0) :]
        size = min(len(back), len(there))
        assert np.abs(back[:size] - there[:size]).max() < 1e-3
        assert len(placed.remarks) >= 1 and all(note.endswith(".") for note in placed.remarks)


@pytest.mark.parametrize("before", [0, 220, 441])
def test_a_note_that_was_cut_out_is_aligned_though_it_is_as_long_as_a_take(before: int, light):
    for take in light:
        cut = NOTE_ON - before
        placed = align(np.pad(take[cut:], (0, cut)), len(take), NOTE_ON, SAMPLE_RATE)
        assert abs(placed.start + cut) <= 40


@pytest.mark.parametrize("late", [800, 2_205, 6_000])
@pytest.mark.parametrize("kind", ["silence", "hiss", "an offset", "hum of 60 Hz"])
def test_a_late_note_is_aligned_though_it_is_as_long_as_a_take(late: int, kind: str, light):
    for take in light[:6]:
        sound = np.pad(take, (late, 0))[: len(take)] + BEFORE[kind](len(take))
        assert abs(align(sound, len(take), NOTE_ON, SAMPLE_RATE).start - late) <= 60


@pytest.mark.parametrize("name", ORIGINAL)
def test_takes_of_the_collections_stay_as_they_are_to_the_bit(name: str):
    several = [takes(name, 0, 50)]
    if get_engine(get_collection(name)).supports(get_collection(name), in_session=True):
        # With the end of the note before in the lead.
        several.append(takes(name, 0, 50, in_session=True))
    for take in np.concatenate(several):
        placed = align(take, len(take), note_on(name), SAMPLE_RATE)
        assert placed.start == 0 and placed.remarks == ()
        np.testing.assert_array_equal(placed.take, take)


@pytest.mark.parametrize("length", [1, 31, 500, 19_845, 60_000])
def test_silence_and_too_little(length: int):
    for sound in (np.zeros(length), np.full(length, 1e-6)):
        placed = align(sound, 19_845, NOTE_ON, SAMPLE_RATE)
        assert placed.take.shape == (19_845,) and not hear_onset(np.zeros(length, np.float32)).heard
        assert np.abs(placed.take).max() < 1e-5
    assert find_onset(np.zeros(length, np.float32)) == 0


def test_nothing_at_all():
    assert not align(np.zeros(0), 100, 10, SAMPLE_RATE).take.any()
    assert strays(np.zeros(0), 10, SAMPLE_RATE) == 0


@pytest.mark.parametrize("late", [-1_470, -600, 0, 100, 400, 5_000])
def test_recordings_that_stray(late: int, light):
    for take in light[:6]:
        sound = np.pad(take, (max(late, 0), 0))[max(-late, 0) :]
        expected = late if abs(late) > 220 else 0
        assert abs(strays(sound, NOTE_ON, SAMPLE_RATE) - expected) <= 40


class TestChannels:
    CHANGES = {  # noqa: RUF012
        "inverted": (lambda take: np.stack([take, -take], 1), "inverted"),
        "delayed": (lambda take: np.stack([take, np.pad(take, (441, 0))[:-441]], 1), "different times"),
        "early": (lambda take: np.stack([np.pad(take, (200, 0)), np.pad(take, (0, 200))], 1), "different times"),
        "delayed and inverted": (lambda take: np.stack([take, -np.pad(take, (100, 0))[:-100]], 1), "different times"),
        "right silent": (lambda take: np.stack([take, 0 * take], 1), "Channel 2 of 2 is silent"),
        "left silent, with an offset": (lambda take: np.stack([0 * take + 0.1, take], 1), "Channel 1 of 2 is silent"),
        "two of six": (
            lambda take: np.stack([take, take, *[0 * take] * 4], 1),
            "Channels 3, 4, 5, 6 of 6 are silent",
        ),
    }

    @pytest.mark.parametrize("name", CHANGES)
    def test_channels_do_not_cancel(self, name: str, light):
        change, told = self.CHANGES[name]
        for take in light:
            mono, notes = mix(change(take), SAMPLE_RATE)
            assert told in " ".join(notes)
            np.testing.assert_array_equal(mono[: len(take)], take)

    def test_what_agrees_is_averaged_as_ever(self, light):
        noise = 0.001 * np.random.default_rng(2).standard_normal((len(light[0]), 2))
        for both in (np.stack([light[0]] * 2, 1), light[0][:, None] + noise, np.stack([light[0], light[0] / 2], 1)):
            mono, notes = mix(both, SAMPLE_RATE)
            assert notes == ()
            np.testing.assert_array_equal(mono, both.mean(axis=1, dtype=np.float64).astype(np.float32))

    def test_different_channels_that_cancel(self):
        random = np.random.default_rng(3)
        one, other = random.standard_normal((2, 20_000))
        both = np.stack([one, -0.7 * one + 0.7 * other], 1)
        mono, notes = mix(both, SAMPLE_RATE)
        assert "cancel" in notes[0]
        np.testing.assert_array_equal(mono, both[:, int(both.std(axis=0).argmax())].astype(np.float32))

    @pytest.mark.parametrize("samples", [np.zeros((100, 2)), np.full((3, 2), 0.5), np.full((1, 64), -1.0)])
    def test_silence_and_constants(self, samples):
        mono, notes = mix(samples, SAMPLE_RATE)
        assert notes == ()
        np.testing.assert_allclose(mono, samples[:, 0])
