"""Preset files of plug-ins: their bytes, and read and written by plug-ins themselves."""

import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.engines.given import read_given
from secret_sauce_hf.engines.plugin import presets as plugin_presets
from secret_sauce_hf.engines.plugin.describing import declare_plugin
from secret_sauce_hf.engines.plugin.engine import PluginEngine
from secret_sauce_hf.engines.plugin.preset_bytes import owner, parameters_in, preset_of_bank, preset_of_values, programs
from secret_sauce_hf.engines.plugin.presets import preset_suffix, read_plugin_presets, write_plugin_preset
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.instrument import HostedParameter
from secret_sauce_hf.matching import read_bank, writing
from secret_sauce_hf.presets import Presets, draw_presets

AMSYNTH = Path("/usr/lib/vst/amsynth_vst.so")
TOY = b"Toy!"


def program(values=(0.5, 0.25), identifier=TOY, name=b"Bass"):
    head = struct.pack(">4si4si4sii28s", b"CcnK", 0, b"FxCk", 1, identifier, 1, len(values), name)
    return head + struct.pack(f">{len(values)}f", *values)


def own_bytes(body=b"own", size=None):
    head = struct.pack(">4si4si4sii28s", b"CcnK", 0, b"FPCh", 1, TOY, 1, 2, b"Bass")
    return head + struct.pack(">i", len(body) if size is None else size) + body


def bank(*members, count=None, current=0):
    head = struct.pack(
        ">4si4si4siii124x", b"CcnK", 0, b"FxBk", 2, TOY, 1, len(members) if count is None else count, current
    )
    return head + b"".join(members)


def bank_of_bytes(body=b"own"):
    return struct.pack(">4si4si4sii128xi", b"CcnK", 0, b"FBCh", 2, TOY, 1, 1, len(body)) + body


def vst3(parts=((b"Comp", b"state"),), identifier=b"0123456789ABCDEF" * 2, count=None):
    body = b"".join(content for _, content in parts)
    head = struct.pack("<4si32sq", b"VST3", 1, identifier, 48 + len(body))
    listed, place = b"", 48
    for kind, content in parts:
        listed += struct.pack("<4sqq", kind, place, len(content))
        place += len(content)
    return head + body + b"List" + struct.pack("<i", len(parts) if count is None else count) + listed


def test_what_is_in_a_file():
    assert programs(program()) == [("Bass", program())]
    assert programs(bank(program(), program(name=b"Lead"))) == [("Bass", program()), ("Lead", program(name=b"Lead"))]
    assert [len(programs(one)) for one in (own_bytes(), bank_of_bytes(), vst3())] == [1, 1, 1]
    assert owner(program()) == owner(bank_of_bytes()) == TOY.hex().upper()
    assert owner(vst3()) == "0123456789ABCDEF" * 2
    assert [parameters_in(one) for one in (program(), own_bytes(), vst3())] == [2, None, None]


def test_presets_are_made_of_banks():
    made = preset_of_bank(bank_of_bytes(), "Größe", 2)
    assert programs(made)[0][0] == "Gr??e" and made.endswith(struct.pack(">i", 3) + b"own")
    second = preset_of_bank(bank(program(), program((1.0, 0.0)), current=1), "x" * 40, 2)
    assert second[56:] == struct.pack(">2f", 1, 0) and programs(second)[0][0] == "x" * 27
    assert preset_of_values(bank_of_bytes(), "Bass", (0.5, 0.25))[12:] == program()[12:]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no preset of a plug-in"),
        (b"RIFF" + bytes(200), "is no preset of a plug-in"),
        (b"CcnKxxxxABCD" + bytes(200), "is of a kind that is not known"),
        (program()[:-1], "breaks off: 7 bytes are there of 8"),
        (program()[:40], "breaks off after 40 bytes"),
        (program((np.nan, 0.0)), "sets a parameter to what is no number"),
        (own_bytes(size=2**31 - 1), "breaks off: 3 bytes are there of 2,147,483,647"),
        (own_bytes(size=-1), "breaks off"),
        (bank(program(), count=2), "breaks off after"),
        (bank(program(), count=2**30), "says that it holds 1,073,741,824 presets"),
        (bank(program(), program(identifier=b"othr")), "holds presets of several plug-ins"),
        (bank(bytes(64)), "holds something else where a preset should begin"),
        (vst3()[:40], "breaks off after 40 bytes"),
        (vst3(identifier=b"?" * 32), "names no class of a plug-in"),
        (vst3()[:-30], "breaks off"),
        (vst3(parts=((b"Cont", b"x"),)), "has no state of a plug-in among its parts"),
        (vst3(count=10**9), "says that it has 1,000,000,000 parts"),
    ],
)
def test_bytes_that_are_none(content, told):
    with pytest.raises(InputError, match="^" + told):
        owner(content)


