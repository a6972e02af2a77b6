"""What the ledger needs of a payment company, in the ledger's own words.

What holds for every implementation; one contract suite proves it:

- A decline is a value: the payment's status is `failed` and its `decline` says which kind.
- Only `OutcomeUnknown`, `Rejected` and `ParamsDrift` are raised.
- Whatever moves money or saves a method names its id beforehand (the attempt's or the refund's),
  which is the idempotency key: the same call again answers for the same payment, as it stands now.
- A notice is a hint: what is believed is the object that `resolve` fetches, as it stands now.
- What was made at the company behind our back has no id of ours: its `attempt` or `refund_id` is
  `ids.observed` of the company's id (a UUID version 5), the same whenever it is looked at (OR7).

No card number ever passes here: a page hands over the token that the company's script made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from ledger.errors import LedgerError
from ledger.money import Money
from ledger.payments.balance import Dispute, Fee, Movement

Mode = Literal["test", "live"]
"""Test money is never added to real money (OR9)."""

Category = Literal["soft", "hard", "update_method", "action_required", "mandate", "config"]
"""What a decline asks for.

soft: time; the same method may work on a later day. hard: another method, and no retry.
update_method: the card expired or is gone, the member renews it. action_required: the member
authenticates. mandate: the right to debit is missing or ended. config: our own settings.
"""

LONGEST_NAME = 255
"""Characters of a notice's id or kind, or of what it is about."""
EARLIEST, AHEAD = datetime(2000, 1, 1, tzinfo=UTC), timedelta(minutes=10)
"""When a notice may have been made: not before, and not so long after now."""

Purpose = Literal["recurring", "instalment"]
"""What a saved method is charged for: card networks are told both when it is saved and each time.

recurring: for as long as the membership goes on. instalment: parts of one price, a known number.
"""

PaymentStatus = Literal["action_required", "pending", "succeeded", "failed", "cancelled"]
SetupStatus = Literal["action_required", "succeeded", "failed"]
RefundStatus = Literal["pending", "succeeded", "failed"]
MandateStatus = Literal["active", "pending", "inactive"]


class GatewayError(LedgerError):
    """The payment company could not do what was asked."""

    code = "gateway_error"


class OutcomeUnknown(GatewayError):
    """The payment company did not answer about {key}; money may have moved.

    The attempt stays open. Only the same key may be sent again, or the payment looked up.
    """

    code = "outcome_unknown"


class Rejected(GatewayError):
    """The payment company refused to try: {why}.

    Nothing happened, for certain.
    """

    code = "gateway_rejected"


class ParamsDrift(GatewayError):
    """The key {key} was sent before with other parameters.

    This is a mistake of ours, never mended by a new key: a new key could charge twice.
    """

    code = "params_drift"


