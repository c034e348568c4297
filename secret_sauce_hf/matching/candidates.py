"""Presets that a sound may have been made with, before anything is rendered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection, Knob, Parameter
from secret_sauce_hf.instruments.parameters import parameter_from_dict
from secret_sauce_hf.presets import Presets

NEAR = 0.05
"""A knob's confidence is the probability that its unit is at most this far off, as of the pipeline."""
SAME_DB = 1.0
"""A recorded take that is nearer than this is believed to be the sound itself, before the model is."""
DIFFERENCES = 30
"""As so many independent ones the differences between two spectrograms count against the model's belief."""
MOST_DOUBT = 3.0
"""The most nats that the model's belief counts against one parameter: it may be wrong, however sure."""
MODEL, SAMPLED, NEAREST, SEARCHED = "model", "sampled", "nearest take", "search"
"""Where a candidate can come from."""


@dataclass(frozen=True)
class Candidate:
    """A preset proposed for a sound.

    Args:
        preset: name → setting of each parameter, on the grid of its CC values.
        cc: CC values in column order.
        distance: MSS from the sound to the rendered preset in dB (see `Match.distances`);
            without an engine, what `Objective` tells of a recorded take, and None for others.
        score: logarithm of the probability that the model gives it, in nats.
        origin: "model", "sampled", "nearest take" or "search".
    """

    preset: dict[str, float | str]
    cc: tuple[int, ...]
    distance: float | None
    score: float
    origin: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "preset": self.preset,
            "distance": self.distance,
            "score": self.score,
            "origin": self.origin,
        }


class Belief:
    """What a model believes of a sound.

    Args:
        collection: the collection.
        units: per parameter the units that its probabilities are of, ascending.
        probabilities: per parameter as many, of each parameter by itself; they sum to one.
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
    def of_model(cls, pipe: Any, collection: Collection, sound: dict[str, Any]) -> "Belief":
        """Ask the model of an `AudioToPresetPipeline` about a sound."""
        import torch

        model = pipe.model
        features = pipe.feature_extractor([sound], return_tensors="pt")
        with torch.inference_mode():
            outputs = model(**{name: features[name].to(model.device) for name in model.config.input_names})
        units, probabilities = [], []
        names = []
        for record, logits in zip(model.config.parameters, outputs.logits, strict=True):
            parameter = parameter_from_dict(record)
            scores = logits[0].double().cpu().numpy()
            if isinstance(parameter, Knob):
                units.append(parameter.setting_to_unit(model.config.bin_settings(parameter)))
            else:
                units.append(np.arange(len(scores), dtype=np.float64))
            probabilities.append(np.exp(scores - scores.max()))
            names.append(parameter.name)
        order = [names.index(name) for name in collection.columns]

        def joint(indices: np.ndarray) -> np.ndarray:
            chosen = torch.from_numpy(indices[:, np.argsort(order)]).to(model.device)
            with torch.inference_mode():
                return model.log_probability(outputs.answers, outputs.logits, chosen).double().cpu().numpy()

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

    def doubt(self, cc: np.ndarray) -> np.ndarray:
        """By what factors the distances of presets are taken for greater, for being unlikely: (rows,), 1 or more.

        A distance d among N independent differences of unknown variance has a likelihood of
        about d^-N, so that with the model's belief p as prior the logarithm of the posterior
        is -N (log d - log p / N): what is minimised is d * p^(-1 / N).

        Args:
            cc: CC values, shape (rows, parameters).
        """
        nats = np.zeros(len(cc))
        for probabilities, chosen in zip(self.probabilities, self._indices(cc), strict=True):
            nats += np.minimum(np.log(probabilities.max() / np.maximum(probabilities[chosen], 1e-12)), MOST_DOUBT)
        return np.exp(nats / DIFFERENCES)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Presets that take every parameter by itself: CC values, (count, parameters)."""
        columns = []
        for parameter, units, probabilities in zip(
            self.collection.parameters, self.units, self.probabilities, strict=True
        ):
            drawn = units[rng.choice(len(units), size=count, p=probabilities)]
            if isinstance(parameter, Knob):
                # A bin stands for everything nearer to it than to the next one.
                drawn = drawn + (rng.random(count) - 0.5) * (units[1] - units[0])
            columns.append(nearest_cc(parameter, drawn))
        return np.stack(columns, axis=1)

    def score(self, cc: np.ndarray) -> np.ndarray:
        """Logarithms of the probabilities of presets, CC values: (rows, parameters) to (rows,), in nats."""
        indices = self._indices(cc)
        if self._joint is not None:
            return self._joint(np.stack(indices, axis=1))
        single = [np.maximum(p[chosen], 1e-12) for p, chosen in zip(self.probabilities, indices, strict=True)]
        return np.log(single).sum(axis=0)

    def _indices(self, cc: np.ndarray) -> list[np.ndarray]:
        """Per parameter, where in `units` the nearest ones to presets lie."""
        unit = Presets.from_cc(self.collection, cc).unit
        return [np.abs(own[:, None] - units).argmin(axis=1) for own, units in zip(unit.T, self.units, strict=True)]


