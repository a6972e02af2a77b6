"""Where something went wrong, for a log: never what it says or what names held then.

Those may be keys, card tokens or somebody's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from traceback import format_tb

MOST_CAUSES = 5


def trace(error: BaseException) -> list[str]:
    """The kind of an error and the places it passed, then those of what caused it."""
    return [line for one in _chain(error) for line in _told(one)]


def _told(error: BaseException) -> Iterator[str]:
    kind = type(error)
    yield f"{kind.__module__}.{kind.__qualname__}"
    yield from (place.rstrip() for place in format_tb(error.__traceback__))


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if found is None:
            return
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
