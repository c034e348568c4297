"""What a listening test consists of: its files, its conditions, and the forms of its key and of what comes back."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secret_sauce_hf.forms import Form, anything, count, each, fields, line, list_of, maybe, number, read_record
from secret_sauce_hf.instruments import InputError

SCHEMA = 1
KIND = "secret-sauce listening test"
"""What a result says it is of."""
MUSHRA, CHOICE = "mushra", "2afc"
METHODS = (MUSHRA, CHOICE)
KEY_FILE = "key.json"
"""Which stimulus is whose. It lies beside the page's folder, so that participants do not get it with the page."""
PAGE_FOLDER, SOUNDS_FOLDER = "page", "sounds"
LANGUAGES = ("en", "de")

REFERENCE = "reference"
LOW_ANCHOR, MID_ANCHOR = "anchor-3500", "anchor-7000"
ANCHORS = {LOW_ANCHOR: 3_500.0, MID_ANCHOR: 7_000.0}
"""The reference through a low-pass, by its cut-off frequency in Hz (BS.1534-3)."""
OTHER = "another-preset"
"""What an answer is worth that has not listened."""
CONDITIONS = (REFERENCE, *ANCHORS, OTHER)
"""What is beside the systems; no system may be called so."""

BEST = 100
"""Of the scale, which begins at 0."""
MAX_TRIALS, MAX_STIMULI = 200, 12
"""A trial has no more than 12 stimuli, the hidden reference among them (BS.1534-3)."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def check_name(name: str) -> str:
    """See that a system can be called so.

    Raises:
        InputError: it cannot.
    """
    if not _NAME.fullmatch(name) or name in CONDITIONS:
        raise InputError(
            f"{name[:60]!r} is no name of a system: use up to 40 of a-z, 0-9 and -, and none of "
            f"{', '.join(CONDITIONS)}."
        )
    return name


def identifier(value: Any, where: str) -> None:
    """A name of letters, digits, _ and -, as participants, trials and stimuli have."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InputError(f"{where} is {repr(value)[:60]}; it must be 1 to 40 letters, digits, _ or -.")


def _text(value: Any, where: str) -> None:
    """A text of any lines, of a length that somebody writes by hand."""
    if not isinstance(value, str) or len(value) > 4_000:
        raise InputError(f"{where} is {repr(value)[:60]}; it must be a text of up to 4,000 characters.")


def _flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{where} is {repr(value)[:60]}; it must be true or false.")


def _of(*words: str) -> Form:
    def check(value: Any, where: str) -> None:
        if value not in words:
            raise InputError(f"{where} is {repr(value)[:60]}; it must be {' or '.join(words)}.")

    return check


