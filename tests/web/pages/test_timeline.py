"""A history in sentences: never a code, and money told by where it went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from ledger.facts import Actor, Cause
from projections.history import Entry
from web.pages.panel import timeline

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMOUNT = {"minor": 1200, "currency": "EUR"}


@pytest.fixture(autouse=True)
def _no_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody of the staff did it, so that no view is asked for their names."""
    monkeypatch.setattr(timeline, "staff_names", dict)


def told(app: Flask, topic: str, lang: str = "en", **fields: Any) -> str:
    """The sentence of a fact of an order for Gold."""
    entry = Entry(
        position=1,
        fact_id="fact",
        topic=topic,
        stream_id=UUID(int=1),
        member_id=UUID(int=2),
        actor=Actor(kind="gateway"),
        cause=Cause(kind="notice", id=UUID(int=3)),
        occurred_at=NOON,
        recorded_at=NOON,
        fields={"amount": AMOUNT, "plan_name": "Gold", **fields},
    )
    with app.test_request_context(headers={"Cookie": f"lang={lang}"}):
        return timeline.lines([entry])[0].sentence.replace("\u00a0", " ")


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("code", ["method_detached", "returned_by_bank", "do_not_honor", "x_new"])
@pytest.mark.parametrize(
    "topic", ["order.payment_failed", "order.payment_reversed", "order.refund_failed"]
)
def test_no_fact_is_told_with_a_code(app: Flask, topic: str, code: str, lang: str) -> None:
    assert "_" not in told(app, topic, lang, code=code)


def test_what_failed_says_why(app: Flask) -> None:
    detached = "The payment company no longer keeps this card; enter it again."
    assert told(app, "order.payment_failed", code="method_detached").endswith(detached)
    assert told(app, "order.payment_reversed", code="method_detached") == (
        f"The payment company took back €12.00. {detached}"
    )
    assert told(app, "order.refund_failed", code="returned_by_bank") == (
        "A refund of €12.00 failed: the bank sent it back"
    )
    assert told(app, "order.refund_failed", "fr", code="x_new") == (
        "Un remboursement de 12,00 € a échoué : l’organisme de paiement n’a pas pu l’effectuer"
    )


@pytest.mark.parametrize(
    ("outcome", "was_lost", "english", "french"),
    [
        ("lost", False, "Dispute lost: €12.00 is gone", "Litige perdu : 12,00 € sont perdus"),
        (
            "won",
            False,
            "Dispute won: €12.00 stays with the site",
            "Litige gagné : 12,00 € restent au site",
        ),
        (
            "won",
            True,
            "Dispute won after all: €12.00 is back",
            "Litige finalement gagné : 12,00 € reviennent",
        ),
    ],
)
def test_a_decided_dispute_says_where_the_money_is(
    app: Flask, outcome: str, was_lost: bool, english: str, french: str
) -> None:
    fact: dict[str, Any] = {"outcome": outcome, "was_lost": was_lost}
    assert told(app, "order.dispute_closed", **fact) == english
    assert told(app, "order.dispute_closed", "fr", **fact) == french


def test_a_bank_s_reason_is_told_in_words_whatever_it_is(app: Flask) -> None:
    assert told(app, "order.dispute_opened", reason="fraudulent") == (
        "The bank contests €12.00: not made by the cardholder"
    )
    assert told(app, "order.dispute_updated", reason="x_new").endswith("no reason given")
