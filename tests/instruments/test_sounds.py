"""Sounds in the forms in which people have them: all become the same samples, or one line says what to do."""

import base64
import io
import mmap
import os
import shutil
import struct
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from datasets import Dataset

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.sounds import MAX_SECONDS, check_sound, listed, open_sound, read_samples

RATE = 22_050
WAVE = (0.5 * np.sin(np.arange(3_000) / 10)).astype(np.float32)
STORED = np.rint(WAVE * 32_768).astype(np.int16)
"""The samples as a file of 16 bits has them."""

M4A = base64.b64decode(
    "AAAAHGZ0eXBNNEEgAAACAE00QSBpc29taXNvMgAAAAhmcmVlAAAB/21kYXQBLFEqKRF/a7rOff9d/iU8fG81KmqSFhisTisTisTx"
    "7qpoyqY1qu1qy2LE2bjPH4bfdKqNWFKFKnbFWZKsyT62UqjKoyuMlAwN/Rv6MDAwMDAwMDAwMDGzYMDIkQMDAwMDIkUsssssssss"
    "sssssssssssssssssssssssssssssssvARKS2spzZLmyXNkuX/9P/7/HVzV+//9b/3+uuLvX5//q//P364vi/4//q//b461qdB29"
    "pMMgwMDAwMDIlT1+pivYTi2BGRjEaiKjXFR9IqPpFR9N3EqDfTXxiMs5uNT8kb0pgJtRGZFGyKN6KN6IPRRTh56KLoDzIDXQmKnn"
    "nnnn+XNwAR6TthJxZTm0XD/8P/Lz1q9Tx//e/9tdcXrX7f/2v/Pz1xetBL4UeUlsZbkHNuaZOXWThUGCSoMEhIMEhJUGBgkJKuDK"
    "CbaZ/bSFzg4P0/Sevpdj6rqZZlSzKNzSyzKBpZppVAwNNNK6Phil0umBCHRp6Huh7oereoM89QEvcAEYk7KJc2T5tlg6f/3P/X44"
    "1qa9//6f/sW1r2/46TWpoJf4GXcWPemKuUyGd75TvfKd75T8/ynVzs+UM6vo98vliWCjpn8EQpSCEKFjwRxQ//jn6c3BA54ZMAdP"
    "kSBDJSnKKqxHt0PxBoyc/vwBGIG0cAAAAuptb292AAAAbG12aGQAAAAAAAAAAAAAAAAAAFYiAAAM7AABAAABAAAAAAAAAAAAAAAA"
    "AQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACAAACOXRyYWsAAABc"
    "dGtoZAAAAAMAAAAAAAAAAAAAAAEAAAAAAAAM7AAAAAAAAAAAAAAAAQEAAAAAAQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAA"
    "AEAAAAAAAAAAAAAAAAAAACRlZHRzAAAAHGVsc3QAAAAAAAAAAQAADOwAAAQAAAEAAAAAAbFtZGlhAAAAIG1kaGQAAAAAAAAAAAAA"
    "AAAAAFYiAAAQ7FXEAAAAAAAtaGRscgAAAAAAAAAAc291bgAAAAAAAAAAAAAAAFNvdW5kSGFuZGxlcgAAAAFcbWluZgAAABBzbWhk"
    "AAAAAAAAAAAAAAAkZGluZgAAABxkcmVmAAAAAAAAAAEAAAAMdXJsIAAAAAEAAAEgc3RibAAAAGpzdHNkAAAAAAAAAAEAAABabXA0"
    "YQAAAAAAAAABAAAAAAAAAAAAAQAQAAAAAFYiAAAAAAA2ZXNkcwAAAAADgICAJQABAASAgIAXQBUAAAAAAFACAABQAgWAgIAFE4hW"
    "5QAGgICAAQIAAAAgc3R0cwAAAAAAAAACAAAABAAABAAAAAABAAAA7AAAABxzdHNjAAAAAAAAAAEAAAABAAAABQAAAAEAAAAoc3Rz"
    "egAAAAAAAAAAAAAABQAAAIIAAACEAAAAfwAAAG0AAAAFAAAAFHN0Y28AAAAAAAAAAQAAACwAAAAac2dwZAEAAAByb2xsAAAAAgAA"
    "AAH//wAAABxzYmdwAAAAAHJvbGwAAAABAAAABQAAAAEAAAA9dWR0YQAAADVtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABtZGlyYXBw"
    "bAAAAAAAAAAAAAAAAAhpbHN0"
)
"""0.15 s of 440 Hz, by ffmpeg."""


def as_file(container: str = "WAV", samples: np.ndarray = STORED) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, RATE, format=container, subtype="PCM_16")
    return content.getvalue()


