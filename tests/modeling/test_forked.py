"""Processes that are forked after a pipeline, a model or an extractor was used: they answer, instead of waiting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import torch
torch.set_num_threads(2)
from datasets import Dataset
from secret_sauce_hf.matching import demo_sound, match
from secret_sauce_hf.modeling import load_pipeline

pipe = load_pipeline(collection="noisemaker-light")
sound = {"bytes": demo_sound().path.read_bytes(), "path": None}

def features(given):
    return pipe.feature_extractor([given["audio"]] * 8)

USES = {
    "pipeline": lambda given: pipe([given["audio"]] * 8, batch_size=8)[0]["preset"]["osc2_wave"],
    "model": lambda given: pipe.model(**features(given)).logits[3].argmax(dim=1).tolist()[0],
    "extractor": lambda given: features(given)["short_mels"].shape[1],
    "match": lambda given: match(given["audio"], renders=8, model=pipe).preset["osc2_wave"],
}

alone = {name: use({"audio": sound}) for name, use in USES.items()}
dataset = Dataset.from_dict({"audio": [sound] * 2})

def told(row):
    answers = {}
    for name, use in USES.items():
        # The last line tells which one waits, if one does.
        print(name, file=sys.stderr, flush=True)
        answers[name] = use(row)
    return answers

rows = dataset.map(told, num_proc=2)
for name, answer in alone.items():
    assert rows[name][:] == [answer] * 2, name
    print(name, torch.get_num_threads())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_answers(tmp_path: Path):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-c", SCRIPT]
    # Killed with all that it has started, if it hangs.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            told, complaints = process.communicate(timeout=150)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            pytest.fail(f"it waits for ever, at {process.stderr.read()[-300:]}")
    assert process.returncode == 0, complaints
    assert told.splitlines() == ["pipeline 2", "model 2", "extractor 2", "match 2"]
