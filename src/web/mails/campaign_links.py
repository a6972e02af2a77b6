"""The links of campaign mails: they leave the lists, or lead on to our own pages, unsigned in.

A link is signed with a key of the books, which outlasts every change of the master key: links in
old mails work for ever. Nothing is kept of one before it is followed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from uuid import UUID

from web.origins import own_path
from web.parts import Parts
from web.problems import Problem

MARK_BYTES, ID_BYTES = 16, 16
LONGEST_TOKEN = 2_000
TEST = "test"
"""Stands for a token in a mail that somebody sends to themself."""

Kind = Literal["leave", "go"]


@dataclass(frozen=True)
class Reader:
    """Whose mail a link stands in: an entry of a list, and the message."""

    list_id: UUID
    message_id: UUID
    entry_id: UUID

    @property
    def _bytes(self) -> bytes:
        return self.list_id.bytes + self.message_id.bytes + self.entry_id.bytes

    def leaving(self, parts: Parts) -> str:
        """The token that leaves the list."""
        return _signed(parts, "leave", self._bytes)

    def going(self, parts: Parts, path: str) -> str:
        """The token that leads on to a path of this site."""
        return _signed(parts, "go", self._bytes + path.encode())


def leave_address(parts: Parts, token: str) -> str:
    """Where a mail's reader leaves the lists."""
    return f"{parts.settings.address}/unsubscribe/{token}"


def who_leaves(parts: Parts, token: str) -> Reader:
    """Whose a token is that leaves a list. A 410 for one that we did not sign."""
    reader, rest = _read(parts, "leave", token)
    if rest:
        raise _unusable()
    return reader


def who_goes(parts: Parts, token: str) -> tuple[Reader, str]:
    """Whose a token is that leads on, and to which path of ours. A 410 for one not signed."""
    reader, rest = _read(parts, "go", token)
    return reader, own_path(rest.decode())


def own_way(parts: Parts, reader: Reader, address: str) -> str:
    """Where a link in a mail leads: to a page of this site by way of us, else as it is (AC11)."""
    home = parts.settings.address
    path = address.removeprefix(home) or "/"
    if not address.startswith(home) or own_path(path) != path:
        return address
    return f"{home}/to/{reader.going(parts, path)}"


def _read(parts: Parts, kind: Kind, token: str) -> tuple[Reader, bytes]:
    said = _bytes_of(token)
    content, mark = said[:-MARK_BYTES], said[-MARK_BYTES:]
    if len(content) < 3 * ID_BYTES or not hmac.compare_digest(mark, _mark(parts, kind, content)):
        raise _unusable()
    ids = [UUID(bytes=content[at : at + ID_BYTES]) for at in range(0, 3 * ID_BYTES, ID_BYTES)]
    return Reader(*ids), content[3 * ID_BYTES :]


def _bytes_of(token: str) -> bytes:
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise _unusable()
    try:
        said = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _unusable() from None
    if _text(said) != token:
        raise _unusable()  # one token, one spelling
    return said


def _signed(parts: Parts, kind: Kind, content: bytes) -> str:
    return _text(content + _mark(parts, kind, content))


def _text(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


def _mark(parts: Parts, kind: Kind, content: bytes) -> bytes:
    key = parts.ledger.vault.derive(f"campaign links: {kind}")
    return hmac.digest(key, content, sha256)[:MARK_BYTES]


def _unusable() -> Problem:
    return Problem(410, "link_unusable", "This link is not one of ours, or is incomplete.")
