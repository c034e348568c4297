"""Presets to MIDI and back, the tracks of 2018, files from strangers."""

import hashlib
import io
import random
import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import ORIGINAL

from secret_sauce_hf.instruments import COLLECTIONS, InputError, Knob
from secret_sauce_hf.midi import (
    ORDERS,
    files,
    is_sent,
    not_to_send,
    port_names,
    preset_messages,
    preset_midi_file,
    read_messages,
    read_midi_file,
    read_preset,
    send,
    write_midi_file,
)
from secret_sauce_hf.original.session import collection_track
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

# Of some instruments nothing can be sent.
SENT = [name for name, collection in COLLECTIONS.items() if is_sent(collection)]
every_collection = pytest.mark.parametrize("name", SENT)
every_original = pytest.mark.parametrize("name", ORIGINAL)
every_order = pytest.mark.parametrize("order", ORDERS)

# SHA-256 of the tracks that drove the instruments in 2018.
TRACKS = {
    "guitar-tiny": "70399fd4c2bb206847e53d43fe8c2727e208f2c72daa439da8cf7da622078e22",
    "guitar": "953b87c62a6319fb68b49d1bdeb6e220bfd1075102f78eee2c3de95cbc090538",
    "noisemaker-light": "179ebb987de8f48c60c100f5d70c30d092c908534879645db3eed4afd78cfc6f",
    "noisemaker": "f57403af6f7476644fa022f3a9e0b0dc5bbb5ae7ed90d14384c9088e418f02bb",
    "subphatty": "806d24c91bb44ba18899000754c33c7904c4562d3b5eff0bcacdd49beaba5bf2",
}


def saved(midi_file: mido.MidiFile) -> bytes:
    data = io.BytesIO()
    midi_file.save(file=data)
    return data.getvalue()


@cache
def track_bytes(name: str) -> bytes:
    return saved(collection_track(original_presets(name)))


def preset(name: str, row: int = 0) -> dict[str, float | str]:
    return next(original_presets(name, row, row + 1).rows())


def cc(control: int, value: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=control, value=value, channel=channel)


# --- the tracks of 2018 ---


@every_original
def test_the_track_of_2018_to_the_byte(name):
    assert hashlib.sha256(track_bytes(name)).hexdigest() == TRACKS[name]


@every_original
def test_the_original_track(name, shared):
    assert track_bytes(name) == (shared / "original" / f"{COLLECTIONS[name].stem}.mid").read_bytes()


@pytest.mark.parametrize("name", ["guitar-tiny", "noisemaker-light"])
def test_the_original_track_message_by_message(name, shared):
    """As mido objects, before they are saved: meta messages, times and the end of the track too."""
    theirs = mido.MidiFile(shared / "original" / f"{COLLECTIONS[name].stem}.mid")
    ours = collection_track(original_presets(name))
    assert (ours.type, ours.ticks_per_beat) == (theirs.type, theirs.ticks_per_beat) == (0, 9_600)
    assert [list(track) for track in ours.tracks] == [list(track) for track in theirs.tracks]


@every_original
def test_each_row_takes_its_slot(name):
    collection = COLLECTIONS[name]
    presets = draw_presets(name, 3, seed=1)
    rows = list(presets.rows())
    clock, notes, sent = 0, [], []
    for message in collection_track(presets).tracks[0]:
        clock += message.time
        if message.type == "control_change":
            sent.append(message)
        elif message.type == "note_on":
            assert read_preset(name, sent) == rows[len(notes)]
            notes.append(clock / 9_600)
            sent = []
    assert notes == pytest.approx([row * collection.timing.slot + collection.timing.note_on for row in range(3)])
    assert clock == round((2 * collection.timing.slot + collection.timing.note_off) * 9_600)


def test_a_track_without_rows():
    track = collection_track(original_presets("guitar", 0, 0)).tracks[0]
    assert [message.type for message in track] == ["smpte_offset", "set_tempo", "time_signature", "end_of_track"]


# --- a preset and its messages ---


