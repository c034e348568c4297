"""A page per room: every name that it exports, with its docstring."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "secret_sauce_hf"
ROOMS = (
    "instruments",
    "presets",
    "midi",
    "engines",
    "metrics",
    "data",
    "plots",
    "modeling",
    "training",
    "matching",
    "evaluation",
    "learning",
    "hub",
    "original",
)


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of every page: the front door, then the rooms from below.

    A name that several rooms hand on is described where it comes first, and the others lead there.
    """
    described: set[str] = set()
    rooms = []
    for room in ROOMS:
        file = PACKAGE / f"{room}.py"
        file = file if file.is_file() else PACKAGE / room / "__init__.py"
        rooms.append((f"reference/api/{room}.md", _page(f"secret_sauce_hf.{room}", file, described)))
    front = PACKAGE / "__init__.py"
    described.update(exported("secret_sauce_hf", front).values())
    yield "reference/api/index.md", _page("secret_sauce_hf", front, described)
    yield from rooms


def exported(module: str, file: Path) -> dict[str, str]:
    """Every name that a module exports, and where it is defined.

    Args:
        module: its full name.
        file: its source, beside which may lie a stub that says more.
    """
    stub = file.with_suffix(".pyi")
    body = _body(stub if stub.is_file() else file)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    places: dict[str, str] = {}
    names: list[str] = []
    for node in body:
        if isinstance(node, ast.ImportFrom):
            start = f"{package}." if node.level else ""
            for alias in node.names:
                places[alias.asname or alias.name] = f"{start}{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names = ast.literal_eval(node.value)
    return {name: _home(places[name]) if name in places else f"{module}.{name}" for name in names}


def _home(place: str) -> str:
    """Where a name is defined that a room hands on."""
    module, _, name = place.rpartition(".")
    folder = PACKAGE.parent / module.replace(".", "/")
    if not (folder / "__init__.py").is_file():
        for node in _body(folder.with_suffix(".py")):
            # Another name for something of the same module, or handed on from another.
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return f"{module}.{node.value.id}" if isinstance(node.value, ast.Name) else place
            if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
                return _home(f"{node.module}.{name}")
        return place
    return exported(module, folder / "__init__.py").get(name, place)


def _page(module: str, file: Path, described: set[str]) -> str:
    """The page of a module: a table of all that it exports, and what is not described yet."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = dict(sorted((exported(module, file) or _own(module, file)).items(), key=lambda one: one[0].lower()))
    lines = [f"| [`{name}`][{place}] | {_first_line(place)} |" for name, place in names.items()]
    parts = [f"# {module}", ast.get_docstring(tree) or "", "\n".join(["| name | |", "|---|---|", *lines])]
    parts += [f"::: {place}" for place in names.values() if place not in described]
    described.update(names.values())
    return "\n\n".join(parts) + "\n"


def _first_line(place: str) -> str:
    """What the first line of a docstring says of a function, a class or a value."""
    module, _, name = place.rpartition(".")
    path = PACKAGE.parent / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    body = _body(file)
    text = ""
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            text = ast.get_docstring(node) or ""
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == name for one in targets) and isinstance(after, ast.Expr):
            text = str(getattr(after.value, "value", ""))
    return " ".join(text.strip().partition("\n\n")[0].split()).replace("|", "\\|")


def _own(module: str, file: Path) -> dict[str, str]:
    """The public functions and classes of a module that has no `__all__`."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {
        node.name: f"{module}.{node.name}"
        for node in _body(file)
        if isinstance(node, kinds) and not node.name.startswith("_")
    }


@cache
def _body(file: Path) -> list[ast.stmt]:
    return ast.parse(file.read_text(encoding="utf-8")).body
