"""Reports over the interface: figures with their definition, money as money, ranges with bounds."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from tests.web.api.conftest import CARD, MONTHLY, Client, House
from tests.web.conftest import NOON
from web.api import reports

DAY = timedelta(days=1)
YEARLY = {**MONTHLY, "unit": "year", "amount": {"minor": 7000, "currency": "EUR"}}


def eur(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "EUR"}


@pytest.fixture
def owner(house: House) -> Client:
    """Three joined by the month on the 22nd of November, one by the year; one of them cancelled
    and one was given 5 back a month later.
    """
    monthly, yearly = house.plan("Monthly"), house.plan("Yearly", YEARLY)
    people = [house.sign_up(f"p{n}@example.org") for n in range(4)]
    joined = [
        person.post("/account/memberships", {"plan_id": str(plan), **CARD})
        for person, plan in zip(people, [monthly, monthly, monthly, yearly], strict=True)
    ]
    house.clock.advance_to(NOON + DAY)
    membership_id = joined[0]["membership_id"]
    people[0].post(f"/account/memberships/{membership_id}/self-cancel")
    house.clock.advance_to(NOON + 29 * DAY)
    owner = house.as_staff("owner")
    refund = {"amount": eur(500), "reason": "kindness"}
    owner.position = max(person.position for person in people)
    owner.post(f"/orders/{joined[1]['order_id']}/refunds", refund)
    house.clock.advance_to(NOON + 40 * DAY)
    later = house.as_staff("owner")  # who was signed in so long ago is so no more
    later.position = owner.position
    return later


def test_revenue_is_told_by_day_and_plan(owner: Client) -> None:  # NU1
    told = owner.get("/reports/revenue", first_day="2026-11-01", last_day="2026-12-31")
    lines = [(one["start"], one["plan_name"], one["gross"], one["net"]) for one in told["items"]]
    assert lines == [
        ("2026-11-22", "Monthly", eur(3600), eur(3600)),
        ("2026-11-22", "Yearly", eur(7000), eur(7000)),
        ("2026-12-21", "Monthly", eur(0), eur(-500)),
    ]
    assert {one["definition"] for one in told["items"]} == {"revenue-1"}
    (total,) = told["totals"]
    assert (total["gross"], total["refunded"], total["net"]) == (eur(10600), eur(500), eur(10100))
    assert (total["mode"], total["payments"]) == ("test", 4)
    by_month = owner.get(
        "/reports/revenue", first_day="2026-11-01", last_day="2026-12-31", step="month"
    )
    assert [one["start"] for one in by_month["items"]] == ["2026-11-01"] * 2 + ["2026-12-01"]
    assert by_month["totals"] == told["totals"]
    assert owner.get("/reports/revenue")["items"] == []  # this month has just begun


def test_revenue_comes_in_pages(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:  # NU1
    monkeypatch.setattr(reports, "AT_ONCE", 3)
    asked = {"first_day": "2026-11-01", "last_day": "2026-12-31"}
    whole = owner.get("/reports/revenue", **asked)["items"]
    page = owner.get("/reports/revenue", limit=1, **asked)
    lines = page["items"]
    assert page["totals"]
    while page["next"]:
        page = owner.get("/reports/revenue", limit=1, cursor=page["next"], **asked)
        assert page["totals"] is None
        lines += page["items"]
    assert lines == whole


def test_mrr_is_told_at_an_instant(owner: Client) -> None:  # NU2
    before = owner.get("/reports/mrr", at="2026-11-30T12:00:00Z")
    assert [(one["plan_name"], one["memberships"], one["mrr"]) for one in before["items"]] == [
        ("Monthly", 3, eur(3600)),
        ("Yearly", 1, eur(583)),
    ]
    assert before["totals"] == [{"memberships": 4, "mrr": eur(4183), "exact": "12550/3"}]
    assert before["items"][1]["exact"] == "1750/3"
    definition = before["definition"]
    assert (definition["name"], definition["version"]) == ("mrr", 1)
    assert "current or past due" in definition["english"]
    assert "à jour ou en retard" in definition["french"]
    after = owner.get("/reports/mrr")
    assert after["totals"] == [{"memberships": 3, "mrr": eur(2983), "exact": "8950/3"}]
    none = owner.get("/reports/mrr", currency="USD")
    assert (none["items"], none["totals"]) == ([], [])


def test_movements_add_up_as_they_are_told(owner: Client) -> None:  # NU3
    told = owner.get("/reports/movements", first_month="2026-11", last_month="2027-01")
    november, december, january = told["items"]
    assert november["new"] == november["ending"] == eur(4183)
    assert (december["starting"], december["churned"], december["ending"]) == (
        eur(4183),
        eur(1200),
        eur(2983),
    )
    assert (january["month"], january["starting"], january["ending"]) == (
        "2027-01-01",
        eur(2983),
        eur(2983),
    )


def test_members_and_cohorts_are_told_by_month(owner: Client) -> None:
    asked = {"first_month": "2026-11", "last_month": "2026-12"}
    november, december = owner.get("/reports/members", **asked)["items"]
    assert (november["new"], november["ending"]) == (4, 4)
    assert (december["left"], december["ending"]) == (1, 3)
    lines = owner.get("/reports/cohorts", **asked)["items"]
    assert [(one["months_after"], one["members"], one["basis_points"]) for one in lines] == [
        (0, 4, 10_000),
        (1, 3, 7500),
    ]


def test_lifetime_value_is_told_by_cohort_and_plan(owner: Client) -> None:
    asked = {"first_month": "2026-11", "last_month": "2026-12"}
    (line,) = owner.get("/reports/lifetime", **asked)["items"]
    assert (line["cohort"], line["members"], line["net"]) == ("2026-11-01", 4, eur(10100))
    assert line["average"] == eur(2525)
    by_plan = owner.get("/reports/lifetime", by="plan", **asked)["items"]
    assert [(one["plan_name"], one["members"], one["average"]) for one in by_plan] == [
        ("Monthly", 3, eur(1033)),
        ("Yearly", 1, eur(7000)),
    ]


def test_reports_are_exported(owner: Client) -> None:  # EX1
    asked = {"first_day": "2026-11-01", "last_day": "2026-12-31"}
    answer = owner.ask("GET", "/reports/revenue.csv", query_string=asked)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["start"], row["gross_minor"], row["gross_currency"]) for row in rows] == [
        ("2026-11-22", "3600", "EUR"),
        ("2026-11-22", "7000", "EUR"),
        ("2026-12-21", "0", "EUR"),
    ]
    for name in ("mrr", "movements", "members", "cohorts", "lifetime"):
        text = owner.ask("GET", f"/reports/{name}.csv").text
        assert text.startswith("definition,"), name
        assert len(text.splitlines()) > 1, name


def test_reports_are_read_as_of_a_moment(house: House, owner: Client) -> None:  # part of AU3
    query = {"as_of": "2026-11-25T12:00:00Z", "first_month": "2026-11", "last_month": "2026-11"}
    answer = owner.ask("GET", "/reports/movements", query_string=query)
    assert answer.status_code == 202
    house.parts.past.worker.build()
    (line,) = owner.get("/reports/movements", **query)["items"]
    assert (line["new"], line["ending"]) == (eur(4183), eur(4183))
    assert owner.get("/reports/mrr", as_of=query["as_of"])["at"] == query["as_of"]


WRONG: tuple[tuple[str, dict[str, str], str], ...] = (
    ("revenue", {"first_day": "2026-12-02", "last_day": "2026-12-01"}, "first_day"),
    ("revenue", {"first_day": "2020-01-01", "last_day": "2026-12-01"}, "first_day"),
    ("revenue", {"first_day": "2026-13-01"}, "first_day"),
    ("revenue", {"last_day": "9999-12-31"}, "last_day"),
    ("mrr", {"at": "2027-12-01T00:00:00Z"}, "at"),
    ("movements", {"first_month": "1970-01"}, "first_month"),
    ("movements", {"first_month": "2026-00"}, "first_month"),
    ("members", {"last_month": "2026-1"}, "last_month"),
    ("cohorts", {"first_month": "2020-01", "last_month": "2026-01"}, "first_month"),
    ("lifetime", {"by": "month"}, "by"),
)


def test_a_range_that_is_none_is_refused_by_name(house: House) -> None:
    owner = house.as_staff("owner")
    for path, query, name in WRONG:
        answer = owner.ask("GET", f"/reports/{path}", query_string=query)
        assert answer.status_code == 422, (path, query)
        assert answer.json is not None
        assert [one["parameter"] for one in answer.json["errors"]] == [name]
