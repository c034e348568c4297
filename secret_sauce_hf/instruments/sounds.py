"""Sounds as people have them to samples: files of every kind, streams, addresses, arrays, pairs, decoders.

A checkpoint carries a copy of this file (see `secret_sauce_hf.modeling`): of its siblings it
imports `errors` and `fetching` only, and what is heavy where it is needed.
"""

import io
import math
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .errors import InputError
from .fetching import fetch

if TYPE_CHECKING:
    from soundfile import SoundFile

MAX_SECONDS = 60
"""No more than this is read of a sound; its first sound should have come by then."""
LONG_SECONDS = 600
"""Parts of a sound that has to be decoded, or comes through a pipe, are read up to here."""
MAX_SAMPLES = 2**26
"""No more than this either, over all channels."""
MAX_CHANNELS = 64
RATES = (1_000, 768_000)
"""Lowest and highest sample rate that is believed, in Hz."""
MAX_STREAM_BYTES = 2**28
"""No more than this is read of a pipe, an address, or a file that has to be mended or decoded."""

STANDARD_INPUT = "-"
_GIVEN = "the given bytes"
_ARRAY = "the given array"
_HEAD_BYTES = 2**16
"""The samples of a WAV begin in so much of it."""
_NOT_TOLD = (0, 2**32 - 1)
_DECODING_SECONDS = 120
# What libsndfile does not read and ffmpeg may: bytes at a place in the file, and what it is called.
_OTHER_KINDS = ((4, b"ftyp", "MPEG-4 (M4A)"), (0, b"\x1aE\xdf\xa3", "Matroska (WebM)"), (0, b"0&\xb2u", "ASF (WMA)"))
_DEMUXERS = "mov,aac,matroska,asf"
"""No playlists: these would have ffmpeg read other files."""


def listed(sounds: Any) -> Iterable[Any] | None:
    """The sounds of a batch: a list, a tuple, or a column of a dataset; None for what is one sound.

    A pair of a rate and an array (as Gradio gives), in either order, is one sound, and so are
    numbers.
    """
    if isinstance(sounds, str | bytes | bytearray | memoryview | Path | Mapping) or hasattr(sounds, "__array__"):
        return None
    if type(sounds).__name__ in ("Column", "IterableColumn") and type(sounds).__module__.startswith("datasets."):
        return sounds
    if not isinstance(sounds, list | tuple) or _pair(sounds) is not None:
        return None
    return None if len(sounds) and _is_number(sounds[0]) else sounds


def read_samples(sound: Any, sampling_rate: int | None = None) -> tuple[np.ndarray, int, str]:
    """Read at most the first minute of a sound.

    Args:
        sound: a path, `~` and addresses of fsspec (`zip://a.wav::sounds.zip`) among them; "-"
            for standard input; the bytes of a file; what is opened for reading bytes; an array;
            a pair of a rate and an array, in either order; a mapping with `array` or `raw`
            and `sampling_rate`, or with `bytes` or `path` (as datasets gives audio that is
            not decoded); or a decoder with `get_all_samples` (as datasets gives audio that
            is). Arrays have shape (samples,), (samples, channels) or (channels, samples):
            the shorter axis is the channels. Floats have full scale ±1, integers (of 8 to 32
            bits) that of their type. Tensors may have gradients and be on any device.
        sampling_rate: of a bare array, in Hz.

    Returns:
        Floats of shape (samples, channels), the rate in Hz, and what the sound is called.

    Raises:
        InputError: missing, empty, not audio, not numbers; an array without a rate; several
            sounds.
    """
    with _resolved(sound, sampling_rate) as (source, rate, name):
        if rate is None:
            return _read_file(source, name)
        return _floats(source[: MAX_SECONDS * rate]), rate, name


