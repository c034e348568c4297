"""How far predicted settings are from true ones."""

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
    return _mean(np.abs(truth - prediction), mask)


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
    return _mean((truth == prediction).astype(np.float64), mask)


def _mask(truth: np.ndarray, prediction: np.ndarray, heard: np.ndarray | None) -> np.ndarray:
    mask = np.ones(truth.shape, dtype=bool) if heard is None else np.asarray(heard, dtype=bool)
    if truth.ndim not in (1, 2) or not truth.shape == prediction.shape == mask.shape:
        shapes = f"{truth.shape} and {prediction.shape}" + ("" if heard is None else f", heard {mask.shape}")
        raise InputError(f"Settings to compare need one shape, (rows,) or (rows, parameters); got {shapes}.")
    return mask


def _mean(values: np.ndarray, mask: np.ndarray) -> float | np.ndarray:
    count = mask.sum(axis=0)
    total = np.where(mask, values, 0.0).sum(axis=0)
    means = np.divide(total, count, out=np.full(np.shape(count), np.nan), where=count > 0)
    return means if values.ndim == 2 else float(means)
