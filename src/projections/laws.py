"""Conservation laws: what a view holds and what the books hold must add up to the same.

A law counts straight over the stored facts, in SQL, without the fold: a fold that drops a fact or
counts money twice agrees with itself, and not with this.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

# What is personal is sealed within the document: laws see plain fields alone. Without OFFSET the
# server would read the document again for each field that a law names.
BOOKS: LiteralString = """
WITH counted AS (
    SELECT position, topic, subject_id, stream_id, convert_from(state, 'UTF8')::jsonb AS fact
      FROM ledger.facts
     WHERE position <= %(position)s AND topic = ANY (%(topics)s)
       AND position <> ALL (%(aside)s::bigint[])
    OFFSET 0)
SELECT label, sum(amount) FROM ({law}) AS counted_by (label, amount) GROUP BY label
"""
ROWS: LiteralString = """
SELECT label, sum(amount) FROM ({law}) AS counted_by (label, amount) GROUP BY label
"""


class Law(NamedTuple):
    """Two queries that must give the same (label, amount) sums; a label whose sum is 0 is none.

    `books` selects from `counted` (position, topic, subject_id, stream_id, fact as jsonb), and
    `rows` from `{table}`; both may name %(parameters)s, the view's. Amounts are whole.
    """

    name: str
    topics: tuple[str, ...]
    books: LiteralString
    rows: LiteralString


class Breach(NamedTuple):
    """A sum that differs."""

    law: str
    label: str
    books: int
    rows: int


def one_row_a_fact(topic: LiteralString) -> Law:
    """Each fact of a kind has made one row, and nothing else has."""
    return Law(
        f"one row for each {topic}",
        (topic,),
        "SELECT 'rows', 1 FROM counted",
        "SELECT 'rows', 1 FROM {table}",
    )


def breaches(
    connection: Connection[Any],
    laws: Collection[Law],
    table: sql.Composable,
    *,
    position: int,
    aside: Collection[int],
    parameters: Collection[str],
) -> list[Breach]:
    """Where a table and the facts up to its position don't add up to the same."""
    found: list[Breach] = []
    for law in laws:
        asked = {
            "position": position,
            "topics": list(law.topics),
            "aside": list(aside),
            "parameters": list(parameters),
        }
        books = _sums(connection, sql.SQL(BOOKS).format(law=sql.SQL(law.books)), asked)
        rows = sql.SQL(law.rows).format(table=table)
        held = _sums(connection, sql.SQL(ROWS).format(law=rows), asked)
        found += [
            Breach(law.name, label, books.get(label, 0), held.get(label, 0))
            for label in sorted(books.keys() | held.keys())
            if books.get(label, 0) != held.get(label, 0)
        ]
    return found


def _sums(
    connection: Connection[Any], query: sql.Composable, parameters: dict[str, Any]
) -> dict[str, int]:
    cursor = connection.cursor(row_factory=tuple_row)
    rows: list[tuple[str, Decimal]] = cursor.execute(
        query.as_bytes(connection), parameters
    ).fetchall()
    return {label: int(amount) for label, amount in rows}


# --- money --------------------------------------------------------------------------------

SETTLED_TOPICS = (
    "order.paid",
    "order.payment_reversed",
    "order.refunded",
    "order.refund_failed",
    "order.dispute_closed",
)
SETTLED: LiteralString = """
SELECT concat_ws(' ', fact -> 'amount' ->> 'currency', fact ->> 'mode',
                 CASE WHEN topic IN ('order.paid', 'order.payment_reversed') THEN 'gross'
                      WHEN topic = 'order.dispute_closed' THEN 'disputed' ELSE 'refunded' END),
       (fact -> 'amount' ->> 'minor')::bigint
           * CASE WHEN topic IN ('order.refund_failed', 'order.payment_reversed')
                    OR fact ->> 'outcome' = 'won' THEN -1 ELSE 1 END
  FROM counted
 WHERE (topic <> 'order.refund_failed' OR (fact ->> 'was_settled')::boolean)
   AND (topic <> 'order.dispute_closed' OR fact ->> 'outcome' = 'lost'
        OR (fact ->> 'was_lost')::boolean)
"""
"""Money in and back, each when it settled (OR8)."""

