"""What is of 2018 only: the table, the session that played it, the archives, the scores."""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
