"""What must not change, as far as it is quickly computed; see `record.py`, which tells how to record what is meant."""

import json

import adapter
import pytest
import record
from huggingface_hub import constants

RECORDED = json.loads(record.RECORDED.read_text(encoding="utf-8"))["quick"]
LIGHT = "noisemaker-light"


@pytest.fixture(scope="module")
def now() -> dict:
    with pytest.MonkeyPatch.context() as patch:
        # Cards link to the endpoint in use, which in tests is one on loopback.
        patch.setattr(constants, "ENDPOINT", "https://huggingface.co")
        return record.compute(["quick"])["quick"]


def test_the_record_and_what_is_computed_have_the_same_items(now):
    assert list(now) == list(RECORDED)


@pytest.mark.parametrize("name", adapter.COLLECTIONS)
@pytest.mark.parametrize("item", ["render", "CSV"])
def test_collections_are_the_same(now, name, item):
    assert now[f"{name} {item}"] == RECORDED[f"{name} {item}"]


@pytest.mark.parametrize("item", ["noisemaker track", f"{LIGHT} model card"])
def test_files_are_the_same(now, item):
    assert now[item] == RECORDED[item]


def test_answers_are_the_same(now):
    assert now[f"{LIGHT} preset"] == RECORDED[f"{LIGHT} preset"]
    # BLAS sums in an order that depends on the processor, and so do the last bits of a probability; presets are on the
    # coarser grid of CC values.
    for told, recorded in zip(now[f"{LIGHT} confidence"], RECORDED[f"{LIGHT} confidence"], strict=True):
        assert told == pytest.approx(recorded, abs=1e-3)


def test_every_difference_is_found():
    before = {"a": {"b": ["1", "2"], "c": 1, "d": "x"}}
    assert list(record.differences(before, before)) == []
    now = {"a": {"b": ["1", "3"], "c": 1.5, "e": "x"}}
    assert list(record.differences(before, now)) == [
        "a / b [1]: 2 recorded, 3 now",
        "a / c: 1 recorded, 1.5 now",
        "a / d: is not there any more",
        "a / e: is new",
    ]
    assert list(record.differences({"b": ["1"]}, {"b": ["1", "2"]})) == ["b: ['1'] recorded, ['1', '2'] now"]


def test_a_digest_is_of_type_shape_and_bytes():
    import numpy as np

    array = np.arange(6, dtype=np.int16)
    others = [array.astype(np.int32), array.reshape(2, 3), array[::-1], array.astype(">i2")]
    assert len({record.digest(value) for value in [array, *others]}) == 5
    assert record.digest(array[::2]) == record.digest(array[::2].copy())
    # The first digits of the known digest of nothing.
    assert record.digest(b"") == record.digest("") == "e3b0c44298fc1c14"
