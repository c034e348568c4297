"""Checkpoints carry the code that loads them, for those who have only transformers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from huggingface_hub import HfApi, snapshot_download
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from transformers import Trainer, TrainingArguments, pipeline
from transformers.dynamic_module_utils import get_imports, get_relative_import_files

import secret_sauce_hf
from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, SecretSauceModel, load_pipeline
from secret_sauce_hf.modeling.checkpoint_secret_sauce import code_files, published_config, published_extractor
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training import PresetTrainer
from secret_sauce_hf.training.base import first_model
from secret_sauce_hf.training.data import extract, fresh_takes, labels

LIGHT = get_collection("noisemaker-light")
SHIPPED = secret_sauce_hf.checkpoint_path("noisemaker-light")
CODE = {
    "checkpoint_secret_sauce.py",
    "configuration_secret_sauce.py",
    "encoder_secret_sauce.py",
    "feature_extraction_secret_sauce.py",
    "hearing_secret_sauce.py",
    "listener_secret_sauce.py",
    "modeling_secret_sauce.py",
    "outputs_secret_sauce.py",
    "pipeline_secret_sauce.py",
    "sampler_secret_sauce.py",
    "strokes_secret_sauce.py",
    "transcription_secret_sauce.py",
    "errors.py",
    "fetching.py",
    "instrument.py",
    "listening.py",
    "parameters.py",
    "played.py",
    "rules.py",
    "sounds.py",
    "takes.py",
}
CHECKPOINT = CODE | {"config.json", "model.safetensors", "preprocessor_config.json"}
ABSENT = ("secret_sauce_hf", "soxr", "scipy", "datasets", "numba", "librosa", "torchaudio", "accelerate")
RATE = 48_000
"""Of the sounds here: they have to be resampled."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small models: two threads would only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few takes at 48 kHz, shape (sounds, samples)."""
    import soxr

    takes = render(draw_presets(LIGHT, 4, seed=11)) / 32_768
    path = tmp_path_factory.mktemp("sounds") / "sounds.npy"
    np.save(path, np.stack([soxr.resample(take, 22_050, RATE) for take in takes]).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint that ships, as a publisher would lay it out."""
    folder = tmp_path_factory.mktemp("published") / "my-checkpoint.v1"
    shutil.copytree(SHIPPED, folder)
    for name, publish in (("config.json", published_config), ("preprocessor_config.json", published_extractor)):
        path = folder / name
        path.write_text(json.dumps(publish(json.loads(path.read_text()))))
    for name, source in code_files().items():
        shutil.copy(source, folder / name)
    return folder


def answers(pipe, sounds: Path) -> list[dict]:
    return pipe([{"array": wave, "sampling_rate": RATE} for wave in np.load(sounds)])


def assert_same(got: list[dict], expected: list[dict]) -> None:
    """Equal but for what another resampler may change: a knob by one step of its controller, or more if unsure."""
    for mine, theirs in zip(got, expected, strict=True):
        for parameter in LIGHT.parameters:
            told, setting = mine["preset"][parameter.name], theirs["preset"][parameter.name]
            sure = theirs["confidence"][parameter.name]
            assert mine["confidence"][parameter.name] == pytest.approx(sure, abs=0.02)
            if parameter.kind == "switch":
                assert told == setting
            else:
                assert abs(told - setting) * 12.7 <= (1.01 if sure > 0.3 else 5.01)


def assert_complete(folder: Path, *hidden: Path | str) -> None:
    """See that a folder holds a whole checkpoint, the code as it is here, and none of the `hidden` words."""
    assert {path.name for path in folder.iterdir()} >= CHECKPOINT
    for name, source in code_files().items():
        assert (folder / name).read_bytes() == source.read_bytes()
    config = json.loads((folder / "config.json").read_text())
    assert config["auto_map"] == {
        "AutoConfig": "configuration_secret_sauce.SecretSauceConfig",
        "AutoModel": "modeling_secret_sauce.SecretSauceModel",
    }
    assert config["custom_pipelines"] == {
        "audio-to-preset": {
            "impl": "pipeline_secret_sauce.AudioToPresetPipeline",
            "pt": ["AutoModel"],
            "type": "audio",
        }
    }
    extractor = json.loads((folder / "preprocessor_config.json").read_text())
    expected = "feature_extraction_secret_sauce.SecretSauceFeatureExtractor"
    assert extractor["auto_map"] == {"AutoFeatureExtractor": expected}
    text = "".join(path.read_text() for path in folder.glob("*.json"))
    for word in (*hidden, folder, Path.home(), Path(secret_sauce_hf.__file__).parent):
        assert f"{word}/" not in text
        assert f'{word}"' not in text


class TestSaving:
    def test_the_files(self):
        assert code_files().keys() == CODE
        assert all(path.is_file() for path in code_files().values())

    def test_whatever_is_saved_has_the_code(self, tmp_path: Path, published: Path):
        for source in (SHIPPED, published):
            pipe = load_pipeline(source)
            folder = tmp_path / source.name
            pipe.save_pretrained(folder / "pipeline")
            assert_complete(folder / "pipeline", source)
            pipe.model.save_pretrained(folder / "parts")
            assert {path.name for path in (folder / "parts").iterdir()} == CHECKPOINT - {"preprocessor_config.json"}
            pipe.feature_extractor.save_pretrained(folder / "parts")
            assert_complete(folder / "parts", source)
            pipe.model.config.save_pretrained(folder / "config")
            assert {path.name for path in (folder / "config").iterdir()} == CODE | {"config.json"}
            # Over itself, and from there.
            load_pipeline(folder / "parts").save_pretrained(folder / "parts")
            assert_complete(folder / "parts", source)

    def test_entries_are_added_to_what_was_saved_without(self):
        config = json.loads((SHIPPED / "config.json").read_text())
        assert "auto_map" not in config
        assert "custom_pipelines" not in config
        told = published_config(config)
        assert {key: told[key] for key in config} == config
        assert told.keys() - config.keys() == {"auto_map", "custom_pipelines"}
        assert published_config(told) == told
        assert published_extractor({"note_on": 0.1})["note_on"] == 0.1
        assert not {path.name for path in SHIPPED.iterdir()} & CODE

    @pytest.mark.parametrize("name", sorted(CODE))
    def test_what_the_files_import(self, published: Path, name: str):
        path = published / name
        # Whatever is not in a try block must be there, or transformers refuses to load them.
        others = set(get_imports(path)) - set(sys.stdlib_module_names)
        assert others <= {"torch", "transformers", "numpy", "soundfile", "huggingface_hub", "safetensors"}
        if name == "modeling_secret_sauce.py":
            # It brings all the others, so that a copy can be saved again.
            assert {Path(file).name for file in get_relative_import_files(path)} | {name} == CODE


class TestWithThePackage:
    @pytest.mark.parametrize("trust", [None, True, False])
    def test_its_own_classes_are_used(self, published: Path, sounds: Path, trust: bool | None):
        pipe = pipeline("audio-to-preset", model=str(published), trust_remote_code=trust)
        for part in (pipe, pipe.model, pipe.model.config, pipe.feature_extractor):
            assert type(part).__module__.startswith("secret_sauce_hf.modeling.")
        assert_same(answers(pipe, sounds), answers(load_pipeline(), sounds))

    def test_not_imported(self, bare, published: Path, sounds: Path, tmp_path: Path):
        """Trust brings the copies, which leave the package alone; imported later, it takes over."""
        code = f"""
import sys, numpy as np
from transformers import pipeline
pipe = pipeline("audio-to-preset", model={str(published)!r}, trust_remote_code=True)
parts = (pipe, pipe.model, pipe.model.config, pipe.feature_extractor)
assert all(type(part).__module__.startswith("transformers_modules.") for part in parts)
assert "secret_sauce_hf" not in sys.modules
sounds = [{{"array": wave, "sampling_rate": {RATE}}} for wave in np.load({str(sounds)!r})]
told = pipe(sounds)
for dtype in ("float16", "bfloat16"):
    half = pipeline("audio-to-preset", model={str(published)!r}, trust_remote_code=True, dtype=dtype)
    assert str(half.model.dtype) == "torch." + dtype
    for mine, theirs in zip(half(sounds), told):
        assert mine["preset"]["osc2_wave"] == theirs["preset"]["osc2_wave"]
pipe.save_pretrained({str(tmp_path / "again")!r})
import secret_sauce_hf
pipe = pipeline("audio-to-preset", model={str(tmp_path / "again")!r})
assert type(pipe.model).__module__.startswith("secret_sauce_hf.")
assert [answer["midi"] for answer in pipe(sounds)] == [answer["midi"] for answer in told]
"""
        bare(code)
        assert_complete(tmp_path / "again", published, tmp_path)


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a cache of its own and nobody to ask."""
    variables = {**os.environ, "HF_HOME": str(folder / "hf-home"), "OMP_NUM_THREADS": "1"} | environment
    variables.pop("HF_TOKEN", None)
    return subprocess.run(
        command, capture_output=True, text=True, env=variables, stdin=subprocess.DEVNULL, check=False, timeout=300
    )


def closure(*names: str) -> dict[str, Distribution]:
    """The distributions that these need, by their metadata, without extras."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found[name] = distribution(name)
            requirements = map(Requirement, found[name].requires or [])
            waiting += [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def make_environment(folder: Path, *names: str) -> Path:
    """A folder of links to what these distributions and those they need have in site-packages."""
    folder.mkdir()
    for dist in closure(*names).values():
        tops = {Path(file).parts[0] for file in dist.files or []} - {"..", "__pycache__"}
        for top in tops:
            target = Path(dist.locate_file(top))
            assert target.exists(), f"{dist.name} has no {top}"
            if not (folder / top).exists():
                (folder / top).symlink_to(target)
    return folder


class TestWithoutThePackage:
    """In an environment of transformers, torch, numpy and soundfile, and what these need themselves."""

    NEEDED = ("transformers", "torch", "numpy", "soundfile")
    # Isolated, without site-packages: its path is the standard library, and then the folder.
    CODE = """
import importlib.util, json, sys
sys.path.append({folder!r})
for name in {absent!r}:
    assert importlib.util.find_spec(name) is None, name
from transformers import pipeline
import numpy as np
told = {{}}
try:
    pipeline("audio-to-preset", model={model!r})
except ValueError as error:
    told["refusal"] = str(error)
pipe = pipeline(task="audio-to-preset", model={model!r}, trust_remote_code=True)
told["modules"] = [type(part).__module__ for part in (pipe, pipe.model, pipe.model.config, pipe.feature_extractor)]
told["answers"] = pipe([{{"array": wave, "sampling_rate": {rate}}} for wave in np.load({sounds!r})])
for answer in told["answers"]:
    answer["midi"] = answer["midi"] and [message.bytes() for message in answer["midi"]]
try:
    pipe("nowhere.wav")
except ValueError as error:
    told["mistake"] = type(error).__name__ + ": " + str(error)
pipe.save_pretrained({out!r})
print()  # after the question whether to trust the code
print(json.dumps(told))
"""

    def ask(self, model: str, folder: Path, sounds: Path, *more: str, **environment: str) -> dict:
        absent = [name for name in (*ABSENT, "mido") if name not in more]
        code = self.CODE.format(
            folder=str(make_environment(folder / "environment", *self.NEEDED, *more)),
            absent=absent,
            model=model,
            rate=RATE,
            sounds=str(sounds),
            out=str(folder / "again"),
        )
        done = run([sys.executable, "-I", "-S", "-c", code], folder, **environment)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        assert all(module.startswith("transformers_modules.") for module in told["modules"])
        assert "trust_remote_code=True" in told["refusal"]
        assert told["mistake"] == "InputError: No such sound file: nowhere.wav."
        return told

    def test_from_a_folder(self, published: Path, sounds: Path, tmp_path: Path):
        told = self.ask(str(published), tmp_path, sounds, HF_HUB_OFFLINE="1")
        expected = answers(load_pipeline(), sounds)
        assert_same(told["answers"], expected)
        assert [answer["midi"] for answer in told["answers"]] == [None] * len(expected)
        assert_complete(tmp_path / "again", published, tmp_path)

    def test_from_the_hub_as_the_trainer_pushed_it(self, hub, sounds: Path, tmp_path: Path, monkeypatch):
        """transformers' own Trainer, set up as its documentation says; the model has AST inside."""
        record = {"name": "fbank", "kind": "fbank", "rate": 16_000, "bins": 64, "mean": -4.3, "std": 4.6}
        extractor = SecretSauceFeatureExtractor(inputs=[record])
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        model = SecretSauceModel(
            SecretSauceConfig.from_collection(
                LIGHT,
                inputs=[extractor.input_sizes()[0] | {"patch": 16}],
                ast=sizes | {"max_length": 88, "num_mel_bins": 64},
            )
        )
        # Not as an argument: this Trainer pickles its arguments and pushes them, token and all.
        monkeypatch.setenv("HF_TOKEN", hub.token)
        rows = list(extract(fresh_takes(get_engine(LIGHT), LIGHT, 16, seed=1), extractor, progress=False))
        repo = hub.repo("pushed", "model")
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "runs"),
            max_steps=2,
            save_steps=1,
            label_names=model.config.label_names,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            push_to_hub=True,
            hub_model_id=repo,
            hub_strategy="every_save",
        )
        trainer = Trainer(model, arguments, train_dataset=rows, processing_class=extractor)
        trainer.train()
        trainer.push_to_hub()
        snapshot = Path(snapshot_download(repo))
        assert_complete(snapshot, tmp_path)

        expected = answers(pipeline("audio-to-preset", model=repo), sounds)
        assert_same(answers(load_pipeline(repo), sounds), expected)
        assert_same(answers(pipeline("audio-to-preset", model=repo, trust_remote_code=True), sounds), expected)
        weights = SecretSauceModel.from_pretrained(repo).state_dict()
        assert all(torch.equal(values, weights[name]) for name, values in trainer.model.state_dict().items())

        told = self.ask(repo, tmp_path, sounds, "mido")
        assert_same(told["answers"], expected)
        for answer, same in zip(told["answers"], expected, strict=True):
            assert len(answer["midi"]) == len(same["midi"])
            assert [data[:2] for data in answer["midi"]] == [message.bytes()[:2] for message in same["midi"]]
        assert_complete(tmp_path / "again", tmp_path)


