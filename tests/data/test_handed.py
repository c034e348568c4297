"""Takes from whatever somebody has: splits and slices, saved datasets, audio folders, collections by name."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from datasets import Audio, Dataset, DatasetDict, ReadInstruction, Split, load_dataset
from huggingface_hub import HfApi

from secret_sauce_hf.data import build_collection, load_takes
from secret_sauce_hf.data.splitting import Part, cut, parts_of
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.original.table import original_presets

LIGHT = "noisemaker-light"
COLUMNS = get_collection(LIGHT).columns
# Rows on both sides of the border between training and testing: 12 of each.
BORDER = (788, 812)

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "light"
    return build_collection(LIGHT, folder, rows=BORDER, rows_per_shard=5, progress=False)


@pytest.fixture(scope="module")
def loaded(built, tmp_path_factory) -> DatasetDict:
    return load_dataset(str(built), cache_dir=str(tmp_path_factory.mktemp("cache")))


def settings_of(takes) -> dict[str, list]:
    return {name: values.tolist() for name, values in takes.presets.settings.items()}


@pytest.fixture(scope="module")
def sounds(built, tmp_path_factory):
    """An audio folder, as people make them: files, and a table of their settings."""
    folder = tmp_path_factory.mktemp("sounds") / "audio"
    for split in ("train", "test"):
        takes = load_takes(built, split)
        part = folder / split
        part.mkdir(parents=True)
        lines = []
        settings = settings_of(takes)
        for row, name in enumerate(takes.presets.files):
            soundfile.write(part / name, takes.sounds[row], 22_050, subtype="PCM_16")
            lines.append({"file_name": name, **{column: settings[column][row] for column in COLUMNS}})
        (part / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return folder


def same(takes, expected) -> bool:
    return np.array_equal(takes.sounds, expected.sounds) and np.allclose(takes.presets.unit, expected.presets.unit)


# Splits and slices

SLICES = {
    "train": range(788, 800),
    "test[:3]": range(800, 803),
    "train[4:9]": range(792, 797),
    "test[-2:]": range(810, 812),
    "train[25%:50%]": range(791, 794),
    "train[:-10]+test[11:]": [788, 789, 811],
    "test[10:99]": range(810, 812),
    "train+test": range(788, 812),
    "all": range(788, 812),
}


@pytest.mark.parametrize("split", SLICES)
def test_slices_are_those_of_datasets(split, built, loaded, tmp_path):
    expected = [f"s{row}.wav" for row in SLICES[split]]
    assert load_takes(built, split).presets.files == expected
    assert load_takes(loaded, split).presets.files == expected
    theirs = load_dataset(str(built), split=split, cache_dir=str(tmp_path)) if split != "all" else None
    assert theirs is None or theirs["file"][:] == expected


def test_slices_of_streams(built):
    stream = load_dataset(str(built), streaming=True)
    assert load_takes(stream, "train[2:4]").presets.files == ["s790.wav", "s791.wav"]
    assert load_takes(stream, "test[10:]").presets.files == ["s810.wav", "s811.wav"]
    for part in stream.values():
        part.info.splits = None
    assert load_takes(stream, "train[2:4]").presets.files == ["s790.wav", "s791.wav"]
    for split in ("train[-2:]", "train[50%:]", "train[:-1]"):
        with pytest.raises(InputError, match=r"is not known before all are read: give .* by numbers from the start"):
            load_takes(stream, split)


def test_what_datasets_has_for_splits_works_too(built, loaded):
    for split in (Split.TEST, ReadInstruction("test"), ReadInstruction("test", from_=0, to=100, unit="%")):
        assert load_takes(built, split).presets.files == load_takes(loaded, "test").presets.files


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("validation", "No split 'validation' in .*; there is train, test"),
        ("validation[:3]", "No split 'validation' in .*; there is train, test"),
        ("train+tset", "No split 'tset' in .*; there is train, test"),
        ("train[", "'train\\[' is no split"),
        ("train[a:b]", "is no split: write it such as"),
        ("train[3]", "is no split: write it such as"),
        ("train[5:5]", "No row is in 'train\\[5:5\\]'"),
        ("train[900:]", "No row is in 'train\\[900:\\]'"),
        ("train[:500%]", "is no split: write it such as"),
        ("", "is no split: write it such as"),
        (3, "No split '3'|is no split: write it such as"),
    ],
)
def test_bad_slices(split, message, built, loaded):
    for source in (built, loaded, LIGHT):
        with pytest.raises(InputError, match=message):
            load_takes(source, split)


def test_parts_and_cuts():
    tables = [pa.table({"x": list(range(start, start + 4))}) for start in (0, 4, 8)]
    for start, stop in ((0, None), (0, 12), (3, 9), (4, 8), (11, 12), (5, 6), (2, 100)):
        found = [x for table in cut(iter(tables), Part("train", start, stop)) for x in table["x"].to_pylist()]
        assert found == list(range(12))[start:stop]
    assert parts_of(None, ["a", "b"], lambda _: None, "it") == [Part("a"), Part("b")]
    assert parts_of("all", ["all"], lambda _: None, "it") == [Part("all")]


# save_to_disk


def test_what_save_to_disk_wrote(built, loaded, tmp_path):
    loaded.save_to_disk(tmp_path / "both")
    assert same(load_takes(tmp_path / "both"), load_takes(built))
    assert load_takes(tmp_path / "both", "test[:2]").presets.files == ["s800.wav", "s801.wav"]
    loaded["test"].select(range(3, 6)).save_to_disk(tmp_path / "few")
    assert same(load_takes(tmp_path / "few"), load_takes(built, "test[3:6]"))
    assert load_takes(tmp_path / "few", "test").presets.files == ["s803.wav", "s804.wav", "s805.wav"]
    with pytest.raises(InputError, match="No split 'train'"):
        load_takes(tmp_path / "few", "train")


def test_damaged_saves(loaded, tmp_path):
    loaded["test"].save_to_disk(tmp_path / "saved")
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    content = arrow.read_bytes()
    arrow.write_bytes(content[: len(content) // 3])
    with pytest.raises(InputError):
        load_takes(tmp_path / "saved")
    arrow.unlink()
    with pytest.raises(InputError):
        load_takes(tmp_path / "saved")
    # A file elsewhere is none of it.
    (tmp_path / "elsewhere.arrow").write_bytes(content)
    state = json.loads((tmp_path / "saved" / "state.json").read_text())
    state["_data_files"] = [{"filename": "../elsewhere.arrow"}]
    (tmp_path / "saved" / "state.json").write_text(json.dumps(state))
    with pytest.raises(InputError, match="names a file outside itself"):
        load_takes(tmp_path / "saved")
    for text in ("{", "[]", "{}"):
        (tmp_path / "saved" / "state.json").write_text(text)
        with pytest.raises(InputError):
            load_takes(tmp_path / "saved")


# Audio folders


@pytest.mark.parametrize("streaming", [False, True])
def test_rows_of_an_audio_folder(sounds, built, tmp_path, streaming):
    rows = load_dataset("audiofolder", data_dir=str(sounds), cache_dir=str(tmp_path), streaming=streaming)
    assert same(load_takes(rows, collection=LIGHT), load_takes(built))
    assert same(load_takes(rows["test"]), load_takes(built, "test"))
    assert same(load_takes(rows, "test[2:5]"), load_takes(built, "test[2:5]"))


def test_an_audio_folder_itself(sounds, built):
    assert same(load_takes(sounds, "test"), load_takes(built, "test"))
    assert same(load_takes(sounds, "test[:4]"), load_takes(built, "test[:4]"))


def test_an_audio_folder_that_was_saved(sounds, built, tmp_path):
    rows = load_dataset("audiofolder", data_dir=str(sounds), split="test", cache_dir=str(tmp_path / "cache"))
    rows.cast_column("audio", Audio(decode=False)).save_to_disk(tmp_path / "saved")
    assert same(load_takes(tmp_path / "saved"), load_takes(built, "test"))


def test_an_audio_folder_on_the_hub(sounds, built, api, dataset):
    api.upload_folder(repo_id=dataset, folder_path=sounds, repo_type="dataset")
    assert same(load_takes(dataset, "test"), load_takes(built, "test"))
    assert HfApi().dataset_info(dataset).sha


def test_paths_of_ones_own(sounds, built, monkeypatch):
    takes = load_takes(built, "test")
    columns = settings_of(takes)
    monkeypatch.chdir(sounds)
    for place in ("test", str(sounds / "test")):
        rows = Dataset.from_dict({"audio": [f"{place}/{name}" for name in takes.presets.files], **columns})
        assert same(load_takes(rows.cast_column("audio", Audio())), takes)


def test_a_file_that_is_gone_is_told_of_its_row(sounds, tmp_path):
    shutil.copytree(sounds, tmp_path / "copy")
    rows = load_dataset("audiofolder", data_dir=str(tmp_path / "copy"), split="test", cache_dir=str(tmp_path / "c"))
    (tmp_path / "copy" / "test" / "s803.wav").unlink()
    with pytest.raises(InputError, match=r"row 3, column audio: no sound bytes but the file .*s803\.wav"):
        load_takes(rows)


def test_a_table_from_elsewhere_chooses_no_file(sounds, built, tmp_path, api, dataset):
    """Of a folder or a repository only what lies in it is read, whatever its table names."""
    name = str(sounds / "test" / "s800.wav")
    table = load_dataset(str(built), split="test[:1]", cache_dir=str(tmp_path / "c")).cast_column(
        "audio", Audio(decode=False)
    )
    rows = Dataset.from_dict({**table.remove_columns("audio").to_dict(), "audio": [{"path": name, "bytes": None}]})
    rows = rows.cast_column("audio", Audio())
    (tmp_path / "theirs").mkdir()
    rows.to_parquet(tmp_path / "theirs" / "part.parquet")
    with pytest.raises(InputError, match="no sound bytes, and no file"):
        load_takes(tmp_path / "theirs")
    api.upload_folder(repo_id=dataset, folder_path=tmp_path / "theirs", repo_type="dataset")
    with pytest.raises(InputError, match="no sound bytes, and no file"):
        load_takes(dataset)
    for streaming in (False, True):
        handed = load_dataset(dataset, streaming=streaming, cache_dir=str(tmp_path / "fetched"))
        with pytest.raises(InputError, match="no sound bytes but the file"):
            load_takes(handed)


def test_a_table_of_ones_own_chooses_files(sounds, built, tmp_path, monkeypatch):
    takes = load_takes(built, "test")
    settings = settings_of(takes)
    lines = [
        json.dumps({"audio": f"test/{name}", **{column: settings[column][row] for column in COLUMNS}})
        for row, name in enumerate(takes.presets.files)
    ]
    (tmp_path / "mine.json").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(sounds)
    rows = load_dataset("json", data_files=str(tmp_path / "mine.json"), split="train", cache_dir=str(tmp_path))
    assert same(load_takes(rows.cast_column("audio", Audio())), takes)


# A collection by its name


def test_a_collection_is_rendered_on_the_way(built):
    takes = load_takes(LIGHT, "train[788:]+test[:12]")
    assert same(takes, load_takes(built))
    assert takes.presets == original_presets(LIGHT, *BORDER)
    assert len(load_takes(LIGHT, "test")) == 200


def test_a_folder_of_its_name_comes_first(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path / LIGHT)
    monkeypatch.chdir(tmp_path)
    assert len(load_takes(LIGHT)) == 24


def test_what_is_neither(tmp_path):
    for name in ("noisemaker-lite", str(tmp_path / "none"), "a/b/c"):
        with pytest.raises(
            InputError, match=r"is neither a folder nor the id of a dataset .* nor one of the collections dx7, guitar"
        ):
            load_takes(name)


@pytest.mark.usefixtures("no_engines")
def test_a_collection_that_nothing_renders():
    with pytest.raises(InputError, match="engine"):
        load_takes(LIGHT)
