"""The tests' own Hub, driven by the real clients: what they say and do there is what they do on huggingface.co."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import datasets
import pandas
import pytest
from hub_server import HubServer, User
from hub_steps import add, paths, sha256
from hub_store import Commit, File, git_id
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session

# This is about our own server; against a foreign Hub there is nothing to test here.
pytestmark = pytest.mark.usefixtures("server")


def parquet(**columns) -> bytes:
    return pandas.DataFrame(columns).to_parquet()


# Users and repositories


def test_a_token_says_who_holds_it_and_what_for(hub):
    user = HfApi(token=hub.read_token).whoami()
    assert (user["name"], user["auth"]["accessToken"]["role"]) == (hub.namespace, "read")
    assert HfApi(token=hub.token).whoami()["auth"]["accessToken"]["role"] == "write"
    with pytest.raises(HfHubHTTPError, match="Invalid user token") as error:
        HfApi(token="hf_nobody").whoami()
    assert error.value.response.status_code == 401


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_repository_comes_and_goes(hub, api, kind):
    name = hub.repo("made", kind)
    options = {"repo_type": kind, "space_sdk": "static" if kind == "space" else None}
    url = api.create_repo(name, **options)
    assert (url.repo_id, url.repo_type, url.endpoint) == (name, kind, hub.url)
    assert api.list_repo_files(name, repo_type=kind) == [".gitattributes"]
    assert [commit.title for commit in api.list_repo_commits(name, repo_type=kind)] == ["initial commit"]
    with pytest.raises(HfHubHTTPError, match=f"You already created this {kind} repo") as error:
        api.create_repo(name, **options)
    assert error.value.response.status_code == 409
    assert api.create_repo(name, exist_ok=True, **options) == url
    api.delete_repo(name, repo_type=kind)
    assert not api.repo_exists(name, repo_type=kind)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(name, repo_type=kind)
    api.delete_repo(name, repo_type=kind, missing_ok=True)


def test_a_private_repository_is_seen_by_its_owners_only(hub, api):
    name = hub.repo("secret")
    api.create_repo(name, repo_type="dataset", private=True)
    assert HfApi(token=hub.read_token).dataset_info(name).private
    for token, status, message in (
        (False, 401, "Invalid username or password"),
        ("hf_stranger", 404, "Repository Not Found"),
    ):
        with pytest.raises(RepositoryNotFoundError, match=message) as error:
            HfApi(token=token).dataset_info(name)
        assert error.value.response.status_code == status
        assert name not in [info.id for info in HfApi(token=token).list_datasets(author=hub.namespace)]
    api.update_repo_settings(name, repo_type="dataset", private=False)
    assert HfApi(token=False).dataset_info(name).private is False
    assert name in [info.id for info in HfApi(token=False).list_datasets(author=hub.namespace)]


def test_a_missing_repository_looks_like_a_private_one(hub):
    for token, status in ((False, 401), (hub.token, 404)):
        with pytest.raises(RepositoryNotFoundError) as error:
            HfApi(token=token).dataset_info(f"{hub.namespace}/nothing-of-this-name")
        assert error.value.response.status_code == status
    # Names without an owner, and addresses nobody asks for.
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("nothing-of-this-name", "config.json")
    assert get_session().get(f"{hub.url}/nothing").status_code == 404


@pytest.mark.parametrize(
    ("token", "status", "kind", "message"),
    [
        (False, 401, RepositoryNotFoundError, "Invalid username or password"),
        ("hf_nobody", 401, HfHubHTTPError, "Invalid credentials in Authorization header"),
        ("hf_reader", 403, HfHubHTTPError, "403 Forbidden: Forbidden: you must use a write token"),
        ("hf_stranger", 403, HfHubHTTPError, "pass `create_pr=1` as a query parameter"),
    ],
)
def test_writing_needs_a_token_for_it(hub, dataset, token, status, kind, message):
    with pytest.raises(kind, match=message) as error:
        add(HfApi(token=token), dataset, {"a.txt": b"a"})
    assert (type(error.value), error.value.response.status_code) == (kind, status)
    assert paths(HfApi(token=hub.token), dataset) == [".gitattributes"]


def test_a_namespace_is_its_owners(hub, server):
    with pytest.raises(HfHubHTTPError, match='rights to create a model under the namespace "tester"') as error:
        HfApi(token="hf_stranger").create_repo(hub.repo("mine", "model"))
    assert error.value.response.status_code == 403
    server.users["hf_member"] = User("member", namespaces=("band",))
    api = HfApi(token="hf_member")
    assert [one["name"] for one in api.whoami()["orgs"]] == ["band"]
    assert api.create_repo("band/ours").repo_id == "band/ours"
    api.delete_repo("band/ours")
    del server.users["hf_member"]


# Files and history


def test_names_are_those_of_git():
    contents = {"data/en/b.txt": b"hi", "data/e": b"", "a/z": b"x", "a.txt": b"y"}
    files = {path: File(git_id("blob", content), len(content)) for path, content in contents.items()}
    commit = Commit("Title", "More words", "alice", 1700000000, None, files)
    # From `git write-tree` and `git commit-tree` on the same files.
    assert files["data/en/b.txt"].oid == "32f95c0d1244a78b2be1bab8de17906fabb2c4a8"
    assert commit.folders == {
        "": "06be389dbd0fc5f5967916e10d331f3c4f7a9e93",
        "a": "c56db693baa30afabec90b129af126bd24281ee4",
        "data": "488d185fb3dcbc98f60adbe263c9e11abfa40ce9",
        "data/en": "af56796e1e94644e987d77164f9ac7787632caf8",
    }
    assert commit.oid == "bea66fa5c3c480da25f13e158a867cf88ea8fb52"


def test_what_is_committed_is_read_again(api, dataset, tmp_path):
    contents = {"notes/a.txt": "ä\n".encode(), "notes/empty.bin": b"", "b.bin": bytes(range(256)) * 40}
    (tmp_path / "c.parquet").write_bytes(parquet(a=[1]))
    files = {**contents, "data/c.parquet": str(tmp_path / "c.parquet"), "d.bin": io.BytesIO(b"d" * 100)}
    oid = add(api, dataset, files)
    contents |= {"data/c.parquet": (tmp_path / "c.parquet").read_bytes(), "d.bin": b"d" * 100}
    assert paths(api, dataset) == sorted([".gitattributes", *contents])
    info = api.dataset_info(dataset, files_metadata=True)
    assert info.sha == oid
    siblings = {file.rfilename: file for file in info.siblings}
    for path, content in contents.items():
        assert Path(hf_hub_download(dataset, path, repo_type="dataset")).read_bytes() == content
        assert siblings[path].size == len(content)
        assert (siblings[path].lfs is not None) == (path in ("b.bin", "data/c.parquet", "d.bin"))
    assert siblings["notes/a.txt"].blob_id == git_id("blob", contents["notes/a.txt"])
    assert siblings["b.bin"].lfs.sha256 == sha256(contents["b.bin"])
    folder = Path(snapshot_download(dataset, repo_type="dataset"))
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {".gitattributes", *contents}
    assert folder.name == oid


def test_every_operation_of_a_commit(hub, api, dataset):
    add(api, dataset, {"a.txt": b"a", "b.bin": b"b\0", "old/c.txt": b"c", "old/more/d.txt": b"d", "e.txt": b"e"})
    operations = [
        CommitOperationAdd("a.txt", b"changed"),
        CommitOperationCopy("b.bin", "copy/b.bin"),
        CommitOperationCopy("e.txt", "copy/e.txt"),
        CommitOperationDelete("e.txt"),
        CommitOperationDelete("old/"),
    ]
    api.create_commit(dataset, operations, commit_message="All", commit_description="of them", repo_type="dataset")
    assert paths(api, dataset) == [".gitattributes", "a.txt", "b.bin", "copy/b.bin", "copy/e.txt"]
    assert Path(hf_hub_download(dataset, "copy/b.bin", repo_type="dataset")).read_bytes() == b"b\0"
    last = api.list_repo_commits(dataset, repo_type="dataset")[0]
    assert (last.title, last.message, last.authors) == ("All", "of them", [hub.namespace])
    api.delete_file("a.txt", dataset, repo_type="dataset")
    api.delete_folder("copy", dataset, repo_type="dataset")
    assert paths(api, dataset) == [".gitattributes", "b.bin"]
    with pytest.raises(RemoteEntryNotFoundError, match="A file with this name doesn't exist"):
        api.delete_file("a.txt", dataset, repo_type="dataset")


def test_what_has_not_changed_is_not_sent_again(api, server, dataset):
    files = {"a.txt": b"a", "b.bin": b"b\0"}
    oid = add(api, dataset, files)
    server.log.clear()
    assert add(api, dataset, files) == oid
    assert not server.requests("PUT") and not server.requests("POST", "/commit/")
    # Its content is known, so under another name it needs no sending either.
    add(api, dataset, {"c.bin": b"b\0"})
    assert not server.requests("PUT") and len(server.requests("POST", "/commit/")) == 1


@pytest.mark.parametrize(
    ("path", "size", "sample", "mode"),
    [
        ("a.txt", 1, b"a", "regular"),
        ("README.md", 1, b"a", "regular"),
        ("data/a.parquet", 1, b"a", "lfs"),
        ("a.safetensors", 1, b"a", "lfs"),
        ("deep/in/a.wav", 1, b"a", "lfs"),
        ("a.flac", 1, b"a", "lfs"),
        ("a.png", 1, b"a", "lfs"),
        ("a.unknown", 3, b"a\0b", "lfs"),
        ("big.json", 10 * 1024**2, b"a", "regular"),
        ("big.json", 10 * 1024**2 + 1, b"a", "lfs"),
    ],
)
def test_where_a_file_belongs(hub, dataset, path, size, sample, mode):
    file = {"path": path, "size": size, "sample": base64.b64encode(sample).decode()}
    answer = post(hub, f"/api/datasets/{dataset}/preupload/main", json={"files": [file]})
    assert answer.json()["files"] == [{"path": path, "uploadMode": mode, "shouldIgnore": False}]


def post(hub, path: str, **options):
    return get_session().post(f"{hub.url}{path}", headers={"Authorization": f"Bearer {hub.token}"}, **options)


def commit_lines(*operations: tuple[str, dict]) -> bytes:
    lines = [{"key": "header", "value": {"summary": "By hand"}}]
    lines += [{"key": key, "value": value} for key, value in operations]
    return "\n".join(map(json.dumps, lines)).encode()


@pytest.mark.parametrize(
    ("operation", "status", "message"),
    [
        (("lfsFile", {"path": "b.bin", "oid": "0" * 64, "size": 3}), 400, "LFS pointer pointed to a file that does"),
        (("lfsFile", {"path": "b.bin", "oid": sha256(b"known\0"), "size": 5}), 400, "LFS pointer pointed to a file"),
        (("file", {"path": "../b.txt", "content": "YQ=="}), 400, "Invalid path"),
        (("file", {"path": "a.bin/b.txt", "content": "YQ=="}), 400, "lies in a folder that is a file"),
        (("file", {"path": "big.txt", "content": "YWFh" * (10 * 1024**2 // 3 + 1)}), 400, "files larger than 10 MiB"),
        (("file", {"path": "README.md", "content": "LS0tCmxpY2Vuc2U6IHgKLS0tCg=="}), 400, '"license" must be one of'),
        (("deletedFile", {"path": "nothing"}), 404, "A file with this name doesn't exist"),
        (("deletedFolder", {"path": "nothing"}), 404, "A folder with this name doesn't exist"),
        (("renamedFile", {"path": "a.bin"}), 400, "Unknown operation"),
    ],
)
def test_a_commit_happens_whole_or_not_at_all(hub, api, dataset, operation, status, message):
    before = add(api, dataset, {"a.bin": b"known\0"})
    content = commit_lines(("file", {"path": "new.txt", "content": "YQ=="}), operation)
    answer = post(hub, f"/api/datasets/{dataset}/commit/main", content=content)
    assert (answer.status_code, message in answer.json()["error"]) == (status, True), answer.json()
    assert api.dataset_info(dataset).sha == before
    assert paths(api, dataset) == [".gitattributes", "a.bin"]


def test_a_large_file_must_be_what_was_announced(hub, dataset):
    body, oid = b"sound\0", sha256(b"sound\0")
    batch = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(body)}]}
    address = f"/datasets/{dataset}.git/info/lfs/objects/batch"
    href = post(hub, address, json=batch).json()["objects"][0]["actions"]["upload"]["href"]
    verify = f"/datasets/{dataset}.git/info/lfs/verify"
    for wrong in (b"noise\0", b"sound", b""):
        assert get_session().put(href, content=wrong).status_code == 400
        assert post(hub, verify, json={"oid": oid, "size": len(body)}).status_code == 404
    assert get_session().put(href.replace("signature=", "signature=0"), content=body).status_code == 403
    assert get_session().put(href, content=body).status_code == 200
    assert post(hub, verify, json={"oid": oid, "size": len(body)}).status_code == 200
    assert "actions" not in post(hub, address, json=batch).json()["objects"][0]
    assert post(hub, address, json={"objects": [{"oid": "../../key", "size": 1}]}).status_code == 400


def test_branches_and_tags(api, dataset):
    first = add(api, dataset, {"a.txt": b"1"})
    api.create_tag(dataset, tag="v1", repo_type="dataset")
    api.create_branch(dataset, branch="next/try", repo_type="dataset", revision="v1")
    second = add(api, dataset, {"a.txt": b"2"}, revision="next/try")
    refs = api.list_repo_refs(dataset, repo_type="dataset")
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": first, "next/try": second}
    assert {ref.ref: ref.target_commit for ref in refs.tags} == {"refs/tags/v1": first}
    for revision, content in (("v1", "1"), ("main", "1"), ("next/try", "2"), (second, "2")):
        path = hf_hub_download(dataset, "a.txt", repo_type="dataset", revision=revision)
        assert Path(path).read_text() == content
    assert api.dataset_info(dataset, revision=second[:8]).sha == second
    for make in (
        lambda: api.create_tag(dataset, tag="v1", repo_type="dataset"),
        lambda: api.create_branch(dataset, branch="next/try", repo_type="dataset"),
    ):
        with pytest.raises(HfHubHTTPError, match="Reference already exists") as error:
            make()
        assert error.value.response.status_code == 409
    api.create_tag(dataset, tag="v1", repo_type="dataset", exist_ok=True)
    with pytest.raises(BadRequestError, match="Invalid reference"):
        api.create_branch(dataset, branch="refs/pr/1", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="Cannot delete"):
        api.delete_branch(dataset, branch="main", repo_type="dataset")
    api.delete_tag(dataset, tag="v1", repo_type="dataset")
    api.delete_branch(dataset, branch="next/try", repo_type="dataset")
    for gone in (
        lambda: api.delete_tag(dataset, tag="v1", repo_type="dataset"),
        lambda: api.delete_branch(dataset, branch="next/try", repo_type="dataset"),
        lambda: api.dataset_info(dataset, revision="v1"),
        lambda: add(api, dataset, {"b.txt": b"b"}, revision="next/try"),
        lambda: hf_hub_download(dataset, "a.txt", repo_type="dataset", revision="next/try"),
    ):
        with pytest.raises(RevisionNotFoundError, match=r"Invalid rev id: (v1|next/try)"):
            gone()


def test_a_commit_on_an_old_state_is_refused(api, dataset):
    old = api.dataset_info(dataset).sha
    new = add(api, dataset, {"a.txt": b"1"}, parent_commit=old)
    with pytest.raises(HfHubHTTPError, match=r"A commit has happened since\. Please refresh and try again") as error:
        add(api, dataset, {"a.txt": b"2"}, parent_commit=old)
    assert error.value.response.status_code == 412
    assert api.dataset_info(dataset).sha == new


def test_paths_say_what_changed_them_last(api, dataset):
    first = add(api, dataset, {"data/a.txt": b"1", "data/b.txt": b"1"})
    second = add(api, dataset, {"data/a.txt": b"2"})
    rows = api.get_paths_info(
        dataset, ["data/a.txt", "data/b.txt", "data", "nothing"], expand=True, repo_type="dataset"
    )
    assert {row.path: row.last_commit.oid for row in rows} == {
        "data/a.txt": second,
        "data/b.txt": first,
        "data": second,
    }
    assert [row.path for row in api.list_repo_tree(dataset, "data", repo_type="dataset")] == [
        "data/a.txt",
        "data/b.txt",
    ]
    assert [row.path for row in api.list_repo_tree(dataset, repo_type="dataset")] == [".gitattributes", "data"]
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(dataset, "data/a.txt", repo_type="dataset"))


def test_a_missing_file_is_told_from_a_missing_revision(api, dataset):
    with pytest.raises(RemoteEntryNotFoundError, match="Entry Not Found") as error:
        hf_hub_download(dataset, "nothing", repo_type="dataset")
    assert error.value.response.headers["X-Repo-Commit"] == api.dataset_info(dataset).sha
    assert api.file_exists(dataset, ".gitattributes", repo_type="dataset")
    assert not api.file_exists(dataset, "nothing", repo_type="dataset")
    assert not api.revision_exists(dataset, "nothing", repo_type="dataset")


@pytest.mark.parametrize("path", ["small.txt", "large.bin"])
def test_parts_of_a_file(hub, api, dataset, path):
    content = bytes(range(1, 251)) * 4
    add(api, dataset, {path: content})
    url = f"{hub.url}/datasets/{dataset}/resolve/main/{path}"
    for asked, part in (
        ("0-9", content[:10]),
        ("990-", content[990:]),
        ("-5", content[-5:]),
        ("990-2000", content[990:]),
    ):
        answer = get_session().get(url, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["Content-Range"].endswith("/1000")
    for asked in ("1000-", "abc"):
        answer = get_session().get(url, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */1000")
    assert get_session().get(url).content == content


def test_the_file_system_of_the_hub(hub, api, dataset):
    fs = HfFileSystem(token=hub.token, skip_instance_cache=True)
    root = f"datasets/{dataset}"
    with fs.open(f"{root}/data/a.bin", "wb") as file:
        file.write(b"0123456789" * 1000)
    add(api, dataset, {"data/b.txt": b"line 1\nline 2\n"})
    fs.invalidate_cache()
    assert sorted(fs.glob(f"{root}/data/*")) == [f"{root}/data/a.bin", f"{root}/data/b.txt"]
    assert fs.info(f"{root}/data/a.bin")["size"] == 10000
    assert fs.isdir(f"{root}/data") and not fs.exists(f"{root}/nothing")
    with fs.open(f"{root}/data/a.bin", block_size=0) as stream:
        assert stream.read(25)[-5:] == b"01234"
    with fs.open(f"{root}/data/a.bin") as file:
        file.seek(5005)
        assert file.read(5) == b"56789"
    assert fs.read_text(f"{root}/data/b.txt").splitlines() == ["line 1", "line 2"]
    fs.rm(f"{root}/data/a.bin")
    assert not fs.exists(f"{root}/data/a.bin")


# What the libraries do with repositories


def test_datasets_push_load_and_stream(hub, api):
    name = hub.repo("sounds")
    features = datasets.Features({"n": datasets.Value("int32"), "kind": datasets.ClassLabel(names=["off", "on"])})
    data = {
        split: datasets.Dataset.from_dict({"n": list(range(count)), "kind": [i % 2 for i in range(count)]}, features)
        for split, count in (("train", 6), ("test", 2))
    }
    datasets.DatasetDict(data).push_to_hub(name, token=hub.token)
    assert paths(api, name) == [
        ".gitattributes",
        "README.md",
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00001.parquet",
    ]
    first = api.dataset_info(name).sha
    loaded = datasets.load_dataset(name)
    assert (loaded["train"].features, loaded["train"]["n"][:], len(loaded["test"])) == (features, [0, 1, 2, 3, 4, 5], 2)
    streamed = datasets.load_dataset(name, split="train", streaming=True)
    assert (streamed.features, [row["n"] for row in streamed]) == (features, [0, 1, 2, 3, 4, 5])
    frame = pandas.read_parquet(f"hf://datasets/{name}/data/train-00000-of-00001.parquet")
    assert frame["n"].tolist() == [0, 1, 2, 3, 4, 5]
    # A second push replaces the first, which its revision still names.
    api.create_tag(name, tag="first", repo_type="dataset")
    datasets.Dataset.from_dict({"n": [7], "kind": [1]}, features).push_to_hub(name, split="train", token=hub.token)
    assert datasets.load_dataset(name, split="train")["n"][:] == [7]
    assert datasets.load_dataset(name, split="train", revision="first")["n"][:] == [0, 1, 2, 3, 4, 5]
    assert datasets.load_dataset(name, split="train", revision=first)["n"][:] == [0, 1, 2, 3, 4, 5]


def test_datasets_say_what_is_not_there(hub, api, dataset):
    missing = f"{hub.namespace}/nothing-of-this-name"
    with pytest.raises(
        datasets.exceptions.DatasetNotFoundError, match="doesn't exist on the Hub or cannot be accessed"
    ):
        datasets.load_dataset(missing)
    add(api, dataset, {"data/train.parquet": parquet(a=[1])})
    with pytest.raises(datasets.exceptions.DatasetNotFoundError, match="Revision 'v9' doesn't exist"):
        datasets.load_dataset(dataset, revision="v9")
    api.update_repo_settings(dataset, repo_type="dataset", private=True)
    with pytest.raises(datasets.exceptions.DatasetNotFoundError):
        datasets.load_dataset(dataset)
    assert datasets.load_dataset(dataset, token=hub.token)["train"]["a"][:] == [1]


def test_transformers_load_a_configuration(hub, api):
    transformers = pytest.importorskip("transformers")
    name = hub.repo("model", "model")
    api.create_repo(name)
    config = {"model_type": "audio-spectrogram-transformer", "hidden_size": 24}
    card = "---\nlibrary_name: transformers\npipeline_tag: audio-classification\n---\n"
    for path, content in (("config.json", json.dumps(config)), ("README.md", card)):
        api.upload_file(path_or_fileobj=content.encode(), path_in_repo=path, repo_id=name)
    api.upload_file(path_or_fileobj=bytes(100), path_in_repo="model.safetensors", repo_id=name)
    assert transformers.AutoConfig.from_pretrained(name).hidden_size == 24
    info = api.model_info(name)
    assert (info.pipeline_tag, info.library_name) == ("audio-classification", "transformers")
    assert api.model_info(name, expand=["sha"]).siblings is None
    with pytest.raises(OSError, match="is not a local folder and is not a valid model identifier"):
        transformers.AutoConfig.from_pretrained(f"{hub.namespace}/nothing-of-this-name")


METRIC = """
import datasets
import evaluate


