"""The `audio-to-preset` pipeline: from sounds to settings, how sure they are, further candidates, and MIDI."""

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Pipeline

from .checkpoint_secret_sauce import IS_COPY, check_arguments, push_saved
from .configuration_secret_sauce import SecretSauceConfig
from .hearing_secret_sauce import Listened, listen, read_notes
from .outputs_secret_sauce import combined

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments.errors import InputError, integer
    from secret_sauce_hf.instruments.parameters import Parameter, controller_values, parameter_from_dict
    from secret_sauce_hf.instruments.sounds import listed
    from secret_sauce_hf.instruments.takes import SILENCE
except ImportError:
    from .errors import InputError, integer  # type: ignore[import-not-found, no-redef]
    from .parameters import (  # type: ignore[import-not-found, no-redef]
        Parameter,
        controller_values,
        parameter_from_dict,
    )
    from .sounds import listed  # type: ignore[import-not-found, no-redef]
    from .takes import SILENCE  # type: ignore[import-not-found, no-redef]

MAX_CANDIDATES = 10_000
"""More presets than this are not told of one sound."""
NEAR = 0.5
"""A knob's confidence is the probability that its setting is at most this far from the answer."""

_ARGUMENTS = ("sampling_rate", "num_candidates", "seed", "notes", "batch_size", "num_workers")
_OF_THE_LIBRARY = ("local_files_only", "use_fast")
"""What `pipeline()` hands on to a pipeline, though it has acted on it."""


