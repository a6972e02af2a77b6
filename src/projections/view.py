"""What a view is: a table's columns, its key, and a pure fold over facts.

The same fold serves following live, rebuilding, and reading the past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from ledger.errors import LedgerError
from ledger.facts import Fact
from projections.laws import Law

R = TypeVar("R", bound="tuple[Any, ...]")
Handler = TypeVar("Handler", bound=Callable[..., Any])
Key = tuple[Any, ...]
"""A row's key: the values of the view's key columns, the partition first."""

Needs = Mapping[type[Fact], frozenset[str]] | None

_BEGINS, _CHANGES = "_begins", "_changes"


class Recorded(NamedTuple):
    """A fact and its position in the books."""

    position: int
    fact: Fact


class Index(NamedTuple):
    """A secondary index: its name after the table's, and what follows `ON table`, as SQL."""

    name: str
    definition: str
    extension: str | None = None
    """The PostgreSQL extension it needs. A server without it answers the same, more slowly."""


class RowMissing(LedgerError):
    """The view {view} has no row {key} for the fact {topic} {fact_id}."""

    code = "row_missing"


def first(*fact_classes: type[Fact]) -> Callable[[Handler], Handler]:
    """Mark a handler that makes a row: `(self, fact) -> row`."""
    return _marked(_BEGINS, fact_classes)


def on(*fact_classes: type[Fact]) -> Callable[[Handler], Handler]:
    """Mark a handler that changes a row: `(self, row, fact) -> row`, or None to remove it.

    One that answers the very row it was given has changed nothing.
    """
    return _marked(_CHANGES, fact_classes)


def _marked(mark: str, fact_classes: tuple[type[Fact], ...]) -> Callable[[Handler], Handler]:
    def decorate(handler: Handler) -> Handler:
        setattr(handler, mark, fact_classes)
        return handler

    return decorate


class View(Generic[R]):
    """A table and the fold that fills it.

    `columns` is a NamedTuple whose types become the table's (see columns.py); it ends with
    `position`, the last fact that changed the row. The `key` columns come first in it, and the
    first of them is the partition: a person, or a stream that concerns nobody.
    Handlers see a row and a fact: no database, clock, network or other view.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    partition: ClassVar[Literal["subject", "stream"]] = "subject"
    key: ClassVar[tuple[str, ...]]
    columns: type[R]
    indexes: ClassVar[tuple[Index, ...]] = ()
    needs: ClassVar[Needs] = None
    """What handlers read of some kinds of facts beyond plain fields: `actor`, `cause` and personal
    fields, by name. None stands for everything, which takes several times as long to read."""
    laws: ClassVar[tuple[Law, ...]] = ()
    """What must add up, beside the fold, before its rows may serve."""
    changes: ClassVar[frozenset[str]] = frozenset()
    """Columns whose values this version means to change; all others must stay as they were."""
    handlers: ClassVar[dict[type[Fact], tuple[bool, Callable[..., Any]]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {
            fact_class: (mark == _BEGINS, handler)
            for handler in vars(cls).values()
            for mark in (_BEGINS, _CHANGES)
            for fact_class in getattr(handler, mark, ())
        }
        cls.handlers = {**cls.handlers, **own}

    @property
    def parameters(self) -> tuple[str, ...]:
        """What the fold depends on besides the facts: other values make other rows."""
        return ()

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The rows that a fact of a handled class touches."""
        raise NotImplementedError

    def blank(self, key: Key) -> R | None:  # noqa: ARG002 -- for views whose rows need no first fact
        """The row that a handler gets where there is none; None where that is a fault."""
        return None

    def finish(self, row: R) -> R:
        """The row with the columns that follow from its others, once its facts are folded.

        Called once, however many facts there were: handlers neither set nor read such columns.
        """
        return row


Work = dict[Key, list[Recorded]]
"""What each row has to fold, in order of position."""


def work_of(view: View[Any], facts: Iterable[Recorded]) -> Work:
    """The rows that some facts touch, each with its own facts."""
    (work,) = works_of([view], facts)
    return work


def works_of(views: Iterable[View[Any]], facts: Iterable[Recorded]) -> list[Work]:
    """The same for several views, in their order."""
    works: list[Work] = []
    routes: dict[type[Fact], list[tuple[Work, Callable[[Fact], tuple[Key, ...]]]]] = {}
    for view in views:
        work: Work = {}
        works.append(work)
        for kind in view.handlers:
            routes.setdefault(kind, []).append((work, view.keys))
    for one in facts:
        fact = one[1]
        for own, keys in routes.get(type(fact), ()):
            for key in keys(fact):
                own.setdefault(key, []).append(one)
    return works


def fold(view: View[R], rows: Mapping[Key, R], facts: Iterable[Recorded]) -> dict[Key, R | None]:
    """The rows that change when these facts, in order of position, are added to `rows`.

    None stands for a row that is no more. Pure: `rows` stays as it is. Raises RowMissing.
    """
    return fold_work(view, rows, work_of(view, facts))


def fold_work(
    view: View[R], rows: Mapping[Key, R], work: Work, *, lenient: bool = False
) -> dict[Key, R | None]:
    """`fold`, where it is known which facts each row has: no row depends on another.

    A row that stays as it is, is the very same.
    `lenient` leaves out a fact whose row is missing, where the first one is not true yet.
    """
    return {key: _folded(view, key, rows.get(key), facts, lenient) for key, facts in work.items()}


def fold_anew(view: View[R], work: Work, *, lenient: bool = False) -> list[R]:
    """The rows that work makes from nothing, as `fold_work` would."""
    rows = [_folded(view, key, None, facts, lenient) for key, facts in work.items()]
    return [row for row in rows if row is not None]


def _folded(
    view: View[R], key: Key, row: R | None, facts: list[Recorded], lenient: bool
) -> R | None:
    handlers, position = view.handlers, 0
    for at, fact in facts:
        begins, handler = handlers[type(fact)]
        if begins:
            row, position = handler(view, fact), at
            continue
        given = view.blank(key) if row is None else row
        if given is None:
            if lenient:
                continue
            raise RowMissing(view=view.name, key=key, topic=fact.TOPIC, fact_id=fact.fact_id)
        made = handler(view, given, fact)
        if made is not given:
            row, position = made, at
    if row is None or not position:
        return row
    # A fact that was set aside is folded after later ones of others: the row is as new as those.
    position = max(position, row[-1])
    # What _replace(position=...) does, in a tenth of the time.
    return tuple.__new__(type(row), (*view.finish(row)[:-1], position))


def needs_of(views: Iterable[View[Any]]) -> dict[type[Fact], frozenset[str] | None]:
    """What views read of each kind of fact together, for a FactReader."""
    needs: dict[type[Fact], frozenset[str] | None] = {}
    for view in views:
        for kind in view.handlers:
            own = None if view.needs is None else view.needs.get(kind, frozenset())
            others = needs.get(kind, frozenset())
            needs[kind] = None if own is None or others is None else own | others
    return needs


def subject_of(fact: Fact) -> UUID:
    """Whom a fact concerns: a person, or else the stream itself."""
    return fact.subject_id or fact.originator_id
