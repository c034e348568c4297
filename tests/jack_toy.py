"""An instrument of a few lines, as a JACK client: a decaying sine whose level and brightness controllers set.

    python tests/jack_toy.py [clip] [mute=NOTES] [die=NOTES] [drop=CC] [deaf=CC] [hiss]

`clip` cuts off its tops at full scale, as a converter does; `mute` stops sounding after so many notes, `die` ends the
program; `drop` misses the first message of a controller, `deaf` every one; `hiss` adds noise. It answers NRPN 0 = 127
with all its controllers, as the Sub Phatty does. CC 19 and 20 are level and brightness.
"""

import os
import sys
import threading

import jack
import numpy as np

faults = dict(one.partition("=")[::2] for one in sys.argv[1:])
client = jack.Client("toy", no_start_server=True)
midi = client.midi_inports.register("in")
answers = client.midi_outports.register("answers")
sound = client.outports.register("out")
values, state = {19: 64, 20: 64}, {"age": None, "pitch": 60, "notes": 0, "dropped": False}
rate, noise = client.samplerate, np.random.default_rng(0)
ended = threading.Event()


def controller(control: int, value: int, offset: int) -> None:
    if (control, value) == (6, 127) and values.get(99) == 0 and values.get(98) == 0:
        for number, one in enumerate(sorted(values.items())):
            answers.write_midi_event(min(offset + number, client.blocksize - 1), (0xB0, *one))
    elif control == int(faults.get("deaf", -1)) or (control in (120, 123)):
        state["age"] = None if control in (120, 123) else state["age"]
    elif control == int(faults.get("drop", -1)) and not state["dropped"]:
        state["dropped"] = True
    else:
        values[control] = value


@client.set_process_callback
def process(frames: int) -> None:
    answers.clear_buffer()
    out = np.zeros(frames, np.float32)
    begins = 0
    for offset, data in midi.incoming_midi_events():
        kind, *rest = (byte[0] for byte in data)
        if kind & 0xF0 == 0xB0:
            controller(rest[0], rest[1], offset)
        elif kind & 0xF0 == 0x90 and rest[1]:
            state.update(age=-offset, pitch=rest[0], notes=state["notes"] + 1)
            begins = offset
    silent = state["notes"] > int(faults.get("mute", 10**9))
    if state["age"] is not None and not silent:
        at = (state["age"] + np.arange(frames)) / rate
        turns = 2 * np.pi * 440 * 2 ** ((state["pitch"] - 69) / 12) * at
        gain = (3.0 if "clip" in faults else 0.8) * values[19] / 127
        tone = np.sin(turns) + values[20] / 127 * np.sin(3 * turns)
        out[begins:] = (gain * tone * np.exp(-8 * at) * (at >= 0))[begins:]
        state["age"] += frames
    if "hiss" in faults:
        out += 0.001 * noise.standard_normal(frames).astype(np.float32)
    if "clip" in faults:
        np.clip(out, -1, 1, out=out)
    sound.get_array()[:] = out
    if state["notes"] > int(faults.get("die", 10**9)):
        ended.set()


client.set_shutdown_callback(lambda *_: ended.set())
with client:
    ended.wait()
os._exit(0)
