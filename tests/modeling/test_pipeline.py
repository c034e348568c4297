"""The `audio-to-preset` pipeline, with the checkpoint that ships."""

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from datasets import Dataset
from kinds import ORIGINAL
from transformers import AutoModel, pipeline
from transformers.pipelines.pt_utils import KeyDataset

import secret_sauce_hf
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, Knob, get_collection
from secret_sauce_hf.midi import preset_messages
from secret_sauce_hf.modeling import feature_extraction_secret_sauce, registration
from secret_sauce_hf.modeling.checkpoint_secret_sauce import code_files
from secret_sauce_hf.modeling.pipeline_secret_sauce import NEAR
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
MODELING = Path(secret_sauce_hf.__file__).parent / "modeling"


@pytest.fixture(scope="module")
def pipe():
    return pipeline("audio-to-preset", model=str(secret_sauce_hf.checkpoint_path("noisemaker-light")))


@pytest.fixture(scope="module")
def presets() -> Presets:
    return draw_presets("noisemaker-light", 6, seed=77)


@pytest.fixture(scope="module")
def takes(presets: Presets) -> np.ndarray:
    return render(presets)


def sound(samples: np.ndarray, rate: int = SAMPLE_RATE) -> dict:
    return {"array": samples, "sampling_rate": rate}


def as_file(samples: np.ndarray, rate: int = SAMPLE_RATE, container: str = "WAV") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container)
    return buffer.getvalue()


