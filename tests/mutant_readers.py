"""Everything that reads untrusted input (see `mutants`): good input of each kind, how it is spoilt, who reads it.

This is the one list: the tests try some mutants of each, `mutants.py` thousands, `make fuzz` what reaches new code, and
`benchmarks/mutated_files.py` goes through the commands. Readers of one file are in `mutant_files`, those of what comes
over a network in `mutant_requests`; here are folders and answers of a Hub.
"""

import contextlib
import itertools
import json
import os
import shutil
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import mutant_files
import mutant_requests
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from mutant_files import LIGHT, RATE, sound
from mutants import Draw, Reader, Target, spoilt_bytes, spoilt_table, spoilt_text, spoilt_weights

from secret_sauce_hf import InputError, checkpoint_path
from secret_sauce_hf.presets import draw_presets


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for readers; the servers that they started end with it."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        try:
            yield Path(folder)
        finally:
            while serve.running:
                serve.running.pop().stop()
            while mutant_requests.running:
                mutant_requests.running.pop().close()


def remove(path: Path) -> None:
    """Remove whatever there is."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def copied(source: Path, target: Path) -> Path:
    """A fresh copy of a folder, whatever its last one has become."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))


def parquet(folder: Path) -> Target:
    from secret_sauce_hf.data import build_collection, iter_takes, load_takes
    from secret_sauce_hf.data.card_facts import dataset_facts, split_files
    from secret_sauce_hf.data.normalising import is_normal, normalise
    from secret_sauce_hf.data.reading import split_names
    from secret_sauce_hf.data.recorded import read_recordings

    built = build_collection(LIGHT, folder / "built", seed=1, count=5, rows_per_shard=2, progress=False)
    shards = sorted(path.relative_to(built) for path in built.rglob("*.parquet"))
    (built / ".build.json").unlink()
    # The same in a layout that only `datasets` knows, and in one file of recordings.
    other = folder / "other"
    other.mkdir()
    for path in shards:
        shutil.copy(built / path, other / f"{path.name[:11]}.parquet")
    rows = pq.read_table(built / shards[0])
    with_labels = {
        parameter.name: pa.array(
            [parameter.labels[int(one)] for one in rows[parameter.name].to_pylist()]
            if parameter.classes
            else rows[parameter.name].to_pylist()
        )
        for parameter in LIGHT.parameters
    }
    flac = pa.array([one["bytes"] for one in rows["audio"].to_pylist()])
    recorded = pa.table(with_labels | {"flac": flac, "file": rows["file"]})
    recorded = recorded.replace_schema_metadata({b"huggingface": b"{}"})
    metadata = [{"file_name": "s0.wav", **next(draw_presets(LIGHT, 1, seed=1).rows())}]
    count = itertools.count()

    def damage(draw: Draw, path: Path) -> None:
        kind = draw.random()
        if kind < 0.3:
            path.write_bytes(spoilt_bytes(draw, path.read_bytes()))
        elif kind < 0.95:
            table = pq.read_table(path)
            for _ in range(draw.choice((1, 1, 2))):
                with contextlib.suppress(KeyError, TypeError, ValueError, RecursionError):
                    table = spoilt_table(draw, table)
            pq.write_table(table, path)
        else:
            path.unlink()
            draw.choice((path.mkdir, path.touch, lambda: os.mkfifo(path), lambda: path.symlink_to("nowhere")))()

    def publishable(place: Path) -> None:
        files = split_files(place)
        normal = folder / f"normal-{next(count)}"
        normal.mkdir()
        if not files or not all(is_normal(path, LIGHT) for part in files.values() for path in part):
            files = normalise(place, LIGHT, normal, progress=False)
        dataset_facts(LIGHT, files)

    def broken(draw: Draw) -> Path:
        kind = draw.random()
        if kind < 0.1:
            path = folder / "recordings.parquet"
            remove(path)
            pq.write_table(recorded, path)
            damage(draw, path)
            return path
        if kind < 0.15:
            place = folder / "sounds"
            place.mkdir(exist_ok=True)
            soundfile.write(place / "s0.wav", sound(0.9), RATE)
            (place / "metadata.jsonl").write_bytes(
                b"\n".join(spoilt_text(draw, json.dumps(one)) for one in metadata for _ in range(2))
            )
        elif kind < 0.35:
            place = copied(other, folder / "broken-other")
            damage(draw, draw.choice(sorted(place.iterdir())))
        else:
            place = copied(built, folder / "broken")
            damage(draw, place / draw.choice(shards))
        return place

    def ways(place: Path) -> list[Callable[[], object]]:
        if place.name == "recordings.parquet":
            return [lambda: read_recordings(place, LIGHT)]
        return [
            lambda: load_takes(place),
            lambda: load_takes(place, collection=LIGHT),
            lambda: list(iter_takes(place, "test", collection="noisemaker-light")),
            lambda: publishable(place),
            lambda: split_names(place),
        ]

    return Target.of_places(broken, ways)


