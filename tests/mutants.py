"""Files and answers that were damaged at random: whoever reads them must take them or raise an InputError of one line.

    python tests/mutants.py [--count 2000] [--start 0] [--only parquet checkpoints …] [--trace]

Mutant number i of a reader is the same in every run. A mutant that takes more than `SECONDS`, more memory than
`SPARE_BYTES` or is answered with what is not finite counts as a fault, too. Exits with 1 if there is one.
"""

import argparse
import faulthandler
import json
import random
import resource
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 20
"""Of a processor, for one input; waiting may take six times as long."""
SPARE_BYTES = 3 * 2**30
LONGEST = 1_000
"""Characters of a message."""

Draw = random.Random


class Choices(random.Random):
    """Draws that bytes decide: whoever changes the bytes changes what is drawn. Zeros follow the last byte."""

    def __init__(self, content: bytes):
        super().__init__(0)
        self._content, self._at = content, 0

    def getrandbits(self, count: int) -> int:
        size = -(-count // 8)
        part = self._content[self._at : self._at + size].ljust(size, b"\0")
        self._at += size
        return int.from_bytes(part, "little") >> (8 * size - count)

    def random(self) -> float:
        return self.getrandbits(16) / 2**16


@dataclass(frozen=True)
class Target:
    """Something that reads untrusted input; whatever it is given, it raises an `InputError` or nothing.

    Args:
        read: reads the bytes.
        seeds: input that is good.
        spoil: damages such input at random.
        ending: how files with such content end.
        place: damages input that is more than bytes, such as a folder, and returns where it lies.
        ways: of such a place the ways to read it; one is drawn.
    """

    read: Callable[[bytes], object]
    seeds: Sequence[bytes]
    spoil: Callable[[Draw, bytes], bytes]
    ending: str = ""
    place: Callable[[Draw], Any] | None = None
    ways: Callable[[Any], Sequence[Callable[[], object]]] | None = None

    @classmethod
    def of_places(cls, place: Callable[[Draw], Any], ways: Callable[[Any], Sequence[Callable[[], object]]]) -> "Target":
        """One whose input is more than bytes: bytes decide how a good one is damaged."""

        def read(content: bytes) -> object:
            draw = Choices(content)
            return draw.choice(ways(place(draw)))()

        return cls(read, [random.Random(seed).randbytes(99) for seed in range(40)], spoilt_bytes, "", place, ways)

    def mutant(self, draw: Draw) -> Callable[[], object]:
        """Damage input at random; what is returned reads it."""
        if self.place is not None and self.ways is not None:
            return draw.choice(self.ways(self.place(draw)))
        content = self.spoil(draw, draw.choice(self.seeds))
        return lambda: self.read(content)


Reader = Callable[[Path], Target]
"""Puts what it needs into a folder of its own."""


class TooSlow(BaseException):
    """A mutant was not read in time; no blanket `except` may hide it."""


def every(*ways: Callable[[], object]) -> None:
    """Read in each of several ways.

    Raises:
        InputError: of the first that refuses, after all have been tried.
    """
    from secret_sauce_hf import InputError

    refused: InputError | None = None
    for way in ways:
        try:
            way()
        except InputError as error:
            if wrong := wrong_refusal(error):
                raise wrong from error
            refused = refused or error
    if refused is not None:
        raise refused


# The loop


def faults(target: Target, name: str, numbers: Iterable[int]) -> Iterator[Any]:
    """The numbers of the mutants that were not taken as they must be, each with what happened."""
    for number in numbers:
        read = target.mutant(random.Random(f"{name} {number}"))
        if (error := fault(read)) is not None:
            yield number, error


def fault(read: Callable[[], object]) -> BaseException | None:
    """What is wrong with how input is read; None if it is taken, or refused in one line."""
    from secret_sauce_hf import InputError

    try:
        with in_time():
            read()
    except InputError as error:
        wrong = wrong_refusal(error)
        if wrong is not None:
            wrong.__cause__ = wrong.__cause__ or error
        return wrong
    except (Exception, TooSlow) as error:  # noqa: BLE001 - whatever else is raised is what is looked for
        return error
    return None


def wrong_refusal(error: Exception) -> BaseException | None:
    """What is wrong with how input was refused; None if nothing is."""
    text = str(error)
    if "\n" in text or len(text) > LONGEST:
        return AssertionError(f"not a line: {text[:200]!r} ({len(text)} characters)")
    return _wanted_memory(error)


@contextmanager
def in_time() -> Iterator[None]:
    """Have what takes too long raise `TooSlow`."""

    def late(*_: object) -> None:
        raise TooSlow(f"more than {SECONDS} s")

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, 6 * SECONDS))
    before = [signal.signal(number, late) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    # Should it hang where Python's signals do not arrive, the whole process ends and says where.
    faulthandler.dump_traceback_later(12 * SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def _wanted_memory(error: BaseException | None) -> BaseException | None:
    """What of an error's causes says that there was too little memory: more was asked for than the input can need."""
    while error is not None:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return error
        error = error.__cause__ or error.__context__
    return None


# Damage to bytes, to JSON, to weights


def spoilt_bytes(draw: Draw, content: bytes) -> bytes:
    """Some bytes flipped, cut out, put in, repeated or exchanged."""
    result = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        # Where most formats say what they are and how long.
        end = len(result) if draw.random() < 0.5 else min(len(result), 200)
        at = draw.randrange(end) if end else 0
        size = draw.choice((1, 1, 2, 4, 8, 64, 1024))
        kind = draw.randrange(8)
        if kind == 0 and result:
            result[at] ^= 1 << draw.randrange(8)
        elif kind == 1 and result:
            result[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            del result[at : at + size]
        elif kind == 3:
            result[at:at] = draw.randbytes(size)
        elif kind == 4:
            result[at:at] = result[at : at + size] * draw.choice((1, 2, 100))
        elif kind == 5:
            result[at : at + 4] = struct.pack(draw.choice("<>") + "I", draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1)))
        elif kind == 6:
            del result[at:]
        else:
            other = draw.randrange(end) if end else 0
            result[at : at + size], result[other : other + size] = (
                result[other : other + size],
                result[at : at + size],
            )
    return bytes(result)


def junk(draw: Draw) -> Any:
    """A value that stands for no other."""
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    return draw.choice(
        [
            None, True, False, 0, 1, -1, 2, 127, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-300, 1e308, float("nan"),
            float("inf"), float("-inf"), "", "x", "1", "1.5", "nan", "é\u202e\0", "../..", "a\nb", "x" * 5_000, [], {},
            [None], [1, 2], ["a", "b"], {"": ""}, {"a": [1]}, [[1, 2], [3]], list(range(300)), deep,
        ]
    )  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def spoilt_json(draw: Draw, value: Any) -> Any:
    """Some values replaced, left out, exchanged, repeated or renamed."""
    value = json.loads(json.dumps(value))
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        # At every depth alike, as most values lie deep.
        found = list(places(value))
        if not found or draw.random() < 0.02:
            value = junk(draw)
            continue
        if isinstance(value, dict) and draw.random() < 0.4:
            inside, key = value, draw.choice(list(value))
            if isinstance(inside[key], dict) and inside[key] and draw.random() < 0.5:
                inside, key = inside[key], draw.choice(list(inside[key]))
        else:
            inside, key = draw.choice(found)
        kind = draw.randrange(8)
        if kind <= 3:
            inside[key] = junk(draw)
        elif kind == 4:
            del inside[key]
        elif kind == 5:
            other, place = draw.choice(found)
            inside[key] = json.loads(json.dumps(other[place]))
        elif isinstance(inside, list):
            inside.insert(key, junk(draw) if kind == 6 else inside[key])
        elif kind == 6:
            inside[draw.choice(("extra", "name", "kind", "", "0"))] = junk(draw)
        else:
            inside[f"{key}x"] = inside.pop(key)
    return value


def spoilt_text(draw: Draw, text: str) -> bytes:
    """JSON as text, its values or its bytes damaged."""
    kind = draw.random()
    if kind < 0.75:
        return json.dumps(spoilt_json(draw, json.loads(text))).encode()
    if kind < 0.95:
        return spoilt_bytes(draw, text.encode())
    return draw.choice(
        [b"", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5_000, b"\xff\xfe" + text.encode("utf-16-le"), b"{}"]
    )


def spoilt_weights(draw: Draw, content: bytes) -> bytes:
    """A safetensors file, its header or its values damaged."""
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    kind = draw.random()
    name = draw.choice([name for name in header if name != "__metadata__"])
    if kind < 0.2:
        return spoilt_bytes(draw, content)
    if kind < 0.4:
        header = spoilt_json(draw, header)
    elif kind < 0.6:
        header[name]["dtype"] = draw.choice(
            ("F64", "F32", "BF16", "F16", "I16", "U16", "I64", "I8", "BOOL", "F8_E4M3", "F4", "C64", "?")
        )
    elif kind < 0.7:
        header[name]["shape"] = draw.choice(([], [0], [1, *header[name]["shape"]], header[name]["shape"][::-1]))
    elif kind < 0.8:
        start, end = header[name]["data_offsets"]
        move = draw.choice((-2, 1, 2, 1000))
        header[name]["data_offsets"] = draw.choice(
            ([start + move, end + move], [end, start], [start, end + move], [0, 0], [0, end - start])
        )
    elif kind < 0.95:
        start, end = header[name]["data_offsets"]
        value = draw.choice((b"\xff\xff", b"\x00\x7c", b"\x00\xfc", b"\x00\x00", b"\xff\x7b"))
        data = data[:start] + value * ((end - start) // 2) + data[end:]
    else:
        length_said = draw.choice((0, 1, 2**22, 2**40, 2**64 - 1))
        return struct.pack("<Q", length_said) + content[8:]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def spoilt_table(draw: Draw, table: Any) -> Any:
    """A table of Arrow, its columns or what it says of them damaged."""
    import pyarrow as pa

    rows, column = len(table), draw.randrange(table.num_columns)
    name, kind = table.column_names[column], draw.randrange(9)
    if kind == 0:
        return table.drop_columns([name])
    if kind == 1:
        return table.rename_columns([f"{one}x" if one == name else one for one in table.column_names])
    if kind == 2:
        other = draw.randrange(table.num_columns)
        return table.set_column(column, name, table.column(other))
    if kind == 3:
        return table.append_column(draw.choice(table.column_names), table.column(column))
    if kind == 4:
        return table.slice(0, draw.choice((0, 1)))
    if kind == 5:
        said = json.loads(table.schema.metadata[b"huggingface"])
        text = draw.choice((spoilt_text(draw, json.dumps(said)), json.dumps(spoilt_json(draw, said)).encode()))
        return table.replace_schema_metadata({b"huggingface": text})
    if kind == 6:
        return table.replace_schema_metadata(None)
    path = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    values = [
        pa.nulls(rows), pa.nulls(rows, table.schema.field(column).type), pa.array([""] * rows),
        pa.array(["s0.wav"] * rows), pa.array(["1.5"] * rows), pa.array([b"\xff"] * rows), pa.array([1.5] * rows),
        pa.array([float("nan")] * rows), pa.array([float("inf")] * rows, pa.float32()), pa.array([-1] * rows),
        pa.array([2**62] * rows), pa.array([1] * rows, pa.uint64()), pa.array([True] * rows), pa.array([[1.0]] * rows),
        pa.array([{"a": 1}] * rows), pa.array([{"bytes": None, "path": None}] * rows, path),
        pa.array([{"bytes": b"", "path": "../x.wav"}] * rows), pa.array([{"bytes": "text", "path": 1}] * rows),
        pa.array([{"path": "s0.wav"}] * rows), pa.array([{"bytes": b"RIFF"}] * rows),
        pa.array([0] * rows, pa.timestamp("ns")), pa.array([1] * rows).cast(pa.decimal128(25)),
        pa.array(["a"] * rows).dictionary_encode(), pa.array([1] * rows, pa.duration("s")),
        pa.array([0.5] * rows, pa.float16()),
    ]  # fmt: skip
    value = draw.choice(values)
    if draw.random() < 0.3 and table.schema.field(column).type == value.type and rows > 1:
        # In the last row only.
        value = pa.concat_arrays([table.column(column).combine_chunks().slice(0, rows - 1), value.slice(0, 1)])
    return table.set_column(column, name, value)


# The command


def limit_memory(spare: int = SPARE_BYTES) -> None:
    """Let this process have so many bytes more than it has now."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + spare, resource.RLIM_INFINITY))


def kind_of(error: BaseException) -> tuple[str, str]:
    """By what faults are told apart: the error's name, and the line where it was raised."""
    # Of a refusal that is wrong, where it was refused.
    place = traceback.extract_tb((error.__cause__ or error).__traceback__)[-1:]
    return type(error).__name__, f"{Path(place[0].filename).name}:{place[0].lineno}" if place else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2_000, help="mutants of each reader")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--only", nargs="+", metavar="READER")
    parser.add_argument("--trace", action="store_true", help="show where each fault happened")
    options = parser.parse_args()
    # First: it points the Hub's clients at the tests' own.
    import conftest  # noqa: F401
    from mutant_readers import READERS, scratch

    bad = 0
    for name in options.only or READERS:
        with scratch() as folder:
            target = READERS[name](folder)
            limit_memory()
            start, kinds = time.monotonic(), {}
            for number, error in faults(target, name, range(options.start, options.start + options.count)):
                kinds.setdefault(kind_of(error), []).append(number)
                if options.trace:
                    print(f"--- {name} {number}", *traceback.format_exception(error), sep="\n", file=sys.stderr)
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        count = sum(map(len, kinds.values()))
        print(f"{name}: {options.count:,} mutants in {time.monotonic() - start:.0f} s, {count} faults", flush=True)
        for (kind, at), numbers in sorted(kinds.items(), key=lambda item: -len(item[1])):
            print(f"    {len(numbers):4} {kind} at {at}: {', '.join(map(str, numbers[:8]))}", flush=True)
        bad += count
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
