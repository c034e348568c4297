"""The `evaluate` modules: the plain functions' numbers, from this package, a folder and a Space."""

import ast
import doctest
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from huggingface_hub import HfApi, constants
from packaging.requirements import Requirement

from secret_sauce_hf import metrics
from secret_sauce_hf.cards.metric import metric_card
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.modules import MODULES, module_files, module_path

RATE = 22_050
REFERENCES = [
    {"lfo1_rate": 4.96, "filter_cutoff": 0.1 + 0.2, "osc2_wave": "Pulse", "osc2_sync": False},
    {"lfo1_rate": 1 / 3, "filter_cutoff": 10, "osc2_wave": "Saw", "osc2_sync": True},
    {"lfo1_rate": 8.25, "filter_cutoff": 0.0, "osc2_wave": "Sine", "osc2_sync": True},
]
PREDICTIONS = [
    {"lfo1_rate": 5.12, "filter_cutoff": 0.3, "osc2_wave": "Pulse", "osc2_sync": True},
    {"osc2_sync": True, "lfo1_rate": 1.1, "filter_cutoff": 9.9, "osc2_wave": "Sine"},
    {"lfo1_rate": 0.7, "filter_cutoff": 2.0, "osc2_wave": "Noise", "osc2_sync": True},
]
HEARD = [{"lfo1_rate": True}, {"lfo1_rate": False, "osc2_wave": False}, {}]


def _sounds(seed: int, count: int = 3, samples: int = 4_000) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 0.1, samples + 100 * row) for row in range(count)]


@pytest.fixture(scope="module")
def evaluate():
    # Not at the top: it imports PyTorch and transformers.
    import evaluate

    return evaluate


@pytest.fixture
def sound_distance(evaluate):
    return evaluate.load(str(module_path("sound_distance")))


@pytest.fixture
def preset_error(evaluate):
    return evaluate.load(str(module_path("preset_error")))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16"])
def test_distances_are_the_plain_functions_to_the_last_bit(sound_distance, dtype):
    scale = 30_000 if dtype == "int16" else 1
    predictions, references = ([(scale * sound).astype(dtype) for sound in _sounds(seed)] for seed in (1, 2))
    given = {"predictions": predictions, "references": references, "sampling_rate": RATE}
    expected = {
        distance.name: [distance.function(*pair, RATE) for pair in zip(references, predictions, strict=True)]
        for distance in metrics.DISTANCES
    }
    assert sound_distance.compute(**given, reduction="none") == expected
    assert sound_distance.compute(**given) == {name: np.mean(values) for name, values in expected.items()}
    medians = sound_distance.compute(**given, metrics=["wmfcc", "mss"], reduction="median")
    assert medians == {"wmfcc": np.median(expected["wmfcc"]), "mss": np.median(expected["mss"])}
    assert list(medians) == ["wmfcc", "mss"]


def test_lists_and_rows_of_an_array_are_sounds_too(sound_distance):
    first, second = (np.stack([sound[:3_000] for sound in _sounds(seed)]) for seed in (1, 2))
    for convert in (np.asarray, np.ndarray.tolist):
        values = sound_distance.compute(
            predictions=convert(first), references=convert(second), sampling_rate=RATE, metrics="mss", reduction="none"
        )
        assert values == {"mss": list(metrics.mss(second, first, RATE))}


def test_presets_are_scored_by_the_plain_functions_to_the_last_bit(preset_error):
    result = preset_error.compute(predictions=PREDICTIONS, references=REFERENCES, heard=HEARD)
    assert result == metrics.preset_errors(REFERENCES, PREDICTIONS, HEARD)
    for name, measure in (("lfo1_rate", metrics.knob_mae), ("osc2_wave", metrics.switch_accuracy)):
        true, told = (np.array([preset[name] for preset in presets]) for presets in (REFERENCES, PREDICTIONS))
        mask = np.array([row.get(name, True) for row in HEARD])
        assert result["per_parameter"][name] == measure(true, told, mask)
    assert list(result["per_parameter"]) == list(REFERENCES[0])


