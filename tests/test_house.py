"""The shape of the package: its rooms are those of the picture, its modules are short, its parameters answer."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "secret_sauce_hf"
MOST_LINES = 600


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_the_picture_has_the_rooms_in_their_order():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "rooms")
    rooms = [re.split(r"\s*:\s*", layer) for layer in reversed(layers)]
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^  (\w+)(?:\[.*\])? --> (\w+)", text, re.MULTILINE)
    assert [one for one, _ in drawn] + [drawn[-1][1]] == [room[0] for room in rooms]
    for room in rooms:
        assert all(re.search(rf"\b{name}\b", text) for name in room), room


def test_no_module_is_long():
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_nobody_asks_what_kind_a_parameter_is():
    """Outside of instruments a parameter answers for itself; where nobody else can, a comment above says why."""
    found = []
    for path in modules():
        if PACKAGE / "instruments" in path.parents:
            continue
        lines = path.read_text().splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"):
                continue
            named = {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
            explained = any("#" in line for line in lines[max(node.lineno - 3, 0) : node.lineno])
            if named & {"Knob", "Switch"} and not explained:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
