"""Teaching a model which sounds its instrument can make: its own against those of other instruments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.instruments.priors import BOTH
from secret_sauce_hf.metrics.scores import auroc
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.outputs_secret_sauce import DomainHead
from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline
from secret_sauce_hf.training.field import damage
from secret_sauce_hf.training.strokes import Pages

HIDDEN = 48
"""Units of the layer between what is read and the answer."""
STEPS = 400
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
BATCH = 64
HELD = 4
"""Of so many sounds one is kept to see how well it went; of files all that belong to one are kept together."""
VARIANTS = 3
"""How many times a stroke of a file is heard, each time changed in another way."""
MOST_OF_A_FILE = 3
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
WARNED = 0.02
"""Share of its own sounds of which it may be said that the instrument cannot make them."""
SEED = 5_000_000
"""Of the fresh sounds, added to the run's; others than those that the model was trained or validated on."""


@dataclass(frozen=True)
class Domain:
    """How well a model tells its instrument's sounds from others.

    Args:
        auroc: probability that a sound of its own is taken for likelier than one of another.
        files: the same against the files alone; NaN without any.
        own: how many of its own sounds that was measured on.
        others: how many others.
    """

    auroc: float
    files: float
    own: int
    others: int


def others_of(collection: Collection) -> list[tuple[Engine, Collection]]:
    """Other instruments' collections of notes, as far as an engine renders them that needs no extra."""
    found = []
    for other in COLLECTIONS.values():
        if other.plays is None or other.plays.kind != "notes" or other.instrument.name == collection.instrument.name:
            continue
        if (engine := find_engine(other)) is not None and not engine.extra:
            found.append((engine, other))
    return found