@pytest.mark.parametrize("remove", [True, False])
def test_transformers_own_trainer_on_a_dataset(tmp_path: Path, remove: bool):
    """Columns as the extractor makes them, batched by the default collator."""
    model, extractor = first_model(LIGHT, None, 16, 1, seed=0)
    presets = draw_presets(LIGHT, 16, seed=1)
    values = {name: column.tolist() for name, column in labels(presets).items()}
    rows = Dataset.from_dict({"array": render(presets)} | values)

    def transform(batch: dict) -> dict:
        return extractor([np.asarray(take, np.int16) for take in batch["array"]], 22_050, return_tensors="np")

    rows = rows.map(transform, batched=True, remove_columns=["array"])
    assert set(rows.column_names) == {*LIGHT.columns, *model.config.input_names, "peak"}
    arguments = TrainingArguments(
        str(tmp_path),
        max_steps=3,
        eval_strategy="steps",
        eval_steps=1,
        logging_steps=1,
        label_names=model.config.label_names,
        remove_unused_columns=remove,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows)
    trainer.train()
    losses = [entry[key] for entry in trainer.state.log_history for key in ("loss", "eval_loss") if key in entry]
    assert len(losses) == 6
    assert all(0 < loss < 12 for loss in losses)
    assert len(trainer.predict(rows).predictions) == len(LIGHT.columns)


