"""Whatever a hand changes of what a figure is made of, is found (NU4).

Every column of the rows that a figure is made of is changed in turn, in more than one way. Where
that changes what the figure says, its explanation must not agree any more; and the check of the
views finds every change, also one that changes no figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, LiteralString, NamedTuple, get_args
from uuid import UUID, uuid5

import pytest
from psycopg import sql
from psycopg.errors import UniqueViolation

from projections.catalogue import all_views
from projections.columns import Column, RowCodec
from projections.courses import Kind
from projections.explain.answers import Definition
from projections.explain.moved import ExplainMoved, Month
from projections.explain.people import Cohort, Stretch
from projections.explain.recurring import Asked
from projections.explain.segments import OF_CONDITION, OF_SEGMENT
from projections.queries.members import MemberFilter
from projections.queries.money import MovementFilter
from projections.queries.reports.facts import Turnover
from projections.queries.segments import STATUSES, Segment
from projections.view import View
from tests.projections.books import EUROS
from tests.projections.explaining import WHOLE, Past, Pasts, answered, checked
from tests.projections.stories import START

VIEWS = {view.name: view for view in all_views(EUROS)}
EARLY: LiteralString = "'2001-01-01Z'::timestamptz"
LATE: LiteralString = "'4000-01-01Z'::timestamptz"
VALUES: dict[str, tuple[LiteralString, ...]] = {
    "uuid": ("md5(coalesce({column}::text, 'x'))::uuid",),
    "text": ("coalesce({column}, '') || '!'", "(SELECT max({column}) FROM {view})"),
    "bigint": ("coalesce({column}, 0) + 1", "coalesce({column}, 0) - 100000"),
    "boolean": ("NOT coalesce({column}, false)",),
    "timestamptz": (EARLY, LATE),
    "uuid[]": ("ARRAY[md5({column}::text)::uuid] || {column}[2:]",),
    "text[]": (
        "ARRAY[coalesce({column}[1], '') || '!'] || {column}[2:]",
        "ARRAY['vip'] || {column}[2:]",
    ),
    "bigint[]": ("ARRAY[coalesce({column}[1], 0) + 1] || {column}[2:]",),
    "timestamptz[]": (
        "ARRAY['2001-01-01Z'::timestamptz] || {column}[2:]",
        "ARRAY['4000-01-01Z'::timestamptz] || {column}[2:]",
    ),
    "jsonb": ("{column} - 0",),
}
"""What a hand may put in the place of a value: an array stays as long as it is."""

EDIT: LiteralString = """
UPDATE {view} SET {column} = {value}
 WHERE ({key}) = (SELECT {key} FROM {view} ORDER BY %(own)s IN ({ids}) DESC, {key}
                   OFFSET %(place)s LIMIT 1)
   AND {column} IS DISTINCT FROM {value}
"""
PUT_BACK: tuple[LiteralString, ...] = ("DELETE FROM {view}", "INSERT INTO {view} TABLE kept")


def columns_of(view: View[Any]) -> tuple[Column, ...]:
    """A view's columns, those of its key first."""
    return RowCodec(view.columns).columns


def ids_of(view: View[Any]) -> list[str]:
    """Columns of its key that say of whom, or of which thing, a row is."""
    columns = columns_of(view)[: len(view.key)]
    return [column.name for column in columns if column.type == "uuid"]


class Edit(NamedTuple):
    """Another value in a column of one of the first rows: first come those of whom is asked."""

    view: View[Any]
    column: Column
    value: LiteralString
    place: int

    @property
    def name(self) -> str:
        """Of the column."""
        return f"{self.view.name}.{self.column.name}"

    @contextmanager
    def made(self, site: Past, own: UUID) -> Iterator[bool]:
        """For as long as it is looked at; whether there was anything to change."""
        yield self.for_good(site, own)
        for back in PUT_BACK:
            named = {"view": sql.Identifier(self.view.name)}
            site.spoil(sql.SQL(back).format(**named).as_string())

    def for_good(self, site: Past, own: UUID) -> bool:
        """Once and for all."""
        column, view = sql.Identifier(self.column.name), sql.Identifier(self.view.name)
        statement = sql.SQL(EDIT).format(
            view=view,
            column=column,
            value=sql.SQL(self.value).format(view=view, column=column),
            key=sql.SQL(", ").join(map(sql.Identifier, self.view.key)),
            ids=sql.SQL(", ").join(map(sql.Identifier, ids_of(self.view))),
        )
        try:
            return site.spoil(statement.as_string(), own=own, place=self.place) == 1
        except UniqueViolation:
            return False  # another row is there: no hand can do that either


def edits(view: str, rows: int = 1) -> Iterator[Edit]:
    """Every column of some rows in every way."""
    for column in columns_of(VIEWS[view]):
        none: tuple[LiteralString, ...] = ("NULL",) if column.nullable else ()
        for value in (*VALUES[column.type], *none):
            for place in range(rows):
                yield Edit(VIEWS[view], column, value, place)


# --- figures ------------------------------------------------------------------------------


