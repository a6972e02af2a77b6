"""What all counters of the sandbox share: its books, the clock, and how things are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from ledger.clock import Clock
from ledger.payments.gateway import Identity, OutcomeUnknown, Rejected
from ledger.payments.sandbox_books import SandboxBatch, SandboxBooks
from ledger.payments.sandbox_states import (
    CUSTOMER,
    DISPUTE,
    METHOD,
    MODE,
    PAYMENT,
    REFUND,
    is_ours,
    key_in,
    state_of,
    was_saved,
)
from ledger.store.sandbox_sheets import BooksUnreachable, Sheet

P = ParamSpec("P")
R = TypeVar("R")


def answered(call: Callable[P, R]) -> Callable[P, R]:
    """The call, where books out of reach are an outcome that nobody knows."""

    @wraps(call)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except BooksUnreachable as lost:
            key = kwargs.get("attempt") or kwargs.get("refund_id") or call.__name__
            raise OutcomeUnknown(key=key) from lost

    return answer


class Desk:
    """Books, a clock, and the account they belong to."""

    def __init__(self, *, books: SandboxBooks, clock: Clock, account: str) -> None:
        self._books = books
        self._clock = clock
        self._account = account

    def identify(self) -> Identity:
        """The sandbox's account; always in test mode."""
        return Identity(self._account, MODE)

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
        """The sheet of a payment or setup that is ours, by its id."""
        key = key_in(prefix, id_)
        sheet = self._books.sheet(key) if key else None
        if sheet is None or sheet.state["kind"] != kind or not is_ours(state_of(sheet)):
            raise Rejected(why=f"there is no such {kind}")
        return sheet

    def _payment(self, payment_id: str) -> Sheet:
        return self._made("payment", PAYMENT, payment_id)

    def _refunded(self, gateway_refund_id: str) -> tuple[Sheet, UUID]:
        """The sheet of a refund, and the refund's key."""
        key = key_in(REFUND, gateway_refund_id)
        sheet = self._books.claimant(key) if key else None
        refunds = state_of(sheet)["refunds"] if sheet else []
        if key is None or sheet is None or all(made["key"] != key.hex for made in refunds):
            raise Rejected(why="there is no such refund")
        return sheet, key

    def _disputed(self, dispute_id: str) -> tuple[Sheet, UUID]:
        """The sheet of a dispute and the dispute's key, the sheet's own if a card brought it."""
        key = key_in(DISPUTE, dispute_id)
        sheet = (self._books.claimant(key) or self._books.sheet(key)) if key else None
        if key is None or sheet is None or sheet.state["kind"] != "payment":
            raise Rejected(why="there is no such dispute")
        return sheet, key

    def _saved_sheet(self, id_: str, prefix: str = METHOD) -> Sheet:
        """The sheet that saved a card, by the id of the card or of its mandate."""
        key = key_in(prefix, id_)
        sheet = self._books.sheet(key) if key else None
        if sheet is None or not was_saved(sheet):
            raise Rejected(why="there is no such saved payment method")
        return sheet