def _rating(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= BEST:
        raise InputError(f"{where} is {repr(value)[:60]}; it must be a whole number from 0 to {BEST}.")


def _few(form: Form, most: int) -> Form:
    """A list of this form, of so many at most."""

    def check(value: Any, where: str) -> None:
        list_of(anything)(value, where)
        if len(value) > most:
            raise InputError(f"{where} has {len(value):,} entries; at most {most} are expected.")
        list_of(form)(value, where)

    return check


_STIMULUS = fields({"condition": line, "mss": number, "gain_db": maybe(number)})
_SOUND = fields(
    {"id": identifier, "name": line, "seconds": number, "reference": identifier, "stimuli": each(_STIMULUS)}
)
_KEY_TRIAL = fields(
    {"id": identifier, "sound": identifier, "stimuli": _few(identifier, MAX_STIMULI), "check": _flag},
)
_KEY = fields(
    {
        "schema": count,
        "method": _of(*METHODS),
        "test": identifier,
        "title": line,
        "systems": _few(line, MAX_STIMULI),
        "conditions": _few(line, MAX_STIMULI),
        "sounds": _few(_SOUND, MAX_TRIALS),
        "trials": _few(_KEY_TRIAL, MAX_TRIALS),
    }
)

_ANSWER = {"trial": identifier, "order": _few(identifier, MAX_STIMULI), "seconds": number}
_RESULT = {
    "participant": identifier,
    "seed": count,
    "language": _of(*LANGUAGES),
    "about": fields({"device": line, "experience": line}),
    "started": line,
    "finished": line,
    "comment": _text,
}


def read_key(test: str | Path) -> dict[str, Any]:
    """The key of a listening test.

    Args:
        test: the folder that `make_listening_test` wrote.

    Raises:
        InputError: there is none, it cannot be read, or does not fit together.
    """
    path = Path(test) / KEY_FILE
    if not path.is_file():
        raise InputError(
            f"There is no {KEY_FILE} in {test}; give the folder that `listening-test make --out` has written."
        )
    key = read_record(path)
    if key.get("schema") != SCHEMA:
        raise InputError(f"{path} is no key of a listening test of this version; make the test again.")
    _KEY(key, KEY_FILE)
    try:
        _check_key(key)
    except InputError as error:
        raise InputError(f"{path}: {error}; make the test again.") from error
    return key


def _check_key(key: Mapping[str, Any]) -> None:
    """See that a key's parts belong together."""
    for name in key["systems"]:
        check_name(name)
    conditions = sorted(key["conditions"])
    if len(set(conditions)) < len(conditions) or not {REFERENCE, *key["systems"]} <= set(conditions) <= {
        *key["systems"],
        *CONDITIONS,
    }:
        raise InputError("its conditions are not its systems and anchors")
    sounds = {sound["id"]: sound["stimuli"] for sound in key["sounds"]}
    for sound, stimuli in sounds.items():
        if sorted(one["condition"] for one in stimuli.values()) != conditions:
            raise InputError(f"sound {sound} lacks a condition")
    if len(sounds) < len(key["sounds"]) or len({trial["id"] for trial in key["trials"]}) < len(key["trials"]):
        raise InputError("two of its sounds or trials have one name")
    compared = []
    for trial in key["trials"]:
        stimuli = sounds.get(trial["sound"], {})
        if not set(trial["stimuli"]) <= set(stimuli):
            raise InputError(f"trial {trial['id']} has stimuli that its sound has not")
        found = sorted(stimuli[name]["condition"] for name in trial["stimuli"])
        if trial["check"]:
            expected = sorted((REFERENCE, OTHER))
        elif key["method"] == MUSHRA:
            expected = conditions
        else:
            expected = found if len(found) == 2 and set(found) <= set(key["systems"]) else []
        if found != expected or (trial["check"] and key["method"] == MUSHRA):
            raise InputError(f"trial {trial['id']} does not compare what the method compares")
        if not trial["check"]:
            compared.append((trial["sound"], *found))
    pairs = 1 if key["method"] == MUSHRA else math.comb(len(key["systems"]), 2)
    if len(set(compared)) < len(compared) or len(compared) != pairs * len(sounds) or not compared:
        raise InputError("not every comparison is there once")


def check_result(record: Mapping[str, Any], key: Mapping[str, Any]) -> None:
    """See that what was sent back is a finished result of a test.

    Args:
        record: what was read.
        key: of the test.

    Raises:
        InputError: it is another file, of another test, unfinished, or has an answer that is none.
    """
    if record.get("kind") != KIND:
        raise InputError("it is no result of a listening test")
    if record.get("schema") != SCHEMA:
        raise InputError("it is of another version")
    identifier(record.get("test"), "test")
    if record["test"] != key["test"] or record.get("method") != key["method"]:
        raise InputError(f"it is of another test ({record['test']}, this one is {key['test']})")
    answer = {"ratings": each(_rating)} if key["method"] == MUSHRA else {"chosen": identifier}
    fields(_RESULT | {"trials": _few(fields(_ANSWER | answer), MAX_TRIALS)})(record, "result")
    trials = {trial["id"]: set(trial["stimuli"]) for trial in key["trials"]}
    answered = [one["trial"] for one in record["trials"]]
    if unknown := [name for name in answered if name not in trials]:
        raise InputError(f"it answers {unknown[0]}, which the test does not have")
    if len(set(answered)) < len(answered):
        raise InputError("it answers a trial twice")
    if len(answered) < len(trials):
        raise InputError(f"it answers {len(answered)} of {len(trials)} trials")
    for one in record["trials"]:
        told = set(one["ratings"]) if key["method"] == MUSHRA else {one["chosen"]}
        wanted = trials[one["trial"]]
        if sorted(one["order"]) != sorted(wanted):
            raise InputError(f"the order of {one['trial']} is not one of its stimuli")
        if not told <= wanted or (key["method"] == MUSHRA and told != wanted):
            raise InputError(f"what it answers to {one['trial']} are not that trial's stimuli")
