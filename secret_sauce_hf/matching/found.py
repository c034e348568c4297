"""What `match` gives: a result that can be written."""

from pathlib import Path

from secret_sauce_hf.matching import writing
from secret_sauce_hf.matching.result import Result


class Match(Result):
    """A preset found for a sound, see `Result` for what it holds."""

    def save(self, folder: str | Path, stem: str = "match", *, unheard: bool = False) -> dict[str, Path]:
        """Write the preset as JSON, MIDI and a file of the instrument's own, the re-rendered sound and the picture.

        Files of these names are replaced, each as a whole. Of every further candidate there are
        the same files but JSON and picture.

        Args:
            folder: made where it is missing.
            stem: of the files' names.
            unheard: whether the MIDI sends parameters that are not heard, too; what the
                collection has fixed, it always does.

        Returns:
            The files by kind: "midi" (only if MIDI reaches the instrument), "noisemakerpreset"
            (only of the NoiseMaker), "fxp" or "vstpreset" (only of a plug-in that is here), "json", "wav" (only if
            there is an engine) and "png" (only if matplotlib is installed); those of the second candidate as "midi-2"
            and so on.

        Raises:
            InputError: `folder` is a file or cannot be written to; a file would overwrite the sound.
        """
        return writing.save(self, folder, stem, unheard=unheard)
