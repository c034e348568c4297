"""Declarations of one's own: what they mean, the way there and back, and every mistake with its remedy."""

import copy
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secret_sauce_hf.data import features, names
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    INSTRUMENTS,
    Collection,
    InputError,
    Instrument,
    Knob,
    Switch,
    Timing,
    declaration,
    declaring,
    get_collection,
    known_collection,
    read_declaration,
    write_declaration,
)
from secret_sauce_hf.instruments.checking import RESERVED, check_collection
from secret_sauce_hf.instruments.parameters import ALWAYS, NEVER
from secret_sauce_hf.midi import preset_messages, preset_midi_file, read_messages, read_preset
from secret_sauce_hf.original.session import collection_track
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

every_collection = pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)

BASS = {
    "name": "my-bass",
    "title": "My bass box: 2 knobs and a switch",
    "instrument": {"name": "bass-box", "title": "Bass Box 9"},
    "take": {"seconds": 0.9, "note_on": 0.0667, "note_off": 0.9},
    "parameters": [
        {"kind": "knob", "name": "cutoff", "control": 74, "range": [10, 120], "about": "Cutoff"},
        {"kind": "knob", "name": "detune", "control": [12, 44]},
        {
            "kind": "switch",
            "name": "wave",
            "control": 70,
            "positions": {"Saw": 0, "Pulse": 64},
            "display": {"Saw": "Sawtooth"},
            "heard": ["above", "cutoff", 2.0],
        },
    ],
}
CUTOFF, DETUNE, WAVE = range(3)


def cutoff(**changes) -> dict:
    """The declaration with changes in one parameter."""
    return bass("parameters", CUTOFF, **changes)


def detune(**changes) -> dict:
    return bass("parameters", DETUNE, **changes)


def wave(**changes) -> dict:
    return bass("parameters", WAVE, **changes)


def written(tmp_path: Path, data, name: str = "mine.json") -> Path:
    path = tmp_path / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def bass(*path, **changes) -> dict:
    """The declaration with changes in the part that `path` leads to; `...` removes an entry."""
    data = copy.deepcopy(BASS)
    part = data
    for step in path:
        part = part[step]
    for key, new in changes.items():
        if new is ...:
            del part[key]
        else:
            part[key] = new
    return data


# --- what a declaration means ---


def test_a_declaration(tmp_path):
    path = written(tmp_path, BASS)
    collection = read_declaration(path)
    assert collection == Collection(
        name="my-bass",
        stem="my_bass",
        instrument=Instrument(
            "bass-box",
            "Bass Box 9",
            (
                Knob("cutoff", (74,), (10, 120), about="Cutoff"),
                Knob("detune", (12, 44)),
                Switch(
                    "wave",
                    (70,),
                    (0, 64),
                    ("Saw", "Pulse"),
                    heard=("above", "cutoff", 2.0),
                    display=(("Saw", "Sawtooth"),),
                ),
            ),
        ),
        columns=("cutoff", "detune", "wave"),
        count=0,
        train_count=0,
        timing=Timing(note_on=0.1667, note_off=1.0, cut=(0.1, 1.0)),
        title="My bass box: 2 knobs and a switch",
    )
    assert collection.samples == 19_845
    assert get_collection(path) == get_collection(str(path)) == collection


def test_what_may_be_left_out(tmp_path):
    data = {"name": "tiny", "parameters": [{"kind": "knob", "name": "level"}]}
    collection = read_declaration(written(tmp_path, data))
    assert collection.title == "tiny: a knob"
    assert (collection.instrument.name, collection.instrument.title) == ("tiny", "tiny")
    timing = COLLECTIONS["noisemaker"].timing
    for ours, theirs in zip(
        (collection.timing.note_on, collection.timing.note_off, *collection.timing.cut, collection.timing.slot),
        (timing.note_on, timing.note_off, *timing.cut, timing.slot),
        strict=True,
    ):
        assert ours == pytest.approx(theirs, abs=1e-8)
    assert collection.samples == 19_845
    [level] = collection.parameters
    assert (level.control, level.heard, level.limits) == ((), ALWAYS, (0, 16_383))


