"""What a plug-in lists, and a declaration of the instrument that it is.

    from secret_sauce_hf.engines.plugin.describing import declare_plugin
    from secret_sauce_hf.instruments import write_declaration

    write_declaration(declare_plugin("/usr/lib/vst/amsynth_vst.so"), "amsynth.json")

The file then stands for the collection wherever a name does.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from secret_sauce_hf.engines.plugin.controllers import NAMES, Hearing, find_controllers
from secret_sauce_hf.engines.plugin.failures import WorkerFault
from secret_sauce_hf.engines.plugin.files import find_plugin
from secret_sauce_hf.engines.plugin.listing import POINTS, ListedParameter, kind_of, legal_names, reason
from secret_sauce_hf.engines.plugin.process import LOAD_SECONDS, Worker, hosts_for, start_worker
from secret_sauce_hf.engines.plugin.repeating import ResetReport, study
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    INSTRUMENTS,
    Collection,
    InputError,
    Instrument,
    Knob,
    Parameter,
    Switch,
    Timing,
)
from secret_sauce_hf.instruments.checking import MAX_PARAMETERS, check_collection, nearest
from secret_sauce_hf.instruments.hosting import MOST_LISTED
from secret_sauce_hf.instruments.instrument import Hosted, HostedParameter, Playing
from secret_sauce_hf.instruments.lengths import check_seconds
from secret_sauce_hf.progress import say

_BLOCK = 441
_ASK_SECONDS = 10.0
_LEAD, _ONSET, _HELD = 0.1, 0.1, 0.7
_GRID = 0.01
"""Seconds; notes on it fall on the edges of blocks."""


@dataclass(frozen=True)
class PluginDescription:
    """What a plug-in is.

    Args:
        path: its file, absolute.
        format: "VST3", "VST2", "AU" or "LV2".
        name: what it calls itself, or what its file is called.
        digest: of the file, 64 hexadecimal digits.
        host: that loaded it, with its version.
        inputs: audio channels that it takes; an instrument seldom has any.
        outputs: audio channels that it gives.
        parameters: all that it lists, in its order, then the controllers that it answers to.
        report: how it was found to repeat itself, if its sounds were heard.
        controllers: what was found by sending controllers, if any were sent.
    """

    path: Path
    format: str
    name: str
    digest: str
    host: str
    inputs: int
    outputs: int
    parameters: tuple[ListedParameter, ...]
    report: ResetReport | None = None
    controllers: Hearing | None = None

    @property
    def used(self) -> tuple[ListedParameter, ...]:
        """The parameters that are not left out."""
        return tuple(parameter for parameter in self.parameters if not parameter.left_out)


def describe_plugin(
    path: str | Path,
    *,
    host: str | None = None,
    listen: bool = True,
    controllers: bool | None = None,
    load_seconds: float = LOAD_SECONDS,
) -> PluginDescription:
    """Load a plug-in in a process of its own, and read its list.

    Every parameter that is not left out by its name is moved from 0 to 1, and its texts tell what it is. With
    `listen` some sounds are rendered, too: a parameter that changes neither them nor what it reads is left out.

    Args:
        path: the plug-in's file, or the folder of its bundle.
        host: "dawdreamer" or "pedalboard"; whichever loads it if None.
        listen: whether sounds are rendered.
        controllers: whether MIDI controllers are sent, and those that change a sound become parameters; where None,
            if the list has no parameter that changes a sound.
        load_seconds: what it is given to load.

    Raises:
        InputError: no such file, no plug-in, or none for this machine; no host is installed; the plug-in ends its
            process, or hangs; it has no parameters.
    """
    file = find_plugin(path)
    modules = hosts_for(file, host)
    worker, module = start_worker(file, modules, _BLOCK, load_seconds)
    try:
        told = worker.told
        entries = told["parameters"][: MOST_LISTED + 1]
        if not entries and controllers is False:
            raise InputError(f"{file.path} lists no parameters: there is nothing to set.")
        some_are = any(entry["automatable"] for entry in entries)
        names = legal_names(str(entry["name"]) for entry in entries)
        parameters = []
        for index, (entry, name) in enumerate(zip(entries, names, strict=True)):
            parameter = ListedParameter(
                index, str(entry["name"]), name, _unit(entry["default"]), str(entry["unit"]), bool(entry["automatable"])
            )
            why = reason(parameter.listed, parameter.automatable, some_are)
            parameters.append(replace(parameter, left_out=why) if why else _swept(worker, parameter))
        description = PluginDescription(
            file.path,
            file.format,
            str(told["name"]) or file.path.stem,
            file.digest,
            str(told["host"]),
            int(told["inputs"]),
            int(told["outputs"]),
            tuple(parameters),
        )
    except WorkerFault as error:
        raise InputError(f"{file.path}: while its parameters are read, it {error}.") from error
    finally:
        worker.close()

    def start() -> Worker:
        return start_worker(file, [module], _BLOCK, load_seconds)[0]

    try:
        if listen and description.used:
            description = _heard(description, start)
        live = any(one.changes_sound is not False for one in description.used)
        if controllers or (controllers is None and listen and not live):
            description = _answering(description, find_controllers(start, _ASK_SECONDS))
        return description
    except WorkerFault as error:
        raise InputError(f"{file.path}: while notes are played, it {error}.") from error


def declare_plugin(
    path: str | Path,
    *,
    name: str | None = None,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    switches: Sequence[str] = (),
    seconds: float = 1.5,
    notes: Playing | None = None,
    host: str | None = None,
    listen: bool = True,
    controllers: bool | None = None,
    load_seconds: float = LOAD_SECONDS,
    progress: bool = False,
) -> Collection:
    """The collection of a plug-in, whose declaration the engine for plug-ins reads.

    Parameters that are not chosen stay where the plug-in has them when it is loaded.

    Args:
        path: the plug-in's file, or the folder of its bundle.
        name: of the collection and the instrument; made from what the plug-in is called if None.
        only: names of the parameters to take, ours or the plug-in's; all if empty.
        without: names of those not to take.
        switches: names of stepped ones that shall be switches, as neighbouring steps sound nothing alike.
        seconds: length of a take; its note starts after 0.1 s and is held for 0.7 of what follows.
        notes: how notes of rows are drawn; every row plays the same one if None.
        host: "dawdreamer" or "pedalboard"; whichever loads it if None.
        listen: whether sounds are rendered to find out which parameters do nothing.
        controllers: whether MIDI controllers that change the sound are parameters, too; where None, if the plug-in
            lists no parameter that does.
        load_seconds: what the plug-in is given to load.
        progress: whether to tell what was found by sending controllers, and at what pace.

    Raises:
        InputError: see `describe_plugin`; a name that is no parameter; more parameters than a collection can have;
            a plug-in of which nothing can be set.
    """
    check_seconds(seconds)
    description = describe_plugin(path, host=host, listen=listen, controllers=controllers, load_seconds=load_seconds)
    if progress and description.controllers is not None:
        say(f"{description.name} {description.controllers}.")
    used = _chosen(description, only, without)
    if len(used) > MAX_PARAMETERS:
        raise InputError(
            f"{description.path} has {len(used):,} parameters, and a collection {MAX_PARAMETERS} at most: choose some, "
            "by `only` or `without`."
        )
    wanted = {_found(description, one).name for one in switches}
    parameters = tuple(_parameter(listed, listed.name in wanted) for listed in used)
    places = tuple(
        HostedParameter(None, "") if one.control else HostedParameter(one.index, one.listed, one.values) for one in used
    )
    title = " ".join(description.name.split()) or "A plug-in"
    hosted = Hosted(description.format, title, description.digest, places, str(description.path))
    name = _free_name(title) if name is None else name
    held = max(round((seconds - _ONSET) * _HELD / _GRID), 1) * _GRID
    end = _LEAD + float(seconds)
    onset = _LEAD + (_ONSET if seconds > 2 * _ONSET else 0.0)
    collection = Collection(
        name=name,
        stem=name.replace("-", "_"),
        instrument=Instrument(name, title, parameters, hosted),
        columns=tuple(parameter.name for parameter in parameters),
        count=0,
        train_count=0,
        timing=Timing(round(onset, 9), round(min(onset + held, end), 9), (_LEAD, end), slot=end),
        title=f"{title}: {_kinds(parameters)}",
        plays=notes,
    )
    check_collection(collection)
    return collection


def _swept(worker: Worker, parameter: ListedParameter) -> ListedParameter:
    told, _ = worker.ask({"do": "sweep", "index": parameter.index, "points": POINTS}, seconds=_ASK_SECONDS)
    texts, values = [str(text) for text in told["texts"]], [_unit(value) for value in told["values"]]
    if not len(texts) == len(values) == POINTS:
        raise WorkerFault("answers other than it was asked")
    kind, labels, places = kind_of(texts, values)
    if kind == "idle":
        return replace(parameter, left_out="reads the same whatever it is set to")
    return replace(parameter, kind=kind, labels=labels, values=places)


def _answering(description: PluginDescription, hearing: Hearing) -> PluginDescription:
    """The description with the controllers that the plug-in answers to, and without what was heard to do nothing."""
    names = legal_names(
        (NAMES.get(one.number, f"cc_{one.number}") for one in hearing.found),
        [one.name for one in description.parameters],
    )
    listed = [
        one
        if one.left_out or one.changes_sound is not False
        else replace(one, left_out="changes no sound, and there are controllers that do")
        for one in description.parameters
    ]
    found = [
        ListedParameter(
            None,
            f"CC {one.number}",
            name,
            0.5,
            kind="labelled" if one.codes else "continuous",
            labels=("off", "on") if len(one.codes) == 2 else tuple(map(str, one.codes)),
            values=tuple(code / 127 for code in one.codes),
            left_out=one.left_out,
            changes_sound=True,
            control=(one.number,),
        )
        for one, name in zip(hearing.found, names, strict=True)
    ]
    kept = listed if any(not one.left_out for one in found) else description.parameters
    return replace(description, parameters=(*kept, *found), controllers=hearing)


def _heard(description: PluginDescription, start: Callable[[], Worker]) -> PluginDescription:
    """The description with what the sounds of some random rows tell."""
    used = description.used
    rng = np.random.default_rng(0)
    rows = rng.random((16, len(used)))
    rows[0] = [parameter.default for parameter in used]
    ends = np.array([_far(parameter) for parameter in used])
    names = [parameter.name for parameter in used]
    report = study(start, [one.index for one in used if one.index is not None], rows, names, ends, _ASK_SECONDS)
    parameters = []
    for parameter in description.parameters:
        if parameter.name in report.idle and not parameter.left_out:
            parameter = replace(parameter, left_out="changes neither the sound nor what it reads")
        if not parameter.left_out and report.audible and report.repeats:
            parameter = replace(parameter, changes_sound=parameter.name not in report.silent)
        parameters.append(parameter)
    return replace(description, parameters=tuple(parameters), report=report)


def _chosen(description: PluginDescription, only: Sequence[str], without: Sequence[str]) -> tuple[ListedParameter, ...]:
    kept = {_found(description, name).name for name in only}
    dropped = {_found(description, name).name for name in without}
    used = tuple(one for one in description.used if (not only or one.name in kept) and one.name not in dropped)
    if not used and not description.parameters:
        raise InputError(f"{description.path} lists no parameters, and answers to no controller: nothing can be set.")
    if not used:
        why = next((f"; {one.listed!r} {one.left_out}" for one in description.parameters if one.left_out), "")
        raise InputError(f"{description.path} has no parameter that can be taken{why}.")
    if all(one.changes_sound is False for one in used):
        raise InputError(
            f"{description.path}: none of its {len(used)} parameters changes the sound of a note, so that nothing "
            "could be heard of them; leave listening out if they do in some other way."
        )
    return used


def _found(description: PluginDescription, name: str) -> ListedParameter:
    for parameter in description.parameters:
        if name in (parameter.name, parameter.listed):
            if parameter.left_out:
                raise InputError(f"{description.path}: {name!r} cannot be taken: it {parameter.left_out}.")
            return parameter
    raise InputError(
        f"{description.path} lists no parameter {name!r}; {nearest(name, [one.name for one in description.used])}"
    )


def _parameter(listed: ListedParameter, switch: bool) -> Parameter:
    unit = f", in {listed.unit}" if listed.unit.strip() else ""
    about = "".join(char for char in f"{listed.listed}{unit}" if char.isprintable())[:300]
    if listed.control:
        codes = tuple(round(value * 127) for value in listed.values)
        if codes:
            return Switch(listed.name, listed.control, codes, listed.labels, about=about)
        return Knob(listed.name, listed.control, about=about)
    if listed.kind == "labelled" or (switch and listed.steps):
        return Switch(listed.name, (), tuple(range(listed.steps)), listed.labels, about=about)
    return Knob(listed.name, (), about=about, top=max(listed.steps - 1, 0))


def _free_name(title: str) -> str:
    """A name for a collection, that no collection or instrument of the package has."""
    name = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:48].strip("-") or "plugin"
    return f"{name}-plugin" if name in COLLECTIONS or name in INSTRUMENTS else name


def _kinds(parameters: Sequence[Parameter]) -> str:
    """`2 knobs and 1 switch`."""
    kinds = [parameter.kind for parameter in parameters]
    counts = [(kinds.count(kind), kind, plural) for kind, plural in (("knob", "knobs"), ("switch", "switches"))]
    return " and ".join(f"{count} {kind if count == 1 else plural}" for count, kind, plural in counts if count)


def _far(listed: ListedParameter) -> tuple[float, float]:
    """Two values of a parameter that are far from each other."""
    return (listed.values[0], listed.values[-1]) if listed.values else (0.0, 1.0)


def _unit(value: float) -> float:
    """A value as a plug-in should give it; some give a little more or less, or no number."""
    return min(max(float(value), 0.0), 1.0) if value == value else 0.0
