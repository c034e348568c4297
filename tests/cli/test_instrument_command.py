"""`secret-sauce instrument`: declarations checked, and made of a plug-in."""

import csv
import io
import json
from pathlib import Path

import pytest

from secret_sauce_hf.engines.plugin import trusted
from secret_sauce_hf.engines.plugin.describing import declare_plugin
from secret_sauce_hf.engines.plugin.trusted import trust, with_trusted_file
from secret_sauce_hf.instruments import get_collection, read_declaration, write_declaration

AMSYNTH = Path("/usr/lib/vst/amsynth_vst.so")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Not in the user's data folder."""
    monkeypatch.setattr(trusted, "user_data_path", lambda *_, **__: tmp_path / "data")


def test_what_a_declaration_declares(run):
    code, out, _ = run("instrument", "check", "dx7")
    assert code == 0 and "Yamaha DX7, 117 knobs and 28 switches" in out and "notes from 24 to 96" in out
    assert "by a rule" in out and "never" in out


def test_the_first_mistake_in_a_line(run, tmp_path):
    (tmp_path / "mine.json").write_text('{"name": "mine", "parameters": [{"kind": "knob", "name": "x", "top": -1}]}')
    code, out, err = run("instrument", "check", "mine.json")
    assert code == 2 and out == "" and err.count("\n") == 1 and "'x': top is -1" in err
    (tmp_path / "mine.json").write_text('{"name": "mine", "parameters": [{"kind": "knob", "name": "x", "top": 99}]}')
    code, out, _ = run("instrument", "check", "mine.json")
    assert code == 0 and "Not rendered here" in out and read_declaration("mine.json").parameters[0].high == 99


@pytest.mark.skipif(not AMSYNTH.is_file(), reason="needs amsynth")
def test_a_plug_in_is_declared_and_remembered(run, tmp_path):
    pytest.importorskip("dawdreamer")
    code, _, err = run(
        *("instrument", "plugin", AMSYNTH, "--only", "filter_cutoff", "--only", "osc2_sync", "--notes"),
        *("--out", "am.json", "--name", "am"),
    )
    assert code == 0, err
    declared = read_declaration("am.json")
    assert declared.columns == ("filter_cutoff", "osc2_sync") and declared.plays is not None
    digest = declared.instrument.plugin.digest
    assert json.loads((tmp_path / "data" / "plugins.json").read_text()) == {digest: str(AMSYNTH)}
    code, out, _ = run("instrument", "check", "am.json")
    assert code == 0 and "Rendered by am 1 (DawDreamer" in out


@pytest.mark.skipif(not AMSYNTH.is_file(), reason="needs amsynth")
def test_presets_of_a_plug_in_go_out_and_come_in(run, tmp_path):
    pytest.importorskip("dawdreamer")
    collection = declare_plugin(AMSYNTH, name="am", only=["filter_cutoff", "osc2_sync"], listen=False, seconds=0.5)
    write_declaration(collection, "am.json")
    code, rows, _ = run("presets", "am.json", "--seed", "1", "--count", "2")
    (tmp_path / "rows.csv").write_text(rows)
    code, _, err = run("instrument", "preset", "am.json", "--presets", "rows.csv", "--out", "bank")
    assert code == 0 and err.endswith("bank: 2 presets, .fxp.\n"), err
    code, again, err = run("presets", "am.json", "--presets", "bank")
    assert code == 0, err
    told, read = (list(csv.DictReader(io.StringIO(text))) for text in (rows, again))
    assert [one["osc2_sync"] for one in told] == [one["osc2_sync"] for one in read]
    cutoffs = ([float(one["filter_cutoff"]) for one in table] for table in (told, read))
    assert next(cutoffs) == pytest.approx(next(cutoffs), abs=1e-3)
    code, _, err = run("instrument", "preset", "dx7", "--presets", "rows.csv", "--out", "bank")
    assert code == 2 and "dx7 is no plug-in whose preset files are known" in err
    (tmp_path / "bad.fxp").write_bytes(b"CcnK")
    code, _, err = run("render", "am.json", "--presets", "bad.fxp", "--out", "sounds")
    assert code == 2 and err.count("\n") == 1 and "bad.fxp is of a kind that is not known" in err


def declared_plugin(folder, file, digest="ab" * 32):
    record = {
        "name": "mine",
        "plugin": {"format": "VST2", "name": "Mine", "digest": digest, "file": file},
        "parameters": [{"kind": "knob", "name": "x", "index": 0, "listed": "x"}],
    }
    path = folder / "mine.json"
    path.write_text(json.dumps(record))
    return read_declaration(path)


def test_a_file_that_a_record_names_is_not_believed(tmp_path):
    theirs = declared_plugin(tmp_path, "/tmp/evil.so")
    assert with_trusted_file(theirs).instrument.plugin.file == ""
    trust(declared_plugin(tmp_path, "/usr/lib/mine.so"))
    assert with_trusted_file(theirs).instrument.plugin.file == "/usr/lib/mine.so"
    other = declared_plugin(tmp_path, "/tmp/evil.so", "cd" * 32)
    assert with_trusted_file(other).instrument.plugin.file == ""
    assert with_trusted_file(get_collection("dx7")) is get_collection("dx7")


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', '{"' + "ab" * 32 + '": 7}', "nonsense"])
def test_a_damaged_memory_remembers_nothing_harmful(content, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "plugins.json").write_text(content)
    found = with_trusted_file(declared_plugin(tmp_path, "/tmp/evil.so")).instrument.plugin.file
    assert found == ""
    trust(declared_plugin(tmp_path, "/usr/lib/mine.so"))
    assert with_trusted_file(declared_plugin(tmp_path, "")).instrument.plugin.file == "/usr/lib/mine.so"
