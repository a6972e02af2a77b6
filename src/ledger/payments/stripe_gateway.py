"""Stripe as a payment company: Gateway over Stripe's official SDK.

The clock is ours: one PaymentIntent for each charge, never a subscription of Stripe's. The saved
method lives in the ledger and is named each time; a customer's default is never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from ledger.clock import Clock
from ledger.errors import LedgerError
from ledger.money import Money
from ledger.payments.balance import Dispute, Movement
from ledger.payments.gateway import (
    Customer,
    Decline,
    GatewayError,
    Identity,
    Mode,
    Notice,
    ParamsDrift,
    Payment,
    Purpose,
    Refund,
    Rejected,
    Resolved,
    Setup,
)
from ledger.payments.stripe_amounts import from_stripe, to_stripe
from ledger.payments.stripe_api import (
    REFUND_PARTS,
    FailureRepeated,
    Json,
    StripeApi,
    answered,
)
from ledger.payments.stripe_asking import Asking, is_object
from ledger.payments.stripe_customers import StripeCustomers
from ledger.payments.stripe_notices import StripeNotices
from ledger.payments.stripe_reading import (
    ATTEMPT,
    LEDGER,
    REFUND,
    id_of,
    method_of,
    movements_of,
    payment_of,
    refund_of,
    setup_of,
)

if TYPE_CHECKING:
    from stripe import HTTPClient
    from stripe.params import PaymentIntentCreateParams

KEYS = ("sk_test_", "rk_test_", "sk_live_", "rk_live_")
SECRET = "whsec_"  # noqa: S105 -- how they begin
CANCELLABLE = frozenset({"requires_action", "requires_confirmation", "requires_payment_method"})


class StripeMisconfigured(LedgerError):
    """The settings for Stripe can't be used: {why}."""

    code = "stripe_misconfigured"


