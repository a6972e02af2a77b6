"""The whole story by HTTP: from sign-up to member list, refund, removal and rejoining."""

from __future__ import annotations

from uuid import uuid4

from tests.web.api.conftest import CARD, PASSWORD, House


def test_from_sign_up_to_the_member_list_and_back(house: House) -> None:  # AX2, OR4, AC3, AX6
    plan_id = house.plan()
    person, owner = house.stranger(), house.as_staff("owner")

    person.post("/sign-ups", {"email": "ada@example.org", "name": "Ada Lovelace"})
    token = house.token_for("ada@example.org")
    person.post("/sign-ups/finish", {"token": token, "password": PASSWORD})
    joined = person.post("/account/memberships", {"plan_id": str(plan_id), **CARD})
    assert joined["outcome"] == "settled"
    member_id = person.get("/account")["member_id"]

    asked = {"member_id": member_id, "plan_id": str(plan_id)}
    answer = owner.get("/access", **asked)
    assert (answer["access"], answer["rule"]) == (True, "within_paid_period")

    owner.position = person.position
    [line] = owner.get("/members", text="lovelace")["items"]
    assert line["status"] == "member"
    assert line["net"] == {"minor": 1200, "currency": "EUR"}

    order_id = joined["order_id"]
    refund = {"amount": {"minor": 500, "currency": "EUR"}, "reason": "goodwill"}
    owner.post(f"/orders/{order_id}/refunds", refund)
    assert owner.get(f"/members/{member_id}")["net"] == {"minor": 700, "currency": "EUR"}
    assert owner.get("/access", **asked)["access"] is True

    removal = {"membership_ids": [joined["membership_id"]], "reason": "asked by post"}
    owner.post(f"/members/{member_id}/removals", removal)
    answer = owner.get("/access", **asked)
    assert (answer["access"], answer["rule"]) == (False, "ended_removed")
    assert owner.get(f"/members/{member_id}")["status"] == "former"

    again = person.post("/account/memberships", {"plan_id": str(plan_id)})
    assert again["membership_id"] != joined["membership_id"]
    assert owner.get("/access", **asked)["access"] is True
    assert len(person.get("/account/memberships")["items"]) == 2


def test_unknown_people_and_plans_are_not_found(house: House) -> None:  # part of AX9
    owner = house.as_staff("owner")
    nobody = {"member_id": str(uuid4()), "plan_id": str(house.plan())}
    assert owner.ask("GET", "/access", query_string=nobody).status_code == 404