MONEY_OF_SPENDING = Law(
    "money settled, by currency and mode",
    SETTLED_TOPICS,
    SETTLED,
    """
SELECT concat_ws(' ', currency, mode, summed), sum
  FROM {table}, LATERAL (VALUES ('gross', gross), ('refunded', refunded), ('disputed', disputed))
                AS sums (summed, sum)
""",
)
NET_OF_SPENDING = Law(
    "net is gross less refunded and disputed",
    (),
    "SELECT 'difference', 0 WHERE false",
    "SELECT 'difference', abs(net - gross + refunded + disputed) FROM {table}",
)
PAYMENTS_OF_SPENDING = Law(
    "payments that stand, by currency and mode",
    ("order.paid", "order.payment_reversed"),
    """
SELECT concat_ws(' ', fact -> 'amount' ->> 'currency', fact ->> 'mode'),
       CASE topic WHEN 'order.paid' THEN 1 ELSE -1 END FROM counted
""",
    "SELECT concat_ws(' ', currency, mode), payments FROM {table}",
)
MONEY_OF_MEMBERS = Law(
    "money settled, in the site's currency and mode",
    SETTLED_TOPICS,
    SETTLED
    + """
   AND fact -> 'amount' ->> 'currency' = (%(parameters)s::text[])[1]
   AND fact ->> 'mode' = (%(parameters)s::text[])[2]
""",
    """
SELECT concat_ws(' ', (%(parameters)s::text[])[1], (%(parameters)s::text[])[2], summed), sum
  FROM {table}, LATERAL (VALUES ('gross', gross), ('refunded', refunded), ('disputed', disputed),
                                ('spent otherwise', abs(spent - gross + refunded + disputed)))
                AS sums (summed, sum)
""",
)
MONEY_OF_MOVEMENTS = Law(
    "money settled and fees, by currency and mode",
    (*SETTLED_TOPICS, "order.fee_recorded"),
    SETTLED
    + """ AND topic <> 'order.fee_recorded'
UNION ALL
SELECT concat_ws(' ', fact -> 'amount' ->> 'currency', fact ->> 'mode', 'fee'),
       (fact -> 'amount' ->> 'minor')::bigint
  FROM counted WHERE topic = 'order.fee_recorded'
""",
    """
SELECT concat_ws(' ', currency, mode, CASE kind WHEN 'payment' THEN 'gross'
                 WHEN 'payment_reversed' THEN 'gross' WHEN 'dispute_lost' THEN 'disputed'
                 WHEN 'fee' THEN 'fee' ELSE 'refunded' END),
       CASE WHEN kind IN ('payment', 'payment_reversed') THEN minor ELSE -minor END
  FROM {table}
""",
)
MONEY_OF_ORDERS = Law(
    "money settled, by currency and mode",
    SETTLED_TOPICS,
    SETTLED,
    """
SELECT concat_ws(' ', currency, mode, summed), sum
  FROM {table}, LATERAL (VALUES ('gross', paid), ('refunded', refunded), ('disputed', lost))
                AS sums (summed, sum)
""",
)
FEES_OF_ORDERS = Law(
    "fees in the order's own currency, by currency and mode",
    ("order.fee_recorded", "order.placed"),
    """
SELECT concat_ws(' ', fee.fact -> 'amount' ->> 'currency', fee.fact ->> 'mode'),
       (fee.fact -> 'amount' ->> 'minor')::bigint
  FROM counted AS fee JOIN counted AS placed USING (stream_id)
 WHERE fee.topic = 'order.fee_recorded' AND placed.topic = 'order.placed'
   AND fee.fact -> 'amount' ->> 'currency' = placed.fact -> 'amount' ->> 'currency'
""",
    "SELECT concat_ws(' ', currency, mode), fees FROM {table}",
)
USES_OF_DISCOUNTS = Law(
    "uses less those given back",
    ("discount.redeemed", "discount.released"),
    "SELECT stream_id::text, CASE topic WHEN 'discount.redeemed' THEN 1 ELSE -1 END FROM counted",
    "SELECT code_id::text, uses FROM {table}",
)
ROWS_OF_TAGGINGS = Law(
    "tags put on less those taken off",
    ("member.tagged", "member.untagged"),
    "SELECT fact ->> 'tag', CASE topic WHEN 'member.tagged' THEN 1 ELSE -1 END FROM counted",
    "SELECT tag, 1 FROM {table}",
)
ROWS_OF_SEGMENTS = Law(
    "one row for each segment that was saved last and not removed",
    ("site.segment_saved",),
    """
SELECT subject_id::text, 1
  FROM (SELECT DISTINCT ON (subject_id) subject_id, fact
          FROM counted ORDER BY subject_id, position DESC) AS last
 WHERE fact ->> 'filter' IS NOT NULL
""",
    "SELECT segment_id::text, 1 FROM {table}",
)
