"""Which links there are, and opening one."""

from secret_sauce_hf.engines.hardware.links import Link
from secret_sauce_hf.instruments import InputError

WAYS = ("cards", "jack")
"""Ways to an instrument: the system's own ports and cards, or a JACK server's."""


def open_link(
    via: str,
    midi: str | None,
    audio: str,
    *,
    api: str | None = None,
    rate: int | None = None,
    channel: int = 1,
    back: str | None = None,
    freewheel: bool = False,
) -> Link:
    """Open a link to an instrument; it is closed by its `close`, or at the end of a `with`.

    Args:
        via: one of `WAYS`.
        midi: the MIDI port, or a part of its name; None where nothing is played.
        audio: the sound's input, or a part of its name.
        api: how to reach MIDI ports, by cards; the system's own if None.
        rate: of the recording in Hz, by cards; the device's own if None.
        channel: of the sound card, from 1.
        back: the port at which the instrument's own messages come, if they are read.
        freewheel: whether a JACK server runs as fast as it can, for instruments that are software.

    Raises:
        InputError: no such way, port or device, or options that do not go together.
    """
    _check_way(via)
    if via == "jack":
        if api is not None or rate is not None or channel != 1:
            raise InputError("A JACK server has its own rate and MIDI, and a port for each channel: leave them out.")

        from secret_sauce_hf.engines.hardware.jack_link import JackLink

        return JackLink(midi, audio, back=back, freewheel=freewheel)
    if freewheel:
        raise InputError("Freewheel is JACK's: give --via jack, too, or leave it out.")

    from secret_sauce_hf.engines.hardware.card_link import CardLink

    return CardLink(midi, audio, api=api, rate=rate, channel=channel, back=back)


def sound_inputs(via: str) -> list[str]:
    """The inputs from which sound can be recorded.

    Args:
        via: one of `WAYS`.

    Raises:
        InputError: no such way; no JACK server runs; a package is missing.
    """
    _check_way(via)
    if via == "jack":
        from secret_sauce_hf.engines.hardware.jack_link import jack_inputs

        return jack_inputs()

    from secret_sauce_hf.engines.hardware.card_link import card_inputs

    return card_inputs()


def _check_way(via: str) -> None:
    if via not in WAYS:
        raise InputError(f"{via[:40]!r} is no way to an instrument; give {' or '.join(WAYS)}.")
