"""Banks: presets of one's own that are read, and of which the nearest to a sound are told."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, Note, get_collection, with_seconds
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import load_model, match, read_bank
from secret_sauce_hf.matching.posterior import MOST_PENALTY, Posterior
from secret_sauce_hf.matching.text import candidate_rows, search_summary
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.midi import native_preset
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.rows import write_rows

LIGHT = get_collection("noisemaker-light")
DRAWN = draw_presets(LIGHT, 200, 51)
ROW = 7
SOUND = to_float(render(DRAWN[[ROW]], noise_seed=3))[0]


@pytest.fixture(scope="module")
def model():
    return load_model(LIGHT)


@pytest.fixture(scope="module")
def found(model):
    return match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=DRAWN, candidates=3)


def write_table(path: Path, presets: Presets) -> None:
    table = io.StringIO()
    presets.to_csv(table)
    path.write_text(table.getvalue())


def write_lines(path: Path, parts: list[Presets]) -> None:
    lines = io.StringIO()
    write_rows(parts, lines)
    path.write_text(lines.getvalue())


class TestReading:
    def test_a_folder_of_every_kind(self, tmp_path):
        some = DRAWN[:9]
        settings = list(some.rows())
        # What the rows play does not matter, and of equal presets the first is told.
        write_table(tmp_path / "b.csv", some[[0, 1]].playing([Note(40, 90, 0.2, 0.3)]))
        named = Presets(LIGHT, some.unit[2:4], ["warm.wav", "cold.wav"])
        longer = draw_presets(with_seconds(LIGHT, 2.0), 200, 51)[[1, 4]]
        write_lines(tmp_path / "c.jsonl", [named, longer])
        (tmp_path / "d.json").write_text(json.dumps(settings[5]))
        (tmp_path / "e.JSON").write_text(json.dumps({"sound": "x.wav", "preset": settings[6], "fixed": {}}))
        (tmp_path / "a.noisemakerpreset").write_bytes(native_preset(LIGHT, settings[7]))
        (tmp_path / "f.ndjson").symlink_to(tmp_path / "c.jsonl")
        for name in ("notes.txt", "bass.mid", ".hidden.csv", "sub"):
            (tmp_path / name).mkdir() if name == "sub" else (tmp_path / name).write_text("no preset")
        bank = read_bank(LIGHT, tmp_path)
        assert bank.names == (
            "a.noisemakerpreset",
            "b.csv, row 0",
            "b.csv, row 1",
            "c.jsonl, row 0 (warm.wav)",
            "c.jsonl, row 1 (cold.wav)",
            "c.jsonl, row 3 (s4.wav)",
            "d.json",
            "e.JSON",
        )
        np.testing.assert_array_equal(bank.cc, some.cc[[7, 0, 1, 2, 3, 4, 5, 6]])
        assert [bank.name(cc) for cc in bank.cc] == list(bank.names) and bank.name(some.cc[8]) is None
        assert read_bank(LIGHT, str(tmp_path / "d.json")).names == ("d.json",)

    def test_what_is_in_memory(self):
        bank = read_bank(LIGHT, DRAWN)
        assert len(bank) == 200 and bank.names[3] == "row 3"
        # Another collection of the same parameters has the same presets.
        assert read_bank(get_collection("noisemaker-light-notes"), bank) is bank
        for source in (bank, DRAWN):
            with pytest.raises(InputError, match="presets of noisemaker-light, not of subphatty"):
                read_bank(get_collection("subphatty"), source)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("gone.csv", None, "No such bank: .*gone.csv"),
            ("", "", "The bank .* holds no presets: no file in it ends in .csv, .jsonl"),
            ("a.csv", ",".join([*LIGHT.columns, "file"]) + "\n", "The bank .*a.csv holds no presets"),
            ("a.jsonl", "", "The bank .*a.jsonl holds no presets"),
            ("a.csv", "cutoff\n1\n", "a.csv: "),
            ("a.json", "[", "a.json is not a JSON file"),
            ("a.json", "{}", "a.json: .*no value for"),
            ("a.noisemakerpreset", "<tal/>", "a.noisemakerpreset"),
        ],
    )
    def test_what_is_no_bank_is_named(self, tmp_path, name, content, message):
        if content is not None and name:
            (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=message) as raised:
            read_bank(LIGHT, tmp_path / name)
        assert "\n" not in str(raised.value)

    def test_one_bad_file_of_a_folder_is_named(self, tmp_path):
        write_table(tmp_path / "a.csv", DRAWN[:2])
        write_table(tmp_path / "b.csv", draw_presets("subphatty", 2, 1))
        with pytest.raises(InputError, match=r"b\.csv: .*(column|missing|value)"):
            read_bank(LIGHT, tmp_path)
        write_lines(tmp_path / "b.jsonl", [DRAWN[:1]])
        (tmp_path / "b.csv").unlink()
        knob = next(p.name for p in LIGHT.parameters if not p.classes)
        row = json.loads((tmp_path / "b.jsonl").read_text())
        row["preset"][knob] = 10.5
        (tmp_path / "b.jsonl").write_text(json.dumps(row))
        with pytest.raises(InputError, match=rf"b\.jsonl: row 0 \(line 1\), column {knob}: 10.5"):
            read_bank(LIGHT, tmp_path)

    def test_too_many(self, monkeypatch):
        monkeypatch.setattr("secret_sauce_hf.matching.bank.MOST_PRESETS", 199)
        with pytest.raises(InputError, match="more than 199 presets"):
            read_bank(LIGHT, DRAWN)


def test_evidence_is_a_ratio_of_what_is_heard():
    bins = [p.classes or 5 for p in LIGHT.parameters]
    units = [
        np.arange(n, dtype=float) if p.classes else np.linspace(0, 1, n)
        for n, p in zip(bins, LIGHT.parameters, strict=True)
    ]
    probabilities = [np.arange(1.0, n + 1) / (n * (n + 1) / 2) for n in bins]
    knob = next(column for column, p in enumerate(LIGHT.parameters) if not p.classes)
    probabilities[knob] = np.array([1.0, 0, 0, 0, 0])
    belief = Posterior(LIGHT, units, probabilities)
    few = DRAWN[:20]
    none = np.zeros(few.unit.shape, bool)
    np.testing.assert_array_equal(belief.evidence(few.cc, none), np.zeros(20))
    single = none.copy()
    single[:, knob] = True
    # No parameter alone rules a preset out.
    expected = np.where(np.rint(few.unit[:, knob] * 4) == 0, np.log(5), -MOST_PENALTY)
    np.testing.assert_allclose(belief.evidence(few.cc, single), expected)
    other = none.copy()
    other[:, knob + 1] = True
    both = belief.evidence(few.cc, single) + belief.evidence(few.cc, other)
    np.testing.assert_allclose(belief.evidence(few.cc, single | other), both)


class TestMatching:
    def test_the_preset_that_made_the_sound_is_found(self, found):
        first, *others = found.candidates
        assert (first.name, first.origin, first.cc) == (f"row {ROW}", "bank", tuple(DRAWN.cc[ROW].tolist()))
        assert found.preset == first.preset and found.bank == 200
        assert {one.origin for one in others} == {"bank"} and len({one.name for one in found.candidates}) == 3
        assert all(one.name == f"row {np.flatnonzero((DRAWN.cc == one.cc).all(axis=1))[0]}" for one in found.candidates)
        assert found.distances["mss"] < 0.3 < min(one.distance for one in others)
        assert found.ranking == "their sound, rendered and compared" and found.trace == ()
        assert 64 <= found.renders < 256
        record = json.loads(json.dumps(found.to_dict()))
        assert record["bank"] == 200 and record["candidates"][0]["name"] == f"row {ROW}"
        assert record["model_alone"]["name"] is None
        first, second, *_ = search_summary(found)
        assert first == f"In the bank of 200 presets: row {ROW}."
        assert f"of the bank, after {found.renders} renderings in" in second
        assert candidate_rows(found)[0][2] == f"row {ROW}"

    def test_it_is_the_same_every_time(self, found, model):
        again = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=read_bank(LIGHT, DRAWN), candidates=3)
        assert again.to_dict() == found.to_dict()

    @pytest.mark.usefixtures("no_engines")
    def test_without_rendering(self, model):
        found = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=DRAWN, candidates=100)
        assert (found.renders, found.ranking) == (0, "how well they fit what the model hears")
        assert len(found.candidates) == 100 and found.rendered is None
        assert f"row {ROW}" in [one.name for one in found.candidates[:8]]
        assert search_summary(found) == [f"In the bank of 200 presets: {found.candidates[0].name}."]

    def test_nothing_is_rendered_to_compare_it_in_no_time(self, model):
        found = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=DRAWN, candidates=2, seconds=0)
        assert (found.renders, found.ranking) == (0, "how well they fit what the model hears")
        assert all(one.distance is not None and one.name for one in found.candidates)

    def test_a_small_bank_is_rendered_as_a_whole(self, model):
        # None of these is the sound's.
        found = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=DRAWN[100:140], candidates=64)
        assert len(found.candidates) == 40 == found.bank
        takes = to_float(get_engine(LIGHT).render(DRAWN[100:140], noise_seed=0, same_noise=True))
        apart = mss(np.repeat(found.reference[None], 40, axis=0), takes, SAMPLE_RATE)
        assert found.distances["mss"] < np.sort(apart)[2]

    def test_a_search_begins_at_the_bank(self, model):
        bank = DRAWN[ROW - 3 : ROW + 90]
        found = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=bank, renders=40)
        # So few that hardly more than the bank is looked at.
        assert (found.candidates[0].name, found.candidates[0].origin) == ("row 3 (s7.wav)", "bank")
        assert found.renders <= 40 and found.trace and found.bank == 93
        assert "The model alone" in search_summary(found)[1] and "after" in search_summary(found)[1]
        other = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=DRAWN[100:110], renders=330)
        assert other.candidates[0].name is None and other.distances["mss"] < 1

    def test_the_models_own_answer_in_the_bank(self, model):
        alone = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, seconds=0)
        bank = Presets.from_settings(LIGHT, [*DRAWN[100:103].rows(), alone.preset])
        found = match(SOUND, sampling_rate=SAMPLE_RATE, model=model, bank=bank)
        assert (found.candidates[0].name, found.candidates[0].origin) == ("row 3", "bank")
        assert found.confidence == pytest.approx(alone.confidence, abs=0.2)

    def test_a_model_of_notes_plays_what_it_hears(self):
        notes = get_collection("noisemaker-light-notes")
        drawn = draw_presets(notes, 70, 52)
        row = 1
        sound = to_float(render(drawn[[row]], noise_seed=3))[0]
        found = match(sound, sampling_rate=SAMPLE_RATE, collection=notes, bank=drawn, notes=drawn.performances[row])
        assert found.candidates[0].name == f"row {row}"
        assert found.notes[0].pitch == drawn.performances[row][0].pitch

    def test_silence_is_still_answered_from_the_bank(self, model):
        found = match(np.zeros(9_000, np.float32), sampling_rate=SAMPLE_RATE, model=model, bank=DRAWN)
        assert found.silent and found.candidates[0].origin == "bank" and found.renders == 0

    def test_several_models_of_one_bank(self, model, found):
        both = match(SOUND, sampling_rate=SAMPLE_RATE, collection=LIGHT, model=[model, model], bank=DRAWN)
        assert both.preset == found.preset and len(both.others) == 1
        assert both.renders == 2 * found.renders

    def test_a_bank_of_the_rack_for_a_riff(self):
        drawn = draw_presets("guitar", 30, 5)
        engine = get_engine("guitar")
        dry = to_float(engine.render(draw_presets("guitar", 1, 3)))[0]
        wet = to_float(engine.render(drawn[[4]], dry=dry, noise_seed=0))[0]
        found = match(wet, dry=dry, sampling_rate=SAMPLE_RATE, collection="guitar", bank=drawn)
        assert found.candidates[0].name == "row 4" and found.dry == "sound"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "A bank is of one collection"),
            ({"collection": LIGHT, "takes": "takes"}, "not of takes"),
            ({"collection": "subphatty"}, "presets of noisemaker-light, not of subphatty"),
        ],
    )
    def test_what_does_not_go_together(self, options, message):
        with pytest.raises(InputError, match=message):
            match(SOUND, sampling_rate=SAMPLE_RATE, bank=DRAWN, **options)
