"""Rows that `datasets` decodes, through torchcodec, are what this package reads without it."""

import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from archive_files import TINY, archive_files, write_zip
from datasets import Audio, Dataset, load_dataset

from secret_sauce_hf.data import build_collection, features, load_takes
from secret_sauce_hf.data.builder import CollectionBuilder

LIGHT = "noisemaker-light"
BORDER = (788, 812)


class Tiny(CollectionBuilder):
    COLLECTION = TINY


class Light(CollectionBuilder):
    COLLECTION = LIGHT


@pytest.fixture(scope="module")
def torchcodec():
    """Skipped only where it, or the FFmpeg that it loads, is not installed; a fault of theirs is a failure."""
    if find_spec("torchcodec") is None:
        pytest.skip("needs torchcodec: pip install '.[torchcodec]'")
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs FFmpeg: apt-get install ffmpeg")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_collection(LIGHT, tmp_path_factory.mktemp("built") / "light", rows=BORDER, progress=False)


def decoded(rows):
    sounds = []
    for row in rows:
        samples = row["audio"].get_all_samples()
        assert samples.sample_rate == 22_050
        assert samples.data.shape[0] == 1
        sounds.append(samples.data[0].numpy())
    return np.stack(sounds)


def dataset(source, folder, streaming):
    if source == "built":
        path = build_collection(LIGHT, folder / "light", rows=BORDER, progress=False)
        return load_dataset(str(path), cache_dir=str(folder / "cache"), streaming=streaming)
    if source == "engine":
        made = Light(cache_dir=str(folder), rows=BORDER)
    else:
        made = Tiny(cache_dir=str(folder), data_dir=str(write_zip(folder / "tiny.zip", archive_files())))
    if streaming:
        return made.as_streaming_dataset()
    made.download_and_prepare()
    return made.as_dataset()


@pytest.mark.usefixtures("torchcodec")
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("source", ["built", "engine", "archive"])
def test_decoded_rows_are_the_takes(source, streaming, tmp_path):
    splits = dataset(source, tmp_path, streaming)
    for part in splits.values():
        takes = load_takes(part, collection=TINY if source == "archive" else LIGHT)
        sounds = decoded(part)
        assert sounds.dtype == takes.sounds.dtype == np.float32
        assert np.array_equal(sounds, takes.sounds)
        assert takes.sounds.any()


@pytest.mark.usefixtures("torchcodec")
def test_rows_that_datasets_encodes_are_read_back(built, tmp_path):
    rows = load_dataset(str(built), split="test", cache_dir=str(tmp_path))
    undecoded = rows.cast_column("audio", Audio(decode=False))
    again = Dataset.from_list(list(undecoded), features=features(LIGHT))
    assert np.array_equal(load_takes(again).sounds, load_takes(rows).sounds)
    assert np.array_equal(decoded(again), decoded(rows))


_WITHOUT = """
import sys
sys.modules["torchcodec"] = None  # As if it were not installed.
import datasets
from secret_sauce_hf.data import load_takes
from secret_sauce_hf.data.builder import CollectionBuilder

class Light(CollectionBuilder):
    COLLECTION = "noisemaker-light"

built, cache = sys.argv[1:]
builder = Light(rows=(788, 812), cache_dir=cache)
builder.download_and_prepare()
prepared = builder.as_dataset()
sources = [built, datasets.load_dataset(built, cache_dir=cache), datasets.load_dataset(built, streaming=True)]
sources += [prepared, builder.as_streaming_dataset()]
assert len({(takes := load_takes(source)).sounds.tobytes() for source in sources}) == 1
takes.sounds.tofile(cache + "/sounds")
try:
    prepared["test"][0]
except ImportError as error:
    print(error)
"""


def test_without_torchcodec(built, tmp_path, bare):
    told = bare(_WITHOUT, built, tmp_path, cwd=tmp_path)
    assert np.array_equal(np.fromfile(tmp_path / "sounds", np.float32), load_takes(built).sounds.ravel())
    assert "torchcodec" in told
