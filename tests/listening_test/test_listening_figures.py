"""What participants said: who is counted, and the figures beside those of scipy and of books."""

import re

import numpy as np
import pytest
import scipy.stats
from participants import keys_of, result, write

from secret_sauce_hf.evaluation.pairing import holm
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.listening_test import evaluate_listening_test, returned
from secret_sauce_hf.listening_test.evaluating import PICTURE_FILE, RECORD_FILE
from secret_sauce_hf.listening_test.screening import doubt_ratings, screen_checks, screen_ratings
from secret_sauce_hf.listening_test.statistics import (
    Crossed,
    agreement,
    chosen_pairs,
    rated,
    rating_pairs,
    with_distance,
)
from secret_sauce_hf.listening_test.tables import conditions_table, pairs_table, sentences

GENERATOR = np.random.default_rng(3)
RATINGS = {
    "ours": GENERATOR.integers(50, 95, (14, 9)),
    "theirs": GENERATOR.integers(40, 90, (14, 9)),
    "reference": GENERATOR.integers(90, 101, (14, 9)),
    "another-preset": GENERATOR.integers(0, 30, (14, 9)),
}
CROSSED = Crossed(14, 9, 0)
OPINIONS = {"near": 80, "far": 40, "reference": 98, "anchor-3500": 30, "anchor-7000": 70, "another-preset": 5}


def agreeable(condition: str, sound: int) -> int:
    """Somebody who hears what everybody hears."""
    return max(OPINIONS[condition] - sound, 0)


def hasty(condition: str, _: int) -> int:
    """Somebody who does not listen."""
    return 50 if condition in ("reference", "near") else 60


class TestScreening:
    def test_the_hidden_reference_may_be_low_in_15_of_100_trials(self):
        reference = np.full((3, 20), 100)
        reference[1, :3] = 89
        reference[2, :4] = 89
        found = screen_ratings({"reference": reference}, ["a", "b", "c"])
        assert [(one.participant, one.reason) for one in found] == [
            ("c", "the hidden reference below 90 in 4 of 20 trials")
        ]
        # 90 is not below 90.
        assert not screen_ratings({"reference": np.full((3, 20), 90)}, ["a", "b", "c"])

    def test_the_mid_anchor_where_the_others_hear_it(self):
        ratings = {"reference": np.full((5, 10), 100), "anchor-7000": np.full((5, 10), 60)}
        ratings["anchor-7000"][0, :2] = 95
        assert not screen_ratings(ratings, list("abcde"))
        (found,) = doubt_ratings(ratings, list("abcde"))
        assert (found.participant, found.reason) == ("a", "the 7 kHz anchor above 90 in 2 of 10 trials")
        # In a sound in which more than a quarter do not hear it, nobody has to: of the 9 others one is 11 %.
        ratings["anchor-7000"][:2, 0] = 95
        assert not doubt_ratings(ratings, list("abcde"))
        ratings["anchor-7000"][:] = 95
        assert not doubt_ratings(ratings, list("abcde"))
        assert not doubt_ratings({"reference": ratings["reference"]}, list("abcde"))

    def test_checks(self):
        right = np.array([[1, 1, 1], [1, 1, 0]], dtype=bool)
        (found,) = screen_checks(right, ["a", "b"])
        assert found.reason == "another preset nearer than the reference itself in 1 of 3 checks"
        assert screen_checks(np.zeros((2, 0), bool), ["a", "b"]) == []


