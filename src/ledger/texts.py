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
LONGEST_MESSAGE = 20_000

_WORD = r"[^\s@\"(),:;<>\[\\\]]"
_LABEL = r"[^\s@\"(),:;<>\[\\\].]"
_EMAIL = re.compile(rf"{_WORD}+@({_LABEL}+\.)+{_LABEL}{{2,}}")

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me", "Zs", *_INVISIBLE})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""

# Persian and Indic words need joiners within, emoji need one between, flags end in tags. The
# controls of writing direction, which make a text read as another, are never needed in a name.
_JOINER = re.compile(r"(?<=[^\s\u200c\u200d])[\u200c\u200d](?=[^\s\u200c\u200d])")
_FLAG = re.compile("(?<=\U0001f3f4)[\U000e0020-\U000e007e]{1,8}\U000e007f")


def email(text: str) -> str:
    """An address, normalised but otherwise as typed; EmailMalformed if it is none."""
    address = _normal(text, LONGEST_EMAIL)
    if address is None or not _EMAIL.fullmatch(address) or _hides(address):
        raise EmailMalformed
    return address


def comparable_email(address: str) -> str:
    """What two spellings of one address have in common (AC5)."""
    folded = unicodedata.normalize("NFKC", address).casefold()
    return unicodedata.normalize("NFKC", folded).casefold()


def person_name(text: str) -> str:
    """A name on one line; NameMissing if nothing visible is left."""
    name = _line(text, LONGEST_NAME)
    if name is None:
        raise NameMissing
    return name


def tag(text: str) -> str:
    """A tag on one line, 1 to 50 characters; else TagMalformed."""
    word = _line(text, LONGEST_TAG)
    if word is None:
        raise TagMalformed
    return word


def note(text: str) -> str:
    """A note of 1 to 10,000 characters; else NoteMalformed."""
    words = _lines(text, LONGEST_NOTE)
    if not words:
        raise NoteMalformed
    return words


def reason(text: str) -> str:
    """Why money goes back or a membership ends, 1 to 500 characters; else ReasonMalformed."""
    words = _lines(text, LONGEST_REASON)
    if not words:
        raise ReasonMalformed
    return words


def one_line(*, text: str, field: str) -> str:
    """A title on one line, 1 to 200 characters; else TextMalformed naming the field."""
    words = _line(text, LONGEST_NAME)
    if words is None:
        raise TextMalformed(field=field, least=1, most=LONGEST_NAME)
    return words


def description(text: str) -> str:
    """A description of up to 10,000 characters; else TextMalformed."""
    words = _lines(text, LONGEST_NOTE)
    if words is None:
        raise TextMalformed(field="description", least=0, most=LONGEST_NOTE)
    return words


def message(text: str) -> str:
    """What a message to many says, 1 to 20,000 characters; else TextMalformed."""
    words = _lines(text, LONGEST_MESSAGE)
    if not words:
        raise TextMalformed(field="text", least=1, most=LONGEST_MESSAGE)
    return words


def _line(text: str, most: int) -> str | None:
    """On one line, with single spaces; None unless something of it can be seen."""
    words = _normal(" ".join(text.split()), most)
    return words if words and _visible(words) and _shows(words) else None


def _lines(text: str, most: int) -> str | None:
    """With line ends and tabs as they are; perhaps empty; None if it has what can't be seen."""
    words = _normal(text.replace("\r\n", "\n").replace("\r", "\n"), most)
    if words is None or not _visible(words.replace("\n", "").replace("\t", "")):
        return None
    return words if not words or _shows(words) else None


def _normal(text: str, most: int) -> str | None:
    """Composed and trimmed; None if longer than so many characters."""
    # Composing shortens a character to a quarter at most; composing a longer text takes long.
    if len(text) > 4 * most:
        return None
    words = unicodedata.normalize("NFC", text).strip()
    return words if len(words) <= most else None


def _visible(text: str) -> bool:
    """Whether every character shows, or joins two that do."""
    return not _hides(_JOINER.sub("", _FLAG.sub("", text)))


def _hides(text: str) -> bool:
    """Whether a character can't be seen, joiners among them."""
    return any(unicodedata.category(character) in _INVISIBLE for character in text)


def _shows(text: str) -> bool:
    """Whether at least one character is more than a blank or a mark on another."""
    return any(unicodedata.category(c) not in _MARKS and c not in _BLANK for c in text)
