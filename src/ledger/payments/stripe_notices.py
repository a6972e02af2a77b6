"""Stripe's notices: whether to believe one, and what it is about.

A notice is a hint. What is believed of it is its id, its kind and which object it names; the object
is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger.clock import Clock
from ledger.payments.balance import Dispute
from ledger.payments.gateway import (
    MethodChange,
    Mode,
    Notice,
    NoticeRejected,
    Observation,
    Resolved,
)
from ledger.payments.stripe_api import Json, StripeApi, answered, api_version
from ledger.payments.stripe_reading import (
    LEDGER,
    at,
    change_of,
    dispute_of,
    fee_of,
    id_of,
    is_open,
    mandate_of,
    payment_of,
    refund_of,
    setup_of,
)

SIGNATURE = "stripe-signature"
FRESH_SECONDS = 600
"""How far a signature's time may be from ours, either way."""

ABOUT_PAYMENTS = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.updated",
]
ABOUT_METHODS = [
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "mandate.updated",
    "payment_method.detached",
    "payment_method.automatically_updated",
    "customer.deleted",
]
EVENTS = [*ABOUT_PAYMENTS, *ABOUT_METHODS]
"""What Stripe is asked to tell. A list of events takes at most twenty kinds at a time."""

DECIDING = [
    "charge.dispute.closed",
    "charge.dispute.updated",
    "charge.dispute.funds_reinstated",
]
"""What tells that a bank decided, perhaps otherwise than before."""

FOREIGN = Resolved(foreign=True)


