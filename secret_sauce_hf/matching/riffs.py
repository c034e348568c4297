"""A riff of one's own, wet and dry: what the machine between them is set to.

The engine is fed the dry sound in place of what it plays itself, so that its rendering is compared with the very riff.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.fft
import soxr

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.instruments.listening import BLOCK, cut, hear_onset, mix
from secret_sauce_hf.instruments.sounds import open_parts
from secret_sauce_hf.instruments.takes import PEAK
from secret_sauce_hf.matching.attempt import Attempt, agreed, is_audible, without_model
from secret_sauce_hf.matching.excerpt import Excerpt
from secret_sauce_hf.matching.guides import Guide
from secret_sauce_hf.matching.loading import Loaded
from secret_sauce_hf.matching.posterior import Posterior
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.reference import Reference
from secret_sauce_hf.matching.result import MODEL, SAMPLED
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.objective import MAX_SHIFT_SECONDS, Objective
from secret_sauce_hf.presets import Presets

LEAD_SECONDS = 1.5
"""What is played before the part that is compared: effects remember it."""
LATEST_SECONDS = 2.0
"""By how much the wet sound may be later or earlier than the dry one."""
LEAST_SECONDS = 0.2
"""A shorter common part tells nothing."""
STROKES = 4
"""In so many places of the wet sound the model is asked."""
TEMPERED = 0.1
"""Which part of the model's probabilities is spread evenly: it knows one note, and riffs have others."""
DRAWN = 44
"""How many presets are drawn from the model's probabilities."""
ANYHOW = 16
"""How many are drawn evenly."""


@dataclass(frozen=True, eq=False)
class Riff:
    """Both sounds in one time, at `SAMPLE_RATE`.

    Args:
        wet: float32 of shape (samples,).
        dry: of the same shape; zeros where there is none.
        known: first sample and, exclusive, last one of the part that is compared.
        start: where in the wet sound its first sample lies, in seconds.
        late: by how many seconds the wet sound is later than the dry one.
    """

    wet: np.ndarray
    dry: np.ndarray
    known: tuple[int, int]
    start: float
    late: float


def hear_riff(
    loaded: Loaded,
    collection: Collection | None,
    engine: Engine,
    wet: Any,
    excerpt: Excerpt,
    dry: Any,
    sampling_rate: int | None,
    seed: int,
    searching: bool,
) -> Attempt:
    """Find out how wet and dry lie to each other, and ask the model in several places of the wet one.

    Args:
        loaded: the model.
        collection: what it is asked for; its own if None.
        engine: is fed the dry sound.
        wet: the whole wet sound, as `match` takes it.
        excerpt: the part of it that is matched.
        dry: the dry sound, as `match` takes it.
        sampling_rate: of sounds that are bare arrays, in Hz.
        seed: of what is drawn at random.
        searching: whether a search follows.

    Raises:
        InputError: a sound cannot be read; they have no common part; the engine cannot be fed.
    """
    guide = loaded.guide(engine)
    collection = agreed(collection, loaded.collection, loaded.name)
    engine.check(collection)
    rng = np.random.default_rng(seed)
    riffs, remarks = _laid(wet, excerpt, dry, sampling_rate)
    if loaded.pipe is None:
        remarks.append(without_model(collection, engine, searching, has_takes=False))
    heard = riffs[0].wet[slice(*riffs[0].known)]
    answer, proposals = _asked(guide, collection, heard, seed, rng)
    # Wherever it is unclear how the dry sound goes in, what comes nearest is it.
    ways = [
        (_least(collection, engine.fed(fed), riff, proposals.cc), number, clean, riff, fed)
        for number, riff in enumerate(riffs)
        for clean, fed in enumerate((riff.dry, engine.input_of(riff.dry)))
    ]
    _, _, clean, riff, fed = min(ways, key=lambda way: way[:3])
    if clean:
        remarks.append("The dry sound is taken for what comes out with everything off.")
    if riff.late:
        how = "later" if riff.late > 0 else "earlier"
        remarks.append(f"The wet sound is {abs(riff.late):.3f} s {how} than the dry one; that is allowed for.")
    first, last = riff.known
    reference = Reference(riff.wet, riff.known, first, True, 0, len(riff.wet))
    objective = Objective(riff.wet, riff.known, first)
    return Attempt(
        loaded.name,
        collection,
        replace(excerpt, start=riff.start),
        reference,
        SAMPLE_RATE,
        Space(collection, engine.fed(fed)),
        answer,
        proposals,
        objective,
        rng,
        is_audible(riff.wet),
        remarks=tuple(remarks),
        region=(riff.start + first / SAMPLE_RATE, riff.start + last / SAMPLE_RATE),
    )


