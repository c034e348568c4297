"""Steps that tests of and with the Hub have in common."""

import hashlib

from huggingface_hub import CommitOperationAdd, HfApi


def add(api: HfApi, name: str, files: dict[str, bytes], **options) -> str:
    """Commit files to a dataset repository; returns the commit's id."""
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(name, operations, commit_message="Add", repo_type="dataset", **options).oid


def paths(api: HfApi, name: str, **options) -> list[str]:
    return sorted(api.list_repo_files(name, repo_type="dataset", **options))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
