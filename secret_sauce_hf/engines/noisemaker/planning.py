"""Which voice plays which note, and from when to when: what a row's notes are for the kernel that plays them.

A *life* is the time from a silent voice's note-on until it is silent again, with the preparation of its
filter before it. Lives run side by side in lanes, each in a time of its own that begins with the
preparation; an *event* is what happens to a life, at a sample of its own time.

A voice sounds until its amplifier reaches 0. Its filter is then set to rest and runs on for
`IDLE_SAMPLES`, as preparation of its next life, and stands still after that. All voices of a row
share one LFO, which runs while any of them sounds, begins anew with every note-on, and waits at its start
while any voice is in preparation.
"""

from typing import NamedTuple

import numpy as np

from secret_sauce_hf.compiling import helper, kernel
from secret_sauce_hf.engines.noisemaker import envelopes, lfo
from secret_sauce_hf.engines.noisemaker.envelopes import ATTACK, DECAY, RELEASE
from secret_sauce_hf.engines.noisemaker.settings import (
    ATTACK_RATE,
    ATTACK_TARGET,
    CUTOFF,
    DECAY_RATE,
    DESTINATION,
    IDLE_SAMPLES,
    LFO_STEP,
    NOISE_MULTIPLIER,
    SUSTAIN,
    TO_FILTER,
    TO_FM,
    VOICES,
)

NEVER = 2**62
TAIL_SAMPLES = np.int64(250)
"""No release is longer. Where a row's only note ends as the next preset is sent, the preparation begins so much later,
whenever the voice falls silent: that is how the session of 2018 has been rendered from the first."""
LFO_START = 0.488 * 255.0

# What happens to a life. Not as Python's integers: what is called with these is compiled for each of them.
START, RESTART, RELEASED, LOADED, LFO_RESTARTED, LFO_HELD, LFO_FREED, LFO_TICKS, LFO_STOPS = np.arange(9, dtype=int)

# Columns of a life's whole numbers.
(
    ROW,
    VOICE,
    SETTINGS_ROW,  # of the preset during the preparation
    BEGIN,  # sample of the note-on
    PREPARED,  # samples of preparation before it
    LENGTH,  # samples of it all
    PITCH,
    PITCH_BEFORE,  # which the filter follows during the preparation
    SEED,  # of the filter's noise when the preparation begins
    RESEEDED,  # whether it has another at the note-on,
    NEW_SEED,  # and which
    GENERATOR1,
    GENERATOR2,
) = range(13)
LIFE_NUMBERS = 13
# Columns of a life's values.
CUTOFF_BEFORE, LFO_BEFORE, CUTOFF_THEN, LFO_THEN = range(4)
LIFE_VALUES = 4
# Columns of an event.
LIFE, WHEN, WHAT, WHICH = range(4)

_NOTHING = np.int64(0)
_LEVELS = 26
_WORD = np.uint64(0xFFFFFFFF)


class Rows(NamedTuple):
    """What rows play, the row before each included where there is one. Times are samples of a slot at `RATE`."""

    first: np.ndarray
    """int64, (rows + 1,): the notes of row i are those from `first[i]` up to `first[i + 1]`, by `on`."""
    on: np.ndarray
    """int64; note-on."""
    off: np.ndarray
    """int64; note-off, after it."""
    pitch: np.ndarray
    """int64, MIDI numbers."""
    part: np.ndarray
    """int64: 0 for a note of the row before, 1 for the row's own."""
    settings: np.ndarray
    """float64, (2 · rows, `SETTINGS`): of the row before, then of the row, row by row."""
    seeds: np.ndarray
    """uint32, (2 · rows, `VOICES`): the filters' noise."""
    generators: np.ndarray
    """uint32, (2 · rows, `VOICES`, 2): the oscillators' noise."""


class Plan(NamedTuple):
    """What `plan` finds. Of all of it, only so many rows are used as `plan` says."""

    numbers: np.ndarray
    """int64, (lives, `LIFE_NUMBERS`)."""
    values: np.ndarray
    """float64, (lives, `LIFE_VALUES`)."""
    events: np.ndarray
    """int64, (events, 4), in the order of time."""


