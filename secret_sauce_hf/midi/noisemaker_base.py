"""The preset that TAL-NoiseMaker had loaded in 2018, beneath the controllers that were sent.

From `NoiseMakerSetup.noisemakerpreset` of the Secret Sauce project, whole: what its one
program sets, and which controller moves what (`<midimap>`; the names of the numbered
parameters follow from the plug-in's own order of them).
"""

PROGRAM = "LD Mellow Organ TAL"
VERSION = "1.6999999999999999556"

# fmt: off
VALUES: dict[str, float] = {
    "volume": 0.517, "filtertype": 0, "cutoff": 0.541, "resonance": 0,
    "osc1volume": 0, "osc2volume": 1, "osc3volume": 0, "osc1waveform": 44 / 127,
    "osc2waveform": 0.5, "oscsync": 0, "oscmastertune": 0.5, "osc1tune": 0.51100004,
    "osc2tune": 0.517, "osc1finetune": 0.49, "osc2finetune": 0.503, "portamento": 0, "keyfollow": 1,
    "filtercontour": 0.517, "filterattack": 0, "filterdecay": 0,
    "filtersustain": 1, "filterrelease": 0, "ampattack": 0, "ampdecay": 0,
    "ampsustain": 1, "amprelease": 0, "voices": 0.6,
    "portamentomode": 0, "lfo1waveform": 0.041, "lfo2waveform": 0.73600006,
    "lfo1rate": 0.507, "lfo2rate": 0.504,
    "lfo1amount": 0.517, "lfo2amount": 0.90000004,
    "lfo1destination": 1 / 7, "lfo2destination": 0,
    "lfo1phase": 0.48800004, "lfo2phase": 0.492,
    "osc1pw": 59 / 127, "osc2fm": 0, "osc1phase": 0.518,
    "osc2phase": 0, "transpose": 0.52400005, "freeadattack": 0,
    "freeaddecay": 0, "freeadamount": 0, "freeaddestination": 0.2,
    "lfo1sync": 0, "lfo1keytrigger": 1, "lfo2sync": 0, "lfo2keytrigger": 1,
    "velocityvolume": 0, "velocitycontour": 0, "velocitycutoff": 0, "pitchwheelcutoff": 0,
    "pitchwheelpitch": 0, "highpass": 0, "detune": 0, "vintagenoise": 0,
    "ringmodulation": 0, "chorus1enable": 0, "chorus2enable": 0, "reverbwet": 0,
    "reverbdecay": 0.5, "reverbpredelay": 0, "reverbhighcut": 0, "reverblowcut": 0,
    "oscbitcrusher": 1, "filterdrive": 0, "delaywet": 0, "delaytime": 0,
    "delaysync": 0, "delayfactorl": 0, "delayfactorr": 0, "delayhighshelf": 0.48000002,
    "delaylowshelf": 0.521, "delayfeedback": 0.52500004,
    "envelopeeditordest1": 0, "envelopeeditorspeed": 0, "envelopeeditoramount": 0,
    "envelopeoneshot": 0, "envelopefixtempo": 0, "tab1open": 1, "tab2open": 1,
    "tab3open": 0, "tab4open": 0,
}
"""What the program sets, 0 to 1, in the order of the file; stored as 32-bit floats."""

MIDI_MAP: tuple[tuple[int, int, str], ...] = (
    (14, 24, "osc2waveform"), (15, 3, "cutoff"), (16, 4, "resonance"), (17, 28, "lfo1rate"),
    (18, 30, "lfo1amount"), (19, 15, "osc1volume"), (20, 23, "osc1waveform"), (21, 38, "osc1pw"),
    (22, 7, "filterattack"), (23, 8, "filterdecay"), (24, 9, "filtersustain"), (25, 10, "filterrelease"),
    (26, 11, "ampattack"), (27, 12, "ampdecay"), (28, 13, "ampsustain"), (29, 14, "amprelease"),
    (30, 26, "lfo1waveform"), (31, 32, "lfo1destination"), (32, 16, "osc2volume"),
)
"""Controller, number of the plug-in's parameter, and what the program calls it."""
# fmt: on

POSITIONS = {"osc1waveform": 3, "osc2waveform": 5, "lfo1destination": 8}
"""How many positions the plug-in's switches have; the last destination (both pitches) is in no collection."""

SILENT = frozenset({"volume", "tab1open", "tab2open", "tab3open", "tab4open"})
"""What is nothing of the sound but its level, or of the window only."""
