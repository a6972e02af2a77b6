"""One cluster of the embedded PostgreSQL on disk: made whole or not at all, started, stopped.

home/
  data/         the cluster, of the server's user alone
  run/          its socket; whoever may enter is trusted, and only that user and root may
  server.log    what the server says; the previous one is server.log.1
  start.lock    held while the server is started or stopped
  users.lock    shared by every process that uses the server
  keeper.lock   held by the keeper

Every method that starts, stops or makes expects its caller to hold start.lock.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ledger.store.binaries import Binaries, find_binaries, within_reach
from ledger.store.embedded_error import DISK_FULL, EmbeddedError, disk_full
from ledger.store.memory import machine_memory, shared_buffers
from ledger.store.processes import answers, is_alive, is_server_of, servers_inside, signalled
from ledger.store.server_user import ServerUser, server_user

SOCKET = ".s.PGSQL.5432"

# A commit survives the machine: durability is never for sale. The rest is for a log that is
# appended to all day and views that are rebuilt from it at times.
#
# A new file of the server's log is not written full of zeros first: all who commit wait for that,
# on and on while a rebuild writes. A commit flushes what it wrote in either case.
KNOBS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "wal_init_zero": "off",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "cluster_name": "membership-ledger",
}

_LONGEST_SOCKET_PATH = 107  # bytes the kernel takes
_SHORT = Path("/tmp")  # noqa: S108 (a folder of our own is made there; TMPDIR may be long)
_LOG_BYTES = 16 * 1024 * 1024
_READY = ("ready", "standby")
_STATUS_LINE = 7  # of postmaster.pid
_ORPHAN_SECONDS = 5
_STOP_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    """A cluster in `home` (an absolute path), with `settings` over our own and a wait in seconds.

    `bin_dir` is the only folder searched for programs, if given.
    """

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    bin_dir: Path | None = None
    start_seconds: int = 300

    @property
    def data(self) -> Path:
        """The folder PostgreSQL calls its data directory."""
        return self.home / "data"

    @property
    def user(self) -> ServerUser:
        """The user whose processes the server's are."""
        return server_user(self.data)

    @property
    def sockets(self) -> Path:
        """The private folder of the socket: in home, unless the kernel or libpq could not say it.

        The kernel takes short paths only; to libpq a comma separates two hosts.
        """
        folder = self.home / "run"
        too_long = len(os.fsencode(folder / SOCKET)) > _LONGEST_SOCKET_PATH
        if not too_long and not set(',"') & set(str(folder)):
            return folder
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return _SHORT / f"membership-ledger-{self.user.uid}-{digest}"

    @property
    def log(self) -> Path:
        """Where the server's own words go."""
        return self.home / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held alone while starting or stopping."""
        return self.home / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Held together by every process that uses the server."""
        return self.home / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held alone by the keeper."""
        return self.home / "keeper.lock"

    def running(self) -> bool:
        """Whether the server lives, be it still starting or out of sight in another container."""
        return self.server() is not None or answers(self.sockets / SOCKET)

    def server(self) -> int | None:
        """The process that serves this cluster; neither a zombie nor a stranger with its number."""
        lines = self._status()
        process = abs(int(lines[0])) if lines and lines[0].lstrip("-").isdigit() else 0
        return process if process and is_server_of(self.data, process) else None

    def start(self) -> None:
        """Make the cluster if there is none, start its server and wait until it takes questions."""
        user = self.user
        if not (self.data / "PG_VERSION").exists():
            self._initialise(user)
        major = int((self.data / "PG_VERSION").read_text())
        programs = within_reach(find_binaries(self.bin_dir, major=major), user, self.home)
        self._remove_leftovers(user)
        self._open_socket_folder(user)
        self._rotate_log()
        already_said = self.log.stat().st_size if self.log.exists() else 0
        self._await_ready(self._spawn(programs, user), already_said)

    def stop(self) -> None:
        """Stop the server, if it runs, and wait; nothing acknowledged is lost however it ends."""
        process = self.server()
        if process is None:
            return
        if not signalled(process, signal.SIGINT, wait_seconds=_STOP_SECONDS):
            signalled(process, signal.SIGQUIT, wait_seconds=_STOP_SECONDS)

    def open_log(self) -> int:
        """Open the log to append to; close it after use."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.log, flags, 0o600)

    def _initialise(self, user: ServerUser) -> None:
        """Make the cluster beside its place and move it there: a kill leaves only a side folder."""
        programs = within_reach(find_binaries(self.bin_dir), user, self.home)
        for abandoned in self.home.glob("data.new-*"):
            _clear_away(abandoned)
        side = Path(tempfile.mkdtemp(prefix="data.new-", dir=self.home))
        user.own(side, 0o700)
        made = user.run([programs.folder / "initdb", "-D", side, *_initdb_options(programs)])
        if made.returncode != 0:
            shutil.rmtree(side, ignore_errors=True)
            raise self._failed("PostgreSQL could not make its data folder", made.stdout)
        side.rename(self.data)
        _flush_folder(self.home)

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_name("server.log.1"))

    def _spawn(self, programs: Binaries, user: ServerUser) -> int:
        sized = {"shared_buffers": shared_buffers(machine_memory())}
        settings = {
            **KNOBS,
            **sized,
            "unix_socket_directories": f'"{self.sockets}"',
            **self.settings,
        }
        options = [word for name in settings for word in ("-c", f"{name}={settings[name]}")]
        log = self.open_log()
        try:
            return user.detach([programs.folder / "postgres", "-D", self.data, *options], log)
        finally:
            os.close(log)

    def _await_ready(self, process: int, already_said: int) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self._is_ready(process):
            if not is_alive(process):
                said = self.log.read_bytes()[already_said:]
                raise self._failed(f"PostgreSQL did not start (log: {self.log})", said)
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"PostgreSQL is not ready after {self.start_seconds} seconds; "
                    f"it may still be recovering. Its log is {self.log}."
                )
            time.sleep(0.02)

    def _is_ready(self, process: int) -> bool:
        lines = self._status()
        if len(lines) <= _STATUS_LINE or lines[0] != str(process):
            return False
        return lines[_STATUS_LINE].strip() in _READY

    def _remove_leftovers(self, user: ServerUser) -> None:
        """Clear what a killed server left, once none of its processes touches the data any more.

        PostgreSQL would refuse to start if a zombie or a stranger had the number written there.
        Its children leave by themselves when they notice; one busy with a query may be slow to.
        """
        if (self.data / "postmaster.pid").exists():
            deadline = time.monotonic() + _ORPHAN_SECONDS
            while orphans := servers_inside(self.data, user):
                if time.monotonic() > deadline:
                    for orphan in orphans:
                        signalled(orphan, signal.SIGKILL, wait_seconds=_ORPHAN_SECONDS)
                time.sleep(0.05)
        for leftover in (self.data / "postmaster.pid", *self.sockets.glob(f"{SOCKET}*")):
            leftover.unlink(missing_ok=True)

    def _open_socket_folder(self, user: ServerUser) -> None:
        """Make the folder of the socket, where whoever may enter is trusted; refuse another's."""
        folder = self.sockets
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            found = folder.lstat()
            owned = found.st_uid in (user.uid, os.geteuid())
            if not stat.S_ISDIR(found.st_mode) or not owned:
                raise EmbeddedError(
                    f"{folder} is not ours, and the server's socket belongs there. Remove it."
                ) from None
        user.own(folder, 0o700)

    def _status(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return []

    def _failed(self, what: str, told: bytes) -> EmbeddedError:
        """The server's own reason, without the rest of what it said."""
        text = told.decode(errors="replace")
        if DISK_FULL in text:
            return disk_full(self.home)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        reasons = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        reason = (reasons or lines or ["it gave no reason"])[-1]
        reason = re.sub(r"^.*(FATAL|PANIC): *", "", reason)
        return EmbeddedError(f"{what}: {reason}")


def _initdb_options(programs: Binaries) -> list[str]:
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C",
        *(builtin if programs.major >= 17 else []),  # noqa: PLR2004 (the first to have it)
        "--data-checksums",
        "--auth-local=trust",
        "--auth-host=reject",
        "--no-instructions",
    ]


def _flush_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _clear_away(abandoned: Path) -> None:
    """Remove a folder into which a program of somebody who was killed may still be writing."""
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while abandoned.exists() and time.monotonic() < deadline:
        shutil.rmtree(abandoned, ignore_errors=True)
        time.sleep(0.02)
