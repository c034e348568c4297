"""`sound_distance`: how far predicted sounds are from reference sounds."""

from typing import Any

import datasets
import evaluate
import numpy as np

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.sounds import DISTANCES, check_rate, comparable

_DESCRIPTION = """\
How far predicted sounds are from reference sounds: seven distances used in sound matching and synthesizer \
inversion, of spectra, level, timbre, pitch and envelope.
"""

_INPUTS = """
Args:
    predictions: sounds, each a sequence of samples: floats of full scale 1 or signed integers of their type's.
    references: as many sounds; each is as long as its prediction.
    sampling_rate: of all of them, in Hz.
    metrics: names of the distances to compute, or one name; by default all:
        {names}.
    reduction: "mean" or "median" over the sounds, or "none" for a list of one value per sound.

Returns:
    A dict from the distances' names to floats, or to lists of them.
""".format(names=", ".join(distance.name for distance in DISTANCES))

_CITATION = """\
B. Hayes et al., Audio synthesizer inversion in symmetric parameter spaces with approximately equivariant flow \
matching, 2025 (mss, wmfcc, sot, rms_cosine).
W. Shin et al., SynthRL, 2025 (spectral_composite).
"""

_EXAMPLES = """
Examples:
    >>> import numpy as np
    >>> time = np.arange(22050) / 22050
    >>> low, high = np.sin(2 * np.pi * 220 * time), 0.5 * np.sin(2 * np.pi * 440 * time)
    >>> metric = SoundDistance()
    >>> metric.compute(predictions=[low], references=[low], sampling_rate=22050, metrics=["mss", "rms_cosine"])
    {'mss': 0.0, 'rms_cosine': 1.0}
    >>> result = metric.compute(predictions=[low, low], references=[low, high], sampling_rate=22050, reduction="none")
    >>> result["mss"][0] < result["mss"][1]
    True
"""

_FUNCTIONS = {distance.name: distance.function for distance in DISTANCES}
_REDUCTIONS = ("mean", "median", "none")


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _INPUTS, _EXAMPLES)
class SoundDistance(evaluate.Metric):
    """The distances of `secret_sauce_hf.metrics.sounds`, as an `evaluate` metric."""

    def _info(self) -> evaluate.MetricInfo:
        # float64, so that the numbers are those of the plain functions.
        sound = datasets.Sequence(datasets.Value("float64"))
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS + _EXAMPLES,
            features=datasets.Features({"predictions": sound, "references": sound}),
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Add sounds and their references.

        Raises:
            InputError: their numbers or lengths differ, or one is no sound.
        """
        if predictions is None or references is None or len(predictions) != len(references) or len(references) == 0:
            raise InputError("Give as many `predictions` as `references`, and at least one of each.")
        pairs = []
        for row, (prediction, reference) in enumerate(zip(predictions, references, strict=True)):
            try:
                pair = comparable(reference, prediction)
            except InputError as error:
                raise InputError(f"predictions[{row}] and references[{row}]: {error}") from error
            if pair[0].ndim != 1:
                raise InputError("`predictions` and `references` are lists of sounds, each of shape (samples,).")
            pairs.append(pair)
        super().add_batch(predictions=[second for _, second in pairs], references=[first for first, _ in pairs])

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Add one sound and its reference.

        Raises:
            InputError: as `add_batch`.
        """
        # `evaluate.combine` gives one of each as `predictions` and `references`.
        pair = {"predictions": prediction, "references": reference} | kwargs
        self.add_batch(**{name: None if sound is None else [sound] for name, sound in pair.items()})

    def compute(
        self,
        *,
        predictions: Any = None,
        references: Any = None,
        sampling_rate: int | None = None,
        metrics: Any = None,
        reduction: str = "mean",
    ) -> dict[str, Any] | None:
        """Compute the distances of what was added and is given here.

        Raises:
            InputError: an option is missing or unknown, or as `add_batch`.
        """
        # Before anything is stored: what fails later takes the sounds that were added with it.
        if sampling_rate is None:
            raise InputError("Give `sampling_rate`, the sounds' rate in Hz.")
        sampling_rate = check_rate(sampling_rate)
        names = list(_FUNCTIONS) if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
        if unknown := [name for name in names if name not in _FUNCTIONS]:
            raise InputError(f"Unknown metrics {unknown}; there are {', '.join(_FUNCTIONS)}.")
        if reduction not in _REDUCTIONS:
            raise InputError(f"Unknown reduction {reduction!r}; there are {', '.join(_REDUCTIONS)}.")
        return super().compute(
            predictions=predictions,
            references=references,
            sampling_rate=sampling_rate,
            metrics=names,
            reduction=reduction,
        )

    def _compute(
        self,
        *,
        predictions: list[list[float]],
        references: list[list[float]],
        sampling_rate: int,
        metrics: list[str],
        reduction: str,
    ) -> dict[str, Any]:
        pairs = [
            (np.asarray(reference), np.asarray(prediction))
            for reference, prediction in zip(references, predictions, strict=True)
        ]
        values = {name: [float(_FUNCTIONS[name](*pair, sampling_rate)) for pair in pairs] for name in metrics}
        if reduction == "none":
            return values
        reduce = np.mean if reduction == "mean" else np.median
        return {name: float(reduce(column)) for name, column in values.items()}
