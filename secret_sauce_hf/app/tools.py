"""The page's work as tools for language models, by the Model Context Protocol."""

import base64
import binascii
import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from secret_sauce_hf.app.limits import MAX_CANDIDATES, MAX_SEARCH_SECONDS, MAX_UPLOAD_BYTES
from secret_sauce_hf.app.line import BusyError, Job, Line
from secret_sauce_hf.app.store import KeptSound
from secret_sauce_hf.app.telling import panel
from secret_sauce_hf.app.workshop import Asked, Rendering, Workshop, played, rendered, wav
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.instruments.notes import Note

POLLED_SECONDS = 0.1
Tool = TypeVar("Tool", bound=Callable[..., Awaitable[Any]])


def mcp_server(workshop: Workshop, line: Line, rendering: Rendering) -> MCPServer:
    """The tools, over the same models, engines and line as the page's."""
    server = MCPServer(
        "secret-sauce",
        log_level="WARNING",
        instructions="Finds the settings of a synthesizer that make a sound, renders presets, and names controls.",
    )

    @server.tool()
    @telling
    async def list_instruments() -> list[dict[str, Any]]:
        """List the instruments whose settings can be found: name of the collection, title, whether a model has learnt
        it and whether an engine renders it here."""
        return await anyio.to_thread.run_sync(workshop.offered)

    @server.tool()
    @telling
    async def describe_instrument(collection: str) -> dict[str, Any]:
        """Tell the controls of an instrument in sections: knobs with their limits (0 to 10), switches with their
        positions, MIDI controller numbers.

        Args:
            collection: a name that `list_instruments` gives.
        """
        return panel(workshop.collection(collection))

    @server.tool()
    @telling
    async def match_sound(
        audio_base64: str, collection: str | None = None, seconds: float = 10.0, candidates: int = 1
    ) -> dict[str, Any]:
        """Find the settings that make a sound: give it a recording of a synthesizer, it tells how to set it.

        Args:
            audio_base64: the bytes of an audio file (WAV, FLAC, Ogg, MP3, AIFF) in base64, up to 20 MB.
            collection: whose instrument to set, a name that `list_instruments` gives; without it the one answers
                that comes nearest.
            seconds: how long to search, 0 to 60; 0 for the model's answer alone.
            candidates: how many different presets to tell, 1 to 10.

        Returns:
            Preset (name to setting), confidence (0 to 1), which parameters are heard, MIDI controllers, distances in
            dB, the notes that were heard, and whether the instrument can make the sound at all.
        """
        if collection is not None:
            workshop.collection(collection)
        if not 0 <= seconds <= MAX_SEARCH_SECONDS or not 1 <= candidates <= MAX_CANDIDATES:
            raise InputError(f"Searches take 0 to {MAX_SEARCH_SECONDS:g} s and tell 1 to {MAX_CANDIDATES} presets.")
        asked = Asked(_sound(audio_base64), collection, None, None, seconds, candidates)
        job = Job(lambda own: workshop.seek(asked, own), seconds + 3)
        line.add(job)
        try:
            while not job.ended:
                job.watch()
                await anyio.sleep(POLLED_SECONDS)
        finally:
            # Whoever asked may have gone.
            job.stop()
        if job.answer is None:
            raise InputError(job.error or "The search was ended before anything was found.")
        # As JSON, so that NumPy's numbers become plain ones.
        return json.loads(json.dumps(job.answer.match.to_dict(), default=float))

    @server.tool()
    @telling
    async def render_preset(
        collection: str, preset: dict[str, float | str], note: int = 60, seconds: float = 1.5
    ) -> dict[str, Any]:
        """Render a preset: how an instrument sounds with these settings.

        Args:
            collection: a name that `list_instruments` gives.
            preset: name to setting of every parameter that `describe_instrument` names and that is not fixed.
            note: the MIDI note that is played.
            seconds: how long the sound is to be, up to 6.

        Returns:
            `wav_base64`: a WAV in base64, and its `sampling_rate` in Hz.
        """
        form = workshop.collection(collection)

        def made() -> bytes:
            with rendering.admitted(), rendering.turn():
                return wav(rendered(played(form, preset, [Note(note, 120, 0.05, 0.7 * seconds)], seconds)))

        content = await anyio.to_thread.run_sync(made)
        return {"wav_base64": base64.b64encode(content).decode(), "sampling_rate": SAMPLE_RATE}

    return server


def telling(tool: Tool) -> Tool:
    """A tool whose mistakes its caller is told, where those of the server itself are not."""

    @functools.wraps(tool)
    async def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return await tool(*args, **kwargs)
        except InputError as error:
            raise ToolError(str(error)) from error
        except BusyError as error:
            raise ToolError("Too many are waiting; try again in a minute.") from error

    return cast(Tool, told)


def _sound(audio_base64: str) -> KeptSound:
    """A sound in base64.

    Raises:
        InputError: it is none, or too large.
    """
    if len(audio_base64) > MAX_UPLOAD_BYTES * 4 // 3 + 4:
        raise InputError(f"The sound is larger than {MAX_UPLOAD_BYTES // 2**20} MB; cut out a part.")
    try:
        content = base64.b64decode(audio_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("audio_base64 is not base64: give the bytes of an audio file in it.") from error
    return KeptSound("sound", content, 0.0, 0, 0)
