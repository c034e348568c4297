"""From a sound to a preset, its MIDI and what it sounds like."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    SAMPLE_RATE,
    Collection,
    InputError,
    get_collection,
    same_parameters,
)
from secret_sauce_hf.instruments.sounds import STANDARD_INPUT
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import writing
from secret_sauce_hf.matching.alternatives import describe, ranked
from secret_sauce_hf.matching.asked import check_search
from secret_sauce_hf.matching.problem import Budget, Problem
from secret_sauce_hf.matching.progress import match_progress
from secret_sauce_hf.matching.proposals import propose
from secret_sauce_hf.matching.recorded import TakeSource, nearest_takes
from secret_sauce_hf.matching.reference import place
from secret_sauce_hf.matching.result import MODEL, Candidate, Result, Search
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.matching.strategies import Strategy, get_strategy
from secret_sauce_hf.matching.strategies.registry import DEFAULT_STRATEGY
from secret_sauce_hf.metrics import distances, mss
from secret_sauce_hf.metrics.objective import SOFT_DB, Objective
from secret_sauce_hf.modeling.registration import DEFAULT_COLLECTION
from secret_sauce_hf.outputs import expanded
from secret_sauce_hf.presets import Presets

DEFAULT_SECONDS = 10.0
"""How long `match` searches if it is not told."""
PROPOSALS = 256
"""How many of the model's presets are rendered at first."""
NEAREST_TAKES = 16
"""How many recorded takes are candidates at least."""
BY_RENDERING = "their sound, rendered and compared"
BY_TAKES = "the distances of recorded takes and the model's scores"
BY_SCORES = "the model's scores"


class Match(Result):
    """A preset found for a sound, see `Result` for what it holds."""

    def save(self, folder: str | Path, stem: str = "match", *, unheard: bool = False) -> dict[str, Path]:
        """Write the preset as JSON, MIDI and a file of the instrument's own, the re-rendered sound and the picture.

        Files of these names are replaced, each as a whole. Of every further candidate there are
        the same files but JSON and picture.

        Args:
            folder: made where it is missing.
            stem: of the files' names.
            unheard: whether the MIDI sends parameters that are not heard, too; what the
                collection has fixed, it always does.

        Returns:
            The files by kind: "midi" (only if MIDI reaches the instrument), "noisemakerpreset"
            (only of the NoiseMaker), "json", "wav" (only if there is an engine) and "png" (only
            if matplotlib is installed); those of the second candidate as "midi-2" and so on.

        Raises:
            InputError: `folder` is a file or cannot be written to; a file would overwrite the sound.
        """
        return writing.save(self, folder, stem, unheard=unheard)


