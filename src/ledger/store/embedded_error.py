"""Why the embedded server cannot serve, in a sentence for the person who started it."""

from __future__ import annotations

import errno
from pathlib import Path

DISK_FULL = "No space left on device"

_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ELOOP}
_FULL = {errno.ENOSPC, errno.EDQUOT}


class EmbeddedError(RuntimeError):
    """The embedded PostgreSQL cannot be started or reached; the text is fit to be shown."""


def disk_full(folder: Path) -> EmbeddedError:
    """The refusal when the disk under `folder` has no room left."""
    return EmbeddedError(
        f"The disk that holds {folder} is full. Make room on it, or choose another data folder."
    )


def explain(error: OSError, home: Path) -> EmbeddedError:
    """Turn what the system said about a path under `home` into a sentence."""
    path = error.filename or home
    if error.errno in _NOT_WRITABLE:
        return EmbeddedError(
            f"The data folder {home} is not writable ({path}). "
            "Give it to the user who starts the ledger, or choose another data folder."
        )
    if error.errno in _NOT_A_FOLDER:
        return EmbeddedError(f"{path} is in the way: a folder of that name is needed.")
    if error.errno in _FULL:
        return disk_full(home)
    return EmbeddedError(f"The data folder {home} cannot be used: {error.strerror} ({path}).")