def small_checkpoints(folder: Path) -> list[Path]:
    """A checkpoint of our own encoder, one whose weights are in several files, and one of AST's encoder."""
    import torch
    from modeling.test_modeling import small_model

    from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, SecretSauceModel
    from secret_sauce_hf.training.run import save_checkpoint

    own, several, ast = (folder / name for name in ("own", "several", "ast"))
    model, extractor = small_model()
    save_checkpoint(model, extractor, own)
    model.save_pretrained(several, max_shard_size="60KB")
    extractor.save_pretrained(several)
    fbank = {"name": "fbank", "kind": "fbank", "rate": 16_000, "bins": 32, "mean": -4.0, "std": 4.5}
    extractor = SecretSauceFeatureExtractor(take_samples=LIGHT.samples, inputs=[fbank])
    frames = extractor.input_sizes()[0]["frames"]
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    encoder = sizes | {"max_length": frames, "num_mel_bins": 32}
    inputs = [record | {"patch": 16} for record in extractor.input_sizes()]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SecretSauceModel(SecretSauceConfig.from_collection(LIGHT, inputs=inputs, ast=encoder))
    save_checkpoint(model, extractor, ast)
    return [own, several, ast]


def checkpoints(folder: Path) -> Target:
    from transformers import AutoConfig, AutoModel, pipeline

    from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, SecretSauceModel, load_pipeline
    from secret_sauce_hf.training.base import first_model, open_base

    originals = small_checkpoints(folder)
    heard = {"array": sound(0.9).astype(np.float32), "sampling_rate": RATE}

    def broken(draw: Draw) -> Path:
        place = copied(draw.choice(originals), folder / "broken")
        weights = sorted(place.glob("*.safetensors"))
        kind = draw.random()
        if kind < 0.4:
            path = draw.choice(weights)
            path.write_bytes(spoilt_weights(draw, path.read_bytes()))
        elif kind < 0.97:
            path = draw.choice(sorted(place.glob("*.json")))
            path.write_bytes(spoilt_text(draw, path.read_text()))
        else:
            path = draw.choice([*weights, *place.glob("*.json")])
            path.unlink()
            draw.choice((path.mkdir, path.touch, lambda: os.mkfifo(path), lambda: path.symlink_to("nowhere")))()
        return place

    def ways(place: Path) -> list[Callable[[], object]]:
        def answer(predict) -> None:
            told = predict(heard)
            values = [*told["confidence"].values(), *told["heard"].values()]
            assert np.isfinite(np.array(values, dtype=float)).all(), "answers that are not finite"

        def base() -> None:
            start = open_base(place)
            first_model(LIGHT, start, start.hidden_size, start.layers, 0)

        def by_transformers(call) -> None:
            # It reads the JSON files itself first, and wraps what our classes raise.
            try:
                call()
            except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
                files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
                if any("secret_sauce_hf" in file for file in files):
                    raise
                raise InputError((str(error).splitlines() or [""])[0][:100]) from None

        return [
            lambda: answer(load_pipeline(place)),
            lambda: answer(load_pipeline(place)),
            lambda: by_transformers(lambda: answer(pipeline("audio-to-preset", model=str(place), device="cpu"))),
            lambda: SecretSauceModel.from_pretrained(place),
            lambda: by_transformers(lambda: AutoModel.from_pretrained(place)),
            lambda: SecretSauceConfig.from_pretrained(place),
            lambda: SecretSauceConfig.from_json_file(place / "config.json"),
            lambda: by_transformers(lambda: AutoConfig.from_pretrained(place).to_collection()),
            lambda: SecretSauceFeatureExtractor.from_pretrained(place)(heard),
            base,
        ]

    return Target.of_places(broken, ways)


