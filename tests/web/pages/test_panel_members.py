"""The member list and a member's page, as staff see and use them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from ledger import ids
from tests.web.pages.conftest import FREE, MACHINE, Place, cause
from tests.web.pages.reading import Page
from web.pages.panel import member

WAY = "/panel/orders?member="


def test_the_list_finds_by_name_and_address_whatever_the_accents(
    place: Place,
) -> None:  # part of SE3
    place.account("zoe@example.org", "Zoë Lemaître")
    place.account("ada@example.org", "Ada Lovelace")
    staff = place.staff()
    found = staff.get("/panel/search?q=ZOE+lemaitre").words
    assert "Zoë Lemaître" in found
    assert "Ada Lovelace" not in found
    assert "Ada Lovelace" in staff.get("/panel/members?q=ada%40example").words
    assert "Nobody matches" in staff.get("/panel/members?q=nobody").words


def test_every_filter_is_a_chip_that_takes_itself_off(place: Place) -> None:  # part of SE3
    gold, letter = place.plan(), place.plan("Letter", FREE)
    place.member(gold)
    place.member(letter, "bob@example.org")
    staff = place.staff()
    address = f"/panel/members?plan={gold}&status=member&status=former&spent_from=10"
    page = staff.get(address)
    assert "Members 1" in page.words
    for label in ("Plan: Gold", "Member", "Former member", "Spent at least €10.00"):
        assert label in page.words
    without_plan = next(x for x in page.links if "plan=" not in x and "spent_from" in x)
    assert "Members 1" in staff.get(without_plan).words
    assert "Members 2" in staff.get("/panel/members?status=member").words
    assert "Members 1" in staff.get(f"/panel/members?plan={letter}", "en").words


def test_the_list_is_sorted_and_paged_by_its_address(place: Place) -> None:  # part of SE3
    for number in range(53):
        place.account(f"p{number:02}@example.org", f"Person {number:02}")
        place.clock.advance(timedelta(minutes=61))
    staff = place.staff()
    page = staff.get("/panel/members?sort=name")
    assert page.words.index("Person 00") < page.words.index("Person 49")
    assert "Person 52" not in page.words
    after = next(link for link in page.links if "cursor=" in link)
    rest = staff.get(after).words
    assert "Person 52" in rest
    assert "Person 00" not in rest
    turned = staff.get("/panel/members?sort=name&direction=desc").words
    assert turned.index("Person 52") < turned.index("Person 51")


def test_a_list_without_anybody_says_what_to_do(place: Place) -> None:
    assert "Nobody has signed up yet." in place.staff().get("/panel/members").words


def test_an_order_is_found_by_its_number_and_its_receipts(place: Place) -> None:
    order_id = place.join(place.account(), place.plan())
    staff = place.staff()
    for text in (str(order_id), "T2026-000001", "2026-1"):
        assert f"Number {order_id}" in staff.get(f"/panel/search?q={text}").words


def test_a_profile_tells_everything_in_both_languages(place: Place) -> None:
    gold = place.plan()
    member_id = place.member(gold)
    staff = place.staff()
    english = staff.get(f"/panel/members/{member_id}").words
    for said in ("Gold €12.00 a month", "Running", "23 Dec", "yes within the paid period"):
        assert said.replace("23 Dec", "22 Dec 2026") in english
    total = "Total spent Why? €12.00 test"
    for said in (total, "Visa ending in 4242", "Joined Gold", "by the member"):
        assert said in english
    french = staff.get(f"/panel/members/{member_id}", "fr").words
    for said in ("Total dépensé", "12,00 €", "A souscrit à Gold", "oui dans la période payée"):
        assert said in french


def test_staff_tag_and_keep_notes_with_author_and_time(place: Place) -> None:  # part of AC9
    member_id = place.account()
    staff, path = place.staff("store_manager"), f"/panel/members/{member_id}"
    page = staff.send(staff.get(path), f"{path}/tags", tag="volunteer")
    assert "volunteer ×" in page.words
    page = staff.send(page, f"{path}/notes", text="Called on Monday.")
    assert "Called on Monday. Some store_manager, 22 Nov 2026, 13:00" in page.words
    [form] = [form for form in page.forms if "/notes/" in form.action]
    page = staff.send(page, form.action, text="Called on Tuesday.")
    assert "Called on Tuesday." in page.words
    assert "corrected on" in page.words
    assert "none" in staff.send(page, f"{path}/untag").words
    refused = staff.send(page, f"{path}/tags", tag="x" * 51, status=422)
    assert "A tag has 1 to 50 visible characters." in refused.words


def test_several_memberships_are_removed_at_once(place: Place) -> None:  # AX2
    gold, letter = place.plan(), place.plan("Letter", FREE)
    member_id = place.member(gold)
    place.join(member_id, letter)
    staff, path = place.staff(), f"/panel/members/{member_id}/remove"
    page = staff.get(path)
    for said in ("Access ends now", "No money is given back", "A gentler way", "22 Dec 2026"):
        assert said in page.words
    nothing = staff.send(page, "", status=422, reason="", membership=[])
    assert "Please fill this in." in nothing.words
    done = staff.send(page, "", reason="asked us to")
    assert "Removed from 2 plans: access has ended." in done.words
    assert "Removed from Gold: asked us to" in done.words
    for plan_id in (gold, letter):
        answer = place.parts.ledger.access(member_id, plan_id)
        assert (answer.allowed, answer.rule) == (False, "ended_removed")


def test_one_of_several_memberships_is_removed_alone(place: Place) -> None:  # part of AX2
    gold, letter = place.plan(), place.plan("Letter", FREE)
    member_id = place.member(gold)
    place.join(member_id, letter)
    memberships = place.parts.ledger.member(member_id).memberships.values()
    [chosen] = [str(m.membership_id) for m in memberships if m.plan_id == gold]
    staff, path = place.staff(), f"/panel/members/{member_id}/remove"
    page = staff.get(f"{path}?membership={chosen}")
    staff.send(page, "", reason="against the house rules")
    assert not place.parts.ledger.access(member_id, gold).allowed
    assert place.parts.ledger.access(member_id, letter).allowed


def test_an_account_without_a_past_is_closed_and_another_is_not(
    place: Place,
) -> None:  # part of AC4
    empty = place.account("bob@example.org")
    used = place.member(place.plan())
    staff = place.staff()
    page = staff.get(f"/panel/members/{empty}/close")
    assert "The account is closed." in staff.send(page, "", reason="a test").words
    page = staff.get(f"/panel/members/{used}/close", "fr")
    refused = staff.send(page, "", reason="a test", status=422)
    assert "souscrit à un forfait et ne peut pas être fermé" in refused.words


def test_possible_duplicates_are_shown(place: Place) -> None:  # part of SE1
    first = place.account("ada@example.org", "Ada Lovelace")
    place.account("ada@other.example", "ada lovelace")
    assert "ada@other.example" in place.staff().get(f"/panel/members/{first}").words


def test_a_fact_is_told_with_who_and_why(place: Place) -> None:  # part of AU2
    member_id = place.account()
    place.parts.ledger.write_note(member_id, ids.new(), "Hello.", by=MACHINE, cause=cause())
    place.settle()
    said = place.staff().get(f"/panel/members/{member_id}").words
    assert "by the server’s command line, because of a command" in said


def test_a_long_history_is_told_a_piece_at_a_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member, "LINES", 2)
    monkeypatch.setattr(member, "MORE_LINES", 3)
    member_id = place.member(place.plan())
    facts = [one.position for one in place.parts.queries.history.of_subject(member_id)]
    staff = place.staff()

    def told(page: Page) -> list[int]:
        return [int(number) for number in re.findall(r"fact (\d+)", page.words)]

    page = staff.get(f"/panel/members/{member_id}")
    assert told(page) == facts[:-3:-1]
    assert f"{len(facts) - 2} earlier facts" in page.words
    seen: list[int] = []
    while earlier := [link for link in page.links if "all=1" in link and "#history" in link]:
        page = staff.get(earlier[0])
        assert 0 < len(told(page)) <= 3
        assert set(told(page)).isdisjoint(seen)
        assert "for a plan" not in page.words  # what is told before says which
        seen += told(page)
    assert seen == facts[::-1]


def test_many_notes_are_shown_when_they_are_asked_for(  # part of AC9
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member, "NOTES", 1)
    member_id = place.account("ada@example.org", "Ada")
    for text in ("They called.", "They wrote.", "They came."):
        place.parts.ledger.write_note(member_id, ids.new(), text, by=MACHINE, cause=cause())
        place.clock.advance(timedelta(minutes=1))
    place.settle()
    page = place.staff().get(f"/panel/members/{member_id}")
    assert "They came." in page.words
    assert "They wrote." not in page.words
    assert "2 earlier notes" in page.words
    [more] = [link for link in page.links if "notes=1" in link and "#notes" in link]
    page = place.staff().get(more)
    assert "They called." in page.words
    assert "earlier note" not in page.words


def test_a_profile_leads_to_the_orders_that_it_has_no_room_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id = place.member(place.plan("Silver"))
    place.member(place.plan("Iron"), "eve@example.org")
    staff = place.staff()
    assert not [link for link in staff.get(f"/panel/members/{member_id}").links if WAY in link]
    monkeypatch.setattr(member, "ORDERS", 1)
    place.clock.advance(timedelta(days=1))
    place.join(member_id, place.plan("Gold"))
    staff = place.staff()
    profile = staff.get(f"/panel/members/{member_id}")
    assert "23 Nov 2026 Gold" in profile.words
    assert "22 Nov 2026 Silver" not in profile.words
    [way] = [link for link in profile.links if WAY in link]
    orders = staff.get(way)
    assert "Orders 2" in orders.words
    assert "Of Ada Lovelace" in orders.words
    assert "Iron" not in orders.words.partition("Of Ada Lovelace")[2]


def test_memberships_and_receipts_of_a_member_come_latest_first(place: Place) -> None:
    member_id = place.member(place.plan("Silver"))
    place.clock.advance(timedelta(days=1))
    place.join(member_id, place.plan("Gold"))
    queries = place.parts.queries
    stays = queries.memberships.of_member(member_id)
    assert [row.plan_name for row in stays] == ["Gold", "Silver"]
    receipts = queries.receipts.of_member(member_id)
    assert [one.plan_name for one in receipts] == ["Gold", "Silver"]
