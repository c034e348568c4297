"""Presets to MIDI and back: messages, files, ports.

Channels are counted from 0, the way mido does: channel 0 is "MIDI channel 1".
"""

from typing import TYPE_CHECKING

from secret_sauce_hf.midi.clips import Clip, read_clip
from secret_sauce_hf.midi.files import MAX_MIDI_BYTES, preset_midi_file, read_midi_file, write_midi_file
from secret_sauce_hf.midi.messages import (
    ORDERS,
    MessagesReport,
    Order,
    is_sent,
    not_to_send,
    preset_cc,
    preset_messages,
    read_messages,
    read_preset,
)
from secret_sauce_hf.midi.native import (
    NATIVE_SUFFIXES,
    base_preset,
    native_preset,
    native_suffix,
    read_native_preset,
    read_native_presets,
)
from secret_sauce_hf.midi.parsing import MidiMessages, parse_midi
from secret_sauce_hf.midi.ports import port_names, send
from secret_sauce_hf.midi.preset_files import PRESET_SUFFIXES, read_preset_file
from secret_sauce_hf.moved import old_names

__all__ = [
    "MAX_MIDI_BYTES",
    "NATIVE_SUFFIXES",
    "ORDERS",
    "PRESET_SUFFIXES",
    "Clip",
    "MessagesReport",
    "MidiMessages",
    "Order",
    "base_preset",
    "is_sent",
    "native_preset",
    "native_suffix",
    "not_to_send",
    "parse_midi",
    "port_names",
    "preset_cc",
    "preset_messages",
    "preset_midi_file",
    "read_clip",
    "read_messages",
    "read_midi_file",
    "read_native_preset",
    "read_native_presets",
    "read_preset",
    "read_preset_file",
    "send",
    "write_midi_file",
]

if not TYPE_CHECKING:
    __getattr__ = old_names(__name__)
