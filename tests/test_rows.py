"""Files of rows that play anything: the note's columns of a table, JSON Lines."""

import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secret_sauce_hf import tables
from secret_sauce_hf.instruments import InputError, Note, get_collection, with_seconds
from secret_sauce_hf.instruments.notes import Performances, constant_note
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.rows import holds_in_table, read_rows, write_rows

LIGHT = get_collection("noisemaker-light")
USUAL = constant_note(LIGHT.timing)
HEADER = "lfo1_rate,filter_cutoff,lfo1_amount,osc2_wave,filter_resonance"
CELLS = "1,2,3,Sine,4"
PRESET = {"lfo1_rate": 1, "filter_cutoff": 2.0, "lfo1_amount": 3, "osc2_wave": "Sine", "filter_resonance": 4.5}
NOTE = {"onset": 0.1, "duration": 0.5, "pitch": 36, "velocity": 90}
ROW = {"file": "a.wav", "preset": PRESET, "notes": [NOTE], "seconds": 2.0}
CHORD = [Note(48, 90, 0.1, 0.2), Note(55, 1, 0.1, 1.25)]


def csv_of(presets: Presets) -> str:
    text = io.StringIO()
    presets.to_csv(text)
    return text.getvalue()


def lines_of(parts: list[Presets]) -> str:
    text = io.StringIO()
    write_rows(parts, text)
    return text.getvalue()


def lines(*rows: dict) -> io.StringIO:
    return io.StringIO("\n".join(map(json.dumps, rows)))


def from_csv(text: str, collection=LIGHT) -> Presets:
    return Presets.from_csv(collection, io.StringIO(text))


def refuses(read, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read()
    text = str(caught.value)
    assert message in text, text
    assert len(text) < 400 and "\n" not in text


# Tables


ONSETS = st.just(0.0) | st.floats(1e-9, 0.89)


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(1, 127), ONSETS, st.floats(1e-9, 600)), min_size=1))
def test_the_notes_of_a_table_come_back_to_the_bit(played):
    presets = draw_presets(LIGHT, len(played), 1)
    presets = presets.playing(Performances.from_notes([Note(*note)] for note in played))
    assert from_csv(csv_of(presets)).performances == presets.performances


def test_rows_that_play_the_usual_note_have_no_columns_of_it():
    presets = draw_presets(LIGHT, 2, 1)
    told = presets.playing([USUAL])
    assert csv_of(told) == csv_of(presets) and "note" not in csv_of(presets)
    header = csv_of(presets.playing(CHORD[:1])).splitlines()[0]
    assert header == f"{HEADER},note,velocity,note_on,note_off,file"


@pytest.mark.parametrize(
    ("columns", "cells", "note"),
    [
        ("note", "C2", USUAL._replace(pitch=48)),
        ("note,velocity", "F#2,1", USUAL._replace(pitch=54, velocity=1)),
        ("velocity", "90.0", USUAL._replace(velocity=90)),
        ("note_on,note_off", "0.1,0.4", USUAL._replace(onset=0.1, duration=0.3)),
        ("note_on,note_off", '"0,1","0,4"', USUAL._replace(onset=0.1, duration=0.3)),
        ("note_off", "5e-1", USUAL._replace(duration=0.5 - USUAL.onset)),
        ("note,velocity,note_on,note_off", "36,,,", USUAL._replace(pitch=36)),
        ("note,velocity,note_on,note_off", ",,,", USUAL),
    ],
)
def test_what_a_table_does_not_tell_is_the_usual(columns, cells, note):
    presets = from_csv(f"{columns},{HEADER}\n{cells},{CELLS}\n")
    (read,) = presets.performances[0]
    assert read == pytest.approx(note)
    assert presets.play_constant == (note == USUAL)