def empty_plan(rows: int, notes: int) -> Plan:
    """Room for what `notes` notes of `rows` rows are."""
    lives = notes + VOICES * rows
    return Plan(
        np.zeros((lives, LIFE_NUMBERS), np.int64),
        np.zeros((lives, LIFE_VALUES)),
        np.zeros((32 * notes + 16 * rows, 4), np.int64),
    )


@helper
def _advance_seed(seed, steps):
    """The filter's noise (`next_seed`) so many steps on."""
    factor, offset = np.uint64(1_664_525), np.uint64(1_013_904_223)
    seed = np.uint64(seed)
    while steps > 0:
        if steps & 1:
            seed = (seed * factor + offset) & _WORD
        offset = (factor * offset + offset) & _WORD
        factor = (factor * factor) & _WORD
        steps >>= 1
    return np.int64(seed)


@helper
def _advance_noise(state, steps):
    """An oscillator's noise so many steps on."""
    factor = np.uint64(NOISE_MULTIPLIER)
    state = np.uint64(state)
    while steps > 0:
        if steps & 1:
            state = (state * factor) & _WORD
        factor = (factor * factor) & _WORD
        steps >>= 1
    return np.int64(state)


@helper
def _approach(gap, rate, least, limit, powers):
    """A gap that shrinks by a fraction of itself per sample, in closed form.

    Args:
        gap: what it is at first, `least` at least.
        rate: the fraction.
        least: where to stop, above 0.
        limit: after how many samples to stop at any rate.
        powers: written over.

    Returns:
        (samples, gap): the first number of samples after which it is below `least`, or `limit`.
    """
    powers[0] = 1.0 - rate
    for level in range(1, _LEVELS):
        powers[level] = powers[level - 1] * powers[level - 1]
    samples = 0
    for level in range(_LEVELS - 1, -1, -1):
        if samples + (1 << level) <= limit - 1 and gap * powers[level] >= least:
            gap *= powers[level]
            samples += 1 << level
    return samples + 1, gap * powers[0]


@helper
def _held_for(level, stage, samples, settings, row, powers):
    """Level and stage of an envelope that is held for so many more samples, 0 at least."""
    if stage == ATTACK and samples > 0:
        target = settings[row, ATTACK_TARGET]
        taken, gap = _approach(target - level, settings[row, ATTACK_RATE], target - 1.0, samples, powers)
        samples -= taken
        level = target - gap
        if level > 1.0:
            level, stage = 1.0, DECAY
    if stage == DECAY and samples > 0:
        sustain = settings[row, SUSTAIN]
        least = sustain + envelopes.BELOW_ZERO
        if level <= sustain:
            level, stage = sustain, envelopes.SUSTAIN
        else:
            taken, gap = _approach(level + envelopes.BELOW_ZERO, settings[row, DECAY_RATE], least, samples, powers)
            level = gap - envelopes.BELOW_ZERO
            if level <= sustain:
                level, stage = sustain, envelopes.SUSTAIN
    return level, stage


@helper
def _samples_until_silent(level, stage, settings, row, powers):
    """For how many samples an envelope sounds if it is held; NEVER if it does for ever."""
    samples = 0
    if settings[row, SUSTAIN] > 0.0 or stage == envelopes.SUSTAIN:
        return NEVER
    most = np.int64(1 << 40)
    if stage == ATTACK:
        target = settings[row, ATTACK_TARGET]
        samples, _ = _approach(target - level, settings[row, ATTACK_RATE], target - 1.0, most, powers)
        level = 1.0
    falling, _ = _approach(level + envelopes.BELOW_ZERO, settings[row, DECAY_RATE], envelopes.BELOW_ZERO, most, powers)
    return samples + falling


@helper
def _released_for(level, samples):
    """Level of an envelope after so many samples of release, and for how many of them it sounded."""
    hold, stage, taken = 1.0, np.int64(RELEASE), 0
    while taken < samples and stage == RELEASE:
        level, hold, stage = envelopes.released(level, hold, stage)
        taken += 1
    return level, taken


