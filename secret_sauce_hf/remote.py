"""What goes wrong with the Hub, as one line that says the mistake and the remedy."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secret_sauce_hf.instruments import InputError

_TOKEN = re.compile(r"\b(?:hf|api_org|hf_oauth)_[A-Za-z0-9_.~+/=-]{4,}|(?<=[Bb]earer )\S+|(?<=[Bb]asic )\S+")
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*@")
"""Name and password in an address."""
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_REPO_NAME = re.compile(rf"{_NAME}/{_NAME}")
_REPO_ID = re.compile(rf"{_NAME}/{_NAME}(?:@[^\s@]+)?")

LOGIN = "log in with `hf auth login`, or set HF_TOKEN"
LOGIN_TO_WRITE = f"{LOGIN}, to a token with write permission"
"""The remedies where a token is missing or does not do."""


def is_repo_name(text: str) -> bool:
    """Whether a repository can be called so: `ORG/NAME`."""
    return _REPO_NAME.fullmatch(text) is not None


def is_repo_id(text: object) -> bool:
    """Whether this names a repository, `ORG/NAME` or `ORG/NAME@REVISION`, and nothing that is on this disk."""
    if not isinstance(text, str) or Path(text).exists():
        return False
    return _REPO_ID.fullmatch(text) is not None


def split_revision(text: str) -> tuple[str, str | None]:
    """`ORG/NAME@REVISION` as repository and revision; without one, None."""
    repo, _, revision = text.partition("@")
    return repo, revision or None


def redact(text: str) -> str:
    """The text without anything that looks like a token, or is the one in use."""
    from huggingface_hub import get_token

    token = get_token()
    if token:
        text = text.replace(token, "<token>")
    return _USER_INFO.sub("", _TOKEN.sub("<token>", text))


@contextmanager
def remote_errors(what: str, *, sending: bool = False) -> Iterator[None]:
    """Turn what the Hub's clients raise into an `InputError` of one line, without tokens.

    Args:
        what: what is being fetched or sent, as messages call it: "dataset org/name".
        sending: whether it is being sent.

    Raises:
        InputError: no network, no or the wrong token, no permission, no such repository,
            revision or file, a quota or rate limit, a conflict, a fault of the server, or
            something that answers but is no Hub.
    """
    import httpx2
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    login = LOGIN_TO_WRITE if sending else LOGIN
    try:
        with _causes():
            yield
    except InputError:
        raise
    except LocalTokenNotFoundError as error:
        raise InputError(f"There is no token for {what}: {login}.") from error
    except HFValidationError as error:
        raise InputError(f"{what} is not a name on the Hub; give ORG/NAME ({_first_line(error)}).") from error
    except HfHubHTTPError as error:
        raise InputError(_http_text(what, error, sending)) from error
    except OfflineModeIsEnabled as error:
        raise InputError(f"HF_HUB_OFFLINE is set, so {what} was not looked for on the Hub; unset it.") from error
    except LocalEntryNotFoundError as error:
        raise InputError(_cause_text(what, error, sending)) from error
    except (httpx2.TransportError, httpx2.InvalidURL, ConnectionError) as error:
        raise InputError(_network_text(what, error, sending)) from error
    except UnicodeEncodeError as error:
        raise InputError(f"The token for {what} has characters that no token has: {login}.") from error
    except (json.JSONDecodeError, KeyError) as error:
        raise InputError(
            f"What answers at {endpoint()} for {what} is not the Hub's API (a proxy, or a page to log in?): check the "
            "network and HF_ENDPOINT."
        ) from error
    except FileNotFoundError as error:
        # DatasetNotFoundError of datasets is one.
        if "on the Hub" not in str(error):
            raise
        raise InputError(_missing_text(what, login)) from error
    except ValueError as error:
        # The client's word for a card or an answer that it does not accept.
        said = redact(" ".join(str(error).split()))
        if "LFS batch" in said:
            raise InputError(_full_text(what, said[:300])) from error
        if not sending:
            raise
        raise InputError(f"The Hub does not accept {what}: {said[:300]}") from error


@contextmanager
def _causes() -> Iterator[None]:
    """Of the client's "error while uploading" raise the cause: only that tells why."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, Exception):
            raise error.__cause__ from None
        raise


def endpoint() -> str:
    """The Hub's address, without what an address may hold of a password."""
    from huggingface_hub import constants

    return redact(constants.ENDPOINT)


def _http_text(what: str, error: Exception, sending: bool) -> str:
    from huggingface_hub.errors import (
        DisabledRepoError,
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    said = redact(_first_line(getattr(error, "server_message", None) or ""))
    status = getattr(getattr(error, "response", None), "status_code", 0)
    aside = f" ({said})" if said else ""
    login = LOGIN_TO_WRITE if sending else LOGIN
    if isinstance(error, RevisionNotFoundError):
        return f"{what} has no such revision; leave it out for the newest one."
    if isinstance(error, RemoteEntryNotFoundError):
        return f"{what} lacks a file that was looked for{aside}."
    if isinstance(error, GatedRepoError):
        return f"{what} asks for consent: open its page on the Hub, accept, and {login}."
    if isinstance(error, DisabledRepoError):
        return f"{what} is disabled on the Hub."
    if _is_quota(status, said):
        return _full_text(what, said)
    if isinstance(error, RepositoryNotFoundError):
        return _missing_text(what, login)
    if status == 401:
        return f"The Hub does not accept the token for {what}: {login}."
    if status == 403 and not sending:
        return f"The token may not read {what}{aside}: use one of a member."
    if status == 403:
        return f"The token may not do this with {what}{aside}: use one with write permission there, or another name."
    if status in (409, 412):
        return f"{what} was changed by somebody else meanwhile; look at it, then give the same command again."
    if status == 429:
        return f"The Hub asks for fewer requests for {what}{aside}: give the same command again {_later(error)}."
    if status >= 500:
        return f"The Hub has a fault (HTTP {status}) at {what}{aside}; give the same command again later."
    return f"The Hub refuses {what} (HTTP {status}): {said or redact(_first_line(error))}"


def _is_quota(status: int, said: str) -> bool:
    if status in (402, 507):
        return True
    return status in (403, 413) and re.search(r"storage|quota|exceed", said, re.IGNORECASE) is not None


def _later(error: Exception) -> str:
    """When the Hub wants to be asked again."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    seconds = headers.get("Retry-After", "")
    return f"in {seconds} s" if seconds.isdigit() else "later"


def _full_text(what: str, said: str) -> str:
    return f"The storage of {what} is full: {said or 'quota exceeded'}. Free some, or publish under another name."


def _missing_text(what: str, login: str) -> str:
    return f"There is no {what} on the Hub, or it is private: check the name; for a private one, {login}."


def _network_text(what: str, error: BaseException, sending: bool) -> str:
    again = " What was sent is kept: give the same command again." if sending else ""
    return (
        f"The Hub at {endpoint()} cannot be reached for {what} ({redact(_first_line(error))}); check the network and "
        f"HF_ENDPOINT.{again}"
    )


def _cause_text(what: str, error: BaseException, sending: bool) -> str:
    """Of the client's "neither on the Hub nor in the cache": the first cause tells why."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HfHubHTTPError):
            return _http_text(what, cause, sending)
        if isinstance(cause, OfflineModeIsEnabled):
            return f"HF_HUB_OFFLINE is set and {what} is not in the cache; unset it."
        cause = cause.__cause__ or cause.__context__
    return _network_text(what, error, sending)


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__ if isinstance(error, BaseException) else ""