@every_collection
@every_order
@pytest.mark.parametrize("channel", [0, 9, 15])
def test_a_preset_survives(name, order, channel):
    for row in draw_presets(name, 10, seed=channel).rows():
        messages = preset_messages(name, row, order=order, channel=channel)
        assert {message.data[1] if message.type == "sysex" else message.channel for message in messages} == {channel}
        report = read_messages(name, messages)
        assert report.is_preset and report.overridden == () and report.channels == (channel,)
        assert read_preset(name, messages) == report.settings == row
        assert read_preset(name, messages, channel=channel) == row


@every_collection
def test_one_controller_per_7_bits_in_column_order(name):
    collection = COLLECTIONS[name]
    messages = [message for message in preset_messages(name, preset(name)) if message.type == "control_change"]
    assert [message.control for message in messages] == [c for p in collection.parameters for c in p.control]


@pytest.mark.parametrize(("order", "sent"), [
    ("msb-lsb", [(21, 8), (53, 120)]),
    ("lsb-msb", [(53, 120), (21, 8)]),
    ("lsb-msb-lsb", [(53, 120), (21, 8), (53, 120)]),
])  # fmt: skip
def test_orders_of_the_halves(order, sent):
    messages = preset_messages("subphatty", preset("subphatty"), order=order)
    assert [(message.control, message.value) for message in messages if message.control in (21, 53)] == sent


@every_order
def test_every_14_bit_value_survives(order):
    """All legal values of every knob, some hundred rows of them: column i starts at its own offset."""
    collection = COLLECTIONS["subphatty"]
    row = preset("subphatty")
    knobs = [parameter for parameter in collection.parameters if isinstance(parameter, Knob)]
    step = 16_384 // len(knobs) + 1
    for start in range(0, step, 7):
        values = {knob.name: (start + index * step) % 16_384 for index, knob in enumerate(knobs)}
        values |= {knobs[0].name: 127 + 128 * (start % 128), knobs[1].name: 128 * (start % 128)}
        settings_of_row = {name: value * 10 / 16_383 for name, value in values.items()}
        read = read_preset("subphatty", preset_messages("subphatty", row | settings_of_row, order=order))
        assert {knob.name: round(read[knob.name] * 1638.3) for knob in knobs} == values


def test_settings_between_two_controller_values_go_to_the_nearest():
    row = preset("noisemaker-light") | {"lfo1_rate": 5.0}
    assert preset_messages("noisemaker-light", row)[0].value == 64
    assert read_preset("noisemaker-light", preset_messages("noisemaker-light", row))["lfo1_rate"] == 64 / 12.7


@pytest.mark.parametrize("channel", [-1, 16, 1.5, True, "1", None])
def test_bad_channels(channel):
    with pytest.raises(InputError, match="channel must be an integer from 0 to 15"):
        preset_messages("guitar", preset("guitar"), channel=channel)


def test_bad_arguments():
    row = preset("guitar")
    with pytest.raises(InputError, match="order must be one of msb-lsb, lsb-msb, lsb-msb-lsb, not 'msb'"):
        preset_messages("guitar", row, order="msb")
    with pytest.raises(InputError, match="no value for filter_frequency"):
        preset_messages("guitar", {name: row[name] for name in row if name != "filter_frequency"})
    with pytest.raises(InputError, match="unknown column 'glide'"):
        preset_messages("guitar", row | {"glide": 0.0})
    with pytest.raises(InputError, match=r"delay_time: 10\.0 must be a number from 0 to 5\.03"):
        preset_messages("guitar", row | {"delay_time": 10.0})
    with pytest.raises(InputError, match="Unknown collection"):
        preset_messages("organ", row)
    with pytest.raises(InputError, match="channel must be"):
        read_messages("guitar", [], channel=16)
    with pytest.raises(InputError, match="Not a mido message: 'control_change"):
        read_messages("guitar", ["control_change channel=0 control=3 value=0"])


# --- messages that are no preset ---


def test_other_messages_are_ignored():
    row = preset("noisemaker-light")
    messages = [
        mido.MetaMessage("track_name", name="x"),
        mido.Message("program_change"),
        *preset_messages("noisemaker-light", row),
        mido.Message("note_on", channel=3),
        mido.Message("sysex", data=[1, 2]),
        mido.Message("clock"),
    ]
    assert read_preset("noisemaker-light", messages) == row


