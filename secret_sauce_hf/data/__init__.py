"""Rows and their takes to datasets, and back.

`build_collection` renders a collection into Parquet shards that plain
`datasets.load_dataset` reads with their types. `collect_recordings` makes the same of
sounds that somebody recorded. `load_takes` and `iter_takes` read both, and any other
dataset with these columns, without torchcodec. `write_sounds` writes WAV files.
`measure_heard` finds out which settings matter in a sound.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
