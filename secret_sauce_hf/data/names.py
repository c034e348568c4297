"""What the columns, the splits and the files of a dataset are called.

Apart from the code that reads and writes them, as `datasets` takes long to import.
"""

SPLITS = ("train", "test")
DATA_FOLDER = "data"
RECORD_NAME = ".build.json"
"""What a folder was built from; beside the data, not among it."""
MANIFEST_NAME = "manifest.json"
"""Which files a build consists of, with their checksums."""
ROWS_NAME = "rows.jsonl"
"""The rows of a build that were given, beside its record."""

# Columns beside the parameters' and `file` (`secret_sauce_hf.presets.FILE_COLUMN`).
AUDIO_COLUMN = "audio"
NOTES_COLUMN = "notes"
HEARD_COLUMN = "heard"
MEASURED_COLUMN = "heard_measured"
CHANGE_COLUMN = "heard_change"
SPLIT_COLUMN = "split"
"""Of a table of recordings."""