def test_order_and_fixed_settings(tmp_path):
    data = bass(columns=["wave", "cutoff"], fixed={"detune": 2.5})
    collection = read_declaration(written(tmp_path, data))
    assert collection.columns == ("wave", "cutoff")
    assert collection.fixed == (("detune", 2.5),)
    assert draw_presets(collection, 2, seed=0).complete()["detune"].tolist() == [2.5, 2.5]
    # A setting that only a rule names need not be a parameter.
    data = detune(heard=["is", "mode", "poly"]) | {"fixed": {"mode": "mono"}}
    assert not draw_presets(read_declaration(written(tmp_path, data)), 1, seed=0).heard()[0, DETUNE]


@pytest.mark.parametrize(
    "rule, expected",
    [
        (True, ALWAYS),
        (False, NEVER),
        (["any", ["is", "wave", "Saw"]], ("any", ("is", "wave", "Saw"))),
        (["above", "note.rest", 0.05], ("above", "note.rest", 0.05)),
        (
            ["below", "detune", ["along", "note.held", [0.1, 3], [2, 7]]],
            ("below", "detune", ("along", "note.held", (0.1, 3), (2, 7))),
        ),
        (
            ["above", "note.highest", ["along", "detune", [0, 127], [10, 60]]],
            ("above", "note.highest", ("along", "detune", (0, 127), (10, 60))),
        ),
    ],
)
def test_rules(rule, expected, tmp_path):
    collection = read_declaration(written(tmp_path, cutoff(heard=rule)))
    assert collection.parameters[CUTOFF].heard == expected


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(BASS), encoding="utf-8-sig")
    assert read_declaration(path).name == "my-bass"


def test_a_declared_collection_works_like_the_others(tmp_path):
    collection = read_declaration(written(tmp_path, BASS))
    presets = draw_presets(collection, 50, seed=3)
    assert presets.cc[:, CUTOFF].min() >= 10 and presets.cc[:, CUTOFF].max() <= 120
    assert set(presets.settings["wave"]) == {"Saw", "Pulse"}
    row = next(presets.rows())
    assert read_preset(collection, preset_messages(collection, row)) == row
    assert list(features(collection)) == ["audio", "cutoff", "detune", "wave", "file", "heard"]
    for attempt in (lambda: original_presets(collection), lambda: original_presets(collection, 0, 5)):
        with pytest.raises(InputError, match=r"my-bass has no rows of its own: draw fresh ones, with a seed"):
            attempt()


def test_names_that_are_no_collection():
    with pytest.raises(InputError, match=r"Unknown collection 'moog'; there are .*path of a declaration .*\.json\."):
        get_collection("moog")
    with pytest.raises(InputError, match=r"^nowhere/mine.json: there is no such file; give the path"):
        get_collection("nowhere/mine.json")
    with pytest.raises(InputError, match=r"^mine.yaml is no declaration .*must end in \.json\."):
        get_collection(Path("mine.yaml"))


# --- parameters that MIDI does not reach ---


@pytest.fixture
def partly_manual(tmp_path) -> Collection:
    data = detune(control=...)
    data["parameters"][WAVE] = {"kind": "switch", "name": "wave", "control": None, "positions": ["Saw", "Pulse"]}
    return read_declaration(written(tmp_path, data))


def test_midi_leaves_out_what_it_does_not_reach(partly_manual):
    presets = Presets.from_settings(partly_manual, [{"cutoff": 5, "detune": 3.3, "wave": "Pulse"}])
    assert presets.cc.tolist() == [[64, 5_406, 1]]
    row = next(presets.rows())
    messages = preset_messages(partly_manual, row)
    assert [(message.control, message.value) for message in messages] == [(74, 64)]
    assert read_preset(partly_manual, messages) == {"cutoff": pytest.approx(64 / 12.7)}
    assert [m.time for m in preset_midi_file(partly_manual, row).tracks[0] if m.type == "note_on"] == [480]
    track = collection_track(draw_presets(partly_manual, 3, seed=1)).tracks[0]
    assert [m.type for m in track if not m.is_meta] == ["control_change", "note_on", "note_off"] * 3
    report = read_messages(partly_manual, [])
    assert report.missing == ("cutoff",)
    assert "missing: cutoff (CC 74)" in str(report)


