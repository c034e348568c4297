"""The front panel of an instrument: its controls in sections, as the names in its declaration group them.

Names say where a control is: `filter_cutoff` is in the section of the filter, `osc_1_level` in that of the
first oscillator. So every instrument has a panel, declared ones too, and no declaration says it twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from secret_sauce_hf.instruments.instrument import Collection
from secret_sauce_hf.instruments.parameters import Parameter

GENERAL = "general"
"""The section of what stands alone."""
_WORDS: Mapping[str, str] = {
    "amp": "Amplifier",
    "delay": "Delay",
    "disto": "Distortion",
    "env": "Envelope",
    "eg": "Envelope",
    "lfo": "LFO",
    "mod": "Modulation",
    "op": "Operator",
    "osc": "Oscillator",
    "pitch": "Pitch",
    "reso": "Resonance",
    "rm": "Ring modulation",
}
"""How short words of names are written out."""
_FLOW = ("osc", "op", "sample", "mixer", "disto", "filter", "pitch", "amp", "env", "lfo", "mod")
"""What names of sections begin with, in the order in which the sound and its control go through an instrument."""
_STAGES = ("attack", "decay", "sustain", "release")
"""Labels of an envelope's stages, in the order that all instruments have them in."""


@dataclass(frozen=True)
class Section:
    """Controls that belong together.

    Args:
        name: what the names of its controls begin with; `GENERAL` of those that stand alone.
        title: for people.
        parameters: in the order of the collection's columns.
        labels: what each of them is called within the section, for people.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    labels: tuple[str, ...]


def sections(collection: Collection) -> tuple[Section, ...]:
    """The parameters of a collection's instrument in sections, oscillators first, as the sound goes through it.

    Two names share a section where their first words are the same; where every name with that first word goes on with
    a second one that others have too, as `env_filter_attack` and `env_amplifier_attack`, or with a number, that
    belongs to the section's name. What shares a section with nothing is in the general one, which comes last.
    Within a section the instrument's own order holds, but for a switch that turns it on and for the stages of an
    envelope.

    Args:
        collection: of the instrument; parameters that it has fixed have their places as well.
    """
    parameters = collection.instrument.parameters
    keys = _keys([_tokens(parameter.name) for parameter in parameters])
    members: dict[tuple[str, ...], list[Parameter]] = {}
    for parameter, key in zip(parameters, keys, strict=True):
        members.setdefault(key, []).append(parameter)
    alone = [name for name, those in members.items() if len(those) == 1]
    general = [one for name in alone for one in members.pop(name)]
    found = [_section(key, sorted(those, key=lambda one: _rank(one, key))) for key, those in members.items()]
    # Where nothing tells more, as the instrument has them.
    found.sort(key=_place)
    if general:
        labels = tuple(_written(_tokens(parameter.name)) for parameter in general)
        found.append(Section(GENERAL, "General", tuple(general), labels))
    return tuple(found)


def _tokens(name: str) -> tuple[str, ...]:
    """The words of a name; a number that ends the first word is one of its own: osc1 and osc_1 are alike."""
    first, *others = [word for word in name.replace(" ", "_").replace("-", "_").split("_") if word] or [name]
    letters = first.rstrip("0123456789")
    if letters and letters != first:
        return (letters, first[len(letters) :], *others)
    return (first, *others)


def _keys(names: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Which section each name belongs to."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        by_first.setdefault(name[0], []).append(name)
    longer = set()
    for first, those in by_first.items():
        seconds = [name[1] if len(name) > 2 else "" for name in those]
        if all(second.isdigit() or (second and seconds.count(second) > 1) for second in seconds):
            longer.add(first)
    return [name[: 2 if name[0] in longer else 1] for name in names]


def _rank(parameter: Parameter, key: tuple[str, ...]) -> int:
    """Where in a section with the words of `key` a parameter stands."""
    label = _tokens(parameter.name)[len(key) :]
    if label[:1] == ("on",):
        return -1
    return 1 + _STAGES.index(label[0]) if label and label[0] in _STAGES else 0


def _place(section: Section) -> tuple[int, str]:
    """Where among all a section stands: by the flow, and those of one kind by their numbers."""
    word, _, rest = section.name.partition("_")
    return (_FLOW.index(word), rest if rest.isdigit() else "") if word in _FLOW else (len(_FLOW), "")


def _section(key: tuple[str, ...], parameters: Sequence[Parameter]) -> Section:
    labels = [_written(_tokens(parameter.name)[len(key) :]) for parameter in parameters]
    # What is called as its section, such as "delay" in the section of the delay.
    named = tuple(label or _written(key) for label in labels)
    order = [word for word in key if not word.isdigit()]
    # "Filter envelope", not "Envelope filter".
    if len(order) > 1:
        order.reverse()
    words = [*order, *[word for word in key if word.isdigit()]]
    return Section("_".join(key), _written(tuple(words), spelt=True), tuple(parameters), named)


def _written(words: Sequence[str], *, spelt: bool = False) -> str:
    """Words as people write them."""
    told = [_WORDS.get(word.lower(), word) if spelt or word == "lfo" else word for word in words]
    text = " ".join(told)
    text = text[:1].upper() + text[1:]
    # Of several words only the first has a capital, but for abbreviations.
    first, *others = text.split(" ") or [""]
    return " ".join([first, *[word if word.isupper() else word.lower() for word in others]])
