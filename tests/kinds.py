"""Which collections there are, by where their rows are from."""

from secret_sauce_hf.instruments import COLLECTIONS

ORIGINAL = tuple(name for name, collection in COLLECTIONS.items() if collection.seed is None)
"""Those of 2018, which have recordings, archives and checkpoints that ship."""
NOTED = tuple(name for name in COLLECTIONS if name not in ORIGINAL)
"""Those whose rows tell what they play."""
