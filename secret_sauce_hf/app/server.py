"""The page's server: sounds in, answers out, for many visitors who never see each other's."""

import asyncio
import base64
import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from secret_sauce_hf.app.limits import (
    MAX_BODY_BYTES,
    MAX_CANDIDATES,
    MAX_NOTES,
    MAX_RENDERED_SECONDS,
    MAX_SEARCH_SECONDS,
    MAX_SOUND_SECONDS,
    MAX_UPLOAD_BYTES,
)
from secret_sauce_hf.app.line import BusyError, Job, Line
from secret_sauce_hf.app.store import KeptSound, Session, Store
from secret_sauce_hf.app.telling import answer_of, panel, progress_of, take_of
from secret_sauce_hf.app.tools import mcp_server
from secret_sauce_hf.app.workshop import Answer, Asked, Rendering, Workshop, listenable, played, rendered, wav
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.sounds import open_parts
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.matching.writing import preset_files
from secret_sauce_hf.midi import preset_messages

STATIC = Path(__file__).parent / "static"
POLLED_SECONDS = 0.15
"""How often a watched search is looked at."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What a page of this machine alone may be called: another name that leads here is somebody's trick."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    # A Space is shown in a frame of the Hub's.
    "frame-ancestors 'self' https://huggingface.co"
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlayedNote(_Strict):
    """A note; seconds from the start of the sound, or of the take."""

    pitch: int = Field(ge=0, le=127)
    velocity: int | None = Field(None, ge=1, le=127)
    onset: float | None = Field(None, ge=0, le=MAX_SOUND_SECONDS)
    duration: float | None = Field(None, gt=0, le=MAX_SOUND_SECONDS)


class MatchOrder(_Strict):
    """A search that is asked for."""

    sound: str = Field(max_length=64)
    collection: str | None = Field(None, max_length=200)
    region: tuple[float, float] | None = None
    notes: list[PlayedNote] | None = Field(None, min_length=1, max_length=MAX_NOTES)
    seconds: float = Field(10.0, ge=0, le=MAX_SEARCH_SECONDS)
    candidates: int = Field(5, ge=1, le=MAX_CANDIDATES)


class PresetOrder(_Strict):
    """A preset of a collection."""

    collection: str = Field(max_length=200)
    preset: dict[str, float | str] = Field(max_length=1_000)


class RenderOrder(PresetOrder):
    """A preset to be heard."""

    notes: list[PlayedNote] | None = Field(None, min_length=1, max_length=MAX_NOTES)
    seconds: float | None = Field(None, gt=0, le=MAX_RENDERED_SECONDS)
    match: str | None = Field(None, max_length=64)


def create_app(
    models: Sequence[str] = (), *, workers: int = 1, hosts: Sequence[str] = LOOPBACK, warm: bool = True
) -> FastAPI:
    """The page as an ASGI application.

    Args:
        models: folders of checkpoints, as `learn` makes them, whose instruments are offered besides.
        workers: how many searches run at once.
        hosts: names under which it may be asked for; "*" for any.
        warm: whether models are loaded before somebody asks for them.

    Raises:
        InputError: a checkpoint cannot be read.
    """
    workshop = Workshop(models)
    store, rendering = Store(), Rendering()
    line = Line(workers, workshop.warm if warm else lambda: None)
    tools = mcp_server(workshop, line, rendering)
    tools_app = tools.streamable_http_app(
        streamable_http_path="/",
        stateless_http=True,
        json_response=True,
        max_request_body_size=MAX_UPLOAD_BYTES * 2,
        host="127.0.0.1" if "*" not in hosts else "0.0.0.0",
    )

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        async with tools.session_manager.run():
            try:
                yield
            finally:
                line.close()

    app = FastAPI(
        title="secret sauce",
        summary="Give it a sound, it tells you how to make it.",
        version=version("secret_sauce_hf"),
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/mcp", tools_app)

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        name = re.sub(r":[0-9]*\Z", "", request.headers.get("host", ""))
        if "*" not in hosts and name not in hosts:
            return JSONResponse({"detail": "This page is not to be had under that name."}, 421)
        length = request.headers.get("content-length", "0")
        uploads = request.scope["path"] in ("/api/sounds", "/mcp", "/mcp/")
        if not uploads and "transfer-encoding" in request.headers:
            # Nobody knows how much it will be, and all of it would be read.
            return JSONResponse({"detail": "Say by Content-Length how long the body is."}, 411)
        if not re.fullmatch("[0-9]{1,15}", length) or (not uploads and int(length) > MAX_BODY_BYTES):
            return JSONResponse({"detail": "That is more than is read here."}, 413)
        response = await answer(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if request.scope["path"].startswith("/api/"):
            # What one visitor was told is nobody else's.
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.exception_handler(InputError)
    async def mistaken(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def misformed(_: Request, error: Exception) -> Response:
        # Without the values themselves: NaN, which JSON does not know, could not be sent back.
        told = [{"loc": one["loc"], "msg": one["msg"]} for one in cast(RequestValidationError, error).errors()]
        return JSONResponse({"detail": told}, 422)

    @app.exception_handler(BusyError)
    async def busy(_: Request, __: Exception) -> Response:
        return JSONResponse(
            {"detail": "Too many are waiting; try again in a minute.", "busy": True}, 503, headers={"Retry-After": "30"}
        )

    async def visitor(x_session: Annotated[str | None, Header()] = None) -> Session:
        session = store.get(x_session or "")
        if session is None:
            raise HTTPException(401, "Your visit has ended, and what you sent is forgotten: reload the page.")
        return session

    Visitor = Annotated[Session, Depends(visitor)]

    def kept(found: dict[str, Any] | Any, key: str, what: str) -> Any:
        one = found.get(key)
        if one is None:
            raise HTTPException(404, f"This {what} is not here any more.")
        return one

    def answered(session: Session, key: str) -> Answer:
        job: Job = kept(session.jobs, key, "answer")
        job.watch()
        if job.answer is None:
            raise HTTPException(409, job.error or "There is no answer yet.")
        return job.answer

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(
            STATIC / "index.html", headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        )

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, Any]:
        return {"ok": True, "version": version("secret_sauce_hf")}

    @app.post("/api/sessions")
    async def begin() -> dict[str, Any]:
        """Begin a visit: the key goes into the header `X-Session` of what follows, and nobody else gets it."""
        return {"session": store.begin(), "limits": {"bytes": MAX_UPLOAD_BYTES, "seconds": MAX_SOUND_SECONDS}}

    @app.get("/api/instruments")
    async def instruments() -> list[dict[str, Any]]:
        """What can be asked for, and whether there are a model and an engine."""
        return await run_in_threadpool(workshop.offered)

    @app.get("/api/instruments/{name}")
    def instrument(name: str) -> dict[str, Any]:
        """The front panel of a collection's instrument: its controls in sections."""
        return panel(workshop.collection(name))

    @app.post("/api/sounds")
    async def upload(
        request: Request, session: Visitor, name: Annotated[str, Query(max_length=300)] = "sound"
    ) -> dict[str, Any]:
        """Send a sound: the bytes of an audio file as the body."""
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > MAX_UPLOAD_BYTES:
                raise HTTPException(
                    413, f"The file is larger than the {MAX_UPLOAD_BYTES // 2**20} MB that are read: cut out a part."
                )
            parts.append(part)
        sound = await run_in_threadpool(_read, b"".join(parts), name)
        return _told(store.keep_sound(session, sound), sound)

    @app.post("/api/sounds/example")
    async def example(session: Visitor) -> dict[str, Any]:
        """Take the sound that ships with the package, of the real TAL-NoiseMaker, as if it had been sent."""
        path = demo_sound().path
        sound = await run_in_threadpool(_read, path.read_bytes(), path.name)
        return _told(store.keep_sound(session, sound), sound)

    @app.get("/api/sounds/{key}", response_class=Response)
    async def listen(key: str, session: Visitor) -> Response:
        """A sound that was sent, as a WAV."""
        return _wav_response(await run_in_threadpool(listenable, kept(session.sounds, key, "sound")))

    @app.post("/api/matches", status_code=202)
    async def order(order: MatchOrder, session: Visitor) -> dict[str, Any]:
        """Ask for a match of a sound; the visitor's search before it ends."""
        sound = kept(session.sounds, order.sound, "sound")
        if order.collection is not None:
            workshop.collection(order.collection)
        for job in list(session.jobs.values()):
            job.stop()
        told = None if order.notes is None else [note.model_dump() for note in order.notes]
        asked = Asked(sound, order.collection, order.region, told, order.seconds, order.candidates)
        job = Job(lambda own: workshop.seek(asked, own), order.seconds + 3)
        line.add(job)
        return {"match": store.keep_job(session, job)} | progress_of(job, line)

    @app.get("/api/matches/{key}/progress")
    async def progress(key: str, session: Visitor) -> dict[str, Any]:
        """What has become of a search."""
        job: Job = kept(session.jobs, key, "search")
        job.watch()
        return progress_of(job, line)

    @app.get("/api/matches/{key}/events", response_class=StreamingResponse)
    async def events(key: str, session: Visitor, request: Request) -> Response:
        """What becomes of a search, as it happens: a line of JSON at a time, until it has ended."""
        job: Job = kept(session.jobs, key, "search")

        async def lines() -> AsyncIterator[str]:
            before = None
            while True:
                job.watch()
                now = progress_of(job, line)
                if now != before:
                    before = now
                    yield json.dumps(now) + "\n"
                if job.ended or await request.is_disconnected():
                    return
                await asyncio.sleep(POLLED_SECONDS)

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @app.post("/api/matches/{key}/stop")
    async def stop(key: str, session: Visitor) -> dict[str, Any]:
        """End a search: what it has found by then is its answer."""
        job: Job = kept(session.jobs, key, "search")
        job.stop()
        return progress_of(job, line)

    @app.get("/api/matches/{key}")
    async def answer(key: str, session: Visitor) -> dict[str, Any]:
        """The answer of a search that is done."""
        return await run_in_threadpool(answer_of, answered(session, key))

    @app.get("/api/matches/{key}/reference.wav", response_class=Response)
    async def reference(key: str, session: Visitor) -> Response:
        """The part of the sound that was matched."""
        return _wav_response(await run_in_threadpool(wav, answered(session, key).match.reference))

    @app.get("/api/matches/{key}/candidates/{number}.wav", response_class=Response)
    async def candidate(key: str, number: int, session: Visitor) -> Response:
        """A preset that was found, rendered as it was compared."""
        one = _candidate(answered(session, key), number)
        if one.rendered is None:
            raise HTTPException(404, "Nothing here renders this instrument.")
        return _wav_response(await run_in_threadpool(wav, one.rendered))

    @app.get("/api/matches/{key}/candidates/{number}/reasons")
    async def reasons(key: str, number: int, session: Visitor) -> list[tuple[str, float]]:
        """What each control changes in the sound, the most first: name and dB."""
        found = answered(session, key)
        _candidate(found, number)
        return await run_in_threadpool(found.reasons, number, rendering)

    @app.post("/api/render")
    async def render(order: RenderOrder, session: Visitor) -> dict[str, Any]:
        """Hear a preset: a WAV in base64, its spectrogram, and with `match` how far it is from that sound."""
        found = None if order.match is None else answered(session, order.match)
        collection = workshop.collection(order.collection)
        notes = None if order.notes is None else [_note(note) for note in order.notes]

        def made() -> dict[str, Any]:
            with rendering.admitted(), rendering.turn():
                take = rendered(played(collection, order.preset, notes, order.seconds))
            told = take_of(take, None if found is None else found.match.reference, None)
            return told | {"wav": base64.b64encode(wav(take)).decode()}

        return await run_in_threadpool(made)

    @app.post("/api/messages")
    def messages(order: PresetOrder, session: Visitor) -> list[list[int]]:  # noqa: ARG001
        """The MIDI messages that set a preset, as lists of bytes."""
        collection = workshop.collection(order.collection)
        return [message.bytes() for message in preset_messages(collection, order.preset, fixed=True)]

    @app.post("/api/files/{kind}", response_class=Response)
    async def file(kind: str, order: PresetOrder, session: Visitor) -> Response:  # noqa: ARG001
        """A preset as a file: mid, json, or of the instrument's own kind."""
        collection = workshop.collection(order.collection)

        def written() -> bytes:
            if kind == "json":
                return (json.dumps({"collection": collection.name, "preset": order.preset}, indent=2) + "\n").encode()
            # A plug-in writes its presets itself.
            with rendering.admitted(), rendering.turn():
                write = preset_files(collection, order.preset, "secret sauce").get("midi" if kind == "mid" else kind)
                if write is None:
                    raise InputError(f"A preset of {collection.instrument.title} is no {kind[:20]} file.")
                target = io.BytesIO()
                write(target)
                return target.getvalue()

        return Response(await run_in_threadpool(written), media_type="application/octet-stream")

    return app


def _read(content: bytes, name: str) -> KeptSound:
    """A sound that was sent, looked at.

    Raises:
        InputError: it is none.
    """
    if not content:
        raise InputError("The file is empty.")
    shown = "".join(character for character in Path(name.replace("\\", "/")).name if character.isprintable())[:120]
    with open_parts(content) as parts:
        seconds = min(parts.frames / parts.rate, MAX_SOUND_SECONDS)
        if not seconds:
            raise InputError("There is no sound in the file.")
        return KeptSound(shown or "sound", content, seconds, parts.rate, parts.channels)


def _told(key: str, sound: KeptSound) -> dict[str, Any]:
    return {"sound": key, "name": sound.name, "seconds": sound.seconds, "rate": sound.rate, "channels": sound.channels}


def _note(note: PlayedNote) -> Note:
    return Note(note.pitch, note.velocity or 120, note.onset or 0.0, note.duration or 1.0)


def _candidate(answer: Answer, number: int) -> Any:
    if not 0 <= number < len(answer.match.candidates):
        raise HTTPException(404, "There is no such candidate.")
    return answer.match.candidates[number]


def _wav_response(content: bytes) -> Response:
    return Response(content, media_type="audio/wav")
