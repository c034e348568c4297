"""Presets that a sound may have been made with, before anything is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.matching.posterior import Posterior
from secret_sauce_hf.matching.result import MODEL, NEAREST, SAMPLED
from secret_sauce_hf.presets import Presets

SAME_DB = 1.0
"""A recorded take that is nearer than this counts as the sound itself, before the model's answer does."""


@dataclass(frozen=True)
class Proposals:
    """Candidates to begin with, the model's own answer first.

    Args:
        cc: CC values, shape (candidates, parameters).
        origins: where each comes from.
        distances: of recorded takes from the sound, shape (candidates,); NaN for others.
        posterior: what the model tells of the sound.
    """

    cc: np.ndarray
    origins: list[str]
    distances: np.ndarray
    posterior: Posterior

    @property
    def collection(self) -> Collection:
        """Whose parameters they set."""
        return self.posterior.collection

    def joined(self, cc: np.ndarray, distances: np.ndarray, origin: str = NEAREST) -> "Proposals":
        """These and others, after the model's own answer and before what was drawn.

        Args:
            cc: CC values of the others, shape (rows, parameters), the most promising first.
            distances: from the sound, where they are recorded takes, shape (rows,); NaN where they are not.
            origin: where they come from.
        """
        return Proposals(
            np.concatenate([self.cc[:1], cc, self.cc[1:]]),
            [*self.origins[:1], *[origin] * len(cc), *self.origins[1:]],
            np.concatenate([self.distances[:1], distances, self.distances[1:]]),
            self.posterior,
        )

    def ranked(self) -> "Proposals":
        """Order them, the most promising first, as far as that can be told without rendering them.

        Takes that are as near as the sound itself, the model's own answer, further takes, and
        what was drawn, by its score.
        """
        near, taken = self.distances < SAME_DB, np.isfinite(self.distances)
        kind = np.select([near, np.array(self.origins) == MODEL, taken], [0, 1, 2], 3)
        order = np.lexsort((np.where(taken, self.distances, -self.posterior.score(self.cc)), kind))
        return Proposals(self.cc[order], [self.origins[row] for row in order], self.distances[order], self.posterior)


def propose(
    pipe: Any, collection: Collection, inputs: Mapping[str, Any], count: int, seed: int, rng: np.random.Generator
) -> tuple[dict[str, Any], Proposals]:
    """Ask a model, once.

    Args:
        pipe: an `AudioToPresetPipeline`.
        collection: its collection.
        inputs: of its model, of one sound: what its `preprocess` returns.
        count: how many candidates, the model's own answer among them. Up to half of the
            others come from its sampler of whole presets, if it has one; the rest takes
            every parameter by itself.
        seed: of the sampler.
        rng: draws the rest.

    Returns:
        The pipeline's answer, and `count` proposals.
    """
    outputs = pipe.forward(inputs)
    sampling = {"num_candidates": count // 2, "seed": seed} if pipe.model.sampler is not None and count > 1 else {}
    answer = pipe.postprocess(outputs, **sampling)
    posterior = Posterior.of_outputs(pipe.model, collection, outputs)
    sampled = [one["preset"] for one in answer.get("candidates", ()) if one["preset"] != answer["preset"]]
    # What is rendered is what the MIDI sets: settings on the grid of their controllers.
    cc = Presets.from_settings(collection, [answer["preset"], *sampled]).cc
    cc = np.concatenate([cc, posterior.sample(count - len(cc), rng)])
    return answer, Proposals(cc, [MODEL] + [SAMPLED] * (count - 1), np.full(count, np.nan), posterior)


def propose_each(
    pipe: Any, collection: Collection, inputs: Sequence[Mapping[str, Any]], count: int, seed: int
) -> np.ndarray:
    """Ask a model of many sounds at once, as `propose` does of one.

    Args:
        pipe: an `AudioToPresetPipeline`.
        collection: its collection.
        inputs: of its model, one for each sound.
        count: how many presets each gets; if the model has a sampler of whole presets, half of them come from that, and
            the rest takes every parameter by itself.
        seed: of what is drawn.

    Returns:
        CC values, shape (sounds, count, parameters).
    """
    import torch

    model = pipe.model
    outputs = [pipe.forward(one) for one in inputs]
    posteriors = [Posterior.of_outputs(model, collection, one) for one in outputs]
    rng = np.random.default_rng(seed)
    sampled = count // 2 if model.sampler is not None else 0
    single = np.stack([posterior.sample(count - sampled, rng) for posterior in posteriors])
    if not sampled:
        return single
    names = model.config.label_names

    def of_each(name: str, *shape: int) -> torch.Tensor:
        told = [one[name].to(model.device).reshape(1, *shape) for one in outputs]
        return torch.cat(told).repeat_interleave(sampled, dim=0)

    answers, logits = of_each("answers", len(names), -1), [of_each(f"logits_{name}", -1) for name in names]
    drawn = model.propose(answers, logits, len(answers), seed).cpu().numpy()
    joint = posteriors[0].chosen(drawn[:, [names.index(name) for name in collection.columns]])
    return np.concatenate([joint.reshape(len(outputs), sampled, -1), single], axis=1)