class Seen(NamedTuple):
    """What a figure says, and whether its explanation agrees."""

    says: object
    agrees: bool


Ask = Callable[[Past, UUID], Seen]


def total(site: Past, member: UUID) -> Seen:
    """What somebody spent."""
    found = site.money.total_of(member, WHOLE)
    return Seen({(one.view, one.name, one.unit): one.stated for one in found.figures}, found.agrees)


def order(site: Past, order_id: UUID) -> Seen:
    """An order's money."""
    found = site.money.order(order_id, WHOLE)
    assert found is not None
    return Seen([(one.name, one.unit, one.stated) for one in found.figures], found.agrees)


def spending(site: Past, member: UUID) -> Seen:
    """Money that moved: all of it, somebody's, a plan's, of some time, of a kind."""
    plan = UUID(site.oracle.stays_of(str(member))[0]["plan"])
    asked = (
        MovementFilter(),
        MovementFilter(member_id=member),
        MovementFilter(plan_id=plan),
        MovementFilter(since=site.instants[1], before=site.instants[3]),
        MovementFilter(kind="payment", mode="live", currency="EUR"),
    )
    found = [site.figures.spending(one, WHOLE) for one in asked]
    says = [[(one.name, one.unit, one.stated) for one in each.figures] for each in found]
    return Seen(says, all(one.agrees for one in found))


def entry(segment: Segment, site: Past, member: UUID) -> Seen:
    """Whether somebody is in a smart segment."""
    found = site.segments.smart(segment, member, site.instants[-2], WHOLE)
    return Seen(found.is_in, found.agrees)


def chosen(name: str, site: Past, member: UUID) -> Seen:
    """Whether a filter holds somebody."""
    value: dict[str, Any] = {
        "statuses": ("member", "cancelling"),
        "plan_id": UUID(site.oracle.stays_of(str(member))[-1]["plan"]),
        "tag": "vip",
        "joined_from": site.instants[0],
        "joined_before": site.instants[-1],
        "spent_from": 1,
        "spent_to": 50_000,
        "last_order_from": site.instants[0],
        "last_order_before": site.instants[-1],
        "method_country": "FR",
        "text": "a",
    }
    asked = MemberFilter(**{name: value[name]})
    found = site.segments.of_filter(
        asked, Definition("segment-saved", 1), member, now=site.instants[-2], turn=WHOLE
    )
    return Seen(found.is_in, found.agrees)


def recurring(site: Past, member: UUID) -> Seen:
    """MRR now and then, and that of a plan."""
    plan = UUID(site.oracle.stays_of(str(member))[-1]["plan"])
    asked = [(at, Asked(limit=1000)) for at in site.instants[2:5]]
    found = [site.recurring.at(*one) for one in (*asked, (site.instants[3], Asked("EUR", plan)))]
    says = [[(one.currency, one.stated) for one in each.figures] for each in found]
    return Seen(says, all(one.agrees for one in found))


def moved(kind: Kind, site: Past, member: UUID) -> Seen:
    """How MRR moved."""
    month = Month(START, site.instants[-2], site.instants[-2], "EUR")
    found = ExplainMoved(site.recurring).month(month, kind, limit=1000, after=None)
    return Seen((found.moved.get(kind), found.starting.stated, found.ending.stated), found.agrees)


def turnover(kind: Turnover, site: Past, member: UUID) -> Seen:
    """How many came, came back or left."""
    month = Stretch(START, site.instants[-2], site.instants[-2])
    found = site.people.turnover(month, kind, limit=1000, after=None)
    return Seen((found.moved[kind], found.starting.stated, found.ending.stated), found.agrees)


def lifetime(site: Past, member: UUID) -> Seen:
    """What those brought who joined in some months, and in a plan."""
    stretch = Stretch(START, site.instants[-2], site.instants[-2])
    plan = UUID(site.oracle.stays_of(str(member))[0]["plan"])
    asked = (Cohort(stretch), Cohort(stretch, plan, "EUR", "live"))
    found = [site.people.lifetime(one, WHOLE) for one in asked]
    says = [[(one.name, one.unit, one.stated) for one in each.figures] for each in found]
    return Seen(says, all(one.agrees for one in found))


def access(site: Past, member: UUID) -> Seen:
    """Whether a plan is open to somebody, as the view says."""
    at: datetime = site.instants[-2]
    plan = UUID(site.oracle.stays_of(str(member))[-1]["plan"])
    found = site.access.explain(member, plan, at, answered(site, member, plan, at))
    return Seen(found.stored, found.agrees)


FIGURES: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "total": (total, ("spending", "members")),
    "order": (order, ("orders",)),
    "spending": (spending, ("movements", "orders")),
    "MRR": (recurring, ("timelines",)),
    "MRR that is new": (partial(moved, "new"), ("timelines",)),
    "MRR that churned": (partial(moved, "churned"), ("timelines",)),
    "members who came": (partial(turnover, "new"), ("timelines",)),
    "members who left": (partial(turnover, "left"), ("timelines",)),
    "lifetime": (lifetime, ("timelines", "spending")),
    "access": (access, ("memberships",)),
    **{segment: (partial(entry, segment), ("members",)) for segment in get_args(Segment)},
    **{name: (partial(chosen, name), ("members",)) for name in OF_CONDITION},
}
"""What is explained, and the views that say it."""


