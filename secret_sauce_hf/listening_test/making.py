"""Making a listening test: stimuli that are equally loud, trials, and the key that tells whose each stimulus is."""

import hashlib
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, integer
from secret_sauce_hf.instruments.takes import to_int16
from secret_sauce_hf.listening_test.answers import Compared, References, System, common_names, compare
from secret_sauce_hf.listening_test.form import (
    ANCHORS,
    CHOICE,
    CONDITIONS,
    LANGUAGES,
    MAX_STIMULI,
    MAX_TRIALS,
    METHODS,
    MUSHRA,
    OTHER,
    REFERENCE,
    SCHEMA,
)
from secret_sauce_hf.listening_test.levels import TARGET_LUFS, faded, gains, headroom, loudness, low_passed
from secret_sauce_hf.listening_test.writing import write_test
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.outputs import alone, check_folder, is_free
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.config import MAX_SEED

TRIALS = 12
"""Sounds of a test where nothing else is asked for: some fifteen minutes of MUSHRA."""
CHECK_SHARE, FEWEST_CHECKS = 8, 2
"""Of a 2AFC test one trial in so many is one whose answer is plain, and no fewer."""
UNHEARD_DB = -60.0
"""What an anchor's low-pass takes off is not heard where it is softer than the reference by this."""


@dataclass(frozen=True, eq=False)
class Made:
    """A listening test that was written.

    Args:
        folder: where it is.
        page: what participants get: open it, or put its folder on a web server.
        key: which stimulus is whose.
        trials: how many judgements a participant is asked for, training apart.
        notes: what is to be known of it, a sentence each.
    """

    folder: Path
    page: Path
    key: Path
    trials: int
    notes: tuple[str, ...] = field(default=())


@alone("a listening test")
def make_listening_test(
    references: References,
    systems: Sequence[System],
    out: str | Path,
    *,
    method: str = MUSHRA,
    trials: int = TRIALS,
    checks: int | None = None,
    training: int = 1,
    without: Sequence[str] = (),
    bits: int = 16,
    seed: int = 0,
    title: str = "",
    language: str = "en",
    command: str = "",
    progress: bool = True,
) -> Made:
    """Write a listening test: a page that asks people how near answers come to sounds.

    - `mushra`: in each trial a sound, as the reference, beside everybody's answers, the hidden reference and anchors,
      in an order that is another one for each participant; all are rated from 0 to 100 (ITU-R BS.1534-3).
    - `2afc`: in each trial a sound and two answers; one says which comes nearer. Every two systems are compared on
      every sound.

    All stimuli are brought to the same loudness (see `levels`), begin and end softly, and are of one channel at
    22,050 Hz. Their names tell nothing.

    Args:
        references: the sounds.
        systems: what has answered them.
        out: a folder that is new or empty. It gets `page/`, for participants; `key.json`, not for them; `sounds/`, the
            stimuli as WAV files.
        method: "mushra" or "2afc".
        trials: how many sounds, drawn from those that all systems have answered.
        checks: of 2AFC, how many trials more have the reference itself beside another preset; if None one in
            `CHECK_SHARE`.
        training: how many trials are shown before, without being counted.
        without: conditions to leave out: anchor-3500, anchor-7000, another-preset.
        bits: of a sample, 16 or 24.
        seed: of what is drawn, and of the stimuli's names.
        title: what the page is called.
        language: "en" or "de": in which the page is shown first.
        command: the command line, for the record.
        progress: whether to show a progress bar.

    Raises:
        InputError: the folder holds something; too few systems or sounds, or too many for one sitting; an argument out
            of range; the sounds take more than a page can hold.
    """
    if method not in METHODS:
        raise InputError(f"--method is {method!r}; it must be {' or '.join(METHODS)}.")
    if bits not in (16, 24):
        raise InputError(f"--bits is {bits}; it must be 16 or 24.")
    if language not in LANGUAGES:
        raise InputError(f"--language is {language!r}; it must be {' or '.join(LANGUAGES)}.")
    if unknown := [name for name in without if name not in CONDITIONS[1:]]:
        raise InputError(f"--without {unknown[0]}: only {', '.join(CONDITIONS[1:])} can be left out.")
    trials, seed = integer("trials", trials, 1, MAX_TRIALS), integer("seed", seed, 0, MAX_SEED)
    training = integer("training", training, 0, trials)
    checks = None if checks is None else integer("checks", checks, 0, MAX_TRIALS)
    if len(systems) < (2 if method == CHOICE else 1):
        raise InputError(
            f"A {method} test needs answers of {'two systems' if method == CHOICE else 'a system'} at least."
        )
    folder = check_folder(out, what="the listening test")
    if not is_free(folder):
        raise InputError(f"{folder} is not empty; give a new folder for the listening test.")
    anchors = [name for name in (*ANCHORS, OTHER) if name not in without]
    if method == CHOICE:
        anchors = [OTHER] if OTHER in anchors and checks != 0 else []
    conditions = [*(system.name for system in systems), REFERENCE, *anchors]
    if method == MUSHRA and len(conditions) > MAX_STIMULI:
        raise InputError(
            f"{len(conditions)} stimuli in a trial are more than {MAX_STIMULI}: compare fewer systems, or leave "
            "out anchors with --without."
        )
    generator = np.random.default_rng([seed, 1_534])
    chosen = _choose(references, systems, trials, generator, progress)
    if OTHER in anchors and references.other is None and len(chosen) < 2:
        raise InputError(f"Of one sound there is no other for {OTHER}: give more sounds, or --without {OTHER}.")
    stimuli, notes = _stimuli(chosen, references, anchors)
    sounds, levels, loud = _aligned(stimuli, notes)
    names = _names(sounds, generator)
    key_sounds: list[dict[str, Any]] = [
        {
            "id": names[number, ""],
            "name": one.name,
            "seconds": round(len(one.reference) / SAMPLE_RATE, 4),
            "reference": names[number, "open"],
            "stimuli": {
                names[number, condition]: {
                    "condition": condition,
                    "mss": round(float(mss(one.reference, stimuli[number][condition], SAMPLE_RATE)), 4),
                    "gain_db": levels[number][condition],
                }
                for condition in conditions
            },
        }
        for number, one in enumerate(chosen)
    ]
    asked = _trials(method, key_sounds, [system.name for system in systems], conditions, checks, generator)
    content = {
        sound["id"]: {
            name: _wav(
                sounds[number][REFERENCE if name == sound["reference"] else sound["stimuli"][name]["condition"]], bits
            )
            for name in sorted([sound["reference"], *sound["stimuli"]])
        }
        for number, sound in enumerate(key_sounds)
    }
    key = {
        "schema": SCHEMA,
        "method": method,
        "test": _digest(method, asked, content),
        "title": title,
        "systems": [system.name for system in systems],
        "conditions": conditions,
        "loudness_lufs": loud,
        "rate": SAMPLE_RATE,
        "bits": bits,
        "seed": seed,
        "sounds": key_sounds,
        "trials": asked,
        "command": command,
        "versions": {"secret_sauce_hf": version("secret_sauce_hf")},
    }
    page, key_file = write_test(folder, key, content, training=training, language=language)
    if method == MUSHRA and len(chosen) < max(5, math.ceil(1.5 * len(systems))):
        notes.append("BS.1534-3 asks for 5 sounds and 1.5 times as many as systems at least: give more with --trials.")
    return Made(folder, page, key_file, len(asked), tuple(notes))


