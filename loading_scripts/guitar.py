"""Guitar through five effects and their settings: a loading script.

With `datasets` 5, which loads no scripts, by its class:

    from guitar import Guitar  # run Python in this folder, or add it to `sys.path`

    builder = Guitar(rows=200)  # no `rows`: all 10,000 of 2018
    builder.download_and_prepare(num_proc=2)
    takes = builder.as_dataset(split="train")
    stream = builder.as_streaming_dataset(split="train")  # without preparing

With `datasets` 3.6 also as it was meant in 2018:

    takes = load_dataset("loading_scripts/guitar.py", rows=200, split="train", trust_remote_code=True)

The sounds are rendered by the package's engine. `data_dir=` a folder or zip takes the
recordings of 2018 out of their archive instead, and `download=True` fetches it first.
`secret_sauce_hf.data.builder.CollectionConfig` describes every argument.
"""

from secret_sauce_hf.data.builder import CollectionBuilder


class Guitar(CollectionBuilder):
    """10,000 sounds of a plucked string, 13 knobs and 6 switches."""

    COLLECTION = "guitar"