def _laid(wet: Any, excerpt: Excerpt, dry: Any, sampling_rate: int | None) -> tuple[list[Riff], list[str]]:
    """The riff as its sounds may lie to each other, the likeliest first, and what was done to them.

    Raises:
        InputError: a sound cannot be read; they have no common part.
    """
    begin = max(excerpt.start - LEAD_SECONDS, 0.0)
    end = excerpt.start + len(excerpt.samples) / excerpt.rate
    heard, _, remarks = _read(wet, sampling_rate, begin, end)
    early = max(begin - LATEST_SECONDS, 0.0)
    given, length, more = _read(dry, sampling_rate, early, end + LATEST_SECONDS)
    if not len(given):
        raise InputError(
            f"The dry sound ends at {length:.2f} s, before the part of the wet one that is matched, from {begin:.2f} "
            f"to {end:.2f} s: choose an earlier one."
        )
    heard = heard * np.float32(PEAK / max(PEAK, float(np.abs(heard).max(initial=0.0))))
    ahead = round((begin - early) * SAMPLE_RATE)
    lag = _lag(heard, given, ahead)
    # Small ones are the search's: an effect, too, may sound a little late.
    lags = [0] if abs(lag) <= MAX_SHIFT_SECONDS * SAMPLE_RATE else [lag, 0]
    found = []
    for late in lags:
        laid = cut(given, ahead - late, len(heard))
        first = max(round((excerpt.start - begin) * SAMPLE_RATE), late - ahead, 0)
        last = min(len(heard), len(given) + late - ahead)
        if last - first >= LEAST_SECONDS * SAMPLE_RATE:
            shown = np.zeros_like(heard)
            shown[first:last] = heard[first:last]
            found.append(Riff(shown, laid, (first, last), begin, late / SAMPLE_RATE))
    if not found:
        raise InputError(
            f"The wet and the dry sound have less than {LEAST_SECONDS:g} s in common: give both from the same start."
        )
    return found, [*remarks, *more]


def _read(sound: Any, sampling_rate: int | None, start: float, end: float) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """A part of a sound as one channel at `SAMPLE_RATE`, the whole sound's length in seconds, and what was done.

    Raises:
        InputError: the sound cannot be read, or has samples that are not finite.
    """
    with open_parts(sound, sampling_rate) as parts:
        samples = parts.read(round(start * parts.rate), round(end * parts.rate))
        rate, length, name = parts.rate, parts.frames / parts.rate, parts.name
    if not np.isfinite(samples).all():
        raise InputError(f"There are samples that are not finite numbers (NaN or infinite) in {name}.")
    if not len(samples):
        return np.zeros(0, np.float32), length, ()
    mono, remarks = mix(samples, rate)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE, "HQ")
    return mono.astype(np.float32), length, remarks


