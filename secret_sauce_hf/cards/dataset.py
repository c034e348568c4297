"""The README of a dataset: its types for the Hub, and what a reader must know."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from datasets import DatasetInfo
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from secret_sauce_hf.cards.names import AUDIO_TYPE, TAG
from secret_sauce_hf.cards.parameters import note_times, parameter_cells
from secret_sauce_hf.cards.templates import citation, render_card, table_text
from secret_sauce_hf.instruments import NOTE, SAMPLE_RATE, VELOCITY, Collection, InputError
from secret_sauce_hf.instruments.priors import MUSICAL, UNIFORM
from secret_sauce_hf.original.table import SEED, is_original

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_DRAWN = {
    UNIFORM: "drawn evenly over the legal controller values",
    MUSICAL: "drawn with fewer extreme and silent presets, the way people set an instrument as far as that could be "
    "guessed,",
}
"""By the prior, how settings were drawn."""
_TAGS = ("audio", "music", "synthesizer", "sound-matching", "midi", TAG)


@dataclass(frozen=True)
class SplitFacts:
    """A split of a dataset.

    Args:
        name: of the split.
        pattern: that its files' paths match in the repository.
        rows: how many it has.
        first: the `file` of its first row.
        last: the `file` of its last row.
    """

    name: str
    pattern: str
    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class BuildFacts:
    """How an engine rendered a dataset.

    Args:
        start: number of the first row.
        stop: number of the row after the last.
        seed: of the fresh rows; None for the collection's own.
        in_session: whether each take starts in the state that the row before it leaves.
        threshold: in dB, above which a parameter counts as heard; None where it was not measured.
        command: the command line that makes the dataset again; None if no installed engine does.
        version: of the engine.
        encoder: what encoded the sounds, with its version.
        writer: what wrote the files, with its version.
        remembers: whether the engine can play a session.
        emulates: what the engine emulates, half a sentence.
        guesses: what in the engine was guessed, half a sentence.
        prior: how the presets of fresh rows were drawn.
        same: whether all rows play the same, which was asked for.
        given: whether the rows are those of a table or a bank that somebody gave.
        imitates: whether the engine imitates the instrument, instead of being it.
        records: whether the engine has recorded the instrument.
    """

    start: int
    stop: int
    seed: int | None
    in_session: bool
    threshold: float | None
    command: str | None
    version: str
    encoder: str
    writer: str
    remembers: bool
    emulates: str
    guesses: str
    prior: str = UNIFORM
    same: bool = False
    given: bool = False
    imitates: bool = True
    records: bool = False


@dataclass(frozen=True)
class DatasetFacts:
    """What there is to tell of a dataset of takes.

    Args:
        info: the columns' types, and the rows and bytes of each split.
        splits: the splits, in the order in which the card lists them.
        heard: by name of the parameter, the share of the rows in which it is heard by its
            rule; None if the dataset has no such column.
        measured: the share of the rows in which it is heard as measured; None where it was not.
        build: how it was rendered; None if no engine rendered it.
        notes: what the rows play, as lines of a table: what is counted, the least, the median and the most, for
            people; None if they do not tell, as all play the note that the collection's timing has.
    """

    info: DatasetInfo
    splits: tuple[SplitFacts, ...]
    heard: Mapping[str, float] | None
    measured: Mapping[str, float] | None
    build: BuildFacts | None
    notes: tuple[tuple[str, str, str, str], ...] | None = None


@dataclass(frozen=True)
class Placement:
    """Where a card is shown, beside what it describes.

    Args:
        source: what its snippets load: a repository, or DIR for a folder.
        sheet: name of the picture beside the card; None if there is none.
        license: of the data, as the Hub names licenses.
        making: how sounds that no engine of ours rendered were made, in Markdown.
        declaration: the file that declares an instrument of one's own.
        tag: the revision under which it can be loaded for good.
    """

    source: str = "DIR"
    sheet: str | None = None
    license: str = "apache-2.0"
    making: str | None = None
    declaration: str | None = None
    tag: str | None = None


def dataset_card(collection: Collection, facts: DatasetFacts, placement: Placement | None = None) -> str:
    """The README of a dataset of takes.

    Args:
        collection: whose parameters its columns are.
        facts: what was counted in it, and how it was made.
        placement: where the card will be; in the folder of a build if None.

    Returns:
        Markdown with a YAML head that names the files of each split and the columns' types.

    Raises:
        InputError: neither a build nor a text says how the sounds were made.
    """
    placement = placement or Placement()
    build = facts.build
    rows = sum(split.rows for split in facts.splits)
    title = f"{collection.name}: {collection.title}"
    data = DatasetCardData(
        license=placement.license,
        pretty_name=title,
        task_categories=["audio-classification"],
        tags=[*_TAGS, *(["synthetic"] if build else []), collection.name],
        size_categories=[next((label for limit, label in _SIZES if rows < limit), "n>1M")],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split.name, "path": split.pattern} for split in facts.splits],
            }
        ],
    )
    DatasetInfosDict({"default": facts.info}).to_dataset_card_data(data)
    for column in vars(data)["dataset_info"]["features"]:
        # As every version of `datasets` shall read it, whichever of them writes it.
        if isinstance(column.get("dtype"), dict) and "audio" in column["dtype"]:
            column["dtype"] = {"audio": dict(AUDIO_TYPE)}
    shares = [share for share in (facts.heard, facts.measured) if share is not None]
    return render_card(
        "dataset_card.md.jinja",
        # To the end of the line as it is: the default breaks long labels over lines.
        head=data.to_yaml(line_break="\n").strip(),
        title=title,
        rows=f"{rows:,}",
        seconds=f"{collection.samples / SAMPLE_RATE:.2f}",
        parts=collection.kinds,
        instrument=collection.instrument.title,
        playing=_playing(collection, facts),
        notes=facts.notes,
        drawn=_drawn_notes(collection, build),
        note_times=note_times(collection),
        sheet=placement.sheet,
        splits=[
            {"name": split.name, "rows": f"{split.rows:,}", "first": split.first, "last": split.last}
            for split in facts.splits
        ],
        heard=facts.heard is not None,
        threshold=None if build is None or build.threshold is None else f"{build.threshold:g}",
        parameters=[
            parameter_cells(
                parameter, collection, [share[parameter.name] for share in shares], own_notes=facts.notes is not None
            )
            for parameter in collection.parameters
        ],
        fixed=_fixed_text(collection),
        making=placement.making.strip() if placement.making else _making_text(collection, facts),
        build=None if build is None else _build_cells(collection, build),
        source=placement.source,
        declaration=placement.declaration,
        tag=placement.tag,
        names=list(collection.columns),
        limitations=_limitations(collection, facts),
        citation=citation(title, None if placement.source == "DIR" else placement.source, "datasets/"),
    )


def _playing(collection: Collection, facts: DatasetFacts) -> str:
    """What is played, as a part of the first sentence."""
    if facts.notes is None:
        return f", note {NOTE}, velocity {VELOCITY}" if facts.build else ""
    playing = collection.plays
    if playing is None or (facts.build is not None and facts.build.same):
        return ", notes that the rows tell"
    if playing.kind == "notes":
        return ", one note each"
    return ", chords and melodies" if playing.chords else ", melodies"


def _drawn_notes(collection: Collection, build: BuildFacts | None) -> str | None:
    """How what is played was drawn; None if nobody knows."""
    playing = collection.plays
    if build is not None and build.same:
        return "Every row plays the same."
    if build is None or playing is None:
        return None
    ends = f"from {playing.lowest} to {playing.highest}"
    first = f"{playing.onset:g} s into the take"
    if playing.kind == "notes":
        return (
            f"One note a row, which starts {first}. The pitch is drawn evenly {ends}, the velocity from 1 to 127, and "
            f"the duration from {playing.shortest:g} to {playing.longest:g} s, evenly on a logarithmic scale."
        )
    chords = (
        "chords of two to four notes, one or several after the other; arpeggios, whose tones ring on; "
        if playing.chords
        else "arpeggios; "
    )
    strings = " What sounds together is on strings of its own." if playing.strings else ""
    return (
        f"Phrases with pitches {ends}, of which the first note starts {first}: {chords}melodies of three to eight "
        f"notes with gaps between them, legato, where each note goes on into the next, and repeated notes.{strings}"
    )


def _fixed_text(collection: Collection) -> str:
    return ", ".join(
        f"`{name}` {table_text(value) if isinstance(value, str) else format(value, '.4g')}"
        for name, value in collection.fixed
    )


def _making_text(collection: Collection, facts: DatasetFacts) -> str:
    build = facts.build
    if build is None:
        raise InputError("The card must say how these sounds were made; give a text (--about FILE.md).")
    if build.given:
        rows = (
            f"The {build.stop:,} presets, and what they play, are those of a table or a bank that was given; "
            "`rows.jsonl` holds them. The first 80 % of the rows are for training, the others for testing."
        )
    elif collection.seed is not None and build.seed is None:
        rows = (
            f"The rows {build.start} to {build.stop - 1} of {collection.count:,}: their settings are "
            f"{_DRAWN[collection.prior]}, and what they play as said above, from the seed {collection.seed}. The "
            f"first {collection.train_count:,} rows are for training, the others for testing."
        )
    elif build.seed is None:
        rows = (
            f"The settings are those of the Secret Sauce project's collection of 2018, rows {build.start} to "
            f"{build.stop - 1} of {collection.count:,}, drawn again from its seed. They keep the split of 2018: "
            f"the first {collection.train_count:,} rows are for training, the others for testing."
        )
    else:
        rows = (
            f"The settings are fresh: {_DRAWN[build.prior]} from seed {build.seed}. "
            "The first 80 % of the rows are for training, the others for testing."
        )
    state = (
        "Each take starts in the state that the row before it leaves the instrument in, as in the session of 2018."
        if build.in_session
        else f"Each take starts from silence: it depends on its own settings{' and notes' if facts.notes else ''} only."
    )
    if build.records:
        return f"{rows} {state}"
    noise = (
        "Noise oscillators play what they played at that moment of the session, as far as it could be worked out."
        if build.seed is None and not build.given and build.remembers and is_original(collection)
        else f"What is random in a take follows from the seed {build.seed or 0} and the number of the row."
    )
    return f"{rows} {state} {noise}"


def _build_cells(collection: Collection, build: BuildFacts) -> dict[str, str | None]:
    timing = collection.timing
    return {
        "package": version("secret_sauce_hf"),
        "encoder": build.encoder,
        "writer": build.writer,
        "engine": f"{collection.instrument.name}, version {build.version}",
        "seed": "none, the rows were given" if build.given else _seed(collection, build),
        "slot": f"{timing.slot:g}",
        "note_on": f"{timing.note_on * 1000:.1f}",
        "note_off": f"{timing.note_off * 1000:.1f}",
        "cut_start": f"{timing.cut[0] * 1000:.1f}",
        "cut_end": f"{timing.cut[1] * 1000:.1f}",
        "command": build.command,
    }


def _seed(collection: Collection, build: BuildFacts) -> str:
    if build.seed is not None:
        return str(build.seed)
    return f"{SEED}, that of 2018" if collection.seed is None else f"{collection.seed}, the collection's own"


def _limitations(collection: Collection, facts: DatasetFacts) -> list[str]:
    build = facts.build
    if build is None:
        return [
            "Whatever is not said above about how the sounds were made is not known.",
            "Nothing else of the instrument moves than the parameters above.",
        ]
    owner = "this package's own" if build.command else "another"
    spread = "Settings are drawn evenly and independently, so many sounds are alike, dull or silent"
    if collection.enumerated and build.seed is None and not build.given:
        spread = "Every combination of the switches occurs once, so many sounds are alike, dull or silent"
    elif build.given:
        spread = "The settings are those of whoever made the presets, and may be anything"
    elif (collection.prior if build.seed is None else build.prior) != UNIFORM:
        spread = "Settings are drawn each for itself, while those of real presets hang together"
    others = "They are not the recordings of 2018, and a model"
    if collection.seed is not None:
        others = "No recording is among them, and a model"
    moves = "nothing else of the instrument moves than the parameters above"
    own = [f"The sounds are the instrument's own, as version {table_text(build.version)} of the engine hosts it."]
    if build.records:
        own = [
            f"The sounds are the instrument's own, {table_text(build.version)}: with the noise of its outputs and of "
            "the input, and with whatever ran freely in it. Recorded again, they differ by that."
        ]
    made = [
        f"The sounds are made by {owner} engine, which imitates the instrument. {others} trained on them must be "
        "tested on the real instrument before anything is said about that.",
        f"What is emulated: {table_text(build.emulates)}.",
        f"What was guessed: {table_text(build.guesses)}.",
    ]
    return (made if build.imitates else own) + [
        f"One note, one velocity, one length; {moves}."
        if facts.notes is None
        else f"What is played was not composed, and is played without a player's shaping; {moves}.",
        f"{spread}; nobody chose them for beauty.",
    ]
