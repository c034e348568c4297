"""Recording an instrument: how exact takes are, how long they last, and what is left of them after a kill.

    python tests/benchmarks/instrument.py [--takes 200]

amsynth under a JACK server without a sound card: the time of so many takes, those made again, the spread of the onset
of a preset that is recorded 50 times among others, the least correlation of presets with themselves, and whether the
takes that were there when the recording was killed are those of the dataset.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from jack_machines import CONTROLLERS, amsynth, jack_server

from secret_sauce_hf.data import load_takes
from secret_sauce_hf.data.from_instrument import KEPT, record_collection
from secret_sauce_hf.engines.hardware.levels import likeness, onset
from secret_sauce_hf.engines.hardware.opening import open_link
from secret_sauce_hf.engines.hardware.recorder import Recorder
from secret_sauce_hf.instruments.takes import SAMPLE_RATE, to_float
from secret_sauce_hf.presets import draw_presets

REPEATS = 50
SEED = 1


def declared(folder: Path) -> Path:
    knobs = [
        {"kind": "knob", "name": name, "control": control, "range": [10, 120], "about": name}
        for name, control in CONTROLLERS.items()
    ]
    path = folder / "amsynth.json"
    take = {"seconds": 1.0, "note_on": 0.05, "note_off": 0.8}
    named = {"name": "amsynth", "title": "amsynth"}
    path.write_text(json.dumps({**named, "instrument": named, "take": take, "parameters": knobs}))
    return path


def killed_and_resumed(declaration: Path, folder: Path, count: int) -> str:
    """Record by the command, kill it in the middle, record the rest, and compare."""
    out = folder / "killed"
    words = ["record", declaration, "--via", "jack", "--freewheel", "--midi", "amsynth", "--audio", "amsynth:L"]
    words += ["--seed", SEED, "--count", count, "--out", out]
    command = [sys.executable, "-m", "secret_sauce_hf", *map(str, words)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as run:
        while len(list((out / KEPT).glob("*.take"))) < count // 2 and run.poll() is None:
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGKILL)
    kept = {path.name: path.read_bytes() for path in (out / KEPT).glob("*.take")}
    begun = time.monotonic()
    subprocess.run(command, check=True, **quiet)
    took = time.monotonic() - begun
    sounds = np.concatenate([load_takes(out, split, collection=declaration).sounds for split in ("train", "test")])
    whole = folder / "takes"
    others = np.concatenate([load_takes(whole, split, collection=declaration).sounds for split in ("train", "test")])
    same = sum(
        np.array_equal(np.rint(sounds[int(name.split("-")[0])] * 32_768).astype("<i2"), np.frombuffer(content, "<i2"))
        for name, content in kept.items()
    )
    pairs = [likeness(one, other) for one, other in zip(sounds, others, strict=True) if np.any(one)]
    return (
        f"killed after {len(kept)} takes, resumed in {took:.1f} s: {same} of these are in the dataset to the bit; with "
        f"the {count} of a recording that was not killed they correlate at least {min(pairs):.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--takes", type=int, default=200)
    count = parser.parse_args().takes
    with tempfile.TemporaryDirectory() as name, jack_server(), amsynth(Path(name) / "home"):
        folder = Path(name)
        declaration = declared(folder)
        for freewheel in (True, False):
            with open_link("jack", "amsynth", "amsynth:L", freewheel=freewheel) as link:
                recorder = Recorder(declaration, link)
                begun = time.monotonic()
                rows = count if freewheel else max(count // 10, 1)
                out = folder / ("takes" if freewheel else "slow")
                record_collection(recorder, out, seed=SEED, count=rows, progress=False)
                took = time.monotonic() - begun
                again = ", ".join(f"{why}: {times}" for why, times in recorder.retakes.items()) or "none"
                print(f"{'freewheel' if freewheel else 'real time'}: {rows} takes in {took:.1f} s; made again: {again}")
                print(f"  {recorder.calibration}")
                if freewheel:
                    tell_repeats(recorder, declaration)
        print(killed_and_resumed(declaration, folder, count))


def tell_repeats(recorder: Recorder, declaration: Path) -> None:
    """A preset again and again among others: where it starts, and how alike it is."""
    presets = draw_presets(declaration, REPEATS + 1, SEED + 1)
    loudest = int(np.abs(recorder.render(presets)).max(axis=1).argmax())
    order = np.stack([np.full(REPEATS, loudest), np.delete(np.arange(REPEATS + 1), loudest)], axis=1).reshape(-1)
    takes = to_float(recorder.render(presets[order]))[::2]
    starts = [onset(take, 0.0) or 0 for take in takes]
    spread = 1000 * (max(starts) - min(starts)) / SAMPLE_RATE
    alike = min(likeness(takes[0], take) for take in takes[1:])
    print(f"  a preset {REPEATS} times among others: onsets within {spread:.3f} ms, correlation at least {alike:.4f}")
    twice = [recorder.render(presets[:20]), recorder.render(presets[19::-1])[::-1]]
    least = min(likeness(one, other) for one, other in zip(*twice, strict=True) if np.any(one))
    print(f"  20 presets, then in the other order: correlation at least {least:.4f}")


if __name__ == "__main__":
    main()