class Parts:
    """A sound of which parts are read, see `open_parts`.

    Args:
        rate: in Hz.
        channels: how many there are.
        frames: how many samples each channel has, as far as that is told.
        name: what the sound is called.
        read: reads samples from one up to another: floats of shape (samples, channels).
    """

    def __init__(self, rate: int, channels: int, frames: int, name: str, read: Callable[[int, int], np.ndarray]):
        self.rate = rate
        self.channels = channels
        self.frames = frames
        self.name = name
        self._read = read

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples from `start` up to `stop`, fewer at the end of the sound: floats of shape (samples, channels).

        Raises:
            InputError: they cannot be decoded.
        """
        stop = min(stop, start + MAX_SAMPLES // self.channels, self.frames)
        return self._read(start, max(stop, start)) if 0 <= start < stop else np.empty((0, self.channels), np.float32)


@contextmanager
def open_parts(sound: Any, sampling_rate: int | None = None) -> Iterator[Parts]:
    """Open a sound to read parts of it: of a file on the disk nothing else is loaded.

    Args:
        sound: as of `read_samples`.
        sampling_rate: of a bare array, in Hz.

    Raises:
        InputError: as of `read_samples`.
    """
    with _resolved(sound, sampling_rate) as (source, rate, name):
        if rate is not None:
            yield Parts(rate, source.shape[1], len(source), name, lambda start, stop: _floats(source[start:stop]))
            return
        with ExitStack() as stack:
            with _told(name):
                file = stack.enter_context(_sound_file(source, name, LONG_SECONDS))

            def read(start: int, stop: int) -> np.ndarray:
                with _told(name):
                    file.seek(start)
                    return file.read(stop - start, dtype="float32", always_2d=True)

            yield Parts(file.samplerate, file.channels, file.frames, name, read)


@contextmanager
def _resolved(sound: Any, sampling_rate: int | None) -> Iterator[tuple[Any, int | None, str]]:
    """A sound as a stream of a file's bytes, None and its name; or an array of two axes, its rate and its name."""
    if isinstance(sound, os.PathLike):
        sound = Path(os.fsdecode(sound))
    if isinstance(sound, str | Path):
        with _opened(sound) as stream:
            yield stream, None, str(sound)
    elif isinstance(sound, bytes | bytearray | memoryview):
        yield io.BytesIO(sound), None, _GIVEN
    elif isinstance(sound, Mapping):
        with _from_mapping(sound, sampling_rate) as found:
            yield found
    elif hasattr(sound, "get_all_samples"):
        decoded = sound.get_all_samples()
        yield _from_array(decoded.data, decoded.sample_rate)
    elif callable(getattr(sound, "read", None)):
        yield _whole(sound), None, _name_of(sound)
    elif isinstance(sound, tuple | list) and (pair := _pair(sound)) is not None:
        rate, samples = pair
        yield _from_array(samples, rate)
    elif isinstance(sound, tuple) and not (len(sound) and _is_number(sound[0])):
        raise InputError(f"A tuple of {len(sound)} is a batch of sounds, where one is read; give one of them.")
    elif hasattr(sound, "__array__") or isinstance(sound, Sequence):
        yield _from_array(sound, sampling_rate)
    else:
        raise InputError(
            f"Cannot read a sound from {type(sound).__name__}; give a path, bytes, an array with its sampling rate, "
            "or a mapping."
        )


def check_sound(sound: str | Path) -> None:
    """See that a sound's file is there and can be read, without decoding it.

    Raises:
        InputError: it is missing, empty, a folder or must not be read.
    """
    if str(sound) == STANDARD_INPUT or _is_address(sound):
        return
    path = expanded(sound)
    _check_path(path, str(sound))
    try:
        # A pipe gives what it has only once.
        if path.is_file():
            with path.open("rb") as file:
                empty = not file.read(1)
        else:
            empty = False
    except OSError as error:
        raise InputError(f"The sound file cannot be read: {sound} ({error.strerror}).") from error
    if empty:
        raise InputError(f"The sound file is empty: {sound}.")


@contextmanager
def open_sound(source: Path | BinaryIO, seconds: int = MAX_SECONDS) -> "Iterator[SoundFile]":
    """A sound file opened by soundfile, also one that libsndfile by itself reads wrongly, or not.

    A WAV whose header was never finished has all samples that follow it, and a FLAC that does
    not tell its length (as ffmpeg writes both into a pipe) all that it holds. MPEG-4, AAC,
    WebM and WMA are decoded by the ffmpeg program, or else by torchcodec. A name that ends in .raw does
    not make samples of what has a header.

    Args:
        source: a path, or a stream of bytes in which one can seek.
        seconds: no more than these and one more are there of what had to be decoded.

    Raises:
        soundfile.LibsndfileError: it is no sound that can be read.
        InputError: it is one for which a decoder is missing.
        OSError: the file is missing, or must not be read.
    """
    import soundfile

    with ExitStack() as stack:
        path = source if isinstance(source, Path) else None
        stream: Any = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        stream = _Nameless(_mended(stream))
        try:
            file = stack.enter_context(soundfile.SoundFile(stream))
        except soundfile.LibsndfileError:
            stream.seek(0)
            content = _decoded(stream, path, seconds)
            if content is None:
                raise
            file = stack.enter_context(soundfile.SoundFile(content))
        if file.frames > 2**62:
            file = stack.enter_context(soundfile.SoundFile(_measured(stream, seconds)))
        yield file


