"""Paired tests between methods."""

import numpy as np
import pytest
import scipy.stats

from secret_sauce_hf.evaluation.pairing import holm, pairs, signed_rank
from secret_sauce_hf.evaluation.tables import pairs_table


def test_holm_by_hand():
    # .01 times 4, .02 times 3, .03 times 2 (no less than the one before), .5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_signed_rank_is_that_of_scipy_and_knows_no_difference():
    differences = np.random.default_rng(0).normal(0.4, 1, 40)
    assert signed_rank(differences) == pytest.approx(scipy.stats.wilcoxon(differences).pvalue)
    assert signed_rank(np.zeros(10)) == 1.0
    # Ties and zeros are no reason to warn.
    assert 0 < signed_rank(np.array([0.0, 1, 1, 1, -1, 2, 2, 2, 2])) < 1


@pytest.mark.parametrize("rows", [6, 9, 12])
def test_of_a_few_with_ties_it_is_exact_as_scipys(rows):
    generator = np.random.default_rng(rows)
    for _ in range(6):
        differences = generator.integers(-3, 5, rows).astype(float)
        exact = scipy.stats.wilcoxon(
            differences[differences != 0], method=scipy.stats.PermutationMethod(n_resamples=np.inf)
        )
        assert signed_rank(differences) == pytest.approx(exact.pvalue, abs=1e-12)


def _ways() -> dict:
    generator = np.random.default_rng(1)
    base = generator.uniform(1, 3, 30)
    rows = {"model": base, "matching": base - 0.5, "naive": base + generator.normal(0, 0.2, 30)}
    return {
        name: {
            "title": name.title(),
            "settings": {},
            "rows": {"mss": list(values), "heard_knob_mae": [None, *values[1:]]},
        }
        for name, values in rows.items()
    }


def test_every_two_methods_are_compared_row_by_row():
    found = pairs(_ways())
    assert [(pair["one"], pair["other"]) for pair in found["mss"]] == [
        ("model", "matching"),
        ("model", "naive"),
        ("matching", "naive"),
    ]
    first, second, _ = found["mss"]
    assert first["difference"] == pytest.approx(0.5)
    assert first["rows"] == 30
    assert first["p"] < first["holm"] < 1e-4
    assert second["holm"] > 0.01
    # A row of which one method has no figure is no row of the pair.
    assert found["heard_knob_mae"][0]["rows"] == 29


def test_of_few_rows_nothing_is_said():
    ways = {name: way | {"rows": {"mss": way["rows"]["mss"][:5]}} for name, way in _ways().items()}
    found = pairs(ways)
    assert all(pair["p"] is None and pair["holm"] is None for pair in found["mss"])
    assert found["heard_knob_mae"] == []
    assert pairs_table({"ways": ways, "pairs": found})[1] == []


def test_the_table_tells_differences_to_the_reference():
    ways = _ways()
    header, rows = pairs_table({"ways": ways, "pairs": pairs(ways)}, titles=True)
    assert header == ["less Matching", "MSS, dB", "heard knobs"]
    assert [row[0] for row in rows] == ["Model", "Naive"]
    assert rows[0][1] == "+0.50 (p < .001)"
