"""The search for a preset: what it may use, that it comes nearer, and what it forgives a recording."""

import random
import socket
import warnings
from contextlib import closing
from dataclasses import replace
from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest
import soxr
import torch
from test_matching import OWN, UNSURE, untrained

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, Knob, get_collection
from secret_sauce_hf.matching import DEMO_RENDERS, demo_sound, match
from secret_sauce_hf.matching.alternatives import alternatives
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.guides import ModelGuide
from secret_sauce_hf.matching.posterior import DIFFERENCES, MOST_PENALTY, Posterior
from secret_sauce_hf.matching.problem import Budget, Problem, SpentError
from secret_sauce_hf.matching.progress import match_progress
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.reference import Reference, place
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.matching.strategies.chance import align
from secret_sauce_hf.matching.strategies.evolution import Evolution
from secret_sauce_hf.matching.strategies.gauss_newton import descend
from secret_sauce_hf.matching.strategies.racing import Runner
from secret_sauce_hf.matching.strategies.settling import GIVEN_UP, OFF_DB, UNHEARD_DB, settle
from secret_sauce_hf.matching.strategies.starting import moving_knobs
from secret_sauce_hf.matching.strategies.stepping import climb, neighbours
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.metrics.objective import LEVEL_MOST_DB, LEVEL_WEIGHT, WAVE_FLOOR, WAVE_WEIGHT, Objective
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
SPACE = Space(LIGHT, get_engine(LIGHT))
NOTE_ON = round((LIGHT.timing.note_on - LIGHT.timing.cut[0]) * SAMPLE_RATE)
TRUTH = draw_presets(LIGHT, 5, seed=9).cc[4]
"""What `UNSURE` was made with."""
WAVE = UNSURE / np.float32(32_768)


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline(collection="noisemaker-light")


def objective(wave: np.ndarray = WAVE) -> Objective:
    return Objective(wave, (0, len(wave)), NOTE_ON)


def problem(renders: int | None) -> Problem:
    target = Reference(WAVE, (0, len(WAVE)), NOTE_ON, is_take=True)
    return Problem(target, SPACE, objective(), Budget(None, renders))


@pytest.fixture
def evaluator():
    evaluator = Evaluator(SPACE, objective(), Budget(None, 2_000))
    yield evaluator
    evaluator.close()


def near_the_truth(count: int) -> np.ndarray:
    """The truth, and presets a few steps away from it."""
    knobs = [isinstance(parameter, Knob) for parameter in LIGHT.parameters]
    away = np.random.default_rng(0).integers(-4, 5, (count, len(TRUTH))) * knobs
    away[0] = 0
    return np.clip(TRUTH + away, 0, 127)


def takes_near_the_truth() -> Takes:
    presets = Presets.from_cc(LIGHT, np.concatenate([near_the_truth(8), draw_presets(LIGHT, 4, seed=2).cc]))
    return Takes((render(presets) / 32_768).astype(np.float32), presets)


def knows_nothing() -> Posterior:
    units = [np.linspace(0, 1, 101) if isinstance(p, Knob) else np.arange(len(p.labels)) for p in LIGHT.parameters]
    return Posterior(LIGHT, units, [np.ones(len(values)) for values in units])


# The distance


def test_the_distance_is_mss_weighed_over_time_and_a_little_level_and_waveform():
    takes = render(draw_presets(LIGHT, 6, seed=2))
    expected = mss(np.repeat(WAVE[None], 6, axis=0), takes, SAMPLE_RATE)
    uniform = Objective(WAVE, (0, len(WAVE)), 0)
    cells = np.abs(uniform.residuals(takes)).astype(np.float64) @ uniform.cell_weights
    np.testing.assert_allclose(cells, expected, rtol=2e-4)
    most = LEVEL_WEIGHT * LEVEL_MOST_DB + WAVE_WEIGHT * 10 * np.log10(1 / WAVE_FLOOR)
    for told in (uniform, objective()):
        weighed = np.abs(told.residuals(takes)).astype(np.float64) @ told.cell_weights
        assert told.cell_weights.sum() == pytest.approx(1, rel=1e-5)
        assert (told(takes) >= weighed - 1e-3).all() and (told(takes) <= weighed + most + 1e-3).all()