def _lag(wet: np.ndarray, dry: np.ndarray, ahead: int) -> int:
    """By how many samples the wet sound is later than the dry one.

    Where what turns the dry sound into the wet one, were it linear, is strongest: its impulse response, by division
    of the spectra. Echoes louder than the direct sound, and tones that never change, deceive it.

    Args:
        wet: shape (any,).
        dry: shape (any,), which begins `ahead` samples before the wet one.
        ahead: see there.
    """
    size = scipy.fft.next_fast_len(len(wet) + len(dry), real=True)
    spectrum = scipy.fft.rfft(dry.astype(np.float64), size)
    power = np.abs(spectrum) ** 2
    if not power.max() > 0:
        return 0
    cross = scipy.fft.rfft(wet.astype(np.float64), size) * spectrum.conj()
    response = np.abs(scipy.fft.irfft(cross / (power + 1e-2 * power.mean()), size))
    most = round(LATEST_SECONDS * SAMPLE_RATE)
    lags = np.arange(-most, most + 1)
    # Wet sample t is dry sample t + ahead - lag.
    near = response[(lags - ahead) % size]
    return int(lags[int(near.argmax())])


def _asked(
    guide: Guide, collection: Collection, wet: np.ndarray, seed: int, rng: np.random.Generator
) -> tuple[dict[str, Any], Proposals]:
    """What the model tells of the strokes of a wet sound, together; an answer as a pipeline's, and proposals."""
    asked = [guide.propose(collection, inputs, 1, seed, rng)[1] for inputs in _strokes(guide, wet)]
    posteriors = [one.posterior for one in asked]
    together = [
        (1 - TEMPERED) * np.mean([one.probabilities[column] for one in posteriors], axis=0) + TEMPERED / len(units)
        for column, units in enumerate(posteriors[0].units)
    ]
    posterior = Posterior(collection, posteriors[0].units, together)
    units = [
        float(p.argmax()) if parameter.classes else float(u[min(int((np.cumsum(p) < 0.5).sum()), len(u) - 1)])
        for parameter, u, p in zip(collection.parameters, posterior.units, posterior.probabilities, strict=True)
    ]
    own = np.array([[int(p.nearest_cc(np.array(u))) for p, u in zip(collection.parameters, units, strict=True)]])
    middle = np.array([[int(p.spread(3)[0 if p.classes else 1]) for p in collection.parameters]])
    anyhow = np.stack([rng.choice(p.spread(32), size=ANYHOW) for p in collection.parameters], axis=1)
    cc = np.concatenate([own, middle, *(one.cc for one in asked), posterior.sample(DRAWN, rng), anyhow])
    presets = Presets.from_cc(collection, own)
    answer = {
        "confidence": dict(zip(collection.columns, posterior.confidence(presets.unit[0]), strict=True)),
        "heard": dict(zip(collection.columns, (presets.heard()[0] & is_audible(wet)).tolist(), strict=True)),
    }
    return answer, Proposals(cc, [MODEL] + [SAMPLED] * (len(cc) - 1), np.full(len(cc), np.nan), posterior)


def _strokes(guide: Guide, wet: np.ndarray) -> list[Any]:
    """The inputs of a model for its strokes; of a model of notes, which hears them itself, all in one."""
    if guide.reads_notes:
        return [guide.inputs_of(guide.listen({"array": wet, "sampling_rate": SAMPLE_RATE}))]
    extractor = guide.extractor
    note_on = round(extractor.note_on * extractor.sampling_rate)
    onsets = [rise * BLOCK for rise in hear_onset(wet).rises] or [0]
    loud = sorted(onsets, key=lambda onset: -float(np.square(wet[onset : onset + extractor.take_samples]).sum()))
    takes = [cut(wet, onset - note_on, extractor.take_samples) for onset in sorted(loud[:STROKES])]
    return [guide.inputs_of_take(take) for take in takes]


def _least(collection: Collection, engine: Engine, riff: Riff, cc: np.ndarray) -> float:
    """How near some presets come to a riff at best: the first proposals, and each with one switch otherwise."""
    tried = list(cc[: 2 + STROKES])
    for row in cc[:2]:
        for column, parameter in enumerate(collection.parameters):
            # Knobs are left: they would be told apart by what goes in.
            for code in parameter.steps(int(row[column]), ()) if parameter.classes else ():
                other = row.copy()
                other[column] = code
                tried.append(other)
    space = Space(collection, engine)
    objective = Objective(riff.wet, riff.known, riff.known[0])
    return float(objective(space.render(space.places(np.array(tried)))).min())
