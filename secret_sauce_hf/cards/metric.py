"""The README of a metric's Space, with outputs that are computed when it is written."""

import inspect
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

from secret_sauce_hf.cards.templates import citation, render_card
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.modules import module_path
from secret_sauce_hf.metrics.sounds import DISTANCES

SDK_VERSION = "6.31.0"
"""Of Gradio, which draws the Spaces' pages."""


@dataclass(frozen=True)
class _Card:
    """What a module's card says that its source does not.

    Args:
        title: of the Space.
        emoji: of the Space.
        limitations: sentences.
        examples: pairs of a sentence and the code that prints the output shown.
    """

    title: str
    emoji: str
    limitations: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]


_CARDS = {
    "sound_distance": _Card(
        "Sound Distance",
        "🔊",
        (
            "Both sounds have one rate, length and start: resample, cut and align them before.",
            "Distances at different rates are not comparable, except `level_difference`, `sot_hertz` and `rms_cosine`.",
            "Time and memory of `wmfcc` grow with the square of the length: it is meant for seconds, not minutes.",
            "`spectral_composite` is meant for 22,050 Hz, and is the only one that depends on which of the two "
            "sounds is the reference.",
        ),
        (
            (
                "A tone at half the level, and one an octave higher:",
                """\
import numpy as np

time = np.arange(22_050) / 22_050
tone, octave = (np.sin(2 * np.pi * hertz * time) for hertz in (440, 880))
results = sound_distance.compute(
    predictions=[0.5 * tone, octave], references=[tone, tone], sampling_rate=22_050, reduction="none"
)
for name, (softer, higher) in results.items():
    print(f"{name:18} {softer:9.4f} {higher:9.4f}")
""",
            ),
            (
                "Batch by batch, and only some of the distances:",
                """\
for sound in (0.5 * tone, octave):
    sound_distance.add(prediction=sound, reference=tone)
results = sound_distance.compute(sampling_rate=22_050, metrics=["mss", "level_difference"])
print({name: round(value, 2) for name, value in results.items()})
""",
            ),
        ),
    ),
    "preset_error": _Card(
        "Preset Error",
        "🎹",
        (
            "All presets have the same parameters: those of one instrument, or those that are asked for.",
            "Errors are on the scale that the settings are given in; secret_sauce_hf gives them from 0 to 10.",
            "Different presets can sound the same: `heard` leaves out what this sound does not tell, and the metric "
            "knows of no other symmetries.",
        ),
        (
            (
                "Two presets of two knobs and a switch:",
                """\
references = [
    {"filter_cutoff": 4.5, "lfo1_rate": 2.0, "osc2_wave": "Pulse"},
    {"filter_cutoff": 8.0, "lfo1_rate": 6.5, "osc2_wave": "Saw"},
]
predictions = [
    {"filter_cutoff": 4.0, "lfo1_rate": 2.5, "osc2_wave": "Pulse"},
    {"filter_cutoff": 8.0, "lfo1_rate": 1.0, "osc2_wave": "Sine"},
]
print(preset_error.compute(predictions=predictions, references=references))
""",
            ),
            (
                "The same where the second sound does not let its LFO be heard:",
                """\
heard = [{}, {"lfo1_rate": False}]
print(preset_error.compute(predictions=predictions, references=references, heard=heard))
""",
            ),
        ),
    ),
}


def metric_card(name: str, repo_id: str | None) -> str:
    """README.md of a module's Space; the outputs that it shows are computed here.

    Args:
        name: of the module.
        repo_id: of the Space, `ORG/NAME`; None for a card that loads it from its folder.

    Raises:
        InputError: there is no such module, the Space is named otherwise, or `evaluate` is not installed.
    """
    if repo_id is not None and repo_id.split("/")[-1] != name:
        raise InputError(f"`evaluate` looks for a file of the Space's name: call it ORG/{name}, not {repo_id}.")
    metric = _load(name)
    card = _CARDS[name]
    return render_card(
        "metric_card.md.jinja",
        name=name,
        source=json.dumps(repo_id or f"./{name}"),
        requirements=(module_path(name) / "requirements.txt").read_text(encoding="utf-8").split(),
        title=card.title,
        emoji=card.emoji,
        sdk_version=SDK_VERSION,
        description=metric.description.strip(),
        inputs=inspect.cleandoc(metric.inputs_description.partition("\nExamples:")[0]),
        distances=[
            (distance.name, distance.unit, " ".join((distance.function.__doc__ or "").split("\n\n")[0].split()))
            for distance in DISTANCES
        ]
        if name == "sound_distance"
        else [],
        examples=_run(name, metric, card.examples),
        limitations=card.limitations,
        sources=metric.citation.strip().splitlines(),
        citation=citation(f"{name}: {card.title}", repo_id, "spaces/"),
    )


def _load(name: str) -> Any:
    path = module_path(name)
    try:
        import evaluate
    except ImportError as error:
        raise InputError(
            f"{name} needs evaluate, which is not installed: pip install 'secret_sauce_hf[metrics]'."
        ) from error
    return evaluate.load(str(path))


def _run(name: str, metric: Any, examples: tuple[tuple[str, str], ...]) -> list[tuple[str, str, str]]:
    """The examples, one after another, with what each prints."""
    variables = {name: metric}
    shown = []
    for sentence, code in examples:
        with redirect_stdout(StringIO()) as printed:
            exec(code, variables)  # noqa: S102 - the examples of this package's own table
        shown.append((sentence, code.strip(), printed.getvalue().strip()))
    return shown