def wav(riff: int | None = None, data: int | None = None, before: bytes = b"", behind: bytes = b"") -> bytes:
    """A WAV with these lengths in its header, if any are given."""
    samples = STORED.tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    size = len(samples) if data is None else data
    body = b"WAVE" + before + form + struct.pack("<4sI", b"data", size) + samples + behind
    return struct.pack("<4sI", b"RIFF", len(body) if riff is None else riff) + body


def rf64() -> bytes:
    """An RF64 whose ds64 was never filled in."""
    long = struct.pack("<4sIQQQI", b"ds64", 28, 0, 0, 0, 0)
    return b"RF64" + wav(2**32 - 1, 2**32 - 1, before=long)[4:]


def flac_without_length() -> bytes:
    content = bytearray(as_file("FLAC"))
    # The last 36 bits before the checksum of STREAMINFO, which begins at 8.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    return bytes(content)


def caf_without_length() -> bytes:
    content = bytearray(as_file("CAF"))
    at = content.index(b"data") + 4
    content[at : at + 8] = b"\xff" * 8
    return bytes(content)


def same(sound, sampling_rate=None) -> bool:
    samples, rate, _ = read_samples(sound, sampling_rate)
    return rate == RATE and samples.shape == (3_000, 1) and np.allclose(samples[:, 0], STORED / 32_768, atol=1e-7)


# Files


@pytest.mark.parametrize(
    "content",
    [
        wav(0, 0),
        wav(2**32 - 1, 0),
        wav(2**32 - 1, 2**32 - 1),
        wav(36, 0),
        wav(0, 0, before=struct.pack("<4sI", b"LIST", 4) + b"INFO"),
        rf64(),
        flac_without_length(),
        caf_without_length(),
    ],
    ids=["nothing", "half", "ffmpeg", "header", "list", "rf64", "flac", "caf"],
)
def test_a_file_whose_length_was_never_written(content: bytes, tmp_path: Path):
    (tmp_path / "sound").write_bytes(content)
    assert same(content)
    assert same(tmp_path / "sound")
    with open_sound(tmp_path / "sound") as file:
        assert file.frames == 3_000


def test_chunks_behind_no_samples_are_none():
    empty = wav(data=0)[: -STORED.nbytes] + struct.pack("<4sI", b"LIST", 4) + b"INFO"
    empty = empty[:4] + struct.pack("<I", len(empty) - 8) + empty[8:]
    with pytest.raises(InputError, match="There are no samples in the given bytes"):
        read_samples(empty)


def test_an_endless_file_is_read_to_its_first_minute():
    long = np.zeros((MAX_SECONDS + 5) * 1_000, np.int16)
    content = io.BytesIO()
    soundfile.write(content, long, 1_000, format="FLAC")
    patched = bytearray(content.getvalue())
    patched[21] &= 0xF0
    patched[22:26] = bytes(4)
    assert len(read_samples(bytes(patched))[0]) == MAX_SECONDS * 1_000


@pytest.mark.parametrize("name", ["tone.raw", "tone.RAW", "tone", "b\udcffss.wav", "e\u0301.flac", "ж.wav", "tone.mp3"])
def test_the_content_counts_not_the_name(name: str, tmp_path: Path):
    try:
        (tmp_path / name).write_bytes(as_file())
    except OSError:
        pytest.skip("a name that this file system does not take")
    assert same(tmp_path / name)


def test_samples_without_a_header_are_refused(tmp_path: Path):
    (tmp_path / "tone.raw").write_bytes(STORED.tobytes())
    with pytest.raises(InputError, match=r"tone.raw .*no header that tells its rate and form. Convert it to WAV"):
        read_samples(tmp_path / "tone.raw")


@pytest.mark.parametrize("form", [bytes, io.BytesIO, "path"])
def test_m4a_where_ffmpeg_is(form, tmp_path: Path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs FFmpeg: apt-get install ffmpeg")
    sound = tmp_path / "http:x.m4a"
    sound.write_bytes(M4A)
    samples, rate, _ = read_samples(sound if form == "path" else form(M4A))
    assert rate == RATE
    assert len(samples) == pytest.approx(0.15 * RATE, abs=1_100)
    spectrum = np.abs(np.fft.rfft(samples[:2_205, 0]))
    assert spectrum.argmax() * 10 == 440


@pytest.mark.parametrize(
    ("content", "kind"),
    [(M4A, "MPEG-4"), (b"\xff\xf1\x5c\x40" + bytes(60), "AAC"), (b"\x1aE\xdf\xa3" + bytes(60), "Matroska")],
)
def test_without_a_decoder_it_is_said(content: bytes, kind: str, monkeypatch):
    monkeypatch.setenv("PATH", "")
    # The second one is what is imported, and may have been by an earlier test.
    for module in ("torchcodec", "torchcodec.decoders"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f"it is {kind}.*install ffmpeg, or convert it to WAV") as caught:
        read_samples(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [M4A[:600], b"\xff\xf1\x5c\x40" + bytes(60), b"0&\xb2u" + bytes(60)])
def test_what_a_decoder_refuses_is_one_line(content: bytes):
    with pytest.raises(InputError, match=r"WAV|decoded") as caught:
        read_samples(content)
    assert "\n" not in str(caught.value)


# Streams and addresses


def test_pipes_open_files_and_standard_input(tmp_path: Path, monkeypatch):
    path, pipe = tmp_path / "tone.wav", tmp_path / "pipe"
    path.write_bytes(as_file())
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(as_file(),))
    writer.start()
    check_sound(pipe)
    assert same(pipe)
    writer.join()
    with path.open("rb") as file:
        file.read(99)
        assert same(file) and same(file)
        assert file.tell() == 99
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert same("-")
    for form in (io.BytesIO(as_file()), bytearray(as_file()), memoryview(as_file()), _Path(path)):
        assert same(form)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert same(mapped)


