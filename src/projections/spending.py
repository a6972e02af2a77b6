"""Spending: what each member paid, was refunded and lost to disputes, by currency and mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.order.facts import DisputeClosed, Paid, PaymentReversed, Refunded, RefundFailed
from projections.laws import MONEY_OF_SPENDING, NET_OF_SPENDING, PAYMENTS_OF_SPENDING, Law
from projections.rows import quick
from projections.view import Index, Key, Needs, View, on

SETTLED = (Paid, PaymentReversed, Refunded, RefundFailed, DisputeClosed)
"""The facts that change what someone has spent; each carries its amount and mode."""


class Effect(NamedTuple):
    """What one fact adds to gross, refunded and disputed, in minor units."""

    gross: int = 0
    refunded: int = 0
    disputed: int = 0


def effect_of(fact: Fact) -> Effect:
    """What a fact changes in someone's total: each counts when settled (OR8)."""
    effect = _EFFECTS.get(type(fact))
    return NOTHING if effect is None else effect(fact)


NOTHING = Effect()


def _decided(fact: DisputeClosed) -> Effect:
    if fact.outcome == "lost":
        return Effect(disputed=fact.amount.minor)
    return Effect(disputed=-fact.amount.minor) if fact.was_lost else NOTHING


_EFFECTS: dict[type[Fact], Callable[[Any], Effect]] = {
    Paid: lambda fact: Effect(gross=fact.amount.minor),
    PaymentReversed: lambda fact: Effect(gross=-fact.amount.minor),
    Refunded: lambda fact: Effect(refunded=fact.amount.minor),
    RefundFailed: lambda fact: Effect(refunded=-fact.amount.minor) if fact.was_settled else NOTHING,
    DisputeClosed: _decided,
}


@quick
class SpendingRow(NamedTuple):
    """Totals in minor units. Live and test money stand in rows of their own (OR9)."""

    member_id: UUID
    currency: str
    mode: str
    gross: int = 0
    refunded: int = 0
    disputed: int = 0
    net: int = 0
    payments: int = 0
    position: int = 0


class Spending(View[SpendingRow]):
    """Total spent = payments - refunds - disputes lost, each counted when settled (OR8)."""

    name = "spending"
    version = 2
    key = ("member_id", "currency", "mode")
    columns = SpendingRow
    needs: ClassVar[Needs] = {}
    indexes: ClassVar[tuple[Index, ...]] = (Index("net", "(currency, mode, net, member_id)"),)
    laws: ClassVar[tuple[Law, ...]] = (
        MONEY_OF_SPENDING,
        NET_OF_SPENDING,
        PAYMENTS_OF_SPENDING,
    )

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The member's total in the fact's currency and mode."""
        money = cast("Paid", fact)
        return ((money.member_id, money.amount.currency, money.mode),)

    def blank(self, key: Key) -> SpendingRow:
        """Nothing spent yet."""
        return SpendingRow(*key)

    @on(*SETTLED)
    def settled(self, row: SpendingRow, fact: Fact) -> SpendingRow:
        """Money came in or went back."""
        effect = effect_of(fact)
        gross, refunded = row.gross + effect.gross, row.refunded + effect.refunded
        disputed = row.disputed + effect.disputed
        return row._replace(
            gross=gross,
            refunded=refunded,
            disputed=disputed,
            net=gross - refunded - disputed,
            payments=row.payments + isinstance(fact, Paid) - isinstance(fact, PaymentReversed),
        )
