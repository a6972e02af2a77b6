"""How names and addresses are compared: case, marks and spelling variants set aside (SE3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from ledger.facts import ERASED

MOST_WORDS = 8
"""Words of a search that are looked for."""

SHORTEST_RUN = 3
"""Letters or digits in a row that an index of trigrams needs."""

SIGNS, AS_LETTERS = "@.-_", "ABCD"
"""The usual signs within names and addresses, and what they are in the text that is indexed.

An index of trigrams takes a sign for the end of a word: by `e` it would find everybody whose
address ends in `@example.org`. Keys are in lower case, so that no letter of theirs is one of these.
"""
_AS_LETTERS = str.maketrans(SIGNS, AS_LETTERS)


def search_key(text: str) -> str:
    """Casefolded, NFKD, without marks, single-spaced: `Zoë  Müller` and `ZOE MULLER` are one.

    Made here and kept in the view: the database's own rules differ from server to server.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    marks = (c for c in decomposed if not unicodedata.combining(c))
    return " ".join("".join(marks).split())


def like_pattern(word: str, spelled: Mapping[int, int] | None = None) -> str:
    """A LIKE pattern that finds a word, whatever signs it holds; `spelled` as the text has some.

    Anywhere, if it is long enough for an index of trigrams; a shorter one where a word begins.
    """
    own = word.translate(spelled or {})
    escaped = own.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%" if _longest_run(word) >= SHORTEST_RUN else f"% {escaped}%"


def patterns(text: str) -> list[str]:
    """The patterns that a text of free search asks for: every word, in any order."""
    return [like_pattern(word) for word in _words(text)[:MOST_WORDS]]


def indexed_patterns(text: str) -> list[str]:
    """The same patterns for the text that is indexed."""
    return [like_pattern(word, _AS_LETTERS) for word in _words(text)[:MOST_WORDS]]


def is_searchable(text: str) -> bool:
    """Whether a text asks for nothing, or for a letter or digit: signs alone find nobody."""
    words = _words(text)
    return not words or any(_longest_run(word) for word in words[:MOST_WORDS])


def _words(text: str) -> list[str]:
    return search_key(storable(text)).split()


def _longest_run(word: str) -> int:
    runs = "".join(c if c.isalnum() else " " for c in word).split()
    return max(map(len, runs), default=0)


def storable(text: str) -> str:
    """A text that the database takes as a parameter; what it can't hold, no row holds either."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def readable(personal: str) -> str | None:
    """A personal value, or None once it was erased."""
    return None if personal == ERASED else personal
