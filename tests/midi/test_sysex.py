"""Voices of the DX7 in `.syx` files, in banks and among messages; and what is none."""

import mido
import numpy as np
import pytest

from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.matching.bank import read_bank
from secret_sauce_hf.midi import (
    native_preset,
    preset_messages,
    read_messages,
    read_native_preset,
    read_native_presets,
    read_preset,
    read_preset_file,
)
from secret_sauce_hf.midi.sysex import (
    bank_message,
    presets_to_voices,
    read_syx,
    voice_data,
    voice_message,
    voices_to_presets,
    write_syx,
)
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.rows import read_file

DX7 = get_collection("dx7")
ROWS = draw_presets(DX7, 32, seed=3)
VOICES = presets_to_voices(ROWS, [f"VOICE {number}" for number in range(32)])
BANK = write_syx([bank_message(VOICES)])
ONE = write_syx([voice_message(VOICES[0])])


def written(folder, content, name="a.syx"):
    (folder / name).write_bytes(content)
    return folder / name


def same(one, other):
    return np.array_equal(one.values, other.values) and one.name == other.name


def test_sizes_and_headers():
    assert len(ONE) == 163 and ONE[:6] == bytes([0xF0, 0x43, 0, 0, 1, 27]) and ONE[-1] == 0xF7
    assert len(BANK) == 4_104 and BANK[:6] == bytes([0xF0, 0x43, 0, 9, 32, 0]) and BANK[-1] == 0xF7
    assert sum(ONE[6:-1]) % 128 == 0 and sum(BANK[6:-1]) % 128 == 0


def test_a_thousand_random_voices_survive(tmp_path):
    rows = draw_presets(DX7, 1_000, seed=11)
    voices = presets_to_voices(rows, [f"V{number}" for number in range(1_000)])
    messages = [bank_message(voices[at : at + 32]) for at in range(0, 992, 32)] + list(map(voice_message, voices[992:]))
    read = read_syx(written(tmp_path, write_syx(messages)))
    assert len(read) == 1_000 and all(map(same, read, voices))
    assert np.array_equal(voices_to_presets(DX7, read).cc, rows.cc)


def test_dexed_reads_what_is_written_and_writes_what_is_read(tmp_path):
    dexed = pytest.importorskip("dexed")
    theirs = dexed.Patch.load_bank(str(written(tmp_path, BANK)))
    for patch, voice in zip(theirs, VOICES, strict=True):
        assert bytes(patch.to_sysex()[:155]) == voice_data(voice.values, voice.name)
        assert patch.name == voice.name.ljust(10)
    dexed.Patch.save_to_bank(str(tmp_path / "b.syx"), theirs)
    assert (tmp_path / "b.syx").read_bytes() == BANK


def test_a_bank_without_a_message_and_other_messages_around(tmp_path):
    assert all(map(same, read_syx(written(tmp_path, BANK[6:-2])), VOICES))
    inquiry = bytes([0xF0, 0x7E, 0x7F, 6, 1, 0xF7])
    roland = bytes([0xF0, 0x41, 0, 0x14, 0x12, 0, 0xF7])
    read = read_syx(written(tmp_path, inquiry + BANK + roland + ONE))
    assert len(read) == 33 and same(read[32], VOICES[0])


def test_fewer_voices_fill_a_bank(tmp_path):
    read = read_syx(written(tmp_path, write_syx([bank_message(VOICES[:3])])))
    assert len(read) == 32 and all(same(voice, VOICES[2]) for voice in read[2:])
    for count in (0, 33):
        with pytest.raises(InputError, match=f"32 voices; {count} do not"):
            bank_message((VOICES * 2)[:count])


@pytest.mark.parametrize(("name", "kept"), [("E.PIANO 1", "E.PIANO 1"), ("a name of 20 letters", "a name of"),
                                            ("Ä\n音", "???"), ("", "")])  # fmt: skip