def test_missing_and_unknown_controllers():
    row = preset("noisemaker-light")
    messages = [m for m in preset_messages("noisemaker-light", row) if m.control not in (14, 16)]
    report = read_messages("noisemaker-light", [*messages, cc(3, 100), cc(119), cc(3, 90)])
    assert report.missing == ("osc2_wave", "filter_resonance")
    assert report.unknown == (3, 119)
    assert report.settings == {name: row[name] for name in ("lfo1_rate", "filter_cutoff", "lfo1_amount")}
    assert not report.is_preset
    text = (
        "3 of 5 parameters of noisemaker-light received; missing: osc2_wave (CC 14), filter_resonance (CC 16); "
        "controllers that noisemaker-light does not have (remove them): 3, 119."
    )
    assert str(report) == text
    with pytest.raises(InputError) as error:
        read_preset("noisemaker-light", [*messages, cc(3, 100), cc(119)])
    assert str(error.value) == text


def test_no_messages_at_all():
    report = read_messages("subphatty", [])
    assert report.missing == COLLECTIONS["subphatty"].columns and report.settings == {} and report.channels == ()
    with pytest.raises(InputError, match="0 of 29 parameters of subphatty received; missing: filter_reso"):
        read_preset("subphatty", [])


def test_illegal_values():
    messages = preset_messages("guitar", preset("guitar"))
    report = read_messages("guitar", [*messages, cc(81, 41), cc(75, 1)])
    assert report.illegal == {"filter_frequency": 41, "flanger_mode": 1}
    assert "filter_frequency (CC 81) got 41 but must be from 42 to 84" in str(report)
    assert "flanger_mode (CC 75) got 1 but must be one of 0 (chorus), 67 (pitchmod), 127 (flanger)" in str(report)
    assert not {"filter_frequency", "flanger_mode"} & report.settings.keys()
    with pytest.raises(InputError, match="got 41"):
        read_preset("guitar", [*messages, cc(81, 41)])
    # Only the last value counts: 2018's zero patch has a 0 here too.
    assert read_messages("guitar", [cc(81, 0), *messages]).illegal == {}


def test_the_last_value_wins():
    first, second = preset("noisemaker-light", 0), preset("noisemaker-light", 1)
    messages = [*preset_messages("noisemaker-light", first), *preset_messages("noisemaker-light", second)]
    report = read_messages("noisemaker-light", messages)
    assert report.settings == second and report.is_preset
    # Both rows have a Sine.
    assert report.overridden == ("lfo1_rate", "filter_cutoff", "lfo1_amount", "filter_resonance")
    assert "sent more than once, the last value counts: lfo1_rate" in str(report)


@every_order
def test_the_last_14_bit_value_wins(order):
    first, second = preset("subphatty", 0), preset("subphatty", 1)
    messages = [
        *preset_messages("subphatty", first, order=order),
        *preset_messages("subphatty", second, order=order),
    ]
    assert read_preset("subphatty", messages) == second


# M: MSB, L: LSB of one pair; the value that is left, or None where it cannot be told.
@pytest.mark.parametrize(("halves", "value"), [
    ("M1 L2", 130),
    ("L2 M1", 130),
    ("L2 M1 L2", 130),
    ("M1 L2 M1 L2", 130),
    ("M1 L2 M3 L4", 388),
    ("L2 M1 L4 M3", 388),
    ("L2 M1 L2 L4 M3 L4", 388),
    ("M1 M3 L4", 388),
    ("L2 L4 M3", 388),
    ("M1 L2 L4", 132),
    ("M1", None),
    ("L2", None),
    ("L2 L3", None),
    ("M1 L2 M3", None),
    ("L2 M1 M3", None),
    ("L2 M1 L3", None),
    ("L2 M1 L4 M3 L5", None),
    ("L2 M1 L2 L4 M3 L5", None),
])  # fmt: skip
def test_halves_of_a_14_bit_value(halves, value):
    knob = COLLECTIONS["subphatty"].instrument["filter_reso"]
    controls = dict(zip("ML", knob.control, strict=True))
    report = read_messages("subphatty", [cc(controls[half[0]], int(half[1:])) for half in halves.split()])
    if value is None:
        assert report.incomplete == ("filter_reso",) and report.settings == {}
        assert "only half of a 14-bit value came for filter_reso (CC 21 and 53)" in str(report)
    else:
        assert report.incomplete == () and report.settings == {"filter_reso": pytest.approx(value * 10 / 16_383)}
    assert "filter_reso" not in report.missing and not report.is_preset


