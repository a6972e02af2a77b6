"""What the books say, held against the payment company's own list of movements.

Shares no code with reconciliation: facts are added up here, by what moved and for what. Only when
that is done the reconciler looks too: it is to find nothing, and to have nothing to mend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from uuid import UUID

from ledger.billing.inbox import Inbox
from ledger.facts import Actor, Fact
from ledger.order import Order
from ledger.payments.balance import Movement
from ledger.store.mapper import FactMapper
from scripts.drills.payments_people import Cast
from scripts.drills.payments_site import NOON, Site
from web.payments.reconciling import reconcile

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

READ_AT_ONCE = 10_000


@dataclass
class Verdict:
    """What was promised and what came of it: all but `charges` should be nothing.

    What stands above `found` was judged before the reconciler had looked at anything.
    """

    charges: int = 0
    drift: int = 0
    double_charges: int = 0
    open_attempts: int = 0
    open_refunds: int = 0
    notices_left: int = 0
    broken: list[str] = field(default_factory=list)
    differ: list[tuple[str, str, int, int]] = field(default_factory=list)
    """What moved, for what, by how much there and by how much here."""
    found: list[str] = field(default_factory=list)
    """What the reconciler says differs."""
    mended: int = 0
    """What it had to take into the books."""

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept, and there was something to promise."""
        return not self.wrong and self.charges > 0

    @property
    def wrong(self) -> dict[str, int]:
        """How much of what there should be nothing of."""
        counts = {
            name: len(value) if isinstance(value, list) else value
            for name, value in asdict(self).items()
            if name not in {"charges", "differ"}
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def why(self) -> str:
        """The promises that were broken, and the first difference."""
        told = [f"{name.replace('_', ' ')} {count}" for name, count in self.wrong.items()]
        for kind, source, theirs, ours in self.differ[:1]:
            told.append(f"the first: {kind} {source}: {theirs} there, {ours} here")
        return ", ".join([*told, *self.broken[:1], *self.found[:1]]) or "nothing was charged"


def judged(site: Site, cast: Cast) -> Verdict:
    """The verdict on a site that has come to rest, first without the reconciler, then by it."""
    verdict = _counted(site, cast)
    verdict.found, verdict.mended = _reconciled(site, cast)
    return verdict


def _counted(site: Site, cast: Cast) -> Verdict:
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


def _reconciled(site: Site, cast: Cast) -> tuple[list[str], int]:
    """What the reconciler finds over all the months, but for others' money; what it mends."""
    site.follow()
    report = reconcile(
        site.parts,
        since=NOON - timedelta(days=1),
        until=site.clock.now(),
        by=Actor(kind="machine"),
        cause=site.cause(),
    )
    ours = [
        drift
        for drift in report.found
        if drift.drift != "foreign" or drift.payment_id not in cast.foreign
    ]
    said = [
        f"{one.drift} {one.kind} {one.source}: {one.theirs} there, {one.ours} here" for one in ours
    ]
    return said, report.receipt.mended


def _notices_left(inbox: Inbox) -> int:
    """How many notices nothing came of."""
    counts = inbox.table.counts()
    return sum(counts.get(state, 0) for state in ("received", "retrying", "dead"))


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
