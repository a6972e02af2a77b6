"""Work that lets others go first: what nobody waits for must not make them wait.

A rebuild, a moment and the check in the background take what the machine has left. Priorities are
those of Linux, where each thread has its own; elsewhere all run alike.

Where Linux groups by session (autogroup, see sched(7)) they count within a session alone, and
sessions share the processors evenly: then those sessions are lowered too that are a rebuild's own.
Each of PostgreSQL's connections is one. Where a service manager puts services into groups of their
own, priorities count within a service, and between services what its operator set.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from psycopg import Connection

T = TypeVar("T")

LOWEST, USUAL = 19, 0
GOES_LAST = 1
"""As many workers take what the machine has left; who asks for more waits for the end."""
TRIES, AGAIN_SECONDS = 20, 0.1
"""Of all who are not root, one at a time may change a session's priority, ten times a second."""

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
        _set_session(connection.info.backend_pid, LOWEST)


def begin_lowest() -> None:
    """Give this process the lowest priority from here on, and a session of its own that has it."""
    with suppress(OSError):  # it leads one already
        os.setsid()
    os.nice(LOWEST)
    _stand_aside()
    _set_session(os.getpid(), LOWEST)


def quietly(work: Callable[[], T]) -> T:
    """What `work` answers or raises, done in a thread of the lowest priority.

    The caller's own priority stays: who gave it away could not take it back.
    """
    done: Future[T] = Future()

    def do() -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
        _stand_aside()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            done.set_exception(error)

    with _session_lowered():
        Thread(target=do, name="quietly", daemon=True).start()
        return done.result()


def paced(work: Callable[[], T], workers: int) -> T:
    """What `work` answers or raises: done quietly beside a single worker, else like all work."""
    return quietly(work) if workers == GOES_LAST else work()


def _stand_aside() -> None:
    """Let the processor that this thread runs on count as free to whoever wakes.

    Only where nothing is held that others wait for: a connection's process in the server may have
    been stopped amid a write to the log, and with it every writer's commit.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@contextmanager
def _session_lowered() -> Iterator[None]:
    """The session too, where it is ours: another's may be of a terminal, or of all that serves."""
    is_ours = sys.platform == "linux" and os.getsid(0) == os.getpid()
    if is_ours:
        _set_session(os.getpid(), LOWEST)
    try:
        yield
    finally:
        if is_ours:
            _set_session(os.getpid(), USUAL)


def _set_session(process_id: int, priority: int) -> None:
    """The priority of the session that a process is in; nothing where there is no such thing."""
    for _ in range(TRIES):
        try:
            Path(f"/proc/{process_id}/autogroup").write_text(str(priority), encoding="ascii")
        except OSError as error:
            if error.errno != errno.EAGAIN:
                return
            time.sleep(AGAIN_SECONDS)
        else:
            return
