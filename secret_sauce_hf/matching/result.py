"""What matching finds: plain data, of which texts, pictures and files are functions."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.parameters import controller_values
from secret_sauce_hf.presets import fixed_settings

MODEL, SAMPLED, PRIOR, NEAREST, BANKED, SEARCHED = "model", "sampled", "prior", "nearest take", "bank", "search"
"""Where a candidate can come from."""


@dataclass(frozen=True)
class Candidate:
    """A preset proposed for a sound.

    Args:
        preset: name → setting of each parameter, on the grid of its CC values.
        cc: CC values in column order.
        distance: MSS from the sound to the rendered preset in dB (see `Result.distances`);
            without an engine, what `Objective` tells of a recorded take, and None for others.
        score: logarithm of the probability that the model, or the prior, gives it, in nats.
        origin: "model", "sampled", "prior", "nearest take", "bank" or "search".
        rendered: the preset as a take, as of `Result.rendered`; None without an engine.
        name: what it is called in the bank, by its file and its row there; None if it is in none.
    """

    preset: dict[str, float | str]
    cc: tuple[int, ...]
    distance: float | None
    score: float
    origin: str
    rendered: np.ndarray | None = field(default=None, repr=False, compare=False)
    name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "preset": self.preset,
            "distance": self.distance,
            "score": self.score,
            "origin": self.origin,
            "name": self.name,
        }


@dataclass(frozen=True)
class TracePoint:
    """A moment when a search found something better.

    Args:
        seconds: since the model's answer.
        renders: how many renderings there were.
        distance: of the best preset so far from the sound, in dB (see `Objective`).
        unit: its units, in column order.
    """

    seconds: float
    renders: int
    distance: float
    unit: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Search:
    """What a strategy has found; nothing, if it is made without arguments.

    Args:
        known: what was tried, the best first, as places (see `Space`) of shape (rows,
            columns), every preset once; None if nothing was.
        interrupted: whether it was ended from the keyboard.
        trace: the moments when something better was found.
        seconds: that it took.
        renders: how many presets it rendered.
        shift: by how many samples the sound was found to be late.
        noise_row: whose noise came nearest, see `Space.render`.
        averaged: whether noise was compared by its likelihood, so that a single rendering's distance tells little.
        cents: by how much the sound was found to be tuned higher.
    """

    known: np.ndarray | None = None
    interrupted: bool = False
    trace: tuple[TracePoint, ...] = ()
    seconds: float = 0.0
    renders: int = 0
    shift: int = 0
    noise_row: int = 0
    averaged: bool = False
    cents: float = 0.0


@dataclass(frozen=True, eq=False)
class Result:
    """A preset found for a sound.

    Args:
        sound: what the sound is called.
        collection: the collection whose parameters are set.
        preset: name → setting of each parameter, on the grid of its CC values.
        confidence: name → how sure the model is, 0 to 1; empty without one.
        heard: name → whether the parameter changes this sound at all.
        cc: name → CC value of each parameter that has a controller.
        model: the checkpoint that made the prediction; None where there is none.
        reference: the sound, brought to a take's length and timing, as it was compared:
            float32 of shape (samples,) at 22,050 Hz.
        rendered: the preset rendered from silence, in the same form, with the noise and
            phases that came nearest; None if there is no engine for the instrument.
        distances: name → distance between `reference` and `rendered`, MSS first, of the part
            of a take that the sound covers; empty without `rendered`.
        versions: of what made this.
        alone: what the model tells by itself, before anything is rendered; without one the middle of what is usual.
        candidates: presets that differ in what is heard, `preset` first; after a search, those
            that sound most alike. Of a bank alone its nearest presets, even where these are alike.
        trace: every moment when the search found something better, the model's own answer
            first; empty without a search.
        ranking: what the candidates were ranked by, for people.
        seconds: that the search took, after the model's answer.
        renders: how many presets it rendered.
        late: by how many seconds the sound was found to be later than its preset's;
            `reference` is earlier by as much.
        interrupted: whether the search was ended from the keyboard.
        source: the sound's file, which is never overwritten; None if it is none.
        region: from where to where in the sound, in seconds, what was matched lies; it
            begins before 0 or ends after `sound_seconds` where the take was padded with silence.
        sound_seconds: how long the sound is, as far as it was read.
        silent: whether nothing is heard in it: then the preset is nothing but a guess.
        remarks: what was done to the sound and to the answer besides, a sentence each.
        notes: what is played, times in seconds from the start of the sound; None of a model of one note.
        in_domain: probability that the instrument can make the sound, 0 to 1; None if the model does not tell it.
        doubtful: whether that is so low that hardly any of the instrument's own sounds would come to it.
        floor: how far the preset is from itself rendered with other noise and phases, MSS in dB, after a search: no
            preset can be told to come nearer; None without a search.
        others: what the other instruments that were asked came to, the nearest first; empty if
            only one was.
        dry: what the sound is called that was fed to the engine; None where none was.
        bank: how many presets the bank has; None where none was given.
    """

    sound: str
    collection: Collection
    preset: dict[str, float | str]
    confidence: dict[str, float]
    heard: dict[str, bool]
    cc: dict[str, int]
    model: str | None
    reference: np.ndarray = field(repr=False)
    rendered: np.ndarray | None = field(repr=False)
    distances: dict[str, float]
    versions: dict[str, str]
    alone: Candidate
    candidates: tuple[Candidate, ...]
    trace: tuple[TracePoint, ...] = field(repr=False)
    ranking: str
    seconds: float
    renders: int
    late: float
    interrupted: bool
    source: str | None = field(default=None, repr=False)
    region: tuple[float, float] = (0.0, 0.0)
    sound_seconds: float = 0.0
    silent: bool = False
    remarks: tuple[str, ...] = ()
    notes: tuple[Note, ...] | None = None
    in_domain: float | None = None
    doubtful: bool = False
    floor: float | None = None
    others: tuple["Result", ...] = field(default=(), repr=False)
    dry: str | None = None
    bank: int | None = None

    @property
    def fixed(self) -> dict[str, float | str]:
        """Name → setting of the instrument's parameters that no preset of the collection changes."""
        return {parameter.name: setting for parameter, setting in fixed_settings(self.collection)}

    @property
    def not_sent(self) -> tuple[str, ...]:
        """Parameters that the MIDI leaves out, because they are not heard."""
        from secret_sauce_hf.midi import not_to_send

        return not_to_send(self.collection, self.preset, self.heard)

    @property
    def midi(self) -> list[Any]:
        """The `mido` messages that set what is heard of the preset, and what is fixed, as far as MIDI reaches."""
        return self.messages()

    def messages(self, *, unheard: bool = False) -> list[Any]:
        """The `mido` messages that set the preset and what is fixed, as far as MIDI reaches the instrument.

        Args:
            unheard: whether to send parameters that are not heard, too.
        """
        from secret_sauce_hf.midi import preset_messages

        leave_out = () if unheard else self.not_sent
        return preset_messages(self.collection, self.preset, fixed=True, leave_out=leave_out)

    def controllers(self) -> dict[str, dict[int, int]]:
        """Name → controller number → value, of every parameter that has a controller, the fixed ones last."""
        from secret_sauce_hf.midi import preset_cc

        ccs = preset_cc(self.collection, self.preset, fixed=True)
        return {p.name: controller_values(p, cc) for p, cc in ccs.items() if p.control}

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the sounds, as JSON-ready values."""
        from secret_sauce_hf.midi import base_preset

        parameters = self.collection.parameters
        return {
            "sound": self.sound,
            "collection": self.collection.name,
            "instrument": self.collection.instrument.name,
            "model": self.model,
            "preset": self.preset,
            "confidence": self.confidence,
            "heard": self.heard,
            "cc": self.cc,
            "controllers": self.controllers(),
            "not_sent": list(self.not_sent),
            "fixed": self.fixed,
            "base_preset": base_preset(self.collection) or None,
            "distances": self.distances or None,
            "model_alone": self.alone.to_dict(),
            "candidates": [
                one.to_dict()
                | {"controllers": {p.name: controller_values(p, cc) for p, cc in zip(parameters, one.cc, strict=False)}}
                for one in self.candidates
            ],
            "ranking": self.ranking,
            "renders": self.renders,
            "interrupted": self.interrupted,
            "late": self.late,
            "region": list(self.region),
            "sound_seconds": self.sound_seconds,
            "silent": self.silent,
            "remarks": list(self.remarks),
            "notes": None if self.notes is None else [note._asdict() for note in self.notes],
            "in_domain": self.in_domain,
            "doubtful": self.doubtful,
            "floor": self.floor,
            "others": [
                {
                    "collection": one.collection.name,
                    "instrument": one.collection.instrument.name,
                    "model": one.model,
                    "distance": one.candidates[0].distance,
                    "preset": one.preset,
                }
                for one in self.others
            ],
            "dry": self.dry,
            "bank": self.bank,
            "versions": self.versions,
        }
