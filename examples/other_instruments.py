"""Make sounds that no instrument of this package made, to see what it says of them.

    python examples/other_instruments.py OUT

OUT/test and OUT/calibration get 48 WAV files each (44.1 kHz, 16 bits, 0.5 to 4 s): single notes,
chords, phrases, drums and speech by FluidSynth with the FluidR3 sound font, amsynth, ZynAddSubFX,
the samples of Sonic Pi and eSpeak NG. The two sets share no program, no pitch of a single note, no
sample and no word, so that what is calibrated on one may be tested on the other. OUT/sounds.csv
says what each file is. Versions of the packages being equal, so are the files.
"""

import argparse
import csv
import ctypes
import hashlib
import io
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr

RATE = 44_100
SETS = ("test", "calibration")
PEAKS_DBFS = (-1.0, -6.0, -12.0, -18.0)
"""Files peak at these, in turn: nobody's recordings have one level."""
FADE_SECONDS = 0.01
FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SAMPLES = Path("/usr/share/sonic-pi/samples")
AMSYNTH_BANKS = Path("/usr/share/amsynth/banks")
ZYN_BANKS = Path("/usr/share/zynaddsubfx/banks")
AMSYNTH, ZYN = Path("/usr/lib/dssi/amsynth_dssi.so"), Path("/usr/lib/dssi/libzynaddsubfx_dssi.so")
DRUM_CHANNEL = 9
BLOCK = 256
CHILD_SECONDS = 120

Notes = Sequence[tuple[int, float, float]]
"""Pitch, onset and length in seconds of each note; velocity is 100."""


@dataclass(frozen=True)
class Sound:
    """A file to make.

    Args:
        source: which of the programs makes it.
        program: what that program plays: number, preset, sample or voice.
        what: single, chord, phrase, drums, sample or speech.
        notes: that are played.
        words: that are spoken.
        seconds: length of the file.
    """

    source: str
    program: str
    what: str
    notes: Notes = ()
    words: str = ""
    seconds: float = 2.0


def note(pitch: int, length: float = 1.2) -> Notes:
    return ((pitch, 0.0, length),)


def chord(root: int, *intervals: int) -> Notes:
    return tuple((root + interval, 0.0, 1.5) for interval in (0, *intervals))


def phrase(*pitches: int, beat: float = 0.35) -> Notes:
    return tuple((pitch, beat * at, 0.9 * beat) for at, pitch in enumerate(pitches))


def tones(source: str, *played: tuple[str, int]) -> list[Sound]:
    """Single notes, of .5 to 3 s."""
    lengths = (0.4, 0.8, 1.5, 2.5)
    return [
        Sound(source, program, "single", note(pitch, lengths[at % 4]), seconds=lengths[at % 4] + (0.1, 0.7)[at % 2])
        for at, (program, pitch) in enumerate(played)
    ]


def said(*spoken: tuple[str, str]) -> list[Sound]:
    return [Sound("eSpeak NG", voice, "speech", words=words) for voice, words in spoken]


def sampled(*names: str) -> list[Sound]:
    return [Sound("Sonic Pi", name, "sample", seconds=4.0) for name in names]


