"""The engine for plug-ins: with one that does everything wrong, through the real border of its process."""

import contextlib
import copy
import logging
import os
import pickle
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.engines.plugin import display, process
from secret_sauce_hf.engines.plugin.describing import declare_plugin, describe_plugin
from secret_sauce_hf.engines.plugin.engine import BLOCKS, FINEST, PluginEngine, placement
from secret_sauce_hf.engines.plugin.failures import PluginCrash
from secret_sauce_hf.engines.plugin.repeating import agreement
from secret_sauce_hf.instruments import Collection, InputError, Note
from secret_sauce_hf.presets import Presets, draw_presets

NAN, HANG, CRASH = 7.5, 8.5, 9.5
"""Settings of the parameter Trouble."""


pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(scope="session")
def everything(toy_file) -> Collection:
    return declare_plugin(toy_file, seconds=0.5, listen=False)


@pytest.fixture
def collection(everything) -> Collection:
    return part(everything, "Level", "Wave", "Ratio", "Trouble")


def part(collection: Collection, *names: str) -> Collection:
    """The collection with some of its parameters."""
    instrument, plugin = collection.instrument, collection.instrument.plugin
    places = [plugin.parameters[collection.columns.index(name)] for name in names]
    plugin = replace(plugin, parameters=tuple(places))
    return replace(
        collection, columns=names, instrument=replace(instrument, parameters=instrument.select(names), plugin=plugin)
    )


@pytest.fixture
def opened():
    """Opens an engine, and closes it after the test."""
    engines = []

    def open_engine(*arguments, **options):
        engines.append(PluginEngine(*arguments, **options))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


def rows(collection, *trouble, **settings) -> Presets:
    usual = {"Level": 5.0, "Wave": "Sine", "Ratio": 0.0} | settings
    return Presets.from_settings(collection, [{**usual, "Trouble": one} for one in trouble])


# --- what it plays ---


def test_takes(collection, opened):
    engine = opened(collection, reset="continue")
    loud, soft, square = (
        engine.render(rows(collection, 0.0, **settings))[0] / 32_768
        for settings in ({"Level": 8.0}, {"Level": 4.0}, {"Wave": "Square", "Ratio": 10 / 7})
    )
    assert loud.shape == (11_025,)
    # From 0.1 s to 0.45 s; resampling rings a little.
    sounding = np.flatnonzero(np.abs(loud) > 0.05)
    assert sounding[0] == pytest.approx(2205, abs=8)
    assert sounding[-1] == pytest.approx(0.38 * 22_050, abs=30)
    np.testing.assert_allclose(loud, 2 * soft, atol=0.002)
    for sound, frequency in ((loud, 261.6), (square, 523.3)):
        spectrum = np.abs(np.fft.rfft(sound[2500:8000]))
        assert np.argmax(spectrum) * 22_050 / 5500 == pytest.approx(frequency, abs=5)


def test_notes(collection, opened):
    engine = opened(collection, reset="continue")
    notes = [Note(48, 90, 0.05, 0.1), Note(72, 90, 0.25, 0.1)]
    presets = rows(collection, 0.0).playing(notes)
    [take] = engine.render(presets)
    loud = np.abs(take) > 3000
    assert loud[1103:3300].mean() > 0.5
    assert loud[5513:7700].mean() > 0.5
    assert not loud[:1090].any()
    assert not loud[3330:5490].any()


def test_a_plugin_that_plays_at_the_edges_of_blocks_is_exact_on_the_grid(collection, opened, monkeypatch):
    presets = rows(collection, 0.0)
    exact = opened(collection, reset="continue").render(presets)
    monkeypatch.setenv("TOY_PLUGIN", "blocks")
    coarse = opened(collection, reset="continue")
    np.testing.assert_array_equal(coarse.render(presets), exact)
    # Elsewhere its first note is, and the end of one is off by less than a block of the finest.
    odd = presets.playing([Note(60, 100, 0.123456, 0.2)])
    monkeypatch.delenv("TOY_PLUGIN")
    [one], [other] = coarse.render(odd), opened(collection, reset="continue").render(odd)
    np.testing.assert_allclose(one[:6900], other[:6900], atol=1)
    assert agreement(one / 32_768, other / 32_768) > 0.99


def test_a_late_sound_is_cut_where_it_belongs(collection, opened, monkeypatch):
    presets = rows(collection, 0.0)
    exact = opened(collection, reset="continue").render(presets)
    monkeypatch.setenv("TOY_PLUGIN", "late")
    np.testing.assert_array_equal(opened(collection, reset="continue").render(presets), exact)


def test_placement():
    told = placement((Note(60, 100, 0.11, 0.5), Note(64, 90, 0.2, 9.0)), 1.5)
    assert (told["block"], told["lead"] % 441, told["samples"]) == (441, 0, 66_150)
    assert told["notes"][0] == [60, 100, told["lead"] + 4851, told["lead"] + 26_901]
    # The note of 2018, which starts at a sixth of a second of its slot.
    assert placement((Note(60, 120, 1 / 6 - 0.1, 0.85),), 0.9)["block"] == 490
    odd = placement((Note(60, 100, 0.1234567, 0.2),), 1.0)
    assert odd["block"] == FINEST
    assert odd["notes"][0][2] % FINEST == 0
    assert odd["lead"] >= 4410
    assert FINEST not in BLOCKS


