"""The member list as programs and staff ask for it: a server process, and one connection to it."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from ledger import ids
from projections.queries.members import MemberFilter
from projections.queries.paging import Turn
from web.identity.permissions import Permission, Role
from web.running.first_start import make_owner
from web.sessions.sessions import Kind
from web.settings import Settings
from web.wiring import wire

HOST = "127.0.0.1"
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
START_SECONDS = 60
STOP_SECONDS = 20
OK = 200


@dataclass
class Site:
    """A site that serves, and someone who may read its members."""

    connection: HTTPConnection
    token: str
    cookie: str

    def members(self, asked: MemberFilter, turn: Turn) -> None:
        """A page of the list, and how many there are, as a program asks for them."""
        query = {**_named(asked), "sort": turn.sort, "descending": str(turn.descending).lower()}
        path = f"/api/v1/members?{urlencode(query, doseq=True)}"
        self._get(path, {"Authorization": f"Bearer {self.token}"})

    def panel(self, asked: MemberFilter) -> None:
        """The page of the panel, with its segments and filters."""
        query = {_PANEL.get(name, name): value for name, value in _named(asked).items()}
        known = {name: value for name, value in query.items() if name not in _BESIDE}
        self._get(f"/panel/members?{urlencode(known, doseq=True)}", {"Cookie": self.cookie})

    def _get(self, path: str, headers: dict[str, str]) -> None:
        self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status != OK:
            raise RuntimeError(f"{path} answered {answer.status}: {said[:200]!r}")


_PANEL = {"plan_id": "plan", "method_country": "country", "text": "q"}
_BESIDE = {
    "joined_from",
    "joined_before",
    "spent_from",
    "spent_to",
    "last_order_from",
    "last_order_before",
}


def _named(asked: MemberFilter) -> dict[str, Any]:
    names = [name for name in MemberFilter.__dataclass_fields__ if name != "statuses"]
    given = {name: getattr(asked, name) for name in names}
    said = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in given.items()
        if value not in (None, "")
    }
    return {**said, "status": list(asked.statuses)} if asked.statuses else said


@contextmanager
def serving(dsn: str) -> Iterator[Site]:
    """A server process on a free port, over a database that is there."""
    settings = Settings(database_url=dsn, master_key=MASTER_KEY, port=_free_port())
    with wire(settings, dsn) as parts:
        make_owner(parts)
        owner = parts.ledger.owner_id()
        if owner is None:
            raise RuntimeError("the site has no owner")
        token = parts.desk.tokens.create(
            ids.new(), "bench", role=Role.AUDITOR, scopes=[Permission.READ_MEMBERS], by=owner
        )
        session = parts.desk.sessions.open(Kind.CONTRIBUTOR, owner).token
    process = _start(settings, dsn)
    try:
        connection = HTTPConnection(HOST, settings.port, timeout=START_SECONDS)
        _wait(process, settings.port)
        yield Site(connection, token, f"team={session}")
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _start(settings: Settings, dsn: str) -> subprocess.Popen[bytes]:
    own = {
        "LEDGER_DATABASE_URL": dsn,
        "LEDGER_MASTER_KEY": MASTER_KEY,
        "LEDGER_PORT": str(settings.port),
    }
    command = [sys.executable, "-m", "web.cli", "web", "--processes", "1"]
    return subprocess.Popen(command, env={**os.environ, **own})  # noqa: S603 -- our own program


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError("the server ended; what it said is above")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server did not listen within {START_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
