"""Messages between a plug-in's process and ours: a JSON header and plain bytes, both of a told size.

Nothing is unpickled: whatever a plug-in's process sends is data.
"""

import json
import struct
from typing import Any, BinaryIO

MOST_HEADER = 64 * 2**20
MOST_PAYLOAD = 256 * 2**20
"""More than ten minutes of stereo at 44.1 kHz."""
_SIZES = struct.Struct("<II")


class BrokenFrame(Exception):
    """What was read is no message."""


def write_frame(stream: BinaryIO, header: dict[str, Any], payload: bytes = b"") -> None:
    """Write one message.

    Raises:
        OSError: nobody reads any more.
    """
    text = json.dumps(header).encode()
    stream.write(_SIZES.pack(len(text), len(payload)) + text + payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read one message: its header and its bytes; None where the other side has closed.

    Raises:
        BrokenFrame: sizes that no message has, one that breaks off, or no JSON mapping.
    """
    sizes = stream.read(_SIZES.size)
    if not sizes:
        return None
    if len(sizes) < _SIZES.size:
        raise BrokenFrame("a message breaks off")
    header_size, payload_size = _SIZES.unpack(sizes)
    if header_size > MOST_HEADER or payload_size > MOST_PAYLOAD:
        raise BrokenFrame("a message is larger than any")
    text, payload = stream.read(header_size), stream.read(payload_size)
    if len(text) < header_size or len(payload) < payload_size:
        raise BrokenFrame("a message breaks off")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame("a message has no header") from error
    if not isinstance(header, dict):
        raise BrokenFrame("a message has no header")
    return header, payload
