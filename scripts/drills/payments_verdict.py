"""What the books say, held against the payment company's own list of movements.

Shares no code with reconciliation: facts are added up here, by what moved and for what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from ledger.billing.inbox import Inbox
from ledger.facts import Fact
from ledger.order import Order
from ledger.payments.balance import Movement
from ledger.store.mapper import FactMapper
from scripts.drills.payments_people import Cast
from scripts.drills.payments_site import NOON, Site

Moved = tuple[str, str, int]
"""Of what kind, for what (the company's id and the currency), how many minor units.

Money that went out and came back is added up: of a refund that failed before anybody looked, the
company lists two movements, and the books know that nothing moved in the end.
"""
BOTH_WAYS = {
    "refund_failure": "refund",
    "dispute_reversal": "dispute",
    "dispute_fee": "fee",
}

READ_AT_ONCE, MOST_LEFT = 10_000, 10_000


@dataclass
class Verdict:
    """What was promised and what came of it: all but `charges` should be nothing."""

    charges: int = 0
    drift: int = 0
    double_charges: int = 0
    open_attempts: int = 0
    open_refunds: int = 0
    notices_left: int = 0
    broken: list[str] = field(default_factory=list)
    differ: list[tuple[str, str, int, int]] = field(default_factory=list)
    """What moved, for what, by how much there and by how much here."""

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept, and there was something to promise."""
        wrong = (
            self.drift,
            self.double_charges,
            self.open_attempts,
            self.open_refunds,
            self.notices_left,
        )
        return not any(wrong) and not self.broken and self.charges > 0


def judged(site: Site, cast: Cast) -> Verdict:
    """The verdict on a site that has come to rest."""
    facts = list(_facts(site))
    orders = [site.parts.ledger.order(order_id) for order_id in _placed(facts)]
    movements = _movements(site, cast)
    theirs = _sums(_moved(movement) for movement in movements)
    ours = _sums(_told(facts, {order.id: order for order in orders}))
    differ = sorted(key for key in theirs.keys() | ours.keys() if theirs[key] != ours[key])
    return Verdict(
        charges=sum(movement.kind == "payment" for movement in movements),
        drift=len(differ),
        double_charges=_double_charges(site, orders, movements),
        open_attempts=sum(order.open_attempt is not None for order in orders),
        open_refunds=sum(
            refund.state in {"requested", "pending"}
            for order in orders
            for refund in order.refunds.values()
        ),
        notices_left=_notices_left(site.parts.inbox),
        broken=site.broken,
        differ=[(*key, theirs[key], ours[key]) for key in differ],
    )


def _notices_left(inbox: Inbox) -> int:
    """How many notices nothing came of.

    A card may be saved at the company while our process dies and the person gives up: then its
    mandate is told of, and nobody here knows the card. That is rightly left to a person.
    """
    counts = inbox.table.counts()
    left = inbox.left_to_people(limit=MOST_LEFT)
    of_no_card = sum(one.why == "not_known_yet" and one.kind.startswith("mandate.") for one in left)
    return sum(counts.get(state, 0) for state in ("received", "retrying", "dead")) - of_no_card


def _facts(site: Site) -> Iterator[Fact]:
    mapper, after = FactMapper(site.parts.ledger.vault), 0
    while records := site.parts.recorder.read(after, READ_AT_ONCE):
        yield from mapper.open_records(records)
        after = records[-1].position


def _placed(facts: Sequence[Fact]) -> list[UUID]:
    return [fact.originator_id for fact in facts if isinstance(fact, Order.Placed)]


def _movements(site: Site, cast: Cast) -> list[Movement]:
    until = site.clock.now() + timedelta(days=1)
    moved = site.stage.gateway.list_movements(since=NOON - timedelta(days=1), until=until)
    return [movement for movement in moved if movement.payment_id not in cast.foreign]


def _moved(movement: Movement) -> Moved:
    kind = BOTH_WAYS.get(movement.kind, movement.kind)
    return kind, f"{movement.source} {movement.amount.currency}", movement.amount.minor


def _told(facts: Sequence[Fact], orders: dict[UUID, Order]) -> Iterator[Moved]:
    for fact in facts:
        match fact:
            case Order.Paid():
                yield "payment", f"{fact.reference} {fact.amount.currency}", fact.amount.minor
            case Order.PaymentReversed():
                yield "payment", f"{fact.reference} {fact.amount.currency}", -fact.amount.minor
            case Order.FeeRecorded():
                yield "fee", f"{fact.reference} {fact.amount.currency}", -fact.amount.minor
            case Order.Refunded():
                yield "refund", f"{fact.reference} {fact.amount.currency}", -fact.amount.minor
            case Order.RefundFailed() if fact.was_settled:
                reference = orders[fact.originator_id].refunds[fact.refund_id].reference
                yield "refund", f"{reference} {fact.amount.currency}", fact.amount.minor
            case Order.DisputeFundsMoved():
                yield "dispute", f"{fact.dispute_id} {fact.amount.currency}", fact.amount.minor


def _sums(moved: Iterable[Moved]) -> Counter[tuple[str, str]]:
    """What each thing moved in the end."""
    sums: Counter[tuple[str, str]] = Counter()
    for kind, source, minor in moved:
        sums[kind, source] += minor
    return sums


def _double_charges(site: Site, orders: Sequence[Order], movements: Sequence[Movement]) -> int:
    """Payments at the company beyond one for each order that was paid, member by member.

    Counted by customer, so that a payment under a key that nobody knows is found too.
    """
    gateway, paid_there = site.stage.gateway, Counter[str]()
    for movement in movements:
        if movement.kind == "payment":
            paid_there[gateway.get_payment(payment_id=movement.payment_id).customer_id] += 1
    to_pay = Counter(
        gateway.ensure_customer(member_id=order.member_id).id
        for order in orders
        if order.is_settled and not order.placed.amount.is_zero
    )
    return (paid_there - to_pay).total()