@pytest.mark.parametrize(
    ("columns", "cells", "message"),
    [
        ("note", "H2", "row 0 (line 2), column note: 'H2' is no pitch; give a MIDI number from 0 to 127"),
        ("note", "128", "column note: '128' is no MIDI note"),
        (
            "velocity",
            "0",
            "row 0 (line 2), its note: the velocity is 0 (which MIDI takes for a note-off); give 1 to 127",
        ),
        ("velocity", "128", "its note: the velocity is 128; give 1 to 127"),
        ("velocity", "9e99", "its note: the velocity is 9000"),
        ("velocity", "1.5", "its note: the velocity is 1.5"),
        ("velocity", "loud", "column velocity: 'loud' must be a number"),
        ("note_on", "-0.1", "its note: the onset is -0.1; give seconds from the start of the take, 0 or more"),
        ("note_on", "nan", "column note_on: 'nan' must be a number"),
        ("note_on,note_off", "1,2", "its note: it starts at 1 s, and the take lasts 0.9 s"),
        ("note_on,note_off", "0.4,0.4", "column note_off: 0.4 is not after note_on, 0.4; make it later"),
        ("note_off", "1e9", "its note: the duration is 999999999"),
        ("note_off", "9" * 200, "column note_off: '999"),
        ("note,note", "1,2", "The header names 'note' more than once"),
        ("notes", "C2 E2", "a table holds one note a row, in the columns note, velocity, note_on, note_off; several"),
        ("pitch", "36", "The header: unknown column 'pitch'"),
    ],
)
def test_notes_that_are_none_in_a_table(columns, cells, message):
    refuses(lambda: from_csv(f"{columns},{HEADER}\n{cells},{CELLS}\n"), message)


def test_the_first_mistake_of_a_table_is_told():
    text = f"note,{HEADER}\n36,1,2,3,Sinus,4\nH2,{CELLS}\n"
    refuses(lambda: from_csv(text), "row 0 (line 2), column osc2_wave: 'Sinus'")


def test_several_notes_are_refused_in_a_table():
    presets = draw_presets(LIGHT, 3, 1).playing(Performances.from_notes([CHORD[:1], CHORD, CHORD[:1]]))
    refuses(lambda: csv_of(presets), "row 1 plays 2 notes, and a table holds one a row; write JSON Lines")
    assert not holds_in_table([presets], LIGHT) and holds_in_table([presets[:1]], LIGHT)
    assert not holds_in_table([draw_presets(with_seconds(LIGHT, 2), 1, 1)], LIGHT)


def test_a_parameter_comes_before_a_column_of_the_note():
    wave = LIGHT.instrument["osc2_wave"]
    others = tuple(p for p in LIGHT.instrument.parameters if p.name != "osc2_wave")
    named = replace(LIGHT.instrument, parameters=(*others, replace(wave, name="velocity")))
    mine = replace(LIGHT, instrument=named, columns=tuple("velocity" if c == "osc2_wave" else c for c in LIGHT.columns))
    presets = from_csv(f"{HEADER.replace('osc2_wave', 'velocity')},note\n{CELLS},36\n", mine)
    assert presets.settings["velocity"].tolist() == ["Sine"] and presets.performances[0][0].pitch == 36
    refuses(
        lambda: csv_of(presets), "A parameter of noisemaker-light is called 'velocity', as a column of the notes is"
    )
    assert not holds_in_table([presets], mine)
    (again,) = read_rows(mine, io.StringIO(lines_of([presets])))
    assert again.performances == presets.performances


# JSON Lines


def test_rows_of_several_lengths_come_back():
    short, long = draw_presets(LIGHT, 3, 1), draw_presets(with_seconds(LIGHT, 2), 2, 2)
    long.files = ["x.wav", "ä.wav"]
    parts = [short, long.playing(CHORD)]
    text = lines_of(parts)
    assert text.count("\n") == 5
    assert json.loads(text.splitlines()[4])["notes"][1] == {"onset": 0.1, "duration": 1.25, "pitch": 55, "velocity": 1}
    read = read_rows(LIGHT, io.StringIO(text))
    assert [len(part) for part in read] == [3, 2]
    for before, after in zip(parts, read, strict=True):
        assert after.collection == before.collection and after.files == before.files
        assert after.performances == before.performances
        np.testing.assert_array_equal(after.cc, before.cc)
    assert read[0].play_constant


