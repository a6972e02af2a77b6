"""The bodies of requests, collected whole before a thread works on them.

Whoever sends slowly, or never ends, holds a little memory for a while and nothing else: each body
has a deadline, and where too many wait, the one that has waited longest gives way.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from web.problems import Problem

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Refusing(io.RawIOBase):
    """A body that is not there: whoever reads it is told why."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self._why = why

    def readable(self) -> bool:
        """As every body."""
        return True

    def readinto(self, _: Any) -> NoReturn:
        """Raise the reason."""
        raise self._why


@dataclass(eq=False)
class Coming:
    """What has come of one body."""

    deadline: asyncio.Timeout
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    gave_way: bool = False


@dataclass
class Bodies:
    """How large a body may be, how long it may take, and how much of all is held at once."""

    largest_bytes: int
    wait_seconds: float
    """For any body; what its bytes take on the slowest line comes on top."""
    slowest_bytes_per_second: int = 32 << 10
    most_waiting: int = 256
    most_bytes: int = 64 << 20
    _waiting: dict[Coming, None] = field(default_factory=dict)
    _held_bytes: int = 0

    @asynccontextmanager
    async def collected(self, declared: int | None, receive: Receive) -> AsyncIterator[io.IOBase]:
        """The whole body, of the declared length or chunked, or what refuses to be read.

        It counts as held until the end.
        """
        if declared is not None and declared > self.largest_bytes:
            yield Refusing(RequestEntityTooLarge())
            return
        expected = self.largest_bytes if declared is None else declared
        coming = Coming(asyncio.timeout(self._seconds(expected)))
        try:
            yield await self._collect(coming, declared, receive)
        finally:
            self._forget(coming)

    def _seconds(self, size: int) -> float:
        return self.wait_seconds + size / self.slowest_bytes_per_second

    async def _collect(self, coming: Coming, declared: int | None, receive: Receive) -> io.IOBase:
        self._waiting[coming] = None
        try:
            async with coming.deadline:
                return await self._whole(coming, declared, receive)
        except TimeoutError:
            return Refusing(_busy() if coming.gave_way else _late())
        finally:
            self._waiting.pop(coming, None)

    async def _whole(self, coming: Coming, declared: int | None, receive: Receive) -> io.IOBase:
        more = True
        while more and coming.size != declared:
            message = await receive()
            if message["type"] == "http.disconnect":
                return Refusing(ClientDisconnected())  # half a request is not carried out
            more = message["more_body"]
            self._take(coming, message["body"])
            if coming.gave_way:
                raise TimeoutError
            if coming.size > self.largest_bytes:
                return Refusing(RequestEntityTooLarge())
        return io.BytesIO(b"".join(coming.pieces))

    def _take(self, coming: Coming, piece: bytes) -> None:
        coming.pieces.append(piece)
        coming.size += len(piece)
        self._held_bytes += len(piece)
        while self._waiting and (
            len(self._waiting) > self.most_waiting or self._held_bytes > self.most_bytes
        ):
            self._send_away(next(iter(self._waiting)))

    def _send_away(self, longest: Coming) -> None:
        del self._waiting[longest]
        self._forget(longest)
        longest.gave_way = True
        longest.deadline.reschedule(asyncio.get_running_loop().time())

    def _forget(self, coming: Coming) -> None:
        self._held_bytes -= coming.size
        coming.size = 0
        coming.pieces.clear()


def _late() -> Problem:
    return Problem(408, "body_late", "The request did not arrive in time; please send it again.")


def _busy() -> Problem:
    detail = "Too much arrives at once; please send it again."
    return Problem(503, "busy", detail, headers={"Retry-After": "1"})
