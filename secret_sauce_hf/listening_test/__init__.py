"""Listening tests: people judge on a page how near answers come to sounds, and what they sent back is evaluated.

`make_listening_test` writes the page, `evaluate_listening_test` reads results. Whoever takes part is a *participant*:
a listener, elsewhere in this package, is the model that hears notes.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