FLUID = "FluidR3 GM"
PLANS: dict[str, list[Sound]] = {
    "test": [
        # Grand piano, vibraphone, church organ, nylon guitar, fingered bass, violin, cello, trumpet, alto
        # saxophone, flute, saw lead, sitar.
        *tones(FLUID, ("0", 48), ("11", 72), ("19", 55), ("24", 52), ("33", 36), ("40", 67)),
        *tones(FLUID, ("42", 45), ("56", 65), ("65", 60), ("73", 79), ("81", 57), ("104", 50)),
        Sound(FLUID, "2", "chord", chord(48, 4, 7, 10)),
        Sound(FLUID, "21", "chord", chord(60, 3, 7), seconds=2.5),
        Sound(FLUID, "48", "chord", chord(55, 4, 7, 12), seconds=3.0),
        Sound(FLUID, "71", "phrase", phrase(62, 64, 65, 69, 67), seconds=2.2),
        Sound(FLUID, "26", "phrase", phrase(52, 55, 59, 62, 64, 59, beat=0.25)),
        Sound(FLUID, "35", "phrase", phrase(33, 40, 45, 43, beat=0.5), seconds=2.6),
        Sound(FLUID, "drums 0", "drums", phrase(36, 42, 38, 42, 36, 46, 38, 49, beat=0.2)),
        Sound(FLUID, "drums 25", "drums", phrase(36, 36, 39, 42, 36, 56, 39, beat=0.25)),
        Sound(FLUID, "drums 40", "drums", phrase(35, 51, 40, 51, 35, 53, beat=0.3)),
        *tones("amsynth", ("amsynth_factory:Synth Strings 1", 48), ("amsynth_factory:Xylophone", 72)),
        *tones("amsynth", ("amsynth_factory:Formant Synth Lead", 57), ("amsynth_factory:Flangey Bass 1", 36)),
        Sound("amsynth", "amsynth_factory:Electric Organ 1", "chord", chord(52, 3, 7)),
        Sound("amsynth", "amsynth_factory:Lazy Moon Lead", "phrase", phrase(60, 63, 67, 70, beat=0.4), seconds=2.4),
        *tones("ZynAddSubFX", ("Strings/0001-Saw Strings 1", 55), ("Reed and Wind/0006-Clarinet", 67)),
        *tones("ZynAddSubFX", ("Plucked/0001-Plucked 1", 50), ("Brass/0003-Synth Brazz 1", 52)),
        *tones("ZynAddSubFX", ("Bass/0004-Bass 4", 36)),
        Sound("ZynAddSubFX", "Rhodes/0001-DX Rhodes 1", "chord", chord(53, 4, 7, 11), seconds=2.5),
        Sound("ZynAddSubFX", "SynthPiano/0005-Synth Piano1", "phrase", phrase(60, 62, 67, 65, 62, beat=0.3)),
        *sampled("ambi_choir", "ambi_piano", "bass_hard_c", "bd_boom", "drum_cymbal_open", "elec_chime"),
        *sampled("guit_harmonics", "loop_amen", "tabla_ghe5"),
        *said(("en-gb", "Where is the music coming from?"), ("en-us+f3", "Seven yellow boats")),
        *said(("de", "Guten Morgen"), ("fr+m5", "Une petite chanson"), ("es+f2", "Agua clara")),
    ],
    "calibration": [
        # Electric piano, glockenspiel, drawbar organ, clean guitar, acoustic bass, viola, contrabass, trombone,
        # oboe, pan flute, square lead, banjo.
        *tones(FLUID, ("4", 53), ("9", 84), ("16", 61), ("27", 59), ("32", 40), ("41", 62)),
        *tones(FLUID, ("43", 38), ("57", 51), ("68", 69), ("75", 74), ("80", 54), ("105", 58)),
        Sound(FLUID, "5", "chord", chord(50, 3, 7, 10)),
        Sound(FLUID, "20", "chord", chord(57, 4, 7), seconds=2.5),
        Sound(FLUID, "49", "chord", chord(53, 3, 7, 12), seconds=3.0),
        Sound(FLUID, "66", "phrase", phrase(58, 61, 63, 66, 65), seconds=2.2),
        Sound(FLUID, "25", "phrase", phrase(47, 54, 59, 63, 66, 59, beat=0.25)),
        Sound(FLUID, "34", "phrase", phrase(28, 35, 40, 38, beat=0.5), seconds=2.6),
        Sound(FLUID, "drums 8", "drums", phrase(36, 44, 38, 44, 36, 48, 38, 57, beat=0.2)),
        Sound(FLUID, "drums 16", "drums", phrase(36, 38, 45, 42, 36, 41, 40, beat=0.25)),
        Sound(FLUID, "drums 32", "drums", phrase(36, 59, 37, 59, 36, 51, beat=0.3)),
        *tones("amsynth", ("PatriksBank01:Sordin EP", 59), ("PatriksBank01:Splashing Mallets", 74)),
        *tones("amsynth", ("PatriksBank01:Attack Horns", 58), ("PatriksBank01:Perc Bass", 40)),
        Sound("amsynth", "PatriksBank01:60's Organ", "chord", chord(54, 4, 7)),
        Sound("amsynth", "PatriksBank01:Distorted Saw", "phrase", phrase(56, 59, 64, 66, beat=0.4), seconds=2.4),
        *tones("ZynAddSubFX", ("Strings/0005-Saw Strings 5", 54), ("Reed and Wind/0001-Flute 1", 69)),
        *tones("ZynAddSubFX", ("Plucked/0004-Plucked 4", 61), ("Brass/0001-FM Thrumpet", 53)),
        *tones("ZynAddSubFX", ("Bass/0035-FM Bass 1", 38)),
        Sound("ZynAddSubFX", "Organ/0002-Organ 2", "chord", chord(51, 3, 7, 10), seconds=2.5),
        Sound("ZynAddSubFX", "Guitar/0065-Clean Guitar1", "phrase", phrase(59, 61, 66, 64, 61, beat=0.3)),
        *sampled("ambi_glass_rub", "ambi_swoosh", "bass_woodsy_c", "bd_mehackit", "drum_splash_hard", "elec_twang"),
        *sampled("guit_e_slide", "loop_breakbeat", "tabla_tun2"),
        *said(("en-029", "Every tune begins with silence"), ("en-us+m2", "Five green bottles")),
        *said(("it", "Buona notte"), ("nl+f4", "Een klein liedje"), ("pt+m4", "Terra vermelha")),
    ],
}

