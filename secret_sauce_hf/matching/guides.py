"""Who tells what a sound may have been made with, before anything is rendered: a model, or a prior where none is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.instruments.priors import MUSICAL, is_musical
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.matching.posterior import Posterior
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.result import MODEL, PRIOR, SAMPLED
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened, listen
from secret_sauce_hf.presets import Presets, draw_presets

DRAWN = 4_096
"""How many presets are drawn to learn what is usual."""
EVENLY = 0.25
"""Which part of them is drawn evenly: people also set what nobody else does."""
UNITS = 64
"""So many settings of a knob are told apart at most."""


class Guide(ABC):
    """Tells presets that a sound may have been made with.

    Attributes:
        extractor: of whose form the takes are that it reads.
        reads_notes: whether it reads sounds of any length, and has to know what is played in them.
        warn_below: from which probability down that the instrument can make a sound it is said that it cannot.
    """

    extractor: SecretSauceFeatureExtractor
    reads_notes: bool
    warn_below: float = 0.0

    @abstractmethod
    def listen(self, sound: Any, notes: Sequence[Any] | None = None) -> Listened:
        """What is played in a sound, as far as it is not told; see `hearing_secret_sauce.listen`."""

    @abstractmethod
    def inputs_of(self, listened: Listened) -> Mapping[str, Any]:
        """What it reads of a sound whose notes are known."""

    @abstractmethod
    def inputs_of_take(self, take: np.ndarray) -> Mapping[str, Any]:
        """What it reads of a take, float32 of shape (samples,)."""

    @abstractmethod
    def propose(
        self, collection: Collection, inputs: Mapping[str, Any], count: int, seed: int, rng: np.random.Generator
    ) -> tuple[dict[str, Any], Proposals]:
        """Tell of one sound.

        Args:
            collection: its collection.
            inputs: what it reads of the sound.
            count: how many candidates, its own answer among them.
            seed: of the model's sampler.
            rng: draws what that does not.

        Returns:
            An answer as the pipeline's, of which `confidence` and `heard` are there in any case; and
            `count` proposals, its own answer first.
        """

    @abstractmethod
    def propose_each(
        self, collection: Collection, inputs: Sequence[Mapping[str, Any]], count: int, seed: int
    ) -> np.ndarray:
        """Tell of many sounds at once, `count` presets of each: CC values, (sounds, count, parameters)."""


class ModelGuide(Guide):
    """A model.

    Args:
        pipe: its `AudioToPresetPipeline`.
    """

    def __init__(self, pipe: Any):
        self.pipe = pipe
        self.extractor = pipe.feature_extractor
        # One that came with code of its own may know nothing of notes.
        self.reads_notes = bool(getattr(pipe, "reads_notes", False))
        self.warn_below = float(getattr(pipe.model.config, "domain_warning", 0.0))

    def listen(self, sound: Any, notes: Sequence[Any] | None = None) -> Listened:
        """See `Guide.listen`."""
        return self.pipe.listen(sound, None, notes)

    def inputs_of(self, listened: Listened) -> Mapping[str, Any]:
        """See `Guide.inputs_of`."""
        return self.pipe.inputs_of(listened)

    def inputs_of_take(self, take: np.ndarray) -> Mapping[str, Any]:
        """What the pipeline does of a sound that is a take already, without reading and aligning it again."""
        return self.extractor.transform(torch.from_numpy(take[None]))

    def propose(
        self, collection: Collection, inputs: Mapping[str, Any], count: int, seed: int, rng: np.random.Generator
    ) -> tuple[dict[str, Any], Proposals]:
        """See `Guide.propose`.

        Up to half of the proposals come from the model's sampler of whole presets, if it has one; the rest takes
        every parameter by itself.
        """
        pipe = self.pipe
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
        self, collection: Collection, inputs: Sequence[Mapping[str, Any]], count: int, seed: int
    ) -> np.ndarray:
        """See `Guide.propose_each`; half of them come from the sampler, as of `propose`."""
        model = self.pipe.model
        outputs = [self.pipe.forward(one) for one in inputs]
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


class PriorGuide(Guide):
    """What presets are like before anything is heard, where no model has learnt to hear an instrument.

    The notes are heard by a listener, which knows no instrument.

    Args:
        collection: the collection.
        extractor: makes takes; of a model of notes where notes are read.
        listener: a model's `NoteListener`; None where the instrument plays one note only.
    """

    def __init__(self, collection: Collection, extractor: SecretSauceFeatureExtractor, listener: Any = None):
        self.collection, self.extractor, self.listener = collection, extractor, listener
        self.reads_notes = listener is not None

    def listen(self, sound: Any, notes: Sequence[Any] | None = None) -> Listened:
        """See `Guide.listen`."""
        return listen(self.extractor, self.listener, sound, None, notes)

    def inputs_of(self, listened: Listened) -> Mapping[str, Any]:
        """See `Guide.inputs_of`."""
        return {"peak": np.abs(listened.samples).max(initial=0.0), "notes": listened.told}

    def inputs_of_take(self, take: np.ndarray) -> Mapping[str, Any]:
        """See `Guide.inputs_of_take`."""
        return {"peak": np.abs(take).max(initial=0.0)}

    def propose(
        self,
        collection: Collection,
        inputs: Mapping[str, Any],
        count: int,
        seed: int,  # noqa: ARG002 - there is no sampler
        rng: np.random.Generator,
    ) -> tuple[dict[str, Any], Proposals]:
        """See `Guide.propose`; the answer is the middle of what is usual, and nothing is known of its confidence."""
        own = self._middle[None]
        cc = np.concatenate([own, self._drawn[rng.integers(len(self._drawn), size=count - 1)]])
        audible = float(inputs["peak"]) >= SILENCE
        presets = Presets.from_cc(collection, own)
        answer: dict[str, Any] = {
            "preset": next(presets.rows()),
            "confidence": {},
            "heard": dict(zip(collection.columns, (presets.heard()[0] & audible).tolist(), strict=True)),
        }
        if "notes" in inputs:
            answer["notes"] = [note._asdict() for note in inputs["notes"]]
        return answer, Proposals(cc, [PRIOR] * count, np.full(count, np.nan), self.posterior)

    def propose_each(
        self,
        collection: Collection,  # noqa: ARG002 - it is its own
        inputs: Sequence[Mapping[str, Any]],
        count: int,
        seed: int,
    ) -> np.ndarray:
        """See `Guide.propose_each`; of every sound the same, so that what they play can be compared."""
        chosen = np.random.default_rng(seed).choice(len(self._drawn), size=count, replace=count > len(self._drawn))
        return np.broadcast_to(self._drawn[chosen], (len(inputs), count, len(self.collection.columns)))

    @cached_property
    def posterior(self) -> Posterior:
        """How the parameters are set, each by itself."""
        units, probabilities = [], []
        for parameter, codes in zip(self.collection.parameters, self._drawn.T, strict=True):
            own = parameter.cc_to_unit(codes)
            if parameter.classes:
                told = np.arange(parameter.classes, dtype=np.float64)
            else:
                told = np.linspace(0.0, 1.0, min(UNITS, parameter.cc_count))
            nearest = np.abs(own[:, None] - told).argmin(axis=1)
            units.append(told)
            probabilities.append(np.bincount(nearest, minlength=len(told)) + 1.0)
        return Posterior(self.collection, units, probabilities)

    @cached_property
    def _drawn(self) -> np.ndarray:
        """Presets as people set them, as far as that is known, and some drawn evenly: (rows, parameters)."""
        usual = MUSICAL if is_musical(self.collection) else self.collection.prior
        evenly = round(EVENLY * DRAWN)
        drawn = draw_presets(self.collection, DRAWN - evenly, 0, prior=usual).cc
        return np.concatenate([drawn, draw_presets(self.collection, evenly, 0, DRAWN).cc])

    @cached_property
    def _middle(self) -> np.ndarray:
        """The median of every knob and the commonest of every switch: CC values, (parameters,)."""
        middle = [
            np.bincount(codes).argmax() if parameter.classes else np.sort(codes)[len(codes) // 2]
            for parameter, codes in zip(self.collection.parameters, self._drawn.T, strict=True)
        ]
        return np.array(middle, dtype=np.int64)
