"""What a backup is made of: one file a table, and a manifest that says what they hold."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import LedgerError
from ledger.store.master_key import derive, seal, unseal

FORMAT = 1
MANIFEST = "manifest.json"
CHUNK_BYTES = 1 << 20
_LENGTH = Struct("!I")


class BackupDamaged(LedgerError):
    """The backup's {name} is not what was written: {why}."""

    code = "backup_damaged"


@dataclass(frozen=True)
class TableFile:
    """The rows of one table in PostgreSQL's text format, sealed if they are operational."""

    table: str
    columns: list[str]
    rows: int
    sha256: str
    is_sealed: bool


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, and what it left out."""

    part: str
    schema: dict[str, str]
    tables: list[TableFile] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it beside its files."""
        with open_new(folder / MANIFEST) as file:
            file.write(json.dumps(asdict(self), indent=1, sort_keys=True).encode())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest of a backup. Raises BackupDamaged."""
        try:
            written = json.loads((folder / MANIFEST).read_bytes())
            tables = [TableFile(**table) for table in written.pop("tables")]
            manifest = cls(tables=tables, **written)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BackupDamaged(name=MANIFEST, why=str(error)) from error
        if manifest.format != FORMAT:
            raise BackupDamaged(name=MANIFEST, why=f"format {manifest.format} is unknown")
        return manifest


class Seal:
    """Encrypts operational rows with a key of their own, derived from the master key."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(derive(master_key, "operational backup"))

    def chunks(self, plain: Iterator[bytes], table: str) -> Iterator[bytes]:
        """Sealed pieces, each bound to its table and place; the last one is empty."""
        for place, chunk in enumerate(_joined(plain)):
            yield self._framed(chunk, table, place)

    def opened(self, file: BinaryIO, table: str) -> Iterator[bytes]:
        """What was sealed. Raises BackupDamaged, also if the end is missing."""
        for place in count():
            length = file.read(_LENGTH.size)
            sealed = file.read(_LENGTH.unpack(length)[0]) if len(length) == _LENGTH.size else b""
            try:
                chunk = unseal(self._cipher, sealed, _bound_to(table, place))
            except InvalidTag as error:
                raise BackupDamaged(name=table, why="it does not open with this key") from error
            if not chunk:
                return
            yield chunk

    def _framed(self, chunk: bytes, table: str, place: int) -> bytes:
        sealed = seal(self._cipher, chunk, _bound_to(table, place))
        return _LENGTH.pack(len(sealed)) + sealed


def write_rows(folder: Path, table: str, rows: Iterator[bytes], seal_with: Seal | None) -> str:
    """Write a table's rows to its file, on disk when this returns; the file's SHA-256."""
    digest = sha256()
    with open_new(folder / file_name(table)) as file:
        for piece in seal_with.chunks(rows, table) if seal_with else rows:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def read_rows(folder: Path, table: TableFile, seal_with: Seal | None) -> Iterator[bytes]:
    """A table's rows, as they were written. Raises BackupDamaged."""
    with (folder / file_name(table.table)).open("rb") as file:
        if table.is_sealed and seal_with:
            yield from seal_with.opened(file, table.table)
        else:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def require_intact(folder: Path, table: TableFile) -> None:
    """Refuse a file that is not the one that was written. Raises BackupDamaged."""
    digest = sha256()
    try:
        with (folder / file_name(table.table)).open("rb") as file:
            for piece in iter(lambda: file.read(CHUNK_BYTES), b""):
                digest.update(piece)
    except OSError as error:
        raise BackupDamaged(name=table.table, why=str(error)) from error
    if digest.hexdigest() != table.sha256:
        raise BackupDamaged(name=table.table, why="its checksum differs")


def file_name(table: str) -> str:
    """The file of a table, by its qualified name."""
    return f"{table}.copy"


@contextmanager
def open_new(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner reads, on the disk when it is closed."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _bound_to(table: str, place: int) -> bytes:
    return f"{table}/{place}".encode()


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in larger chunks, and an empty one at the end."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
    yield b""
