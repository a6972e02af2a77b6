"""The library's stock ProjectionRunner over a slice of a big log.

The facts stand in the library's own table, written by its mapper and its JSON transcoder.
"""

from __future__ import annotations

import time
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.projection import ProjectionRunner
from psycopg.conninfo import conninfo_to_dict

from ledger.facts import Fact
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import ADDRESS, FactMapper
from ledger.store.pool import connect, open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from scripts.benches.big_books import MASTER_KEY
from scripts.benches.copies import Copied
from scripts.benches.stock_lists import (
    OUR_MEMBERS,
    OUR_SPENDING,
    SCHEMA,
    STOCK_MEMBERS,
    STOCK_SPENDING,
    ListProjection,
    Lists,
    StockFact,
    stock_class,
)

MOST_SECONDS = 1_200
AT_ONCE = 500

MAKE_SCHEMA = "CREATE SCHEMA stock"
LAST = """
SELECT max(notification_id) FROM stock.stock_events WHERE topic = ANY (%(topics)s)
"""


class StockTotalsDiffer(RuntimeError):
    """The library's tables and ours do not say the same; one of the two is wrong."""


class Stock(Application[UUID]):
    """An application of the library whose table holds our facts."""

    name = "stock"


def followed_by_stock(dsn: str) -> Copied:
    """Every fact of the slice through the library's runner; how many, and the seconds it took."""
    environment = _environment(dsn)
    with connect(dsn) as connection:
        connection.execute(MAKE_SCHEMA)
    filled = _fill(dsn, environment)
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Stock,
        projection_class=ListProjection,
        view_class=Lists,
        env=environment,
    ) as runner:
        last = _last_handled(dsn)
        runner.wait(last, timeout=MOST_SECONDS)
        return Copied(filled, time.perf_counter() - began)


def require_same(dsn: str) -> int:
    """How many rows the library's tables and ours have alike. Raises StockTotalsDiffer."""
    rows = 0
    with connect(dsn) as connection:
        for theirs, ours in ((STOCK_MEMBERS, OUR_MEMBERS), (STOCK_SPENDING, OUR_SPENDING)):
            stock = connection.execute(theirs.encode()).fetchall()
            if stock != connection.execute(ours.encode()).fetchall():
                raise StockTotalsDiffer(StockTotalsDiffer.__doc__)
            rows += len(stock)
    return rows


def _fill(dsn: str, environment: dict[str, str]) -> int:
    """Put every fact of the books into the library's table, in the same places."""
    stock, position = Stock(environment), 0
    with open_pool(dsn, max_size=2) as pool:
        recorder, mapper = FactRecorder(pool), FactMapper(Vault(MASTER_KEY, KeyTable(pool)))
        while records := recorder.read(position, AT_ONCE):
            position = records[-1].position
            facts = mapper.open_records(records)
            stored = [stock.mapper.to_stored_event(_event(fact)) for fact in facts]
            stock.recorder.insert_events(stored)
    stock.close()
    return position


def _event(fact: Fact) -> StockFact:
    return stock_class(type(fact))(
        originator_id=fact.originator_id,
        originator_version=fact.originator_version,
        timestamp=fact.timestamp,
        member_id=fact.member_id,
        said=fact.model_dump(mode="json", exclude=ADDRESS),
    )


def _last_handled(dsn: str) -> int:
    with connect(dsn) as connection:
        [(last,)] = connection.execute(LAST, {"topics": list(ListProjection.topics)}).fetchall()
        return int(last)


def _environment(dsn: str) -> dict[str, str]:
    parts = {name: str(value or "") for name, value in conninfo_to_dict(dsn).items()}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts["dbname"],
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts.get("port", "5432"),
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts.get("password", "none"),
        "POSTGRES_SCHEMA": SCHEMA,
    }