def test_halves_of_several_pairs_may_be_mixed():
    row = preset("subphatty")
    messages = preset_messages("subphatty", row)
    msbs = [message for message in messages if message.control < 32 or message.control >= 64]
    lsbs = [message for message in messages if 32 <= message.control < 64]
    random.Random(1).shuffle(lsbs)
    assert read_preset("subphatty", [*msbs, *lsbs]) == row
    assert read_preset("subphatty", [*lsbs, *msbs]) == row


def test_several_channels():
    here, there = preset("noisemaker-light", 0), preset("noisemaker-light", 1)
    messages = [
        *preset_messages("noisemaker-light", here, channel=2),
        *preset_messages("noisemaker-light", there, channel=5),
        cc(3, channel=9),
    ]
    report = read_messages("noisemaker-light", messages)
    assert report.channels == (2, 5) and report.settings == {} and not report.is_preset
    assert "came on channels 2, 5 (counted from 0): choose one of them" in str(report)
    with pytest.raises(InputError, match="channels 2, 5"):
        read_preset("noisemaker-light", messages)
    assert read_preset("noisemaker-light", messages, channel=2) == here
    assert read_preset("noisemaker-light", messages, channel=5) == there
    assert read_messages("noisemaker-light", messages, channel=9).unknown == (3,)


# --- what a sequencer sends beside a preset ---


def clip(*before: mido.Message, row=None, after: tuple[mido.Message, ...] = ()) -> list[mido.Message]:
    return [*before, *preset_messages("noisemaker-light", row or preset("noisemaker-light")), *after]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([cc(0, 1), cc(32, 2), mido.Message("program_change")], (), (0, 32)),
        ([cc(32, 2), cc(0, 1)], (), (0, 32)),
        ([cc(7, 100), cc(10, 64), cc(11, 127)], (), (7, 10, 11)),
        ([cc(101), cc(100), cc(6, 2), cc(38), cc(101, 127), cc(100, 127)], (), (6, 38, 100, 101)),
        ([cc(99, 1), cc(98, 8), cc(96)], (), (96, 98, 99)),
        ([cc(121)], (cc(64, 127), cc(64), cc(1, 3), cc(123)), (1, 64, 121, 123)),
        ([cc(91, 40), cc(93), cc(7, 3, channel=5)], (), (7, 91, 93)),
    ],
)
def test_what_sequencers_send_by_themselves_is_left_aside(before, after, told):
    report = read_messages("noisemaker-light", clip(*before, after=after))
    assert report.is_preset and report.settings == preset("noisemaker-light")
    assert (report.beside, report.unknown, report.otherwise) == (told, (), {})
    assert "left aside: " in str(report) and str(told[0]) in str(report)


def test_a_bank_is_not_the_level_of_oscillator_2():
    """The NoiseMaker has the controller of a bank's second half for it."""
    row = preset("noisemaker")
    messages = [cc(0, 3), cc(32, 5), *preset_messages("noisemaker", row)]
    assert read_preset("noisemaker", messages) == row
    assert read_messages("noisemaker", messages).overridden == ()
    assert read_messages("noisemaker", [m for m in messages if m.control != 32 or m.value == 5]).missing == (
        "osc2_volume",
    )
    # Without a bank's first half it is the oscillator's.
    assert read_messages("noisemaker-light", clip(cc(32, 5))).otherwise == {"osc2_volume": 5}


