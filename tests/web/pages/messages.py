"""Every text of the pages, found where it stands.

`python -m tests.web.pages.messages --write` takes new ones into the French catalogue, empty, and
drops those that are gone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from ledger.errors import LedgerError
from ledger.payments import sandbox_cards
from projections import moments
from projections.queries import paging
from web.sessions import outbox
from web.wording.languages import CATALOGUES

WEB = CATALOGUES.parent
FRENCH = CATALOGUES / "fr.po"
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "message": None,
    "say": None,
}
ROOMS = (
    "ledger.errors",
    sandbox_cards.__name__,
    paging.__name__,
    moments.__name__,
    outbox.__name__,
)
"""Whose refusals a page may have to say."""

HEADER = """msgid ""
msgstr ""
"Language: fr\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

"""

Text = str | tuple[str, ...]


def texts() -> Catalog:
    """A catalogue of everything that may be said."""
    found = Catalog(locale="fr", charset="utf-8")
    for text, place in [*_in_templates(), *_in_python(), *_in_refusals()]:
        found.add(text, locations=[place])
    return found


def french() -> Catalog:
    """What is translated."""
    with FRENCH.open("rb") as file:
        return read_po(file, locale="fr")


def faults(wanted: Catalog, given: Catalog) -> list[str]:
    """Texts that French lacks, guesses at, or has for nothing."""
    missing = [m for m in wanted if m.id and not _is_said(given.get(m.id))]
    fuzzy = [m for m in given if m.id and m.fuzzy]
    idle = [m for m in given if m.id and wanted.get(m.id) is None]
    return [
        *(f"not in French: {m.id!r}" for m in missing),
        *(f"only guessed in French: {m.id!r}" for m in fuzzy),
        *(f"said nowhere: {m.id!r}" for m in idle),
    ]


def write() -> None:
    """Bring the French catalogue in step with what is said."""
    wanted, given = texts(), french()
    for message in wanted:
        known = given.get(message.id) if message.id else None
        if known is not None:
            message.string = known.string
    with FRENCH.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, wanted, width=100, omit_header=True, sort_output=True, no_location=True)


def _is_said(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    said = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return all(said)


def _in_templates() -> Iterator[tuple[Text, tuple[str, int]]]:
    options = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}
    for path in sorted((WEB / "templates").rglob("*.html")):
        yield from _extracted("jinja2.ext:babel_extract", path, options)


def _in_python() -> Iterator[tuple[Text, tuple[str, int]]]:
    for path in sorted(WEB.rglob("*.py")):
        yield from _extracted("python", path, {})


def _extracted(
    method: str, path: Path, options: dict[str, str]
) -> Iterator[tuple[Text, tuple[str, int]]]:
    found = extract_from_file(
        method, path, keywords=KEYWORDS, options=options, strip_comment_tags=True
    )
    for line, text, _comments, _context in found:
        yield text, (path.relative_to(WEB).as_posix(), line)


def _in_refusals() -> Iterator[tuple[Text, tuple[str, int]]]:
    waiting = [LedgerError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.startswith(ROOMS):
            yield (kind.__doc__ or "").strip().splitlines()[0], (kind.__module__, 1)


if __name__ == "__main__" and "--write" in sys.argv:
    write()
