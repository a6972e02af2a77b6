"""What explanations answer: definition, figures, rows, conditions, and the facts behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from pydantic_core import to_jsonable_python

from ledger.errors import UnknownCurrency
from ledger.money import Money
from projections.explain.answers import Definition, Figure, Line
from projections.explain.refolded import Apart
from web.api.models import PageQuery, Reply
from web.wording.explanations import sentence

TIMELINES = "timelines"

Say = Callable[[str], str]


class ExplainQuery(PageQuery):
    """Which of the facts to list; figures are always whole."""


class DefinitionReply(Reply):
    """What it means: a name that stays, a version that grows, a sentence for the reader."""

    name: str
    version: int
    sentence: str

    @classmethod
    def of(cls, definition: Definition, say: Say) -> DefinitionReply:
        """With its sentence in the reader's language."""
        return cls(**definition._asdict(), sentence=say(sentence(definition)))


class FactReply(Reply):
    """A fact, as stream/version, and what it does to what is explained.

    `adds`: signed amounts by figure, which add up to it. `changed`: columns that it set. `fault`:
    why it could not be read or folded.
    """

    fact: str
    position: int
    topic: str
    occurred_at: datetime | None
    recorded_at: datetime
    adds: dict[str, Money]
    effect: str | None
    changed: list[str]
    fault: str | None

    @classmethod
    def of(cls, line: Line) -> FactReply:
        """As an explanation lists it."""
        return cls(
            fact=line.fact_id,
            position=line.position,
            topic=line.topic,
            occurred_at=line.occurred_at,
            recorded_at=line.recorded_at,
            adds=_amounts(line),
            effect=line.effect,
            changed=list(line.changed),
            fault=line.fault,
        )


class AmountReply(Reply):
    """Minor units of a currency, as they are stored: a hand may have left any."""

    minor: int
    currency: str

    def __str__(self) -> str:
        try:
            return str(Money(self.minor, self.currency))
        except (UnknownCurrency, ValueError):
            return f"{self.minor} {self.currency}"


class BrokenReply(Reply):
    """A column of a row that holds what no fact makes and nothing can be reckoned from."""

    view: str
    column: str
    stored: str


class FigureReply(Reply):
    """An amount as a view states it, and re-added from the books; `difference` is the rest.

    None is stated where nothing can be reckoned from the row.
    """

    view: str
    name: str
    mode: str
    stated: AmountReply | None
    readded: AmountReply
    difference: AmountReply | None
    agrees: bool

    @classmethod
    def of(cls, figure: Figure) -> FigureReply:
        """Both sides."""
        stated, readded, difference = (
            None if minor is None else AmountReply(minor=minor, currency=figure.unit.currency)
            for minor in (figure.stated, figure.readded, figure.difference)
        )
        return cls(
            view=figure.view,
            name=figure.name,
            mode=figure.unit.mode,
            stated=stated,
            readded=readded,
            difference=difference,
            agrees=figure.agrees,
        )


class Explained(Reply):
    """What every explanation has: the facts in order of position, up to a position of the books.

    `agrees` is whether the stored figures or rows are those that the facts make, all of which
    could be read; `next` is the cursor of the facts that follow.
    """

    definition: DefinitionReply
    position: int = Field(description="of the books, up to which both sides were read")
    agrees: bool
    facts: list[FactReply]
    fact_count: int
    next: str | None


class SumReply(Explained):
    """Figures and the facts that add up to them; `broken` are stored values beyond reckoning."""

    figures: list[FigureReply]
    broken: list[BrokenReply]


class SpendingSumReply(SumReply):
    """`apart`: positions of the first facts that the view misses, has wrong or made up."""

    apart: list[int]


class DifferingReply(Reply):
    """A column of somebody's row: as it is stored, and as the facts make it."""

    name: str
    stored: Any
    refolded: Any


class ApartReply(Reply):
    """Somebody whose row is not what their facts make of it. No column is named where only the sum
    differs, or where the facts can't be read or folded.
    """

    member_id: UUID
    view: str
    columns: list[DifferingReply]

    @classmethod
    def of(cls, apart: Apart) -> ApartReply:
        """With each column that differs."""
        columns = [
            DifferingReply(
                name=one.name,
                stored=to_jsonable_python(one.stored),
                refolded=to_jsonable_python(one.refolded),
            )
            for one in apart.columns
        ]
        return cls(member_id=apart.member_id, view=TIMELINES, columns=columns)


class CellReply(Reply):
    """A column: as stored, and folded anew. Where it is masked, digests that hold for one answer
    alone and tell only same from different.
    """

    name: str
    agrees: bool
    masked: bool
    stored: Any
    refolded: Any


class RowReply(Reply):
    """A row beside the one that the facts make; either may be missing."""

    key: dict[str, Any]
    agrees: bool
    is_stored: bool
    is_made: bool
    fact_count: int
    columns: list[CellReply]


class RowsReply(Explained):
    """The rows that were asked for."""

    view: str
    rows: list[RowReply]


class ComparedReply(Reply):
    """A value that a condition looked at, and the last fact that set it."""

    column: str
    stored: Any
    refolded: Any
    set_by: str | None


class ConditionReply(Reply):
    """One condition of a segment: what it asks for, and whether it holds."""

    name: str
    asked: Any
    holds: bool
    compared: list[ComparedReply]


class OtherReply(Reply):
    """Somebody who may be the same person, and what they share; `agrees`: so say their facts."""

    member_id: UUID
    same_name: bool
    same_method: bool
    agrees: bool


class EntryReply(Explained):
    """Whether a member is in a segment at an instant: every condition must hold. `is_stored`:
    whether the member list has them; `is_made`: whether the facts make such a row.
    """

    segment: str
    member_id: UUID
    at: datetime
    is_in: bool
    is_stored: bool
    is_made: bool
    conditions: list[ConditionReply]
    others: list[OtherReply]


class AccessExplainedReply(Explained):
    """An access answer of the books; `refolded` is what the fold of memberships says of it, and
    `broken` are stored values from which nothing can be told.
    """

    member_id: UUID
    plan_id: UUID
    at: datetime
    access: bool
    rule: str
    until: datetime | None
    membership_id: UUID | None
    refolded: bool
    broken: list[BrokenReply]


def _amounts(line: Line) -> Mapping[str, Money]:
    if line.unit is None:
        return {}
    return {name: Money(minor, line.unit.currency) for name, minor in line.adds.items()}
