"""The sandbox: a payment company in process, for the embedded default, demos and tests.

It moves no money and marks all it makes as test. It keeps its own books, as a real company does,
so that what the ledger forgot can be asked for again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from ledger.clock import Clock
from ledger.errors import Refused
from ledger.money import LARGEST_CHARGE, Money
from ledger.payments.gateway import (
    Customer,
    OutcomeUnknown,
    ParamsDrift,
    Payment,
    Purpose,
    Refund,
    Rejected,
    Setup,
)
from ledger.payments.sandbox_acts import (
    Use,
    asked_of,
    card_state,
    closed,
    forgotten,
    with_refund,
)
from ledger.payments.sandbox_books import SandboxBooks
from ledger.payments.sandbox_cards import (
    APPROVED_UP_TO,
    DETACHED,
    EXPIRED,
    FINE,
    MANDATE_ENDED,
    NOT_APPROVED,
    Manner,
    presented,
)
from ledger.payments.sandbox_company import Company
from ledger.payments.sandbox_desk import answered
from ledger.payments.sandbox_notices import Post
from ledger.payments.sandbox_signing import NoticeSecretEmpty
from ledger.payments.sandbox_states import (
    CUSTOMER,
    METHOD,
    MODE,
    SETUP,
    Asked,
    CardState,
    payment_of,
    refund_of,
    sandbox_id,
    setup_of,
    state_of,
)
from ledger.store.sandbox_sheets import KeyClaimed, Sheet


class SandboxInProduction(Refused):
    """The sandbox moves no real money, so it serves a production site only when told to."""

    code = "sandbox_in_production"


class Sandbox(Company, Post):
    """Implements Gateway over books of its own.

    `notice_secrets` sign its notices: the first one signs, each is believed, so that they can
    roll. Given none it makes one up, and then only believes what it signed itself. Raises
    SandboxInProduction and NoticeSecretEmpty when made.
    """

    def __init__(
        self,
        *,
        books: SandboxBooks,
        clock: Clock,
        account: str = "sandbox",
        notice_secrets: Sequence[bytes] = (),
        production: bool = False,
        allowed_in_production: bool = False,
    ) -> None:
        if production and not allowed_in_production:
            raise SandboxInProduction
        if not all(notice_secrets):
            raise NoticeSecretEmpty
        super().__init__(books=books, clock=clock, account=account)
        self._secrets = tuple(notice_secrets) or (secrets.token_bytes(32),)

    @answered
    def ensure_customer(
        self,
        *,
        member_id: UUID,
        known: str | None = None,  # noqa: ARG002 -- it forgets nobody
    ) -> Customer:
        """The member's one customer; made at the first call."""
        standing = self._books.add(Sheet(member_id, {"kind": "customer"}))
        if standing and standing.state["kind"] != "customer":
            raise ParamsDrift(key=member_id)
        return Customer(sandbox_id(CUSTOMER, member_id), member_id, MODE)

    @answered
    def start_setup(
        self,
        *,
        attempt: UUID,
        customer_id: str,
        method: str,
        purpose: Purpose = "recurring",  # noqa: ARG002 -- no network is told
    ) -> Setup:
        """Save a test card for later charges."""
        self._require_customer(customer_id)
        asked: Asked = {"call": "setup", "customer": customer_id, "method": method}
        card, manner = self._token(attempt, method)
        heard = manner if manner.answer == "given" else FINE
        return setup_of(self._write(Use(attempt, asked, customer_id, card, heard, saves=True)))

    @answered
    def get_setup(self, *, setup_id: str) -> Setup:
        """The setup as it stands now."""
        return setup_of(self._made("setup", SETUP, setup_id))

    @answered
    def start_onsession(
        self,
        *,
        attempt: UUID,
        customer_id: str,
        method: str,
        amount: Money,
        save: bool,
        purpose: Purpose = "recurring",  # noqa: ARG002 -- no network is told
    ) -> Payment:
        """Take test money while the person is present."""
        self._require_customer(customer_id)
        asked = {**asked_of("onsession", customer_id, method, amount), "save": save}
        saved_before = method.startswith(METHOD)
        if saved_before:
            card, manner = self._saved(method, customer_id, away=False)
        else:
            card, manner = self._token(attempt, method)
        saves = save and not saved_before
        return self._pay(Use(attempt, asked, customer_id, card, manner, amount, saves))

    @answered
    def close_onsession(self, *, payment_id: str) -> Payment:
        """Cancel a payment that waits for the person; any other is answered as it stands."""
        sheet, now = self._payment(payment_id), self._clock.now()
        return payment_of(self._books.change(sheet.key, lambda sheet: closed(sheet, now)), now)

    @answered
    def charge_offsession(
        self,
        *,
        attempt: UUID,
        customer_id: str,
        method_id: str,
        amount: Money,
        purpose: Purpose = "recurring",  # noqa: ARG002 -- no network is told
    ) -> Payment:
        """Take test money with a saved card while the person is away."""
        asked = asked_of("offsession", customer_id, method_id, amount)
        card, manner = self._saved(method_id, customer_id, away=True)
        use = Use(attempt, asked, customer_id, card, manner, amount)
        approved_up_to = APPROVED_UP_TO.get(amount.currency)
        if manner.pending_hours and approved_up_to and amount.minor > approved_up_to:
            use = replace(use, manner=NOT_APPROVED)
        return self._pay(use)

    @answered
    def get_payment(self, *, payment_id: str) -> Payment:
        """The payment as it stands now."""
        return payment_of(self._payment(payment_id), self._clock.now())

    @answered
    def find_payment(self, *, attempt: UUID, customer_id: str) -> Payment | None:
        """The customer's payment that was made for an attempt; None proves there is none."""
        sheet = self._books.sheet(attempt)
        if sheet is None or sheet.state["kind"] != "payment":
            return None
        found = payment_of(sheet, self._clock.now())
        return found if found.customer_id == customer_id else None

    @answered
    def refund(self, *, refund_id: UUID, payment_id: str, amount: Money) -> Refund:
        """Send test money back, at most what is left of the payment."""
        payment = self._payment(payment_id)
        now = self._clock.now()

        try:
            sheet = self._books.change(
                payment.key,
                lambda sheet: with_refund(sheet, refund_id, amount, now),
                claim=refund_id,
            )
        except KeyClaimed:
            raise ParamsDrift(key=refund_id) from None
        return refund_of(sheet, refund_id, now)

    @answered
    def get_refund(self, *, gateway_refund_id: str) -> Refund:
        """The refund as it stands now."""
        sheet, key = self._refunded(gateway_refund_id)
        return refund_of(sheet, key, self._clock.now())

    @answered
    def detach_method(self, *, method_id: str) -> None:
        """Forget a saved card: it is never charged again."""
        sheet, now = self._saved_sheet(method_id), self._clock.now()
        self._books.change(sheet.key, lambda sheet: forgotten(sheet, now))

    def _token(self, attempt: UUID, token: str) -> tuple[CardState, Manner]:
        shown = presented(token)
        card = card_state(sandbox_id(METHOD, attempt), token, shown)
        return card, self._unless_expired(card, shown.card.present)

    def _saved(self, method_id: str, customer_id: str, *, away: bool) -> tuple[CardState, Manner]:
        state = state_of(self._saved_sheet(method_id))
        if state["customer_id"] != customer_id:
            raise Rejected(why="the payment method is another customer's")
        if state["detached_at"]:
            return state["card"], DETACHED
        if state["mandate_ended_at"] and away:
            return state["card"], MANDATE_ENDED
        card = presented(state["card"]["token"]).card
        return state["card"], self._unless_expired(
            state["card"], card.away if away else card.present
        )

    def _unless_expired(self, card: CardState, manner: Manner) -> Manner:
        now = self._clock.now()
        expired = (card["exp_year"], card["exp_month"]) < (now.year, now.month)
        return EXPIRED if expired else manner

    def _pay(self, use: Use) -> Payment:
        if use.amount is None or not 0 < use.amount.minor <= LARGEST_CHARGE:
            raise Rejected(why=f"{use.amount} can't be charged")
        if use.manner.answer == "never":
            raise OutcomeUnknown(key=use.attempt)
        return payment_of(self._write(use), self._clock.now())

    def _write(self, use: Use) -> Sheet:
        """The sheet of this use: the one made now, or the one the same call made before."""
        sheet = use.sheet(self._clock.now())
        standing = self._books.add(sheet)
        if standing is None:
            if use.manner.answer == "lost":
                raise OutcomeUnknown(key=use.attempt)
            return sheet
        if standing.state.get("asked") != use.asked:
            raise ParamsDrift(key=use.attempt)
        return standing
