"""How presets may be drawn: evenly, or the way people set an instrument."""

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import COLLECTIONS, INSTRUMENTS, InputError, Knob, read_declaration, write_declaration
from secret_sauce_hf.instruments.knob_priors import KnobPrior
from secret_sauce_hf.instruments.musical import HABITS
from secret_sauce_hf.instruments.priors import check_prior
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.presets import draw_presets


def test_every_parameter_of_every_instrument_has_one():
    assert set(HABITS) == set(INSTRUMENTS)
    for name, instrument in INSTRUMENTS.items():
        assert set(HABITS[name]) == {parameter.name for parameter in instrument.parameters}
        for parameter in instrument.parameters:
            told = HABITS[name][parameter.name]
            if isinstance(parameter, Knob):
                assert isinstance(told, KnobPrior)
                chances = told.chances(parameter.cc_count)
                assert chances.min() >= 0 and chances.sum() == pytest.approx(1)
            else:
                assert set(told) == set(parameter.labels) and min(told.values()) > 0


def test_chances_of_a_knob():
    chances = KnobPrior((0.0, 2.0, 0.0), ((0.0, 0.25), (1.0, 0.125))).chances(101)
    assert chances[[0, 100]] == pytest.approx([0.25, 0.125])
    assert chances[50] == pytest.approx(2 * chances[25]) and chances[25] == pytest.approx(chances[75])


@pytest.mark.parametrize("name", COLLECTIONS)
def test_rows_are_counted_and_uniform_ones_are_those_of_ever(name):
    rows = draw_presets(name, 3_000, 7, prior="musical")
    assert draw_presets(name, 9, 7, 50, prior="musical") == rows[50:59]
    assert draw_presets(name, 9, 7, prior="uniform") == draw_presets(name, 9, 7)
    assert rows.performances == draw_presets(name, 3_000, 7).performances
    for column, parameter in enumerate(rows.parameters):
        told = HABITS[rows.collection.instrument.name][parameter.name]
        shares = np.unique(rows.cc[:, column], return_counts=True)
        if isinstance(parameter, Knob):
            # A point that many presets have is there, at the value nearest to it.
            for place, share in told.points:
                value = round(parameter.limits[0] + place * (parameter.limits[1] - parameter.limits[0]))
                # Of a knob with few values the ones beside it are others.
                near = int(parameter.cc_count > 64)
                found = (np.abs(rows.cc[:, column] - value) <= near).mean()
                assert share - 0.04 < found < share + (0.1 if near else 1)
        else:
            labels = parameter.cc_to_setting(shares[0]).tolist()
            expected = np.array([told[label] for label in labels]) / sum(told.values())
            np.testing.assert_allclose(shares[1] / len(rows), expected, atol=0.04)


def test_fewer_presets_are_silent():
    engine = get_engine("noisemaker")
    silent = {}
    for prior in ("uniform", "musical"):
        takes = engine.render(draw_presets("noisemaker", 600, 3, prior=prior), noise_seed=3)
        silent[prior] = float((np.abs(takes.astype(int)).max(axis=1) < SILENCE * 32_768).mean())
    # 6.5 and 1.1 % of 3,000.
    assert silent["uniform"] > 0.04 and silent["musical"] < 0.025


def test_priors_that_are_none(tmp_path):
    noisemaker = COLLECTIONS["noisemaker"]
    with pytest.raises(InputError, match=r"prior is 'even'; give one of uniform, musical\."):
        draw_presets(noisemaker, 1, 1, prior="even")
    path = tmp_path / "mine.json"
    write_declaration(noisemaker, path)
    text = path.read_text().replace('"noisemaker"', '"my-synth"')
    path.write_text(text)
    mine = read_declaration(path)
    assert check_prior("uniform", mine) == "uniform"
    with pytest.raises(InputError, match=r"How people set .* of my-synth is not known: there is a musical prior for"):
        draw_presets(mine, 1, 1, prior="musical")