def test_a_sound_is_at_no_distance_from_itself():
    assert objective()(UNSURE[None])[0] == pytest.approx(0, abs=1e-3)
    assert objective()(UNSURE[None].repeat(9, axis=0)).shape == (9,)
    assert objective()(UNSURE[None][:0]).shape == (0,)
    # Half the level is hardly anything, and a hundredth no more than a quarter.
    half, quarter, little = objective()((UNSURE // np.array([[2], [4], [100]])).astype(np.int16))
    assert half == pytest.approx(LEVEL_WEIGHT * LEVEL_MOST_DB, abs=0.05)
    assert quarter == pytest.approx(LEVEL_WEIGHT * LEVEL_MOST_DB, abs=0.1)
    assert little < LEVEL_WEIGHT * LEVEL_MOST_DB + 10


def test_what_the_recording_does_not_cover_does_not_count():
    other = UNSURE.copy()
    other[14_000:] = 0
    cut = Objective(np.where(np.arange(len(WAVE)) < 10_000, WAVE, 0), (0, 10_000), NOTE_ON)
    first, second = cut(np.stack([UNSURE, other]))
    # The highest level, which all others refer to, may come later.
    assert first == pytest.approx(second, abs=0.01)
    # Only the windows that see the cut differ.
    assert first < 1.5


def test_a_shifted_reference_is_where_it_was():
    late = objective(np.roll(WAVE, 100))
    assert late(UNSURE[None])[0] > 1
    assert late.shifted(100)(UNSURE[None])[0] < 0.3
    assert (late.shifted(100).shift, late.shift) == (100, 0)


# The budget


def test_a_budget_of_renders_is_kept(pipe):
    for renders in (1, 33):
        found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=renders)
        assert 1 <= found.renders <= renders
    nothing = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=0)
    assert (nothing.renders, nothing.preset, nothing.trace) == (0, nothing.alone.preset, ())


def test_a_budget_of_seconds_is_kept(pipe):
    match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=1)
    began = monotonic()
    found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, seconds=1)
    assert found.renders >= 32
    assert found.seconds < 3
    assert monotonic() - began < 10
    assert all(point.seconds <= found.seconds for point in found.trace)


def test_a_budget_reserves_a_quarter_at_most():
    budget = Budget(None, 100)
    assert budget.affords(200, 0.0) == 100
    budget.reserve(0.15, 7)
    assert budget.affords(200, 0.0) == 93
    budget.reserve(0.15, 70)
    assert budget.affords(200, 0.0) == 75
    budget.reserve(0.0, 0)
    budget.used = 90
    assert (budget.affords(200, 0.0), budget.share) == (10, 0.9)
    seconds = Budget(100.0, None)
    assert (seconds.affords(50, 190.0), seconds.affords(50, 210.0)) == (50, 0)
    seconds.reserve(99.0, 3)
    assert seconds.affords(50, 160.0) == 0
    assert Budget(1e-9, None).affords(1, 0.0) == 0


def test_every_preset_is_rendered_once(evaluator):
    cc = draw_presets(LIGHT, 40, seed=3).cc
    first = evaluator(np.concatenate([cc, cc[:9]]))
    assert evaluator.budget.used == 40
    np.testing.assert_array_equal(evaluator(cc[::-1]), first[39::-1])
    assert evaluator.budget.used == 40
    order = np.argsort(first[:40], kind="stable")
    np.testing.assert_array_equal(evaluator.known(5), cc[order[:5]])
    evaluator.prefer(cc[order[3]])
    np.testing.assert_array_equal(evaluator.known(3), cc[order[[3, 0, 1]]])


def test_what_the_budget_allows_for_is_measured_before_more_is_refused():
    cc = draw_presets(LIGHT, 40, seed=3).cc
    evaluator = Evaluator(SPACE, objective(), Budget(None, 10))
    with pytest.raises(SpentError):
        evaluator(cc)
    assert len(evaluator.known(99)) == 10
    with pytest.raises(SpentError):
        evaluator.residuals(cc[:1])
    evaluator.close()


