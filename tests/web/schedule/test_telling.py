"""Who is told before a charge, and of a charge that failed; each once, on the virtual clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from ledger.terms import Terms
from tests.web.schedule.sites import (
    DECLINES_LATER,
    MACHINE,
    Site,
    Stay,
    cause,
    eur,
    every,
)

DAY, MOMENT = timedelta(days=1), timedelta(minutes=1)


def told_on(stay: Stay, kind: str) -> list[datetime]:
    """When somebody was told."""
    with stay.site.parts.pool.connection() as connection:
        rows = connection.execute(
            "SELECT queued_at FROM notices WHERE kind = %s AND recipient_id = %s ORDER BY 1",
            (kind, stay.member_id),
        )
        return [queued_at for (queued_at,) in rows]


def due(stay: Stay) -> datetime:
    """When they are charged next."""
    assert stay.now.period_end is not None
    return stay.now.period_end


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


def dearer(site: Site, stay: Stay, effective: datetime, terms: Terms) -> None:
    """The plan costs more from an instant on, also for its members."""
    site.parts.ledger.set_price(
        stay.plan_id,
        terms,
        effective_for_existing_from=effective,
        by=MACHINE,
        cause=cause(),
    )


def test_members_are_told_before_their_renewal_costs_another_price(site: Site) -> None:  # PL4
    stay = site.join()
    dearer(site, stay, site.clock.now() + 40 * DAY, every("month", amount=1_500))
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
    dearer(site, stay, now + 100 * DAY, every("year", amount=1_500))
    dearer(site, stay, now + 200 * DAY, every("year", amount=1_700))
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
    assert site.run("failures") == {"told": 2}
    with site.parts.pool.connection() as connection:
        connection.execute("UPDATE web.jobs SET mark = 0 WHERE name = 'failures'")
    site.run("failures")
    site.catch_up()
    assert _count(site, stay.member_id) == 1
    assert _count(site, owner) == 1


def test_a_first_payment_that_is_declined_is_told_to_nobody(site: Site) -> None:
    owner = site.found()
    member_id, plan_id = site.person(), site.plan()
    declined = site.try_to_join(member_id, plan_id, "pm_card_chargeDeclined")
    assert declined.outcome == "declined"
    assert site.run("failures") == {}
    site.catch_up()
    assert _count(site, owner) == 0


def _count(site: Site, recipient_id: UUID) -> int:
    return sum(site.told(kind, recipient_id) for kind in ("own_payment_failed", "payment_failed"))
