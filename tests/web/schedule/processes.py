"""Real `ledger` processes of one site, which may be stopped and killed."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.web.conftest import MASTER_KEY


class Processes:
    """Started here, gone with the test."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """`ledger WORDS`."""
        process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, "-P", "-m", "web.cli", *words],
            env={
                **os.environ,
                "PYTHONPATH": "src:.",
                "LEDGER_DATABASE_URL": self.database,
                "LEDGER_DATA": str(self.folder),
                "LEDGER_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
            },
            stdin=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def stop(self) -> None:
        """End what still runs."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
