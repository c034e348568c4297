"""What a model tells of a sound: the posterior of every parameter, and of whole presets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.instruments.parameters import parameter_from_dict
from secret_sauce_hf.presets import Presets

NEAR = 0.05
"""A knob's confidence is the probability that its unit is at most this far off, the same as the pipeline's."""
DIFFERENCES = 30
"""Number of independent differences between two spectrograms, against which the prior penalty is weighed."""
WEIGHED = 30
"""As many parameters together weigh at most, however many there are: with each one more the probabilities, as if
parameters had nothing to do with one another, say less of the whole."""
MOST_PENALTY = 3.0
"""The most nats that count against one parameter: the model may be wrong, however sure it is."""


class Posterior:
    """What a model tells of a sound: a distribution of presets.

    Args:
        collection: the collection.
        units: per parameter the units that its probabilities are of, ascending.
        probabilities: per parameter one for each of its units, of the parameter by itself; they sum to one.
        joint: logarithms of the probabilities of whole presets, from indices into `units` of
            shape (rows, parameters) to shape (rows,); if None, those of the parameters by
            themselves are multiplied.
    """

    def __init__(
        self,
        collection: Collection,
        units: Sequence[np.ndarray],
        probabilities: Sequence[np.ndarray],
        joint: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.collection = collection
        self.units = [np.asarray(values, dtype=np.float64) for values in units]
        self.probabilities = [np.asarray(values, dtype=np.float64) / np.sum(values) for values in probabilities]
        self._joint = joint

    @classmethod
    def of_outputs(cls, model: Any, collection: Collection, outputs: Mapping[str, Any]) -> "Posterior":
        """Read it off what an `AudioToPresetPipeline` computed of one sound.

        Args:
            model: the pipeline's model.
            collection: the model's collection.
            outputs: `logits_NAME` of every parameter, and `answers`, for `log_probability`.
        """
        import torch

        logits = [outputs[f"logits_{name}"].to(model.device).reshape(1, -1) for name in model.config.label_names]
        answers = outputs["answers"].to(model.device).reshape(1, len(logits), -1)
        units, probabilities = [], []
        names = []
        for record, row in zip(model.config.parameters, logits, strict=True):
            parameter = parameter_from_dict(record)
            scores = row[0].double().cpu().numpy()
            if parameter.classes:
                units.append(np.arange(parameter.classes, dtype=np.float64))
            else:
                units.append(parameter.setting_to_unit(model.config.bin_settings(parameter)))
            probabilities.append(np.exp(scores - scores.max()))
            names.append(parameter.name)
        order = [names.index(name) for name in collection.columns]

        def joint(indices: np.ndarray) -> np.ndarray:
            chosen = torch.from_numpy(indices[:, np.argsort(order)]).to(model.device)
            with torch.inference_mode():
                return model.log_probability(answers, logits, chosen).double().cpu().numpy()

        return cls(
            collection,
            [units[place] for place in order],
            [probabilities[place] for place in order],
            None if model.sampler is None else joint,
        )

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of each parameter's units, shape (parameters,)."""
        moments = zip(self.units, self.probabilities, strict=True)
        return np.array([np.sqrt(max(float(p @ u**2 - (p @ u) ** 2), 0.0)) for u, p in moments])

    def confidence(self, unit: np.ndarray) -> list[float]:
        """Probability of each unit, of a knob that of being at most `NEAR` away: (parameters,)."""
        sure = []
        for own, units, probabilities in zip(unit, self.units, self.probabilities, strict=True):
            # A switch's units are 1 apart.
            sure.append(min(float(probabilities[np.abs(units - own) <= NEAR + 1e-9].sum()), 1.0))
        return sure

    def penalty(self, cc: np.ndarray) -> np.ndarray:
        """The prior penalty: factors by which the distances of unlikely presets count for more, (rows,), 1 or more.

        A distance d among N independent differences of unknown variance has a likelihood of
        about d^-N, so that with the model's probability p as prior the logarithm of the
        posterior is -N (log d - log p / N): what is minimised is d * p^(-1 / N). Of more than
        `WEIGHED` parameters each counts for less.

        Args:
            cc: CC values, shape (rows, parameters).
        """
        nats = np.zeros(len(cc))
        for probabilities, chosen in zip(self.probabilities, self._indices(cc), strict=True):
            nats += np.minimum(np.log(probabilities.max() / np.maximum(probabilities[chosen], 1e-12)), MOST_PENALTY)
        return np.exp(nats * min(1.0, WEIGHED / len(self.units)) / DIFFERENCES)

    def sample(self, count: int, rng: np.random.Generator, doubt: float = 1.0) -> np.ndarray:
        """Presets that take every parameter by itself: CC values, (count, parameters).

        Args:
            count: how many.
            rng: draws them.
            doubt: what logarithms of probabilities are divided by: with more than 1 what the model takes for unlikely
                is drawn more often.
        """
        columns = []
        for parameter, units, believed in zip(self.collection.parameters, self.units, self.probabilities, strict=True):
            probabilities = believed
            if doubt != 1:
                probabilities = believed ** (1 / doubt)
                probabilities = probabilities / probabilities.sum()
            drawn = units[rng.choice(len(units), size=count, p=probabilities)]
            if not parameter.classes:
                # A bin stands for everything nearer to it than to the next one.
                drawn = drawn + (rng.random(count) - 0.5) * (units[1] - units[0])
            columns.append(parameter.nearest_cc(drawn))
        return np.stack(columns, axis=1)

    def chosen(self, indices: np.ndarray) -> np.ndarray:
        """Presets by the places of their settings in `units`: (rows, parameters) to CC values of the same shape."""
        columns = zip(self.collection.parameters, self.units, indices.T, strict=True)
        return np.stack([parameter.nearest_cc(units[places]) for parameter, units, places in columns], axis=1)

    def score(self, cc: np.ndarray) -> np.ndarray:
        """Logarithms of the probabilities of presets, CC values: (rows, parameters) to (rows,), in nats."""
        indices = self._indices(cc)
        if self._joint is not None:
            return self._joint(np.stack(indices, axis=1))
        single = [np.maximum(p[chosen], 1e-12) for p, chosen in zip(self.probabilities, indices, strict=True)]
        return np.log(single).sum(axis=0)

    def evidence(self, cc: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """How much likelier a sound is with presets than with any: log p(sound | preset) - log p(sound), in nats.

        By Bayes' rule that is log p(preset | sound) - log p(preset), with the parameters by themselves and all
        settings of one equally likely before the sound. A parameter that is not heard in a preset tells nothing
        of it: its term is 0.

        Args:
            cc: CC values, shape (rows, parameters).
            heard: whether each parameter is heard in each preset, bool of the same shape.

        Returns:
            Shape (rows,).
        """
        nats = np.zeros(len(cc))
        for probabilities, chosen, counts in zip(self.probabilities, self._indices(cc), heard.T, strict=True):
            ratios = np.log(np.maximum(probabilities * len(probabilities), 1e-12))
            nats += np.where(counts, np.maximum(ratios, -MOST_PENALTY)[chosen], 0.0)
        return nats

    def _indices(self, cc: np.ndarray) -> list[np.ndarray]:
        """Per parameter, where in `units` the nearest ones to presets lie."""
        found = []
        for own, units in zip(Presets.from_cc(self.collection, cc).unit.T, self.units, strict=True):
            # Of many presets most have a setting that another one has.
            different, places = np.unique(own, return_inverse=True)
            found.append(np.abs(different[:, None] - units).argmin(axis=1)[places])
        return found
