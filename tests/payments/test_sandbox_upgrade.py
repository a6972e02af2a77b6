"""A sandbox's books that were written before it told anything by itself are still its books."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.sandbox import Sandbox
from ledger.store.pool import open_pool
from ledger.store.sandbox_books import PostgresBooks
from ledger.store.upgrade import schema_files, upgrade
from tests.payments.conftest import NOON

TELLING = 51
"""The schema file since when the sandbox tells what happens."""
MEMBER, SAVED, PAID, WAITING, REFUND = (UUID(int=number) for number in range(1, 6))
CUSTOMER = f"sandbox_customer_{MEMBER.hex}"
LATER = NOON + timedelta(hours=26)
STORED = """
insert into sandbox.sheets (key, state, moved_from, moved_until, version)
values (%s, %s, %s, %s, 1)
"""


def sheet_of(kind: str, key: UUID, **more: Any) -> dict[str, Any]:
    """A sheet's state as it was stored then."""
    return {
        "kind": kind,
        "asked": {},
        "customer_id": CUSTOMER,
        "card": {
            "id": f"sandbox_method_{key.hex}",
            "token": "pm_card_visa",
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2099,
            "country": "US",
            "fingerprint": "f",
        },
        "made_at": NOON.isoformat(),
        "status": "succeeded",
        "settles_at": None,
        "decline": None,
        "saves": False,
        "detached": False,
        "minor": 0,
        "currency": "",
        "refunds": [],
        **more,
    }


def test_older_books_keep_their_payments_refunds_and_cards(empty_database: str) -> None:
    upgrade(empty_database, [file for file in schema_files() if file.number < TELLING])
    refund = {
        "key": REFUND.hex,
        "minor": 300,
        "made_at": LATER.isoformat(),
        "succeeds_at": LATER.isoformat(),
        "fails_at": None,
    }
    paid = sheet_of(
        "payment",
        PAID,
        settles_at=LATER.isoformat(),
        minor=1200,
        currency="EUR",
        refunds=[refund],
    )
    waits = sheet_of("payment", WAITING, status="action_required", minor=900, currency="EUR")
    forgotten = sheet_of("setup", SAVED, saves=True, detached=True)
    with psycopg.connect(empty_database) as connection:
        connection.execute(STORED, (MEMBER, json.dumps({"kind": "customer"}), None, None))
        connection.execute(STORED, (PAID, json.dumps(paid), LATER, LATER))
        connection.execute(STORED, (WAITING, json.dumps(waits), None, None))
        connection.execute(STORED, (SAVED, json.dumps(forgotten), None, None))
        connection.execute("insert into sandbox.claims values (%s, %s)", (REFUND, PAID))
    upgrade(empty_database)
    with open_pool(empty_database) as pool:
        _is_whole(Sandbox(books=PostgresBooks(pool), clock=VirtualClock(LATER + timedelta(1))))


def _is_whole(sandbox: Sandbox) -> None:
    payment = sandbox.get_payment(payment_id=f"sandbox_payment_{PAID.hex}")
    assert (payment.status, payment.settled_at) == ("succeeded", LATER)
    refund = sandbox.get_refund(gateway_refund_id=f"sandbox_refund_{REFUND.hex}")
    assert (refund.refund_id, refund.amount, refund.status) == (
        REFUND,
        Money(300, "EUR"),
        "succeeded",
    )
    waiting = sandbox.get_payment(payment_id=f"sandbox_payment_{WAITING.hex}")
    assert (waiting.status, waiting.settled_at) == ("action_required", None)
    assert waiting.action is not None
    sandbox.authenticate(action=waiting.action, approved=True)
    moved = sandbox.list_movements(since=NOON, until=LATER + timedelta(2))
    assert [movement.kind for movement in moved] == ["payment", "refund", "fee", "payment"]
    declined = sandbox.charge_offsession(
        attempt=UUID(int=9),
        customer_id=CUSTOMER,
        method_id=f"sandbox_method_{SAVED.hex}",
        amount=Money(100, "EUR"),
    )
    assert declined.status == "failed"
    told = [notice.kind for notice in sandbox.list_notices(since=NOON)]
    assert {"payment.succeeded", "refund.made", "setup.succeeded", "method.detached"} <= set(told)