def test_names(name, kept, tmp_path):
    row = next(ROWS.rows())
    (voice,) = read_syx(written(tmp_path, native_preset(DX7, row, name)))
    assert voice.name == kept
    assert read_native_preset(DX7, tmp_path / "a.syx") == row == read_preset_file(DX7, tmp_path / "a.syx")


def test_a_bank_as_rows_and_as_a_bank(tmp_path):
    slashes = presets_to_voices(ROWS[:2], ["../etc", 'a"b:c'])
    path = written(tmp_path, write_syx(list(map(voice_message, slashes))))
    (part,) = read_file(DX7, path)
    assert part.files == ["01 .._etc.wav", "02 a_b_c.wav"] and np.array_equal(part.cc, ROWS.cc[:2])
    assert part == read_native_presets(DX7, path)
    written(tmp_path, ONE, "b.syx")
    bank = read_bank(DX7, tmp_path)
    # The voice of the second file is the first one of the first.
    assert bank.names == ("a.syx, 01 .._etc", "a.syx, 02 a_b_c")
    with pytest.raises(InputError, match="holds 2 presets"):
        read_native_preset(DX7, path)


def test_among_messages():
    first, second = (next(ROWS[at : at + 1].rows()) for at in (0, 1))
    messages = preset_messages("dx7", first, channel=3)
    assert [message.type for message in messages] == ["sysex"] and messages[0].data[1] == 3
    assert read_preset("dx7", messages) == first == read_preset("dx7", messages, channel=3)
    assert not read_messages("dx7", messages, channel=4).is_preset
    both = read_messages("dx7", [*messages, *preset_messages("dx7", second)])
    assert both.settings == second and both.overridden == ("voice",)
    nothing = read_messages("dx7", [mido.Message("note_on"), mido.Message("sysex", data=[0x41, 1])])
    assert not nothing.is_preset and "no voice of a DX7" in str(nothing)
    with pytest.raises(InputError, match="no voice of a DX7"):
        read_preset("dx7", [])


def damaged(content, **changes):
    """With other bytes at some places, the checksum being right again."""
    data = bytearray(content)
    for place, value in changes.items():
        data[int(place[1:])] = value
    data[-2] = -sum(data[6:-2]) & 0x7F
    return bytes(data)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "holds no voices"),
    (b"RIFF" * 100, "holds no voices"),
    (ONE[:-1], "cut off"),
    (ONE[:80], "cut off"),
    (ONE[:80] + BANK, "cut off"),
    (ONE[:-2] + bytes([ONE[-2] ^ 1, 0xF7]), r"checksum is \d+ and should be \d+: it is damaged"),
    (BANK[:900] + bytes([BANK[900] ^ 1]) + BANK[901:], "it is damaged"),
    (BANK[:-40] + b"\xf7", "tells of 4,096 bytes of voices and has"),
    (damaged(ONE, _6=100), "op6_rate1 is 100, which must be from 0 to 99"),
    (damaged(ONE, _148=6), "lfo_wave is 6, which must be one of 0"),
    (damaged(BANK, _134=127), r"voice 2 \(VOICE 1\): op6_rate1 is 127"),
    (bytes([0xF0, 0x43, 0, 5, 32, 0, 1, 0, 0xF7]), "holds no voices"),
    (bytes([0xF0, 0x7E, 1, 0xF7]) * 1_001, "more than 1,000 messages"),
    (b"\x00" * (2**22 + 1), "larger than 4 MB"),
])  # fmt: skip
def test_what_is_no_voice(content, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        read_syx(written(tmp_path, content))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_file_and_other_instruments(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_syx(tmp_path / "none.syx")
    with pytest.raises(InputError, match="only those of the NoiseMaker"):
        read_native_preset("subphatty", written(tmp_path, ONE))
    with pytest.raises(InputError, match="not a preset of the NoiseMaker"):
        read_native_preset("noisemaker", written(tmp_path, ONE))
