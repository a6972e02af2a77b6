"""A database whose views hold a site of some size, though its books are empty: for questions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from ledger.clock import VirtualClock
from ledger.store.pool import connect
from ledger.store.upgrade import upgrade
from projections.catalogue import all_views
from projections.columns import teach
from projections.engine import prepare
from projections.tables import Table
from projections.taggings import TaggingRow
from scripts.benches import population
from scripts.benches.big_books import say
from scripts.benches.kept import databases
from scripts.benches.population import NOW, SITE, Person, people

AT_ONCE = 10_000
VACUUM = "VACUUM (ANALYZE) views.{}"
BE_QUICK = "SET synchronous_commit = off"
FILLED = ("members", "memberships", "orders", "taggings")


@contextmanager
def populated(members: int, keep: Path | None = None) -> Iterator[str]:
    """How to connect to a database with so many members, in a folder that is kept if named."""
    tables = {view.name: Table(view) for view in all_views(SITE)}
    with databases(keep) as own:
        yield own.made(f"members_{members}_{_made_by(tables)}", partial(fill, members=members))


def fill(dsn: str, members: int) -> None:
    """Let the views of an empty database hold so many members, as if it had been folded."""
    upgrade(dsn)
    views = all_views(SITE)
    prepare(dsn, views, VirtualClock(NOW))
    tables = {view.name: Table(view) for view in views if view.name in FILLED}
    with connect(dsn) as connection:
        teach(connection)
        connection.execute(BE_QUICK)
        for table in tables.values():
            table.create(connection, indexed=False)
        _write(connection, tables, members)
        for name, table in tables.items():
            began = time.monotonic()
            table.add_indexes(connection)
            say(f"indexed {name} in {time.monotonic() - began:.0f} s")
            connection.execute(sql.SQL(VACUUM).format(sql.Identifier(name)))


def _write(connection: Connection[Any], tables: dict[str, Table], members: int) -> None:
    waiting, began, written = people(members), time.monotonic(), 0
    while some := list(islice(waiting, AT_ONCE)):
        with connection.transaction():
            for name, rows in _rows(some).items():
                size = len(tables[name].view.key)
                tables[name].write(connection, {}, {row[:size]: row for row in rows})
        written += len(some)
        if written * 10 // members > (written - len(some)) * 10 // members:
            say(f"  {written:,} of {members:,} members in {time.monotonic() - began:.0f} s")


def _rows(some: list[Person]) -> dict[str, list[Any]]:
    members = [person.member for person in some]
    return {
        "members": members,
        "memberships": [row for person in some for row in person.memberships],
        "orders": [row for person in some for row in person.orders],
        "taggings": [TaggingRow(row.member_id, tag) for row in members for tag in row.tags],
    }


def _made_by(tables: dict[str, Table]) -> str:
    """Names what makes the rows: other rows are not taken for these."""
    made = Path(population.__file__).read_text() + "".join(tables[name].shape for name in FILLED)
    return sha256(made.encode()).hexdigest()[:8]
