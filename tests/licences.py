"""The licences of everything that an installation brings along, and the page that lists them.

    .venv/bin/python tests/licences.py          # write THIRD_PARTY.md again
    .venv/bin/python tests/licences.py --check  # say what is no longer as it says

What is asked are the packages that are installed, for each extra: so all extras have to be (`make install` and
`pip install distributed`).
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "THIRD_PARTY.md"
CORE = "core"
FREE = (CORE, "all")
"""What is installed by default and by `all`: nothing of it is under the GPL."""
# As the classifiers and free texts of packages say it, in SPDX.
SPDX = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD (of unsaid form)",
    "bsd license": "BSD (of unsaid form)",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
    "isc license": "ISC",
    "python software foundation license": "PSF-2.0",
    "gnu general public license v3 (gplv3)": "GPL-3.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
# Of which the metadata says nothing, or less than the licence that lies in the package.
KNOWN = {
    "torchcodec": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "numba": "BSD-2-Clause",
    "partd": "BSD-3-Clause",
    "zict": "BSD-3-Clause",
    "sympy": "BSD-3-Clause",
    "mpmath": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "contourpy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "matplotlib": "PSF-based (matplotlib)",
}
# Files of others that lie in this repository and are installed with the package.
VENDORED = {
    "secret_sauce_hf/app/static/vendor/wavesurfer.esm.js": ("wavesurfer.js", "BSD-3-Clause"),
    "secret_sauce_hf/app/static/vendor/regions.esm.js": ("wavesurfer.js, its regions", "BSD-3-Clause"),
}
_GPL = re.compile(r"(?<!L)A?GPL|GNU (Affero )?General Public", re.IGNORECASE)
_TOP = """# What others made

The package is under the Apache License 2.0. This page lists everything that an installation brings along, directly or
through something else, with the licence that each package states, on Linux with Python 3.11. It is written by
`python tests/licences.py`, and a test fails when it is not what is installed.

Nothing of the core or of the extra `all` is under the GPL. What is has to be asked for by name,
and whoever passes on a work together with it passes it on under the GPL: {gpl} (extras {extras}).

Libraries inside of wheels have licences of their own, which lie in those: NumPy's and SciPy's OpenBLAS and GCC's
runtime (GPL with the exception that allows it), soundfile's libsndfile (LGPL 2.1), soxr's libsoxr (LGPL 2.1).

"""
_FILES = """
## Files in this repository

| file | what | licence |
|---|---|---|
"""
_END = """
`LICENSE` files of vendored code lie beside it. The runtime of models in a browser, onnxruntime-web (MIT), is not
shipped: whoever exports a model fetches it from npm. FFmpeg, JACK and PortAudio, which some extras look for, are
libraries of the system.
"""


def dependencies(asked: Iterable[str], extras: dict[str, list[str]]) -> dict[str, Distribution]:
    """What is installed of some requirements and of all that they require, by name.

    Args:
        asked: requirements.
        extras: what each extra of this package asks for.

    Raises:
        LookupError: something is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting, done = [Requirement(text) for text in asked], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name == "secret-sauce-hf":
            waiting += [Requirement(text) for extra in requirement.extras for text in extras[extra]]
            continue
        if (key := (name, frozenset(requirement.extras))) in done:
            continue
        done.add(key)
        try:
            found[name] = distribution(name)
        except PackageNotFoundError as error:
            raise LookupError(f"{name} is not installed") from error
        for required in map(Requirement, found[name].requires or ()):
            marker = required.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)):
                waiting.append(required)
    return found


def licence(package: Distribution) -> str:
    """The licence that a package states, in SPDX where that says which."""
    name, told = canonicalize_name(package.metadata["Name"]), package.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    classified = [line.split(" :: ")[-1] for line in told.get_all("Classifier") or () if line.startswith("License ::")]
    text = (told.get("License") or "").strip()
    lines = [] if "\n" in text or not text else [text]
    stated = [SPDX.get(line.lower(), line) for line in (*lines, *classified)]
    # Of what is said, the most exact; a package that is under the GPL cannot be named otherwise above.
    best = min(stated, key=lambda line: "unsaid" in line, default="")
    return KNOWN.get(name, best) if not is_gpl(" ".join(stated)) else best


def is_gpl(licence: str) -> bool:
    """Whether a licence is the GPL, or the AGPL; the LGPL is not, and where there is a choice it need not be."""
    return all(_GPL.search(choice) is not None for choice in licence.split(" OR "))


def table() -> dict[str, tuple[str, list[str]]]:
    """Every package, with its licence and the extras by which it comes, `core` for those that always do."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found: dict[str, tuple[str, list[str]]] = {}
    for extra, asked in ((CORE, project["dependencies"]), *extras.items()):
        for name, package in dependencies(asked, extras).items():
            found.setdefault(name, (licence(package), []))[1].append(extra)
    return dict(sorted(found.items()))


def page(rows: dict[str, tuple[str, list[str]]]) -> str:
    """The page that lists them."""
    gpl = {name: extras for name, (told, extras) in rows.items() if is_gpl(told)}
    own = sorted({extra for extras in gpl.values() for extra in extras})
    lines = ["| package | licence | comes with |", "|---|---|---|"]
    for name, (told, extras) in rows.items():
        # What always comes need not be said to come with an extra, too.
        lines.append(f"| {name} | {told} | {CORE if CORE in extras else ', '.join(extras)} |")
    files = [f"| `{path}` | {what} | {told} |" for path, (what, told) in VENDORED.items()]
    top = _TOP.format(gpl=", ".join(sorted(gpl)), extras=", ".join(f"`{extra}`" for extra in own))
    return top + "\n".join(lines) + "\n" + _FILES + "\n".join(files) + "\n" + _END


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and exit with 1 if it would be another")
    options = parser.parse_args()
    try:
        text = page(table())
    except LookupError as error:
        sys.exit(f"{error}: install every extra first.")
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
        return
    there = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.is_file() else []
    other = sorted(set(text.splitlines()) ^ set(there))
    sys.exit("\n".join([*other, f"{PAGE.name} is another; write it again: python tests/licences.py"]) if other else 0)


if __name__ == "__main__":
    main()
