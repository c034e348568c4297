"""From any sound to a take, and from takes to what the model reads.

A take is what the collections hold: mono, 22,050 Hz, of fixed length, with the note
starting at a fixed time.
"""

import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional
from transformers import BatchFeature, FeatureExtractionMixin
from transformers.audio_utils import mel_filter_bank
from transformers.utils import logging

from .checkpoint_secret_sauce import (
    EXTRACTOR_FILE,
    IS_COPY,
    Registered,
    check_arguments,
    check_extractor_sizes,
    extractor_arguments,
    own_extractor_values,
    published_extractor,
    read_json,
    tensor_kind,
)
from .strokes_secret_sauce import (
    HARMONIC_BINS,
    PLAYED_BINS,
    POWER_FLOOR,
    Played,
    Stroke,
    harmonics,
    played,
    stack,
    window,
)

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments.errors import InputError
    from secret_sauce_hf.instruments.listening import STEADY, align, mix, without_steady
    from secret_sauce_hf.instruments.sounds import MAX_SAMPLES, RATES, listed, read_samples
    from secret_sauce_hf.instruments.takes import PEAK, SAMPLE_RATE
except ImportError:
    from .errors import InputError  # type: ignore[import-not-found, no-redef]
    from .listening import STEADY, align, mix, without_steady  # type: ignore[import-not-found, no-redef]
    from .sounds import MAX_SAMPLES, RATES, listed, read_samples  # type: ignore[import-not-found, no-redef]
    from .takes import PEAK, SAMPLE_RATE  # type: ignore[import-not-found, no-redef]

try:
    import soxr
except ImportError:
    # The package brings it; beside a checkpoint that is used without the package it may not be there.
    soxr = None


BATCH = 8
"""How many takes are transformed at a time: what they need fits into a processor's cache."""

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
LISTENED_SECONDS = 4.0
"""How much of a stroke a model of notes reads."""
NOTE_INPUTS: tuple[dict[str, Any], ...] = (
    # Slow envelopes, slow LFOs and releases, for which the others are too short.
    {"name": "far_mels", "kind": "mels", "window": 2048, "hop": 1470, "bins": 48},
    # The spectrum as it looks at any pitch, for a second and a half.
    {"name": "harmonics", "kind": "harmonics", "window": 4096, "hop": 2048, "frames": 16, "bins": HARMONIC_BINS},
    {"name": "played", "kind": "played", "bins": PLAYED_BINS},
)
"""What a model of notes reads besides the others, which it reads of a stroke's beginning."""
OF_STROKES = ("harmonics", "played")
"""Kinds of inputs that depend on what is played."""

MODULATION_HZ = (0.7, 330.0)
"""Lowest and highest modulation rate that is looked for."""
MODULATION_CYCLES = 4.0
"""How many cycles of a modulation are weighed, less and less, from the note-on on."""

# What `transformers.ASTFeatureExtractor` computes, at any rate: Kaldi's 25 ms, 10 ms and
# pre-emphasis at 16 kHz, and the least power that has a logarithm.
FBANK_WINDOW = 400
FBANK_HOP = 160
FBANK_FFT = 512
FBANK_PREEMPHASIS = 0.97
FBANK_FLOOR = 1.192092955078125e-07

PASS_BAND = 0.913
"""Up to this part of the lower rate's Nyquist frequency resampling leaves a sound as it is, like soxr."""
STOP_BAND_DB = 110.0
"""How much weaker than before, in dB, it leaves what lies above the Nyquist frequency."""
MAX_RATIO_TERM = 5_120
"""Ratios of sample rates that need a larger denominator than this are rounded, by less than half a cent."""
RESAMPLED_TOGETHER = 32
"""How many neighbouring samples are resampled by one product of matrices."""
RESAMPLED_AT_ONCE = 2**22
"""How many values are multiplied at a time, to bound the memory."""


logger = logging.get_logger(__name__)


class Placed(NamedTuple):
    """A sound as a take.

    Args:
        take: float32 of shape (samples,), full scale ±1.
        start: the sample of the sound, at the take's rate, that is the take's first one,
            negative where the sound begins later.
        length: how many samples the sound has, at the take's rate.
        remarks: what was done to the sound besides that, a sentence each.
    """

    take: np.ndarray
    start: int
    length: int
    remarks: tuple[str, ...]


