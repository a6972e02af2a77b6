"""How long a notice is tried that nothing comes of, and what becomes of it in the end."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError

from ledger import ids
from ledger.billing.inbox import FEWEST_TRIES, HELD_FOR, Inbox
from ledger.errors import NotFound
from ledger.payments.gateway import Mandate, OutcomeUnknown, PaymentStatus, Rejected, Resolved
from tests.billing.offices import DAY, Altered, Office, broken


def tried_until(office: Office, inbox: Inbox, state: str) -> timedelta:
    """Work every hour until a notice comes to a state; how long that took."""
    waited = timedelta()
    while not office.states().get(state):
        inbox.work()
        office.site.later(hours=1)
        waited += timedelta(hours=1)
        assert waited < 3 * DAY
    return waited


FAULTS = [OutcomeUnknown(key="payment"), Rejected(why="gone"), NotFound(what="x", id="y")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_is_ours_but_unknown_is_tried_again_with_growing_pauses(
    fault: Exception, office: Office
) -> None:
    office.order()
    office.post(office.told()[:1])
    inbox, pauses = broken(office, fault), []
    for _try in range(6):
        assert inbox.work().outcomes == {"retrying": 1}
        [waiting] = office.table.listed(["retrying"])
        pauses.append(waiting.next_at - office.site.clock.now())
        assert not inbox.work().outcomes
        office.site.clock.advance_to(waiting.next_at)
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]
    assert office.inbox.work().outcomes == {"processed": 1}


def test_a_silent_company_is_asked_about_one_notice_and_the_others_wait_as_they_did(
    office: Office,
) -> None:
    for _order in range(2):
        office.order()
    office.post(office.told())
    count, asked = sum(office.states().values()), list[Any]()

    def silent(notice: Any) -> Resolved:
        asked.append(notice)
        raise OutcomeUnknown(key=notice.id)

    report = office.through(Altered(office, resolve=silent)).work()
    assert (report.outcomes, report.is_silent, len(asked)) == ({"retrying": 1}, True, 1)
    assert [one.tries for one in office.table.listed(["received"])] == [0] * (count - 1)
    assert office.inbox.work().outcomes == {"processed": count - 1}


def test_after_a_day_it_is_left_to_a_person_with_an_alarm(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    order = office.order("pm_card_outcomeLost")
    office.post(office.told())
    inbox = broken(office, Rejected(why="ada@example.org"))
    with caplog.at_level(logging.ERROR):
        waited = tried_until(office, inbox, "dead")
    assert timedelta(hours=24) <= waited <= timedelta(hours=28)
    assert "left to a person" in caplog.text
    assert "ada@" not in caplog.text
    left = office.inbox.left_to_people()
    assert {one.why for one in left} == {"gateway_rejected"}
    assert not office.inbox.work().outcomes
    assert office.inbox.retry(left[0].number) == 1
    office.work()
    assert "paid" in office.topics(order.id)


def test_a_day_in_which_no_worker_ran_uses_up_no_patience(office: Office) -> None:
    office.order()
    office.post(office.told()[:1])
    inbox = broken(office, Rejected(why="gone"))
    for _day in range(FEWEST_TRIES - 1):
        office.site.later(2)
        assert inbox.work().outcomes == {"retrying": 1}
    office.site.later(2)
    assert inbox.work().outcomes == {"dead": 1}


def test_no_notice_is_given_up_on_silence(office: Office) -> None:
    office.order()
    office.post(office.told()[:1])
    silent = broken(office, OutcomeUnknown(key="notice"))
    for _try in range(2 * FEWEST_TRIES):
        office.site.later(1)
        silent.work()
        assert office.states() == {"retrying": 1}
    assert broken(office, Rejected(why="gone")).work().outcomes == {}
    office.site.later(1)
    assert broken(office, Rejected(why="gone")).work().outcomes == {"dead": 1}


def alarms(office: Office, inbox: Inbox, caplog: pytest.LogCaptureFixture) -> timedelta:
    """Work every ten minutes until there is an alarm; how long that took."""
    waited = timedelta()
    with caplog.at_level(logging.ERROR):
        while inbox.work().is_well:
            assert not caplog.text
            assert office.inbox.unanswered() == (1 if waited >= DAY else 0)
            office.site.clock.advance(timedelta(minutes=10))
            waited += timedelta(minutes=10)
            assert waited < 3 * DAY
    return waited


def test_after_a_day_of_silence_there_is_an_alarm_until_there_is_an_answer(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    order = office.order("pm_card_outcomeLost")
    office.post(office.told()[:1])
    silent = broken(office, OutcomeUnknown(key="ada@example.org"))
    assert timedelta(hours=24) <= alarms(office, silent, caplog) <= timedelta(hours=26)
    assert "no answer for a day" in caplog.text
    assert "ada@" not in caplog.text
    assert (office.inbox.unanswered(), office.states()) == (1, {"retrying": 1})
    office.site.later(hours=2)
    assert silent.work().outcomes == {"unanswered": 1}
    office.site.later(hours=2)
    office.work()
    assert (office.inbox.unanswered(), office.states()) == (0, {"processed": 1})
    assert "paid" in office.topics(order.id)


def test_silence_as_the_first_word_after_a_day_without_workers_is_no_alarm(
    office: Office,
) -> None:
    office.order()
    office.post(office.told()[:1])
    office.site.later(2)
    report = broken(office, OutcomeUnknown(key="notice")).work()
    assert (report.outcomes, report.is_well) == ({"retrying": 1}, True)
    assert office.inbox.unanswered() == 0


def test_a_mandate_of_a_card_that_nobody_saved_is_let_go_in_the_end(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.order()
    office.post(office.told()[:1])
    nobodys = Mandate("mandate_1", "pm_nobodys", "active", "test")
    inbox = office.through(Altered(office, resolve=lambda _: Resolved((nobodys,))))
    with caplog.at_level(logging.ERROR):
        waited = tried_until(office, inbox, "ignored_foreign")
    assert waited >= timedelta(hours=24)
    assert office.states() == {"ignored_foreign": 1}
    assert not caplog.text
    [let_go] = office.table.listed(["ignored_foreign"])
    assert let_go.why == "mandate_not_known"


@pytest.mark.parametrize("status", ["failed", "cancelled", "action_required", "pending"])
def test_a_try_of_somebody_else_on_the_account_is_none_of_ours(
    status: PaymentStatus, office: Office
) -> None:  # part of OR7
    order = office.order()
    ours = office.site.sandbox.get_payment(payment_id=office.reference(order.id))
    theirs = replace(ours, id="pi_theirs", attempt=ids.new(), status=status, settled_at=None)
    office.post(office.told()[:1])
    before = office.topics(order.id)
    inbox = office.through(Altered(office, resolve=lambda _: Resolved((theirs,))))
    assert inbox.work().outcomes == {"ignored_foreign": 1}
    assert office.topics(order.id) == before


def test_all_that_was_given_up_can_be_tried_again_for_another_day(office: Office) -> None:
    office.order()
    office.post(office.told())
    inbox = broken(office, Rejected(why="gone"))
    tried_until(office, inbox, "dead")
    given_up = office.states()["dead"]
    assert office.inbox.retry() == given_up
    assert inbox.work().outcomes == {"retrying": given_up}


def test_a_mistake_of_ours_stops_no_other_notice_and_names_nobody(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.order()
    office.post(office.told())
    count = sum(office.states().values())
    with caplog.at_level(logging.ERROR):
        report = broken(office, ZeroDivisionError("ada@example.org")).work()
    assert report.outcomes == {"retrying": count}
    assert "ZeroDivisionError" in caplog.text
    assert "ada@" not in caplog.text


@pytest.mark.parametrize("fault", [OperationalError("gone"), psycopg.OperationalError("gone")])
def test_a_lost_database_is_no_fault_of_the_notice(fault: Exception, office: Office) -> None:
    office.order()
    office.post(office.told())
    with pytest.raises(type(fault)):
        broken(office, fault).work()
    assert not office.inbox.work().outcomes
    office.site.clock.advance(HELD_FOR)
    assert office.inbox.work().outcomes["processed"] > 0


@pytest.mark.parametrize("fault", [IntegrityError("ada"), psycopg.DataError("ada")])
def test_a_notice_that_the_database_refuses_holds_up_no_other(
    fault: Exception, office: Office
) -> None:
    office.order()
    office.post(office.told())
    count = sum(office.states().values())
    assert broken(office, fault).work().outcomes == {"retrying": count}
