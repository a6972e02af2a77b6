"""Watches an embedded server for as long as anybody uses it, then stops it.

A process of its own, because whoever started the server may be killed without a last word. While
there are users it also starts the server again if that was killed under them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from ledger.store.cluster import Cluster
from ledger.store.embedded_error import EmbeddedError
from ledger.store.locks import locked_if_free, open_existing_lock, open_lock, try_lock

_TICK_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0

_SOURCES = str(Path(__file__).parents[2])
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[2]); import ledger.store.keeper as k; k.main()"

# The shell leaves at once, so that the keeper is nobody's child; no terminal reaches it.
_DETACH = '"$@" >&2 &'


def ensure_keeper(cluster: Cluster) -> None:
    """Start a keeper unless one is at work. The caller holds start.lock."""
    keeper_lock = open_lock(cluster.keeper_lock)
    try:
        if not try_lock(keeper_lock):
            return
    finally:
        os.close(keeper_lock)
    python = [sys.executable, "-I", "-c", _PROGRAM, _as_text(cluster), _SOURCES]
    log = cluster.open_log()
    try:
        subprocess.run(  # noqa: S603 (ourselves)
            ["/bin/sh", "-c", _DETACH, "sh", *python],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
            start_new_session=True,
            check=True,
        )
    finally:
        os.close(log)


def main() -> None:
    """Keep the cluster described by the first argument until nobody uses it."""
    cluster = _from_text(sys.argv[1])
    # Files that are gone were removed with their folder: then there is nothing left to keep.
    with suppress(FileNotFoundError):
        keeper_lock = open_existing_lock(cluster.keeper_lock)
        if try_lock(keeper_lock):
            _keep(cluster, keeper_lock)


def _keep(cluster: Cluster, keeper_lock: int) -> None:
    pause = _TICK_SECONDS
    while True:
        time.sleep(pause)
        try:
            if not _is_still_needed(cluster, keeper_lock):
                return
            pause = _TICK_SECONDS
        except FileNotFoundError:
            raise
        except (EmbeddedError, OSError) as trouble:
            sys.stderr.write(f"keeper: {trouble}\n")
            sys.stderr.flush()
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _is_still_needed(cluster: Cluster, keeper_lock: int) -> bool:
    """Stop the server if nobody uses it, start it if somebody does; whether to look again."""
    with locked_if_free(cluster.start_lock) as free:
        if not free:
            return True
        with locked_if_free(cluster.users_lock) as unused:
            if unused:
                cluster.stop()
                # Before start.lock is free: who starts next must see that no keeper is left.
                os.close(keeper_lock)
                return False
        if not cluster.running():
            cluster.start()
    return True


def _as_text(cluster: Cluster) -> str:
    return json.dumps(
        {
            "home": str(cluster.home),
            "settings": dict(cluster.settings),
            "bin_dir": str(cluster.bin_dir) if cluster.bin_dir else None,
            "start_seconds": cluster.start_seconds,
        }
    )


def _from_text(text: str) -> Cluster:
    told = json.loads(text)
    return Cluster(
        Path(told["home"]),
        settings=told["settings"],
        bin_dir=Path(told["bin_dir"]) if told["bin_dir"] else None,
        start_seconds=told["start_seconds"],
    )
