"""The metrics as `evaluate` modules, loadable by path and ready to be published as Spaces.

A Space holds the module, flat copies of the plain functions that it needs, and a page,
so that it works without this package.
"""

import inspect
import re
from pathlib import Path

from secret_sauce_hf.instruments import InputError, errors

__all__ = ["MODULES", "module_files", "module_path"]

_NOTE = "# Part of secret_sauce_hf, where it is to be changed.\n"
_SIBLING = re.compile(r"^from secret_sauce_hf\.metrics\.(\w+) import ", re.MULTILINE)
_LIBRARY = re.compile(r"^(\w+)", re.MULTILINE)

MODULES = ("sound_distance", "preset_error")
"""Names of the modules."""


def module_path(name: str) -> Path:
    """The folder of a module, for `evaluate.load(str(module_path(name)))` where this package is installed.

    Raises:
        InputError: there is no such module.
    """
    if name not in MODULES:
        raise InputError(f"Unknown metric {name!r}; there are {', '.join(MODULES)}.")
    return Path(__file__).parent / name


def module_files(name: str) -> dict[str, bytes]:
    """Everything that a Space of a module holds, except README.md.

    Args:
        name: of the module.

    Returns:
        Contents by file name: the module, flat copies of the plain functions' files,
        the page `app.py` and its `requirements.txt`. `evaluate` loads them from the
        Space or any folder of the module's name, without this package.

    Raises:
        InputError: there is no such module.
    """
    folder = module_path(name)
    module = (folder / f"{name}.py").read_text(encoding="utf-8")
    direct = _SIBLING.findall(module)
    plain: dict[str, str] = {}
    wanted = list(direct)
    while wanted:
        sibling = wanted.pop()
        if sibling not in plain:
            plain[sibling] = (folder.parents[1] / f"{sibling}.py").read_text(encoding="utf-8")
            wanted += _SIBLING.findall(plain[sibling])
    # `evaluate` fetches the files that the module itself imports at the start of a line, and no others.
    indirect = "".join(f"from .{sibling} import __name__ as _{sibling}\n" for sibling in plain if sibling not in direct)
    if indirect:
        indirect = "# `evaluate` fetches what this file imports itself, and nothing that its siblings do.\n" + indirect
    # It also asks for the libraries that this file imports, where they lack, and for no others. A comment on the line
    # would become a part of what it says to install.
    for library in _LIBRARY.findall((folder / "requirements.txt").read_text(encoding="utf-8")):
        used = re.compile(rf"^(?:import|from) {library}\b", re.MULTILINE)
        if not used.search(module) and any(used.search(text) for text in plain.values()):
            indirect += f"import {library}\n"
    flat = _flat(module)
    start = flat.index("\nfrom .") + 1
    files = {
        f"{name}.py": flat[:start] + indirect + flat[start:],
        "errors.py": _NOTE + inspect.getsource(errors),
        "app.py": _NOTE + (folder / "app.py").read_text(encoding="utf-8"),
        "requirements.txt": (folder / "requirements.txt").read_text(encoding="utf-8"),
    }
    files |= {f"{sibling}.py": _flat(text) for sibling, text in plain.items()}
    return {file: text.encode() for file, text in files.items()}


def _flat(source: str) -> str:
    """A file of this package as it lies beside the others of a Space."""
    source = source.replace("from secret_sauce_hf.instruments import InputError", "from .errors import InputError")
    return _NOTE + _SIBLING.sub(r"from .\1 import ", source)
