"""A real instrument all the way, without one: amsynth under a JACK server that has no sound card.

    python examples/record_amsynth.py recorded

declares five knobs of amsynth by the controllers that it hears, records takes of them, trains a model on these,
answers fresh sounds of the instrument by it and by the nearest take, sends the answers back, records them, and
compares: how often is the answer nearer to the sound than a preset that was drawn at random? `--takes 200
--references 40 --epochs 20` is what it does unless told otherwise. Interrupted, the same command goes on.

On Debian: apt-get install jackd2 amsynth, and the extra `record`. A real instrument needs its own declaration and
`secret-sauce record`, which says what the ports are called.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from secret_sauce_hf.data import load_takes
from secret_sauce_hf.data.from_instrument import record_collection
from secret_sauce_hf.engines.hardware.opening import open_link, sound_inputs
from secret_sauce_hf.engines.hardware.recorder import Recorder
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.takes import SAMPLE_RATE, to_float
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets, draw_presets

CONTROLLERS = {
    "filter_cutoff": 74,
    "filter_resonance": 71,
    "amp_attack": 73,
    "osc2_detune": 75,
    "osc_mix": 76,
}
"""amsynth's own name of a parameter, and the controller that it shall hear for it."""
DECLARATION = {
    "name": "amsynth-knobs",
    "title": "amsynth: 5 knobs by MIDI",
    "instrument": {"name": "amsynth", "title": "amsynth"},
    "take": {"seconds": 1.0, "note_on": 0.05, "note_off": 0.8},
    "parameters": [
        {"kind": "knob", "name": name, "control": control, "range": [5, 120], "about": name.replace("_", " ")}
        for name, control in CONTROLLERS.items()
    ],
}


@contextmanager
def amsynth_running(home: Path) -> Iterator[None]:
    """A JACK server of our own and amsynth on it; nothing of the user's settings is touched."""
    lines = ["null"] * 128
    for name, control in CONTROLLERS.items():
        lines[control] = name
    settings = home / ".config" / "amsynth"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "controllers").write_text("\n".join(lines) + "\n")
    name = f"record-amsynth-{os.getpid()}"
    server = ["jackd", "--no-realtime", "--sync", "-p", "64", "-n", name, "-d", "dummy", "-r", "22050", "-p", "512"]
    synth = ["amsynth", "-x", "-n", "amsynth", "--jack_autoconnect=false"]
    own = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    with mock.patch.dict(os.environ, own), started(server, {}):
        wait_for("system:")
        with started(synth, {"HOME": str(home)}):
            wait_for("amsynth:")
            yield


@contextmanager
def started(command: list[str], own: dict[str, str]) -> Iterator[None]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | own, **quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_for(port: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if any(name.startswith(port) for name in sound_inputs("jack")):
                return
        except InputError:
            pass
        time.sleep(0.1)
    sys.exit(f"No {port} within 20 s.")


def answered(recorder: Recorder, presets: Presets) -> np.ndarray:
    """Presets sent to the instrument, and what it plays: float32, (rows, samples)."""
    return to_float(recorder.render(presets))


def distances(references: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From each sound to its answer, multi-scale spectral distance: (rows,)."""
    return np.asarray(mss(references, others, SAMPLE_RATE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--takes", type=int, default=200)
    parser.add_argument("--references", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=20, help="0 trains no model")
    parser.add_argument("--renders", type=int, default=0, help="of a search on the instrument itself, too")
    asked = parser.parse_args()
    folder = asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    declaration = folder / "amsynth.json"
    declaration.write_text(json.dumps(DECLARATION, indent=2))

    with amsynth_running(folder / "home"), open_link("jack", "amsynth", "amsynth:L", freewheel=True) as link:
        recorder = Recorder(declaration, link, tell=print)
        begun = time.monotonic()
        takes = folder / "takes"
        record_collection(recorder, takes, seed=1, count=asked.takes)
        print(f"{asked.takes} takes in {time.monotonic() - begun:.1f} s; made again: {recorder.retakes or 'none'}.")

        truth = draw_presets(declaration, asked.references, 2)
        references = answered(recorder, truth)
        again = answered(recorder, truth)
        alike = min(np.corrcoef(one, other)[0, 1] for one, other in zip(references, again, strict=True))
        print(f"The same presets again: correlation at least {alike:.4f}.")
        random = distances(references, answered(recorder, draw_presets(declaration, asked.references, 3)))

        answers = {"nearest take": nearest(takes, declaration, references)}
        if asked.epochs:
            answers["model"] = by_model(takes, declaration, references, folder / "model", asked.epochs)
        if asked.renders:
            answers["searched on the instrument"] = searched(recorder, references, folder / "model", asked.renders)
        print(f"A preset drawn at random is {np.median(random):.2f} dB away (median of {len(random)}).")
        for name, presets in answers.items():
            found = distances(references, answered(recorder, presets))
            share = np.mean(found < random)
            print(f"{name}: {np.median(found):.2f} dB away, nearer than a random one in {100 * share:.1f} %.")


def nearest(takes: Path, declaration: Path, references: np.ndarray) -> Presets:
    """The preset of the take that is nearest to each sound."""
    known = load_takes(takes, None, collection=declaration)
    heard = spectra(known.sounds)
    rows = [int(np.abs(heard - one).mean(axis=(1, 2)).argmin()) for one in spectra(references)]
    return known.presets[rows]


def spectra(sounds: np.ndarray) -> np.ndarray:
    """Logarithmic spectra of short parts of sounds, quick to compare: (rows, samples) to (rows, parts, bins)."""
    parts = np.lib.stride_tricks.sliding_window_view(sounds, 1_024, axis=1)[:, ::512]
    return np.log10(np.abs(np.fft.rfft(parts * np.hanning(1_024), axis=2)) + 1e-3)


def by_model(takes: Path, declaration: Path, references: np.ndarray, model: Path, epochs: int) -> Presets:
    """What a model says that has learned from the takes."""
    from secret_sauce_hf import match
    from secret_sauce_hf.training import TrainingConfig, train

    if not (model / "model.safetensors").is_file():
        begun = time.monotonic()
        config = TrainingConfig(epochs=epochs, batch_size=16, seed=1)
        train(declaration, takes, model, config, resume=(model / ".training").is_dir(), progress=True)
        print(f"Trained in {(time.monotonic() - begun) / 60:.1f} minutes.")
    found = [
        match(sound, collection=declaration, model=model, sampling_rate=SAMPLE_RATE, seconds=0).preset
        for sound in references
    ]
    return Presets.from_settings(declaration, found)


def searched(recorder: Recorder, references: np.ndarray, model: Path, renders: int) -> Presets:
    """What a search finds that has the instrument itself play every candidate."""
    from secret_sauce_hf import match

    found = [
        match(
            sound,
            collection=recorder.collection,
            model=model,
            sampling_rate=SAMPLE_RATE,
            renders=renders,
            engine=recorder,
        ).preset
        for sound in references
    ]
    return Presets.from_settings(recorder.collection, found)


if __name__ == "__main__":
    main()
