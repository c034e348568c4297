"""What the rows of collections of notes and phrases play: drawn by counters, within limits, by hands that could."""

import hashlib
from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest

from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, InputError
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.performing import strings_for
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import draw_presets

NOTES = [name for name, collection in COLLECTIONS.items() if collection.plays and collection.plays.kind == "notes"]
PHRASES = [name for name, collection in COLLECTIONS.items() if collection.plays and collection.plays.kind == "phrases"]
every_one = pytest.mark.parametrize("name", NOTES + PHRASES)

# Whoever has one of the published datasets has these rows: settings and notes, in 16 digits of SHA-256.
DIGESTS = {
    "dx7": "f9f9a8a193a8e1f5",
    "guitar-notes": "a8afb4a426c68d11",
    "noisemaker-light-notes": "b1ca018e9aaf5c1e",
    "noisemaker-notes": "e4505b2f6c5b3a04",
    "subphatty-notes": "4afb78ea91491b22",
    "guitar-phrases": "0eaa4fbeaf8f10d7",
    "noisemaker-phrases": "9e407b3cbdb68de0",
    "vital": "91c2f59069dce5a2",
    "subphatty-phrases": "969bc343d80a1f86",
}


def together(notes):
    """The pitches that sound at each note's onset, by samples as engines count: what ends there is off."""
    times = [(round(note.onset * SAMPLE_RATE), round(note.end * SAMPLE_RATE), note.pitch) for note in notes]
    return [[pitch for start, end, pitch in times if start <= now < end] for now, _, _ in times]


def digest(presets):
    played = presets.performances
    content = hashlib.sha256(presets.cc.astype("<i8").tobytes())
    for values in (played.first, played.pitch, played.velocity):
        content.update(values.astype("<i8").tobytes())
    for values in (played.onset, played.duration):
        content.update(np.rint(values * SAMPLE_RATE).astype("<i8").tobytes())
    return content.hexdigest()[:16]


def test_there_are_nine_collections_of_them():
    assert NOTES == ["dx7", "guitar-notes", "noisemaker-light-notes", "noisemaker-notes", "subphatty-notes", "vital"]
    assert PHRASES == ["guitar-phrases", "noisemaker-phrases", "subphatty-phrases"]
    # No draw of one repeats that of another.
    assert len({COLLECTIONS[name].seed for name in NOTES + PHRASES}) == 9


@every_one
def test_rows_stay_what_they_are(name):
    assert digest(original_presets(name)) == DIGESTS[name]


@every_one
def test_a_row_does_not_depend_on_the_others(name):
    collection = COLLECTIONS[name]
    rows = original_presets(name)
    assert len(rows) == collection.count and collection.train_count == collection.count * 4 // 5
    assert original_presets(name, 700, 741) == rows[700:741]
    assert draw_presets(name, 41, collection.seed, 700, prior=collection.prior) == rows[700:741]
    assert draw_presets(name, 41, collection.seed + 1, 700).performances != rows[700:741].performances


def test_what_is_played_depends_on_the_kind_and_the_seed_only():
    by_kind = {kind: draw_presets(f"noisemaker-{kind}", 30, 5).performances for kind in ("notes", "phrases")}
    assert draw_presets("subphatty-notes", 30, 5).performances == by_kind["notes"]
    assert not np.array_equal(by_kind["notes"].pitch, by_kind["phrases"].pitch[:30])
    # And the presets are those of the collection without notes.
    assert np.array_equal(draw_presets("noisemaker-phrases", 30, 5).unit, draw_presets("noisemaker", 30, 5).unit)


@every_one
def test_limits(name):
    collection = COLLECTIONS[name]
    played = original_presets(name).performances
    playing = collection.plays
    assert (played.pitch.min(), played.pitch.max()) == (playing.lowest, playing.highest)
    assert (played.velocity.min(), played.velocity.max()) == (1, 127)
    assert np.array_equal(played.onset[played.first[:-1]], np.full(collection.count, 0.1))
    assert played.end.max() < collection.seconds - 0.3
    for times in (played.onset, played.duration):
        np.testing.assert_allclose(times * SAMPLE_RATE, np.rint(times * SAMPLE_RATE), atol=1e-6)
    assert played == played.in_time()


