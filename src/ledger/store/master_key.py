"""The key of keys: what it wraps names it, so that it can be replaced."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.errors import LedgerError

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_BYTES = 8
FORMAT = b"\x01"
HEADER_BYTES = len(FORMAT) + KEY_ID_BYTES


class MasterKeyMalformed(LedgerError):
    """A master key has exactly {needed} bytes; this one has {found}."""

    code = "master_key_malformed"


class MasterKeyWrong(LedgerError):
    """This is not the master key of this vault: it is {found}, and the vault was locked by {needed}."""  # noqa: E501

    code = "master_key_wrong"


class KeyDamaged(LedgerError):
    """A wrapped key in the vault was altered: the right master key does not open it."""

    code = "key_damaged"


def derive(secret: bytes, purpose: str) -> bytes:
    """256 bits for one purpose, from which the secret can't be told (HKDF, RFC 5869)."""
    info = f"membership-ledger/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


def seal(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    """Encrypted under a random nonce, which comes first; opens only with what it is bound to."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to)


def unseal(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    """What was sealed. Raises InvalidTag if anything about it was altered."""
    if len(sealed) < NONCE_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)


class MasterKey:
    """Wraps keys. 256 bits, from a file or the environment; never stored beside what it wraps.

    Raises MasterKeyMalformed.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise MasterKeyMalformed(needed=KEY_BYTES, found=len(secret))
        self._header = FORMAT + derive(secret, "master key id")[:KEY_ID_BYTES]
        self._cipher = AESGCM(derive(secret, "wrapping"))

    def wrap(self, key: bytes, owner: bytes) -> bytes:
        """Format, id of this master key, nonce, and the key as only its owner's."""
        return self._header + seal(self._cipher, key, owner)

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """The key. Raises MasterKeyWrong or KeyDamaged."""
        header = wrapped[:HEADER_BYTES]
        if header != self._header:
            raise MasterKeyWrong(found=self._header[1:].hex(), needed=header[1:].hex())
        try:
            return unseal(self._cipher, wrapped[HEADER_BYTES:], owner)
        except InvalidTag:
            raise KeyDamaged from None
