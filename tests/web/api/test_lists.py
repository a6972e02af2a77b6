"""Lists by HTTP: the members sorted, filtered, searched and paged; money; segments (SE3)."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from ledger.segment import SmartSegment
from tests.web.api.conftest import CARD, Client, House

ZOE = "zoe@example.org"
PEOPLE = (
    (ZOE, "Zoë Müller"),
    ("adam@example.org", "Adam Smith"),
    ("mary@example.org", "Mary Shelley"),
)


@pytest.fixture
def plan_id(house: House) -> str:
    return str(house.plan())


@pytest.fixture
def owner(house: House, plan_id: str) -> Client:
    """The owner of a site with three accounts; Zoë and Mary joined, and Mary got 3 € back."""
    owner = house.as_staff("owner")
    for email, name in PEOPLE:
        person = house.sign_up(email, name)
        house.clock.advance(timedelta(minutes=1))
        if not name.startswith("Adam"):
            joined = person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    refund = {"amount": {"minor": 300, "currency": "EUR"}, "reason": "rain"}
    owner.post(f"/orders/{joined['order_id']}/refunds", refund)
    return owner


def names(owner: Client, **query: object) -> list[str]:
    """Of the list that a query asks for."""
    return [line["name"] for line in owner.get("/members", **query)["items"]]


def test_the_list_sorts(owner: Client) -> None:  # SE3
    assert names(owner) == ["Adam Smith", "Mary Shelley", "Zoë Müller"]
    assert names(owner, sort="email") == ["Adam Smith", "Mary Shelley", "Zoë Müller"]
    by_spent = names(owner, sort="spent", descending="true")
    assert by_spent == ["Zoë Müller", "Mary Shelley", "Adam Smith"]
    for sort in ("joined", "plan", "status", "last_order"):
        assert len(names(owner, sort=sort)) == 3


def test_the_list_filters(owner: Client, plan_id: str) -> None:  # SE3
    joined = ["Mary Shelley", "Zoë Müller"]
    assert names(owner, status="member") == joined
    assert names(owner, status=["member", "contact"]) == ["Adam Smith", *joined]
    assert names(owner, plan_id=plan_id) == joined
    assert names(owner, spent_from=1000) == ["Zoë Müller"]
    assert names(owner, spent_to=1000) == ["Adam Smith", "Mary Shelley"]
    assert names(owner, segment="accounts_without_plan") == ["Adam Smith"]
    assert names(owner, joined_from="2027-01-01T00:00:00Z") == []


def test_the_list_finds_without_accents_and_case(owner: Client) -> None:  # SE3
    assert names(owner, text="zoe MULLER") == ["Zoë Müller"]
    assert names(owner, text="adam@") == ["Adam Smith"]
    assert names(owner, text="100%") == []


def test_the_list_is_paged_and_says_how_fresh_it_is(owner: Client) -> None:
    first = owner.ask("GET", "/members", query_string={"limit": 2})
    assert first.json is not None
    assert first.json["total"] == {"count": 3, "is_exact": True}
    assert int(first.headers["Ledger-Position"]) >= owner.position
    assert (first.headers["Ledger-Lag"], first.headers["Ledger-Age"]) == ("0", "0")
    rest = owner.get("/members", limit=2, cursor=first.json["next"])
    assert [line["name"] for line in rest["items"]] == ["Zoë Müller"]
    assert rest["next"] is None
    other = owner.ask(
        "GET", "/members", query_string={"sort": "email", "cursor": first.json["next"]}
    )
    assert other.status_code == 422


def test_orders_are_listed_with_their_people(owner: Client) -> None:
    orders = owner.get("/orders")["items"]
    assert [order["name"] for order in orders] == ["Mary Shelley", "Zoë Müller"]
    mary = owner.get(f"/orders/{orders[0]['order_id']}")
    assert mary["state"] == "partly_refunded"
    assert mary["refundable"] == {"minor": 900, "currency": "EUR"}
    assert mary["refunds"][0]["reason"] == "rain"
    [receipt] = owner.get(f"/orders/{orders[0]['order_id']}/receipts")["items"]
    assert receipt["number"].startswith("T2026-")


def test_figures_add_up_to_their_movements(owner: Client) -> None:  # part of OR8
    [total] = owner.get("/figures/spending")["items"]
    amounts = {name: total[name]["minor"] for name in ("gross", "refunded", "disputed", "net")}
    assert amounts == {"gross": 2400, "refunded": 300, "disputed": 0, "net": 2100}
    assert total["mode"] == "test"
    moves = owner.get("/figures/movements")["items"]
    assert sum(move["amount"]["minor"] for move in moves) == 2100


def test_segments_count_and_lead_to_their_lists(owner: Client) -> None:  # part of SE1
    counts = {one["segment"]: one["members"]["count"] for one in owner.get("/segments")["items"]}
    assert (counts["members"], counts["customers"], counts["accounts_without_plan"]) == (2, 2, 1)


def test_nobody_edits_a_smart_segment_or_merges_duplicates(  # SE1
    house: House, owner: Client
) -> None:
    house.sign_up("ada@example.org", "Ádam  SMITH")
    segments = owner.get("/segments")["items"]
    assert [one["segment"] for one in segments] == list(get_args(SmartSegment))
    for one in segments:
        listed = owner.get("/members", segment=one["segment"])["items"]
        assert len(listed) == one["members"]["count"]
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            path = f"/segments/{one['segment']}"
            assert owner.ask(method, path, json={"name": "Mine"}).status_code in {404, 405}
    assert owner.get("/segments")["items"] == segments
    duplicates = owner.get("/members", segment="possible_duplicates")["items"]
    by_name, by_card = {"ada@example.org", "adam@example.org"}, {"mary@example.org", ZOE}
    assert {one["email"] for one in duplicates} == by_name | by_card
    paths = owner.get("/openapi.json")["paths"]
    assert not [path for path in paths if "merge" in path]


def test_a_history_is_paged(owner: Client) -> None:  # part of AU2
    [zoe] = owner.get("/members", text="zoe")["items"]
    path = f"/members/{zoe['member_id']}/history"
    whole = owner.get(path)["items"]
    first = owner.get(path, limit=3)
    rest = owner.get(path, limit=100, cursor=first["next"])
    assert first["items"] + rest["items"] == whole
    assert whole[0]["topic"] == "member.account_opened"
    assert whole[0]["fields"]["email"] == "zoe@example.org"
    assert whole[0]["actor_kind"] == "member"


def test_plans_are_listed_for_staff_and_the_open_ones_for_all(house: House, owner: Client) -> None:
    owner.post("/plans", {"name": "Draft"})
    assert [plan["name"] for plan in owner.get("/plans")["items"]] == ["Draft", "Gold"]
    assert owner.get("/plans", state="open")["items"][0]["running_memberships"] == 2
    page = owner.get("/plans", limit=1)
    assert owner.get("/plans", limit=1, cursor=page["next"])["items"][0]["name"] == "Gold"
    [plan] = house.stranger().get("/open-plans")["items"]
    assert plan["price"]["amount"] == {"minor": 1200, "currency": "EUR"}


def test_a_read_waits_for_one_s_own_command(house: House) -> None:
    owner = house.as_staff("owner")
    for number in range(5):
        made = owner.ask("POST", "/plans", json={"name": f"Plan {number}"})
        headers = {"Ledger-Position": made.headers["Ledger-Position"]}
        answer = owner.ask("GET", "/plans", headers=headers)
        assert f"Plan {number}" in answer.text
