"""Presets of Vital as files of its own, `.vital`: JSON with the value of each of its controls.

What is written sets everything that Vital has: the preset's parameters, those that its collection has fixed, and
beneath them the base preset, see `vital_base`, with its wavetable and its noise. Vital's package is not needed.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from secret_sauce_hf.instruments import INSTRUMENTS, Collection, InputError, Parameter
from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.instruments.vital import DESTINATIONS, WAVES
from secret_sauce_hf.midi import vital_base as base
from secret_sauce_hf.presets import Presets, restricted

SUFFIX = ".vital"
MAX_BYTES = 2**24
"""Larger files are refused; ours have 230 KB, those of others, with wavetables and a sample, a few megabytes."""

_VITAL = INSTRUMENTS["vital"]
_PLACES = {parameter.name: place for place, parameter in enumerate(_VITAL.parameters)}
_SWEEP = ("env_2", "filter_1_cutoff")
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")
# Of what moves and what is moved; empty where a modulation is free.
_NAME = re.compile(r"[a-z0-9_]{0,60}")
# Of a control that is a whole number.
_NEAR = 1e-3
_SHOWN = 3

# What is no matter of the sound, or of its level only; or what only other things could move that are off. Phases
# are what Vital draws by chance, where ours are the same every time. The fade of an LFO does nothing while it is
# smoothed.
_SILENT = re.compile(
    r"env_[3-6]_.*|lfo_[2-8]_.*|random_.*|macro_control_.*|modulation_.*|portamento_.*|osc_._random_phase|osc_._view_2d"
    r"|sample_random_phase|filter_1_formant_.*|filter_1_blend_transpose|lfo_1_tempo|lfo_1_keytrack_.*|chorus_tempo"
    r"|view_spectrogram|volume|mod_wheel|legato|polyphony|voice_priority|voice_override|mpe_enabled|oversampling"
    r"|pitch_bend_range|beats_per_minute|lfo_1_fade_time"
)
# Nothing that begins so is heard where that control is 0.
_OFF = {
    **{f"{name}_": f"{name}_on" for name in ("osc_1", "osc_2", "osc_3", "sample", "filter_2", "filter_fx", "delay")},
    **{f"{name}_": f"{name}_on" for name in ("chorus", "reverb", "distortion", "phaser", "flanger", "eq")},
    **{f"osc_{one}_{name}_": f"osc_{one}_{name}_type" for one in (1, 2) for name in ("distortion", "spectral_morph")},
    "compressor_": "compressor_on",
    "distortion_filter_": "distortion_filter_order",
}
_OF_UNISON = re.compile(
    r"osc_([12])_(?:detune_power|detune_range|unison_blend|stereo_spread|frame_spread|stack_style|spectral_unison)"
)


class _Connection(NamedTuple):
    """One of Vital's modulations: its number from 1, from where, to what, how much, and whether it is a curve."""

    number: int
    source: str
    destination: str
    amount: float
    bent: bool

    @property
    def text(self) -> str:
        return f"{self.source} moves {self.destination}"


def is_vital(collection: Collection) -> bool:
    """Whether presets of a collection are presets of Vital."""
    return collection.instrument.parameters == _VITAL.parameters


def write_preset(collection: Collection, settings: Mapping[str, Any], name: str) -> bytes:
    """A preset as a file that Vital loads.

    Args:
        collection: a collection of Vital.
        settings: name → setting of each of its parameters.
        name: what Vital shows.

    Returns:
        The content of a `.vital`.

    Raises:
        InputError: see `Presets.from_settings`.
    """
    (unit,) = Presets.from_settings(collection, [settings]).complete_unit()
    return preset_text(unit, name).encode("ascii")