LOOKED_AT = {str(name): columns for name, columns in (*OF_SEGMENT.items(), *OF_CONDITION.items())}
"""Columns of the member list, by segment and condition. No other has a say: see below."""


def busiest(site: Past, name: str) -> UUID:
    """Of whom, or of which order, is asked: who has most to edit."""
    if name == "order":
        [found] = site.one("SELECT order_id FROM movements ORDER BY position DESC")
    else:
        [found] = site.one(
            "SELECT member_id FROM timelines"
            " ORDER BY currencies[1] = 'EUR' DESC, cardinality(changed_at) DESC, member_id"
        )
    return UUID(str(found))


@pytest.fixture
def site(pasts: Pasts) -> Iterator[Past]:
    with pasts.of(5, 250) as found:
        yield found


def keep(site: Past, view: str) -> None:
    """Keep a view's rows, to be put back."""
    site.spoil("DROP TABLE IF EXISTS kept")
    statement = sql.SQL("CREATE TABLE kept AS TABLE {}").format(sql.Identifier(view))
    site.spoil(statement.as_string())


LEFT_TO_THE_CHECK = {
    "possible_duplicates": {"members.same_name", "members.same_method", "members.same_email"},
}
"""Of two who look alike, one is made to look otherwise: whom the other was like is forgotten."""


@pytest.mark.parametrize("name", FIGURES)
def test_an_explanation_agrees_with_no_figure_that_a_hand_has_changed(
    site: Past, name: str
) -> None:
    ask, views = FIGURES[name]
    own, changing, unseen = busiest(site, name), set[str](), set[str]()
    before = ask(site, own)
    assert before.agrees
    for view in views:
        keep(site, view)
        for edit in edits(view, 2 if name == "possible_duplicates" else 1):
            if name in LOOKED_AT and edit.column.name not in (*LOOKED_AT[name], *view_key(view)):
                continue
            with edit.made(site, own) as is_other:
                after = ask(site, own) if is_other else before
            if after.says != before.says:
                changing.add(edit.name)
                if after.agrees:
                    unseen.add(edit.name)
    assert changing, "nothing that was edited has a say"
    assert unseen <= LEFT_TO_THE_CHECK.get(name, set())


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_condition_names_every_column_that_it_looks_at(name: str) -> None:
    asked: dict[str, Any] = {"statuses": tuple(STATUSES), "text": "a b"}
    given = {"segment": name} if name in OF_SEGMENT else {name: asked.get(name, 1)}
    said = " ".join(MemberFilter(**given).meant())
    columns = {column.name for column in columns_of(VIEWS["members"])}
    assert columns & set(re.findall(r"\b(?:view|other)\.(\w+)", said)) == set(LOOKED_AT[name])


def view_key(view: str) -> tuple[str, ...]:
    """The columns of a view's key."""
    return VIEWS[view].key


@pytest.mark.parametrize("view", VIEWS)
def test_a_row_s_explanation_names_each_column_that_a_hand_has_changed(
    site: Past, view: str
) -> None:
    keep(site, view)
    key = VIEWS[view].key
    columns = sql.SQL(", ").join(map(sql.Identifier, key))
    named = sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(columns, sql.Identifier(view))
    own = site.one(named.as_string())
    assert site.rows(view, *own).agrees
    for edit in edits(view):
        if edit.column.name in key:
            continue
        with edit.made(site, own[0]) as is_other:
            [row] = site.rows(view, *own).rows
            differing = {cell.name for cell in row.cells if not cell.agrees}
        assert differing == ({edit.column.name} if is_other else set())


MAKE_UP: LiteralString = """
INSERT INTO {view}
SELECT (jsonb_populate_record(NULL::{view}, to_jsonb(one) || %(stranger)s::jsonb)).*
  FROM {view} AS one LIMIT 1
"""


def test_the_check_names_each_column_that_a_hand_has_changed_and_each_row_made_up(
    site: Past,
) -> None:
    assert checked(site) == []
    expected, stranger = set[tuple[str, str]](), uuid5(site.members[0], "nobody")
    for name, view in VIEWS.items():
        for column in columns_of(view)[len(view.key) :]:
            edit = Edit(view, column, VALUES[column.type][0], 0)
            if edit.for_good(site, UUID(int=0)):
                expected.add((name, column.name))
        made_up = sql.SQL(MAKE_UP).format(view=sql.Identifier(name)).as_string()
        assert site.spoil(made_up, stranger=f'{{"{view.key[0]}": "{stranger}"}}') == 1
        expected.add((name, f"made up: {stranger}"))
    found = [one for one in checked(site) if one.check == "refold"]
    named_columns = {(one.view, column) for one in found for column in one.columns}
    strangers = {(one.view, f"made up: {one.key[:36]}") for one in found if not one.expected}
    assert expected <= named_columns | strangers
