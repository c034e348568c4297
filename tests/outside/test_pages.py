"""What the pages of `docs` show works from outside the package: their files, their entry points, their output."""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from warm_process import PYTHON, warm_process

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("add-an-instrument", "add-an-engine", "add-a-distance", "add-a-strategy", "add-a-method")
# A fence, its language, the file that it is of, and what is in it.
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>[\w./]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[re.Match]:
    return list(_BLOCK.finditer((DOCS / f"{page}.md").read_text(encoding="utf-8")))


def install(folder: Path, page: str) -> None:
    """Write a page's files, and the record of an installed package with its entry points."""
    for block in blocks(page):
        if block["file"]:
            (folder / block["file"]).write_text(block["text"], encoding="utf-8")
    record = folder / f"{page.replace('-', '_')}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {page}\nVersion: 1.0\n")
    lines = []
    if (folder / "pyproject.toml").is_file():
        points = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]
        for group, names in points.items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in names.items())]
    (record / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Path, str], str]]:
    """Runs a program in a folder as if what lies there were installed: its standard output."""
    # The address of a socket is at most a hundred characters long.
    with tempfile.TemporaryDirectory() as own, warm_process(Path(own), dict(os.environ)) as warm:

        def run(folder: Path, program: str) -> str:
            path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
            words = [str(shutil.which(PYTHON, path=warm["PATH"])), "-c", program]
            done = subprocess.run(words, cwd=folder, env=warm | {"PYTHONPATH": path}, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-2_000:]
            return done.stdout

        yield run


@pytest.mark.skipif(not Path("/usr/lib/vst/amsynth_vst.so").is_file(), reason="needs amsynth")
def test_the_page_of_plug_ins_does_what_it_says(tmp_path, run):
    # What follows is of a command that takes half a minute.
    program, output, *_ = (block["text"] for block in blocks("plug-ins"))
    assert run(tmp_path, program) == output


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page, tmp_path, run):
    if page == "add-an-engine":
        install(tmp_path, "add-an-instrument")
    install(tmp_path, page)
    programs = [block["text"] for block in blocks(page) if block["kind"] == "python" and not block["file"]]
    outputs = [block["text"] for block in blocks(page) if block["kind"] == "text"]
    assert len(programs) == len(outputs) >= 1
    for program, output in zip(programs, outputs, strict=True):
        assert run(tmp_path, program) == output


def test_an_engine_from_outside_builds_and_matches(tmp_path, run):
    """Not only its page's few lines: a dataset of its sounds, read back, through the package's own functions."""
    install(tmp_path, "add-an-instrument")
    install(tmp_path, "add-an-engine")
    program = """
from secret_sauce_hf.data import build_collection, load_takes
from secret_sauce_hf.engines import render
folder = build_collection("bass_box.json", "built", seed=1, count=12, rows_per_shard=4, progress=False)
takes = load_takes(folder, collection="bass_box.json")
print(takes.sounds.shape, bool((takes.sounds * 32768 == render(takes.presets)).all()))
"""
    assert run(tmp_path, program) == "(12, 19845) True\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("nowhere:Engine", r"The engine bass-box, nowhere:Engine, cannot be loaded: No module named 'nowhere'"),
        ("bass_box:Nothing", r"cannot be loaded: .*Nothing"),
        ("pathlib:Path", r"pathlib:Path is registered as the engine bass-box, and is none"),
        ("bass_box:COLLECTION", r"bass_box:COLLECTION is registered as the engine bass-box, and is none"),
    ],
)
def test_what_is_no_engine_is_told_in_one_line(text, message, tmp_path, run):
    install(tmp_path, "add-an-instrument")
    install(tmp_path, "add-an-engine")
    record = tmp_path / "add_an_engine-1.0.dist-info" / "entry_points.txt"
    record.write_text(f"[secret_sauce_hf.engines]\nbass-box = {text}\nnoisemaker = pathlib:Path\n")
    program = """
from secret_sauce_hf import InputError
from secret_sauce_hf.engines import get_engine
try:
    get_engine("bass_box.json")
except InputError as error:
    print(error)
# Nobody takes the place of the package's own.
print(type(get_engine("noisemaker")).__name__)
"""
    first, second = run(tmp_path, program).splitlines()
    assert re.search(message, first), first
    assert second == "NoiseMaker"