def _choose(
    references: References, systems: Sequence[System], trials: int, generator: np.random.Generator, progress: bool
) -> list[Compared]:
    """So many of the sounds that all have answered, drawn; those in which nothing is heard left out."""
    names = common_names(references, systems)
    chosen: list[Compared] = []
    with row_progress("Gathering answers", min(trials, len(names)), progress) as advance:
        for place in generator.permutation(len(names)):
            if len(chosen) == trials:
                break
            if (one := compare(names[place], references, systems)) is not None:
                chosen.append(one)
                advance(1)
    if not chosen:
        raise InputError("Nothing is heard in any of the sounds; give others.")
    return chosen


def _stimuli(
    chosen: Sequence[Compared], references: References, anchors: Sequence[str]
) -> tuple[list[dict[str, np.ndarray]], list[str]]:
    """Every sound's stimuli by condition, not yet of the same loudness, and what is to be said of them."""
    stimuli, notes = [], []
    dull = dict.fromkeys(ANCHORS, 0)
    for number, one in enumerate(chosen):
        found = {**one.answers, REFERENCE: one.reference}
        for anchor in anchors:
            if anchor == OTHER:
                found[OTHER] = _other(chosen, number, references)
                continue
            found[anchor] = low_passed(one.reference, SAMPLE_RATE, ANCHORS[anchor])
            lost = loudness(one.reference - found[anchor], SAMPLE_RATE) - loudness(one.reference, SAMPLE_RATE)
            dull[anchor] += lost < UNHEARD_DB
        stimuli.append(found)
    for anchor, count in dull.items():
        if count:
            notes.append(
                f"{anchor} sounds like the reference in {count} of {len(chosen)} sounds, which have next to nothing "
                f"above {ANCHORS[anchor]:g} Hz."
            )
    return stimuli, notes


