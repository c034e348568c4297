"""Matches: what they hold, and the files they write."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from huggingface_hub import HfApi

from secret_sauce_hf import checkpoint_path
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import (
    Collection,
    InputError,
    Instrument,
    Knob,
    Switch,
    Timing,
    get_collection,
    read_declaration,
    write_declaration,
)
from secret_sauce_hf.matching import Match, demo_sound, match
from secret_sauce_hf.matching.loading import Loaded
from secret_sauce_hf.matching.reference import place
from secret_sauce_hf.matching.result import Candidate
from secret_sauce_hf.matching.text import (
    candidate_rows,
    error_summary,
    search_summary,
    setting_rows,
    shorten,
)
from secret_sauce_hf.metrics import DISTANCES, mss
from secret_sauce_hf.midi import read_midi_file, read_preset
from secret_sauce_hf.modeling import (
    AudioToPresetPipeline,
    SecretSauceConfig,
    SecretSauceFeatureExtractor,
    SecretSauceModel,
    load_pipeline,
)
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

UNSURE = render(draw_presets("noisemaker-light", 5, seed=9))[4]


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline(collection="noisemaker-light")


@pytest.fixture(scope="module")
def found(pipe) -> Match:
    return match(demo_sound().path, model=pipe, seconds=0)


@pytest.fixture(scope="module")
def searched(pipe) -> Match:
    """Of a sound that the model is less sure of."""
    return match(UNSURE, model=pipe, sampling_rate=22_050, renders=64, candidates=3)


def test_the_bundled_sound_is_the_row_it_says():
    known = demo_sound()
    row = next(original_presets(known.collection, 211, 212).rows())
    assert known.settings == {
        name: pytest.approx(setting, abs=1e-8) if isinstance(setting, float) else setting
        for name, setting in row.items()
    }
    samples, rate = soundfile.read(known.path)
    assert (len(samples), rate) == (19_845, 22_050)


def test_the_bundled_sound_is_the_real_plug_in_to_our_engine(found):
    """The engine at the true settings comes far closer than any prediction has to."""
    known = demo_sound()
    truth = Presets.from_settings(known.collection, [known.settings])
    assert mss(found.reference, render(truth)[0] / 32_768, 22_050) < 0.3


@pytest.mark.parametrize("name", ["found", "searched"])
def test_a_match_agrees_with_itself(request, name):
    found = request.getfixturevalue(name)
    presets = Presets.from_settings("noisemaker-light", [found.preset])
    assert dict(zip(presets.collection.columns, presets.cc[0].tolist(), strict=True)) == found.cc
    np.testing.assert_array_equal(found.rendered, (render(presets)[0] / 32_768).astype(np.float32))
    assert list(found.distances) == [distance.name for distance in DISTANCES]
    assert found.distances["mss"] == mss(found.reference, found.rendered, 22_050)
    assert read_preset("noisemaker-light", found.midi) == found.preset
    assert set(found.confidence) == set(found.heard) == set(found.preset)
    assert all(0 <= value <= 1 for value in found.confidence.values())


def test_a_take_is_compared_as_it_is(found):
    samples, _ = soundfile.read(demo_sound().path, dtype="float32")
    np.testing.assert_array_equal(found.reference, samples)


def test_an_answer_is_closer_than_chance(found):
    """The shipped model hears something: few of a hundred random presets sound closer."""
    chance = render(draw_presets("noisemaker-light", 100, seed=4)) / 32_768
    distances = mss(np.repeat(found.reference[None], 100, axis=0), chance, 22_050)
    assert np.mean(distances < found.distances["mss"]) < 0.1


def test_every_kind_of_sound_gives_the_same_match(pipe, found):
    path = demo_sound().path
    samples, rate = soundfile.read(path)
    kinds = [
        ("sound", path.read_bytes(), {}),
        ("sound", samples, {"sampling_rate": rate}),
        ("sound", {"array": samples, "sampling_rate": rate}, {}),
        (path.name, {"bytes": path.read_bytes(), "path": path.name}, {}),
        (path.name, str(path), {}),
    ]
    for name, sound, options in kinds:
        other = match(sound, model=pipe, seconds=0, **options)
        assert (other.sound, other.preset, other.distances) == (name, found.preset, found.distances)


def test_the_model_alone_is_its_answer(pipe, found):
    told = pipe(str(demo_sound().path))
    assert (found.preset, found.confidence, found.heard) == (told["preset"], told["confidence"], told["heard"])
    assert found.candidates == (found.alone,)
    assert (found.alone.preset, found.alone.origin) == (told["preset"], "model")
    assert found.alone.distance == found.distances["mss"]
    assert (found.trace, found.seconds, found.renders, found.late, found.interrupted) == ((), 0.0, 0, 0.0, False)
    assert found.ranking == "the model's scores"
    assert search_summary(found) == [f"The model alone: MSS {found.alone.distance:.2f} dB."]


def test_what_a_search_tells(pipe, searched):
    assert searched.alone == match(UNSURE, model=pipe, sampling_rate=22_050, seconds=0).alone
    assert searched.ranking == "their sound, rendered and compared"
    assert 1 <= searched.renders <= 64 and searched.seconds > 0
    best, *others = searched.candidates
    assert (best.preset, best.distance) == (searched.preset, searched.distances["mss"])
    assert len(others) == 2
    assert best.distance < searched.alone.distance
    pace = f"after {searched.renders} renderings"
    assert search_summary(searched, timed=False) == [
        f"The model alone: MSS {searched.alone.distance:.2f} dB; {pace}: {best.distance:.2f} dB."
    ]
    (line,) = search_summary(searched)
    assert f"{pace} in {searched.seconds:.1f} s" in line
    late = replace(searched, late=-0.0021)
    assert search_summary(late)[1] == "The sound starts 2.1 ms earlier than its preset's; that is allowed for."


def test_candidates_as_rows(searched):
    first, second, _ = candidate_rows(searched)
    assert first == ["1", f"{searched.candidates[0].distance:.2f} dB", searched.candidates[0].origin, ""]
    assert second[0] == "2" and second[3]
    other = searched.candidates[1]
    for change in second[3].split(", "):
        name, setting = change.split(" ")
        assert other.preset[name] != searched.preset[name]
        assert searched.collection.instrument[name].show(other.preset[name]) == setting


def test_of_many_changes_the_largest_are_shown(found):
    collection = get_collection("noisemaker")
    presets = draw_presets(collection, 2, seed=1)
    best, other = (
        Candidate(preset, tuple(cc), 0.0, 0.0, "search")
        for preset, cc in zip(presets.rows(), presets.cc.tolist(), strict=True)
    )
    row = candidate_rows(replace(found, collection=collection, candidates=(best, other)))[1][3]
    assert row.count(",") == 3
    assert re.search(r" and \d+ more$", row)


def test_saved_files_hold_the_match(searched, tmp_path):
    found = searched
    files = found.save(tmp_path / "new", "name")
    further = range(2, len(found.candidates) + 1)
    assert {kind: path.name for kind, path in files.items()} == {
        "midi": "name.mid",
        "noisemakerpreset": "name.noisemakerpreset",
        "json": "name.json",
        "wav": "name.wav",
        "png": "name.png",
        **{f"midi-{number}": f"name-{number}.mid" for number in further},
        **{f"noisemakerpreset-{number}": f"name-{number}.noisemakerpreset" for number in further},
        **{f"wav-{number}": f"name-{number}.wav" for number in further},
    }
    assert read_preset("noisemaker-light", read_midi_file(files["midi"])) == found.preset
    saved = json.loads(files["json"].read_text())
    assert saved["preset"] == found.preset
    assert saved["cc"] == found.cc
    assert saved["collection"] == "noisemaker-light"
    assert saved["distances"] == found.distances
    assert saved["model_alone"]["preset"] == found.alone.preset
    assert [one["distance"] for one in saved["candidates"]] == [one.distance for one in found.candidates]
    assert (saved["renders"], saved["ranking"], saved["interrupted"]) == (found.renders, found.ranking, False)
    assert set(saved["versions"]) == {"secret_sauce_hf", "engine"}
    presets = Presets.from_settings("noisemaker-light", [found.preset])
    samples, rate = soundfile.read(files["wav"], dtype="int16")
    assert rate == 22_050
    np.testing.assert_array_equal(samples, render(presets)[0])
    assert files["png"].read_bytes().startswith(b"\x89PNG")


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_else(found, tmp_path):
    first = {path: path.read_bytes() for path in found.save(tmp_path).values()}
    second = {path: path.read_bytes() for path in found.save(tmp_path).values()}
    assert first == second
    assert set(tmp_path.iterdir()) == set(first)


def test_without_an_engine_there_is_no_sound_and_no_distance(found, tmp_path):
    collection = get_collection("subphatty")
    presets = draw_presets(collection, 1, seed=1)
    silent = replace(
        found,
        sound="a name with $no_formula$ in it, é and 音",
        collection=collection,
        preset=next(presets.rows()),
        confidence=dict.fromkeys(collection.columns, 0.5),
        heard=dict(zip(collection.columns, presets.heard()[0].tolist(), strict=True)),
        cc=dict(zip(collection.columns, presets.cc[0].tolist(), strict=True)),
        rendered=None,
        distances={},
        versions={},
    )
    files = silent.save(tmp_path)
    assert set(files) == {"midi", "json", "png"}
    assert json.loads(files["json"].read_text())["distances"] is None
    assert read_preset(collection, read_midi_file(files["midi"])) == silent.preset


def test_a_silent_sound_is_drawn_too(pipe, tmp_path):
    nothing = match(np.zeros(19_845), model=pipe, sampling_rate=22_050, candidates=2)
    assert not any(nothing.heard.values())
    assert (nothing.renders, nothing.trace, nothing.ranking) == (0, (), "the model's scores")
    # A batch is summed in another order than a single sound.
    first = nothing.candidates[0]
    assert first.score == pytest.approx(nothing.alone.score, abs=1e-4)
    assert replace(first, score=nothing.alone.score) == nothing.alone
    assert all(row[2] == "(not heard)" for row in setting_rows(nothing))
    nothing.save(tmp_path)


def test_texts():
    collection = get_collection("subphatty")
    switch = next(p for p in collection.parameters if getattr(p, "display", ()))
    stored, shown = switch.display[0]
    assert switch.show(stored) == shown != stored
    assert switch.show_error(stored, stored) == "right"
    light = get_collection("noisemaker-light")
    assert light.parameters[0].show_error(4.0, 3.5) == "-0.50"
    assert shorten("x" * 100, 20) == "xxxxxxxxx…xxxxxxxxx"
    assert shorten("a\nb\x1b[31m", 20) == "a?b?[31m"


def test_errors_are_summed_up(found):
    truth = dict(found.preset)
    truth["filter_cutoff"] = float(found.preset["filter_cutoff"]) + 2
    summary = error_summary(found.collection, truth, found.preset)
    assert summary == "knobs are off by 0.50 of 10 on average, 1 of 1 switches right"


def test_bad_requests(pipe):
    with pytest.raises(InputError, match="predicts presets of noisemaker-light, not of noisemaker"):
        match(demo_sound().path, collection="noisemaker", model=pipe)
    with pytest.raises(InputError, match="Unknown collection"):
        match(demo_sound().path, collection="piano")
    with pytest.raises(InputError, match="rate"):
        match(np.zeros(100), model=pipe)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 1, "renders": 1}, "Give `seconds` or `renders`, not both"),
        ({"seconds": -1}, "A search of -1 seconds is none"),
        ({"seconds": float("nan")}, "A search of nan seconds is none"),
        ({"seconds": float("inf")}, "A search of inf seconds is none"),
        ({"renders": -5}, "renders must be an integer from 0"),
        ({"candidates": 0}, "candidates must be an integer from 1 to 10000, not 0"),
        ({"seed": -1}, "seed must be an integer from 0"),
    ],
)
def test_bad_limits(pipe, options, message):
    with pytest.raises(InputError, match=message) as caught:
        match(demo_sound().path, model=pipe, **options)
    assert "\n" not in str(caught.value)


# --- collections that the package does not know ---

OWN = Collection(
    name="own",
    stem="own",
    instrument=Instrument(
        "box",
        "Box 9",
        (
            Knob("level", (7,), heard=("is", "mode", "$loud$")),
            Knob("panel", ()),
            Switch("mode", (70,), (0, 64), ("$loud$", "$soft$")),
        ),
    ),
    columns=("level", "panel", "mode"),
    count=0,
    train_count=0,
    timing=Timing(0.1667, 1.0, (0.1, 1.0)),
    title="Box: 2 knobs and a switch",
)


def untrained(collection: Collection, **options: int) -> AudioToPresetPipeline:
    """A model that answers anything."""
    extractor = SecretSauceFeatureExtractor(take_samples=collection.samples)
    config = SecretSauceConfig.from_collection(
        collection,
        inputs=[record | {"patch": min(20, record["frames"])} for record in extractor.input_sizes()],
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        **options,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SecretSauceModel(config).eval()
    return AudioToPresetPipeline(model=model, feature_extractor=extractor, task="audio-to-preset")


@pytest.fixture(scope="module")
def own_pipe() -> AudioToPresetPipeline:
    return untrained(OWN)


def test_a_collection_that_only_the_checkpoint_tells_of(own_pipe, tmp_path):
    told = match(demo_sound().path, model=own_pipe)
    assert told.collection.name == "own" and told.collection.instrument.title == "Box 9"
    assert told.collection.parameters == OWN.parameters
    assert (told.rendered, told.distances) == (None, {})
    assert (told.ranking, search_summary(told)) == ("the model's scores", [])
    # MIDI does not reach the panel.
    assert list(told.cc) == ["level", "mode"] and [m.control for m in told.messages(unheard=True)] == [7, 70]
    files = told.save(tmp_path)
    assert set(files) == {"midi", "json", "png"}
    saved = json.loads(files["json"].read_text())
    assert (saved["collection"], saved["instrument"], saved["cc"]) == ("own", "box", told.cc)
    assert set(saved["preset"]) == {"level", "panel", "mode"}
    assert read_preset(OWN, read_midi_file(files["midi"])).items() <= told.preset.items()
    assert [row[0] for row in setting_rows(told)] == ["level", "panel", "mode"]


def test_a_declared_collection(own_pipe, tmp_path):
    write_declaration(OWN, tmp_path / "own.json")
    found = match(demo_sound().path, collection=tmp_path / "own.json", model=own_pipe)
    assert found.collection == read_declaration(tmp_path / "own.json")
    with pytest.raises(InputError, match=r"no model of own, and its presets cannot be rendered either: No engine"):
        match(demo_sound().path, collection=str(tmp_path / "own.json"))
    changed = replace(OWN, instrument=replace(OWN.instrument, parameters=(Knob("level", (8,)), *OWN.parameters[1:])))
    with pytest.raises(InputError, match="was trained for other parameters of own than those declared"):
        match(demo_sound().path, collection=changed, model=own_pipe)
    with pytest.raises(InputError, match="predicts presets of own, not of guitar: ask for own, or give"):
        match(demo_sound().path, collection="guitar", model=own_pipe)


def test_an_instrument_without_midi(tmp_path):
    manual = replace(
        OWN, instrument=Instrument("manual", "Manual", (Knob("one", ()), Knob("two", ()))), columns=("one", "two")
    )
    found = match(demo_sound().path, model=untrained(manual))
    assert (found.midi, found.cc) == ([], {})
    assert set(found.save(tmp_path)) == {"json", "png"}


def test_a_built_in_instrument_of_which_a_checkpoint_tells_a_part_is_not_rendered():
    light = get_collection("noisemaker-light")
    mine = replace(light, name="mine", columns=("filter_cutoff", "osc2_wave"))
    pipe = untrained(mine)
    assert match(demo_sound().path, model=pipe, renders=8).rendered is None
    # The declaration knows the rest.
    mine = replace(mine, fixed=(*light.fixed, ("lfo1_rate", 0.0), ("lfo1_amount", 5.0), ("filter_resonance", 0.0)))
    assert match(demo_sound().path, collection=mine, model=pipe, renders=8).rendered is not None


def test_a_checkpoint_with_code_of_its_own(pipe):
    class Copy:
        """As transformers makes it of a checkpoint's copy of the configuration."""

        def __init__(self, config):
            self.to_dict = config.to_dict

    told = Loaded(SimpleNamespace(model=SimpleNamespace(config=Copy(pipe.model.config))), "a copy").collection
    assert told is get_collection("noisemaker-light")


def test_the_extractor_that_an_older_checkpoint_carries_does_not_tell_where_a_take_lies(pipe):
    extractor = pipe.feature_extractor
    older = SimpleNamespace(
        sampling_rate=extractor.sampling_rate, take_samples=extractor.take_samples, note_on=extractor.note_on
    )
    told, expected = (place(one, str(demo_sound().path), None) for one in (older, extractor))
    np.testing.assert_array_equal(told.take, expected.take)
    assert (told.known, told.note_on, told.is_take) == (expected.known, expected.note_on, expected.is_take)


def test_a_checkpoint_on_the_hub(hub, found):
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = hub.repo("light", "model")
    api.create_repo(repo)
    api.upload_folder(repo_id=repo, folder_path=checkpoint_path("noisemaker-light"))
    there = match(demo_sound().path, model=repo, seconds=0)
    assert (there.preset, there.distances, there.model) == (found.preset, found.distances, repo)
    assert there.collection is get_collection("noisemaker-light")
