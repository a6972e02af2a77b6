"""Spending and a member list as the library's documentation would keep them.

One transaction a fact with its tracking record, an update or two in it. The list's row is shorter
than ours; what it has is the same to the last minor unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, LiteralString
from uuid import UUID

from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection
from psycopg.sql import SQL

from ledger.facts import Fact
from ledger.member import facts
from ledger.order.facts import DisputeClosed, Paid, Refunded, RefundFailed
from projections.members import Members
from projections.part import topics
from projections.spending import Spending
from scripts.benches.big_site import SITE

SCHEMA = "stock"

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS stock.members (
        member_id uuid PRIMARY KEY, name text, email text, locale text, verified boolean,
        opened_at timestamptz, joined_at timestamptz, last_joined_at timestamptz,
        is_customer boolean, tags text[], gross bigint, refunded bigint, disputed bigint,
        spent bigint, position bigint)
    """,
    """
    CREATE TABLE IF NOT EXISTS stock.spending (
        member_id uuid, currency text, mode text, gross bigint, refunded bigint, disputed bigint,
        net bigint, payments bigint, position bigint, PRIMARY KEY (member_id, currency, mode))
    """,
)
OPEN = """
INSERT INTO stock.members VALUES (%(member)s, %(name)s, %(email)s, %(locale)s, false, %(at)s,
    NULL, NULL, false, '{}', 0, 0, 0, 0, %(position)s)
"""
TOUCH = "UPDATE stock.members SET position = %(position)s WHERE member_id = %(member)s"
VERIFY = """
UPDATE stock.members SET verified = true, position = %(position)s WHERE member_id = %(member)s
"""
RENAME = """
UPDATE stock.members SET name = %(name)s, position = %(position)s WHERE member_id = %(member)s
"""
JOIN = """
UPDATE stock.members SET joined_at = coalesce(joined_at, %(at)s), last_joined_at = %(at)s,
       is_customer = is_customer OR %(customer)s, position = %(position)s
 WHERE member_id = %(member)s
"""
TAG = """
UPDATE stock.members SET tags = array(SELECT DISTINCT unnest(tags || %(tag)s::text) ORDER BY 1),
       position = %(position)s
 WHERE member_id = %(member)s
"""
UNTAG = """
UPDATE stock.members SET tags = array_remove(tags, %(tag)s::text), position = %(position)s
 WHERE member_id = %(member)s
"""
SETTLE = """
UPDATE stock.members SET gross = gross + %(counted)s * %(gross)s,
       refunded = refunded + %(counted)s * %(refunded)s,
       disputed = disputed + %(counted)s * %(disputed)s,
       spent = spent + %(counted)s * %(net)s, position = %(position)s
 WHERE member_id = %(member)s
"""
SPEND = """
INSERT INTO stock.spending VALUES (%(member)s, %(currency)s, %(mode)s, %(gross)s, %(refunded)s,
    %(disputed)s, %(net)s, %(payments)s, %(position)s)
ON CONFLICT (member_id, currency, mode) DO UPDATE
   SET gross = spending.gross + excluded.gross, refunded = spending.refunded + excluded.refunded,
       disputed = spending.disputed + excluded.disputed, net = spending.net + excluded.net,
       payments = spending.payments + excluded.payments, position = excluded.position
"""
STOCK_MEMBERS = """
SELECT member_id, name, email, locale, verified, opened_at, joined_at, last_joined_at, is_customer,
       tags, gross, refunded, disputed, spent, position FROM stock.members ORDER BY member_id
"""
OUR_MEMBERS = """
SELECT member_id, name, email, locale, verified, opened_at,
       nullif(joined_at, '0001-01-01Z'), nullif(last_joined_at, '0001-01-01Z'), is_customer,
       tags, gross, refunded, disputed, spent, position FROM views.members ORDER BY member_id
"""
STOCK_SPENDING = "SELECT * FROM stock.spending ORDER BY member_id, currency, mode"
OUR_SPENDING = """
SELECT member_id, currency, mode, gross, refunded, disputed, net, payments, position
  FROM views.spending ORDER BY member_id, currency, mode
"""