def _other(chosen: Sequence[Compared], number: int, references: References) -> np.ndarray:
    """What a preset sounds like that has nothing to do with a sound: of its length."""
    length = len(chosen[number].reference)
    if references.other is not None:
        take = references.other(chosen[number].name)
    else:
        take = chosen[(number + 1) % len(chosen)].reference
    return np.pad(take, (0, max(length - len(take), 0)))[:length]


def _aligned(
    stimuli: Sequence[dict[str, np.ndarray]], notes: list[str]
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, float | None]], float]:
    """Stimuli of the same loudness; by how many dB each was turned up, None of silent ones; the loudness in LUFS."""
    levels = [gains(sounds, SAMPLE_RATE, TARGET_LUFS) for sounds in stimuli]
    loud = [
        {
            name: faded(samples * 10 ** ((levels[number][name] or 0.0) / 20), SAMPLE_RATE)
            for name, samples in sounds.items()
        }
        for number, sounds in enumerate(stimuli)
    ]
    down = headroom(max(float(np.abs(samples).max()) for sounds in loud for samples in sounds.values()))
    if silent := sum(gain is None for found in levels for gain in found.values()):
        notes.append(f"{silent} {'stimulus is' if silent == 1 else 'stimuli are'} as good as silent, and left so.")
    loud = [{name: samples * 10 ** (-down / 20) for name, samples in sounds.items()} for sounds in loud]
    told = [{name: None if gain is None else round(gain - down, 2) for name, gain in found.items()} for found in levels]
    return loud, told, round(TARGET_LUFS - down, 2)


def _names(sounds: Sequence[dict[str, np.ndarray]], generator: np.random.Generator) -> dict[tuple[int, str], str]:
    """Names that tell nothing: of sound `number`, of each of its conditions, and ("open") of its open reference."""
    wanted = [(number, condition) for number, found in enumerate(sounds) for condition in ("", "open", *found)]
    drawn: set[str] = set()
    while len(drawn) < len(wanted):
        drawn |= {generator.bytes(4).hex() for _ in range(len(wanted) - len(drawn))}
    ordered = sorted(drawn)
    order = generator.permutation(len(ordered))
    return {one: ordered[place] for one, place in zip(wanted, order, strict=True)}


def _trials(
    method: str,
    sounds: Sequence[dict[str, Any]],
    systems: Sequence[str],
    conditions: Sequence[str],
    checks: int | None,
    generator: np.random.Generator,
) -> list[dict[str, Any]]:
    """The trials, in an order that tells nothing."""

    def trial(sound: dict[str, Any], of: Sequence[str], check: bool = False) -> dict[str, Any]:
        names = sorted(name for name, one in sound["stimuli"].items() if one["condition"] in of)
        return {"sound": sound["id"], "stimuli": names, "check": check}

    if method == MUSHRA:
        found = [trial(sound, conditions) for sound in sounds]
    else:
        found = [trial(sound, pair) for sound in sounds for pair in combinations(systems, 2)]
        if OTHER in conditions:
            wanted = max(FEWEST_CHECKS, round(len(found) / CHECK_SHARE)) if checks is None else checks
            wanted = min(wanted, len(sounds))
            found += [trial(sound, (REFERENCE, OTHER), True) for sound in sounds[:wanted]]
    if len(found) > MAX_TRIALS:
        raise InputError(
            f"{len(found):,} trials are more than {MAX_TRIALS}, which nobody sits through: compare fewer systems, or "
            "fewer sounds with --trials."
        )
    order = generator.permutation(len(found))
    return [{"id": f"t{number:03}", **found[place]} for number, place in enumerate(order, 1)]


def _wav(samples: np.ndarray, bits: int) -> bytes:
    """A stimulus as a WAV file."""
    content = io.BytesIO()
    if bits == 16:
        soundfile.write(content, to_int16(samples), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    else:
        full = 2**23
        steps = np.clip(np.rint(samples * full), -full, full - 1).astype(np.int32) << 8
        soundfile.write(content, steps, SAMPLE_RATE, format="WAV", subtype="PCM_24")
    return content.getvalue()


def _digest(method: str, trials: Sequence[dict[str, Any]], content: dict[str, dict[str, bytes]]) -> str:
    """What a test is known by: of its trials and of every sample in it."""
    digest = hashlib.sha256(f"{method}\n{json.dumps(trials)}\n".encode())
    for part in _parts(content):
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(content: dict[str, dict[str, bytes]]) -> Iterator[bytes]:
    for sound, stimuli in content.items():
        yield sound.encode()
        for name, wav in stimuli.items():
            yield name.encode()
            yield wav