@pytest.mark.parametrize("name", NOTES)
def test_single_notes_are_spread_evenly(name):
    playing = COLLECTIONS[name].plays
    played = original_presets(name).performances
    assert (played.counts == 1).all()
    assert played.duration.min() >= 0.08 - 1 / SAMPLE_RATE and played.duration.max() <= 2.0
    for values, low, high in (
        (played.pitch, playing.lowest - 0.5, playing.highest + 0.5),
        (played.velocity, 0.5, 127.5),
        (np.log(played.duration), np.log(0.08), np.log(2.0)),
    ):
        # A mean is a standard deviation of 1 / sqrt(12 · 10,000) off, of the whole range.
        share = (values - low) / (high - low)
        assert share.mean() == pytest.approx(0.5, abs=0.012)
        assert np.quantile(share, (0.25, 0.75)) == pytest.approx([0.25, 0.75], abs=0.02)


@pytest.mark.parametrize("name", PHRASES)
def test_phrases_are_chords_and_melodies(name):
    playing = COLLECTIONS[name].plays
    played = original_presets(name).performances
    rows = [played[row] for row in range(len(played))]
    chords = [notes for notes in rows if notes[1].onset == notes[0].onset]
    melodies = [notes for notes in rows if notes[1].onset > notes[0].onset]
    assert all(3 <= len(notes) <= 8 for notes in melodies)
    gaps = sum(all(one.end < other.onset for one, other in pairwise(notes)) for notes in melodies)
    repeated = sum(len({note.pitch for note in notes}) == 1 for notes in melodies)
    overlaps = [sum(one.end > other.onset + 1e-6 for one, other in pairwise(notes)) for notes in melodies]
    legato = sum(count > 0 for count in overlaps)
    assert min(gaps, repeated, legato) > 150
    # Phrases fill their takes, more or less.
    assert np.median([max(note.end for note in notes) for notes in rows]) > 2
    if not playing.chords:
        assert not chords and max(len(pitches) for notes in rows for pitches in together(notes)) == 2
        return
    assert 500 < len(chords) < 900
    sizes = {len(pitches) for notes in chords for pitches in together(notes)}
    assert sizes == {2, 3, 4}
    # No more at once than the NoiseMaker has voices, and no pitch twice.
    assert all(len(pitches) <= 4 and len(set(pitches)) == len(pitches) for notes in rows for pitches in together(notes))


@pytest.mark.parametrize("name", ["guitar-notes", "guitar-phrases"])
def test_every_note_of_the_guitar_has_a_string_of_its_own(name):
    strings = COLLECTIONS[name].plays.strings
    played = original_presets(name).performances
    for row in range(len(played)):
        for pitches in together(played[row]):
            found = strings_for(pitches, strings, 24)
            assert found is not None and len(set(found)) == len(pitches)
            assert all(0 <= pitch - strings[string] <= 24 for pitch, string in zip(pitches, found, strict=True))


def test_strings_are_found_wherever_there_are_some():
    strings = COLLECTIONS["guitar-notes"].plays.strings
    chance = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        pitches = sorted(chance.integers(38, 92, chance.integers(1, 5)).tolist())
        possible = any(
            all(0 <= pitch - string <= 24 for pitch, string in zip(pitches, order, strict=True))
            for order in permutations(strings, len(pitches))
        )
        assert (strings_for(pitches, strings, 24) is not None) == possible
        found += possible
    assert 50 < found < 250


def test_a_phrase_in_a_take_that_is_too_short_is_refused():
    short = with_seconds(COLLECTIONS["noisemaker-phrases"], 0.5)
    assert draw_presets(short, 200, 1).performances.end.max() < 0.5
    with pytest.raises(InputError, match="the duration is"):
        draw_presets(replace(short, timing=replace(short.timing, cut=(0.5, 0.55))), 20, 1)
