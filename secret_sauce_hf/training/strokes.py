"""Rows of notes and phrases, fresh ones and those of datasets, stroke by stroke, as a model of notes reads them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, Collection, InputError, same_parameters
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.instruments.priors import BOTH, MUSICAL, UNIFORM, is_musical
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.strokes_secret_sauce import Stroke, strokes_of
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.training.data import Examples
from secret_sauce_hf.training.field import damage

PAGE = 512
"""Rows that are rendered together, since engines render many takes at once in the time of a few."""
KEPT = 6
"""Pages that are kept (60 MB each): a stream shows sounds anew that it first showed some time ago."""
PATTERN = 8
"""Of so many neighbouring rows the last two are strokes of one phrase, the others are single notes."""
AT_ONCE = 64
"""Rows that are rendered and transformed together, to bound the memory."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """Sounds of strokes, and what made them.

    Args:
        takes: float32 of shape (strokes, samples), as `SecretSauceFeatureExtractor.transform` takes them.
        played: what a listener would tell of each.
        presets: their settings, one row each.
        heard: whether each parameter is heard, bool of shape (strokes, parameters).
    """

    takes: np.ndarray
    played: list[Stroke]
    presets: Presets
    heard: np.ndarray

    def features(self, extractor: SecretSauceFeatureExtractor) -> dict[str, torch.Tensor]:
        """A model's inputs, and `heard` as float32."""
        return extractor.transform(torch.from_numpy(self.takes), self.played) | {
            "heard": torch.from_numpy(self.heard.astype(np.float32))
        }


def phrases_of(collection: Collection) -> Collection | None:
    """The collection of phrases that has a collection's parameters; None if there is none."""
    for other in COLLECTIONS.values():
        if other.plays is not None and other.plays.kind == "phrases" and same_parameters(other, collection):
            return other
    return None


class Pages:
    """Fresh rows of a collection of notes: one stroke of each, as they are asked for.

    Of every `PATTERN` rows two are strokes of a phrase, where there are phrases. With the prior
    "both" every second `PATTERN` rows are of each. Every second page is played in session where
    the engine can. Row i is the same whichever others are asked for. The last pages are kept: asking
    for rows in order, at `KEPT` places in turn at most, renders each once.

    Args:
        engine: renders them.
        collection: of notes.
        extractor: says how long a take is and when its note starts.
        seed: any non-negative integer.
        prior: how the presets are drawn, see `draw_presets`, or "both", as far as there are two.
        augment: whether the sounds are changed as recordings are, see `field`.
    """

    def __init__(
        self,
        engine: Engine,
        collection: Collection,
        extractor: SecretSauceFeatureExtractor,
        seed: int,
        prior: str = UNIFORM,
        augment: bool = True,
    ):
        self._engine = engine
        self._collection = collection
        self._extractor = extractor
        self._seed = seed
        # Of an instrument that nobody has told how people set it there is one.
        both = (UNIFORM, MUSICAL) if is_musical(collection) else (UNIFORM,)
        self._priors = both if prior == BOTH else (prior,)
        self._augment = augment
        self._phrases = phrases_of(collection)
        self._kept: dict[int, list[_Source]] = {}

    def rows(self, first: int, count: int) -> Strokes:
        """The rows from `first` on."""
        takes, played, units, heard = [], [], [], []
        performances = []
        for row in range(first, first + count):
            source, number, stroke = self._find(row)
            random = np.random.default_rng((self._seed, 1, row))
            sound, told, audible = self._stroke(source, number, stroke, random)
            takes.append(sound)
            played.append(told)
            units.append(source.presets.unit[number])
            heard.append(source.heard[number] & audible)
            performances.append(source.presets.performances.select([number]))
        presets = Presets(self._collection, np.stack(units), performances=Performances.concatenated(performances))
        return Strokes(np.stack(takes), played, presets, np.stack(heard))

    def _find(self, row: int) -> tuple["_Source", int, int]:
        """Where a row comes from: the source, the number in it, and which of its two strokes."""
        page, place = divmod(row, PAGE)
        if page not in self._kept:
            if len(self._kept) == KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[page] = self._rendered(page)
        # The one that was asked for last is the last to go.
        sources = self._kept[page] = self._kept.pop(page)
        group, inner = divmod(place, PATTERN)
        which, group = group % len(self._priors), group // len(self._priors)
        notes = PATTERN - 2 if self._phrases is not None else PATTERN
        if inner < notes:
            return sources[which], group * notes + inner, 0
        return sources[len(self._priors) + which], group, inner - notes

    def _rendered(self, page: int) -> list["_Source"]:
        """Single notes by each prior, and then phrases by each."""
        groups = PAGE // PATTERN // len(self._priors)
        plan = [(self._collection, groups * (PATTERN - 2 if self._phrases is not None else PATTERN))]
        if self._phrases is not None:
            plan.append((self._phrases, groups))
        sources = []
        for collection, count in plan:
            in_session = page % 2 == 1 and self._engine.supports(collection, in_session=True)
            for number, prior in enumerate(self._priors):
                start = (page * len(self._priors) + number) * count
                presets = draw_presets(collection, count, self._seed, start, prior=prior)
                takes = self._engine.render(presets, in_session=in_session, noise_seed=self._seed, first_row=start)
                sources.append(_Source(presets, presets.heard(), takes))
        return sources

    def _stroke(
        self, source: "_Source", number: int, which: int, random: np.random.Generator
    ) -> tuple[np.ndarray, Stroke, bool]:
        """The sound of a stroke, what a listener would tell of it, and whether it can be heard."""
        take = to_float(source.takes[number])
        sound, chosen, audible = _one_stroke(source.presets, take, number, which, self._extractor, self._seed)
        if self._augment:
            sound, chosen = damage(sound, chosen, round(self._extractor.note_on * SAMPLE_RATE), random)
        return sound, chosen, audible


