"""Requests as the server hands them over, and the line to whoever sent them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any


def scope(**other: Any) -> dict[str, Any]:
    """A GET of the first page."""
    usual = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "raw_path": b"/",
        "query_string": b"",
        "server": ("127.0.0.1", "8000"),
        "client": ("127.0.0.1", "4711"),
        "headers": [(b"host", b"localhost")],
    }
    return usual | other


class Line:
    """A client: what it sends, how much it reads, when it leaves."""

    def __init__(
        self,
        *,
        body: Sequence[bytes] = (),
        whole: bool = False,
        reads: int | None = None,
        leaves_after: int | None = None,
    ) -> None:
        self._body, self._whole = list(body), whole
        self._reads, self._leaves_after = reads, leaves_after
        self._left = asyncio.Event()
        self.waits = asyncio.Event()
        """Set when everything that it sends was taken, and more is asked for."""
        self.started: dict[str, Any] = {}
        self.sent: list[bytes] = []
        self.ended = False

    async def receive(self) -> dict[str, Any]:
        """The next piece of its body; then that it left, if it ever does."""
        if self._body:
            piece = self._body.pop(0)
            more = bool(self._body) or not self._whole
            return {"type": "http.request", "body": piece, "more_body": more}
        self.waits.set()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Read a piece, or never."""
        if message["type"] == "http.response.start":
            self.started = message
            return
        if len(self.sent) == self._reads:
            await asyncio.Event().wait()
        self.sent.append(message["body"])
        self.ended = not message["more_body"]
        if len(self.sent) == self._leaves_after:
            self._left.set()
            await asyncio.sleep(0)
