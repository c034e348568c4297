"""Record what the package renders, draws, writes, answers and learns, and compare a later version with the record.

A restructuring must change none of it. Run it from anywhere, with the environment of the package:

    python tests/same/record.py --check
    python tests/same/record.py --check --only renders midi
    python tests/same/record.py --out other.json
    python tests/same/record.py --out tests/same/recorded.json --only cards

`--check` computes everything again, compares it with `recorded.json` beside this file, prints every
difference and exits with 1 if there is one. `--out` writes what it computed; with `--only` into a file
that is there already, whose other parts stay. So a change that is meant is recorded by the last command,
and is seen in the diff. Progress and the seconds of each part go to standard error.

The record is JSON: part → name of an item → value. A value is a digest, a list of digests (of blocks of
100 rows, of takes, of candidates), or a number. A digest is the first 16 hexadecimal digits of a SHA-256:
of a file or a text as it is, of an array's type, shape and bytes. For a file of a build,
`sha256sum FILE | cut -c1-16` gives the same.

What must agree on which machine:

renders, presets, midi   on every machine and with any number of threads
builds, cards            wherever the versions in `made_with` are the same: they are written into the
                         files; FLAC's encoder and `heard` measured from spectra may round differently
                         on other processors
answers, training        on the kind of processor in `made_with`, with that many threads: BLAS sums in
                         an order of its own on each

`record.py` reaches the package through `adapter.py` only. `test_same.py` compares a part that is quick.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Nothing here needs the Hub; and sums over threads depend on how many there are. Both are read on import;
# where a test imports this file, the tests after it need what they had.
if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["OMP_NUM_THREADS"] = "2"

import adapter
import numpy as np

RECORDED = Path(__file__).with_name("recorded.json")
MADE_WITH = "made_with"
VERSIONS = ("secret_sauce_hf", "numpy", "numba", "scipy", "soxr", "soundfile", "pyarrow", "datasets", "torch")
VERSIONS += ("transformers", "cma", "evaluate")
BLOCK = 100
"""Rows of one digest."""
RENDERED = 1_000
"""Rows of 2018 that are rendered of each collection, as far as it has so many."""
FRESH = ((1, 0, 300), (77, 5_000, 100))
"""Seed, first row and number of fresh rows."""
ANSWERED = 50
"""Takes that each checkpoint answers to."""
WITH_CANDIDATES = 10
"""Of them, the takes of which candidates are told."""
MATCHED = ("noisemaker-light", "guitar", "subphatty")
QUICK = 64
"""Rows of each collection in the quick part."""
QUICK_ANSWERS = 3

Values = dict[str, Any]


def digest(value: Any) -> str:
    """Return the digest of bytes, a text, an array, or anything that JSON holds."""
    if isinstance(value, np.ndarray):
        value = f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    elif not isinstance(value, bytes):
        value = (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    return hashlib.sha256(value).hexdigest()[:16]


def blocks(array: np.ndarray) -> list[str]:
    """Return the digests of every `BLOCK` rows."""
    return [digest(array[at : at + BLOCK]) for at in range(0, len(array), BLOCK)]


def renders() -> Values:
    """Render rows of 2018 and fresh ones in every way that the engines offer."""
    found: Values = {}
    for name in adapter.COLLECTIONS:
        say(f"renders {name}")
        count = min(RENDERED, adapter.row_count(name))
        rows = adapter.original_rows(name, 0, count)
        for seed in (None, 3):
            found[f"{name} silence noise={seed}"] = blocks(adapter.render(rows, noise_seed=seed))
            if adapter.has_sessions(name):
                takes = adapter.render(rows, in_session=True, noise_seed=seed)
                found[f"{name} session noise={seed}"] = blocks(takes)
        if adapter.has_sessions(name):
            part = adapter.original_rows(name, 200, 300)
            before = adapter.original_rows(name, 199, 200)
            takes = adapter.render(part, in_session=True, preceding=before, first_row=200)
            found[f"{name} session after row 199"] = blocks(takes)
        first = rows[:BLOCK]
        takes = adapter.render(first, noise_seed=3, first_row=17, same_noise=True)
        found[f"{name} same noise"] = blocks(takes)
        found[f"{name} phases of seed 3"] = digest(adapter.drawn_phases(name, 3, 17, BLOCK))
        if width := adapter.phase_count(name):
            # Multiples of the golden section, as their bits depend on no generator.
            phases = (np.arange(len(first) * width) * 0.6180339887498949 % 1.0).reshape(-1, width)
            found[f"{name} given phases"] = blocks(adapter.render(first, noise_seed=3, phases=phases))
        for seed, start, count in FRESH:
            fresh = adapter.fresh_rows(name, count, seed, start)
            takes = adapter.render(fresh, noise_seed=seed, first_row=start)
            found[f"{name} seed {seed} from {start}"] = blocks(takes)
            if adapter.has_sessions(name):
                takes = adapter.render(fresh, in_session=True, noise_seed=seed, first_row=start)
                found[f"{name} seed {seed} from {start} session"] = blocks(takes)
    return found


def presets() -> Values:
    """Draw rows, and convert them in every way."""
    found: Values = {}
    for name in adapter.COLLECTIONS:
        drawn = {"2018": adapter.original_rows(name, 0, adapter.row_count(name))}
        drawn |= {f"seed {seed} from {start}": adapter.fresh_rows(name, n, seed, start) for seed, start, n in FRESH}
        for title, rows in drawn.items():
            text = adapter.csv(rows)
            found[f"{name} {title} CSV"] = digest(text)
            found[f"{name} {title} CC"] = digest(adapter.cc(rows))
            found[f"{name} {title} settings"] = digest(adapter.settings(rows))
            found[f"{name} {title} heard"] = digest(adapter.heard(rows))
            found[f"{name} {title} complete unit"] = digest(adapter.complete_unit(rows))
            found[f"{name} {title} CC of the CSV"] = digest(adapter.cc(adapter.rows_of_csv(name, text)))
        found[f"{name} declaration"] = digest(adapter.declaration_text(name))
    return found


def midi() -> Values:
    """Write tracks, and files of single presets."""
    found: Values = {}
    for name in adapter.COLLECTIONS:
        rows = adapter.original_rows(name, 0, min(RENDERED, adapter.row_count(name)))
        found[f"{name} track"] = digest(adapter.midi_track(rows))
        for order in adapter.MIDI_ORDERS:
            files = [adapter.preset_midi_file(name, preset, order) for preset in adapter.settings(rows[:20])]
            found[f"{name} presets {order}"] = [digest(content) for content in files]
    return found


@cache
def _folder() -> Path:
    """Return a folder for what is built and trained, removed at exit."""
    temporary = tempfile.TemporaryDirectory(prefix="same-")
    _kept.append(temporary)
    return Path(temporary.name)


_kept: list[Any] = []


@cache
def _builds() -> dict[str, tuple[str, Path]]:
    """Return each build's title, collection and folder."""
    # The first build goes across the border of the split, in session.
    wanted: dict[str, tuple[str, dict[str, Any]]] = {
        "noisemaker-light rows 720:840": ("noisemaker-light", {"rows": (720, 840), "rows_per_shard": 50}),
        "subphatty seed 1": ("subphatty", {"seed": 1, "count": 60, "rows_per_shard": 50}),
        "guitar measured": ("guitar", {"rows": (0, 20), "measure": True}),
    }
    made = {}
    for title, (name, options) in wanted.items():
        say(f"building {title}")
        made[title] = (name, adapter.build(name, _folder() / title.replace(" ", "-"), **options))
    return made