def test_an_instruments_own_controller_is_never_left_aside():
    level = Knob("level", (7,))
    light = COLLECTIONS["noisemaker-light"]
    instrument = replace(light.instrument, parameters=(level, Knob("fine", (6,)), Knob("bank", (0,))))
    own = replace(light, instrument=instrument, columns=("level", "fine", "bank"), fixed=())
    messages = [cc(101), cc(100), cc(6, 2), cc(7, 127), cc(6, 127), cc(0, 127)]
    assert read_preset(own, messages) == {"level": 10.0, "fine": 10.0, "bank": 10.0}
    assert read_messages(own, messages[:4]).missing == ("fine", "bank")


def test_a_clip_in_a_file(tmp_path):
    """Bank, volume and RPN on one track, the preset of another channel on the next."""
    setup = [cc(0), cc(32), mido.Message("program_change"), cc(7, 100), cc(10, 64), cc(101), cc(100), cc(6, 2), cc(38)]
    row = preset("noisemaker")
    notes = [mido.Message("note_on", note=60, time=480), mido.Message("note_off", note=60, time=480)]
    sent = preset_messages("noisemaker", row)
    mido.MidiFile(type=1, tracks=[mido.MidiTrack(setup), mido.MidiTrack([*sent, *notes])]).save(tmp_path / "clip.mid")
    messages = read_midi_file(tmp_path / "clip.mid")
    assert read_preset("noisemaker", messages) == row and messages.mended == ()


# --- what is fixed, and what is not heard ---


@every_collection
@every_order
def test_a_file_sets_what_is_fixed_too(name, order, tmp_path):
    collection = COLLECTIONS[name]
    row = preset(name)
    path = tmp_path / "preset.mid"
    write_midi_file(preset_midi_file(name, row, order=order), path)
    messages = read_midi_file(path)
    sent = {message.control for message in messages if message.type == "control_change"}
    assert sent == {control for p in collection.instrument.parameters for control in p.control}
    assert read_preset(name, messages) == row
    write_midi_file(preset_midi_file(name, row, order=order, fixed=False), path)
    sent = {message.control for message in read_midi_file(path) if message.type == "control_change"}
    assert sent == {control for p in collection.parameters for control in p.control}


def test_a_fixed_setting_that_is_otherwise():
    report = read_messages("noisemaker-light", clip(cc(19, 3), cc(31, 20)))
    assert report.otherwise == {"osc1_volume": 3} and not report.is_preset
    assert "osc1_volume (CC 19) got 3, fixed at 0 in noisemaker-light" in str(report)
    # On another channel it is somebody else's.
    assert read_messages("noisemaker-light", clip(cc(19, 3, channel=4))).is_preset


@every_collection
def test_what_is_not_sent_is_not_heard_whatever_it_is(name):
    """Whatever the instrument has there: nothing that is left out is heard, at any of its settings."""
    collection = COLLECTIONS[name]
    rows = draw_presets(name, 40, seed=2)
    chance = draw_presets(name, 40, seed=3)
    left_some = 0
    for number, row in enumerate(rows.rows()):
        left = not_to_send(name, row)
        left_some += bool(left)
        messages = preset_messages(name, row, leave_out=left)
        report = read_messages(name, messages)
        assert report.is_preset and set(report.unheard) == set(left)
        assert {key: value for key, value in row.items() if key not in left} == report.settings
        assert list(report.preset) == list(collection.columns)
        other = dict(zip(collection.columns, chance.unit[number], strict=True))
        columns = [other[c] if c in left else rows.unit[number, i] for i, c in enumerate(collection.columns)]
        heard = Presets(collection, np.array([columns])).heard()[0]
        assert not heard[[collection.columns.index(c) for c in left]].any()
    # A voice of the DX7 is sent whole.
    assert left_some or name in ("guitar-tiny", "dx7")


@every_collection
def test_a_file_tells_what_it_does_not_send(name, tmp_path):
    for row in draw_presets(name, 10, seed=4).rows():
        left = not_to_send(name, row)
        write_midi_file(preset_midi_file(name, row, leave_out=left), tmp_path / "a.mid")
        messages = read_midi_file(tmp_path / "a.mid")
        texts = [message.text for message in messages if message.type == "text"]
        assert len(texts) == len(left) and all(text.startswith("not heard, not sent: ") for text in texts)
        assert read_preset(name, messages) == row
        assert read_messages(name, messages).unheard == left


