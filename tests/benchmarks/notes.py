"""What a model of notes makes of sounds whose notes and settings are known: one table for a collection.

    python tests/benchmarks/notes.py noisemaker-notes --real ../shared/real --rows 150
    python tests/benchmarks/notes.py guitar-notes --rows 150

With --real the recordings of the plug-in are read, of which the second halves are kept for this; else takes
of the collection's test rows, and of its phrases, are rendered. Errors are those of heard settings: of knobs the mean
absolute one (0 to 10), of switches the share that is right. The model hears the notes itself but where it says
"given".
"""

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import soxr
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from plugin_recordings import SETS, recorded

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation.scores import score_presets
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, Knob, get_collection
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.training.strokes import phrases_of

NOISE_SEED = 16
Change = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, int]]


def level(decibels: float) -> Change:
    return lambda take, _: (take * 10 ** (decibels / 20) / max(np.abs(take).max(), 1e-9), SAMPLE_RATE)


def tuned(semitones: float) -> Change:
    return lambda take, _: (soxr.resample(take, SAMPLE_RATE * 2 ** (semitones / 12), SAMPLE_RATE), SAMPLE_RATE)


def coded(kind: str, subtype: str) -> Change:
    def change(take: np.ndarray, _: np.random.Generator) -> tuple[np.ndarray, int]:
        file = io.BytesIO()
        soundfile.write(file, take, SAMPLE_RATE, format=kind, subtype=subtype)
        file.seek(0)
        return soundfile.read(file, dtype="float32")

    return change


def reverberated(take: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, int]:
    """A quarter of the sound is a room of .8 s."""
    tail = random.standard_normal(SAMPLE_RATE) * 10 ** (-3 * np.arange(SAMPLE_RATE) / (0.8 * SAMPLE_RATE))
    wet = scipy.signal.fftconvolve(take, tail / np.sqrt(np.square(tail).sum()))[: len(take)]
    return 0.75 * take + 0.25 * wet, SAMPLE_RATE


CHANGES: dict[str, Change] = {
    "peak at -1 dBFS": level(-1),
    "peak at -24 dBFS": level(-24),
    "half a semitone up": tuned(0.5),
    "half a semitone down": tuned(-0.5),
    "MP3": coded("MP3", "MPEG_LAYER_III"),
    "Ogg": coded("OGG", "VORBIS"),
    "noise at -40 dBFS": lambda take, random: (take + 0.01 * random.standard_normal(len(take)), SAMPLE_RATE),
    "offset .1": lambda take, _: (take + 0.1, SAMPLE_RATE),
    "reverb 25 %": reverberated,
    "first .3 s of the note": lambda take, _: (take[: round(0.4 * SAMPLE_RATE)], SAMPLE_RATE),
}


def rendered(collection: Collection, rows: int) -> tuple[Presets, np.ndarray]:
    """Test rows of a collection and their takes, from silence."""
    presets = draw_presets(collection, rows, collection.seed, collection.train_count)
    return presets, to_float(get_engine(collection).render(presets, noise_seed=NOISE_SEED))