def records(folder: Path) -> Target:
    """What lies beside a checkpoint and in a build, as `publish`, `benchmark` and `collections` read it."""
    from secret_sauce_hf.data import build_collection
    from secret_sauce_hf.data.building import finished_plan
    from secret_sauce_hf.evaluation.records import read_history, weights_digest
    from secret_sauce_hf.evaluation.store import Store
    from secret_sauce_hf.hub import publish_checkpoint
    from secret_sauce_hf.hub.overview import found_here

    hub = serve(folder / "hub")
    [original, *_] = small_checkpoints(folder / "originals")
    shipped = checkpoint_path(LIGHT.name)
    for name in ("evaluation", "benchmark"):
        record = json.loads((shipped / f"{name}.json").read_text()) | {"weights": weights_digest(original)}
        (original / f"{name}.json").write_text(json.dumps(record))
    for path in (shipped / "training.json", *shipped.glob("*.png"), shipped / "benchmark.md"):
        shutil.copy(path, original / path.name)
    built = build_collection(LIGHT, folder / "built", seed=1, count=2, progress=False)

    def spoil(draw: Draw) -> Callable[[], object]:
        hub.server.log.clear()
        place = copied(original, folder / "here" / "broken")
        kind = draw.random()
        if kind < 0.8:
            path = place / draw.choice(("evaluation.json", "benchmark.json", "training.json"))
            path.write_bytes(spoilt_text(draw, path.read_text()))
            ways = [lambda: publish_checkpoint(place, "me/mutant", license="mit", dry_run=True)] * 9
            return draw.choice([*ways, lambda: read_history(place)])
        if kind < 0.9:
            build = copied(built, folder / "here" / "build")
            path = build / ".build.json"
            path.write_bytes(spoilt_text(draw, path.read_text()))
            return draw.choice((lambda: finished_plan(build), lambda: build_collection(LIGHT, build, seed=1, count=2)))
        if kind < 0.95:
            shutil.rmtree(folder / "kept", ignore_errors=True)
            part = Store(folder / "kept").part("matching", {"seed": 0})
            part.put("a", [1.0])
            lines = draw.choice(sorted((folder / "kept").rglob("*.jsonl")))
            lines.write_bytes(spoilt_text(draw, json.dumps({"key": "a", "value": [1.0]})) + b"\n" + lines.read_bytes())
            return lambda: Store(folder / "kept").part("matching", {"seed": 0})
        path = draw.choice((place / "config.json", copied(built, folder / "here" / "build") / ".build.json"))
        path.write_bytes(spoilt_text(draw, path.read_text()))
        if draw.random() < 0.2:
            path.unlink()
            os.mkfifo(path)
        return lambda: found_here(folder / "here")

    return Target.of_places(spoil, lambda read: [read])


# The Hub


class serve:
    """The tests' own Hub with somebody in between, to whom the clients of this process talk from now on."""

    running: ClassVar[list["serve"]] = []

    def __init__(self, folder: Path):
        from hub.test_hostile_hub import Middleman
        from hub_server import HubServer, User
        from huggingface_hub import constants

        os.environ["HF_TOKEN"] = "hf_writer"
        self.server = HubServer(folder, users={"hf_writer": User("tester", namespaces=("me",))})
        self.server.start()
        self.between = Middleman(self.server.url)
        self.thread = threading.Thread(target=lambda: self.between.serve_forever(0.01), daemon=True)
        self.thread.start()
        self.running.append(self)
        constants.ENDPOINT = self.between.url
        constants.HUGGINGFACE_CO_URL_TEMPLATE = self.between.url + "/{repo_id}/resolve/{revision}/{filename}"

    def stop(self) -> None:
        """Free the ports."""
        self.between.shutdown()
        self.thread.join()
        self.between.server_close()
        self.server.stop()


