"""Orders and refunds, as staff see and use them."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.web.pages.conftest import FREE, Browser, Place
from tests.web.pages.reading import Page


def refund(staff: Browser, order_id: UUID, status: int = 200, **given: str) -> Page:
    """Fill in the refund form of an order."""
    page = staff.get(f"/panel/orders/{order_id}/refund", given.pop("lang", "en"))
    return staff.send(page, "", {"reason": "asked", **given}, status=status)


def test_a_refund_from_the_page_keeps_the_access(place: Place) -> None:  # OR4
    gold, member_id = place.plan(), place.account()
    order_id = place.join(member_id, gold)
    staff = place.staff("store_manager")
    page = staff.get(f"/panel/orders/{order_id}/refund")
    assert ("amount", "12.00") in page.form("").fields
    assert "Access stays as it is." in page.words
    done = refund(staff, order_id, amount="5.00")
    assert "€5.00 goes back. Access stays as it was." in done.words
    assert "Left to refund €7.00" in done.words
    assert place.parts.ledger.access(member_id, gold).allowed
    assert place.as_member(member_id).get(f"/plans/{gold}/content").headings == ["Inside Gold"]
    assert "Total spent Why? €7.00" in staff.get(f"/panel/members/{member_id}").words


def test_the_full_rest_is_proposed_and_no_more_goes_back(place: Place) -> None:  # part of OR2
    order_id = place.join(place.account(), place.plan())
    staff = place.staff()
    too_much = refund(staff, order_id, 422, amount="12.01")
    assert "has €12.00 left to refund; €12.01 was asked." in too_much.words
    rest = staff.send(too_much, "", reason="goodwill", amount="12.00")
    assert "Left to refund €0.00" in rest.words
    assert "Nothing is left to refund." in staff.get(f"/panel/orders/{order_id}/refund").words


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0", "more than zero"), ("-5", "not an amount"), ("1.005", "not an amount"),
     ("five", "not an amount"), ("٥", "not an amount"), ("", "fill this in"),
     ("999999999999999", "not an amount"), ("99999999999", "larger than the ledger accepts")],
)  # fmt: skip
def test_an_amount_that_is_none_is_refused_beside_its_field(
    place: Place, amount: str, said: str
) -> None:
    order_id = place.join(place.account(), place.plan())
    assert said in refund(place.staff(), order_id, 422, amount=amount).words
    assert place.parts.ledger.order(order_id).refundable.minor == 1200


def test_amounts_are_typed_as_the_reader_writes_them(place: Place) -> None:
    order_id = place.join(place.account(), place.plan())
    staff = place.staff()
    page = staff.get(f"/panel/orders/{order_id}/refund", "fr")
    assert ("amount", "12,00") in page.form("").fields
    assert "5,50 € sont remboursés." in refund(staff, order_id, amount="5,5", lang="fr").words


def test_another_reason_needs_a_note(place: Place) -> None:
    order_id = place.join(place.account(), place.plan())
    staff = place.staff()
    refused = refund(staff, order_id, 422, amount="1", reason="other")
    assert "Please fill this in." in refused.words
    done = staff.send(refused, "", reason="other", note="Left the country", amount="1")
    assert "Left the country" in done.words


def test_a_refund_form_that_is_sent_twice_gives_back_once(place: Place) -> None:
    order_id = place.join(place.account(), place.plan())
    staff = place.staff()
    page = staff.get(f"/panel/orders/{order_id}/refund")
    for _ in range(2):
        staff.send(page, "", reason="asked", amount="4.00")
    assert place.parts.ledger.order(order_id).refunded.minor == 400


def test_orders_are_listed_filtered_and_empty_in_words(place: Place) -> None:
    staff = place.staff()
    assert "No order yet." in staff.get("/panel/orders").words
    place.member(place.plan())
    place.member(place.plan("Letter", FREE), "bob@example.org")
    assert "Orders 2" in staff.get("/panel/orders").words
    paid = staff.get("/panel/orders?state=paid").words
    assert "Orders 1" in paid
    assert "Ada Lovelace" in paid
    assert "No order matches" in staff.get("/panel/orders?state=lost").words
    assert "Commandes 2" in staff.get("/panel/orders?sort=amount&direction=asc", "fr").words


def test_plans_are_listed_with_their_running_memberships(place: Place) -> None:
    gold = place.plan()
    place.member(gold)
    page = place.staff("auditor").get("/panel/plans")
    assert "Gold About it. Open Recurring €12.00 a month 1" in page.words
