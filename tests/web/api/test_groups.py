"""Saved segments, mailing lists and notices by HTTP (SE2, NO2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.facts import Actor, Cause
from ledger.notification import Recipient
from tests.web.api.conftest import CARD, Client, House

PEOPLE = (("zoe@example.org", "Zoë Müller"), ("adam@example.org", "Adam Smith"))
JOB = Actor(kind="scheduler")


@pytest.fixture
def plan_id(house: House) -> str:
    return str(house.plan())


@pytest.fixture
def owner(house: House, plan_id: str) -> Client:
    """The owner of a site on which Zoë joined a plan and Adam has an account."""
    owner = house.as_staff("owner")
    for email, name in PEOPLE:
        person = house.sign_up(email, name)
        if name.startswith("Zoë"):
            person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    owner.position = person.position
    return owner


def member_id(owner: Client, name: str) -> str:
    """Somebody's id."""
    return str(owner.get("/members", text=name)["items"][0]["member_id"])


def names(owner: Client, segment_id: str, **query: object) -> list[str]:
    """Who is in a saved segment."""
    path = f"/segments/saved/{segment_id}/members"
    return [line["name"] for line in owner.get(path, **query)["items"]]


# --- saved segments -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["Adam Smith", "Zoë Müller"]),
        ({"statuses": ["member", "past_due"]}, ["Zoë Müller"]),
        ({"segment": "accounts_without_plan"}, ["Adam Smith"]),
        ({"spent_from": {"minor": 1200, "currency": "EUR"}}, ["Zoë Müller"]),
        ({"spent_to": {"minor": 0, "currency": "EUR"}}, ["Adam Smith"]),
        ({"text": "zoe MULLER"}, ["Zoë Müller"]),
        ({"method_country": "us"}, ["Zoë Müller"]),
        ({"agrees": True}, []),
        ({"agrees": False}, ["Adam Smith", "Zoë Müller"]),
        ({"tag": "vip"}, []),
        ({"joined_from": "2001-01-01T00:00:00Z"}, ["Zoë Müller"]),
        ({"last_order_before": "2001-01-01T00:00:00Z"}, []),
    ],
)
def test_a_saved_segment_is_the_member_list_with_its_filter(  # part of SE2
    owner: Client, asked: dict[str, Any], found: list[str]
) -> None:
    segment_id = owner.post("/segments/saved", {"name": "Some", **asked})["id"]
    assert names(owner, segment_id) == found
    [segment] = owner.get("/segments/saved")["items"]
    assert segment["members"] == {"count": len(found), "is_exact": True}
    assert segment["list"] == f"/api/v1/segments/saved/{segment_id}/members"


def test_a_segment_asks_for_a_plan_and_is_sorted_and_paged(  # part of SE2
    owner: Client, plan_id: str
) -> None:
    segment_id = owner.post("/segments/saved", {"name": "Gold", "plan_id": plan_id})["id"]
    assert names(owner, segment_id) == ["Zoë Müller"]
    owner.put(f"/segments/saved/{segment_id}", {"name": "All"})
    assert names(owner, segment_id, sort="spent", descending="true")[0] == "Zoë Müller"
    path = f"/segments/saved/{segment_id}/members"
    first = owner.get(path, limit=1)
    rest = owner.get(path, limit=1, cursor=first["next"])
    assert [one["name"] for one in rest["items"]] == ["Zoë Müller"]


def test_a_removed_segment_is_gone_and_can_be_kept_again(owner: Client) -> None:
    segment_id = owner.post("/segments/saved", {"name": "Some"})["id"]
    owner.delete(f"/segments/saved/{segment_id}")
    owner.delete(f"/segments/saved/{segment_id}")
    assert owner.get("/segments/saved")["items"] == []
    assert owner.ask("GET", f"/segments/saved/{segment_id}/members").status_code == 404
    owner.put(f"/segments/saved/{segment_id}", {"name": "Some again", "text": "zoe"})
    [segment] = owner.get("/segments/saved")["items"]
    assert (segment["name"], segment["text"]) == ("Some again", "zoe")