class TestFigures:
    def test_means_and_medians(self):
        found = rated(RATINGS, CROSSED)
        for name, values in RATINGS.items():
            mean, low, high = found[name]["mean"]
            assert mean == pytest.approx(values.mean())
            assert low < mean < high
            assert found[name]["median"][0] == np.median(values)
            assert found[name]["answers"] == 126

    def test_intervals_hold_other_people_and_other_sounds(self):
        """Of a mean over participants and sounds the variance is the sum of theirs, not that of all answers."""
        generator = np.random.default_rng(0)
        people, sounds = generator.normal(0, 6, (60, 1)), generator.normal(0, 10, (1, 40))
        values = 50 + people + sounds + generator.normal(0, 5, (60, 40))
        _, low, high = Crossed(60, 40, 0).mean(values)
        spread = np.sqrt(people.var(ddof=1) / 60 + sounds.var(ddof=1) / 40 + 25 / 2400)
        assert (high - low) / (2 * 1.96) == pytest.approx(spread, rel=0.12)
        naive = values.std(ddof=1) / np.sqrt(values.size)
        assert high - low > 5 * 2 * 1.96 * naive

    def test_the_same_seed_says_the_same(self):
        assert Crossed(14, 9, 0).mean(RATINGS["ours"]) == CROSSED.mean(RATINGS["ours"])
        assert Crossed(14, 9, 1).mean(RATINGS["ours"]) != CROSSED.mean(RATINGS["ours"])

    def test_pairs_are_those_of_scipy_with_holms_correction(self):
        found = rating_pairs(RATINGS, ["ours", "theirs"])
        assert [(pair["one"], pair["other"]) for pair in found] == [
            ("ours", "theirs"),
            ("ours", "reference"),
            ("ours", "another-preset"),
            ("theirs", "reference"),
            ("theirs", "another-preset"),
        ]
        for axis, by, count in ((1, "participants", 14), (0, "sounds", 9)):
            exact = []
            for pair in found:
                difference = (RATINGS[pair["one"]] - RATINGS[pair["other"]].astype(float)).mean(axis=axis)
                exact.append(scipy.stats.wilcoxon(difference).pvalue)
                assert pair[by]["count"] == count
                assert pair[by]["p"] == pytest.approx(exact[-1])
            assert [pair[by]["holm"] for pair in found] == pytest.approx(holm(exact))
        assert found[0]["difference"] == pytest.approx((RATINGS["ours"] - RATINGS["theirs"]).mean())

    def test_of_few_participants_only_sounds_are_tested(self):
        few = {name: values[:5] for name, values in RATINGS.items()}
        first = rating_pairs(few, ["ours", "theirs"])[0]
        assert first["participants"] == {"count": 5, "p": None, "holm": None}
        assert first["sounds"]["p"] is not None

    def test_choices_by_known_values(self):
        values = np.zeros((9, 9), bool)
        values.flat[:48] = True
        (found,) = chosen_pairs({("ours", "theirs"): values}, Crossed(9, 9, 0))
        assert (found["chosen"], found["answers"]) == (48, 81)
        # Wilson (1927) and Clopper and Pearson (1934), by their formulas.
        p, n, z = 48 / 81, 81, scipy.stats.norm.ppf(0.975)
        middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert found["wilson"] == pytest.approx([(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)])
        beta = scipy.stats.beta.ppf
        assert found["clopper_pearson"] == pytest.approx([beta(0.025, 48, 34), beta(0.975, 49, 33)])
        assert found["p"] == pytest.approx(2 * scipy.stats.binom.sf(47, 81, 0.5))
        assert found["holm"] == found["p"]
        assert found["share"][0] == pytest.approx(p)
        assert found["participants"]["p"] == pytest.approx(scipy.stats.wilcoxon(values.mean(axis=1) - 0.5).pvalue)

    def test_a_distance_that_hears_as_people_do(self):
        ratings = {name: RATINGS[name] for name in ("ours", "theirs")}
        mean = {name: values.mean(axis=0) for name, values in ratings.items()}
        assert with_distance(ratings, {name: -values for name, values in mean.items()}, CROSSED)[0] == pytest.approx(-1)
        distances = {name: np.random.default_rng(5).uniform(0, 5, 9) for name in ratings}
        value, low, high = with_distance(ratings, distances, CROSSED)
        flat = [np.concatenate([one[name] for name in ratings]) for one in (mean, distances)]
        assert value == pytest.approx(scipy.stats.spearmanr(*flat).statistic)
        assert low <= value <= high
        constant = {name: np.full_like(values, 50) for name, values in ratings.items()}
        assert with_distance(constant, distances, CROSSED) == [None, None, None]

    def test_choices_beside_a_distance(self):
        distances = {"ours": np.array([1.0, 2.0, 3.0]), "theirs": np.array([2.0, 1.0, 3.0])}
        values = np.array([[True, False, True], [True, True, False]])
        # Right, right, either; right, wrong, either.
        assert agreement({("ours", "theirs"): values}, distances, Crossed(2, 3, 0))[0] == pytest.approx(4 / 6)