class Count(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("int32"), "references": datasets.Value("int32")})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        return {"same": sum(a == b for a, b in zip(predictions, references))}
"""


def test_evaluate_loads_a_metric_from_a_space(hub, api):
    evaluate = pytest.importorskip("evaluate")
    name = hub.repo("count", "space")
    api.create_repo(name, repo_type="space", space_sdk="gradio")
    module = name.split("/")[1]
    api.upload_file(path_or_fileobj=METRIC.encode(), path_in_repo=f"{module}.py", repo_id=name, repo_type="space")
    metric = evaluate.load(name, module_type="metric")
    assert metric.compute(predictions=[1, 2, 3], references=[1, 0, 3]) == {"same": 2}


# Servers of their own


def test_pages(tmp_path):
    with HubServer(tmp_path, users={"t": User("alice")}, page_size=3) as server:
        api = HfApi(endpoint=server.url, token="t")
        for i in range(4):
            api.create_repo(f"alice/d{i}", repo_type="dataset")
        add(api, "alice/d0", {f"data/{i}.txt": b"a" for i in range(7)})
        for i in range(3):
            add(api, "alice/d0", {"a.txt": bytes([65 + i])})
        server.log.clear()
        assert len(paths(api, "alice/d0")) == 9
        assert len(list(api.list_repo_tree("alice/d0", repo_type="dataset", recursive=True, expand=True))) == 10
        assert len(server.requests("GET", "/tree/main")) == 8
        assert len(api.list_repo_commits("alice/d0", repo_type="dataset")) == 5
        assert len(server.requests("GET", "/commits/main")) == 2
        assert len(list(api.list_datasets(author="alice"))) == 4
        folder = snapshot_download("alice/d0", repo_type="dataset", endpoint=server.url, cache_dir=tmp_path / "cache")
        assert len(list(Path(folder).rglob("*.txt"))) == 8


def test_by_hand(tmp_path):
    command = [sys.executable, str(Path(__file__).parents[1] / "hub_server.py"), "--port", "0", "--root", str(tmp_path)]
    with subprocess.Popen([*command, "--user", "alice:t:write"], stdout=subprocess.PIPE, text=True) as process:
        try:
            endpoint = process.stdout.readline().strip().removeprefix("HF_ENDPOINT=")
            assert HfApi(endpoint=endpoint, token="t").create_repo("alice/x").repo_id == "alice/x"
        finally:
            process.terminate()


CLIENT = """
import sys
from huggingface_hub import get_token, hf_hub_download

