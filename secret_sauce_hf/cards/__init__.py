"""The cards that are published with datasets, checkpoints and metrics."""

from typing import TYPE_CHECKING

from secret_sauce_hf.moved import old_names

if not TYPE_CHECKING:
    __getattr__ = old_names(__name__)
