"""What the README and the pages behind it show is what happens: commands and snippets run, in order, in one folder."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import yaml
from typer.testing import CliRunner
from warm_process import PYTHON, warm_process

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.presets import Presets

ROOT = Path(__file__).parents[1]
# In an order in which each finds what those before it have left.
PAGES = (
    "match",
    "any-note",
    "results",
    "train",
    "collections",
    "command-line",
    "machines",
    "hub",
    "your-instrument",
    "page",
    "in-the-browser",
    "listening-test",
    "cluster",
)
GROUPS = ("export", "instrument", "publish", "listening-test")
"""Commands that have commands of their own."""
FILES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in PAGES), ROOT / "SKILL.md"]
TEXT = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def shown_runs() -> list[tuple[str, str]]:
    """Every command after a "$ " and the output shown below it."""
    runs = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            runs.append((command, output))
    return runs


def skeleton(text: str) -> list[str]:
    """Lines without numbers and spacing: those of a prediction may differ between processors."""
    lines = (" ".join(re.sub(r"[+-]?\d[\d.,]*", "#", line).split()) for line in text.splitlines())
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where a reader would be who has a sound called bass.wav."""
    folder = tmp_path_factory.mktemp("readme")
    samples, rate = soundfile.read(demo_sound().path)
    soundfile.write(folder / "bass.wav", samples, rate)
    return folder


@pytest.fixture(scope="module")
def environment(hub) -> dict[str, str]:
    if hub.server is None:
        pytest.skip("the names on the Hub that the README shows are made on our own")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # `evaluate` and others would tell the internet.
    return {**os.environ, "PATH": path, "HF_TOKEN": hub.token, "HF_UPDATE_DOWNLOAD_COUNTS": "0"}


def test_there_is_something_to_check():
    assert len(shown_runs()) >= 4
    assert blocks("python")
    assert blocks("sh")


@pytest.fixture(scope="module")
def warm(environment) -> Iterator[dict[str, str]]:
    """What runs `secret-sauce` without importing everything again."""
    # The address of a socket is at most a hundred characters long.
    with tempfile.TemporaryDirectory() as folder, warm_process(Path(folder), environment) as own:
        yield own


@pytest.mark.parametrize(("command", "output"), shown_runs(), ids=[command for command, _ in shown_runs()])
def test_commands_print_what_is_shown(command, output, folder, warm):
    # In a shell, as whoever reads the page runs it.
    done = subprocess.run(command, shell=True, cwd=folder, env=warm, capture_output=True, text=True)  # noqa: S602
    assert done.returncode == 0, done.stderr
    if output.strip():
        # A terminal shows both streams.
        assert skeleton(done.stdout) == [line for line in skeleton(output) if line not in skeleton(done.stderr)]


@pytest.mark.parametrize("snippet", blocks("python"))
def test_snippets_run(snippet, folder, warm):
    program = shutil.which(PYTHON, path=warm["PATH"])
    done = subprocess.run([program, "-c", snippet], cwd=folder, env=warm, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Comments say what is printed, where they say so.
    for shown in re.findall(r"print\(.*\)  # (.+)$", snippet, re.MULTILINE):
        assert skeleton(shown)[0] in skeleton(done.stdout)


@pytest.mark.parametrize("page", [*sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*.md")), *DOCS])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in _LINK.findall(text):
        if not link.startswith(("http://", "https://")):
            assert ((ROOT / page).parent / link).exists(), link


def test_every_page_is_linked_from_the_front():
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    behind = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("index.md", "architecture.md"))
    for path in (ROOT / "docs").glob("*.md"):
        assert f"docs/{path.name})" in front or f"({path.name})" in behind, path.name


def test_commands_that_take_too_long_to_run_exist_at_least():
    makefile = (ROOT / "Makefile").read_text()
    for line in "".join(blocks("sh")).splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["make"]:
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line
        if words[:1] == ["python"]:
            program = words[1:3] if words[1] == "-m" else [ROOT / words[1]]
            done = subprocess.run([sys.executable, *program, "--help"], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        if words[:1] == ["secret-sauce"]:
            name = words[1:3] if words[1] in GROUPS else words[1:2]
            text = CliRunner().invoke(cli.app, [*name, "--help"], terminal_width=200).output
            for option in (word for word in words if word.startswith("--")):
                assert option in text, line


def test_the_example_prints_a_table_that_can_be_read(folder, environment):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "match_folder.py", ".", "2"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (folder / "found.csv").write_text(done.stdout)
    found = Presets.from_csv("noisemaker-light", folder / "found.csv")
    assert found.files == ["bass.wav"]
    assert "bass.wav: MSS" in done.stderr


def test_the_skill_says_what_it_is_for():
    text = (ROOT / "SKILL.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    told = yaml.safe_load(head)
    assert set(told) == {"name", "description", "license"}
    assert re.fullmatch(r"[a-z0-9-]{1,64}", told["name"])
    # As much of it is always in the context of an assistant.
    assert 0 < len(told["description"]) <= 1_024 and "<" not in told["description"]
    assert len(body.splitlines()) < 500