def run(code: str) -> str:
    """Run Python in a fresh process without a network; its standard output."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestRegistration:
    def test_a_new_process_finds_the_task(self):
        told = run("import secret_sauce_hf; from transformers import pipeline; print(pipeline('audio-to-preset').task)")
        assert told == "audio-to-preset"

    @pytest.mark.parametrize(
        "imports",
        [
            "import secret_sauce_hf; from transformers import pipeline",
            "from transformers import pipeline; import secret_sauce_hf",
            "import secret_sauce_hf.modeling.pipeline_secret_sauce; from transformers import pipeline",
        ],
    )
    def test_any_order_of_imports(self, bare, imports: str):
        told = bare(
            f"{imports}\nimport numpy as np\npipe = pipeline('audio-to-preset')\n"
            "print(type(pipe).__name__, *pipe({'array': np.zeros(9), 'sampling_rate': 8000})['preset'])"
        )
        assert told.split() == ["AudioToPresetPipeline", *LIGHT.columns]

    def test_auto_classes(self, bare):
        folder = str(secret_sauce_hf.checkpoint_path("noisemaker-light"))
        told = bare(
            "import secret_sauce_hf\n"
            "from transformers import AutoConfig, AutoFeatureExtractor, AutoModel\n"
            "for auto in (AutoConfig, AutoFeatureExtractor, AutoModel):\n"
            f"    print(type(auto.from_pretrained({folder!r})).__name__)"
        )
        assert told.split() == ["SecretSauceConfig", "SecretSauceFeatureExtractor", "SecretSauceModel"]

    def test_importing_the_package_imports_nothing_heavy(self):
        told = run(
            "import sys, secret_sauce_hf\n"
            "print(*({'torch', 'transformers', 'datasets', 'numba', 'matplotlib'} & set(sys.modules)))"
        )
        assert told == ""

    @pytest.mark.parametrize("module", ["torch", "transformers"])
    def test_without_the_extra(self, module: str):
        told = run(
            f"import sys; sys.modules[{module!r}] = None\n"
            "import secret_sauce_hf\n"
            "for package, name in (('modeling', 'load_pipeline'), ('training', 'train')):\n"
            "    try:\n"
            "        getattr(__import__(f'secret_sauce_hf.{package}', fromlist=['']), name)()\n"
            "    except secret_sauce_hf.InputError as error:\n"
            "        print(error)"
        )
        assert told.count("pip install 'secret_sauce_hf[models]'") == 2

    def test_the_finder_leaves_ordinary_modules_behind(self, bare):
        told = bare(
            "import secret_sauce_hf, transformers.pipelines as p, importlib\n"
            "print(type(p.__loader__).__name__, type(p.__spec__.loader).__name__)\nimportlib.reload(p)"
        )
        assert told == "SourceFileLoader SourceFileLoader"

    def test_collections_with_and_without_a_checkpoint(self, tmp_path: Path, monkeypatch):
        for name in ORIGINAL:
            assert secret_sauce_hf.checkpoint_path(name).joinpath("model.safetensors").stat().st_size < 12e6
        (tmp_path / "noisemaker-light").symlink_to(secret_sauce_hf.checkpoint_path("noisemaker-light"))
        monkeypatch.setattr(registration, "CHECKPOINTS", tmp_path)
        with pytest.raises(InputError, match="No checkpoint ships for guitar; there is one for noisemaker-light"):
            secret_sauce_hf.checkpoint_path("guitar")
        with pytest.raises(InputError, match="No checkpoint ships for noisemaker-notes; there is one for noisemaker-l"):
            secret_sauce_hf.checkpoint_path("noisemaker-notes")
        with pytest.raises(InputError, match="Unknown collection"):
            secret_sauce_hf.checkpoint_path("../..")

    def test_the_files_stand_alone_beside_the_spec(self, bare, tmp_path: Path):
        """A published checkpoint carries copies of them, for those who have not installed the package."""
        package = tmp_path / "standalone"
        package.mkdir()
        (package / "__init__.py").touch()
        for path in code_files().values():
            shutil.copy(path, package)
        folder = str(secret_sauce_hf.checkpoint_path("noisemaker-light"))
        told = bare(
            f"import sys; sys.modules['secret_sauce_hf'] = None; sys.modules['mido'] = None\n"
            f"sys.path.insert(0, {str(tmp_path)!r})\n"
            "import numpy as np\n"
            "from standalone.modeling_secret_sauce import SecretSauceModel\n"
            "from standalone.feature_extraction_secret_sauce import SecretSauceFeatureExtractor\n"
            "from standalone.pipeline_secret_sauce import AudioToPresetPipeline\n"
            f"model = SecretSauceModel.from_pretrained({folder!r})\n"
            f"extractor = SecretSauceFeatureExtractor.from_pretrained({folder!r})\n"
            "pipe = AudioToPresetPipeline(model=model, feature_extractor=extractor, device=-1)\n"
            "print(pipe({'array': np.ones(20000), 'sampling_rate': 22050})['midi'])"
        )
        assert told == "None"


class TestAnswers:
    def test_what_is_told_of_a_sound(self, pipe, takes: np.ndarray):
        answer = pipe(sound(takes[0]))
        assert list(answer) == ["preset", "confidence", "heard", "controllers", "midi"]
        for part in ("preset", "confidence", "heard"):
            assert list(answer[part]) == list(LIGHT.columns)
        Presets.from_settings(LIGHT, [answer["preset"]])  # raises for what is not allowed
        for parameter in LIGHT.parameters:
            setting = answer["preset"][parameter.name]
            if isinstance(parameter, Knob):
                assert type(setting) is float
                assert parameter.cc_to_setting(parameter.setting_to_cc(setting)) == setting
            assert 0 <= answer["confidence"][parameter.name] <= 1
            assert type(answer["heard"][parameter.name]) is bool
        assert answer["midi"] == preset_messages(LIGHT, answer["preset"])
        # The controller's number beside its value.
        told = [pair for values in answer["controllers"].values() for pair in values.items()]
        assert list(answer["controllers"]) == list(LIGHT.columns)
        assert told == [(message.control, message.value) for message in answer["midi"]]

    def test_heard_is_what_the_model_holds_for_likely(self, pipe, takes: np.ndarray, presets: Presets):
        answers = pipe([sound(take) for take in takes])
        told = np.array([list(answer["heard"].values()) for answer in answers])
        assert (told == presets.heard()).mean() > 0.85
        assert not any(pipe(sound((takes[0] * 1e-4).astype(np.int16)))["heard"].values())

    def test_candidates(self, pipe, takes: np.ndarray):
        answer = pipe(sound(takes[0]), num_candidates=12)
        assert list(answer) == ["preset", "confidence", "heard", "controllers", "midi", "candidates"]
        told = answer["candidates"]
        assert 2 <= len(told) <= 12
        assert [item["score"] for item in told] == sorted((item["score"] for item in told), reverse=True)
        assert answer["preset"] in [item["preset"] for item in told]
        different = {tuple(item["preset"].items()) for item in told}
        assert len(different) == len(told)
        Presets.from_settings(LIGHT, [item["preset"] for item in told])  # raises for what is not allowed
        assert pipe(sound(takes[0]), num_candidates=12)["candidates"] == told
        assert pipe(sound(takes[0]), num_candidates=12, seed=1)["candidates"] != told
        one = pipe(sound(takes[0]), num_candidates=1)
        assert [item["preset"] for item in one["candidates"]] == [answer["preset"]]
        batched = pipe([sound(take) for take in takes], batch_size=np.int64(4), num_candidates=3)
        assert all(1 <= len(item["candidates"]) <= 3 for item in batched)

    @pytest.mark.parametrize("count", [0, -1, 2.5, True, float("nan"), 10**9])
    def test_no_candidates(self, pipe, takes: np.ndarray, count):
        with pytest.raises(InputError, match="must be an integer from 1"):
            pipe(sound(takes[0]), num_candidates=count)

    def test_confidence_is_the_probability_near_the_answer(self, pipe, takes: np.ndarray):
        features = pipe.feature_extractor([sound(takes[0])])
        with torch.inference_mode():
            logits = pipe.model(**{name: features[name] for name in pipe.model.config.input_names}).logits
        answer = pipe(sound(takes[0]))
        for parameter, scores in zip(LIGHT.parameters, logits, strict=True):
            probabilities = scores[0].double().softmax(0).numpy()
            if isinstance(parameter, Knob):
                settings = parameter.cc_to_setting(np.arange(128))
                near = np.abs(settings - answer["preset"][parameter.name]) <= NEAR
                assert answer["confidence"][parameter.name] == pytest.approx(probabilities[near].sum(), abs=1e-6)
            else:
                assert answer["confidence"][parameter.name] == pytest.approx(probabilities.max(), abs=1e-6)

    def test_lists_generators_datasets_and_batches(self, pipe, takes: np.ndarray):
        sounds = [sound(take) for take in takes]
        alone = [pipe(item) for item in sounds]
        assert isinstance(pipe(sounds), list)
        files = [{"bytes": as_file(take), "path": f"s{row}.wav"} for row, take in enumerate(takes)]
        dataset = Dataset.from_dict({"audio": files})  # as a column of Audio(decode=False) gives them
        generator = pipe(item for item in sounds)
        assert not isinstance(generator, list)
        for answers in (
            pipe(sounds),
            pipe(sounds, batch_size=4),
            list(generator),
            list(pipe((item for item in sounds), batch_size=4)),
            list(pipe(KeyDataset(dataset, "audio"))),
            pipe(list(takes), sampling_rate=SAMPLE_RATE),
        ):
            for got, expected in zip(answers, alone, strict=True):
                assert got["preset"]["osc2_wave"] == expected["preset"]["osc2_wave"]
                for name, value in expected["confidence"].items():
                    assert got["confidence"][name] == pytest.approx(value, abs=0.02)
        assert pipe([]) == []

    def test_saving_and_loading_without_trust(self, pipe, takes: np.ndarray, tmp_path: Path):
        pipe.save_pretrained(tmp_path)
        assert str(MODELING.parent) not in (tmp_path / "config.json").read_text()
        again = pipeline("audio-to-preset", model=str(tmp_path))
        got, expected = again(sound(takes[0])), pipe(sound(takes[0]))
        assert (got["preset"], got["midi"]) == (expected["preset"], expected["midi"])
        assert got["confidence"] == pytest.approx(expected["confidence"], abs=1e-6)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_in_half_precision(self, pipe, takes: np.ndarray, dtype: torch.dtype):
        half = pipeline("audio-to-preset", model=str(secret_sauce_hf.checkpoint_path("noisemaker-light")), dtype=dtype)
        assert half.model.dtype == dtype
        sounds = [sound(take) for take in takes]
        for got, expected in zip(half(sounds), pipe(sounds), strict=True):
            for parameter in LIGHT.parameters:
                told, setting = got["preset"][parameter.name], expected["preset"][parameter.name]
                if isinstance(parameter, Knob):
                    assert abs(told - setting) * 12.7 < 2.01  # steps of its controller
                else:
                    assert told == setting
            assert got["confidence"] == pytest.approx(expected["confidence"], abs=0.1)
        # By itself, too: inputs are float32 as the extractor makes them, and so are the answers.
        features = pipe.feature_extractor(sounds)
        for model in (half.model, AutoModel.from_pretrained(half.model.name_or_path, dtype=dtype)):
            assert {values.dtype for values in model(**features).logits} == {torch.float32}

    def test_a_note_later_in_stereo_at_another_rate(self, pipe, takes: np.ndarray):
        for take in takes:
            expected = pipe(sound(take))
            high = soxr.resample(take / 32_768, SAMPLE_RATE, 48_000)
            moved = np.concatenate([np.zeros(48_000), high, np.zeros(96_000)])
            got = pipe(sound(np.stack([moved, moved], axis=1), 48_000))
            if expected["confidence"]["osc2_wave"] > 0.9:
                assert got["preset"]["osc2_wave"] == expected["preset"]["osc2_wave"]

    @pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
    def test_without_soxr_it_tells_the_same(self, pipe, takes: np.ndarray, rate: int, monkeypatch):
        sounds = [sound(soxr.resample(take / 32_768, SAMPLE_RATE, rate), rate) for take in takes]
        with_soxr = pipe(sounds)
        monkeypatch.setattr(feature_extraction_secret_sauce, "soxr", None)
        for got, expected in zip(pipe(sounds), with_soxr, strict=True):
            for parameter in LIGHT.parameters:
                told, setting = got["preset"][parameter.name], expected["preset"][parameter.name]
                if not isinstance(parameter, Knob):
                    assert told == setting
                elif expected["confidence"][parameter.name] > 0.3:
                    assert abs(told - setting) * 12.7 < 1.01  # a step of its controller

    def test_a_parameter_that_midi_does_not_reach(self, pipe, takes: np.ndarray, monkeypatch):
        records = [dict(record) for record in pipe.model.config.parameters]
        records[3]["control"] = []
        monkeypatch.setattr(pipe.model.config, "parameters", records)
        answer = pipe(sound(takes[0]))
        assert answer["preset"]["osc2_wave"] in LIGHT.parameters[3].labels
        assert [message.control for message in answer["midi"]] == [17, 15, 18, 16]

    def test_it_is_quick(self, pipe, takes: np.ndarray):
        """The aim is 60 ms on one core, which a busy machine does not show: the bound only finds blunders."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            pipe(sound(takes[0]))
            seconds = []
            for take in np.repeat(takes, 3, axis=0):
                start = time.perf_counter()
                pipe(sound(take))
                seconds.append(time.perf_counter() - start)
        finally:
            torch.set_num_threads(threads)
        assert min(seconds) < 0.06


