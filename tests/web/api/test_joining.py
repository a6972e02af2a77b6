"""Joining by HTTP: cards, codes, early access, confirmations, two tabs, the own things."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.api.conftest import CARD, STAFF, Client, House
from web.identity.permissions import Role


@pytest.fixture
def plan_id(house: House) -> str:
    return str(house.plan())


@pytest.fixture
def person(house: House) -> Client:
    return house.sign_up()


def code_of(answer: TestResponse) -> str:
    """The code of a refusal."""
    assert answer.json
    return str(answer.json["code"])


def pointer_of(answer: TestResponse) -> str:
    """The field that a refusal names."""
    assert answer.json
    return str(answer.json["errors"][0]["pointer"])


def card(number: str) -> dict[str, Any]:
    return {**CARD, "card_number": number}


def test_a_declined_card_joins_nothing(house: House, person: Client, plan_id: str) -> None:
    answer = person.ask(
        "POST", "/account/memberships", json={"plan_id": plan_id, **card("4000000000000002")}
    )
    assert (answer.status_code, code_of(answer)) == (422, "payment_declined")
    assert person.get("/account/memberships")["items"] == []


def test_a_confirmation_that_the_bank_asks_for(  # part of AC12
    house: House, person: Client, plan_id: str
) -> None:
    waiting = person.post("/account/memberships", {"plan_id": plan_id, **card("4000002760003184")})
    assert (waiting["outcome"], waiting["membership_id"]) == ("waiting", None)
    confirm = f"/account/orders/{waiting['order_id']}/confirm"
    other = house.sign_up("grace@example.org", "Grace")
    assert other.ask("POST", confirm, json={"approved": True}).status_code == 404
    assert person.post(confirm, {"approved": True})["outcome"] == "settled"


def test_a_card_to_save_that_the_bank_asks_about(person: Client) -> None:  # part of AC6
    headers = {"Idempotency-Key": "saving"}
    body = card("4000002500003155")
    asked = person.ask("POST", "/account/method", json=body, headers=headers)
    assert (asked.status_code, code_of(asked)) == (409, "confirmation_needed")
    action = (asked.json or {})["action"]
    person.post("/account/method/confirm", {"action": action, "approved": True})
    saved = person.ask("POST", "/account/method", json=body, headers=headers)
    assert saved.status_code == 200
    assert person.get("/account/method")["method"]["last_four"] == "3155"


def test_a_member_sees_what_is_theirs(person: Client, plan_id: str) -> None:  # AC8, AX3, AX4
    joined = person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    [stay] = person.get("/account/memberships")["items"]
    assert (stay["plan_name"], stay["price"]["minor"], stay["has_access"]) == ("Gold", 1200, True)
    assert stay["renews_at"] == "2026-12-22T12:00:00Z"
    assert person.get("/account")["method"]["expires"] == "2030-12"
    assert person.get(f"/account/orders/{joined['order_id']}")["state"] == "paid"
    [receipt] = person.get("/account/receipts")["items"]
    assert receipt["number"] == "T2026-000001"
    act = f"/account/memberships/{stay['membership_id']}"
    person.post(f"{act}/self-cancel")
    [stay] = person.get("/account/memberships")["items"]
    assert (stay["renews_at"], stay["access_until"]) == (None, "2026-12-22T12:00:00Z")
    person.post(f"{act}/withdraw-cancellation")
    assert person.get("/account/memberships")["items"][0]["renews_at"] is not None


def test_members_see_neither_tags_nor_notes(house: House, person: Client) -> None:  # AC9
    owner, member_id = house.as_staff("owner"), person.get("/account")["member_id"]
    owner.put(f"/members/{member_id}/tags", {"tag": "vip-in-secret"})
    note = owner.post(f"/members/{member_id}/notes", {"text": "a secret"})
    owner.put(f"/members/{member_id}/notes/{note['id']}", {"text": "another secret"})
    profile = owner.get(f"/members/{member_id}")
    assert profile["tags"] == ["vip-in-secret"]
    assert profile["notes"][0]["text"] == "another secret"
    assert profile["notes"][0]["author_id"] == str(house.staff["owner"])
    for path in ("/account", "/account/memberships", "/account/orders"):
        assert "secret" not in person.ask("GET", path).text


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_nobody_but_the_member_touches_a_payment_method(  # AC6
    house: House, person: Client, method: str
) -> None:
    person.post("/account/method", CARD)
    said = {"json": CARD} if method == "POST" else {}
    staff = [house.as_staff(role) for role in STAFF]
    for client in (*staff, house.as_program(role=Role.ADMINISTRATOR)):
        assert client.ask(method, "/account/method", **said).status_code == 403
    assert person.get("/account/method")["method"]["last_four"] == "4242"
    person.delete("/account/method")
    assert person.get("/account/method")["method"] is None


def test_another_member_s_things_are_not_found(  # part of AC8
    house: House, person: Client, plan_id: str
) -> None:
    joined = person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    other = house.sign_up("grace@example.org", "Grace")
    assert other.ask("GET", f"/account/orders/{joined['order_id']}").status_code == 404
    cancel = f"/account/memberships/{joined['membership_id']}/self-cancel"
    assert other.ask("POST", cancel).status_code == 404


def test_early_access_asks_for_its_password(house: House, person: Client) -> None:  # PL6
    plan_id, owner = str(house.plan("Early")), house.as_staff("owner")
    until = {"password_until": "2026-12-01T00:00:00Z"}
    missing = owner.ask("PUT", f"/plans/{plan_id}/early-access", json=until)
    assert code_of(missing) == "password_missing"
    owner.put(f"/plans/{plan_id}/early-access", {**until, "password": "open sesame"})
    person.position = owner.position
    assert person.get(f"/open-plans/{plan_id}")["asks_password"] is True
    wish = {"plan_id": plan_id, **CARD}
    for password in (None, "open barley!"):
        body = {**wish, "early_access_password": password}
        answer = person.ask("POST", "/account/memberships", json=body)
        assert code_of(answer) == "early_access_password_needed"
    body = {**wish, "early_access_password": "open sesame"}
    assert person.post("/account/memberships", body)["outcome"] == "settled"
    with house.parts.pool.connection() as connection:
        kept = connection.execute("SELECT string_agg(state::text, '') FROM ledger.facts").fetchone()
    assert "argon2" not in str(kept)


def test_a_code_lowers_the_price_and_says_why_not(  # DI5, DI6
    house: House, person: Client, plan_id: str
) -> None:
    manager, owner = house.as_staff("store_manager"), house.as_staff("owner")
    code = {"discount_code": "HALF", "percent": 50, "total_uses": 1}
    assert manager.ask("POST", "/discounts", json=code).status_code == 403
    owner.post("/discounts", code)
    quote = person.get(f"/open-plans/{plan_id}/quote", discount_code="half")
    assert quote["first_charge"] == {"minor": 600, "currency": "EUR"}
    person.post("/account/memberships", {"plan_id": plan_id, "discount_code": "HALF", **CARD})
    other = house.sign_up("grace@example.org", "Grace")
    body = {"plan_id": plan_id, "discount_code": "HALF", **CARD}
    used_up = other.ask("POST", "/account/memberships", json=body)
    assert code_of(used_up) == "code_used_up"
    assert pointer_of(used_up) == "/discount_code"


def test_the_same_request_twice_joins_once(person: Client, plan_id: str) -> None:  # part of AC12
    headers, body = {"Idempotency-Key": "once"}, {"plan_id": plan_id, **CARD}
    first = person.ask("POST", "/account/memberships", json=body, headers=headers)
    again = person.ask("POST", "/account/memberships", json=body, headers=headers)
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    other = person.ask("POST", "/account/memberships", json={"plan_id": plan_id}, headers=headers)
    assert code_of(other) == "idempotency_key_reused"


def test_many_tabs_join_once(house: House, person: Client, plan_id: str) -> None:  # AC12, AC7
    cookie = person.flask.get_cookie("session")
    assert cookie is not None

    def tab(_: int) -> int:
        client = house.stranger()
        client.flask.set_cookie("session", cookie.value)
        body = {"plan_id": plan_id, **CARD}
        return client.ask("POST", "/account/memberships", json=body).status_code

    with ThreadPoolExecutor(6) as tabs:
        statuses = list(tabs.map(tab, range(6)))
    assert set(statuses) <= {201, 409, 422}
    assert len(person.get("/account/memberships")["items"]) == 1
    owner = house.as_staff("owner")
    member_id = person.get("/account")["member_id"]
    owner.position = house.parts.recorder.horizon()
    assert owner.get(f"/members/{member_id}")["net"]["minor"] == 1200


def test_the_last_use_of_a_code_goes_to_one(house: House, plan_id: str) -> None:  # DI3
    owner = house.as_staff("owner")
    owner.post("/discounts", {"discount_code": "LAST", "percent": 10, "total_uses": 1})
    people = [house.sign_up(f"p{n}@example.org", f"P{n}") for n in range(4)]
    body = {"plan_id": plan_id, "discount_code": "LAST", **CARD}

    def join(person: Client) -> int:
        return person.ask("POST", "/account/memberships", json=body).status_code

    with ThreadPoolExecutor(4) as together:
        assert sorted(together.map(join, people)) == [201, 422, 422, 422]


def test_a_mailed_link_self_cancels(house: House, person: Client, plan_id: str) -> None:  # AX2
    joined = person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    manager, member_id = house.as_staff("store_manager"), person.get("/account")["member_id"]
    path = f"/members/{member_id}/memberships/{joined['membership_id']}/cancellation-link"
    manager.post(path)
    mail = house.parts.desk.mailbox.recent(to="ada@example.org")[0].mail
    assert "December 22, 2026" in mail.text
    token = house.token_for("ada@example.org")
    house.stranger().post("/self-cancellations", {"token": token})
    again = house.stranger().ask("POST", "/self-cancellations", json={"token": token})
    assert again.status_code == 410
    [stay] = person.get("/account/memberships")["items"]
    assert (stay["has_access"], stay["renews_at"]) == (True, None)


def test_a_free_plan_needs_no_card_and_is_left_at_once(  # AX5, OR5
    house: House, person: Client
) -> None:
    free = {"model": "free", "amount": {"minor": 0, "currency": "EUR"}}
    plan_id = str(house.plan("Free", free))
    joined = person.post("/account/memberships", {"plan_id": plan_id})
    assert joined["outcome"] == "nothing_to_collect"
    person.post(f"/account/memberships/{joined['membership_id']}/leave")
    assert person.get("/account/memberships")["items"][0]["ending"] == "left"


def test_half_a_card_is_refused_by_name(person: Client, plan_id: str) -> None:
    body = {"plan_id": plan_id, "card_number": "4242424242424242"}
    answer = person.ask("POST", "/account/memberships", json=body)
    assert pointer_of(answer) == "/exp_month"
    real = {"plan_id": plan_id, **card("4111111111111111")}
    answer = person.ask("POST", "/account/memberships", json=real)
    assert code_of(answer) == "not_a_test_card"
    assert "4111" not in answer.text
