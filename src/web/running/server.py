"""The server: the application is built in the process that serves it, never at import."""

from __future__ import annotations

import atexit
import gc
import sys
from contextlib import ExitStack
from multiprocessing import parent_process
from typing import TYPE_CHECKING

from web.settings import Settings, hand_on, load

if TYPE_CHECKING:
    from web.running.bridge import Bridge

THREADS = 8


def build() -> Bridge:
    """The application of one server process, from the environment; closed when it exits."""
    from ledger.errors import LedgerError
    from web.app import MAX_BODY_BYTES
    from web.payments.pinned import require_own_gateway
    from web.running.bodies import Bodies
    from web.running.bridge import Bridge
    from web.running.database import database
    from web.running.serving import die_with_parent
    from web.site import create_site
    from web.wiring import wire

    server = parent_process()
    if server is not None and server.pid is not None:
        # A server that was killed would leave us serving, and holding the database.
        die_with_parent(server.pid)
    open_things = ExitStack()
    atexit.register(open_things.close)
    settings = load()
    dsn = open_things.enter_context(database(settings))
    parts = open_things.enter_context(wire(settings, dsn))
    try:
        require_own_gateway(parts)
    except LedgerError as refused:
        sys.exit(f"Error: {refused}")  # the server tries once more, and ends
    bodies = Bodies(MAX_BODY_BYTES, wait_seconds=settings.body_seconds)
    site = create_site(parts)
    leave_alone_what_stays()
    return Bridge(site, bodies, threads=THREADS)


def leave_alone_what_stays() -> None:
    """Spare the garbage collector all that was made so far: it lives as long as the process.

    Classes, addresses and schemas are some 160,000 objects. To look through all of them took
    100 ms, now and then and within somebody's request; through what comes afterwards, 4 ms.
    """
    gc.collect()
    gc.freeze()


def run(settings: Settings, *, processes: int) -> None:
    """Serve until told to stop; a process that dies is started again."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    hand_on(settings)
    Granian(
        "web.running.server:build",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        workers=processes,
        respawn_failed_workers=True,
        workers_kill_timeout=3,
        log_level=LogLevels.error,
        websockets=False,
    ).serve()