PACKAGES: dict[str, Sequence[tuple[str, str]]] = {
    "fluidsynth": (("command", "fluidsynth"),),
    "fluid-soundfont-gm": (("file", str(FONT)),),
    "amsynth": (("file", str(AMSYNTH)), ("file", str(AMSYNTH_BANKS))),
    "zynaddsubfx-data": (("file", str(ZYN_BANKS)),),
    "zynaddsubfx-dssi": (("file", str(ZYN)),),
    "sonic-pi-samples": (("file", str(SAMPLES)),),
    "espeak-ng": (("command", "espeak-ng"),),
}
"""Debian packages and what they bring. Both synthesisers are played as DSSI plug-ins, without sound card or window."""


def missing() -> list[str]:
    """Packages that are not installed."""

    def there(kind: str, name: str) -> bool:
        return Path(name).exists() if kind == "file" else shutil.which(name) is not None

    return [package for package, parts in PACKAGES.items() if not all(there(*part) for part in parts)]


def fluidsynth(sound: Sound) -> np.ndarray:
    number = int(sound.program.split()[-1])
    channel = DRUM_CHANNEL if sound.what == "drums" else 0
    track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=number)])
    events = sorted(
        (round(1000 * second), kind, pitch)
        for pitch, onset, length in sound.notes
        for second, kind in ((onset, "note_on"), (onset + length, "note_off"))
    )
    last = 0
    for at, kind, pitch in events:
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=100, time=at - last))
        last = at
    # The tail that the file may still hold; FluidSynth stops with the last event.
    track.append(mido.MetaMessage("end_of_track", time=4000))
    with tempfile.TemporaryDirectory() as folder:
        song, wave = Path(folder) / "song.mid", Path(folder) / "song.wav"
        # 500 ticks of a beat that lasts half a second: a tick is a millisecond.
        mido.MidiFile(type=0, ticks_per_beat=500, tracks=[track]).save(song)
        options = ["-n", "-i", "-q", "-r", str(RATE), "-g", "0.5", "-O", "s16", "-T", "wav", "-F", str(wave)]
        run(["fluidsynth", *options, str(FONT), str(song)])
        return soundfile.read(wave, dtype="float32", always_2d=True)[0]


def espeak(sound: Sound) -> np.ndarray:
    heard = run(["espeak-ng", "--stdout", "-v", sound.program, "-s", "150", sound.words])
    samples, rate = soundfile.read(io.BytesIO(heard), dtype="float32", always_2d=True)
    return soxr.resample(samples, rate, RATE)


def sonic_pi(sound: Sound) -> np.ndarray:
    samples, rate = soundfile.read(SAMPLES / f"{sound.program}.flac", dtype="float32", always_2d=True)
    return samples if rate == RATE else soxr.resample(samples, rate, RATE)


def plugin(sound: Sound) -> np.ndarray:
    """Played in a process of its own: the plug-ins keep state, threads and random numbers from sound to sound."""
    asked = {"program": sound.program, "notes": sound.notes, "seconds": sound.seconds, "source": sound.source}
    found = run([sys.executable, __file__, "--play", json.dumps(asked)])
    return np.frombuffer(found, np.float32).reshape(-1, 2)


MAKERS = {FLUID: fluidsynth, "amsynth": plugin, "ZynAddSubFX": plugin, "Sonic Pi": sonic_pi, "eSpeak NG": espeak}


def run(command: Sequence[str]) -> bytes:
    """What a program writes; what it complains about where it fails."""
    done = subprocess.run(command, capture_output=True, timeout=CHILD_SECONDS, check=False)
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()[-500:]
        sys.exit(f"other_instruments: {command[0]} failed with status {done.returncode}: {told}")
    return done.stdout


# What DSSI and LADSPA declare in C (dssi.h, ladspa.h, asound's seq_event.h), as far as it is used here.
_pointer, _long, _float = ctypes.c_void_p, ctypes.c_ulong, ctypes.c_float


