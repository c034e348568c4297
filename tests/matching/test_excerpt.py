"""Which part of a sound is matched: the one asked for, or the most telling phrase of a long one."""

import io

import numpy as np
import pytest
import soundfile

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.sounds import Parts, open_parts
from secret_sauce_hf.matching.asked import check_region, region_of, time_of
from secret_sauce_hf.matching.excerpt import SCAN_SECONDS, take_out

RATE = 8_000


def note(seconds: float, level: float, hertz: float = 440.0) -> np.ndarray:
    """A plucked tone that dies away."""
    time = np.arange(round(seconds * RATE)) / RATE
    return level * np.sin(2 * np.pi * hertz * time) * np.exp(-5 * time / seconds)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def wav(samples: np.ndarray) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, RATE, format="WAV", subtype="FLOAT")
    return content.getvalue()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("75", 75.0), ("75.5", 75.5), (".5", 0.5), ("1:15.5", 75.5), ("1:01:15", 3_675.0), (" 2 ", 2.0)],
)
def test_times_as_people_write_them(text, seconds):
    assert time_of(text, "--from") == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-1", "not below 0"),
        ("a", "write seconds"),
        ("1:75", "less than 60"),
        ("1:2:3:4", "write seconds"),
        ("1e3", "write seconds"),
        ("nan", "write seconds"),
        ("", "write seconds"),
        ("9" * 400, "write seconds"),
        ("١", "write seconds"),
    ],
)
def test_what_is_no_time_is_said(text, why):
    with pytest.raises(InputError, match=f"--to .* is no time: .*{why}") as caught:
        time_of(text, "--to")
    assert len(str(caught.value)) < 200


def test_options_of_a_region():
    assert region_of(None, None, None) is None
    assert region_of("1", None, None) == (1.0, None)
    assert region_of(None, "0:02", None) == (None, 2.0)
    assert region_of(None, None, "1:02-1:05.5") == (62.0, 65.5)
    for options, message in (
        (("1", None, "1-2"), "--region says from where to where: leave out"),
        ((None, None, "12"), "write FROM-TO"),
        ((None, None, "-12"), "write FROM-TO"),
        (("3", "2", None), "The region ends at 2 s, not after its start at 3 s"),
        (("0", "0", None), "not after its start"),
        (("1", "40", None), "longer than the 30 s"),
    ):
        with pytest.raises(InputError, match=message):
            region_of(*options)


@pytest.mark.parametrize(
    "region", ["12", (1,), (1, 2, 3), (-1, 2), (float("nan"), 2), (0, float("inf")), ("1", "2"), 5]
)
def test_what_is_no_region_is_refused(region):
    with pytest.raises(InputError, match="region"):
        check_region(region)


def test_a_short_sound_is_taken_as_a_whole():
    sound = np.concatenate([silence(1), note(1, 0.5), silence(2)])
    part = take_out(sound, RATE)
    assert (part.start, part.length, part.remarks) == (0.0, 4.0, ())
    assert np.array_equal(part.samples[:, 0], sound)


@pytest.mark.parametrize("form", [lambda sound: wav(sound), lambda sound: {"array": sound, "sampling_rate": RATE}])
def test_the_most_telling_phrase_of_a_long_sound(form):
    soft, loud = note(1.5, 0.05), note(1.5, 0.5, 300.0)
    sound = np.concatenate([silence(3), soft, silence(2), loud, silence(4), soft, silence(1)])
    part = take_out(form(sound))
    onset = 3 + 1.5 + 2
    # With a little of the quiet before it.
    assert onset - 0.08 < part.start <= onset
    end = part.start + len(part.samples) / part.rate
    assert onset + 1.0 < end < onset + 2.5
    assert part.length == pytest.approx(len(sound) / RATE)
    again = round(part.start * RATE)
    assert part.samples[:, 0] == pytest.approx(sound[again : again + len(part.samples)], abs=1e-6)


