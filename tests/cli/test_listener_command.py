"""`secret-sauce listener`, at the border: a run of a few sounds, and what it refuses."""

import re

import pytest

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.modeling.listener_secret_sauce import NoteListener
from secret_sauce_hf.training import listening


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as stop:
            cli.main(["listener", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert stop.value.code == code, err
        return out, err

    return run


def test_it_trains_a_listener(run, monkeypatch):
    monkeypatch.setattr(listening, "CHUNK", 2)
    monkeypatch.setattr(listening, "POOL", 4)
    out, _ = run("--fresh", 2, "--batch-size", 2, "--out", "ear")
    assert "2 sounds" in out
    assert NoteListener.load("ear").pitches == range(21, 109)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), r"--fresh.*--minutes"),
        (("--fresh", 1, "--learning-rate", 0), r"learning_rate must be positive"),
        (("--fresh", 1, "--base", "nowhere"), r"nowhere has no listener\.json"),
        (("--fresh", 1, "--resume"), r"no run to go on with"),
    ],
)
def test_a_mistake_is_one_line(run, tmp_path, options, message):
    out, err = run("--out", "ear", *options, code=2)
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert list(tmp_path.iterdir()) == []
