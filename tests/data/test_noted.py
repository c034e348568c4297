"""Datasets whose rows tell what they play: written, read, told of on cards, and damaged."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from datasets import Audio, Dataset, Features, load_dataset

from secret_sauce_hf.data import build_collection, collect_recordings, features, iter_takes, load_takes
from secret_sauce_hf.data.building import RECORD_NAME, finished_plan
from secret_sauce_hf.data.columns import NOTE_TYPES, arrow_schema
from secret_sauce_hf.data.normalising import normalise
from secret_sauce_hf.data.noted import performances_of
from secret_sauce_hf.data.plan import build_command, make_plan
from secret_sauce_hf.data.shards import takes_table
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.engines import Engine, Job
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, InputError, get_collection
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

NOTES, PHRASES = get_collection("noisemaker-notes"), get_collection("noisemaker-phrases")
# Rows on both sides of the border between training and testing.
BORDERS = {"noisemaker-notes": (7_992, 8_005), "noisemaker-phrases": (1_592, 1_605)}
both = pytest.mark.parametrize("name", BORDERS)


class Tones(Engine):
    """Plays sines as long and as loud as the notes are, whatever the settings."""

    name = "noisemaker"
    version = "tones-1"
    parameters = NOTES.instrument.parameters
    plays = range(128)
    voices = 8

    def _render(self, job: Job) -> np.ndarray:
        collection, performances = job.presets.collection, job.presets.performances
        seconds = np.arange(collection.samples) / SAMPLE_RATE
        takes = np.zeros((len(performances), collection.samples))
        for row, take in enumerate(takes):
            for note in performances[row]:
                held = (seconds >= note.onset) & (seconds < note.end)
                take += held * note.velocity / 1_000 * np.sin(2 * np.pi * 440 * 2 ** ((note.pitch - 69) / 12) * seconds)
        return (32_000 * takes).astype(np.int16)


def build(out, collection, **arguments):
    return build_collection(collection, out, engine=Tones(), progress=False, **arguments)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return {name: build(folder / name, name, rows=rows, rows_per_shard=5) for name, rows in BORDERS.items()}


def as_list(notes):
    return [{name: getattr(note, name) for name in NOTE_TYPES} for note in notes]


# Written and read


@pytest.mark.parametrize("name", [name for name, collection in COLLECTIONS.items() if collection.plays])
def test_the_column_lies_between_the_file_and_what_is_heard(name):
    types = features(name)
    columns = list(COLLECTIONS[name].columns)
    assert list(types) == ["audio", *columns, "file", "notes", "heard"]
    note = {"onset": "float64", "duration": "float64", "pitch": "uint8", "velocity": "uint8"}
    # Datasets 4 and later have a type of their own for it, and older ones a list of one mapping.
    told = getattr(types["notes"], "feature", None) or types["notes"][0]
    assert {field: value.dtype for field, value in told.items()} == note
    schema = arrow_schema(name)
    assert Features.from_arrow_schema(schema) == types
    written = json.loads(schema.metadata[b"huggingface"])["info"]["features"]["notes"]
    assert written == [{field: {"dtype": kind, "_type": "Value"} for field, kind in note.items()}]
    assert "notes" not in features(name, notes=False) and "notes" in features("guitar", notes=True)


@both
def test_rows_come_back_with_what_they_play(built, name, tmp_path):
    expected = original_presets(name, *BORDERS[name])
    takes = load_takes(built[name])
    assert takes.presets == expected and takes.presets.collection is COLLECTIONS[name]
    np.testing.assert_array_equal(takes.sounds * 32_768, Tones().render(expected))
    plain = load_dataset(str(built[name]), cache_dir=str(tmp_path))
    streamed = load_dataset(str(built[name]), streaming=True)
    for dataset in (plain, streamed):
        assert dataset["test"].features == features(name)
        rows = [row for split in dataset.values() for row in split.cast_column("audio", Audio(decode=False))]
        assert [row["notes"] for row in rows] == [as_list(expected.performances[row]) for row in range(13)]
        assert load_takes(dataset, collection=name).presets == load_takes(dataset).presets == expected
    assert load_takes(built[name], "test[:2]").presets == expected[8:10]


@both
def test_a_build_goes_on_and_is_known(built, name):
    plan = finished_plan(built[name], None, Tones())
    assert plan is not None and plan.notes and plan.seed is None and not plan.in_session
    before = {path.name: path.read_bytes() for path in (built[name] / "data").iterdir()}
    lost = built[name] / "data" / "test-00000-of-00001.parquet"
    lost.unlink()
    build(built[name], name, rows=BORDERS[name], rows_per_shard=5)
    assert {path.name: path.read_bytes() for path in (built[name] / "data").iterdir()} == before
    file = pq.ParquetFile(lost)
    assert file.schema_arrow.field("notes").type.value_type.names == ["onset", "duration", "pitch", "velocity"]
    paths = [file.metadata.row_group(0).column(place).path_in_schema for place in range(file.metadata.num_columns)]
    assert "notes.list.element.pitch" in paths
    assert file.metadata.row_group(0).column(paths.index("notes.list.element.pitch")).compression == "SNAPPY"


def test_rows_of_2018_have_no_such_column(tmp_path):
    out = build(tmp_path / "light", "noisemaker-light", rows=(0, 2), in_session=False)
    assert "notes" not in load_dataset(str(out), streaming=True)["train"].features


def test_notes_of_ones_own_in_takes_of_their_length(tmp_path):
    riff = (Note(48, 90, 0.0, 0.3), Note(55, 80, 0.5, 2.0))
    out = build(tmp_path / "riff", "noisemaker", seed=3, count=6, plays=riff, seconds=1.25)
    takes = load_takes(out)
    told = takes.presets.collection
    assert (told.name, told.samples) == ("noisemaker", with_seconds(get_collection("noisemaker"), 1.25).samples)
    assert [takes.presets.performances[row] for row in range(6)] == [riff] * 6
    card = (out / "README.md").read_text()
    assert "Every row plays the same." in card and ", notes that the rows tell," in card
    # A single note in takes as long as ever, too.
    short = build(tmp_path / "short", "noisemaker", seed=3, count=2, plays=riff[:1])
    assert load_takes(short).presets.collection is get_collection("noisemaker")
    assert load_takes(short, collection="noisemaker").presets.performances[1] == riff[:1]


def test_a_collection_is_told_by_columns_and_length(built, tmp_path):
    assert load_takes(built["noisemaker-notes"]).presets.collection is NOTES
    assert load_takes(built["noisemaker-phrases"]).presets.collection is PHRASES
    with pytest.raises(InputError, match=r"row 0: 88200 samples, but a take of noisemaker-notes has 55125"):
        load_takes(built["noisemaker-phrases"], collection=NOTES)
    rows = load_dataset(str(built["noisemaker-notes"]), split="train", cache_dir=str(tmp_path)).remove_columns("notes")
    with pytest.raises(InputError, match="The dataset lacks the column 'notes' of noisemaker-notes"):
        load_takes(rows, collection=NOTES)
    # Without it, they are takes of the collection that plays the same in every row.
    assert load_takes(rows).presets.collection is get_collection("noisemaker")


# The card


@both
def test_the_card_says_what_is_played(built, name, tmp_path, monkeypatch, capsys):
    card = (built[name] / "README.md").read_text()
    played = original_presets(name, *BORDERS[name]).performances
    low, middle, high = np.quantile(played.pitch, (0, 0.5, 1), method="lower")
    assert f"| pitch | {low:.0f} | {middle:.0f} | {high:.0f} |" in card
    assert f"| duration, s | {played.duration.min():.2f} |" in card
    told = "One note a row, which starts 0.1 s into the take" if name == NOTES.name else "chords of two to four notes"
    assert told in card and "`notes` is what the row plays" in card
    first, last = BORDERS[name]
    assert f"The rows {first} to {last - 1} of {COLLECTIONS[name].count:,}: their settings are drawn evenly" in card
    assert f"- seed: {COLLECTIONS[name].seed}, the collection's own" in card
    assert "velocity 120" not in card and "of 2018." not in card and "One note, one velocity" not in card
    assert "\n\n\n" not in card
    monkeypatch.chdir(tmp_path)
    for snippet in re.findall(r"```python\n(.*?)```", card, re.DOTALL):
        exec(compile(snippet.replace('"DIR"', repr(str(built[name]))), "README.md", "exec"), {})
    shown = str(as_list(played[0]))
    assert shown in capsys.readouterr().out


def test_the_prior_is_part_of_a_build(tmp_path):
    out = build(tmp_path / "musical", NOTES, seed=3, count=4, prior="musical")
    assert load_takes(out).presets == draw_presets(NOTES, 4, 3, prior="musical")
    assert json.loads((out / RECORD_NAME).read_text())["prior"] == "musical"
    plan = finished_plan(out, NOTES, Tones())
    assert plan is not None and plan.prior == "musical"
    assert "drawn with fewer extreme and silent presets" in (out / "README.md").read_text()
    with pytest.raises(InputError, match=r"holds another build .*prior: 'musical' there"):
        build(out, NOTES, seed=3, count=4)
    # Where it is not told it is uniform, as ever.
    assert "prior" not in make_plan(NOTES, None, 3, 4, None, 1_000, engine=Tones()).record
    guitar = make_plan(get_collection("guitar"), None, 3, 4, None, 1_000, prior="musical")
    assert "--seed 3 --count 4 --prior musical" in (build_command(guitar) or "")
    for arguments in ({"prior": "even", "seed": 1, "count": 1}, {"prior": "musical"}):
        with pytest.raises(InputError, match=r"one of uniform, musical|is one of fresh rows"):
            make_plan(
                NOTES,
                None,
                arguments.pop("seed", None),
                arguments.pop("count", None),
                None,
                9,
                engine=Tones(),
                **arguments,
            )
    record = json.loads((out / RECORD_NAME).read_text())
    (out / RECORD_NAME).write_text(json.dumps(record | {"prior": "even"}))
    with pytest.raises(InputError, match=r"is not a build of this version: .*prior is 'even'"):
        finished_plan(out, NOTES, Tones())


# Rows from elsewhere


def test_recordings_of_notes(tmp_path):
    presets = draw_presets(NOTES, 6, 2)
    for name, take in zip(presets.files, Tones().render(presets), strict=True):
        soundfile.write(tmp_path / name, take, SAMPLE_RATE)
    with (tmp_path / "rows.csv").open("w") as table:
        presets.to_csv(table)
    found = collect_recordings(NOTES, tmp_path / "rows.csv", tmp_path, tmp_path / "out", progress=False)
    takes = load_takes(found.folder)
    order = [presets.files.index(name) for name in takes.presets.files]
    assert takes.presets == presets[order]


def test_a_dataset_of_somebody_elses_is_written_anew_with_its_notes(built, tmp_path):
    rows = load_dataset(str(built["noisemaker-phrases"]), split="test", cache_dir=str(tmp_path / "cache"))
    table = rows.with_format("arrow")[:].drop_columns(["file", "heard"])
    notes = [[note | {"pitch": int(note["pitch"])} for note in row] for row in table["notes"].to_pylist()]
    table = table.set_column(table.column_names.index("notes"), "notes", pa.array(notes))
    (tmp_path / "theirs").mkdir()
    pq.write_table(table, tmp_path / "theirs" / "test.parquet")
    (tmp_path / "ours").mkdir()
    files = normalise(tmp_path / "theirs", PHRASES, tmp_path / "ours", rows_per_shard=2, progress=False)
    assert [len(paths) for paths in files.values()] == [3]
    again = pa.concat_tables([pq.read_table(path) for path in files["test"]])
    expected = original_presets("noisemaker-phrases", 1_600, 1_605)
    assert again["notes"].to_pylist() == [as_list(expected.performances[row]) for row in range(5)]
    assert again["file"].to_pylist() == [f"s{row}.wav" for row in range(5)]


# Damaged columns

_KIND = pa.list_(
    pa.struct([("onset", pa.float64()), ("duration", pa.float64()), ("pitch", pa.int64()), ("velocity", pa.int64())])
)
GOOD = {"onset": 0.1, "duration": 0.5, "pitch": 60, "velocity": 90}


def column(*rows, kind=_KIND):
    return pa.chunked_array([pa.array(list(rows), kind)])


def test_other_types_of_the_same_numbers():
    rows = [[GOOD], [GOOD | {"onset": 0.0}, GOOD]]
    kinds = {
        "float32": [
            ("velocity", pa.uint8()),
            ("pitch", pa.int8()),
            ("onset", pa.float32()),
            ("duration", pa.float64()),
        ],
        "whole seconds": [
            ("onset", pa.int32()),
            ("duration", pa.int16()),
            ("pitch", pa.uint64()),
            ("velocity", pa.int64()),
        ],
        "more": [(name, kind.type) for name, kind in zip(GOOD, _KIND.value_type, strict=True)]
        + [("channel", pa.int8())],
    }
    for name, fields in kinds.items():
        told = [
            [note | ({"onset": 1, "duration": 2} if name == "whole seconds" else {}) for note in row] for row in rows
        ]
        for make in (pa.list_, pa.large_list):
            found = performances_of(column(*told, kind=make(pa.struct(fields))), 0, 2.5)
            assert found.counts.tolist() == [1, 2] and found.pitch.tolist() == [60] * 3
            assert found.onset.dtype == np.float64 and found.pitch.dtype == np.int64
            np.testing.assert_allclose(found.duration, told[0][0]["duration"])
    sliced = pa.chunked_array([column(*rows).chunk(0).slice(1), column(*rows).chunk(0)])
    assert performances_of(sliced, 0, 2.5) == Performances.from_notes(
        [[Note(60, 90, note["onset"], 0.5) for note in row] for row in (rows[1], *rows)]
    )


@pytest.mark.parametrize(
    "row, message",
    [
        (None, r"row 8, column notes: there is nothing; give a list"),
        ([], r"row 8, column notes: no notes; a take has from 1"),
        ([GOOD] * 1_001, r"row 8, column notes: 1,001 notes"),
        ([GOOD, None], r"row 8, column notes, note 1: no onset; give one"),
        ([GOOD, GOOD | {"velocity": None}], r"row 8, column notes, note 1: no velocity; give one"),
        ([GOOD | {"pitch": 128}], r"row 8, column notes, note 0: the pitch is 128"),
        ([GOOD, GOOD | {"pitch": -1}], r"row 8, column notes, note 1: the pitch is -1"),
        ([GOOD | {"pitch": 2**62}], r"note 0: the pitch is 32768"),
        ([GOOD | {"velocity": 0}], r"note 0: the velocity is 0 .*note-off"),
        ([GOOD | {"velocity": 128}], r"note 0: the velocity is 128"),
        ([GOOD | {"onset": -0.1}], r"note 0: the onset is -0.1"),
        ([GOOD | {"onset": float("nan")}], r"note 0: the onset is nan"),
        ([GOOD | {"onset": 2.5}], r"note 0: it starts at 2.5 s, and the take lasts 2.5 s"),
        ([GOOD | {"duration": 0.0}], r"note 0: the duration is 0.0"),
        ([GOOD | {"duration": float("inf")}], r"note 0: the duration is inf"),
        ([GOOD | {"duration": 1e300}], r"note 0: the duration is 1e\+300"),
    ],
)
def test_a_note_that_is_none_is_named(row, message):
    with pytest.raises(InputError, match=message) as caught:
        performances_of(column([GOOD], row, [GOOD | {"pitch": 500}] if row else [GOOD]), 7, 2.5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.list_(pa.int64()),
        pa.struct([(field, pa.list_(pa.float64())) for field in GOOD]),
        pa.list_(pa.struct([(field, pa.float64()) for field in GOOD])),
        pa.list_(pa.struct([(field, pa.string()) for field in GOOD])),
        pa.list_(pa.struct([(field, pa.int64()) for field in ("onset", "duration", "pitch")])),
        pa.list_(pa.struct([(field, pa.int64()) for field in (*GOOD, "pitch")])),
        pa.list_(pa.struct([(field, pa.decimal128(38, 2)) for field in GOOD])),
    ],
    ids=str,
)
def test_a_column_of_something_else(kind):
    with pytest.raises(InputError, match=r"column notes: .*it must be a list of notes for every row") as caught:
        performances_of(pa.chunked_array([pa.nulls(2, kind)]), 0, 2.5)
    assert "\n" not in str(caught.value)


def test_a_damaged_dataset_is_one_line():
    presets = draw_presets(NOTES, 3, 1)
    table = takes_table(presets, [encode(take, "FLAC") for take in Tones().render(presets)], arrow_schema(NOTES))
    place = table.column_names.index("notes")
    rows = table["notes"].to_pylist()
    rows[2][0]["onset"] = 7.0
    broken = table.set_column(place, "notes", pa.array(rows, table.schema.field("notes").type))
    with pytest.raises(InputError, match=r"row 2, column notes, note 0: it starts at 7 s, and the take lasts 2.5 s"):
        list(iter_takes(Dataset(broken)))
    texts = table.set_column(place, "notes", pa.array(["C4"] * 3))
    with pytest.raises(InputError, match="column notes: string; it must be a list of notes"):
        list(iter_takes(Dataset(texts)))
    assert isinstance(load_takes(Dataset(table)).presets, Presets)
