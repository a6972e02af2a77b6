"""Work that lets others go first: what nobody waits for must not make them wait.

A rebuild, a moment and the check in the background take what the machine has left. Priorities are
those of Linux, where each thread has its own; elsewhere all run alike.

Where Linux groups by session (autogroup, see sched(7)), they count within a session alone.
To lower whole sessions was tried, and is no help: on two busy processors a rebuild of 200,000 facts
then took longer than six minutes instead of one, while what it held made writers wait.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from psycopg import Connection

T = TypeVar("T")

LOWEST = 19

# A helper that the server starts for a statement has the server's priority, not its leader's.
ALONE = """
SELECT set_config('max_parallel_workers_per_gather', '0', false),
       set_config('max_parallel_maintenance_workers', '0', false)
"""


def step_back(connection: Connection[Any]) -> None:
    """Let what a connection asks wait behind others, where its server is on this machine and ours.

    Elsewhere it only takes no more than one processor: priorities of another machine are for its
    operator to set.
    """
    connection.execute(ALONE)
    if connection.info.host.startswith("/"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, connection.info.backend_pid, LOWEST)


def quietly(work: Callable[[], T]) -> T:
    """What `work` answers or raises, done in a thread of the lowest priority.

    The caller's own priority stays: who gave it away could not take it back.
    """
    done: Future[T] = Future()

    def do() -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            done.set_exception(error)

    Thread(target=do, name="quietly", daemon=True).start()
    return done.result()
