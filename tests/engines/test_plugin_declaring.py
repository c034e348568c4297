"""Declarations of plug-ins: what they say, who may say where a plug-in is, and what is published."""

import copy
import json
from pathlib import Path

import pytest

from secret_sauce_hf.engines import find_engine, get_engine
from secret_sauce_hf.engines.plugin.describing import declare_plugin, describe_plugin
from secret_sauce_hf.engines.plugin.engine import PluginEngine
from secret_sauce_hf.instruments import (
    InputError,
    declaration,
    declaration_text,
    get_collection,
    known_collection,
    read_declaration,
    write_declaration,
)
from secret_sauce_hf.instruments.instrument import Hosted, HostedParameter, Playing
from secret_sauce_hf.presets import draw_presets

BOX = {
    "name": "box",
    "plugin": {"format": "VST2", "name": "Box", "digest": "0123abcd", "file": "box.so"},
    "parameters": [
        {"kind": "knob", "name": "cutoff", "index": 7, "listed": "Cut off"},
        {"kind": "knob", "name": "octave", "top": 2, "index": 3, "values": [0, 0.5, 1]},
        {"kind": "switch", "name": "wave", "positions": ["Saw", "Pulse"], "index": 0},
    ],
}


def written(folder: Path, **changes) -> Path:
    """The declaration; `name__key` changes a key of a parameter or of `plugin`."""
    data = copy.deepcopy(BOX)
    parts = {"plugin": data["plugin"]} | {record["name"]: record for record in data["parameters"]}
    for where, value in changes.items():
        part, _, key = where.partition("__")
        target = parts[part] if key else data
        if value is ...:
            del target[key or part]
        else:
            target[key or part] = value
    path = folder / "box.json"
    path.write_text(json.dumps(data))
    return path


def test_what_it_says(tmp_path):
    path = written(tmp_path)
    plugin = read_declaration(path).instrument.plugin
    assert plugin == Hosted(
        "VST2",
        "Box",
        "0123abcd",
        (HostedParameter(7, "Cut off"), HostedParameter(3, "octave", (0.0, 0.5, 1.0)), HostedParameter(0, "wave")),
        str(tmp_path / "box.so"),
    )


def test_the_round_trip(tmp_path):
    collection = read_declaration(written(tmp_path))
    write_declaration(collection, tmp_path / "again.json")
    again = read_declaration(tmp_path / "again.json")
    assert again == collection
    assert again.instrument.plugin == collection.instrument.plugin


def test_controllers_stand_beside_places_in_the_list(tmp_path):
    path = written(
        tmp_path, wave__index=..., wave__control=70, wave__positions={"Saw": 0, "Pulse": 64}, cutoff__control=74
    )
    collection = read_declaration(path)
    assert [one.index for one in collection.instrument.plugin.parameters] == [7, 3, None]
    assert (collection.instrument["cutoff"].high, collection.instrument["wave"].control) == (127, (70,))
    write_declaration(collection, tmp_path / "again.json")
    again = read_declaration(tmp_path / "again.json")
    assert again.instrument.plugin == collection.instrument.plugin and again == collection


def test_what_rows_play(tmp_path):
    collection = read_declaration(written(tmp_path, plays={"kind": "notes", "lowest": 40, "highest": 60}))
    assert collection.plays == Playing("notes", 40, 60)
    presets = draw_presets(collection, 50, seed=1)
    assert set(presets.performances.pitch.tolist()) <= set(range(40, 61))
    write_declaration(collection, tmp_path / "again.json")
    assert read_declaration(tmp_path / "again.json") == collection
    # Files of collections of the package that do not say it yet are still those.
    noted = get_collection("noisemaker-notes")
    record = declaration(noted)
    assert record.pop("plays")["kind"] == "notes"
    for told in (record, declaration(noted)):
        (tmp_path / "noted.json").write_text(json.dumps(told))
        assert read_declaration(tmp_path / "noted.json") is noted
    (tmp_path / "noted.json").write_text(
        json.dumps(declaration(noted) | {"plays": {**declaration(noted)["plays"], "lowest": 1}})
    )
    with pytest.raises(InputError, match="is that of a built-in collection, which is not the same"):
        read_declaration(tmp_path / "noted.json")


def test_what_is_published_names_no_file(tmp_path):
    collection = read_declaration(written(tmp_path))
    text = declaration_text(collection)
    assert str(tmp_path) not in text
    assert "box.so" not in text
    (tmp_path / "published.json").write_text(text)
    published = read_declaration(tmp_path / "published.json")
    assert published.instrument.plugin.file == ""
    assert published.instrument.plugin.parameters == collection.instrument.plugin.parameters
    # Presets of the one are presets of the other.
    assert published == collection


def test_without_a_file_there_is_no_engine(tmp_path):
    collection = read_declaration(written(tmp_path, plugin__file=...))
    assert find_engine(collection) is None
    with pytest.raises(InputError, match='box is the plug-in Box; add its path to the declaration, "file" under'):
        get_engine(collection)
    with pytest.raises(InputError, match="there is no such file"):
        get_engine(written(tmp_path))


def test_a_record_chooses_no_file(tmp_path):
    path = written(tmp_path)
    with pytest.raises(InputError, match="is no collection of this package"):
        known_collection(str(path))