class TestResults:
    @pytest.mark.parametrize("method", ["mushra", "2afc"])
    def test_from_files_to_figures(self, method, made, tmp_path):
        folder = tmp_path / "answers"
        for number in range(8):
            write(folder, f"r{number}.json", result(made[method], f"p{number}", agreeable))
        write(folder, "hasty.json", result(made[method], "hasty", hasty))
        write(folder, "notes.txt", "no result")
        found = evaluate_listening_test([folder], made[method].folder)
        people = found.record["participants"]
        assert (people["files"], people["counted"], people["refused"]) == (9, 8, [])
        assert [one["participant"] for one in people["excluded"]] == ["hasty"]
        if method == "mushra":
            assert found.record["conditions"]["near"]["mean"] == pytest.approx([77.5] * 3, abs=1.5)
            assert found.record["conditions"]["another-preset"]["median"][0] == pytest.approx(2.5)
            assert found.record["pairs"][0]["difference"] == pytest.approx(40)
            assert found.record["pairs"][0]["participants"]["p"] == pytest.approx(2**-7)
            assert found.record["mss"]["spearman"][0] < -0.5
        else:
            (pair,) = found.record["pairs"]
            assert (pair["one"], pair["chosen"], pair["answers"]) == ("near", 48, 48)
            assert pair["share"] == [1, 1, 1]
            assert found.record["mss"]["agreement"] == [1, 1, 1]
        everybody = evaluate_listening_test([folder], made[method].folder, screening=False)
        assert everybody.record["participants"]["counted"] == 9
        assert everybody.record["screening"] is None
        files = found.save(tmp_path / "out")
        assert [path.name for path in files] == [RECORD_FILE, PICTURE_FILE]
        assert files[1].read_bytes()[:4] == b"\x89PNG"

    def test_which_stimulus_is_whose_is_looked_up(self, made, tmp_path):
        """Every condition of every sound has a rating of its own."""
        key = keys_of(made["mushra"])
        order = key["conditions"]
        given = result(made["mushra"], "a", lambda condition, sound: 10 * order.index(condition) + sound)
        found = evaluate_listening_test([write(tmp_path, "a.json", given)], made["mushra"].folder, screening=False)
        means = {name: one["mean"][0] for name, one in found.record["conditions"].items()}
        assert means == {name: pytest.approx(10 * place + 2.5) for place, name in enumerate(order)}

    def test_tables_and_sentences(self, made, tmp_path):
        for method in ("mushra", "2afc"):
            for number in range(6):
                write(tmp_path / method, f"{number}.json", result(made[method], f"p{number}", agreeable))
        rated_, chosen = (evaluate_listening_test([tmp_path / one], made[one].folder).record for one in made)
        header, rows = conditions_table(rated_)
        assert [row[0] for row in rows][:2] == ["reference", "near"]
        assert re.fullmatch(r"95\.5 \[94\.\d, 9[67]\.\d\]", rows[0][1])
        assert len(header) == len(rows[0])
        header, rows = pairs_table(rated_)
        assert rows[0][:3] == ["near", "far", "+40.0"]
        assert len(header) == len(rows[0])
        header, rows = pairs_table(chosen)
        assert rows[0][:5] == ["near", "far", "36 of 36", "100 [90, 100]", "100 [100, 100]"]
        assert rows[0][5] == "< .001"
        assert len(header) == len(rows[0])
        said = "\n".join(sentences(rated_))
        assert "6 participants, 6 sounds; 0 excluded, 0 of 6 files not counted." in said
        assert "6 are few" in said

    def test_of_two_files_of_one_participant_the_first_counts(self, made, tmp_path):
        first = result(made["mushra"], "a", agreeable)
        later = result(made["mushra"], "a", lambda *_: 100, finished="2026-12-01T00:00:00.000Z")
        # In the order of names the later one comes first.
        files = [write(tmp_path, "0-later.json", later), write(tmp_path, "1.json", first)]
        files.append(write(tmp_path, "2-copy.json", first))
        found = evaluate_listening_test(files, made["mushra"].folder).record
        assert found["participants"]["counted"] == 1
        assert found["conditions"]["far"]["mean"][0] == pytest.approx(37.5)
        assert found["participants"]["refused"] == [
            {"file": "2-copy.json", "reason": "1.json is of the same participant: the same answers"},
            {
                "file": "0-later.json",
                "reason": "1.json is of the same participant: other answers, and this file was finished later",
            },
        ]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda one: one.update(kind="x"), "it is no result of a listening test"),
            (lambda one: one.update(schema=2), "it is of another version"),
            (lambda one: one.update(test="0" * 16), "it is of another test"),
            (lambda one: one.update(method="2afc"), "it is of another test"),
            (lambda one: one.update(test=["x"] * 1000), "test is "),
            (lambda one: one.update(participant="<b>\x1b[31m"), "result.participant is "),
            (lambda one: one.pop("about"), "result lacks 'about'"),
            (lambda one: one.update(comment="x" * 5_000), "result.comment is "),
            (lambda one: one.update(trials={}), "result.trials is "),
            (lambda one: one["trials"].pop(), "it answers 5 of 6 trials"),
            (lambda one: one["trials"].append(one["trials"][0]), "it answers a trial twice"),
            (lambda one: one["trials"].extend(one["trials"] * 50), "result.trials has 306 entries; at most 200"),
            (lambda one: one["trials"][0].update(trial="t999"), "it answers t999, which the test does not have"),
            (lambda one: one["trials"][0].update(order=[]), "is not one of its stimuli"),
            (lambda one: one["trials"][0].pop("ratings"), "lacks 'ratings'"),
            (lambda one: one["trials"][0]["ratings"].popitem(), "are not that trial's stimuli"),
            (lambda one: one["trials"][0]["ratings"].update(other=3), "are not that trial's stimuli"),
            (
                lambda one: one["trials"][0]["ratings"].update(dict.fromkeys(one["trials"][0]["ratings"], 101)),
                "a whole number from 0 to 100",
            ),
            (
                lambda one: one["trials"][0]["ratings"].update(dict.fromkeys(one["trials"][0]["ratings"], 50.5)),
                "a whole number from 0 to 100",
            ),
            (
                lambda one: one["trials"][0]["ratings"].update(dict.fromkeys(one["trials"][0]["ratings"], True)),
                "a whole number from 0 to 100",
            ),
            (lambda one: one["trials"][0].update(seconds=float("nan")), "must be a number"),
        ],
    )
    def test_what_is_no_result_of_the_test_is_told_in_a_line(self, change, reason, made, tmp_path):
        wrong = result(made["mushra"], "wrong", agreeable)
        change(wrong)
        files = [write(tmp_path, "wrong.json", wrong)]
        with pytest.raises(InputError, match=r"None of 1 files is a result of this test: wrong\.json: "):
            evaluate_listening_test(files, made["mushra"].folder)
        files.append(write(tmp_path, "right.json", result(made["mushra"], "right", agreeable)))
        found = evaluate_listening_test(files, made["mushra"].folder).record
        assert found["participants"]["counted"] == 1
        ((file, told),) = [(one["file"], one["reason"]) for one in found["participants"]["refused"]]
        assert file == "wrong.json"
        assert reason in told
        assert told.isprintable()
        assert len(told) < 200

    @pytest.mark.parametrize(
        "content", ["", "[]", "null", "{", '{"kind": ' + "[" * 100_000, "\x00\xff", '{"schema": 1' + "0" * 5_000 + "}"]
    )
    def test_foreign_files(self, content, made, tmp_path):
        files = [write(tmp_path, "odd.json", content)]
        with pytest.raises(InputError, match=r"None of 1 files is a result of this test: odd\.json: "):
            evaluate_listening_test(files, made["mushra"].folder)

    def test_too_much(self, made, tmp_path, monkeypatch):
        large = result(made["mushra"], "a", agreeable, more="x" * 2**20)
        with pytest.raises(InputError, match=r"it has 1,05\d,\d+ bytes, more than a result has"):
            evaluate_listening_test([write(tmp_path, "a.json", large)], made["mushra"].folder)
        monkeypatch.setattr(returned, "MAX_FILES", 2)
        files = [write(tmp_path, f"{number}.json", {}) for number in range(3)]
        with pytest.raises(InputError, match="3 results are more than 2"):
            evaluate_listening_test(files, made["mushra"].folder)

    def test_choices_that_are_none(self, made, tmp_path):
        wrong = result(made["2afc"], "wrong", agreeable)
        wrong["trials"][0]["chosen"] = "elsewhere"
        with pytest.raises(InputError, match="are not that trial's stimuli"):
            evaluate_listening_test([write(tmp_path, "a.json", wrong)], made["2afc"].folder)

    def test_nothing_to_read_and_nobody_left(self, made, tmp_path):
        with pytest.raises(InputError, match="No such result"):
            evaluate_listening_test([tmp_path / "none.json"], made["mushra"].folder)
        (tmp_path / "empty").mkdir()
        with pytest.raises(InputError, match="There is no result"):
            evaluate_listening_test([tmp_path / "empty"], made["mushra"].folder)
        files = [write(tmp_path, "a.json", result(made["mushra"], "a", hasty))]
        with pytest.raises(InputError, match=r"None of 1 participants heard .* see them all the same with --all"):
            evaluate_listening_test(files, made["mushra"].folder)
