"""Reading the views: dates of a zone."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from projections.queries.reading import in_zone
from tests.projections.books import Books

DATE = "SELECT '2026-06-30T23:30:00Z'::timestamptz::date"
NOUMEA = ZoneInfo("Pacific/Noumea")


def test_dates_are_those_of_a_zone_and_then_as_they_were(books: Books) -> None:
    with books.pool.connection() as connection, connection.transaction():
        with in_zone(connection, NOUMEA):
            with in_zone(connection, None):
                assert connection.execute(DATE).fetchall() == [(date(2026, 7, 1),)]
            with in_zone(connection, ZoneInfo("America/Lima")):
                assert connection.execute(DATE).fetchall() == [(date(2026, 6, 30),)]
            assert connection.execute(DATE).fetchall() == [(date(2026, 7, 1),)]
        assert connection.execute(DATE).fetchall() == [(date(2026, 6, 30),)]
