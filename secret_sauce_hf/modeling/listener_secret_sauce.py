"""The listener: a small network that hears which notes are played in a sound, by whatever instrument.

After two models of the field: Bittner et al., "A Lightweight Instrument-Agnostic Model for Polyphonic Note
Transcription" (2022), whose spectrum on a logarithmic scale of frequency is shifted by one harmonic after the
other and stacked, so that a convolution sees all harmonics of a pitch at once, and Hawthorne et al., "Onsets and
Frames" (2018), which tells where notes start apart from where they sound. Two things are our own: the spectrum is
reassigned in frequency (Auger and Flandrin 1995), so that low notes a semitone apart are told apart by short
windows; and a second network over frames of 2.9 ms tells when notes start and end.

This file imports torch, NumPy and siblings only, so that a checkpoint can carry a copy of it.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn
from torch.nn import functional

from .checkpoint_secret_sauce import IS_COPY
from .transcription_secret_sauce import (
    FINE_HOP,
    HOP,
    STEPS,
    Heard,
    Logits,
    transcribed,
    tuned_notes,
)

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments.errors import InputError
    from secret_sauce_hf.instruments.takes import SAMPLE_RATE, SILENCE
except ImportError:
    from .errors import InputError  # type: ignore[import-not-found, no-redef]
    from .takes import SAMPLE_RATE, SILENCE  # type: ignore[import-not-found, no-redef]

LISTENER = "listener"
"""What its two files are called, without the endings."""
FORMAT = 1
"""Of these files; another one is refused."""

MOST_SECONDS = 60
"""Longer sounds are not listened to at once."""
BINS = 3
"""Of the spectrum, per semitone."""
LOWEST_BIN = 1
"""The pitch of the lowest bin, in MIDI numbers: a twelfth below the lowest note, and a little more."""
HIGHEST_BIN = 125
"""The pitch above the highest bin: half the sample rate."""
FLOOR_DB = 80.0
"""What is softer than the loudest of a sound by more is nothing."""
WINDOWS = ((4096, 0.0, 600.0), (2048, 600.0, 2400.0), (1024, 2400.0, 11025.0))
"""Length of a window in samples, and from which to which frequency in Hz its spectrum is taken."""
HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 8, 1 / 3)
"""Of every pitch, those whose places in the spectrum are stacked; a half and a third of it tell a note from another's
harmonics."""
FINE_WINDOWS = ((128, 8, 1), (512, 24, 2))
"""Length of a window in samples, how many bands its spectrum is summed in, and how many fine frames have the same."""
MOST_RECORD, MOST_WEIGHTS = 2**20, 2**24
"""Of its files in bytes; larger ones are not read."""


class Features(NamedTuple):
    """What the network reads of a batch of sounds.

    Args:
        pitched: shape (batch, bins, frames): the reassigned spectrum, 0 (`FLOOR_DB` below the loudest) to 1.
        fine: shape (batch, bands, frames * `STEPS`): levels of bands in short windows, 0 to 1.
    """

    pitched: torch.Tensor
    fine: torch.Tensor


def features(sounds: torch.Tensor) -> Features:
    """What the network reads of sounds.

    Args:
        sounds: float32, shape (batch, samples), at `SAMPLE_RATE`; they may have any level.

    Returns:
        One frame per `HOP` samples, and one more; frame t is about sample t * `HOP`.
    """
    frames = sounds.shape[1] // HOP + 1
    bins = (HIGHEST_BIN - LOWEST_BIN) * BINS
    power = sounds.new_zeros(sounds.shape[0], frames, bins + 1)
    for size, low, high in WINDOWS:
        place, heard = _reassigned(sounds, frames, size, low, high)
        # What lies between two bins counts for both, so that fractions of a semitone are not lost.
        lower = place.floor()
        share = place - lower
        for index, value in ((lower, heard * (1 - share)), (lower + 1, heard * share)):
            inside = (index >= 0) & (index < bins)
            power.scatter_add_(2, torch.where(inside, index, float(bins)).long(), value * inside)
    fine = torch.cat([_bands(sounds, frames * STEPS, *window) for window in FINE_WINDOWS], dim=2)
    return Features(_scaled(power[..., :bins]).transpose(1, 2), _scaled(fine).transpose(1, 2))


def _frames(sounds: torch.Tensor, count: int, size: int, hop: int) -> torch.Tensor:
    """Pieces of `size` samples around every `hop`-th: shape (batch, count, size)."""
    missing = max((count - 1) * hop + size - sounds.shape[1] - size // 2, 0)
    return functional.pad(sounds, (size // 2, missing)).unfold(1, size, hop)[:, :count]


def _reassigned(
    sounds: torch.Tensor, frames: int, size: int, low: float, high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The power of every line of a spectrum, and where on the scale of the bins its frequency really is.

    The frequency of line k, at angle w, is w - Im(D / X), with X the spectrum under a Hann window and D that under
    the window's derivative (Auger and Flandrin 1995).

    Returns:
        Both of shape (batch, frames, lines).
    """
    pieces = _frames(sounds, frames, size, HOP)
    # A silence of zeros has no frequency, and an offset is none.
    plain = torch.fft.rfft(pieces - pieces.mean(dim=2, keepdim=True))
    first, last = max(1, round(low * size / SAMPLE_RATE)), min(round(high * size / SAMPLE_RATE), size // 2)
    # Windows that are sums of a constant, a cosine and a sine mix neighbouring lines: one transform does for both.
    before, here, after = plain[..., first - 1 : last - 1], plain[..., first:last], plain[..., first + 1 : last + 1]
    spectrum = here / 2 - (before + after) / 4
    derived = (before - after) * (-0.5j * math.pi / size)
    power = spectrum.real.square() + spectrum.imag.square()
    turned = (derived.imag * spectrum.real - derived.real * spectrum.imag) / (power + 1e-20)
    # By a line and a half at most: what is further is no tone there.
    lines = torch.arange(first, last, dtype=torch.float32, device=sounds.device)
    shift = (-turned * (size / (2 * math.pi))).clamp(-1.5, 1.5)
    hertz = ((lines + shift) * (SAMPLE_RATE / size)).clamp_min(1.0)
    place = (12 * torch.log2(hertz / 440.0) + 69 - LOWEST_BIN) * BINS
    return place, power / (size / 2) ** 2


def _bands(sounds: torch.Tensor, frames: int, size: int, count: int, every: int) -> torch.Tensor:
    """The power in bands of short windows, one for `every` so many frames: shape (batch, frames, count)."""
    window = torch.hann_window(size, device=sounds.device)
    spectrum = torch.fft.rfft(_frames(sounds, frames // every, size, FINE_HOP * every) * window)
    power = (spectrum.real.square() + spectrum.imag.square()) / window.sum().square()
    return (power @ _band_matrix(size, count).to(sounds.device)).repeat_interleave(every, dim=1)


def _band_matrix(size: int, count: int) -> torch.Tensor:
    """Which lines of a spectrum belong to which band, each at least one line wide: shape (size // 2 + 1, count)."""
    edges = np.geomspace(1.0, size // 2 + 1, count + 1)
    for number in range(count):
        edges[number + 1] = max(edges[number + 1], edges[number] + 1)
    lines = np.arange(size // 2 + 1)[:, None]
    return torch.from_numpy(((lines >= np.round(edges[:-1])) & (lines < np.round(edges[1:]))).astype(np.float32))


def _scaled(power: torch.Tensor) -> torch.Tensor:
    """Powers as levels, 0 to 1, of every sound relative to its own loudest: shape (batch, frames, any)."""
    loudest = power.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)
    return (1 + 10 * torch.log10(power / loudest + 1e-12) / FLOOR_DB).clamp(0, 1)


class _Residual(nn.Module):
    """A convolution over pitch and time, or over time, that adds to what it reads."""

    def __init__(self, kind: type[nn.Module], channels: int, size: Any, dilation: Any):
        super().__init__()
        padding: Any = (
            size // 2 * dilation
            if isinstance(size, int)
            else tuple(one // 2 * wide for one, wide in zip(size, dilation, strict=True))
        )
        self.convolution = kind(channels, channels, size, padding=padding, dilation=dilation)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.convolution(functional.relu(values))


class NoteListener(nn.Module):
    """Hears which notes are played in a sound.

    Args:
        lowest: the lowest pitch that is heard, a MIDI number.
        highest: the highest one.
        channels: of the convolutions over pitches and frames.
        fine_channels: of those over fine frames.
        told: how many channels each of the two networks hands to the other.
    """

    def __init__(
        self, *, lowest: int = 21, highest: int = 108, channels: int = 24, fine_channels: int = 24, told: int = 8
    ):
        super().__init__()
        self.sizes = {
            "lowest": lowest,
            "highest": highest,
            "channels": channels,
            "fine_channels": fine_channels,
            "told": told,
        }
        self.pitches = range(lowest, highest + 1)
        bands = sum(count for _, count, _ in FINE_WINDOWS)

        def over_time(dilation: int) -> nn.Module:
            return _Residual(nn.Conv1d, fine_channels, 5, dilation)

        def over_pitches(size: tuple[int, int], dilation: tuple[int, int]) -> nn.Module:
            return _Residual(nn.Conv2d, channels, size, dilation)

        self.fine_in = nn.Conv1d(bands, fine_channels, 5, padding=2)
        self.fine_first = nn.Sequential(*(over_time(dilation) for dilation in (1, 2, 4)))
        # Only once a frame.
        self.fine_told = nn.Conv1d(fine_channels, told, STEPS, stride=STEPS)
        self.pitched_in = nn.Conv2d(len(HARMONICS) * BINS + told, channels, 1)
        self.pitched = nn.Sequential(
            over_pitches((3, 1), (1, 1)),
            over_pitches((1, 3), (1, 1)),
            # An octave to either side.
            over_pitches((3, 1), (12, 1)),
            over_pitches((1, 3), (1, 3)),
            over_pitches((3, 1), (1, 1)),
            over_pitches((1, 3), (1, 6)),
            nn.ReLU(),
        )
        self.heads = nn.Conv2d(channels, 3, (1, 3), padding=(0, 1))
        self.pitched_told = nn.Conv2d(channels, told, 1)
        self.fine_in_again = nn.Conv1d(fine_channels + told + 2, fine_channels, 1)
        self.fine_second = nn.Sequential(*(over_time(dilation) for dilation in (1, 4, 16)), nn.ReLU())
        self.fine_heads = nn.Conv1d(fine_channels, 2, 5, padding=2)
        # Notes are rare: nothing else need be learned first.
        nn.init.constant_(self.heads.bias, -4.0)  # type: ignore[arg-type]
        nn.init.constant_(self.fine_heads.bias, -4.0)  # type: ignore[arg-type]

    def forward(self, heard: Features, parts: Sequence[range] | None = None) -> Logits:
        """What is played, frame by frame.

        Args:
            heard: of a batch of sounds.
            parts: for every sound which of the pitches are told, by their places, all as many: in training a part is
                enough, since all are heard in the same way. All are told if None.
        """
        fine = self.fine_first(self.fine_in(heard.fine))
        frames = heard.pitched.shape[2]
        stacked = self._stacked(heard.pitched)
        if parts is not None:
            stacked = torch.stack([one[:, part.start : part.stop] for one, part in zip(stacked, parts, strict=True)])
        told = self.fine_told(fine)[:, :, None].expand(-1, -1, stacked.shape[2], -1)
        hidden = self.pitched(self.pitched_in(torch.cat([stacked, told], dim=1)))
        onset, sounding, velocity = self.heads(hidden).unbind(dim=1)
        again = torch.cat(
            [self.pitched_told(hidden).amax(dim=2), onset.amax(dim=1)[:, None], sounding.amax(dim=1)[:, None]], dim=1
        )
        # Between the frames along straight lines: fine frame t * STEPS is at frame t.
        again = functional.interpolate(again, size=(frames - 1) * STEPS + 1, mode="linear", align_corners=True)
        again = functional.pad(again, (0, STEPS - 1), mode="replicate")
        fine = self.fine_second(self.fine_in_again(torch.cat([fine, again], dim=1)))
        fine_onset, fine_end = self.fine_heads(fine).unbind(dim=1)
        return Logits(onset, sounding, velocity, fine_onset, fine_end)

    def _stacked(self, pitched: torch.Tensor) -> torch.Tensor:
        """The spectrum around every harmonic of every pitch: shape (batch, harmonics * bins, pitches, frames)."""
        highest = HIGHEST_BIN - LOWEST_BIN
        count = len(self.pitches)
        stacks = []
        for harmonic in HARMONICS:
            # From half a semitone below the pitch on.
            first = (self.pitches[0] - LOWEST_BIN) * BINS + round(12 * BINS * math.log2(harmonic)) - BINS // 2
            missing = max(first + count * BINS - highest * BINS, 0)
            part = functional.pad(pitched[:, first : first + count * BINS], (0, 0, 0, missing))
            stacks.append(part.unflatten(1, (count, BINS)).transpose(1, 2))
        return torch.cat(stacks, dim=1)

    @torch.no_grad()
    def listen(self, samples: np.ndarray) -> Heard:
        """Hear the notes of a sound.

        Args:
            samples: shape (any,), at `SAMPLE_RATE`, full scale ±1; of .1 to 30 s is what it was made for.

        Returns:
            At least one note, unless the sound is silent. Where nothing has a pitch it is one note of `NO_PITCH`, of
            little confidence.

        Raises:
            InputError: no samples of one channel, samples that are no numbers, or more than `MOST_SECONDS` of them.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype.kind != "f":
            raise InputError("A sound to listen to is one channel of numbers from -1 to 1: give float samples, (any,).")
        if len(samples) > MOST_SECONDS * SAMPLE_RATE:
            raise InputError(f"The sound lasts longer than {MOST_SECONDS} s; listen to a part of it.")
        sound = samples.astype(np.float32)
        if not np.isfinite(sound).all():
            raise InputError("The sound has samples that are no numbers; read it again.")
        # An offset is not heard.
        sound = sound - np.float32(sound.mean() if len(sound) else 0)
        if not len(sound) or np.abs(sound).max() < SILENCE:
            return Heard((), 0.0)
        # So that no frame lacks its end.
        padded = np.pad(sound, (0, -len(sound) % HOP))
        was_training = self.training
        self.eval()
        logits = self(features(torch.from_numpy(padded)[None]))
        self.train(was_training)
        odds = Logits(*(values[0].float().sigmoid().numpy() for values in logits))
        return tuned_notes(sound, transcribed(odds, sound, self.pitches))

    def save(self, folder: str | Path, training: dict[str, Any] | None = None) -> None:
        """Write `listener.safetensors`, in half precision, and `listener.json`, each whole.

        Args:
            folder: where they go; it is made if need be.
            training: how the listener was trained.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: values.half().contiguous() for name, values in self.state_dict().items()}
        record = {"format": FORMAT, "sizes": self.sizes, "training": training or {}}
        contents = {
            f"{LISTENER}.safetensors": save_tensors(weights),
            f"{LISTENER}.json": (json.dumps(record, indent=2) + "\n").encode(),
        }
        for name, content in contents.items():
            unfinished = folder / f".{name}.tmp"
            unfinished.write_bytes(content)
            unfinished.replace(folder / name)

    @classmethod
    def load(cls, folder: str | Path) -> "NoteListener":
        """The listener of two files, ready to listen.

        Raises:
            InputError: they are not there, or no listener's.
        """
        files = [Path(folder) / f"{LISTENER}.{ending}" for ending in ("json", "safetensors")]
        for file, most in zip(files, (MOST_RECORD, MOST_WEIGHTS), strict=True):
            if not file.is_file():
                raise InputError(f"{folder} has no {file.name}; give the folder of a listener.")
            if file.stat().st_size > most:
                raise InputError(f"{file} is too large for a listener's; give another folder.")
        try:
            record = json.loads(files[0].read_text(encoding="utf-8"))
            weights = load_tensors(files[1].read_bytes())
            if record["format"] != FORMAT:
                raise InputError(f"{files[0]} is of another version; train the listener anew.")
            listener = cls(**{name: _size(name, value) for name, value in record["sizes"].items()})
            listener.load_state_dict({name: values.float() for name, values in weights.items()})
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{folder} holds no listener: its files are damaged; copy them again.") from error
        if not all(bool(values.isfinite().all()) for values in listener.state_dict().values()):
            raise InputError(f"{files[1]} has numbers that are none; copy it again.")
        return listener.eval()


_SIZES = {"lowest": (12, 60), "highest": (61, 119), "channels": (1, 256), "fine_channels": (1, 256), "told": (1, 64)}


def _size(name: str, value: Any) -> int:
    """A size of a listener that a file tells, checked."""
    low, high = _SIZES[name]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is none")
    return value