@dataclass(frozen=True, eq=False)
class _Source:
    """Rendered rows: presets, which parameters are heard, and int16 takes."""

    presets: Presets
    heard: np.ndarray
    takes: np.ndarray


def _one_stroke(
    presets: Presets, take: np.ndarray, number: int, which: int, extractor: SecretSauceFeatureExtractor, seed: int
) -> tuple[np.ndarray, Stroke, bool]:
    """The sound of a stroke of a row, what it is, and whether it can be heard.

    Args:
        presets: the rows.
        take: the sound of the one.
        number: which it is.
        which: of its strokes, in an order that is drawn; counted on from the first where there are fewer.
        extractor: says how long a stroke's sound is.
        seed: of the order.
    """
    strokes = strokes_of(presets.performances[number], len(take) / SAMPLE_RATE)
    order = np.random.default_rng((seed, 2, number)).permutation(len(strokes))
    chosen = strokes[order[which % len(strokes)]]
    sound = extractor.windows(take, [chosen])[0]
    return sound, chosen, bool(np.abs(sound).max() >= SILENCE)


def fresh_strokes(
    engine: Engine,
    collection: Collection,
    extractor: SecretSauceFeatureExtractor,
    count: int,
    seed: int,
    prior: str = UNIFORM,
) -> Iterator[Strokes]:
    """Fresh strokes as the engine makes them, some at a time; see `Pages`, of which the arguments are."""
    pages = Pages(engine, collection, extractor, seed, prior, augment=False)
    for start in range(0, count, AT_ONCE):
        yield pages.rows(start, min(AT_ONCE, count - start))


def built_strokes(
    takes: Iterable[tuple[np.ndarray, Presets]], extractor: SecretSauceFeatureExtractor, seed: int
) -> Iterator[Strokes]:
    """A stroke of every row of a dataset, some at a time; of a row in which nothing is played there is none.

    Args:
        takes: sounds of shape (rows, samples), and their rows, as `data.built_takes` reads them.
        extractor: says how long a stroke's sound is.
        seed: chooses the strokes.
    """
    for sounds, presets in takes:
        playing = [row for row in range(len(presets)) if presets.performances[row]]
        for first in range(0, len(playing), AT_ONCE):
            rows = playing[first : first + AT_ONCE]
            found = [_one_stroke(presets, sounds[row], row, 0, extractor, seed) for row in rows]
            heard = presets[rows].heard() & np.array([audible for _, _, audible in found])[:, None]
            yield Strokes(
                np.stack([sound for sound, _, _ in found]), [told for _, told, _ in found], presets[rows], heard
            )


def extract_strokes(
    strokes: Iterable[Strokes],
    extractor: SecretSauceFeatureExtractor,
    *,
    total: int | None = None,
    title: str = "sounds",
    progress: bool = True,
) -> Examples:
    """The inputs of strokes as they come.

    Args:
        strokes: some at a time.
        extractor: makes the inputs.
        total: how many, for the progress bar.
        title: what that says.
        progress: whether to show it.

    Raises:
        InputError: there are none.
    """
    parts: list[dict[str, torch.Tensor]] = []
    presets = []
    with tqdm(total=total, desc=title, unit="sound", disable=None if progress else True) as bar:
        for some in strokes:
            features = some.features(extractor)
            parts.append({name: values if name == "peak" else values.half() for name, values in features.items()})
            presets.append(some.presets)
            bar.update(len(some.presets))
    if not parts:
        raise InputError("There are no sounds to train on; give a dataset with train rows that play notes.")
    features = {name: torch.cat([part.pop(name) for part in parts]) for name in list(parts[0])}
    return Examples(features, Presets.concatenated(presets))
