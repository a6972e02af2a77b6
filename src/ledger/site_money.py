"""What the site knows of its money as a whole: whose account it is, and where books differ.

The account at the payment company and whether its money is real are pinned when a process first
starts with them. Moving on purpose is a fact with a reason, and keeps test money apart from real
money (OR9):

- From play money to real money, or to another account of the same kind: allowed, once nothing is
  under way. Every money fact carries the mode of its order, totals and receipts are kept by mode,
  and no order is carried on in another mode than it began in. What people paid in play money stays
  as it is, marked test. Their saved methods stay with the account that is left: a renewal finds
  none it may charge, and they save one anew; nobody's renewal is paid by a method of play money.
- From real money to play money: never. Totals would stay apart, but memberships that were bought
  would be renewed by payments that bring nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from ledger import texts
from ledger.errors import GatewayChanged, NotFound, RealMoneyStays
from ledger.facts import Aggregate, Fact, Instant, Stamp, Value
from ledger.money import Mode, Money

if TYPE_CHECKING:
    from ledger.site import Site

DriftClass = Literal[
    "missing_in_ledger",
    "missing_at_gateway",
    "amount",
    "currency",
    "status",
    "fee_missing",
    "foreign",
    "mode",
    "stale_attempt",
]
"""How the payment company's list and our books differ.

missing_in_ledger: money of ours moved there, and we have no fact of it. missing_at_gateway: we have
a fact of money that moved nowhere. amount, currency, mode: both have it, otherwise. status: we say
that it settled, they say that it did not. fee_missing: what they kept of a payment is not in our
books. foreign: others use the same account; told once, and counted in each receipt. stale_attempt:
a try of which nobody has known for a day what came of it.
"""

Moved = Literal[
    "payment", "fee", "refund", "refund_failure", "dispute", "dispute_reversal", "dispute_fee"
]
"""What changes the balance at the payment company."""

Ending = Literal["gone", "accepted"]
"""gone: a later look found both the same. accepted: a person said that it may stay so."""

MOST_DETECTED = 1_000
"""Drifts that one run writes down. Where there are more, something else is wrong than each."""


class Drift(Value):
    """One difference. Amounts are signed, as they move the balance; None where there is none.

    `source` is the company's id of what moved the money, or the id of a try; `said` is the
    company's word for where it stands.
    """

    drift_id: UUID
    account: str
    drift: DriftClass
    kind: Moved
    source: str
    payment_id: str | None
    order_id: UUID | None
    fact_id: str | None
    at: Instant
    ours: Money | None
    theirs: Money | None
    our_mode: Mode | None
    their_mode: Mode | None
    said: str | None


class MoneySum(Value):
    """What both say was moved, in one currency and mode: how often, and minor units, signed."""

    currency: str
    mode: Mode
    movements: int
    theirs: int
    facts: int
    ours: int


class ForeignSum(Value):
    """What others moved on the same account, in one currency and mode: how often, and minor units.

    Signed as it moved the balance. It is no part of what is compared.
    """

    currency: str
    mode: Mode
    movements: int
    minor: int


class DriftCount(Value):
    """How many drifts of a class were found."""

    drift: DriftClass
    found: int


class ReconciliationReceipt(Value):
    """What one reconciliation looked at and found.

    `mended`: taken into the books by it, as a notice would have been. `left_out`: drifts that were
    found and not written down one by one, for there were too many.
    """

    account: str
    mode: Mode
    since: Instant
    until: Instant
    sums: tuple[MoneySum, ...]
    found: tuple[DriftCount, ...]
    mended: int
    left_out: int
    foreign: tuple[ForeignSum, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """Whose account the books belong to; `moved_at` where they had another before."""

    account: str
    mode: Mode
    moved_at: datetime | None

    def __str__(self) -> str:
        return f"{self.account} ({self.mode} mode)"


@dataclass(frozen=True, slots=True)
class DriftState:
    """A drift, and how it ended if it did."""

    drift: Drift
    detected_at: datetime
    ending: Ending | None = None
    ended_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A reconciliation that was made."""

    at: datetime
    receipt: ReconciliationReceipt


# --- facts ------------------------------------------------------------------------------


class GatewayPinned(Fact):
    """The books belong to this account; `reason` where they belonged to another before."""

    TOPIC: ClassVar[str] = "site.gateway_pinned"
    account: str
    mode: Mode
    reason: str | None

    def apply(self, site: Site) -> None:
        """Another account, or the first."""
        moved_at = self.occurred_at if site.gateway else None
        site.gateway = Pin(self.account, self.mode, moved_at)


class SettingChanged(Fact):
    """A setting that decides what figures mean has another value; `before` None at first."""

    TOPIC: ClassVar[str] = "site.setting_changed"
    name: str
    before: str | None
    after: str

    def apply(self, site: Site) -> None:
        """The value."""
        site.settings[self.name] = self.after


