"""Guitar through every combination of five effects: a loading script.

With `datasets` 5, which loads no scripts, by its class:

    from guitar_tiny import GuitarTiny  # run Python in this folder, or add it to `sys.path`

    builder = GuitarTiny(rows=8)  # no `rows`: all 32 of 2018
    builder.download_and_prepare(num_proc=2)
    takes = builder.as_dataset(split="train")
    stream = builder.as_streaming_dataset(split="train")  # without preparing

With `datasets` 3.6 also as it was meant in 2018:

    takes = load_dataset("loading_scripts/guitar_tiny.py", rows=8, split="train", trust_remote_code=True)

The sounds are rendered by the package's engine. `data_dir=` a folder or zip takes the
recordings of 2018 out of their archive instead, and `download=True` fetches it first.
`secret_sauce_hf.data.builder.CollectionConfig` describes every argument.
"""

from secret_sauce_hf.data.builder import CollectionBuilder


class GuitarTiny(CollectionBuilder):
    """32 sounds of a plucked string, every effect on or off."""

    COLLECTION = "guitar-tiny"
