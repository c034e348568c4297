"""Other people's renderers, one per process, on one core: prints one line of JSON.

None of these packages is used elsewhere: DawDreamer and pedalboard are under the GPL.
"""

import argparse
import importlib.resources
import json
import sys
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from probe import best_seconds

from secret_sauce_hf.instruments import SAMPLE_RATE, Timing
from secret_sauce_hf.presets import draw_presets

_RATE = 44_100
_SECONDS = 0.9
_ONSET = 1 / 15
"""Of the note, from the take's start, as in the collections."""


def faust(count: int) -> Callable[[], np.ndarray]:
    """`voice.dsp`, compiled, plays presets of the Sub Phatty one after the other."""
    import dawdreamer

    presets = draw_presets("subphatty", count, seed=1)
    engine = dawdreamer.RenderEngine(_RATE, 512)
    synth = engine.make_faust_processor("voice")
    synth.num_voices = 1
    synth.set_dsp(str(Path(__file__).with_name("voice.dsp")))
    synth.compile()
    engine.load_graph([(synth, [])])
    synth.add_midi_note(60, 127, _ONSET, _SECONDS - _ONSET)
    sliders = {slider["label"]: slider["index"] for slider in synth.get_parameters_description()}
    # Without those that no take lets one hear: key follow and the releases.
    columns = [
        (sliders[parameter.name], column)
        for column, parameter in enumerate(presets.parameters)
        if parameter.name in sliders
    ]

    def work() -> np.ndarray:
        takes = []
        for unit in presets.unit:
            for slider, column in columns:
                synth.set_parameter(slider, float(unit[column]))
            engine.render(_SECONDS)
            takes.append(engine.get_audio()[0])
        return np.stack(takes)

    return work