def preset_text(unit: np.ndarray, name: str = "") -> str:
    """A preset as the text of a `.vital`, in ASCII.

    Args:
        unit: of each of the instrument's parameters, in their order, shape (43,).
        name: what Vital shows; up to 60 of its characters are kept, those that can be seen.
    """
    units = dict(zip(_PLACES, unit.tolist(), strict=True))
    values: dict[str, Any] = dict(base.base_values())
    for control in base.RANGES:
        values[control] = _value(control, units[control])
    for control in base.CHOICES:
        values[control] = units[control]
    for control, switch in base.POWERED.items():
        values[switch] = float(values[control] > 0)
    destination = DESTINATIONS[int(units["lfo_1_destination"])]
    values["modulation_1_amount"] = _depth(units["env_2_depth"])
    values["modulation_2_amount"] = _depth(units["lfo_1_depth"]) * _share(destination)
    connected = [_SWEEP, ("lfo_1", destination)] + [("", "")] * (base.MODULATIONS - 2)
    shapes = [WAVES[int(units["lfo_1_wave"])]] + ["Triangle"] * (base.LFOS - 1)
    return json.dumps(
        {
            "author": "",
            "comments": "",
            **{f"macro{number}": f"MACRO {number}" for number in range(1, 5)},
            "preset_name": "".join(character for character in name if character.isprintable())[:60],
            "preset_style": "",
            "settings": values
            | {
                "lfos": [base.LFO_SHAPES[shape] for shape in shapes],
                "modulations": [{"destination": to, "source": source} for source, to in connected],
                "sample": base.noise(),
                "wavetables": base.wavetables(),
            },
            "synth_version": base.VERSION,
        }
    )


def read_preset(collection: Collection, path: Path) -> dict[str, Any]:
    """The preset in a `.vital`: name → setting of each parameter of a collection.

    What such a file has beside the parameters may be otherwise than in the base preset where it is not heard:
    because what it belongs to is off, or because it is the level only. Phases that Vital draws by chance are not
    compared. Settings that a newer version may have and this does not know are not looked at.

    Args:
        collection: a collection of Vital.
        path: the `.vital`.

    Raises:
        InputError: there is no such file, it is no preset of Vital 1, or it sets what no preset of the collection
            can have; the message names it.
    """
    if not path.is_file():
        raise InputError(f"No such file: {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB: not a preset of Vital that can be read here.")
    settings = _settings(path)
    values = _values(settings, path)
    for level, switch in base.POWERED.items():
        if not values[switch]:
            values[level] = 0.0
    connections = _connections(settings, values, path)
    swept = [one for one in connections if (one.source, one.destination) == _SWEEP]
    moved = [one for one in connections if one.source == "lfo_1" and one.destination in DESTINATIONS]
    sweep, lfo = (next(iter(sorted(some, key=lambda one: not one.amount)), None) for some in (swept, moved))
    others = [one.text for one in connections if one.amount and one not in (sweep, lfo)]
    for one, bipolar in ((sweep, 0.0), (lfo, 1.0)):
        if one is not None and one.amount:
            others += _otherwise(one, bipolar, values)
    wave, differences = _sounds(settings, values, lfo is not None and lfo.amount != 0)
    others += differences
    still = ("env_2_" if sweep is None or not sweep.amount else "\0", "lfo_1_" if not lfo or not lfo.amount else "\0")
    others += [
        f"{name} is {values[name]:.4g} (base: {value:.4g})"
        for name, value in base.base_values().items()
        if name not in _PLACES
        and name not in base.POWERED.values()
        and abs(values[name] - value) > _NEAR
        and not name.startswith(still)
        and not _is_silent(name, values)
    ]
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise InputError(
            f"{path} does not sound as presets of {collection.name} do, which leave all else as the base preset has "
            f"it: {', '.join(others[:_SHOWN])}{more}."
        )
    told: dict[str, float | str] = {"lfo_1_wave": wave}
    told["lfo_1_destination"] = lfo.destination if lfo else DESTINATIONS[0]
    told["env_2_depth"] = _depth_setting(sweep, path)
    told["lfo_1_depth"] = _depth_setting(lfo, path)
    complete = {
        p.name: told[p.name] if p.name in told else _setting(p, values[p.name], path) for p in _VITAL.parameters
    }
    try:
        return restricted(collection, complete)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _value(control: str, unit: float) -> float:
    """The value of a control, a number of 32 bits as Vital has it, from 0..1."""
    low, high = base.RANGES[control]
    return float(np.float32(low + unit * (high - low)))


