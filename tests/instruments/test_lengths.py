"""Collections with takes of another length."""

import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import COLLECTIONS, InputError, get_collection, with_seconds

EVERY = pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)


@EVERY
@pytest.mark.parametrize("seconds", [0.05, 0.3, 2, 30])
def test_takes_of_another_length(collection, seconds):
    other = with_seconds(collection, seconds)
    assert abs(other.samples - seconds * 22_050) <= 1
    get_engine(collection.instrument).check(other)
    assert with_seconds(other, seconds) is other
    before, after = collection.timing, other.timing
    if seconds > 1:
        assert after.note_on == before.note_on
        assert after.cut[1] - after.note_off == pytest.approx(before.cut[1] - before.note_off)
        assert after.slot - after.cut[1] == pytest.approx(before.slot - before.cut[1])


@EVERY
def test_takes_of_the_same_length(collection):
    assert with_seconds(collection, collection.seconds) is collection


@pytest.mark.parametrize("seconds", [0, 0.049, 30.1, -1, float("nan"), float("inf"), True, "2", None, 10**400])
def test_takes_of_no_length(seconds):
    with pytest.raises(InputError, match=r"give 0.05 to 30 seconds") as caught:
        with_seconds(get_collection("guitar"), seconds)
    assert len(str(caught.value)) < 120
