"""Nobody ran the jobs as a price moved: who was not told pays what they knew (PL4, DU10)."""

from __future__ import annotations

import pytest

from tests.web.schedule.post import DAY, dearer, letters
from tests.web.schedule.sites import Site, Stay, every


def paid(stay: Stay, *indices: int) -> list[int]:
    """What these of their charges cost, in cents."""
    orders = [stay.site.parts.ledger.order(stay.order(index)) for index in indices]
    assert all(order.is_settled for order in orders)
    return [order.placed.amount.minor for order in orders]


def test_a_renewal_missed_in_an_outage_costs_what_its_member_knew(site: Site) -> None:  # PL4
    stay = site.join()
    dearer(stay, site.clock.now() + 20 * DAY, every("month", amount=1_500))
    site.sleep(33)  # the first renewal fell due on the 28th day, before anybody was told
    site.live(2)
    assert paid(stay, 1) == [1_200]
    (told,) = letters(stay)
    assert "15" in told.text
    site.live(28, step_hours=24)
    assert paid(stay, 2) == [1_500]
    assert len(letters(stay)) == 1


def test_of_missed_periods_the_latest_costs_what_was_known_too(site: Site) -> None:  # PL4, DU10
    stay = site.join()
    dearer(stay, site.clock.now() + 20 * DAY, every("month", amount=1_500))
    site.sleep(65)  # the second renewal fell due on the 59th day
    site.live(2)
    assert paid(stay, 2) == [1_200]
    site.live(28, step_hours=24)
    assert paid(stay, 3) == [1_500]


@pytest.mark.parametrize(("job", "costs"), [("prices", 1_200), ("letters", 1_500)])
def test_an_outage_after_a_member_was_told_changes_nothing(
    site: Site, job: str, costs: int
) -> None:  # PL4
    """The price is queued, and perhaps written, before the machine stands still."""
    stay = site.join()
    dearer(stay, site.clock.now() + 20 * DAY, every("month", amount=1_500))
    site.run("prices")
    if job == "letters":
        site.run("letters")
    site.sleep(33)
    site.live(2)
    assert paid(stay, 1) == [costs]
    assert len(letters(stay)) == 1