def _depth(unit: float) -> float:
    return float(np.float32(2 * unit - 1))


def _share(destination: str) -> float:
    """How much Vital calls the full depth of a modulation."""
    return base.FRAME_SHARE if destination.endswith("_wave_frame") else 1.0


def _settings(path: Path) -> dict[str, Any]:
    """What a file sets.

    Raises:
        InputError: it is no JSON, or no preset of Vital 1.
    """

    def refuse(text: str) -> None:
        raise ValueError(f"{text} is no number")

    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a preset of Vital, or a damaged one: {str(error)[:120]}.") from error
    version, settings = (data.get("synth_version"), data.get("settings")) if isinstance(data, dict) else (None, None)
    if not isinstance(settings, dict) or not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise InputError(f"{path} is not a preset of Vital: those have settings, and the version that saved them.")
    if int(version.partition(".")[0]) < 1:
        raise InputError(f"{path} was saved by Vital {version}: open it in Vital 1 and save it again.")
    return settings


def _values(settings: Mapping[str, Any], path: Path) -> dict[str, float]:
    """The value of each of Vital's controls; that of its init preset where the file has none, as in Vital."""
    values = {}
    for name, value in base.init_values().items():
        if name not in settings and name in (*base.RANGES, *base.CHOICES):
            raise InputError(f"{path} lacks {name}: it is not a whole preset of Vital.")
        values[name] = _number(settings.get(name, value), name, path)
    return values


def _number(value: Any, name: str, path: Path) -> float:
    # Larger ones are none that Vital's numbers could be.
    if type(value) not in (int, float) or not -1e9 < value < 1e9:
        raise InputError(f"{path}: {name} is {_shown(value)}; it must be a number.")
    return float(value)


def _connections(settings: Mapping[str, Any], values: Mapping[str, float], path: Path) -> list[_Connection]:
    """The modulations that there are, those of no effect with the amount 0.

    Raises:
        InputError: what is said of them is no list of modulations.
    """
    records = settings.get("modulations", [])
    if not isinstance(records, list) or len(records) > base.MODULATIONS:
        raise InputError(f"{path}: modulations must be a list of up to {base.MODULATIONS}.")
    found = []
    for number, record in enumerate(records, 1):
        source, to = (record.get("source"), record.get("destination")) if isinstance(record, dict) else (None, None)
        if not all(isinstance(end, str) and _NAME.fullmatch(end) for end in (source, to)):
            raise InputError(
                f"{path}: modulation {number} has no source and destination; give them, or leave both empty."
            )
        if source and to:
            amount = 0.0 if values[f"modulation_{number}_bypass"] else values[f"modulation_{number}_amount"]
            found.append(_Connection(number, source, to, amount, "line_mapping" in record))
    return found


def _otherwise(one: _Connection, bipolar: float, values: Mapping[str, float]) -> list[str]:
    """What of a modulation is otherwise than ours have it."""
    wanted = {"bipolar": bipolar, "power": 0.0, "stereo": 0.0}
    names = {f"modulation_{one.number}_{name}": value for name, value in wanted.items()}
    others = [
        f"{name} is {values[name]:.4g} (base: {value:g})" for name, value in names.items() if values[name] != value
    ]
    return others + ([f"{one.text} along a curve"] if one.bent else [])


def _sounds(settings: Mapping[str, Any], values: Mapping[str, float], moves: bool) -> tuple[str, list[str]]:
    """The wave of the LFO, and what of waves and noise is heard and is not ours."""
    others = []
    for number in (1, 2):
        table, ours = _item(settings.get("wavetables"), number - 1), base.wavetables()[number - 1]
        same = isinstance(table, dict) and table.get("groups") == ours["groups"]
        if values[f"osc_{number}_level"] and not same:
            others.append(f"oscillator {number} has the wavetable {_called(table)}")
    sample = settings.get("sample")
    if values["sample_level"] and not _is_our_noise(sample):
        others.append(f"the sampler plays {_called(sample)}")
    shape = _item(settings.get("lfos"), 0)
    for name, own in base.LFO_SHAPES.items():
        if isinstance(shape, dict) and all(shape.get(key) == own[key] for key in ("points", "powers", "smooth")):
            return name, others
    return WAVES[0], others + ([f"LFO 1 has the wave {_called(shape)}"] if moves else [])


