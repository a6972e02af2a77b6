"""Discount codes in the panel: made, changed, ended, and the orders that used them."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger.discount import DiscountRules
from ledger.money import Money
from projections.queries.orders import OrderFilter
from projections.queries.paging import Turn
from tests.web.pages.conftest import CARD, MACHINE, Browser, Place, cause
from tests.web.pages.reading import Page

NEW = "/panel/discounts/new"
READY: dict[str, str | list[str]] = {
    "discount_code": "half",
    "kind": "percent",
    "percent": "50",
    "lasting": "first",
}


def sent(browser: Browser, given: dict[str, str | list[str]], *, status: int = 200) -> Page:
    """The form of a new code, filled in and sent."""
    return browser.send(browser.get(NEW), "", {**READY, **given}, status=status)  # type: ignore[dict-item]


def made(page: Page) -> UUID:
    """The code whose page it is."""
    return UUID(page.path.rsplit("/", 1)[1])


def test_a_code_takes_off_a_percentage_of_the_first_payment(place: Place) -> None:  # DI1
    browser = place.staff()
    page = sent(browser, {"total_uses": "20"})
    assert page.headings[0].strip() == "HALF"
    assert "50\u00a0% off the first payment" in page.words.replace(" %", "\u00a0%")
    assert "0 of 20" in page.words
    assert place.parts.ledger.discount(made(page)).rules == DiscountRules(
        percent=50, total_uses=20, once_per_person=True
    )


def test_a_code_takes_an_amount_off_every_payment_of_some_plans(place: Place) -> None:  # DI1
    gold, _ = place.plan(), place.plan("Silver")
    page = sent(
        place.staff(),
        {
            "kind": "amount",
            "amount": "5,50",
            "lasting": "every",
            "plan_ids": [str(gold)],
            "starts_at": "2030-01-01T08:00",
            "ends_at": "2030-02-01T08:00",
        },
    )
    rules = place.parts.ledger.discount(made(page)).rules
    assert (rules.amount, rules.every_payment) == (Money(550, "EUR"), True)
    assert rules.plan_ids == (gold,)
    assert rules.starts_at is not None
    assert rules.starts_at.isoformat() == "2030-01-01T07:00:00+00:00"  # typed as in Paris
    assert "Not yet valid" in page.words


WRONG: dict[str, tuple[dict[str, str | list[str]], str]] = {
    "code": ({"discount_code": "a!"}, "3 to 40 letters"),
    "percent": ({"percent": "101"}, "a whole number from 1 to 100"),
    "amount": ({"kind": "amount", "amount": "0"}, "an amount of more than zero"),
    "window": (
        {"starts_at": "2030-02-01T08:00", "ends_at": "2030-01-01T08:00"},
        "ends after it starts",
    ),
    "uses": ({"total_uses": "0"}, "a whole number from 1 to 1,000,000"),
    "day": ({"ends_at": "soon"}, "not a date and time"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    place: Place, fault: str
) -> None:
    given, said = WRONG[fault]
    page = sent(place.staff(), given, status=422)
    assert said in page.words
    fields = dict(page.form("").fields)
    assert fields["discount_code"] == given.get("discount_code", "half")
    assert place.parts.queries.discounts.all() == []


def test_two_spellings_that_differ_by_case_are_one_code(place: Place) -> None:
    browser = place.staff()
    sent(browser, {})
    page = sent(browser, {"discount_code": "HALF"}, status=422)
    assert "There is a discount code HALF already." in page.words


def test_a_code_is_changed_for_later_uses_and_ended_once_asked(place: Place) -> None:
    browser = place.staff()
    code_id = made(sent(browser, {}))
    address = f"/panel/discounts/{code_id}"
    page = browser.get(f"{address}/change")
    assert dict(page.form("").fields)["percent"] == "50"
    changed = browser.send(page, "", {"kind": "percent", "lasting": "first"}, percent="25")
    assert "25" in changed.words
    again = browser.get(f"{address}/change")
    ended = browser.send(browser.get(f"{address}/end"), "")
    assert "Nobody can use HALF any more." in ended.words
    assert f"{address}/change" not in ended.links
    late = browser.send(
        again, "", {"kind": "percent", "lasting": "first"}, percent="30", status=422
    )
    assert "expired on" in late.words


def test_a_code_of_a_retired_plan_stays_its_own_when_it_is_changed(place: Place) -> None:
    gold, browser = place.plan(), place.staff()
    code_id = made(sent(browser, {"plan_ids": [str(gold)]}))
    place.parts.ledger.retire_plan(gold, by=MACHINE, cause=cause())
    place.settle()
    page = browser.get(f"/panel/discounts/{code_id}/change")
    browser.send(page, "", {"kind": "percent", "lasting": "first"}, percent="25")
    assert place.parts.ledger.discount(code_id).rules.plan_ids == (gold,)


def test_each_use_is_listed_with_its_order(place: Place) -> None:
    gold, staff = place.plan(), place.staff()
    code_id = made(sent(staff, {}))
    person = place.person()
    joined = person.send(person.get(f"/plans/{gold}?code=half"), f"/plans/{gold}/join", CARD)
    assert "Welcome to Gold." in joined.words
    page = staff.get(f"/panel/discounts/{code_id}")
    [order] = place.parts.queries.orders.page(_with_code(), _latest()).rows
    assert f"/panel/orders/{order.order_id}" in page.links
    assert "Ada Lovelace" in page.words
    assert "€6.00 €6.00" in page.words
    listed = staff.get("/panel/discounts")
    assert "HALF" in listed.words
    assert "Can be used" in listed.words


def test_store_managers_read_codes_and_change_none(place: Place) -> None:  # DI6
    code_id = made(sent(place.staff(), {}))
    browser = place.staff("store_manager")
    page = browser.get(f"/panel/discounts/{code_id}")
    assert {form.action for form in page.forms if form.method == "post"} == {"/team/sign-out"}
    assert not [link for link in page.links if link.endswith(("/change", "/end"))]
    for path in (NEW, f"/panel/discounts/{code_id}/change", f"/panel/discounts/{code_id}/end"):
        browser.get(path, status=403)
    assert NEW not in browser.get("/panel/discounts").links


def _with_code() -> OrderFilter:
    return OrderFilter(discount_code="HALF")


def _latest() -> Turn:
    return Turn("placed", descending=True)
