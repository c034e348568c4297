"""From a sound to a preset, its MIDI and what it sounds like."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.instruments.sounds import STANDARD_INPUT, read_samples
from secret_sauce_hf.matching.asked import Region, check_region, check_search
from secret_sauce_hf.matching.attempt import Attempt, agreed, listen
from secret_sauce_hf.matching.bank import BankSource, read_bank
from secret_sauce_hf.matching.excerpt import take_out
from secret_sauce_hf.matching.found import Match as Match
from secret_sauce_hf.matching.loading import Loaded as Loaded
from secret_sauce_hf.matching.loading import load_model as load_model
from secret_sauce_hf.matching.loading import load_models as load_models
from secret_sauce_hf.matching.progress import Reached, match_progress
from secret_sauce_hf.matching.recorded import TakeSource
from secret_sauce_hf.matching.retrieving import Retrieval
from secret_sauce_hf.matching.riffs import hear_riff
from secret_sauce_hf.matching.strategies import Strategy, get_strategy
from secret_sauce_hf.matching.strategies.base import Report
from secret_sauce_hf.matching.strategies.registry import DEFAULT_STRATEGY
from secret_sauce_hf.matching.switching import SwitchesFirst
from secret_sauce_hf.outputs import expanded

DEFAULT_SECONDS = 10.0
"""How long `match` searches if it is not told."""
ALL_SHARE = 0.4
"""Which part of a search all instruments share; the nearest gets the rest."""


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
    strategy: str | Strategy | None = None,
    engine: Engine | None = None,
    region: Region | None = None,
    dry: Any = None,
    progress: bool | Callable[[Reached], None] = False,
    num_candidates: int | None = None,
    notes: Sequence[Any] | None = None,
    bank: BankSource | None = None,
) -> Match:
    """Find the preset that makes a sound.

    A model tells what the settings may be. If there is an engine for the instrument, they are
    rendered and compared with the sound, and the best ones refined, until the time is up or
    nothing gets better. Parameters that are not heard stay as the model told them. If there is
    no engine, nothing is refined: the answer is the model's, or a recorded take's whose sound
    is as near as if it were the same.

    If neither collection nor model is given, a model of every instrument is asked, and the answer
    is that of the instrument which comes nearest: each gets a part of the search, and
    the nearest the rest.

    With a bank of presets and no limit, the answer is one of these: those that fit best what the model
    hears, 64 or as many as are told, are rendered and compared, and none is refined, whatever the strategy. With
    a limit of 0 none is rendered to be compared; with another one a search begins at them and the model's own, and
    may answer with any preset.

    Args:
        sound: a path, bytes, an open file, an array with its rate, a mapping or decoded audio,
            as the pipeline takes them.
        collection: whose parameters to set; if None, the model's own.
        model: a checkpoint's folder, a model on the Hub (`ORG/NAME`), or one that is loaded
            already: by `load_model`, or as an `AudioToPresetPipeline`; or several of these, of which
            the one that comes nearest answers. If None, the checkpoint that ships for the
            collection; without a collection, that of every instrument, see `load_models`. Where none ships, or it
            is "none", the search begins at presets as they are usually set.
        sampling_rate: of a sound given as a bare array, in Hz.
        seconds: how long to search after the model's answer, `DEFAULT_SECONDS` if neither
            this nor `renders` nor a bank is given; 0 takes the model's answer as it is.
        renders: how many presets to render instead. Then the same arguments give the same
            preset, however fast the machine is.
        candidates: how many different presets to tell, at most.
        seed: of what is drawn at random.
        takes: recorded takes of the collection, a dataset as `secret_sauce_hf.data.iter_takes`
            reads it: those that sound like the sound are candidates too.
        strategy: how to search, by name or as an object: "coordinates", "evolution", "gauss_newton",
            "genetic", "none", or one that was registered, see `secret_sauce_hf.matching.strategies`;
            if None, "evolution", and with `dry` one that settles switches first.
        engine: renders presets; if None, the one that is found for the collection.
        region: from where to where in the sound to look, in seconds; None for either that is not
            said, and for both: then of a sound of more than 4 s its most telling phrase is found. A
            part that has a start ends 4 s later at the latest, if nothing else is said.
        dry: what went into the instrument to make the sound, in any form that a sound may have: then
            this is fed to the engine, which has to process sounds, as that of the guitar rack does.
            It begins when the sound does, or up to 2 s before or after it.
        progress: whether to show a progress bar, on standard error if that is a terminal; or a function, which is
            called with a `Reached` after every batch of renderings, and ends the search by raising KeyboardInterrupt.
        num_candidates: old name of `candidates`.
        notes: what is played in the sound, for models of notes: `Note`s, or mappings with `pitch`,
            `velocity`, `onset` and `duration` in seconds from the start of the sound, of which all but
            the pitch may be left out. The models hear what is not told.
        bank: presets of the collection: a file or folder of them, `Presets`, or what `read_bank` has read, see
            there. A candidate's `name` tells where in the bank it is.

    Returns:
        The match; nothing is written until its `save`. `others` has those of the other
        instruments that were asked.

    Raises:
        InputError: the sound or the checkpoint cannot be read, or the model predicts another collection; there is
            no model and no search, or no engine; a limit that is negative, or
            both; a region that is none, or not in the sound; notes that are none, or for a model of
            one note; the takes are of another collection; the bank cannot be read, is empty, or comes
            without a collection or with takes; there is no such strategy; the engine given cannot
            render the collection, or not be fed the dry sound.
        KeyboardInterrupt: Ctrl-C before anything was found; later it ends the search only.
    """
    if num_candidates is not None:
        warnings.warn("`num_candidates` of match() is called `candidates` now.", DeprecationWarning, stacklevel=2)
        candidates = num_candidates
    renders, candidates, seed = check_search(seconds, renders, candidates, seed)
    region = check_region(region)
    way = chosen_strategy(strategy, fed=dry is not None, banked=bank is not None, seconds=seconds, renders=renders)
    if collection is not None:
        collection = get_collection(collection)
    if takes is not None and (dry is not None or (collection is None and model is None)):
        raise InputError("Takes are of one collection, and not of a dry sound: give the collection, and no dry sound.")
    if bank is not None and (takes is not None or (collection is None and model is None)):
        raise InputError("A bank is of one collection, and not of takes: give the collection, and no takes.")
    if notes is not None and dry is not None:
        raise InputError("With a dry sound nothing is played but that: leave the notes out.")
    only_bank = bank is not None and not (seconds or renders)
    if bank is None and seconds is None and renders is None:
        seconds = DEFAULT_SECONDS
    comparing = seconds != 0 and renders != 0
    if bank is not None and collection is not None:
        bank = read_bank(collection, bank)
    dry_name = _name_of(dry)
    with match_progress(progress) as report:
        # Models take a while to load: what is wrong with the sound is told before.
        wet = sound if dry is None else _kept(sound, sampling_rate)
        excerpt = take_out(wet, sampling_rate, region)
        if dry is not None and collection is not None:
            _engine_to_feed(engine, collection)
        models = _models(collection, model, engine, fed=dry is not None, told=notes is not None)
        first, each = seconds, renders
        if len(models) > 1:
            first, each = _shares(seconds, renders, len(models))
        attempts = []
        for loaded in models:
            if dry is None:
                options: dict[str, Any] = {
                    "engine": engine,
                    "searching": comparing,
                    "candidates": candidates,
                    "seed": seed,
                    "notes": notes,
                    "seconds": first,
                    "renders": each,
                }
                if bank is not None and not only_bank:
                    options["bank"] = bank = read_bank(agreed(collection, loaded.collection, loaded.name), bank)
                attempt = listen(loaded, collection, excerpt, takes=takes, **options)
            else:
                fed = _engine_to_feed(engine, collection or loaded.collection)
                dry = _kept(dry, sampling_rate)
                attempt = hear_riff(loaded, collection, fed, wet, excerpt, dry, sampling_rate, seed, comparing)
            if bank is not None:
                attempt.choose_from(read_bank(attempt.collection, bank), only_bank, candidates)
            attempts.append(attempt)
        name, source = _name_of(sound), _file_of(sound)
        if len(attempts) == 1:
            attempts[0].seek(way, seconds, renders, report)
            found = attempts[0].told(name, source, candidates)
        else:
            found = _nearest(attempts, way, seconds, renders, report, name, source, candidates)
        return found if dry is None else replace(found, dry=dry_name)


def chosen_strategy(
    strategy: str | Strategy | None = None,
    *,
    fed: bool,
    banked: bool,
    seconds: float | None,
    renders: int | None,
) -> Strategy:
    """How a match searches; prepared, so that a library that is missing is told before models are loaded.

    Args:
        strategy: as `match` takes it.
        fed: whether there is a dry sound.
        banked: whether there is a bank.
        seconds: how long the search is to last.
        renders: how many presets it is to render.

    Raises:
        InputError: there is no such strategy.
        ModuleNotFoundError: a library is missing that it needs.
    """
    way = get_strategy(DEFAULT_STRATEGY if strategy is None else strategy)
    if fed and strategy is None:
        way = SwitchesFirst()
    if banked and seconds is None and renders is None:
        way = Retrieval()
    if seconds != 0 and renders != 0:
        way.prepare()
    return way


def _shares(seconds: float | None, renders: int | None, count: int) -> tuple[float | None, int | None]:
    """What of a search each of several instruments has to begin with."""
    first = None if seconds is None else ALL_SHARE * seconds / count
    return first, None if renders is None else min(int(ALL_SHARE * renders) // count or 1, renders // count)


def _nearest(
    attempts: Sequence[Attempt],
    strategy: Strategy,
    seconds: float | None,
    renders: int | None,
    report: Report,
    name: str,
    source: str | None,
    candidates: int,
) -> Match:
    """Search for what each attempt may find, then go on with the nearest: its match, with the others'."""
    count = len(attempts)
    first, each = _shares(seconds, renders, count)
    interrupted = False
    for attempt in attempts:
        try:
            attempt.seek(strategy, first, each, report)
        except KeyboardInterrupt:
            # What the others have found by now is told; of the first one there is nothing.
            if attempt is attempts[0]:
                raise
            interrupted = True
        if interrupted := interrupted or attempt.search.interrupted:
            break
    found = [attempt.told(name, source, candidates) for attempt in attempts]
    order = sorted(range(count), key=lambda number: _distance(found[number]))
    best = attempts[order[0]]
    if not interrupted and (seconds or renders):
        left = None if seconds is None else (1 - ALL_SHARE) * seconds
        rest = None if renders is None or each is None else renders - each * count
        try:
            best.seek(strategy, left, rest, report)
        except KeyboardInterrupt:
            interrupted = True
        found[order[0]] = best.told(name, source, candidates)
    nearest = found[order[0]]
    return replace(
        nearest,
        others=tuple(found[number] for number in order[1:]),
        interrupted=interrupted or nearest.interrupted,
        renders=sum(one.renders for one in found),
        seconds=sum(one.seconds for one in found),
    )