class _Nameless:
    """A stream without a name, by whose ending soundfile would choose how to read it."""

    def __init__(self, stream: Any):
        self._seek = stream.seek
        self.read, self.readinto, self.tell = stream.read, stream.readinto, stream.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; stay where there is none such: broken headers lead there, and nobody can catch an error."""
        with suppress(OSError, ValueError, OverflowError):
            self._seek(offset, whence)
        return self.tell()


def _measured(stream: Any, seconds: int) -> io.BytesIO:
    """The beginning of a file that does not tell its length, as one that does."""
    import soundfile

    class Forward(soundfile.SoundFile):
        def seekable(self) -> bool:
            """False, as libsndfile cannot seek in what has no end."""
            return False

    stream.seek(0)
    parts, left = [], MAX_SAMPLES
    with Forward(stream) as file:
        rate, channels = file.samplerate, file.channels
        for _ in range(seconds + 1):
            part = file.read(min(rate, left // channels), dtype="float32", always_2d=True)
            left -= part.size
            parts.append(part)
            if len(part) < rate:
                break
    return _as_wav(np.concatenate(parts), rate)


def _as_wav(samples: np.ndarray, rate: int) -> io.BytesIO:
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, samples, rate, format="WAV", subtype="FLOAT")
    content.seek(0)
    return content


def _mended(stream: Any) -> Any:
    """A file whose writer never came back to its header, with the length that it has; any other stream as it is."""
    head = bytearray(stream.read(_HEAD_BYTES))
    end = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        mended = _mend_wav(head, end)
    else:
        mended = head[:4] == b"caff" and _mend_caf(head, end)
    if not mended:
        return stream
    stream.seek(len(head))
    return io.BytesIO(bytes(head) + stream.read(MAX_STREAM_BYTES))


def _mend_wav(head: bytearray, end: int) -> bool:
    """Give the samples of a WAV without a length all that follows, in its first bytes; whether there was need to."""
    (told,) = struct.unpack_from("<I", head, 4)
    long, at = None, 12
    while at + 8 <= len(head):
        kind, size = struct.unpack_from("<4sI", head, at)
        if kind == b"data":
            break
        if kind == b"ds64" and at + 24 <= len(head):
            long = at
        at += 8 + size + size % 2
    else:
        return False
    start = at + 8
    if long is not None:
        told, size = struct.unpack_from("<QQ", head, long + 8)
    # Other chunks may follow no samples: then the whole is as long as it says.
    if size != 0 or start >= end or (told not in _NOT_TOLD and told + 8 > start):
        return False
    head[:8] = b"RIFF" + b"\xff" * 4
    head[at + 4 : start] = b"\xff" * 4
    if long is not None:
        head[long : long + 4] = b"JUNK"
    return True


def _mend_caf(head: bytearray, end: int) -> bool:
    """The same of Apple's CAF, whose length "not known" libsndfile refuses."""
    at = 8
    while at + 12 <= len(head):
        kind, size = struct.unpack_from(">4sq", head, at)
        if kind == b"data":
            struct.pack_into(">q", head, at + 4, max(end - at - 12, 0))
            return size == -1
        at += 12 + max(size, 0)
    return False


def _decoded(stream: Any, path: Path | None, seconds: int) -> io.BytesIO | None:
    """What libsndfile does not read, as a WAV; None where it is none of what others do."""
    head = stream.read(16)
    kind = next((name for at, mark, name in _OTHER_KINDS if head[at:].startswith(mark)), None)
    if kind is None and len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        kind = "AAC"
    if kind is None:
        return None
    stream.seek(0)
    if (program := shutil.which("ffmpeg")) is not None:
        return _by_ffmpeg(program, stream, path, kind, seconds)
    try:
        from torchcodec.decoders import AudioDecoder
    except (ImportError, OSError, RuntimeError) as error:
        raise InputError(
            f"it is {kind}, for which a decoder is missing: install ffmpeg, or convert it to WAV"
        ) from error
    try:
        decoded = AudioDecoder(stream.read(MAX_STREAM_BYTES)).get_samples_played_in_range(0, seconds + 1)
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"it is {kind} that cannot be decoded ({str(error).splitlines()[0]})") from error
    return _as_wav(decoded.data.numpy().T, decoded.sample_rate)


