"""The application of one server process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import FreshDatabases
from tests.web.running.site_process import environment_of

BUILT = """
import gc
from web.running.server import build
site = build()
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_what_stays_is_out_of_the_way_of_the_garbage_collector(
    started: str, fresh_databases: FreshDatabases, tmp_path: Path
) -> None:
    with fresh_databases.copy_of(started) as database:
        told = subprocess.run(  # noqa: S603 -- our own program
            [sys.executable, "-P", "-c", BUILT],
            env=environment_of(database, tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
    spared, looked_through = map(int, told.stdout.split())
    assert spared > 100_000
    assert looked_through < spared / 10
