"""Yamaha DX7: six sine operators that modulate one another's phase, in 32 algorithms.

All 145 values of a voice (the VCED format of Yamaha's manual), in the machine's own ranges: most count
from 0 to 99. MIDI reaches them by system exclusive messages, not by controllers: see
`secret_sauce_hf.midi.sysex`. An operator's coarse frequency is a switch, because neighbouring ratios
sound nothing alike; curves, mode and wave are switches as on the machine.

An operator is heard where a chain of operators from it to a carrier is turned up. Which that are is
told by the algorithm. Key sync of the oscillators makes no difference here: every take starts from silence.
"""

from functools import cache

from secret_sauce_hf.instruments.families import TIMINGS
from secret_sauce_hf.instruments.instrument import Collection, Instrument, Playing
from secret_sauce_hf.instruments.parameters import (
    NEVER,
    Knob,
    Parameter,
    Rule,
    Switch,
    above,
    all_of,
    along,
    any_of,
    away_from,
    below,
    is_one_of,
)

OPERATORS = range(1, 7)
# Who modulates whom, as "21" for operator 2 into 1, and which operator feeds back. Who modulates none is a carrier.
_ALGORITHMS = (
    ("21 43 54 65", 6),
    ("21 43 54 65", 2),
    ("21 32 54 65", 6),
    ("21 32 54 65", 6),
    ("21 43 65", 6),
    ("21 43 65", 6),
    ("21 43 53 65", 6),
    ("21 43 53 65", 4),
    ("21 43 53 65", 2),
    ("21 32 54 64", 3),
    ("21 32 54 64", 6),
    ("21 43 53 63", 2),
    ("21 43 53 63", 6),
    ("21 43 54 64", 6),
    ("21 43 54 64", 2),
    ("21 31 43 51 65", 6),
    ("21 31 43 51 65", 2),
    ("21 31 41 54 65", 3),
    ("21 32 64 65", 6),
    ("31 32 54 64", 3),
    ("31 32 64 65", 3),
    ("21 63 64 65", 6),
    ("32 64 65", 6),
    ("63 64 65", 6),
    ("64 65", 6),
    ("32 54 64", 6),
    ("32 54 64", 3),
    ("21 43 54", 5),
    ("43 65", 6),
    ("43 54", 5),
    ("65", 6),
    ("", 6),
)
# Of a modulator at 45 the strongest sideband is 24 dB below its carrier; a carrier is 40 dB below full, and
# mostly others are louder.
_LEVEL = 4.5
_ANY = 0.05
"""Above the first of 99 steps."""
_FLAT = 50 / 99 * 10
"""Of the pitch envelope's levels: no change."""
# A carrier's level falls by 15 dB in as long as the note is held; slower, and the next stage is not reached.
_REACHED = along("note.held", (0.08, 5.6), (0.2, 4.8), (0.6, 4.0), (2.0, 3.0))
# The break point 0 is the key 17: offsets count from there.
_BELOW_KEY = along("note.lowest", (17, 0.0), (115, 9.9))
_ABOVE_KEY = along("note.highest", (18, 0.1), (116, 10.0))


def targets(algorithm: int, operator: int) -> tuple[int, ...]:
    """The operators, 1 to 6, that an operator modulates in an algorithm, 1 to 32; none where it is a carrier."""
    edges, _ = _ALGORITHMS[algorithm - 1]
    return tuple(int(edge[1]) for edge in edges.split() if int(edge[0]) == operator)


def _chains(algorithm: int, operator: int) -> list[tuple[int, ...]]:
    """Every way from an operator to a carrier, itself first."""
    ways = targets(algorithm, operator)
    return [(operator, *rest) for way in ways for rest in _chains(algorithm, way)] or [(operator,)]


