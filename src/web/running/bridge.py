"""The application's threads behind an event loop: requests wait in the loop, threads work.

The server hands a WSGI application's thread a body as it comes, without a deadline: a few clients
that stop halfway would stop the site. Through its asynchronous interface (ASGI) a body is whole
before a thread sees it, and whoever reads a long answer slowly holds no thread either.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from web.running.bodies import Bodies, Receive

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PIECE_BYTES = 64 << 10
"""Answers below this size are sent whole; longer ones in pieces of at least as much."""
ALWAYS: Environ = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "Granian",
    "wsgi.version": (1, 0),
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class Answer(NamedTuple):
    """Status, headers, the first piece, and whether (and what) more there is."""

    status: int
    headers: list[tuple[bytes, bytes]]
    first: bytes
    more: bool
    pieces: Iterator[bytes]
    close: Callable[[], None]


class Bridge:
    """An ASGI application around a WSGI one, which a number of threads carry out."""

    def __init__(self, app: WsgiApp, bodies: Bodies, *, threads: int) -> None:
        self._app, self._bodies = app, bodies
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        environ = environ_of(scope)
        if not _has_body(environ):
            await self._answer(environ | {"wsgi.input": io.BytesIO()}, receive, send)
            return
        async with self._bodies.collected(_declared_bytes(environ), receive) as body:
            await self._answer(environ | {"wsgi.input": body}, receive, send)

    async def _answer(self, environ: Environ, receive: Receive, send: Send) -> None:
        # A generator goes on in whichever thread is free, always in the context it began in.
        context = copy_context()
        answer: Answer = await self._in_thread(context, partial(_begin, self._app, environ))
        start = {"status": answer.status, "headers": answer.headers}
        await send({"type": "http.response.start", **start})
        await send(_body(answer.first, more=answer.more))
        if answer.more:
            await self._go_on(context, answer, receive, send)

    async def _go_on(self, context: Context, answer: Answer, receive: Receive, send: Send) -> None:
        """Make the rest as fast as it is read, and as long as somebody reads it."""
        left = asyncio.ensure_future(_has_left(receive))
        try:
            more = True
            while more and not left.done():
                piece, more = await self._in_thread(context, partial(_piece, answer.pieces))
                await send(_body(piece, more=more))
        finally:
            left.cancel()
            await self._in_thread(context, answer.close)

    async def _in_thread(self, context: Context, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)


def environ_of(scope: dict[str, Any]) -> Environ:
    """The environ of a request, all but its body, as PEP 3333 has it.

    Of headers that came several times all are kept. What is no ASCII in one is not read, nor is
    a header with an underscore: it could pass for the one with a hyphen, which a proxy sets.
    """
    environ = {
        **ALWAYS,
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": scope["scheme"],
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "REMOTE_ADDR": scope["client"][0],
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        name = raw_name.decode("ascii").replace("-", "_").upper()
        value = raw_value.decode("ascii") if raw_value.isascii() else ""
        if name in UNPREFIXED:
            environ.setdefault(name, value)
            continue
        before = environ.get(f"HTTP_{name}")
        between = ";" if name == "COOKIE" else ","
        environ[f"HTTP_{name}"] = value if before is None else f"{before}{between}{value}"
    return environ


def _has_body(environ: Environ) -> bool:
    """Whether one may follow: since HTTP/2, only its end tells."""
    if not environ["SERVER_PROTOCOL"].startswith("HTTP/1"):
        return True
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "0") != "0"


def _declared_bytes(environ: Environ) -> int | None:
    length = environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else None


def _begin(app: WsgiApp, environ: Environ) -> Answer:
    """Call the application, and make a first piece: nearly always all of the answer."""
    begun: list[Any] = []
    body = app(environ, lambda status, headers, _=None: begun.extend((status, headers)))
    close = getattr(body, "close", lambda: None)
    more = False
    try:
        pieces = iter(body)
        first, more = _piece(pieces)
    finally:
        if not more:
            close()
    status, headers = begun
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Answer(int(status.split(" ", 1)[0]), encoded, first, more, pieces, close)


def _piece(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The next bytes, and whether there may be more."""
    taken, size = [], 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            break
    return b"".join(taken), size >= PIECE_BYTES


def _body(piece: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def _has_left(receive: Receive) -> None:
    """Wait until nobody reads the answer any more."""
    while (await receive())["type"] != "http.disconnect":
        pass
