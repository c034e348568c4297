"""What goes wrong with the Hub, as one line that says the mistake and the remedy; and which answers are refused."""

import errno
import ipaddress
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from secret_sauce_hf.instruments import InputError

if TYPE_CHECKING:
    from httpx2 import Client, Request, Response, SyncByteStream

_TOKEN = re.compile(r"\b(?:hf|api_org|hf_oauth)_[A-Za-z0-9_.~+/=-]{4,}|(?<=[Bb]earer )\S+|(?<=[Bb]asic )\S+")
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*@")
"""Name and password in an address."""
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_REPO_NAME = re.compile(rf"{_NAME}/{_NAME}")
# The client keeps a revision's commit in a file of the revision's name. Git allows no `..` in one either.
_REVISION = r"(?!\S*\.\.)[^\s@/\\][^\s@\\]*"
_REPO_ID = re.compile(rf"{_NAME}/{_NAME}(?:@{_REVISION})?")
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
"""Git's ids have 40 digits or 64; some Hubs shorten them."""
_ETAG = re.compile(r"(?!.*\.\.)[A-Za-z0-9{][A-Za-z0-9._+=~{}-]{0,127}")
"""Hashes on the Hub; also base64 without a slash, and the `{SHA1{…}}` of repository managers."""
_XET_TOKEN = re.compile(r"(?:\((\d{3}) [^)]*\).*)?/xet-(?:read|write)-token/", re.DOTALL)
"""What hf_xet says where a server did not tell it the way to its storage."""
_WAITS = ("connect", "read", "write", "pool")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_ODD_ANSWER = (UnicodeDecodeError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What the client raises for an answer that is JSON of another form than it takes for granted, or in no encoding."""
_DESCRIPTION = re.compile(r"/api/(?:whoami-v2|(?:models|datasets|spaces)/[^/]+/[^/]+(?:/revision/[^/]+)?)$")
"""Addresses at which every Hub answers with an object."""
_OUTSIDE = re.compile(r"/|(?:.*/)?(?:\.\.(?:/|$)|[A-Za-z]:)|.*[\x00-\x1f\x7f-\x9f\\]", re.DOTALL)
"""Starts of paths that are absolute, go up, name a drive, or have what some systems take for a separator or an end."""

SILENT_SECONDS = 60.0
"""For a connection, and for each piece of an answer, where the client sets no limit of its own."""
SLOW_SECONDS, SLOW_BYTES = 60.0, 1024
"""In so long so much must come of an answer: the slowest line that anybody would wait for brings a hundred times that,
and a server that sends a byte a second keeps to every limit of single pieces."""
MAX_ANSWER_BYTES = 2**27
"""Of an answer that is taken into memory; a page of a listing, a thousand files, has some 300 KB."""
MAX_UNTOLD_BYTES = 2**33
"""Of a file whose length is not told; the Hub always tells it, some proxies do not. Nothing of ours is larger."""
MAX_PAGES = 10_000
"""Of one listing: of a thousand files each, a hundred times what a repository of the Hub may have."""
MAX_WAIT_SECONDS = 300
"""That a server may have the client wait before the next request: the Hub counts requests over five minutes."""

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


def is_revision(text: str) -> bool:
    """Whether a branch, a tag or a commit can be called so."""
    return re.fullmatch(_REVISION, text) is not None


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
def remote_errors(what: str, *, sending: bool = False, reading_data: bool = False) -> Iterator[None]:
    """Turn what the Hub's clients raise into an `InputError` of one line, without tokens; answers are checked.

    Args:
        what: what is being fetched or sent, as messages call it: "dataset org/name".
        sending: whether it is being sent.
        reading_data: whether `datasets` reads it in this block, too; what that raises of the data
            is left to the caller.

    Raises:
        InputError: no network, no or the wrong token, no permission, no such repository,
            revision or file, a quota or rate limit, a conflict, a fault of the server, a
            server without Xet, something that answers but is no Hub, an answer that
            `checked_answers` refuses, or no room in the cache.
    """
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    login = LOGIN_TO_WRITE if sending else LOGIN
    try:
        with _causes(), checked_answers():
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
        raise InputError(f"{_offline()} is set, so {what} was not looked for on the Hub; unset it.") from error
    except LocalEntryNotFoundError as error:
        raise InputError(_cause_text(what, error, sending)) from error
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ConnectionError) as error:
        raise InputError(_cause_text(what, error, sending)) from error
    except UnicodeEncodeError as error:
        raise InputError(f"The token for {what} has characters that no token has: {login}.") from error
    except (json.JSONDecodeError, KeyError) as error:
        raise InputError(_stranger_text(what)) from error
    except _ODD_ANSWER as error:
        if reading_data or not _is_of_client(error):
            raise
        raise InputError(_stranger_text(what)) from error
    except FileNotFoundError as error:
        # DatasetNotFoundError of datasets is one.
        if "on the Hub" not in str(error):
            raise
        raise InputError(_missing_text(what, login)) from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise InputError(
                f"The cache {constants.HF_HOME} cannot take {what} ({error.strerror}): free some space, or set HF_HOME "
                "to a folder elsewhere."
            ) from error
        # With a number it is one of this machine.
        if error.errno is not None:
            raise
        raise InputError(_cause_text(what, error, sending)) from error
    except ValueError as error:
        # The client's word for a card or an answer that it does not accept.
        said = redact(" ".join(str(error).split()))
        if "LFS batch" in said:
            raise InputError(_full_text(what, said[:300])) from error
        if reading_data:
            raise
        if not sending:
            if not _is_of_client(error):
                raise
            raise InputError(_stranger_text(what)) from error
        raise InputError(f"The Hub does not accept {what}: {said[:300]}") from error
    except RuntimeError as error:
        if _xet_token(error) is None:
            raise
        raise InputError(_cause_text(what, error, sending)) from error


def _is_of_client(error: BaseException) -> bool:
    """Whether it was raised while the client was at work: what else is raised is a mistake of ours."""
    frames = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(name.partition(".")[0] in ("huggingface_hub", "httpx2") for name in frames)


@contextmanager
def _causes() -> Iterator[None]:
    """Of the client's "error while uploading" raise the cause: only that tells why."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, Exception):
            raise error.__cause__ from None
        raise


def _offline() -> str:
    """The variable that keeps the clients from the network."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
    return next((name for name in names if os.environ.get(name)), names[0])


def _xet_token(error: BaseException) -> int | None:
    """The status with which a server refused hf_xet the way to its storage, 0 if untold; None for other errors."""
    found = _XET_TOKEN.search(str(error))
    return int(found[1] or 0) if found else None


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

    said = _said(getattr(error, "server_message", None) or "")
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
    headers = getattr(getattr(error, "response", None), "headers", {})
    if status < 500 and "html" in headers.get("Content-Type", "") and "X-Error-Code" not in headers:
        return _stranger_text(what)
    path = getattr(getattr(getattr(error, "response", None), "url", None), "path", "")
    if status in (404, 405) and "X-Error-Code" not in headers and (not said or _DESCRIPTION.search(path)):
        return (
            f"What answers at {endpoint()} knows no such address for {what} (HTTP {status}), so it may be no Hub: "
            "check the name and HF_ENDPOINT."
        )
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
    return f"The Hub refuses {what} (HTTP {status}): {said or _said(error)}"


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


def _stranger_text(what: str) -> str:
    return (
        f"What answers at {endpoint()} for {what} is not the Hub's API (a proxy, or a page to log in?): check the "
        "network and HF_ENDPOINT."
    )


def _xet_text(what: str, status: int, sending: bool) -> str:
    if status in (401, 403):
        return f"The Hub does not accept the token for {what}: {LOGIN_TO_WRITE if sending else LOGIN}."
    if status >= 500:
        return f"The Hub has a fault (HTTP {status}) at {what}; give the same command again later."
    aside = f" (HTTP {status})" if status else ""
    return (
        f"The Hub at {endpoint()} has no Xet storage for {what}{aside}: set HF_HUB_DISABLE_XET=1 and give the same "
        "command again."
    )


def _network_text(what: str, error: BaseException, sending: bool) -> str:
    from huggingface_hub import constants

    again = " What was sent is kept: give the same command again." if sending else ""
    # Large files are kept elsewhere, at addresses that the Hub names.
    url = getattr(getattr(error, "_request", None), "url", None)
    if (
        url is not None
        and url.host
        and not constants.ENDPOINT.startswith(place := f"{url.scheme}://{url.netloc.decode()}")
    ):
        return (
            f"The storage {redact(place)}, where the Hub at {endpoint()} keeps large files of {what}, cannot be "
            f"reached ({redact(_first_line(error))}); check the network.{again}"
        )
    return (
        f"The Hub at {endpoint()} cannot be reached for {what} ({_said(error)}); check the network and "
        f"HF_ENDPOINT.{again}"
    )


def _cause_text(what: str, error: BaseException, sending: bool) -> str:
    """Of the clients' "neither on the Hub nor in the cache", and the like: the first cause that is known tells why."""
    import httpx2
    from huggingface_hub.errors import FileMetadataError, HfHubHTTPError, OfflineModeIsEnabled

    cause: BaseException | None = error
    network = error
    while cause is not None:
        if (status := _xet_token(cause)) is not None:
            return _xet_text(what, status, sending)
        if isinstance(cause, FileMetadataError):
            return _stranger_text(what)
        if isinstance(cause, httpx2.TransportError):
            network = cause
        if isinstance(cause, HfHubHTTPError):
            return _http_text(what, cause, sending)
        # `datasets` tells of it in words only.
        if isinstance(cause, OfflineModeIsEnabled) or "OfflineMode" in str(cause):
            return f"{_offline()} is set and {what} is not in the cache; unset it."
        if "Consistency check failed" in str(cause):
            return (
                f"{what} does not arrive as the Hub at {endpoint()} tells of it ({redact(_first_line(cause))[:200]}): "
                "check the network and the proxy, and give the same command again."
            )
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return _network_text(what, network, sending)


def _said(error: object) -> str:
    """The first line of an error for people: without tokens, and not without an end."""
    return redact(_first_line(error))[:300]


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__ if isinstance(error, BaseException) else ""


# Answers that would make the client write outside its cache

_depth = 0
"""How many blocks of `checked_answers` are open, in all threads."""
_factory: "Callable[[], Client] | None" = None
"""What made the client before the first of them was."""
_closing: Callable[[], None] | None = None
"""What closed the client before the first of them was."""


@contextmanager
def checked_answers() -> Iterator[None]:
    """Refuse, in this block, what a server says that would make the Hub's client write outside its cache.

    Meanwhile no thread closes the client under another one's hands, as huggingface_hub does
    when a connection fails.

    huggingface_hub 2.4 names files in its cache after the ETag, after the commit and, in a
    listing of files, after their hashes, without looking at them, and a storage address
    may name a folder of this machine. All clients that huggingface_hub makes are checked,
    in every thread, until the last block that is open anywhere ends; then the library is as
    it was. Blocks may nest.

    Raises:
        InputError: by the request that is answered so, before anything is written.
    """
    global _depth, _factory, _closing
    from huggingface_hub.utils import _http

    # The library closes its client after a failed connection and makes another, so the maker must be replaced, too.
    # The public setter would close the client under the other threads' hands, and there is no getter.
    with _http._CLIENT_LOCK:
        _depth += 1
        if _http.close_session is not _keep_client:
            _closing, _http.close_session = _http.close_session, _keep_client
        if _http._GLOBAL_CLIENT_FACTORY is not _checking_client:
            _factory, _http._GLOBAL_CLIENT_FACTORY = _http._GLOBAL_CLIENT_FACTORY, _checking_client
        _hook(_http._GLOBAL_CLIENT)
    try:
        yield
    finally:
        with _http._CLIENT_LOCK:
            _depth -= 1
            if _depth == 0:
                # Somebody else may have set another one meanwhile.
                if _factory is not None and _http._GLOBAL_CLIENT_FACTORY is _checking_client:
                    _http._GLOBAL_CLIENT_FACTORY = _factory
                if _closing is not None and _http.close_session is _keep_client:
                    _http.close_session = _closing
                _factory = _closing = None
                _unhook(_http._GLOBAL_CLIENT)


def _keep_client() -> None:
    """Keep the client of which one connection failed, as others are using it: it opens fresh connections itself."""
    from huggingface_hub.utils import _http

    # Whoever sets another maker wants to be rid of the client that the old one made.
    if _closing is not None and _http._GLOBAL_CLIENT_FACTORY is not _checking_client:
        _closing()


def _checking_client() -> "Client":
    from huggingface_hub.utils import _http

    client = (_factory or _http.default_client_factory)()
    _hook(client)
    return client


def _hook(client: "Client | None") -> None:
    if client is not None and _check_response not in client.event_hooks["response"]:
        # New lists, as other threads may be going through the old ones. Ours is first, before another one reads.
        hooks = client.event_hooks
        client.event_hooks = {
            "request": [*hooks["request"], _limit_request],
            "response": [_check_response, *hooks["response"]],
        }


def _unhook(client: "Client | None") -> None:
    if client is not None:
        ours = (_check_response, _limit_request)
        client.event_hooks = {
            kind: [hook for hook in hooks if hook not in ours] for kind, hooks in client.event_hooks.items()
        }


def _limit_request(request: "Request") -> None:
    """Let no request wait for ever: some of the client's have no limit at all."""
    limits = request.extensions.get("timeout", {})
    given = {name: SILENT_SECONDS if limits.get(name) is None else limits[name] for name in _WAITS}
    request.extensions = {**request.extensions, "timeout": given}


def _check_response(response: "Response") -> None:
    """Refuse the headers of an answer, of a redirect as well, and its JSON when it is read."""
    headers = response.headers
    _check(response, "commit", headers.get("X-Repo-Commit"), _is_commit)
    _check(response, "Xet storage", headers.get("X-Xet-Cas-Url"), partial(_is_storage, response.url.host))
    # Only what is told of a file without its content names one; a storage's own ETag may be anything.
    _check(response, "ETag", headers.get("X-Linked-Etag"), _is_etag)
    if response.request.method == "HEAD":
        _check(response, "ETag", headers.get("ETag"), _is_etag)
    _limit_answer(response)
    # The body must not be read here: it may be a large file, and addresses and types do not tell which is JSON, as the
    # server chooses where redirects and further pages lead.
    vars(response)["json"] = partial(_checked_json, response)


def _limit_answer(response: "Response") -> None:
    """Give an answer an end: of its size, its time, the pages after it, and the wait that it asks for."""
    from huggingface_hub.utils._http import parse_ratelimit_headers

    headers = response.headers
    told = headers.get("Retry-After", "0")
    limit = parse_ratelimit_headers(headers) if response.status_code == 429 else None
    waits = max(int(told) if told.isdigit() else 0, limit.reset_in_seconds if limit is not None else 0)
    if response.status_code in (429, 503) and waits > MAX_WAIT_SECONDS:
        raise InputError(f"{_server(response)} wants to be asked again in {waits} s: give the same command again then.")
    # What is reached from the API by a redirect is taken into memory, too, whatever its address is.
    is_answer = "/api/" in response.url.path or _state.redirected
    _state.redirected = is_answer and response.has_redirect_location
    if is_answer and not _state.redirected:
        _state.pages = _state.pages + 1 if 'rel="next"' in headers.get("Link", "") else 0
        if _state.pages > MAX_PAGES:
            raise InputError(f"{_server(response)} lists without an end: check HF_ENDPOINT and the proxy.")
    most = MAX_ANSWER_BYTES if is_answer else None if "Content-Length" in headers else MAX_UNTOLD_BYTES
    if most is not None:
        vars(response)["iter_bytes"] = partial(_counted, response, most)
    response.stream = _paced(response)


class _State(threading.local):
    """Of the answers that a thread got."""

    redirected = False
    pages = 0


_state = _State()


def _server(response: "Response") -> str:
    return f"The server {response.request.url.scheme}://{response.request.url.netloc.decode()}"


def _counted(response: "Response", most: int, chunk_size: int | None = None) -> Iterator[bytes]:
    """What an answer holds, unpacked, which ends with an error where it is too large."""
    for chunk in type(response).iter_bytes(response, chunk_size):
        if (most := most - len(chunk)) < 0:
            raise InputError(f"{_server(response)} sends more than an answer has: check HF_ENDPOINT and the proxy.")
        yield chunk


def _paced(response: "Response") -> "SyncByteStream":
    """The body of an answer, which ends with an error where it comes too slowly."""
    import httpx2

    body: Any = response.stream

    class Paced(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            since, begun = 0, time.monotonic()
            for chunk in body:
                since += len(chunk)
                yield chunk
                # Also what is done with it takes its time.
                if since >= SLOW_BYTES:
                    since, begun = 0, time.monotonic()
                elif time.monotonic() - begun > SLOW_SECONDS:
                    raise InputError(
                        f"{_server(response)} sends fewer than {SLOW_BYTES:,} bytes in {SLOW_SECONDS:g} s: check the "
                        "network, and give the same command again."
                    )

        def close(self) -> None:
            body.close()

    return Paced()


def _checked_json(response: "Response", **options: Any) -> Any:
    """The JSON of an answer, of which a description or a listing of repositories or files is checked."""
    answer = type(response).json(response, **options)
    if not isinstance(answer, dict) and _DESCRIPTION.search(response.url.path):
        raise json.JSONDecodeError("not an object", "", 0)
    for row in answer if isinstance(answer, list) else [answer]:
        if not isinstance(row, dict):
            continue
        _check(response, "commit", row.get("sha"), _is_commit)
        files = row.get("siblings")
        for file in [row, *(files if isinstance(files, list) else [])]:
            if isinstance(file, dict):
                large = file.get("lfs")
                hashes = large if isinstance(large, dict) else {}
                for value in (file.get("path"), file.get("rfilename")):
                    _check(response, "name of a file", value, _is_inside)
                for value in (file.get("oid"), file.get("blobId"), hashes.get("oid"), hashes.get("sha256")):
                    _check(response, "hash of a file", value, _is_etag)
    return answer


def _check(response: "Response", what: str, value: Any, allowed: Callable[[str], bool]) -> None:
    """Refuse a value that is told and is not what it may be."""
    if value is None or (isinstance(value, str) and allowed(value)):
        return
    raise InputError(
        f"{_server(response)} answers with {redact(repr(value)[:80])} as the {what}, by which files could be written "
        "outside the cache, so nothing was taken from it: check HF_ENDPOINT and the proxy."
    )


def _is_commit(value: str) -> bool:
    return _COMMIT.fullmatch(value) is not None


def _is_etag(value: str) -> bool:
    return _ETAG.fullmatch(value.removeprefix("W/").strip('"')) is not None


def _is_storage(host: str, value: str) -> bool:
    """Whether a host may name this storage: only a server on this machine may name a folder, `local://`, of it."""
    if value.startswith(("http://", "https://")):
        return True
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_inside(value: str) -> bool:
    """Whether a path leads to below where it starts, here and on Windows."""
    return _OUTSIDE.match(value) is None