class TestOddSounds:
    def test_silence(self, pipe):
        answer = pipe(sound(np.zeros(LIGHT.samples)))
        assert not any(answer["heard"].values())
        assert np.mean([answer["confidence"][p.name] for p in LIGHT.parameters]) < 0.6
        assert len(answer["midi"]) == 5

    def test_almost_silence(self, pipe, takes: np.ndarray):
        quiet = takes[0] / np.abs(takes[0]).max()
        assert any(pipe(sound(quiet * 0.0011))["heard"].values())
        assert not any(pipe(sound(quiet * 0.0009))["heard"].values())

    @pytest.mark.parametrize("rate", [8_000, 11_025, 96_000, 192_000])
    def test_rates(self, pipe, rate: int):
        time_axis = np.arange(rate) / rate
        answer = pipe(as_file(0.5 * np.sin(2 * np.pi * 261.6 * time_axis), rate))
        assert answer["preset"]["osc2_wave"] in LIGHT.parameters[3].labels

    def test_ten_milliseconds(self, pipe, takes: np.ndarray):
        assert len(pipe(sound(takes[0][1_470:1_690]))["midi"]) == 5

    def test_ten_minutes_are_told_by_their_first_sound(self, pipe, takes: np.ndarray):
        loud = takes[np.abs(takes).max(axis=1).argmax()]
        long = np.zeros(SAMPLE_RATE * 600, np.int16)
        long[50_000 : 50_000 + len(loud)] = loud
        start = time.perf_counter()
        answer = pipe(as_file(long))
        assert time.perf_counter() - start < 5
        assert answer["preset"]["osc2_wave"] == pipe(sound(loud))["preset"]["osc2_wave"]

    def test_six_channels(self, pipe, takes: np.ndarray):
        six = pipe(as_file(np.stack([takes[1]] * 6, axis=1)))
        assert six["preset"] == pipe(sound(takes[1]))["preset"]

    def test_a_truncated_file(self, pipe, takes: np.ndarray):
        content = as_file(takes[0])
        assert len(pipe(content[: len(content) // 2])["midi"]) == 5

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ("nowhere.wav", "No such sound file"),
            (b"", "empty"),
            (b"no sound at all", "Not a sound file"),
            (np.zeros(100), "needs its rate"),
            ({"array": np.full(100, np.nan), "sampling_rate": SAMPLE_RATE}, "not finite"),
            ({"array": np.full(100, np.inf), "sampling_rate": SAMPLE_RATE}, "not finite"),
        ],
    )
    def test_bad_sounds_are_one_line(self, pipe, bad, message: str):
        with pytest.raises(InputError, match=message) as caught:
            pipe(bad)
        assert "\n" not in str(caught.value)


def test_it_hears_the_real_plug_in(pipe, shared: Path):
    """Recordings of the plug-in, none of which was trained on; 2018's best were 1.91, 1.15 and 0.96."""
    import pyarrow.parquet as pq

    table = pq.read_table(shared / "real" / "noisemaker_light-rows-0-799.parquet")[:300]
    answers = pipe([{"bytes": content} for content in table["flac"].to_pylist()], batch_size=50)
    errors = {
        p.name: np.abs(np.array([answer["preset"][p.name] for answer in answers]) - table[p.name].to_numpy()).mean()
        for p in LIGHT.parameters
        if isinstance(p, Knob)
    }
    waves = np.array([answer["preset"]["osc2_wave"] for answer in answers])
    assert np.mean(list(errors.values())) <= 0.95
    assert errors["filter_cutoff"] <= 0.6
    assert np.mean(waves == np.array(table["osc2_wave"].to_pylist())) >= 0.985