class Event(ctypes.Structure):
    """A note that begins or ends, so many samples into a block."""

    _fields_ = (
        ("type", ctypes.c_ubyte),
        ("flags", ctypes.c_ubyte * 3),
        ("tick", ctypes.c_uint),
        ("unused", ctypes.c_ubyte * 8),
        ("channel", ctypes.c_ubyte),
        ("note", ctypes.c_ubyte),
        ("velocity", ctypes.c_ubyte),
        ("off_velocity", ctypes.c_ubyte),
        ("duration", ctypes.c_uint * 2),
    )


NOTE_ON, NOTE_OFF = 6, 7


class Ladspa(ctypes.Structure):
    _fields_ = (
        ("id", _long),
        ("label", ctypes.c_char_p),
        ("properties", ctypes.c_int),
        ("texts", ctypes.c_char_p * 3),
        ("port_count", _long),
        ("kinds", ctypes.POINTER(ctypes.c_int)),
        ("names", ctypes.POINTER(ctypes.c_char_p)),
        ("hints", _pointer),
        ("data", _pointer),
        ("instantiate", ctypes.CFUNCTYPE(_pointer, _pointer, _long)),
        ("connect_port", ctypes.CFUNCTYPE(None, _pointer, _long, _pointer)),
        ("activate", ctypes.CFUNCTYPE(None, _pointer)),
    )


class Dssi(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("plugin", ctypes.POINTER(Ladspa)),
        ("unused", _pointer * 4),
        ("run_synth", ctypes.CFUNCTYPE(None, _pointer, _long, ctypes.POINTER(Event), _long)),
    )


AUDIO_PORT = 8
ZYN_DEFAULTS = {"Modwheel": 64, "Volume": 96, "Panning": 64, "Expression": 127, "Sustain": 0, "Portamento": 0}
ZYN_DEFAULTS |= {"Filter Q": 64, "Filter cutoff": 64, "Bandwidth": 64, "FM amplification": 127}
ZYN_DEFAULTS |= {"Renonance center": 64, "Resonance bandwidth": 64}


class Host:
    """A DSSI plug-in, played from silence.

    Args:
        path: of its library.
        values: of its controls, by the names of their ports; 0 where none is given.
    """

    def __init__(self, path: Path, values: dict[str, float]):
        self.library = ctypes.CDLL(str(path))
        describe = self.library.dssi_descriptor
        describe.restype, describe.argtypes = ctypes.POINTER(Dssi), [_long]
        self._dssi = describe(0).contents
        plugin = self._dssi.plugin.contents
        self._handle = plugin.instantiate(ctypes.cast(self._dssi.plugin, _pointer), RATE)
        self._out = np.zeros((2, BLOCK), np.float32)
        self._controls = (_float * plugin.port_count)()
        channels = iter(self._out)
        for port in range(plugin.port_count):
            if plugin.kinds[port] & AUDIO_PORT:
                plugin.connect_port(self._handle, port, next(channels).ctypes.data)
            else:
                self._controls[port] = values.get(plugin.names[port].decode(), 0.0)
                plugin.connect_port(self._handle, port, ctypes.byref(self._controls, port * ctypes.sizeof(_float)))
        if plugin.activate:
            plugin.activate(self._handle)

    def block(self, events: Sequence[Event] = ()) -> np.ndarray:
        """The next block, shape (samples, 2)."""
        array = (Event * max(len(events), 1))(*events)
        self._dssi.run_synth(self._handle, BLOCK, array, len(events))
        return self._out.T.copy()

    def play(self, notes: Notes, seconds: float) -> np.ndarray:
        """Float32 of shape (samples, 2)."""
        events = sorted(
            (round(second * RATE), kind, pitch)
            for pitch, onset, length in notes
            for second, kind in ((onset, NOTE_ON), (onset + length, NOTE_OFF))
        )
        blocks = []
        for start in range(0, round(seconds * RATE), BLOCK):
            now = [
                Event(type=kind, tick=at - start, note=pitch, velocity=100 * (kind == NOTE_ON))
                for at, kind, pitch in events
                if start <= at < start + BLOCK
            ]
            blocks.append(self.block(now))
        return np.concatenate(blocks)


def play_amsynth(program: str, notes: Notes, seconds: float) -> np.ndarray:
    """A preset of one of the banks, which are texts: the plug-in's ports have the parameters' names."""
    file, preset = program.split(":")
    (path,) = AMSYNTH_BANKS.glob(f"{file}.*bank")
    text = path.read_text(encoding="utf-8", errors="replace")
    parts = [part for part in text.split("<preset> <name> ") if part.startswith(f"{preset}\n")]
    values = dict(re.findall(r"<parameter> (\S+) (\S+)", parts[0]))
    return Host(AMSYNTH, {name: float(value) for name, value in values.items()}).play(notes, seconds)


