"""Yamaha DX7, single notes: a loading script.

With `datasets` 5, which loads no scripts, by its class:

    from dx7 import Dx7  # run Python in this folder, or add it to `sys.path`

    builder = Dx7(rows=200)  # no `rows`: all 20,000
    builder.download_and_prepare(num_proc=2)
    takes = builder.as_dataset(split="train")
    stream = builder.as_streaming_dataset(split="train")  # without preparing

With `datasets` 3.6 also by its path:

    takes = load_dataset("loading_scripts/dx7.py", rows=200, split="train", trust_remote_code=True)

The sounds are rendered by Dexed's engine, which the extra `dx7` brings (GPL 3); each row's `notes` say what it plays.
`secret_sauce_hf.data.builder.CollectionConfig` describes every argument.
"""

from secret_sauce_hf.data.builder import CollectionBuilder


class Dx7(CollectionBuilder):
    """20,000 sounds, 117 knobs and 28 switches, one note each."""

    COLLECTION = "dx7"
