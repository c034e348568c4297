"""Vital, single notes: a loading script.

With `datasets` 5, which loads no scripts, by its class:

    from vital import Vital  # run Python in this folder, or add it to `sys.path`

    builder = Vital(rows=200)  # no `rows`: all 10,000
    builder.download_and_prepare(num_proc=2)
    takes = builder.as_dataset(split="train")
    stream = builder.as_streaming_dataset(split="train")  # without preparing

With `datasets` 3.6 also by its path:

    takes = load_dataset("loading_scripts/vital.py", rows=200, split="train", trust_remote_code=True)

The sounds are rendered by Vital's own engine, which comes with the extra `vital`; each row's `notes` say what it plays.
`secret_sauce_hf.data.builder.CollectionConfig` describes every argument.
"""

from secret_sauce_hf.data.builder import CollectionBuilder


class Vital(CollectionBuilder):
    """10,000 sounds, 38 knobs and 5 switches, one note each."""

    COLLECTION = "vital"