class AudioToPresetPipeline(Pipeline):
    """Tells the settings of sounds.

    Call it with one sound, a list, a tuple, a dataset's column or a generator of them (see
    `feature_extraction_secret_sauce.read_sound` for what a sound may be), and, for
    bare arrays, `sampling_rate` in Hz. With `num_candidates` it tells so many presets that
    may have made the sound, drawn from the joint distribution of all parameters (from the
    same `seed` the same ones).

    A model of notes reads sounds of any length, and hears what is played in them; or `notes`
    tells it, of every sound that is given: per note `pitch`, `velocity`, `onset` and `duration`, in
    seconds from the start of the sound, of which all but the pitch may be left out.

    Returns:
        Per sound a dict of five entries, the first four per parameter name:
        `preset`, the settings (a knob's is one that its controller can send);
        `confidence`, 0 to 1: of a switch the probability of its label, of a knob that
        of being at most 0.5 away; `heard`, whether the parameter changes this sound: what
        the model holds for likely, and never in silence;
        `controllers`, the values that set it by MIDI: controller number → value, 0 to 127, of
        a 14-bit knob MSB and LSB, nothing where MIDI does not reach;
        `midi`, the controllers that set the preset, as `mido.Message`s (None where mido
        is not installed). With `num_candidates` also `candidates`, the most probable
        first: dicts of a `preset` and its `score`, the logarithm of its probability. The
        answer itself is one of them; fewer are told where fewer differ. Of a model of notes also
        `notes`, what is played, a dict per note; and of one that was trained to tell it
        `in_domain`, the probability that the instrument can make the sound.

    Raises:
        InputError: a sound that cannot be read; no candidates are asked for; the model
            cannot tell any; notes that are none, or are told to a model of one note.
    """

    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = True
    _load_tokenizer = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        config, ours = self.model.config, SecretSauceConfig.model_type
        if config.model_type != ours:
            raise InputError(
                f"The checkpoint is of a {config.model_type} model, not of a {ours} one; give one of these."
            )
        read = [{key: record[key] for key in ("name", "frames", "bins")} for record in config.inputs]
        if self.feature_extractor.input_sizes() != read:
            raise InputError(
                "The feature extractor (preprocessor_config.json) makes other inputs than the model (config.json) "
                f"reads: {self.feature_extractor.input_sizes()} instead of {read}."
            )

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """See the class."""
        for name, least in (("batch_size", 1), ("num_workers", 0)):
            if kwargs.get(name) is not None:
                # The library takes no integers of NumPy.
                kwargs[name] = integer(name, kwargs[name], least)
        if self.reads_notes:
            # Sounds of several strokes each cannot be stacked.
            kwargs["batch_size"] = 1
        batch = listed(inputs)
        if batch is None and isinstance(inputs, list):
            # Of a list the library would take every number for a sound.
            return super().__call__([inputs], **kwargs)[0]
        if batch is None:
            return super().__call__(inputs, **kwargs)
        if not isinstance(batch, Sized):
            return super().__call__((sound for sound in batch), **kwargs)
        # The library looks into a list's first item before anything else.
        if not len(batch):
            return []
        if isinstance(batch, list | tuple):
            return super().__call__(list(batch), **kwargs)
        # One after the other: a column may be larger than the memory.
        return list(super().__call__((sound for sound in batch), **kwargs))

    @property
    def reads_notes(self) -> bool:
        """Whether its model is one of notes, which reads sounds of any length."""
        return getattr(self.feature_extractor, "reads_strokes", False)

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Save the model and the feature extractor, with the code beside them.

        The library's own way would also write the path of the default checkpoint on this
        machine into config.json, and copies of these files without what they import.
        """
        self.model.save_pretrained(save_directory, **kwargs)
        self.feature_extractor.save_pretrained(save_directory, **kwargs)
        if push_to_hub:
            push_saved(self, save_directory, kwargs)

    def _sanitize_parameters(
        self,
        sampling_rate: int | None = None,
        num_candidates: int | None = None,
        seed: int | None = None,
        notes: Sequence[Any] | None = None,
        **kwargs: Any,
    ):
        check_arguments("audio-to-preset pipeline", kwargs, _ARGUMENTS, _OF_THE_LIBRARY)
        if num_candidates is not None:
            num_candidates = integer("num_candidates", num_candidates, 1, MAX_CANDIDATES)
        if seed is not None:
            seed = integer("seed", seed)
        if num_candidates is not None and self.model.sampler is None:
            raise InputError("This model has no sampler of presets to tell candidates; leave num_candidates out.")
        if notes is not None and not self.reads_notes:
            raise InputError(
                "This model was trained on one note and takes every sound for that; leave notes out, or take a model "
                f"of notes, such as {self.model.config.collection}-notes where there is one."
            )
        if notes is not None:
            notes = tuple(read_notes(notes))
        given = {"sampling_rate": sampling_rate, "notes": notes}, {"num_candidates": num_candidates, "seed": seed}
        before, after = ({name: value for name, value in part.items() if value is not None} for part in given)
        return before, {}, after

    def preprocess(
        self, input_: Any, sampling_rate: int | None = None, notes: Sequence[Any] | None = None
    ) -> Mapping[str, Any]:
        """One sound to the model's inputs."""
        if self.reads_notes:
            return self.inputs_of(self.listen(input_, sampling_rate, notes))
        return self.feature_extractor([input_], sampling_rate=sampling_rate, return_tensors="pt")

    def listen(self, sound: Any, sampling_rate: int | None = None, notes: Sequence[Any] | None = None) -> Listened:
        """What is played in a sound, as a model of notes hears it; see `hearing_secret_sauce.listen`."""
        return listen(self.feature_extractor, self.model.listener, sound, sampling_rate, notes)

    def inputs_of(self, listened: Listened) -> dict[str, Any]:
        """The inputs of a model of notes, one row per stroke, and beside them the notes and what each stroke counts."""
        takes = self.feature_extractor.windows(listened.samples, listened.strokes)
        notes = np.array(listened.told, dtype=np.float64).reshape(-1, 4)
        return self.feature_extractor.transform(torch.from_numpy(takes), listened.strokes) | {
            "notes": torch.from_numpy(notes),
            "weights": torch.from_numpy(listened.weights).float(),
        }

    def _forward(self, input_tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        inputs = {name: input_tensors[name] for name in self.model.config.input_names}
        outputs = self.model(**inputs)
        told: dict[str, torch.Tensor] = {"peak": input_tensors["peak"]}
        if "weights" in input_tensors:
            outputs = combined(outputs, input_tensors["weights"])
            told = {"peak": input_tensors["peak"].amax(dim=0, keepdim=True), "notes": input_tensors["notes"]}
        if outputs.domain_logits is not None:
            told["domain"] = outputs.domain_logits
        names = self.model.config.label_names
        told |= {"heard": outputs.heard_logits, "answers": outputs.answers}
        return told | {f"logits_{name}": logits for name, logits in zip(names, outputs.logits, strict=True)}

    def postprocess(
        self, model_outputs: Mapping[str, torch.Tensor], num_candidates: int | None = None, seed: int = 0
    ) -> dict[str, Any]:
        """Logits of one sound to its preset, and to further candidates."""
        config = self.model.config
        # Not its `parameter_specs`: of a checkpoint in a folder transformers makes a copy per
        # file, and the classes of the config's `parameters` are then others than those here.
        parameters = [parameter_from_dict(record) for record in config.parameters]
        logits = [model_outputs[f"logits_{parameter.name}"].reshape(1, -1) for parameter in parameters]
        if not all(scores.isfinite().all() for scores in (*logits, model_outputs["heard"])):
            raise InputError(
                "The model's answer is not finite: its weights are broken; copy it again, or train it again."
            )
        confidence: dict[str, float] = {}
        cc = []
        for parameter, scores in zip(parameters, logits, strict=True):
            probabilities = scores[0].double().softmax(dim=0).cpu().numpy()
            if not parameter.classes:
                settings = config.bin_settings(parameter)
                code = parameter.setting_to_cc(np.asarray(median(probabilities, settings)))
                # The slack is for settings that are a bin's up to rounding.
                sure = probabilities[np.abs(settings - parameter.cc_to_setting(code)) <= NEAR + 1e-9].sum()
            else:
                index = int(probabilities.argmax())
                code = parameter.unit_to_cc(np.asarray(index))
                sure = probabilities[index]
            confidence[parameter.name] = min(float(sure), 1.0)
            cc.append(int(code))
        audible = float(model_outputs["peak"]) >= SILENCE
        odds = model_outputs["heard"].reshape(-1).tolist()
        answer: dict[str, Any] = {
            "preset": _preset(parameters, cc),
            "confidence": confidence,
            "heard": {p.name: audible and told > 0 for p, told in zip(parameters, odds, strict=True)},
            "controllers": {p.name: controller_values(p, code) for p, code in zip(parameters, cc, strict=True)},
            "midi": _messages(parameters, cc),
        }
        if "notes" in model_outputs:
            answer["notes"] = [
                {"pitch": int(pitch), "velocity": int(velocity), "onset": onset, "duration": duration}
                for pitch, velocity, onset, duration in model_outputs["notes"].reshape(-1, 4).tolist()
            ]
        if "domain" in model_outputs:
            answer["in_domain"] = float(model_outputs["domain"].reshape(-1).sigmoid())
        if num_candidates is not None:
            answers = model_outputs["answers"].reshape(1, len(parameters), -1)
            answer["candidates"] = self._candidates(parameters, logits, answers, cc, num_candidates, seed)
        return answer

    def _candidates(
        self,
        parameters: list[Parameter],
        logits: list[torch.Tensor],
        answers: torch.Tensor,
        cc: list[int],
        count: int,
        seed: int,
    ) -> list[dict[str, Any]]:
        """The answer and presets that are drawn, all different, the most probable first."""
        # As many again, since some will be equal.
        drawn = self.model.propose(answers, logits, 2 * count, seed).cpu().numpy()
        codes = [
            parameter.unit_to_cc(column)
            if parameter.classes
            else parameter.setting_to_cc(self.model.config.bin_settings(parameter)[column])
            for parameter, column in zip(parameters, drawn.T, strict=True)
        ]
        different = list(dict.fromkeys([tuple(cc), *map(tuple, np.stack(codes, axis=1).tolist())]))[:count]
        chosen = torch.from_numpy(self._bins(parameters, np.array(different))).to(answers.device)
        scores = self.model.log_probability(answers, logits, chosen).tolist()
        order = sorted(range(len(different)), key=lambda index: -scores[index])
        return [{"preset": _preset(parameters, different[index]), "score": scores[index]} for index in order]

    def _bins(self, parameters: list[Parameter], cc: np.ndarray) -> np.ndarray:
        """The nearest bins and the labels' indices of CC values (presets, parameters)."""
        columns = []
        for parameter, codes in zip(parameters, cc.T, strict=True):
            if not parameter.classes:
                settings = self.model.config.bin_settings(parameter)
                columns.append(np.abs(parameter.cc_to_setting(codes)[:, None] - settings).argmin(axis=1))
            else:
                columns.append(parameter.cc_to_unit(codes).astype(np.int64))
        return np.stack(columns, axis=1)


def _preset(parameters: Sequence[Parameter], cc: Sequence[int]) -> dict[str, Any]:
    """Name and setting of every parameter, from the CC values that set it."""
    return {
        parameter.name: np.asarray(parameter.cc_to_setting(np.asarray(code))).item()
        for parameter, code in zip(parameters, cc, strict=True)
    }


def median(probabilities: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Medians of distributions over ascending, evenly spaced values: the answers of the least expected absolute error.

    Args:
        probabilities: as of `quantile`.
        values: likewise.
    """
    return quantile(probabilities, values, 0.5)


def quantile(probabilities: np.ndarray, values: np.ndarray, share: float) -> np.ndarray:
    """Quantiles of distributions over ascending, evenly spaced values.

    A value's probability counts as spread evenly over the interval around it.

    Args:
        probabilities: shape (..., values), each row summing to one.
        values: shape (values,).
        share: how much of the probability lies below, 0 to 1.

    Returns:
        Shape (...), within the range of `values`.
    """
    cumulated = np.cumsum(probabilities, axis=-1)
    index = np.minimum((cumulated < share).sum(axis=-1), len(values) - 1)
    here = np.take_along_axis(probabilities, index[..., None], axis=-1)[..., 0]
    below = np.take_along_axis(cumulated, index[..., None], axis=-1)[..., 0] - here
    fraction = (share - below) / np.maximum(here, 1e-12) - 0.5
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
        for control, value in controller_values(parameter, code).items():
            messages.append(mido.Message("control_change", control=control, value=value))
    return messages
