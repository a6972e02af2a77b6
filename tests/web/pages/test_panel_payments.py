"""Payments: what is due and what was not paid, whether the books agree, what the company told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.money import Money
from ledger.payments.balance import Movement
from ledger.payments.sandbox import Sandbox
from tests.web.conftest import NOON
from tests.web.pages.conftest import Place
from tests.web.pages.owing import DECLINED_LATER, owing
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.pages.panel import payments

DAY = timedelta(days=1)
PATH = "/panel/payments"


def test_what_is_due_is_told_by_day(place: Place) -> None:
    place.member(place.plan())
    assert "Nothing is due in these days." in place.staff().get(PATH).words
    place.clock.advance_to(NOON + 20 * DAY)
    page = place.staff().get(PATH)
    assert "Tuesday, 22 December 2026 1 0 €12.00" in page.words.replace("Tuesday 22", "Tuesday, 22")
    week = place.staff().get(f"{PATH}?days=7")
    assert "Nothing is due in these days." in week.words
    french = place.staff().get(PATH, "fr")
    assert "mardi 22 décembre 2026" in french.words


def test_periods_that_nobody_charged_are_for_staff_to_decide(place: Place) -> None:  # DU10
    place.member(place.plan())
    assert "No period was missed." in place.staff().get(f"{PATH}/missed").words
    place.clock.advance_to(NOON + 100 * DAY)
    runner = Runner(place.parts, AlwaysLeads())
    for job in JOBS:
        if job.name == "charges":
            runner.tick(job)
    place.settle()
    page = place.staff("auditor").get(f"{PATH}/missed")
    assert "Gold 22 Dec 2026 22 Feb 2027 2 €12.00" in page.words


def test_an_agreeing_reconciliation_is_run_by_hand(place: Place) -> None:
    place.member(place.plan())
    place.clock.advance(timedelta(hours=1))
    manager = place.staff("store_manager")
    page = manager.get(PATH)
    assert "were not compared yet" in page.words
    done = manager.send(page, f"{PATH}/reconcile")
    assert "Books and payment company agree." in done.words
    assert "EUR play money 2" in done.words


def test_a_difference_is_listed_and_let_stay_with_a_reason(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = place.clock.now()
    strange = Movement("m_1", "payment", "pay_x", "pay_x", Money(700, "EUR"), at, "live")
    honest = Sandbox.list_movements

    def listed(self: Sandbox, **asked: Any) -> list[Movement]:
        return [*honest(self, **asked), strange]

    monkeypatch.setattr(Sandbox, "list_movements", listed)
    place.clock.advance(timedelta(hours=1))
    staff = place.staff()
    page = staff.send(staff.get(PATH), f"{PATH}/reconcile")
    assert "1 difference is open." in page.words
    assert "pay_x" in page.words
    [form] = [one.action for one in page.forms if "/drifts/" in one.action]
    done = staff.send(page, form, reason="our other shop")
    assert "The difference may stay." in done.words
    assert place.parts.ledger.site().open_drifts == []


def test_a_notice_that_was_given_up_is_tried_again(place: Place) -> None:
    place.member(place.plan())
    place.parts.inbox.catch_up()
    with place.parts.pool.connection() as connection:
        connection.execute("UPDATE inbox.notices SET state = 'dead', why = 'KeyError'")
    staff = place.staff()
    page = staff.get(PATH)
    assert "KeyError" in page.words
    assert "given up" in page.words
    number = place.parts.inbox.left_to_people()[0].number
    done = staff.send(page, f"{PATH}/inbox/retry", {"number": str(number)})
    assert "is tried again." in done.words
    assert number not in {one.number for one in place.parts.inbox.left_to_people()}


def test_an_auditor_reads_and_changes_nothing(place: Place) -> None:  # part of NO5
    page = place.staff("auditor").get(PATH)
    assert {form.action for form in page.forms if form.method == "post"} == {"/team/sign-out"}


def test_of_many_who_owe_the_first_are_shown_with_a_way_to_all(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    owes = owing(place, DECLINED_LATER, plans=("Gold", "Silver"))
    staff = place.staff()
    assert staff.get(PATH).words.count("Ada Lovelace") == 2
    monkeypatch.setattr(payments, "SHOWN", 1)
    page = staff.get(PATH)
    assert "Past due 2" in page.words
    assert page.words.count("Ada Lovelace") == 1
    assert "The first 1. Show all" in page.words
    [way] = [link for link in page.links if "segment=past_due" in link]
    assert f"/panel/members/{owes.member_id}" in " ".join(staff.get(way).links)
