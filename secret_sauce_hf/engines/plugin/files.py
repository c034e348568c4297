"""Which files are plug-ins that this machine could load, told from their bytes before any of them is run."""

import hashlib
import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from secret_sauce_hf.instruments import InputError

_BUNDLES = {".vst3": "VST3", ".component": "AU", ".lv2": "LV2", ".vst": "VST2"}
_FILES = {".so": "VST2", ".dll": "VST2", ".vst3": "VST3"}
# e_machine of the System V ABI and the names that `platform.machine` has for it.
_MACHINES = {
    3: "i386",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC 64",
    40: "ARM",
    62: "x86_64",
    183: "aarch64",
    243: "RISC-V",
}
_ALSO = {"amd64": "x86_64", "arm64": "aarch64", "i686": "i386", "i586": "i386", "armv7l": "ARM", "riscv64": "RISC-V"}
_ENTRIES = {"VST2": (b"VSTPluginMain", b"main_plugin"), "VST3": (b"GetPluginFactory",)}
_CHUNK = 2**20
PLUGIN_SUFFIXES = tuple(sorted({*_FILES, *_BUNDLES}))
"""How files and bundles of plug-ins end."""


@dataclass(frozen=True)
class PluginFile:
    """A plug-in as it lies on the disk.

    Args:
        path: the file, or the folder of a bundle; absolute.
        format: "VST3", "VST2", "AU" or "LV2".
        digest: SHA-256 of its program and of the names and sizes of what else is in a bundle, 64 hexadecimal digits.
    """

    path: Path
    format: str
    digest: str


def find_plugin(path: str | Path) -> PluginFile:
    """The plug-in that a path leads to; nothing of it is run.

    Raises:
        InputError: there is no such file, it is no plug-in, or one for another machine; the message says which.
    """
    path = Path(path).expanduser().absolute()
    if not path.exists():
        raise InputError(f"{path}: there is no such file; give the path of a plug-in.")
    kind = _BUNDLES.get(path.suffix.lower()) if path.is_dir() else _FILES.get(path.suffix.lower())
    if kind is None:
        what = "a folder that is no bundle of a plug-in" if path.is_dir() else "no file of a plug-in"
        endings = sorted(_BUNDLES if path.is_dir() else _FILES)
        raise InputError(f"{path} is {what}: those end in {', '.join(endings)}.")
    program = _program(path, kind) if path.is_dir() else path
    if program is not None:
        _check_program(path, program, kind)
    return PluginFile(path, kind, _digest(path, program))


def _program(bundle: Path, kind: str) -> Path | None:
    """The file of a bundle that is run on this machine; None where a bundle does not say by its folders."""
    if kind == "LV2":
        if not (bundle / "manifest.ttl").is_file():
            raise InputError(f"{bundle} is no LV2 bundle: it has no manifest.ttl.")
        return None
    contents = bundle / "Contents"
    if not contents.is_dir():
        raise InputError(f"{bundle} is a folder, but no {kind} bundle: it has no folder Contents.")
    folder = f"{_machine()}-linux" if sys.platform == "linux" else "MacOS" if sys.platform == "darwin" else ""
    folder = folder or {"x86_64": "x86_64-win", "aarch64": "arm64-win"}.get(_machine(), "x86-win")
    if not (contents / folder).is_dir():
        there = sorted(part.name for part in contents.iterdir() if part.is_dir() and part.name != "Resources")
        raise InputError(
            f"{bundle} has nothing for this machine ({folder}); it has {', '.join(there) or 'no program at all'}."
        )
    programs = sorted(part for part in (contents / folder).iterdir() if part.is_file())
    named = [part for part in programs if part.stem == bundle.stem] or programs
    if not named:
        raise InputError(f"{bundle} has no program in Contents/{folder}: it is no whole {kind} bundle.")
    return named[0]


def _check_program(path: Path, program: Path, kind: str) -> None:
    try:
        with program.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if sys.platform == "linux":
        _check_elf(path, head)
        wanted = _ENTRIES.get(kind, ())
        # Old ones have `main` only, which is in any string table.
        if wanted and not any(_contains(program, name) for name in (*wanted, b"main" if kind == "VST2" else wanted[0])):
            raise InputError(f"{path} is a shared library, but no {kind} plug-in: it has no {wanted[0].decode()}.")
    elif sys.platform == "win32" and not head.startswith(b"MZ"):
        raise InputError(f"{path} is no program of this system, whatever its name says.")


def _check_elf(path: Path, head: bytes) -> None:
    if not head.startswith(b"\x7fELF"):
        others = {b"MZ": "Windows", b"\xcf\xfa": "macOS", b"\xca\xfe": "macOS"}
        other = others.get(head[:2])
        what = f"a program of {other}" if other else "no program, whatever its name says"
        raise InputError(f"{path} is {what}: give a plug-in that was built for this system.")
    if len(head) < 20:
        raise InputError(f"{path} breaks off after {len(head)} bytes: it is no whole plug-in.")
    (number,) = struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])
    machine = _MACHINES.get(number, f"machine {number}")
    if machine != _machine() or (head[4] == 1) != (sys.maxsize < 2**32):
        bits = "32-bit " if head[4] == 1 else ""
        raise InputError(
            f"{path} was built for {bits}{machine}, and this is {_machine()}: give the one for this machine."
        )


def _machine() -> str:
    machine = platform.machine()
    return _ALSO.get(machine.lower(), machine)


def _contains(path: Path, text: bytes) -> bool:
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if text in before + chunk:
                return True
            before = chunk[-len(text) :]
    return False


def _digest(path: Path, program: Path | None) -> str:
    """Of the program's bytes; of what else is in a bundle, often gigabytes of sounds, of names and sizes."""
    digest = hashlib.sha256()
    if path.is_dir():
        for part in sorted(path.rglob("*")):
            if part.is_file() and part != program:
                digest.update(f"{part.relative_to(path).as_posix()} {part.stat().st_size}\n".encode())
    if program is not None:
        with program.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
