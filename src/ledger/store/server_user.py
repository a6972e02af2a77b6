"""Who runs the embedded server: whoever starts it, or, as PostgreSQL refuses root, a user lent."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.store.embedded_error import EmbeddedError

# Existing users only: making one would change a machine that is not ours.
_LENT = ("postgres", "nobody", "daemon")

# Nothing of the caller's environment reaches the server: locale, time zone and PG* would change it.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# The shell leaves at once, so that what it started is nobody's child and nobody's zombie.
_DETACH = '"$@" >&2 & echo $!'

_NAME_WHO_CANNOT_ENTER = 'for folder; do [ -x "$folder" ] || { echo "$folder"; exit; }; done'


@dataclass(frozen=True)
class ServerUser:
    """The user whose processes the server's are; `lent` when we are root and hand down to it."""

    uid: int
    gid: int
    lent: bool

    @property
    def name(self) -> str:
        """The user's name, or its number where the machine has no name for it."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def own(self, path: Path, mode: int) -> None:
        """Give a folder to the server, with exactly these permissions whatever the umask."""
        path.chmod(mode)
        if self.lent:
            os.chown(path, self.uid, self.gid)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        stderr: int = subprocess.STDOUT,
        new_session: bool = False,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program as this user, away from our folder and environment; keep its output."""
        try:
            return subprocess.run(  # noqa: S603 (programs we name ourselves)
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd="/",
                env=_ENVIRONMENT,
                user=self.uid if self.lent else None,
                group=self.gid if self.lent else None,
                extra_groups=[] if self.lent else None,
                start_new_session=new_session,
                check=False,
            )
        except PermissionError as refusal:
            raise self._cannot_run(command, refusal) from refusal

    def detach(self, command: Sequence[str | Path], log: int) -> int:
        """Start a program that outlives us and our terminal, its output in `log`; its number."""
        shell = ["/bin/sh", "-c", _DETACH, "sh"]
        return int(self.run([*shell, *command], stderr=log, new_session=True).stdout)

    def barred_from(self, folder: Path) -> Path | None:
        """The first folder on the way to `folder` that this user may not enter, if any."""
        if not self.lent:
            return None
        way = [*reversed(folder.parents), folder]
        shell = ["/bin/sh", "-c", _NAME_WHO_CANNOT_ENTER, "sh"]
        barrier = os.fsdecode(self.run([*shell, *way]).stdout).rstrip("\n")
        return Path(barrier) if barrier else None

    def _cannot_run(self, command: Sequence[str | Path], refusal: OSError) -> EmbeddedError:
        if not self.lent:
            return EmbeddedError(f"{command[0]} cannot be run: {refusal.strerror}.")
        return EmbeddedError(
            f"PostgreSQL refuses to run as root, and this root may not become user {self.name}. "
            "Start the ledger as an ordinary user, or name a server in LEDGER_DATABASE_URL."
        )


def server_user(data: Path) -> ServerUser:
    """Ourselves; for root, the owner of the cluster in `data`, or an existing unprivileged user."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), lent=False)
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return ServerUser(owner.st_uid, owner.st_gid, lent=True)
    for name in _LENT:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(user.pw_uid, user.pw_gid, lent=True)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and this machine has no user "
        f"{' or '.join(_LENT)} to run it. Start the ledger as an ordinary user."
    )
