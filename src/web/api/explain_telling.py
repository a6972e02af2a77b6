"""Makes the answers of explanations, masked where the reader may not see persons."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from projections.explain.access import AccessExplained
from projections.explain.answers import Lines, Sum, Turn, turned
from projections.explain.as_stored import Broken
from projections.explain.figures import SpendingSum
from projections.explain.rows import Cell, RowSeen, RowsExplained
from projections.explain.segments import Condition, Entry
from web.api.explain_shapes import (
    AccessExplainedReply,
    BrokenReply,
    CellReply,
    ComparedReply,
    ConditionReply,
    DefinitionReply,
    EntryReply,
    FactReply,
    FigureReply,
    OtherReply,
    RowReply,
    RowsReply,
    Say,
    SpendingSumReply,
    SumReply,
)

SALT_BYTES, DIGEST_BYTES = 16, 8

Found = Sum | RowsExplained | Entry | AccessExplained


class Mask:
    """Hides values from whoever may not see persons: a digest in place of each.

    Salted anew for each answer, so that nobody can try names until one fits.
    """

    def __init__(self, *, is_on: bool) -> None:
        self.is_on = is_on
        self._salt = secrets.token_bytes(SALT_BYTES)

    def shown(self, column: str, value: Any) -> Any:
        """A value as JSON has it, or its digest."""
        plain = to_jsonable_python(value)
        if not self.is_on:
            return plain
        text = json.dumps([column, plain], sort_keys=True)
        return blake2b(text.encode(), key=self._salt, digest_size=DIGEST_BYTES).hexdigest()


class Teller:
    """Makes answers of explanations: `say` translates, `turn` writes the cursor after a fact."""

    def __init__(self, say: Say, turn: Callable[[int], str], *, masked: bool = False) -> None:
        self._say, self._turn = say, turn
        self._mask = Mask(is_on=masked)

    def total(self, found: Sum) -> SumReply:
        """Figures of a member or an order."""
        return SumReply(
            **self._common(found, found.facts),
            figures=_figures(found),
            broken=_broken(found.broken),
        )

    def spending(self, found: SpendingSum) -> SpendingSumReply:
        """Figures of a filter."""
        return SpendingSumReply(
            **self._common(found, found.facts),
            figures=_figures(found),
            broken=_broken(found.broken),
            apart=list(found.apart),
        )

    def rows(self, found: RowsExplained) -> RowsReply:
        """Rows, masked where the reader may not see persons."""
        return RowsReply(
            **self._common(found, found.facts),
            view=found.definition.name,
            rows=[_row(found, row, self._mask) for row in found.rows],
        )

    def entry(self, found: Entry, segment: str, member_id: UUID) -> EntryReply:
        """Whether somebody is in a segment."""
        return EntryReply(
            **self._common(found, found.facts),
            segment=segment,
            member_id=member_id,
            at=found.now,
            is_in=found.is_in,
            is_stored=found.is_stored,
            is_made=found.is_made,
            conditions=[_condition(one) for one in found.conditions],
            others=[OtherReply(**other._asdict()) for other in found.others],
        )

    def access(
        self, found: AccessExplained, member_id: UUID, plan_id: UUID, turn: Turn
    ) -> AccessExplainedReply:
        """An access answer."""
        answer = found.answer
        return AccessExplainedReply(
            **self._common(found, turned(found.facts, turn)),
            member_id=member_id,
            plan_id=plan_id,
            at=found.at,
            access=answer.allowed,
            rule=answer.rule,
            until=answer.until,
            membership_id=answer.membership_id,
            refolded=found.refolded,
            broken=_broken(found.broken),
        )

    def _common(self, found: Found, facts: Lines) -> dict[str, Any]:
        after = facts.next_after
        return {
            "definition": DefinitionReply.of(found.definition, self._say),
            "position": found.position,
            "agrees": found.agrees,
            "facts": [FactReply.of(line) for line in facts.lines],
            "fact_count": facts.count,
            "next": None if after is None else self._turn(after),
        }


def _figures(found: Sum) -> list[FigureReply]:
    return [FigureReply.of(figure) for figure in found.figures]


def _broken(found: Sequence[Broken]) -> list[BrokenReply]:
    return [BrokenReply(**one._asdict()) for one in found]


def _row(found: RowsExplained, row: RowSeen, mask: Mask) -> RowReply:
    own = {cell.name: cell for cell in row.cells}
    return RowReply(
        key={
            name: to_jsonable_python(value) if own[name].is_id else mask.shown(name, value)
            for name, value in zip(found.key_columns, row.key, strict=True)
        },
        agrees=row.agrees,
        is_stored=row.is_stored,
        is_made=row.is_made,
        fact_count=row.fact_count,
        columns=[_cell(cell, mask) for cell in row.cells],
    )


def _cell(cell: Cell, mask: Mask) -> CellReply:
    masked = mask.is_on and not cell.is_id
    values: Sequence[Any] = (cell.stored, cell.refolded)
    stored, refolded = (
        mask.shown(cell.name, value) if masked else to_jsonable_python(value) for value in values
    )
    return CellReply(
        name=cell.name, agrees=cell.agrees, masked=masked, stored=stored, refolded=refolded
    )


def _condition(condition: Condition) -> ConditionReply:
    return ConditionReply(
        name=condition.name,
        asked=to_jsonable_python(condition.asked),
        holds=condition.holds,
        compared=[
            ComparedReply(
                column=one.column,
                stored=to_jsonable_python(one.stored),
                refolded=to_jsonable_python(one.refolded),
                set_by=one.set_by,
            )
            for one in condition.compared
        ],
    )