def test_of_music_that_never_rests_a_phrase_begins_with_a_note():
    beat = np.concatenate([note(0.5, 0.3, 200.0 + 20 * number) for number in range(24)])
    part = take_out(beat, RATE)
    assert 1.0 < len(part.samples) / RATE <= 4.1
    nearest = abs((part.start + 0.25) % 0.5 - 0.25)
    assert nearest < 0.012 or part.start < 0.012


def test_silence_and_noise_give_a_part_as_well():
    assert take_out(silence(9), RATE).start == 0.0
    assert len(take_out(silence(9), RATE).samples) == 4 * RATE
    hiss = np.random.default_rng(1).normal(0, 0.1, 9 * RATE)
    assert 0 < len(take_out(hiss, RATE).samples) <= 4.1 * RATE


def test_a_part_that_is_asked_for():
    sound = np.arange(10 * RATE) / (10 * RATE)
    for region, start, seconds in (
        ((2.0, None), 2.0, 4.0),
        ((2.0, 3.5), 2.0, 1.5),
        ((8.0, None), 8.0, 2.0),
        ((1.0, 9.0), 1.0, 8.0),
    ):
        part = take_out(sound, RATE, region)
        assert part.start == start and len(part.samples) == seconds * RATE
        assert part.samples[0, 0] == sound[round(start * RATE)]
    # Only the end: looked for before it.
    assert take_out(sound, RATE, (None, 3.0)).samples.shape == (3 * RATE, 1)


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ((10.0, None), "starts at 10 s, but the sound ends at 10.00 s"),
        ((11.0, 12.0), "starts at 11 s"),
        ((9.0, 10.5), "ends at 10.5 s, but the sound ends at 10.00 s: the given array"),
    ],
)
def test_a_part_beyond_the_sound_is_refused(region, message):
    with pytest.raises(InputError, match=message):
        take_out(np.ones(10 * RATE), RATE, region)


def test_of_a_long_file_only_a_part_is_in_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for second in range(620):
            file.write(note(1, 0.5) if second == 500 else silence(1))
    read, asked = Parts.read, []

    def counted(self, start, stop):
        found = read(self, start, stop)
        asked.append(len(found))
        return found

    monkeypatch.setattr(Parts, "read", counted)
    part = take_out(path)
    assert max(asked) <= SCAN_SECONDS * RATE
    assert part.start == pytest.approx(500, abs=0.08) and part.length == 620
    assert part.remarks == ("Only the first 10 minutes were looked through.",)
    asked.clear()
    assert take_out(path, None, (610.0, None)).start == 610.0
    assert sum(asked) == 4 * RATE


def test_samples_that_are_no_numbers_and_none_at_all():
    sound = np.zeros(RATE)
    sound[5] = np.nan
    with pytest.raises(InputError, match=r"not finite numbers .* in the given array"):
        take_out(sound, RATE)
    with pytest.raises(InputError, match="There are no samples in the given bytes"):
        take_out(wav(np.zeros(0)))


def test_parts_are_those_of_the_whole():
    sound = np.random.default_rng(2).uniform(-1, 1, (2 * RATE, 2)).astype(np.float32)
    for given in (wav(sound), {"array": sound, "sampling_rate": RATE}):
        with open_parts(given) as parts:
            assert (parts.rate, parts.channels, parts.frames) == (RATE, 2, 2 * RATE)
            assert np.array_equal(parts.read(100, 300), sound[100:300])
            assert np.array_equal(parts.read(2 * RATE - 5, 9 * RATE), sound[-5:])
            assert parts.read(3 * RATE, 4 * RATE).shape == parts.read(-1, 5).shape == (0, 2)


def test_a_mistake_of_whoever_reads_parts_is_not_the_sounds():
    with pytest.raises(ValueError, match=r"^mine$"), open_parts(wav(silence(1))):
        raise ValueError("mine")
