"""What an engine is: one class that turns rows into takes."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from secret_sauce_hf.instruments import Collection, InputError, Parameter, integer
from secret_sauce_hf.instruments.checking import check_timing
from secret_sauce_hf.instruments.instrument import same_controls
from secret_sauce_hf.instruments.takes import SAMPLE_RATE
from secret_sauce_hf.presets import Presets

DRY_SECONDS = 30.0
"""The longest sound that an engine is fed."""
DRY_PEAK = 8.0
"""A sample beyond this (18 dB above full scale) is not one of a sound."""


class RowsLost(InputError):
    """An engine could not render some rows; the others are there.

    Args:
        message: for people.
        reasons: why, by the number of the row among the rendered ones.
        takes: int16 of shape (rows, samples) of all rows, silence where there is none.
        unrendered: the numbers of rows that were not tried.
    """

    def __init__(
        self, message: str, reasons: Mapping[int, str], takes: np.ndarray, unrendered: Sequence[int] = ()
    ) -> None:
        super().__init__(message)
        self.reasons, self.takes, self.unrendered = dict(reasons), takes, tuple(unrendered)


@dataclass(frozen=True)
class Job:
    """What `Engine.render` was asked for, checked; it says what each of these is.

    The notes of every row are in the order of their onsets.
    """

    presets: Presets
    in_session: bool
    preceding: Presets | None
    noise_seed: int | None
    first_row: int
    same_noise: bool
    phases: np.ndarray | None
    dry: np.ndarray | None = None


def check_dry(dry: np.ndarray) -> np.ndarray:
    """See that a sound can be fed to an engine.

    Args:
        dry: floats of shape (samples,), full scale ±1, at 22,050 Hz.

    Returns:
        The sound as float32, a copy that nobody else changes.

    Raises:
        InputError: not numbers of one channel; nothing, more than `DRY_SECONDS`, or samples that no sound has.
    """
    dry = np.asarray(dry)
    if dry.ndim != 1 or dry.dtype.kind != "f":
        raise InputError(f"A dry sound is floats of shape (samples,), not {dry.dtype} of shape {dry.shape}.")
    most = round(DRY_SECONDS * SAMPLE_RATE)
    if not 0 < len(dry) <= most:
        raise InputError(
            f"A dry sound of {len(dry) / SAMPLE_RATE:.1f} s is none that can be played: give more than 0 s and at most "
            f"{DRY_SECONDS:g} s at {SAMPLE_RATE:,} Hz."
        )
    # Not finite ones compare as false.
    if not (np.abs(dry) <= DRY_PEAK).all():
        raise InputError(f"A dry sound has samples from -{DRY_PEAK:g} to {DRY_PEAK:g}, full scale ±1; scale it.")
    return np.array(dry, dtype=np.float32)


class Engine(ABC):
    """Turns rows into takes.

    A subclass sets the attributes and writes `_render`; one that remembers, in which
    something runs freely or that cannot render every take overrides what these say of it.
    An engine has no state of its own: it may be copied, pickled and used by several threads.

    Attributes:
        name: the name of the instrument that it renders; under this name its entry point is
            registered in the group `secret_sauce_hf.engines`.
        version: changes whenever the engine's sound does.
        parameters: the instrument's parameters, in the order of `Presets.complete_unit`.
        remembers: whether a take can start in the state that the row before it leaves.
        free_phases: what runs freely, so that a note may meet it anywhere in its period;
            names for people, in the order of the `phases` of `render`.
        plays: the pitches that it plays, MIDI numbers; an engine in which this is empty plays the one note
            that a collection's timing has, and nothing else.
        voices: how many notes sound at once.
        processes: whether it can be fed a sound instead of what it plays itself, as a rack of effects can; then
            `Job.dry` may hold one.
        batch: how many rows it renders best together.
        extra: the extra of this package without which it does not run; empty where it needs none. What is trained on
            every instrument's sounds leaves such engines out, so that it does not depend on what is installed.
        imitates: whether it imitates the instrument, instead of being the instrument itself.
        records: whether it records the instrument, so that nothing makes the same bytes again.
        emulates: what it emulates, half a sentence for cards.
        guesses: what in it was guessed, half a sentence for cards.
    """

    name: str
    version: str
    parameters: tuple[Parameter, ...]
    remembers: ClassVar[bool] = False
    free_phases: ClassVar[tuple[str, ...]] = ()
    plays: ClassVar[range] = range(0)
    voices: ClassVar[int] = 1
    processes: ClassVar[bool] = False
    batch: ClassVar[int] = 32
    extra: ClassVar[str] = ""
    imitates: ClassVar[bool] = True
    records: ClassVar[bool] = False
    emulates: ClassVar[str] = "the instrument"
    guesses: ClassVar[str] = "what its author does not say"

    _dry: np.ndarray | None = None

    @property
    def label(self) -> str:
        """Name and version, as records and pictures give them."""
        return f"{self.name} {self.version}"

    def refusal(self, collection: Collection, *, in_session: bool = False) -> str:
        """Why the engine cannot render the takes of a collection, as the end of "the engine …"; empty if it can.

        Args:
            collection: the collection.
            in_session: whether each take is to start in the state that the row before it leaves.
        """
        if not same_controls(collection.instrument.parameters, self.parameters):
            return (
                f"renders the instrument of that name, and {collection.name} has other parameters: give the "
                "instrument another name"
            )
        if in_session and not self.remembers:
            return "renders every take from silence, not in session"
        if collection.plays is not None and not self.plays:
            return "plays the one note that a collection's timing has, and nothing else"
        return ""

    def supports(self, collection: Collection, *, in_session: bool = False) -> bool:
        """Whether the engine can render the takes of a collection; `check` says why not."""
        try:
            self.check(collection, in_session=in_session)
        except InputError:
            return False
        return True

    def check(self, collection: Collection, *, in_session: bool = False) -> None:
        """Refuse a collection whose takes the engine cannot render.

        Args:
            collection: the collection.
            in_session: whether each take is to start in the state that the row before it leaves.

        Raises:
            InputError: other parameters or times than the engine renders, or no sessions.
        """
        if collection.instrument.name != self.name:
            raise InputError(f"The engine of {self.name} does not render {collection.instrument.name}.")
        try:
            check_timing(collection)
        except InputError as error:
            raise InputError(f"{collection.name}: {error}") from error
        if why := self.refusal(collection, in_session=in_session):
            raise InputError(f"{collection.name}: the engine of {self.name} {why}.")

    def render(
        self,
        presets: Presets,
        *,
        in_session: bool = False,
        preceding: Presets | None = None,
        noise_seed: int | None = None,
        first_row: int = 0,
        same_noise: bool = False,
        phases: np.ndarray | None = None,
        dry: np.ndarray | None = None,
    ) -> np.ndarray:
        """Render one take per row.

        Args:
            presets: the rows.
            in_session: whether each take starts in the state that the row before it leaves
                behind, as in the recordings of 2018, instead of from silence.
            preceding: one row, the one before the first of `presets`; only with
                `in_session`. If None, the first row starts from silence.
            noise_seed: seed of the noise generators. If None, rows of 2018 (those whose
                presets are the rows `first_row`, … of the 2018 table) get the noise that was
                recorded, and any others that of seed 0.
            first_row: number of the first row; a row's noise follows from `noise_seed` and
                its number alone, so that shards and workers do not matter.
            same_noise: whether every row gets the noise of row `first_row`, whatever there is
                by chance in a take: what then differs is due to the presets. Needs a
                `noise_seed`.
            phases: where in its period everything that runs freely is when a take begins, in
                turns from 0 up to 1, shape (rows, `free_phases`); drawn like the noise if None.
            dry: a sound that goes through the instrument instead of what the rows play, see `check_dry`; only
                where the engine `processes` sounds. Takes are then as long as this.

        Returns:
            int16 of shape (rows, samples) at 22,050 Hz.

        Raises:
            InputError: the engine cannot render these takes, see `check`; phases of another
                shape, or out of range; arguments that do not go together; a dry sound that is
                none, or that this engine cannot be fed.
        """
        self.check(presets.collection, in_session=in_session)
        if preceding is not None and (not in_session or len(preceding) != 1):
            raise InputError("`preceding` is the one row before the first and needs in_session=True.")
        noise_seed = None if noise_seed is None else integer("noise_seed", noise_seed)
        first_row = integer("first_row", first_row)
        if same_noise and noise_seed is None:
            raise InputError("same_noise needs a noise_seed.")
        if phases is not None:
            wanted = (len(presets), len(self.free_phases))
            if phases.shape != wanted or not ((phases >= 0) & (phases < 1)).all():
                raise InputError(
                    f"The phases of these rows are {wanted[0]} times {wanted[1]} numbers from 0 to 1, which is 0 "
                    f"again; those given are of shape {phases.shape}."
                )
        if dry is not None:
            return self.fed(dry).render(
                presets,
                in_session=in_session,
                preceding=preceding,
                noise_seed=noise_seed,
                first_row=first_row,
                same_noise=same_noise,
                phases=phases,
            )
        if self._dry is not None and not presets.play_constant:
            # What rows play does not matter, and may be what this engine does not play.
            presets = presets.playing(None)
        before = None if preceding is None else self._checked(preceding)
        checked = self._checked(presets)
        try:
            takes = self._render(Job(checked, in_session, before, noise_seed, first_row, same_noise, phases, self._dry))
        except RowsLost as error:
            self._check_takes(error.takes, presets)
            raise
        return self._check_takes(takes, presets)

    def _check_takes(self, takes: np.ndarray, presets: Presets) -> np.ndarray:
        """Refuse what an engine of another package made where it is not what `render` promises.

        Args:
            takes: from `_render`.
            presets: the rows.

        Raises:
            InputError: takes of another number, length or type. Integers are always numbers.
        """
        samples = presets.collection.samples if self._dry is None else len(self._dry)
        shape, kind = getattr(takes, "shape", None), getattr(takes, "dtype", type(takes).__name__)
        if shape != (len(presets), samples) or kind != np.int16:
            raise InputError(
                f"The engine {self.label} has a fault: these rows are int16 of shape {(len(presets), samples)}, and it "
                f"makes {kind} of shape {shape}; tell whoever made it."
            )
        return takes

    def check_fed(self) -> None:
        """Refuse to be fed, where the engine makes its sound itself.

        Raises:
            InputError: it does.
        """
        if not self.processes:
            raise InputError(f"The engine of {self.name} makes its sound itself and cannot be fed one: leave dry out.")

    def fed(self, dry: np.ndarray) -> "Engine":
        """The same engine with a sound that goes through it in every `render`, see `dry` there.

        Raises:
            InputError: the engine cannot be fed sounds, or this is none, see `check_dry`.
        """
        self.check_fed()
        engine = copy.copy(self)
        engine._dry = check_dry(dry)
        return engine

    def input_of(self, clean: np.ndarray) -> np.ndarray:
        """What the engine has to be fed so that a sound comes out when it is set to change nothing.

        Here this is the sound itself; an engine with something fixed behind its effects takes that off.

        Args:
            clean: as of `check_dry`.
        """
        return check_dry(clean)

    def check_performances(self, presets: Presets, where: Callable[[int], str] = lambda row: f"row {row}") -> None:
        """Refuse rows that play what the engine does not.

        Args:
            presets: the rows.
            where: what a row is called in messages, by its number.

        Raises:
            InputError: a pitch that it does not play, or a note that is none; the message names the row and the
                note.
        """
        if presets.play_constant:
            return
        if not self.plays:
            raise InputError(
                f"The engine of {self.name} plays the one note that a collection's timing has, and nothing else: leave "
                "the notes out."
            )
        presets.performances.check(where, seconds=presets.collection.seconds, pitches=self.plays)

    def _checked(self, presets: Presets) -> Presets:
        """Rows whose notes are in the order of time.

        Raises:
            InputError: see `check_performances`.
        """
        self.check_performances(presets)
        return presets if presets.play_constant else presets.playing(presets.performances.in_time())

    def draw_phases(self, noise_seed: int, first_row: int, count: int) -> np.ndarray:  # noqa: ARG002 - nothing is free
        """Where `render` has what runs freely in rows of a noise seed, in turns from 0 to 1: (count, `free_phases`)."""
        return np.empty((count, 0))

    @abstractmethod
    def _render(self, job: Job) -> np.ndarray:
        """Do what `render` says.

        Args:
            job: what it was asked for, checked.

        Returns:
            int16 of shape (rows, samples).
        """