@helper
def _run_lfo(phase, value, step, samples, table):
    """Phase and output of the LFO so many samples on."""
    for _ in range(samples):
        phase, value = lfo.tick(phase, step, value, lfo.read(phase, table))
    return phase, value


@helper
def _settle(smooth, target, samples):
    """The smoothed cutoff so many samples on."""
    for _ in range(samples):
        before = smooth
        smooth = (1000.0 * smooth + target) / 1001.0
        if smooth == before:
            break
    return smooth


@helper
def _choose_voice(pitch, sounds, stage, pitches, allotted):
    """The voice that a note-on takes: its own, a silent one, one in release, or that allotted longest."""
    chosen, least = 0, NEVER
    for voice in range(len(sounds)):
        if not sounds[voice]:
            rank = 1
        elif pitches[voice] == pitch:
            rank = 0
        else:
            rank = 2 if stage[voice] == RELEASE else 3 + allotted[voice]
        if rank < least:
            chosen, least = voice, rank
    return chosen


@helper
def _begin_life(numbers, values, life, row, voice, preset, pitch, seed, smooth, value):
    """Note where a life begins, with its preparation."""
    numbers[life, ROW] = row
    numbers[life, VOICE] = voice
    numbers[life, SETTINGS_ROW] = preset
    numbers[life, BEGIN] = -1
    numbers[life, PREPARED] = IDLE_SAMPLES
    numbers[life, LENGTH] = 0
    numbers[life, PITCH_BEFORE] = pitch
    numbers[life, SEED] = seed
    values[life, CUTOFF_BEFORE] = smooth
    values[life, LFO_BEFORE] = value


@helper
def _tell(found, count, life, when, what, which):
    """Add an event.

    Raises:
        ValueError: there is no room for it.
    """
    if count >= len(found.events):
        raise ValueError("The NoiseMaker's notes have more events than there is room for.")
    found.events[count, LIFE] = life
    found.events[count, WHEN] = when
    found.events[count, WHAT] = what
    found.events[count, WHICH] = which
    return count + 1


class _Room(NamedTuple):
    """Where one row is planned."""

    powers: np.ndarray
    """float64, `_LEVELS`."""
    levels: np.ndarray
    """float64, a value per voice."""
    whole: np.ndarray
    """int64, 16 rows of one value per voice."""
    ending: np.ndarray
    """int64, a value per note."""


@helper
def _sort_by_end(off, start, stop, ending):
    """Set the notes in the order in which they end, which is nearly that in which they are listed."""
    for note in range(start, stop):
        place = note - start
        while place > 0 and off[ending[place - 1]] > off[note]:
            ending[place] = ending[place - 1]
            place -= 1
        ending[place] = note