def builds() -> Values:
    """Build datasets: every file, and what the Parquet files hold apart from how they are written."""
    import pyarrow.parquet as pq

    found: Values = {}
    for title, (_, folder) in _builds().items():
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            item = f"{title} {path.relative_to(folder).as_posix()}"
            found[item] = digest(path.read_bytes())
            if path.suffix == ".parquet":
                found[f"{item}: rows"] = digest(repr(pq.read_table(path).to_pylist()))
    return found


def cards() -> Values:
    """Write the cards of datasets, checkpoints and metrics."""
    found: Values = {}
    for title, (name, folder) in _builds().items():
        found[f"{title} README.md"] = digest((folder / "README.md").read_text(encoding="utf-8"))
        found[f"{title} published"] = digest(adapter.published_dataset_card(name, folder))
    for name in adapter.COLLECTIONS:
        say(f"card of the checkpoint of {name}")
        found[f"model {name}"] = digest(adapter.model_card(name))
    found |= {f"metric {name}": digest(card) for name, card in adapter.metric_cards().items()}
    return found


def answers() -> Values:
    """Have each checkpoint answer to takes, and search for the presets of some."""
    found: Values = {}
    for name in adapter.COLLECTIONS:
        say(f"answers {name}")
        # Of test rows, of all rows where there are fewer.
        start = max(0, min(adapter.first_test_row(name), adapter.row_count(name) - ANSWERED))
        takes = _takes(name, start, min(ANSWERED, adapter.row_count(name)))
        told = list(adapter.answers(name, takes))
        found[f"{name} preset"] = [digest(answer["preset"]) for answer in told]
        found[f"{name} heard"] = [digest(answer["heard"]) for answer in told]
        found[f"{name} midi"] = [digest(answer["midi"]) for answer in told]
        found[f"{name} confidence"] = [digest(rounded(answer["confidence"])) for answer in told]
        if adapter.has_candidates(name):
            told = list(adapter.answers(name, takes[:WITH_CANDIDATES], num_candidates=5))
            chosen = [answer["candidates"] for answer in told]
            found[f"{name} candidates"] = [digest([one["preset"] for one in some]) for some in chosen]
            found[f"{name} scores"] = [digest([rounded(one["score"]) for one in some]) for some in chosen]
    for name in MATCHED:
        start = adapter.first_test_row(name)
        for row, take in enumerate(_takes(name, start, 3), start):
            say(f"match {name} row {row}")
            found |= _match(f"match {name} row {row}", name, take.astype(np.float32) / 32_768, adapter.SAMPLE_RATE)
    for name in ("noisemaker-light", "subphatty"):
        say(f"match {name} in silence")
        row = adapter.first_test_row(name) + 3
        found |= _match(f"match {name} row {row} in silence", name, _recording(_takes(name, row, 1)[0]), 44_100)
    return found


