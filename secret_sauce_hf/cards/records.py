"""What a card tells of a checkpoint: the form that the records of its evaluation and its training must have."""

from collections.abc import Iterable, Mapping
from typing import Any

from secret_sauce_hf.forms import anything, command, count, each, fields, line, maybe, number, plain
from secret_sauce_hf.instruments import InputError

WHO = ("model", "naive", "nearest")
"""Whose scores an evaluation has."""
_LONGEST_CHAIN = 100
"""Runs that made a checkpoint."""

_RUN = fields(
    {
        "run": fields({"collection": line, "data": maybe(line)}, {"base": maybe(line), "base_revision": maybe(line)}),
        "sounds": count,
    },
    {
        "validation_sounds": count,
        "versions": each(line),
        "engine_version": maybe(line),
        "encoder_rate": maybe(number),
        "seconds": number,
        "machine": line,
        "build": maybe(command),
    },
)
_LAST_RUN = fields({"validation_sounds": count, "versions": each(line)})
_FINISHED = fields(
    {"sounds": count, "seed": count, "strangers": count, "listener": anything, "domain": fields({"auroc": number})}
)
_ANY_TRAINING = fields(
    {},
    {
        "finished": _FINISHED,
        "parameters": count,
        "calibration": maybe(fields({}, {"error": maybe(number), "mean_coverage": maybe(number)})),
        "base": anything,
    },
)


def check_evaluation(record: Any, names: Iterable[str]) -> None:
    """Refuse the record of an evaluation that a card cannot tell of.

    Args:
        record: as of `Evaluation.to_dict`, whoever wrote it.
        names: of the parameters.

    Raises:
        InputError: what is missing, or of another kind than it must be.
    """
    per_parameter = fields(dict.fromkeys(names, maybe(number)))
    scores = {"knob_mae": maybe(number), "switch_accuracy": maybe(number)}
    of_one = fields(scores | {"per_parameter": per_parameter, "heard": per_parameter})
    form = fields(
        {
            "collection": line,
            "data": fields(
                {
                    "source": line,
                    "revision": maybe(line),
                    "build": maybe(command),
                    "split": line,
                    "rows": count,
                    "references": count,
                }
            ),
            "scores": fields(dict.fromkeys(WHO, of_one)),
            "sounds": maybe(fields({"rows": count, **dict.fromkeys((*WHO, "floor"), maybe(number))})),
            "versions": each(line),
        }
    )
    _check(form, record, "evaluation", "run `secret-sauce evaluate` again")


def check_training(record: Any) -> None:
    """Refuse the record of a training that a card cannot tell of; an empty one says that nothing is known.

    Raises:
        InputError: what is missing, or of another kind than it must be.
    """
    remedy = "copy training.json again, or remove it"
    _check(_ANY_TRAINING, record, "training", remedy)
    runs = runs_of(record)
    if len(runs) > _LONGEST_CHAIN:
        raise InputError(f"The record of the training has more than {_LONGEST_CHAIN} runs; {remedy}.")
    for run in runs:
        _check(_RUN, run, "training", remedy)
        _check(each(plain), run["run"], "training.run", remedy)
    if runs:
        _check(_LAST_RUN, runs[-1], "training", remedy)


def runs_of(training: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of the runs that made a checkpoint, from the first to the last; empty if nothing is known."""
    runs: list[Mapping[str, Any]] = []
    record: Any = training
    while isinstance(record, Mapping) and "run" in record:
        runs.insert(0, record)
        record = record.get("base")
    return runs


def _check(form: Any, record: Any, what: str, remedy: str) -> None:
    try:
        form(record, what)
    except InputError as error:
        raise InputError(
            f"The record of the {what.partition('.')[0]} cannot be used: {str(error)[:-1]}; {remedy}."
        ) from error
