"""How many sounds a kernel renders side by side.

State is kept as `(row, lane)` in flat arrays, so that the inner loop over the lanes becomes
vector instructions.
"""

import numpy as np

LANES = 32
"""Sounds rendered side by side by one thread."""


def every_lane(rows: np.ndarray) -> np.ndarray:
    """One row for every lane: rows, `LANES` at most and one at least, the last of them again in lanes left over."""
    return rows[np.minimum(np.arange(LANES), len(rows) - 1)]