@pytest.mark.parametrize(
    "text",
    ["not heard, not sent: filter_attack (CC 22 = 128)", "not heard, not sent: x (CC 15 = 3)", "CC 22 = 3", "",
     "not heard, not sent: osc1_wave (CC 20 = 3)", "not heard, not sent: filter_attack (CC 22 = 3, CC 23 = 4)"],
)  # fmt: skip
def test_other_texts_tell_nothing(text):
    row = preset("noisemaker") | {"osc1_volume": 0.0}
    left = not_to_send("noisemaker", row)
    assert {"filter_attack", "osc1_wave"} <= set(left)
    messages = [mido.MetaMessage("text", text=text), *preset_messages("noisemaker", row, leave_out=left)]
    report = read_messages("noisemaker", messages)
    assert report.noted == {} and report.preset["filter_attack"] == 0.0
    assert report.settings["filter_cutoff"] == row["filter_cutoff"]


def test_two_that_silence_each_other_are_not_both_left_out():
    row = preset("noisemaker") | {"lfo1_amount": 5.0, "lfo1_destination": "NOTHING"}
    row["lfo1_amount"] = 64 / 12.7
    presets = Presets.from_settings("noisemaker", [row])
    heard = dict(zip(presets.collection.columns, presets.heard()[0].tolist(), strict=True))
    assert not heard["lfo1_amount"] and not heard["lfo1_destination"]
    left = not_to_send("noisemaker", row)
    assert len({"lfo1_amount", "lfo1_destination"} & set(left)) == 1
    assert read_messages("noisemaker", preset_messages("noisemaker", row, leave_out=left)).is_preset
    # What somebody hears all the same is sent.
    assert "filter_attack" in left and "filter_attack" not in not_to_send("noisemaker", row, {"filter_attack": True})


def test_what_is_missing_and_heard_is_missing():
    row = preset("noisemaker") | {"lfo1_amount": 10.0, "lfo1_destination": "FILTER"}
    messages = [m for m in preset_messages("noisemaker", row) if m.control not in (17, 22)]
    report = read_messages("noisemaker", messages)
    assert set(report.missing) == {"lfo1_rate", "filter_attack"} and report.unheard == () and not report.is_preset


# --- the file of one preset ---


@every_collection
@every_order
def test_a_file_of_one_preset(name, order, tmp_path):
    row = preset(name)
    path = tmp_path / "preset.mid"
    write_midi_file(preset_midi_file(name, row, note=48, velocity=100, order=order, channel=4), path)
    assert [file.name for file in tmp_path.iterdir()] == ["preset.mid"]

    messages = read_midi_file(path)
    assert read_preset(name, messages) == row
    assert [message.type for message in messages if message.is_meta] == [
        "track_name", "set_tempo", "time_signature", "end_of_track",
    ]  # fmt: skip
    assert messages[0].name == name
    assert [message.type for message in messages[-3:]] == ["note_on", "note_off", "end_of_track"]

    clock, controllers, notes = 0.0, [], []
    for message in mido.MidiFile(path):
        clock += message.time
        if message.type in ("control_change", "sysex"):
            controllers.append(clock)
        elif not message.is_meta:
            assert (message.note, message.channel) == (48, 4)
            notes.append(clock)
    # A cable takes 0.96 ms for each, and the synthesiser some time to follow.
    assert all(later - earlier >= 0.96e-3 for earlier, later in pairwise(controllers))
    assert notes[0] - controllers[-1] >= 0.06
    # On a beat (of half a second), and as long as in a take.
    assert notes[0] * 2 == pytest.approx(round(notes[0] * 2))
    timing = COLLECTIONS[name].timing
    assert notes[1] - notes[0] == pytest.approx(timing.note_off - timing.note_on, abs=1e-3)


