"""Build wheel and sdist so that the same commit gives the same bytes, wherever it lies and whoever builds it.

    .venv/bin/python tests/packing.py [--out dist]

Into both goes what is tracked, copied, with the rights 644 and the time of the last commit. Two machines agree to the
byte where they have the same setuptools, which constraints.txt pins: a wheel names what made it.
"""

import argparse
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKED = ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md", "secret_sauce_hf", "model_cards")
"""What wheel and sdist are made of; tests, documentation and examples are read in the repository."""
MOST_BYTES = 2**26
"""Of a wheel: PyPI takes 100 MB."""
_BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # setuptools puts arguments of its own in their place
for build in (build_meta.build_sdist, build_meta.build_wheel):
    build(out)
"""


def tracked(root: Path) -> list[str]:
    """The files of a checkout that are packed, whatever else lies beside them."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--", *PACKED]
    return sorted(filter(None, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")))


def committed(root: Path) -> int:
    """When the last commit of a checkout was made, in seconds since 1970."""
    command = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def copied(root: Path, names: list[str], to: Path) -> None:
    """Copy files, with rights that are the same everywhere."""
    for name in names:
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, path)
        path.chmod(0o644)


def packed(root: Path, names: list[str], epoch: int, out: Path) -> tuple[Path, Path]:
    """Build the wheel and the sdist of a checkout.

    Args:
        root: the checkout.
        names: its files that are packed, see `tracked`.
        epoch: time that everything in them has, in seconds since 1970.
        out: the folder that they get into; made where it is missing.

    Returns:
        The wheel and the sdist.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "source", Path(folder) / "made"
        made.mkdir()
        copied(root, names, source)
        # No hash seed, no time zone and no rights of whoever builds.
        told = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [sys.executable, "-c", _BUILD, str(made)],
            cwd=source,
            env=os.environ | told,
            umask=0o022,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2_000:])
        wheel, sdist = next(made.glob("*.whl")), next(made.glob("*.tar.gz"))
        (out / sdist.name).write_bytes(_the_same(sdist.read_bytes(), epoch))
        shutil.copyfile(wheel, out / wheel.name)
    return out / wheel.name, out / sdist.name


def _the_same(sdist: bytes, epoch: int) -> bytes:
    """An sdist without who packed it and when, in the order of names: setuptools leaves both in."""
    plain, packed = io.BytesIO(), io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(sdist), mode="r:gz") as old,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            kept = tarfile.TarInfo(member.name)
            kept.type, kept.size, kept.mtime = member.type, member.size, epoch
            kept.mode = 0o755 if member.isdir() else 0o644
            new.addfile(kept, old.extractfile(member) if member.isfile() else None)
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=epoch) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder (default: dist)")
    options = parser.parse_args()
    changed = subprocess.run(
        ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "--", *PACKED],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    if changed:
        print("Not of a commit: there are changes in what is packed.", file=sys.stderr)
    wheel, sdist = packed(ROOT, tracked(ROOT), committed(ROOT), options.out)
    for path in (wheel, sdist):
        content = path.read_bytes()
        print(f"{path}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    if wheel.stat().st_size > MOST_BYTES:
        sys.exit(f"The wheel has more than {MOST_BYTES:,} bytes.")


if __name__ == "__main__":
    main()
