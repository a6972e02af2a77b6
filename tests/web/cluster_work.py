"""Folding for a test of a cluster: slow enough for a worker to be killed at it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import UUID

from web.running.rebuilding import fold_part

SECONDS = 0.4


def fold_slowly(rebuild_id: UUID, number: int) -> None:
    """Say which process is at it, wait, and fold."""
    Path(os.environ["AT_WORK"], f"{number}-{os.getpid()}").touch()
    time.sleep(SECONDS)
    fold_part(rebuild_id, number)