def sets_of(collection: Collection, real: Path | None, rows: int) -> dict[str, tuple[Presets, np.ndarray]]:
    if real is None:
        found = {"single notes": rendered(collection, rows)}
        if (phrases := phrases_of(collection)) is not None:
            found["phrases"] = rendered(phrases, rows)
        return found
    names = ["light, single notes"] if "light" in collection.name else ["single notes", "chords", "melodies"]
    found = {}
    for name in names:
        presets, sounds = recorded(real, name)
        half = np.arange(len(presets) // 2, len(presets))[:rows]
        found[name] = presets[half], sounds[half]
    assert set(names) <= set(SETS)
    return found


def told(pipe, collection: Collection, sounds: list[np.ndarray], rate: int, notes=None) -> tuple[Presets, list[dict]]:
    answers = []
    for number, sound in enumerate(sounds):
        given = {} if notes is None else {"notes": [note._asdict() for note in notes[number]]}
        answers.append(pipe({"array": sound, "sampling_rate": rate}, **given))
    return Presets.from_settings(collection, [answer["preset"] for answer in answers]), answers


def line(presets: Presets, heard: np.ndarray, answers: Presets) -> tuple[float, float, float]:
    """Error of the heard knobs, share of the heard switches that are right, error of all of them from 0 to 1."""
    # By what is played, and not at all in takes that are silent.
    scores = score_presets(answers.unit[heard], presets[np.flatnonzero(heard)])
    knobs = [scores.heard[p.name] for p in presets.parameters if isinstance(p, Knob)]
    switches = [scores.heard[p.name] for p in presets.parameters if not isinstance(p, Knob)]
    both = [value / 10 for value in knobs] + [1 - value for value in switches]
    return float(np.nanmean(knobs)), float(np.nanmean(switches)) if switches else np.nan, float(np.nanmean(both))


def note_scores(presets: Presets, answers: list[dict]) -> tuple[float, float, float, float]:
    """Share of the first notes whose semitone is right, median errors of onset and end in ms, and F1 of all notes."""
    right, onsets, ends, hits, wanted, found = [], [], [], 0, 0, 0
    for row, answer in enumerate(answers):
        truth = list(presets.performances[row])
        heard = list(answer["notes"])
        wanted, found = wanted + len(truth), found + len(heard)
        free = list(heard)
        for note in truth:
            near = [one for one in free if one["pitch"] == note.pitch and abs(one["onset"] - note.onset) <= 0.05]
            if near:
                best = min(near, key=lambda one: abs(one["onset"] - note.onset))
                free.remove(best)
                hits += 1
                onsets.append(abs(best["onset"] - note.onset))
                if note.end < presets.collection.seconds:
                    ends.append(abs(best["onset"] + best["duration"] - note.end))
        right.append(bool(heard) and heard[0]["pitch"] == truth[0].pitch)
    f1 = 2 * hits / max(wanted + found, 1)
    return float(np.mean(right)), 1e3 * float(np.median(onsets)), 1e3 * float(np.median(ends or [np.nan])), f1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("--checkpoint", help="instead of the one that ships")
    parser.add_argument("--real", type=Path, help="folder of the plug-in's recordings")
    parser.add_argument("--rows", type=int, default=100, help="sounds of each kind")
    parser.add_argument("--changed", type=int, default=60, help="sounds that are changed as recordings are; none if 0")
    options = parser.parse_args()
    collection = get_collection(options.collection)
    pipe = load_pipeline(options.checkpoint, collection=collection.name)
    table = Table("sounds", "knobs", "switches", "error", "semitone", "onset", "end", "note F1", "in domain")
    for name, (presets, sounds) in sets_of(collection, options.real, options.rows).items():
        audible = np.abs(sounds).max(axis=1) >= SILENCE
        tonal = audible & (np.abs(sounds).max(axis=1) > 0.01) & ~_noisy(presets)
        plain = None
        for title, given in ((f"{name}, notes given", True), (name, False)):
            own, answers = told(
                pipe, presets.collection, list(sounds), SAMPLE_RATE, presets.performances if given else None
            )
            knobs, switches, plain = line(presets, audible, own)
            notes = [""] * 4
            if not given:
                some = np.flatnonzero(tonal)
                semitone, onset, end, f1 = note_scores(presets[some], [answers[row] for row in some])
                notes = [f"{semitone:.3f}", f"{onset:.1f} ms", f"{end:.0f} ms", f"{f1:.3f}"]
            domain = [answer["in_domain"] for answer in answers if "in_domain" in answer]
            table.add_row(
                *(title, f"{knobs:.2f}", f"{switches:.3f}", "", *notes),
                f"{np.median(domain):.2f}, {np.mean(np.array(domain) < 0.5):.1%} below .5" if domain else "",
            )
        if "single" not in name or not options.changed:
            continue
        few = np.flatnonzero(audible)[: options.changed]
        _, _, plain = line(presets[few], np.ones(len(few), bool), own[few])
        for title, change in CHANGES.items():
            random = np.random.default_rng(NOISE_SEED)
            changed = [change(sounds[row].astype(np.float64), random) for row in few]
            other, _ = told(pipe, presets.collection, [np.float32(sound) for sound, _ in changed], changed[0][1])
            knobs, switches, both = line(presets[few], np.ones(len(few), bool), other)
            table.add_row(title, f"{knobs:.2f}", f"{switches:.3f}", f"{both / plain:.2f}x", "", "", "", "", "")
    Console(width=140, highlight=False).print(table)


def _noisy(presets: Presets) -> np.ndarray:
    """Rows in which an oscillator that is up is noise; of other instruments none is known to be."""
    settings = presets.complete()
    noisy = np.zeros(len(presets), bool)
    for number in (1, 2):
        wave, volume = settings.get(f"osc{number}_wave"), settings.get(f"osc{number}_volume")
        if wave is not None and volume is not None:
            noisy |= (wave == "Noise") & (np.asarray(volume, float) > 0)
    return noisy


if __name__ == "__main__":
    main()