def test_rows_of_a_dataset_name_their_switches(preset_error):
    references = [{"cutoff": np.float32(4.3), "wave": np.int64(1)}, {"cutoff": np.float32(0.1), "wave": np.int64(0)}]
    predictions = [{"cutoff": 4.0, "wave": 1}, {"cutoff": 0.5, "wave": 4}]
    result = preset_error.compute(predictions=predictions, references=references, switches=["wave"])
    assert result["per_parameter"]["wave"] == result["switch_accuracy"] == 0.5
    truth = np.array([4.3, 0.1], dtype=np.float32)
    assert result["knob_mae"] == metrics.knob_mae(truth, np.array([4.0, 0.5]))


def test_adding_batches_and_rows_is_computing_at_once(sound_distance, preset_error):
    sounds, others = _sounds(1), _sounds(2)
    options = {"sampling_rate": RATE, "reduction": "none", "metrics": ["sot", "spectral_composite"]}
    at_once = sound_distance.compute(predictions=sounds, references=others, **options)
    sound_distance.add_batch(predictions=sounds[:2], references=others[:2])
    sound_distance.add(prediction=sounds[2], reference=others[2])
    assert len(sound_distance) == 3
    assert sound_distance.compute(**options) == at_once

    at_once = preset_error.compute(predictions=PREDICTIONS, references=REFERENCES, heard=HEARD)
    preset_error.add_batch(predictions=PREDICTIONS[:2], references=REFERENCES[:2], heard=HEARD[:2])
    preset_error.add(prediction=PREDICTIONS[2], reference=REFERENCES[2])
    assert preset_error.compute() == at_once


def test_they_combine(evaluate, sound_distance):
    sounds, others = _sounds(1), _sounds(2)
    both = evaluate.combine(
        {"one": sound_distance, "two": evaluate.load(str(module_path("sound_distance")))}, force_prefix=True
    )
    options = {"sampling_rate": RATE, "metrics": "sot"}
    value = sound_distance.compute(predictions=sounds, references=others, **options)["sot"]
    assert both.compute(predictions=sounds, references=others, **options) == {"one_sot": value, "two_sot": value}
    for sound, other in zip(sounds, others, strict=True):
        both.add(prediction=sound, reference=other)
    assert both.compute(**options) == {"one_sot": value, "two_sot": value}


def test_presets_combine_with_what_is_heard_and_without(evaluate, preset_error):
    both = evaluate.combine({"one": preset_error, "two": evaluate.load(str(module_path("preset_error")))})
    expected = metrics.preset_errors(REFERENCES, PREDICTIONS, HEARD)
    for prediction, reference, heard in zip(PREDICTIONS, REFERENCES, HEARD, strict=True):
        both.add(prediction=prediction, reference=reference, heard=heard)
    assert both.compute() == {f"{who}_{name}": value for who in ("one", "two") for name, value in expected.items()}
    everything = metrics.preset_errors(REFERENCES, PREDICTIONS)
    assert everything != expected
    for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True):
        both.add(prediction=prediction, reference=reference)
    assert both.compute()["one_knob_mae"] == everything["knob_mae"]
    both.add_batch(predictions=PREDICTIONS[:2], references=REFERENCES[:2])
    both.add(prediction=PREDICTIONS[2], reference=REFERENCES[2])
    assert both.compute()["two_per_parameter"] == everything["per_parameter"]


