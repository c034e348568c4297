"""Answers as `match --out` writes them, and the sounds that they answer."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.forms import fields, line, list_of, number, read_record
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.instruments.listening import mix
from secret_sauce_hf.instruments.sounds import read_samples
from secret_sauce_hf.listening_test.answers import References, Rendered, System
from secret_sauce_hf.outputs import expanded

_MATCH = fields({"sound": line, "region": list_of(number)})
_KEYS = ("sound", "preset", "region")
"""By these the record of a match is known among other files of JSON."""


def read_match_folder(name: str, folder: str | Path) -> System:
    """A system whose answers lie in a folder: `<name>.json` and `<name>.wav` of every match.

    Args:
        name: of the system.
        folder: as `secret-sauce match --out` has written it.

    Raises:
        InputError: there is no such folder, no match in it, two of the same sound, or one without its rendering.
    """
    place = expanded(folder)
    if not place.is_dir():
        raise InputError(
            f"There is no folder {folder} with the answers of {name}; give what `match --out` has written."
        )
    found: dict[str, tuple[Path, float]] = {}
    for path in sorted(place.glob("*.json")):
        record = read_record(path)
        if not all(key in record for key in _KEYS):
            continue
        _MATCH(record, str(path))
        sound, region = record["sound"], record["region"]
        if len(region) != 2:
            raise InputError(f"{path}: the region must be two times in seconds.")
        if sound in found:
            raise InputError(
                f"{path} and {found[sound][0].with_suffix('.json').name} both answer {sound[:80]}; leave one of them."
            )
        wav = path.with_suffix(".wav")
        if not wav.is_file():
            raise InputError(f"{path} has no {wav.name} beside it: an answer that no engine has rendered is not heard.")
        found[sound] = wav, float(region[0])
    if not found:
        raise InputError(f"There is no match in {folder}; give what `match --out` has written.")

    def answer(sound: str) -> Rendered:
        path, start = found[sound]
        return Rendered(read_sound(path), start)

    return System(name, list(found), answer)


def read_references(paths: Iterable[str | Path]) -> References:
    """The sounds that were answered, by the names of their files.

    Raises:
        InputError: two have the same name.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        if path.name in found:
            raise InputError(f"{path} and {found[path.name]} have the same name; give sounds of different names.")
        found[path.name] = path
    return References(list(found), lambda name: read_sound(found[name]))


def read_sound(sound: Any) -> np.ndarray:
    """A sound as one channel at 22,050 Hz: float32 of shape (samples,), the first minute of it.

    Channels are mixed as matching mixes them.

    Raises:
        InputError: it cannot be read, or has values that are no numbers.
    """
    samples, rate, name = read_samples(sound)
    mono, _ = mix(samples, rate)
    if not np.isfinite(mono).all():
        raise InputError(f"There are samples that are not finite numbers (NaN or infinite) in {name}.")
    if rate == SAMPLE_RATE:
        return mono
    import soxr

    return np.asarray(soxr.resample(mono, rate, SAMPLE_RATE), np.float32)
