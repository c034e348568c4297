"""Models as ONNX files: their answers are those of the pipeline, features included."""

import copy
import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from training.test_base_models import save_ast

from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.modeling import exporting
from secret_sauce_hf.modeling.exporting import (
    difference,
    examples,
    export_onnx,
    inputs_of,
    onnx_bytes,
    open_session,
    output_names,
    section,
)
from secret_sauce_hf.modeling.graph import AnswerGraph
from secret_sauce_hf.modeling.loading import load_pipeline
from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training.base import first_model, open_base

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package)

NAMES = ("noisemaker-light", "noisemaker-light-notes")
"""One that reads takes alone, and one that is told what is played."""


@pytest.fixture(scope="module", params=NAMES)
def shipped(request) -> tuple[AudioToPresetPipeline, AnswerGraph, bytes]:
    return made(request.param)


@cache
def made(name: str) -> tuple[AudioToPresetPipeline, AnswerGraph, bytes]:
    """A model, its graph and its file, which takes seconds to make."""
    pipeline = load_pipeline(name)
    graph = AnswerGraph(pipeline)
    return pipeline, graph, onnx_bytes(graph)


@pytest.fixture(scope="module")
def light() -> AnswerGraph:
    return AnswerGraph(load_pipeline("noisemaker-light"))


@pytest.fixture
def exported(monkeypatch, tmp_path) -> exporting.Exported:
    pipeline, _, content = made("noisemaker-light")
    monkeypatch.setattr(exporting, "onnx_bytes", lambda _: content)
    return export_onnx(pipeline, tmp_path / "new" / "folder", "mine")


