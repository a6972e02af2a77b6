"""`ledger serve`: the database, the pages and the worker, started and stopped as one."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 15
READY_SECONDS = 60


class PortTaken(Exception):
    """The address is in use."""


def require_port(host: str, port: int) -> None:
    """Raise PortTaken with a sentence if nothing can listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise PortTaken(f"Port {port} needs more rights; choose one above 1023.") from None
        except OSError as error:
            if error.errno is not None and "in use" in os.strerror(error.errno):
                raise PortTaken(
                    f"Port {port} on {host} is in use; stop what listens there or choose another"
                    " with --port."
                ) from None
            raise PortTaken(f"Nothing can listen on {host}:{port} ({error.strerror}).") from None


@dataclass
class Children:
    """Processes that end when we end, however we end."""

    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> None:
        """Start `ledger ARGUMENTS` as a child."""
        command = [sys.executable, "-m", "web.cli", *arguments]
        self.running.append(
            subprocess.Popen(  # noqa: S603 -- our own program
                command,
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
        )

    def wait(self) -> int:
        """Return when one of them ended; with its exit code."""
        while True:
            for child in self.running:
                code = child.poll()
                if code is not None:
                    return code
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask all to end, and insist after a while."""
        for child in self.running:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for child in self.running:
            try:
                child.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


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


def _die_with_parent() -> None:
    # A terminal's Ctrl-C is for the parent, which then stops its children in order; and a parent
    # that was killed takes them along.
    os.setpgrp()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