@helper
def _plan_row(rows, row, start, stop, load, end, sine, room, found, lives, events):
    """Find the lives of one row; returns how many lives and events there are by then."""
    numbers, values, settings = found.numbers, found.values, rows.settings
    ending, powers, level, whole = room.ending, room.powers, room.levels, room.whole
    _sort_by_end(rows.off, start, stop, ending)
    part = 0 if load >= 0 else 1
    preset = 2 * row + part
    moves = False
    for either in range(preset, 2 * row + 2):
        moves |= TO_FILTER <= settings[either, DESTINATION] <= TO_FM

    # Not as a constant: a compiler that knows how few there are writes everything out for each of them.
    voices = rows.seeds.shape[1]
    # As in the session of 2018.
    cut_off = (
        part == 0 and stop > start and rows.off[start] == load and (stop == start + 1 or rows.part[start + 1] == 1)
    )
    # The row's.
    begin = np.float32(LFO_START)
    phase, value, ticked, ticking, held = begin, 0.0, 0, False, False
    smooth, settled = _settle(settings[preset, CUTOFF], settings[preset, CUTOFF], np.int64(IDLE_SAMPLES)), 0
    # The voices'.
    level[:] = 0.0
    whole[:] = 0
    life, stage, since, allotted, pitches = whole[0], whole[1], whole[2], whole[3], whole[4]
    silent_from, rests_from, prepares_from = whole[5], whole[6], whole[7]
    sounds, prepares, reseeded, lane_held, lane_ticks = whole[8], whole[9], whole[10], whole[11], whole[12]
    seeds, generators = whole[13], whole[14:]
    for voice in range(voices):
        silent_from[voice], rests_from[voice], prepares_from[voice], pitches[voice] = NEVER, NEVER, -NEVER, 60
        seeds[voice] = rows.seeds[preset, voice]
        for oscillator in range(2):
            generators[oscillator, voice] = rows.generators[preset, voice, oscillator]
        life[voice] = lives
        _begin_life(numbers, values, lives, row, voice, preset, pitches[voice], seeds[voice], smooth, value)
        lives += 1

    note_on, note_off = start, 0
    while True:
        now = NEVER
        if note_on < stop:
            now = min(now, rows.on[note_on])
        if note_off < stop - start:
            now = min(now, rows.off[ending[note_off]])
        if part == 0:
            now = min(now, load)
        anything = False
        for voice in range(voices):
            if sounds[voice]:
                now = min(now, silent_from[voice])
                anything = True
            now = min(now, rests_from[voice])
            if prepares[voice]:
                now = min(now, prepares_from[voice] + IDLE_SAMPLES)
        if now >= end or (note_on >= stop and not anything):
            break
        if ticking and moves and note_on < stop:
            step = np.float32(0.0) if held else np.float32(settings[preset, LFO_STEP])
            phase, value = _run_lfo(phase, value, step, now - ticked, sine)
        ticked = now

        for voice in range(voices):
            if sounds[voice] and silent_from[voice] <= now:
                sounds[voice] = False
                current = life[voice]
                lasted = now - numbers[current, BEGIN]
                numbers[current, LENGTH] = numbers[current, PREPARED] + lasted
                for oscillator in range(2):
                    generators[oscillator, voice] = _advance_noise(generators[oscillator, voice], lasted)
                rests_from[voice] = load + TAIL_SAMPLES if cut_off and numbers[current, BEGIN] < load else now
            if rests_from[voice] <= now:
                current = life[voice]
                seeds[voice] = _advance_seed(seeds[voice], 4 * (now - numbers[current, BEGIN]))
                smooth = _settle(smooth, settings[preset, CUTOFF], now - settled)
                settled = now
                if lives >= len(numbers):
                    raise ValueError("The NoiseMaker has no room for the lives of so many notes.")
                life[voice] = lives
                _begin_life(numbers, values, lives, row, voice, preset, pitches[voice], seeds[voice], smooth, value)
                lives += 1
                rests_from[voice] = NEVER
                prepares[voice] = True
                prepares_from[voice] = now
                lane_ticks[voice] = False
            if prepares[voice] and prepares_from[voice] + IDLE_SAMPLES <= now:
                prepares[voice] = False

        while note_off < stop - start and rows.off[ending[note_off]] <= now:
            pitch = rows.pitch[ending[note_off]]
            for voice in range(voices):
                if sounds[voice] and stage[voice] != RELEASE and pitches[voice] == pitch:
                    current = life[voice]
                    level[voice], _ = _held_for(
                        level[voice], stage[voice], now - since[voice], settings, preset, powers
                    )
                    stage[voice] = RELEASE
                    since[voice] = now
                    silent_from[voice] = now + _released_for(level[voice], TAIL_SAMPLES)[1]
                    when = numbers[current, PREPARED] + now - numbers[current, BEGIN]
                    events = _tell(found, events, current, when, RELEASED, _NOTHING)
            note_off += 1

        if part == 0 and load <= now:
            smooth = _settle(smooth, settings[preset, CUTOFF], now - settled)
            settled = now
            part = 1
            for voice in range(voices):
                current = life[voice]
                when = min(now - prepares_from[voice], IDLE_SAMPLES)
                if sounds[voice]:
                    when = numbers[current, PREPARED] + now - numbers[current, BEGIN]
                    if stage[voice] != RELEASE:
                        level[voice], stage[voice] = _held_for(
                            level[voice], stage[voice], now - since[voice], settings, preset, powers
                        )
                        since[voice] = now
                        silent_from[voice] = NEVER
                        left = _samples_until_silent(level[voice], stage[voice], settings, preset + 1, powers)
                        if left < NEVER:
                            silent_from[voice] = now + left
                events = _tell(found, events, current, when, LOADED, preset + 1)
            preset += 1

        while note_on < stop and rows.on[note_on] <= now:
            pitch = rows.pitch[note_on]
            voice = _choose_voice(pitch, sounds, stage, pitches, allotted)
            own = rows.part[note_on] == 1 and not reseeded[voice]
            if sounds[voice]:
                if stage[voice] == RELEASE:
                    if pitches[voice] != pitch:
                        allotted[voice] = note_on + 1
                    level[voice], _ = _released_for(level[voice], now - since[voice])
                else:
                    level[voice], _ = _held_for(
                        level[voice], stage[voice], now - since[voice], settings, preset, powers
                    )
                current = life[voice]
                when = numbers[current, PREPARED] + now - numbers[current, BEGIN]
                events = _tell(found, events, current, when, RESTART, pitch)
            else:
                if rests_from[voice] < NEVER:
                    # Taken while it was about to come to rest.
                    if lives >= len(numbers):
                        raise ValueError("The NoiseMaker has no room for the lives of so many notes.")
                    life[voice] = lives
                    _begin_life(numbers, values, lives, row, voice, preset, pitches[voice], seeds[voice], smooth, value)
                    lives += 1
                    rests_from[voice] = NEVER
                    prepares_from[voice] = now
                current = life[voice]
                smooth = _settle(smooth, settings[preset, CUTOFF], now - settled)
                settled = now
                prepared = min(now - prepares_from[voice], IDLE_SAMPLES)
                seeds[voice] = _advance_seed(seeds[voice], 4 * prepared)
                if own:
                    reseeded[voice] = True
                    seeds[voice] = rows.seeds[2 * row + 1, voice]
                    for oscillator in range(2):
                        generators[oscillator, voice] = rows.generators[2 * row + 1, voice, oscillator]
                numbers[current, BEGIN] = now
                numbers[current, PREPARED] = prepared
                numbers[current, LENGTH] = prepared + end - now
                numbers[current, PITCH] = pitch
                numbers[current, RESEEDED] = own
                numbers[current, NEW_SEED] = seeds[voice]
                numbers[current, GENERATOR1] = generators[0, voice]
                numbers[current, GENERATOR2] = generators[1, voice]
                values[current, CUTOFF_THEN] = smooth
                values[current, LFO_THEN] = value
                events = _tell(found, events, current, prepared, START, pitch)
                sounds[voice] = True
                prepares[voice] = False
                allotted[voice] = note_on + 1
                level[voice] = 0.0
                lane_held[voice] = False
            pitches[voice] = pitch
            stage[voice] = ATTACK
            since[voice] = now
            silent_from[voice] = NEVER
            left = _samples_until_silent(level[voice], stage[voice], settings, preset, powers)
            if left < NEVER:
                silent_from[voice] = now + left
            phase = begin
            for other in range(voices):
                if other != voice and sounds[other]:
                    current = life[other]
                    when = numbers[current, PREPARED] + now - numbers[current, BEGIN]
                    events = _tell(found, events, current, when, LFO_RESTARTED, _NOTHING)
            note_on += 1

        was_held = held
        ticking, held = False, False
        for voice in range(voices):
            ticking |= sounds[voice] > 0
            held |= prepares[voice] > 0
        if held != was_held:
            phase = begin
        for voice in range(voices):
            current = life[voice]
            if sounds[voice] and lane_held[voice] != held:
                when = numbers[current, PREPARED] + now - numbers[current, BEGIN]
                events = _tell(found, events, current, when, LFO_HELD if held else LFO_FREED, _NOTHING)
                lane_held[voice] = held
            if prepares[voice] and lane_ticks[voice] != ticking:
                when = now - prepares_from[voice]
                events = _tell(found, events, current, when, LFO_TICKS if ticking else LFO_STOPS, _NOTHING)
                lane_ticks[voice] = ticking
    return lives, events