# The search


def test_a_search_is_the_same_twice_whatever_the_threads(pipe, monkeypatch):
    def search(threads):
        monkeypatch.setenv("SECRET_SAUCE_THREADS", threads)
        return match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=270, candidates=3)

    def steps(found):
        return [(point.renders, point.distance, point.unit) for point in found.trace]

    monkeypatch.setattr("secret_sauce_hf.matching.attempt.PROPOSALS", 32)
    first, again = search("1"), search("2")
    assert first.to_dict() == again.to_dict()
    assert steps(first) == steps(again)
    assert first.renders > 250  # as far as the evolution


def test_global_generators_and_the_network_are_left_alone(monkeypatch):
    def refuse(*_):
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    states = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002
    match(demo_sound().path, collection="noisemaker-light", renders=16)
    evolve = Evaluator(SPACE, objective(), Budget(None, 100))
    runner = Runner(evolve, TRUTH, np.full(5, 0.1), 8, np.random.default_rng(0))
    for _ in range(3):
        runner.tell(generation := runner.ask(), evolve(generation))
    evolve.close()
    assert states == (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist())  # noqa: NPY002


def test_a_search_comes_nearer_and_tells_different_presets(pipe):
    presets = draw_presets(LIGHT, 9, seed=9)
    # What noise is compared by is not `objective()`.
    tonal = np.flatnonzero(presets.settings["osc2_wave"] != "Noise")[:2]
    for take in render(presets[tonal]):
        found = match(take, model=pipe, sampling_rate=SAMPLE_RATE, renders=100, candidates=4)
        distances = [point.distance for point in found.trace]
        assert distances == sorted(distances, reverse=True)
        assert distances[-1] < distances[0]
        wave = take / np.float32(32_768)
        alone, best = objective(wave)(SPACE.render(np.array([found.alone.cc, found.candidates[0].cc])))
        assert best <= alone
        assert distances[0] == pytest.approx(alone, abs=0.05)
        cc = np.array([one.cc for one in found.candidates])
        assert alternatives(LIGHT, cc, 9) == list(range(len(cc)))
        others = [one.distance for one in found.candidates[1:]]
        assert others == sorted(others)


def test_from_near_the_truth_the_way_leads_there():
    cc = near_the_truth(8)[1:]
    proposals = Proposals(cc, ["model"] + ["sampled"] * 6, np.full(7, np.nan), knows_nothing())
    found = Evolution().search(problem(200), proposals, np.random.default_rng(0))
    assert (found.shift, found.interrupted, found.renders) == (0, False, pytest.approx(200, abs=12))
    assert np.abs(found.known[0] - TRUTH).max() <= 4
    assert found.trace[-1].distance < found.trace[0].distance
    assert len(np.unique(found.known, axis=0)) == len(found.known)


def test_evolution_comes_nearer_without_warnings(evaluator):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runner = Runner(evaluator, near_the_truth(8)[3], np.full(5, 0.1), 8, np.random.default_rng(0))
        before = evaluator(runner.place[None])[0]
        for _ in range(6):
            runner.tell(generation := runner.ask(), evaluator(generation))
    assert runner.best < before
    assert evaluator(runner.place[None])[0] == runner.best


def test_a_runner_without_knobs_tells_its_start_once():
    switch = replace(LIGHT, columns=("osc2_wave",))
    lonely = SimpleNamespace(space=Space(switch, get_engine(LIGHT)), matters=np.zeros(1, dtype=bool))
    start = TRUTH[3:4]
    runner = Runner(lonely, start, np.full(1, 0.1), 8, np.random.default_rng(0))
    np.testing.assert_array_equal(runner.ask(), start[None])
    runner.tell(runner.ask(), np.array([1.0]))
    assert len(runner.ask()) == 0
    runner.tell(runner.ask(), np.empty(0))
    assert runner.best == 1.0