def torchsynth(count: int) -> Callable[[], np.ndarray]:
    """Its default synthesiser, with presets that it draws itself."""
    _stand_in_for_lightning()
    import torch
    from torchsynth.config import SynthConfig
    from torchsynth.synth import Voice

    torch.set_num_threads(1)
    # The smallest that it supports is the fastest on one core: its arrays fit the caches best.
    batch = 32
    voice = Voice(SynthConfig(batch_size=batch, sample_rate=_RATE, buffer_size_seconds=_SECONDS))

    def work() -> np.ndarray:
        return np.concatenate([voice(number)[0].numpy() for number in range(-(-count // batch))])[:count]

    return work


def _stand_in_for_lightning() -> None:
    """Have torchsynth 1.0.2 import: it names modules that current versions of two packages no longer have.

    Of PyTorch Lightning it takes a base class, whose training loops it does not use to
    render, and of setuptools a function that reads a file of its own.
    """
    import torch

    class LightningModule(torch.nn.Module):
        device = torch.device("cpu")

    lightning = types.ModuleType("pytorch_lightning.core.lightning")
    lightning.LightningModule = LightningModule  # type: ignore[attr-defined]
    resources = types.ModuleType("pkg_resources")
    resources.resource_string = lambda _, name: (  # type: ignore[attr-defined]
        importlib.resources.files("torchsynth").joinpath(name).read_bytes()
    )
    for module in (lightning, resources, *map(types.ModuleType, ("pytorch_lightning", "pytorch_lightning.core"))):
        sys.modules[module.__name__] = module


def pedalboard(count: int) -> Callable[[], np.ndarray]:
    """The guitar's note through its effects, set by the rows of the guitar."""
    from secret_sauce_hf.engines.guitar_rack.playing import source

    timing, samples, rows = _guitar_rows(count)
    dry = source(timing, samples).dry
    return lambda: np.stack([_play(_effects(value), dry) for value in rows])


def pedalboard_alike(count: int) -> Callable[[], np.ndarray]:
    """The same with what the engine does besides: distortion at eight times the rate, a cabinet."""
    import pedalboard
    import soxr

    from secret_sauce_hf.engines.guitar_rack import distortion as guitar_distortion
    from secret_sauce_hf.engines.guitar_rack.playing import source

    timing, samples, rows = _guitar_rows(count)
    origin = source(timing, samples)
    high_rate = guitar_distortion.OVERSAMPLING * SAMPLE_RATE
    margin = guitar_distortion.MARGIN
    oversampled = np.ascontiguousarray(origin.oversampled.whole.T).reshape(-1)
    cabinet = [
        pedalboard.HighpassFilter(80),
        pedalboard.PeakFilter(125, 3, 1.2),
        pedalboard.PeakFilter(420, -3, 0.8),
        pedalboard.PeakFilter(2_600, 5, 1.3),
        pedalboard.LowpassFilter(4_600),
        pedalboard.LowpassFilter(5_200),
    ]

    def play(value: dict[str, float]) -> np.ndarray:
        effects = _effects(value)
        sound = origin.dry
        if value["disto_on_off"]:
            sound = _play(effects[:1], oversampled, high_rate)
            sound = soxr.resample(sound, high_rate, SAMPLE_RATE, "HQ")[margin:-margin]
            effects = effects[1:]
        # The filter comes last, after the cabinet.
        last = len(effects) - int(value["filter_on_off"])
        return _play([*effects[:last], *cabinet, *effects[last:]], sound)

    return lambda: np.stack([play(value) for value in rows])


def _guitar_rows(count: int) -> tuple[Timing, int, list[dict[str, float]]]:
    """Timing and samples of the guitar's takes, and the units of its rows."""
    presets = draw_presets("guitar", count, seed=1)
    names = [parameter.name for parameter in presets.parameters]
    rows = [dict(zip(names, unit, strict=True)) for unit in presets.unit.tolist()]
    return presets.collection.timing, presets.collection.samples, rows


@cache
def _plugins() -> tuple[Any, ...]:
    from pedalboard import Chorus, Delay, Distortion, LadderFilter, Reverb

    # Making them anew for every row would take most of the time.
    return Distortion(), Delay(), Chorus(), Reverb(), LadderFilter()


def _effects(value: dict[str, float]) -> list[Any]:
    """Those that are on, in the rack's order, set as near to the rack's as they can be."""
    from secret_sauce_hf.engines.guitar_rack.filter import cutoff_hertz
    from secret_sauce_hf.engines.guitar_rack.lines import delay_seconds, lfo_hertz

    distortion, delay, chorus, reverb, ladder = _plugins()
    effects = []
    if value["disto_on_off"]:
        distortion.drive_db = 6.0 + 40.0 * value["disto_drive"]
        effects.append(distortion)
    if value["delay_on_off"]:
        delay.delay_seconds = float(delay_seconds(value["delay_time"]))
        delay.feedback = 0.9 * value["delay_feedback"]
        delay.mix = value["delay_intensity"]
        effects.append(delay)
    if value["flanger_on_off"]:
        chorus.rate_hz = float(lfo_hertz(value["flanger_rate"]))
        chorus.depth = value["flanger_width"]
        chorus.mix = value["flanger_intensity"]
        effects.append(chorus)
    if value["reverb_on_off"]:
        reverb.room_size = value["reverb_room_size"]
        reverb.damping = 1.0 - value["reverb_bright"]
        effects.append(reverb)
    if value["filter_on_off"]:
        high_pass = value["filter_mode_LBF_HPF"] > 0.5
        ladder.mode = type(ladder).Mode.HPF24 if high_pass else type(ladder).Mode.LPF24
        ladder.cutoff_hz = float(cutoff_hertz(value["filter_frequency"], SAMPLE_RATE))
        ladder.resonance = value["filter_resonance"]
        effects.append(ladder)
    return effects


def _play(effects: list[Any], sound: np.ndarray, rate: int = SAMPLE_RATE) -> np.ndarray:
    from pedalboard import Pedalboard

    return Pedalboard(effects)(sound, rate)


_PEERS = {peer.__name__: peer for peer in (faust, torchsynth, pedalboard, pedalboard_alike)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=_PEERS)
    parser.add_argument("--takes", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    work = _PEERS[options.peer](options.takes)
    takes = work()
    # A renderer that plays nothing is fast.
    peaks = np.abs(takes).max(axis=1)
    if len(takes) != options.takes or not np.isfinite(takes).all() or np.median(peaks) < 0.01:
        raise ValueError(f"{options.peer} did not render: {len(takes)} takes, median peak {np.median(peaks):.3f}.")
    clock, processor = best_seconds(work, options.repeats)
    print(json.dumps({"clock": options.takes / clock, "processor": options.takes / processor}))


if __name__ == "__main__":
    main()