def _by_ffmpeg(program: str, stream: Any, path: Path | None, kind: str, seconds: int) -> io.BytesIO:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as nameless:
        # It seeks, and a name of any form could be another protocol's.
        copy = Path(folder, "sound")
        if path is None and os.name == "posix":
            # Were this process killed, a file with a name would stay, and it may be a visitor's sound.
            nameless.write(stream.read(MAX_STREAM_BYTES))
            nameless.flush()
            path = Path("/dev/fd", str(nameless.fileno()))
        if path is not None:
            copy.symlink_to(path.absolute())
        else:
            copy.write_bytes(stream.read(MAX_STREAM_BYTES))
        limits = ["-protocol_whitelist", "file,pipe", "-format_whitelist", _DEMUXERS]
        output = ["-map", "0:a:0", "-t", str(seconds + 1), "-c:a", "pcm_f32le", "-fs", str(4 * MAX_SAMPLES)]
        command = [program, "-nostdin", "-v", "error", *limits, "-i", str(copy), *output, "-f", "wav", "pipe:1"]
        try:
            fds = (nameless.fileno(),) if os.name == "posix" else ()
            done = subprocess.run(command, capture_output=True, check=False, timeout=_DECODING_SECONDS, pass_fds=fds)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"it is {kind}, and ffmpeg does not decode it ({error}); convert it to WAV") from error
    if done.returncode or not done.stdout:
        why = (done.stderr.decode(errors="replace").strip().splitlines() or ["no sound in it"])[-1]
        raise InputError(f"it is {kind}, and ffmpeg does not decode it ({why}); convert it to WAV")
    return io.BytesIO(_mended(io.BytesIO(done.stdout)).read())


def _is_address(sound: str | Path) -> bool:
    return isinstance(sound, str) and "://" in sound and not os.path.lexists(sound)


def expanded(path: str | Path) -> Path:
    """A path as a person writes it: `~` is their home, unless there is something of that very name."""
    path = Path(path)
    if not path.parts or not path.parts[0].startswith("~") or os.path.lexists(path):
        return path
    try:
        return path.expanduser()
    except RuntimeError:
        # There is no such person here.
        return path


def _check_path(path: Path, name: str) -> None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(f"No such sound file: {name}.") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"No such sound file: {name} is a folder; give the files in it.")


@contextmanager
def _opened(sound: str | Path) -> Iterator[Any]:
    """The stream of bytes that a path, an address or "-" stands for."""
    if sound == STANDARD_INPUT and not os.path.lexists(STANDARD_INPUT):
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError("Nothing is sent to standard input; give a file, or pipe a sound in.")
        yield _whole(sys.stdin.buffer)
    elif _is_address(sound):
        yield fetch(str(sound), MAX_STREAM_BYTES)
    else:
        path = expanded(sound)
        _check_path(path, str(sound))
        try:
            stream = path.open("rb")
        except OSError as error:
            raise InputError(f"The sound file cannot be read: {sound} ({error.strerror}).") from error
        with stream:
            yield stream if path.is_file() else _whole(stream)


def _whole(stream: Any) -> io.BytesIO:
    """The bytes of what somebody has opened, from its start where that can be had; it stays where it was."""
    try:
        # Not all that can be read tell, such as memory that a file is mapped into.
        seekable = getattr(stream, "seekable", None)
        before = stream.tell() if seekable is not None and seekable() else None
        if before is not None:
            stream.seek(0)
        content = stream.read(MAX_STREAM_BYTES)
        if before is not None:
            stream.seek(before)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"The given file cannot be read ({error}); open it for reading bytes.") from error
    if not isinstance(content, bytes | bytearray | memoryview):
        raise InputError("The given file gives no bytes; open it in binary mode, open(path, 'rb').")
    return io.BytesIO(content)


def _name_of(stream: Any) -> str:
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else "the given file"


