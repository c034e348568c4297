"""From a sound to a preset, its MIDI and what it sounds like."""

import io
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from secret_sauce_hf.engines import engine_version, has_engine, render
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    SAMPLE_RATE,
    Collection,
    InputError,
    get_collection,
    same_parameters,
)
from secret_sauce_hf.metrics import distances
from secret_sauce_hf.modeling.registration import DEFAULT_COLLECTION
from secret_sauce_hf.presets import Presets


@dataclass(frozen=True, eq=False)
class Match:
    """A preset found for a sound.

    Args:
        sound: what the sound is called.
        collection: the collection whose parameters are set.
        preset: name → setting of each parameter, on the grid of its CC values.
        confidence: name → how sure the model is, 0 to 1.
        heard: name → whether the parameter changes this sound at all.
        cc: name → CC value of each parameter that has a controller.
        model: the checkpoint that made the prediction.
        reference: the sound as the model heard it, brought to a take's length and
            timing: float32 of shape (samples,) at 22,050 Hz.
        rendered: the preset rendered from silence, in the same form; None if there is
            no engine for the instrument.
        distances: name → distance between `reference` and `rendered`, MSS first; empty
            without the latter.
        versions: of what made this.
    """

    sound: str
    collection: Collection
    preset: dict[str, float | str]
    confidence: dict[str, float]
    heard: dict[str, bool]
    cc: dict[str, int]
    model: str
    reference: np.ndarray = field(repr=False)
    rendered: np.ndarray | None = field(repr=False)
    distances: dict[str, float]
    versions: dict[str, str]

    @property
    def midi(self) -> list[Any]:
        """The `mido` messages that set the preset, as far as MIDI reaches the instrument."""
        from secret_sauce_hf.midi import preset_messages

        return preset_messages(self.collection, self.preset)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the sounds, as JSON-ready values."""
        return {
            "sound": self.sound,
            "collection": self.collection.name,
            "instrument": self.collection.instrument.name,
            "model": self.model,
            "preset": self.preset,
            "confidence": self.confidence,
            "heard": self.heard,
            "cc": self.cc,
            "distances": self.distances or None,
            "versions": self.versions,
        }

    def save(self, folder: str | Path, stem: str = "match") -> dict[str, Path]:
        """Write the preset as JSON and MIDI, the re-rendered sound and the picture.

        Files of these names are replaced, each as a whole.

        Args:
            folder: made where it is missing.
            stem: of the files' names.

        Returns:
            The files by kind: "midi" (only if MIDI reaches the instrument), "json", "wav"
            (only if there is an engine) and "png" (only if matplotlib is installed).

        Raises:
            InputError: `folder` is a file.
        """
        from secret_sauce_hf.midi import preset_midi_file

        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; give a folder for the match to go to.")
        folder.mkdir(parents=True, exist_ok=True)
        contents: dict[str, Callable[[io.BytesIO], Any]] = {}
        if self.midi:
            midi_file = preset_midi_file(self.collection, self.preset)
            contents["midi"] = lambda target: midi_file.save(file=target)
        contents["json"] = lambda target: target.write((json.dumps(self.to_dict(), indent=2) + "\n").encode())
        if self.rendered is not None:
            # The engine's own 16 bits; libsndfile would scale floats by 32,767.
            take = np.rint(self.rendered * np.float32(32_768)).astype(np.int16)
            contents["wav"] = lambda target: soundfile.write(target, take, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        if _has_matplotlib():
            contents["png"] = self._write_png
        files = {}
        for kind, write in contents.items():
            content = io.BytesIO()
            write(content)
            files[kind] = folder / f"{stem}.{'mid' if kind == 'midi' else kind}"
            write_whole(files[kind], content.getvalue())
        return files

    def _write_png(self, target: io.BytesIO) -> None:
        from secret_sauce_hf.matching.picture import draw

        with warnings.catch_warnings():
            # A name in a script that the font lacks is drawn as boxes; that is all.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            # Without the library's version, so that it does not change the bytes.
            draw(self).savefig(target, format="png", dpi=110, metadata={"Software": None})


def match(
    sound: Any,
    *,
    collection: str | Path | Collection | None = None,
    model: Any = None,
    sampling_rate: int | None = None,
) -> Match:
    """Find the preset that makes a sound, and render it.

    Args:
        sound: a path, bytes, an array, a mapping or decoded audio, as the pipeline takes them.
        collection: whose parameters to set; if None, the model's own, or
            `noisemaker-light` if no model is given either.
        model: a checkpoint's folder, a model on the Hub (`ORG/NAME`), or an
            `AudioToPresetPipeline` that is loaded already; if None, the checkpoint that
            ships for the collection.
        sampling_rate: of a sound given as a bare array, in Hz.

    Returns:
        The match; nothing is written until its `save`.

    Raises:
        InputError: the sound or the checkpoint cannot be read, no checkpoint ships for
            the collection, or the model predicts another one.
    """
    if collection is not None:
        collection = get_collection(collection)
    pipe, model_name = _load(collection, model)
    own = _collection_of(pipe.model.config)
    if collection is None:
        collection = own
    elif own.name != collection.name:
        raise InputError(
            f"{model_name} predicts presets of {own.name}, not of {collection.name}: ask for {own.name}, or give a "
            f"model of {collection.name}."
        )
    elif not same_parameters(own, collection):
        raise InputError(
            f"{model_name} was trained for other parameters of {own.name} than those declared; train it again, or "
            "leave the collection out."
        )
    reference = pipe.feature_extractor.take(sound, sampling_rate)
    answer = pipe({"array": reference, "sampling_rate": pipe.feature_extractor.sampling_rate})
    # What is rendered is what the MIDI sets: settings on the grid of their controllers.
    predicted = Presets.from_settings(collection, [answer["preset"]])
    presets = Presets.from_cc(collection, predicted.cc)
    instrument = collection.instrument.name
    versions = {"secret_sauce_hf": version("secret_sauce_hf")}
    rendered, values = None, {}
    # Of an instrument that only a checkpoint tells of, the engine would lack parameters.
    if has_engine(collection.instrument):
        rendered = (render(presets)[0] / 32_768).astype(np.float32)
        values = {name: float(value) for name, value in distances(reference, rendered, SAMPLE_RATE).items()}
        versions["engine"] = engine_version(instrument)
    return Match(
        sound=_name_of(sound),
        collection=collection,
        preset=next(presets.rows()),
        confidence=answer["confidence"],
        heard=answer["heard"],
        cc={p.name: cc for p, cc in zip(presets.parameters, presets.cc[0].tolist(), strict=True) if p.control},
        model=model_name,
        reference=reference,
        rendered=rendered,
        distances=values,
        versions=versions,
    )


def _load(collection: Collection | None, model: Any) -> tuple[Any, str]:
    """The pipeline and what to call its model."""
    from secret_sauce_hf.modeling import load_pipeline

    if model is not None and not isinstance(model, str | Path):
        return model, str(model.model.name_or_path)
    if model is not None:
        return load_pipeline(model), str(model)
    name = collection.name if collection is not None else DEFAULT_COLLECTION
    if name not in COLLECTIONS:
        raise InputError(f"No checkpoint ships for {name}; train one with `secret-sauce train`, and give its folder.")
    return load_pipeline(collection=name), f"{name}, as shipped"


def _collection_of(config: Any) -> Collection:
    """What a model's config tells of its collection."""
    from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig

    if not isinstance(config, SecretSauceConfig):
        # The checkpoint came with code of its own.
        config = SecretSauceConfig.from_dict(config.to_dict())
    return config.to_collection()


def _name_of(sound: Any) -> str:
    """A path's last part, also of datasets' audio; else just "sound"."""
    if isinstance(sound, Mapping):
        sound = sound.get("path")
    return Path(sound).name if isinstance(sound, str | Path) else "sound"


def _has_matplotlib() -> bool:
    return find_spec("matplotlib") is not None
