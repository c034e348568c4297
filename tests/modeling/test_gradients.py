"""Every parameter gets a gradient, in every process; and weights that were never drawn."""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from test_conventions import SecretSauceModel, get_collection, inputs_of, labels_of, small_model
from test_conventions import built as built
from test_conventions import model as model

DISTRIBUTED = """
import os, sys
import torch
from test_conventions import SecretSauceModel, inputs_of, labels_of
from torch.nn.parallel import DistributedDataParallel

model = SecretSauceModel.from_pretrained(sys.argv[1] + "/model").train()
torch.distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}/store", rank=0, world_size=1)
parallel = DistributedDataParallel(model)
for _ in range(3):
    loss = parallel(**inputs_of(model), **labels_of(model)).loss
    loss.backward()
    print(loss.item(), flush=True)
os._exit(0)
"""


class TestGradients:
    @pytest.mark.parametrize("collection", ["noisemaker-light", "guitar-tiny", "subphatty"])
    def test_every_parameter_has_one(self, collection):
        model, _ = small_model(get_collection(collection))
        model(**inputs_of(model), **labels_of(model)).loss.backward()
        assert [name for name, values in model.named_parameters() if values.grad is None] == []

    def test_of_ast_too(self, built):
        model = copy.deepcopy(built["ast"][0])
        model(**inputs_of(model), **labels_of(model)).loss.backward()
        assert [name for name, values in model.named_parameters() if values.grad is None] == []

    def test_distributed_steps(self, model, tmp_path):
        model.save_pretrained(tmp_path / "model")
        # In a process of its own: torch waits for ever, now and then, when it destroys the group.
        command = [sys.executable, "-c", DISTRIBUTED, str(tmp_path)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 0, done.stderr
        losses = [float(word) for word in done.stdout.split()]
        assert len(losses) == 3 and np.isfinite(losses).all()

    def test_weights_on_the_meta_device_are_drawn(self, model):
        with torch.device("meta"):
            drawn = SecretSauceModel(model.config)
        assert all(values.is_meta for values in drawn.state_dict().values())
        drawn.to_empty(device="cpu")
        with torch.no_grad():
            for values in drawn.state_dict().values():
                values.fill_(float("nan"))
        drawn.init_weights()
        assert [name for name, values in drawn.state_dict().items() if not values.isfinite().all()] == []
        assert (drawn.temperatures == 1).all()
        torch.testing.assert_close(drawn.unheard, model.unheard)
