"""The plain preset that tests of the NoiseMaker change: a sine at full volume through an open filter."""

PLAIN = {
    "osc1_volume": 0.0,
    "osc2_volume": 10.0,
    "osc1_wave": "Saw",
    "osc2_wave": "Sine",
    "osc1_pulse_width": 5.0,
    "filter_cutoff": 10.0,
    "filter_resonance": 0.0,
    "filter_attack": 0.0,
    "filter_decay": 0.0,
    "filter_sustain": 10.0,
    "amp_attack": 0.0,
    "amp_decay": 0.0,
    "amp_sustain": 10.0,
    "lfo1_rate": 0.0,
    "lfo1_amount": 5.0,
    "lfo1_destination": "NOTHING",
}