def _read_file(stream: Any, name: str) -> tuple[np.ndarray, int, str]:
    with _told(name), _sound_file(stream, name, MAX_SECONDS) as file:
        frames = min(file.frames, MAX_SECONDS * file.samplerate, MAX_SAMPLES // file.channels)
        samples, rate = file.read(frames, dtype="float32", always_2d=True), file.samplerate
    if len(samples) == 0:
        raise InputError(f"There are no samples in {name}.")
    return samples, rate, name


@contextmanager
def _sound_file(stream: Any, name: str, seconds: int) -> "Iterator[SoundFile]":
    """A sound file of a form that is read."""
    if stream.seek(0, os.SEEK_END) == 0:
        raise InputError(f"The sound file is empty: {name}.")
    stream.seek(0)
    with open_sound(stream, seconds) as file:
        _check_format(file.samplerate, file.channels, name)
        yield file


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Tell what goes wrong with a sound file in one line that names it."""
    import soundfile

    try:
        yield
    except soundfile.LibsndfileError as error:
        headerless = " It has no header that tells its rate and form." if name.lower().endswith(".raw") else ""
        raise InputError(
            f"Not a sound file that can be read: {name} ({error.error_string.rstrip('.')}).{headerless} "
            "Convert it to WAV."
        ) from error
    except OSError as error:
        raise InputError(f"The sound file cannot be read: {name} ({error.strerror or error}).") from error
    except ValueError as error:
        # A missing decoder, too, is told of by `open_sound`, which does not know the name.
        if isinstance(error, InputError) and name in str(error):
            raise
        raise InputError(f"Not a sound file that can be read: {name} ({error}).") from error


@contextmanager
def _from_mapping(sound: Mapping[Any, Any], sampling_rate: int | None) -> Iterator[tuple[Any, int | None, str]]:
    # "audio" as pipelines answer that make sounds.
    for key in ("array", "raw", "audio"):
        if sound.get(key) is not None:
            yield _from_array(sound[key], sound.get("sampling_rate") or sampling_rate)
            return
    if sound.get("bytes"):
        yield io.BytesIO(sound["bytes"]), None, str(sound.get("path") or _GIVEN)
        return
    if isinstance(path := sound.get("path"), str | Path) and str(path) not in ("", STANDARD_INPUT):
        with _opened(path) as stream:
            yield stream, None, str(path)
        return
    raise InputError(
        f"A sound given as a mapping needs array and sampling_rate, or bytes, or path; got {sorted(map(str, sound))}."
    )


def _from_array(values: Any, rate: Any) -> tuple[np.ndarray, int, str]:
    if rate is None:
        raise InputError('An array needs its rate: give {"array": samples, "sampling_rate": Hz} or sampling_rate=Hz.')
    try:
        hertz = float(rate)
        samples = np.asarray(_on_this_machine(values))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"Not an array of samples with a sampling rate: {reason.rstrip('.')}.") from error
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
    if not math.isfinite(hertz) or not hertz.is_integer():
        raise InputError(f"The sampling rate must be a whole number of Hz, not {rate}.")
    _check_format(round(hertz), samples.shape[1], _ARRAY)
    return samples, round(hertz), _ARRAY


def _floats(samples: np.ndarray) -> np.ndarray:
    """Integers of any type as floats from -1 to 1; floats as they are."""
    if samples.dtype.kind == "i":
        return samples / -float(np.iinfo(samples.dtype).min)
    if samples.dtype.kind == "u":
        middle = (float(np.iinfo(samples.dtype).max) + 1) / 2
        return samples / middle - 1
    return samples


def _on_this_machine(values: Any) -> Any:
    """A tensor without its gradient, on the processor, of a type that NumPy has; anything else as it is."""
    if not callable(getattr(values, "detach", None)):
        return values
    values = values.detach().cpu()
    return values.float() if values.dtype.is_floating_point and values.dtype.itemsize < 4 else values


def _pair(sound: Sequence[Any]) -> tuple[Any, Any] | None:
    """The rate and the samples, if this is a pair of them, in either order."""
    if len(sound) != 2 or _is_number(sound[0]) == _is_number(sound[1]):
        return None
    rate, samples = sound if _is_number(sound[0]) else sound[::-1]
    is_array = hasattr(samples, "__array__") or (isinstance(samples, list) and samples and _is_number(samples[0]))
    return (rate, samples) if is_array else None


def _is_number(value: Any) -> bool:
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        # An array or a tensor without an axis; those that hold no value, as on torch's "meta", are no number.
        with suppress(RuntimeError, ValueError):
            value = value.item()
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _check_format(rate: float, channels: int, name: str) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"A sampling rate of {rate} Hz is not one of {RATES[0]} to {RATES[1]} Hz: {name}.")
    if channels > MAX_CHANNELS:
        raise InputError(f"{channels} channels are more than the {MAX_CHANNELS} that are read: {name}.")
