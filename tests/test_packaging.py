"""What is built is what is here."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


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