def test_no_plugin():
    with pytest.raises(InputError, match="noisemaker is no plug-in"):
        PluginEngine("noisemaker")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"plugin": "box.so"}, "plugin must be a mapping"),
        ({"plugin__path": "/x"}, "plugin has the unknown key 'path'"),
        ({"plugin__format": "VST4"}, "format is 'VST4'; give one of VST3, VST2, AU, LV2"),
        ({"plugin__format": ...}, "format is ''"),
        ({"plugin__file": 3}, "file is 3; give a text"),
        ({"plugin__file": "a\0b"}, "give a text"),
        ({"plugin__digest": "xyz"}, "give hexadecimal digits"),
        ({"cutoff__index": ...}, "parameter 'cutoff': index is None"),
        ({"cutoff__index": ..., "cutoff__control": 74}, "it is set by its controller, and has no name in the list"),
        ({"octave__index": ..., "octave__control": 74}, "it is set by its controller, and has no values"),
        ({"cutoff__index": True}, "parameter 'cutoff': index is True"),
        ({"cutoff__index": -1}, "parameter 'cutoff': index is -1"),
        ({"cutoff__index": 3}, "parameter 'octave': 'cutoff' has the index 3 already"),
        ({"cutoff__listed": 3}, "parameter 'cutoff': listed is 3"),
        ({"octave__values": [0, 1]}, "parameter 'octave': 2 values for 3 positions"),
        ({"octave__values": [0, 1, 2]}, "give a list of numbers from 0 to 1"),
        ({"octave__values": [0, 1, "a"]}, "give a list of numbers from 0 to 1"),
        ({"wave__values": [0.5]}, "parameter 'wave': 1 values for 2 positions"),
        ({"plays": "notes"}, "plays must be a mapping"),
        ({"plays": {"kind": "noise", "lowest": 1, "highest": 2}}, "kind is 'noise'; give 'notes' or 'phrases'"),
        ({"plays": {"kind": [], "lowest": 1, "highest": 2}}, "kind is []"),
        ({"plays": {"kind": "notes", "lowest": 70, "highest": 60}}, "give MIDI numbers from 0 to 127"),
        ({"plays": {"kind": "notes", "lowest": 1, "highest": "C4"}}, "give MIDI numbers from 0 to 127"),
        ({"plays": {"kind": "notes", "lowest": 1, "highest": 9, "onset": 5}}, "give an onset within the take"),
        ({"plays": {"kind": "notes", "lowest": 1, "highest": 9, "longest": -1}}, "longest is -1"),
        ({"plays": {"kind": "notes", "lowest": 1, "highest": 9, "chords": 1}}, "chords is 1"),
        ({"plays": {"kind": "notes", "lowest": 1, "highest": 9, "strings": [9, 1]}}, "the lowest first"),
        ({"plays": {"kind": "phrases", "lowest": 40, "highest": 50}}, "the second 24 above the first"),
        ({"plays": {"kind": "phrases", "lowest": 40, "highest": 90}}, "phrases need 2 s from their onset on"),
        ({"plugin": ...}, "parameter 'cutoff' has the unknown key 'index'"),
    ],
)
def test_mistakes(tmp_path, changes, told):
    path = written(tmp_path, **changes)
    with pytest.raises(InputError) as caught:
        read_declaration(path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


# --- from a plug-in ---


def test_what_is_declared_of_a_plugin(toy, tmp_path):
    description = describe_plugin(toy, listen=False)
    left_out = {one.listed: one.left_out for one in description.parameters if one.left_out}
    assert set(left_out) == {"Bypass", "MIDI CC 1|7", "Meter"}
    collection = declare_plugin(
        toy,
        without=["Constant", "Trouble"],
        switches=["Ratio"],
        seconds=0.6,
        listen=False,
        notes=Playing("notes", 30, 70),
    )
    assert collection.columns == ("Level", "Wave", "Ratio", "type_setting")
    level, wave, ratio, _ = collection.parameters
    assert (level.kind, level.about, level.classes) == ("knob", "Level, in dB", 0)
    assert wave.labels == ("Saw", "Square", "Sine")
    assert ratio.labels == tuple("12345678")
    assert (collection.name, collection.seconds, collection.plays.kind) == ("toy", pytest.approx(0.6), "notes")
    write_declaration(collection, tmp_path / "toy.json")
    again = get_collection(tmp_path / "toy.json")
    assert again.plays == collection.plays
    plugin = again.instrument.plugin
    assert plugin == collection.instrument.plugin
    assert (plugin.file, plugin.digest) == (str(toy), description.digest)


def test_sounds_tell_what_does_nothing(toy, monkeypatch):
    monkeypatch.setattr("secret_sauce_hf.engines.plugin.controllers.CONTROLLERS", (1, 7))
    monkeypatch.setenv("TOY_PLUGIN", "deaf")
    with pytest.raises(InputError, match="none of its 5 parameters changes the sound of a note"):
        declare_plugin(toy)


def test_what_cannot_be_chosen(toy):
    for choice, told in (
        ({"only": ["Lovel"]}, "lists no parameter 'Lovel'; did you mean 'Level'?"),
        ({"without": ["Bypass"]}, "'Bypass' cannot be taken: it is the host's"),
        ({"without": ["Level"], "only": ["Level"]}, "has no parameter that can be taken"),
        ({"seconds": 100}, "A take of 100 seconds is none"),
    ):
        with pytest.raises(InputError, match="^.*" + told.replace("?", r"\?")):
            declare_plugin(toy, listen=False, **choice)