def test_knobs_that_are_heard_and_can_move_do(evaluator):
    assert list(moving_knobs(evaluator, TRUTH)) == [0, 1, 2, 4]
    still = TRUTH.copy()
    still[2] = 64  # the amount of the LFO, whose rate is not heard then
    assert list(moving_knobs(evaluator, still)) == [1, 2, 4]
    evaluator.matters[0] = True
    assert list(moving_knobs(evaluator, still)) == [0, 1, 2, 4]
    stuck = [replace(p, drawn=(5, 5)) if p.name == "filter_cutoff" else p for p in LIGHT.instrument.parameters]
    collection = replace(LIGHT, instrument=replace(LIGHT.instrument, parameters=tuple(stuck)))
    still[1] = 5
    assert list(
        moving_knobs(SimpleNamespace(space=Space(collection, get_engine(LIGHT)), matters=np.zeros(5, bool)), still)
    ) == [2, 4]


def test_descending_and_climbing_never_go_up_nor_leave_the_range(evaluator):
    starts = near_the_truth(3)[1:]
    starts = np.concatenate([starts, np.where([True, True, True, False, True], 127, TRUTH)[None]])
    starts[0, 0] = 0
    before = evaluator(starts)
    ends = descend(evaluator, starts, 2)
    assert (evaluator(ends) <= before).all() and (evaluator(ends) < before).any()
    Presets.from_cc(LIGHT, ends)
    evaluator.budget.renders = evaluator.budget.used + 100
    start = ends[evaluator(ends).argmin()]
    try:
        end, distance = climb(evaluator, start)
    except SpentError:
        end, distance = evaluator.known(1)[0], evaluator.best
    assert distance <= evaluator(start[None])[0]
    Presets.from_cc(LIGHT, end[None])


def test_moves_stay_in_the_range():
    at = np.array([0, 127, 64, 32, 64])
    labels = [(3, code) for code in sorted(LIGHT.parameters[3].codes) if code != at[3]]
    moves = [(0, 1), (1, 126), (2, 63), (2, 65), *labels, (4, 63), (4, 65)]
    assert neighbours(LIGHT.parameters, at, (-1, 1)) == moves


def test_what_sounds_the_same_is_as_the_model_told(evaluator):
    told = TRUTH.copy()
    told[2] = 64  # the amount of the LFO, whose rate is not heard then
    best = told.copy()
    best[0] += 30
    evaluator(best[None])
    settle(evaluator, told)
    np.testing.assert_array_equal(evaluator.best_place, told)
    further = TRUTH.copy()
    further[1] += 20
    evaluator(np.stack([TRUTH, further]))
    evaluator.prefer(TRUTH)
    settle(evaluator, further)
    np.testing.assert_array_equal(evaluator.best_place, TRUTH)
    used = evaluator.budget.used
    settle(evaluator, TRUTH)
    assert evaluator.budget.used == used


def test_where_no_preset_is_the_sound_the_model_is_believed_a_little_more():
    noise = np.random.default_rng(4).standard_normal(len(WAVE)).astype(np.float32) / 8
    with closing(Evaluator(SPACE, objective(noise), Budget(None, 2_000))) as evaluator:
        told = TRUTH
        best = told.copy()
        best[:3] += 2
        evaluator(np.stack([best, told]))
        evaluator.prefer(best)
        limit = evaluator.best
        assert limit > OFF_DB
        settle(evaluator, told)
        assert (evaluator.best_place == told).sum() > (best == told).sum()
        assert evaluator.best <= limit + GIVEN_UP * (limit - OFF_DB)
        # Not if it would cost more.
        far = draw_presets(LIGHT, 1, seed=5).cc[0]
        limit = evaluator.best
        settle(evaluator, far)
        assert evaluator.best <= limit + GIVEN_UP * (limit - OFF_DB) + 2 * UNHEARD_DB


