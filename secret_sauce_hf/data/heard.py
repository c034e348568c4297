"""Which parameters are heard, measured: turn one at a time and compare the sounds.

The declared rules (`Presets.heard`) know the settings and what is played only. Here every row is rendered
again with one parameter moved, everything else and the noise being the same, and the
two sounds are compared at the resolution of the ear.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft

from secret_sauce_hf.data.sounds import ROWS_AT_ONCE
from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.instruments import InputError, integer
from secret_sauce_hf.instruments.takes import FULL_SCALE, SAMPLE_RATE, SILENCE_DBFS
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.progress import row_progress

THRESHOLD_DB = 1.5
"""Change above which a parameter counts as heard; see `measure_heard`."""
FLOOR_DBFS = -70.0
"""Band level below which nothing is heard: a quiet room's, where full scale is loud (90 dB)."""
RANGE_DB = 50.0
"""Band levels further than this below the loudest of the take are masked by it."""

_WINDOW, _HOP = 512, 256
"""23 and 12 ms."""
_FRAMES_TOGETHER = 8
"""93 ms: about what the ear sums over."""
_FEWEST_CELLS = 0.1
"""Share of a stretch's cells that its change is spread over at least: a few cells that
rise just above the floor are no great change."""
_ROWS_PER_TASK = 16
"""A few megabytes of spectra."""


@dataclass(frozen=True)
class Measurement:
    """What `measure_heard` found.

    Args:
        change: float32 of shape (rows, parameters), in dB: how much the sound changes when
            the parameter is moved, see `measure_heard`.
        peak: float32 of shape (rows,), in dBFS: the peak of each row's own take; -inf for
            digital silence.
        threshold: in dB, above which a parameter is heard.
    """

    change: np.ndarray
    peak: np.ndarray
    threshold: float

    @property
    def audible(self) -> np.ndarray:
        """Which takes are not silent: (rows,), bool."""
        return self.peak >= SILENCE_DBFS

    @property
    def heard(self) -> np.ndarray:
        """Whether each parameter is heard: (rows, parameters), bool; nothing is in a silent take."""
        return (self.change > self.threshold) & self.audible[:, None]


@dataclass(frozen=True)
class Agreement:
    """How often the declared rule of a parameter and a measurement agree, in shares of the rows.

    Args:
        name: of the parameter.
        both: heard by both.
        neither: heard by neither.
        rule_only: heard by the rule, not by the measurement.
        measured_only: the reverse.
    """

    name: str
    both: float
    neither: float
    rule_only: float
    measured_only: float

    @property
    def agree(self) -> float:
        """Share of the rows in which the two say the same."""
        return self.both + self.neither


