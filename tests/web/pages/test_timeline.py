"""A history in sentences: never a code, and money told by where it went."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
from flask import Flask

import ledger.application
from ledger.facts import Actor, Cause, fact_classes
from projections import history
from projections.history import Entry
from tests.house.sample_facts import opened, stored_samples
from web.pages.frame import word
from web.pages.panel import timeline
from web.reading.facts import ActorKind
from web.wording.languages import gettext
from web.wording.words import ACTOR, CAUSE

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


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_fact_that_was_ever_stored_is_told_in_words(app: Flask, lang: str) -> None:
    facts = {name: opened(stored) for name, stored in stored_samples().items()}
    letter = history.entry(1, facts["notice.queued.1.json"])
    for name, fact in facts.items():
        # What came of a letter is told with the fact that says to whom it was.
        begun = replace(letter, stream_id=fact.originator_id)
        sentence = timeline.EVERY_SENTENCE[fact.TOPIC]
        with app.test_request_context(headers={"Cookie": f"lang={lang}"}):
            line = timeline.lines([begun, history.entry(2, fact)])[0]
            assert (gettext(sentence) == sentence) == (lang == "en"), name
        assert line.sentence != fact.TOPIC
        assert not re.search(r"[{}\[\]]|[0-9a-f]{8}-", line.sentence), (name, line.sentence)


def test_every_kind_of_fact_has_a_sentence() -> None:
    assert ledger.application  # every fact is imported with it
    own = {kind.TOPIC for kind in fact_classes() if kind.__module__.startswith("ledger.")}
    assert own == set(timeline.EVERY_SENTENCE)


def house(app: Flask, topic: str, lang: str, **fields: Any) -> str:
    """The sentence of what staff or machines saw to, with a no-break space as a space."""
    return told(app, topic, lang, **fields).replace("\u202f", " ")


def test_what_the_house_sees_to_is_told_with_its_words(app: Flask) -> None:
    moved: dict[str, Any] = {"account": "sandbox", "mode": "test", "reason": None}
    assert house(app, "site.gateway_pinned", "en", **moved) == (
        "The books belong to the account sandbox, play money"
    )
    found: dict[str, Any] = {"receipt": {"found": [{"drift": "amount", "found": 2}]}}
    assert house(app, "site.reconciled", "en", **found).endswith(": 2 differences")
    assert house(app, "site.reconciled", "fr", **found).endswith(" : 2 écarts")
    assert house(app, "contributor.roles_changed", "fr", roles=["auditor", "operator"]).endswith(
        " : Auditeur, Opérateur"
    )
    left: dict[str, Any] = {"ending": "accepted", "reason": "a cent of the bank's"}
    assert "may stay: a cent of the bank's" in house(app, "site.drift_resolved", "en", **left)
    gone: dict[str, Any] = {"name": "Press", "filter": None}
    assert house(app, "site.segment_saved", "en", **gone) == "Segment removed: Press"
    mode: dict[str, Any] = {"name": "mode", "before": "test", "after": "live"}
    assert house(app, "site.setting_changed", "en", **mode) == (
        "The setting kind of money is real money now"
    )


def test_each_kind_of_actor_and_of_cause_has_one_name_of_its_own(app: Flask) -> None:
    kinds = get_args(get_type_hints(Actor)["kind"])
    assert set(ACTOR) == set(kinds) == set(get_args(ActorKind))
    assert set(CAUSE) == set(get_args(get_type_hints(Cause)["kind"]))
    for lang in ("en", "fr"):
        with app.test_request_context(headers={"Cookie": f"lang={lang}"}):
            said = [word("actor", kind) for kind in kinds] + [word("cause", kind) for kind in CAUSE]
        assert len(set(said)) == len(said)
        assert not set(said) & set(kinds)