@dataclass(frozen=True)
class Proposals:
    """Candidates to begin with, the model's own answer first.

    Args:
        cc: CC values, shape (candidates, parameters).
        origins: where each comes from.
        distances: of recorded takes from the sound, shape (candidates,); NaN for others.
        belief: what the model believes of the sound.
    """

    cc: np.ndarray
    origins: list[str]
    distances: np.ndarray
    belief: Belief

    @property
    def collection(self) -> Collection:
        """Whose parameters they set."""
        return self.belief.collection

    def joined(self, cc: np.ndarray, distances: np.ndarray) -> "Proposals":
        """These and recorded takes, whose CC values and distances from the sound are given, nearest first.

        They come after the model's own answer and before what was drawn.
        """
        return Proposals(
            np.concatenate([self.cc[:1], cc, self.cc[1:]]),
            [*self.origins[:1], *[NEAREST] * len(cc), *self.origins[1:]],
            np.concatenate([self.distances[:1], distances, self.distances[1:]]),
            self.belief,
        )

    def ranked(self) -> "Proposals":
        """The same, the most promising first, as far as that can be told without rendering them.

        Takes that are as near as the sound itself, the model's own answer, further takes, and
        what was drawn, by its score.
        """
        near, taken = self.distances < SAME_DB, np.isfinite(self.distances)
        kind = np.select([near, np.array(self.origins) == MODEL, taken], [0, 1, 2], 3)
        order = np.lexsort((np.where(taken, self.distances, -self.belief.score(self.cc)), kind))
        return Proposals(self.cc[order], [self.origins[row] for row in order], self.distances[order], self.belief)


def nearest_cc(parameter: Parameter, units: np.ndarray) -> np.ndarray:
    """The legal CC values nearest to any units."""
    if isinstance(parameter, Knob):
        return np.clip(parameter.unit_to_cc(units), *parameter.limits)
    return parameter.unit_to_cc(np.clip(np.rint(units), 0, len(parameter.labels) - 1))


def propose(
    pipe: Any, collection: Collection, take: np.ndarray, count: int, seed: int, rng: np.random.Generator
) -> tuple[dict[str, Any], Proposals]:
    """Ask a model.

    Args:
        pipe: an `AudioToPresetPipeline`.
        collection: its collection.
        take: float32 of shape (samples,).
        count: how many candidates, the model's own answer among them. Up to half of the
            others come from its sampler of whole presets, if it has one; the rest takes
            every parameter by itself.
        seed: of the sampler.
        rng: draws the rest.

    Returns:
        The pipeline's answer, and `count` proposals.
    """
    sound = {"array": take, "sampling_rate": pipe.feature_extractor.sampling_rate}
    sampling = {"num_candidates": count // 2, "seed": seed} if pipe.model.sampler is not None and count > 1 else {}
    answer = pipe(sound, **sampling)
    belief = Belief.of_model(pipe, collection, sound)
    sampled = [one["preset"] for one in answer.get("candidates", ()) if one["preset"] != answer["preset"]]
    # What is rendered is what the MIDI sets: settings on the grid of their controllers.
    cc = Presets.from_settings(collection, [answer["preset"], *sampled]).cc
    cc = np.concatenate([cc, belief.sample(count - len(cc), rng)])
    return answer, Proposals(cc, [MODEL] + [SAMPLED] * (count - 1), np.full(count, np.nan), belief)