@pytest.mark.parametrize("content", [program(), own_bytes(), bank(program(), program()), bank_of_bytes(), vst3()])
def test_whatever_breaks_off_is_refused(content):
    for size in range(len(content)):
        with pytest.raises(InputError):
            owner(content[:size])


# --- by plug-ins ---


@pytest.fixture(scope="module")
def collection(toy_file):
    return declare_plugin(toy_file, name="toys", seconds=0.5, listen=False, without=["Constant"])


@pytest.fixture(scope="module")
def plain(collection):
    """An engine of the plug-in as it is, for all tests."""
    engine = PluginEngine(collection, reset="fork", take_seconds=1.0)
    yield engine
    engine.close()


@pytest.fixture
def opened(collection, toy, monkeypatch):  # noqa: ARG001 - nothing is known of it from before
    """Opens an engine of the plug-in as it behaves in a mode, and closes it after the test."""
    engines = []

    def open_engine(mode, reset="fork"):
        monkeypatch.setenv("TOY_PLUGIN", mode)
        engines.append(PluginEngine(collection, reset=reset))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


def drawn(collection, count=2):
    """Rows that make no trouble."""
    rows = list(draw_presets(collection, count, seed=1).rows())
    return [row | {"Trouble": 0.0} if "Trouble" in row else row for row in rows]


def same_rows(presets, rows):
    """Whether presets that were read are what was written, as far as 32 bits can say."""
    return all(
        read == {name: pytest.approx(one, abs=1e-5) for name, one in row.items()}
        for read, row in zip(presets.rows(), rows, strict=True)
    )


@pytest.mark.parametrize(("mode", "kind"), [("", b"FxCk"), ("chunks", b"FPCh"), ("writes", b"FxCk")])
def test_what_is_written_is_read(collection, opened, tmp_path, caplog, mode, kind):
    engine, rows = opened(mode), drawn(collection)
    for number, row in enumerate(rows):
        content = write_plugin_preset(collection, row, f"No. {number}", engine=engine)
        assert content[8:12] == kind and programs(content)[0][0] == f"No. {number}"
        (tmp_path / f"no {number}.fxp").write_bytes(content)
    presets = read_plugin_presets(collection, tmp_path, engine=engine)
    assert presets.files == ["no 0.wav", "no 1.wav"] and same_rows(presets, rows)
    assert not caplog.records


def test_banks_hold_several(collection, plain, tmp_path, monkeypatch):
    monkeypatch.setattr(plugin_presets, "_engine", lambda _: plain)
    members = [program((level, 0.5, *[0.0] * 7), name=b"No. %d" % (10 * level)) for level in (0.2, 0.9)]
    (tmp_path / "all.fxb").write_bytes(bank(*members))
    (presets,) = read_given(collection, tmp_path / "all.fxb", seconds=0.4)
    assert presets.files == ["all 001 No. 2.wav", "all 002 No. 9.wav"]
    levels, waves = presets.settings["Level"], presets.settings["Wave"]
    assert levels == pytest.approx([2, 9], abs=1e-3) and (waves == "Square").all()
    assert presets.collection.seconds == pytest.approx(0.4)
    # As a bank of a match they are told by their names.
    assert read_bank(collection, tmp_path).names == ("all 001 No. 2", "all 002 No. 9")


def test_a_state_that_holds_more_is_told(collection, opened, tmp_path, caplog):
    engine = opened("chunks")
    (row,) = drawn(collection, 1)
    content = bytearray(write_plugin_preset(collection, row | {"Level": 8.0}, engine=engine))
    content[-4:] = struct.pack("<f", 0.25)
    path = tmp_path / "quiet.fxp"
    path.write_bytes(content)
    (read,) = read_plugin_presets(collection, path, engine=engine).rows()
    assert read["Level"] == pytest.approx(8, abs=1e-3)
    assert f"1 of 1 presets sound otherwise than their 5 parameters do (agreement 1 is the same): {path} (0.47)" in (
        caplog.text
    )
    # Nothing of it is left.
    assert engine.saved_preset()[0][-4:] == struct.pack("<f", 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (program([0.5] * 9, identifier=b"othr"), r"is a preset of another plug-in \(othr\), not of toy"),
        (program([0.5] * 4), "has 4 parameters, and toy lists 9: it is of another version"),
        (program([0.5] * 9)[:-2], r"bad\.fxp breaks off: 34 bytes are there of 36\.$"),
        (program([0.5] * 3 + [0.95] + [0.5] * 5), "toy ends its process"),
        (program([0.5] * 3 + [0.85] + [0.5] * 5), "toy does not answer within 1 s"),
        (vst3(), "is a preset of another plug-in"),
    ],
    ids=["other", "version", "truncated", "ends", "hangs", "VST3"],
)
def test_presets_that_cannot_be_read(collection, plain, tmp_path, content, told):
    (tmp_path / "bad.fxp").write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_plugin_presets(collection, tmp_path / "bad.fxp", engine=plain)
    assert "\n" not in str(caught.value) and "bad.fxp" in str(caught.value)


