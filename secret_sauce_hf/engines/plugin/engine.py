"""The engine for plug-ins: rows are set, played and heard in a process that a plug-in has to itself."""

import math
import threading
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.dsp.takes import limit_takes
from secret_sauce_hf.engines.plugin.failures import PluginCrash, WorkerFault
from secret_sauce_hf.engines.plugin.files import PluginFile, find_plugin
from secret_sauce_hf.engines.plugin.process import LOAD_SECONDS, RATE, Worker, hosts_for, start_worker
from secret_sauce_hf.engines.plugin.repeating import RESETS, ResetReport, cached, study
from secret_sauce_hf.engines.plugin.targets import Target, highest, split
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, Instrument, Note, get_collection
from secret_sauce_hf.instruments.checking import nearest
from secret_sauce_hf.instruments.instrument import Hosted
from secret_sauce_hf.presets import Presets, row_random
from secret_sauce_hf.progress import logger_of

_LOG = logger_of(__name__)

BLOCKS = (490, 441, 350, 294)
"""Samples that a plug-in is asked for at once, where they divide every event of a row: those on a grid of 10 ms, or of
a sixth of a second, as in 2018."""
FINEST = 32
"""Samples at once elsewhere. Most plug-ins place notes within a block; others are 0.7 ms off at most."""
LEAD_SECONDS = 0.1
"""Before a take: a plug-in needs some time from new settings to a note."""
MOST_CRASHES = 8
"""After as many rows that a plug-in does not survive the rest of a render is not tried."""
_LEAST_SECONDS = 20.0
_TIMES = 10.0
_STUDIED = 16


