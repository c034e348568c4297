"""Fitting how likely an instrument can make a sound, by the distances that searches for its own and others' reached."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
import scipy.signal
import soxr

from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.evaluation.checkpoint import Checkpoint, load_checkpoint
from secret_sauce_hf.evaluation.store import Part, Store, key_of
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.matching import match
from secret_sauce_hf.matching.domain import (
    DOMAIN_FILE,
    MARGIN_DB,
    MEASURES,
    SCHEMA,
    Domain,
    Logistic,
    multiple,
)
from secret_sauce_hf.metrics.scores import auroc
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.config import MAX_SEED

ROWS = 48
FEWEST = 8
"""Sounds of a kind below which nothing can be fitted."""
MAX_SOUNDS = 10_000
QUIET = 0.03
"""Share of the instrument's own sounds of which it may be said that they are not."""
DAMAGED_RATE = 44_100


@dataclass(frozen=True, eq=False)
class Distances:
    """Where searches ended.

    Args:
        mss: from each sound to its answer, in dB, shape (sounds,).
        floors: as multiples of the answers' own floors, of the same shape.
    """

    mss: np.ndarray
    floors: np.ndarray

    def __len__(self) -> int:
        return len(self.mss)


@dataclass(frozen=True, eq=False)
class DomainFit:
    """What was fitted, and to what.

    Args:
        domain: the functions.
        auroc: per measure, how well it tells the instrument's sounds from others, .5 to 1.
        record: JSON-ready, as `domain.json` holds it.
    """

    domain: Domain
    auroc: dict[str, float]
    record: dict[str, Any]

    def save(self, folder: str | Path) -> Path:
        """Write `domain.json` into a folder, a checkpoint's; returns the file."""
        folder = check_folder(folder, [DOMAIN_FILE], what="the calibration")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / DOMAIN_FILE, (json.dumps(self.record, indent=2) + "\n").encode())
        return folder / DOMAIN_FILE


def calibrate_domain(
    collection: str | Path | Collection,
    strangers: Sequence[str | Path],
    *,
    model: str | Path | None = None,
    rows: int = ROWS,
    seconds: float = 10.0,
    renders: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    engine: Engine | None = None,
    progress: bool = True,
) -> DomainFit:
    """Search for sounds of the instrument and for sounds of others, and fit what their distances tell.

    The instrument's own are rendered from fresh presets and damaged as recordings are, see `damaged`.

    Args:
        collection: of the instrument.
        strangers: files of sounds that it did not make; none of those that figures are reported on.
        model: that searches begin with; the one that ships for the collection if None.
        rows: how many sounds of the instrument.
        seconds: of search for each sound.
        renders: search for so many renders instead.
        seed: of presets, damage and searches.
        out: folder in whose `.rows` the searches are kept, so that the same call goes on; nothing is kept if None.
        engine: renders the collection; the one that is installed for it if None.
        progress: whether to show progress bars.

    Raises:
        InputError: arguments out of range, too few sounds, or ones that cannot be read; no model or engine.
    """
    collection = get_collection(collection)
    rows, seed = integer("rows", rows, FEWEST, MAX_SOUNDS), integer("seed", seed, 0, MAX_SEED)
    if not FEWEST <= len(strangers) <= MAX_SOUNDS:
        raise InputError(
            f"{len(strangers):,} sounds of other instruments; give {FEWEST} to {MAX_SOUNDS:,}, as "
            "examples/other_instruments.py makes them."
        )
    engine = get_engine(collection) if engine is None else engine
    checkpoint = load_checkpoint(collection, model)
    conditions = {
        "collection": collection.name,
        "weights": checkpoint.weights,
        "seconds": seconds,
        "renders": renders,
        "seed": seed,
        "engine": engine.version,
        "package": version("secret_sauce_hf"),
    }
    part = Store(None if out is None else Path(out)).part("domain", conditions)

    def reached(title: str, sounds: Sequence[Any]) -> Distances:
        found = []
        with row_progress(title, len(sounds), progress) as advance:
            for sound in sounds:
                found.append(_reached(sound, collection, checkpoint, engine, seconds, renders, seed, part))
                advance(1)
        heard = np.array([pair for pair in found if pair is not None]).reshape(-1, 2)
        return Distances(heard[:, 0], heard[:, 1])

    own = reached("Searching own sounds", own_sounds(collection, engine, rows, seed))
    others = reached("Searching others' sounds", [Path(path) for path in strangers])
    domain, auroc = fit_domain(own, others)
    record = {
        "schema": SCHEMA,
        "collection": collection.name,
        "weights": checkpoint.weights,
        **{name: asdict(getattr(domain, name)) | {"auroc": auroc[name]} for name in MEASURES},
        "measure": domain.measure,
        "warn_below": domain.warn_below,
        "sounds": {"own": len(own), "others": len(others)},
        "budget": {"seconds": seconds, "renders": renders, "seed": seed},
        "versions": {"secret_sauce_hf": version("secret_sauce_hf"), "engine": engine.version},
    }
    return DomainFit(domain, auroc, record)


def own_sounds(collection: Collection, engine: Engine, rows: int, seed: int) -> list[dict[str, Any]]:
    """Sounds of an instrument, rendered from fresh presets, those that can be heard, damaged as recordings are."""
    generator = np.random.default_rng([seed, 16])
    sounds: list[dict[str, Any]] = []
    # Silent presets are seldom; where nothing but silence is drawn, there is nothing to fit.
    for attempt in range(20):
        presets = draw_presets(collection, rows, seed=seed + 1_000_003 * (attempt + 1))
        for take in to_float(engine.render(presets, noise_seed=seed)):
            if np.abs(take).max() >= SILENCE and len(sounds) < rows:
                sounds.append({"array": damaged(take, generator), "sampling_rate": DAMAGED_RATE})
        if len(sounds) == rows:
            return sounds
    raise InputError(f"{collection.name} makes next to nothing but silence: nothing can be fitted.")


