"""A site whose books hold a generated log, in a folder of its own, and commands run over it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benches.big_log import make_log
from scripts.drills.grounds import data_folder
from web.parts import Parts
from web.running.database import database
from web.settings import Settings
from web.wiring import wire


def say(text: str) -> None:
    """Tell whoever waits, beside the results."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class LoggedSite:
    """The site, and how far the generated log goes."""

    settings: Settings
    dsn: str
    parts: Parts
    facts: int
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """Its folder."""
        return self.settings.data

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`ledger ARGUMENTS` in a session, and so a process group, of its own."""
        with (self.data / "commands.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 -- our own program
                [sys.executable, "-P", "-m", "web.cli", *arguments],
                env={**os.environ, "LEDGER_DATA": str(self.data)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def kill_all(self) -> None:
        """End whatever was started and still runs, with all that it started."""
        for process in self.started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def said(self) -> str:
        """The end of what commands complained of."""
        return (self.data / "commands.log").read_text(errors="replace")[-3000:]

    def run(self, *arguments: str) -> str:
        """What `ledger ARGUMENTS` printed. Raises RuntimeError where it failed."""
        process = self.start(*arguments)
        printed, _ = process.communicate()
        if process.returncode != 0:
            message = f"ledger {' '.join(arguments)}: {printed}\n{self.said()}"
            raise RuntimeError(message)
        return printed


@contextmanager
def logged_site(facts: int, *, seed: int = 1, workers: int = 2) -> Iterator[LoggedSite]:
    """Books with about so many facts and no views built; `workers` processes write them."""
    with ExitStack() as open_things:
        settings = Settings(data=open_things.enter_context(data_folder()))
        dsn = open_things.enter_context(database(settings))
        say(f"making a log of {facts:,} facts")
        report = make_log(dsn, settings.key(), facts, seed, workers=workers)
        say(f"{report.facts:,} facts of {report.members:,} members")
        parts = open_things.enter_context(wire(settings, dsn))
        site = LoggedSite(settings, dsn, parts, report.facts)
        open_things.callback(site.kill_all)
        yield site
