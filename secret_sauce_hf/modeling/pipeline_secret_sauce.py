"""The `audio-to-preset` pipeline: from sounds to settings, how sure they are, and MIDI."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Pipeline

from .configuration_secret_sauce import IS_COPY, push_saved

try:
    if IS_COPY:
        raise ImportError("see configuration_secret_sauce")
    from secret_sauce_hf.instruments.spec import InputError, Knob, Parameter, holds, parameter_from_dict
except ImportError:
    from .spec import (  # type: ignore[import-not-found, no-redef]
        InputError,
        Knob,
        Parameter,
        holds,
        parameter_from_dict,
    )

SILENCE = 10 ** (-60 / 20)
"""A take whose highest sample is below this (-60 dBFS) tells nothing of its settings."""
NEAR = 0.5
"""A knob's confidence is the probability that its setting is at most this far from the answer."""


class AudioToPresetPipeline(Pipeline):
    """Tells the settings of sounds.

    Call it with one sound, a list or a generator of them (see
    `feature_extraction_secret_sauce.read_sound` for what a sound may be), and, for
    bare arrays, `sampling_rate` in Hz.

    Returns:
        Per sound a dict of four entries, the first three per parameter name:
        `preset`, the settings (a knob's is one that its controller can send);
        `confidence`, 0 to 1: of a switch the probability of its label, of a knob that
        of being at most 0.5 away; `heard`, whether the parameter changes this sound, by
        the instrument's declared rules on the settings told, and never in silence;
        `midi`, the controllers that set the preset, as `mido.Message`s (None where mido
        is not installed).

    Raises:
        InputError: a sound that cannot be read.
    """

    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = True
    _load_tokenizer = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        read = [{key: record[key] for key in ("name", "frames", "bins")} for record in self.model.config.inputs]
        if self.feature_extractor.input_sizes() != read:
            raise InputError(
                "The feature extractor (preprocessor_config.json) makes other inputs than the model (config.json) "
                f"reads: {self.feature_extractor.input_sizes()} instead of {read}."
            )

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """See the class."""
        # The library looks into a list's first item before anything else.
        if isinstance(inputs, list) and not inputs:
            return []
        return super().__call__(inputs, **kwargs)

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Save the model and the feature extractor, with the code beside them.

        The library's own way would also write the path of the default checkpoint on this
        machine into config.json, and copies of these files without what they import.
        """
        self.model.save_pretrained(save_directory, **kwargs)
        self.feature_extractor.save_pretrained(save_directory, **kwargs)
        if push_to_hub:
            push_saved(self, save_directory, kwargs)

    def _sanitize_parameters(self, sampling_rate: int | None = None, **_: Any):
        return ({} if sampling_rate is None else {"sampling_rate": sampling_rate}), {}, {}

    def preprocess(self, input_: Any, sampling_rate: int | None = None) -> Mapping[str, Any]:
        """One sound to the model's inputs."""
        return self.feature_extractor([input_], sampling_rate=sampling_rate, return_tensors="pt")

    def _forward(self, input_tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        peak = input_tensors["peak"]
        inputs = {name: input_tensors[name] for name in self.model.config.input_names}
        outputs = self.model(**inputs)
        return {"peak": peak} | {
            f"logits_{name}": logits for name, logits in zip(self.model.config.label_names, outputs.logits, strict=True)
        }

    def postprocess(self, model_outputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Logits of one sound to its preset."""
        config = self.model.config
        # Not its `parameter_specs`: of a checkpoint in a folder transformers makes a copy per
        # file, and the classes of the config's `spec` are then others than those here.
        parameters = [parameter_from_dict(record) for record in config.parameters]
        preset: dict[str, Any] = {}
        confidence: dict[str, float] = {}
        cc = []
        for parameter in parameters:
            logits = model_outputs[f"logits_{parameter.name}"].reshape(-1)
            probabilities = logits.double().softmax(dim=0).cpu().numpy()
            if isinstance(parameter, Knob):
                settings = config.bin_settings(parameter)
                code = parameter.setting_to_cc(np.asarray(median(probabilities, settings)))
                answer = float(parameter.cc_to_setting(code))
                # The slack is for settings that are a bin's up to rounding.
                sure = probabilities[np.abs(settings - answer) <= NEAR + 1e-9].sum()
                preset[parameter.name] = answer
            else:
                index = int(probabilities.argmax())
                code = parameter.unit_to_cc(np.asarray(index))
                sure = probabilities[index]
                preset[parameter.name] = parameter.labels[index]
            confidence[parameter.name] = min(float(sure), 1.0)
            cc.append(int(code))
        audible = float(model_outputs["peak"]) >= SILENCE
        known = dict(config.fixed) | preset
        heard = {p.name: audible and bool(holds(p.heard, known)) for p in parameters}
        return {
            "preset": preset,
            "confidence": confidence,
            "heard": heard,
            "midi": _messages(parameters, cc),
        }


def median(probabilities: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Medians of distributions over ascending, evenly spaced values.

    The median is the answer of the least expected absolute error. A value's probability
    counts as spread evenly over the interval around it.

    Args:
        probabilities: shape (..., values), each row summing to one.
        values: shape (values,).

    Returns:
        Shape (...), within the range of `values`.
    """
    cumulated = np.cumsum(probabilities, axis=-1)
    index = np.minimum((cumulated < 0.5).sum(axis=-1), len(values) - 1)
    here = np.take_along_axis(probabilities, index[..., None], axis=-1)[..., 0]
    below = np.take_along_axis(cumulated, index[..., None], axis=-1)[..., 0] - here
    fraction = (0.5 - below) / np.maximum(here, 1e-12) - 0.5
    step = values[1] - values[0]
    return np.clip(values[index] + step * np.clip(fraction, -0.5, 0.5), values[0], values[-1])


def _messages(parameters: list[Parameter], cc: list[int]) -> list[Any] | None:
    """Controllers as `secret_sauce_hf.midi.preset_messages` makes them by default: MSB, then LSB.

    Not imported from there: a published checkpoint has to do without the package.
    """
    try:
        import mido
    except ImportError:
        return None
    messages = []
    for parameter, code in zip(parameters, cc, strict=True):
        # A parameter that MIDI does not reach has no controller.
        parts = {0: (), 1: (code,), 2: divmod(code, 128)}[len(parameter.control)]
        for control, value in zip(parameter.control, parts, strict=True):
            messages.append(mido.Message("control_change", control=control, value=value))
    return messages
