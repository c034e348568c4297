"""TAL-NoiseMaker, one oscillator through the filter, single notes: a loading script.

With `datasets` 5, which loads no scripts, by its class:

    from noisemaker_light_notes import NoisemakerLightNotes  # run Python in this folder, or add it to `sys.path`

    builder = NoisemakerLightNotes(rows=200)  # no `rows`: all 10,000
    builder.download_and_prepare(num_proc=2)
    takes = builder.as_dataset(split="train")
    stream = builder.as_streaming_dataset(split="train")  # without preparing

With `datasets` 3.6 also by its path:

    takes = load_dataset("loading_scripts/noisemaker_light_notes.py", rows=200, split="train", trust_remote_code=True)

The sounds are rendered by the package's engine; each row's `notes` say what it plays.
`secret_sauce_hf.data.builder.CollectionConfig` describes every argument.
"""

from secret_sauce_hf.data.builder import CollectionBuilder


class NoisemakerLightNotes(CollectionBuilder):
    """10,000 sounds, 4 knobs and a switch, one note each."""

    COLLECTION = "noisemaker-light-notes"
