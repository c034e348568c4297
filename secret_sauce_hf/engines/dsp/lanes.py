"""How many sounds a kernel renders side by side.

State is kept as `(row, lane)` in flat arrays, so that the inner loop over the lanes becomes
vector instructions.
"""

LANES = 32
"""Sounds rendered side by side by one thread."""
