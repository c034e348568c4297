"""Bringing a repository on the Hub to the state it should have, in one commit.

A repository shows its old state until the commit, and its new one from then on. What an
interrupted run has sent stays on the Hub, under its hash, so that the next one does not
send it again.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoCard, constants, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from yaml import YAMLError

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.remote import LOGIN_TO_WRITE, endpoint, is_repo_name, remote_errors

RepoType = Literal["dataset", "model", "space"]

CARD = "README.md"
OWN_FILES = (".gitattributes",)
"""What the Hub itself puts into a new repository."""
_AT_ONCE = 8
"""Files sent before the next ones are begun: after a cut at most these are sent again."""
_SMALL = 2**20
_TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_BRANCH = "main"
_PLACES = {"dataset": "datasets/", "model": "", "space": "spaces/"}


@dataclass(frozen=True)
class RepositoryFile:
    """A file that belongs into a repository.

    Args:
        path: its path there.
        content: where it lies on this disk, or its bytes.
        size: in bytes; found out.
    """

    path: str
    content: Path | bytes
    size: int = field(init=False)

    def __post_init__(self) -> None:
        # Now, as a temporary file is gone when a report wants to know.
        size = len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size
        object.__setattr__(self, "size", size)

    def same_as(self, remote: RepoFile) -> bool:
        """Whether the file of the same path there has the same content, by its hash."""
        if remote.size != self.size:
            return False
        if remote.lfs is not None:
            return self._hash(hashlib.sha256()) == remote.lfs.sha256
        # As git names what it stores.
        return self._hash(hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)) == remote.blob_id

    def _hash(self, digest: "hashlib._Hash") -> str:
        if isinstance(self.content, bytes):
            digest.update(self.content)
            return digest.hexdigest()
        with self.content.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
        return digest.hexdigest()


@dataclass(frozen=True)
class Publication:
    """What publishing did, or would do.

    Args:
        repo: the repository.
        kind: of what.
        new: files that it lacked.
        changed: files that it had with other content.
        same: files that it had already.
        gone: paths that are removed.
        tag: the revision that names this state.
        commit: the commit that has it; None if nothing was done.
        exists: whether the repository was there before.
        private: whether only its owners see it; None where that is left to the Hub.
        url: where it is.
    """

    repo: str
    kind: RepoType
    new: tuple[RepositoryFile, ...] = ()
    changed: tuple[RepositoryFile, ...] = ()
    same: tuple[RepositoryFile, ...] = ()
    gone: tuple[str, ...] = ()
    tag: str | None = None
    commit: str | None = None
    exists: bool = False
    private: bool | None = None
    url: str = ""

    def lines(self) -> Iterator[tuple[str, str, int | None]]:
        """What happens to which file, and its size in bytes; in the order of the paths."""
        files = [
            (file.path, mark, file.size)
            for mark, part in (("new", self.new), ("changed", self.changed), ("same", self.same))
            for file in part
        ]
        for path, mark, size in sorted([*files, *((path, "removed", None) for path in self.gone)]):
            yield mark, path, size


@dataclass(frozen=True)
class Repository:
    """What a repository holds; made by `look_at`.

    Args:
        name: `ORG/NAME`.
        kind: of what.
        exists: whether it is there, as far as we may see.
        head: the newest commit.
        private: whether only its owners see it.
        files: by path.
        tag: the revision that shall name the next state.
        tagged: the commit that it names now; None if it names none yet.
        ours: whether its card has the marks of an earlier publication of the same thing.
    """

    name: str
    kind: RepoType
    exists: bool = False
    head: str | None = None
    private: bool = False
    files: dict[str, RepoFile] = field(default_factory=dict)
    tag: str | None = None
    tagged: str | None = None
    ours: bool = False

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.name}"


def check_license(license: str | None) -> None:
    """Refuse what the Hub has no name for.

    Raises:
        InputError: not written as licenses are named there.
    """
    if license is not None and not re.fullmatch(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", license):
        raise InputError(
            f"{license!r} is not how the Hub names licenses; give one such as apache-2.0, cc-by-4.0 or mit."
        )


def look_at(
    repo: str,
    kind: RepoType,
    marks: Sequence[str],
    *,
    tag: str | None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Repository:
    """See whether something may be published in a repository, before it is made.

    Args:
        repo: `ORG/NAME`.
        kind: of what.
        marks: tags that the card of an earlier publication of the same thing has; by them a
            repository is known as ours.
        tag: the revision to name the state by.
        overwrite: whether other content may be replaced.
        dry_run: whether nothing will be sent; then a public repository needs no token.

    Raises:
        InputError: no such name or tag, no token, no permission, no network; the repository
            holds something else.
    """
    if not is_repo_name(repo):
        raise InputError(f"{repo!r} is not a name on the Hub; give ORG/NAME.")
    if tag is not None and (not _TAG.fullmatch(tag) or tag == _BRANCH):
        raise InputError(f"{tag!r} cannot be the name of a revision; give one such as 1.0 or v2.")
    api = HfApi()
    with remote_errors(f"{kind} {repo}", sending=True):
        if constants.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled
        if not dry_run:
            if get_token() is None:
                raise InputError(f"There is no token to publish {kind} {repo} with: {LOGIN_TO_WRITE}.")
            found: Any = api.whoami()
            for key in ("auth", "accessToken", "role"):
                found = found.get(key) if isinstance(found, dict) else None
            # Where a token for writing may write only the Hub knows.
            if found == "read":
                raise InputError(f"The token is for reading only, not for publishing {kind} {repo}: {LOGIN_TO_WRITE}.")
        there = _read(api, repo, kind, marks, tag)
    theirs = [path for path in sorted(there.files) if path not in OWN_FILES]
    if theirs and not there.ours and not overwrite:
        raise InputError(
            f"{there.what} holds something else already ({', '.join(theirs[:3])}{', …' if len(theirs) > 3 else ''}): "
            "publish under another name, or replace it with --overwrite."
        )
    return there


def publish(
    there: Repository,
    files: Sequence[RepositoryFile],
    *,
    removable: Callable[[str], bool],
    message: str,
    private: bool | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    space_sdk: str | None = None,
) -> Publication:
    """Make a repository hold these files, in one commit, and name the state by a tag.

    Args:
        there: what `look_at` saw.
        files: what it shall hold.
        removable: of the other paths in one that is ours, which are from an earlier
            publication and go. Others stay.
        message: of the commit.
        private: whether only its owners see it. If None, a new one follows the Hub's
            default and an existing one stays as it is.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.
        space_sdk: of a Space.

    Raises:
        InputError: the tag names another state; no permission, no network, no room; the
            repository was changed meanwhile.
    """
    result = _compare(there, files, removable, overwrite, private)
    if dry_run:
        return result
    api = HfApi()
    with remote_errors(there.what, sending=True):
        api.create_repo(there.name, repo_type=there.kind, private=private, exist_ok=True, space_sdk=space_sdk)
        head = there.head
        if not there.exists:
            head = api.repo_info(there.name, repo_type=there.kind).sha
        elif private is not None and private != there.private:
            api.update_repo_settings(there.name, repo_type=there.kind, private=private)
        if result.new or result.changed or result.gone:
            head = _commit(api, result, head, message)
        if there.tag is not None and head is not None and not _same_commit(there.tagged, head):
            if there.tagged is not None:
                api.delete_tag(there.name, tag=there.tag, repo_type=there.kind)
            api.create_tag(there.name, tag=there.tag, revision=head, repo_type=there.kind)
    return replace(result, commit=head)


def _read(api: HfApi, repo: str, kind: RepoType, marks: Sequence[str], tag: str | None) -> Repository:
    """What is there, as far as we may see it."""
    try:
        info = api.repo_info(repo, repo_type=kind)
    except RepositoryNotFoundError:
        return Repository(repo, kind, tag=tag)
    files = {
        item.path: item
        for item in api.list_repo_tree(repo, repo_type=kind, recursive=True, revision=info.sha)
        if isinstance(item, RepoFile)
    }
    if odd := [path for path in files if not isinstance(path, str)]:
        raise InputError(
            f"The Hub at {endpoint()} lists {str(odd[0])[:60]!r} as a file of {kind} {repo}: it is no path."
        )
    tagged = None
    try:
        tagged = api.repo_info(repo, repo_type=kind, revision=tag).sha if tag else None
    except HfHubHTTPError as error:
        # Not every Hub says that it is the revision which is missing; the repository was just there.
        if error.response.status_code != 404:
            raise
    card_tags: tuple[str, ...] = ()
    # A card that is absent or cannot be read is not ours.
    with suppress(RemoteEntryNotFoundError, ValueError, YAMLError):
        if CARD in files:
            card = RepoCard.load(api.hf_hub_download(repo, CARD, repo_type=kind, revision=info.sha))
            told = card.data.get("tags")
            card_tags = tuple(map(str, told)) if isinstance(told, list) else ()
    ours = set(marks) <= set(card_tags)
    return Repository(repo, kind, True, info.sha, bool(info.private), files, tag, tagged, ours)


def _compare(
    there: Repository,
    files: Sequence[RepositoryFile],
    removable: Callable[[str], bool],
    overwrite: bool,
    private: bool | None,
) -> Publication:
    wanted = {file.path: file for file in files}
    new: list[RepositoryFile] = []
    changed: list[RepositoryFile] = []
    same: list[RepositoryFile] = []
    for path, file in sorted(wanted.items()):
        remote = there.files.get(path)
        if remote is None:
            new.append(file)
        else:
            (same if file.same_as(remote) or _is_same(there, file, remote) else changed).append(file)
    others = [path for path in sorted(there.files) if path not in wanted and path not in OWN_FILES]
    gone = [path for path in others if removable(path) or not there.ours]
    if (
        there.tagged is not None
        and not overwrite
        and (new or changed or gone or not _same_commit(there.tagged, there.head))
    ):
        raise InputError(
            f"Revision {there.tag} of {there.what} is another state, which people may rely on: publish under another "
            "revision (--tag), or move this one with --overwrite."
        )
    return Publication(
        repo=there.name,
        kind=there.kind,
        new=tuple(new),
        changed=tuple(changed),
        same=tuple(same),
        gone=tuple(gone),
        tag=there.tag,
        exists=there.exists,
        private=private if private is not None or not there.exists else there.private,
        url=f"{endpoint()}/{_PLACES[there.kind]}{there.name}",
    )


def _same_commit(one: str | None, other: str | None) -> bool:
    """Whether two names are of one commit: some servers shorten them, and not in every answer alike."""
    return bool(one and other) and (str(one).startswith(str(other)) or str(other).startswith(str(one)))


def _is_same(there: Repository, file: RepositoryFile, remote: RepoFile) -> bool:
    """Compare small files as they are: not every Hub names them as git does."""
    if remote.lfs is not None or remote.size != file.size or file.size > _SMALL:
        return False
    with remote_errors(there.what, sending=True):
        path = HfApi().hf_hub_download(there.name, file.path, repo_type=there.kind, revision=there.head)
    return Path(path).read_bytes() == (file.content if isinstance(file.content, bytes) else file.content.read_bytes())


def _commit(api: HfApi, plan: Publication, head: str | None, message: str) -> str:
    """Send what is not there, then commit everything at once."""
    additions = [CommitOperationAdd(file.path, file.content) for file in (*plan.new, *plan.changed)]
    for start in range(0, len(additions), _AT_ONCE):
        api.preupload_lfs_files(plan.repo, additions[start : start + _AT_ONCE], repo_type=plan.kind)
    done = api.create_commit(
        plan.repo,
        [*additions, *(CommitOperationDelete(path) for path in plan.gone)],
        commit_message=message,
        repo_type=plan.kind,
        # Whatever happened there since we looked must not be undone unseen.
        parent_commit=head,
    )
    return done.oid
