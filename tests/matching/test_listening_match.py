"""What a match tells of the sound, and that a search never ends worse than it began."""

import io
import json
import time

import numpy as np
import pytest
import soundfile

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.engines.noisemaker.engine import NoiseMaker
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.matching import demo_sound, match
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.result import Search
from secret_sauce_hf.matching.strategies.base import Refinement, Strategy
from secret_sauce_hf.matching.text import sound_remarks
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import draw_presets

LIGHT = get_collection("noisemaker-light")
NOTE_ON = round((LIGHT.timing.note_on - LIGHT.timing.cut[0]) * SAMPLE_RATE)


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline(collection="noisemaker-light")


@pytest.fixture(scope="module")
def take() -> np.ndarray:
    return to_float(get_engine(LIGHT).render(original_presets(LIGHT, 3, 4)))[0]


def alone(sound, pipe, **options):
    return match(sound, model=pipe, sampling_rate=SAMPLE_RATE, seconds=0, **options)


class TestRegion:
    def test_of_a_take_as_it_is(self, take, pipe):
        found = alone(take, pipe)
        assert found.region == (0.0, pytest.approx(0.9)) and found.sound_seconds == pytest.approx(0.9)
        assert sound_remarks(found) == [] and not found.silent

    @pytest.mark.parametrize("seconds", [0.5, 1.2])
    def test_behind_silence(self, take, pipe, seconds: float):
        sound = np.concatenate([np.zeros(round(seconds * SAMPLE_RATE)), take, np.zeros(10_000)])
        found = alone(sound, pipe)
        assert found.region == (pytest.approx(seconds, abs=0.002), pytest.approx(seconds + 0.9, abs=0.002))
        assert found.preset == pytest.approx(alone(take, pipe).preset, abs=0.2)
        record = json.loads(json.dumps(found.to_dict()))
        assert record["region"] == list(found.region) and record["sound_seconds"] == found.sound_seconds
        assert sound_remarks(found)[0].startswith(f"Matched: {found.region[0]:.3f} to ")

    def test_of_a_sound_that_begins_with_the_note(self, take, pipe):
        found = alone(take[NOTE_ON:], pipe)
        assert found.region[0] == pytest.approx(-NOTE_ON / SAMPLE_RATE, abs=0.001)
        assert sound_remarks(found) == []


class TestNotes:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda take: np.stack([take, -take], 1), "inverted"),
            (lambda take: np.stack([take, 0 * take], 1), "silent and left out"),
            (lambda take: take + 0.01, "An offset of 0.010 is taken off."),
        ],
    )
    def test_what_was_done_is_told(self, take, pipe, change, told: str):
        found = alone(change(take), pipe)
        assert told in " ".join(sound_remarks(found)) and told in " ".join(found.to_dict()["remarks"])
        assert found.preset == alone(take, pipe).preset

    @pytest.mark.parametrize("sound", [np.zeros(19_845), np.zeros(50_000), np.full(19_845, 1e-4)])
    def test_a_silent_sound_is_said_to_be_silent(self, pipe, sound):
        found = alone(sound, pipe)
        assert found.silent and found.to_dict()["silent"] and not any(found.heard.values())
        assert sound_remarks(found)[0].startswith("The sound is silent")

    def test_by_the_pipeline_too(self, take, pipe):
        content = io.BytesIO()
        soundfile.write(content, np.stack([take, -take], 1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
        assert pipe(content.getvalue())["preset"] == pipe({"array": take, "sampling_rate": SAMPLE_RATE})["preset"]


class Worse(Strategy):
    """Finds the preset that it is given."""

    name = "worse"

    def __init__(self, cc: np.ndarray):
        self.cc = cc

    def search(self, problem: Problem, proposals: Proposals, rng, report=None) -> Search:  # noqa: ARG002
        return Search(problem.space.places(self.cc), renders=1)


class Unlikely(Refinement):
    """Looks at nothing but presets that are drawn, whatever the model told."""

    name = "unlikely"
    settles = False

    def refine(self, evaluator: Evaluator, problem: Problem, proposals: Proposals, rng) -> None:  # noqa: ARG002
        evaluator(problem.space.places(draw_presets(LIGHT, 8, 5).cc))


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("kind", ["worse", "unlikely"])
def test_a_search_never_ends_worse_than_the_models_own_answer(row: int, kind: str, pipe):
    sound = to_float(get_engine(LIGHT).render(original_presets(LIGHT, row, row + 1)))[0]
    strategy = Worse(draw_presets(LIGHT, 3, 11 + row).cc) if kind == "worse" else Unlikely()
    found = match(sound, model=pipe, sampling_rate=SAMPLE_RATE, renders=16, candidates=2, strategy=strategy)
    assert found.candidates[0].distance <= found.alone.distance
    assert found.distances["mss"] == pytest.approx(found.candidates[0].distance, rel=1e-5)
    assert found.preset == found.candidates[0].preset and len(found.candidates) <= 2


class TestLevel:
    def objective(self, sound: np.ndarray) -> Objective:
        return Objective(sound.astype(np.float32), (0, len(sound)), NOTE_ON)

    def test_near_silence_is_no_match_for_what_is_heard(self, take):
        objective = self.objective(take)
        other = get_engine(LIGHT).render(draw_presets(LIGHT, 8, 2))
        softest = np.rint(take * 30).astype(np.int16)[None]  # the very sound, 61 dB softer
        assert objective(softest)[0] > objective(other).max()
        assert objective(np.zeros_like(softest))[0] > objective(other).max()
        assert objective(np.rint(take * 33).astype(np.int16)[None])[0] > 15

    def test_level_counts_as_ever_as_long_as_it_is_near(self, take):
        # A recording may be softer than the instrument, by any amount.
        whole = np.rint(take * 32_000).astype(np.int16)[None]
        near = [float(self.objective(take * gain)(whole)[0]) for gain in (0.1, 0.01, 0.003)]
        assert near[0] < 1 and np.ptp(near) < 0.2

    def test_silence_matches_silence(self, take):
        assert self.objective(take * 1e-5)(np.zeros((1, len(take)), np.int16))[0] < 100
        assert np.abs(take).max() > SILENCE


def test_what_is_compiled_first_is_no_part_of_the_search():
    class Compiled(NoiseMaker):
        """Takes long for the first take, as where nothing was compiled yet."""

        fresh = True

        def render(self, *args, **kwargs):
            if self.fresh:
                self.fresh = False
                time.sleep(4)
            return super().render(*args, **kwargs)

    found = match(demo_sound().path, collection="noisemaker-light-notes", engine=Compiled(), seconds=1.0)
    assert found.seconds < 3
    assert found.renders
