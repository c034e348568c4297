"""The DX7 by the sound engine of Dexed, from the package `dexed-py`.

Importing this module needs that package, which is under the GPL 3 and comes with the extra `dx7`.

Every note is a voice of its own, rendered at 44.1 kHz from silence; voices are added up. What is the same
for all voices of the machine, its LFO, starts with each of them: with its sync off in the state in which the
machine has it when switched on.
"""

import threading

import numpy as np
import soxr
from dexed import DexedSynth, Patch

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.dsp.takes import limit_takes, render_groups
from secret_sauce_hf.instruments import SAMPLE_RATE, Note, get_instrument
from secret_sauce_hf.midi.sysex import voice_data

RATE = 44_100
VOICES = 16
_INSTRUMENT = get_instrument("dx7")


class _Synths(threading.local):
    """A synthesiser per thread: one serves a caller at a time, and each call leaves nothing for the next."""

    def __init__(self) -> None:
        self.synth = DexedSynth(sample_rate=RATE)


class DX7(Engine):
    """Yamaha DX7, up to 16 notes at once."""

    name = "dx7"
    version = "1"
    parameters = _INSTRUMENT.parameters
    plays = range(128)
    voices = VOICES
    batch = 32
    extra = "dx7"
    emulates = "the instrument by Dexed's engine, whose arithmetic is close to that of the machine"
    guesses = "where its LFO stands when a note starts and it is not synchronised"

    def __init__(self) -> None:
        self._synths = _Synths()

    def __getstate__(self) -> dict[str, object]:
        # Synthesisers stay with their threads.
        return {name: value for name, value in self.__dict__.items() if name != "_synths"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._synths = _Synths()

    def _render(self, job: Job) -> np.ndarray:
        presets = job.presets
        unit, samples = presets.complete_unit(), presets.collection.samples
        values = np.stack(
            [parameter.nearest_cc(unit[:, column]) for column, parameter in enumerate(self.parameters)], axis=1
        )
        performances = presets.performances

        def take(rows: np.ndarray) -> np.ndarray:
            sounds = [self._sound(values[row], performances[row], presets.collection.seconds) for row in rows]
            resampled = np.stack([soxr.resample(sound, RATE, SAMPLE_RATE, "HQ") for sound in sounds])
            takes = np.zeros((len(rows), samples), np.float32)
            takes[:, : resampled.shape[1]] = resampled[:, :samples]
            return limit_takes(takes)

        return render_groups(len(presets), samples, take)

    def _sound(self, values: np.ndarray, notes: tuple[Note, ...], seconds: float) -> np.ndarray:
        """One take at `RATE`, float32.

        Args:
            values: of the voice, in the order of the instrument's parameters.
            notes: what it plays.
            seconds: of the take.
        """
        synth = self._synths.synth
        synth.load_patch(Patch.from_sysex(voice_data(values)))
        sound = np.zeros(round(seconds * RATE), np.float32)
        for note in notes:
            at = min(round(note.onset * RATE), len(sound) - 1)
            left = (len(sound) - at) / RATE
            voice = synth.render(note.pitch, note.velocity, min(note.duration, left), left)
            sound[at : at + len(voice)] += voice[: len(sound) - at]
        return sound
