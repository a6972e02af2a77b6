"""What a page takes, counted: statements, facts and reckonings, whatever the machine is worth."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ledger import ids
from projections.live import MADE_BY
from projections.queries.books import FIRSTS
from projections.queries.coming import Alike
from projections.queries.reports import recurring
from projections.queries.reports.calendar import Calendar
from projections.queries.reports.membership import Stays
from projections.queries.reports.tally import Tally
from tests.web.pages.conftest import MACHINE, Place, cause
from tests.web.pages.keeping import large_from_here_on
from web.identity.permissions import granted

FIRST_FACTS = FIRSTS.split("WHERE")[1].strip()


class Sent(list[str]):
    """The statements that were sent, one after the other."""

    def count_of(self, text: str) -> int:
        """How many of them say so."""
        return sum(text in one for one in self)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What this thread asks of the database from here on."""
    statements, execute = Sent(), psycopg.Cursor.execute

    def noted(cursor: psycopg.Cursor[Any], query: Any, *given: Any, **named: Any) -> Any:
        as_bytes = query.as_bytes(None) if hasattr(query, "as_bytes") else query
        text = as_bytes.decode() if isinstance(as_bytes, bytes) else as_bytes
        statements.append(text)
        return execute(cursor, query, *given, **named)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    return statements


@pytest.fixture
def plan_id(place: Place) -> UUID:
    """A plan that is paid by the month."""
    return place.plan()


@pytest.fixture
def member_id(place: Place, plan_id: UUID) -> UUID:
    """Somebody who joined it."""
    return place.member(plan_id)


def test_a_page_looks_once_who_made_the_views(place: Place, member_id: UUID, sent: Sent) -> None:
    staff = place.staff()
    for path in (f"/panel/members/{member_id}", "/panel/orders", "/panel/plans"):
        sent.clear()
        staff.get(path)
        assert sent.count_of(MADE_BY) == 1, path


def test_rows_that_another_version_made_are_shown_on_no_page(place: Place, member_id: UUID) -> None:
    staff = place.staff()
    with place.parts.pool.connection() as connection:
        connection.execute("UPDATE views.positions SET version = 99 WHERE name = 'orders'")
    for path in (f"/panel/members/{member_id}", f"/panel/orders/{ids.new()}"):
        page = staff.get(path, status=503)
        assert "Lovelace" not in page.words


def test_an_order_is_shown_to_its_member_without_the_rest_of_their_life(
    place: Place, member_id: UUID, sent: Sent
) -> None:
    browser = place.as_member(member_id)
    [link] = {one for one in browser.get("/account").links if "/orders/" in one}
    sent.clear()
    assert "Ada Lovelace" in browser.get(link).words
    assert sent.count_of("WHERE order_id = %(order_id)s") == 1
    assert sent.count_of("stream_id = %(stream_id)s") == 0


def test_the_facts_that_began_a_stream_are_read_where_a_sentence_rests_on_them(
    place: Place, member_id: UUID, sent: Sent
) -> None:
    staff = place.staff()
    expected = {"member.joined": 0, "plan.opened": 0, "order.placed": 0, "order.paid": 1}
    for topic, many in expected.items():
        sent.clear()
        page = staff.get(f"/panel/audit?topic={topic}")
        assert sent.count_of(FIRST_FACTS) == many, topic
    assert "Paid €12.00 for Gold" in page.words


def test_renewals_and_tries_of_the_days_to_come_are_asked_for_at_once(
    place: Place, member_id: UUID, sent: Sent
) -> None:
    place.clock.advance(timedelta(days=2))
    page = place.staff().get("/panel/payments?days=30")
    assert "€12.00" in page.words
    assert sent.count_of("current_setting('TimeZone')") == 2  # before and after


def test_what_somebody_may_do_is_found_once_for_a_page(
    place: Place, member_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.parts.ledger.tag(member_id, "press", by=MACHINE, cause=cause())
    found: list[object] = []

    def noted(roles: Any) -> Any:
        found.append(roles)
        return granted(roles)

    monkeypatch.setattr("web.identity.principals.granted", noted)
    place.staff().get(f"/panel/members/{member_id}")
    assert len(found) == 1


def test_each_month_of_the_overview_is_rounded_once(
    place: Place, member_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounded: Counter[object] = Counter()
    of_month = vars(recurring.Movement)["minor"].fget

    def noted(movement: recurring.Movement) -> Any:
        rounded[movement.month] += 1
        return of_month(movement)

    monkeypatch.setattr(recurring.Movement, "minor", property(noted))
    place.staff().get("/panel/overview")
    assert set(rounded.values()) == {1}


def test_a_large_site_reckons_the_figures_of_a_period_once_a_tally(
    place: Place, member_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    large_from_here_on(monkeypatch)
    reckoned: list[object] = []
    stays = Tally.stays

    def noted(tally: Tally, months: Calendar) -> list[Stays]:
        reckoned.append(months)
        return stays(tally, months)

    monkeypatch.setattr(Tally, "stays", noted)
    staff = place.staff()
    told = [staff.get(f"/panel/overview{asked}").words for asked in ("", "", "?currency=USD", "")]
    assert told[0] == told[1] == told[3] != told[2]
    assert len(reckoned) == 2


def test_what_is_charged_alike_is_reckoned_once_for_a_year(
    place: Place, plan_id: UUID, member_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned: list[int] = []
    charged = Alike.charged

    def noted(group: Alike, price: int) -> int:
        reckoned.append(price)
        return charged(group, price)

    monkeypatch.setattr(Alike, "charged", noted)
    page = place.staff().get(f"/panel/plans/{plan_id}/coming")
    assert page.words.count("1 × €12.00") == 11
    assert reckoned == [1200]
