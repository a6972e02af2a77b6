"""How much memory the embedded server may count on."""

from __future__ import annotations

import os
from pathlib import Path

MEBIBYTE = 1 << 20
LIMIT = Path("/sys/fs/cgroup/memory.max")
"""What a container may use; "max" where nothing limits it, absent outside of containers."""
LEAST, MOST = 128 * MEBIBYTE, 4_096 * MEBIBYTE


def machine_memory(limit: Path = LIMIT) -> int:
    """Bytes of memory of this machine, or of the container that this process runs in."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        told = limit.read_text().strip()
    except OSError:
        return whole
    return min(whole, int(told)) if told.isdigit() else whole


def shared_buffers(memory: int) -> str:
    """What PostgreSQL is to keep in its own memory, of so many bytes: a quarter, within bounds.

    Nothing is taken until it is used. A page that is found there is read in a third of the time
    that it takes to fetch it from the system's memory.
    """
    return f"{min(max(memory // 4, LEAST), MOST) // MEBIBYTE}MB"