def fit_domain(
    pipe: AudioToPresetPipeline,
    collection: Collection,
    engine: Engine,
    files: Sequence[Path],
    *,
    count: int = 1_500,
    seed: int = 0,
    progress: bool = True,
) -> Domain:
    """Give a model of notes what tells whether its instrument can make a sound, or teach it anew.

    Its own sounds are fresh ones, changed as recordings are; the others are those of other
    instruments that an engine renders, and files. Everything else of the model stays.

    Args:
        pipe: the model, its feature extractor and its listener.
        collection: of the model.
        engine: renders it.
        files: sounds that the instrument did not make.
        count: how many sounds of its own, and as many of other engines together.
        seed: of the sounds and of the first weights.
        progress: whether to show progress bars.
    """
    model, extractor = pipe.model, pipe.feature_extractor
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.config.domain_size = HIDDEN
        model.domain = DomainHead(model.config.hidden_size, len(model.config.parameters), HIDDEN)
    own = _of_engine(model, extractor, engine, collection, count, seed, progress)
    others, groups = [], []
    sources = others_of(collection)
    for number, (other_engine, other) in enumerate(sources):
        rows = _of_engine(model, extractor, other_engine, other, -(-count // len(sources)), seed, progress)
        others.append(rows)
        groups.append(np.arange(len(rows)) + number * count)
    last = len(sources) * count
    from_files = []
    for number, rows in enumerate(_of_files(pipe, files, seed, progress)):
        others.append(rows)
        groups.append(np.full(len(rows), last + number))
        from_files.append(len(rows))
    if not others:
        raise InputError("There are no sounds of other instruments; give a folder of some (--strangers).")
    negative, group = torch.cat(others), np.concatenate(groups)
    held_own, held_others = np.arange(len(own)) % HELD == 0, group % HELD == 0
    # As much weight to files as to engines: what people bring is no sound of ours.
    is_file = group >= last
    weights = np.where(is_file, 1.0 / max(is_file.sum(), 1), 1.0 / max((~is_file).sum(), 1))
    _train(model.domain, own[~held_own], negative[~held_others], torch.from_numpy(weights[~held_others]).float(), seed)
    with torch.inference_mode():
        right = model.domain(own[held_own]).numpy()
        wrong = model.domain(negative[held_others]).numpy()
    # Odds as if either were as likely before.
    _calibrate(model.domain, right, wrong)
    with torch.inference_mode():
        known = model.domain(own[held_own]).sigmoid().numpy()
    model.config.domain_warning = round(min(float(np.quantile(known, WARNED)), 0.5), 4)
    return Domain(auroc(right, wrong), auroc(right, wrong[is_file[held_others]]), len(right), len(wrong))


def _of_engine(
    model: SecretSauceModel,
    extractor: SecretSauceFeatureExtractor,
    engine: Engine,
    collection: Collection,
    count: int,
    seed: int,
    progress: bool,
) -> torch.Tensor:
    """What the head reads of fresh strokes: (strokes, size)."""
    pages = Pages(engine, collection, extractor, seed + SEED, BOTH)
    parts = []
    with tqdm(total=count, desc=collection.name, unit="sound", disable=None if progress else True) as bar:
        for start in range(0, count, BATCH):
            strokes = pages.rows(start, min(BATCH, count - start))
            audible = np.abs(strokes.takes).max(axis=1) >= 1e-3
            features = extractor.transform(torch.from_numpy(strokes.takes), strokes.played)
            parts.append(_evidence(model, features)[torch.from_numpy(audible)])
            bar.update(len(strokes.played))
    return torch.cat(parts)


def _of_files(pipe: AudioToPresetPipeline, files: Sequence[Path], seed: int, progress: bool) -> Iterator[torch.Tensor]:
    """What the head reads of the longest strokes of each file, as they are and changed: (strokes, size)."""
    extractor = pipe.feature_extractor
    lead = round(extractor.note_on * SAMPLE_RATE)
    for number, path in enumerate(tqdm(files, desc="files", unit="file", disable=None if progress else True)):
        listened = pipe.listen(path)
        random = np.random.default_rng((seed, 3, number))
        takes, played = [], []
        for stroke in sorted(listened.strokes, key=lambda one: -one.until)[:MOST_OF_A_FILE]:
            (take,) = extractor.windows(listened.samples, [stroke])
            takes.append(take)
            played.append(stroke)
            for _ in range(VARIANTS):
                changed, told = damage(take, stroke, lead, random)
                takes.append(changed)
                played.append(told)
        yield _evidence(pipe.model, extractor.transform(torch.from_numpy(np.stack(takes)), played))


def _evidence(model: SecretSauceModel, features: dict[str, torch.Tensor]) -> torch.Tensor:
    assert model.domain is not None
    with torch.inference_mode():
        answers = model(**{name: features[name] for name in model.config.input_names}).answers
        raw, odds = model.read(answers)
        return model.domain.evidence(answers, odds, raw).clone()


def _train(head: DomainHead, own: torch.Tensor, others: torch.Tensor, weights: torch.Tensor, seed: int) -> None:
    """Least cross entropy, either side of the same weight."""
    everything = torch.cat([own, others])
    head.centre.copy_(everything.mean(dim=0))
    head.scale.copy_(everything.std(dim=0) + 1e-3)
    shares = torch.cat([torch.full((len(own),), 0.5 / len(own)), 0.5 * weights / weights.sum()])
    labels = torch.cat([torch.ones(len(own)), torch.zeros(len(others))])
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    with torch.enable_grad():
        for _ in range(STEPS):
            rows = torch.multinomial(shares, min(512, len(shares)), replacement=True, generator=generator)
            # Noise keeps it from learning single sounds by heart.
            noise = torch.randn((len(rows), everything.shape[1]), generator=generator) * head.scale * 0.15
            loss = functional.binary_cross_entropy_with_logits(head(everything[rows] + noise), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _calibrate(head: DomainHead, right: np.ndarray, wrong: np.ndarray) -> None:
    """Scale and move the log odds so that they are as sure as they should be, on sounds that were held out."""
    scores = torch.from_numpy(np.concatenate([right, wrong])).double()
    labels = torch.cat([torch.ones(len(right)), torch.zeros(len(wrong))]).double()
    weights = torch.cat([torch.full((len(right),), 0.5 / len(right)), torch.full((len(wrong),), 0.5 / len(wrong))])
    slope, offset = torch.tensor(0.0).double().requires_grad_(), torch.tensor(0.0).double().requires_grad_()
    optimizer = torch.optim.LBFGS([slope, offset], max_iter=100)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        each = functional.binary_cross_entropy_with_logits(scores * slope.exp() + offset, labels, reduction="none")
        total = (each * weights).sum() + 1e-3 * slope.square()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    with torch.no_grad():
        factor = float(slope.exp())
        head.outer.weight.mul_(factor)
        head.outer.bias.mul_(factor).add_(float(offset))
