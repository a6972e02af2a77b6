"""What the worker does every minute: charge what is due, end what nobody paid, take up the rest.

Which orders and memberships to look at is asked of the views by whoever calls; the books decide.
Each item stands alone: one that breaks is reported, and the others go on. Where the payment company
does not answer, the run is over: it would not answer about the others either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from ledger import ids
from ledger.billing.collection import Collection
from ledger.billing.outcomes import Collected
from ledger.errors import (
    AlreadyCancelling,
    Conflict,
    LedgerError,
    MembershipEnded,
    NotDue,
    OrderSettled,
    OrderWithdrawn,
)
from ledger.facts import Actor, Cause
from ledger.payments.gateway import OutcomeUnknown
from ledger.store.refusals import AWAY

SCHEDULER = Actor(kind="scheduler")
OVERTAKEN = (AlreadyCancelling, Conflict, MembershipEnded, NotDue, OrderSettled, OrderWithdrawn)
"""Refusals that only say that the views were behind, or that another worker was faster."""

T = TypeVar("T")

Stay = tuple[UUID, UUID]
"""A member and one of their memberships."""


@dataclass(frozen=True)
class Broken:
    """An item that could not be worked on; `code` is the refusal's, or the kind of error."""

    item: UUID
    code: str
    why: str


@dataclass
class SweepReport:
    """What became of the items: how many of each outcome, and those that broke.

    `silent_about` is the item about which the payment company did not answer: the last of the run.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    silent_about: UUID | None = None

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a person."""
        return not self.broken


class Sweep:
    """One run over items, each with a cause of its own that is derived from the run's.

    `before_each` may raise, to break the run off; so does a database that can't be reached.
    """

    def __init__(
        self, collection: Collection, run: Cause, *, before_each: Callable[[], None] | None = None
    ) -> None:
        self._collection, self._run = collection, run
        self._before_each = before_each
        self.report = SweepReport()

    def charge(self, due: Iterable[Stay]) -> None:
        """Charge memberships whose next charge or retry is due."""
        for stay in self._while_answered(due):
            self._each(stay[1], self._charged, *stay)

    def lapse(self, unpaid: Iterable[Stay]) -> None:
        """End memberships whose grace is over."""
        for stay in unpaid:
            self._each(stay[1], self._lapsed, *stay)

    def resume(self, order_ids: Iterable[UUID]) -> None:
        """Take up orders with an open attempt, or with a refund that is not settled.

        One that has waited for the person too long is given up (DU6, DI4).
        """
        for order_id in self._while_answered(order_ids):
            self._each(order_id, self._resumed, order_id)

    def look_again(self, order_ids: Iterable[UUID]) -> None:
        """Look at refunds that were made and may still come back."""
        for order_id in self._while_answered(order_ids):
            self._each(order_id, self._looked_at, order_id)

    # --- within -----------------------------------------------------------------------

    def _charged(self, member_id: UUID, membership_id: UUID, *, cause: Cause) -> str:
        charged = self._collection.charge_due(member_id, membership_id, cause=cause)
        return self._heard(membership_id, charged)

    def _lapsed(self, member_id: UUID, membership_id: UUID, *, cause: Cause) -> str:
        ledger = self._collection.ledger
        ended = ledger.lapse(member_id, membership_id, by=SCHEDULER, cause=cause)
        return "lapsed" if ended else "not_yet"

    def _resumed(self, order_id: UUID, *, cause: Cause) -> str:
        return self._heard(order_id, self._collection.resume(order_id, cause=cause))

    def _looked_at(self, order_id: UUID, *, cause: Cause) -> str:
        came_back = self._collection.refunds.look_again(order_id, cause=cause)
        return "came_back" if came_back else "still_made"

    def _heard(self, item: UUID, collected: Collected) -> str:
        if collected.is_silent:
            self.report.silent_about = item
        return collected.outcome

    def _while_answered(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            if self.report.silent_about is not None:
                return
            yield item

    def _each(self, item: UUID, act: Callable[..., str], *asked: UUID) -> None:
        if self._before_each is not None:
            self._before_each()
        cause = Cause(kind=self._run.kind, id=ids.derived(self._run.id, item))
        try:
            outcome = act(*asked, cause=cause)
        except OVERTAKEN:
            outcome = "overtaken"
        except OutcomeUnknown:
            outcome, self.report.silent_about = "unknown", item
        except AWAY:
            raise  # nothing is wrong with the item
        except LedgerError as refusal:
            self.report.broken.append(Broken(item, refusal.code, str(refusal)))
            return
        except Exception as error:  # noqa: BLE001 -- reported; the others' money must not wait
            self.report.broken.append(Broken(item, type(error).__name__, str(error)))
            return
        self.report.outcomes[outcome] += 1