def test_an_instrument_without_midi(tmp_path):
    data = {"name": "manual", "parameters": [{"kind": "knob", "name": "level"}]}
    collection = read_declaration(written(tmp_path, data))
    assert preset_messages(collection, {"level": 3}) == []
    with pytest.raises(InputError, match=r"No parameter of manual has a MIDI controller: .*set its presets by hand"):
        preset_midi_file(collection, {"level": 3})
    with pytest.raises(InputError, match="No parameter of manual has a MIDI controller"):
        collection_track(draw_presets(collection, 1, seed=0))


# --- there and back ---


@every_collection
def test_the_declaration_of_a_built_in_collection_is_that_collection(collection, tmp_path):
    check_collection(collection)
    write_declaration(collection, tmp_path / "it.json")
    assert read_declaration(tmp_path / "it.json") is collection
    # Under another name it has all but the rows of 2018.
    other = read_declaration(written(tmp_path, declaration(collection) | {"name": "other"}))
    assert declaration(other) == declaration(collection) | {"name": "other"}
    assert other.instrument == collection.instrument and other.fixed == collection.fixed
    assert (other.samples, other.columns) == (collection.samples, collection.columns)
    assert draw_presets(other, 5, seed=1).cc.tolist() == draw_presets(collection, 5, seed=1).cc.tolist()
    assert other.count == 0


def test_a_written_declaration_is_a_parameter_a_line(tmp_path):
    collection = read_declaration(written(tmp_path, BASS))
    write_declaration(collection, tmp_path / "again.json")
    lines = (tmp_path / "again.json").read_text().splitlines()
    assert '    {"kind": "knob", "name": "detune", "control": [12, 44]},' in lines
    assert read_declaration(tmp_path / "again.json") == collection
    for path in (tmp_path / "again.txt", tmp_path / "none" / "a.json"):
        with pytest.raises(InputError, match=r"cannot be written: give a name that ends in \.json"):
            write_declaration(collection, path)


_columns = st.from_regex(r"[a-z][a-z0-9_]{0,8}x", fullmatch=True)
_texts = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"'), min_size=1, max_size=12)
_times = st.integers(0, 400).map(lambda milliseconds: milliseconds / 1000)


@st.composite
def collections(draw) -> Collection:
    names = draw(st.lists(_columns, min_size=1, max_size=6, unique=True))
    controllers = iter(draw(st.permutations(range(120))))
    parameters: list[Knob | Switch] = []
    for name in names:
        about = draw(st.just("") | _texts)
        if draw(st.booleans()):
            control = tuple(next(controllers) for _ in range(draw(st.integers(0, 2))))
            drawn = None
            if control and draw(st.booleans()):
                drawn = tuple(sorted(draw(st.lists(st.integers(0, 127), min_size=2, max_size=2, unique=True))))
            parameters.append(Knob(name, control, drawn, heard=draw(_rules(parameters)), about=about))
        else:
            labels = draw(st.lists(_texts, min_size=2, max_size=4, unique=True))
            control = (next(controllers),) if draw(st.booleans()) else ()
            codes = range(len(labels))
            if control:
                codes = draw(st.lists(st.integers(0, 127), min_size=len(labels), max_size=len(labels), unique=True))
            display = ((labels[0], draw(_texts)),) if draw(st.booleans()) else ()
            parameters.append(
                Switch(name, control, tuple(codes), tuple(labels), draw(_rules(parameters)), about, display)
            )
    varying = draw(st.permutations(names))[: draw(st.integers(1, len(names)))]
    instrument = Instrument("machine", draw(_texts), tuple(parameters))
    settings = {p.name: p.labels[-1] if isinstance(p, Switch) else p.setting_limits[1] for p in parameters}
    lead, note_on = draw(_times), draw(_times)
    return Collection(
        name="own",
        stem="own",
        instrument=instrument,
        columns=tuple(varying),
        count=0,
        train_count=0,
        timing=Timing(lead + note_on, lead + note_on + 0.5, (lead, lead + 0.9), slot=2.0, patch=0.0),
        title=draw(_texts),
        fixed=tuple((name, settings[name]) for name in names if name not in varying),
    )


