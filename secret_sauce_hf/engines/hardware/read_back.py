"""Whether a patch has arrived, asked of instruments that can tell."""

from collections.abc import Iterable, Sequence

import mido

from secret_sauce_hf.instruments import InputError, Instrument

# NRPN 0 = 127 has the Sub Phatty send all its parameters as controllers (told by its maker, confirmed by a user).
_ASKED = {"subphatty": ((99, 0), (98, 0), (6, 127))}
"""Controllers and values that have an instrument send its settings, by the instrument's name."""


def request(instrument: Instrument, channel: int) -> list[mido.Message]:
    """The messages that have an instrument send its settings.

    Args:
        instrument: the instrument.
        channel: 0 to 15.

    Raises:
        InputError: of this instrument nothing of that kind is known.
    """
    if instrument.name not in _ASKED:
        raise InputError(
            f"How {instrument.name} would send its settings back is not known, only of {', '.join(_ASKED)}: leave the "
            "port for it out."
        )
    pairs = _ASKED[instrument.name]
    return [mido.Message("control_change", control=key, value=value, channel=channel) for key, value in pairs]


def differences(sent: Sequence[mido.Message], received: Iterable[mido.Message]) -> dict[int, tuple[int, int]] | None:
    """The controllers that an instrument has otherwise than they were sent: number → (sent, told); None if it is mute.

    Controllers of which it tells nothing are taken to have arrived.

    Args:
        sent: the messages of a preset.
        received: what came back.
    """
    told = {one.control: one.value for one in received if one.type == "control_change"}
    wanted = {one.control: one.value for one in sent if one.type == "control_change"}
    if not told.keys() & wanted.keys():
        return None
    return {key: (value, told[key]) for key, value in wanted.items() if told.get(key, value) != value}
