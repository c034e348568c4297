"""Publishing on a Hub, through the real clients over HTTP."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas
import pytest
from datasets import Audio, load_dataset
from hub_faults import Fault
from huggingface_hub import DatasetCard, HfApi, ModelCard, RepoCard

from secret_sauce_hf import checkpoint_path, load_takes
from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data import build_collection, features
from secret_sauce_hf.hub import publish_checkpoint, publish_dataset, publish_metric
from secret_sauce_hf.hub.repository import RepositoryFile, look_at, publish
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.original.table import original_presets

LIGHT = "noisemaker-light"
SHARDS = ["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
MARKS = ["secret-sauce", "dozen"]
CARD = b"---\ntags:\n- secret-sauce\n- dozen\n---\n"
SECRET = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz"


@pytest.fixture(autouse=True)
def _token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)


@pytest.fixture
def server(hub):
    if hub.server is None:
        pytest.skip("only our own Hub can be made to fail")
    return hub.server


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_collection(LIGHT, tmp_path_factory.mktemp("built") / "light", rows=(788, 812), progress=False)


@pytest.fixture(scope="module")
def published(hub, built):
    repo = hub.repo("light")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", hub.token)
        publish_dataset(LIGHT, built, repo, progress=False)
    return repo


def send(repo, files, *, tag=None, overwrite=False, dry_run=False, removable=lambda _: False, **options):
    """Publish a few files: contents by path."""
    there = look_at(repo, "dataset", MARKS, tag=tag, overwrite=overwrite, dry_run=dry_run)
    wanted = [RepositoryFile(path, content) for path, content in files.items()]
    options = {"message": "All of it"} | options
    return publish(there, wanted, removable=removable, overwrite=overwrite, dry_run=dry_run, **options)


def files_of(repo, kind="dataset", revision=None):
    return [name for name in HfApi().list_repo_files(repo, repo_type=kind, revision=revision) if name[0] != "."]


def content_of(repo):
    tree = HfApi().list_repo_tree(repo, repo_type="dataset", recursive=True)
    return {item.path: item.blob_id for item in tree if hasattr(item, "blob_id") and item.path != ".gitattributes"}


def rows_of(dataset):
    return list(dataset.cast_column("audio", Audio(decode=False)))


# Datasets


def test_shards_card_and_picture_go_up_in_one_commit_under_the_version(published):
    assert files_of(published) == ["README.md", *SHARDS, "sheet.png"]
    commits = HfApi().list_repo_commits(published, repo_type="dataset")
    # The first is the Hub's own.
    assert [commit.title for commit in commits[:-1]] == ["Publish noisemaker-light with secret_sauce_hf 0.1.0"]
    [tag] = HfApi().list_repo_refs(published, repo_type="dataset").tags
    assert (tag.name, tag.target_commit) == ("0.1.0", commits[0].commit_id)


@pytest.mark.parametrize("options", [{}, {"streaming": True}, {"revision": "0.1.0"}], ids=str)
def test_rows_and_types_come_back_as_they_were(published, built, options):
    here = load_dataset(str(built))
    there = load_dataset(published, **options)
    assert list(there) == ["train", "test"]
    for split, rows in there.items():
        assert rows.features == here[split].features
        assert rows_of(rows) == rows_of(here[split])


def test_pandas_reads_the_files_of_the_hub(published, built):
    frame = pandas.read_parquet(f"hf://datasets/{published}/{SHARDS[0]}")
    here = load_dataset(str(built), split="test").cast_column("audio", Audio(decode=False))
    assert list(frame["file"]) == list(here["file"])
    assert [audio["bytes"] for audio in frame["audio"]] == [audio["bytes"] for audio in here["audio"]]


def test_takes_come_from_the_hub_by_name(published, built):
    takes, here = load_takes(published, "test"), load_takes(built, "test")
    assert np.array_equal(takes.sounds, here.sounds)
    assert np.array_equal(takes.presets.unit, here.presets.unit)


def test_notes_go_up_and_come_back(hub, tmp_path):
    name, rows = "noisemaker-phrases", (1_598, 1_602)
    folder = build_collection(name, tmp_path / "phrases", rows=rows, progress=False)
    repo = hub.repo("phrases")
    publish_dataset(name, folder, repo, progress=False)
    expected = original_presets(name, *rows)
    assert load_takes(repo).presets == load_takes(folder).presets == expected
    for options in ({}, {"streaming": True}):
        there = load_dataset(repo, **options)
        assert there["test"].features == features(name)
        notes = [row["notes"] for split in ("train", "test") for row in rows_of(there[split])]
        assert [len(row) for row in notes] == expected.performances.counts.tolist()
        assert [note["pitch"] for row in notes for note in row] == expected.performances.pitch.tolist()
    card = DatasetCard.load(repo)
    assert "## What is played" in card.text and get_collection(name).hub_id == "secret-sauce/noisemaker-phrases"


def test_clips_of_ones_own_go_up_and_come_back(hub, tmp_path):
    riff = (Note(48, 90, 0.0, 0.5), Note(55, 80, 0.25, 0.5))
    folder = build_collection(LIGHT, tmp_path / "riff", seed=3, count=3, plays=riff, seconds=1.5, progress=False)
    repo = hub.repo("riff")
    publish_dataset(LIGHT, folder, repo, progress=False)
    takes = load_takes(repo)
    assert takes.sounds.shape == (3, 33_075)
    assert [takes.presets.performances[row] for row in range(3)] == [riff] * 3


def test_the_card_is_valid_and_what_it_shows_works(published, tmp_path, monkeypatch, capsys):
    card = DatasetCard.load(published)
    card.validate(repo_type="dataset")
    assert {"secret-sauce", LIGHT} <= set(card.data.tags)
    snippets = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        assert published in snippet
        exec(compile(snippet, "README.md", "exec"), {})
    assert "s788.wav (19845,) 22050" in capsys.readouterr().out

    # Its commands make the same data, and so the same figures, and the same picture.
    commands = re.findall(r"^secret-sauce (.*)$", card.text, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["build", "sheet"]
    monkeypatch.chdir(tmp_path)
    for command in commands:
        with pytest.raises(SystemExit, match="0"):
            cli.main(command.split())
    for path, mine in [("sheet.png", "sheet.png"), *((shard, f"DIR/{shard}") for shard in SHARDS)]:
        there = Path(HfApi().hf_hub_download(published, path, repo_type="dataset"))
        assert (tmp_path / mine).read_bytes() == there.read_bytes()


def test_a_second_time_nothing_is_sent(server, published, built):
    before = HfApi().dataset_info(published).sha
    server.log.clear()
    again = publish_dataset(LIGHT, built, published, progress=False)
    assert not again.new + again.changed
    assert again.commit == before
    assert not [record for record in server.log if record.method == "PUT" or "/commit/" in record.path]


def test_a_dry_run_sends_nothing_and_needs_no_token(server, hub, built, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    repo = hub.repo("dry")
    server.log.clear()
    with pytest.raises(SystemExit, match="0"):
        cli.main(["publish", "dataset", LIGHT, "--from", str(built), "--repo", repo, "--dry-run"])
    said = capsys.readouterr().out
    assert [path for path in ["README.md", *SHARDS, "sheet.png"] if re.search(f"{path} .* new", said)] == [
        "README.md",
        *SHARDS,
        "sheet.png",
    ]
    assert f"Nothing was sent. Dataset {repo} would be created" in said
    assert server.log
    assert {record.method for record in server.log} <= {"GET", "HEAD"}


def test_folders_that_are_not_to_be_published(hub, built, tmp_path):
    repo = hub.repo("never")

    def attempt(folder, collection=LIGHT, repo=repo, **options):
        publish_dataset(collection, folder, repo, progress=False, **options)

    with pytest.raises(InputError, match="There is no folder"):
        attempt(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"holds {LIGHT}, not subphatty"):
        attempt(built, "subphatty")
    with pytest.raises(InputError, match="is not a name on the Hub"):
        attempt(built, repo="nobody")
    unfinished = tmp_path / "unfinished"
    shutil.copytree(built, unfinished)
    (unfinished / SHARDS[0]).unlink()
    with pytest.raises(InputError, match="is not finished; give its `secret-sauce build` command again"):
        attempt(unfinished)
    record = unfinished / ".build.json"
    record.write_text(record.read_text().replace('"noisemaker 1"', '"noisemaker 0"'))
    with pytest.raises(InputError, match="engine was 'noisemaker 0' and is 'noisemaker 1' now; build it again"):
        attempt(unfinished)
    record.write_text("[]")
    with pytest.raises(InputError, match="is not a build of this version"):
        attempt(unfinished)
    # Without the record it is somebody's dataset, of which the card must be told.
    record.unlink()
    with pytest.raises(InputError, match=r"must be told how its sounds were made \(--about FILE\.md\)"):
        attempt(unfinished)
    with pytest.raises(InputError, match=r"must be told its license \(--license ID\)"):
        attempt(unfinished, about="Recorded.")
    shutil.rmtree(unfinished / "data")
    with pytest.raises(InputError, match=r"No shards in .*give a folder that `secret-sauce build` or `collect` made"):
        attempt(unfinished, about="Recorded.", license="mit")
    assert not HfApi().repo_exists(repo, repo_type="dataset")


# What a repository holds already


def test_another_state_needs_another_revision_or_consent(hub):
    repo = hub.repo("moving")
    old = {"README.md": CARD, "data/a.parquet": b"a", "data/b.parquet": b"b"}
    new = {"README.md": CARD, "data/a.parquet": b"A"}
    send(repo, old, tag="1")
    HfApi().upload_file(path_or_fileobj=b"mine", path_in_repo="notes.txt", repo_id=repo, repo_type="dataset")
    with pytest.raises(InputError, match=r"Revision 1 of dataset .* is another state.*--tag.*--overwrite"):
        send(repo, new, tag="1")
    done = send(repo, new, tag="2", removable=lambda path: path.startswith("data/"))
    assert list(done.lines()) == [
        ("same", "README.md", len(CARD)),
        ("changed", "data/a.parquet", 1),
        ("removed", "data/b.parquet", None),
    ]
    # What people added stays; what an earlier publication had and this one has not is gone.
    assert files_of(repo, revision="2") == ["README.md", "data/a.parquet", "notes.txt"]
    assert files_of(repo, revision="1") == ["README.md", "data/a.parquet", "data/b.parquet"]
    send(repo, old, tag="1", overwrite=True)
    assert files_of(repo, revision="1") == ["README.md", "data/a.parquet", "data/b.parquet", "notes.txt"]


def test_a_repository_of_something_else_is_not_touched_without_consent(hub):
    repo = hub.repo("theirs")
    api = HfApi()
    api.create_repo(repo, repo_type="dataset")
    api.upload_file(path_or_fileobj=b"theirs", path_in_repo="table.csv", repo_id=repo, repo_type="dataset")
    with pytest.raises(InputError, match=r"holds something else already \(table\.csv\).*--overwrite"):
        send(repo, {"README.md": CARD})
    assert files_of(repo) == ["table.csv"]
    send(repo, {"README.md": CARD}, overwrite=True)
    assert files_of(repo) == ["README.md"]


def test_private_and_public(hub, monkeypatch):
    repo = hub.repo("private")
    send(repo, {"README.md": CARD}, private=True)
    assert HfApi().dataset_info(repo).private
    send(repo, {"README.md": CARD + b"More"})
    assert HfApi().dataset_info(repo).private
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(InputError, match=r"There is no dataset .* on the Hub, or it is private"):
        load_takes(repo, "test")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    send(repo, {"README.md": CARD}, private=False)
    assert not HfApi().dataset_info(repo).private


def test_a_hub_that_names_files_in_another_way(hub):
    """Not every one has git's ids; then small files are compared as they are."""
    repo = hub.repo("ids")
    send(repo, {"README.md": CARD, "notes.md": b"old"}, tag="1")
    there = look_at(repo, "dataset", MARKS, tag="1")
    for file in there.files.values():
        file.blob_id = "0" * 40
    again = publish(
        there,
        [RepositoryFile("README.md", CARD), RepositoryFile("notes.md", b"old")],
        removable=lambda _: False,
        message="Again",
    )
    assert [file.path for file in again.same] == ["README.md", "notes.md"]
    assert again.commit == there.head