def test_segments_are_refused_in_sentences(owner: Client) -> None:
    owner.post("/segments/saved", {"name": "Some"})
    for body, code in (
        ({"name": "SOME"}, "segment_name_taken"),
        ({"name": "x", "plan_id": str(ids.new())}, "not_found"),
        ({"name": "x", "spent_from": {"minor": 1, "currency": "USD"}}, "filter_malformed"),
        ({"name": " "}, "text_malformed"),
        ({"name": "x", "tag": " "}, "tag_malformed"),
    ):
        answer = owner.ask("POST", "/segments/saved", json=body)
        assert answer.json is not None
        assert answer.json["code"] == code
    never = owner.ask("PUT", f"/segments/saved/{ids.new()}", json={"name": "x"})
    assert never.status_code == 404


# --- mailing lists ------------------------------------------------------------------------


def test_a_list_holds_contacts_and_addresses(owner: Client) -> None:  # part of SE2
    list_id = owner.post("/lists", {"name": "News"})["id"]
    zoe = member_id(owner, "zoe")
    added = owner.post(
        f"/lists/{list_id}/entries",
        {"member_ids": [zoe], "emails": ["old@example.org", "ADAM@example.org"]},
    )
    assert {one["outcome"] for one in [*added["members"], *added["emails"]]} == {"on_list"}
    entries = owner.get(f"/lists/{list_id}/entries")["items"]
    assert {(one["name"], one["email"]) for one in entries} == {
        ("Zoë Müller", "zoe@example.org"),
        ("Adam Smith", "adam@example.org"),
        (None, "old@example.org"),
    }
    assert owner.get(f"/lists/{list_id}")["entries"] == 3
    assert [one["name"] for one in owner.get(f"/members/{zoe}/lists")["items"]] == ["News"]


def test_nobody_is_on_a_list_twice_and_who_is_taken_off_is_off(owner: Client) -> None:
    list_id = owner.post("/lists", {"name": "News"})["id"]
    body = {"emails": ["old@example.org"]}
    first = owner.post(f"/lists/{list_id}/entries", body)
    assert owner.post(f"/lists/{list_id}/entries", body) == first
    assert owner.get(f"/lists/{list_id}")["entries"] == 1
    entry_id = first["emails"][0]["entry_id"]
    owner.delete(f"/lists/{list_id}/entries/{entry_id}")
    assert owner.get(f"/lists/{list_id}/entries")["items"] == []
    owner.post(f"/lists/{list_id}/entries", body)
    assert owner.get(f"/lists/{list_id}")["entries"] == 1


def test_an_address_is_erased_by_a_program(owner: Client) -> None:  # part of SE2
    list_id = owner.post("/lists", {"name": "News"})["id"]
    owner.post(f"/lists/{list_id}/entries", {"emails": ["old@example.org", "x@example.org"]})
    assert owner.post("/lists/erase", {"email": "OLD@example.org"}) == {"lists": 1}
    entries = owner.get(f"/lists/{list_id}/entries")["items"]
    assert [one["email"] for one in entries] == ["x@example.org"]
    assert owner.post("/lists/erase", {"email": "old@example.org"}) == {"lists": 0}
    refused = owner.ask("POST", "/lists/erase", json={"email": "nobody"})
    assert (refused.status_code, refused.json["code"]) == (422, "email_malformed")  # type: ignore[index]


def test_who_unsubscribed_is_left_off_and_staff_are_told(house: House, owner: Client) -> None:
    list_id = owner.post("/lists", {"name": "News"})["id"]
    body = {"member_ids": [member_id(owner, "zoe")]}
    entry_id = owner.post(f"/lists/{list_id}/entries", body)["members"][0]["entry_id"]
    owner.position = house.parts.ledger.unsubscribe_from_list(
        UUID(list_id),
        UUID(entry_id),
        by=Actor(kind="member", id=UUID(body["member_ids"][0])),
        cause=Cause(kind="request", id=ids.new()),
    )
    again = owner.post(f"/lists/{list_id}/entries", body)
    assert again["members"] == [{"entry_id": entry_id, "outcome": "unsubscribed"}]
    assert owner.get(f"/lists/{list_id}")["entries"] == 0