def _takes(name: str, start: int, count: int) -> np.ndarray:
    return adapter.render(adapter.original_rows(name, start, start + count), first_row=start)


def _recording(take: np.ndarray) -> np.ndarray:
    """Return a sound at 44.1 kHz that is no take: 0.3 s of silence, and 0.6 s of the take."""
    import scipy.signal

    sound = scipy.signal.resample_poly(take / 32_768, 2, 1)
    return np.concatenate([np.zeros(13_230), sound[:26_460]]).astype(np.float32)


def _match(title: str, name: str, sound: np.ndarray, sampling_rate: int) -> Values:
    found = adapter.match(name, sound, sampling_rate, renders=200, num_candidates=3)
    return {
        f"{title} preset": digest(found["preset"]),
        f"{title} heard": digest(found["heard"]),
        f"{title} confidence": digest(rounded(found["confidence"])),
        f"{title} candidates": [digest(cc) for cc in found["candidates"]],
        f"{title} renders": found["renders"],
        f"{title} late": rounded(found["late"]),
        f"{title} distances": rounded(found["distances"]),
        f"{title} rendered": digest(found["rendered"]),
    }


def rounded(value: Any) -> Any:
    """Round every number in mappings and lists to 4 digits: BLAS sums in another order with another number of threads
    or on another processor, and the last bits of what a network tells differ."""
    if isinstance(value, Mapping):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value