def answers_of(graph: AnswerGraph, content: bytes, inputs: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    given = {name: values.numpy() for name, values in inputs.items()}
    return dict(zip(output_names(graph), open_session(content).run(None, given), strict=True))


class TestShipped:
    def test_sounds_are_answered_as_the_pipeline_answers_them(self, shipped):
        pipeline, graph, content = shipped
        collection = pipeline.model.config.collection
        presets = draw_presets(collection, 12, seed=5)
        takes = to_float(render(presets))
        if pipeline.reads_notes:
            told = [pipeline.listen(take, 22_050, presets.performances[row]) for row, take in enumerate(takes)]
            strokes = [one.strokes[0] for one in told]
            windows = np.concatenate([pipeline.feature_extractor.windows(one.samples, one.strokes) for one in told])
            expected = [
                pipeline(take, sampling_rate=22_050, notes=presets.performances[row]) for row, take in enumerate(takes)
            ]
        else:
            strokes = []
            windows = np.stack([pipeline.feature_extractor.take(take, 22_050) for take in takes])
            expected = pipeline(list(takes), sampling_rate=22_050)
        told = answers_of(graph, content, inputs_of(torch.from_numpy(windows), strokes))
        for row, answer in enumerate(expected):
            for column, spec in enumerate(graph.specs):
                setting = told["settings"][row, column]
                setting = spec.labels[int(setting)] if spec.classes else pytest.approx(setting, abs=1e-4)
                assert answer["preset"][spec.name] == setting
                assert answer["confidence"][spec.name] == pytest.approx(told["confidence"][row, column], abs=1e-4)
                assert answer["heard"][spec.name] == (told["heard"][row, column] > 0.5)
            if "in_domain" in answer:
                assert answer["in_domain"] == pytest.approx(told["in_domain"][row], abs=1e-4)

    @pytest.mark.parametrize("rows", [1, 2, 7])
    def test_any_number_of_takes(self, shipped, rows):
        _, graph, content = shipped
        takes, strokes = examples(graph)
        found = difference(graph, open_session(content), takes[-rows:], strokes[-rows:])
        assert max(found) < 1e-4

    def test_nothing_is_heard_in_silence(self, shipped):
        _, graph, content = shipped
        takes, strokes = examples(graph, 2)
        told = answers_of(graph, content, inputs_of(takes * 0 + SILENCE / 2, strokes))
        assert not told["heard"].any()
        assert told["peak"] == pytest.approx(SILENCE / 2)
        assert np.isfinite(told["settings"]).all()

    def test_weights_are_stored_in_half_precision_and_nothing_tells_of_this_machine(self, shipped):
        import onnx

        _, _, content = shipped
        model = onnx.load_from_string(content)
        large = [one for one in model.graph.initializer if np.prod(one.dims) > 10_000]
        halves = [one for one in large if one.data_type == onnx.TensorProto.FLOAT16]
        # The kernels of the modulation spectrum are no weights.
        assert len(halves) == len(large) - 1 > 10
        assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
        assert str(Path(__file__).parents[2]).encode() not in content
        onnx.checker.check_model(model, full_check=True)


class TestFiles:
    def test_the_description_is_that_of_the_file(self, exported):
        told = json.loads(exported.description.read_text())
        content = exported.path.read_bytes()
        assert told["file"] == "mine.onnx" and exported.path.name == "mine.onnx"
        assert told["bytes"] == exported.size == len(content)
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        session = open_session(content)
        for kind, tensors in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
            assert [(one["name"], one["shape"]) for one in told[kind]] == [(one.name, one.shape) for one in tensors]
            assert {one.type for one in tensors} == {"tensor(float)"}

    def test_parameters_are_told_with_what_it_takes_to_send_them(self, exported):
        told = json.loads(exported.description.read_text())
        collection = get_collection("noisemaker-light")
        assert [one["name"] for one in told["parameters"]] == [one.name for one in collection.parameters]
        for one, spec in zip(told["parameters"], collection.parameters, strict=True):
            assert (one["kind"], one["control"]) == (spec.kind, list(spec.control))
            if spec.classes:
                assert (one["codes"], one["labels"]) == (list(spec.codes), list(spec.labels))
            else:
                assert (one["steps"], one["lowest"], one["highest"]) == (127, *spec.limits)

    def test_it_says_how_far_it_is_from_the_model(self, exported):
        assert 0 <= max(exported.difference) < 1e-4

    def test_what_answers_otherwise_is_not_written(self, tmp_path, monkeypatch):
        pipeline, _, content = made("noisemaker-light")
        other = AudioToPresetPipeline(
            model=copy.deepcopy(pipeline.model), feature_extractor=pipeline.feature_extractor, task="audio-to-preset"
        )
        with torch.no_grad():
            other.model.heads["osc2_wave"].bias[0] += 0.1
        monkeypatch.setattr(exporting, "onnx_bytes", lambda _: content)
        with pytest.raises(InputError, match=r"would answer otherwise than the model .*nothing is written"):
            export_onnx(other, tmp_path / "out", "mine")
        assert not (tmp_path / "out").exists()

    def test_what_cannot_be_traced_is_one_line(self, light, monkeypatch):
        def forward(*_):
            raise ValueError("no such thing")

        broken = copy.deepcopy(light)
        plain = broken.forward
        calls = []
        monkeypatch.setattr(
            broken, "forward", lambda *a, **k: forward() if calls else calls.append(1) or plain(*a, **k)
        )
        with pytest.raises(InputError, match=r"cannot write this model as ONNX: .*no such thing"):
            onnx_bytes(broken)


class TestDifference:
    """Of a session that answers as it is told to."""

    def moved(self, light: AnswerGraph, **by: float) -> exporting.Difference:
        takes, _ = examples(light, 6)

        class Session:
            def run(self, names, inputs):
                with torch.no_grad():
                    answer = light(torch.from_numpy(inputs["takes"]))._asdict()
                return [(answer[name] + by.get(name, 0.0)).numpy() for name in names]

        return difference(light, Session(), takes, [])

    def test_the_same_is_no_difference(self, light):
        assert max(self.moved(light)) < 1e-6

    @pytest.mark.parametrize("name", ["confidence", "heard", "peak"])
    def test_of_each_answer(self, light, name):
        assert self.moved(light, **{name: 0.25})._asdict()[name] == pytest.approx(0.25, abs=1e-6)

    def test_a_step_of_a_controller_counts_but_where_both_are_as_near(self, light):
        # Of thirty settings some lie far from the middle between two steps.
        assert self.moved(light, settings=10 / 127).settings > 0.03
        assert self.moved(light, settings=1.0).settings == pytest.approx(1.0, abs=1e-5)

    def test_nan_is_a_difference(self, light):
        assert not np.max(self.moved(light, heard=np.nan)) <= exporting.LARGEST


def test_the_other_encoder(tmp_path):
    save_ast(tmp_path)
    model, extractor = first_model(get_collection("noisemaker-light"), open_base(tmp_path), 32, 2, seed=1)
    pipeline = AudioToPresetPipeline(model=model, feature_extractor=extractor, task="audio-to-preset")
    graph = AnswerGraph(pipeline)
    takes, strokes = examples(graph, 3)
    assert max(difference(graph, open_session(onnx_bytes(graph)), takes, strokes)) < 1e-4


@pytest.mark.parametrize(
    ("name", "part"), [("lfo1_rate", "lfo1"), ("osc_2_level", "osc 2"), ("volume", "volume"), ("env_1", "env")]
)
def test_sections(name, part):
    assert section(name) == part