def test_a_hub_that_does_not_say_what_is_missing(server, hub):
    repo = hub.repo("vague")
    send(repo, {"README.md": CARD}, tag="1")
    server.faults.add(Fault(path="/revision/2", status=404, times=100))
    send(repo, {"README.md": CARD, "more.md": b"more"}, tag="2")
    server.faults.clear()
    assert files_of(repo, revision="2") == ["README.md", "more.md"]
    server.faults.add(Fault(path="/revision/3", status=403, times=100))
    with pytest.raises(InputError, match="The token may not do this"):
        send(repo, {"README.md": CARD}, tag="3")


@pytest.mark.parametrize("tag", ["main", "a b", "../x", "", "-1"])
def test_revisions_that_cannot_be(hub, tag):
    with pytest.raises(InputError, match="cannot be the name of a revision"):
        send(hub.repo("tag"), {"README.md": CARD}, tag=tag)


@pytest.mark.parametrize("license", ["nonsense!!", "MIT License", ""])
def test_licenses_that_cannot_be(hub, built, license):
    with pytest.raises(InputError, match="is not how the Hub names licenses"):
        publish_dataset(LIGHT, built, hub.repo("license"), license=license, progress=False)


# Checkpoints


def test_a_checkpoint_goes_up_with_its_code_and_its_evaluation(hub):
    repo = hub.repo("ast", "model")
    publish_checkpoint(LIGHT, repo)
    names = files_of(repo, "model")
    assert {"README.md", "config.json", "model.safetensors", "preprocessor_config.json", "parameters.py"} <= set(names)
    assert {"modeling_secret_sauce.py", "pipeline_secret_sauce.py", "evaluation.json", "evaluation.png"} <= set(names)
    card = ModelCard.load(repo)
    card.validate(repo_type="model")
    results = {result.metric_type: result for result in card.data.eval_results}
    assert results["mae"].dataset_type == "secret-sauce/noisemaker-light"
    assert f"| **mean of the knobs** | {results['mae'].metric_value:.3f} |" in card.text
    assert "secret-sauce build noisemaker-light --out DIR --rows 0:1000" in card.text
    assert f"secret-sauce evaluate {repo} --data DIR --split test" in card.text


