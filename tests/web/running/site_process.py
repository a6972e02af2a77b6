"""One real server process of a site, and clients that speak to it as badly as they like."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.web.conftest import usual
from web.running.first_start import SignIn, make_owner
from web.running.serving import wait_until_ready
from web.wiring import wire

LINE = b"Host: localhost\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
LAST = b"GET /livez HTTP/1.1\r\nConnection: close\r\n" + LINE + b"\r\n"
PATIENCE_SECONDS = 60
"""The machine may be busy with other things."""


@dataclass(frozen=True)
class Said:
    """What came back on one connection, until it was quiet or shut."""

    raw: bytes

    @property
    def statuses(self) -> list[int]:
        """Of each answer, in their order."""
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", self.raw)]


@dataclass(frozen=True)
class SiteProcess:
    """Where it listens, who owns it, and where its database is."""

    port: int
    owner: SignIn
    database: str
    folder: Path

    def connected(self) -> socket.socket:
        """A connection whose reads are patient."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def begun(self, path: str, *, length: int = 100, sent: bytes = b"half") -> socket.socket:
        """A connection on which a body was begun and not finished."""
        client = self.connected()
        head = f"POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n".encode()
        client.sendall(head + FORM + LINE + b"\r\n" + sent)
        return client

    def said(self, request: bytes) -> Said:
        """Every answer to these bytes, and to a last request on the connection if it lives."""
        with self.connected() as client:
            with suppress(ConnectionError):  # it may be shut while we still send
                client.sendall(request + LAST)
            return Said(read_all(client))


def read_all(client: socket.socket) -> bytes:
    """Until the server shuts the connection."""
    taken = b""
    while piece := _piece(client):
        taken += piece
    return taken


def _piece(client: socket.socket) -> bytes:
    try:
        return client.recv(1 << 16)
    except ConnectionResetError:
        return b""


@contextmanager
def site_process(database: str, folder: Path, *, body_seconds: float) -> Iterator[SiteProcess]:
    """`ledger web` over the database, with an owner."""
    settings = usual(folder)
    with wire(settings, database) as parts:
        owner = make_owner(parts)
    assert owner is not None
    port = _free_port()
    process = subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-P", "-m", "web.cli", "web", "--port", str(port)],
        env={**environment_of(database, folder), "LEDGER_BODY_SECONDS": str(body_seconds)},
        stdin=subprocess.DEVNULL,
    )
    try:
        assert wait_until_ready("127.0.0.1", port, [process])
        yield SiteProcess(port, owner, database, folder)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def environment_of(database: str, folder: Path) -> dict[str, str]:
    """What a program of ours is told about the site."""
    master_key = usual(folder).master_key
    assert master_key is not None
    return {
        **os.environ,
        "PYTHONPATH": "src:.",
        "LEDGER_DATABASE_URL": database,
        "LEDGER_DATA": str(folder),
        "LEDGER_MASTER_KEY": master_key.get_secret_value(),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
