"""Moog Sub Phatty, single notes: a loading script.

With `datasets` 5, which loads no scripts, by its class:

    from subphatty_notes import SubphattyNotes  # run Python in this folder, or add it to `sys.path`

    builder = SubphattyNotes(rows=200)  # no `rows`: all 10,000
    builder.download_and_prepare(num_proc=2)
    takes = builder.as_dataset(split="train")
    stream = builder.as_streaming_dataset(split="train")  # without preparing

With `datasets` 3.6 also by its path:

    takes = load_dataset("loading_scripts/subphatty_notes.py", rows=200, split="train", trust_remote_code=True)

The sounds are rendered by the package's engine; each row's `notes` say what it plays.
`secret_sauce_hf.data.builder.CollectionConfig` describes every argument.
"""

from secret_sauce_hf.data.builder import CollectionBuilder


class SubphattyNotes(CollectionBuilder):
    """10,000 sounds, 24 knobs and 5 switches, one note each."""

    COLLECTION = "subphatty-notes"
