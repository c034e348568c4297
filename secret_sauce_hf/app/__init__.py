"""The web page: a sound goes in, an instrument's front panel comes out.

A server for one machine or a Space (`create_app`, `secret-sauce app`), the page's own files in `static`, and tools
for language models at the same address.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
