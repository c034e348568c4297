"""Publishing datasets, checkpoints and metrics on the Hugging Face Hub.

`publish_dataset`, `publish_checkpoint` and `publish_metric` bring a repository to the
state it should have, in one commit, and name that state by a tag.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