class TestPriorPenalty:
    def sure(self) -> Posterior:
        """Of all knobs about as sure as a model is, and of the wave's label."""
        posterior = knows_nothing()
        peaks = [
            np.exp(-0.5 * ((units - 0.5) / 0.1) ** 2) if len(units) > 9 else np.eye(len(units))[1]
            for units in posterior.units
        ]
        return Posterior(LIGHT, posterior.units, peaks)

    def test_its_size(self):
        likely = np.array([[64, 64, 64, LIGHT.parameters[3].codes[1], 64]])
        unlikely, other = likely.copy(), likely.copy()
        unlikely[0, 0] += 13  # 1.1 standard deviations, on the grid of the posterior
        other[0, 3] = LIGHT.parameters[3].codes[0]
        posterior = self.sure()
        assert posterior.penalty(likely) == pytest.approx(1.0, abs=1e-3)
        assert posterior.penalty(unlikely) == pytest.approx(np.exp(0.605 / DIFFERENCES), rel=1e-4)
        # However sure a model is, it may be wrong.
        assert posterior.penalty(other) == pytest.approx(np.exp(MOST_PENALTY / DIFFERENCES), rel=1e-3)
        assert knows_nothing().penalty(near_the_truth(8)) == pytest.approx(1.0)

    def test_it_counts_for_the_order_and_is_not_told(self):
        cc = near_the_truth(8)
        with closing(Evaluator(SPACE, objective(), Budget(None, 100))) as evaluator:
            distances = evaluator(cc)
        factors = np.linspace(3.0, 1.0, 8)
        keys = {row.tobytes(): factor for row, factor in zip(cc, factors, strict=True)}
        penalty = lambda rows: np.array([keys[row.tobytes()] for row in rows])  # noqa: E731
        with closing(Evaluator(SPACE, objective(), Budget(None, 100), penalty=penalty)) as evaluator:
            np.testing.assert_allclose(evaluator(cc), distances * factors)
            best = int((distances * factors).argmin())
            np.testing.assert_array_equal(evaluator.best_place, cc[best])
            assert evaluator.best == pytest.approx(distances[best] * factors[best])
            assert evaluator.told == evaluator.trace[-1].distance == pytest.approx(distances[best])
            evaluator.prefer(cc[1])
            assert evaluator.told == pytest.approx(distances[1])


def test_silence_is_not_searched_for(pipe):
    found = match(np.zeros(30_000), model=pipe, sampling_rate=SAMPLE_RATE, takes=takes_near_the_truth())
    assert (found.renders, found.candidates) == (0, (found.alone,))
    quiet = match(WAVE * 1e-4, model=pipe, sampling_rate=SAMPLE_RATE)
    assert quiet.renders == 0


def test_control_c_before_anything_was_found_ends_everything(pipe, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Evaluator, "_measure", stop)
    with pytest.raises(KeyboardInterrupt):
        match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE)


def test_control_c_keeps_the_best_so_far(pipe, monkeypatch):
    measure = Evaluator._measure

    def measure_twice(self, cc):
        if self.budget.used >= 64:
            raise KeyboardInterrupt
        measure(self, cc)

    monkeypatch.setattr(Evaluator, "_measure", measure_twice)
    found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, candidates=2)
    assert found.interrupted and found.renders >= 64
    assert found.trace[-1].unit == tuple(Presets.from_settings(LIGHT, [found.preset]).unit[0].tolist())


def test_progress_is_shown_on_a_terminal_only(pipe, monkeypatch, capsys):
    match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=2, progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with match_progress(False):
        pass
    assert capsys.readouterr().err == ""
    match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=2, progress=True)
    shown = capsys.readouterr().err
    assert "asking the model" in shown or "renderings" in shown


# What a recording may be like


def recordings() -> dict[str, tuple[np.ndarray, int]]:
    rng = np.random.default_rng(0)
    quiet = 1e-4 * rng.standard_normal(6_000).astype(np.float32)
    note = WAVE[NOTE_ON:]
    return {
        "half": (WAVE * 0.5, SAMPLE_RATE),
        "twice": (WAVE * 2, SAMPLE_RATE),
        "longer": (np.concatenate([quiet, note, 0 * note]), SAMPLE_RATE),
        "shorter": (WAVE[NOTE_ON - 200 : 12_000], SAMPLE_RATE),
        "other rate": (soxr.resample(WAVE, SAMPLE_RATE, 48_000), 48_000),
        "other rate and length": (soxr.resample(np.concatenate([quiet, note]), SAMPLE_RATE, 44_100), 44_100),
    }