def training() -> Values:
    """Train a small model: its weights, and how well it does."""
    out = _folder() / "trained"
    record = adapter.train(
        "noisemaker-light", out, fresh=256, epochs=2, batch_size=32, validation=64, seed=3, precision="fp32"
    )
    steps = [{key: value for key, value in step.items() if key != "seconds"} for step in record["history"]]
    weights = adapter.weights(out)
    return {
        "weights": digest("".join(f"{name} {digest(array)}\n" for name, array in sorted(weights.items()))),
        "config.json": digest((out / "config.json").read_bytes()),
        "preprocessor_config.json": digest((out / "preprocessor_config.json").read_bytes()),
        "losses": [rounded(step["loss"]) for step in steps],
        "history": digest(rounded(steps)),
        "validation": {who: digest(rounded(scores)) for who, scores in record["validation"].items()},
        "calibration": digest(rounded(record["calibration"])),
    }


def quick() -> Values:
    """Compute what `test_same.py` compares at every run of the tests."""
    found: Values = {}
    for name in adapter.COLLECTIONS:
        rows = adapter.original_rows(name, 0, min(QUICK, adapter.row_count(name)))
        found[f"{name} render"] = digest(adapter.render(rows))
        found[f"{name} CSV"] = digest(adapter.csv(rows))
    found["noisemaker track"] = digest(adapter.midi_track(adapter.original_rows("noisemaker", 0, QUICK)))
    found["noisemaker-light model card"] = digest(adapter.model_card("noisemaker-light"))
    takes = _takes("noisemaker-light", adapter.first_test_row("noisemaker-light"), QUICK_ANSWERS)
    told = list(adapter.answers("noisemaker-light", takes))
    found["noisemaker-light preset"] = [answer["preset"] for answer in told]
    found["noisemaker-light confidence"] = [rounded(answer["confidence"]) for answer in told]
    return found


PARTS: dict[str, Callable[[], Values]] = {
    part.__name__: part for part in (renders, presets, midi, builds, cards, answers, training, quick)
}


def compute(parts: list[str]) -> dict[str, Values]:
    """Compute parts of the record, and say how long each took."""
    found = {}
    for part in parts:
        start = time.perf_counter()
        # What libraries print is no difference.
        with redirect_stdout(sys.stderr):
            values = PARTS[part]()
        # As JSON gives it back, so that comparing does not depend on types.
        found[part] = json.loads(json.dumps(values))
        say(f"{part}: {len(values)} items in {time.perf_counter() - start:.1f} s")
    return found


def made_with() -> dict[str, Any]:
    """Return the versions and the machine that a record depends on."""
    versions = {}
    for name in VERSIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "versions": versions,
        "python": platform.python_version(),
        "processor": _processor(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield a line for every value that is not the same."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in [*before, *(name for name in now if name not in before)]:
            at = f"{place} / {name}" if place else name
            if name not in now:
                yield f"{at}: is not there any more"
            elif name not in before:
                yield f"{at}: is new"
            else:
                yield from differences(before[name], now[name], at)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, pair in enumerate(zip(before, now, strict=True)):
            yield from differences(*pair, f"{place} [{index}]")
    elif before != now:
        yield f"{place}: {before!s:.60} recorded, {now!s:.60} now"


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Record or compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--out", type=Path, metavar="FILE.json", help="write what is computed")
    way.add_argument("--check", action="store_true", help=f"compare it with {RECORDED.name}")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="these parts only")
    arguments = parser.parse_args()

    say(f"The package is {adapter.package_file()}.")
    there: dict[str, Any] = {}
    if arguments.check or (arguments.only != list(PARTS) and arguments.out.is_file()):
        there = json.loads((RECORDED if arguments.check else arguments.out).read_text(encoding="utf-8"))
    found = compute(arguments.only)
    if not arguments.check:
        parts = {part: found.get(part, there.get(part)) for part in PARTS if part in found or part in there}
        text = json.dumps({MADE_WITH: made_with()} | parts, indent=1, ensure_ascii=False)
        arguments.out.write_text(text + "\n", encoding="utf-8")
        say(f"{arguments.out}: {', '.join(found)}.")
        return 0
    for line in differences(there[MADE_WITH], made_with()):
        say(f"Other than when it was recorded: {line}.")
    lines = list(differences({part: there.get(part, {}) for part in found}, found))
    print("\n".join(lines) if lines else "Everything is the same.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