def _rules(parameters: list) -> st.SearchStrategy:
    """Rules on the parameters that there are already."""
    leaves = [st.just(ALWAYS), st.just(NEVER)]
    for parameter in parameters:
        if isinstance(parameter, Switch):
            leaves.append(st.just(("is", parameter.name, parameter.labels[0])))
        else:
            middle = float(np.mean(parameter.setting_limits))
            leaves += [st.just((operator, parameter.name, middle)) for operator in ("above", "below")]
            leaves.append(st.just(("below", parameter.name, ("along", "note.held", (0.1, middle), (2, middle)))))
    leaves.append(st.just(("above", "note.rest", 0.25)))
    return st.recursive(
        st.one_of(leaves),
        lambda rules: st.tuples(st.sampled_from(["all", "any"]), rules, rules),
        max_leaves=4,
    )


@given(collections())
def test_every_collection_makes_the_round_trip(collection):
    if collection.timing.patch >= collection.timing.note_on:
        collection = replace(collection, timing=replace(collection.timing, note_on=0.001, cut=(0.0, 0.9)))
    check_collection(collection)
    text = json.dumps(declaration(collection))
    again = declaring._collection(declaring._parse(text.encode()))
    check_collection(again)
    assert declaration(again) == declaration(collection)
    assert replace(again, timing=collection.timing) == collection
    presets = draw_presets(again, 3, seed=0)
    assert Presets.from_settings(again, presets.rows()).cc.tolist() == presets.cc.tolist()


_WORDS = st.sampled_from(["name", "parameters", "kind", "control", "positions", "heard", "take", "fixed", "range"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda part: st.lists(part, max_size=4) | st.dictionaries(_WORDS, part, max_size=4),
        max_leaves=20,
    )
)
def test_any_other_json_is_a_mistake_of_one_line(data):
    with pytest.raises(InputError) as caught:
        check_collection(declaring._collection(declaring._parse(json.dumps(data).encode())))
    assert str(caught.value).strip() and "\n" not in str(caught.value)


_KEYS = ["name", "control", "range", "positions", "heard", "about", "display"]
_VALUES = st.none() | st.booleans() | st.integers(-1, 200) | st.floats() | st.sampled_from(["Saw", "wave", "is"])


@given(
    st.sampled_from(range(3)),
    st.sampled_from(_KEYS),
    st.recursive(
        _VALUES,
        lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(["Saw", "Off"]), part),
        max_leaves=6,
    ),
)
def test_a_spoilt_parameter_is_fine_or_a_mistake_that_names_it(number, key, value):
    data = bass("parameters", number, **{key: value})
    try:
        collection = declaring._collection(declaring._parse(json.dumps(data).encode()))
        check_collection(collection)
    except InputError as error:
        assert "parameter" in str(error) or "NaN" in str(error) or "Infinity" in str(error)
    else:
        draw_presets(collection, 2, seed=0).heard()


# --- mistakes ---

