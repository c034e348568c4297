"""From any sound to a take, and from takes to what the model reads.

A take is what the collections hold: mono, 22,050 Hz, of fixed length, with the note
starting at a fixed time.
"""

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from transformers import BatchFeature, FeatureExtractionMixin
from transformers.audio_utils import mel_filter_bank

try:
    from secret_sauce_hf.instruments.spec import SAMPLE_RATE, InputError
except ImportError:
    from .spec import SAMPLE_RATE, InputError  # type: ignore[import-not-found, no-redef]

MAX_SECONDS = 60
"""No more than this is read of a sound; its first sound should have come by then."""
MAX_SAMPLES = 2**26
"""No more than this either, over all channels."""
MAX_CHANNELS = 64
RATES = (1_000, 768_000)
"""Lowest and highest sample rate that is believed, in Hz."""

ONSET_BLOCK = 32
"""Length of the blocks in which an onset is looked for, in samples (1.5 ms)."""
ONSET_DB = -40.0
"""An onset is the first block whose level comes this close to the loudest block's."""
SAME_LENGTH = 0.001
"""A sound whose length differs from a take's by at most this, in seconds, is one."""

PEAK = 0.999
"""Louder takes are turned down to this peak, as when the collections were recorded."""
POWER_FLOOR = 1e-10
"""Added to every power, relative to a full-scale sine: the noise of 16 bits lies there."""
BATCH = 64
"""How many takes are transformed at a time, to bound the memory."""

DEFAULT_INPUTS: tuple[dict[str, Any], ...] = (
    # 23 ms windows follow an LFO's swings and the onset, harmonics of note 60 just separate.
    {"name": "short_mels", "kind": "mels", "window": 512, "hop": 128, "bins": 64},
    # 93 ms windows show single harmonics and the side bands of a fast LFO.
    {"name": "long_mels", "kind": "mels", "window": 2048, "hop": 512, "bins": 160},
    # Level, and how far the waveform swings to either side (its skewness), per 2.5 ms.
    {"name": "envelope", "kind": "envelope", "hop": 55, "bins": 3},
    # Which rates modulate which of 16 bands, and where in its swing each was at the note-on:
    # only that tells whether an LFO's amount is positive or negative.
    {"name": "modulation", "kind": "modulation", "window": 128, "hop": 32, "rates": 96, "bins": 32},
)
MODULATION_HZ = (0.7, 330.0)
"""Lowest and highest modulation rate that is looked for."""
MODULATION_CYCLES = 4.0
"""How many cycles of a modulation are weighed, less and less, from the note-on on."""