class Reconciled(Fact):
    """The payment company's movements were held against our money facts."""

    TOPIC: ClassVar[str] = "site.reconciled"
    receipt: ReconciliationReceipt

    def apply(self, site: Site) -> None:
        """The latest look."""
        site.reconciliation = Reconciliation(self.occurred_at, self.receipt)


class DriftDetected(Fact):
    """A difference is there that was not there before."""

    TOPIC: ClassVar[str] = "site.drift_detected"
    drift: Drift

    def apply(self, site: Site) -> None:
        """One open drift more."""
        site.drifts[self.drift.drift_id] = DriftState(self.drift, self.occurred_at)


class DriftResolved(Fact):
    """A difference is there no more, or may stay."""

    TOPIC: ClassVar[str] = "site.drift_resolved"
    drift_id: UUID
    ending: Ending
    reason: str | None

    def apply(self, site: Site) -> None:
        """One open drift less."""
        state = site.drifts[self.drift_id]
        site.drifts[self.drift_id] = DriftState(
            state.drift, state.detected_at, self.ending, self.occurred_at, self.reason
        )


# --- what may be asked ------------------------------------------------------------------


class MoneyWatch(Aggregate):
    """The part of the site that watches over its money."""

    def __init__(self) -> None:
        self.gateway: Pin | None = None
        self.settings: dict[str, str] = {}
        self.reconciliation: Reconciliation | None = None
        self.drifts: dict[UUID, DriftState] = {}

    def pin_gateway(self, account: str, mode: Mode, *, stamp: Stamp) -> None:
        """Belong to this account from now on. Again is no news; another is GatewayChanged."""
        if self.gateway is None:
            self._pin(account, mode, None, stamp)
        elif not self._is_pinned_to(account, mode):
            raise GatewayChanged(pinned=self.gateway, found=Pin(account, mode, None))

    def repin_gateway(self, account: str, mode: Mode, reason: str, *, stamp: Stamp) -> None:
        """Move to another account on purpose. The same account is no news.

        Raises RealMoneyStays.
        """
        if self._is_pinned_to(account, mode):
            return
        if self.gateway is not None and (self.gateway.mode, mode) == ("live", "test"):
            raise RealMoneyStays
        self._pin(account, mode, texts.reason(reason), stamp)

    def change_setting(self, name: str, value: str, *, stamp: Stamp) -> None:
        """A setting has this value from now on. The same again is no news."""
        before = self.settings.get(name)
        if before != value:
            self.record(SettingChanged, stamp=stamp, name=name, before=before, after=value)

    @property
    def open_drifts(self) -> list[DriftState]:
        """Differences that a person should look at, the oldest first."""
        return [state for state in self.drifts.values() if state.ending is None]

    def reconcile(
        self, receipt: ReconciliationReceipt, found: Sequence[Drift], *, stamp: Stamp
    ) -> None:
        """Keep what a reconciliation found, of which every open drift of its account was a part.

        What was found before is no news; what was accepted stays accepted; what is open and was
        not found is resolved.
        """
        news = list(self._news(found))
        left_out = len(news[MOST_DETECTED:])
        receipt = receipt.model_copy(update={"left_out": left_out})
        self.record(Reconciled, stamp=stamp, receipt=receipt)
        for drift in news[:MOST_DETECTED]:
            self.record(DriftDetected, stamp=stamp, drift=drift)
        still_there = {drift.drift_id for drift in found}
        for state in self.open_drifts:
            drift = state.drift
            if drift.account == receipt.account and drift.drift_id not in still_there:
                self._resolve(drift.drift_id, "gone", None, stamp)

    def accept_drift(self, drift_id: UUID, reason: str, *, stamp: Stamp) -> None:
        """Let a difference stay: a person looked at it. Twice is no news; NotFound."""
        state = self.drifts.get(drift_id)
        if state is None:
            raise NotFound(what="drift", id=drift_id)
        reason = texts.reason(reason)
        if state.ending is None:
            self._resolve(drift_id, "accepted", reason, stamp)

    def _news(self, found: Sequence[Drift]) -> Iterator[Drift]:
        for drift in found:
            state = self.drifts.get(drift.drift_id)
            if state is None or state.ending == "gone":
                yield drift

    def _resolve(self, drift_id: UUID, ending: Ending, reason: str | None, stamp: Stamp) -> None:
        self.record(DriftResolved, stamp=stamp, drift_id=drift_id, ending=ending, reason=reason)

    def _is_pinned_to(self, account: str, mode: Mode) -> bool:
        pin = self.gateway
        return pin is not None and (pin.account, pin.mode) == (account, mode)

    def _pin(self, account: str, mode: Mode, reason: str | None, stamp: Stamp) -> None:
        self.record(GatewayPinned, stamp=stamp, account=account, mode=mode, reason=reason)