MISTAKES = [
    # The whole.
    ("[]", r"the declaration must be a mapping in braces, with name, parameters"),
    ("{", r"line 1, column 2: not JSON \(Expecting property name"),
    ('{"name": NaN}', r"NaN is no number; give one in digits"),
    ('{"name": "a", "name": "b"}', r"'name' is there twice in one pair of braces; leave one out"),
    ("[" * 100_000, r"not a declaration: nested too deep"),
    ('{"name": ' + "9" * 5_000 + "}", r"not JSON that can be read"),
    (bass(name=...), r"the declaration lacks 'name'; add it"),
    (bass(titel="x"), r"the declaration has the unknown key 'titel'; did you mean 'title'\?"),
    (bass(name="my bass"), r"the collection's name is 'my bass'; give up to 64 letters and digits"),
    (bass(name="a/../b"), r"the collection's name is 'a/../b'"),
    (bass(name=5), r"the collection's name is 5"),
    (bass(name="noisemaker"), r"the name 'noisemaker' is that of a built-in collection, which is not the same"),
    (bass(title="two\nlines"), r"the collection's title is 'two\\nlines'; give one line"),
    (bass(title="\ud800"), r"the collection's title is"),
    (bass(parameters={}), r"`parameters` must be a list"),
    (bass(parameters=[]), r"an instrument needs 1 to 256 parameters"),
    (bass("instrument", name="subphatty"), r"'subphatty' is that of a built-in one, which has other parameters"),
    (bass("instrument", name="."), r"the instrument's name is '\.'"),
    (bass(instrument="Bass Box"), r"instrument must be a mapping in braces, with name, title"),
    # Names.
    (cutoff(name="filter cutoff"), r"parameter number 1: the name 'filter cutoff' cannot be a column"),
    (cutoff(name="2nd"), r"parameter number 1: the name '2nd' cannot be a column"),
    (cutoff(name=7), r"parameter number 1: the name is 7; give a text in quotes"),
    (cutoff(name="file"), r"parameter 'file': the name is taken .*such as 'osc_file'"),
    (cutoff(name="Heard"), r"parameter 'Heard': the name is taken"),
    (cutoff(name="type"), r"parameter 'type': the name is taken"),
    (cutoff(name="envelope"), r"parameter 'envelope': the name is taken"),
    (cutoff(name="lambda"), r"parameter 'lambda': the name is taken"),
    (detune(name="cutoff"), r"two parameters are called 'cutoff'; give each its own name"),
    (detune(name="Cutoff"), r"the names 'cutoff' and 'Cutoff' differ in case only"),
    # Kinds and keys.
    (cutoff(kind="slider"), r"parameter 'cutoff': the kind is 'slider'; each parameter says"),
    (cutoff(kind=...), r"parameter 'cutoff': the kind is None"),
    (bass(parameters=["cutoff"]), r"parameter number 1: the kind is None"),
    (cutoff(controller=74), r"parameter 'cutoff' has the unknown key 'controller'; did you mean 'control'"),
    (cutoff(positions={}), r"parameter 'cutoff' has the unknown key 'positions'"),
    (wave(positions=...), r"parameter 'wave' lacks 'positions'; add it"),
    (cutoff(about=5), r"parameter 'cutoff': about is 5; give one line"),
    # Controllers.
    (cutoff(control=120), r"parameter 'cutoff': control is 120; .*0 to 119, two different ones"),
    (cutoff(control=-1), r"parameter 'cutoff': control is -1"),
    (cutoff(control=True), r"parameter 'cutoff': control is True"),
    (cutoff(control=7.0), r"parameter 'cutoff': control is 7.0"),
    (cutoff(control="74"), r"parameter 'cutoff': control is '74'"),
    (cutoff(control=[12, 12]), r"parameter 'cutoff': control is \(12, 12\)"),
    (cutoff(control=[1, 2, 3]), r"parameter 'cutoff': control is \(1, 2, 3\)"),
    (wave(control=[12, 45]), r"parameter 'wave': control is \(12, 45\); .*0 to 119, or leave"),
    (wave(control=44), r"parameter 'wave': 'detune' has the controller 44 already; one of the two"),
    # Knobs.
    (cutoff(range=[120, 10]), r"parameter 'cutoff': the range is 120 to 10; give the lower end first"),
    (cutoff(range=[10, 10]), r"parameter 'cutoff': the range is 10 to 10"),
    (cutoff(range=[0, 128]), r"parameter 'cutoff': the range is \(0, 128\); .*from 0 to 127"),
    (detune(range=[0, 16384]), r"parameter 'detune': .*from 0 to 16383"),
    (cutoff(range=[0.5, 10]), r"parameter 'cutoff': the range is \(0.5, 10\)"),
    (cutoff(range=5), r"parameter 'cutoff': the range is 5"),
    (cutoff(control=...), r"parameter 'cutoff': a range is one of controller values, and this knob"),
    # Switches.
    (wave(positions={"Saw": 0}), r"parameter 'wave': a switch needs at least two positions"),
    (wave(positions={"Saw": 0, "Pulse": 0}), r"parameter 'wave': two positions have the controller value 0"),
    (wave(positions={"Saw": 0, "Pulse": 128}), r"parameter 'wave': the position 'Pulse' has the .*128"),
    (wave(positions={"Saw": 0, "": 1}), r"parameter 'wave': a position's label is ''"),
    (wave(positions={"Saw": 0, '"': 1}), r"parameter 'wave': the label '\"' has quotes"),
    (wave(positions={"Saw": 0, " b": 1}), r"parameter 'wave': the label ' b' has .*space around it"),
    (wave(positions=["Saw", "Pulse"]), r"parameter 'wave': positions must map labels to controller"),
    (wave(control=...), r"parameter 'wave': positions must be a list of labels, .*or the control is"),
    (wave(control=None, positions=["A", "A"]), r"parameter 'wave': two positions have the label 'A'"),
    (wave(control=None, positions=[["A"], "B"]), r"parameter 'wave': a position's label is \['A'\]"),
    (wave(display=["Saw"]), r"parameter 'wave': display must map labels"),
    (wave(display={"saw": "x"}), r"parameter 'wave': display names the label 'saw'; did you mean 'Saw'"),
    # Heard rules.
    (wave(heard="always"), r"parameter 'wave': heard is 'always'; give true, false or a rule"),
    (wave(heard=[]), r"parameter 'wave': heard: \(\) is no rule"),
    (wave(heard=["abov", "cutoff", 2]), r"heard: a rule starts with is, above.* did you mean 'above'"),
    (wave(heard=["above", "cutof", 2]), r"heard: 'above' is about 'cutof', .*did you mean 'cutoff'"),
    (wave(heard=["above"]), r"heard: 'above' is about None"),
    (wave(heard=["above", "cutoff"]), r"heard: 'above' needs a setting .*: 0\.7874 to 9\.449"),
    (wave(heard=["above", "cutoff", 11]), r"heard: 'above' needs a setting"),
    (wave(heard=["above", "detune", 10]), r"heard: 'above' needs a setting"),
    (wave(heard=["below", "detune", 0]), r"heard: 'below' needs a setting"),
    (wave(heard=["is", "cutoff", "Saw"]), r"heard: 'cutoff' is a knob, for which there is 'above'"),
    (cutoff(heard=["above", "wave", 2]), r"heard: 'wave' is a switch, for which there is 'is'"),
    (cutoff(heard=["is", "wave", "saw"]), r"heard: 'wave' has no position 'saw'; did you mean 'Saw'"),
    (cutoff(heard=["is", "wave"]), r"heard: 'is' needs a label of 'wave'; there is Saw, Pulse"),
    (cutoff(heard=["all", "wave"]), r"heard: 'wave' is no rule"),
    (wave(heard=["above", "note.hold", 1]), r"'note\.hold', which is nothing that can be asked .* 'note\.held'\?"),
    (wave(heard=["is", "note.held", "long"]), r"'note\.held' is a number of what is played, for which"),
    (wave(heard=["above", "note.highest", 127]), r"'above' needs a number that 'note\.highest' can be above: 0 to 127"),
    (wave(heard=["below", "note.softest", 1]), r"'below' needs a number that 'note\.softest' can be below: 1 to 127"),
    (wave(heard=["above", "note.rest", 61]), r"'above' needs a number that 'note\.rest' can be above: 0 to 60"),
    (wave(heard=["above", "note.rest", -0.1]), r"'above' needs a number"),
    (wave(heard=["above", "note.rest", "long"]), r"'above' needs a number"),
    (wave(heard=["above", "note.rest", True]), r"'above' needs a number"),
    (wave(heard=["above", "note.rest", 1, 2]), r"'above' needs a number"),
    (wave(heard=["above", "note.rest"]), r"'above' needs a number"),
    (cutoff(heard=["above", "detune", []]), r"\(\) is no limit; give a number, or 'along', a name and two points"),
    (cutoff(heard=["above", "detune", ["along", "note.held", [1, 2]]]), r"is no limit; give a number, or 'along'"),
    (cutoff(heard=["above", "detune", ["along", "note.held", [1, 2], [1, 3]]]), r"is no limit; .* values ascending"),
    (cutoff(heard=["above", "detune", ["along", "note.hel", [0, 2], [1, 3]]]), r"'along' is about 'note\.hel'"),
    (cutoff(heard=["above", "detune", ["along", "detun", [0, 2], [1, 3]]]), r"'along' is about 'detun', which is no"),
    (cutoff(heard=["above", "detune", ["along", "wave", [0, 2], [1, 3]]]), r"'wave' is a switch, along which no limit"),
    (cutoff(heard=["above", "detune", ["along", "note.held", [0, 2], [90, 3]]]), r"the value 90, .* 0 to 60"),
    (cutoff(heard=["above", "detune", ["along", "note.held", [0, 2], [1, 11]]]), r"'above' needs a setting .* 0 to 10"),
    (cutoff(heard=["below", "detune", ["along", "note.held", [0, 0], [1, 0]]]), r"'below' needs a setting"),
    (cutoff(heard=["all", ["above", "note.held", 1]]) | {"fixed": {"note.held": 2}}, r"'note\.held' is no setting"),
    (cutoff(heard=json.loads("[" * 40 + "]" * 40)), r"parameter 'cutoff': heard: \(\(.* is no rule"),
    (cutoff(heard=json.loads('["all", ' * 20 + '["all"]' + "]" * 20)), r"nested more than 16 deep"),
    # What varies.
    (bass(columns="cutoff"), r"`columns` must be a list"),
    (bass(columns=["cutof"]), r"columns name 'cutof', which is no parameter; did you mean 'cutoff'"),
    (bass(columns=[["cutoff"]]), r"columns name \['cutoff'\]"),
    (bass(columns=["cutoff", "cutoff"]), r"columns name 'cutoff' twice"),
    (bass(columns=["cutoff", "wave"]), r"parameter 'detune' is neither among the columns nor fixed"),
    (bass(columns=[]), r"no parameter varies"),
    (bass(fixed={"cutoff": 5, "detune": 5, "wave": "Saw"}), r"no parameter varies: leave at least one out of `fixed`"),
    (bass(fixed={"cutoff": 5}, columns=["cutoff", "detune", "wave"]), r"parameter 'cutoff' is both fixed and among"),
    (bass(fixed={"cutof": 5}), r"fixed: 'cutof' is no parameter and in no heard rule; did you mean 'cutoff'"),
    (bass(fixed={"cutoff": 0}), r"fixed: 'cutoff' is 0; give a setting from 0\.7874 to 9\.449"),
    (bass(fixed={"cutoff": "5"}), r"fixed: 'cutoff' is '5'"),
    (bass(fixed={"wave": "saw"}), r"fixed: 'wave' has no position 'saw'; did you mean 'Saw'"),
    (bass(fixed={"wave": ["Saw"]}), r"fixed: 'wave' has no position"),
    (bass(fixed=["wave"]), r"`fixed` must map names to settings"),
    (wave(heard=["above", "mod", 2]) | {"fixed": {"mod": 11}}, r"fixed: 'mod' is 11; give a knob's"),
    # Takes.
    (bass(take=[0.9]), r"take must be a mapping in braces"),
    (bass("take", second=1), r"take has the unknown key 'second'; did you mean 'seconds'"),
    (bass("take", seconds="0.9"), r"take: seconds is '0.9'; give a number of seconds"),
    (bass("take", seconds=0), r"take: it lasts 0 s; give 0.05 to 60 seconds"),
    (bass("take", seconds=61), r"take: it lasts 61 s"),
    (bass("take", note_on=0.9), r"take: the note starts 0.9 s after the start of a take of 0.9 s"),
    (bass("take", note_on=-0.01), r"take: the note starts -0.01 s after"),
    (bass("take", note_off=0.05), r"take: the note ends before it starts"),
    (bass("take", lead=-0.01), r"take: .*make lead 0 or more"),
    (bass("take", slot=0.95), r"take: the take ends 1 s after the start of a slot of 0.95 s, .*; lengthen the slot"),
    (bass("take", patch=0.2), r"take: the preset must be sent in the slot before the note starts"),
    (bass("take", reset_first=1), r"take: reset_first is 1; give true or false"),
]  # fmt: skip