def damaged(take: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A take as a recording of it may be: another level and rate, noise, an offset, a room, a colour, a cut end.

    The peak is drawn from -24 to -1 dBFS, noise from -70 to -45 dB below it, an offset up to 1 % of it; one in three
    has a reverb of a fifth of its level, one in three a first-order high-pass at 20 to 120 Hz; the end is cut after
    70 to 100 % of its length.

    Args:
        take: float of shape (samples,), at 22,050 Hz.
        generator: of what is drawn.

    Returns:
        float32 of shape (samples,), at `DAMAGED_RATE`.
    """
    sound = np.asarray(take, np.float64)
    sound = sound[: round(len(sound) * generator.uniform(0.7, 1.0))].copy()
    reverb, pass_above = generator.uniform(size=2) < 1 / 3
    hertz, tail = generator.uniform(20, 120), generator.normal(size=round(0.3 * SAMPLE_RATE))
    if pass_above:
        sound = scipy.signal.sosfilt(scipy.signal.butter(1, hertz, "highpass", fs=SAMPLE_RATE, output="sos"), sound)
    if reverb:
        tail *= np.exp(-np.arange(len(tail)) / (0.06 * SAMPLE_RATE))
        room = scipy.signal.fftconvolve(sound, tail)[: len(sound)]
        sound = sound + 0.2 * room * np.sqrt(np.mean(sound**2) / max(np.mean(room**2), 1e-20))
    peak = max(float(np.abs(sound).max()), 1e-9)
    sound = sound / peak
    sound += 10 ** (generator.uniform(-70, -45) / 20) * generator.normal(size=len(sound))
    sound += generator.uniform(-0.01, 0.01)
    sound = soxr.resample(sound, SAMPLE_RATE, DAMAGED_RATE) * 10 ** (generator.uniform(-24, -1) / 20)
    return np.clip(sound, -1, 1).astype(np.float32)


def fit_domain(own: Distances, others: Distances) -> tuple[Domain, dict[str, float]]:
    """Fit both functions; returns them with the area under the ROC curve of each measure.

    Args:
        own: where searches for the instrument's sounds ended.
        others: where those for other sounds ended.

    Raises:
        InputError: too few sounds of a kind.
    """
    for what, found in (("the instrument", own), ("others", others)):
        if len(found) < FEWEST:
            raise InputError(f"Only {len(found)} sounds of {what} can be heard; give {FEWEST} at least.")
    curves = {name: fit_logistic(getattr(own, name), getattr(others, name)) for name in MEASURES}
    # Others end further away.
    areas = {name: auroc(getattr(others, name), getattr(own, name)) for name in MEASURES}
    measure = max(MEASURES, key=lambda name: areas[name])
    # So many of its own lie below the one after them; ties are on its side, as what is said is said below it only.
    known = np.sort([curves[measure].probability(float(one)) for one in getattr(own, measure)])
    # Nor is anything said where the sound is more likely one of the instrument's than not.
    warn_below = min(0.5, float(known[int(QUIET * len(known))]))
    return Domain(curves["mss"], curves["floors"], measure, warn_below), areas


def fit_logistic(own: np.ndarray, others: np.ndarray) -> Logistic:
    """The likeliest `Logistic`, each kind counting one half however many sounds it has.

    As J. Platt (1999) has it, a sound of the instrument counts as one with (n + 1) / (n + 2), so that kinds which do
    not overlap make no function without width.

    Args:
        own: distances of the instrument's sounds, not negative, shape (sounds,).
        others: distances of other sounds.
    """
    places = np.log(np.concatenate([own, others]) + MARGIN_DB)
    wanted = np.concatenate(
        [np.full(len(own), (len(own) + 1) / (len(own) + 2)), np.full(len(others), 1 / (len(others) + 2))]
    )
    weights = np.concatenate([np.full(len(own), 0.5 / len(own)), np.full(len(others), 0.5 / len(others))])

    def loss(values: np.ndarray) -> float:
        logits = -values[1] * (places - values[0])
        return float(weights @ (np.logaddexp(0, logits) - wanted * logits))

    start = (np.median(np.log(own + MARGIN_DB)) + np.median(np.log(others + MARGIN_DB))) / 2
    lowest = float(np.log(MARGIN_DB))
    found = scipy.optimize.minimize(
        loss, [max(start, lowest), 2.0], method="L-BFGS-B", bounds=[(lowest, 12.0), (0.0, 100.0)]
    )
    return Logistic(float(np.exp(found.x[0]) - MARGIN_DB), float(found.x[1]))


def _reached(
    sound: Any,
    collection: Collection,
    checkpoint: Checkpoint,
    engine: Engine,
    seconds: float,
    renders: int | None,
    seed: int,
    part: Part,
) -> list[float] | None:
    """MSS and multiple of the floor that a search for a sound ended at; None where nothing is heard in it."""
    content = np.frombuffer(sound.read_bytes(), np.uint8) if isinstance(sound, Path) else sound["array"]
    key = key_of(content)
    if key not in part:
        found = match(
            sound,
            collection=collection,
            model=checkpoint.pipe,
            seconds=None if renders else seconds,
            renders=renders,
            seed=seed,
            engine=engine,
        )
        if found.interrupted:
            raise KeyboardInterrupt
        reached = None
        if not found.silent and found.floor is not None:
            distance = found.distances["mss"]
            reached = [distance, multiple(distance, found.floor)]
        part.put(key, reached)
    return part[key]