def test_a_row_does_not_depend_on_others_beside_it(collection, opened):
    engine = opened(collection, reset="fork")
    notes = [[Note(60, 100, 0.1, 0.2)], [Note(50, 100, 0.0777, 0.2)], [Note(70, 100, 1 / 15, 0.2)]]
    presets = Presets.concatenated([rows(collection, 0.0).playing(played) for played in notes], ["a", "b", "c"])
    together = engine.render(presets)
    for row in range(3):
        np.testing.assert_array_equal(engine.render(presets[[row]])[0], together[row])


# --- what it does not survive ---


@pytest.mark.parametrize(("reset", "bad"), [("continue", [37]), ("fork", [37, 39])])
def test_a_row_that_ends_the_process(collection, opened, reset, bad):
    presets = rows(collection, *(CRASH if row in bad else 0.0 for row in range(41)))
    engine = opened(collection, reset=reset)
    with pytest.raises(PluginCrash) as caught:
        engine.render(presets)
    crash = caught.value
    assert crash.rows == tuple(bad)
    named = "row 37" if len(bad) == 1 else "rows 37, 39"
    assert f"does not survive {named}: it ends its process (exit status 3" in str(crash)
    assert "\n" not in str(crash)
    # The others are there.
    heard = np.abs(crash.takes).max(axis=1) > 10_000
    assert np.flatnonzero(~heard).tolist() == bad
    good = np.setdiff1d(np.arange(len(presets)), bad)
    np.testing.assert_array_equal(engine.render(presets[good]), crash.takes[good])


@pytest.mark.parametrize("reset", ["continue", "fork"])
def test_a_row_that_hangs(collection, opened, reset):
    before = processes_of(collection)
    engine = opened(collection, reset=reset, take_seconds=1.0)
    with pytest.raises(PluginCrash, match=r"row 1: it does not answer within 1 s\. Leave it out"):
        engine.render(rows(collection, 0.0, HANG, 0.0))
    engine.close()
    # A copy of a process that hangs ends with it, if not at once.
    end = time.monotonic() + 5
    while processes_of(collection) - before and time.monotonic() < end:
        time.sleep(0.05)
    assert processes_of(collection) - before == set()


def processes_of(collection) -> set[str]:
    """The processes that the plug-in's file is an argument of."""
    named = collection.instrument.plugin.file.encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if named in path.read_bytes():
                found.add(path.parent.name)
    return found


def test_a_row_that_sounds_like_no_number(collection, opened):
    engine = opened(collection, reset="continue")
    with pytest.raises(PluginCrash, match="row 0: it gives a sound that is not made of numbers") as caught:
        engine.render(rows(collection, NAN, 0.0))
    assert np.abs(caught.value.takes[1]).max() > 10_000


def test_a_plugin_that_survives_nothing_is_not_tried_for_hours(collection, opened, monkeypatch):
    monkeypatch.setattr("secret_sauce_hf.engines.plugin.engine.MOST_CRASHES", 2)
    engine = opened(collection, reset="fork")
    with pytest.raises(PluginCrash, match="The 12 rows after it were not tried") as caught:
        engine.render(rows(collection, *[CRASH] * 14))
    assert caught.value.unrendered == tuple(range(2, 14))


def test_a_row_is_not_to_blame_for_those_before_it(collection, opened, monkeypatch):
    monkeypatch.setenv("TOY_PLUGIN", "second")
    engine = opened(collection, reset="continue")
    assert (np.abs(engine.render(rows(collection, 0.0, 0.0, 0.0))).max(axis=1) > 10_000).all()


def test_a_process_that_was_killed_meanwhile(collection, opened):
    engine = opened(collection, reset="continue")
    before = engine.render(rows(collection, 0.0))
    os.kill(engine._worker._process.pid, signal.SIGKILL)
    np.testing.assert_array_equal(engine.render(rows(collection, 0.0)), before)


