"""Reconciling: both lists gathered, what differs asked about, what is ours taken into the books.

Our facts are read from the books themselves and not from the view of movements: a view may be
behind, and one that folds a fact wrongly would be held against the company in the books' place.
No money is edited here. What is missing and ours goes the way of a notice that was lost; all else
is for a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ledger import ids
from ledger.application import Ledger, Position
from ledger.billing.observing import moved_of
from ledger.billing.outcomes import GATEWAY
from ledger.billing.reconciliation import (
    Comparison,
    Entry,
    Scope,
    Told,
    Try,
    compare,
    stale,
)
from ledger.billing.reconciliation_entries import entries_of
from ledger.errors import LedgerError, NotFound, RangeMalformed
from ledger.facts import Actor, Cause
from ledger.payments.balance import Movement
from ledger.payments.gateway import (
    Gateway,
    Identity,
    Observation,
    OutcomeUnknown,
    Payment,
    Refund,
    Rejected,
)
from ledger.site_money import Drift, DriftCount, DriftState, ReconciliationReceipt

LOOKS_BACK = timedelta(days=3)
"""How far a run looks back unless told: a night may fail, and fees come late."""

MARGIN = timedelta(days=1)
"""How much earlier our facts are read, so that clocks may differ."""

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST_ASKED = 1_000
"""Differences that one run asks about one by one. Where there are more, something else is wrong."""

MISSING = frozenset({"missing_in_ledger", "fee_missing"})

TakeIn = Callable[[Observation, Cause], object]
"""Takes something of the company's into the books, as if a notice had told of it.