class _Path:
    """A path that is not of pathlib."""

    def __init__(self, path: Path):
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def test_addresses_and_home(tmp_path: Path, monkeypatch):
    (tmp_path / "tone.wav").write_bytes(as_file())
    with zipfile.ZipFile(tmp_path / "tones.zip", "w") as archive:
        archive.write(tmp_path / "tone.wav", "a/tone.wav")
    monkeypatch.setenv("HOME", str(tmp_path))
    for address in (f"zip://a/tone.wav::{tmp_path}/tones.zip", (tmp_path / "tone.wav").as_uri(), "~/tone.wav"):
        check_sound(address)
        assert same(address)
        assert same({"path": address, "bytes": None})


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("zip://a.wav::nowhere.zip", "No such sound file"),
        ("strange://a.wav", "cannot be read from strange://a.wav"),
        ("~nobody-of-that-name/a.wav", "No such sound file"),
        ("a\0b", "No such sound file"),
        ("x" * 5_000, "No such sound file"),
    ],
)
def test_bad_addresses_are_one_line(address: str, message: str):
    with pytest.raises(InputError, match=message) as caught:
        read_samples(address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stream", [io.StringIO("x"), io.BytesIO(), io.BytesIO(b"no sound")])
def test_bad_streams_are_one_line(stream):
    with pytest.raises(InputError, match=r"binary mode|empty|Not a sound file"):
        read_samples(stream)
    stream.close()
    with pytest.raises(InputError, match="closed file"):
        read_samples(stream)


# Arrays and batches


@pytest.mark.parametrize(
    "sound",
    [
        (RATE, STORED),
        (np.int64(RATE), STORED),
        (STORED, RATE),
        [RATE, STORED / 32_768],
        (float(RATE), torch.from_numpy(STORED)),
        (np.array(RATE), STORED),
        (STORED, torch.tensor(RATE)),
        {"raw": STORED, "sampling_rate": RATE},
        {"array": torch.tensor(STORED / 32_768, requires_grad=True), "sampling_rate": RATE},
        {"raw": torch.from_numpy(STORED[None]), "sampling_rate": torch.tensor(RATE)},
    ],
    ids=range(10),
)
def test_arrays_and_their_rate(sound):
    assert same(sound)
    assert listed(sound) is None


def test_half_precision_and_numbers():
    half = torch.tensor(STORED / 32_768).bfloat16()
    samples, _, _ = read_samples({"array": half, "sampling_rate": RATE})
    assert np.array_equal(samples[:, 0], half.float().numpy())
    for numbers in ((STORED / 32_768).tolist(), tuple((STORED / 32_768).tolist())):
        assert listed(numbers) is None
        assert same(numbers, RATE)


def test_a_tuple_and_a_column_are_batches():
    column = Dataset.from_dict({"audio": [{"bytes": as_file(), "path": "a.wav"}] * 3})["audio"]
    for batch in ((STORED, STORED), [STORED], ("a.wav", "b.wav"), column, ()):
        assert listed(batch) is batch
    for one in ("a.wav", b"", np.zeros((2, 9)), {"path": "a"}, Path("a"), None, (RATE, STORED)):
        assert listed(one) is None


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        ((STORED, STORED), "A tuple of 2 is a batch of sounds"),
        ((), "A tuple of 0 is a batch"),
        ((RATE, 5), "needs its rate"),
        ({"array": torch.zeros(9, device="meta"), "sampling_rate": RATE}, "Not an array of samples"),
        ({"array": torch.zeros(9, dtype=torch.complex64), "sampling_rate": RATE}, "of complex64"),
        ({"raw": STORED, "sampling_rate": float("nan")}, "whole number of Hz"),
        ({"path": None}, "needs array and sampling_rate"),
        ({1: 2}, "needs array and sampling_rate"),
        (None, "Cannot read a sound from NoneType"),
    ],
    ids=range(9),
)
def test_bad_forms_are_one_line(sound, message: str):
    with pytest.raises(InputError, match=message) as caught:
        read_samples(sound)
    assert "\n" not in str(caught.value)