class NoticeRejected(GatewayError):
    """The notice can't be trusted: {why}.

    Nothing was read of it and nothing is done.
    """

    code = "notice_rejected"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose account at the payment company this is, and whether its money is real."""

    account: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Customer:
    """A member, as the payment company knows them."""

    id: str
    member_id: UUID
    mode: Mode


@dataclass(frozen=True, slots=True)
class Method:
    """A card: what may be shown of it, and whether it can be charged again by its id.

    `fingerprint` is the same wherever the same card number is used.
    """

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str
    fingerprint: str
    reusable: bool


@dataclass(frozen=True, slots=True)
class Decline:
    """Why money did not move: the kind, which decides what happens next, and the exact code."""

    category: Category
    code: str


@dataclass(frozen=True, slots=True)
class Setup:
    """A try to save a method without a charge.

    `method` is there once it succeeded. `action` is what the page hands to the person's bank
    while the status is `action_required`. `member_id` is whose customer it is, while the company
    knows them.
    """

    id: str
    attempt: UUID
    customer_id: str
    status: SetupStatus
    method: Method | None
    decline: Decline | None
    action: str | None
    made_at: datetime
    mode: Mode
    member_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to take money.

    `settled_at` is when the money moved, only of a payment that succeeded. `action` is what the
    page hands to the person's bank while the status is `action_required`.
    """

    id: str
    attempt: UUID
    customer_id: str
    amount: Money
    status: PaymentStatus
    method: Method
    decline: Decline | None
    action: str | None
    made_at: datetime
    settled_at: datetime | None
    mode: Mode


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back.

    A refund that succeeded may still fail days later, when the person's bank sends it back.
    `settled_at` is when its present status began; None while it is pending. `moved_at` is when the
    money left our balance, also of one that failed since; None where it never did.
    """

    id: str
    refund_id: UUID
    payment_id: str
    amount: Money
    status: RefundStatus
    failure: str | None
    made_at: datetime
    moved_at: datetime | None
    settled_at: datetime | None
    mode: Mode


@dataclass(frozen=True, slots=True)
class MethodChange:
    """A saved method that is gone, or that the card's network renewed by itself.

    `method` is what it is now; None once it is gone. Without a `method_id` the whole customer was
    deleted, and with them whatever was saved.
    """

    method_id: str | None
    customer_id: str | None
    method: Method | None
    mode: Mode


@dataclass(frozen=True, slots=True)
class Mandate:
    """The right to debit a saved method, as its bank sees it now."""

    id: str
    method_id: str
    status: MandateStatus
    mode: Mode


Observation = Payment | Refund | Dispute | Fee | Setup | MethodChange | Mandate
"""Something at the company as it stands now."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the company posts to our route, byte for byte, and its headers. Not yet believed."""

    raw: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """That something happened, in the company's words; `body` is what was sent, byte for byte.

    `kind` is the company's name for what happened, `object_id` what it happened to.
    """

    id: str
    kind: str
    object_id: str
    account: str
    mode: Mode
    made_at: datetime
    body: bytes

    def require_sound(self, now: datetime) -> Notice:
        """Itself, if it can be kept and worked on; raises NoticeRejected.

        One that was made before all payment companies, or is yet to be made, or whose names no
        database takes, would be sent again for days, or stop those that wait behind it.
        """
        names = (self.id, self.kind, self.object_id)
        if not self.id or any(len(name) > LONGEST_NAME for name in names):
            raise NoticeRejected(why="it has no name, or one too long")
        if not all(name.isprintable() for name in names):
            raise NoticeRejected(why="its names hold characters that can't be kept")
        if not EARLIEST <= self.made_at <= now + AHEAD:
            raise NoticeRejected(why="it was made at no time that can be")
        return self


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a notice came to: the observations, or that it is `foreign`: about nothing of ours.

    A payment comes before what is about it (its fee, a refund, a dispute), so that whoever takes
    them in one by one knows the payment even if the notice of it was lost or comes later.
    """

    observations: Sequence[Observation] = ()
    foreign: bool = False


class Gateway(Protocol):
    """A payment company. Every call may raise OutcomeUnknown and Rejected."""

    def identify(self) -> Identity:
        """The account behind our credentials."""
        ...

    def ensure_customer(self, *, member_id: UUID, known: str | None = None) -> Customer:
        """The member's one customer: `known` while it stands, else made with their id as key."""
        ...

    def start_setup(
        self, *, attempt: UUID, customer_id: str, method: str, purpose: Purpose = "recurring"
    ) -> Setup:
        """Save a method for later charges; `method` is the token a page was given for it.

        The person is present. Raises ParamsDrift.
        """
        ...

    def get_setup(self, *, setup_id: str) -> Setup:
        """The setup as it stands now."""
        ...

    def start_onsession(
        self,
        *,
        attempt: UUID,
        customer_id: str,
        method: str,
        amount: Money,
        save: bool,
        purpose: Purpose = "recurring",
    ) -> Payment:
        """Take money while the person is present.

        `method` is the token a page was given, or a saved method's id. With `save`, a token that
        was paid with becomes a method that can be charged again, for `purpose`. Raises ParamsDrift.
        """
        ...

    def close_onsession(self, *, payment_id: str) -> Payment:
        """Cancel a payment that waits for the person; any other is answered as it stands."""
        ...

    def charge_offsession(
        self,
        *,
        attempt: UUID,
        customer_id: str,
        method_id: str,
        amount: Money,
        purpose: Purpose = "recurring",
    ) -> Payment:
        """Take money with a saved method while the person is away. Raises ParamsDrift."""
        ...

    def get_payment(self, *, payment_id: str) -> Payment:
        """The payment as it stands now. One of another system is Rejected."""
        ...

    def find_payment(self, *, attempt: UUID, customer_id: str) -> Payment | None:
        """The customer's payment that was made for an attempt; None proves there is none."""
        ...

    def refund(self, *, refund_id: UUID, payment_id: str, amount: Money) -> Refund:
        """Send money back, at most what is left of the payment. Raises ParamsDrift."""
        ...

    def get_refund(self, *, gateway_refund_id: str) -> Refund:
        """The refund as it stands now."""
        ...

    def get_dispute(self, *, dispute_id: str) -> Dispute:
        """The dispute as it stands now."""
        ...

    def detach_method(self, *, method_id: str) -> None:
        """Forget a saved method: it is never charged again. Repeating it changes nothing."""
        ...

    def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        """What moved our balance at or after `since` and before `until`, oldest first."""
        ...

    # --- notices ----------------------------------------------------------------------

    def verify_notice(self, raw: bytes, headers: Mapping[str, str]) -> Notice:
        """The notice that was sent to us, once its signature, age, account and mode are right.

        `headers` are looked up whatever their case. Asks nobody. Raises NoticeRejected.
        """
        ...

    def resolve(self, notice: Notice) -> Resolved:
        """What the notice is about, fetched as it stands now.

        A kind that is not known, or an object of another system on the same account, is foreign.
        Raises Rejected where something of ours is meant that does not exist.
        """
        ...

    def list_notices(self, *, since: datetime) -> Sequence[Notice]:
        """Every notice made at or after `since`, oldest first, also those that never arrived."""
        ...
