"""The sound that ships with the package, of the real plug-in, with the settings that made it."""

import json
from dataclasses import dataclass
from pathlib import Path

DEMO_RENDERS = 400
"""How many presets the demonstration renders: enough to find the settings, in a few seconds."""
_ASSETS = Path(__file__).parents[1] / "assets"


@dataclass(frozen=True)
class KnownSound:
    """A sound and the truth about it."""

    path: Path
    collection: str
    settings: dict[str, float | str]
    origin: str


def demo_sound() -> KnownSound:
    """A recording of TAL-NoiseMaker playing row 211 of `noisemaker-light`."""
    truth = json.loads((_ASSETS / "noisemaker-light-s211.json").read_text(encoding="utf-8"))
    return KnownSound(_ASSETS / truth["sound"], truth["collection"], truth["settings"], truth["origin"])