@cache
def _sounds(operator: int, fed_back: bool = False) -> Rule:
    """Whether an operator, turned up, would be heard: what it goes through is turned up.

    Args:
        operator: 1 to 6.
        fed_back: whether only those algorithms count in which it feeds back.
    """
    ways: dict[tuple[int, ...], list[int]] = {}
    for number, (_, source) in enumerate(_ALGORITHMS, 1):
        if not fed_back or source == operator:
            for chain in _chains(number, operator):
                ways.setdefault(chain, []).append(number)
    rules = []
    for chain, numbers in ways.items():
        up = [above(f"op{one}_output_level", _LEVEL) for one in chain[1:]]
        chosen = [] if len(numbers) == len(_ALGORITHMS) else [is_one_of("algorithm", *map(str, numbers))]
        rules.append(all_of(*chosen, *up))
    return any_of(*rules)


def _heard(operator: int) -> Rule:
    return all_of(above(f"op{operator}_output_level", _LEVEL), _sounds(operator))


_TREMOLO = any_of(*(all_of(above(f"op{one}_amp_mod", 5.0), _heard(one)) for one in OPERATORS))
_VIBRATO = all_of(above("lfo_pitch_depth", _ANY), above("pitch_mod_sensitivity", _ANY))
_LFO = any_of(_VIBRATO, all_of(above("lfo_amp_depth", _ANY), _TREMOLO))
_BENT = any_of(*(away_from(f"pitch_level{stage}", _FLAT, _ANY) for stage in range(1, 5)))


def _operator(number: int) -> list[Parameter]:
    heard = _heard(number)

    def knob(name: str, top: int, about: str, rule: Rule = heard) -> Knob:
        return Knob(f"op{number}_{name}", (), heard=rule, about=f"Operator {number}: {about}", top=top)

    def switch(name: str, labels: tuple[str, ...], about: str, rule: Rule = heard) -> Switch:
        codes = tuple(range(len(labels)))
        return Switch(f"op{number}_{name}", (), codes, labels, heard=rule, about=f"Operator {number}: {about}")

    curves = ("-LIN", "-EXP", "+EXP", "+LIN")
    left, right = (above(f"op{number}_{side}_depth", _ANY) for side in ("left", "right"))
    lower, higher = above(f"op{number}_breakpoint", _BELOW_KEY), below(f"op{number}_breakpoint", _ABOVE_KEY)
    second = all_of(heard, above(f"op{number}_rate2", _REACHED))
    return [
        knob("output_level", 99, "output level, 0.75 dB a step", _sounds(number)),
        switch("mode", ("RATIO", "FIXED"), "whether its frequency follows the key"),
        switch("coarse", tuple(map(str, range(32))), "ratio, 0 for a half; fixed, 1, 10, 100 or 1,000 Hz"),
        knob("fine", 99, "ratio, up by as many per cent"),
        knob("detune", 14, "detuning, none at 7"),
        knob("rate1", 99, "envelope, speed towards level 1"),
        knob("rate2", 99, "envelope, speed towards level 2"),
        knob("rate3", 99, "envelope, speed towards level 3", second),
        knob("rate4", 99, "envelope, speed of the release", all_of(heard, above("note.rest", 0.05))),
        knob("level1", 99, "envelope, level 1"),
        knob("level2", 99, "envelope, level 2", second),
        knob("level3", 99, "envelope, level 3, while the key is held", second),
        knob("level4", 99, "envelope, where it starts and ends"),
        knob("rate_scaling", 7, "higher keys, faster envelope"),
        knob("velocity", 7, "sensitivity to velocity"),
        knob("amp_mod", 3, "sensitivity to the LFO", all_of(heard, above("lfo_amp_depth", _ANY))),
        knob("breakpoint", 99, "key from which its level is scaled, A-1 to C8", all_of(heard, any_of(left, right))),
        knob("left_depth", 99, "how much its level changes below that key", all_of(heard, lower)),
        knob("right_depth", 99, "how much its level changes above that key", all_of(heard, higher)),
        switch("left_curve", curves, "how it changes below", all_of(heard, left, lower)),
        switch("right_curve", curves, "how it changes above", all_of(heard, right, higher)),
    ]