@pytest.mark.parametrize("wrong", [{"note": 128}, {"note": -1}, {"velocity": 0}, {"velocity": 128}, {"note": 60.5}])
def test_bad_notes(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be an integer from"):
        preset_midi_file("guitar", preset("guitar"), **wrong)


def test_writing_where_it_cannot_be(tmp_path):
    midi_file = preset_midi_file("guitar", preset("guitar"))
    for path in (tmp_path, tmp_path / "none" / "a.mid"):
        with pytest.raises(InputError, match="cannot be written"):
            write_midi_file(midi_file, path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")
    broken = mido.MidiFile(type=0, tracks=[mido.MidiTrack([mido.Message("note_on", time=0.5)])])
    with pytest.raises(ValueError, match="time must be int"):
        write_midi_file(broken, path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


# --- files from strangers ---


def test_tracks_are_merged_in_the_order_of_time(tmp_path):
    row = preset("noisemaker-light")
    early = mido.MidiTrack([mido.Message("program_change"), cc(14, 127), cc(15, 1)])
    late = mido.MidiTrack(preset_messages("noisemaker-light", row))
    late[0].time = 10
    path = tmp_path / "two.mid"
    mido.MidiFile(type=1, tracks=[late, early]).save(path)
    assert read_preset("noisemaker-light", read_midi_file(path)) == row


def test_files_that_are_none(tmp_path, monkeypatch):
    path = tmp_path / "a.mid"
    whole = saved(preset_midi_file("guitar", preset("guitar")))
    for data, message in [
        (b"", "is not a MIDI file"),
        (b"RIFF" + whole, "is not a MIDI file"),
        (whole[:10], "is a broken MIDI file: a message in it is cut short"),
        (whole[:100], "is a broken MIDI file: a message in it is cut short"),
        (whole[:14] + b"XTrk" + whole[18:], "is a broken MIDI file: it has no track"),
        (whole[:22] + b"\x00\x05\x00", "is a broken MIDI file: running status"),
        (whole[:22] + b"\xff" * 5_000, "is a broken MIDI file: it has a number that does not end"),
        # A text of 2 GB is announced.
        (whole[:22] + b"\x00\xff\x01\x87\xff\xff\xff\x7f", "is a broken MIDI file: a message in it is cut short"),
        (whole[:9] + b"\x02" + whole[10:], "is a MIDI file of type 2: save it as type 0 or 1"),
    ]:
        path.write_bytes(data)
        with pytest.raises(InputError) as error:
            read_midi_file(path)
        assert message in str(error.value) and "\n" not in str(error.value)
    for nothing in (tmp_path, tmp_path / "none.mid"):
        with pytest.raises(InputError, match="No such file"):
            read_midi_file(nothing)
    path.write_bytes(whole)
    monkeypatch.setattr(files, "MAX_MIDI_BYTES", len(whole) - 1)
    with pytest.raises(InputError, match="is larger than"):
        read_midi_file(path)


@settings(max_examples=300)
@given(st.data())
def test_damaged_files_give_an_error_or_messages(tmp_path_factory, data):
    extra = [
        mido.MetaMessage("key_signature", key="C"),
        mido.MetaMessage("smpte_offset"),
        mido.MetaMessage("channel_prefix"),
        mido.MetaMessage("sequence_number"),
        mido.Message("sysex", data=[1, 2, 3]),
        mido.Message("pitchwheel"),
    ]
    midi_file = preset_midi_file("noisemaker-light", preset("noisemaker-light"))
    midi_file.tracks[0][3:3] = extra
    damaged = bytearray(saved(midi_file))
    for position, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255)), max_size=4)
    ):
        damaged[position] = byte
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    path.write_bytes(damaged)
    try:
        messages = read_midi_file(path)
    except InputError:
        return
    assert read_messages("noisemaker-light", messages).collection is COLLECTIONS["noisemaker-light"]


# --- ports ---


def test_sending_to_an_open_port():
    port = mido.ports.EchoPort()
    messages = preset_messages("noisemaker-light", preset("noisemaker-light"))
    send(messages, port)
    assert list(port.iter_pending()) == messages
    assert not port.closed


def test_without_a_way_to_ports(monkeypatch):
    """An import of None fails as that of a package that is not installed."""
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    monkeypatch.delitem(sys.modules, "mido.backends.rtmidi", raising=False)
    for call in (port_names, lambda: send([], "Sub Phatty")):
        with pytest.raises(InputError, match=r"pip install 'secret_sauce_hf\[midi\]'"):
            call()