May raise LedgerError where the books refuse it.
"""


@dataclass(frozen=True)
class Report:
    """What a run found. `open` are all drifts that wait for a person, found before or now."""

    receipt: ReconciliationReceipt
    found: Sequence[Drift]
    open: Sequence[DriftState]
    position: Position

    @property
    def is_clean(self) -> bool:
        """Whether nothing waits for a person."""
        return not self.open and not self.receipt.left_out


@dataclass
class _Lists:
    """Both lists, each thing once."""

    movements: dict[str, Movement] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    hours: set[int] = field(default_factory=set)
    """Of which the movements were asked for one by one."""

    def fees(self) -> Mapping[str, list[Movement]]:
        """What was kept, by the payment or refund that it was kept for."""
        kept = defaultdict[str, list[Movement]](list)
        for movement in self.movements.values():
            if movement.kind == "fee":
                kept[movement.source].append(movement)
        return kept

    def compared(self, scope: Scope) -> Comparison:
        return compare(self.movements.values(), self.entries.values(), scope, self.told)


class Reconciler:
    """Holds the books against one gateway."""

    def __init__(self, ledger: Ledger, gateway: Gateway, take_in: TakeIn) -> None:
        self.ledger, self.gateway, self._take_in = ledger, gateway, take_in

    def run(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        undecided: Iterable[UUID] = (),
        by: Actor,
        cause: Cause,
    ) -> Report:
        """Hold what moved from `since` to before `until` against the books: the last three days.

        `undecided` are orders with a try whose outcome may not be known. Open drifts are looked at
        again, however old. Nothing is kept of a run that breaks off: OutcomeUnknown where the
        gateway does not answer. Raises GatewayChanged, RangeMalformed.
        """
        identity = self.gateway.identify()
        self.ledger.pin_gateway(
            identity.account, identity.mode, by=by, cause=_part(cause, "pinning")
        )
        scope = self._scope(identity, since, until)
        lists = self._gathered(scope)
        before = self._asked_about(lists, scope)
        self._mend(before.drifts, lists, cause)
        after = lists.compared(scope) if before.drifts else before
        found = [*after.drifts, *self._stale(undecided, scope)]
        receipt = _receipt(scope, after, found, _mended(before, after, lists.told))
        position = self.ledger.record_reconciliation(receipt, found, by=by, cause=cause)
        site = self.ledger.site()
        kept = site.reconciliation.receipt if site.reconciliation else receipt
        return Report(kept, found, site.open_drifts, position)

    # --- gathering --------------------------------------------------------------------

    def _scope(self, identity: Identity, since: datetime | None, until: datetime | None) -> Scope:
        now, site = self.ledger.clock.now(), self.ledger.site()
        until = until or now
        since = since or until - LOOKS_BACK
        if not since < until <= now:
            raise RangeMalformed
        if site.gateway and site.gateway.moved_at:
            since = min(max(since, site.gateway.moved_at), until)  # before, it was another account
        watched = (state.drift for state in site.drifts.values() if state.ending != "gone")
        sources = (one.source for one in watched if one.account == identity.account)
        return Scope(identity.account, identity.mode, since, until, frozenset(sources))

    def _gathered(self, scope: Scope) -> _Lists:
        lists = _Lists()
        self._list(lists, scope.since, scope.until)
        recorded = self.ledger.money_facts(scope.since - MARGIN)
        self._enter(lists, entries_of(recorded, self._reference_of))
        for state in self.ledger.site().drifts.values():
            drift = state.drift
            if drift.source in scope.watched and not scope.in_time(drift.at):
                self._list_around(lists, drift.at)
                self._enter_order(lists, drift.order_id)
        return lists

    def _list(self, lists: _Lists, since: datetime, until: datetime) -> None:
        listed = self.gateway.list_movements(since=since, until=until)
        lists.movements.update((movement.id, movement) for movement in listed)

    def _list_around(self, lists: _Lists, at: datetime) -> None:
        """The movements of an hour, and of those beside it: the company's own clock is exact."""
        this = (at - EPOCH) // HOUR
        for hour in range(this - 1, this + 2):
            if hour not in lists.hours:
                lists.hours.add(hour)
                self._list(lists, EPOCH + hour * HOUR, EPOCH + (hour + 1) * HOUR)

    def _enter(self, lists: _Lists, entries: Iterable[Entry]) -> None:
        lists.entries.update((entry.fact_id, entry) for entry in entries)

    def _enter_order(self, lists: _Lists, order_id: UUID | None) -> None:
        if order_id is not None:
            facts = self.ledger.money_facts_of(order_id)
            self._enter(lists, entries_of(facts, self._reference_of))

    def _reference_of(self, order_id: UUID, refund_id: UUID) -> str | None:
        return self.ledger.order(order_id).refunds[refund_id].reference

    # --- asking about what differs ----------------------------------------------------

    def _asked_about(self, lists: _Lists, scope: Scope) -> Comparison:
        """What differs, once it was asked what only one side knows. Mostly nothing does."""
        said: dict[str, str] = {}
        first = lists.compared(scope)
        drifts = first.drifts
        if not drifts:
            return first
        for drift in drifts:
            if drift.ours is None and drift.payment_id is not None:
                self._enter_order(lists, self.ledger.order_of_payment(drift.payment_id))
        for drift in [one for one in drifts if one.theirs is None][:MOST_ASKED]:
            self._look_up(drift, lists, said)
        lists.told = replace(lists.told, said=said)
        return lists.compared(scope)

    def _look_up(self, drift: Drift, lists: _Lists, said: dict[str, str]) -> None:
        """What is not on the list may have moved at another time, or not have settled."""
        standing = self._standing(drift)
        if standing is None:
            return
        if standing.status == "succeeded" and standing.settled_at is not None:
            self._list_around(lists, standing.settled_at)
        else:
            said[drift.source] = standing.status

    def _standing(self, drift: Drift) -> Payment | Refund | None:
        try:
            if drift.kind in {"payment", "fee"}:
                return self.gateway.get_payment(payment_id=drift.source)
            if drift.kind in {"refund", "refund_failure"}:
                return self.gateway.get_refund(gateway_refund_id=drift.source)
        except Rejected:
            pass  # they have nothing of that name
        return None

    # --- taking in what is ours -------------------------------------------------------

    def _mend(self, drifts: Sequence[Drift], lists: _Lists, cause: Cause) -> None:
        """Let what is missing take the way of a notice that was lost: payments before the rest."""
        foreign: set[str] = set()
        missing = [one for one in drifts if one.drift in MISSING and one.kind != "fee"]
        missing.sort(key=lambda drift: drift.kind != "payment")
        left = MOST_ASKED
        for drift in missing:
            payment_id = drift.payment_id or drift.source
            if self._is_of_others(payment_id, foreign):
                foreign.add(payment_id)  # however many: they are no sign that something is wrong
            elif left:
                left -= 1
                self._take_what_moved_in(drift, _part(cause, drift.drift_id))
                self._enter_order(lists, self.ledger.order_of_payment(payment_id))
        fees = lists.fees()
        for drift in [one for one in drifts if one.drift in MISSING and one.kind == "fee"]:
            payment_id = drift.payment_id or drift.source
            order_id = self.ledger.order_of_payment(payment_id)
            if order_id is not None:
                for fee in fees[drift.source]:
                    self._take_fee_in(order_id, fee, cause)
                self._enter_order(lists, order_id)
            elif self._is_of_others(payment_id, foreign):
                foreign.add(payment_id)
        lists.told = replace(lists.told, foreign=frozenset(foreign))

    def _is_of_others(self, payment_id: str, foreign: Container[str]) -> bool:
        """Whether another system made a payment on the same account.

        One for a customer of ours is ours, also where nobody here asked for it.
        """
        if payment_id in foreign:
            return True
        if self.ledger.order_of_payment(payment_id) is not None:
            return False
        try:
            self.gateway.get_payment(payment_id=payment_id)
        except Rejected:
            return True
        return False

    def _take_what_moved_in(self, drift: Drift, cause: Cause) -> None:
        try:
            seen = self._seen(drift)
            if seen is not None:
                self._take_in(seen, cause)
        except OutcomeUnknown:
            raise
        except LedgerError:
            pass  # the books refuse what happened there: a person is told

    def _seen(self, drift: Drift) -> Observation | None:
        """What moved the money, as it stands now; None where they have nothing of that name."""
        if drift.kind not in {"dispute", "dispute_reversal", "dispute_fee"}:
            return self._standing(drift)
        try:
            return self.gateway.get_dispute(dispute_id=drift.source)
        except Rejected:
            return None

    def _take_fee_in(self, order_id: UUID, fee: Movement, cause: Cause) -> None:
        with suppress(LedgerError):  # the books refuse it: a person is told
            self.ledger.record_fee(
                order_id,
                reference=fee.source,
                moved=moved_of(fee),
                by=GATEWAY,
                cause=_part(cause, fee.id),
            )

    # --- tries ------------------------------------------------------------------------

    def _stale(self, undecided: Iterable[UUID], scope: Scope) -> list[Drift]:
        tries = [one for order_id in undecided for one in self._tries(order_id)]
        return stale(tries, scope.account, self.ledger.clock.now())

    def _tries(self, order_id: UUID) -> list[Try]:
        try:
            order = self.ledger.order(order_id)
        except NotFound:
            return []
        attempt = order.open_attempt
        if attempt is None or self._waits_for_a_bank(attempt.state, attempt.reference):
            return []
        started, mode = attempt.started_at, order.placed.mode
        return [Try(attempt.attempt_id, order_id, started, attempt.amount, mode)]

    def _waits_for_a_bank(self, state: str, reference: str | None) -> bool:
        """Whether both say that a bank has not answered: some take days, and nothing differs."""
        if state != "pending" or reference is None:
            return False
        try:
            return self.gateway.get_payment(payment_id=reference).status == "pending"
        except Rejected:
            return False


def _part(cause: Cause, *words: object) -> Cause:
    return Cause(kind=cause.kind, id=ids.derived(cause.id, *words))


def _mended(before: Comparison, after: Comparison, told: Told) -> int:
    """How many changes of the balance differ no more, but for those that are none of ours."""
    ours = [drift for drift in before.drifts if drift.payment_id not in told.foreign]
    return len({(drift.kind, drift.source) for drift in ours} - _moves(after))


def _moves(compared: Comparison) -> set[tuple[str, str]]:
    return {(drift.kind, drift.source) for drift in compared.drifts}


def _receipt(
    scope: Scope, compared: Comparison, found: Sequence[Drift], mended: int
) -> ReconciliationReceipt:
    classes = [drift.drift for drift in found]
    return ReconciliationReceipt(
        account=scope.account,
        mode=scope.mode,
        since=scope.since,
        until=scope.until,
        sums=tuple(compared.sums),
        found=tuple(
            DriftCount(drift=name, found=classes.count(name)) for name in sorted(set(classes))
        ),
        mended=mended,
        left_out=0,
        foreign=tuple(compared.foreign),
    )
