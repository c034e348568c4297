"""The shape of the package: its rooms are those of the picture, its modules are short, its parameters answer."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "secret_sauce_hf"
MOST_LINES = 600
# What can run code that was in its input; ruff's S rules refuse the calls of pickle, marshal, eval, exec, yaml.load and
# a shell, but for lines that say why not.
SERIALISERS = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
SENDERS = {"multiprocessing", "distributed", "dask"}
ALLOWED = {
    "compiling.py: pickle": "machine code of this package, in a folder that nobody else can write to, with its digest",
    "training/listening.py: pickle": "the error alone that torch.load raises; what is loaded is weights only",
    "data/worker.py: multiprocessing": "between a build and the processes that it has started itself",
    "data/pools.py: multiprocessing": "between a build and the processes that it has started itself",
    "data/pools.py: ProcessPoolExecutor": "between a build and the processes that it has started itself",
    "data/cluster.py: distributed": "a cluster of the user's own, which docs/cluster.md says to trust",
    "data/cluster_worker.py: distributed": "asks which worker this is",
    "processors.py: multiprocessing": "asks who has started this process",
    "training/stream.py: multiprocessing_context": "between a training run and the processes that draw its rows",
}


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


def reads_of_objects(source: str) -> list[str]:
    """What in a program may make objects of bytes: modules that do, and calls that do unless they are told not to."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules = names if isinstance(node, ast.Import) else [node.module or ""]
            found += [module.split(".")[0] for module in modules if module.split(".")[0] in SERIALISERS | SENDERS]
            found += [name for name in names if name == "ProcessPoolExecutor"]
        elif isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            found += [key for key in keys if key in ("multiprocessing_context", "allow_pickle", "weights_only")]
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            of = (
                node.func.value.id
                if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
                else ""
            )
            told = {word.arg: word.value for word in node.keywords}
            only = told.get("weights_only")
            if called == "load" and of == "torch" and not (isinstance(only, ast.Constant) and only.value is True):
                found.append("torch.load")
            pickled = told.get("allow_pickle")
            if pickled is not None and not (isinstance(pickled, ast.Constant) and pickled.value is False):
                found.append("allow_pickle")
            found += [name for name in ("multiprocessing_context", "trust_remote_code") if _true(told.get(name))]
            found += [called for name in ("read_pickle", "to_pickle", "hub_load") if called == name]
    return found


def _true(value: ast.expr | None) -> bool:
    return value is not None and not (isinstance(value, ast.Constant) and value.value in (False, None))


def test_nothing_is_unpickled_but_where_it_says_why():
    sources = [*modules(), *(ROOT / "loading_scripts").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    found = set()
    for path in sources:
        name = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()
        found |= {f"{name}: {what}" for what in reads_of_objects(path.read_text())}
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", ["pickle"]),
        ("from dill import loads", ["dill"]),
        ("torch.load(path)", ["torch.load"]),
        ("torch.load(path, weights_only=asked)", ["torch.load"]),
        ("torch.load(path, weights_only=True)", []),
        ("np.load(path, allow_pickle=True)", ["allow_pickle"]),
        ("numpy.load(path, allow_pickle=False)", []),
        ("options = {'allow_pickle': True}", ["allow_pickle"]),
        ("pd.read_pickle(path)", ["read_pickle"]),
        ("AutoModel.from_pretrained(name, trust_remote_code=True)", ["trust_remote_code"]),
        ("from multiprocessing.synchronize import Event", ["multiprocessing"]),
        ("json.load(file)", []),
    ],
)
def test_what_makes_objects_of_bytes_is_seen(source, found):
    assert reads_of_objects(source) == found