def _common() -> list[Parameter]:
    waves = ("TRIANGLE", "SAW_DOWN", "SAW_UP", "SQUARE", "SINE", "S_HOLD")
    feedback = any_of(*(all_of(above(f"op{one}_output_level", _LEVEL), _sounds(one, True)) for one in OPERATORS))
    return [
        Switch("algorithm", (), tuple(range(32)), tuple(map(str, range(1, 33))), about="Who modulates whom"),
        Knob("feedback", (), heard=feedback, about="Of an operator into itself", top=7),
        Switch("osc_sync", (), (0, 1), ("OFF", "ON"), heard=NEVER, about="Operators start anew with every key"),
        Knob("transpose", (), about="In semitones, none at 24", top=48),
        *(
            Knob(f"pitch_rate{stage}", (), heard=_BENT, about=f"Pitch envelope, speed towards level {stage}", top=99)
            for stage in range(1, 4)
        ),
        Knob(
            "pitch_rate4",
            (),
            heard=all_of(_BENT, above("note.rest", 0.05)),
            about="Pitch envelope, speed of the release",
            top=99,
        ),
        *(
            Knob(f"pitch_level{stage}", (), about=f"Pitch envelope, level {stage}, none at 50", top=99)
            for stage in range(1, 5)
        ),
        Knob("lfo_speed", (), heard=_LFO, about="LFO, speed", top=99),
        Knob("lfo_delay", (), heard=_LFO, about="LFO, delay", top=99),
        Switch("lfo_sync", (), (0, 1), ("OFF", "ON"), heard=_LFO, about="LFO starts anew with every key"),
        Switch(
            "lfo_wave",
            (),
            tuple(range(6)),
            waves,
            heard=_LFO,
            about="LFO, wave",
            display=tuple((label, label.replace("_", " ").capitalize()) for label in waves),
        ),
        Knob("lfo_pitch_depth", (), heard=above("pitch_mod_sensitivity", _ANY), about="LFO to pitch", top=99),
        Knob("pitch_mod_sensitivity", (), heard=above("lfo_pitch_depth", _ANY), about="How much of that", top=7),
        Knob("lfo_amp_depth", (), heard=_TREMOLO, about="LFO to the operators' levels", top=99),
    ]


_OPERATORS = {one: _operator(one) for one in OPERATORS}
_COMMON = _common()
_BY_NAME = {parameter.name: parameter for parameter in (*_COMMON, *(p for one in OPERATORS for p in _OPERATORS[one]))}
_OF_OPERATOR = (
    *("rate1", "rate2", "rate3", "rate4", "level1", "level2", "level3", "level4"),
    *("breakpoint", "left_depth", "right_depth", "left_curve", "right_curve", "rate_scaling", "amp_mod", "velocity"),
    *("output_level", "mode", "coarse", "fine", "detune"),
)
_OF_VOICE = (
    *("pitch_rate1", "pitch_rate2", "pitch_rate3", "pitch_rate4"),
    *("pitch_level1", "pitch_level2", "pitch_level3", "pitch_level4"),
    *("algorithm", "feedback", "osc_sync", "lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth", "lfo_sync"),
    *("lfo_wave", "pitch_mod_sensitivity", "transpose"),
)

INSTRUMENT = Instrument(
    name="dx7",
    title="Yamaha DX7",
    # In the order of a voice's bytes: operator 6 first.
    parameters=(
        *(_BY_NAME[f"op{number}_{name}"] for number in reversed(OPERATORS) for name in _OF_OPERATOR),
        *(_BY_NAME[name] for name in _OF_VOICE),
    ),
)

COLLECTIONS = (
    Collection(
        name="dx7",
        stem="dx7",
        instrument=INSTRUMENT,
        title="Yamaha DX7, single notes: 117 knobs and 28 switches",
        columns=tuple(_BY_NAME),
        count=20_000,
        train_count=16_000,
        timing=TIMINGS["notes"],
        plays=Playing("notes", 24, 96),
        seed=20_261_007,
        # Of evenly drawn voices half are 40 dB below full scale: what counts is seldom up.
        prior="musical",
    ),
)