def test_entries_are_paged_in_the_order_in_which_they_came(owner: Client) -> None:
    list_id = owner.post("/lists", {"name": "News"})["id"]
    emails = [f"old{number}@example.org" for number in range(5)]
    owner.post(f"/lists/{list_id}/entries", {"emails": emails})
    found, cursor = [], None
    for _ in range(3):
        page = owner.get(
            f"/lists/{list_id}/entries", limit=2, **({"cursor": cursor} if cursor else {})
        )
        found += [one["email"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(found) == emails
    assert cursor is None


def test_a_list_that_is_over_takes_nobody_and_is_still_seen(owner: Client) -> None:
    list_id = owner.post("/lists", {"name": "News"})["id"]
    owner.post(f"/lists/{list_id}/entries", {"emails": ["old@example.org"]})
    owner.post(f"/lists/{list_id}/end")
    refused = owner.ask("POST", f"/lists/{list_id}/entries", json={"emails": ["a@example.org"]})
    assert refused.json is not None
    assert refused.json["code"] == "list_ended"
    [one] = owner.get("/lists")["items"]
    assert (one["entries"], one["ended_at"] is None) == (1, False)


def test_what_is_not_there_is_not_found(owner: Client) -> None:
    nowhere = ids.new()
    paths = [f"/lists/{nowhere}", f"/lists/{nowhere}/entries", f"/members/{nowhere}/lists"]
    assert {owner.ask("GET", path).status_code for path in paths} == {404}
    assert owner.ask("DELETE", f"/lists/{nowhere}/entries/{nowhere}").status_code == 404
    list_id = owner.post("/lists", {"name": "News"})["id"]
    for body in ({"member_ids": [str(nowhere)]}, {"emails": ["nobody"]}):
        answer = owner.ask("POST", f"/lists/{list_id}/entries", json=body)
        assert answer.status_code in {404, 422}
    assert owner.get(f"/lists/{list_id}")["entries"] == 0


# --- notices ------------------------------------------------------------------------------


def test_notices_say_who_was_told_what_and_why(house: House, owner: Client) -> None:  # part of NO2
    zoe, ledger = UUID(member_id(owner, "zoe")), house.parts.ledger
    told: list[tuple[Recipient, Any]] = [
        (Recipient(kind="contributor", id=house.staff["owner"], role="owner"), "member_joined"),
        (Recipient(kind="member", id=zoe, role="member"), "welcome"),
    ]
    for recipient, kind in told:
        cause = Cause(kind="job", id=ids.new())
        ledger.queue_notice(
            recipient, kind, because_of=f"{zoe}/1", locale="fr", by=JOB, cause=cause
        )
    welcome = ids.notice(f"{zoe}/1", zoe, "welcome")
    owner.position = ledger.record_notice_failed(
        welcome, attempt=1, why="4.2.2", by=JOB, cause=Cause(kind="job", id=ids.new())
    )
    kinds = {one["kind"] for one in owner.get("/notices")["items"]}
    assert kinds == {"member_joined", "welcome"}
    [failed] = owner.get("/notices", state="failed")["items"]
    assert (failed["because_of"], failed["why"], failed["attempts"]) == (f"{zoe}/1", "4.2.2", 1)
    assert (failed["member_id"], failed["recipient_id"]) == (str(zoe), str(zoe))
    for query in ({"kind": "welcome"}, {"recipient_id": str(zoe)}):
        assert [one["kind"] for one in owner.get("/notices", **query)["items"]] == ["welcome"]
    assert len(owner.get("/notices", member_id=str(zoe))["items"]) == 2
    page = owner.get("/notices", limit=1)
    rest = owner.get("/notices", limit=1, cursor=page["next"])
    assert {page["items"][0]["kind"], rest["items"][0]["kind"]} == kinds