def play_zyn(program: str, notes: Notes, seconds: float) -> np.ndarray:
    """An instrument file, loaded by the message that the plug-in's own window sends."""
    with tempfile.TemporaryFile() as told:
        # The port that it listens at is told on the error output only.
        before = os.dup(2)
        os.dup2(told.fileno(), 2)
        host = Host(ZYN, ZYN_DEFAULTS)
        os.dup2(before, 2)
        told.seek(0)
        port = int(re.findall(rb"running on (\d+)", told.read())[0])
    # It seeds its random numbers (phases, detuning) by the clock: seeded here, for loading and for playing.
    chance = ctypes.c_uint32.in_dll(host.library, "_ZN3zyn10prng_stateE")
    chance.value = 1
    message = osc("/load_xiz", 0, str(ZYN_BANKS / f"{program}.xiz"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message, ("127.0.0.1", port))
    # It loads in the background and takes over what it loaded in a block.
    for _ in range(10):
        time.sleep(0.2)
        host.block()
    chance.value = 1
    return host.play(notes, seconds)


def osc(address: str, number: int, text: str) -> bytes:
    """A message of Open Sound Control with a number and a text; strings fill multiples of four bytes."""

    def padded(string: str) -> bytes:
        raw = string.encode()
        return raw + b"\0" * (4 - len(raw) % 4)

    return padded(address) + padded(",is") + struct.pack(">i", number) + padded(text)


def play(asked: str) -> None:
    """The other process of `plugin`: writes raw samples to the standard output."""
    sound = json.loads(asked)
    player = play_amsynth if sound["source"] == "amsynth" else play_zyn
    # amsynth and ZynAddSubFX keep settings of their users in the home folder: in none of ours.
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = home
        samples = player(sound["program"], sound["notes"], sound["seconds"])
    sys.stdout.buffer.write(samples.astype(np.float32).tobytes())
    sys.stdout.flush()
    # Threads of the plug-ins would keep this process alive, or crash it at its end.
    os._exit(0)


def finished(samples: np.ndarray, seconds: float, peak_dbfs: float) -> np.ndarray:
    """Cut to length, faded out where cut, at the level: int16 of shape (samples, channels)."""
    samples = samples[: round(min(seconds, 4.0) * RATE)].astype(np.float64)
    shortest = round(0.5 * RATE)
    if len(samples) < shortest:
        samples = np.concatenate([samples, np.zeros((shortest - len(samples), samples.shape[1]))])
    fade = round(FADE_SECONDS * RATE)
    samples[-fade:] *= np.linspace(1, 0, fade)[:, None]
    peak = np.abs(samples).max()
    if not peak > 1e-4:
        sys.exit("other_instruments: a sound is silent; is a package installed in part?")
    return np.round(samples / peak * 10 ** (peak_dbfs / 20) * 32_767).astype(np.int16)


def make(plan: Sequence[Sound], folder: Path) -> list[dict[str, str]]:
    """Write the files of a set; returns what each is."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number, sound in enumerate(plan):
        samples = finished(MAKERS[sound.source](sound), sound.seconds, PEAKS_DBFS[number % len(PEAKS_DBFS)])
        said = re.sub(r"[^a-z0-9]+", "-", f"{sound.source} {sound.program}".lower()).strip("-")
        path = folder / f"{number + 1:02}-{said}-{sound.what}.wav"
        soundfile.write(path, samples, RATE, subtype="PCM_16")
        print(path)
        records.append(
            {
                "set": folder.name,
                "file": f"{folder.name}/{path.name}",
                "source": sound.source,
                "program": sound.program,
                "what": sound.what,
                "notes": " ".join(f"{pitch}@{onset:g}+{length:g}" for pitch, onset, length in sound.notes),
                "words": sound.words,
                "seconds": f"{len(samples) / RATE:.3f}",
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        )
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="folder for the files")
    parser.add_argument("--play", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.play:
        return play(options.play)
    if options.out is None:
        parser.error("give a folder for the files")
    if lacking := missing():
        sys.exit(
            f"other_instruments: {', '.join(lacking)} not found. On Debian and Ubuntu they come by\n"
            f"  apt-get install --no-install-recommends {' '.join(lacking)}"
        )
    records = [record for name in SETS for record in make(PLANS[name], options.out / name)]
    with (options.out / "sounds.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    print(f"{len(records)} files and {options.out / 'sounds.csv'}")
    return None


if __name__ == "__main__":
    main()