def match(
    sound: Any,
    *,
    collection: str | Path | Collection | None = None,
    model: Any = None,
    sampling_rate: int | None = None,
    seconds: float | None = None,
    renders: int | None = None,
    candidates: int = 1,
    seed: int = 0,
    takes: TakeSource | None = None,
    strategy: str | Strategy = DEFAULT_STRATEGY,
    engine: Engine | None = None,
    progress: bool = False,
    num_candidates: int | None = None,
) -> Match:
    """Find the preset that makes a sound.

    A model tells what the settings may be. If there is an engine for the instrument, they are
    rendered and compared with the sound, and the best ones refined, until the time is up or
    nothing gets better. Parameters that are not heard stay as the model told them. If there is
    no engine, nothing is refined: the answer is the model's, or a recorded take's whose sound
    is as near as if it were the same.

    Args:
        sound: a path, bytes, an open file, an array with its rate, a mapping or decoded audio,
            as the pipeline takes them.
        collection: whose parameters to set; if None, the model's own, or
            `noisemaker-light` if no model is given either.
        model: a checkpoint's folder, a model on the Hub (`ORG/NAME`), or one that is loaded
            already: by `load_model`, or as an `AudioToPresetPipeline`; if None, the checkpoint
            that ships for the collection.
        sampling_rate: of a sound given as a bare array, in Hz.
        seconds: how long to search after the model's answer, `DEFAULT_SECONDS` if neither
            this nor `renders` is given; 0 takes the model's answer as it is.
        renders: how many presets to render instead. Then the same arguments give the same
            preset, however fast the machine is.
        candidates: how many different presets to tell, at most.
        seed: of what is drawn at random.
        takes: recorded takes, a dataset as `secret_sauce_hf.data.iter_takes` reads it:
            those that sound like the sound are candidates too.
        strategy: how to search, by name or as an object: "coordinates", "evolution", "gauss_newton",
            "genetic", "none", or one that was registered, see `secret_sauce_hf.matching.strategies`.
        engine: renders presets; if None, the one that is found for the collection.
        progress: whether to show a progress bar, on standard error if that is a terminal.
        num_candidates: old name of `candidates`.

    Returns:
        The match; nothing is written until its `save`.

    Raises:
        InputError: the sound or the checkpoint cannot be read, no checkpoint ships for
            the collection, or the model predicts another one; a limit that is negative, or
            both; the takes are of another collection; there is no such strategy; the engine
            given cannot render the collection.
        KeyboardInterrupt: Ctrl-C before anything was found; later it ends the search only.
    """
    if num_candidates is not None:
        warnings.warn("`num_candidates` of match() is called `candidates` now.", DeprecationWarning, stacklevel=2)
        candidates = num_candidates
    renders, candidates, seed = check_search(seconds, renders, candidates, seed)
    strategy = get_strategy(strategy)
    if collection is not None:
        collection = get_collection(collection)
    if seconds is None and renders is None:
        seconds = DEFAULT_SECONDS
    with match_progress(progress) as report:
        loaded = model if isinstance(model, Loaded) else load_model(collection, model)
        pipe, model_name = loaded.pipe, loaded.name
        collection = _agreed(collection, _collection_of(pipe.model.config), model_name)
        reference = place(pipe.feature_extractor, sound, sampling_rate)
        # Silence tells nothing that could be searched for.
        audible = _is_audible(reference.take)
        if engine is None:
            # Of an instrument that only a checkpoint tells of, the engine would lack parameters.
            engine = find_engine(collection)
        else:
            engine.check(collection)
        space = None if engine is None else Space(collection, engine)
        searching = space is not None and audible and bool(seconds or renders)
        rng = np.random.default_rng(seed)
        drawn = PROPOSALS if searching or candidates > 1 else 1
        answer, proposals = propose(pipe, collection, reference.take, drawn, seed, rng)
        if searching or takes is not None:
            # Its kernels take a while to load.
            objective = Objective(reference.take, reference.known, reference.note_on)
        if takes is not None and audible:
            nearest = nearest_takes(takes, collection, objective, max(candidates, NEAREST_TAKES))
            proposals = proposals.joined(*nearest)
        search = Search()
        if space is not None and searching:
            # Imports and compiles what has not been yet: that is no part of the search.
            strategy.prepare()
            objective(space.render(space.places(proposals.cc[:1])))
            problem = Problem(reference, space, objective, Budget(seconds, renders))
            search = strategy.search(problem, proposals, rng, report)
    searched = search.known is not None
    known = None if search.known is None else search.known[:, : len(collection.columns)]
    found = ranked(proposals, known, candidates)
    (alone,) = describe(proposals, proposals.cc[:1])
    reference = reference.earlier(search.shift)
    versions = {"secret_sauce_hf": version("secret_sauce_hf")}
    rendered, values = None, {}
    remarks = list(reference.remarks)
    if space is not None:
        told = np.array([one.cc for one in (*found, alone)])
        sounds = space.render_known(search.known, search.noise_row, told)
        versions["engine"] = space.engine.version
        rendered = to_float(sounds[0])
        compared = reference.covered(sounds)
        values = _distances(reference.take, compared[0])
        apart = np.atleast_1d(mss(np.repeat(reference.take[None], len(compared), axis=0), compared, SAMPLE_RATE))
        *found, alone = (
            replace(one, distance=distance, rendered=to_float(sound))
            for one, distance, sound in zip((*found, alone), apart.tolist(), sounds, strict=True)
        )
        if searched:
            found = [found[0], *sorted(found[1:], key=lambda one: one.distance or 0.0)]
            nearer = not (search.averaged or search.cents) and _is_nearer(alone, found[0])
            if nearer and not _is_soft(to_float(sounds[-1]), reference.take):
                # The search weighs level and likelihood too, and may have begun elsewhere.
                found = [alone, *(one for one in found if one.cc != alone.cc)][:candidates]
                rendered = to_float(sounds[-1])
                values = _distances(reference.take, compared[-1])
                remarks.append("The search found nothing nearer than the model's own answer.")
    rate, start = pipe.feature_extractor.sampling_rate, reference.start + search.shift
    presets = Presets.from_cc(collection, np.array([found[0].cc]))
    confidence, heard = answer["confidence"], answer["heard"]
    if searched or found[0].origin != MODEL:
        confidence = dict(zip(collection.columns, proposals.posterior.confidence(presets.unit[0]), strict=True))
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
        source=_file_of(sound),
        region=(start / rate, (start + len(reference.take)) / rate),
        sound_seconds=reference.length / rate,
        silent=not audible,
        remarks=tuple(remarks),
    )


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


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model for several matches.

    Args:
        pipe: its `AudioToPresetPipeline`.
        name: what it is called.
    """

    pipe: Any
    name: str


def load_model(collection: str | Path | Collection | None = None, model: Any = None) -> Loaded:
    """Load the model that `match` would load, for several matches.

    Args:
        collection: as of `match`.
        model: as of `match`.

    Raises:
        InputError: the checkpoint cannot be read, or none ships for the collection.
    """
    from secret_sauce_hf.modeling import load_pipeline

    if model is not None and not isinstance(model, str | Path):
        return Loaded(model, str(model.model.name_or_path))
    if model is not None:
        return Loaded(load_pipeline(model), str(model))
    name = get_collection(collection).name if collection is not None else DEFAULT_COLLECTION
    if name not in COLLECTIONS:
        raise InputError(f"No checkpoint ships for {name}; train one with `secret-sauce train`, and give its folder.")
    return Loaded(load_pipeline(collection=name), f"{name}, as shipped")


def _distances(reference: np.ndarray, rendered: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in distances(reference, rendered, SAMPLE_RATE).items()}


def _is_nearer(one: Candidate, other: Candidate) -> bool:
    return one.distance is not None and other.distance is not None and one.distance < other.distance


def _is_soft(rendered: np.ndarray, reference: np.ndarray) -> bool:
    """Whether a rendering is as good as silence beside the sound, whatever its spectrum is like."""
    if not _is_audible(rendered):
        return True
    powers = [float(np.square(sound, dtype=np.float64).mean()) for sound in (rendered, reference)]
    return powers[0] < powers[1] * 10 ** (-SOFT_DB / 10)


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
    """A path's last part, also of an address and of datasets' audio, as it can be printed; else just "sound"."""
    if isinstance(sound, Mapping):
        sound = sound.get("path")
    if not isinstance(sound, str | Path) or str(sound) == STANDARD_INPUT:
        return "sound"
    name = Path(str(sound).split("::")[0]).name
    # Bytes that are no text in the system's encoding.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _file_of(sound: Any) -> str | None:
    """The file that a sound is read from, if it is one here."""
    if isinstance(sound, Mapping):
        sound = None if sound.get("bytes") else sound.get("path")
    path = getattr(sound, "name", sound) if hasattr(sound, "read") else sound
    if not isinstance(path, str | Path):
        return None
    path = expanded(path)
    return str(path.absolute()) if path.is_file() else None
