"""What participants have sent back: files that anybody may have written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secret_sauce_hf.forms import read_record
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.listening_test.form import check_result
from secret_sauce_hf.outputs import expanded

MAX_FILES = 10_000
MAX_BYTES = 2**20
"""Of a result; one of 60 trials with 12 stimuli has 60 KB."""


@dataclass(frozen=True)
class Refused:
    """A file that is not counted.

    Args:
        file: its name.
        reason: why, without a full stop.
    """

    file: str
    reason: str


def result_files(given: Iterable[str | Path]) -> list[Path]:
    """The files that are given, and those of JSON in the folders that are, each once.

    Raises:
        InputError: one is not there, a folder has none, or there are too many.
    """
    found: list[Path] = []
    for path in map(expanded, given):
        if path.is_dir():
            inside = sorted(
                one for one in path.iterdir() if one.suffix.lower() == ".json" and not one.name.startswith(".")
            )
            if not inside:
                raise InputError(f"There is no result (.json) in {path}; give the files that participants have saved.")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"No such result: {path}.")
    found = list(dict.fromkeys(found))
    if len(found) > MAX_FILES:
        raise InputError(f"{len(found):,} results are more than {MAX_FILES:,}; give fewer.")
    return found


def read_results(paths: Iterable[Path], key: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[Refused]]:
    """The results of a test, one for each participant, and what is not counted.

    Of several files of one participant the one that was finished first counts: nobody answers a test a second time as
    somebody who does not know it.

    Args:
        paths: the files.
        key: of the test.
    """
    counted: dict[str, tuple[Path, dict[str, Any]]] = {}
    refused: list[Refused] = []
    read = []
    for path in paths:
        try:
            read.append((path, _read(path, key)))
        except InputError as error:
            refused.append(Refused(path.name, str(error).rstrip(".")))
    for path, record in sorted(read, key=lambda one: (one[1]["finished"], one[0].name)):
        if (before := counted.get(record["participant"])) is None:
            counted[record["participant"]] = path, record
            continue
        same = before[1]["trials"] == record["trials"]
        why = "the same answers" if same else "other answers, and this file was finished later"
        refused.append(Refused(path.name, f"{before[0].name} is of the same participant: {why}"))
    return [record for _, record in counted.values()], refused


def _read(path: Path, key: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise InputError(f"it has {path.stat().st_size:,} bytes, more than a result has")
        record = read_record(path)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})") from error
    except InputError as error:
        # The file is named beside.
        raise InputError(str(error).removeprefix(f"{path} ")) from error
    check_result(record, key)
    return record
