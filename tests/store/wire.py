"""A wire between a client and the server that can be cut at a chosen moment."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Wire:
    """Passes bytes on, in both directions, until it is cut."""

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._server = Path(str(parts["host"])) / f".s.PGSQL.{parts.get('port', 5432)}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._swallows = Event()
        self.swallowed = Event()
        """Set once an answer was lost with its connection."""
        port = self._listener.getsockname()[1]
        self.dsn = make_conninfo(dsn, host="127.0.0.1", port=port, sslmode="disable")
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def swallow_next_answer(self) -> None:
        """Let the next thing the server says be the last, and unheard."""
        self._swallows.set()

    def cut(self) -> None:
        """Cut what is connected now; who connects again gets through."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut everything, for good."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            self._ends += [client, server]
            for target, ends in ((self._ask, (client, server)), (self._answer, (server, client))):
                self._threads.append(Thread(target=target, args=ends, daemon=True))
                self._threads[-1].start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        self._pass_on(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        self._pass_on(server, client, may_swallow=True)

    def _pass_on(
        self, source: socket.socket, target: socket.socket, *, may_swallow: bool = False
    ) -> None:
        with suppress(OSError):
            while said := source.recv(65536):
                if may_swallow and self._swallows.is_set():
                    self._swallows.clear()
                    self.swallowed.set()
                    break
                target.sendall(said)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wired(dsn: str) -> Iterator[Wire]:
    """A wire to a server that listens on a socket only."""
    wire = Wire(dsn)
    try:
        yield wire
    finally:
        wire.close()
