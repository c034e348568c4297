"""Labels and names in tables are never formulas of a spreadsheet, and come back to the letter."""

import csv
import io
from dataclasses import replace

import pytest

from secret_sauce_hf.instruments import Instrument, Knob, Switch, get_collection
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.tables import guarded, unguarded

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-3 dB", "@SUM(A1)", "=HYPERLINK(A1)", "-", " =1", "\uff1d1", "\t=1", "\r=1"]
TEXTS = ["'=1", "''-a", "' =1", "'", "'a", "a=1", "Saw", "-", "", "5", "-12", "+5", "-0.5", "1e5", "-.5e-3"]
NUMBERS = ["5", "-12", "+5", "-0.5", "1e5", "-.5e-3"]


@pytest.mark.parametrize("text", FORMULAS + TEXTS)
def test_every_text_comes_back(text):
    cell = guarded(text)
    assert unguarded(cell) == text
    assert cell in NUMBERS or cell.lstrip()[:1] not in {*"=+-@\t\r\uff1d"} - {""}


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_stay_numbers(text):
    assert guarded(text) == text


def collection():
    labels = ("=1+1", "-3 dB", "'=1+1", "-12", "+cmd|' /C calc'!A0", "Saw")
    switch, knob = Switch("wave", (), tuple(range(len(labels))), labels), Knob("cutoff", (74,))
    like = get_collection("noisemaker-light")
    box = Instrument("box", "Box", (switch, knob))
    return replace(like, name="box", instrument=box, columns=("wave", "cutoff"), fixed=(), seed=1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_comes_back_through_a_spreadsheet(separator):
    box = collection()
    labels = box.parameters[0].labels
    names = ["=a.wav", "@b.wav", "'=c.wav", "-d.wav", "+1.wav", "e.wav"]
    rows = [{"wave": label, "cutoff": 5.0, "file": name} for label, name in zip(labels, names, strict=True)]
    presets = Presets.from_settings(box, rows)
    table = io.StringIO()
    presets.to_csv(table)
    cells = list(csv.reader(io.StringIO(table.getvalue())))
    assert {cell for row in cells for cell in row if cell[:1] in {*"=+-@"}} == {"-12"}
    assert [row[1] for row in cells[1:]] == ["5.0"] * len(rows)
    saved = io.StringIO()
    csv.writer(saved, delimiter=separator).writerows(cells)
    saved.seek(0)
    again = Presets.from_csv(box, saved)
    assert list(again.rows()) == list(presets.rows())
    assert list(again.files) == names


def test_a_table_without_apostrophes_is_read_too():
    table = "wave,cutoff,file\n=1+1,5.0,=a.wav\n-3 dB,5.0,b.wav\n"
    again = Presets.from_csv(collection(), io.StringIO(table))
    assert [row["wave"] for row in again.rows()] == ["=1+1", "-3 dB"]
    assert list(again.files) == ["=a.wav", "b.wav"]
