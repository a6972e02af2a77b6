"""A site with the demonstration's people, as many as asked, made once and used again if kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

from ledger.store.pool import connect
from ledger.store.upgrade import upgrade
from projections.catalogue import all_views
from projections.tables import Table
from scripts.benches.big_books import say
from scripts.benches.collection_site import settings_of
from scripts.benches.kept import databases
from scripts.benches.population import SITE
from web.running.first_start import DAYS_A_MONTH, fill_demo, make_owner
from web.running.following import follower
from web.wiring import wire

MONTHS = 2
"""Of the story: few, so that many members are made within minutes."""
SEED = 1
SAY_EVERY_DAYS = 10

VACUUM = "VACUUM (ANALYZE)"


@contextmanager
def lived(members: int, keep: Path | None = None) -> Iterator[str]:
    """How to connect to the database of such a site, in a folder that is kept if named."""
    with databases(keep) as own:
        name = f"lived_{members}_{MONTHS}_{_shapes()}"
        dsn = own.made(name, partial(fill, members=members))
        upgrade(dsn)
        yield dsn


def fill(dsn: str, members: int) -> None:
    """Let so many people live through the story, and every view read of it."""
    upgrade(dsn)
    settings, began = settings_of(dsn), time.monotonic()
    with wire(settings, dsn) as parts:
        make_owner(parts)
    fill_demo(settings, dsn, members=members, months=MONTHS, seed=SEED, progress=_say)
    say(f"{members:,} members lived {MONTHS} months in {time.monotonic() - began:.0f} s")
    with wire(settings, dsn) as parts:
        follower(parts, dsn).catch_up()
    say(f"  and are in every view after {time.monotonic() - began:.0f} s")
    with connect(dsn) as connection:
        connection.execute(VACUUM)


def _shapes() -> str:
    """Names how the views are: rows of others would have to be folded anew first."""
    views = all_views(SITE)
    said = "".join(f"{view.name} {view.version} {Table(view).shape}" for view in views)
    return sha256(said.encode()).hexdigest()[:8]


def _say(day: int) -> None:
    if day % SAY_EVERY_DAYS == 0:
        say(f"  day {day} of {MONTHS * DAYS_A_MONTH}")