class SecretSauceFeatureExtractor(FeatureExtractionMixin):
    """Makes log-mel spectrograms, a level envelope and a modulation spectrum of sounds.

    A sound as long as a take is used as it is. In any other, the onset is looked for and
    put where the note starts in a take; what lies before and after is cut, or is silence.
    Channels are averaged. Levels are kept, since they tell of the settings, but for takes
    that are louder than full scale.

    Args:
        sampling_rate: of a take, in Hz.
        take_samples: its length in samples.
        note_on: when the note starts in it, in seconds.
        inputs: per input its `name`, its `kind` ("mels", "envelope" or "modulation") and
            its sizes (samples), as in `DEFAULT_INPUTS`.
        **kwargs: as of `FeatureExtractionMixin`.
    """

    model_input_names = ["short_mels", "long_mels", "envelope", "modulation", "peak"]  # noqa: RUF012 - the library's own form

    def __init__(
        self,
        sampling_rate: int = SAMPLE_RATE,
        take_samples: int = 19_845,
        note_on: float = 0.0667,
        inputs: Sequence[Mapping[str, Any]] = DEFAULT_INPUTS,
        **kwargs: Any,
    ):
        self.sampling_rate = sampling_rate
        self.take_samples = take_samples
        self.note_on = note_on
        self.inputs = [dict(record) for record in inputs]
        super().__init__(**kwargs)

    def input_sizes(self) -> list[dict[str, Any]]:
        """Per input its `name`, number of `frames` and of `bins` per frame."""
        return [
            {"name": record["name"], "frames": self._frames(record), "bins": record["bins"]} for record in self.inputs
        ]

    def _frames(self, record: Mapping[str, Any]) -> int:
        if record["kind"] == "modulation":
            return record["rates"]
        return self.take_samples // record["hop"] + (record["kind"] == "mels")

    def __call__(
        self, sounds: Any, sampling_rate: int | None = None, return_tensors: str | None = "pt", **_: Any
    ) -> BatchFeature:
        """Read sounds, align them and transform them.

        Args:
            sounds: one sound (see `read_sound`) or a list of them.
            sampling_rate: of sounds given as bare arrays, in Hz.
            return_tensors: "pt" or "np".

        Returns:
            Per input an array of shape (sounds, frames, bins), and `peak`, the highest
            absolute sample of each take, shape (sounds,).

        Raises:
            InputError: a sound that cannot be read; no sound.
        """
        batch = sounds if isinstance(sounds, list) else [sounds]
        if not batch:
            raise InputError("There is no sound in the list; give at least one.")
        takes = np.stack([self.take(sound, sampling_rate) for sound in batch])
        features = self.transform(torch.from_numpy(takes))
        return BatchFeature(features if return_tensors == "pt" else {k: v.numpy() for k, v in features.items()})

    def take(self, sound: Any, sampling_rate: int | None = None) -> np.ndarray:
        """A sound as a take: float32 of shape (take_samples,), full scale ±1.

        Raises:
            InputError: see `read_sound`.
        """
        samples, rate = read_sound(sound, sampling_rate)
        if rate != self.sampling_rate:
            samples = soxr.resample(samples, rate, self.sampling_rate)
        take = align(samples, self.take_samples, round(self.note_on * self.sampling_rate), self.sampling_rate)
        return take * np.float32(PEAK / max(PEAK, float(np.abs(take).max())))

    def transform(self, takes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Takes to the model's inputs; see `__call__` for the shapes.

        Args:
            takes: float32 of shape (takes, take_samples).
        """
        parts = []
        with torch.inference_mode():
            for chunk in takes.split(BATCH):
                part = {record["name"]: self._transform(chunk, record) for record in self.inputs}
                parts.append(part | {"peak": chunk.abs().amax(dim=1)})
        # Cloned outside of inference mode: training needs ordinary tensors.
        return {name: torch.cat([part[name] for part in parts]).clone() for name in parts[0]}

    def _transform(self, takes: torch.Tensor, record: Mapping[str, Any]) -> torch.Tensor:
        """One input of takes (takes, samples): shape (takes, frames, bins), of the order of ±2."""
        if record["kind"] == "envelope":
            return _envelope(takes, record["hop"])
        if record["kind"] == "modulation":
            return _modulation(
                takes, record["window"], record["hop"], record["rates"], record["bins"] // 2, self.note_on
            )
        # 0 dBFS to about +2, -90 dBFS to about -1.
        return (_log_mels(takes, record["window"], record["window"], record["hop"], record["bins"]) + 6) / 3


def read_sound(sound: Any, sampling_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Read at most the first minute of a sound and average its channels.

    Args:
        sound: a path; the bytes of a file; an array; a mapping with `array` and
            `sampling_rate`, or with `bytes` or `path` (as datasets gives audio that is
            not decoded); or a decoder with `get_all_samples` (as datasets gives audio
            that is). Arrays have shape (samples,), (samples, channels) or (channels,
            samples): the shorter axis is the channels. Floats have full scale ±1,
            integers (of 8 to 32 bits) that of their type.
        sampling_rate: of a bare array, in Hz.

    Returns:
        float32 samples of shape (samples,), and the rate in Hz.

    Raises:
        InputError: missing, empty, not audio, not numbers; an array without a rate.
    """
    if isinstance(sound, str | Path):
        return _read_file(Path(sound), str(sound))
    if isinstance(sound, bytes | bytearray | memoryview):
        return _read_file(io.BytesIO(sound), "the given bytes")
    if isinstance(sound, Mapping):
        if sound.get("array") is not None:
            return _from_array(sound["array"], sound.get("sampling_rate") or sampling_rate)
        if sound.get("bytes"):
            return _read_file(io.BytesIO(sound["bytes"]), str(sound.get("path") or "the given bytes"))
        if sound.get("path"):
            return _read_file(Path(sound["path"]), str(sound["path"]))
        raise InputError(
            f"A sound given as a mapping needs array and sampling_rate, or bytes, or path; got {sorted(sound)}."
        )
    if hasattr(sound, "get_all_samples"):
        decoded = sound.get_all_samples()
        return _from_array(decoded.data, decoded.sample_rate)
    if hasattr(sound, "__array__") or isinstance(sound, Sequence):
        return _from_array(sound, sampling_rate)
    raise InputError(
        f"Cannot read a sound from {type(sound).__name__}; give a path, bytes, an array with its sampling rate, "
        "or a mapping."
    )


def _read_file(source: Path | io.BytesIO, name: str) -> tuple[np.ndarray, int]:
    if isinstance(source, Path):
        if not source.is_file():
            raise InputError(f"No such sound file: {name}.")
        size = source.stat().st_size
    else:
        size = source.getbuffer().nbytes
    if size == 0:
        raise InputError(f"The sound file is empty: {name}.")
    try:
        with soundfile.SoundFile(source) as file:
            rate, channels = file.samplerate, file.channels
            _check_format(rate, channels, name)
            frames = min(len(file), MAX_SECONDS * rate, MAX_SAMPLES // channels)
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"Not a sound file that can be read: {name} ({error}). Convert it to WAV.") from error
    return _to_mono(samples, name), rate


def _from_array(values: Any, rate: Any) -> tuple[np.ndarray, int]:
    if rate is None:
        raise InputError('An array needs its rate: give {"array": samples, "sampling_rate": Hz} or sampling_rate=Hz.')
    try:
        hertz = float(rate)
        samples = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"Not an array of samples with a sampling rate: {error}.") from error
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu":
        raise InputError(
            f"A sound's array must be (samples,), (samples, channels) or (channels, samples) of numbers, got shape "
            f"{samples.shape} of {samples.dtype}."
        )
    if samples.size == 0:
        raise InputError("There are no samples in the given array.")
    if samples.dtype.kind in "iu" and samples.dtype.itemsize > 4:
        raise InputError(
            "The full scale of 64-bit integers (and of lists of integers) is not known; give an array of int16, int32 "
            "or floats from -1 to 1."
        )
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.shape[0] < samples.shape[1]:
        samples = samples.T
    if not hertz.is_integer():
        raise InputError(f"The sampling rate must be a whole number of Hz, not {rate}.")
    _check_format(round(hertz), samples.shape[1], "the given array")
    samples = samples[: MAX_SECONDS * round(hertz)]
    if samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    elif samples.dtype.kind == "u":
        middle = (float(np.iinfo(samples.dtype).max) + 1) / 2
        samples = samples / middle - 1
    return _to_mono(samples, "the given array"), round(hertz)