def test_what_a_row_does_not_tell_is_the_collections(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(("\ufeff" + json.dumps({"preset": PRESET}) + "\r\n\r\n" + json.dumps({"preset": PRESET})).encode())
    (presets,) = read_rows("noisemaker-light", path)
    assert presets.files == ["s0.wav", "s1.wav"] and presets.play_constant and presets.collection is LIGHT
    assert next(presets.rows()) == pytest.approx(PRESET)
    assert read_rows(LIGHT, io.StringIO("\n")) == []


def test_every_take_may_be_given_one_length():
    (presets,) = read_rows(LIGHT, lines(ROW, ROW | {"file": "b.wav", "seconds": 1}), seconds=3)
    assert presets.collection.seconds == pytest.approx(3) and len(presets) == 2
    refuses(lambda: read_rows(LIGHT, lines(ROW), seconds=31), "A take of 31 seconds is none")


def test_whole_numbers_may_be_written_as_others():
    row = ROW | {"notes": [{"onset": 0, "duration": 1, "pitch": 36.0, "velocity": 90.0}], "seconds": 2}
    (presets,) = read_rows(LIGHT, lines(row))
    assert presets.performances[0] == (Note(36, 90, 0.0, 1.0),)


def noted(**changes):
    return ROW | {"notes": [{key: value for key, value in (NOTE | changes).items() if value != "gone"}]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW | {"tempo": 120}, "row 1 (line 2): unknown key 'tempo'; a row has file, preset, notes, seconds"),
        ({"notes": [NOTE]}, "row 1 (line 2): no preset; give an object of names and settings"),
        (ROW | {"preset": [1]}, "row 1 (line 2): preset is [1]; give an object"),
        ([ROW], "is no row; write one object a line"),
        (7, "row 1 (line 2): 7 is no row"),
        (ROW | {"preset": PRESET | {"cutoff": 1}}, "row 1 (line 2): unknown column 'cutoff'; noisemaker-light has"),
        (ROW | {"preset": {"lfo1_rate": 1}}, "row 1 (line 2): no value for filter_cutoff"),
        (ROW | {"preset": PRESET | {"filter_cutoff": 11}}, "column filter_cutoff: 11 must be a number from 0 to 10"),
        (ROW | {"preset": PRESET | {"filter_cutoff": "5"}}, "column filter_cutoff: '5' is text; write a number"),
        (ROW | {"preset": PRESET | {"filter_cutoff": True}}, "column filter_cutoff: True must be a number"),
        (ROW | {"preset": PRESET | {"filter_cutoff": None}}, "no value for filter_cutoff"),
        (ROW | {"preset": PRESET | {"osc2_wave": 0}}, "column osc2_wave: 0 must be one of Saw"),
        (ROW | {"preset": PRESET | {"file": "x.wav"}}, "preset has 'file', which belongs beside it"),
        (ROW | {"file": "../a.wav"}, "column file: '../a.wav' must be a plain file name"),
        (ROW | {"file": 7}, "row 1 (line 2), file: 7 is no name"),
        (ROW | {"file": "s0.wav"}, "row 1 (line 2), file: 's0.wav' is that of row 0 (line 1) already"),
        (ROW | {"seconds": "2"}, "row 1 (line 2), seconds: '2' is no number"),
        (ROW | {"seconds": None}, "seconds: None is no number"),
        (ROW | {"seconds": 31}, "row 1 (line 2), seconds: A take of 31 seconds is none; give 0.05 to 30 seconds"),
        (ROW | {"seconds": 0}, "seconds: A take of 0"),
        (ROW | {"notes": []}, "row 1 (line 2): no notes; a take has from 1 to 1,000"),
        (ROW | {"notes": None}, "row 1 (line 2), notes: None is no list"),
        (ROW | {"notes": NOTE}, "is no list; give the notes in [ ], or leave them out"),
        (ROW | {"notes": [36]}, "row 1 (line 2), note 0: 36 is no object; a note has duration, onset, pitch, velocity"),
        (ROW | {"notes": [NOTE] * 1001}, "1,001 notes; a take has from 1 to 1,000"),
        (noted(channel=1), "row 1 (line 2), note 0: unknown key 'channel'; a note has duration, onset"),
        (noted(pitch="gone"), "row 1 (line 2), note 0: no pitch; a note has"),
        (noted(pitch=128), "row 1 (line 2), note 0: the pitch is 128; give a MIDI number from 0 to 127"),
        (noted(pitch="C2"), "note 0: the pitch is 'C2'; give a MIDI number"),
        (noted(velocity=0), "note 0: the velocity is 0 (which MIDI takes for a note-off); give 1 to 127"),
        (noted(velocity=128), "note 0: the velocity is 128"),
        (noted(velocity=True), "note 0: the velocity is True"),
        (noted(onset=-0.1), "note 0: the onset is -0.1"),
        (noted(onset=2.0), "note 0: it starts at 2 s, and the take lasts 2 s"),
        (noted(onset=10**400), "note 0: the onset is 1000"),
        (noted(duration=-1), "note 0: the duration is -1"),
        (noted(duration=0), "note 0: the duration is 0"),
        (noted(duration=[1]), "note 0: the duration is [1]"),
    ],
)
def test_rows_that_are_none(row, message):
    # Written as others write it: Python's own limit of digits is for reading.
    refuses(lambda: read_rows(LIGHT, lines({"preset": PRESET}, row)), message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "row 0 (line 1): not JSON (Expecting property name"),
        ("a,b", "row 0 (line 1): not JSON (Expecting value"),
        ('{"preset": {}, "preset": {}}', "row 0 (line 1): the key 'preset' is there more than once"),
        ('{"preset": {"lfo1_rate": 1, "lfo1_rate": 2}}', "the key 'lfo1_rate' is there more than once"),
        ('{"preset": {"lfo1_rate": NaN}}', "row 0 (line 1): NaN is no number of JSON"),
        ('{"preset": {}, "seconds": -Infinity}', "-Infinity is no number of JSON"),
        ('{"preset": {}, "seconds": 1e999}', "seconds: A take of inf seconds is none"),
        ('{"preset": {}, "seconds": 1' + "0" * 5000 + "}", "not JSON (Exceeds the limit"),
        ("[" * 100_000, "not JSON (maximum recursion"),
        ('{"file": "' + "x" * tables.MAX_LINE + '"}', "characters, a row has at most 262,144"),
        ("\0", "not JSON"),
    ],
)
def test_lines_that_are_none(line, message):
    refuses(lambda: read_rows(LIGHT, io.StringIO(line)), message)