@dataclass(frozen=True)
class StockFact(DomainEvent):
    """A fact as an event of the library: `said` is what it says, as JSON has it."""

    TOPIC: ClassVar[str] = SCHEMA
    member_id: UUID | None
    said: dict[str, Any]


@cache
def stock_class(fact_class: type[Fact]) -> type[StockFact]:
    """The library's event for one of our kinds of facts."""
    return type(fact_class.__name__, (StockFact,), {"TOPIC": stock_topic(fact_class.TOPIC)})


def stock_topic(topic: str) -> str:
    """Its stored name."""
    return f"{SCHEMA}.{topic}"


class Lists(PostgresTrackingRecorder):
    """The two tables, each changed together with the tracking record."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sql_create_statements.extend(SQL(statement).format() for statement in TABLES)

    def change(
        self, tracking: Tracking, values: dict[str, Any], statements: tuple[LiteralString, ...]
    ) -> None:
        """One transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            for statement in statements:
                cursor.execute(SQL(statement), values, prepare=True)


class ListProjection(Projection[Lists]):
    """Hands each fact that our own views read, too, to the tables."""

    name = "lists"
    topics = tuple(map(stock_topic, topics([Members(SITE), Spending()])))

    def process_event(self, domain_event: StockFact, tracking: Tracking) -> None:
        """One fact."""
        topic = domain_event.TOPIC.removeprefix(f"{SCHEMA}.")
        statements, values_of = HANDLERS.get(topic, (TOUCH_ONLY, nothing))
        values = {
            "member": domain_event.member_id,
            "position": tracking.notification_id,
            "at": domain_event.said["occurred_at"],
            **values_of(domain_event.said),
        }
        self.view.change(tracking, values, statements)


Said = dict[str, Any]


def nothing(_: Said) -> Said:
    """A fact that only moves the row's position."""
    return {}


def texts(said: Said) -> Said:
    """What a row says in words."""
    return {key: said.get(key) for key in ("name", "email", "locale", "tag")}


def joined(said: Said) -> Said:
    """Whether the plan takes money."""
    return {"customer": said["terms"]["model"] != "free"}


def settled(gross: int, refunded: int, disputed: int) -> Callable[[Said], Said]:
    """What one minor unit of a fact adds to each total."""

    def values(said: Said) -> Said:
        counts = said.get("was_settled", True) and said.get("outcome", "lost") == "lost"
        minor = said["amount"]["minor"] * counts
        return {
            "currency": said["amount"]["currency"],
            "mode": said["mode"],
            "gross": minor * gross,
            "refunded": minor * refunded,
            "disputed": minor * disputed,
            "net": minor * (gross - refunded - disputed),
            "payments": gross,
            "counted": int(
                (said["amount"]["currency"], said["mode"]) == (SITE.currency, SITE.mode)
            ),
        }

    return values


TOUCH_ONLY = (TOUCH,)
HANDLERS: dict[str, tuple[tuple[LiteralString, ...], Callable[[Said], Said]]] = {
    facts.AccountOpened.TOPIC: ((OPEN,), texts),
    facts.EmailVerified.TOPIC: ((VERIFY,), nothing),
    facts.Renamed.TOPIC: ((RENAME,), texts),
    facts.Joined.TOPIC: ((JOIN,), joined),
    facts.Tagged.TOPIC: ((TAG,), texts),
    facts.Untagged.TOPIC: ((UNTAG,), texts),
    Paid.TOPIC: ((SETTLE, SPEND), settled(1, 0, 0)),
    Refunded.TOPIC: ((SETTLE, SPEND), settled(0, 1, 0)),
    RefundFailed.TOPIC: ((SETTLE, SPEND), settled(0, -1, 0)),
    DisputeClosed.TOPIC: ((SETTLE, SPEND), settled(0, 0, 1)),
}
