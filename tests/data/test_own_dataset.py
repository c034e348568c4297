"""Datasets of one's own: recordings and a table made into one, and what else `datasets` reads, here and on the Hub."""

import gc
import io
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from datasets import Audio, ClassLabel, Dataset, load_dataset
from huggingface_hub import HfApi

from secret_sauce_hf.data import collect_recordings, features, iter_takes, load_takes, recordings
from secret_sauce_hf.data.reading import split_names
from secret_sauce_hf.instruments import InputError, get_collection, read_declaration, write_declaration
from secret_sauce_hf.presets import Presets, draw_presets

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_instrument"
BASS = read_declaration(EXAMPLE / "bass_box.json")
RATE = 22_050

# `datasets` leaves tables of metadata open, until they are collected.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(autouse=True)
def _nothing_left_open():
    yield
    gc.collect()


def tone(hertz: float = 440.0, *, rate: int = RATE, seconds: float = 0.9, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def record(folder: Path, presets: Presets, *, further: dict[str, list[str]] | None = None) -> Path:
    """A recording of every preset, and their table."""
    folder.mkdir(parents=True, exist_ok=True)
    for row, name in enumerate(presets.files):
        soundfile.write(folder / name, tone(200 + 10 * row), RATE)
    text = io.StringIO()
    presets.to_csv(text)
    lines = text.getvalue().splitlines()
    for name, cells in (further or {}).items():
        lines = [f"{line},{cell}" for line, cell in zip(lines, [name, *cells], strict=True)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return folder


def collect(folder: Path, out: Path, **options) -> recordings.Collected:
    return collect_recordings(BASS, folder / "rows.csv", folder, out, progress=False, **options)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    return record(tmp_path_factory.mktemp("recorded") / "sounds", draw_presets(BASS, 10, seed=1))


@pytest.fixture(scope="module")
def takes(recorded, tmp_path_factory) -> Path:
    """A dataset of 8 train and 2 test rows."""
    return collect(recorded, tmp_path_factory.mktemp("takes") / "takes").folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- recordings to a dataset ---


def test_a_dataset_of_recordings(recorded, takes, tmp_path):
    assert sorted(content(takes)) == ["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
    rows = load_dataset(str(takes), cache_dir=str(tmp_path))
    assert rows["train"].features == rows["test"].features == features(BASS)
    assert {split: len(part) for split, part in rows.items()} == {"train": 8, "test": 2}
    presets = draw_presets(BASS, 10, seed=1)
    read = load_takes(takes, collection=BASS)
    order = [presets.files.index(name) for name in read.presets.files]
    assert sorted(order) == list(range(10)) and order[:8] == sorted(order[:8])
    assert np.abs(read.presets.unit - presets.unit[order]).max() < 1e-9
    for sound, name in zip(read.sounds, read.presets.files, strict=True):
        assert np.array_equal(sound, soundfile.read(recorded / name, dtype="float32")[0])
    # Heard by the rules: of the wave where the filter is not shut, of all else always.
    heard = rows["train"].select_columns(["heard", "cutoff"])
    assert all(
        row["heard"] == {"wave": row["cutoff"] > 2, "cutoff": True, "attack": True, "decay": True} for row in heard
    )


def test_the_same_recordings_make_the_same_bytes(recorded, takes, tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "_ROWS_AT_ONCE", 3)
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "1")
    chunked = collect(recorded, tmp_path / "again").folder
    for (name, one), (_, other) in zip(content(takes).items(), content(chunked).items(), strict=True):
        tables = [pq.read_table(io.BytesIO(part)) for part in (one, other)]
        assert tables[0].equals(tables[1]), name
    monkeypatch.undo()
    assert content(collect(recorded, tmp_path / "third").folder) == content(takes)


def test_shards(recorded, tmp_path):
    done = collect(recorded, tmp_path / "out", rows_per_shard=3, test_share=0)
    assert sorted(path.name for path in (tmp_path / "out" / "data").iterdir()) == [
        f"train-{number:05d}-of-00004.parquet" for number in range(4)
    ]
    assert done.splits == {"train": 10}
    assert load_takes(done.folder, collection=BASS).presets.files == draw_presets(BASS, 10, seed=1).files


def test_the_table_may_say_the_split(tmp_path):
    names = ["train", "test", "validation", "train", "train"]
    folder = record(tmp_path / "sounds", draw_presets(BASS, 5, seed=2), further={"split": names})
    done = collect(folder, tmp_path / "out", test_share=0.9)
    assert done.splits == {"train": 3, "validation": 1, "test": 1}
    for split, files in {"train": ["s0.wav", "s3.wav", "s4.wav"], "validation": ["s2.wav"], "test": ["s1.wav"]}.items():
        assert load_takes(done.folder, split, collection=BASS).presets.files == files
        assert load_dataset(str(done.folder), split=split, cache_dir=str(tmp_path / "cache"))["file"][:] == files
    with pytest.raises(InputError, match=r"No split 'dev' in .*; there is train, test, validation"):
        load_takes(done.folder, "dev", collection=BASS)


@pytest.mark.parametrize("count, share, tests", [(1, 0.5, 0), (2, 0.2, 1), (10, 0, 0), (10, 0.99, 9), (100, 0.2, 20)])
def test_how_many_rows_are_for_testing(count, share, tests):
    splits = recordings._drawn_splits(count, share)
    assert len(splits.get("test", ())) == tests
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(count))
    if count == 100:
        # By lot, not the last ones.
        assert splits["test"].min() < 20 and splits["test"].max() >= 80


def test_recordings_of_every_kind_become_takes(tmp_path):
    presets = draw_presets(BASS, 9, seed=3)
    kinds = {
        "plain.wav": (tone(), RATE, "PCM_16"),
        "rate.wav": (tone(rate=48_000), 48_000, "PCM_24"),
        "stereo.flac": (np.stack([tone(), np.zeros(19_845)], axis=1), RATE, "PCM_16"),
        "long.wav": (tone(seconds=2.0), RATE, "PCM_16"),
        "short.ogg": (tone(seconds=0.5), RATE, "VORBIS"),
        "loud.wav": (tone(level=3.0), RATE, "FLOAT"),
        "silent.wav": (np.zeros(19_845), RATE, "PCM_16"),
        "full.wav": (np.full(19_845, -1.0), RATE, "PCM_16"),
        "eight.wav": (tone(rate=8_000), 8_000, "PCM_U8"),
    }
    presets = Presets(BASS, presets.unit, list(kinds))
    folder = record(tmp_path / "sounds", presets)
    for name, (wave, rate, subtype) in kinds.items():
        soundfile.write(folder / name, wave, rate, subtype=subtype)
    done = collect(folder, tmp_path / "out", test_share=0)
    assert done.done == {
        "resampled": 2,
        "mixed to one channel": 1,
        "with channels that cancel or are silent": 1,
        "with the note elsewhere than the collection says": 7,
        "moved to where it says": 0,
        "cut at the end": 1,
        "padded with silence": 1,
        "turned down to full scale": 1,
        "silent": 1,
    }
    assert str(done) == (
        "9 train rows; 2 resampled; 1 mixed to one channel; 1 with channels that cancel or are silent; "
        "7 with the note elsewhere than the collection says; 1 cut at the end; 1 padded with silence; "
        "1 turned down to full scale; 1 silent."
    )
    read = load_takes(done.folder, collection=BASS)
    sounds = dict(zip(kinds, read.sounds, strict=True))
    plain = sounds["plain.wav"]
    assert np.abs(plain - tone()).max() < 1e-4
    assert np.array_equal(sounds["full.wav"], np.full(19_845, -1.0))
    inside = slice(500, -500)
    assert np.abs(sounds["rate.wav"] - plain)[inside].max() < 1e-3
    # The silent channel does not make it softer.
    assert np.abs(sounds["stereo.flac"] - plain).max() < 1e-4
    assert np.abs(sounds["long.wav"] - plain).max() < 1e-4
    assert not sounds["short.ogg"][11_100:].any() and np.abs(sounds["short.ogg"] - plain)[500:10_500].max() < 0.05
    assert np.abs(sounds["loud.wav"]).max() == pytest.approx(0.999, abs=1e-4)
    assert np.abs(sounds["eight.wav"] - plain)[inside].max() < 0.02


def test_without_a_file_column_recordings_are_numbered(tmp_path):
    folder = record(tmp_path / "sounds", draw_presets(BASS, 3, seed=4))
    lines = (folder / "rows.csv").read_text().splitlines()
    (folder / "rows.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))
    done = collect(folder, tmp_path / "out", test_share=0)
    assert load_takes(done.folder, collection=BASS).presets.files == ["s0.wav", "s1.wav", "s2.wav"]


def _write(samples, rate: int = RATE, **options):
    return lambda path: soundfile.write(path, samples, rate, **options)


@pytest.mark.parametrize("spoil, message", [
    (Path.unlink, r"1 of 3 recordings are not in .*: s1\.wav; add them, or take"),
    (lambda path: [other.unlink() for other in path.parent.glob("*.wav")], r"3 of 3 recordings .*: s0.wav, s1.wav, s2"),
    (lambda path: path.write_bytes(b"RIFF"), r"row 1: s1\.wav: not a sound that can be read"),
    (lambda path: path.write_text("text"), r"row 1: s1\.wav: not a sound that can be read"),
    (_write(np.zeros(0)), r"row 1: s1\.wav: there are no samples in it"),
    (_write([np.nan] * 99, subtype="FLOAT"), r"row 1: .*finite numbers"),
    (_write(np.zeros(61 * RATE)), r"row 1: .*61 s long, which is no single"),
    (_write(np.zeros(100), 1_000), r"row 1: .*1000 Hz and 1 channels; record"),
])  # fmt: skip
def test_bad_recordings(spoil, message, tmp_path):
    folder = record(tmp_path / "sounds", draw_presets(BASS, 3, seed=5))
    spoil(folder / "s1.wav")
    with pytest.raises(InputError, match=message):
        collect(folder, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))
    # It can be made from there.
    record(folder, draw_presets(BASS, 3, seed=5))
    assert collect(folder, tmp_path / "out").splits == {"train": 2, "test": 1}


@pytest.mark.parametrize("edit, message", [
    (lambda text: text.replace("s1.wav", "../s1.wav"), r"row 1 \(line 3\), column file: '../s1.wav' must be a plain"),
    (lambda text: text.replace("s1.wav", "s0.wav"), r"row 1 \(line 3\), column file: row 0 has 's0.wav' already"),
    (lambda text: text.replace("Square", "Sine"), r"column wave: 'Sine' must be one of Saw, Square"),
    (lambda text: text.replace("cutoff", "cutof"), r"The header: unknown column 'cutof'; bass-box has"),
    (lambda text: text.splitlines()[0], r"The table has no rows: nothing to collect"),
    (lambda text: text[:0], r"The table is empty"),
])  # fmt: skip
def test_bad_tables(edit, message, tmp_path):
    folder = record(tmp_path / "sounds", draw_presets(BASS, 3, seed=6))
    table = folder / "rows.csv"
    table.write_text(edit(table.read_text()))
    with pytest.raises(InputError, match=message):
        collect(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_arguments(recorded, tmp_path):
    for share in (-0.1, 1, 1.5):
        with pytest.raises(InputError, match=r"The share of test rows is .*from 0 to less than 1"):
            collect(recorded, tmp_path / "out", test_share=share)
    with pytest.raises(InputError, match="rows_per_shard must be an integer from 1"):
        collect(recorded, tmp_path / "out", rows_per_shard=0)
    with pytest.raises(InputError, match="There is no folder"):
        collect_recordings(BASS, recorded / "rows.csv", tmp_path / "none", tmp_path / "out")
    with pytest.raises(InputError, match=r"No such file: .*none\.csv"):
        collect_recordings(BASS, tmp_path / "none.csv", recorded, tmp_path / "out")
    folder = record(tmp_path / "sounds", draw_presets(BASS, 2, seed=7), further={"split": ["train", "a/b"]})
    with pytest.raises(InputError, match=r"row 1, column split: 'a/b' is no name of a split"):
        collect(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(recorded, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty; choose another folder"):
        collect(recorded, tmp_path)
    with pytest.raises(InputError, match="is a file; give a folder"):
        collect(recorded, tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_a_killed_run_left_is_no_dataset_and_in_nobodys_way(recorded, takes, tmp_path):
    (tmp_path / "out" / ".collecting").mkdir(parents=True)
    (tmp_path / "out" / ".collecting" / "train-00000-of-00001.parquet").write_bytes(b"half")
    with pytest.raises(InputError, match="No shards"):
        load_takes(tmp_path / "out", collection=BASS)
    assert content(collect(recorded, tmp_path / "out").folder) == content(takes)


# --- datasets that others made ---


def test_folders_in_other_layouts(takes, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    rows = load_takes(takes, "train", collection=BASS)
    shutil.copy(takes / "data" / "train-00000-of-00001.parquet", folder / "train.parquet")
    shutil.copy(takes / "data" / "test-00000-of-00001.parquet", folder / "validation.parquet")
    read = load_takes(folder, "train", collection=BASS)
    assert np.array_equal(read.sounds, rows.sounds) and read.presets == rows.presets
    assert len(load_takes(str(folder), "validation", collection=BASS)) == 2
    assert len(load_takes(folder, collection=BASS)) == 10
    with pytest.raises(InputError, match=r"No split 'test' in the dataset; there is train, validation"):
        load_takes(folder, "test", collection=BASS)


def test_a_split_of_another_name(takes, tmp_path):
    shutil.copytree(takes, tmp_path / "other")
    data = tmp_path / "other" / "data"
    (data / "train-00000-of-00001.parquet").rename(data / "dev-00000-of-00001.parquet")
    assert len(load_takes(tmp_path / "other", "dev", collection=BASS)) == 8
    # Test rows of a build come before whatever else there is.
    assert [len(part) for part in iter_takes(tmp_path / "other", collection=BASS)] == [2, 8]


def audiofolder(folder: Path, presets: Presets) -> Path:
    """Sounds as files beside a table of metadata; a switch's numbers as labels."""
    record(folder, presets)
    lines = (folder / "rows.csv").read_text().replace('"', "").splitlines()
    (folder / "metadata.csv").write_text("\n".join([lines[0].replace("file", "file_name"), *lines[1:]]) + "\n")
    (folder / "rows.csv").unlink()
    return folder


def test_sounds_in_files(tmp_path):
    presets = draw_presets(BASS, 5, seed=8)
    folder = audiofolder(tmp_path / "folder", presets)
    read = load_takes(folder, collection=BASS)
    assert np.abs(read.presets.unit - presets.unit).max() < 1e-9
    assert read.presets.files == [f"s{row}.wav" for row in range(5)]
    assert np.array_equal(read.sounds[3], soundfile.read(folder / "s3.wav", dtype="float32")[0])
    # The paths of an audio folder's rows follow from its files.
    streamed = load_takes(load_dataset(str(folder), split="train", streaming=True), collection=BASS)
    assert np.array_equal(streamed.sounds, read.sounds)


def test_a_table_names_no_files_outside_of_its_folder(tmp_path):
    presets = draw_presets(BASS, 2, seed=8)
    folder = audiofolder(tmp_path / "folder", presets)
    (folder / "s0.wav").rename(tmp_path / "outside.wav")
    (folder / "s0.wav").symlink_to(tmp_path / "outside.wav")
    with pytest.raises(InputError, match=r"row 0, column audio: no sound bytes, and no file .*s0\.wav' in"):
        load_takes(folder, collection=BASS)
    inside = tmp_path / "inside"
    inside.mkdir()
    rows = Dataset.from_dict(
        {"audio": [{"bytes": None, "path": str(tmp_path / "outside.wav")}], **{p.name: [5.0] for p in BASS.parameters}}
    )
    rows.to_parquet(str(inside / "train.parquet"))
    with pytest.raises(InputError, match=r"no sound bytes, and no file '/.*outside\.wav' in"):
        load_takes(inside, collection=BASS)


_WITHOUT = """
import sys
sys.modules["torchcodec"] = None  # As if it were not installed.
from secret_sauce_hf.data import load_takes
for folder in sys.argv[2:]:
    print(load_takes(folder, collection=sys.argv[1]).sounds.sum())
"""


def test_without_torchcodec(takes, tmp_path):
    folder = audiofolder(tmp_path / "folder", draw_presets(BASS, 3, seed=8))
    (tmp_path / "flat").mkdir()
    shutil.copy(takes / "data" / "train-00000-of-00001.parquet", tmp_path / "flat" / "train.parquet")
    folders = [takes, tmp_path / "flat", folder]
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT, EXAMPLE / "bass_box.json", *folders],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert [float(line) for line in run.stdout.split()] == [
        pytest.approx(load_takes(path, collection=BASS).sounds.sum(), abs=1e-3) for path in folders
    ]


def test_labels_that_are_numbers(tmp_path):
    collection = get_collection_of_numbers(tmp_path)
    folder = audiofolder(tmp_path / "folder", draw_presets(collection, 4, seed=1))
    assert set(load_takes(folder, collection=collection).presets.settings["voices"]) <= {"1", "2"}


def get_collection_of_numbers(tmp_path: Path):
    declared = {
        "name": "numbers",
        "parameters": [
            {"kind": "switch", "name": "voices", "positions": ["1", "2"]},
            {"kind": "knob", "name": "level"},
        ],
    }
    (tmp_path / "numbers.json").write_text(json.dumps(declared))
    return get_collection(tmp_path / "numbers.json")


def test_what_cannot_be_read(takes, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").write_text("no sounds")
    with pytest.raises(InputError, match=r"lacks the column 'audio'|does not say its columns' types"):
        load_takes(tmp_path, collection=BASS)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"(?s)broken") as caught:
        load_takes(tmp_path / "broken", collection=BASS)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"no known collection; .*by the path of its declaration"):
        load_takes(takes)
    with pytest.raises(InputError, match=r"nor the id of a dataset on the Hub, ORG/NAME"):
        load_takes("no such thing")


def test_sounds_of_another_length_or_rate(takes, tmp_path):
    declared = json.loads((EXAMPLE / "bass_box.json").read_text())
    declared["take"]["seconds"] = 0.8
    (tmp_path / "shorter.json").write_text(json.dumps(declared))
    with pytest.raises(
        InputError, match=r"row 0: 19845 samples, but a take of bass-box has 17640 \(0\.8 s\): cut or pad"
    ):
        load_takes(takes, collection=tmp_path / "shorter.json")
    folder = audiofolder(tmp_path / "folder", draw_presets(BASS, 1, seed=8))
    soundfile.write(folder / "s0.wav", tone(rate=44_100), 44_100)
    with pytest.raises(InputError, match=r"row 0.*44100 Hz and 1 channels instead of 22050 Hz mono: convert .*collect"):
        load_takes(folder, collection=BASS)


# --- on the Hub ---


@pytest.fixture(scope="module")
def published(hub, takes, tmp_path_factory) -> str:
    """The dataset on the Hub, and under the tag `first` with its test rows only."""
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = hub.repo("bass")
    api.create_repo(repo, repo_type="dataset")
    part = tmp_path_factory.mktemp("first")
    (part / "data").mkdir()
    shutil.copy(takes / "data" / "test-00000-of-00001.parquet", part / "data")
    api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=part)
    api.create_tag(repo, tag="first", repo_type="dataset")
    api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=takes)
    return repo


def test_a_dataset_on_the_hub(published, takes):
    for split in ("train", "test", None):
        here, there = load_takes(takes, split, collection=BASS), load_takes(published, split, collection=BASS)
        assert np.array_equal(here.sounds, there.sounds) and here.presets == there.presets
    assert len(load_takes(f"{published}@first", collection=BASS)) == 2
    assert len(load_takes(Path(published), "test", collection=BASS)) == 2
    with pytest.raises(InputError, match=r"No split 'dev' in the dataset; there is train, test"):
        load_takes(published, "dev", collection=BASS)


def test_a_folder_comes_before_the_hub(published, takes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(takes, published)
    (Path(published) / "data" / "train-00000-of-00001.parquet").unlink()
    assert len(load_takes(published, collection=BASS)) == 2


@pytest.mark.parametrize("end", ["-nowhere", "@nothing"])
def test_what_is_not_on_the_hub(published, end):
    with pytest.raises(InputError, match=r"There is no (dataset|folder)|no such revision") as caught:
        load_takes(published + end, collection=BASS)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(f"There is no folder {published}{end} here either.")


def test_a_dataset_on_the_hub_without_takes(hub):
    repo = hub.repo("none")
    HfApi(endpoint=hub.url, token=hub.token).create_repo(repo, repo_type="dataset")
    with pytest.raises(InputError, match=rf"{repo}") as caught:
        load_takes(repo, collection=BASS)
    assert "\n" not in str(caught.value)


# --- the example ---


def test_the_example_makes_sounds_that_tell_their_settings(tmp_path):
    example = runpy.run_path(str(EXAMPLE / "make_dataset.py"))
    example["main"](tmp_path / "recordings", 60)
    done = collect_recordings(
        EXAMPLE / "bass_box.json", tmp_path / "recordings" / "rows.csv", tmp_path / "recordings", tmp_path / "takes",
        progress=False,
    )  # fmt: skip
    assert done.splits == {"train": 48, "test": 12}
    assert done.done == dict.fromkeys(done.done, 0) | {"resampled": 60, "mixed to one channel": 60}
    takes = load_takes(done.folder, collection=BASS)
    settings = takes.presets.settings
    power = np.abs(np.fft.rfft(takes.sounds, axis=1)) ** 2
    brightness = np.log(power @ np.arange(power.shape[1]) / power.sum(axis=1))
    levels = np.sqrt((takes.sounds[:, 1_470:19_530].reshape(60, -1, 210) ** 2).mean(axis=2))
    told = {
        "cutoff": brightness,
        "attack": levels.argmax(axis=1),
        "decay": np.log(levels[:, -1] / levels.max(axis=1) + 1e-3),
        # A square has no second harmonic.
        "wave": -power[:, 460:486].sum(axis=1) / power[:, 223:249].sum(axis=1),
    }
    for name, feature in told.items():
        values = takes.presets.unit[:, BASS.columns.index(name)]
        assert abs(spearman(feature, values)) > 0.7, name
    assert set(settings["wave"]) == {"Saw", "Square"}


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """How well one of two columns orders as the other does, -1 to 1."""
    return float(np.corrcoef(*(column.argsort().argsort() for column in (one, other)))[0, 1])


def test_the_example_is_declared_as_it_would_be_written(tmp_path):
    write_declaration(BASS, tmp_path / "again.json")
    assert read_declaration(tmp_path / "again.json") == BASS
    assert features(BASS)["wave"] == ClassLabel(names=["Saw", "Square"])
    assert features(BASS)["audio"] == Audio(sampling_rate=RATE, num_channels=1)


def test_recordings_that_start_late_are_noticed_and_can_be_aligned(tmp_path):
    presets = draw_presets(BASS, 5, seed=8)
    timing = presets.collection.timing
    home = round((timing.note_on - timing.cut[0]) * RATE)
    note = np.zeros(40_000)
    note[home : home + 19_845] = 0.5 * np.sin(2 * np.pi * 220 * np.arange(19_845) / RATE)
    kinds = {
        "plain.wav": note,
        "late.wav": np.pad(note, (4_410, 0)),
        "later.wav": np.pad(note, (700, 0)),
        "early.wav": note[home:] if home > 300 else np.pad(note, (600, 0)),
        "silent.wav": np.zeros(19_845),
    }
    presets = Presets(BASS, presets.unit, list(kinds))
    folder = record(tmp_path / "sounds", presets)
    for name, wave in kinds.items():
        soundfile.write(folder / name, wave, RATE, subtype="PCM_16")
    told, done = (collect(folder, tmp_path / str(align), test_share=0, align=align) for align in (False, True))
    assert told.done["with the note elsewhere than the collection says"] == 3
    assert (
        "3 with the note elsewhere than the collection says" in str(told) and told.done["moved to where it says"] == 0
    )
    assert done.done["moved to where it says"] == 3
    assert done.done["with the note elsewhere than the collection says"] == 0
    as_they_are = load_takes(told.folder, collection=BASS).sounds
    moved = load_takes(done.folder, collection=BASS).sounds
    np.testing.assert_array_equal(moved[0], as_they_are[0])
    for sound in moved[1:4]:
        # To within a few samples.
        both = [np.flatnonzero(np.abs(one) > 0.1)[0] for one in (sound, moved[0])]
        assert abs(both[0] - both[1]) <= 4
    assert not moved[4].any()


@pytest.mark.parametrize(
    ("name", "content"),
    [("metadata.jsonl", "null\n"), ("metadata.jsonl", '{"file_name": "s0.wav"}\n null\n'), ("rows.json", "\n\nnull")],
)
def test_rows_that_are_null_do_not_end_the_process(tmp_path, name, content):
    """pyarrow 26 reads the first of a block that is null with a segmentation fault."""
    soundfile.write(tmp_path / "s0.wav", tone(), RATE)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name} has a row that is null; give every row names and values"):
        split_names(tmp_path)
