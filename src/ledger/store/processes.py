"""What /proc tells about the server's processes: a process number alone proves nothing."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from ledger.store.server_user import ServerUser

_PROCESSES = Path("/proc")
_GONE = "ZX"  # states of a process that has ended and waits to be buried

_LIST_INSIDE = """
for process in /proc/[0-9]*; do
    [ "$process/cwd" -ef "$1" ] && echo "${process#/proc/}"
done
exit 0
"""


def is_alive(process: int) -> bool:
    """Whether a process of this number runs; a zombie does not."""
    return _state(process) not in _GONE


def is_server_of(data: Path, process: int) -> bool:
    """Whether this process is a server told to serve `data`, not a stranger with its number."""
    if not is_alive(process) or _name(process) != "postgres":
        return False
    try:
        words = (_PROCESSES / str(process) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(data) in words


def servers_inside(data: Path, user: ServerUser) -> list[int]:
    """Every PostgreSQL process at work in `data`, also those that outlived their server.

    Asked as the server's user: root in a container may not look at other users' processes.
    """
    told = user.run(["/bin/sh", "-c", _LIST_INSIDE, "sh", data]).stdout.decode()
    inside = [int(line) for line in told.split() if line.isdigit()]
    return [process for process in inside if is_alive(process) and _name(process) == "postgres"]


def answers(socket_path: Path) -> bool:
    """Whether a server listens there, perhaps one of another container that we cannot see."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1)
        try:
            line.connect(str(socket_path))
        except (TimeoutError, BlockingIOError):
            return True  # too busy to answer, thus there
        except OSError:
            return False
    return True


def signalled(process: int, number: signal.Signals, *, wait_seconds: float) -> bool:
    """Send a signal and wait; whether the process ended in time."""
    with suppress(ProcessLookupError):
        os.kill(process, number)
    deadline = time.monotonic() + wait_seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _state(process: int) -> str:
    try:
        told = (_PROCESSES / str(process) / "stat").read_text(errors="replace")
    except OSError:
        return "X"
    return told.rpartition(")")[2].split()[0]


def _name(process: int) -> str:
    try:
        return (_PROCESSES / str(process) / "comm").read_text(errors="replace").rstrip("\n")
    except OSError:
        return ""
