"""What all commands share: examples that parse, JSON, completion, exit codes that a page documents, quiet in pipes."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.cli import terminal
from secret_sauce_hf.instruments import COLLECTIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
APP = typer.main.get_command(cli.app)


def commands(command: Any = APP, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command and group, by its words."""
    yield " ".join(words), command
    for name, inside in getattr(command, "commands", {}).items():
        if not inside.hidden:
            yield from commands(inside, (*words, name))


COMMANDS = dict(commands())


def examples(command: Any) -> list[str]:
    _, _, after = (command.help or "").partition("[bold]Examples[/bold]")
    return [line.strip() for line in after.splitlines() if line.strip()]


def parse(words: list[str]) -> None:
    """Parse arguments as a command does, down to the last one, and run nothing."""
    command, context, rest = APP, None, words
    name: str | None = "secret-sauce"
    while True:
        context = command.make_context(name, list(rest), parent=context)
        if not getattr(command, "commands", None):
            return
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)


# Examples


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples_that_parse(name):
    lines = examples(COMMANDS[name])
    assert lines, "no examples"
    assert any(line.startswith(f"secret-sauce {name}".rstrip()) for line in lines)
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "python":
            assert (ROOT / words[1]).is_file(), line
            continue
        assert words[0] == "secret-sauce", line
        # What the shell does with the output is not the command's.
        ends = [place for place, word in enumerate(words) if word in (">", "|", "2>")]
        parse(words[1 : min(ends, default=None)])


@pytest.mark.parametrize("words", ["match a.wav --no-such-option", "presets", "collections --json 5"])
def test_what_does_not_parse_is_noticed(words):
    with pytest.raises(terminal.typer.exceptions.TyperException):
        parse(words.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name):
    silent = [one.name for one in COMMANDS[name].params if not one.hidden and not one.help]
    # `listen` hands these to `match`, whose help describes them.
    assert silent == [] or name == "listen"


# JSON


def test_collections_as_json(run):
    code, out, err = run("collections", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert [one["name"] for one in told["collections"]] == list(COLLECTIONS)
    light = next(one for one in told["collections"] if one["name"] == "noisemaker-light")
    assert (light["rows"], light["train_rows"], light["knobs"], light["switches"]) == (1_000, 800, 4, 1)
    assert light["model"] == "secret-sauce/ast-noisemaker-light"
    assert next(one for one in told["collections"] if one["name"] == "dx7")["model"] is None
    assert told["here"] == []


def test_a_declaration_as_json_is_one(run, tmp_path):
    from secret_sauce_hf.instruments import get_collection, same_parameters

    code, out, _ = run("instrument", "check", "subphatty-notes", "--json")
    told = json.loads(out)
    assert code == 0 and told["engine"] == "subphatty 1" and told["refusal"] is None
    (tmp_path / "mine.json").write_text(json.dumps({k: told[k] for k in told if k not in ("engine", "refusal")}))
    assert same_parameters(get_collection(tmp_path / "mine.json"), get_collection("subphatty-notes"))


def test_what_is_measured_as_json(run):
    assert run("build", "noisemaker-light", "--rows", "796:804", "--out", "few")[0] == 0
    code, out, _ = run("evaluate", "noisemaker-light", "--data", "few", "--json")
    told = json.loads(out)
    assert code == 0 and told["data"]["rows"] == 4
    assert told == json.loads(Path("noisemaker-light-evaluation/evaluation.json").read_text())
    arguments = ("--data", "few", "--rows", "2", "--only", "floor", "--only", "naive")
    code, out, _ = run("benchmark", "noisemaker-light", *arguments, "--no-same", "--out", "measured", "--json")
    assert code == 0 and set(json.loads(out)["ways"]) == {"floor", "naive"}


def test_what_would_be_published_as_json(run, hub, monkeypatch):
    if hub.server is None:
        pytest.skip("asks the tests' own Hub")
    monkeypatch.setattr("secret_sauce_hf.cli.publish.leave_at_once_when_interrupted", lambda: None)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    repo = hub.repo("ast-light", "model")
    code, out, _ = run("publish", "checkpoint", "noisemaker-light", "--repo", repo, "--dry-run", "--json")
    told = json.loads(out)
    assert code == 0 and told["repo"] == repo and told["dry_run"] and not told["exists"] and told["commit"] is None
    files = {file["path"]: file for file in told["files"]}
    assert files["model.safetensors"]["what"] == "new" and files["model.safetensors"]["bytes"] > 1e6


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if "--json" in str([p.opts for p in COMMANDS[name].params])]
)
def test_the_page_names_every_command_with_json(name):
    assert f"`{name}`" in PAGE.partition("## JSON")[2].partition("## ")[0]


# Exit codes


def test_exit_codes_are_documented():
    codes = {value for name, value in vars(terminal).items() if name.startswith("EXIT_")}
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert documented == codes | {0}


# Completion


def complete(words: str, tmp_path: Path) -> list[str]:
    """What bash is told for a line whose last word is to be completed."""
    environment = {
        **os.environ,
        "_SECRET_SAUCE_COMPLETE": "complete_bash",
        "COMP_WORDS": f"secret-sauce {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    program = (
        "import sys\nfrom secret_sauce_hf.cli import main\nimport atexit\n"
        "heavy = {'torch', 'transformers', 'numba', 'datasets', 'scipy', 'pyarrow'}\n"
        "atexit.register(lambda: print(*sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "main([])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.stderr.split() == []
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("instr", ["instrument"]),
        ("build noisemaker-l", ["noisemaker-light", "noisemaker-light-notes"]),
        ("match a.wav --collection dx", ["dx7"]),
        ("match a.wav --model subphatty-p", []),
        ("match a.wav --model subphatty-n", ["subphatty-notes"]),
        ("publish metric s", ["sound_distance"]),
    ],
)
def test_the_shell_completes_names(words, found, tmp_path):
    assert complete(words, tmp_path) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_script_is_shown(shell, tmp_path):
    program = "from secret_sauce_hf.cli import main; main(['--show-completion'])"
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program.replace("']", f"', '{shell}']")],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "_SECRET_SAUCE_COMPLETE" in done.stdout


# Quiet


def test_a_training_that_is_piped_prints_its_results_alone(run):
    code, out, err = run(
        *("train", "noisemaker-light", "--fresh", "32", "--epochs", "1", "--batch-size", "32"),
        *("--validation", "32", "--workers", "0", "--out", "model"),
    )
    assert code == 0
    assert out.startswith("Mean absolute error of knobs")
    assert "loss" not in out and "{" not in out
    assert err == ""
