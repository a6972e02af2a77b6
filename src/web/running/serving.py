"""`ledger serve`: the database, the pages and the worker, started and stopped as one."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 15
READY_SECONDS = 60


TEND_SECONDS = 0.2
PATIENCE_SECONDS = 4
"""How long a site that was killed takes to let its port go."""
A_WHILE_SECONDS = 60
MOST_STARTS = 6


class PortTaken(Exception):
    """The address is in use."""


class ChildLost(Exception):
    """A part of the ledger can't be kept running."""


def require_port(host: str, port: int, *, patience_seconds: float = 0) -> None:
    """Raise PortTaken with a sentence if nothing can listen there.

    With patience, wait for whoever is just leaving: a site that was killed and is started again.
    """
    until = time.monotonic() + patience_seconds
    while True:
        try:
            _try_port(host, port)
        except PortTaken:
            if time.monotonic() >= until:
                raise
            time.sleep(TEND_SECONDS)
        else:
            return


def _try_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise PortTaken(f"Port {port} needs more rights; choose one above 1023.") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"Port {port} on {host} is in use; stop what listens there or choose another"
                    " with --port."
                ) from None
            raise PortTaken(f"Nothing can listen on {host}:{port} ({error.strerror}).") from None


@dataclass
class Child:
    """One of our own programs, and when it was started lately (monotonic seconds)."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    starts: list[float]


@dataclass
class Children:
    """Processes that are started again when they die, and end when we end, however we end."""

    running: list[Child] = field(default_factory=list)

    def start(self, *arguments: str) -> None:
        """Start `ledger ARGUMENTS` as a child."""
        self.running.append(Child(arguments, spawn(arguments), [time.monotonic()]))

    def tend(self) -> NoReturn:
        """Start again whatever dies, until one dies too often: then ChildLost."""
        while True:
            for child in self.running:
                code = child.process.poll()
                if code is not None:
                    _restart(child, code)
            time.sleep(TEND_SECONDS)

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        """All of them, as they run now."""
        return [child.process for child in self.running]

    def stop(self) -> None:
        """Ask all to end, and insist after a while."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for process in self.processes:
            try:
                process.wait(timeout=max(1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def spawn(arguments: tuple[str, ...], *, alone: bool = False) -> subprocess.Popen[bytes]:
    """Start `ledger ARGUMENTS`; it ends when this process does.

    `alone` in a session, whose priority it may then lower without lowering ours.
    """
    command = [sys.executable, "-P", "-m", "web.cli", *arguments]
    return subprocess.Popen(  # noqa: S603 -- our own program
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=partial(_begin_child, os.getpid(), alone),  # noqa: PLW1509 -- no thread runs here before it starts
    )


def _restart(child: Child, code: int) -> None:
    now = time.monotonic()
    child.starts = [start for start in child.starts if now - start < A_WHILE_SECONDS]
    if len(child.starts) >= MOST_STARTS:
        raise ChildLost(
            f"`ledger {child.arguments[0]}` ended {MOST_STARTS} times within a minute,"
            f" last with code {code}; what it said is above."
        )
    child.starts.append(now)
    child.process = spawn(child.arguments)


def wait_until_ready(host: str, port: int, children: Sequence[subprocess.Popen[bytes]]) -> bool:
    """Whether something listens before a child has ended or the time is up."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if any(child.poll() is not None for child in children):
            return False
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _begin_child(parent_id: int, alone: bool) -> None:
    # A terminal's Ctrl-C is for the parent, which then stops its children in order.
    if alone:
        os.setsid()
    else:
        os.setpgrp()
    die_with_parent(parent_id)


def die_with_parent(parent_id: int) -> None:
    """Let the kernel end this process when the one that started it is gone, however it went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_id:  # it went before we asked
        os.kill(os.getpid(), signal.SIGTERM)
