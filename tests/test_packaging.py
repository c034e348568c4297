"""What is built is what is here, and what is asked for is what is tested."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
LOWEST = "constraints-lowest.txt"


def test_every_room_of_the_house_is_packed():
    rooms = {path.parent.relative_to(ROOT) for path in (ROOT / "secret_sauce_hf").rglob("__init__.py")}
    named = {".".join(room.parts) for room in rooms}
    # The templates lie elsewhere, and each metric's folder is data, copied as it is.
    assert set(SETUPTOOLS["packages"]) == named | {"secret_sauce_hf.model_cards"}


def test_what_is_packed_beside_the_code_exists():
    places = SETUPTOOLS["package-dir"]
    for package, patterns in SETUPTOOLS["package-data"].items():
        folder = ROOT / places.get(package, package.replace(".", "/"))
        for pattern in patterns:
            assert list(folder.glob(pattern)), f"{package}: {pattern}"


def test_what_lies_beside_the_code_is_packed():
    package = ROOT / "secret_sauce_hf"
    packed = {
        path
        for name, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in (ROOT / name.replace(".", "/")).glob(pattern)
    }
    here = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    rooms = {ROOT / name.replace(".", "/") for name in SETUPTOOLS["packages"]}
    code = {path for path in here if path.suffix == ".py" and path.parent in rooms}
    assert not here - code - packed


def asked_for(project: dict) -> Iterator[Requirement]:
    """Every dependency of the package and of its extras, but the package itself."""
    for text in chain(project["dependencies"], *project["optional-dependencies"].values()):
        requirement = Requirement(text)
        if requirement.name != project["name"]:
            yield requirement


def lower_bounds(requirements: Iterable[Requirement]) -> dict[str, Version | None]:
    """The lowest version of each, None where one has no bound; of a package named twice the higher bound."""
    found: dict[str, Version | None] = {}
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        bounds = [Version(part.version) for part in requirement.specifier if part.operator in (">=", "==", "~=")]
        found[name] = max([*bounds, *filter(None, [found.get(name)])], default=None)
    return found


def pinned(file: str) -> dict[str, Version]:
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith("#")]
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+]+)", line) for line in lines]
    assert all(pins), [line for line, pin in zip(lines, pins, strict=True) if not pin]
    names = [canonicalize_name(pin[1]) for pin in pins]
    assert len(set(names)) == len(names)
    return {name: Version(pin[2]) for name, pin in zip(names, pins, strict=True)}


def test_every_dependency_has_a_lower_bound_and_it_is_the_one_that_is_tested():
    bounds = lower_bounds(asked_for(PYPROJECT["project"]))
    pins = pinned(LOWEST)
    assert {name: pins.get(name) for name in bounds} == bounds


def test_what_a_metric_asks_for_as_a_space_is_what_the_package_asks_for():
    bounds = lower_bounds(asked_for(PYPROJECT["project"]))
    files = sorted((ROOT / "secret_sauce_hf/metrics/modules").glob("*/requirements.txt"))
    assert files
    for file in files:
        asked = lower_bounds(map(Requirement, file.read_text().split()))
        assert asked == {name: bounds[name] for name in asked}, file


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("constraints*.txt")))
def test_what_is_pinned_lies_within_what_is_asked_for(file):
    pins = pinned(file)
    outside = [
        f"{requirement}, but {pins[name]}"
        for requirement in asked_for(PYPROJECT["project"])
        if (name := canonicalize_name(requirement.name)) in pins and pins[name] not in requirement.specifier
    ]
    assert not outside


@pytest.mark.parametrize(
    ("texts", "bounds"),
    [
        (["numpy"], {"numpy": None}),
        (["numpy<3"], {"numpy": None}),
        (["numpy>=2.0,<3"], {"numpy": Version("2")}),
        (["torch>=2.9", "torch>=2.13"], {"torch": Version("2.13.0")}),
        (["lazy_loader>=0.6"], {"lazy-loader": Version("0.6")}),
        (["fsspec[http]>=2024.10", "fsspec"], {"fsspec": Version("2024.10.0")}),
    ],
)
def test_a_lower_bound_is_read_as_pip_reads_it(texts, bounds):
    assert lower_bounds(map(Requirement, texts)) == bounds