def test_what_does_not_fit_is_refused_in_a_combination_too(evaluate, preset_error):
    both = evaluate.combine([preset_error, evaluate.load(str(module_path("preset_error")))])
    for bad in ({"reference": None}, {"prediction": {"lfo1_rate": 1.0}}, {"heard": {"cutoff": True}}):
        with pytest.raises(InputError):
            both.add(**{"prediction": PREDICTIONS[0], "reference": REFERENCES[0]} | bad)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_their_descriptions_hold(evaluate, name):
    metric = evaluate.load(str(module_path(name)))
    assert ">>> metric.compute(" in metric.inputs_description
    module = sys.modules[type(metric).__module__]
    failed, attempted = doctest.testmod(module)
    assert not failed
    assert attempted >= 5
    assert ">>>" not in metric_card(name, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sampling_rate": None}, "Give `sampling_rate`"),
        ({"sampling_rate": 22.05}, "in Hz"),
        ({"metrics": ["mss", "fad"]}, r"Unknown metrics \['fad'\]; there are mss, level"),
        ({"reduction": "max"}, "Unknown reduction 'max'; there are mean, median, none"),
        ({"predictions": None}, "as many `predictions` as `references`"),
        ({"predictions": []}, "as many `predictions` as `references`"),
        ({"predictions": [], "references": []}, "at least one of each"),
        ({"predictions": [np.zeros(9), np.zeros(10)]}, r"predictions\[0\] and references\[0\]: .* same length"),
        ({"predictions": [np.zeros(10), np.full(10, np.nan)]}, r"predictions\[1\].* not finite"),
        ({"predictions": [[0] * 10, [1] * 10]}, "int64"),
        ({"predictions": np.zeros(2), "references": np.zeros(2)}, "shape"),
        ({"predictions": np.zeros((2, 1, 5)), "references": np.zeros((2, 1, 5))}, "lists of sounds"),
    ],
)
def test_bad_sounds_and_options_are_refused(sound_distance, given, message):
    sounds = [np.zeros(10), np.zeros(10)]
    with pytest.raises(InputError, match=message):
        sound_distance.compute(**{"predictions": sounds, "references": sounds, "sampling_rate": RATE} | given)
    assert len(sound_distance) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"predictions": None}, "as many `predictions` as `references`"),
        ({"predictions": [], "references": []}, "at least one"),
        ({"predictions": PREDICTIONS[:2]}, "3 true presets, 2 predicted ones and `heard` of 3; give one for one"),
        ({"heard": HEARD[:1]}, "`heard` of 1"),
        ({"predictions": [{"cutoff": 1.0}] * 3}, "predicted preset 0 lacks lfo1_rate, .* and has cutoff, unlike"),
        ({"heard": [{"cutoff": True}] * 3}, "`heard` 0 names cutoff; the presets have lfo1_rate,"),
        ({"switches": ["cutoff"]}, "`switches` names cutoff"),
        ({"predictions": [preset | {"osc2_wave": 1} for preset in PREDICTIONS]}, "osc2_wave are labels and numbers"),
        ({"predictions": [preset | {"lfo1_rate": None} for preset in PREDICTIONS]}, "lfo1_rate is None"),
        ({"predictions": [preset | {"lfo1_rate": float("nan")} for preset in PREDICTIONS]}, "finite"),
        ({"predictions": [1.0, 2.0, 3.0]}, "no dict"),
        ({"predictions": PREDICTIONS[0], "references": REFERENCES[0]}, "no dict"),
    ],
)
def test_bad_presets_are_refused(preset_error, given, message):
    with pytest.raises(InputError, match=message):
        preset_error.compute(**{"predictions": PREDICTIONS, "references": REFERENCES} | given)
    assert len(preset_error) == 0


def test_batches_that_do_not_fit_one_another_leave_nothing_behind(preset_error):
    preset_error.add(prediction={"a": 1.0}, reference={"a": 2.0})
    preset_error.add(prediction={"b": 1.0}, reference={"b": 2.0})
    with pytest.raises(InputError, match="preset 1 lacks a and has b"):
        preset_error.compute()
    assert not list(Path(preset_error.data_dir).glob("*.arrow"))
    assert preset_error.compute(predictions=[{"a": 1.0}], references=[{"a": 3.0}])["knob_mae"] == 2.0


def test_nothing_counted_is_nan(preset_error):
    result = preset_error.compute(
        predictions=[{"a": 1.0, "b": 2.0}], references=[{"a": 1.0, "b": 3.0}], heard=[{"a": False}]
    )
    assert np.isnan(result["per_parameter"]["a"]) and np.isnan(result["switch_accuracy"])
    assert result["knob_mae"] == 1.0


# A Space


