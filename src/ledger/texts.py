"""How names, addresses, tags and notes that people type are read before they become facts."""

from __future__ import annotations

import re
import unicodedata

from ledger.errors import (
    EmailMalformed,
    NameMissing,
    NoteMalformed,
    ReasonMalformed,
    TagMalformed,
    TextMalformed,
)

LONGEST_EMAIL = 254
LONGEST_NAME = 200
LONGEST_TAG = 50
LONGEST_NOTE = 10_000
LONGEST_REASON = 500

_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]+@[^\s@\"(),:;<>\[\\\]]+\.[^\s@\"(),:;<>\[\\\].]{2,}")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def email(text: str) -> str:
    """An address, normalised but otherwise as typed; EmailMalformed if it is none."""
    address = unicodedata.normalize("NFC", text.strip())
    if len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address) or not _visible(address):
        raise EmailMalformed
    return address


def comparable_email(address: str) -> str:
    """What two spellings of one address have in common (AC5)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", address).casefold())


def person_name(text: str) -> str:
    """A name on one line; NameMissing if nothing visible is left."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > LONGEST_NAME or not _visible(name):
        raise NameMissing
    return name


def tag(text: str) -> str:
    """A tag on one line, 1 to 50 characters; else TagMalformed."""
    word = " ".join(unicodedata.normalize("NFC", text).split())
    if not word or len(word) > LONGEST_TAG or not _visible(word):
        raise TagMalformed
    return word


def note(text: str) -> str:
    """A note of 1 to 10,000 characters; else NoteMalformed."""
    words = unicodedata.normalize("NFC", text).strip()
    if not words or len(words) > LONGEST_NOTE or not _visible(words.replace("\n", "")):
        raise NoteMalformed
    return words


def reason(text: str) -> str:
    """Why money goes back or a membership ends, 1 to 500 characters; else ReasonMalformed."""
    words = unicodedata.normalize("NFC", text).strip()
    if not words or len(words) > LONGEST_REASON or not _visible(words.replace("\n", "")):
        raise ReasonMalformed
    return words


def one_line(*, text: str, field: str) -> str:
    """A title on one line, 1 to 200 characters; else TextMalformed naming the field."""
    words = " ".join(unicodedata.normalize("NFC", text).split())
    if not words or len(words) > LONGEST_NAME or not _visible(words):
        raise TextMalformed(field=field, least=1, most=LONGEST_NAME)
    return words


def description(text: str) -> str:
    """A description of up to 10,000 characters; else TextMalformed."""
    words = unicodedata.normalize("NFC", text).strip()
    if len(words) > LONGEST_NOTE or not _visible(words.replace("\n", "")):
        raise TextMalformed(field="description", least=0, most=LONGEST_NOTE)
    return words


def _visible(text: str) -> bool:
    return not any(unicodedata.category(character) in _INVISIBLE for character in text)
