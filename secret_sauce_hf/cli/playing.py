"""What the rows of a command play: the options that say it, and what becomes of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.inputs import input_file
from secret_sauce_hf.cli.terminal import WHOLE
from secret_sauce_hf.instruments import Collection, InputError, Note, with_seconds
from secret_sauce_hf.instruments.notes import asked_note, check_notes
from secret_sauce_hf.instruments.pitches import NAMED_SO, pitch_number
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.midi import Clip

PitchName = Annotated[
    str | None,
    typer.Option(
        "--note",
        metavar="C2|36",
        help=f"Every row plays this note: a MIDI number or a name ({NAMED_SO}).",
        show_default=False,
    ),
]
Velocity = Annotated[
    int | None, typer.Option(help="Velocity of the note, 1 to 127; 120 if not given.", show_default=False, **WHOLE)
]
Duration = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="How long the note is held; as the collection's own, with --seconds until a tenth of a second before the "
        "end.",
        show_default=False,
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(help="Length of a take, 0.05 to 30; the collection's if not given.", show_default=False),
]
ClipFile = Annotated[
    Path | None,
    typer.Option(
        "--clip",
        metavar="RIFF.mid",
        help="Every row plays this MIDI file. A take begins where the file does, and ends half a second after its last "
        "note.",
        show_default=False,
    ),
]
Channel = Annotated[
    int | None,
    typer.Option(
        help="The MIDI channel of --clip to play, 1 to 16; all but the drums on 10 if not given.",
        show_default=False,
        **WHOLE,
    ),
]


@dataclass(frozen=True)
class Playing:
    """What options ask every row to play.

    Args:
        pitch: of one note, as it is written; None where none is asked for.
        velocity: of that note.
        duration: of that note, in seconds.
        seconds: length of a take; the collection's, or the clip's, if None.
        clip: what is played instead of one note.
        source: the clip's file.
    """

    pitch: str | None = None
    velocity: int | None = None
    duration: float | None = None
    seconds: float | None = None
    clip: "Clip | None" = None
    source: Path | None = None

    @property
    def of_one_note(self) -> bool:
        """Whether one note is asked for."""
        return (self.pitch, self.velocity, self.duration) != (None, None, None)

    @property
    def replaces(self) -> bool:
        """Whether what the rows play themselves does not matter."""
        return self.clip is not None or self.of_one_note

    def lengthened(self, collection: Collection) -> Collection:
        """The collection with takes of the length that is asked for."""
        return collection if self.seconds is None else with_seconds(collection, self.seconds)

    def notes(self, collection: Collection) -> tuple[Note, ...] | None:
        """What every row plays, in takes of a collection; None if nothing is asked for.

        Raises:
            InputError: the pitch is none.
        """
        if self.clip is not None:
            return self.clip.notes
        if not self.of_one_note:
            return None
        released = self.seconds is not None
        return (asked_note(collection, self.pitch, self.velocity, self.duration, released=released),)


def asked(
    pitch: str | None,
    velocity: int | None,
    duration: float | None,
    seconds: float | None,
    clip: Path | None,
    channel: int | None,
) -> Playing:
    """What the options of a command ask for.

    Raises:
        InputError: they do not go together, or the clip cannot be played.
    """
    if pitch is not None:
        pitch_number(pitch)
    if clip is None:
        if channel is not None:
            raise InputError("--channel chooses among the channels of a --clip: give one, or leave it out.")
        return Playing(pitch, velocity, duration, seconds)
    if (pitch, velocity, duration) != (None, None, None):
        raise InputError("--clip says what is played: leave out --note, --velocity and --duration.")
    if channel is not None and not 1 <= channel <= 16:
        raise InputError(f"--channel {channel}: MIDI channels are 1 to 16.")

    from secret_sauce_hf.midi import read_clip

    read = read_clip(input_file(clip), channel=None if channel is None else channel - 1, seconds=seconds)
    return Playing(seconds=read.seconds, clip=read, source=clip)


def tell_remarks(playing: Playing) -> None:
    """Say what of a clip is not played."""
    for remark in playing.clip.remarks if playing.clip else ():
        say(f"{playing.source}: {remark}.")


def tell_clip(playing: Playing, collection: Collection) -> None:
    """Say what of a clip is not played, and how many notes are more than the collection's engine plays at once.

    Raises:
        InputError: the engine does not play a note of the clip.
    """
    if playing.clip is None:
        return

    from secret_sauce_hf.engines import find_engine

    engine, notes = find_engine(collection), playing.clip.notes
    if engine is None or not engine.plays:
        return
    check_notes(notes, str(playing.source), seconds=playing.clip.seconds, pitches=engine.plays)
    tell_remarks(playing)
    if count := playing.clip.beyond(engine.voices):
        voices = "its one voice" if engine.voices == 1 else f"all {engine.voices} voices"
        say(
            f"{playing.source}: {count:,} of {len(notes):,} notes start while {voices} of {engine.name} "
            f"{'is' if engine.voices == 1 else 'are'} held: each takes the voice of another."
        )