@pytest.mark.parametrize("name", recordings())
def test_a_recording_of_the_same_sound_is_recognised(pipe, name, monkeypatch):
    monkeypatch.setattr("secret_sauce_hf.matching.attempt.PROPOSALS", 4)
    sound, rate = recordings()[name]
    found = match(sound, model=pipe, sampling_rate=rate, renders=30, takes=takes_near_the_truth())
    best = np.array(found.candidates[0].cc)
    assert best[3] == TRUTH[3] and np.abs(best - TRUTH).max() <= 6
    assert abs(found.late) <= 0.003
    assert found.distances["mss"] < found.alone.distance
    assert found.distances["mss"] < 1.5


def test_a_click_before_the_note_is_not_its_start(pipe, monkeypatch):
    monkeypatch.setattr("secret_sauce_hf.matching.attempt.PROPOSALS", 4)
    click = np.concatenate([np.zeros(4_000), [0.3, -0.3], np.zeros(218), WAVE[NOTE_ON:]])
    found = match(click, model=pipe, sampling_rate=SAMPLE_RATE, renders=60, takes=takes_near_the_truth())
    assert found.late == pytest.approx(0.01, abs=0.001)
    best = np.array(found.candidates[0].cc)
    assert best[3] == TRUTH[3] and np.abs(best - TRUTH).max() <= 6
    distances = [point.distance for point in found.trace]
    assert distances == sorted(distances, reverse=True)
    # As it was compared: without the click, which is now before the note.
    np.testing.assert_allclose(found.reference[NOTE_ON + 40 : -300], WAVE[NOTE_ON + 40 : -300], atol=0.5)


@pytest.mark.parametrize("shift", [220, -220])
def test_an_onset_that_is_off_is_found(shift):
    evaluator = Evaluator(SPACE, objective(np.roll(WAVE, shift)), Budget(None, 8))
    cc = near_the_truth(8)
    evaluator(cc)
    assert align(evaluator, evaluator.known(4), 0.05)
    assert evaluator.objective.shift == pytest.approx(shift, abs=4)
    # Though the budget is used up, a best one is known.
    assert evaluator.best < evaluator.trace[0].distance
    assert np.abs(evaluator.best_place - TRUTH).max() <= 4
    assert not align(evaluator, evaluator.known(4), 0.05)
    evaluator.close()


def test_a_reference_knows_what_the_sound_covers(pipe):
    reference = place(pipe.feature_extractor, WAVE, SAMPLE_RATE)
    assert (reference.known, reference.is_take, reference.note_on) == ((0, len(WAVE)), True, NOTE_ON)
    assert reference.earlier(0) is reference
    tone = np.sign(np.sin(np.arange(4_000) * 0.1)) * 0.5
    short = place(pipe.feature_extractor, np.concatenate([np.zeros(100), tone]), SAMPLE_RATE)
    start, stop = short.known
    assert not short.is_take
    assert abs(start - (NOTE_ON - 100)) <= 3 and stop - start == 4_100
    assert not short.take[:start].any() and not short.take[stop:].any() and short.take[stop - 2] != 0
    assert short.earlier(30).known == (start - 30, stop - 30)
    np.testing.assert_array_equal(short.earlier(30).take[start : stop - 30], short.take[start + 30 : stop])
    sounds = np.ones((2, len(WAVE)), np.int16)
    assert short.covered(sounds).sum() == 2 * 4_100 and sounds.all()


def test_the_model_is_asked_once(pipe, monkeypatch):
    asked = []
    forward = type(pipe.model).forward

    def counted(self, *arguments, **inputs):
        asked.append(inputs)
        return forward(self, *arguments, **inputs)

    monkeypatch.setattr(type(pipe.model), "forward", counted)
    match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=1)
    assert len(asked) == 1


def test_the_old_name_of_candidates(pipe):
    with pytest.warns(DeprecationWarning, match="`num_candidates` of match\\(\\) is called `candidates` now"):
        found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, seconds=0, num_candidates=2)
    assert len(found.candidates) == 2


# Recorded takes


