"""`preset_error`: how far predicted presets are from reference presets."""

import json
import sys
from collections.abc import Collection
from typing import Any

import datasets
import evaluate

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.settings import as_setting, preset_errors

_DESCRIPTION = """\
How far predicted presets of a synthesizer or effect are from reference presets: the mean absolute error of knobs \
and the accuracy of switches, counting only what can be heard if that is known.
"""

_INPUTS = """
Args:
    predictions: presets, each a dict from parameter names to settings: a number is a knob's, a label or boolean
        a switch's.
    references: as many presets of the same parameters.
    heard: as many dicts from parameter names to whether the parameter can be heard in the reference's sound; only
        where it can is counted. A parameter that is left out can be. By default all can.
    switches: names of parameters that are switches although their settings are numbers: class indices, as in the
        rows of a dataset.

Returns:
    A dict of `knob_mae`, the mean of the knobs' mean absolute errors; `switch_accuracy`, the mean of the switches'
    accuracies (0 to 1); and `per_parameter`, a dict of either per parameter. NaN where nothing is counted.
"""

_EXAMPLES = """
Examples:
    >>> metric = PresetError()
    >>> predictions = [{"cutoff": 4.0, "wave": "Saw"}, {"cutoff": 9.5, "wave": "Sine"}]
    >>> references = [{"cutoff": 4.5, "wave": "Saw"}, {"cutoff": 8.0, "wave": "Pulse"}]
    >>> result = metric.compute(predictions=predictions, references=references)
    >>> result["knob_mae"], result["switch_accuracy"]
    (1.0, 0.5)
    >>> heard = [{"cutoff": True}, {"cutoff": False}]
    >>> metric.compute(predictions=predictions, references=references, heard=heard)["per_parameter"]["cutoff"]
    0.5
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _INPUTS, _EXAMPLES)
class PresetError(evaluate.Metric):
    """`secret_sauce_hf.metrics.preset_errors`, as an `evaluate` metric."""

    def _info(self) -> evaluate.MetricInfo:
        # As JSON: a column of the table that `evaluate` writes holds either numbers or strings, and
        # has to be declared before the parameters are known. JSON keeps every float to the last bit.
        preset = datasets.Value("string")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description=_INPUTS + _EXAMPLES,
            features=datasets.Features({"predictions": preset, "references": preset, "heard": preset}),
        )

    def _feature_names(self) -> list[str]:
        names = super()._feature_names()
        # `evaluate.combine` takes these names from what it was given, and has no names that may be left out.
        caller = sys._getframe(1).f_locals
        if isinstance(caller.get("self"), evaluate.CombinedEvaluations) and "heard" not in caller.get("batch", names):
            names.remove("heard")
        return names

    def add_batch(self, *, predictions: Any = None, references: Any = None, heard: Any = None) -> None:
        """Add presets and their references.

        Raises:
            InputError: their numbers or parameters differ, or a setting is none.
        """
        if predictions is None or references is None or len(references) == 0:
            raise InputError("Give as many `predictions` as `references`, and at least one of each.")
        masks = [mask or {} for mask in heard] if heard is not None else [{} for _ in references]
        # What does not fit is found here, before it is stored with presets that do.
        preset_errors(references, predictions, masks)
        super().add_batch(
            predictions=[_to_json(preset) for preset in predictions],
            references=[_to_json(preset) for preset in references],
            heard=[json.dumps({name: bool(value) for name, value in mask.items()}) for mask in masks],
        )

    def add(self, *, prediction: Any = None, reference: Any = None, heard: Any = None, **kwargs: Any) -> None:
        """Add one preset and its reference.

        Raises:
            InputError: as `add_batch`.
        """
        # `evaluate.combine` gives one of each as `predictions` and `references`.
        row = {"predictions": prediction, "references": reference, "heard": heard} | kwargs
        self.add_batch(**{name: None if preset is None else [preset] for name, preset in row.items()})

    def compute(
        self,
        *,
        predictions: Any = None,
        references: Any = None,
        heard: Any = None,
        switches: Collection[str] = (),
    ) -> dict[str, Any] | None:
        """Compute the errors of what was added and is given here.

        Raises:
            InputError: presets do not fit one another, or `switches` names no parameter of theirs.
        """
        result = super().compute(predictions=predictions, references=references, heard=heard, switches=switches)
        if isinstance(result, InputError):
            raise result
        return result

    def _compute(
        self, *, predictions: list[str], references: list[str], heard: list[str], switches: Collection[str]
    ) -> dict[str, Any] | InputError:
        truth, told, masks = ([json.loads(row) for row in column] for column in (references, predictions, heard))
        try:
            return preset_errors(truth, told, masks, switches)
        except InputError as error:
            # Handed back, since `evaluate` leaves its files locked when this raises.
            return error


def _to_json(preset: dict[str, Any]) -> str:
    return json.dumps({name: as_setting(name, value) for name, value in preset.items()})
