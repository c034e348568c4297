"""From a sound to a preset, its MIDI and what it sounds like."""

import io
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    SAMPLE_RATE,
    Collection,
    InputError,
    get_collection,
    same_parameters,
)
from secret_sauce_hf.matching.alternatives import describe, ranked
from secret_sauce_hf.matching.candidates import MODEL, Candidate, propose
from secret_sauce_hf.matching.evaluating import Budget, TracePoint
from secret_sauce_hf.matching.objective import Objective
from secret_sauce_hf.matching.progress import match_progress
from secret_sauce_hf.matching.racing import library
from secret_sauce_hf.matching.recorded import TakeSource, nearest_takes
from secret_sauce_hf.matching.reference import place
from secret_sauce_hf.matching.search import Search, find
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics import distances, mss
from secret_sauce_hf.modeling.registration import DEFAULT_COLLECTION
from secret_sauce_hf.presets import Presets

DEFAULT_SECONDS = 10.0
"""How long `match` searches if it is not told."""
PROPOSALS = 256
"""How many presets of the model's are rendered at first."""
NEAREST_TAKES = 16
"""How many recorded takes are candidates at least."""
BY_RENDERING = "their sound, rendered and compared"
BY_TAKES = "the distances of recorded takes and the model's scores"
BY_SCORES = "the model's scores"
NO_SEARCH = Search(None, False, (), 0.0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Match:
    """A preset found for a sound.

    Args:
        sound: what the sound is called.
        collection: the collection whose parameters are set.
        preset: name → setting of each parameter, on the grid of its CC values.
        confidence: name → how sure the model is, 0 to 1.
        heard: name → whether the parameter changes this sound at all.
        cc: name → CC value of each parameter that has a controller.
        model: the checkpoint that made the prediction.
        reference: the sound, brought to a take's length and timing, as it was compared:
            float32 of shape (samples,) at 22,050 Hz.
        rendered: the preset rendered from silence, in the same form, with the noise and
            phases that came nearest; None if there is no engine for the instrument.
        distances: name → distance between `reference` and `rendered`, MSS first, of the part
            of a take that the sound covers; empty without `rendered`.
        versions: of what made this.
        alone: what the model tells by itself, before anything is rendered.
        candidates: presets that differ in what is heard, `preset` first; after a search, those
            that sound most alike.
        trace: every moment when the search found something better, the model's own answer
            first; empty without a search.
        ranking: what the candidates were ranked by, for people.
        seconds: that the search took, after the model's answer.
        renders: how many presets it rendered.
        late: by how many seconds the sound was found to be later than its preset's;
            `reference` is earlier by as much.
        interrupted: whether the search was ended from the keyboard.
    """

    sound: str
    collection: Collection
    preset: dict[str, float | str]
    confidence: dict[str, float]
    heard: dict[str, bool]
    cc: dict[str, int]
    model: str
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

    @property
    def midi(self) -> list[Any]:
        """The `mido` messages that set the preset, as far as MIDI reaches the instrument."""
        from secret_sauce_hf.midi import preset_messages

        return preset_messages(self.collection, self.preset)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the sounds, as JSON-ready values."""
        return {
            "sound": self.sound,
            "collection": self.collection.name,
            "instrument": self.collection.instrument.name,
            "model": self.model,
            "preset": self.preset,
            "confidence": self.confidence,
            "heard": self.heard,
            "cc": self.cc,
            "distances": self.distances or None,
            "model_alone": self.alone.to_dict(),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "ranking": self.ranking,
            "renders": self.renders,
            "interrupted": self.interrupted,
            "late": self.late,
            "versions": self.versions,
        }

    def save(self, folder: str | Path, stem: str = "match") -> dict[str, Path]:
        """Write the preset as JSON and MIDI, the re-rendered sound and the picture.

        Files of these names are replaced, each as a whole.

        Args:
            folder: made where it is missing.
            stem: of the files' names.

        Returns:
            The files by kind: "midi" (only if MIDI reaches the instrument), "json", "wav"
            (only if there is an engine) and "png" (only if matplotlib is installed).

        Raises:
            InputError: `folder` is a file.
        """
        from secret_sauce_hf.midi import preset_midi_file

        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; give a folder for the match to go to.")
        folder.mkdir(parents=True, exist_ok=True)
        contents: dict[str, Callable[[io.BytesIO], Any]] = {}
        if self.midi:
            midi_file = preset_midi_file(self.collection, self.preset)
            contents["midi"] = lambda target: midi_file.save(file=target)
        contents["json"] = lambda target: target.write((json.dumps(self.to_dict(), indent=2) + "\n").encode())
        if self.rendered is not None:
            # The engine's own 16 bits; libsndfile would scale floats by 32,767.
            take = np.rint(self.rendered * np.float32(32_768)).astype(np.int16)
            contents["wav"] = lambda target: soundfile.write(target, take, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        if _has_matplotlib():
            contents["png"] = self._write_png
        files = {}
        for kind, write in contents.items():
            content = io.BytesIO()
            write(content)
            files[kind] = folder / f"{stem}.{'mid' if kind == 'midi' else kind}"
            write_whole(files[kind], content.getvalue())
        return files

    def _write_png(self, target: io.BytesIO) -> None:
        from secret_sauce_hf.plots.match import draw

        with warnings.catch_warnings():
            # A name in a script that the font lacks is drawn as boxes; that is all.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            # Without the library's version, so that it does not change the bytes.
            draw(self).savefig(target, format="png", dpi=110, metadata={"Software": None})


def match(
    sound: Any,
    *,
    collection: str | Path | Collection | None = None,
    model: Any = None,
    sampling_rate: int | None = None,
    seconds: float | None = None,
    renders: int | None = None,
    num_candidates: int = 1,
    seed: int = 0,
    takes: TakeSource | None = None,
    progress: bool = False,
) -> Match:
    """Find the preset that makes a sound.

    A model tells what the settings may be. If there is an engine for the instrument, they are
    rendered and compared with the sound, and the best ones refined, until the time is up or
    nothing gets better. Parameters that are not heard stay as the model told them. If there is
    no engine, nothing is refined: the answer is the model's, or a recorded take's whose sound
    is as near as if it were the same.

    Args:
        sound: a path, bytes, an array, a mapping or decoded audio, as the pipeline takes them.
        collection: whose parameters to set; if None, the model's own, or
            `noisemaker-light` if no model is given either.
        model: a checkpoint's folder, a model on the Hub (`ORG/NAME`), or an
            `AudioToPresetPipeline` that is loaded already; if None, the checkpoint that
            ships for the collection.
        sampling_rate: of a sound given as a bare array, in Hz.
        seconds: how long to search after the model's answer, `DEFAULT_SECONDS` if neither
            this nor `renders` is given; 0 takes the model's answer as it is.
        renders: how many presets to render instead. Then the same arguments give the same
            preset, however fast the machine is.
        num_candidates: how many different presets to tell, as far as there are so many.
        seed: of what is drawn at random.
        takes: recorded takes, a dataset as `secret_sauce_hf.data.iter_takes` reads it:
            those that sound like the sound are candidates too.
        progress: whether to show a progress bar, on standard error if that is a terminal.

    Returns:
        The match; nothing is written until its `save`.

    Raises:
        InputError: the sound or the checkpoint cannot be read, no checkpoint ships for
            the collection, or the model predicts another one; a limit that is negative, or
            both; the takes are of another collection.
        KeyboardInterrupt: Ctrl-C before anything was found; later it ends the search only.
    """
    _check(seconds, renders, num_candidates, seed)
    if collection is not None:
        collection = get_collection(collection)
    if seconds is None and renders is None:
        seconds = DEFAULT_SECONDS
    with match_progress(progress) as report:
        pipe, model_name = _load(collection, model)
        collection = _agreed(collection, _collection_of(pipe.model.config), model_name)
        reference = place(pipe.feature_extractor, sound, sampling_rate)
        # Silence tells nothing that could be searched for.
        audible = _is_audible(reference.take)
        # Of an instrument that only a checkpoint tells of, the engine would lack parameters.
        engine = find_engine(collection)
        searching = engine is not None and audible and bool(seconds or renders)
        rng = np.random.default_rng(seed)
        drawn = PROPOSALS if searching or num_candidates > 1 else 1
        answer, proposals = propose(pipe, collection, reference.take, drawn, seed, rng)
        objective = Objective(reference.take, reference.known, reference.note_on)
        if takes is not None and audible:
            nearest = nearest_takes(takes, collection, objective, max(num_candidates, NEAREST_TAKES))
            proposals = proposals.joined(*nearest)
        search = NO_SEARCH
        if searching:
            # Imports and compiles what has not been yet: that is no part of the search.
            library()
            space = Space(collection)
            objective(space.render(space.places(proposals.cc[:1])))
            search = find(collection, objective, proposals, Budget(seconds, renders), reference.is_take, rng, report)
    searched = search.known is not None
    found = ranked(proposals, search.cc(collection), num_candidates)
    (alone,) = describe(proposals, proposals.cc[:1])
    reference = reference.earlier(search.shift)
    versions = {"secret_sauce_hf": version("secret_sauce_hf")}
    rendered, values = None, {}
    if engine is not None:
        sounds = search.render(collection, np.array([one.cc for one in (*found, alone)]))
        versions["engine"] = engine.version
        rendered = (sounds[0] / 32_768).astype(np.float32)
        compared = reference.covered(sounds)
        values = {name: float(value) for name, value in distances(reference.take, compared[0], SAMPLE_RATE).items()}
        apart = np.atleast_1d(mss(np.repeat(reference.take[None], len(compared), axis=0), compared, SAMPLE_RATE))
        *found, alone = (
            replace(one, distance=distance) for one, distance in zip((*found, alone), apart.tolist(), strict=True)
        )
        if searched:
            found = [found[0], *sorted(found[1:], key=lambda one: one.distance or 0.0)]
    presets = Presets.from_cc(collection, np.array([found[0].cc]))
    confidence, heard = answer["confidence"], answer["heard"]
    if searched or found[0].origin != MODEL:
        confidence = dict(zip(collection.columns, proposals.belief.confidence(presets.unit[0]), strict=True))
        heard = dict(zip(collection.columns, (presets.heard()[0] & audible).tolist(), strict=True))
    return Match(
        sound=_name_of(sound),
        collection=collection,
        preset=found[0].preset,
        confidence=confidence,
        heard=heard,
        cc={p.name: cc for p, cc in zip(presets.parameters, found[0].cc, strict=True) if p.control},
        model=model_name,
        reference=reference.take,
        rendered=rendered,
        distances=values,
        versions=versions,
        alone=alone,
        candidates=tuple(found),
        trace=search.trace,
        ranking=BY_RENDERING if searched else BY_SCORES if takes is None else BY_TAKES,
        seconds=search.seconds,
        renders=search.renders,
        late=search.shift / SAMPLE_RATE,
        interrupted=search.interrupted,
    )


def _check(seconds: float | None, renders: int | None, num_candidates: int, seed: int) -> None:
    if seconds is not None and renders is not None:
        raise InputError("Give `seconds` or `renders`, not both: a search ends by the clock or by a number.")
    if seconds is not None and not 0 <= seconds < np.inf:
        raise InputError(f"A search of {seconds} seconds is none; give 0, for the model alone, or more.")
    if renders is not None and renders < 0:
        raise InputError(f"A search of {renders} renderings is none; give 0, for the model alone, or more.")
    if num_candidates < 1:
        raise InputError(f"{num_candidates} candidates are none; give 1 or more.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; it must not be negative.")


def _agreed(collection: Collection | None, own: Collection, model_name: str) -> Collection:
    """The collection that is asked for, if the model is of it.

    Raises:
        InputError: it is of another one, or of other parameters.
    """
    if collection is None:
        return own
    if own.name != collection.name:
        raise InputError(
            f"{model_name} predicts presets of {own.name}, not of {collection.name}: ask for {own.name}, or give a "
            f"model of {collection.name}."
        )
    if not same_parameters(own, collection):
        raise InputError(
            f"{model_name} was trained for other parameters of {own.name} than those declared; train it again, or "
            "leave the collection out."
        )
    return collection


def _load(collection: Collection | None, model: Any) -> tuple[Any, str]:
    """The pipeline and what to call its model."""
    from secret_sauce_hf.modeling import load_pipeline

    if model is not None and not isinstance(model, str | Path):
        return model, str(model.model.name_or_path)
    if model is not None:
        return load_pipeline(model), str(model)
    name = collection.name if collection is not None else DEFAULT_COLLECTION
    if name not in COLLECTIONS:
        raise InputError(f"No checkpoint ships for {name}; train one with `secret-sauce train`, and give its folder.")
    return load_pipeline(collection=name), f"{name}, as shipped"


def _is_audible(take: np.ndarray) -> bool:
    """Whether there is something to hear, by the model's measure."""
    from secret_sauce_hf.instruments.takes import SILENCE

    return float(np.abs(take).max()) >= SILENCE


def _collection_of(config: Any) -> Collection:
    """What a model's config tells of its collection."""
    from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig

    if not isinstance(config, SecretSauceConfig):
        # The checkpoint came with code of its own.
        config = SecretSauceConfig.from_dict(config.to_dict())
    return config.to_collection()


def _name_of(sound: Any) -> str:
    """A path's last part, also of datasets' audio; else just "sound"."""
    if isinstance(sound, Mapping):
        sound = sound.get("path")
    return Path(sound).name if isinstance(sound, str | Path) else "sound"


def _has_matplotlib() -> bool:
    return find_spec("matplotlib") is not None
