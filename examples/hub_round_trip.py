"""Publish everything on the Hub at HF_ENDPOINT, load it back in another process, and compare it with what is here.

    HF_TOKEN=… python examples/hub_round_trip.py --org me

Builds the collections (or takes them from --data, as `make collections` leaves them), publishes them and every
checkpoint that ships, then loads each dataset plain, streamed, by revision and through pandas, and runs each model with
this package and as remote code, from an empty cache. With --python the models run as remote code in another environment
(transformers, torch, numpy, soundfile and mido are enough). Ends with 1 if anything differs.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

SOUNDS = 20
"""Test rows of which predictions are compared."""

# What an environment without this package runs.
REMOTE = """
import json, sys
from transformers import pipeline
model, sounds = sys.argv[1:]
predict = pipeline("audio-to-preset", model=model, trust_remote_code=True)
print(json.dumps([answer["preset"] for answer in predict(json.load(open(sounds)))]))
"""


def publish(options: argparse.Namespace) -> None:
    """Build what is missing and send it."""
    from secret_sauce_hf.data import build_collection
    from secret_sauce_hf.hub import publish_checkpoint, publish_dataset

    for collection in chosen(options):
        rows = (0, min(options.rows, collection.count)) if options.rows else None
        if options.rows and collection.train_count < collection.count:
            # On both sides of the border, so that there are rows to train on and to test on.
            half = min(options.rows // 2, collection.count - collection.train_count)
            rows = (collection.train_count - half, collection.train_count + half)
        folder = build_collection(collection, options.data / collection.name, rows=rows)
        start = time.perf_counter()
        done = publish_dataset(collection, folder, f"{options.org}/{collection.name}", overwrite=options.overwrite)
        sent = sum(file.size for file in done.new + done.changed) / 1e6
        print(f"{done.repo}: {sent:,.1f} MB sent, {time.perf_counter() - start:.1f} s", flush=True)
        if ships(collection.name):
            repo = f"{options.org}/ast-{collection.name}"
            publish_checkpoint(collection.name, repo, overwrite=options.overwrite)
            print(f"{repo}: published", flush=True)


def check(options: argparse.Namespace) -> list[str]:
    """Load everything and compare; returns what differs."""
    import pandas
    from datasets import Audio, disable_progress_bars, load_dataset
    from huggingface_hub import HfFileSystem

    disable_progress_bars()
    faults = []
    for collection in chosen(options):
        repo, folder = f"{options.org}/{collection.name}", options.data / collection.name
        start = time.perf_counter()
        local = load_dataset(str(folder)).cast_column("audio", Audio(decode=False))
        expected = {split: digest(rows) for split, rows in local.items()}
        found = {
            "plain": load_dataset(repo),
            "streamed": load_dataset(repo, streaming=True),
            "revision": load_dataset(repo, revision=options.tag),
        }
        for how, dataset in found.items():
            rows = dataset.cast_column("audio", Audio(decode=False))
            if {split: digest(part) for split, part in rows.items()} != expected:
                faults.append(f"{repo} {how}: other rows")
            if {name: part.features for name, part in dataset.items()} != {
                name: part.features for name, part in load_dataset(str(folder)).items()
            }:
                faults.append(f"{repo} {how}: other types")
        system = HfFileSystem()
        for split, rows in local.items():
            paths = sorted(system.glob(f"datasets/{repo}/data/{split}-*.parquet"))
            frame = pandas.concat([pandas.read_parquet(f"hf://{path}", columns=["file", "audio"]) for path in paths])
            if list(frame["file"]) != rows["file"] or [a["bytes"] for a in frame["audio"]] != [
                a["bytes"] for a in rows["audio"]
            ]:
                faults.append(f"{repo} through pandas: other rows")
        print(f"{repo}: {sum(map(len, local.values())):,} rows, {time.perf_counter() - start:.1f} s", flush=True)
        if not ships(collection.name):
            continue

        repo = f"{options.org}/ast-{collection.name}"
        with tempfile.TemporaryDirectory() as place:
            paths = []
            for take in local["test"].select(range(min(SOUNDS, len(local["test"])))):
                paths.append(str(Path(place) / take["file"]))
                Path(paths[-1]).write_bytes(take["audio"]["bytes"])
            faults += compare_models(collection.name, repo, paths, options.python)
        print(f"{repo}: {len(paths)} sounds", flush=True)
    return faults


def compare_models(collection: str, repo: str, paths: list[str], python: str) -> list[str]:
    """Predictions of the published model with the package and as remote code, beside those of the local one."""
    from transformers import pipeline

    from secret_sauce_hf.modeling import load_pipeline

    expected = [answer["preset"] for answer in load_pipeline(collection=collection)(paths)]
    faults = []
    with_package = [answer["preset"] for answer in pipeline("audio-to-preset", model=repo)(paths)]
    if with_package != expected:
        faults.append(f"{repo} with the package: other settings")
    listed = Path(paths[0]).with_name("sounds.json")
    listed.write_text(json.dumps(paths))
    done = subprocess.run([python, "-c", REMOTE, repo, listed], capture_output=True, text=True)
    if done.returncode:
        faults.append(f"{repo} as remote code: {done.stderr.strip().splitlines()[-1]}")
    elif json.loads(done.stdout.splitlines()[-1]) != expected:
        faults.append(f"{repo} as remote code: other settings")
    return faults


def digest(rows) -> str:
    """A hash of every value of every row, whatever gives them."""
    total = hashlib.sha256()
    for row in rows:
        sound = row.pop("audio")["bytes"]
        total.update(hashlib.sha256(sound).digest() + json.dumps(row, sort_keys=True).encode())
    return total.hexdigest()


def chosen(options: argparse.Namespace) -> list:
    """The collections to publish."""
    from secret_sauce_hf.instruments import COLLECTIONS, get_collection

    return [get_collection(name) for name in options.only or COLLECTIONS]


def ships(collection: str) -> bool:
    """Whether a checkpoint of the collection comes with the package."""
    from secret_sauce_hf import InputError, checkpoint_path

    try:
        return checkpoint_path(collection).is_dir()
    except InputError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--org", default="secret-sauce", help="user or organisation to publish under (secret-sauce)")
    parser.add_argument("--data", type=Path, default=Path("collections"), help="folder of the builds (./collections)")
    parser.add_argument("--rows", type=int, help="of each collection only about so many, half of them test rows")
    parser.add_argument("--only", nargs="+", metavar="COLLECTION", help="not all of them")
    parser.add_argument("--tag", default=version("secret_sauce_hf"), help="revision to check (the package's version)")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run the models as remote code in")
    parser.add_argument("--overwrite", action="store_true", help="replace what else the repositories hold")
    parser.add_argument("--check-only", action="store_true", help="only load and compare what has been published")
    options = parser.parse_args()
    if shutil.which(options.python) is None:
        parser.error(f"There is no interpreter {options.python}.")
    if options.check_only:
        faults = check(options)
        print("\n".join(faults) or "Everything that was loaded is equal to what is here.")
        sys.exit(1 if faults else 0)
    publish(options)
    with tempfile.TemporaryDirectory() as home:
        # An empty cache, another process: nothing but the Hub can have it.
        environment = {**os.environ, "HF_HOME": home}
        sys.exit(subprocess.run([sys.executable, __file__, "--check-only", *sys.argv[1:]], env=environment).returncode)


if __name__ == "__main__":
    from secret_sauce_hf import InputError

    try:
        main()
    except InputError as error:
        sys.exit(f"hub_round_trip: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on from here.")