class StripeNotices:
    """Believes, lists and resolves notices for one account, mode and ledger."""

    def __init__(
        self, api: StripeApi, clock: Clock, *, account: str, mode: Mode, ledger: str
    ) -> None:
        self._api, self._clock = api, clock
        self._account, self._mode, self._ledger = account, mode, ledger

    def verify(self, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> Notice:
        """The notice in a body, once its signature, age, account, mode and version are right."""
        header = next((v for name, v in headers.items() if name.lower() == SIGNATURE), "")
        event = self._api.signed_event(raw, header, secrets)
        if event is None:
            raise NoticeRejected(why="it is not signed with a secret of ours")
        if abs(self._clock.now().timestamp() - _signed_at(header)) > FRESH_SECONDS:
            raise NoticeRejected(why="its signature is not of now")
        if not isinstance(event.get("id"), str) or event.get("object") != "event":
            raise NoticeRejected(why="it is no event")
        if event.get("api_version") != api_version():
            raise NoticeRejected(why=f"it does not speak the version {api_version()}")
        if event.get("account", self._account) != self._account:
            raise NoticeRejected(why="it is of another account")
        if event.get("livemode") is not (self._mode == "live"):
            raise NoticeRejected(why="it is of the other mode")
        try:
            return self._notice(event, raw).require_sound(self._clock.now())
        except (
            AttributeError,
            ArithmeticError,
            LookupError,
            OSError,
            TypeError,
            ValueError,
        ) as bad:
            raise NoticeRejected(why="it lacks what every event has") from bad

    def listed(self, since: datetime) -> list[Notice]:
        """Every event since an instant that we ask for, oldest first, also those never sent."""
        seconds = -int(-since.timestamp() // 1)
        found = [
            event
            for types in (ABOUT_PAYMENTS, ABOUT_METHODS)
            for event in self._api.events(types, seconds)
            if event.get("account", self._account) == self._account
        ]
        with answered("events"):
            found.sort(key=lambda event: (event["created"], event["id"]))
            return [self._notice(event, json.dumps(event).encode()) for event in found]

    def resolve(self, notice: Notice) -> Resolved:
        """What the notice is about, as it stands now."""
        kind = notice.kind.rpartition(".")[0]
        finders = {
            "payment_intent": self._payment,
            "setup_intent": self._setup,
            "checkout.session": self._checkout,
            "refund": self._refund,
            "charge.dispute": self._dispute,
            "charge": self._charge,
            "mandate": self._mandate,
            "payment_method": self._method,
            "customer": self._customer,
        }
        if notice.kind not in EVENTS:
            return FOREIGN
        with answered(notice.id):
            observations = finders[kind](notice)
            return FOREIGN if observations is None else Resolved(tuple(observations))

    def dispute(self, dispute_id: str) -> Dispute:
        """A dispute as it stands now."""
        with answered(dispute_id):
            found = self._api.dispute(dispute_id)
            return dispute_of(found, self._closed_at(found))

    def is_ours(self, found: Json) -> bool:
        """Whether an object is this ledger's: by its own mark, or else by its customer's."""
        mark = (found.get("metadata") or {}).get(LEDGER)
        if mark is None:
            return self._is_our_customer(id_of(found.get("customer")))
        return bool(mark == self._ledger)

    # --- what each kind is about; None: nothing of ours ------------------------------

    def _payment(self, notice: Notice) -> list[Observation] | None:
        found = self._api.payment(notice.object_id)
        return [payment_of(found)] if self.is_ours(found) else None

    def _setup(self, notice: Notice) -> list[Observation] | None:
        found = self._api.setup(notice.object_id)
        return [setup_of(found)] if self.is_ours(found) else None

    def _checkout(self, notice: Notice) -> list[Observation] | None:
        session = self._api.checkout(notice.object_id)
        if not self.is_ours(session):
            return None
        observed: list[Observation] = []
        if payment_id := id_of(session.get("payment_intent")):
            observed.append(payment_of(self._api.payment(payment_id)))
        if setup_id := id_of(session.get("setup_intent")):
            observed.append(setup_of(self._api.setup(setup_id)))
        return observed

    def _refund(self, notice: Notice) -> list[Observation] | None:
        found = self._api.refund(notice.object_id)
        payment = self._paid(found)
        return [payment_of(payment), refund_of(found, self._mode)] if payment else None

    def _dispute(self, notice: Notice) -> list[Observation] | None:
        found = self._api.dispute(notice.object_id)
        payment = self._paid(found)
        if payment is None:
            return None
        return [payment_of(payment), dispute_of(found, self._closed_at(found))]

    def _charge(self, notice: Notice) -> list[Observation] | None:
        found = self._api.charge(notice.object_id)
        payment = self._paid(found)
        if payment is None:
            return None
        fee = fee_of(found, payment["id"])
        return [payment_of(payment), fee] if fee else [payment_of(payment)]

    def _mandate(self, notice: Notice) -> list[Observation] | None:
        found = self._api.mandate(notice.object_id)
        method = found["payment_method"]
        return [mandate_of(found)] if self._is_our_customer(id_of(method["customer"])) else None

    def _method(self, notice: Notice) -> list[Observation] | None:
        found = self._api.method(notice.object_id)
        before = _event_in(notice)["data"].get("previous_attributes") or {}
        owner = id_of(found.get("customer")) or id_of(before.get("customer"))
        if owner is None or self._is_anothers(self._api.customer(owner)):
            return None
        return [change_of(found, owner)]

    def _customer(self, notice: Notice) -> list[Observation] | None:
        # Gone with all its methods, which nothing lists any more.
        gone = _event_in(notice)["data"]["object"]
        if self._is_anothers(gone):
            return None
        return [MethodChange(None, notice.object_id, None, self._mode)]

    # --- within -----------------------------------------------------------------------

    def _paid(self, found: Json) -> Json | None:
        """Our payment that a refund, dispute or charge is of."""
        payment_id = id_of(found.get("payment_intent"))
        payment = self._api.payment(payment_id) if payment_id else None
        return payment if payment and self.is_ours(payment) else None

    def _is_our_customer(self, customer_id: str | None) -> bool:
        if customer_id is None:
            return False
        found = self._api.customer(customer_id)
        return not found.get("deleted") and not self._is_anothers(found)

    def _is_anothers(self, customer: Json) -> bool:
        """Whether it is marked so. One that was deleted bears no mark; the books may know it."""
        if customer.get("deleted"):
            return False
        return bool((customer.get("metadata") or {}).get(LEDGER) != self._ledger)

    def _closed_at(self, dispute: Json) -> datetime | None:
        """Since when a dispute has ended so: what was lost may be won after all.

        Stripe says it in events alone; else it was when the last was moved.
        """
        if is_open(dispute):
            return None
        since = None
        for event in self._api.events(DECIDING, dispute["created"]):
            told = event["data"]["object"]
            if told["id"] == dispute["id"] and told["status"] != dispute["status"]:
                break
            since = event["created"] if told["id"] == dispute["id"] else since
        if since is not None:
            return at(since)
        moved = [each["created"] for each in dispute["balance_transactions"]]
        return at(max(moved, default=dispute["created"]))

    def _notice(self, event: Json, body: bytes) -> Notice:
        named: Mapping[str, Any] = event["data"]["object"]
        return Notice(
            id=event["id"],
            kind=event["type"],
            object_id=str(named.get("id") or ""),
            account=self._account,
            mode=self._mode,
            made_at=at(event["created"]),
            body=body,
        )


def _event_in(notice: Notice) -> Json:
    event: Json = json.loads(notice.body)
    return event


def _signed_at(header: str) -> int:
    """The time in a signature's header, read as the SDK reads it."""
    times: Iterator[str] = (part[2:] for part in header.split(",") if part.startswith("t="))
    return int(next(times))
