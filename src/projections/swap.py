"""New tables take the place of those that serve, in a moment; and back, if it must be."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, errors, sql
from pydantic_core import to_json

from ledger.errors import Refused
from projections.parking import parked
from projections.positions import INCOMPLETE, Standing, hold, put_all
from projections.rebuild_rows import Rebuild, set_fields, set_state
from projections.tables import SCHEMA, Table

OLD = "views_old"
"""Where tables stand that were replaced, for as long as nothing replaces them there."""

GONE = "views_gone"
"""Where those stand that were replaced there, until they are dropped after the swap: readers would
wait while their files are."""

LOCK_MILLISECONDS = 50
NAP_SECONDS = 0.02
MOST_TRIES = 1_500

BE_SHORT = "SELECT set_config('lock_timeout', %(time)s, true)"
MAKE_OLD = "CREATE SCHEMA IF NOT EXISTS views_old; CREATE SCHEMA IF NOT EXISTS views_gone"
DROP_GONE = "DROP SCHEMA IF EXISTS views_gone CASCADE"
DROP_SCHEMA = "DROP SCHEMA IF EXISTS {schema} CASCADE"
RESTORE = """
UPDATE views.positions
   SET version = %(version)s, shape = %(shape)s, parameters = %(parameters)s,
       position = %(position)s, updated_at = %(now)s
 WHERE name = %(name)s
"""
MOVE = "ALTER TABLE {table} SET SCHEMA {schema}"
UNDAMAGED = "DELETE FROM views.damages WHERE name = ANY (%(names)s)"


LastFacts = Callable[[Connection[Any], Rebuild, dict[str, Standing]], Rebuild]


class SwapBlocked(Refused):
    """Something holds {names} open, and let nothing in for {tries} tries."""

    code = "swap_blocked"


class NothingToRollBack(Refused):
    """{view} has no replaced table to go back to."""

    code = "nothing_to_roll_back"


def swap(
    connection: Connection[Any],
    rebuild: Rebuild,
    tables: Sequence[Table],
    *,
    last_facts: LastFacts,
    now: Callable[[], datetime],
) -> Rebuild:
    """Put a rebuild's tables in place. `last_facts` folds what is left.

    Readers wait while tables are moved, which is the time that is written down; writers of facts
    never do. It gives up its turn rather than make readers queue behind it, and comes again.
    Raises SwapBlocked, and whatever `last_facts` does.
    """
    for _ in range(MOST_TRIES):
        try:
            with connection.transaction():
                connection.execute(BE_SHORT, {"time": f"{LOCK_MILLISECONDS}ms"})
                _set_old_aside(connection, tables)
                # Those who follow the views stand still from here on; readers go on.
                held = hold(connection, rebuild.names)
                ready = last_facts(connection, rebuild, held)
                swapped = _written_down(connection, ready, tables, held, now())
                begun = time.monotonic()
                _move(connection, tables, held)
                # Whoever dies after the commit leaves a time but for that.
                set_fields(connection, swapped, blocked_ms=_milliseconds_since(begun))
        except errors.LockNotAvailable:
            time.sleep(NAP_SECONDS)
            continue
        return set_fields(connection, swapped, blocked_ms=_milliseconds_since(begun))
    raise SwapBlocked(names=", ".join(rebuild.names), tries=MOST_TRIES)


def _written_down(
    connection: Connection[Any],
    rebuild: Rebuild,
    tables: Sequence[Table],
    held: Mapping[str, Standing],
    now: datetime,
) -> Rebuild:
    put_all(connection, tables, position=rebuild.position, now=now)
    replaced = to_json([held[name] for name in rebuild.names if name in held]).decode()
    set_fields(connection, rebuild, replaced=replaced)
    connection.execute(UNDAMAGED, {"names": rebuild.names})
    return set_state(connection, rebuild, "live", now=now)


def _move(connection: Connection[Any], tables: Sequence[Table], held: Collection[str]) -> None:
    """The only step for which readers wait: sent in one message."""
    steps = [
        sql.SQL(MOVE).format(
            table=sql.Identifier(SCHEMA, table.view.name), schema=sql.Identifier(OLD)
        )
        for table in tables
        if table.view.name in held
    ] + [
        sql.SQL(MOVE).format(
            table=sql.Identifier(table.schema, table.view.name), schema=sql.Identifier(SCHEMA)
        )
        for table in tables
    ]
    connection.execute(sql.SQL("; ").join(steps))


def roll_back(
    connection: Connection[Any],
    rebuild: Rebuild,
    tables: Sequence[Table],
    *,
    skipped: Collection[int],
    now: datetime,
) -> Rebuild:
    """Put the tables back that a rebuild replaced; they go on from where they stood.

    Those that lack a fact which was set aside then and taken in since, serve until they are folded
    anew. Raises NothingToRollBack or SwapBlocked.
    """
    before = {standing.name: standing for standing in rebuild.before}
    for table in tables:
        if table.view.name not in before or not Table(table.view, OLD).exists(connection):
            raise NothingToRollBack(view=table.view.name)
    for _ in range(MOST_TRIES):
        try:
            with connection.transaction():
                connection.execute(BE_SHORT, {"time": f"{LOCK_MILLISECONDS}ms"})
                hold(connection, rebuild.names)
                waiting = {one.position for one in parked(connection)}
                taken_in = set(rebuild.aside).difference(waiting, skipped)
                for table in tables:
                    Table(table.view).drop(connection)
                    Table(table.view, OLD).move(connection, SCHEMA)
                    standing = _less(before[table.view.name], taken_in)
                    connection.execute(RESTORE, {**standing._asdict(), "now": now})
                return set_state(connection, rebuild, "rolled_back", now=now)
        except errors.LockNotAvailable:
            time.sleep(NAP_SECONDS)
    raise SwapBlocked(names=", ".join(rebuild.names), tries=MOST_TRIES)


def _less(standing: Standing, taken_in: Collection[int]) -> Standing:
    """How a table stands that never got some facts."""
    lacks_some = any(position <= standing.position for position in taken_in)
    return standing._replace(shape=INCOMPLETE) if lacks_some else standing


def drop_shadow(connection: Connection[Any], rebuild: Rebuild) -> None:
    """Take away what is left of a rebuild beside the tables that serve, and where it stood."""
    connection.execute(DROP_GONE)
    connection.execute(sql.SQL(DROP_SCHEMA).format(schema=sql.Identifier(rebuild.schema)))


def _set_old_aside(connection: Connection[Any], tables: Sequence[Table]) -> None:
    # With the swap or not at all, for until then they are what can be gone back to.
    connection.execute(MAKE_OLD)
    for table in tables:
        Table(table.view, GONE).drop(connection)
        old = Table(table.view, OLD)
        if old.exists(connection):
            old.move(connection, GONE)


def _milliseconds_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
