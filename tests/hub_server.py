"""A Hugging Face Hub on loopback: the HTTP API of the Hub, as its real clients call it.

    with HubServer(folder, users={"hf_token": User("alice")}) as hub:
        HfApi(endpoint=hub.url, token="hf_token").create_repo("alice/guitar", repo_type="dataset")

By hand: `python tests/hub_server.py --port 8123 --root DIR --user alice:hf_token:write`, then point `HF_ENDPOINT` of
any client at it. Everything lives in the folder, so a server started on it again goes on where the last one stopped.
The statuses and messages are those that the clients' code and public issues show of huggingface.co; what it lacks:
pull requests, discussions, gated repositories, multipart uploads, `.gitignore` rules, git itself.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import math
import re
import secrets
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from hub_cards import check_card
from hub_faults import Cut, Fault, Faults, Kind, Record
from hub_store import Commit, HubError, Repo, Store, User, write_whole
from hub_xet import XetFolders

CHUNK = 1 << 20
KINDS = {"model": "models", "dataset": "datasets", "space": "spaces"}


RECORD = web.RequestKey("RECORD", Record)
FAULT = web.RequestKey("FAULT", Fault)


class HubServer:
    """The Hub in a thread. `log`, `faults`, `kind`, `users` and `quota_bytes` may be used and changed while it runs."""

    def __init__(
        self,
        root: Path | str,
        *,
        users: dict[str, User] | None = None,
        port: int = 0,
        page_size: int = 1000,
        quota_bytes: int | None = None,
        xet: bool = False,
    ):
        self.root = Path(root).resolve()
        self.users = dict(users or {})
        self.port = port
        self.page_size = page_size
        self.quota_bytes = quota_bytes
        self.faults = Faults()
        self.kind = Kind()
        self.log: list[Record] = []
        (self.root / "incoming").mkdir(parents=True, exist_ok=True)
        # Signs upload addresses, which carry no token; kept, as they outlive a restart.
        if not (self.root / "key").exists():
            write_whole(self.root / "key", secrets.token_bytes(32))
        self._key = (self.root / "key").read_bytes()
        self._store = Store(self.root)
        self._xet = XetFolders(self.root / "xet") if xet else None
        self._uploaded = 0
        self._cut_at = math.inf
        self._thread: threading.Thread | None = None

    # Running

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "HubServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from a thread of its own; returns when the port answers."""
        ready: Future[Callable[[], object]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="hub-server", daemon=True)
        self._thread.start()
        self._stop = ready.result()

    def stop(self) -> None:
        """Break off what is going on and free the port."""
        if self._thread:
            self._stop()
            self._thread.join()
            self._thread = None

    async def _serve(self, ready: "Future[Callable[[], object]]") -> None:
        app = web.Application(middlewares=[self._answer])
        for method, path, handler in self._routes():
            app.router.add_route(method, path, handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
            self.port = runner.addresses[0][1]
            ready.set_result(lambda: loop.call_soon_threadsafe(stop.set))
            await stop.wait()
        except OSError as error:
            ready.set_exception(error)
        finally:
            await runner.cleanup()

    # What tests ask

    def requests(self, method: str = "", path: str = "") -> list[Record]:
        """The requests so far with this method and a path in which the pattern is found."""
        return [record for record in self.log if method in ("", record.method) and re.search(path, record.path)]

    def cut_after(self, total_uploaded_bytes: int) -> None:
        """Hang up once, when so many more bytes of request bodies have come in, whatever request that is in."""
        self._cut_at = self._uploaded + total_uploaded_bytes

    def used(self, namespace: str) -> int:
        """The bytes that count for a namespace's quota."""
        return self._store.used(namespace)

    # Requests

    def _routes(self) -> Iterable[tuple[str, str, Callable]]:
        name = r"{owner:\w[\w.-]*}/{name:\w[\w.-]*}"
        repo = f"/api/{{kind:models|datasets|spaces}}/{name}"
        yield "GET", "/api/whoami-v2", self.whoami
        yield "POST", "/api/validate-yaml", self.validate_yaml
        yield "POST", "/api/repos/create", self.create
        yield "DELETE", "/api/repos/delete", self.delete
        yield "GET", "/api/{kind:models|datasets|spaces}", self.list_repos
        yield "GET", repo, self.info
        yield "GET", f"{repo}/revision/{{revision}}", self.info
        yield "PUT", f"{repo}/settings", self.settings
        yield "GET", f"{repo}/auth-check", self.auth_check
        yield "GET", f"{repo}/tree/{{revision}}", self.tree
        yield "GET", f"{repo}/tree/{{revision}}/{{path:.+}}", self.tree
        yield "POST", f"{repo}/paths-info/{{revision}}", self.paths_info
        yield "GET", f"{repo}/refs", self.refs
        yield "POST", f"{repo}/branch/{{branch}}", self.create_branch
        yield "DELETE", f"{repo}/branch/{{branch}}", self.delete_branch
        yield "POST", f"{repo}/tag/{{revision}}", self.create_tag
        yield "DELETE", f"{repo}/tag/{{tag}}", self.delete_tag
        yield "GET", f"{repo}/commits/{{revision}}", self.commits
        yield "POST", f"{repo}/preupload/{{revision}}", self.preupload
        yield "POST", f"{repo}/commit/{{branch}}", self.commit
        yield "GET", f"{repo}/xet-{{role:read|write}}-token/{{revision}}", self.xet_token
        yield "PUT", f"/lfs/{{kind}}/{name}/{{oid:[0-9a-f]{{64}}}}", self.lfs_upload
        for kind in ("", "/{kind:datasets|spaces}"):
            yield "POST", f"{kind}/{name}.git/info/lfs/objects/batch", self.lfs_batch
            yield "POST", f"{kind}/{name}.git/info/lfs/verify", self.lfs_verify
            for method in ("GET", "HEAD"):
                yield method, f"{kind}/{name}/resolve/{{revision}}/{{path:.+}}", self.resolve
        yield "*", "/{path:.*}", self.nothing

    @web.middleware
    async def _answer(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        """Every request goes through here: the log, the faults, and refusals as the Hub's JSON."""
        record = request[RECORD] = Record(request.method, request.path)
        fault = request[FAULT] = self.faults.take(request.method, request.path)
        self.log.append(record)
        try:
            await asyncio.sleep(fault.delay)
            if fault.status:
                raise HubError(fault.status, fault.message, **fault.headers)
            if fault.cut_after_bytes <= 0:
                raise Cut
            if self.kind.page:
                status, type_, text = self.kind.page
                return web.Response(status=status, content_type=type_, text=text)
            response = self._shorten(request, await handler(request))
            if fault.cut_answer_after_bytes < math.inf and request.transport:
                request.transport.close()  # what has been answered goes out
                raise Cut
            record.status = response.status
        except HubError as error:
            record.status = error.status
            headers = error.headers | {"X-Error-Message": error.message.replace("\n", " ")}
            return web.json_response({"error": error.message}, status=error.status, headers=headers)
        except web.HTTPFound as moved:
            record.status = moved.status
            raise
        except (ConnectionError, web.RequestPayloadError):
            record.status = 0
            if request.transport and not request.transport.is_closing():
                request.transport.abort()
            return web.Response()  # goes nowhere
        except Exception:
            record.status = 500
            raise
        return response

    def _shorten(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """An answer with commits' ids as some servers tell them."""
        if self.kind.short_ids is None or not re.search(self.kind.short_ids, request.path):
            return response
        if isinstance(response, web.Response) and response.text and response.content_type == "application/json":
            ids = r'("(?:sha|commitOid|targetCommit|id)": "[0-9a-f]{8})[0-9a-f]{32}"'
            response.text = re.sub(ids, r'\1"', response.text)
        return response

    async def _body(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body as it comes in, counted, until a fault cuts it."""
        async for chunk in request.content.iter_any():
            request[RECORD].bytes_in += len(chunk)
            self._uploaded += len(chunk)
            if self._uploaded >= self._cut_at:
                self._cut_at = math.inf
                raise Cut
            if request[RECORD].bytes_in >= request[FAULT].cut_after_bytes:
                raise Cut
            yield chunk

    async def _text(self, request: web.Request) -> str:
        return b"".join([chunk async for chunk in self._body(request)]).decode()

    async def _json(self, request: web.Request) -> Any:
        try:
            return json.loads(await self._text(request) or "{}")
        except ValueError as error:
            raise HubError(400, f"Not JSON: {error}") from error

    # Who may do what

    def _user(self, request: web.Request) -> User | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if token not in self.users:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.users[token]

    def _known_user(self, request: web.Request) -> User:
        user = self._user(request)
        if user is None:
            raise HubError(401, "Invalid username or password.")
        return user

    def _may_write(self, user: User, namespace: str, foreign: str) -> None:
        if user.role != "write":
            raise HubError(403, "Forbidden: you must use a write token to upload to a repository.")
        if not user.owns(namespace):
            raise HubError(403, foreign)

    def _repo(self, request: web.Request, *, write: bool = False) -> Repo:
        """The repository an address is about, if this user may see it, or write to it."""
        parts = request.match_info
        return self._find(request, parts.get("kind", "models"), f"{parts['owner']}/{parts['name']}", write=write)

    def _find(self, request: web.Request, kind: str, name: str, *, write: bool = False) -> Repo:
        user = self._user(request)
        repo = self._store.repos.get((kind, name))
        if user is None and (write or repo is None or repo.private):
            # The Hub does not tell strangers what is missing and what is private. Clients take a 401 on a
            # repository's address for that, but over plain http they need the code.
            raise HubError(401, "Invalid username or password.", "RepoNotFound")
        if repo is None or not repo.visible_to(user):
            raise HubError(404, "Repository not found", "RepoNotFound")
        if write:
            foreign = "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request"
            self._may_write(user, repo.namespace, foreign)
        return repo

    async def nothing(self, request: web.Request) -> web.Response:
        """Any other address. Under a repository's it is a repository that does not exist, such as one without owner."""
        if re.match(r"/api/(models|datasets|spaces)/|.*/resolve/", request.path):
            self._find(request, "", "")
        raise HubError(404, "Sorry, we can't find the page you are looking for.")

    async def whoami(self, request: web.Request) -> web.Response:
        user = self._known_user(request)
        orgs = [{"type": "org", "name": name, "roleInOrg": user.role} for name in user.namespaces]
        token = {"displayName": user.role, "role": user.role}
        auth = {"type": "access_token", "accessToken": token}
        return web.json_response({"type": "user", "name": user.name, "fullname": user.name, "orgs": orgs, "auth": auth})

    async def validate_yaml(self, request: web.Request) -> web.Response:
        errors, warnings = check_card((await self._json(request))["content"])
        answer = {
            "errors": [{"message": message} for message in errors],
            "warnings": [{"message": message} for message in warnings],
        }
        return web.json_response(answer, status=400 if errors else 200)

    # Repositories

    async def create(self, request: web.Request) -> web.Response:
        asked = await self._json(request)
        user = self._known_user(request)
        kind, owner = asked.get("type") or "model", asked.get("organization") or user.name
        name = f"{owner}/{asked['name']}"
        self._may_write(user, owner, f'You don\'t have the rights to create a {kind} under the namespace "{owner}"')
        if not re.fullmatch(r"\w[\w.-]{0,95}", asked["name"]) or kind not in KINDS:
            raise HubError(400, f"Invalid repository: {kind} {name}")
        answer = {"name": name, "url": self._page(KINDS[kind], name)}
        if (KINDS[kind], name) in self._store.repos:
            error = f"You already created this {kind} repo"
            return web.json_response({"error": error, **answer}, status=409, headers={"X-Error-Message": error})
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self._store.create(KINDS[kind], name, private=private, author=user.name, sdk=asked.get("sdk"))
        return web.json_response(answer)

    async def delete(self, request: web.Request) -> web.Response:
        asked = await self._json(request)
        user = self._known_user(request)
        owner = asked.get("organization") or user.name
        kind = KINDS[asked.get("type") or "model"]
        self._store.delete(self._find(request, kind, f"{owner}/{asked['name']}", write=True))
        return web.Response(text="OK")

    async def settings(self, request: web.Request) -> web.Response:
        repo, asked = self._repo(request, write=True), await self._json(request)
        if "visibility" in asked or "private" in asked:
            repo.state["private"] = asked.get("visibility") == "private" or bool(asked.get("private"))
            repo.save()
        return web.json_response({"private": repo.private})

    async def auth_check(self, request: web.Request) -> web.Response:
        self._repo(request)
        return web.json_response({})

    async def list_repos(self, request: web.Request) -> web.Response:
        user, asked = self._user(request), request.query
        found = [
            repo
            for (kind, name), repo in sorted(self._store.repos.items())
            if kind == request.match_info["kind"]
            and asked.get("author", repo.namespace) == repo.namespace
            and asked.get("search", "").lower() in name.lower()
            and repo.visible_to(user)
        ]
        return self._paged(request, [repo.info(repo.resolve("main")) for repo in found], self.page_size)

    async def info(self, request: web.Request) -> web.Response:
        repo, query = self._repo(request), request.query
        info = repo.info(self._commit(repo, request), blobs=_is_true(query.get("blobs")))
        if wanted := query.getall("expand", []):
            info = {key: value for key, value in info.items() if key in ("_id", "id", *wanted)}
        return web.json_response(info)

    def _page(self, kind: str, name: str) -> str:
        return f"{self.url}/{name}" if kind == "models" else f"{self.url}/{kind}/{name}"

    # History

    def _commit(self, repo: Repo, request: web.Request) -> Commit:
        return repo.resolve(request.match_info.get("revision", "main"))

    async def refs(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        answer: dict[str, list] = {
            kind: [{"name": name, "ref": f"refs/{place}/{name}", "targetCommit": oid} for name, oid in refs.items()]
            for kind, place, refs in (("branches", "heads", repo.branches), ("tags", "tags", repo.tags))
        }
        return web.json_response(answer | {"converts": [], "pullRequests": []})

    async def create_branch(self, request: web.Request) -> web.Response:
        repo, branch = self._repo(request, write=True), request.match_info["branch"]
        start = repo.resolve((await self._json(request)).get("startingPoint") or "main")
        self._check_ref(repo.branches, branch)
        repo.branches[branch] = start.oid
        repo.save()
        return web.json_response({}, status=201)

    async def create_tag(self, request: web.Request) -> web.Response:
        repo, asked = self._repo(request, write=True), await self._json(request)
        commit = self._commit(repo, request)
        self._check_ref(repo.tags, asked["tag"])
        repo.tags[asked["tag"]] = commit.oid
        repo.save()
        return web.json_response({}, status=201)

    def _check_ref(self, known: dict[str, str], name: str) -> None:
        if name in known:
            raise HubError(409, f"Reference already exists: {name}")
        if not re.fullmatch(r"\w[\w./-]*", name) or name.startswith("refs/"):
            raise HubError(400, f"Invalid reference: {name}")

    async def delete_branch(self, request: web.Request) -> web.Response:
        return self._delete_ref(request, "branches", request.match_info["branch"])

    async def delete_tag(self, request: web.Request) -> web.Response:
        return self._delete_ref(request, "tags", request.match_info["tag"])

    def _delete_ref(self, request: web.Request, kind: str, name: str) -> web.Response:
        repo = self._repo(request, write=True)
        if (kind, name) == ("branches", "main"):
            raise HubError(403, "Cannot delete the main branch")
        if repo.state[kind].pop(name, None) is None:
            raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
        repo.save()
        return web.json_response({})

    async def commits(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        rows = [
            {
                "id": commit.oid,
                "title": commit.title,
                "message": commit.message,
                "authors": [{"user": commit.author}],
                "date": commit.date,
                "formatted": {"title": commit.title, "message": commit.message},
            }
            for commit in repo.history(self._commit(repo, request))
        ]
        return self._paged(request, rows, self.page_size)

    # Files

    def _paged(self, request: web.Request, rows: list, size: int, finish: Callable = lambda row: row) -> web.Response:
        """One page of a list, with the address of the next one where the clients look for it."""
        start = int(request.query.get("cursor", 0))
        more = request.url.update_query(cursor=start + size)
        headers = {"Link": f'<{more}>; rel="next"'} if start + size < len(rows) else {}
        return web.json_response([finish(row) for row in rows[start : start + size]], headers=headers)

    async def tree(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        commit, folder = self._commit(repo, request), request.match_info.get("path", "").strip("/")
        recursive, expand = _is_true(request.query.get("recursive")), _is_true(request.query.get("expand"))
        if folder not in commit.folders:
            raise HubError(404, f"{folder} does not exist on {commit.oid}", "EntryNotFound", X_Repo_Commit=commit.oid)
        start = f"{folder}/" if folder else ""
        inside = (
            path for path in {*commit.files, *commit.folders} if path.startswith(start) and path not in ("", folder)
        )
        paths = sorted(path for path in inside if recursive or "/" not in path[len(start) :])
        size = min(self.page_size, 50) if expand else self.page_size
        return self._paged(request, paths, size, lambda path: repo.row(commit, path, expand))

    async def paths_info(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        commit, asked = self._commit(repo, request), parse_qs(await self._text(request))
        expand = _is_true(asked.get("expand", [""])[0])
        paths = [path.strip("/") for path in asked.get("paths", [])]
        return web.json_response([repo.row(commit, path, expand) for path in paths if path and commit.at(path)])

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        repo = self._repo(request)
        commit, path = self._commit(repo, request), request.match_info["path"]
        if path not in commit.files:
            raise HubError(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.oid)
        file = commit.files[path]
        short = self.kind.short_ids is not None and re.search(self.kind.short_ids, request.path)
        headers = {
            "X-Repo-Commit": commit.oid[:8] if short else commit.oid,
            "ETag": f'"{file.content}"',
            "Accept-Ranges": "bytes",
        }
        if file.sha256:
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"'}
        if file.sha256 and self.kind.storage:
            raise web.HTTPFound(f"{self.kind.storage}/{file.sha256}", headers=headers)
        if file.xet:
            # Tells clients with hf_xet to fetch it from there; others go on here.
            route = f"{self.url}/api/{repo.kind}/{repo.id}/xet-read-token/{commit.oid}"
            headers |= {"X-Xet-Hash": file.xet, "X-Xet-Refresh-Route": route, "Link": f'<{route}>; rel="xet-auth"'}
        return await self._send(request, repo.object(file.content), headers)

    async def _send(self, request: web.Request, path: Path, headers: dict[str, str]) -> web.StreamResponse:
        """A file, or the range of it that was asked for, from disk."""
        size = path.stat().st_size
        try:
            span = range(size)[request.http_range]
        except ValueError:
            span = range(0)
        status = 206 if "Range" in request.headers else 200
        if status == 206:
            headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}" if span else f"bytes */{size}"
            if not span:
                raise HubError(416, "Range not satisfiable", **headers)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_type, response.content_length = "application/octet-stream", len(span)
        request[RECORD].status = status
        await response.prepare(request)
        if request.method == "GET":
            left, room = len(span), request[FAULT].cut_answer_after_bytes
            with path.open("rb") as file:
                file.seek(span.start)
                while left and room:
                    chunk = file.read(int(min(CHUNK, left, room)))
                    await response.write(chunk)
                    left, room = left - len(chunk), room - len(chunk)
        return response

    # Uploads

    async def preupload(self, request: web.Request) -> web.Response:
        repo = self._repo(request, write=True)
        commit, answer = self._commit(repo, request), []
        for asked in (await self._json(request))["files"]:
            path, sample = asked["path"], base64.b64decode(asked.get("sample", ""))
            there = commit.files.get(path)
            large = repo.is_large(commit, path, asked["size"], sample)
            row = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            answer.append(row | ({"oid": there.content} if there else {}))
        return web.json_response({"files": answer})

    async def lfs_batch(self, request: web.Request) -> web.Response:
        """Where to send the large files; those that are there already need no sending."""
        repo, asked = self._repo(request, write=True), await self._json(request)
        missing = {one["oid"]: one["size"] for one in asked["objects"] if not repo.object(one["oid"]).exists()}
        self._store.check_quota(repo, sum(missing.values()), self.quota_bytes)
        answer = []
        for one in asked["objects"]:
            row = {"oid": one["oid"], "size": one["size"], "authenticated": True}
            if one["oid"] in missing:
                signed = self._sign(repo, one["oid"], one["size"])
                place = f"{self.kind.storage or self.url}/lfs/{repo.kind}/{repo.id}/{one['oid']}"
                href = f"{place}?size={one['size']}&signature={signed}"
                verify = f"{self._page(repo.kind, repo.id)}.git/info/lfs/verify"
                row["actions"] = {"upload": {"href": href, "header": {}}, "verify": {"href": verify, "header": {}}}
            answer.append(row)
        return web.json_response({"transfer": "basic", "objects": answer})

    def _sign(self, repo: Repo, oid: str, size: int) -> str:
        return hmac.new(self._key, f"{repo.kind}/{repo.id}/{oid}/{size}".encode(), hashlib.sha256).hexdigest()

    async def lfs_upload(self, request: web.Request) -> web.Response:
        """Take a large file. It is stored only if it is whole and what its name says."""
        parts = request.match_info
        repo = self._store.repos.get((parts["kind"], f"{parts['owner']}/{parts['name']}"))
        oid, size = parts["oid"], int(request.query.get("size", 0))
        if repo is None or not hmac.compare_digest(self._sign(repo, oid, size), request.query.get("signature", "")):
            raise HubError(403, "SignatureDoesNotMatch")
        part, digest, got = self.root / "incoming" / uuid.uuid4().hex, hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                async for chunk in self._body(request):
                    file.write(chunk)
                    digest.update(chunk)
                    got += len(chunk)
            if (got, digest.hexdigest()) != (size, oid):
                raise HubError(400, "BadDigest: the content is not what was announced")
            part.rename(repo.object(oid))
        finally:
            part.unlink(missing_ok=True)
        return web.Response(headers={"ETag": f'"{oid}"'})

    async def lfs_verify(self, request: web.Request) -> web.Response:
        repo, asked = self._repo(request, write=True), await self._json(request)
        stored = repo.object(asked["oid"])
        if not stored.exists() or stored.stat().st_size != asked["size"]:
            raise HubError(404, "Object does not exist")
        return web.json_response({})

    async def xet_token(self, request: web.Request) -> web.Response:
        """Where Xet storage is and what opens it. The client's Python reads the headers, hf_xet itself the JSON."""
        write = request.match_info["role"] == "write"
        repo = self._repo(request, write=write)
        if self._xet is None:
            raise HubError(404, "Xet is not enabled on this server")
        if write:
            self._store.check_quota(repo, 1, self.quota_bytes)
        url, token, until = self._xet.address(write=write), f"xet-{request.match_info['role']}", int(time.time()) + 3600
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(until)}
        return web.json_response({"casUrl": url, "accessToken": token, "exp": until}, headers=headers)

    async def _from_xet(self, repo: Repo, sha256: str, size: int) -> str | None:
        """The Xet hash of a file that came over Xet; its content is put among the objects, to be served like others."""
        xet = self._xet.find(sha256) if self._xet else None
        if xet and not repo.object(sha256).exists():
            self._store.check_quota(repo, size, self.quota_bytes)
            part = self.root / "incoming" / uuid.uuid4().hex
            await asyncio.to_thread(self._xet.take, sha256, size, part)
            if hashlib.sha256(part.read_bytes()).hexdigest() == sha256:
                part.rename(repo.object(sha256))
            part.unlink(missing_ok=True)
        return xet

    async def commit(self, request: web.Request) -> web.Response:
        repo = self._repo(request, write=True)
        lines = [json.loads(line) for line in (await self._text(request)).splitlines() if line]
        if request.query.get("create_pr"):
            raise HubError(501, "Pull requests are not supported here")
        if not lines or lines[0]["key"] != "header":
            raise HubError(400, "The first line of a commit must be its header")
        operations = [(line["key"], line["value"]) for line in lines[1:]]
        regular = sum(len(value.get("content", "")) * 3 // 4 for _, value in operations)
        self._store.check_quota(repo, regular, self.quota_bytes)
        for key, value in operations:
            if key == "lfsFile":
                value["xet"] = await self._from_xet(repo, value["oid"], value.get("size", 0))
        author = self._known_user(request).name
        made = repo.apply(request.match_info["branch"], lines[0]["value"], operations, author)
        url = f"{self._page(repo.kind, repo.id)}/commit/{made.oid}"
        return web.json_response({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def _is_true(parameter: str | None) -> bool:
    return (parameter or "").lower() in ("1", "true")


def main() -> None:
    parser = argparse.ArgumentParser(description="A Hugging Face Hub on loopback.")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--root", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--xet", action="store_true", help="take large files over Xet, into a folder")
    parser.add_argument("--user", action="append", default=[], metavar="NAME:TOKEN:ROLE", help="role: write or read")
    given = parser.parse_args()
    users = {token: User(name, *role) for name, token, *role in (user.split(":") for user in given.user)}
    with HubServer(given.root, users=users, port=given.port, xet=given.xet) as hub:
        print(f"HF_ENDPOINT={hub.url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
