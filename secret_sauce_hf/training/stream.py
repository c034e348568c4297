"""Sounds rendered while the model trains: a new preset every time."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, InputError, integer
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.processors import end_with_starter, thread_count
from secret_sauce_hf.training.augmentation import augment as change_some
from secret_sauce_hf.training.data import fresh_rows, labels
from secret_sauce_hf.training.strokes import Pages
from secret_sauce_hf.training.together import ExampleSteps, part_of

REPEAT_STEPS = 240
"""After so many steps a sound comes again, in long runs. A worker keeps its own sounds until then."""
WORKERS = tuple(count for count in range(1, 17) if REPEAT_STEPS % count == 0)
"""Numbers of worker processes that divide it: with others, repeats would have to be rendered again."""
WAITING = 4
"""Batches per worker that wait for the model."""


class FreshStream(IterableDataset):
    """Batches of fresh sounds, each `repeats` times seen; the same whatever the number of workers.

    A batch is made of as many new sounds as of those of `REPEAT_STEPS` batches ago, of
    twice as many ago, and so on: rendering costs as much as training, and two looks at a
    sound teach more than half a look at two. The first batches repeat those of the end.

    Args:
        engine: renders the sounds.
        collection: of the sounds.
        extractor: makes the inputs.
        batch_size: sounds per step, a multiple of `repeats`.
        steps: how many batches there are.
        repeats: how often a sound is seen.
        seed: of presets, noise and augmentation.
        augment: whether some of the takes are changed, see `augmentation`.
        prior: how presets are drawn, see `draw_presets`.
        share: which part of every batch this makes, counted from 0, and of how many: one
            for each of the processes that train together. The parts may differ by a sound.

    Raises:
        InputError: the engine cannot render the takes, or the batch cannot be shared out.
    """

    def __init__(
        self,
        engine: Engine,
        collection: Collection,
        extractor: SecretSauceFeatureExtractor,
        *,
        batch_size: int,
        steps: int,
        repeats: int = 2,
        seed: int = 0,
        augment: bool = True,
        prior: str = UNIFORM,
        share: tuple[int, int] = (0, 1),
    ):
        engine.check(collection)
        batch_size, steps, seed = integer("batch_size", batch_size, 1), integer("steps", steps), integer("seed", seed)
        if repeats < 1 or batch_size % repeats or batch_size // repeats < share[1]:
            raise InputError(
                f"A batch of {batch_size} cannot be made of sounds that are seen {repeats} times each"
                f"{f', by {share[1]} processes' if share[1] > 1 else ''}; its size must be a multiple of "
                f"{max(repeats, 1)}{f', {repeats * share[1]} at least' if share[1] > 1 else ''}."
            )
        self.engine = engine
        self.collection = collection
        self.extractor = extractor
        self.steps = steps
        self.repeats = repeats
        self.seed = seed
        self.augment = augment
        self.prior = prior
        self.new = batch_size // repeats
        self.own = part_of(self.new, share)
        """Which of a step's new sounds are this part's."""
        self.rows_per_step = len(self.own) * repeats
        """How many of a step's sounds are this part's."""
        self.lag = REPEAT_STEPS if steps >= repeats * REPEAT_STEPS else max(1, steps // repeats)
        self._pages: Pages | None = None
        self.start = 0
        """The first step, where a run goes on."""

    def __len__(self) -> int:
        return self.steps - self.start

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        kept = _Kept(-(-self.lag * (self.repeats - 1) // workers) + self.repeats)
        for step in range(self.start + worker, self.steps, workers):
            sources = [(step - repeat * self.lag) % self.steps for repeat in range(self.repeats)]
            for source in sources:
                if source not in kept:
                    kept.put(source, self._sounds(source))
            parts = [kept.get(source) for source in sources]
            batch = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            yield {name: values.float() if values.is_floating_point() else values for name, values in batch.items()}
            # In a short run a sound may come again at a step of another worker.
            for source in sources[-1:] if self.lag % workers == 0 else sources:
                kept.drop(source)

    def _sounds(self, step: int) -> dict[str, torch.Tensor]:
        """The new sounds of a step."""
        first = step * self.new + self.own.start
        if self.extractor.reads_strokes:
            if self._pages is None:
                self._pages = Pages(self.engine, self.collection, self.extractor, self.seed, self.prior, self.augment)
            sounds = self._pages.rows(first, len(self.own))
            return _halved(sounds.features(self.extractor)) | labels(sounds.presets)
        takes, presets = fresh_rows(self.engine, self.collection, first, len(self.own), self.seed, self.prior)
        if self.augment:
            takes = change_some(takes, self.seed, first)
        features = self.extractor.transform(torch.from_numpy(takes))
        return _halved(features) | labels(presets)


def _halved(features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """In half precision, but for the peak."""
    return {name: values if name == "peak" else values.half() for name, values in features.items()}


class _Kept:
    """Sounds of some steps, in memory that is taken once.

    Taken bit by bit, it would lie between what rendering needs for moments, in ten times
    the space.

    Args:
        slots: of how many steps at most.
    """

    def __init__(self, slots: int):
        self._free = list(range(slots))
        self._places: dict[int, int] = {}
        self._values: dict[str, torch.Tensor] = {}

    def __contains__(self, step: int) -> bool:
        return step in self._places

    def get(self, step: int) -> dict[str, torch.Tensor]:
        """Those of a step, good until it is dropped."""
        return {name: values[self._places[step]] for name, values in self._values.items()}

    def put(self, step: int, sounds: dict[str, torch.Tensor]) -> None:
        """Keep those of a step."""
        if not self._values:
            slots = len(self._free)
            self._values = {name: values.new_empty((slots, *values.shape)) for name, values in sounds.items()}
        place = self._places[step] = self._free.pop()
        for name, values in sounds.items():
            self._values[name][place] = values

    def drop(self, step: int) -> None:
        """Forget those of a step."""
        self._free.append(self._places.pop(step))


def stream_loader(stream: FreshStream | ExampleSteps, workers: int) -> DataLoader:
    """Batches of a stream, rendered by processes.

    Args:
        stream: the batches; there is nothing to render for those of `ExampleSteps`.
        workers: how many processes, one of `WORKERS`; 0 renders in this one.
    """
    if workers not in (0, *WORKERS):
        raise InputError(f"{workers} worker processes cannot share the sounds; take one of 0, {WORKERS}.")
    options: dict[str, Any] = {}
    if workers:
        # Not forked: threads of this process hold locks that nobody would release there.
        options = {"multiprocessing_context": "spawn", "prefetch_factor": WAITING, "worker_init_fn": _prepare}
    return DataLoader(stream, batch_size=None, num_workers=workers, **options)


def default_workers() -> int:
    """The largest number of workers that leaves a core to the model; none where there is only one."""
    return max((count for count in WORKERS if count < thread_count()), default=0)


def _prepare(_: int) -> None:
    # Ctrl-C reaches every process of the terminal: the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # That one may be killed, and what waits in the pipe to it would keep this one for ever.
    end_with_starter()
    torch.set_num_threads(1)
    os.environ["SECRET_SAUCE_THREADS"] = "1"
