"""transformers' own common tests of models, configs and feature extractors, run on ours.

They lie in its source distribution alone, from where `make test` fetches them into
`.transformers-tests` (see `.ci/transformers-tests.txt`). This file is the adapter: small
models with either encoder, their inputs, and what does not apply, with the reason.
"""

import importlib
import sys
import unittest
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
import transformers

from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, SecretSauceModel

ROOT = Path(__file__).parents[2]
FETCHED = ROOT / ".transformers-tests" / "tests"
VERSION = (ROOT / ".ci" / "transformers-tests.txt").read_text(encoding="utf-8").partition("==")[2].split()[0]
LIGHT = get_collection("noisemaker-light")

if not FETCHED.is_dir():
    pytest.skip("transformers' tests are not here: make .transformers-tests/.fetched", allow_module_level=True)
if transformers.__version__ != VERSION:
    pytest.skip(f"these are the tests of transformers {VERSION}", allow_module_level=True)

pytestmark = [
    # What they warn of is theirs.
    pytest.mark.filterwarnings("ignore"),
]


def _module(name: str, **names: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(names, __path__=[])
    sys.modules[name] = module
    return module


_module("transformers_tests").__path__ = [str(FETCHED)]
# What the source distribution lacks of what its files import: of generation and of exporters that are in development.
for _parent in ("exporters", "generation", "utils"):
    _module(f"transformers_tests.{_parent}")
_module("transformers_tests.exporters.test_export", ExportTesterMixin=type("ExportTesterMixin", (), {}))
_module("transformers_tests.generation.test_utils", GenerationTesterMixin=type("GenerationTesterMixin", (), {}))
_module(
    "transformers_tests.utils.test_configuration_utils",
    # None of them as it is by default.
    config_common_kwargs={
        "return_dict": False,
        "output_hidden_states": True,
        "output_attentions": True,
        "dtype": "float16",
        "chunk_size_feed_forward": 5,
        "is_encoder_decoder": True,
        "architectures": ["BertModel"],
        "id2label": {0: "label"},
        "label2id": {"label": "0"},
        "problem_type": "regression",
    },
)
common = {
    name: importlib.import_module(f"transformers_tests.test_{name}_common")
    for name in ("configuration", "feature_extraction", "modeling")
}

EXCLUDED = {
    "test_model_weights_reload_no_missing_tied_weights": "A file of weights that lacks all of them is refused.",
    "test_reverse_loading_mapping": "Weights are saved by the model's own names, never by those of older checkpoints.",
}
"""Their tests that do not apply, and why; `ModelTesterMixin` itself leaves out what a model does not say it has."""


class _Tester:
    """What transformers' tests ask for: a small config, its sizes and inputs."""

    batch_size = 3
    hidden_size = 32
    num_hidden_layers = 2
    num_attention_heads = 2
    is_training = True

    def __init__(self, parent: unittest.TestCase):
        self.parent = parent
        config = self.get_config()
        self.seq_length = self.key_length = self.tokens(config)

    def tokens(self, config: SecretSauceConfig) -> int:
        return len(config.parameters) + sum(record["frames"] // record["patch"] for record in config.inputs)

    def arguments(self) -> dict[str, Any]:
        extractor = SecretSauceFeatureExtractor()
        patches = {"short_mels": 12, "long_mels": 6, "envelope": 60, "modulation": 24}
        return {
            "inputs": [record | {"patch": patches[record["name"]]} for record in extractor.input_sizes()],
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "intermediate_size": 48,
            "knob_bins": 16,
            "sampler_layers": 1,
        }

    def get_config(self) -> SecretSauceConfig:
        return SecretSauceConfig.from_collection(LIGHT, **self.arguments())

    def prepare_config_and_inputs_for_common(self) -> tuple[SecretSauceConfig, dict[str, torch.Tensor]]:
        config = self.get_config()
        generator = torch.Generator().manual_seed(0)
        return config, {
            record["name"]: torch.randn(self.batch_size, record["frames"], record["bins"], generator=generator)
            for record in config.inputs
        }


class _ASTTester(_Tester):
    def arguments(self) -> dict[str, Any]:
        ast = {
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "intermediate_size": 48,
            "max_length": 48,
            "num_mel_bins": 32,
            "patch_size": 16,
            "frequency_stride": 10,
            "time_stride": 10,
            "hidden_dropout_prob": 0.0,
        }
        inputs = [{"name": "fbank", "frames": 48, "bins": 32, "patch": 16}]
        return {"inputs": inputs, "ast": ast, "knob_bins": 16, "sampler_layers": 1}

    def tokens(self, _: SecretSauceConfig) -> int:
        return 2 + 2 * 4


class _Common(common["modeling"].ModelTesterMixin):
    all_model_classes = (SecretSauceModel,)
    additional_model_inputs = ("long_mels", "envelope", "modulation")
    test_resize_embeddings = False
    test_can_init_all_missing_weights_before_2023 = True
    kind: ClassVar[type[_Tester]]

    def setUp(self) -> None:
        torch.manual_seed(0)
        self.model_tester = self.kind(self)

    def _prepare_for_class(
        self, inputs_dict: Mapping[str, Any], model_class: type, return_labels: bool = False
    ) -> dict[str, Any]:
        given = super()._prepare_for_class(inputs_dict, model_class)
        if return_labels:
            given |= {name: torch.full((self.model_tester.batch_size,), 2) for name in LIGHT.columns}
        return given

    def test_model_get_set_embeddings(self) -> None:
        """Theirs, but for what only models of text have: an `nn.Embedding`."""
        model = SecretSauceModel(self.model_tester.get_config())
        assert isinstance(model.get_input_embeddings(), torch.nn.Module)
        other = torch.nn.Linear(2, 2)
        model.set_input_embeddings(other)
        assert model.get_input_embeddings() is other
        assert model.get_output_embeddings() is None

    def test_retain_grad_hidden_states_attentions(self) -> None:
        """Theirs, but for the first output, which is a tuple here: a tensor per parameter."""
        config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
        config.output_hidden_states = config.output_attentions = True
        told = SecretSauceModel._from_config(config, attn_implementation="eager")(**inputs)
        for kept in (told.hidden_states[0], told.attentions[0]):
            kept.retain_grad()
        told[0][0].flatten()[0].backward(retain_graph=True)
        assert told.hidden_states[0].grad is not None
        assert told.attentions[0].grad is not None


for _name, _reason in EXCLUDED.items():
    assert hasattr(_Common, _name), _name
    setattr(_Common, _name, unittest.skip(_reason)(lambda _: None))


class TestOwnEncoder(_Common, unittest.TestCase):
    kind = _Tester


class TestASTEncoder(_Common, unittest.TestCase):
    kind = _ASTTester


class TestConfig(unittest.TestCase):
    def check(self, tester: type[_Tester]) -> None:
        arguments = SecretSauceConfig.from_collection(LIGHT, **tester(self).arguments()).to_diff_dict()
        for name in ("architectures", "auto_map", "custom_pipelines", "model_type", "transformers_version"):
            arguments.pop(name, None)
        common["configuration"].ConfigTester(
            self, config_class=SecretSauceConfig, has_text_modality=False, **arguments
        ).run_common_tests()

    def test_own_encoder(self) -> None:
        self.check(_Tester)

    def test_ast_encoder(self) -> None:
        self.check(_ASTTester)


class TestFeatureExtractor(common["feature_extraction"].FeatureExtractionSavingTestMixin, unittest.TestCase):
    feature_extraction_class = SecretSauceFeatureExtractor
    feat_extract_dict: ClassVar[dict[str, Any]] = {"take_samples": 18_522, "note_on": 0.05}