class SecretSauceFeatureExtractor(Registered, FeatureExtractionMixin):
    """Makes log-mel spectrograms, a level envelope and a modulation spectrum of sounds, or AST's filter banks.

    In a sound the onset of the note is looked for and put where the note starts in a take;
    what lies before and after is cut, or is silence (see `listening.align`). A sound as long
    as a take is used as it is, unless its note is plainly elsewhere. Channels are averaged,
    once they are the same way round and at the same time. Levels are kept, since they tell
    of the settings, but for takes that are louder than full scale.

    Args:
        sampling_rate: of a take, in Hz.
        take_samples: its length in samples.
        note_on: when the note starts in it, in seconds.
        inputs: per input its `name`, its `kind` ("mels", "envelope", "modulation", "fbank",
            "harmonics" or "played") and its sizes (samples), as in `DEFAULT_INPUTS` and
            `NOTE_INPUTS`; with `samples`, of the take's first ones only. A "fbank" is what
            `ASTFeatureExtractor` makes of the take, but not longer than the take, and has
            its `rate` (in Hz), `bins`, `mean` and `std`.
        **kwargs: as of `FeatureExtractionMixin`.

    Raises:
        InputError: sizes that no sound has; unknown arguments.
    """

    model_input_names = [  # noqa: RUF012 - the library's own form
        *("short_mels", "long_mels", "envelope", "modulation", "fbank", "far_mels", "harmonics", "played", "peak")
    ]

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
        check_extractor_sizes(sampling_rate, take_samples, note_on, inputs, largest=(RATES[1], MAX_SAMPLES))
        self.inputs = [dict(record) for record in inputs]
        super().__init__(**extractor_arguments(kwargs))

    def input_sizes(self) -> list[dict[str, Any]]:
        """Per input its `name`, number of `frames` and of `bins` per frame."""
        return [
            {"name": record["name"], "frames": self._frames(record), "bins": record["bins"]} for record in self.inputs
        ]

    @property
    def reads_strokes(self) -> bool:
        """Whether it has to be told what is played."""
        return any(record["kind"] in OF_STROKES for record in self.inputs)

    def _frames(self, record: Mapping[str, Any]) -> int:
        samples = record.get("samples", self.take_samples)
        if record["kind"] == "modulation":
            return record["rates"]
        if record["kind"] == "harmonics":
            return record["frames"]
        if record["kind"] == "played":
            return 1
        if record["kind"] == "fbank":
            return 1 + (resampled_length(samples, self.sampling_rate, record["rate"]) - FBANK_WINDOW) // FBANK_HOP
        return samples // record["hop"] + (record["kind"] == "mels")

    def __call__(
        self, sounds: Any, sampling_rate: int | None = None, return_tensors: Any = "pt", **kwargs: Any
    ) -> BatchFeature:
        """Read sounds, align them and transform them.

        Args:
            sounds: one sound (see `read_sound`), or a list, a tuple or a dataset's column of them.
            sampling_rate: of sounds given as bare arrays, in Hz.
            return_tensors: "pt", or "np" (as is None); or a `TensorType` of either.
            **kwargs: none.

        Returns:
            Per input an array of shape (sounds, frames, bins), and `peak`, the highest
            absolute sample of each take, shape (sounds,).

        Raises:
            InputError: a sound that cannot be read; no sound; unknown arguments.
        """
        check_arguments("call of the feature extractor", kwargs, ("sampling_rate", "return_tensors"))
        kind = tensor_kind(return_tensors)
        batch = listed(sounds)
        batch = [sounds] if batch is None else list(batch)
        if not batch:
            raise InputError("There is no sound in the list; give at least one.")
        takes = np.stack([self.take(sound, sampling_rate) for sound in batch])
        features = self.transform(torch.from_numpy(takes))
        return BatchFeature(features if kind == "pt" else {k: v.numpy() for k, v in features.items()})

    def take(self, sound: Any, sampling_rate: int | None = None) -> np.ndarray:
        """A sound as a take: float32 of shape (take_samples,), full scale ±1.

        Raises:
            InputError: see `read_sound`.
        """
        placed = self.place(sound, sampling_rate)
        for remark in placed.remarks:
            logger.warning(remark)
        return placed.take

    def place(self, sound: Any, sampling_rate: int | None = None) -> Placed:
        """A sound as a take, where in the sound the take lies, and what was done to it.

        Raises:
            InputError: see `read_sound`.
        """
        samples, mixed = _read_at(self.sampling_rate, sound, sampling_rate)
        note_on = round(self.note_on * self.sampling_rate)
        take, start, cleaned = align(samples, self.take_samples, note_on, self.sampling_rate)
        take = take * np.float32(PEAK / max(PEAK, float(np.abs(take).max())))
        return Placed(take, start, len(samples), (*mixed, *cleaned))

    def read(self, sound: Any, sampling_rate: int | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
        """A sound of any length, mono and at the extractor's rate, without the offset and hum that it begins with.

        Returns:
            float32 of shape (samples,), no louder than full scale; and what was done to it, a sentence each.

        Raises:
            InputError: see `read_sound`.
        """
        samples, mixed = _read_at(self.sampling_rate, sound, sampling_rate)
        samples, cleaned = without_steady(samples, STEADY, self.sampling_rate)
        peak = float(np.abs(samples).max(initial=0))
        return (samples * np.float32(PEAK / max(PEAK, peak))).astype(np.float32), (*mixed, *cleaned)

    def windows(self, samples: np.ndarray, strokes: Sequence[Stroke]) -> np.ndarray:
        """What `transform` takes of a sound for each of its strokes: float32 of shape (strokes, take_samples).

        Args:
            samples: float32 of shape (samples,), at the extractor's rate.
            strokes: of the sound.
        """
        cut = [window(samples, stroke, self.sampling_rate, self.note_on, self.take_samples) for stroke in strokes]
        return np.stack(cut)

    def transform(self, takes: torch.Tensor, strokes: Sequence[Stroke] | None = None) -> dict[str, torch.Tensor]:
        """Takes to the model's inputs; see `__call__` for the shapes.

        Args:
            takes: float32 of shape (takes, take_samples).
            strokes: what each of them plays; only needed where `reads_strokes`.

        Raises:
            InputError: it has to be told what is played, and is not.
        """
        if self.reads_strokes and (strokes is None or len(strokes) != len(takes)):
            raise InputError(
                f"This feature extractor has to be told a stroke for each of the {len(takes)} takes; the pipeline "
                "hears them by itself."
            )
        parts = []
        with torch.inference_mode():
            for start in range(0, len(takes), BATCH):
                chunk = takes[start : start + BATCH]
                some = stack(strokes[start : start + BATCH]) if strokes and self.reads_strokes else None
                parts.append(self.features(chunk, some) | {"peak": chunk.abs().amax(dim=1)})
        # Cloned outside of inference mode: training needs ordinary tensors.
        return {name: torch.cat([part[name] for part in parts]).clone() for name in parts[0]}

    def features(self, takes: torch.Tensor, strokes: Played | None = None) -> dict[str, torch.Tensor]:
        """The model's inputs, of all takes at once and of tensors alone, so that it can be traced.

        Args:
            takes: float32 of shape (takes, take_samples).
            strokes: what each of them plays; only needed where `reads_strokes`.
        """
        return {record["name"]: self._transform(takes, record, strokes) for record in self.inputs}

    def _transform(self, takes: torch.Tensor, record: Mapping[str, Any], strokes: Played | None) -> torch.Tensor:
        """One input of takes (takes, samples): shape (takes, frames, bins), of the order of ±2."""
        if strokes is not None and record["kind"] == "played":
            return played(strokes).to(takes.device)
        takes = takes[:, : record.get("samples", takes.shape[1])]
        if strokes is not None and record["kind"] == "harmonics":
            sizes = (record["window"], record["hop"], record["frames"], round(self.note_on * self.sampling_rate))
            return (harmonics(takes, strokes.fundamental.to(takes.device), *sizes, self.sampling_rate) + 6) / 3
        if record["kind"] == "envelope":
            return _envelope(takes, record["hop"])
        if record["kind"] == "modulation":
            return _modulation(
                takes, record["window"], record["hop"], record["rates"], record["bins"] // 2, self.note_on
            )
        if record["kind"] == "fbank":
            waves = resample(takes, self.sampling_rate, record["rate"])
            return _fbank(waves, record["rate"], record["bins"], record["mean"], record["std"])
        # 0 dBFS to about +2, -90 dBFS to about -1.
        return (_log_mels(takes, record["window"], record["window"], record["hop"], record["bins"]) + 6) / 3

    @classmethod
    def get_feature_extractor_dict(cls, source: str | Path, **kwargs: Any):
        """As of `FeatureExtractionMixin`; the library's own reader raises whatever its parser does."""
        path = Path(source) / (kwargs.get("subfolder") or "") / EXTRACTOR_FILE
        if path.exists():
            read_json(path)
        return super().get_feature_extractor_dict(source, **kwargs)

    @classmethod
    def from_dict(cls, feature_extractor_dict: Mapping[str, Any], **kwargs: Any):
        """As of `FeatureExtractionMixin`, of `own_extractor_values`."""
        return super().from_dict(own_extractor_values(feature_extractor_dict), **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """As of `FeatureExtractionMixin`: what preprocessor_config.json holds."""
        return published_extractor(super().to_dict())


def _read_at(wanted: int, sound: Any, sampling_rate: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """A sound of one channel at the wanted rate in Hz, and what was done to it."""
    # No method: what an older checkpoint carries has none.
    channels, rate, name = read_samples(sound, sampling_rate)
    samples, mixed = _to_mono(channels, rate, name)
    return samples if rate == wanted else resample_sound(samples, rate, wanted), mixed


def read_sound(sound: Any, sampling_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Read at most the first minute of a sound and make one channel of it (see `listening.mix`).

    Args:
        sound: a path, an address, bytes, an open file, an array, a pair, a mapping or a
            decoder; see `read_samples` of `secret_sauce_hf.instruments.sounds`.
        sampling_rate: of a bare array, in Hz.

    Returns:
        float32 samples of shape (samples,), and the rate in Hz.

    Raises:
        InputError: missing, empty, not audio, not numbers; an array without a rate.
    """
    samples, rate, name = read_samples(sound, sampling_rate)
    return _to_mono(samples, rate, name)[0], rate


def _to_mono(samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if len(samples) == 0:
        raise InputError(f"There are no samples in {name}.")
    mono, remarks = mix(samples, rate)
    if not np.isfinite(mono).all():
        raise InputError(f"There are samples that are not finite numbers (NaN or infinite) in {name}.")
    return mono, remarks


def _log_mels(takes: torch.Tensor, size: int, window: int, hop: int, bins: int) -> torch.Tensor:
    """Log10 of the power in mel bands, 0 for a full-scale sine: (takes, frames, bins)."""
    # In 64 bits: what is quiet beside something loud is lost in single precision, on every processor otherwise.
    # Not of the default type and device, which may be others.
    hann = torch.hann_window(window, dtype=torch.float64, device=takes.device)
    spectrum = torch.stft(
        takes.double(), size, hop, win_length=window, window=hann, pad_mode="constant", return_complex=True
    )
    power = (spectrum.real.square() + spectrum.imag.square()) * (2 / hann.sum()).square()
    return torch.log10(power.float().transpose(1, 2) @ _mel_filters(size, bins) + POWER_FLOOR)


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


def _fbank(waves: torch.Tensor, rate: int, bins: int, mean: float, std: float) -> torch.Tensor:
    """Kaldi's log-mel filter banks as `transformers.ASTFeatureExtractor` has them: (takes, frames, bins).

    Its way without torchaudio, step by step, but for many takes at once and without the
    zeros that it puts behind short ones.

    Args:
        waves: shape (takes, samples).
        rate: of them, in Hz.
        bins: number of mel bands.
        mean: taken from every value; of the sounds that the encoder was trained on.
        std: the values are divided by twice this.
    """
    # In 64 bits, like there: quiet bands beside loud ones.
    frames = waves.double().unfold(1, FBANK_WINDOW, FBANK_HOP)
    frames = frames - frames.mean(dim=2, keepdim=True)
    before = torch.cat([frames[:, :, :1], frames[:, :, :-1]], dim=2)
    frames = (frames - FBANK_PREEMPHASIS * before) * torch.hann_window(
        FBANK_WINDOW, periodic=False, dtype=torch.float64, device=waves.device
    )
    spectrum = torch.fft.rfft(frames, FBANK_FFT)
    power = spectrum.real.square() + spectrum.imag.square()
    mels = (power @ _fbank_filters(bins, rate)).clamp_min(FBANK_FLOOR)
    return ((mels.log() - mean) / (2 * std)).float()


@lru_cache(maxsize=8)
def _fbank_filters(bins: int, rate: int) -> torch.Tensor:
    with warnings.catch_warnings():
        # At 128 bands the lowest are narrower than a bin of the FFT, as they were in the encoder's training.
        warnings.filterwarnings("ignore", "At least one mel filter", UserWarning)
        filters = mel_filter_bank(
            FBANK_FFT // 2 + 1,
            bins,
            20.0,
            rate // 2,
            rate,
            norm=None,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )
    return torch.from_numpy(filters).double()


def resample_sound(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Samples of a sound at another rate, by soxr where it is installed: float32, (samples,) to (others,)."""
    if soxr is not None:
        return soxr.resample(samples, rate, new_rate)
    return resample(torch.from_numpy(samples)[None], rate, new_rate)[0].numpy()


def resampled_length(samples: int, rate: int, new_rate: int) -> int:
    """How many samples there are at another rate."""
    return round(samples * new_rate / rate)


def resample(waves: torch.Tensor, rate: int, new_rate: int) -> torch.Tensor:
    """Waves at another rate, by a windowed sinc.

    J. O. Smith, "Digital Audio Resampling" (ccrma.stanford.edu/~jos/resample): every new
    sample is a sum of old ones, weighted by a low-pass filter's impulse response around
    it. The distances repeat after as many new samples as the reduced ratio's numerator.

    Args:
        waves: float32 of shape (waves, samples).
        rate: of them, in Hz.
        new_rate: in Hz.

    Returns:
        Shape (waves, `resampled_length`); outside of the waves there is silence.
    """
    if rate == new_rate:
        return waves
    ratio = Fraction(new_rate, rate).limit_denominator(MAX_RATIO_TERM)
    # In rounds of at least as many samples as are reckoned in one product.
    times = -(-RESAMPLED_TOGETHER // ratio.numerator)
    new, old = times * ratio.numerator, times * ratio.denominator
    half, groups = _sinc_filters(new, old)
    length = resampled_length(waves.shape[1], rate, new_rate)
    rounds = -(-length // new)
    behind = (rounds + 1) * old + 2 * half - waves.shape[1]
    padded = functional.pad(waves, (half - 1, max(behind, 0)))
    columns = []
    for offset, weights in groups:
        windows = padded[:, offset:].unfold(1, len(weights), old)[:, :rounds]
        # They overlap, and are copied for the product: not all at once.
        # To `torch.export` the number of waves is none that can be reckoned with.
        exporting = torch.compiler.is_exporting()
        some = rounds if exporting else max(1, RESAMPLED_AT_ONCE // (len(waves) * len(weights)))
        columns.append(torch.cat([part @ weights for part in windows.split(some, dim=1)], dim=1))
    return torch.cat(columns, dim=2).flatten(1)[:, :length]


@lru_cache(maxsize=4)
def _sinc_filters(new: int, old: int) -> tuple[int, list[tuple[int, torch.Tensor]]]:
    """Half the filter's length, and the weights of old samples in each of `new` new ones, some at a time.

    The window is Kaiser's: J. F. Kaiser, "Nonrecursive digital filter design using the
    I0-sinh window function" (1974), whose formulas give its shape and length.

    Args:
        new: how many new samples are as long as
        old: so many old ones.

    Returns:
        Half the length in old samples; per group of consecutive new samples the first old
        one, counted from `half - 1` before the first new one, and the weights, shape (old
        samples, new samples).
    """
    lower = min(1.0, new / old)  # Nyquist frequency of the result in that of the waves
    half = int(np.ceil((STOP_BAND_DB - 7.95) / (2 * 2.285 * np.pi * (1 - PASS_BAND) * lower)))
    shape = 0.1102 * (STOP_BAND_DB - 8.7)
    cutoff = lower * (1 + PASS_BAND) / 2
    groups = []
    for phases in np.split(np.arange(new), np.arange(RESAMPLED_TOGETHER, new, RESAMPLED_TOGETHER)):
        first = int(phases[0]) * old // new
        count = int(phases[-1]) * old // new - first + 2 * half
        distance = np.arange(count)[:, None] + first + 1 - half - phases * old / new
        window = np.i0(shape * np.sqrt(np.maximum(1 - (distance / half) ** 2, 0))) / np.i0(shape)
        weights = np.where(np.abs(distance) < half, cutoff * np.sinc(cutoff * distance) * window, 0)
        groups.append((first, torch.from_numpy(weights).float()))
    return half, groups