GARBAGE = {
    "another take's sound": lambda header, payload: (header | {"number": header["number"] - 1}, payload),
    "half a sound": lambda header, payload: (header, payload[: len(payload) // 2]),
    "no time": lambda header, payload: (header | {"seconds": None}, payload),
}


def test_what_answers_something_else_is_not_believed(collection, opened, monkeypatch):
    read, spoiled, kinds = process.read_frame, [], []

    def spoil(stream):
        message = read(stream)
        if message is not None and "seconds" in message[0] and kinds:
            spoiled.append(kinds.pop())
            return GARBAGE[spoiled[-1]](*message)
        return message

    monkeypatch.setattr(process, "read_frame", spoil)
    engine = opened(collection, reset="continue")
    presets = rows(collection, 0.0)
    before = engine.render(presets)
    for kind in GARBAGE:
        # It is tried again, by a process that was just started.
        kinds.append(kind)
        np.testing.assert_array_equal(engine.render(presets), before)
    assert spoiled == list(GARBAGE)
    kinds += ["another take's sound"] * 2
    with pytest.raises(PluginCrash, match="row 0: it answers another question than it was asked") as caught:
        engine.render(presets)
    assert not caught.value.takes.any()


def test_nothing_is_left_behind(collection, opened):
    engine = opened(collection, reset="continue")
    process = engine._worker._process
    engine.close()
    assert process.poll() is not None
    # It goes on all the same; a copy has a process of its own.
    twin = pickle.loads(pickle.dumps(engine))  # noqa: S301 - our own
    other = copy.copy(engine)
    try:
        for one in (engine, twin, other):
            assert one.render(rows(collection, 0.0)).any()
        assert len({one._worker._process.pid for one in (engine, twin, other)}) == 3
    finally:
        twin.close()
        other.close()


# --- how it is reset ---


def pure(collection: Collection) -> Collection:
    """The same without the parameter that makes trouble, so that finding out takes no restarts."""
    return part(collection, "Level", "Wave")


def test_what_repeats_needs_nothing(collection, opened, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    engine = opened(pure(collection))
    assert (engine.reset, engine.report.repeats, engine.report.idle) == ("continue", True, ())
    assert engine.report.agreements == {"continue": pytest.approx(1)}
    assert "repeats; reset: continue; agreements over 4 rows: continue 1.0000" in caplog.text
    assert engine.version.startswith("1 (DawDreamer 0.")
    assert f"VST2 toy.so {engine.file.digest[:12]}, continue)" in engine.version
    # What was found is kept, and one engine serves all who ask for it.
    monkeypatch.setattr("secret_sauce_hf.engines.plugin.engine.study", None)
    other = get_engine(pure(collection))
    assert other.report == engine.report
    assert get_engine(replace(pure(collection), name="renamed")) is other
    other.close()


def test_what_leaks_is_reset(collection, opened, monkeypatch):
    monkeypatch.setenv("TOY_PLUGIN", "leaks")
    engine = opened(pure(collection))
    assert engine.reset in ("fork", "fresh")
    assert engine.report.repeats
    assert engine.report.agreements["continue"] < 0.9
    presets = draw_presets(pure(collection), 6, seed=1)
    np.testing.assert_array_equal(engine.render(presets)[::-1], engine.render(presets[::-1]))


def test_what_never_repeats_is_told(collection, opened, monkeypatch, caplog):
    monkeypatch.setenv("TOY_PLUGIN", "random")
    monkeypatch.setattr("secret_sauce_hf.engines.plugin.repeating.RESETS", ("continue", "silence"))
    engine = opened(pure(collection))
    assert not engine.report.repeats
    assert engine.reset == "silence"
    assert "does not repeat itself, whatever is done" in caplog.text


def test_what_is_set_without_effect_is_told(everything, opened, caplog):
    engine = opened(part(everything, "Level", "Constant"))
    assert engine.report.idle == ("Constant",)
    assert "set without any effect: Constant" in caplog.text


# --- what cannot be loaded ---


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("dies", r'it ends its process \(exit status 5; it said last "no licence on this machine"\) while it loads'),
        ("hangs", "it does not answer within 3 s while it loads"),
        ("renamed", "does not list 'Level' at 0, which toy has as Level, but 'Volume'"),
    ],
)
def test_plugins_that_cannot_be_loaded(collection, opened, monkeypatch, mode, told):
    monkeypatch.setenv("TOY_PLUGIN", mode)
    with pytest.raises(InputError, match=told) as caught:
        opened(collection, reset="continue", load_seconds=3 if mode == "hangs" else 60)
    assert "\n" not in str(caught.value)


def test_a_parameter_too_many(collection, opened):
    plugin = collection.instrument.plugin
    places = (replace(plugin.parameters[0], index=99), *plugin.parameters[1:])
    instrument = replace(collection.instrument, plugin=replace(plugin, parameters=places))
    with pytest.raises(InputError, match="does not list 'Level' at 99, which toy has as Level, but nothing"):
        opened(instrument, reset="continue")


def test_without_an_x_server(collection, monkeypatch):
    monkeypatch.setenv("TOY_PLUGIN", "display")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(display.shutil, "which", lambda _: None)
    monkeypatch.setattr(display, "_started", {})
    with pytest.raises(InputError, match="There is no X server, which many plug-ins need: install Xvfb"):
        describe_plugin(collection.instrument.plugin.file, listen=False)


def test_an_x_server_is_started(collection, opened, monkeypatch):
    if display.shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    monkeypatch.setenv("TOY_PLUGIN", "display")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert opened(collection, reset="continue").render(rows(collection, 0.0)).any()


def test_what_cannot_be_asked(collection):
    with pytest.raises(InputError, match="'prayer' is no reset; there is continue, fork, state, silence, fresh"):
        PluginEngine(collection, reset="prayer")
