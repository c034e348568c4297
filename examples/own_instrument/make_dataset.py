"""An instrument of one's own, from its declaration to a published model.

    python make_dataset.py recordings

writes what a person has who recorded an instrument: a folder of sounds, here of a toy
synthesizer, and a table of their settings. `bass_box.json` beside this file declares its
parameters. From there:

    secret-sauce collect bass_box.json --presets recordings/rows.csv --sounds recordings --out takes
    secret-sauce train bass_box.json --data takes --out model --epochs 20 --batch-size 16
    secret-sauce match recordings/s3.wav --model model
    secret-sauce publish dataset bass_box.json --from takes --repo ME/bass-box --about about.md --license cc0-1.0
    secret-sauce evaluate model --data ME/bass-box
    secret-sauce publish checkpoint model --repo ME/ast-bass-box

The training takes a minute or two. To record a real instrument, declare it and let
`secret-sauce record` play it by MIDI (docs/recording.md); or, where that cannot be, let
`secret-sauce presets mine.json --seed 1 --count 1000 > rows.csv` and `secret-sauce midi-track
mine.json session.mid --presets rows.csv` make the table and the track that plays it.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

from secret_sauce_hf.instruments import read_declaration
from secret_sauce_hf.presets import draw_presets

DECLARATION = Path(__file__).with_name("bass_box.json")
RATE = 44_100
PERIOD = 168
"""Of note 60, in samples: 262.5 Hz, 6 cents sharp."""


def play(wave: str, cutoff: float, attack: float, decay: float, seconds: float, note_on: float) -> np.ndarray:
    """One note: float64 of shape (samples, 2), -1 to 1.

    Args:
        wave: "Saw" or "Square".
        cutoff: 0 to 10, from 100 Hz to 10 kHz.
        attack: 0 to 10, from 2 ms to 0.2 s.
        decay: 0 to 10, time constants from 30 ms to 3 s.
        seconds: length of the sound.
        note_on: when the note starts, in seconds.
    """
    samples = np.arange(round(seconds * RATE)) - round(note_on * RATE)
    harmonics = np.arange(1, PERIOD // 2, 1 if wave == "Saw" else 2)
    relative = harmonics * RATE / PERIOD / (100 * 100 ** (cutoff / 10))
    # A low-pass of second order, a harmonic at a time.
    gains = 1 / np.abs(1 - relative**2 + 0.5j * relative)
    cycle = (gains / harmonics) @ np.sin(2 * np.pi * harmonics[:, None] * np.arange(PERIOD) / PERIOD)
    time = np.maximum(samples / RATE, 0)
    level = np.exp(-time / (0.03 * 100 ** (decay / 10))) * np.minimum(time / (0.002 * 100 ** (attack / 10)), 1)
    sound = 0.5 * np.tanh(0.5 * cycle[samples % PERIOD] * level)
    return np.repeat(sound[:, None], 2, axis=1)


def main(folder: Path, count: int = 240) -> None:
    collection = read_declaration(DECLARATION)
    presets = draw_presets(collection, count, seed=1)
    timing = collection.timing
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in zip(presets.files, presets.rows(), strict=True):
        sound = play(**settings, seconds=timing.cut[1] - timing.cut[0], note_on=timing.note_on - timing.cut[0])
        soundfile.write(folder / name, sound, RATE, subtype="PCM_16")
    with (folder / "rows.csv").open("w", encoding="utf-8") as table:
        presets.to_csv(table)
    print(f"{folder}: {count} sounds and their settings, rows.csv.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