print(get_token(), open(hf_hub_download(sys.argv[1], "a.txt", repo_type="dataset")).read())
"""


def test_a_client_in_a_process_of_its_own(hub, api, dataset, client_environment):
    add(api, dataset, {"a.txt": b"hello"})
    run = [sys.executable, "-c", CLIENT, dataset]
    done = subprocess.run(run, env=client_environment, capture_output=True, text=True)
    assert done.stdout == "None hello\n", done.stderr
    api.update_repo_settings(dataset, repo_type="dataset", private=True)
    # Without a cache: from there it would take what it may not see any more.
    client_environment["HF_HOME"] += "-2"
    done = subprocess.run(run, env=client_environment, capture_output=True, text=True)
    assert "RepositoryNotFoundError" in done.stderr
    done = subprocess.run(run, env=client_environment | {"HF_TOKEN": hub.token}, capture_output=True, text=True)
    assert done.stdout == f"{hub.token} hello\n", done.stderr


XET_CLIENT = """
import random, sys
from pathlib import Path
from datasets import Dataset, load_dataset
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download

folder = Path(sys.argv[1])
contents = {f"{i}.bin": random.Random(i).randbytes(100_000 + i) for i in range(5)} | {"a.txt": b"a"}
for name, content in contents.items():
    (folder / name).write_bytes(content)