def test_the_first_mistake_of_a_file_is_told():
    wrong = ROW | {"preset": PRESET | {"osc2_wave": "Sinus"}}
    refuses(lambda: read_rows(LIGHT, lines(wrong, ROW | {"tempo": 1})), "row 0 (line 1), column osc2_wave: 'Sinus'")
    other = {"preset": {"cutoff": 5.0}}
    refuses(
        lambda: read_rows("guitar-tiny", lines(ROW | {"seconds": 1}, other)),
        "row 0 (line 1): unknown column 'lfo1_rate'",
    )


def test_files_that_cannot_be_read(tmp_path):
    refuses(lambda: read_rows(LIGHT, tmp_path / "gone.jsonl"), "No such file")
    (tmp_path / "bad.jsonl").write_bytes(b"\xff\x00\xff")
    refuses(lambda: read_rows(LIGHT, tmp_path / "bad.jsonl"), "is not a text file in UTF-8")


def test_large_tables_are_refused_at_once(monkeypatch):
    names = ",".join(f"n{number}" for number in range(100_000))
    start = time.process_time()
    refuses(lambda: from_csv(",".join(names.split(",")[:35_000]) + ",n0\n"), "The header names 'n0' more than once")
    refuses(lambda: from_csv(names + "\n"), "line 1: a row of a table has at most 262,144 characters")
    good = csv_of(draw_presets(LIGHT, 2, seed=1))
    refuses(lambda: from_csv(good + "1," * 200_000 + "\n"), "line 4: a row of a table has at most 262,144 characters")
    # Over several lines, in cells in quotes.
    refuses(lambda: from_csv(good + '"\n",' * 70_000), "a row of a table has at most 262,144 characters")
    keys = ", ".join(f'"{number % 20_000}": 1' for number in range(20_001))
    refuses(lambda: read_rows(LIGHT, io.StringIO("{" + keys + "}")), "the key '0' is there more than once")
    assert time.process_time() - start < 5
    monkeypatch.setattr(tables, "MAX_LINES", 3)
    assert len(from_csv(good)) == 2
    refuses(lambda: from_csv(good + "\n"), "The table has more than 3 lines; cut it into several files")
    refuses(lambda: read_rows(LIGHT, io.StringIO("\n" * 4)), "has more than 3 lines")
