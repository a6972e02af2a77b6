"""The sandbox: a payment company in process, for the embedded default, demos and tests.

It moves no money and marks all it makes as test. It keeps its own books, as a real company does,
so that what the ledger forgot can be asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from ledger.clock import Clock
from ledger.errors import Refused
from ledger.money import LARGEST_CHARGE, Money
from ledger.payments.gateway import (
    Customer,
    Identity,
    Movement,
    OutcomeUnknown,
    ParamsDrift,
    Payment,
    Refund,
    Rejected,
    Setup,
)
from ledger.payments.sandbox_acts import (
    Use,
    asked_of,
    card_state,
    closed,
    confirmed,
    forgotten,
    with_refund,
)
from ledger.payments.sandbox_books import SandboxBatch, SandboxBooks
from ledger.payments.sandbox_cards import (
    DETACHED,
    EXPIRED,
    FINE,
    Manner,
    presented,
)
from ledger.payments.sandbox_states import (
    ACTION,
    CUSTOMER,
    METHOD,
    MODE,
    PAYMENT,
    REFUND,
    SETUP,
    Asked,
    CardState,
    key_in,
    moved_by,
    movements_of,
    payment_of,
    refund_of,
    sandbox_id,
    setup_of,
    state_of,
    was_saved,
)
from ledger.store.sandbox_sheets import BooksUnreachable, KeyClaimed, Sheet

P = ParamSpec("P")
R = TypeVar("R")


class SandboxInProduction(Refused):
    """The sandbox moves no real money, so it serves a production site only when told to."""

    code = "sandbox_in_production"


def _answered(call: Callable[P, R]) -> Callable[P, R]:
    @wraps(call)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except BooksUnreachable as lost:
            key = kwargs.get("attempt") or kwargs.get("refund_id") or call.__name__
            raise OutcomeUnknown(key=key) from lost

    return answer


class Sandbox:
    """Implements Gateway over books of its own. Raises SandboxInProduction when made."""

    def __init__(
        self,
        *,
        books: SandboxBooks,
        clock: Clock,
        account: str = "sandbox",
        production: bool = False,
        allowed_in_production: bool = False,
    ) -> None:
        if production and not allowed_in_production:
            raise SandboxInProduction
        self._books = books
        self._clock = clock
        self._account = account

    def identify(self) -> Identity:
        """The sandbox's account; always in test mode."""
        return Identity(self._account, MODE)

    @_answered
    def ensure_customer(self, *, member_id: UUID) -> Customer:
        """The member's one customer; made at the first call."""
        standing = self._books.add(Sheet(member_id, {"kind": "customer"}))
        if standing and standing.state["kind"] != "customer":
            raise ParamsDrift(key=member_id)
        return Customer(sandbox_id(CUSTOMER, member_id), member_id, MODE)

    @_answered
    def start_setup(self, *, attempt: UUID, customer_id: str, method: str) -> Setup:
        """Save a test card for later charges."""
        self._require_customer(customer_id)
        asked: Asked = {"call": "setup", "customer": customer_id, "method": method}
        card, manner = self._token(attempt, method)
        heard = manner if manner.answer == "given" else FINE
        return setup_of(self._write(Use(attempt, asked, customer_id, card, heard, saves=True)))

    @_answered
    def get_setup(self, *, setup_id: str) -> Setup:
        """The setup as it stands now."""
        return setup_of(self._made("setup", SETUP, setup_id))

    @_answered
    def start_onsession(
        self, *, attempt: UUID, customer_id: str, method: str, amount: Money, save: bool
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

    @_answered
    def close_onsession(self, *, payment_id: str) -> Payment:
        """Cancel a payment that waits for the person; any other is answered as it stands."""
        sheet = self._made("payment", PAYMENT, payment_id)
        return payment_of(self._books.change(sheet.key, closed), self._clock.now())

    @_answered
    def charge_offsession(
        self, *, attempt: UUID, customer_id: str, method_id: str, amount: Money
    ) -> Payment:
        """Take test money with a saved card while the person is away."""
        asked = asked_of("offsession", customer_id, method_id, amount)
        card, manner = self._saved(method_id, customer_id, away=True)
        return self._pay(Use(attempt, asked, customer_id, card, manner, amount))

    @_answered
    def get_payment(self, *, payment_id: str) -> Payment:
        """The payment as it stands now."""
        return payment_of(self._made("payment", PAYMENT, payment_id), self._clock.now())

    @_answered
    def find_payment(self, *, attempt: UUID, customer_id: str) -> Payment | None:
        """The customer's payment that was made for an attempt; None proves there is none."""
        sheet = self._books.sheet(attempt)
        if sheet is None or sheet.state["kind"] != "payment":
            return None
        found = payment_of(sheet, self._clock.now())
        return found if found.customer_id == customer_id else None

    @_answered
    def refund(self, *, refund_id: UUID, payment_id: str, amount: Money) -> Refund:
        """Send test money back, at most what is left of the payment."""
        payment = self._made("payment", PAYMENT, payment_id)
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

    @_answered
    def get_refund(self, *, gateway_refund_id: str) -> Refund:
        """The refund as it stands now."""
        refund_id = key_in(REFUND, gateway_refund_id)
        sheet = self._books.claimant(refund_id) if refund_id else None
        if refund_id is None or sheet is None:
            raise Rejected(why="there is no such refund")
        return refund_of(sheet, refund_id, self._clock.now())

    @_answered
    def detach_method(self, *, method_id: str) -> None:
        """Forget a saved card: it is never charged again."""
        self._books.change(self._sheet_of_method(method_id).key, forgotten)

    @_answered
    def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        """What moved the sandbox's balance at or after `since` and before `until`."""
        now = self._clock.now()
        moved = (
            movement
            for sheet in self._books.moved(since, until)
            for movement in movements_of(sheet)
            if since <= movement.at < until and movement.at <= now
        )
        return sorted(moved, key=lambda movement: (movement.at, movement.id))

    @_answered
    def authenticate(self, *, action: str, approved: bool) -> None:
        """Play the person's bank: they confirmed, or refused, a payment or setup that waits.

        A payment or setup that waits no longer stays as it is.
        """
        key, now = key_in(ACTION, action), self._clock.now()

        sheet = self._books.sheet(key) if key else None
        if sheet is None or sheet.state["kind"] == "customer":
            raise Rejected(why="nothing waits for this confirmation")
        self._books.change(sheet.key, lambda sheet: confirmed(sheet, now, approved=approved))

    @contextmanager
    def batch(self) -> Iterator[SandboxBatch]:
        """Write many charges at a time, for filling a site from one process.

        What was answered is safe only after `flush` of what this yields, or at the end.
        """
        direct = self._books
        with direct.batch() as batch:
            self._books = batch
            try:
                yield batch
            finally:
                self._books = direct

    def _require_customer(self, customer_id: str) -> None:
        key = key_in(CUSTOMER, customer_id)
        sheet = self._books.sheet(key) if key else None
        if sheet is None or sheet.state["kind"] != "customer":
            raise Rejected(why="there is no such customer")

    def _made(self, kind: str, prefix: str, id_: str) -> Sheet:
        key = key_in(prefix, id_)
        sheet = self._books.sheet(key) if key else None
        if sheet is None or sheet.state["kind"] != kind:
            raise Rejected(why=f"there is no such {kind}")
        return sheet

    def _token(self, attempt: UUID, token: str) -> tuple[CardState, Manner]:
        shown = presented(token)
        card = card_state(sandbox_id(METHOD, attempt), token, shown)
        return card, self._unless_expired(card, shown.card.present)

    def _saved(self, method_id: str, customer_id: str, *, away: bool) -> tuple[CardState, Manner]:
        state = state_of(self._sheet_of_method(method_id))
        if state["customer_id"] != customer_id:
            raise Rejected(why="the payment method is another customer's")
        if state["detached"]:
            return state["card"], DETACHED
        card = presented(state["card"]["token"]).card
        return state["card"], self._unless_expired(
            state["card"], card.away if away else card.present
        )

    def _sheet_of_method(self, method_id: str) -> Sheet:
        key = key_in(METHOD, method_id)
        sheet = self._books.sheet(key) if key else None
        if sheet is None or not was_saved(sheet):
            raise Rejected(why="there is no such saved payment method")
        return sheet

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
        state = use.begun(self._clock.now())
        sheet = Sheet(use.attempt, state, moved_by(state))
        standing = self._books.add(sheet)
        if standing is None:
            if use.manner.answer == "lost":
                raise OutcomeUnknown(key=use.attempt)
            return sheet
        if standing.state.get("asked") != use.asked:
            raise ParamsDrift(key=use.attempt)
        return standing
