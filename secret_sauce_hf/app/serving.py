"""Serving the page on an address of this machine."""

import socket
import webbrowser
from collections.abc import Sequence
from threading import Timer
from typing import TYPE_CHECKING

import uvicorn

from secret_sauce_hf.app.server import LOOPBACK, create_app
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    models: Sequence[str] = (),
    workers: int = 1,
    names: Sequence[str] = (),
    browser: bool = False,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        host: the address to listen at; another than the loopback's lets others in.
        port: to listen at; 0 for any that is free.
        models: see `create_app`.
        workers: how many searches run at once.
        names: under which it may be asked for besides; of an address for others, any if none is given.
        browser: whether to open the page in this machine's browser.

    Raises:
        InputError: the address is taken, or is none of this machine's; a checkpoint cannot be read.
    """
    here = host in ("127.0.0.1", "localhost", "::1")
    hosts = (*LOOPBACK, *names) if here or names else ("*",)
    own = listening(host, port)
    try:
        app = create_app(models, workers=workers, hosts=hosts)
        shown = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{own.getsockname()[1]}/"
        say(f"The page is at {address} until Ctrl-C.")
        if browser:
            # Once the server answers.
            Timer(0.5, webbrowser.open, (address,)).start()
        running(app).run(sockets=[own])
    finally:
        own.close()


def running(app: "FastAPI") -> uvicorn.Server:
    """A server of the page, which `run` has serve at sockets."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, server_header=False, ws="none"
    )
    return uvicorn.Server(config)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address is taken, or is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError) as error:
        raise InputError(f"{host}:{port} is no address of this machine: {error}.") from error
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        raise InputError(f"Nothing can listen at {host}:{port} ({error}); give another --port.") from error
    return found