@pytest.mark.parametrize("data, message", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(data, message, tmp_path):
    path = written(tmp_path, data)
    with pytest.raises(InputError, match=message) as caught:
        read_declaration(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text and text.count(str(path)) == 1


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(b'{"name": "\xff"}')
    with pytest.raises(InputError, match=r"not a text in UTF-8"):
        read_declaration(path)
    path.write_bytes(b" " * (declaring.MAX_BYTES + 1))
    with pytest.raises(InputError, match=r"larger than 1 MB"):
        read_declaration(path)
    with pytest.raises(InputError, match=r"there is no such file"):
        read_declaration(tmp_path / "folder.json")


def test_reserved_names_are_those_that_are_taken():
    columns = {names.AUDIO_COLUMN, names.HEARD_COLUMN, names.MEASURED_COLUMN, names.CHANGE_COLUMN, "file", "split"}
    assert columns <= RESERVED
    nn = pytest.importorskip("torch").nn
    methods = {name.casefold() for name in dir(nn.ModuleDict()) if re.fullmatch(r"[A-Za-z]\w*", name)}
    assert methods <= RESERVED
    taken = {"short_mels", "long_mels", "envelope", "modulation", "peak"}
    assert taken <= RESERVED
    assert not RESERVED & {p.name.casefold() for i in INSTRUMENTS.values() for p in i.parameters}


# --- programs ---


def test_a_program_is_not_run(tmp_path):
    """Not by its path, not by a record that names it: of a folder, a checkpoint or the Hub."""
    ran = tmp_path / "ran"
    path = written(tmp_path, f"open({str(ran)!r}, 'w').close()\n", "mine.py")
    for attempt in (get_collection, read_declaration, lambda place: Presets(place, np.zeros((1, 1)))):
        for place in (str(path), path):
            with pytest.raises(InputError, match=r"mine\.py is a program, and declarations are not run: .*write_"):
                attempt(place)
    assert not ran.exists()


@pytest.mark.parametrize("name", ["mine.json", "../guitar", "", None, 5, ["guitar"], {"name": "guitar"}, "moog" * 99])
def test_a_record_names_built_in_collections_only(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, BASS, "mine.json")
    assert known_collection("guitar") is COLLECTIONS["guitar"]
    with pytest.raises(InputError, match=r"is no collection of this package; give the declaration") as caught:
        known_collection(name)
    assert len(str(caught.value)) < 200


LARGE = {
    "a key twice": (
        "{" + ", ".join(f'"k{i % 60_000}": 1' for i in range(60_001)) + "}",
        "'k0' is there twice",
    ),
    "positions": (
        json.dumps(
            {
                "name": "a",
                "parameters": [
                    {
                        "kind": "switch",
                        "name": "w",
                        "control": 7,
                        "positions": dict.fromkeys(map(str, range(60_000)), 0),
                    }
                ],
            }
        ),
        "has at most 128 positions, and this one 60,000",
    ),
    "labels of a rule": (
        json.dumps(
            {
                "name": "a",
                "parameters": [{"kind": "knob", "name": "k", "heard": ["is", "m", *map(str, range(60_000)), 1]}],
                "fixed": {"m": "x"},
            }
        ),
        "has no position 1",
    ),
    "fixed names in a rule": (
        json.dumps(
            {
                "name": "a",
                "parameters": [
                    {"kind": "knob", "name": "k", "heard": ["any", *[["is", f"m{i}", "x"] for i in range(20_000)], 1]}
                ],
                "fixed": {f"m{i}": "x" for i in range(20_000)},
            }
        ),
        "1 is no rule",
    ),
}
"""Each took from half a minute to several, by time that grows with the square."""


@pytest.mark.parametrize("name", LARGE)
def test_large_declarations_are_refused_at_once(name, tmp_path):
    content, message = LARGE[name]
    path = tmp_path / "large.json"
    path.write_text(content)
    start = time.process_time()
    with pytest.raises(InputError, match=re.escape(message)):
        read_declaration(path)
    assert time.process_time() - start < 5
