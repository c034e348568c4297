"""Ways to search among candidates, found by name."""

from secret_sauce_hf.matching.strategies.base import Refinement, Strategy
from secret_sauce_hf.matching.strategies.registry import get_strategy, register_strategy, strategy_names

__all__ = ["Refinement", "Strategy", "get_strategy", "register_strategy", "strategy_names"]
