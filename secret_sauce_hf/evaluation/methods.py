"""Who takes part: every way to tell the settings of a sound, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass

from secret_sauce_hf.instruments import InputError


@dataclass(frozen=True)
class Way:
    """A way to answer.

    Args:
        name: as `--without` takes it.
        title: as tables show it.
        about: what it is, half a sentence.
        renders: whether it needs an engine.
        hears_all: whether it answers every test row; else only the first ones.
    """

    name: str
    title: str
    about: str
    renders: bool = False
    hears_all: bool = True


WAYS = (
    Way("naive", "naive", "always the median of every knob and the most frequent label of every switch"),
    Way("knn", "kNN on MFCCs", "of the five train sounds with the nearest MFCCs, as in 2018"),
    Way("nearest", "nearest sound", "the settings of the train sound with the nearest log-mel spectrogram"),
    Way("lstm", "LSTM on MFCCs", "the network of 2018, trained in this run: two layers of 128 units, dropout 0.2"),
    Way(
        "regression",
        "plain regression",
        "the encoder of our model with one linear output per knob and no distributions, trained in this run",
    ),
    Way(
        "genetic-renders",
        "genetic, same renders",
        "genetic search from random presets with as many renders as matching used",
        renders=True,
        hears_all=False,
    ),
    Way(
        "genetic",
        "genetic, same time",
        "genetic search from random presets with as much time as matching took",
        renders=True,
        hears_all=False,
    ),
    Way("model", "model alone", "our model's answer, nothing rendered"),
    Way(
        "matching",
        "model + matching",
        "our model's candidates, rendered, compared and refined",
        renders=True,
        hears_all=False,
    ),
    Way("floor", "the truth, rendered", "what no answer can beat: the true settings rendered with other noise", True),
)
"""Every way, in the order of the tables."""
NAMES = tuple(way.name for way in WAYS)
MODEL_WAYS = ("model", "matching")
KNOWING = ("naive", "knn", "nearest", "lstm", "regression")
"""Those that know the train rows."""
TRAINED = ("lstm", "regression")
GENETIC = ("genetic", "genetic-renders")


def choose(without: Sequence[str], renders: bool) -> tuple[Way, ...]:
    """The ways that take part.

    Args:
        without: names of those that do not.
        renders: whether there is an engine.

    Raises:
        InputError: an unknown name, or nobody is left.
    """
    if unknown := [name for name in without if name not in NAMES]:
        raise InputError(f"--without {unknown[0]}: there is no such way to answer; there are {', '.join(NAMES)}.")
    left_out = set(without)
    if "matching" in left_out:
        # Nobody tells it how many.
        left_out.add("genetic-renders")
    chosen = tuple(way for way in WAYS if way.name not in left_out and (renders or not way.renders))
    if not any(way.name != "floor" for way in chosen):
        raise InputError("Every way to answer is left out; leave at least one in.")
    return chosen
