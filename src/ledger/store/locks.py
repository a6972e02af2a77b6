"""Locks on files: the kernel drops them with their holder, even one that was killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW  # never through a planted link


def open_lock(path: Path) -> int:
    """Open a file to lock, made if missing; close it to unlock."""
    return os.open(path, _FLAGS | os.O_CREAT, 0o600)


def open_existing_lock(path: Path) -> int:
    """Open a file to lock; FileNotFoundError if there is none."""
    return os.open(path, _FLAGS)


def try_lock(lock: int) -> bool:
    """Take an open lock for ourselves alone, if nobody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share(lock: int) -> None:
    """Take an open lock together with others."""
    fcntl.flock(lock, fcntl.LOCK_SH)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock alone; wait for it."""
    lock = open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock alone if it is free; tells whether it was. The file is not made."""
    lock = open_existing_lock(path)
    try:
        yield try_lock(lock)
    finally:
        os.close(lock)