def _is_our_noise(sample: Any) -> bool:
    """Whether the sampler plays our noise, or what Vital saves of it: of that some samples are one step away."""
    text, ours = sample.get("samples") if isinstance(sample, dict) else None, base.noise()["samples"]
    if text == ours:
        return True
    if not isinstance(text, str) or len(text) != len(ours):
        return False
    try:
        theirs, our_own = (np.frombuffer(base64.b64decode(one, validate=True), "<i2") for one in (text, ours))
    except ValueError:
        return False
    return len(theirs) == len(our_own) and bool((np.abs(theirs.astype(int) - our_own) <= 1).all())


def _item(some: Any, place: int) -> Any:
    return some[place] if isinstance(some, list) and len(some) > place else None


def _called(record: Any) -> str:
    return _shown(record.get("name") if isinstance(record, dict) else record)


def _shown(value: Any) -> str:
    """A value of a file for a message; not in full what has parts, which may be nested deeply."""
    return f"a {type(value).__name__}" if isinstance(value, dict | list) else quoted(value)


def _is_silent(name: str, values: Mapping[str, float]) -> bool:
    """Whether a control that is none of ours is not heard, whatever it is."""
    if _SILENT.fullmatch(name) or any(name.startswith(start) and not values[on] for start, on in _OFF.items()):
        return True
    of_unison = _OF_UNISON.fullmatch(name)
    return of_unison is not None and values[f"osc_{of_unison[1]}_unison_voices"] == 1


def _depth_setting(one: _Connection | None, path: Path) -> float:
    """The setting of a modulation's depth, none where there is no such modulation."""
    if one is None:
        return _VITAL["env_2_depth"].unit_to_setting(np.asarray(0.5)).item()
    share = _share(one.destination)
    if not abs(one.amount) <= share:
        raise InputError(f"{path}: {one.text} by {one.amount:.4g}; it must be from {-share:g} to {share:g}.")
    depth = one.amount / share
    return _on_grid(_VITAL["env_2_depth"], (depth + 1) / 2, lambda unit: _depth(unit) == np.float32(depth))


def _setting(parameter: Parameter, value: float, path: Path) -> Any:
    """The setting of a parameter that is a control of Vital's, from the control's value."""
    (low, high), whole = _limits(parameter), parameter.name in (*base.CHOICES, *base.WHOLE)
    if not low <= value <= high or (whole and abs(value - round(value)) > _NEAR):
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{path}: {parameter.name} is {value:.4g}; it must be {kind} from {low:g} to {high:g}.")
    if parameter.name in base.CHOICES:
        return parameter.unit_to_setting(np.asarray(round(value))).item()
    first, last = base.RANGES[parameter.name]
    unit = ((round(value) if whole else value) - first) / (last - first)
    return _on_grid(parameter, unit, lambda unit: _value(parameter.name, unit) == np.float32(value))


@cache
def _limits(parameter: Parameter) -> tuple[float, float]:
    """The lowest and the highest value of a control that is a parameter."""
    low, high = parameter.cc_to_unit(parameter.cc_at(np.array([0, parameter.cc_count - 1]))).tolist()
    is_choice = parameter.name in base.CHOICES
    return (low, high) if is_choice else (_value(parameter.name, low), _value(parameter.name, high))


def _on_grid(parameter: Parameter, unit: float, same: Callable[[float], bool]) -> float:
    """A setting: that on the grid of the parameter's steps, where Vital has the same number for it."""
    near = parameter.nearest_unit(np.asarray(unit)).item()
    return parameter.unit_to_setting(np.asarray(near if same(near) else unit)).item()
