"""Plug-ins hosted by pedalboard, which is under the GPL 3 and comes with the extra `hosts`. For worker processes.

It loads VST3, on macOS Audio Units, too.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pedalboard

_ALL_SOUND_OFF, _ALL_NOTES_OFF = 120, 123


class Host:
    """One plug-in: see `worker` for how it is used, and DawDreamer's host for what each method does."""

    label = f"pedalboard {version('pedalboard')}"
    inputs = 0
    outputs = 2

    def __init__(self, file: str, rate: int, block: int) -> None:
        self._rate, self._block = rate, block
        # What its stubs know of a plug-in is less than what there is.
        load: Any = pedalboard.load_plugin  # type: ignore[attr-defined]
        self._plugin = load(file)
        if not self._plugin.is_instrument:
            self.inputs = 2
        self.plugin_name = str(self._plugin.name)
        self._parameters = list(self._plugin._parameters)
        # The host has played a note to find out what it has loaded.
        self.quiet()
        self.latency = max(int(getattr(self._plugin, "reported_latency_samples", 0)), 0)

    def listed(self) -> list[dict[str, object]]:
        """The plug-in's list."""
        return [
            {
                "name": str(parameter.name),
                "default": float(parameter.raw_value),
                "unit": str(parameter.label),
                "automatable": bool(parameter.is_automatable),
            }
            for parameter in self._parameters
        ]

    def values(self) -> list[float]:
        """The values of all parameters now, 0 to 1."""
        return [float(parameter.raw_value) for parameter in self._parameters]

    def set(self, index: int, value: float) -> None:
        """Set a parameter."""
        self._parameters[index].raw_value = value

    def get(self, index: int) -> float:
        """What a parameter reads back."""
        return float(self._parameters[index].raw_value)

    def text(self, index: int) -> str:
        """What a parameter's value is called."""
        return str(self._parameters[index].string_value)

    def play(
        self, notes: list[tuple[int, int, int, int]], samples: int, controls: Sequence[tuple[int, int, int]] = ()
    ) -> np.ndarray:
        """Go on for some time: float32 of shape (2, samples)."""
        messages = [(at, -1, bytes([0xB0, number, value])) for number, value, at in controls]
        for pitch, velocity, on, off in notes:
            messages.append((on, 1, bytes([0x90, pitch, velocity])))
            if off < samples:
                messages.append((off, 0, bytes([0x80, pitch, 0])))
        # A key that is struck again is released first. A part of a sample more keeps the right one, where seconds
        # become samples by cutting off.
        timed = [(content, (at + 0.1) / self._rate) for at, _, content in sorted(messages)]
        return self._process(timed, samples)

    def quiet(self) -> None:
        """All sound and all notes off."""
        # VST3 plug-ins know no such controllers but by a mapping that few have: every key is let go, too.
        off = [(bytes([0xB0, number, 0]), 0.0) for number in (_ALL_SOUND_OFF, _ALL_NOTES_OFF)]
        self._process(off + [(bytes([0x80, pitch, 0]), 0.0) for pitch in range(128)], self._block)

    def save_state(self) -> bytes:
        """The plug-in's whole state."""
        return bytes(self._plugin.raw_state)

    def load_state(self, state: bytes) -> None:
        """Go back to a state."""
        self._plugin.raw_state = state

    def save_preset(self) -> bytes:
        """What the plug-in is set to, as `.vstpreset`."""
        return bytes(self._plugin.preset_data)

    def load_preset(self, preset: bytes) -> None:
        """Load a preset, `.vstpreset`.

        Raises:
            ValueError: it is none of the plug-in's.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / "preset.vstpreset"
            path.write_bytes(preset)
            try:
                self._plugin.load_preset(str(path))
            except RuntimeError as error:
                raise ValueError("the host refuses the preset") from error
        # Only after a state the host asks what parameters are at.
        self._plugin.raw_state = self._plugin.raw_state

    def _process(self, messages: list[tuple[bytes, float]], samples: int) -> np.ndarray:
        sound = self._plugin.process(
            messages, (samples + 0.5) / self._rate, self._rate, num_channels=2, buffer_size=self._block, reset=False
        )
        return np.asarray(sound, np.float32)[:, :samples]
