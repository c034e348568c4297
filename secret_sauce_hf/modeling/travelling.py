"""The code that a published checkpoint carries, for those who have not installed the package.

Every checkpoint that is saved (`save_pretrained`, `train`, a `Trainer`) has it. The ones
that ship with the package have not: whoever publishes such a folder adds what is here.
"""

from secret_sauce_hf.modeling.checkpoint_secret_sauce import (
    code_files,
    published_config,
    published_extractor,
    save_code,
)

__all__ = ["code_files", "published_config", "published_extractor", "save_code"]
