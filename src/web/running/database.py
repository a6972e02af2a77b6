"""Where the books lie: the embedded server, or the one that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.store.embedded import Embedded
from web.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of the site's database; the embedded server runs as long as this is open.

    Raises EmbeddedError or DatabaseUnreachable with a sentence for the person at the terminal.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with Embedded(settings.data, bin_dir=settings.pg_bin_dir) as server:
        yield server.dsn
