"""How far predicted settings are from true ones."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import InputError


def knob_mae(truth: np.ndarray, prediction: np.ndarray, heard: np.ndarray | None = None) -> float | np.ndarray:
    """Mean absolute error of knobs, on the scale they are given in (settings: 0 to 10).

    Args:
        truth: shape (rows,) or (rows, knobs).
        prediction: of the same shape.
        heard: of the same shape, bool; only where it is true is counted.

    Returns:
        A float, or one per knob; NaN where nothing is counted.

    Raises:
        InputError: the shapes differ, or a value is not finite.
    """
    truth, prediction = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    mask = _mask(truth, prediction, heard)
    if not (np.isfinite(truth).all() and np.isfinite(prediction).all()):
        raise InputError("Settings of knobs must be finite to be compared.")
    return masked_mean(np.abs(truth - prediction), mask)


def switch_accuracy(truth: np.ndarray, prediction: np.ndarray, heard: np.ndarray | None = None) -> float | np.ndarray:
    """Share of switches that are right, 0 to 1.

    Args:
        truth: labels or class indices, shape (rows,) or (rows, switches).
        prediction: of the same shape, in the same representation.
        heard: of the same shape, bool; only where it is true is counted.

    Returns:
        A float, or one per switch; NaN where nothing is counted.

    Raises:
        InputError: the shapes differ, or labels are compared with indices.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    mask = _mask(truth, prediction, heard)
    if (truth.dtype.kind in "UO") != (prediction.dtype.kind in "UO"):
        raise InputError("Compare labels with labels or class indices with class indices, not one with the other.")
    return masked_mean((truth == prediction).astype(np.float64), mask)


def preset_errors(
    truth: Sequence[Mapping[str, Any]],
    prediction: Sequence[Mapping[str, Any]],
    heard: Sequence[Mapping[str, bool]] | None = None,
    switches: Collection[str] = (),
) -> dict[str, Any]:
    """`knob_mae` of every knob and `switch_accuracy` of every switch of whole presets, and their means.

    A parameter whose settings are numbers is a knob, one whose settings are labels or
    booleans a switch.

    Args:
        truth: a setting per parameter, for each preset; all of the same parameters.
        prediction: a setting per parameter, for as many presets.
        heard: whether each parameter can be heard, for as many presets; only where it can is
            counted. A parameter that is left out can be.
        switches: parameters that are switches though their settings are numbers: class
            indices, as in the rows of a dataset.

    Returns:
        `knob_mae`, the mean of the knobs' errors; `switch_accuracy`, the mean of the
        switches' accuracies; `per_parameter`, a dict of either. NaN where nothing is
        counted; a parameter of which nothing is counted is not in the means.

    Raises:
        InputError: lengths or parameters differ, or a setting is neither finite number,
            label nor boolean or not of the same kind as the parameter's others.
    """
    heard = [{}] * len(truth) if heard is None else heard
    if not len(truth) == len(prediction) == len(heard):
        lengths = f"{len(truth)} true presets, {len(prediction)} predicted ones and `heard` of {len(heard)}"
        raise InputError(f"There are {lengths}; give one for one.")
    names = _common_names(truth, prediction, heard)
    switches = [switches] if isinstance(switches, str) else switches
    if unknown := [name for name in switches if name not in names]:
        raise InputError(f"`switches` names {', '.join(unknown)}; the presets have {', '.join(names)}.")

    knobs, labelled = {}, {}
    for name in names:
        true, told = ([as_setting(name, preset[name]) for preset in presets] for presets in (truth, prediction))
        kinds = {_kind(value) for value in (*true, *told)}
        if len(kinds) > 1:
            raise InputError(
                f"Settings of {name} are {' and '.join(sorted(kinds))}: give all in one way. "
                "Rows of a dataset hold class indices; its `features[name].int2str` makes them labels."
            )
        mask = np.array([bool(row.get(name, True)) for row in heard])
        if name in switches or kinds != {"numbers"}:
            labelled[name] = float(switch_accuracy(np.array(true), np.array(told), mask))
        else:
            knobs[name] = float(knob_mae(np.array(true), np.array(told), mask))
    return {
        "knob_mae": _mean_counted(knobs),
        "switch_accuracy": _mean_counted(labelled),
        "per_parameter": {name: (knobs | labelled)[name] for name in names},
    }


def as_setting(name: str, value: Any) -> float | int | str | bool:
    """A setting as plain Python, from NumPy's or another library's scalar too.

    Args:
        name: of its parameter.
        value: a number, label or boolean.

    Raises:
        InputError: it is something else.
    """
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if not isinstance(value, (float, int, str)):
        raise InputError(f"A setting of {name} is {value!r}; settings are numbers, labels or booleans.")
    return value


def _kind(value: float | int | str | bool) -> str:
    if isinstance(value, str):
        return "labels"
    return "booleans" if isinstance(value, bool) else "numbers"


def _common_names(
    truth: Sequence[Mapping[str, Any]], prediction: Sequence[Mapping[str, Any]], heard: Sequence[Mapping[str, bool]]
) -> list[str]:
    names: list[str] = []
    for row, (true, told, mask) in enumerate(zip(truth, prediction, heard, strict=True)):
        if not all(isinstance(preset, Mapping) for preset in (true, told, mask)):
            raise InputError(f"Preset {row} is no dict; give a list of dicts from parameter names to settings.")
        names = names or list(true)
        for what, preset in (("true", true), ("predicted", told)):
            lacks, has = [name for name in names if name not in preset], [name for name in preset if name not in names]
            if lacks or has:
                odd = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(has)}"] * bool(has)
                raise InputError(
                    f"The {what} preset {row} {' and '.join(odd)}, unlike the first true one; "
                    "all need the same parameters."
                )
        if unknown := [name for name in mask if name not in names]:
            raise InputError(f"`heard` {row} names {', '.join(unknown)}; the presets have {', '.join(names)}.")
    return names


def _mean_counted(values: Mapping[str, float]) -> float:
    counted = [value for value in values.values() if not np.isnan(value)]
    return float(np.mean(counted)) if counted else float("nan")


def _mask(truth: np.ndarray, prediction: np.ndarray, heard: np.ndarray | None) -> np.ndarray:
    mask = np.ones(truth.shape, dtype=bool) if heard is None else np.asarray(heard, dtype=bool)
    if truth.ndim not in (1, 2) or not truth.shape == prediction.shape == mask.shape:
        shapes = f"{truth.shape} and {prediction.shape}" + ("" if heard is None else f", heard {mask.shape}")
        raise InputError(f"Settings to compare need one shape, (rows,) or (rows, parameters); got {shapes}.")
    return mask


def masked_mean(values: np.ndarray, mask: np.ndarray) -> float | np.ndarray:
    """Mean over the rows where `mask` is true, NaN where it never is: a float, or one per column."""
    count = mask.sum(axis=0)
    total = np.where(mask, values, 0.0).sum(axis=0)
    means = np.divide(total, count, out=np.full(np.shape(count), np.nan), where=count > 0)
    return means if values.ndim == 2 else float(means)
