"""What the edge seals and how it finds sealed things again: keys derived from the master key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.store import master_key

TOKEN_BYTES = 32


class SealBroken(Exception):
    """The sealed bytes were altered, or belong to another key or purpose."""


def derive(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose of the edge; knowing it tells nothing about the others."""
    return master_key.derive(key, f"web/{purpose}")


def new_token() -> str:
    """256 random bits, in letters that need no escaping anywhere."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """What is stored of a token. It is random, so that no salt and no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Seals:
    """Seals JSON values with AES-256-GCM, and hashes what must be found without being read."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(derive(key, "seal"))
        self._lookup_key = derive(key, "lookup")

    def seal(self, value: Any, *, purpose: str) -> bytes:
        """Nonce and ciphertext of a JSON value, bound to its purpose."""
        plain = json.dumps(value, separators=(",", ":")).encode()
        return master_key.seal(self._cipher, plain, purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> Any:
        """The value again; SealBroken when it is not what was sealed for this purpose."""
        try:
            plain = master_key.unseal(self._cipher, sealed, purpose.encode())
        except InvalidTag as broken:
            raise SealBroken from broken
        return json.loads(plain)

    def lookup(self, *words: str) -> bytes:
        """A keyed hash: equal for equal words, and useless without the key."""
        message = json.dumps(words).encode()
        return hmac.digest(self._lookup_key, message, "sha256")

    def token(self, *words: str) -> str:
        """A token that nobody can guess who lacks the key; the same for the same words."""
        return base64.urlsafe_b64encode(self.lookup("token", *words)).decode().rstrip("=")
