"""Plug-ins hosted by DawDreamer, which is under the GPL 3 and comes with the extra `hosts`. For worker processes.

It loads VST2 and VST3, on macOS Audio Units, too.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import dawdreamer
import mido
import numpy as np

_ALL_SOUND_OFF, _ALL_NOTES_OFF = 120, 123
_VST2 = b"CcnK"


class Host:
    """One plug-in: see `worker` for how it is used.

    Attributes:
        label: the host, with its version.
        plugin_name: what the plug-in calls itself; empty as this host does not tell.
        inputs, outputs: channels.
        latency: samples by which the plug-in's sound comes late.
    """

    label = f"DawDreamer {version('dawdreamer')}"
    plugin_name = ""

    def __init__(self, file: str, rate: int, block: int) -> None:
        self._rate = rate
        self._engine = dawdreamer.RenderEngine(rate, block)
        self._plugin = self._engine.make_plugin_processor("plugin", file)
        self._engine.load_graph([(self._plugin, [])])
        self.inputs, self.outputs = self._plugin.get_num_input_channels(), self._plugin.get_num_output_channels()
        self.latency = max(int(self._plugin.get_latency_samples()), 0)

    def listed(self) -> list[dict[str, object]]:
        """The plug-in's list: name, default, unit and whether it can be automated, of each parameter."""
        told = self._plugin.get_parameters_description()
        return [
            {
                "name": str(entry["name"]),
                "default": float(self._plugin.get_parameter(index)),
                "unit": str(entry["label"]),
                "automatable": bool(entry["isAutomatable"]),
            }
            for index, entry in enumerate(told)
        ]

    def values(self) -> list[float]:
        """The values of all parameters now, 0 to 1."""
        return [float(self._plugin.get_parameter(index)) for index in range(self._plugin.get_plugin_parameter_size())]

    def set(self, index: int, value: float) -> None:
        """Set a parameter."""
        self._plugin.set_parameter(index, value)

    def get(self, index: int) -> float:
        """What a parameter reads back."""
        return float(self._plugin.get_parameter(index))

    def text(self, index: int) -> str:
        """What a parameter's value is called."""
        return str(self._plugin.get_parameter_text(index))

    def play(
        self, notes: list[tuple[int, int, int, int]], samples: int, controls: Sequence[tuple[int, int, int]] = ()
    ) -> np.ndarray:
        """Go on for some time.

        Args:
            notes: pitch, velocity and the samples at which each starts and ends.
            samples: how long.
            controls: number and value of controllers, and the sample at which each is sent, ascending.

        Returns:
            float32 of shape (channels, samples).
        """
        self._send(controls)
        for pitch, velocity, on, off in notes:
            # Seconds become samples by cutting off: a part of a sample more keeps the right one.
            self._plugin.add_midi_note(pitch, velocity, (on + 0.1) / self._rate, (off - on) / self._rate)
        self._engine.render((samples + 0.5) / self._rate)
        sound = np.asarray(self._engine.get_audio(), np.float32)[:, :samples]
        if sound.shape[1] < samples:
            raise ValueError(f"the host gave {sound.shape[1]} samples of {samples}")
        return sound

    def quiet(self) -> None:
        """All sound and all notes off."""
        # VST3 plug-ins know no such controllers but by a mapping that few have: every key is let go, too.
        self._send([(number, 0, 0) for number in (_ALL_SOUND_OFF, _ALL_NOTES_OFF)], released=range(128))
        self._engine.render(0.1)

    def _send(self, controls: Sequence[tuple[int, int, int]], released: Iterable[int] = ()) -> None:
        """Replace what is going to be sent: by controllers, and by keys that are let go."""
        self._plugin.clear_midi()
        if not controls:
            return
        # This host reads controllers from files only.
        times = np.diff([at for _, _, at in controls], prepend=0).tolist()
        track = mido.MidiTrack(
            mido.Message("control_change", control=number, value=value, time=time)
            for (number, value, _), time in zip(controls, times, strict=True)
        )
        track.extend(mido.Message("note_off", note=pitch) for pitch in released)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "sent.mid"
            # Two beats a second: a tick is a sample, as near as a file can say.
            mido.MidiFile(tracks=[track], ticks_per_beat=min(self._rate // 2, 32_767)).save(path)
            self._plugin.load_midi(str(path))

    def save_state(self) -> bytes:
        """The plug-in's whole state; of VST2 a bank (.fxb)."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "state"
            self._plugin.save_state(str(path))
            state = path.read_bytes()
        if sys.platform == "linux" and not state.startswith(_VST2):
            # To load one it opens a window, which ends the process where no window manager is.
            raise ValueError("on Linux this host loads no state without a window")
        return state

    def load_state(self, state: bytes) -> None:
        """Go back to a state."""
        if state.startswith(_VST2):
            self.load_preset(state)
            return
        with TemporaryDirectory() as folder:
            path = Path(folder) / "state"
            path.write_bytes(state)
            self._plugin.load_state(str(path))

    def save_preset(self) -> bytes:
        """What the plug-in is set to, as `.fxb`."""
        return self.save_state()

    def load_preset(self, preset: bytes) -> None:
        """Load a preset, `.fxp` or `.fxb`.

        Raises:
            ValueError: it is none, or of VST3, after which this host does not ask what parameters are at.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / "preset.fxp"
            # amsynth reads its bytes up to a zero, which is behind them only by chance.
            path.write_bytes(preset + bytes(16))
            if not preset.startswith(_VST2) or not self._plugin.load_preset(str(path)):
                raise ValueError("the host refuses the preset")