@kernel(nogil=True)
def plan(rows, load, end, sine, found):
    """Find the lives of rows, and what happens to them.

    A voice that has not played is ready, as all voices of a fresh instance are.

    Args:
        rows: `Rows`.
        load: when the row's own preset replaces that of the row before; below 0 if there is none.
        end: when the take ends.
        sine: of `lfo.sine_table`.
        found: of `empty_plan`, of which the lives and events are set.

    Returns:
        (lives, events): how many.

    Raises:
        ValueError: arrays that do not go together, or too few of them.
    """
    count = len(rows.first) - 1
    notes = len(rows.on)
    if count < 0 or rows.first[0] != 0 or rows.first[count] != notes:
        raise ValueError("The NoiseMaker was given rows and notes that do not go together.")
    if len(rows.off) != notes or len(rows.pitch) != notes or len(rows.part) != notes:
        raise ValueError("The NoiseMaker was given notes that are not whole.")
    if rows.seeds.shape[1] != VOICES or rows.generators.shape[1] != VOICES or rows.generators.shape[2] != 2:
        raise ValueError("The NoiseMaker was given noise for other voices than it has.")
    for number in (len(rows.settings), len(rows.seeds), len(rows.generators)):
        if number != 2 * count:
            raise ValueError("The NoiseMaker was given more or fewer presets than rows.")
    if min(len(found.numbers), len(found.values)) < notes + VOICES * count:
        raise ValueError("The NoiseMaker has no room for the lives of so many notes.")
    # As what they become: what is called with a constant is compiled for it, too.
    lives, events = np.int64(0), np.int64(0)
    # Of few types, and of no constant size: each is compiled by itself.
    voices = rows.seeds.shape[1]
    room = _Room(
        np.zeros(np.int64(_LEVELS)),
        np.zeros(voices),
        np.zeros((np.int64(16), voices), np.int64),
        np.zeros(notes, np.int64),
    )
    for row in range(count):
        start, stop = rows.first[row], rows.first[row + 1]
        if stop < start or stop > notes:
            raise ValueError("The NoiseMaker was given rows and notes that do not go together.")
        for note in range(start, stop):
            if not 0 <= rows.pitch[note] < 128 or rows.off[note] <= rows.on[note] or rows.on[note] < 0:
                raise ValueError("The NoiseMaker was given a note that cannot be one.")
            if note > start and rows.on[note] < rows.on[note - 1]:
                raise ValueError("The NoiseMaker was given notes that are not in the order of time.")
        lives, events = _plan_row(rows, row, start, stop, load, end, sine, room, found, lives, events)
    return lives, events


@kernel(nogil=True)
def measure(first, on, off, part, voices, sounding):
    """How many voices rows need at most, and for how many samples they sound.

    Args:
        first: as in `Rows`.
        on: as in `Rows`.
        off: as in `Rows`.
        part: as in `Rows`.
        voices: int64, (rows,), which is set: 1 to `VOICES`.
        sounding: int64, (rows,), which is set: samples of all voices together, of the rows' own notes.

    Raises:
        ValueError: arrays that do not go together.
    """
    count = len(first) - 1
    if count < 0 or len(voices) != count or len(sounding) != count or not len(on) == len(off) == len(part):
        raise ValueError("The NoiseMaker was given rows and notes that do not go together.")
    for row in range(count):
        if not 0 <= first[row] <= first[row + 1] <= len(on):
            raise ValueError("The NoiseMaker was given rows and notes that do not go together.")
        most, samples = 1, 0
        for note in range(first[row], first[row + 1]):
            together = 1
            for other in range(first[row], note):
                together += off[other] + TAIL_SAMPLES >= on[note]
            most = max(most, together)
            samples += max(off[note] - on[note], 0) if part[note] == 1 else 0
        voices[row] = min(most, VOICES)
        sounding[row] = samples