def _write_files(name: str, parent: Path) -> Path:
    folder = parent / name
    folder.mkdir()
    for file, content in module_files(name).items():
        (folder / file).write_bytes(content)
    return folder


def _distributions(names: list[str]) -> Iterator[metadata.Distribution]:
    """These and everything that they need."""
    wanted, known = [Requirement(name) for name in names], set()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in known:
            continue
        known.add(str(requirement))
        distribution = metadata.distribution(requirement.name)
        yield distribution
        for needed in map(Requirement, distribution.requires or []):
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in (requirement.extras or {""})
            ):
                wanted.append(needed)


@pytest.fixture(scope="module")
def bare_packages(tmp_path_factory) -> Path:
    """A folder with what the modules' requirements name, what those need, and nothing else."""
    folder = tmp_path_factory.mktemp("packages")
    required = {line for name in MODULES for line in module_files(name)["requirements.txt"].decode().split()}
    for distribution in _distributions(sorted(required)):
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / top).exists():
                (folder / top).symlink_to(distribution.locate_file(top))
    return folder


@pytest.fixture
def spaces(hub, tmp_path) -> Iterator[dict[str, str]]:
    """The modules, published; by folder the Space's name. `evaluate` wants that to be the module's."""
    api = HfApi(token=hub.token)
    published = {}
    for name in MODULES:
        repo = f"{hub.namespace}/{name}"
        published[str(_write_files(name, tmp_path))] = repo
        api.create_repo(repo, repo_type="space", space_sdk="gradio", exist_ok=True)
    for folder, repo in published.items():
        api.upload_folder(repo_id=repo, repo_type="space", folder_path=folder)
    yield published
    for repo in published.values():
        api.delete_repo(repo, repo_type="space")


_ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
import json, warnings
warnings.simplefilter("error")
import evaluate
import numpy as np
task = json.load(sys.stdin)
results = {}
for place in task["places"]:
    metric = evaluate.load(place)
    results[place] = metric.compute(**(task["presets"] if "preset" in place else task["sounds"]))