def _check_format(rate: float, channels: int, name: str) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"A sampling rate of {rate} Hz is not one of {RATES[0]} to {RATES[1]} Hz: {name}.")
    if channels > MAX_CHANNELS:
        raise InputError(f"{channels} channels are more than the {MAX_CHANNELS} that are read: {name}.")


def _to_mono(samples: np.ndarray, name: str) -> np.ndarray:
    if len(samples) == 0:
        raise InputError(f"There are no samples in {name}.")
    mono = samples.mean(axis=1, dtype=np.float64).astype(np.float32)
    if not np.isfinite(mono).all():
        raise InputError(f"There are samples that are not finite numbers (NaN or infinite) in {name}.")
    return mono


def align(samples: np.ndarray, length: int, note_on: int, rate: int) -> np.ndarray:
    """Cut or pad a sound so that its onset lies where a take's note starts.

    Args:
        samples: shape (any,).
        length: of a take, in samples.
        note_on: where its note starts, in samples.
        rate: in Hz.

    Returns:
        float32 of shape (length,). A sound of the take's length comes back as it is,
        and a silent one from its beginning.
    """
    is_take = abs(len(samples) - length) <= SAME_LENGTH * rate
    start = 0 if is_take else find_onset(samples) - note_on
    take = np.zeros(length, dtype=np.float32)
    piece = samples[max(start, 0) : max(start + length, 0)]
    take[max(-start, 0) : max(-start, 0) + len(piece)] = piece
    return take


