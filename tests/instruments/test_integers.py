"""Whole numbers: what counts as one, wherever one is taken."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from secret_sauce_hf.data import build_collection, measure_heard
from secret_sauce_hf.data.plan import make_plan
from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.evaluation import benchmark
from secret_sauce_hf.instruments import InputError, get_collection, integer
from secret_sauce_hf.matching import match
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.midi import preset_messages, preset_midi_file, read_messages
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.plots import sound_sheet
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training.config import TrainingConfig

LIGHT = get_collection("noisemaker-light")
ROW = next(original_presets(LIGHT, 0, 1).rows())
WHOLE = [
    3, 3.0, np.int8(3), np.uint64(3), np.int64(3), np.float32(3), np.float64(3), np.array(3), np.array(3.0),
    Fraction(6, 2), torch.tensor(3), torch.tensor(3.0),
]  # fmt: skip
NONE = [
    True, False, np.True_, None, "3", b"3", 3.5, float("nan"), float("inf"), np.float32("nan"), np.array([3]), [3],
    3 + 0j, Decimal(3), torch.tensor([3]), -1, 2**63, 10**30, -(10**5000), 10**5000, 1e300, np.array("3"),
]  # fmt: skip


@pytest.mark.parametrize("value", WHOLE, ids=repr)
def test_whole_numbers_are_taken(value):
    taken = integer("count", value, 0, 10)
    assert taken == 3 and type(taken) is int


@pytest.mark.parametrize("value", NONE, ids=lambda value: f"{type(value).__name__}")
def test_others_are_refused_in_one_line(value):
    with pytest.raises(InputError, match=r"^count must be an integer from 0 to 9223372036854775807, not .+\.$") as told:
        integer("count", value)
    assert "\n" not in str(told.value) and len(str(told.value)) < 150


@pytest.mark.parametrize("three", [np.int64(3), 3.0, np.float32(3), np.array(3)], ids=repr)
def test_draws_and_renderings_do_not_care_how_a_number_is_given(three):
    rows = draw_presets(LIGHT, three, three, three)
    assert rows == draw_presets(LIGHT, 3, 3, 3) and rows.files == ["s3.wav", "s4.wav", "s5.wav"]
    assert original_presets(LIGHT, three, np.int64(5)) == original_presets(LIGHT, 3, 5)
    takes = render(rows, noise_seed=three, first_row=three)
    np.testing.assert_array_equal(takes, render(rows, noise_seed=3, first_row=3))
    assert preset_messages(LIGHT, ROW, channel=three) == preset_messages(LIGHT, ROW, channel=3)
    plan = make_plan(LIGHT, None, three, three, None, three)
    assert plan == make_plan(LIGHT, None, 3, 3, None, 3)
    assert {type(plan.record[name]) for name in ("start", "stop", "seed", "rows_per_shard")} == {int}
    assert type(TrainingConfig(batch_size=three).batch_size) is int


ABSURD = [True, float("nan"), -1, 10**30, "3", 2.5]


@pytest.mark.parametrize("wrong", ABSURD, ids=repr)
def test_everyone_refuses_what_is_none(wrong, tmp_path):
    rows = draw_presets(LIGHT, 1, 0)
    sound = np.zeros(19_845, np.float32)
    calls = {
        "count": lambda: draw_presets(LIGHT, wrong, 0),
        "seed": lambda: draw_presets(LIGHT, 1, wrong),
        "start": lambda: original_presets(LIGHT, wrong),
        "noise_seed": lambda: render(rows, noise_seed=wrong),
        "first_row": lambda: measure_heard(rows, first_row=wrong),
        "seed ": lambda: get_engine("subphatty").draw_phases(wrong, 0, 1),
        "note": lambda: preset_midi_file(LIGHT, ROW, note=wrong),
        "channel": lambda: read_messages(LIGHT, [], channel=wrong),
        "workers": lambda: build_collection(LIGHT, tmp_path / "built", seed=0, count=1, workers=wrong),
        "rows_per_shard": lambda: build_collection(LIGHT, tmp_path / "built", seed=0, count=1, rows_per_shard=wrong),
        "rows": lambda: benchmark(LIGHT, rows=wrong),
        "tiles": lambda: sound_sheet(LIGHT, seed=0, tiles=wrong),
        "renders": lambda: match(sound, sampling_rate=22_050, renders=wrong),
        "candidates": lambda: match(sound, sampling_rate=22_050, candidates=wrong),
        "seed  ": lambda: match(sound, sampling_rate=22_050, seed=wrong),
        "batch_size": lambda: TrainingConfig(batch_size=wrong),
        "fresh": lambda: TrainingConfig(fresh=wrong),
        "layers": lambda: TrainingConfig(layers=wrong),
        "sample_rate, in Hz,": lambda: mss(sound, sound, wrong),
    }
    for name, call in calls.items():
        with pytest.raises(InputError, match=f"{name.strip()} must be an integer from") as told:
            call()
        assert "\n" not in str(told.value)
    assert not (tmp_path / "built").exists()
