"""Some mutants of every reader; `python tests/mutants.py` tries thousands."""

import gc

import datasets
import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _http
from mutant_readers import READERS, scratch
from mutants import faults

COUNTS = {"parquet": 60, "checkpoints": 60, "records": 40, "requests": 60, "answers": 40}

# `datasets` leaves tables of metadata open, until they are collected.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture
def folder(monkeypatch):
    """A folder for a reader; what it changes of the clients is put back."""
    for module, names in {
        constants: ("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE", "HF_HUB_CACHE"),
        datasets.config: ("HF_ENDPOINT", "HF_DATASETS_CACHE", "DOWNLOADED_DATASETS_PATH"),
        _http: ("time",),
        file_download: ("time",),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setenv("HF_TOKEN", "")
    with scratch() as folder:
        yield folder
    gc.collect()


@pytest.mark.parametrize("name", READERS)
def test_mutants_are_taken_or_refused_in_one_line(name, folder):
    target = READERS[name](folder)
    assert not {number: repr(error) for number, error in faults(target, name, range(COUNTS.get(name, 100)))}