def measure_heard(
    presets: Presets,
    *,
    engine: Engine | None = None,
    noise_seed: int | None = None,
    first_row: int = 0,
    threshold: float = THRESHOLD_DB,
    progress: bool = False,
) -> Measurement:
    """Measure which parameters are heard in each row, by rendering it with each one moved.

    A knob is moved by a third and by two thirds of its legal range, past the upper limit
    on from the lower one, to the nearest CC step: far enough that a position is told from
    a quite different one, and twice, as there are pairs of positions that sound alike
    (pulse widths d and 1 - d). A switch is moved to every other label.

    A sound is seen as levels in bands of one ERB (B. R. Glasberg and B. C. J. Moore, 1990)
    over windows of 23 ms, in dB re a full-scale sine, floored at `FLOOR_DBFS` and at
    `RANGE_DB` below the loudest level of the row's own take. Phases do not matter, levels
    do. The change that a move makes is the root mean square of the differences, over the
    bands that rise above the floor in either sound, in the 93 ms where it is largest; a
    parameter's `change` is that of its most effective move. So the default threshold of
    1.5 dB is a take that gets 1.5 dB louder or softer throughout, or one band in nine that
    changes by 4.5 dB, for a tenth of a second: a little more than the 1 dB in a band that is
    just noticed (E. Zwicker and H. Fastl, Psychoacoustics, 1999). Little depends on it: rounding
    to 16 bits makes 0.05 dB, and of 1,000 rows of noisemaker 25 % of the changes are below
    0.5 dB, 71 % above 2 dB.

    Takes are rendered from silence, those of a session too: in session 99.3 % of noisemaker's
    answers are the same. The noise is the same with and without a move. Where a filter
    oscillates by itself, anything that shifts its phase against the oscillators is a change:
    there even a parameter that does next to nothing may be heard (each of noisemaker's filter
    envelope in one of fifteen such rows, but in one of two thousand others).

    The results depend on the rows and their numbers only. A row costs one render, one for
    every move of a parameter (noisemaker: 38) and 0.2 ms on one core for each of them; memory
    is that of some hundred takes, however many rows there are.

    Args:
        presets: the rows.
        engine: that renders the rows; the collection's own if None.
        noise_seed: seed of the noise generators; 0 if None, for rows of 2018 too (moved, they
            are not rows of 2018 any more).
        first_row: number of the first row, as for `secret_sauce_hf.engines.render`.
        threshold: in dB; a change above it is heard.
        progress: whether to show a progress bar.

    Raises:
        InputError: a threshold that is negative or not finite; the engine cannot render these
            takes, or there is none.
    """
    if not 0 <= threshold < np.inf:
        raise InputError(f"The threshold is {threshold} dB; it must be finite and not negative.")
    noise_seed = None if noise_seed is None else integer("noise_seed", noise_seed)
    first_row = integer("first_row", first_row)
    engine = engine or get_engine(presets.collection)
    engine.check(presets.collection)
    change = np.zeros(presets.unit.shape, np.float32)
    peak = np.empty(len(presets), np.float32)
    with row_progress("Listening", len(presets), progress) as advance, ThreadPoolExecutor(thread_count()) as pool:
        for start in range(0, len(presets), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            change[rows], peak[rows] = _measure(engine, presets[rows], noise_seed or 0, first_row + start, pool)
            advance(len(change[rows]))
    return Measurement(change, peak, float(threshold))


def agreement(presets: Presets, heard: np.ndarray) -> list[Agreement]:
    """Compare a measurement with the declared rules.

    The rules do not know which takes are silent: leave those rows out of both arguments to
    compare the rules at what they are made for.

    Args:
        presets: the rows, at least one.
        heard: of these rows, as `Measurement.heard`.

    Returns:
        One entry per parameter, in column order.

    Raises:
        InputError: no rows, or `heard` has another shape.
    """
    rule, heard = presets.heard(), np.asarray(heard)
    if heard.shape != rule.shape or heard.dtype != bool:
        raise InputError(f"`heard` needs booleans of shape {rule.shape}, not {heard.dtype} of shape {heard.shape}.")
    if not len(presets):
        raise InputError("No rows: nothing to compare.")
    shares = ((rule & heard), ~(rule | heard), (rule & ~heard), (~rule & heard))
    columns = zip(*(share.mean(axis=0).tolist() for share in shares), strict=True)
    return [Agreement(name, *column) for name, column in zip(presets.collection.columns, columns, strict=True)]


def changes(first: np.ndarray, second: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """How much takes differ, measured as `measure_heard` measures a move.

    Args:
        first: int16 of shape (takes, samples), at 22,050 Hz; the floor is that of these.
        second: int16 of shape (rows, samples).
        of: which of the first each of the second is compared with, int of shape (rows,); one with one if None.

    Returns:
        float32 of shape (rows,), in dB; above `THRESHOLD_DB` the difference is heard.
    """
    pairs = np.arange(len(second)) if of is None else of

    def compare(rows: slice) -> np.ndarray:
        own, places = np.unique(pairs[rows], return_inverse=True)
        levels = band_levels(first[own])[places]
        return _changes(levels, band_levels(second[rows]), _floor(levels))

    with ThreadPoolExecutor(thread_count()) as pool:
        return np.concatenate([np.empty(0, np.float32), *_by_tasks(compare, len(second), pool)])


def _by_tasks(task: Callable[[slice], np.ndarray], count: int, pool: ThreadPoolExecutor) -> list[np.ndarray]:
    return list(pool.map(task, [slice(at, at + _ROWS_PER_TASK) for at in range(0, count, _ROWS_PER_TASK)]))


def _floor(levels: np.ndarray) -> np.ndarray:
    """What of takes is masked or too soft, in dB: levels of shape (rows, frames, bands) to (rows, 1, 1)."""
    return np.maximum(FLOOR_DBFS, levels.max(axis=(1, 2)) - RANGE_DB)[:, None, None]


def band_levels(takes: np.ndarray) -> np.ndarray:
    """Levels in bands of one ERB over time.

    Args:
        takes: int16 of shape (rows, samples), at 22,050 Hz.

    Returns:
        float32 of shape (rows, frames, bands), in dB re a full-scale sine.
    """
    frames = np.lib.stride_tricks.sliding_window_view(takes, _WINDOW, axis=-1)[:, ::_HOP]
    window = np.hanning(_WINDOW + 1)[:-1]
    # A sine of amplitude 1 puts this much power into the three bins around it.
    full_scale = FULL_SCALE * np.sqrt(3 / 32) * _WINDOW
    spectra = scipy.fft.rfft(frames * (window / full_scale).astype(np.float32), axis=-1)
    powers = spectra.real**2 + spectra.imag**2
    # One product per row: the shape, and so every bit of the result, is the same however
    # many rows there are.
    bands = np.stack([row @ _erb_bands() for row in powers])
    return 10 * np.log10(np.maximum(bands, np.float32(1e-12)))


@cache
def _erb_bands() -> np.ndarray:
    """Triangles one ERB apart that sum to 1, from the second ERB to Nyquist: float32, (bins, bands)."""
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    # The ERB-number scale of Glasberg and Moore, 1990.
    number = 21.4 * np.log10(1 + 0.00437 * hertz)
    centres = np.arange(2, np.ceil(number[-1]) + 1)
    return np.maximum(0, 1 - np.abs(number[:, None] - centres)).astype(np.float32)


def _measure(
    engine: Engine, presets: Presets, noise_seed: int, first_row: int, pool: ThreadPoolExecutor
) -> tuple[np.ndarray, np.ndarray]:
    """`change` and `peak` of a chunk of rows."""
    own = engine.render(presets, noise_seed=noise_seed, first_row=first_row)
    # Wider, as the absolute value of -32,768 is no int16.
    highest = np.abs(own.astype(np.int32)).max(axis=1) / FULL_SCALE
    peak = np.full(len(presets), -np.inf, np.float32)
    np.log10(highest, out=peak, where=highest > 0, casting="same_kind")
    levels = np.concatenate(_by_tasks(lambda rows: band_levels(own[rows]), len(presets), pool))
    floor = _floor(levels)

    change = np.zeros(presets.unit.shape, np.float32)
    for column, moved in _moves(presets):
        takes = engine.render(moved, noise_seed=noise_seed, first_row=first_row)

        def compare(rows: slice, takes: np.ndarray = takes) -> np.ndarray:
            return _changes(levels[rows], band_levels(takes[rows]), floor[rows])

        moved_by = np.concatenate(_by_tasks(compare, len(presets), pool))
        np.maximum(change[:, column], moved_by, out=change[:, column])
    return change, 20 * peak


def _moves(presets: Presets) -> Iterator[tuple[int, Presets]]:
    for column, parameter in enumerate(presets.parameters):
        for moved in parameter.moves(presets.unit[:, column]):
            unit = presets.unit.copy()
            unit[:, column] = moved
            yield column, Presets(presets.collection, unit, presets.files, presets.performances)


def _changes(first: np.ndarray, second: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """How much `second` differs from `first`, in dB.

    Args:
        first: shape (rows, frames, bands), in dB.
        second: of the same shape.
        floor: shape (rows, 1, 1), in dB.

    Returns:
        float32 of shape (rows,).
    """
    first, second = np.maximum(first, floor), np.maximum(second, floor)
    squares = _stretches(((first - second) ** 2).sum(axis=2))
    cells = _stretches((np.maximum(first, second) > floor).sum(axis=2))
    fewest = _FEWEST_CELLS * _FRAMES_TOGETHER * first.shape[2]
    return np.sqrt(squares / np.maximum(cells, fewest)).max(axis=1).astype(np.float32)


def _stretches(frames: np.ndarray) -> np.ndarray:
    """Sums over every `_FRAMES_TOGETHER` successive frames: (rows, frames) to (rows, stretches)."""
    together = min(_FRAMES_TOGETHER, frames.shape[1])
    return np.lib.stride_tricks.sliding_window_view(frames, together, axis=1).sum(axis=-1)