def answers(folder: Path) -> Target:
    import datasets
    from huggingface_hub import HfApi, constants, file_download
    from huggingface_hub.utils import _http

    from secret_sauce_hf.data import build_collection, load_takes
    from secret_sauce_hf.data.source import locate
    from secret_sauce_hf.hub import publish_metric
    from secret_sauce_hf.hub.repository import RepositoryFile, look_at, publish
    from secret_sauce_hf.modeling.loading import checkpoint_folder

    hub = serve(folder / "hub")
    api = HfApi(endpoint=hub.server.url, token="hf_writer")
    built = build_collection(LIGHT, folder / "built", seed=1, count=2, progress=False)
    [checkpoint, several, _] = small_checkpoints(folder / "originals")
    for kind, name, source in (
        ("dataset", "takes", built),
        ("model", "own", checkpoint),
        ("model", "several", several),
    ):
        api.create_repo(f"me/{name}", repo_type=kind)
        api.upload_folder(repo_id=f"me/{name}", repo_type=kind, folder_path=source)

    class _NoTime:
        sleep = staticmethod(lambda _: None)
        time = staticmethod(lambda: 0.0)

    # Nothing is waited for before another try.
    for module in (_http, file_download):
        module.time = _NoTime
    datasets.config.HF_ENDPOINT = hub.between.url
    count = itertools.count()

    def send() -> None:
        there = look_at("me/files", "dataset", ["secret-sauce"], tag="1.0", overwrite=True)
        files = [
            RepositoryFile("README.md", b"---\ntags:\n- secret-sauce\n---\n"),
            RepositoryFile("a.bin", os.urandom(99)),
        ]
        publish(there, files, removable=lambda _: True, message="All of it", overwrite=True)

    ways = [
        lambda: load_takes("me/takes"),
        lambda: checkpoint_folder("me/own"),
        lambda: checkpoint_folder("me/several"),
        lambda: locate("me/takes", None, None),
        lambda: look_at("me/takes", "dataset", ["secret-sauce"], tag="1.0"),
        lambda: publish_metric("preset_error", "me/preset_error", overwrite=True),
        send,
    ]

    def spoil(draw: Draw) -> Callable[[], object]:
        cache = folder / f"cache-{next(count)}"
        constants.HF_HUB_CACHE = str(cache / "hub")
        datasets.config.HF_DATASETS_CACHE = str(cache / "datasets")
        datasets.config.DOWNLOADED_DATASETS_PATH = str(cache / "datasets" / "downloads")
        which, times = draw.randrange(8), draw.choice((1, 1, 2, 1000))
        seen = itertools.count()
        what = draw.randrange(8)

        def tamper(answer) -> None:
            number = next(seen)
            if not which <= number < which + times:
                return
            if what <= 2 and "json" in (answer.headers["Content-Type"] or ""):
                answer.body = spoilt_text(draw, answer.body.decode() or "{}")
            elif what == 3:
                answer.status = draw.choice((200, 201, 204, 206, 304, 400, 401, 403, 404, 409, 416, 418, 429, 500, 503))
            elif what == 4:
                answer.body = draw.choice((b"", b"<html>Log in</html>", b"null", b"[]", b"{}", answer.body[:20]))
            elif what == 5:
                name = draw.choice([*answer.headers.keys(), "Location", "Link", "X-Error-Code", "X-Linked-Size"])
                if draw.random() < 0.5:
                    del answer.headers[name]
                else:
                    said = ("", "0", "-1", "x", "é", "http://", "/", "<x>; rel=next", "application/json", "9" * 30)
                    answer.say(name, draw.choice(said))
            elif what == 6:
                answer.body = spoilt_bytes(draw, answer.body)
            else:
                answer.status = draw.choice((301, 302, 307))
                said = ("", "/", answer.path, "http://127.0.0.1:1/", "http://[", "ftp://x", "//", "file:///etc/passwd")
                answer.say("Location", draw.choice(said))

        way = draw.choice(ways)

        def read() -> None:
            hub.between.tamper = tamper
            try:
                way()
            finally:
                hub.between.tamper = lambda _: None
                shutil.rmtree(cache, ignore_errors=True)

        return read

    return Target.of_places(spoil, lambda read: [read])


READERS: dict[str, Reader] = {
    **mutant_files.READERS,
    "parquet": parquet,
    "checkpoints": checkpoints,
    "records": records,
    **mutant_requests.READERS,
    "answers": answers,
}