def _distance(found: Match) -> float:
    """How far a match is from the sound, in dB; without an engine nobody knows."""
    distance = found.candidates[0].distance
    return np.inf if distance is None else distance


def _models(
    collection: Collection | None, model: Any, engine: Engine | None, fed: bool, told: bool
) -> tuple[Loaded, ...]:
    """The models to ask."""
    if isinstance(model, list | tuple):
        if not model:
            raise InputError("There is no model in the list; give one, or leave it out.")
        return tuple(load_model(collection, one) for one in model)
    if collection is not None or model is not None:
        return (load_model(collection, model),)

    def suits(one: Collection) -> bool:
        rendering = engine or find_engine(one)
        if rendering is None or (engine is not None and not engine.supports(one)):
            return False
        return (rendering.processes or not fed) and (one.plays is not None or not told)

    return load_models(suits)


def _engine_to_feed(engine: Engine | None, collection: Collection) -> Engine:
    """The engine that a dry sound is fed to.

    Raises:
        InputError: there is none for the collection, or it makes its sound itself.
    """
    found = engine or find_engine(collection)
    if found is None:
        raise InputError(f"No engine renders {collection.name}, so that no dry sound can be fed to it: leave dry out.")
    found.check_fed()
    return found


def _kept(sound: Any, sampling_rate: int | None) -> Any:
    """A sound that can be read more than once: of what gives its bytes only once, the samples of the first minute."""
    is_path = isinstance(sound, str | Path)
    if is_path and (str(sound) == STANDARD_INPUT or (expanded(sound).exists() and not expanded(sound).is_file())):
        once = True
    else:
        once = callable(getattr(sound, "read", None))
    if not once:
        return sound
    samples, rate, _ = read_samples(sound, sampling_rate)
    return {"array": samples, "sampling_rate": rate}


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