def test_an_evaluation_of_other_weights_is_not_published(hub, tmp_path):
    folder = tmp_path / "ckpt"
    shutil.copytree(checkpoint_path(LIGHT), folder)
    record = (folder / "evaluation.json").read_text()
    (folder / "evaluation.json").write_text(record.replace('"weights": "', '"weights": "0'))
    with pytest.raises(InputError, match=r"is about other weights.*secret-sauce evaluate"):
        publish_checkpoint(folder, hub.repo("other", "model"))
    (folder / "evaluation.json").unlink()
    with pytest.raises(InputError, match=r"has not been evaluated.*secret-sauce evaluate"):
        publish_checkpoint(folder, hub.repo("other", "model"))


def test_a_metric_goes_up_as_a_space_that_evaluate_loads(hub, client_environment):
    repo = f"{hub.namespace}/preset_error"
    hub.made.append((repo, "space"))
    with pytest.raises(InputError, match="must be called ORG/preset_error"):
        publish_metric("preset_error", f"{hub.namespace}/other")
    with pytest.raises(InputError, match="There is no metric 'error'; there are sound_distance, preset_error"):
        publish_metric("error", repo)
    publish_metric("preset_error", repo)
    assert {"README.md", "app.py", "preset_error.py", "requirements.txt"} <= set(files_of(repo, "space"))
    RepoCard.load(repo, repo_type="space").validate(repo_type="space")
    code = (
        f"import evaluate; metric = evaluate.load({repo!r}, revision='0.1.0')\n"
        "print(metric.compute(predictions=[{'cutoff': 4.0}], references=[{'cutoff': 5.5}])['knob_mae'])"
    )
    # A process of its own, as `evaluate` reads the endpoint when it is imported. It would report the download.
    environment = {**client_environment, "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ["1.5"], done.stderr


# Cuts


def test_an_upload_cut_at_random_moments(server, hub, monkeypatch):
    """Ctrl-C where the connection breaks, anywhere from the first byte to the last: old or new, and nothing twice."""
    draw = random.Random(5)
    old, new = (
        {"README.md": CARD + mark} | {f"data/{number}.parquet": draw.randbytes(40_000) for number in range(11)}
        for mark in (b"old", b"new")
    )
    reference = hub.repo("cut")
    send(reference, old)
    old_content = content_of(reference)
    server.log.clear()
    send(reference, new, tag="2")
    new_content, total = content_of(reference), sum(record.bytes_in for record in server.log)

    def interrupt(_seconds):
        raise KeyboardInterrupt

    seen = []
    for _ in range(20):
        repo = hub.repo("cut")
        send(repo, old)
        server.log.clear()
        server.cut_after(draw.randrange(total))
        # What the client does when the connection breaks is to wait and to try again.
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(time, "sleep", interrupt)
            send(repo, new, tag="2")
        seen.append(content_of(repo))
        assert seen[-1] in (old_content, new_content)
        arrived = {record.path for record in server.requests("PUT", "/lfs/") if record.status == 200}
        server.log.clear()
        send(repo, new, tag="2")
        assert content_of(repo) == new_content
        assert files_of(repo, revision="2") == sorted(new)
        again = {record.path for record in server.requests("PUT", "/lfs/")}
        assert not arrived & again
        assert len(arrived) + len(again) == (len(new) - 1 if seen[-1] == old_content else len(arrived))
    assert old_content in seen


def test_a_commit_whose_answer_is_lost_is_found_done(server, hub, monkeypatch):
    repo = hub.repo("lost")
    server.faults.add(Fault(path="/commit/", cut_answer_after_bytes=0))

    def interrupt(_seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", interrupt)
        with pytest.raises((KeyboardInterrupt, InputError)):
            send(repo, {"README.md": CARD, "a.parquet": b"a"}, tag="1")
    assert files_of(repo) == ["README.md", "a.parquet"]
    again = send(repo, {"README.md": CARD, "a.parquet": b"a"}, tag="1")
    assert not again.new + again.changed
    assert files_of(repo, revision="1") == ["README.md", "a.parquet"]


def test_a_broken_connection_is_tried_again(server, hub, monkeypatch):
    repo = hub.repo("again")
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    server.cut_after(20_000)
    send(repo, {"README.md": CARD, "a.parquet": bytes(50_000)})
    assert files_of(repo) == ["README.md", "a.parquet"]
    assert [record.status for record in server.requests("PUT", "/lfs/")][-2:] == [0, 200]


def test_ctrl_c_does_not_wait_for_what_is_on_its_way(server, hub, built):
    server.faults.add(Fault(path="/lfs/", method="PUT", delay=20, times=100))
    server.log.clear()
    command = [Path(sys.executable).with_name("secret-sauce"), "publish", "dataset", LIGHT, "--from", built]
    process = subprocess.Popen([*command, "--repo", hub.repo("stopped")], stderr=subprocess.PIPE, text=True)
    while not server.requests("PUT", "/lfs/"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert time.monotonic() - start < 5
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "secret-sauce: Stopped; the same command goes on from here."
    assert "Traceback" not in said


# What goes wrong


@pytest.fixture
def complaint(built, hub, capsys):
    """The one line of the command when it fails."""

    def fail(repo=None):
        repo = repo or hub.repo("wrong")
        with pytest.raises(SystemExit, match="2"):
            cli.main(["publish", "dataset", LIGHT, "--from", str(built), "--repo", repo])
        [line] = capsys.readouterr().err.strip().splitlines()
        assert "\n" not in line
        assert line.startswith("secret-sauce: ")
        return line

    return fail


def test_no_token(complaint, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert re.search(r"There is no token to publish dataset .*hf auth login.*HF_TOKEN", complaint())


def test_a_token_that_does_not_do_is_not_shown(complaint, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    said = complaint()
    assert "does not accept the token" in said
    assert "hf auth login" in said
    assert SECRET[3:] not in said


def test_a_token_for_reading(complaint, monkeypatch, hub):
    if hub.read_token is None:
        pytest.skip("needs a second token")
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    said = complaint()
    assert "The token is for reading only" in said
    assert hub.read_token not in said


def test_somebody_elses_namespace(complaint):
    said = complaint("somebody-else/light")
    assert re.search(r"The token may not do this with dataset somebody-else/light .*or another name", said)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(path="repos/create", status=403), r"The token may not do this with dataset .*write permission"),
        (Fault(path="preupload", status=429), r"asks for fewer requests.*again later"),
        (Fault(path="/commit/", status=500), r"The Hub has a fault \(HTTP 500\).*again later"),
        (Fault(path="/commit/", status=412), r"was changed by somebody else meanwhile"),
        (Fault(path="/lfs/", method="PUT", status=503), r"The Hub has a fault \(HTTP 503\).*again later"),
        (Fault(path="/lfs/", method="PUT", cut_after_bytes=0), r"The Hub at http.* cannot be reached for dataset"),
        (Fault(path="/commit/", cut_after_bytes=0), r"The Hub at http.* cannot be reached for dataset"),
    ],
    ids=["forbidden", "too many requests", "server fault", "conflict", "storage fault", "cut upload", "cut commit"],
)
def test_what_the_hub_refuses_is_one_sentence(server, hub, monkeypatch, fault, message):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    fault.times = 100
    server.faults.add(fault)
    with pytest.raises(InputError, match=message) as caught:
        send(hub.repo("refused"), {"README.md": CARD, "a.parquet": b"a"})
    assert "\n" not in str(caught.value)
    assert hub.token not in str(caught.value)


def test_a_full_account(server, hub):
    server.quota_bytes = 1_000
    with pytest.raises(InputError, match=r"The storage of dataset .* is full: .* Free some"):
        send(hub.repo("full"), {"README.md": CARD, "a.parquet": bytes(10_000)})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        # A port that nobody answers.
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, r"The Hub at http://127\.0\.0\.1:9 cannot be reached for dataset"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    ],
    ids=["no network", "offline"],
)
def test_without_a_hub(built, environment, message):
    # A dataset is sent without what models need, which takes seconds to import.
    code = (
        "import atexit, sys\n"
        "from secret_sauce_hf.cli import main\n"
        "atexit.register(lambda: print(*{'torch', 'transformers', 'matplotlib'} & set(sys.modules), end=''))\n"
        "main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "publish", "dataset", LIGHT, "--from", built, "--repo", "me/light"],
        env={**os.environ, "HF_TOKEN": SECRET, **environment},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.strip().splitlines()
    assert re.search(message, line)
    assert SECRET[3:] not in line
