"""The `preset-to-audio` pipeline: from settings and notes to sounds, by the engines.

It is `audio-to-preset` the other way round, and takes what that one answers. No weights are in
it: the model of the pipeline is an engine in a model's clothes.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Pipeline, PretrainedConfig, PreTrainedModel

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, get_collection, integer, with_seconds
from secret_sauce_hf.instruments.notes import Note, asked_note
from secret_sauce_hf.instruments.takes import sound_file, to_float
from secret_sauce_hf.modeling.checkpoint_secret_sauce import check_arguments
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.rows import one_row
from secret_sauce_hf.tables import json_notes

_ARGUMENTS = ("notes", "note", "velocity", "duration", "seconds", "noise_seed", "batch_size")
_OF_THE_LIBRARY = ("local_files_only", "use_fast", "num_workers")
"""What `pipeline()` hands on to a pipeline, though it has acted on it."""
_TOLD_BESIDE = ("confidence", "heard", "controllers", "midi", "candidates", "score", "in_domain")
_PLAYED = ("notes", "note", "velocity", "duration", "seconds")


class EngineConfig(PretrainedConfig):
    """What a pipeline knows of its engine: the collection, the instrument and the engine's version."""

    model_type = "secret-sauce-engine"


class EngineModel(PreTrainedModel):
    """An engine as transformers' pipelines want a model: without weights, on the CPU.

    Args:
        collection: whose rows are rendered: the collection, its name or the path of its declaration.

    Raises:
        InputError: no engine renders the collection.
    """

    config_class = EngineConfig
    main_input_name = "presets"

    def __init__(self, collection: str | Path | Collection):
        self.collection = get_collection(collection)
        self.engine = get_engine(self.collection)
        super().__init__(
            EngineConfig(
                collection=self.collection.name,
                instrument=self.collection.instrument.name,
                engine_version=self.engine.version,
            )
        )

    @property
    def device(self) -> torch.device:
        """Where engines run."""
        return torch.device("cpu")

    def forward(self, presets: Presets, noise_seed: int = 0) -> torch.Tensor:
        """Rows to takes: float32 of shape (rows, samples) at 22,050 Hz."""
        takes = self.engine.render(presets, noise_seed=noise_seed, same_noise=True)
        return torch.from_numpy(to_float(takes))


class PresetToAudioPipeline(Pipeline):
    """Renders sounds from settings and notes.

    Call it with one row, or a list, a dataset or a generator of them. A row is a mapping from
    the parameters' names to settings; or one that holds it as `preset`, beside `notes` (a list of
    `pitch`, `velocity`, `onset` and `duration`, the latter two in seconds) and `seconds`, the length of the
    take: a line of a file of rows, or an answer of `audio-to-preset` as it is.

    What a row does not say is said for all rows by the arguments: `notes`; or one note by
    `note` (a MIDI number or a name such as "C3", which is 60), `velocity` and `duration`; and `seconds`. What
    nobody says is as in the collection: note 60, velocity 120, its takes' length.

    What there is by chance in a sound (noise, phases of oscillators that run freely) follows from `noise_seed`
    alone, so that the same row gives the same sound whatever is rendered beside it.

    Returns:
        Per row a dict of `audio`, float32 of shape (samples,), and `sampling_rate`, 22,050 Hz.

    Raises:
        InputError: a setting, a note or a length that is not one of the collection's; what the engine does not play.
    """

    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = False
    _load_tokenizer = False

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """See the class."""
        played, chance, _ = self._sanitize_parameters(**kwargs)
        played, chance = {**self._preprocess_params, **played}, {**self._forward_params, **chance}
        if isinstance(inputs, Mapping):
            (sound,) = self._sounds([inputs], played, chance)
            return sound
        if isinstance(inputs, str | bytes) or not isinstance(inputs, Iterable):
            raise InputError(
                f"{type(inputs).__name__} is no row; give a mapping from the parameters' names to settings, or several."
            )
        sounds = self._sounds(inputs, played, chance)
        return sounds if isinstance(inputs, Iterator) else list(sounds)

    def save_pretrained(self, save_directory: str | Path, *_: Any, **__: Any) -> None:
        """Refuse: an engine is a part of the package, and there are no weights to save.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"Nothing is saved in {save_directory}: an engine has no weights; name the collection to have it again."
        )

    def _sanitize_parameters(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        check_arguments("preset-to-audio pipeline", kwargs, _ARGUMENTS, _OF_THE_LIBRARY)
        given = {name: value for name, value in kwargs.items() if value is not None}
        if given.get("noise_seed") is not None:
            given["noise_seed"] = integer("noise_seed", given["noise_seed"])
        before = {name: given[name] for name in _PLAYED if name in given}
        return before, {name: given[name] for name in ("noise_seed",) if name in given}, {}

    def preprocess(
        self,
        input_: Any,
        notes: Any = None,
        note: str | int | None = None,
        velocity: int | None = None,
        duration: float | None = None,
        seconds: float | None = None,
        number: int = 0,
    ) -> Presets:
        """One row, checked: a table of it."""
        collection = self.model.collection
        one = (note, velocity, duration) != (None, None, None)
        if one and notes is not None:
            raise InputError("notes say what is played: leave out note, velocity and duration.")
        if one:
            length = collection if seconds is None else with_seconds(collection, seconds)
            notes = [asked_note(length, note, velocity, duration, released=seconds is not None)]
        elif notes is not None:
            notes = json_notes([n._asdict() if isinstance(n, Note) else n for n in notes], "the arguments")
        if isinstance(input_, Mapping) and isinstance(input_.get("preset"), Mapping):
            # What an answer tells besides is not about how it sounds.
            input_ = {name: value for name, value in input_.items() if name not in _TOLD_BESIDE}
        return one_row(collection, input_, f"row {number}", notes=notes, seconds=seconds)

    def _forward(self, input_tensors: Presets, noise_seed: int = 0) -> np.ndarray:
        return self.model(input_tensors, noise_seed)[0].numpy()

    def postprocess(self, model_outputs: np.ndarray) -> dict[str, Any]:
        """A take as the library's other pipelines tell sounds."""
        return {"audio": model_outputs, "sampling_rate": SAMPLE_RATE}

    def _sounds(self, rows: Iterable[Any], played: dict[str, Any], chance: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The sounds of rows, as many at once as the engine renders best together."""
        numbered = enumerate(rows)
        while some := [
            self.preprocess(row, **played, number=at) for at, row in islice(numbered, self.model.engine.batch)
        ]:
            takes: list[np.ndarray] = [np.empty(0)] * len(some)
            lengths = [row.collection.samples for row in some]
            for length in set(lengths):
                chosen = [at for at, samples in enumerate(lengths) if samples == length]
                together = Presets.concatenated([some[at] for at in chosen], [sound_file(at) for at in chosen])
                for at, take in zip(chosen, self.model(together, **chance).numpy(), strict=True):
                    takes[at] = take
            yield from map(self.postprocess, takes)
