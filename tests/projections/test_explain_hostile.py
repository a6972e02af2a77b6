"""Whatever a hand leaves in a row, an explanation says that it differs, and never breaks (NU4).

Every column of the rows that a figure is made of is given values that no fact makes: arrays that
are cut short, empty, too long, hold nothing or other arrays or begin elsewhere; instants beyond the
calendar; numbers at the end of what a column holds; documents of any other shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import sql
from psycopg.errors import NotNullViolation, NumericValueOutOfRange

from projections.explain.access import AccessExplained
from projections.explain.answers import Sum
from projections.explain.days import DaysExplained
from projections.explain.figures import SpendingSum
from projections.explain.moved import MovementExplained
from projections.explain.people import TurnoverExplained
from projections.explain.recurring import RecurringExplained
from projections.explain.recurring_sums import RecurringByPlan
from projections.explain.segments import Entry
from tests.projections.asks import FIGURES, LOOKED_AT, Seen, busiest
from tests.projections.explaining import WHOLE, Past, Pasts
from tests.projections.hands import VIEWS, Edit, edits, keep, view_key
from web.api.explain_shapes import Explained
from web.cli.explain_text import Teller, written

SCALARS: dict[LiteralString, tuple[LiteralString, ...]] = {
    "uuid": ("'00000000-0000-0000-0000-000000000000'",),
    "text": ("''", "'ZZZ'"),
    "bigint": ("0", "-1", "9223372036854775807", "-9223372036854775808"),
    "boolean": ("NOT {column}",),
    "timestamptz": ("'infinity'", "'4000-01-01 BC'", "'9999-12-31 23:59:59.999999Z'"),
}
ARRAYS: tuple[LiteralString, ...] = (
    "'{{}}'",
    "{column}[2:]",
    "{column} || {column}",
    "ARRAY[NULL::ELEMENT] || {column}[2:]",
    "ARRAY[{column}, {column}]",
    "('[5:5]=' || nullif({column}[1:1]::text, '{{}}'))::ELEMENT[]",
)
DOCUMENTS: tuple[LiteralString, ...] = (
    "'null'",
    "'{{}}'",
    "'[]'",
    "'[{{}}]'",
    "'[null]'",
    "{column} || {column}",
    "jsonb_set({column}, '{{0,more}}', '1')",
    "jsonb_set({column}, '{{0,currency}}', '\"ZZZ\"')",
    "jsonb_set({column}, '{{0,stretches}}', '[]')",
    "jsonb_set({column}, '{{0,stretches,0,0}}', '\"2020-01-01T00:00:00\"')",
    "jsonb_set({column}, '{{0,stretches,0,1}}', '99999999999999999999')",
    "jsonb_set({column}, '{{0,stretches,0,3}}', '0')",
    "jsonb_set({column}, '{{0,stretches,0,4}}', '\"unheard of\"')",
)


def _arrays(scalar: LiteralString) -> tuple[LiteralString, ...]:
    """What may stand in the place of an array, some of it as its first element."""
    whole = tuple(one.replace("ELEMENT", scalar) for one in ARRAYS)
    elements = () if scalar == "boolean" else SCALARS[scalar][:2]
    return (*whole, *("ARRAY[" + one + "]::" + scalar + "[] || {column}[2:]" for one in elements))


HOSTILE: dict[str, tuple[LiteralString, ...]] = {
    **SCALARS,
    **{scalar + "[]": _arrays(scalar) for scalar in SCALARS},
    "jsonb": DOCUMENTS,
}
NEVER_BY_HAND = (NumericValueOutOfRange, NotNullViolation)
"""What the database itself refuses."""


@pytest.fixture
def site(pasts: Pasts) -> Iterator[Past]:
    with pasts.of(5, 250) as found:
        yield found


@cache
def teller() -> Teller:
    """What a terminal says."""
    return Teller("en", WHOLE.limit)


def told(found: Any, member: UUID) -> str:
    """The explanation in words; of how many came or left there are none at a terminal."""
    ways: dict[type, Callable[[], Explained]] = {
        Entry: lambda: teller().entry(found, "members", member),
        AccessExplained: lambda: teller().access(found, member, member, WHOLE),
        RecurringExplained: lambda: teller().recurring(found),
        RecurringByPlan: lambda: teller().recurring(found),
        MovementExplained: lambda: teller().moved(found, "EUR", "new"),
        DaysExplained: lambda: teller().spending(found),
        SpendingSum: lambda: teller().spending(found),
        Sum: lambda: teller().total(found),
    }
    if isinstance(found, TurnoverExplained):
        return "" if found.agrees else "Differs"
    return written(ways[type(found)]())


def seen(site: Past, edit: Edit, name: str, own: UUID) -> Seen | None:
    """What a figure says after an edit, if it could be made."""
    try:
        with edit.made(site, own) as is_other:
            return FIGURES[name][0](site, own) if is_other else None
    except NEVER_BY_HAND:
        return None


@pytest.mark.parametrize("name", FIGURES)
def test_no_value_that_a_hand_leaves_breaks_an_explanation(  # part of NU4
    site: Past, name: str
) -> None:
    ask, views = FIGURES[name]
    own, made = busiest(site, name), 0
    before = ask(site, own)
    assert before.agrees
    for view in views:
        keep(site, view)
        for edit in edits(view, values=HOSTILE):
            if name in LOOKED_AT and edit.column.name not in (*LOOKED_AT[name], *view_key(view)):
                continue
            after = seen(site, edit, name, own)
            if after is None:
                continue
            made += 1
            assert after.says == before.says or not after.agrees, edit
            words = "".join(told(one, own) for one in after.found)
            assert ("Differs" in words) is not after.agrees, edit
    assert made


@pytest.mark.parametrize("view", VIEWS)
def test_a_row_s_explanation_names_the_column_whatever_a_hand_has_left_there(
    site: Past, view: str
) -> None:
    keep(site, view)
    key = VIEWS[view].key
    columns = sql.SQL(", ").join(map(sql.Identifier, key))
    named = sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(columns, sql.Identifier(view))
    own = site.one(named.as_string())
    for edit in edits(view, values=HOSTILE):
        if edit.column.name in key:
            continue
        try:
            with edit.made(site, own[0]) as is_other:
                found = site.rows(view, *own)
        except NEVER_BY_HAND:
            continue
        differing = {cell.name for cell in found.rows[0].cells if not cell.agrees}
        assert differing == ({edit.column.name} if is_other else set()), edit
        assert ("differs: the facts make" in written(teller().rows(found))) is is_other


# --- the two that were found first --------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [("currencies", "currencies[2:]"), ("denominators", "array_fill(0::bigint, ARRAY[1])")],
)
def test_what_was_stored_and_what_the_facts_make_is_named(
    site: Past, column: str, value: str
) -> None:
    member = busiest(site, "MRR")
    before = FIGURES["MRR"][0](site, member).found[1]
    statement = f"UPDATE timelines SET {column} = {value} WHERE member_id = %(m)s"  # noqa: S608
    assert site.spoil(statement, m=member) == 1
    for name in ("MRR", "MRR that is new"):
        found = FIGURES[name][0](site, member).found
        assert not any(one.agrees for one in found[-1:])
        [apart] = found[-1].apart
        assert (apart.member_id, [one.name for one in apart.columns]) == (member, [column])
        assert apart.columns[0].stored != apart.columns[0].refolded
        assert str(apart.columns[0].refolded[0]) in told(found[-1], member)
    assert before.agrees
