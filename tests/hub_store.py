"""What the tests' Hub keeps: repositories with the history git would give them.

On disk a repository is a folder: `repo.json` (branches, tags, visibility), `commits/<id>.json` (each with its whole
table of files) and `objects/<id>` (contents: the blob id of a regular file, the SHA-256 of a large one). Small files
are written whole and renamed into place, so a server that dies in the middle of a commit has not made it.
"""

import base64
import hashlib
import json
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

from hub_cards import card_metadata, check_card, words

# What the Hub accepts outside its large file storage, in one file.
REGULAR_LIMIT = 10 * 1024 * 1024

# The .gitattributes of a new repository on the Hub; datasets have the second line, too.
LARGE = words("""7z arrow bin bz2 ckpt ftz gz h5 joblib lfs.* mlmodel model msgpack npy npz onnx ot parquet pb pickle
pkl pt pth rar safetensors tar.* tar tflite tgz wasm xz zip zst""")
LARGE_DATA = words("lz4 mds pcm sam raw aac flac mp3 ogg wav bmp gif png tiff jpg jpeg webp mp4 webm")


class HubError(Exception):
    """A refusal as the Hub words it: a status, a message, and headers, above all the code clients look at."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str):
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if code:
            self.headers["X-Error-Code"] = code


@dataclass
class User:
    """Who holds a token, and what for: a token with the role "write" may write to the user's and these namespaces."""

    name: str
    role: str = "write"
    namespaces: tuple[str, ...] = ()

    def owns(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.namespaces


def git_id(kind: str, body: bytes) -> str:
    """The name git gives to an object."""
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    part.write_bytes(content)
    part.rename(path)


@dataclass(frozen=True)
class File:
    """One file of a commit; a large one has a `sha256` (and a `xet` hash), and its blob is a pointer in git."""

    oid: str
    size: int
    sha256: str | None = None
    xet: str | None = None

    @classmethod
    def large(cls, sha256: str, size: int, xet: str | None) -> "File":
        return cls(git_id("blob", cls.pointer(sha256, size)), size, sha256, xet)

    @staticmethod
    def pointer(sha256: str, size: int) -> bytes:
        """What git keeps in place of a large file."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()

    @property
    def content(self) -> str:
        """The name of its content among the objects."""
        return self.sha256 or self.oid

    def lfs(self, digest: str) -> dict[str, Any]:
        """How the Hub says that a file is large; trees and infos call the SHA-256 by different names."""
        if not self.sha256:
            return {}
        size = len(self.pointer(self.sha256, self.size))
        return {"lfs": {digest: self.sha256, "size": self.size, "pointerSize": size}}


def date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass(frozen=True)
class Commit:
    """A state of a repository, with everything git hashes into its name."""

    title: str
    message: str
    author: str
    seconds: int
    parent: str | None
    files: dict[str, File]

    @property
    def date(self) -> str:
        return date(self.seconds)

    @cached_property
    def folders(self) -> dict[str, str]:
        """The folders and their tree ids; the root is ""."""
        contents: dict[str, list[tuple[str, str, str]]] = {"": []}
        for path, file in self.files.items():
            folder, _, name = path.rpartition("/")
            contents.setdefault(folder, []).append((name, "100644", file.oid))
            while folder:
                folder = folder.rpartition("/")[0]
                contents.setdefault(folder, [])
        trees = {}
        for folder in sorted(contents, key=lambda folder: folder.count("/") + bool(folder), reverse=True):
            # Git sorts a folder as if its name ended in a slash.
            rows = sorted(contents[folder], key=lambda row: row[0] + "/" * (row[1] == "40000"))
            body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, mode, oid in rows)
            trees[folder] = git_id("tree", body)
            if folder:
                parent, _, name = folder.rpartition("/")
                contents[parent].append((name, "40000", trees[folder]))
        return trees

    @cached_property
    def oid(self) -> str:
        who = f"{self.author} <{self.author}@localhost> {self.seconds} +0000"
        parent = f"parent {self.parent}\n" if self.parent else ""
        text = "\n\n".join(filter(None, (self.title, self.message)))
        body = f"tree {self.folders['']}\n{parent}author {who}\ncommitter {who}\n\n{text}\n"
        return git_id("commit", body.encode())

    def at(self, path: str) -> str | None:
        """The id of what lies at a path, a file or a folder."""
        return self.files[path].oid if path in self.files else self.folders.get(path)


class Repo:
    """One repository: its refs in memory and on disk, its commits and contents on disk."""

    def __init__(self, folder: Path, kind: str, name: str, state: dict[str, Any]):
        self.folder, self.kind, self.id = folder, kind, name
        self.state = state
        self.commits: dict[str, Commit] = {}

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    @property
    def branches(self) -> dict[str, str]:
        return self.state["branches"]

    @property
    def tags(self) -> dict[str, str]:
        return self.state["tags"]

    @property
    def private(self) -> bool:
        return self.state["private"]

    def save(self) -> None:
        write_whole(self.folder / "repo.json", json.dumps(self.state).encode())

    def object(self, name: str) -> Path:
        """Where a content lies or would lie."""
        if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", name):
            raise HubError(400, f"Invalid object id: {name}")
        return self.folder / "objects" / name

    def visible_to(self, user: User | None) -> bool:
        return not self.private or (user is not None and user.owns(self.namespace))

    def used(self) -> int:
        return sum(path.stat().st_size for path in (self.folder / "objects").iterdir())

    def commit(self, oid: str) -> Commit:
        if oid not in self.commits:
            kept = json.loads((self.folder / "commits" / f"{oid}.json").read_text())
            kept["files"] = {path: File(**file) for path, file in kept["files"].items()}
            self.commits[oid] = Commit(**kept)
        return self.commits[oid]

    def resolve(self, revision: str) -> Commit:
        """The commit of a branch, a tag, a commit id or at least seven digits of one."""
        oid = self.branches.get(revision.removeprefix("refs/heads/")) or self.tags.get(revision)
        if oid is None and re.fullmatch("[0-9a-f]{7,40}", revision):
            known = [path.stem for path in (self.folder / "commits").glob(f"{revision}*.json")]
            oid = known[0] if len(known) == 1 else None
        if oid is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commit(oid)

    def history(self, commit: Commit) -> Iterator[Commit]:
        """A commit and those before it."""
        yield commit
        while commit.parent:
            commit = self.commit(commit.parent)
            yield commit

    def last_change(self, commit: Commit, path: str) -> Commit:
        """The commit that made a path what it is."""
        for commit in self.history(commit):  # noqa: B020
            if not commit.parent or self.commit(commit.parent).at(path) != commit.at(path):
                break
        return commit

    def info(self, commit: Commit, *, blobs: bool = False) -> dict[str, Any]:
        """What GET /api/<kind>/<id> says."""
        readme = commit.files.get("README.md")
        card = card_metadata(self.object(readme.content).read_text(encoding="utf-8")) if readme else None
        card = json.loads(json.dumps(card or {}, default=str))
        tags = list(card.get("tags") or [])
        for name in ("task_categories", "license", "language", "size_categories"):
            values = card.get(name) or []
            tags += [f"{name}:{value}" for value in ([values] if isinstance(values, str) else values)]
        files = [
            {"rfilename": path} | ({"size": file.size, "blobId": file.oid, **file.lfs("sha256")} if blobs else {})
            for path, file in sorted(commit.files.items())
        ]
        info = {
            "_id": git_id("repo", f"{self.kind}/{self.id}".encode())[:24],
            "id": self.id,
            "author": self.namespace,
            "sha": commit.oid,
            "lastModified": commit.date,
            "createdAt": date(self.state["created"]),
            "private": self.private,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": tags,
            "cardData": card,
            "siblings": files,
            "usedStorage": self.used(),
        }
        if self.kind == "models":
            info |= {key: card[key] for key in ("pipeline_tag", "library_name", "model-index") if key in card}
            info["modelId"] = self.id
        elif self.kind == "spaces":
            info |= {"sdk": card.get("sdk") or self.state["sdk"], "subdomain": self.id.replace("/", "-")}
        return info

    def row(self, commit: Commit, path: str, expand: bool) -> dict[str, Any]:
        """How trees and paths-info describe a file or a folder."""
        if file := commit.files.get(path):
            row = {"type": "file", "oid": file.oid, "size": file.size, "path": path, **file.lfs("oid")}
            if file.xet:
                row["xetHash"] = file.xet
        else:
            row = {"type": "directory", "oid": commit.folders[path], "size": 0, "path": path}
        if expand:
            last = self.last_change(commit, path)
            row["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
        return row

    def is_large(self, commit: Commit, path: str, size: int, sample: bytes) -> bool:
        """Whether a file belongs into the large file storage: by .gitattributes, by size, or because it is binary."""
        attributes = commit.files.get(".gitattributes")
        lines = self.object(attributes.oid).read_text().splitlines() if attributes else []
        patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
        matches = any(fnmatch(path if "/" in pattern else path.split("/")[-1], pattern) for pattern in patterns)
        return matches or size > REGULAR_LIMIT or b"\0" in sample

    def apply(self, branch: str, header: dict[str, Any], operations: list[tuple[str, dict]], author: str) -> Commit:
        """Commit to a branch, all or nothing. Everything is checked before anything is written."""
        if branch not in self.branches:
            raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        head = self.commit(self.branches[branch])
        if header.get("parentCommit") and not head.oid.startswith(header["parentCommit"]):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        files, contents = dict(head.files), {}
        for key, value in operations:
            path = value["path"].rstrip("/")
            if not path or any(part in ("", ".", "..", ".git") for part in path.split("/")):
                raise HubError(400, f"Invalid path: {value['path']!r}")
            if key == "file":
                content = base64.b64decode(value["content"])
                files[path] = File(git_id("blob", content), len(content))
                contents[files[path].oid] = content
                self._check_regular(path, content, branch)
            elif key == "lfsFile":
                files[path] = self._large(value, path)
            elif key == "copyFile":
                source = self.resolve(value.get("srcRevision") or head.oid).files.get(value["srcPath"])
                if source is None:
                    raise HubError(404, f"No file {value['srcPath']!r} to copy", "EntryNotFound")
                files[path] = source
            elif key == "deletedFile":
                if files.pop(path, None) is None:
                    raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
            elif key == "deletedFolder":
                inside = [name for name in files if name.startswith(f"{path}/")]
                if not inside:
                    raise HubError(404, f"A folder with this name doesn't exist: {path}", "EntryNotFound")
                for name in inside:
                    del files[name]
            else:
                raise HubError(400, f"Unknown operation {key!r}")
        if clash := next((path for path in files for over in parents(path) if over in files), None):
            raise HubError(400, f"{clash} lies in a folder that is a file")
        for oid, content in contents.items():
            write_whole(self.object(oid), content)
        made = Commit(header["summary"], header.get("description") or "", author, int(time.time()), head.oid, files)
        self._keep(made, branch)
        return made

    def _check_regular(self, path: str, content: bytes, branch: str) -> None:
        if len(content) > REGULAR_LIMIT:
            raise HubError(
                400,
                "Your push was rejected because it contains files larger than 10 MiB. Please use "
                "https://git-lfs.github.com/ to store large files. See also: "
                f"https://hf.co/docs/hub/repositories-getting-started#terminal Offending files: - {path} "
                f"(ref: refs/heads/{branch})",
            )
        if path == "README.md" and (errors := check_card(content.decode(errors="replace"))[0]):
            raise HubError(400, "Invalid metadata in README.md.\n" + "\n".join(f"- {error}" for error in errors))

    def _large(self, value: dict[str, Any], path: str) -> File:
        """A large file of a commit, which must have been uploaded; a copied one comes without its size."""
        stored = self.object(value["oid"])
        size = stored.stat().st_size if stored.exists() else None
        if size is None or value.get("size", size) != size:
            raise HubError(
                400,
                "Your push was rejected because an LFS pointer pointed to a file that does not exist. "
                f"Offending file: {path}",
            )
        return File.large(value["oid"], size, value.get("xet"))

    def _keep(self, commit: Commit, branch: str) -> None:
        # The commit first, the branch last: a branch never points at what is not there.
        kept = {**vars(commit), "files": {path: asdict(file) for path, file in commit.files.items()}}
        kept = {name: kept[name] for name in Commit.__dataclass_fields__}
        write_whole(self.folder / "commits" / f"{commit.oid}.json", json.dumps(kept).encode())
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        self.save()


def parents(path: str) -> Iterator[str]:
    """The folders a path lies in."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


class Store:
    """All repositories of a Hub, in a folder."""

    def __init__(self, root: Path):
        self.root = root
        self.repos: dict[tuple[str, str], Repo] = {}
        for file in sorted((root / "repos").glob("*/*/*/repo.json")):
            kind, *name = file.parent.relative_to(root / "repos").parts
            self.repos[kind, "/".join(name)] = Repo(file.parent, kind, "/".join(name), json.loads(file.read_text()))

    def create(self, kind: str, name: str, *, private: bool, author: str, **extra: Any) -> Repo:
        """A new repository with the first commit the Hub makes."""
        folder = self.root / "repos" / kind / name
        for part in ("objects", "commits"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        now = int(time.time())
        repo = Repo(folder, kind, name, {"private": private, "created": now, "branches": {}, "tags": {}, **extra})
        endings = LARGE + LARGE_DATA * (kind == "datasets")
        patterns = [*(f"*.{ending}" for ending in endings), "saved_model/**/*", "*tfevents*"]
        content = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns).encode()
        file = File(git_id("blob", content), len(content))
        write_whole(repo.object(file.oid), content)
        repo._keep(Commit("initial commit", "", author, now, None, {".gitattributes": file}), "main")
        self.repos[kind, name] = repo
        return repo

    def delete(self, repo: Repo) -> None:
        del self.repos[repo.kind, repo.id]
        shutil.rmtree(repo.folder)

    def used(self, namespace: str) -> int:
        return sum(repo.used() for repo in self.repos.values() if repo.namespace == namespace)

    def check_quota(self, repo: Repo, more: int, limit: int | None) -> None:
        """Refuse what would not fit any more, as huggingface_hub's issues 3049 (private) and 3366 (public) show it."""
        if limit is None or self.used(repo.namespace) + more <= limit:
            return
        if repo.private:
            raise HubError(
                403,
                "Private repository storage limit reached, please upgrade your plan to increase your private storage "
                "limit.",
            )
        raise HubError(
            403,
            "Your storage patterns tripped our internal systems! Please contact us at website@huggingface.co so we can "
            "verify your account and unlock more storage for your use-case.",
        )
