"""A riff, wet and dry: the settings of the rack between them."""

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import demo_sound, load_model, match
from secret_sauce_hf.matching.riffs import _lag
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.matching.switching import Machine
from secret_sauce_hf.presets import Presets, draw_presets

GUITAR, PHRASES = get_collection("guitar"), get_collection("guitar-phrases")
ENGINE = get_engine(GUITAR)
SWITCHES = [p.name for p in GUITAR.parameters if p.classes]


def rack(**settings) -> dict:
    """Settings with every effect off but those that are given."""
    base = next(iter(draw_presets(GUITAR, 1, 3).rows())) | {name: "off" for name in SWITCHES if name != "flanger_mode"}
    return base | settings


WET = rack(disto_on_off="on", disto_drive=80 / 12.7, disto_tone=30 / 12.7)


@pytest.fixture(scope="module")
def model():
    return load_model("guitar")


@pytest.fixture(scope="module")
def phrase() -> Presets:
    return draw_presets(PHRASES, 1, 5)


@pytest.fixture(scope="module")
def riff(phrase) -> tuple[np.ndarray, np.ndarray]:
    """A phrase with every effect off, and one with the distortion on."""
    rows = Presets.from_settings(PHRASES, [rack(), WET]).playing(phrase.performances[0])
    dry, wet = to_float(ENGINE.render(rows, noise_seed=0))[:, : 2 * SAMPLE_RATE]
    return dry, wet


def test_a_clean_take_is_known_and_the_switches_are_found(riff, model):
    dry, wet = riff
    found = match(wet, dry=dry, sampling_rate=SAMPLE_RATE, model=model, renders=150)
    assert {name: found.preset[name] for name in SWITCHES[:-1] if name.endswith("on_off")} == {
        name: WET[name] for name in SWITCHES[:-1] if name.endswith("on_off")
    }
    assert found.dry == "sound" and found.to_dict()["dry"] == "sound"
    assert "The dry sound is taken for what comes out with everything off." in found.remarks
    # So few renderings settle the switches, and not yet every knob.
    assert found.distances["mss"] < 2.0 and found.renders <= 150
    assert found.region == (0.0, pytest.approx(2.0, abs=0.001))
    again = match(wet, dry=dry, sampling_rate=SAMPLE_RATE, model=model, renders=150)
    assert again.preset == found.preset


def test_without_a_model(riff):
    dry, wet = riff
    prior = load_model("guitar", "none")
    found = match(wet, dry=dry, sampling_rate=SAMPLE_RATE, model=prior, renders=150)
    assert found.preset["disto_on_off"] == "on" and found.distances["mss"] < found.alone.distance
    assert found.confidence == {} and any("There is no model" in remark for remark in found.remarks)
    with pytest.raises(InputError, match="no model of guitar that could answer without a search"):
        match(wet, dry=dry, sampling_rate=SAMPLE_RATE, model=prior, seconds=0)


def test_what_was_fed_is_known_too_wherever_it_begins(riff, model):
    dry = riff[0]
    wet = to_float(ENGINE.render(Presets.from_settings(GUITAR, [WET]), dry=dry, noise_seed=0))[0]
    late = np.concatenate([np.zeros(4_000, np.float32), wet])
    found = match(late, dry=dry, sampling_rate=SAMPLE_RATE, model=model, renders=0, strategy="none")
    assert "The wet sound is 0.181 s later than the dry one; that is allowed for." in found.remarks
    assert found.region[0] == pytest.approx(4_000 / SAMPLE_RATE, abs=0.001)


@pytest.mark.parametrize("late", [-5_000, -300, 0, 7, 12_345])
def test_how_late_the_wet_sound_is(riff, late):
    wet, dry = riff[1], riff[0]
    ahead = 20_000
    before = np.concatenate([np.zeros(ahead - late, np.float32), dry, np.zeros(ahead, np.float32)])
    assert abs(_lag(wet, before, ahead) - late) <= 40


def test_what_a_switch_turns_on_follows_from_when_it_is_heard():
    machine = Machine(Space(GUITAR, ENGINE))
    names = [p.name for p in GUITAR.parameters]
    parts = {names[switch]: {names[column] for column in columns} for switch, columns in machine.parts.items()}
    assert set(parts) == set(SWITCHES) - {"flanger_mode"}
    for switch, columns in parts.items():
        assert columns == {name for name in names if name.split("_")[0] == switch.split("_")[0]}
    # Of what sounds the same there is one: 2^4 times off and three modes.
    assert len(machine.grid(draw_presets(GUITAR, 1, 3).cc)) <= 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collection": "noisemaker-light"}, "The engine of noisemaker makes its sound itself"),
        ({"dry": np.zeros(100)}, "less than 0.2 s in common"),
        ({"dry": np.zeros(0)}, "no samples|There are no samples"),
        ({"dry": np.full(30_000, np.nan)}, "not finite"),
        ({"takes": "nowhere"}, "Takes are of one collection"),
    ],
)
def test_what_does_not_go_together(riff, options, message):
    given = {"dry": riff[0], "sampling_rate": SAMPLE_RATE, "renders": 0} | options
    with pytest.raises(InputError, match=message):
        match(riff[1], **given)


def test_without_a_dry_sound_nothing_is_fed(model):
    assert match(demo_sound().path, model=model, seconds=0).dry is None
