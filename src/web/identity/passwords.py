"""Passwords: argon2id, a policy of length alone, and the same work whoever asks."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from web.problems import body_fault

SHORTEST = 10
LONGEST = 200


class Passwords:
    """Hashes and verifies; 19 MiB and two passes, about 24 ms (OWASP's first choice)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

    def hash(self, password: str) -> str:
        """The hash of a fit password; a Problem naming `/password` when it is unfit."""
        return self._hasher.hash(fit(password))

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is right. Without a stored hash it works as long, and says no."""
        plain = _normal(password)[:LONGEST]
        try:
            right = self._hasher.verify(stored or self._nobody, plain)
        except (VerificationError, InvalidHashError):
            return False
        return right and stored is not None

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(32))


def fit(password: str) -> str:
    """The password in its compatible form (NFKC), if its length will do."""
    plain = _normal(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        detail = f"A password has {SHORTEST} to {LONGEST} characters."
        raise body_fault(("password",), "password_unfit", detail)
    return plain


def _normal(password: str) -> str:
    # A password is typed on several keyboards: one letter may arrive as one code point or as two.
    return unicodedata.normalize("NFKC", password)