assert "secret_sauce_hf" not in sys.modules and "torch" not in sys.modules
print(json.dumps(results))
"""


def test_a_published_space_works_without_this_package(bare_packages, spaces, tmp_path, client_environment):
    presets = {"predictions": PREDICTIONS, "references": REFERENCES, "heard": HEARD}
    predictions, references = (np.stack([sound[:3_000] for sound in _sounds(seed)]) for seed in (1, 2))
    sounds = {"predictions": predictions.tolist(), "references": references.tolist(), "sampling_rate": RATE}
    places = [*spaces, *spaces.values()]
    run = subprocess.run(
        [sys.executable, "-S", "-I", "-c", _ELSEWHERE, bare_packages],
        input=json.dumps({"places": places, "presets": presets, "sounds": sounds}),
        # Without it a request goes to Amazon, for its count of downloads.
        env=client_environment | {"HF_UPDATE_DOWNLOAD_COUNTS": "0"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    errors = metrics.preset_errors(REFERENCES, PREDICTIONS, HEARD)
    means = {name: np.mean(values) for name, values in metrics.distances(references, predictions, RATE).items()}
    assert json.loads(run.stdout) == {place: errors if "preset" in place else means for place in places}


@pytest.mark.parametrize("lacking", ["scipy", "numpy"])
@pytest.mark.parametrize("name", MODULES)
def test_a_space_says_what_is_not_installed(evaluate, name, lacking, tmp_path, monkeypatch):
    folder = _write_files(name, tmp_path)
    monkeypatch.setitem(sys.modules, lacking, None)
    if lacking in (folder / "requirements.txt").read_text():
        with pytest.raises(
            ImportError, match=rf"you need to install the following dependencies.*pip install {lacking}"
        ):
            evaluate.load(str(folder))
    else:
        assert evaluate.load(str(folder)).name == name


@pytest.mark.parametrize("name", MODULES)
def test_a_space_holds_everything_it_imports(name):
    files = module_files(name)
    required = {Requirement(line).name for line in files["requirements.txt"].decode().split()}
    fetched = set(re.findall(r"^from \.(\w+) import [^#\n]*$", files[f"{name}.py"].decode(), re.MULTILINE))
    for file in [file for file in files if file.endswith(".py")]:
        tree = ast.parse(files[file])
        compile(tree, file, "exec")
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert f"{node.module}.py" in files
                # `evaluate` does not look into the files that it fetches.
                assert node.module in fetched
            elif isinstance(node, ast.Import | ast.ImportFrom):
                modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                for module in {module.partition(".")[0] for module in modules}:
                    # Gradio comes with the Space.
                    known = required | {"gradio"} if file == "app.py" else required
                    assert module in known or module in sys.stdlib_module_names
    assert all(Requirement(line).specifier for line in files["requirements.txt"].decode().split())


@pytest.mark.parametrize("name", MODULES)
def test_the_page_computes(name, tmp_path, monkeypatch):
    # Gradio is not installed for tests; its part here is only to show what `compare` returns.
    class Error(Exception):
        pass

    shown = {}
    component = SimpleNamespace
    gradio = SimpleNamespace(
        Error=Error,
        Audio=component,
        JSON=component,
        Code=component,
        Textbox=lambda value, label: component(value=value, label=label),
        Interface=lambda compare, inputs, *_, **__: shown.update(compare=compare, inputs=inputs),
    )
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    app = _write_files(name, tmp_path) / "app.py"
    exec(compile(app.read_bytes(), app, "exec"), {"__file__": str(app), "__name__": "app"})
    compare = shown["compare"]
    if name == "preset_error":
        result = json.loads(compare(*(box.value for box in shown["inputs"])))
        assert result["knob_mae"] == 0.5
        assert np.isnan(result["switch_accuracy"])
        with pytest.raises(Error, match="lacks"):
            compare('{"a": 1}', '{"b": 1}', "")
    else:
        first, second = ((30_000 * sound).astype(np.int16) for sound in _sounds(1, 2))
        # A file of 24 bits comes as int32.
        result = compare((RATE, np.stack([first, first], axis=1).astype(np.int32) << 16), (RATE, second))
        assert result == metrics.distances(second[: len(first)], first, RATE)
        with pytest.raises(Error, match="two sounds"):
            compare((RATE, first), None)
        with pytest.raises(Error, match="resample"):
            compare((RATE, first), (44_100, second))


@pytest.mark.parametrize("name", MODULES)
def test_a_card_shows_what_its_code_prints(name, tmp_path, monkeypatch):
    card = metric_card(name, None)
    _write_files(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    variables: dict = {}
    blocks = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", card, re.DOTALL)
    assert len(blocks) == 3
    for code, output in blocks:
        with redirect_stdout(io.StringIO()) as printed:
            exec(code, variables)
        assert printed.getvalue() == output
    assert f'evaluate.load("./{name}")' in card


@pytest.mark.parametrize("name", MODULES)
def test_a_card_has_the_head_of_a_space(evaluate, name):
    card = metric_card(name, f"org/{name}")
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["sdk"] == "gradio"
    assert re.fullmatch(r"\d+\.\d+\.\d+", head["sdk_version"])
    assert head["app_file"] in module_files(name)
    assert head["tags"] == ["evaluate", "metric", "secret-sauce", name]
    assert head["description"] == evaluate.load(str(module_path(name))).description.strip()
    assert {"title", "emoji", "colorFrom", "colorTo", "pinned"} <= set(head)
    assert f'evaluate.load("org/{name}")' in card
    assert f"url = {{{constants.ENDPOINT}/spaces/org/{name}}}" in card


def test_what_cannot_be_a_space_is_refused(monkeypatch):
    with pytest.raises(InputError, match="there are sound_distance, preset_error"):
        module_path("mss")
    with pytest.raises(InputError, match="call it ORG/preset_error"):
        metric_card("preset_error", "org/presets")
    monkeypatch.setitem(sys.modules, "evaluate", None)
    with pytest.raises(InputError, match=r"pip install 'secret_sauce_hf\[metrics\]'"):
        metric_card("preset_error", None)
