"""Text that has the structure of what is read, and any values in it: it is taken, or refused in one line."""

import csv
import io
import json

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import wrong_refusal

from secret_sauce_hf import InputError, Note, Presets
from secret_sauce_hf.instruments import declaration_text, get_collection, read_declaration
from secret_sauce_hf.instruments.notes import check_notes
from secret_sauce_hf.midi import read_clip, read_messages, read_midi_file
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.rows import read_rows
from secret_sauce_hf.tables import NOTE_COLUMNS

LIGHT = get_collection("noisemaker-light")
ROW = {name: value for name, value in next(draw_presets(LIGHT, 1, seed=1).rows()).items() if name != "file"}
FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

numbers = st.one_of(st.integers(), st.floats(), st.integers(-1, 11), st.floats(0, 10))
words = st.one_of(
    st.text(max_size=8), st.sampled_from(["Saw", "Sine", "C2", "0,5", "1e999", "nan", "=1+1", "−1", "s0.wav"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=8,
)


def taken_or_refused(read) -> bool:
    """Whether what is read is taken; a refusal that is not one clear line fails."""
    try:
        read()
    except InputError as error:
        assert (wrong := wrong_refusal(error)) is None, wrong
        return False
    return True


@st.composite
def changed(draw, whole):
    """A JSON value with some of what is in it replaced, at any depth, left out or added."""
    whole = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        place, inside = whole, None
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            inside, key = place, draw(st.sampled_from(keys))
            place = inside[key]
            if draw(st.booleans()):
                break
        if inside is None:
            continue
        if draw(st.integers(0, 5)):
            inside[key] = draw(values)
        elif isinstance(inside, dict):
            del inside[key]
            inside[draw(words)] = draw(values)
    return whole


@settings(FEW, max_examples=20)
@given(changed(json.loads(declaration_text(LIGHT))))
def test_declarations(tmp_path, declared):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(declared))
    taken_or_refused(lambda: draw_presets(read_declaration(path), 2, seed=1).heard())


cells = st.one_of(words, numbers.map(str))
headers = st.lists(st.one_of(st.sampled_from([*LIGHT.columns, *NOTE_COLUMNS, "file", "notes", ""]), words), max_size=9)


@FEW
@given(
    st.one_of(headers, st.permutations([*LIGHT.columns, "file"])),
    st.lists(st.lists(cells, max_size=9), max_size=3),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["", "\ufeff", "sep=;\n"]),
    st.sampled_from(["utf-8", "utf-16", "latin-1"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_tables_as_spreadsheets_write_them(tmp_path, header, rows, mark, before, encoding, quoting):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=mark, quoting=quoting)
    # A good one first, so that others are reached.
    whole = [ROW.get(name, "s9.wav" if name == "file" else "") for name in header]
    writer.writerows([header, whole, *rows])
    path = tmp_path / "rows.csv"
    path.write_bytes((before + text.getvalue()).encode(encoding, errors="replace"))
    taken_or_refused(lambda: Presets.from_csv(LIGHT, path))


def test_what_the_strategies_begin_with_is_taken(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(declaration_text(LIGHT))
    assert taken_or_refused(lambda: read_declaration(path))
    path = tmp_path / "rows.csv"
    path.write_text(";".join(ROW) + "\n" + ";".join(str(value).replace(".", ",") for value in ROW.values()) + "\n")
    assert taken_or_refused(lambda: Presets.from_csv(LIGHT, path))


LINE = {"file": "a.wav", "preset": ROW, "seconds": 2.0, "notes": [{"onset": 0.1, "duration": 0.5, "pitch": 36}]}


@FEW
@given(st.lists(st.one_of(changed(LINE), values), min_size=1, max_size=3))
def test_json_lines(rows):
    taken_or_refused(lambda: read_rows(LIGHT, io.StringIO("\n".join(map(json.dumps, rows)))))


@FEW
@given(st.lists(st.builds(Note, numbers, numbers, numbers, numbers), max_size=3))
def test_notes(notes):
    if taken_or_refused(lambda: check_notes(notes)):
        assert all(0 <= note.pitch <= 127 and note.onset >= 0 and note.duration > 0 for note in notes)


channel = st.integers(0, 15)
latin = st.text(st.characters(max_codepoint=255), max_size=8)
seven = st.integers(0, 127)
messages = st.one_of(
    st.builds(lambda kind, *rest: mido.Message(kind, channel=rest[0], note=rest[1], velocity=rest[2], time=rest[3]),
              st.sampled_from(["note_on", "note_off"]), channel, seven, seven, st.integers(0, 2**28 - 1)),
    st.builds(lambda where, control, value: mido.Message("control_change", channel=where, control=control, value=value),
              channel, seven, seven),
    st.builds(lambda data: mido.Message("sysex", data=data), st.lists(seven, max_size=6)),
    st.builds(lambda where: mido.Message("pitchwheel", channel=where, pitch=-8192), channel),
    st.builds(lambda tempo: mido.MetaMessage("set_tempo", tempo=tempo), st.integers(0, 2**24 - 1)),
    st.builds(lambda said: mido.MetaMessage("text", text=said), latin),
)  # fmt: skip


@FEW
@given(
    st.lists(st.lists(messages, max_size=12), max_size=3),
    st.integers(0, 2),
    st.one_of(st.integers(1, 2**15 - 1), st.sampled_from([0, 0x8001, 0xE728])),
)
def test_midi_files(tmp_path, tracks, kind, ticks):
    file = mido.MidiFile(type=1, ticks_per_beat=480, tracks=[mido.MidiTrack(track) for track in tracks])
    saved = io.BytesIO()
    file.save(file=saved)
    content = bytearray(saved.getvalue())
    content[8:10] = kind.to_bytes(2, "big")
    content[12:14] = ticks.to_bytes(2, "big")
    path = tmp_path / "a.mid"
    path.write_bytes(content)
    taken_or_refused(lambda: str(read_messages("subphatty", read_midi_file(path))))
    taken_or_refused(lambda: read_clip(path, seconds=1.0))


@pytest.mark.parametrize("controls", [range(128), range(0, 128, 2)])
def test_of_many_wrong_controllers_a_line_tells_a_few(tmp_path, controls):
    track = [mido.Message("control_change", control=one, value=127 - one % 3) for one in controls]
    path = tmp_path / "a.mid"
    mido.MidiFile(tracks=[mido.MidiTrack(track)]).save(path)
    for name in ("noisemaker-light", "noisemaker", "subphatty", "guitar"):
        assert len(str(read_messages(name, read_midi_file(path)))) < 1_000
