"""The old place of `secret_sauce_hf.evaluation`; goes with the next version."""

from secret_sauce_hf.moved import MOVED, old_names

__all__ = list(MOVED["benchmarking"])

__getattr__ = old_names(__name__)
