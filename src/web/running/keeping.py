"""Sees that rebuilds are carried out: what is outdated, what staff asked for, what broke off."""

from __future__ import annotations

import logging
import subprocess
from threading import Event, Thread

import psycopg

from projections.catalogue import all_views
from projections.leaders import COORDINATOR, is_held
from projections.outdated import OwnViews
from projections.positions import ViewNewer
from projections.rebuild_rows import active, unreceipted
from web.parts import Parts
from web.running.serving import spawn

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 20.0
"""After a rebuild that ended badly, or whose process died."""
STOP_SECONDS = 10

log = logging.getLogger(__name__)


class RebuildKeeper:
    """Starts `ledger views rebuild --outdated` in a process of its own when there is need.

    Any number of workers may keep: the one whose process holds the lock coordinates, and what it
    leaves behind is taken up by the next.
    """

    def __init__(self, parts: Parts, *, workers: int = 1) -> None:
        self._parts = parts
        self._views = all_views(parts.site)
        self._workers = workers
        self._own = OwnViews(self._views)
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Look in the background."""
        self._thread = Thread(target=self._run, name="rebuilds", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave; what is under way is taken up at the next start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            asked = self.needed()
            if asked is not None and not self._carried_out(asked):
                self._stopping.wait(PAUSE_SECONDS)

    def needed(self) -> list[str] | None:
        """Views to fold anew; none of them to go on with what was begun, None for nothing."""
        try:
            with self._parts.pool.connection() as connection:
                if is_held(connection, COORDINATOR):
                    return None
                begun = active(connection) is not None or bool(unreceipted(connection))
                asked = self._own.outdated(connection)
                return asked if asked or begun else None
        except ViewNewer as error:
            log.error("rebuilds: %s", error)  # noqa: TRY400 -- there is no more to say than that
        except psycopg.Error as error:
            log.warning("rebuilds: %s; looking again", type(error).__name__)
        return None

    def _carried_out(self, asked: list[str]) -> bool:
        how = ["--outdated", *asked, "--workers", str(self._workers)] if asked else []
        child = spawn(("views", "rebuild", *how, "--json"), alone=True)
        while child.poll() is None:
            if self._stopping.wait(LOOK_SECONDS):
                _stop(child)
        return child.returncode == 0


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
