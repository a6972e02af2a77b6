"""How names and addresses are compared, in the oracle's own words."""

from __future__ import annotations

import unicodedata

ERASED = "erased"


def sort_key(text: str) -> str:
    """Without case, without marks, with single spaces."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    letters = unicodedata.normalize("NFKD", letters)
    kept = "".join(letter for letter in letters if unicodedata.combining(letter) == 0)
    return " ".join(kept.split())


def same_address(address: str) -> str:
    """What two spellings of one address have in common."""
    for _ in range(2):
        address = unicodedata.normalize("NFKC", address).casefold()
    return address


def unless_erased(text: str) -> str | None:
    """The text, or nothing where its person's key is gone."""
    return text if text != ERASED else None