class TestPushing:
    def test_our_trainer(self, hub, tmp_path: Path):
        model, extractor = first_model(LIGHT, None, 16, 1, seed=0)
        examples = extract(fresh_takes(get_engine(LIGHT), LIGHT, 16, seed=1), extractor, progress=False)
        repo = hub.repo("ours", "model")
        arguments = TrainingArguments(
            str(tmp_path / "runs"),
            max_steps=2,
            eval_strategy="steps",
            eval_steps=1,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            push_to_hub=True,
            hub_model_id=repo,
            hub_token=hub.token,
        )
        trainer = PresetTrainer(
            model, arguments, train_dataset=examples, eval_dataset=examples, processing_class=extractor
        )
        trainer.train()
        assert trainer.state.log_history[-2].keys() >= {"eval_loss", "eval_knob_mae", "eval_osc2_wave"}
        trainer.push_to_hub()
        snapshot = Path(snapshot_download(repo))
        assert_complete(snapshot, tmp_path)
        assert not [path.name for path in snapshot.iterdir() if hub.token.encode() in path.read_bytes()]
        assert load_pipeline(repo).model.config.collection == "noisemaker-light"

    def test_each_part_by_itself(self, hub, tmp_path: Path, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", hub.token)
        pipe = load_pipeline()
        whole, parts, later = (hub.repo(stem, "model") for stem in ("whole", "parts", "later"))
        pipe.push_to_hub(whole)
        pipe.model.save_pretrained(tmp_path / "model", push_to_hub=True, repo_id=parts)
        # What the library pushes of a model has the code already: its config was saved with it.
        assert {path.name for path in Path(snapshot_download(parts)).iterdir()} >= CHECKPOINT - {
            "preprocessor_config.json"
        }
        pipe.feature_extractor.save_pretrained(tmp_path / "extractor", push_to_hub=True, repo_id=parts)
        pipe.save_pretrained(tmp_path / "pipeline", push_to_hub=True, repo_id=later, private=True, token=hub.token)
        for repo in (whole, parts, later):
            assert_complete(Path(snapshot_download(repo)), tmp_path, SHIPPED)
        assert HfApi().model_info(later).private

    def test_a_name_that_is_none(self):
        with pytest.raises(InputError, match="No such checkpoint folder: a/b/c; give a folder, or ORG/NAME"):
            load_pipeline("a/b/c")