class StripeGateway:
    """Implements Gateway. `ledger` marks what is ours, where others use the same account.

    `mandate_cap` is what an Indian card's mandate allows that is given without a charge. Raises
    StripeMisconfigured when made with a key or a secret that is none.
    """

    def __init__(
        self,
        *,
        key: str,
        account: str,
        webhook_secrets: Sequence[str],
        ledger: str,
        clock: Clock,
        mandate_cap: Money,
        http_client: HTTPClient | None = None,
    ) -> None:
        if not key.startswith(KEYS):
            raise StripeMisconfigured(why="the key is neither a secret nor a restricted key")
        if not account.startswith("acct_"):
            raise StripeMisconfigured(why="the account's id begins with acct_")
        if not all(len(each) > len(SECRET) and each.startswith(SECRET) for each in webhook_secrets):
            raise StripeMisconfigured(why="a secret of notices begins with whsec_")
        self.mode: Mode = "live" if "_live_" in key else "test"
        self.api = StripeApi(key, http_client)
        self._ledger, self._clock = ledger, clock
        self._asks = Asking(self.api, ledger, mandate_cap, clock)
        self._secrets = tuple(webhook_secrets)
        self._notices = StripeNotices(
            self.api, clock, account=account, mode=self.mode, ledger=ledger
        )
        self._customers = StripeCustomers(self.api, ledger)

    def identify(self) -> Identity:
        """The account behind the key."""
        return Identity(self.api.account()["id"], self.mode)

    def ensure_customer(self, *, member_id: UUID, known: str | None = None) -> Customer:
        """The member's one customer: `known`, unless it is gone; else found, or made."""
        return self._customers.ensure(member_id, known)

    # --- saved methods ----------------------------------------------------------------

    def start_setup(
        self, *, attempt: UUID, customer_id: str, method: str, purpose: Purpose = "recurring"
    ) -> Setup:
        """Save a method for later charges."""
        made = self._setup_made(attempt, method)
        if made is not None:
            return self.get_setup(setup_id=made)
        params = self._asks.setup(attempt, customer_id, method, purpose)
        with answered(attempt), self._forgetting_customers():
            return setup_of(self.api.create_setup(params, str(attempt)))

    def get_setup(self, *, setup_id: str) -> Setup:
        """The setup as it stands now."""
        with answered(setup_id):
            return setup_of(self.api.setup(setup_id))

    def start_checkout(self, *, attempt: UUID, customer_id: str, back_to: str) -> str:
        """The address of a page of Stripe's on which the member gives a method to be saved.

        It sends them to `back_to`, with the session's id after it. Raises what a Gateway raises.
        """
        with answered(attempt), self._forgetting_customers():
            asked = self._asks.checkout(attempt, customer_id, back_to)
            return str(self.api.create_checkout(asked, str(attempt))["url"])

    def finish_checkout(self, *, session_id: str) -> Setup:
        """What came of such a page, as it stands now.

        Rejected where there was no such page, or where nothing was given on it.
        """
        with answered(session_id):
            session = self.api.checkout(session_id)
            setup_id = id_of(session.get("setup_intent"))
            if setup_id is None or not self._notices.is_ours(session):
                raise Rejected(why="nothing was saved on such a page")
            return setup_of(self.api.setup(setup_id))

    def detach_method(self, *, method_id: str) -> None:
        """Forget a saved method: it is never charged again."""
        if self.api.method(method_id).get("customer"):
            self.api.detach_method(method_id)
        elif not self._was_saved(method_id):
            raise Rejected(why="there is no such saved payment method")

    # --- payments ---------------------------------------------------------------------

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
        """Take money while the person is present."""
        if save and is_object(method):
            # How it is sent depends on whether the method is attached: perhaps by this attempt.
            made = self.find_payment(attempt=attempt, customer_id=customer_id)
            if made is not None:
                return _as_asked(made, amount)
        try:
            saved_for = purpose if save else None
            params = self._asks.onsession(attempt, customer_id, method, amount, saved_for)
        except Rejected:
            # A page's token lives for half a day: the payment may be made, and the token gone.
            made = self.find_payment(attempt=attempt, customer_id=customer_id)
            if made is None:
                raise
            return made
        return self._pay(attempt, customer_id, method, amount, params)

    def close_onsession(self, *, payment_id: str) -> Payment:
        """Cancel a payment that waits for the person; any other is answered as it stands.

        One that was declined is cancelled too, unseen: a page that is still open could pay it.
        """
        found = self.api.payment(payment_id)
        if found["status"] in CANCELLABLE:
            try:
                found = self.api.cancel_payment(payment_id)
            except Rejected:  # it moved on meanwhile
                found = self.api.payment(payment_id)
        with answered(payment_id):
            return payment_of(found)

    def charge_offsession(
        self,
        *,
        attempt: UUID,
        customer_id: str,
        method_id: str,
        amount: Money,
        purpose: Purpose = "recurring",
    ) -> Payment:
        """Take money with a saved method while the person is away."""
        params = self._asks.offsession(attempt, customer_id, method_id, amount, purpose)
        return self._pay(attempt, customer_id, method_id, amount, params)

    def get_payment(self, *, payment_id: str) -> Payment:
        """The payment as it stands now."""
        with answered(payment_id):
            found = self.api.payment(payment_id)
            if not self._notices.is_ours(found):
                raise Rejected(why="there is no such payment")
            return payment_of(found)

    def find_payment(self, *, attempt: UUID, customer_id: str) -> Payment | None:
        """The customer's payment that was made for an attempt; None proves there is none."""
        with answered(attempt):
            for found in self.api.payments_of(customer_id):
                if found["metadata"].get(ATTEMPT) == str(attempt):
                    return payment_of(self.api.payment(found["id"]))
        return None

    # --- money back -------------------------------------------------------------------

    def refund(self, *, refund_id: UUID, payment_id: str, amount: Money) -> Refund:
        """Send money back, at most what is left of the payment.

        Stripe forgets a key after a day, so the payment's refunds are looked at first.
        """
        with answered(refund_id):
            payment = self.api.payment(payment_id)
            for made in self.api.refunds_of(payment_id):
                if made["metadata"].get(REFUND) == str(refund_id):
                    refund = refund_of(made, self.mode)
                    if refund.amount != amount:
                        raise ParamsDrift(key=refund_id)
                    return refund
            made = self.api.create_refund(
                {
                    "payment_intent": payment_id,
                    "amount": _at_most_left(payment, amount),
                    "metadata": {LEDGER: self._ledger, REFUND: str(refund_id)},
                    "expand": REFUND_PARTS,
                },
                str(refund_id),
            )
            return refund_of(made, self.mode)

    def get_refund(self, *, gateway_refund_id: str) -> Refund:
        """The refund as it stands now."""
        with answered(gateway_refund_id):
            return refund_of(self.api.refund(gateway_refund_id), self.mode)

    def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        """What moved our balance at or after `since` and before `until`, oldest first."""
        with answered("balance"):
            found = self.api.balance({"gte": _seconds(since), "lt": _seconds(until)})
            moved = [movement for each in found for movement in movements_of(each, self.mode)]
        return sorted(moved, key=lambda movement: (movement.at, movement.id))

    # --- notices ----------------------------------------------------------------------

    def verify_notice(self, raw: bytes, headers: Mapping[str, str]) -> Notice:
        """The notice that was sent to us. Asks nobody."""
        return self._notices.verify(raw, headers, self._secrets)

    def resolve(self, notice: Notice) -> Resolved:
        """What the notice is about, fetched as it stands now."""
        return self._notices.resolve(notice)

    def list_notices(self, *, since: datetime) -> Sequence[Notice]:
        """Every notice made at or after `since`, oldest first; Stripe keeps 30 days of them."""
        return self._notices.listed(since)

    def get_dispute(self, *, dispute_id: str) -> Dispute:
        """The dispute as it stands now."""
        return self._notices.dispute(dispute_id)

    # --- within -----------------------------------------------------------------------

    @contextmanager
    def _forgetting_customers(self) -> Iterator[None]:
        """Ask about customers again after a refusal: the one it was for may be gone."""
        try:
            yield
        except Rejected:
            self._customers.forget()
            raise

    def _pay(
        self,
        attempt: UUID,
        customer_id: str,
        method: str,
        amount: Money,
        params: PaymentIntentCreateParams,
    ) -> Payment:
        with answered(attempt):
            try:
                return payment_of(self.api.create_payment(params, str(attempt)))
            except FailureRepeated:
                found = self.find_payment(attempt=attempt, customer_id=customer_id)
                if found is None:
                    raise
                return found
            except Rejected:
                self._customers.forget()
                gone = self._with_gone_method(attempt, customer_id, method, amount)
                if gone is None:
                    raise
                return gone

    def _setup_made(self, attempt: UUID, method: str) -> str | None:
        """The setup that the attempt led to, where the method has changed by it since."""
        if not is_object(method):
            return None
        with answered(attempt):
            found = self.api.setups_with(method)
            ours = (each for each in found if each["metadata"].get(ATTEMPT) == str(attempt))
            return next((str(each["id"]) for each in ours), None)

    def _with_gone_method(
        self, attempt: UUID, customer_id: str, method: str, amount: Money
    ) -> Payment | None:
        """The decline of a method that was saved once and is gone: Stripe makes no payment of it.

        None where the refusal has another reason.
        """
        if not is_object(method):
            return None
        try:
            found = self._gone(method, customer_id)
        except GatewayError:
            return None
        if found is None:
            return None
        return Payment(
            id=f"unmade_{attempt.hex}",
            attempt=attempt,
            customer_id=customer_id,
            amount=amount,
            status="failed",
            method=method_of(found),
            decline=Decline("update_method", "method_detached"),
            action=None,
            made_at=self._clock.now(),
            settled_at=None,
            mode=self.mode,
        )

    def _gone(self, method_id: str, customer_id: str) -> Json | None:
        """What is left of a method that was taken from its customer, or was deleted with them."""
        try:
            found = self.api.method(method_id)
        except Rejected:
            found = {"id": method_id, "type": "unknown", "customer": customer_id}
        owner = found.get("customer")
        if self._customers.is_gone(owner or customer_id):
            return found
        return found if owner is None and self._was_saved(method_id) else None

    def _was_saved(self, method_id: str) -> bool:
        """Whether a payment method that belongs to nobody ever belonged to somebody."""
        if any(each["status"] == "succeeded" for each in self.api.setups_with(method_id)):
            return True
        endings = self.api.events(["payment_method.detached"], 0)
        return any(each["data"]["object"]["id"] == method_id for each in endings)


def _as_asked(made: Payment, amount: Money) -> Payment:
    if made.amount != amount:
        raise ParamsDrift(key=made.attempt)
    return made


def _seconds(instant: datetime) -> int:
    """The first whole second at or after an instant: Stripe knows no finer time."""
    return -int(-instant.timestamp() // 1)


def _at_most_left(payment: Json, amount: Money) -> int:
    charge = payment["latest_charge"] if payment["status"] == "succeeded" else None
    counted = charge["amount_captured"] - charge["amount_refunded"] if charge else 0
    left = from_stripe(counted, payment["currency"])
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise Rejected(why=f"{left} is left to refund, {amount} was asked")
    return to_stripe(amount)
