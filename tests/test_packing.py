"""Wheel and sdist: the same bytes from any folder and under any umask, and all in them that belongs there."""

import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import packing
import pytest

EPOCH = 1_700_000_000
LARGE = (".safetensors", ".flac", ".png")
SMALL = 4_096
"""Bytes that are kept of large files: what is tried here does not follow from how large they are."""

pytestmark = pytest.mark.skipif(not (packing.ROOT / ".git").exists(), reason="this is no checkout")


@pytest.fixture(scope="module")
def names():
    return packing.tracked(packing.ROOT)


@pytest.fixture(scope="module")
def builds(names, tmp_path_factory):
    """Wheels and sdists of a copy of what is here, and of what its sdist holds: folder, umask and rights differ."""
    folder = tmp_path_factory.mktemp("packing")
    one, other = folder / "a", folder / "somewhere/else"

    def built(place: Path, umask: int) -> tuple[Path, Path]:
        # What is not tracked, and what an editable install leaves behind.
        (place / "secret_sauce_hf/scratch.py").touch()
        shutil.copytree(place / "model_cards", place / "secret_sauce_hf.egg-info", dirs_exist_ok=True)
        before = os.umask(umask)
        try:
            return packing.packed(place, names, EPOCH, place / "dist")
        finally:
            os.umask(before)

    for name in names:
        path = one / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = (packing.ROOT / name).read_bytes()
        path.write_bytes(content[:SMALL] if path.suffix in LARGE else content)
        path.chmod(0o700)
    first = built(one, 0o077)
    with tarfile.open(first[1]) as archive:
        archive.extractall(folder, filter="data")
    next(folder.glob("secret_sauce_hf-*")).rename(other.parent.mkdir() or other)
    return first, built(other, 0o002)


def test_wheel_and_sdist_are_the_same_to_the_byte(builds):
    (wheel, sdist), (other_wheel, other_sdist) = builds
    assert wheel.read_bytes() == other_wheel.read_bytes()
    assert sdist.read_bytes() == other_sdist.read_bytes()


def test_the_wheel_holds_what_is_tracked_and_nothing_else(builds, names):
    with zipfile.ZipFile(builds[0][0]) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
        beside = {PurePosixPath(name).name for name in wheel.namelist() if ".dist-info/" in name}
        # The list of what is in it, setuptools writes with rights of its own.
        rights = {
            info.external_attr >> 16 & 0o777 for info in wheel.infolist() if not info.filename.endswith("/RECORD")
        }
        assert rights == {0o644}
        # A time of day in UTC, to the two seconds that an archive keeps.
        assert {info.date_time for info in wheel.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    code = {name for name in names if name.startswith("secret_sauce_hf/")}
    cards = {f"secret_sauce_hf/{name}" for name in names if name.startswith("model_cards/") and name.endswith(".jinja")}
    assert inside == code | cards
    assert beside == {"LICENSE", "THIRD_PARTY.md", "METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt"}
    for needed in ("py.typed", "assets/*.flac", "checkpoints/*/model.safetensors", "app/static/vendor/*LICENSE"):
        assert any(PurePosixPath(name).match(f"secret_sauce_hf/{needed}") for name in inside), needed


def test_the_sdist_says_nothing_of_who_packed_it(builds, names):
    with tarfile.open(builds[0][1]) as archive:
        members = archive.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {(0, 0, "", "", EPOCH)}
    assert {one.mode for one in members if one.isfile()} == {0o644}
    inside = {one.name.partition("/")[2] for one in members if one.isfile()}
    assert inside >= set(names)
    assert not any("scratch" in name or name.startswith(("tests", "docs")) for name in inside)


def test_the_wheel_is_small_enough_to_publish(names):
    size = sum((packing.ROOT / name).stat().st_size for name in names if not name.startswith("README"))
    assert 2**25 < size < packing.MOST_BYTES


def test_what_cannot_be_built_says_why(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 3\n")
    with pytest.raises(RuntimeError, match=r"invalid pyproject\.toml config: `project`"):
        packing.packed(tmp_path, ["pyproject.toml"], EPOCH, tmp_path / "dist")
    assert list((tmp_path / "dist").iterdir()) == []
    assert isinstance(packing.committed(packing.ROOT), int) and Path("pyproject.toml").name in packing.tracked(
        packing.ROOT
    )
