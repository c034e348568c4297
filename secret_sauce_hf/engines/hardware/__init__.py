"""Real instruments as engines: MIDI out, sound in, and the takes in between.

A link (`links`) plays messages and records what sounds meanwhile; there is one by JACK (`jack_link`) and one by MIDI
ports and sound cards (`card_link`), and `opening` opens either. `recorder` makes an engine of a link, so that what
builds datasets records them. Nothing here plays a sound by itself.
"""