class PluginEngine(Engine):
    """A plug-in file, VST3 or VST2; on macOS an Audio Unit, too.

    The plug-in is loaded at once, in a process of its own, and found out about: how it is brought back to its first
    state before each take, and whether its parameters do anything (`report`). What was found is kept in the user's
    cache folder, under the digest of the plug-in's file.

    Args:
        of: an instrument that is a plug-in, or a collection of one: from `declare_plugin`, or the path of
            a declaration. The file that it names is loaded and run: it must come from who uses the machine, never
            from a record of a dataset or a checkpoint.
        file: the plug-in, where the declaration names none, or another.
        host: "dawdreamer" or "pedalboard"; whichever loads it if None.
        reset: what is done before each take, one of `RESETS`; found out if None.
        take_seconds: what a take may last before the process is taken to hang; ten times its length, and 20 s at
            least, if None.
        load_seconds: what the plug-in is given to load.

    Attributes:
        targets: what each parameter sets, see `targets`.
        report: what was found out; None where `reset` was told.
        reset: what is done before each take.
        host: that hosts the plug-in, with its version.
        file: the plug-in's file.

    Raises:
        InputError: the instrument is no plug-in, or its file is not told; see `find_plugin`; no host is installed;
            the plug-in ends its process or hangs when it is loaded; it lists other parameters than declared.
    """

    plays = range(128)
    voices = 16
    batch = 32
    extra = "hosts"
    imitates = False
    emulates = "itself: the plug-in makes the sound"
    guesses = "nothing"

    def __init__(
        self,
        of: str | Path | Collection | Instrument,
        *,
        file: str | Path | None = None,
        host: str | None = None,
        reset: str | None = None,
        take_seconds: float | None = None,
        load_seconds: float = LOAD_SECONDS,
    ) -> None:
        instrument = of if isinstance(of, Instrument) else get_collection(of).instrument
        if instrument.plugin is None:
            raise InputError(f"{instrument.name} is no plug-in: its declaration says of none where it is.")
        if reset is not None and reset not in RESETS:
            raise InputError(f"{reset!r} is no reset; there is {', '.join(RESETS)}.")
        if not (file or instrument.plugin.file):
            raise InputError(
                f'{instrument.name} is the plug-in {instrument.plugin.name}; add its path to the declaration, "file" '
                'under "plugin".'
            )
        self.name, self.parameters = instrument.name, instrument.parameters
        self._plugin: Hosted = instrument.plugin
        self.targets: list[Target] = [
            parameter.control if place.index is None else place.index
            for parameter, place in zip(self.parameters, self._plugin.parameters, strict=True)
        ]
        self._take_seconds, self._load_seconds = take_seconds, load_seconds
        self.file: PluginFile = find_plugin(file or instrument.plugin.file)
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        self.report: ResetReport | None = None
        worker, self._module = start_worker(self.file, hosts_for(self.file, host), BLOCKS[1], load_seconds)
        self.host = str(worker.told["host"])
        self._defaults = [float(entry["default"]) for entry in worker.told["parameters"]]
        try:
            self._check_list(worker)
        except InputError:
            worker.close()
            raise
        self._worker = worker
        if reset is None:
            self.report = self._studied()
            reset = self.report.reset
        self.reset = reset
        digest = self.file.digest[:12]
        self.version = f"1 ({self.host}, {self.file.format} {self.file.path.name} {digest}, {reset})"
        if self._plugin.digest and self._plugin.digest != self.file.digest:
            _LOG.warning("%s is another version than the one that was declared.", self.file.path)

    def __getstate__(self) -> dict[str, object]:
        # A process stays with its owner.
        return {name: value for name, value in self.__dict__.items() if name not in ("_worker", "_lock")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._worker, self._lock = None, threading.Lock()

    def close(self) -> None:
        """End the plug-in's process; the next render starts another."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()
            self._worker = None

    def plugin_values(self, presets: Presets) -> np.ndarray:
        """What the plug-in is given: float32, (rows, instrument's parameters), 0 to 1, see `targets`."""
        return self._values(presets.complete_unit())

    def loaded_preset(self, content: bytes, notes: tuple[Note, ...], seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """What a preset of the plug-in sets, and how it sounds.

        Args:
            content: of the file; whoever gives it has checked it.
            notes: that are played once it is loaded.
            seconds: length of the take.

        Returns:
            The values of all parameters in the plug-in's list, 0 to 1; and the take at `RATE`, both float32.

        Raises:
            WorkerFault: the plug-in refuses it, or does not survive it.
        """
        asked = placement(notes, seconds) | {"do": "preset", "reset": self.reset, "indices": [], "controls": []}
        with self._lock:
            worker = self._ready(asked["block"])
            answer = worker.ask(asked, content, seconds=self._limit(seconds))[1]
            worker.block = asked["block"]
            if self.reset != "fork":
                # What the preset holds beside parameters would stay.
                worker.close()
        count = 1 + len(self._defaults)
        if len(answer) != 4 * (count + asked["samples"]):
            raise WorkerFault("answers other than it was asked")
        told = np.frombuffer(answer, np.float32)
        if not np.isfinite(told).all():
            raise WorkerFault("answers other than it was asked")
        if not told[0]:
            raise WorkerFault("refuses it")
        return told[1:count], told[count:]

    def played(self, values: np.ndarray, notes: tuple[Note, ...], seconds: float) -> np.ndarray:
        """The take of one row at `RATE`, float32; its values as of `plugin_values`.

        Raises:
            WorkerFault: the plug-in does not survive it.
        """
        with self._lock:
            return self._take(placement(notes, seconds), values, self._limit(seconds))

    def saved_preset(self, values: np.ndarray | None = None) -> tuple[bytes, list[float]]:
        """What the plug-in writes as its preset when it is set to a row.

        Args:
            values: of the row, as of `plugin_values`; where None, nothing is set.

        Returns:
            The bytes, and the values of all parameters in the plug-in's list.

        Raises:
            WorkerFault: it does not write one, or does not survive it.
        """
        wanted, given = split([], np.zeros(0)) if values is None else split(self.targets, values)
        asked = {"do": "save", "notes": [], "lead": 0, "samples": round(LEAD_SECONDS * RATE), "block": BLOCKS[1]}
        worker = self._start(BLOCKS[1])
        try:
            told, content = worker.ask(asked | wanted, given.tobytes(), seconds=self._limit(LEAD_SECONDS))
        finally:
            worker.close()
        return content, [float(value) for value in told["values"]]

    @property
    def listed(self) -> int:
        """How many parameters the plug-in lists."""
        return len(self._defaults)

    def _limit(self, seconds: float) -> float:
        return self._take_seconds or max(_LEAST_SECONDS, _TIMES * seconds)

    def _values(self, unit: np.ndarray) -> np.ndarray:
        values = np.empty(unit.shape, np.float32)
        for column, (parameter, place) in enumerate(zip(self.parameters, self._plugin.parameters, strict=True)):
            told = unit[:, column]
            if place.index is None:
                values[:, column] = parameter.nearest_cc(told) / highest(parameter.control)
            elif parameter.classes:
                table = place.values or tuple(np.linspace(0, 1, parameter.classes).tolist())
                values[:, column] = np.asarray(table)[told.astype(np.intp)]
            elif place.values:
                values[:, column] = np.asarray(place.values)[parameter.nearest_cc(told)]
            else:
                values[:, column] = parameter.nearest_unit(told)
        return values

    def _render(self, job: Job) -> np.ndarray:
        presets = job.presets
        samples, seconds = presets.collection.samples, presets.collection.seconds
        limit = self._limit(seconds)
        values = self.plugin_values(presets)
        asked = [placement(notes, seconds) for notes in map(presets.performances.__getitem__, range(len(presets)))]
        takes = np.zeros((len(presets), samples), np.int16)
        reasons: dict[int, str] = {}
        # Another size of blocks needs the plug-in loaded anew.
        order = sorted(range(len(presets)), key=lambda row: (asked[row]["block"], row))
        with self._lock:
            for done, row in enumerate(order):
                if len(reasons) == MOST_CRASHES:
                    raise PluginCrash(self._plugin.name, reasons, takes, tuple(sorted(order[done:])))
                try:
                    sound = self._take(asked[row], values[row], limit)
                except WorkerFault as error:
                    reasons[row] = str(error)
                    continue
                resampled = soxr.resample(sound, RATE, SAMPLE_RATE, "HQ")[:samples]
                takes[row, : len(resampled)] = limit_takes(resampled[None])[0]
        if reasons:
            raise PluginCrash(self._plugin.name, reasons, takes)
        return takes

    def _take(self, asked: dict[str, Any], values: np.ndarray, limit: float) -> np.ndarray:
        """One take at `RATE`, tried again by a plug-in just loaded where the one before did not survive it.

        Raises:
            WorkerFault: the plug-in does not survive it in a fresh process either.
        """
        wanted, given = split(self.targets, values)
        told = asked | {"reset": self.reset} | wanted
        try:
            return self._ready(asked["block"]).take(told, given, seconds=limit)
        except WorkerFault as error:
            _LOG.info("%s %s; the row is tried again in a fresh process.", self.file.path, error)
            if self._worker is not None:
                self._worker.close()
        return self._ready(asked["block"]).take(told, given, seconds=limit)

    def _ready(self, block: int) -> Worker:
        """A process that can be asked.

        Raises:
            InputError: the plug-in cannot be loaded any more, or has no state to go back to, and one is needed.
        """
        worker = self._worker
        # Whatever was loaded before in a process, its copies hold, too.
        if worker is not None and self.reset == "fork" and worker.block != block:
            worker.close()
        if worker is None or not worker.alive:
            self._worker = worker = self._start(block)
        return worker

    def _start(self, block: int) -> Worker:
        worker, _ = start_worker(self.file, [self._module], block, self._load_seconds)
        if getattr(self, "reset", "") == "state":
            try:
                worker.ask({"do": "remember"}, seconds=_LEAST_SECONDS)
            except WorkerFault as error:
                worker.close()
                raise InputError(f"{self.file.path}, to go back to its state: it {error}.") from error
        return worker

    def _check_list(self, worker: Worker) -> None:
        """See that the plug-in lists what was declared.

        Raises:
            InputError: it does not.
        """
        listed = [str(entry["name"]) for entry in worker.told["parameters"]]
        for parameter, place in zip(self.parameters, self._plugin.parameters, strict=True):
            if place.index is None:
                continue
            if place.index >= len(listed) or listed[place.index] != place.listed:
                there = repr(listed[place.index]) if place.index < len(listed) else "nothing"
                raise InputError(
                    f"{self.file.path} does not list {place.listed!r} at {place.index}, which {self.name} has as "
                    f"{parameter.name}, but {there} ({self.host}); {nearest(place.listed, listed)} Declare it anew."
                )

    def _studied(self) -> ResetReport:
        """What is found out about the plug-in, now or before, told in the log."""
        places = self._plugin.parameters
        table = [[target, list(place.values)] for target, place in zip(self.targets, places, strict=True)]
        report = cached([self.file.digest, self.host, table], lambda: self._find_out())
        _LOG.info("%s: %s.", self.file.path, report)
        if not report.audible:
            _LOG.warning("%s: none of the rows that were tried sounds, so that nothing is known of it.", self.file.path)
        elif not report.repeats:
            _LOG.warning("%s: %s.", self.file.path, report)
        if report.idle:
            _LOG.warning("%s: set without any effect: %s.", self.file.path, ", ".join(report.idle))
        return report

    def _find_out(self) -> ResetReport:
        places = self._plugin.parameters
        # What a plug-in has a controller at when it is loaded it does not tell.
        defaults = [0.5 if place.index is None else self._defaults[place.index] for place in places]
        random = row_random(0, 0, _STUDIED, len(places))
        drawn = [one.cc_to_unit(one.draw(random[:, column])) for column, one in enumerate(self.parameters)]
        rows = np.concatenate([[defaults], self._values(np.stack(drawn, axis=1))])
        ends = np.array([(place.values[0], place.values[-1]) if place.values else (0.0, 1.0) for place in places])
        names = [parameter.name for parameter in self.parameters]
        limit = self._take_seconds or _LEAST_SECONDS
        try:
            return study(lambda: self._start(BLOCKS[1]), self.targets, rows, names, ends, limit)
        except WorkerFault as error:
            raise InputError(f"{self.file.path}: while notes are played, it {error}.") from error


def placement(notes: tuple[Note, ...], seconds: float) -> dict[str, Any]:
    """Where the notes of a row are in samples at `RATE`, and the size of blocks that puts them on the edges of such.

    Args:
        notes: in the order of their onsets.
        seconds: length of the take.

    Returns:
        `notes` as [pitch, velocity, on, off] from the start of what is rendered, `lead` before the take, `samples`
        of the take, and `block`. Where no size divides all events, the first note is at an edge of the finest.
    """
    samples = round(seconds * RATE)
    events = [(note, round(note.onset * RATE), round(note.end * RATE)) for note in notes]
    times = [time for _, on, off in events for time in (on, off) if 0 < time < samples]
    common = reduce(math.gcd, times, 0)
    block = next((size for size in BLOCKS if common % size == 0), FINEST)
    lead = math.ceil(LEAD_SECONDS * RATE / block) * block
    if block == FINEST:
        lead += -events[0][1] % block
    placed = [[note.pitch, note.velocity, lead + on, lead + max(off, on + 1)] for note, on, off in events]
    return {"notes": placed, "lead": lead, "samples": samples, "block": block}
