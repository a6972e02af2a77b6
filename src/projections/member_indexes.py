"""The indexes of the member list: one a sort, and some by which it is filtered."""

from __future__ import annotations

from projections.instants import NEVER
from projections.view import Index

CARRIED = (
    "name_key",
    "email_key",
    "joined_at",
    "last_order_at",
    "spent",
    "member_until",
    "trait_bits",
)
"""What every sorted index carries beside its key, so that a list is narrowed within it."""

MORE_PLANS, MORE_TAGS = "cardinality(plan_ids) > 2", "cardinality(tags) > 2"
NEVER_JOINED = "member_until IS NULL"
JOINED_WITHOUT_ORDER = f"last_order_at = '{NEVER.isoformat()}' AND member_until IS NOT NULL"
SEARCHED = "(' ' || name_key || ' ' || email_key)"
"""Where words are looked for: each begins after a space."""
WITHOUT_DELAY = "WITH (gin_pending_list_limit = 256)"
"""What waits to be sorted into an index is looked through by every query: at most 256 kB."""

IN_TROUBLE = ("action_required", "past_due", "cancelling")
"""Who is found before others: few at a time."""

HELD = (
    *CARRIED,
    "order_count",
    "refunded",
    "locale",
    "plan_key",
    "closed_at",
    *(f"{name}_until" for name in IN_TROUBLE),
)
"""What tells where a member stands in every sort, and most of what is asked: an index that holds it
is looked through ten times as fast as the rows."""


def _holding(name: str, *lead: str, within: str | None = None, also: tuple[str, ...] = ()) -> Index:
    beside = ", ".join(one for one in ("member_id", *HELD, *also) if one not in lead)
    where = f" WHERE {within}" if within else ""
    return Index(name, f"({', '.join(lead)}) INCLUDE ({beside}){where}")


def _led(name: str, column: str) -> Index:
    return _holding(name, column, "member_until", within=f"{column} IS NOT NULL")


def _sorted(name: str, column: str, within: str | None = None) -> Index:
    beside = ", ".join(one for one in CARRIED if one != column)
    where = f" WHERE {within}" if within else ""
    return Index(name, f"({column}, member_id) INCLUDE ({beside}){where}")


INDEXES: tuple[Index, ...] = (
    _sorted("name", "name_key"),
    _sorted("email", "email_key"),
    _holding("joined", "joined_at", "member_id"),
    _sorted("plan", "plan_key"),
    _holding("spent", "spent", "member_id"),
    _holding("last_order", "last_order_at", "member_id"),
    _sorted("orders", "order_count"),
    _sorted("refunded", "refunded"),
    _sorted("language", "locale"),
    # Who never joined has hardly ever bought anything, and who joined has an order: by what
    # they spent or ordered, either would lie in the way of the other.
    _sorted("spent_unjoined", "spent", NEVER_JOINED),
    _sorted("last_order_unjoined", "last_order_at", NEVER_JOINED),
    _sorted("orders_unjoined", "order_count", NEVER_JOINED),
    _sorted("last_order_none", "last_order_at", JOINED_WITHOUT_ORDER),
    Index("traits", f"USING gin (traits) {WITHOUT_DELAY}"),
    Index("until", "(member_until)"),
    *(
        _holding(name, f"{name}_until", "member_id", within=f"{name}_until IS NOT NULL")
        for name in IN_TROUBLE
    ),
    _holding("closed", "closed_at", "member_id", within="closed_at IS NOT NULL"),
    # Who has a plan or a tag has it as the first or the second, or has more than two.
    _led("first_plan", "first_plan"),
    _led("second_plan", "second_plan"),
    _holding(
        "more_plans",
        "member_until",
        within=MORE_PLANS,
        also=("first_plan", "second_plan"),
    ),
    _led("first_tag", "first_tag"),
    _led("second_tag", "second_tag"),
    _holding("more_tags", "member_until", within=MORE_TAGS, also=("first_tag", "second_tag")),
    _led("country", "method_country"),
    Index("same_name", "(same_name, same_email) WHERE same_name IS NOT NULL"),
    Index("same_method", "(same_method, same_email) WHERE same_method IS NOT NULL"),
    Index("search", f"USING gin ({SEARCHED} gin_trgm_ops) {WITHOUT_DELAY}", extension="pg_trgm"),
)
"""All of them, in the order in which they are made."""
