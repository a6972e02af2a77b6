"""What stands in the emulated Stripe's books, and the clock it stands there by."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ledger.clock import VirtualClock
from ledger.payments.gateway import Decline
from ledger.payments.sandbox_cards import EXPIRED, Manner, PresentedCard, presented
from tests.payments.stripe import objects

Json = dict[str, Any]

HOUR = 3600
DAY = 24 * HOUR


class Refusal(Exception):
    """What Stripe answers instead of doing what was asked."""

    def __init__(self, status: int, kind: str, code: str | None = None, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.error: Json = {"type": kind, "message": f"Emulated: {code}.", **more}
        if code:
            self.error["code"] = code


def invalid(code: str | None, param: str | None = None, status: int = 400) -> Refusal:
    """A call that makes no sense, so that nothing happened."""
    more = {"param": param} if param else {}
    return Refusal(status, "invalid_request_error", code, **more)


@dataclass
class Company:
    """Objects by id, the events about them, and what is still to happen."""

    clock: VirtualClock
    api_version: str
    account: str = "acct_emulated"
    kept: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    cards: dict[str, PresentedCard] = field(default_factory=dict)
    """What is behind a payment method or a page's token."""
    mandates: dict[str, str] = field(default_factory=dict)
    """The mandate of a payment method."""
    disputes: dict[str, str] = field(default_factory=dict)
    """The dispute of a charge."""
    wishes: dict[str, bool] = field(default_factory=dict)
    """Whether an intent asked for a mandate."""
    used: set[str] = field(default_factory=set)
    """Payment methods that were used: one that belongs to nobody is used once."""
    _due: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _during: int | None = None

    @property
    def now(self) -> int:
        """The present second; that of what is late, while it is caught up with."""
        return self._during or int(self.clock.now().timestamp())

    def tick(self) -> None:
        """Let everything happen that was due by now, each at its own time."""
        while self._due and self._due[0][0] <= self.now:
            self._during, _, act = heapq.heappop(self._due)
            try:
                act()
            finally:
                self._during = None

    def later(self, seconds: int, act: Callable[[], None]) -> None:
        """Let something happen in so many seconds."""
        self._count += 1
        heapq.heappush(self._due, (self.now + seconds, self._count, act))

    def new_id(self, prefix: str) -> str:
        """An id; a later one sorts after an earlier one."""
        self._count += 1
        return f"{prefix}_{self._count:08}"

    def keep(self, made: Json) -> Json:
        """Put a new object into the books."""
        self.kept[made["id"]] = made
        return made

    def get(self, id_: Any, kind: str, param: str | None = None) -> Json:
        """An object of a kind, or Stripe's answer for what does not exist.

        What is named by a parameter is to be used; a customer that was deleted can only be read.
        """
        found = self.kept.get(id_)
        gone = found is None or found.get("expires_at", self.now) < self.now
        gone = gone or bool(found and param and found.get("deleted"))
        if found is None or gone or found["object"] != kind:
            missing = invalid("resource_missing", param or kind, 400 if param else 404)
            missing.error["message"] = f"No such {kind}: '{id_}'"
            raise missing
        return found

    def all(self, kind: str) -> Iterator[Json]:
        """Every object of a kind, latest first."""
        return (made for made in reversed(self.kept.values()) if made["object"] == kind)

    def tell(self, kind: str, about: Json, **before: Any) -> None:
        """Make an event: the object as it is now, and what was different before."""
        data = {"object": deepcopy(about)}
        if before:
            data["previous_attributes"] = before
        made = objects.event(self.new_id("evt"), self.now, kind, data, self.api_version)
        self.events.append(made)

    # --- cards ------------------------------------------------------------------------

    def collect(self, name: str) -> str:
        """What a page's Payment Element makes of a test card: a token."""
        token = objects.confirmation_token(self.new_id("ctoken"), self.now, presented(name))
        self.cards[token["id"]] = presented(name)
        return str(self.keep(token)["id"])

    def method_in(self, asked: Json) -> Json:
        """The payment method of a call: given by id, as a test card's name, or in a token."""
        token = asked.get("confirmation_token")
        if token:
            self.get(token, "confirmation_token", "confirmation_token")
            return self._method(self.cards[token])
        name = asked.get("payment_method", "")
        if name.startswith("pm_card_"):
            return self._method(presented(name))
        return self.get(name, "payment_method", "payment_method")

    def manner(self, method: Json, *, away: bool) -> Manner:
        """How a use of a payment method ends."""
        shown = self.cards[method["id"]]
        now = self.clock.now()
        if (shown.exp_year, shown.exp_month) < (now.year, now.month):
            return EXPIRED
        if away and shown.card.mandated and not self._may_debit(method["id"]):
            return Manner(status="failed", decline=Decline("mandate", "mandate_invalid"))
        return shown.card.away if away else shown.card.present

    def give_mandate(self, method_id: str) -> Json:
        """The person gave their bank a mandate for a payment method."""
        made = objects.mandate(self.new_id("mandate"), self.now, method_id)
        self.mandates[method_id] = made["id"]
        return self.keep(made)

    def _may_debit(self, method_id: str) -> bool:
        mandate = self.kept.get(self.mandates.get(method_id, ""))
        return mandate is not None and mandate["status"] == "active"

    def _method(self, shown: PresentedCard) -> Json:
        made = objects.payment_method(self.new_id("pm"), self.now, shown)
        self.cards[made["id"]] = shown
        return self.keep(made)

    # --- the balance ------------------------------------------------------------------

    def move(self, kind: str, source: Json, amount: int, fee: int = 0) -> Json:
        """Change the balance."""
        made = objects.balance_transaction(self.new_id("txn"), self.now, kind, amount, fee)
        return self.keep({**made, "source": source["id"], "currency": source["currency"]})
