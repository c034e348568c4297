"""Collections of notes and of phrases beside a collection whose rows all play the same note."""

from dataclasses import replace

from secret_sauce_hf.instruments.instrument import Collection, Playing, Timing

_ROWS = {"notes": 10_000, "phrases": 2_000}
TIMINGS = {
    "notes": Timing(note_on=0.6, note_off=3.0, cut=(0.5, 3.0), slot=3.0),
    "phrases": Timing(note_on=0.6, note_off=4.5, cut=(0.5, 4.5), slot=4.5),
}
"""Of takes of notes and of phrases: the preset is sent at a slot's start, and has half a second to settle."""


def noted(collection: Collection) -> Collection:
    """A collection without rows of its own whose takes each play one note, of any pitch from 24 to 96."""
    return replace(collection, timing=TIMINGS["notes"], plays=Playing("notes", 24, 96))


def beside(collection: Collection, plays: Playing, seed: int, subject: str = "") -> Collection:
    """The same parameters with rows that play something else, drawn from a seed.

    Args:
        collection: whose rows all play the same note.
        plays: what the rows play: single notes, 10,000 rows of 2.5 s, or phrases, 2,000 of 4 s.
        seed: of the rows.
        subject: what the title calls the sounds; as that of the collection if empty.
    """
    title, _, parameters = collection.title.rpartition(":")
    what = "single notes" if plays.kind == "notes" else "chords and melodies" if plays.chords else "melodies"
    count = _ROWS[plays.kind]
    return replace(
        collection,
        name=f"{collection.name}-{plays.kind}",
        stem=f"{collection.stem}_{plays.kind}",
        title=f"{subject or title}, {what}:{parameters}",
        count=count,
        train_count=count * 4 // 5,
        timing=TIMINGS[plays.kind],
        plays=plays,
        seed=seed,
    )
