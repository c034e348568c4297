"""The package's front door, and the old names that keep working for one version."""

import importlib
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest

import secret_sauce_hf
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import INSTRUMENTS, InputError
from secret_sauce_hf.moved import INSTEAD, MOVED, moved

DOORS = {
    "InputError": "instruments",
    "Note": "instruments",
    "Presets": "presets",
    "build": "data.building",
    "checkpoint_path": "modeling",
    "evaluate": "evaluation",
    "get_collection": "instruments",
    "get_engine": "engines",
    "get_instrument": "instruments",
    "load_takes": "data",
    "match": "matching",
    "render": "engines",
    "train": "training",
}
OLD_NAMES = [(module, name) for module, names in MOVED.items() for name in names]


def ask(module: str, name: str) -> tuple[object, list[warnings.WarningMessage]]:
    """An attribute of a module, and the warnings that asking for it gave."""
    loaded = importlib.import_module(f"secret_sauce_hf.{module}")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        value = getattr(loaded, name)
    return value, [warning for warning in told if f".{name} " in str(warning.message)]


# The front door


def test_the_front_door_has_what_people_come_for():
    assert set(DOORS) == set(secret_sauce_hf.__all__)
    assert set(DOORS) <= set(dir(secret_sauce_hf))


@pytest.mark.parametrize(("name", "room"), DOORS.items())
def test_a_name_of_the_front_door_is_that_of_its_room(name, room):
    assert getattr(secret_sauce_hf, name) is getattr(importlib.import_module(f"secret_sauce_hf.{room}"), name)


def test_build_is_the_function_of_the_data_room():
    from secret_sauce_hf.data import build_collection

    assert secret_sauce_hf.build is build_collection


def test_a_preset_plays_any_note():
    from secret_sauce_hf import Note, Presets, render

    light = {"lfo1_rate": 0, "filter_cutoff": 10, "lfo1_amount": 0, "osc2_wave": "Sine", "filter_resonance": 0}
    preset = Presets.from_settings("noisemaker-light", [light])
    takes = [render(preset.playing([Note(pitch, 90, 0.1, 0.7)]))[0, 4_000:14_000] for pitch in (57, 69)]
    crossings = [int((np.diff(np.sign(take)) > 0).sum()) for take in takes]
    # A2 and A3: 220 Hz and 440 Hz.
    assert crossings == pytest.approx([100, 200], abs=2)


def test_a_name_that_the_front_door_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'matchh'"):
        _ = secret_sauce_hf.matchh


def test_importing_the_package_loads_no_heavy_library():
    program = (
        "import sys, secret_sauce_hf\n"
        "print(*sorted({'numpy', 'numba', 'torch', 'transformers', 'datasets', 'scipy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_missing_extra_says_what_to_install():
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # As if it were not installed.
        "import secret_sauce_hf\n"
        "try: secret_sauce_hf.train\n"
        "except secret_sauce_hf.InputError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "needs torch" in done.stdout
    assert "secret_sauce_hf[models]" in done.stdout


# Old names


@pytest.mark.parametrize(("module", "name"), OLD_NAMES)
def test_an_old_name_is_the_very_object_and_says_the_new_place(module, name):
    value, told = ask(module, name)
    home, _, attribute = MOVED[module][name].partition(":")
    assert value is getattr(importlib.import_module(f"secret_sauce_hf.{home}"), attribute)
    assert [warning.category for warning in told] == [DeprecationWarning]
    text = str(told[0].message)
    assert text.startswith(f"secret_sauce_hf.{module}.{name} ")
    assert INSTEAD.get(name, f"secret_sauce_hf.{home}.{attribute}") in text
    # It is the caller who has to change something.
    assert told[0].filename == __file__


def test_everything_that_the_rooms_of_0_1_0_exported_is_there():
    published = {
        "benchmarking": "Benchmark benchmark read_benchmark read_recordings",
        "collecting": "Agreement Archive ArchiveReport Collected CollectionBuilder CollectionConfig Measurement Takes "
        "agreement build_collection collect_recordings features iter_takes load_takes measure_heard read_audio "
        "session_start sound_sheet write_sheet write_sounds",
        "collecting.builder": "CollectionBuilder CollectionConfig",
        "engines": "drawn_phases free_phases has_engine render",
        "hub": "Publication model_card publish_checkpoint publish_dataset publish_metric read_about",
        "instruments": "CHANNEL COLLECTIONS INSTRUMENTS NOTE ORIGINAL_SEED SAMPLE_RATE VELOCITY Collection InputError "
        "Instrument Knob Parameter Switch Timing declaration declaration_text get_collection get_instrument "
        "known_collection read_declaration same_parameters write_declaration",
        "matching": "DEMO_RENDERS KnownSound Match demo_sound match",
        "midi": "MessagesReport collection_track port_names preset_messages preset_midi_file read_messages "
        "read_midi_file read_preset send write_midi_file",
        "modeling": "AudioToPresetPipeline SecretSauceConfig SecretSauceFeatureExtractor SecretSauceModel "
        "checkpoint_folder checkpoint_path load_pipeline register",
        "presets": "Presets draw_presets original_presets",
        "training": "Evaluation PresetTrainer Scores evaluate evaluate_checkpoint train",
    }
    for module, names in published.items():
        for name in names.split():
            value, told = ask(module, name)
            assert value is not None
            assert bool(told) == (name in MOVED.get(module, {})), (module, name)


def test_a_loading_script_of_0_1_0_still_works():
    program = (
        "from secret_sauce_hf.collecting.builder import CollectionBuilder\n\n"
        "class Guitar(CollectionBuilder):\n"
        "    COLLECTION = 'guitar'\n\n"
        "print(Guitar(rows=2).info.features['file'].dtype)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default::DeprecationWarning", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "string"
    assert "use secret_sauce_hf.data.builder.CollectionBuilder instead" in done.stderr


def test_a_star_import_of_an_old_room_brings_everything():
    names: dict[str, object] = {}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        exec("from secret_sauce_hf.collecting import *", names)
    assert set(MOVED["collecting"]) <= set(names)
    assert {str(warning.message).split()[0].rpartition(".")[2] for warning in told} >= set(MOVED["collecting"])


@pytest.mark.parametrize("module", MOVED)
def test_a_name_that_there_never_was_is_an_attribute_error(module):
    loaded = importlib.import_module(f"secret_sauce_hf.{module}")
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = loaded.nothing
    with pytest.raises(AttributeError, match="'nothing'"):
        moved(f"secret_sauce_hf.{module}", "nothing")


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_old_questions_are_answered_by_the_engine(instrument):
    drawn_phases, free_phases, has_engine = (ask("engines", name)[0] for name in sorted(MOVED["engines"]))
    engine = get_engine(instrument)
    assert has_engine(instrument) and has_engine(INSTRUMENTS[instrument])
    assert free_phases(instrument) == engine.free_phases
    assert (drawn_phases(instrument, 3, 5, 4) == engine.draw_phases(3, 5, 4)).all()


def test_an_instrument_with_the_name_of_ours_has_no_engine_of_ours():
    has_engine = ask("engines", "has_engine")[0]
    ours = INSTRUMENTS["noisemaker"]
    assert not has_engine(replace(ours, parameters=ours.parameters[:1]))
    assert not has_engine("theremin")
    with pytest.raises(InputError, match="'theremin'"):
        ask("engines", "free_phases")[0]("theremin")
