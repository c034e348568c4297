"""The engine that records: every row's patch and notes out, sound in, cut to the sample."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import mido
import numpy as np
import soxr

from secret_sauce_hf.engines.base import Job, RowsLost
from secret_sauce_hf.engines.dsp.takes import limit_takes
from secret_sauce_hf.engines.hardware.kept import KeptTakes
from secret_sauce_hf.engines.hardware.levels import dbfs, is_clipped, is_sharp, likeness, onset, peak
from secret_sauce_hf.engines.hardware.links import Heard, Link
from secret_sauce_hf.engines.hardware.read_back import differences, request
from secret_sauce_hf.engines.hardware.recorded import VERSION, Recording
from secret_sauce_hf.instruments import Collection, InputError, Note, get_collection, integer
from secret_sauce_hf.instruments.takes import NOTE, SAMPLE_RATE, SILENCE, VELOCITY
from secret_sauce_hf.midi.messages import Order, check_controls, listed, note_messages, preset_messages
from secret_sauce_hf.midi.ports import BYTE_SECONDS, LONGEST_GAP
from secret_sauce_hf.midi.sysex import has_voices
from secret_sauce_hf.presets import draw_presets

SETTLE = 0.06
"""Seconds between the last message of a patch and the pre-roll: instruments smooth their knobs."""
PREROLL = 0.1
"""Seconds before a take in which the noise is measured."""
TAIL = 0.06
"""Seconds behind a take that tell whether it is silent by then."""
PATIENCE = 10.0
"""The longest that silence is awaited between takes, in seconds."""
MOST_LATENCY = 0.3
"""The longest round trip that is believed, in seconds."""
XRUNS = 5
"""How often a take is made before it is given up, where the computer loses sound each time."""
ARRIVALS = 3
"""How often a patch is sent to an instrument that tells it has another."""
MOST_LOST = 8
"""After as many rows in a row without a take, recording ends."""
SILENT = 5
"""After as many silent takes in a row the instrument is asked whether it still sounds."""
PROBES = 8
"""Presets of the level check."""
REPEATS = 4
"""How often the one that starts first is repeated, for the round trip."""
REACH = 0.015
"""By how much a take may be moved to where its sound starts, where computer and card have two clocks, in seconds."""
REHEARSAL = 0.1
"""How long pitches are played before a take, in seconds."""
ALIKE = 0.99
"""From this correlation on, takes of the same row count as the same."""
_CLICK = 0.3
_WINDOWS, _STEADY = 3, 0.7
_ANSWER = 0.4
_LOUD, _QUIET = -1.0, -36.0
_PROBE_SEED = 0


@dataclass(frozen=True)
class Calibration:
    """What was found out before the first take.

    Args:
        latency: from a note's message to its sound, in seconds: what every take is moved by.
        spread: the longest less the shortest of several, in seconds.
        floor: the highest absolute sample of the noise, full scale 1.
        level: the highest absolute sample of the sounds that were tried.
        sounding: how many of them were heard.
        clipped: how many clipped the input.
        tried: how many there were.
        pace: seconds that recording a second takes.
        alike: the least correlation of some presets' sounds with themselves, after different ones.
    """

    latency: float
    spread: float
    floor: float
    level: float
    sounding: int
    clipped: int
    tried: int
    pace: float
    alike: float

    def __str__(self) -> str:
        return (
            f"round trip {1000 * self.latency:.2f} ms (± {500 * self.spread:.2f}), noise floor {dbfs(self.floor):.0f} "
            f"dBFS, loudest of {self.tried} sounds {dbfs(self.level):.1f} dBFS, the same preset again correlates "
            f"{self.alike:.3f}"
        )


class Recorder(Recording):
    """A real instrument as the engine of a collection: it is played by MIDI, and its sound recorded.

    Before the first take the round trip and the levels are found out. Takes that the computer, or a clipping input,
    spoils are made again; every good one is kept in a folder at once, and not made twice. After a fault of the link or
    the instrument it records nothing any more: make another one.

    Args:
        of: the collection, its name, or the path of its declaration; MIDI sets every parameter of it.
        link: to the instrument; it stays the caller's to close.
        order: how the halves of 14-bit values are sent.
        channel: the MIDI channel, 0 to 15.
        gap: seconds between messages besides the time that a cable takes, up to 1.
        latency: the round trip in seconds, where it is known; otherwise it is measured.
        rehearses: whether the pitches of every row are played shortly before its take, for instruments in which
            something glides from one patch to the next only while it sounds. If None it is found out whether takes
            repeat better so.
        keep_clipped: whether takes that clip the input are kept.
        folder: where takes are kept until they are in a dataset; nowhere if None.
        tell: is told what was found out before the first take, and what is wrong meanwhile.
        ready: called when the first take is about to be made.
        taken: called after every row.

    Attributes:
        calibration: what was found out; None before the first take.
        retakes: how many takes were made again, by what was wrong.
        kept: how many rows have a take.

    Raises:
        InputError: a parameter that MIDI does not reach; numbers out of range; a port for what comes back of an
            instrument that sends nothing back.
    """

    batch = 1

    def __init__(
        self,
        of: str | Path | Collection,
        link: Link,
        *,
        order: Order = "msb-lsb",
        channel: int = 0,
        gap: float = 0.0,
        latency: float | None = None,
        rehearses: bool | None = None,
        keep_clipped: bool = False,
        folder: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
        ready: Callable[[], None] = lambda: None,
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        collection = get_collection(of)
        super().__init__(collection.instrument, f"{VERSION} ({link.label}, {link.rate:,} Hz)")
        check_controls(collection)
        if not has_voices(collection) and (mute := [p.name for p in collection.parameters if not p.control]):
            raise InputError(
                f"No controller sets {listed(mute)} of {collection.name}, so that takes would not have what their rows "
                "say: give them a fixed setting in the declaration, or a controller."
            )
        if not 0 <= gap <= LONGEST_GAP:
            raise InputError(f"The gap is {gap:g} s; give seconds from 0 to {LONGEST_GAP:g}.")
        if latency is not None and not 0 <= latency <= MOST_LATENCY:
            raise InputError(f"The round trip is {latency:g} s; give seconds from 0 to {MOST_LATENCY:g}.")
        self.collection, self.link, self.order = collection, link, order
        self.channel, self.gap, self.latency = integer("channel", channel, 0, 15), gap, latency
        self.keep_clipped, self.takes = keep_clipped, KeptTakes(folder)
        self.tell, self.ready, self.taken = tell, ready, taken
        self.calibration: Calibration | None = None
        self.retakes: dict[str, int] = {}
        self.kept = 0
        self._request = request(collection.instrument, self.channel) if link.reads_back else []
        self._lock = Lock()
        self._probe: list[mido.Message] = []
        # What sounded before this recorder came is not known.
        self._sounds = True
        self._silent: list[tuple[int, str]] = []
        self._lost = 0
        self._fault: InputError | None = None
        self._floor = self._played = 0.0
        self.rehearses = rehearses

    def prepare(self) -> Calibration:
        """Find out the round trip and the levels, unless it is done.

        Raises:
            InputError: nothing sounds, the input clips, or what `Link.play` raises.
        """
        with self._lock:
            return self._prepared()

    def seconds(self, collection: Collection) -> float:
        """About how long a take of a collection lasts, with all that is around it, in seconds."""
        (settings,) = draw_presets(collection, 1, _PROBE_SEED).rows()
        _, patch = self._paced(self._patch(collection, settings))
        around = patch + SETTLE + PREROLL + TAIL
        if self.rehearses:
            around += SETTLE + PREROLL + REHEARSAL + TAIL + PREROLL
        return (around + collection.seconds) * (1.0 if self.calibration is None else self.calibration.pace)

    def _render(self, job: Job) -> np.ndarray:
        presets = job.presets
        takes = np.zeros((len(presets), presets.collection.samples), np.int16)
        reasons: dict[int, str] = {}
        for at, settings in enumerate(presets.rows()):
            row, notes = job.first_row + at, presets.performances[at]
            patch = self._patch(presets.collection, settings)
            with self._lock:
                if self._fault is not None:
                    # Other threads have rows still; an instrument that is gone does not come back.
                    raise self._fault
                try:
                    found = self._row(row, presets.collection, patch, notes)
                except InputError as error:
                    self._fault = error
                    raise
            if isinstance(found, str):
                reasons[at] = found
            else:
                takes[at] = found
            self.taken()
        if reasons:
            raise RowsLost(f"{self.name}: {listed(sorted(set(reasons.values())))}.", reasons, takes)
        return takes

    def _patch(self, collection: Collection, settings: dict[str, float | str]) -> list[mido.Message]:
        return preset_messages(collection, settings, order=self.order, channel=self.channel, fixed=True)

    def _row(
        self, row: int, collection: Collection, patch: Sequence[mido.Message], notes: tuple[Note, ...]
    ) -> np.ndarray | str:
        """The take of a row, or why there is none."""
        digest = self._digest(collection, patch, notes)
        if (before := self.takes.find(row, digest, collection.samples)) is not None:
            self.kept += 1
            return before
        self._prepared()
        sound = self._take(patch, notes, collection.seconds)
        if isinstance(sound, str):
            self._lost += 1
            if self._lost >= MOST_LOST:
                raise InputError(f"{MOST_LOST} rows one after the other have no take, the last one as it {sound}.")
            return sound
        self._lost = 0
        take = self._cut(sound, collection)
        self.takes.keep(row, digest, take)
        self.kept += 1
        self._silent = [] if peak(sound) > self._still else [*self._silent, (row, digest)]
        if len(self._silent) >= SILENT:
            self._see_that_it_sounds()
        return take

    def _see_that_it_sounds(self) -> None:
        """After several silent takes: play what has sounded before.

        Raises:
            InputError: it does not any more, and the silent takes are forgotten.
        """
        self.link.check()
        sound = self._take(self._probe, (Note(NOTE, VELOCITY, 0.0, _CLICK),), 2 * _CLICK)
        if isinstance(sound, str) or peak(sound) <= self._still:
            for row, digest in self._silent:
                self.takes.drop(row, digest)
            self.kept -= len(self._silent)
            raise InputError(
                f"No sound comes in any more, from row {self._silent[0][0]} on: see that the instrument is on and its "
                "cable plugged in."
            )
        self._silent = []

    def _take(self, patch: Sequence[mido.Message], notes: Sequence[Note], seconds: float) -> np.ndarray | str:
        """What is recorded of a row from the start of its take on, at the link's rate, or why it cannot be used."""
        why, noisy = "", False
        for _ in range(XRUNS):
            if self._sounds:
                self._await_silence()
            if self._request and (why := self._arrive(patch)):
                return why
            if self.rehearses:
                self._rehearse(patch, notes)
            # An instrument that was asked or has rehearsed has the patch already.
            heard, lead = self._play([] if self._request or self.rehearses else patch, notes, seconds)
            rate = self.link.rate
            self._sounds = peak(heard.samples[-round(TAIL * rate) :]) > self._still
            before = heard.samples[round((lead - PREROLL) * rate) : round(lead * rate)]
            sound = heard.samples[round((lead + self._latency) * rate) :][: round(seconds * rate)]
            if heard.xruns:
                why = self._again("lost sound on the way (xrun)")
            elif is_clipped(sound) and not self.keep_clipped:
                # Perhaps by what was left of the take before; a second time it is this row's.
                if why == "clips the input":
                    return why
                why = self._again("clips the input")
            elif peak(before) > self._still and not noisy:
                # A patch that sounds without a note does so the second time, too, and is kept.
                noisy, self._sounds = True, True
                self._again("was heard before its note")
            else:
                return self._aligned(heard.samples, lead, seconds, notes[0].onset)
        return why

    def _rehearse(self, patch: Sequence[mido.Message], notes: Sequence[Note]) -> None:
        """Play a row's pitches once, shortly, for what glides from one patch to the next only while it sounds."""
        pitches = sorted({note.pitch for note in notes})
        self._play(patch, [Note(pitch, VELOCITY, 0.0, REHEARSAL) for pitch in pitches], REHEARSAL)
        self._await_silence()

    def _again(self, why: str) -> str:
        self.retakes[why] = self.retakes.get(why, 0) + 1
        return why

    def _arrive(self, patch: Sequence[mido.Message]) -> str:
        """Send a patch and ask the instrument what it has: nothing if it has it, or why not."""
        differ: dict[int, tuple[int, int]] = {}
        for _ in range(ARRIVALS):
            sent, end = self._paced([*patch, *self._request])
            answer = differences(patch, self.link.play(sent, end + _ANSWER).received)
            if answer is None:
                raise InputError(
                    f"{self.name} tells nothing of its settings: see that its MIDI output comes in, or record without "
                    "reading them back."
                )
            if not (differ := answer):
                return ""
            self._again("had another patch than was sent")
        told = [f"CC {key} is {is_now}, not {sent_as}" for key, (sent_as, is_now) in differ.items()]
        return f"does not take its patch ({listed(told[:3])})"

    def _paced(self, messages: Sequence[mido.Message]) -> tuple[list[tuple[float, mido.Message]], float]:
        """Messages as a cable takes them, and when the last one has left."""
        timed, now = [], 0.0
        for message in messages:
            timed.append((now, message))
            now += len(message.bytes()) * BYTE_SECONDS + self.gap
        return timed, now

    def _play(self, patch: Sequence[mido.Message], notes: Sequence[Note], seconds: float) -> tuple[Heard, float]:
        """Play a row; what came in, and when its take starts in it, in seconds, but for the round trip."""
        timed, end = self._paced(patch)
        lead = end + SETTLE + PREROLL
        last = round(seconds * 1e6)
        # What a take cuts off ends there, or it would hang into the next one.
        played = note_messages(notes, lambda at: round(at * 1e6), self.channel, end=last)
        timed += [(lead + at / 1e6, message) for at, message in played]
        return self.link.play(timed, lead + seconds + self._latency + TAIL), lead

    def _noise(self) -> float:
        """The highest sample of what is heard when nothing is played: once it falls no further."""
        sent, end = self._paced(self._cut_off())
        self.link.play(sent, end)
        levels: list[float] = []
        while len(levels) < round(PATIENCE / PREROLL):
            levels.append(peak(self.link.play([], PREROLL).samples))
            if len(levels) >= _WINDOWS and min(levels[-_WINDOWS:]) >= _STEADY * max(levels[-_WINDOWS:]):
                break
        self._sounds = False
        return max(levels[-_WINDOWS:])

    def _cut_off(self) -> list[mido.Message]:
        """All notes off, all sound off."""
        return [mido.Message("control_change", control=key, channel=self.channel) for key in (123, 120)]

    def _await_silence(self) -> None:
        """Wait until what was played has died away; what rings too long is ended by controllers."""
        steps = round(PATIENCE / PREROLL)
        for step in range(steps):
            sent, end = self._paced(self._cut_off() if step == steps // 2 else [])
            if peak(self.link.play(sent, end + PREROLL).samples) <= self._still:
                break
        self._sounds = False

    @property
    def _still(self) -> float:
        """The highest sample of what counts as silence."""
        return max(2 * self._floor, SILENCE)

    @property
    def _latency(self) -> float:
        if self.calibration is not None:
            return self.calibration.latency
        # Before it is known, what may be late is recorded.
        return 0.0 if self.latency is None else self.latency

    def _aligned(self, samples: np.ndarray, lead: float, seconds: float, first: float) -> np.ndarray:
        """The take out of what came in; where computer and card have two clocks, moved to the onset that is found.

        Args:
            samples: what came in.
            lead: when the take was played, in seconds.
            seconds: length of the take.
            first: when its first note starts, in seconds from the start of the take.
        """
        rate, length = self.link.rate, round(seconds * self.link.rate)
        start = round((lead + self._latency) * rate)
        if not self.link.exact and self.calibration is not None:
            reach = round(max(2 * self.calibration.spread, REACH) * rate)
            expected = start + round(first * rate)
            begins = max(expected - reach, 0)
            found = onset(samples[begins:], self.calibration.floor)
            # Only what starts at once: a slow attack keeps its delay.
            if found is not None and found <= 2 * reach and is_sharp(samples[begins:], found, rate):
                start = max(start + begins + found - expected, 0)
        sound = samples[start : start + length]
        return np.pad(sound, (0, length - len(sound)))

    def _cut(self, sound: np.ndarray, collection: Collection) -> np.ndarray:
        """A take as collections have them: int16, (samples,) at 22,050 Hz."""
        if self.link.rate != SAMPLE_RATE:
            sound = soxr.resample(sound, self.link.rate, SAMPLE_RATE, "HQ")
        sound = sound[: collection.samples]
        return limit_takes(np.pad(sound, (0, collection.samples - len(sound)))[None])[0]

    def _digest(self, collection: Collection, patch: Sequence[mido.Message], notes: Sequence[Note]) -> str:
        """Changes whenever anything does that a take is recorded of."""
        content = hashlib.sha256(f"{self.label} {collection.samples} {notes}".encode())
        for message in patch:
            content.update(bytes(message.bytes()))
        return content.hexdigest()[:16]

    def _prepared(self) -> Calibration:
        if self.calibration is None:
            self.calibration = self._find_out()
            self.tell(f"{self.name}: {self.calibration}.")
            if self.rehearses:
                self.tell("Takes repeat better where their pitches are played shortly before: so they are.")
            self._judge(self.calibration)
            self.ready()
        return self.calibration

    def _find_out(self) -> Calibration:
        """Play some presets, and the one that starts first several times."""
        note = (Note(NOTE, VELOCITY, 0.0, _CLICK),)
        drawn = draw_presets(self.collection, PROBES, _PROBE_SEED)
        patches = [self._patch(self.collection, settings) for settings in drawn.rows()]
        # Of what is played first some instruments and servers lose a part.
        self._play(patches[0], note, _CLICK)
        self._floor = self._noise()
        begun, self._played = time.monotonic(), 0.0
        level, clipped = 0.0, 0
        found: list[tuple[int, float, list[mido.Message]]] = []
        for patch in patches:
            heard, lead, sound = self._probed(patch, note)
            before = heard[round((lead - PREROLL) * self.link.rate) : round(lead * self.link.rate)]
            # Of several, as one patch may sound without a note.
            self._floor = min(self._floor, peak(before))
            level, clipped = max(level, peak(sound)), clipped + is_clipped(sound)
            if (at := onset(sound, peak(before))) is not None:
                found.append((at, peak(sound), patch))
        if not found:
            raise InputError(
                f"No sound came in from any of {PROBES} presets (highest sample {dbfs(level):.0f} dBFS): see that "
                "the input, the MIDI port and its channel are the right ones, and the instrument is turned up."
            )
        # Of faint ones the noise hides where they start.
        loud = [one for one in found if one[1] >= 0.1 * level] or found
        self._probe = min(loud, key=lambda one: one[0])[2]
        times = [onset(self._probed(self._probe, note)[2], self._floor) for _ in range(REPEATS)]
        late = [at / self.link.rate for at in times if at is not None] or [0.0]
        latency = float(np.median(late)) if self.latency is None else self.latency
        if latency > MOST_LATENCY:
            raise InputError(f"Notes come {latency:.2f} s late: see that no effect or monitor delays them.")
        alike = self._repeats([patch for _, _, patch in sorted(loud, key=lambda one: -one[1])[:3]], note)
        pace = (time.monotonic() - begun) / self._played
        return Calibration(
            latency=latency,
            spread=max(late) - min(late),
            floor=self._floor,
            level=level,
            sounding=len(found),
            clipped=clipped,
            tried=PROBES,
            pace=pace,
            alike=alike,
        )

    def _repeats(self, patches: Sequence[list[mido.Message]], note: Sequence[Note]) -> float:
        """The least correlation of sounds with themselves after others; settles whether there are rehearsals."""

        def least() -> float:
            # After another one each time; a single patch has none before it but itself.
            order = [*range(len(patches)), *range(len(patches))[::-1]]
            sounds: dict[int, list[np.ndarray]] = {}
            for at in order:
                if self.rehearses:
                    self._rehearse(patches[at], note)
                sounds.setdefault(at, []).append(self._probed(patches[at], note)[2])
            reach = 0 if self.link.exact else round(0.01 * self.link.rate)
            return min(likeness(one, other, reach) for one, other in sounds.values())

        if self.rehearses is not None:
            return least()
        self.rehearses = False
        plain = least()
        if plain >= ALIKE:
            return plain
        self.rehearses = True
        rehearsed = least()
        # What runs freely does not repeat either way: then it is not worth the time.
        self.rehearses = rehearsed >= ALIKE or rehearsed > (1 + plain) / 2
        return rehearsed if self.rehearses else plain

    def _probed(self, patch: Sequence[mido.Message], note: Sequence[Note]) -> tuple[np.ndarray, float, np.ndarray]:
        """One sound of the level check: all that came in, when its note was sent, and what came in since."""
        for _ in range(XRUNS):
            if self._request and (why := self._arrive(patch)):
                raise InputError(f"{self.name} {why}.")
            heard, lead = self._play([] if self._request else patch, note, _CLICK + MOST_LATENCY)
            if not heard.xruns:
                break
            self._again("lost sound on the way (xrun)")
        else:
            raise InputError(
                f"{self.link.label} loses sound in every take (xruns): give it a longer buffer, or let less run beside."
            )
        self._played += len(heard.samples) / self.link.rate
        if peak(heard.samples[-round(TAIL * self.link.rate) :]) > self._still:
            self._await_silence()
        return heard.samples, lead, heard.samples[round(lead * self.link.rate) :]

    def _judge(self, found: Calibration) -> None:
        """Say what is wrong with the levels.

        Raises:
            InputError: sounds clip, and takes that do are not wanted.
        """
        if found.clipped:
            told = f"{found.clipped} of {found.tried} sounds clip the input: turn it down"
            if not self.keep_clipped:
                self.calibration = None
                raise InputError(f"{told}, or keep such takes by --keep-clipped.")
            self.tell(f"{told}.")
        elif dbfs(found.level) > _LOUD:
            self.tell("The loudest sound is near full scale: turn the input down a little.")
        elif dbfs(found.level) < _QUIET:
            self.tell("The input is low, so that takes are noisy: turn it up.")
        if found.spread > 0.002:
            self.tell(f"Notes come up to {1000 * found.spread:.1f} ms later or earlier than others.")