def find_onset(samples: np.ndarray) -> int:
    """The sample at which a sound starts (see `ONSET_DB`); 0 if it is silent."""
    padded = np.pad(samples, (0, -len(samples) % ONSET_BLOCK)).reshape(-1, ONSET_BLOCK)
    power = np.square(padded, dtype=np.float64).mean(axis=1)
    if not power.any():
        return 0
    threshold = power.max() * 10 ** (ONSET_DB / 10)
    block = int(np.argmax(power >= threshold))
    # Some sample of the block is at least as loud as its mean.
    return block * ONSET_BLOCK + int(np.argmax(np.square(padded[block], dtype=np.float64) >= threshold))


def _log_mels(takes: torch.Tensor, size: int, window: int, hop: int, bins: int) -> torch.Tensor:
    """Log10 of the power in mel bands, 0 for a full-scale sine: (takes, frames, bins)."""
    hann = torch.hann_window(window)
    spectrum = torch.stft(takes, size, hop, win_length=window, window=hann, pad_mode="constant", return_complex=True)
    power = (spectrum.real.square() + spectrum.imag.square()) * (2 / hann.sum()).square()
    return torch.log10(power.transpose(1, 2) @ _mel_filters(size, bins) + POWER_FLOOR)


@lru_cache(maxsize=8)
def _mel_filters(size: int, bins: int) -> torch.Tensor:
    filters = mel_filter_bank(size // 2 + 1, bins, 20.0, SAMPLE_RATE / 2, SAMPLE_RATE, norm=None, mel_scale="htk")
    return torch.from_numpy(filters).float()


def _envelope(takes: torch.Tensor, hop: int) -> torch.Tensor:
    blocks = takes[:, : takes.shape[1] // hop * hop].unflatten(1, (-1, hop))
    level = (torch.log10(blocks.square().mean(dim=2) + POWER_FLOOR) + 4) / 3
    return torch.stack([level, 2 * blocks.amax(dim=2), 2 * blocks.amin(dim=2)], dim=2)


def _modulation(takes: torch.Tensor, window: int, hop: int, rates: int, bands: int, note_on: float) -> torch.Tensor:
    """Modulation spectrum of the bands' levels, with its phase at the note-on: (takes, rates, 2 * bands).

    Cosine and sine part of the lowest band, of the next, and so on.
    """
    levels = _log_mels(takes, 2 * window, window, hop, bands)
    spectrum = levels.transpose(1, 2) @ _modulation_kernels(levels.shape[1], hop, rates, note_on)
    # (takes, bands, 2, rates) to (takes, rates, bands * 2)
    return 5 * spectrum.unflatten(2, (2, rates)).permute(0, 3, 1, 2).flatten(2)


@lru_cache(maxsize=8)
def _modulation_kernels(frames: int, hop: int, rates: int, note_on: float) -> torch.Tensor:
    """Cosines and sines of `rates` rates since the note-on, under a falling window: (frames, 2 * rates)."""
    # The first frames hold the onset's click.
    seconds = np.arange(frames) * hop / SAMPLE_RATE - note_on - 0.006
    hertz = np.geomspace(*MODULATION_HZ, rates)
    cycles = seconds[:, None] * hertz
    window = np.where(
        (cycles >= 0) & (cycles <= MODULATION_CYCLES), np.cos(0.5 * np.pi * cycles / MODULATION_CYCLES) ** 2, 0.0
    )
    window /= window.sum(axis=0)
    waves = np.exp(-2j * np.pi * cycles)
    # A constant level gives zero at every rate.
    waves = window * (waves - (window * waves).sum(axis=0))
    return torch.from_numpy(np.concatenate([waves.real, waves.imag], axis=1)).float()
