"""Who is told before a charge, and of a charge that failed; each once, on the virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger.application.notices import Told
from ledger.billing.dues import Dues
from ledger.errors import NotFound
from ledger.facts import Actor
from ledger.payments.gateway import OutcomeUnknown
from ledger.terms import Terms
from tests.web.schedule.post import DAY, dearer, due, job_named
from tests.web.schedule.sites import (
    ASKS_THE_PERSON,
    DECLINES_LATER,
    VISA,
    Site,
    Stay,
    cause,
    eur,
    every,
)
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.mails.payments import payment_failed
from web.sessions.mailbox import Mail

MOMENT = timedelta(minutes=1)


def told_on(stay: Stay, kind: str) -> list[datetime]:
    """When somebody was told."""
    with stay.site.parts.pool.connection() as connection:
        rows = connection.execute(
            "SELECT queued_at FROM notices WHERE kind = %s AND recipient_id = %s ORDER BY 1",
            (kind, stay.member_id),
        )
        return [queued_at for (queued_at,) in rows]


@pytest.mark.parametrize(
    ("terms", "is_reminded"),
    [
        (every("week", 2), False),
        (every("week", 25), False),
        (every("week", 26), True),
        (every("month"), False),
        (every("month", 5), False),
        (every("month", 6), True),
        (every("year"), True),
    ],
)
def test_half_a_year_or_more_is_reminded_of_seven_days_before(
    site: Site, terms: Terms, is_reminded: bool
) -> None:  # DU8
    stay = site.join(terms=terms)
    site.clock.advance_to(due(stay) - 7 * DAY - MOMENT)
    assert site.run("reminders") == {}
    site.clock.advance(MOMENT)
    assert site.run("reminders") == ({"reminded": 1} if is_reminded else {})
    assert site.run("reminders") == {}
    assert stay.told("renewal_reminder") == (1 if is_reminded else 0)


def test_each_long_period_is_reminded_of_once(site: Site) -> None:
    stay = site.join(terms=every("month", 6))
    for _period in range(2):
        site.clock.advance_to(due(stay) - 8 * DAY)
        site.live(10, step_hours=24)
    first, second = told_on(stay, "renewal_reminder")
    assert second - first > 150 * DAY
    assert stay.now.charge_index == 2


def test_who_began_free_is_told_before_the_first_charge_and_not_after(site: Site) -> None:
    site.code("FREE", percent=100)
    stay = site.join(code="FREE")
    first = due(stay)
    site.live_until(first + DAY, step_hours=24)
    site.clock.advance_to(due(stay) - 8 * DAY)
    site.live(9, step_hours=24)
    (on,) = told_on(stay, "renewal_reminder")
    assert 6 * DAY < first - on <= 7 * DAY
    assert site.moved() == eur(2_400)


def test_who_has_stopped_is_not_reminded(site: Site) -> None:
    stay = site.join(terms=every("year"))
    site.clock.advance_to(due(stay) - 6 * DAY)
    stay.cancel()
    assert site.run("reminders") == {}


def test_members_are_told_before_their_renewal_costs_another_price(site: Site) -> None:  # PL4
    stay = site.join()
    dearer(stay, site.clock.now() + 40 * DAY, every("month", amount=1_500))
    site.live(27, step_hours=72)
    assert stay.told("price_change") == 0  # the next renewal costs what it did
    site.live(70, step_hours=24)
    (on,) = told_on(stay, "price_change")
    orders = [site.parts.ledger.order(stay.order(index)).placed for index in (1, 2, 3)]
    assert [order.amount for order in orders] == [eur(1_200), eur(1_500), eur(1_500)]
    assert on < orders[1].due_at


def test_only_the_price_that_will_be_charged_is_told(site: Site) -> None:
    stay = site.join(terms=every("year"))
    now = site.clock.now()
    dearer(stay, now + 100 * DAY, every("year", amount=1_500))
    dearer(stay, now + 200 * DAY, every("year", amount=1_700))
    site.clock.advance_to(due(stay) - 30 * DAY - MOMENT)
    assert site.run("prices") == {}
    site.clock.advance(MOMENT)
    site.run("prices")
    site.catch_up()
    assert told_because(stay, "price_change") == [f"{stay.plan_id}/5"]


def told_because(stay: Stay, kind: str) -> list[str]:
    """The facts of which somebody was told."""
    with stay.site.parts.pool.connection() as connection:
        rows = connection.execute(
            "SELECT because_of FROM notices WHERE kind = %s AND recipient_id = %s",
            (kind, stay.member_id),
        )
        return [because_of for (because_of,) in rows]


def test_failures_are_told_once_also_by_a_run_that_is_done_again(site: Site) -> None:
    owner = site.found()
    stay = site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    assert site.run("news") == {"told": 2}
    with site.parts.pool.connection() as connection:
        connection.execute("UPDATE web.jobs SET mark = 0 WHERE name = 'news'")
    site.run("news")
    site.catch_up()
    assert _count(site, stay.member_id) == 1
    assert _count(site, owner) == 1


def test_failures_of_long_ago_are_not_told_by_the_first_run(site: Site) -> None:
    """A site that is brought up to date has failures of which nobody was told by this job."""
    owner = site.found()
    stay = site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    site.sleep(3)
    assert site.run("news") == {}
    site.sleep(2)
    site.run("charges")
    assert site.run("news") == {"told": 2}
    site.catch_up()
    assert (_count(site, stay.member_id), _count(site, owner)) == (1, 1)


@pytest.mark.parametrize("fault", [NotFound(what="member", id="x"), ZeroDivisionError("ada")])
def test_one_failure_that_can_not_be_told_keeps_nobody_else_from_hearing_of_theirs(
    site: Site, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = site.join(DECLINES_LATER), site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    queue = site.parts.ledger.queue_notices

    def queued(told: Sequence[Told], **more: Any) -> int:
        if any(one.recipient.id == bad.member_id for one in told):
            raise fault
        return queue(told, **more)

    monkeypatch.setattr(site.parts.ledger, "queue_notices", queued)
    assert Runner(site.parts, AlwaysLeads()).tick(job_named("news"))
    site.catch_up()
    assert (bad.told("own_payment_failed"), good.told("own_payment_failed")) == (0, 1)
    state = next(state for state in site.states() if state.name == "news")
    assert state.outcomes == {"told": 1, "broken": 1}
    assert state.error in {"not_found", "ZeroDivisionError"}
    assert site.run("news") == {}


def test_one_letter_that_can_not_be_written_keeps_no_other_from_being_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = site.join(DECLINES_LATER), site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    site.run("news")
    site.catch_up()

    def written(settings: Any, email: str, *words: Any, **more: Any) -> Mail:
        if email.startswith(bad.member_id.hex):
            raise ZeroDivisionError
        return payment_failed(settings, email, *words, **more)

    monkeypatch.setattr("web.mails.payments.payment_failed", written)
    assert Runner(site.parts, AlwaysLeads()).tick(job_named("letters"))
    state = next(state for state in site.states() if state.name == "letters")
    assert (state.outcomes, state.error) == ({"sent": 1, "broken": 1}, "ZeroDivisionError")
    assert good.told("own_payment_failed") == 1


def test_one_member_who_can_not_be_reminded_keeps_nobody_else_from_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (site.join(terms=every("year")) for _ in range(2))
    site.clock.advance_to(due(bad) - 6 * DAY)
    site.catch_up()
    member = site.parts.ledger.member

    def known(member_id: UUID) -> Any:
        if member_id == bad.member_id:
            raise NotFound(what="member", id=member_id)
        return member(member_id)

    monkeypatch.setattr(site.parts.ledger, "member", known)
    job = job_named("reminders")
    ran = Runner(site.parts, AlwaysLeads()).work(job, job.slot(site.clock.now()))
    assert ran.run.outcomes == {"reminded": 1}
    assert [one.item for one in ran.run.broken] == [bad.membership_id]
    site.catch_up()
    assert good.told("renewal_reminder") == 1


def test_a_members_own_payment_that_never_arrived_is_told_and_its_retry_keeps_its_day(
    site: Site,
) -> None:  # DU2
    owner, stay = failed(site)
    before = stay.now.retry_at
    assert pays(stay, "pm_card_unreachable") == "unknown"
    a_day_is_heard(site)
    assert site.run("attempts") == {"declined": 1}
    assert site.topics(stay.order(1))[-1] == "order.attempt_abandoned"
    assert site.run("news") == {"told": 2}
    site.catch_up()
    assert (_count(site, stay.member_id), _count(site, owner)) == (2, 2)
    site.run("letters")
    assert letters(site).count("never reached the payment company") == 2
    assert stay.now.retry_at == before
    site.live(5)
    assert site.topics(stay.order(1)).count("order.payment_failed") == 2


def test_the_workers_own_try_that_never_arrived_is_made_again_and_told_to_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.found()
    stay = site.join()
    site.sleep(28)
    site.catch_up()

    def silent(**_: object) -> None:
        raise OutcomeUnknown(key="charge")

    with monkeypatch.context() as patch:
        patch.setattr(site.parts.collection.gateway, "charge_offsession", silent)
        assert Runner(site.parts, AlwaysLeads()).tick(job_named("charges"))
    a_day_is_heard(site)
    assert site.run("attempts") == {"declined": 1}
    assert site.topics(stay.order(1))[-1] == "order.attempt_abandoned"
    assert site.run("news") == {}
    assert site.run("charges") == {"settled": 1}


@pytest.mark.parametrize(("hours", "told"), [(1, {}), (25, {"told": 2})])
def test_a_payment_that_was_left_on_the_page_is_told_and_one_left_for_another_card_is_not(
    site: Site, hours: int, told: dict[str, int]
) -> None:  # DU2, DU3
    _owner, stay = failed(site)
    assert pays(stay, ASKS_THE_PERSON) == "waiting"
    site.sleep(hours / 24)
    if hours < 24:
        assert pays(stay, "pm_card_chargeDeclined") == "declined"
    else:
        assert site.run("attempts") == {"declined": 1}
    assert site.run("news") == told
    site.catch_up()
    site.run("letters")
    assert letters(site).count("wants you to confirm this payment yourself") == len(told)


def test_what_a_bank_refused_after_hours_is_told_though_the_member_tried_it(
    site: Site,
) -> None:  # DU2, DU4
    _owner, stay = failed(site)
    ledger, order_id = site.parts.ledger, stay.order(1)
    ledger.begin_payment(
        stay.member_id, stay.membership_id, method_token=VISA, by=stay.person, cause=cause()
    )
    attempt = ledger.order(order_id).open_attempt
    assert attempt is not None
    tried, by = attempt.attempt_id, Actor(kind="gateway")
    ledger.pend_attempt(order_id, tried, reference="p", waits_for="bank", by=by, cause=cause())
    ledger.fail_charge(order_id, tried, category="soft", code="no_funds", by=by, cause=cause())
    assert site.run("news") == {"told": 2}


def failed(site: Site) -> tuple[UUID, Stay]:
    """An owner, and a member whose renewal has failed, of which both were told."""
    owner, stay = site.found(), site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    assert site.run("news") == {"told": 2}
    site.catch_up()
    assert site.run("letters") == {"sent": 2}
    return owner, stay


def a_day_is_heard(site: Site) -> None:
    """More than a day passes, and all that the payment company told of it is worked off."""
    site.sleep(1.1)
    for name in ("missed notices", "inbox"):
        site.run(name)


def letters(site: Site) -> str:
    """What was written to anybody."""
    return "\n".join(kept.mail.text for kept in site.parts.desk.mailbox.recent())


def pays(stay: Stay, card: str) -> str:
    """The member pays what is due with another card."""
    dues = Dues(stay.site.parts.collection)
    return dues.pay(
        stay.member_id, stay.membership_id, method_token=card, by=stay.person, cause=cause()
    ).outcome


def test_a_first_payment_that_is_declined_is_told_to_nobody(site: Site) -> None:
    owner = site.found()
    member_id, plan_id = site.person(), site.plan()
    declined = site.try_to_join(member_id, plan_id, "pm_card_chargeDeclined")
    assert declined.outcome == "declined"
    assert site.run("news") == {}
    site.catch_up()
    assert _count(site, owner) == 0


def _count(site: Site, recipient_id: UUID) -> int:
    return sum(site.told(kind, recipient_id) for kind in ("own_payment_failed", "payment_failed"))