api = HfApi()
api.create_repo("alice/sounds", repo_type="dataset")
api.upload_file(path_or_fileobj=contents["0.bin"], path_in_repo="0.bin", repo_id="alice/sounds", repo_type="dataset")
api.upload_folder(folder_path=folder, repo_id="alice/sounds", repo_type="dataset")
assert Path(hf_hub_download("alice/sounds", "0.bin", repo_type="dataset")).read_bytes() == contents["0.bin"]
found = Path(snapshot_download("alice/sounds", repo_type="dataset", cache_dir=folder / "again"))
assert all((found / name).read_bytes() == content for name, content in contents.items())
with HfFileSystem().open("datasets/alice/sounds/3.bin") as file:
    assert file.seek(50_000) and file.read(100) == contents["3.bin"][50_000:50_100]
Dataset.from_dict({"a": [1, 2, 3]}).push_to_hub("alice/numbers", num_shards=2)
assert load_dataset("alice/numbers", split="train")["a"][:] == [1, 2, 3]
assert [row["a"] for row in load_dataset("alice/numbers", split="train", streaming=True)] == [1, 2, 3]
print(*(file.xet_hash is not None for file in api.list_repo_tree("alice/sounds", repo_type="dataset")))
"""


def test_large_files_go_over_xet(tmp_path, client_environment):
    pytest.importorskip("hf_xet")
    with HubServer(tmp_path / "hub", users={"t": User("alice")}, xet=True) as server:
        environment = client_environment | {"HF_ENDPOINT": server.url, "HF_TOKEN": "t", "HF_HUB_DISABLE_XET": "0"}
        (tmp_path / "files").mkdir()
        run = [sys.executable, "-c", XET_CLIENT, str(tmp_path / "files")]
        done = subprocess.run(run, env=environment, capture_output=True, text=True)
        assert done.stdout == "False True True True True True False\n", done.stderr
        assert not server.requests("PUT", "/lfs/") and not server.requests("POST", "/lfs/")
        assert not server.requests("GET", r"/resolve/[0-9a-f]+/\\d.bin")
        assert server.requests("GET", "xet-write-token") and server.requests("GET", "xet-read-token")
    # Clients without hf_xet read and write the same files.
    with HubServer(tmp_path / "hub", users={"t": User("alice")}, xet=True) as server:
        api = HfApi(endpoint=server.url, token="t")
        path = hf_hub_download("alice/sounds", "1.bin", repo_type="dataset", endpoint=server.url, cache_dir=tmp_path)
        assert len(Path(path).read_bytes()) == 100_001
        add(api, "alice/sounds", {"b.bin": b"b\0"})
        rows = {row.path: row.xet_hash for row in api.list_repo_tree("alice/sounds", repo_type="dataset")}
        assert rows["1.bin"] and not rows["b.bin"]
        assert len(server.requests("PUT", "/lfs/")) == 1
        assert get_session().get(f"{server.url}/api/datasets/alice/sounds/xet-write-token/main").status_code == 401
