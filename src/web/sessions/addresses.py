"""The hash that finds an e-mail address, however it is spelt (AC5)."""

from __future__ import annotations

from ledger.texts import comparable_email
from web.identity.seals import Seals


def address_hash(seals: Seals, email: str) -> bytes:
    """What an address is found by."""
    return seals.lookup("address", comparable_email(email.strip()))
