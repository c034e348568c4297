"""Vital by its own sound engine, from the package `vita`.

Importing this module needs that package, which is under the GPL 3 and comes with the extra `vital`.

Every note has an instance of Vital of its own, which loads the preset as from a `.vital` and renders it at 44.1 kHz;
notes are added up, each of them after its own effects. An instance that has rendered before goes on where its chorus,
its reverb and its distortion were, and even without them the second note differs from the first by a few millionths:
only what a fresh one renders is the same to the bit every time. To make one takes 60 ms, to load a preset 30.

To render it switches the processor of its thread to count the smallest numbers as nought, and leaves it so: it has a
thread to itself, lest other engines play otherwise after it.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import soxr
import vita

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.dsp.takes import limit_takes, render_groups
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, Note, get_instrument
from secret_sauce_hf.midi.vital_file import preset_text

RATE = 44_100
VOICES = 32
_INSTRUMENT = get_instrument("vital")


class Vital(Engine):
    """Vital, mono: the mean of its two channels."""

    name = "vital"
    version = "1"
    parameters = _INSTRUMENT.parameters
    plays = range(128)
    voices = VOICES
    batch = 2
    extra = "vital"
    emulates = "the plug-in by the sound engine of its published source, compiled without the plug-in"
    guesses = "how notes that sound together meet in its effects: here each has its own"

    def _render(self, job: Job) -> np.ndarray:
        presets = job.presets
        unit, performances, seconds = presets.complete_unit(), presets.performances, presets.collection.seconds
        samples = presets.collection.samples

        def take(rows: np.ndarray) -> np.ndarray:
            takes = np.zeros((len(rows), samples), np.float32)
            for place, row in enumerate(rows):
                with ThreadPoolExecutor(1) as own:
                    sound = own.submit(_sound, preset_text(unit[row]), performances[row], seconds).result()
                resampled = soxr.resample(sound, RATE, SAMPLE_RATE, "HQ")[:samples]
                takes[place, : len(resampled)] = resampled
            return limit_takes(takes)

        return render_groups(len(presets), samples, take, np.array_split(np.arange(len(presets)), len(presets) or 1))


def _sound(text: str, notes: tuple[Note, ...], seconds: float) -> np.ndarray:
    """One take at `RATE`, float32.

    Args:
        text: of a `.vital`.
        notes: what it plays.
        seconds: of the take.

    Raises:
        InputError: Vital does not load the preset.
    """
    sound = np.zeros(round(seconds * RATE), np.float32)
    for note in notes:
        synth = vita.Synth()
        synth.set_sample_rate(RATE)
        if not synth.load_json(text):
            raise InputError(
                "Vital does not load what was made of a preset: install the version of vita that is asked for."
            )
        at = min(round(note.onset * RATE), len(sound) - 1)
        left = len(sound) - at
        # Half a sample more, as the number of samples is rounded down.
        voice = synth.render(note.pitch, note.velocity / 127, note.duration, (left + 0.5) / RATE)
        mono = voice.mean(axis=0)[:left]
        sound[at : at + len(mono)] += mono
    return sound