def test_a_vst2_plugin_goes_back_to_its_state(collection, opened):
    presets = Presets.from_settings(collection, drawn(collection))
    engine = opened("chunks", "state")
    takes = engine.render(presets)
    np.testing.assert_array_equal(engine.render(presets[::-1])[::-1], takes)
    np.testing.assert_array_equal(opened("chunks").render(presets), takes)


def test_files_that_cannot_be_read(collection, plain, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="No such file"):
        read_plugin_presets(collection, tmp_path / "none.fxp", engine=plain)
    with pytest.raises(InputError, match=r"holds no presets of the plug-in: those end in \.fxp or \.fxb"):
        read_plugin_presets(collection, tmp_path, engine=plain)
    (tmp_path / "large.fxp").write_bytes(program([0.5] * 9))
    monkeypatch.setattr(plugin_presets, "MAX_PRESET_BYTES", 50)
    with pytest.raises(InputError, match="is larger than 0 MB"):
        read_plugin_presets(collection, tmp_path / "large.fxp", engine=plain)
    with pytest.raises(InputError, match="noisemaker is no plug-in"):
        read_plugin_presets("noisemaker", tmp_path / "large.fxp")
    assert preset_suffix(get_collection("dx7")) is None


def test_what_controllers_set_no_preset_tells(collection, tmp_path):
    hosted = collection.instrument.plugin
    level = replace(collection.instrument["Level"], control=(7,))
    parameters = (level, *collection.instrument.parameters[1:])
    places = (HostedParameter(None, ""), *hosted.parameters[1:])
    instrument = replace(collection.instrument, parameters=parameters, plugin=replace(hosted, parameters=places))
    with pytest.raises(InputError, match="Level of toys is set by controller 7, and no preset file tells controllers"):
        read_plugin_presets(replace(collection, instrument=instrument), tmp_path)


def test_a_match_is_written_as_a_preset(collection, plain, monkeypatch, caplog):
    monkeypatch.setattr(plugin_presets, "_engine", lambda _: plain)
    (row,) = drawn(collection, 1)
    (kind, write), *others = writing._of_plugin(collection, row, "bass").items()
    write(content := io.BytesIO())
    assert (kind, others) == ("fxp", []) and programs(content.getvalue())[0][0] == "bass"
    # Where the plug-in does not survive it, the other files are written all the same.
    assert writing._of_plugin(collection, row | {"Trouble": 9.5}, "bass") == {}
    assert "No preset file is written: " in caplog.text
    assert writing._of_plugin(get_collection("dx7"), {}, "bass") == {}


def test_a_vst3_plugin_goes_by_pedalboard(toy3_bundle, tmp_path, caplog):
    pytest.importorskip("pedalboard")
    collection = declare_plugin(toy3_bundle, name="toy-3", seconds=0.5, listen=False)
    engine = PluginEngine(collection, host="pedalboard", reset="fresh")
    try:
        rows = drawn(collection)
        for number, row in enumerate(rows):
            content = write_plugin_preset(collection, row, engine=engine)
            (tmp_path / f"{number}.vstpreset").write_bytes(content)
        assert same_rows(read_plugin_presets(collection, tmp_path, engine=engine), rows)
        assert not caplog.records
        (tmp_path / "0.vstpreset").write_bytes(vst3())
        with pytest.raises(InputError, match=r"is a preset of another plug-in \(0123456789ABCDEF"):
            read_plugin_presets(collection, tmp_path, engine=engine)
    finally:
        engine.close()


@pytest.mark.skipif(not AMSYNTH.is_file(), reason="needs Debian's amsynth")
def test_a_real_plugin(tmp_path, caplog):
    pytest.importorskip("dawdreamer")
    collection = declare_plugin(AMSYNTH, name="amsynth", listen=False, seconds=0.6)
    engine = PluginEngine(collection, reset="fork")
    try:
        presets = draw_presets(collection, 1, seed=3)
        for number, row in enumerate(presets.rows()):
            content = write_plugin_preset(collection, row, engine=engine)
            assert content[8:12] == b"FPCh" and b"<parameter> filter_cutoff" in content
            (tmp_path / f"{number}.fxp").write_bytes(content)
        read = read_plugin_presets(collection, tmp_path, engine=engine)
        np.testing.assert_allclose(read.unit, presets.unit, atol=1e-5)
        assert not caplog.records
    finally:
        engine.close()
