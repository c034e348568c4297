"""What others named is shown on a terminal and in a log, and is not obeyed there."""

import ast
import logging
import re
import sys
import zipfile
from pathlib import Path

import pytest

from secret_sauce_hf.cli.terminal import complain, print_all, print_anything, print_json, table_of, tell
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.sounds import read_samples
from secret_sauce_hf.progress import logger_of, row_progress, say, visible

EVIL = "a\x1b[2J\x1b]0;t\x07\x9b31m\x85\x7f\u202eb\u2066c\u2028d\r"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
PACKAGE = Path(__file__).parents[2] / "secret_sauce_hf"


def table():
    found = table_of("name", "n\x1b[1m")
    found.add_row(EVIL, "1")
    return found


@pytest.mark.parametrize(
    "write",
    [
        lambda: say(EVIL),
        lambda: complain(EVIL),
        lambda: tell(EVIL),
        lambda: print_all(EVIL, table()),
        lambda: print_json({EVIL: EVIL}),
    ],
)
def test_what_is_printed_holds_nothing_that_a_terminal_obeys(write, capsys):
    write()
    said = "".join(capsys.readouterr())
    assert "[2J" in said and not OBEYED.search(said)


def test_what_is_shown_can_be_told_from_the_rest():
    assert visible("é\tx\n") == r"é\tx\n"
    assert visible("é\n\x1b", lines=True) == "é\n\\x1b"
    assert visible("Привет 世界 🎛") == "Привет 世界 🎛"


def test_a_title_of_a_progress_bar_is_no_markup(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with row_progress(f"[red]{EVIL}[/red]", 2, True) as advance:
        advance(2)
    said = capsys.readouterr().err
    assert "[red]a" in said and r"\x1b[2J" in said and "\x1b[2J" not in said and "\u202e" not in said


def test_a_log_and_the_error_in_it_are_shown(capsys):
    log = logger_of("secret_sauce_hf.of_a_test")
    handler = logging.StreamHandler(sys.stderr)
    log.addHandler(handler)
    try:
        raise ValueError(EVIL)
    except ValueError:
        log.warning("%s fails", EVIL, exc_info=True)
    finally:
        log.removeHandler(handler)
    said = capsys.readouterr().err
    assert said.count("[2J") == 2 and not OBEYED.search(said)


def test_what_libraries_log_and_what_nobody_caught_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    factory = logging.getLogRecordFactory()
    print_anything()
    sys.excepthook(RuntimeError, RuntimeError(EVIL), None)
    record = logging.getLogRecordFactory()("other", logging.WARNING, "", 1, "%s", (EVIL,), None)
    logging.StreamHandler(sys.stderr).handle(record)
    logging.setLogRecordFactory(factory)
    said = capsys.readouterr().err
    assert said.count("[2J") == 2 and not OBEYED.search(said)


def test_names_in_archives_and_of_files_do_not_reach_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "sounds.zip", "w") as archive:
        archive.writestr(f"{EVIL}.wav", b"no sound")
    Path(f"{EVIL}.wav").write_bytes(b"none either")
    for path in (f"zip://{EVIL}.wav::sounds.zip", f"{EVIL}.wav", f"no{EVIL}"):
        with pytest.raises(InputError) as caught:
            read_samples(path)
        complain(str(caught.value))
        said = capsys.readouterr().err
        assert "[2J" in said and said.count("\n") == 1 and not OBEYED.search(said), said


def test_nothing_prints_or_logs_but_through_these():
    """What is printed as it is must be JSON in ASCII, or help of our own."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called, arguments = ast.unparse(node.func), [ast.unparse(one) for one in node.args]
            printed = called == "print" and any(
                not re.match(r"json\.dumps|context\.get_help", one) for one in arguments
            )
            logged = called == "logging.getLogger" and name != "modeling/exporting.py"
            if ((printed and name != "cli/terminal.py") or logged) and name != "progress.py":
                found.append(f"{name}:{node.lineno}")
    assert found == []
