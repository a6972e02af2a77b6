"""Where a drill takes place: a data folder of its own, and the site served from it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 90
OPENED = "Open http"


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder that the database's user may enter, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-drill-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """`ledger serve` over a data folder, which may be killed and started again."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.log = (data / "serve.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it and wait until it answers; seconds that took."""
        began = time.monotonic()
        self.starts += 1
        self.process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, "-P", "-m", "web.cli", "serve", "--empty", "--port", str(self.port)],
            env={**os.environ, "LEDGER_DATA": str(self.data)},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        while time.monotonic() - began < START_SECONDS:
            if self.process.poll() is not None:
                break
            if self.has_opened():
                return time.monotonic() - began
            time.sleep(0.1)
        raise RuntimeError(f"the site did not start:\n{self.said()}")

    def has_opened(self) -> bool:
        """Whether this start, not one before, has said that the site is open."""
        return (self.data / "serve.log").read_text(errors="replace").count(OPENED) >= self.starts

    def said(self) -> str:
        """The end of what it wrote."""
        return (self.data / "serve.log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self.log.close()

    def parts(self) -> dict[str, list[int]]:
        """Process ids of what belongs to this site, by part."""
        found: dict[str, list[int]] = {"serve": [], "web": [], "worker": [], "database": []}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if str(self.data).encode() not in (folder / "environ").read_bytes() and not any(
                    str(self.data) in word for word in words
                ):
                    continue
            except OSError:
                continue
            part = _part(words)
            if part:
                found[part].append(int(folder.name))
        return found


def _part(words: list[str]) -> str | None:
    if words[0].endswith("postgres") and "-D" in words:
        return "database"
    for part in ("serve", "worker", "web"):
        if part in words[1:6] and "web.cli" in words:
            return part
    return "web" if "multiprocessing" in " ".join(words) else None