def test_takes_are_candidates_of_a_search(pipe, tmp_path):
    folder = build_collection("noisemaker-light", tmp_path / "takes", rows=(210, 213))
    found = match(demo_sound().path, model=pipe, renders=4, takes=folder, candidates=3)
    assert found.candidates[0].origin == "nearest take"
    assert found.preset == pytest.approx(demo_sound().settings, abs=1e-6)
    assert found.ranking == "their sound, rendered and compared"
    told = match(demo_sound().path, model=pipe, seconds=0, takes=folder)
    assert (told.preset, told.candidates[0].origin) == (found.preset, "nearest take")
    assert told.ranking == "the distances of recorded takes and the model's scores"
    assert told.heard == dict.fromkeys(LIGHT.columns, True)


def test_without_an_engine_a_take_that_sounds_the_same_is_the_answer():
    own = untrained(OWN)
    presets = draw_presets(OWN, 3, seed=1)
    sounds = np.stack([np.roll(WAVE, 3_000), WAVE, -WAVE[::-1]])
    found = match(WAVE, model=own, sampling_rate=SAMPLE_RATE, takes=Takes(sounds, presets), candidates=9)
    assert found.preset == list(presets.rows())[1]
    first, *others = found.candidates
    assert first.origin == "nearest take" and first.distance == pytest.approx(0, abs=1e-3)
    origins = [one.origin for one in others]
    assert origins == sorted(origins, key=["model", "nearest take", "sampled"].index)
    assert found.ranking == "the distances of recorded takes and the model's scores"
    assert found.rendered is None and found.renders == 0
    # Far ones come after the model's answer.
    far = match(WAVE, model=own, sampling_rate=SAMPLE_RATE, takes=Takes(sounds[:1], presets[:1]))
    assert far.candidates[0].origin == "model" and far.confidence.keys() == far.preset.keys()


def test_without_an_engine_candidates_are_ranked_by_score():
    for pipe in (untrained(OWN), untrained(OWN, sampler_layers=0)):
        found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, candidates=5)
        assert [one.origin for one in found.candidates] == ["model"] + ["sampled"] * 4
        scores = [one.score for one in found.candidates[1:]]
        assert scores == sorted(scores, reverse=True)
        assert all(one.distance is None for one in found.candidates)
        assert found.ranking == "the model's scores"
        again = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, candidates=5)
        assert again.candidates == found.candidates
        other = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, candidates=5, seed=1)
        assert other.candidates[0] == found.candidates[0] and other.candidates != found.candidates


def test_scores_are_the_pipelines(pipe):
    told = pipe({"array": WAVE, "sampling_rate": SAMPLE_RATE}, num_candidates=8)["candidates"]
    inputs = pipe.feature_extractor.transform(torch.from_numpy(WAVE[None]))
    answer, proposals = ModelGuide(pipe).propose(LIGHT, inputs, 16, 0, np.random.default_rng(0))
    cc = Presets.from_settings(LIGHT, [one["preset"] for one in told]).cc
    np.testing.assert_allclose(proposals.posterior.score(cc), [one["score"] for one in told], atol=1e-4)
    assert len(proposals.cc) == 16
    assert next(Presets.from_cc(LIGHT, proposals.cc[:1]).rows()) == answer["preset"]


def test_wrong_takes(pipe, tmp_path):
    guitar = draw_presets("guitar-tiny", 2, seed=1)
    cut = takes_near_the_truth()
    folder = build_collection("guitar-tiny", tmp_path / "guitar", rows=(0, 2))
    for takes, message in (
        (Takes(np.zeros((2, len(WAVE)), np.float32), guitar), "The takes are of guitar-tiny, not of noisemaker-light"),
        (Takes(cut.sounds[:, :999], cut.presets), "The takes have 999 samples, a take of noisemaker-light has 19845"),
        (folder, "lacks the column 'lfo1_rate' of noisemaker-light"),
        (tmp_path / "nowhere", "nowhere"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, takes=takes)
        assert "\n" not in str(caught.value)


def test_the_demo_comes_as_near_as_it_is_shown():
    """All that the model proposes is measured, however few renderings there are."""
    known = demo_sound()
    assert match(known.path, collection=known.collection, renders=DEMO_RENDERS).distances["mss"] < 0.2
