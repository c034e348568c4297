"""The notebooks of examples/ as pages."""

import json
from collections.abc import Iterator
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "examples" / "notebooks"


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of every page, in the order of the notebooks' names."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        parts = ["".join(cell["source"]) if cell["cell_type"] == "markdown" else _code(cell) for cell in cells]
        told = f"*This page is the notebook `examples/notebooks/{path.name}`.*"
        yield page_name(path), "\n\n".join([parts[0], told, *parts[1:]]) + "\n"


def page_name(path: Path) -> str:
    """The name of a notebook's page."""
    return f"tutorials/{path.stem}.md"


def _code(cell: dict) -> str:
    return "```python\n" + "".join(cell["source"]).rstrip() + "\n```"
