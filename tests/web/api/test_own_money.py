"""A person's own money by HTTP: what they owe, paying it, the saved method, what is told next."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ledger import ids
from ledger.facts import Cause
from tests.web.api.conftest import CARD, STAFF, Client, House
from tests.web.api.test_joining import card, code_of, pointer_of
from web.api.catalogue import all_routes
from web.app import create_app
from web.identity.permissions import Role

SENDS_LATER_BACK = "4000 0000 0000 0341"
ASKS = "4000 0027 6000 3184"


def owing(house: House, number: str = SENDS_LATER_BACK) -> tuple[Client, str]:
    """A person whose first renewal failed, and the membership."""
    person, plan_id = house.sign_up(), str(house.plan())
    joined = person.post("/account/memberships", {"plan_id": plan_id, **card(number)})
    if joined["outcome"] == "waiting":
        confirm = f"/account/orders/{joined['order_id']}/confirm"
        joined = person.post(confirm, {"approved": True})
    member_id = person.get("/account")["member_id"]
    house.clock.advance(timedelta(days=30))
    person.flask.set_cookie("session", house.member_cookies(member_id)["session"])
    job = Cause(kind="job", id=ids.new())
    membership_id = UUID(joined["membership_id"])
    house.parts.collection.charge_due(UUID(member_id), membership_id, cause=job)
    return person, joined["membership_id"]


def pay(membership_id: str) -> str:
    """Where what is due is paid."""
    return f"/account/memberships/{membership_id}/pay"


def test_what_is_owed_is_listed_and_paid_with_another_card(house: House) -> None:  # DU3
    person, membership_id = owing(house)
    [due] = person.get("/account/dues")["items"]
    assert (due["membership_id"], due["amount"]["minor"], due["state"]) == (
        membership_id,
        1200,
        "open",
    )
    paid = person.post(pay(membership_id), CARD)
    assert paid["outcome"] == "settled"
    assert paid["next"] == "Paid: €12.00 for Gold. The next payment, €12.00, is on 22 Jan 2027."
    assert person.get("/account/dues")["items"] == []
    assert person.get("/account/method")["method"]["last_four"] == "4242"


def test_the_saved_card_pays_once_its_bank_is_answered(house: House) -> None:  # DU3
    person, membership_id = owing(house, ASKS)
    waiting = person.post(pay(membership_id), {"card_number": None})
    assert (waiting["outcome"], bool(waiting["action"])) == ("waiting", True)
    assert person.get("/account/dues")["items"][0]["state"] == "confirming"
    confirm = f"/account/orders/{waiting['order_id']}/confirm"
    refused = person.ask("POST", confirm, json={"approved": False})
    assert (refused.status_code, code_of(refused)) == (422, "still_due")
    again = person.post(pay(membership_id), {"card_number": None})
    assert person.post(f"/account/orders/{again['order_id']}/confirm", {"approved": True})
    assert person.get("/account/dues")["items"] == []


def test_a_declined_card_leaves_it_due_and_says_how_much(house: House) -> None:
    person, membership_id = owing(house)
    answer = person.ask("POST", pay(membership_id), json=card("4000000000009995"))
    assert (answer.status_code, code_of(answer)) == (422, "still_due")
    assert "insufficient_funds" in answer.text
    assert len(person.get("/account/dues")["items"]) == 1


def test_what_is_not_owed_is_not_taken(house: House) -> None:
    person, membership_id = owing(house)
    person.post(pay(membership_id), CARD)
    answer = person.ask("POST", pay(membership_id), json=CARD)
    assert (answer.status_code, code_of(answer)) == (422, "nothing_due")
    other = house.sign_up("grace@example.org", "Grace")
    assert other.ask("POST", pay(membership_id), json=CARD).status_code == 404


def test_saving_a_method_charges_what_is_due_and_says_so(house: House) -> None:  # DU3
    person, _ = owing(house)
    saved = person.post("/account/method", CARD)
    [payment] = saved["payments"]
    assert (payment["outcome"], payment["amount"]["minor"]) == ("settled", 1200)
    assert saved["next"].startswith("Your card is saved. Paid: €12.00 for Gold.")
    assert person.get("/account/dues")["items"] == []


def test_a_card_whose_bank_asks_each_time_is_asked_about_while_the_member_is_there(
    house: House,
) -> None:  # DU3
    person, _ = owing(house)
    headers = {"Idempotency-Key": "saving"}
    asked = person.ask("POST", "/account/method", json=card(ASKS), headers=headers)
    action = (asked.json or {})["action"]
    person.post("/account/method/confirm", {"action": action, "approved": True})
    saved = person.ask("POST", "/account/method", json=card(ASKS), headers=headers)
    [payment] = (saved.json or {})["payments"]
    assert payment["outcome"] == "waiting"
    person.post(f"/account/orders/{payment['order_id']}/confirm", {"approved": True})
    assert person.get("/account/dues")["items"] == []


@pytest.mark.parametrize(
    ("lang", "cancelled", "kept"),
    [
        (
            "en",
            "Cancelled: nothing more is charged, and you have access until 22 Dec 2026, 13:00.",
            "Your membership goes on: €12.00 is charged on 22 Dec 2026.",
        ),
        (
            "fr",
            "Annulée : plus rien n’est prélevé, et vous gardez l’accès jusqu’au"
            " 22 déc. 2026 à 13:00.",
            "Votre adhésion continue : 12,00 € seront prélevés le 22 déc. 2026.",
        ),
    ],
    ids=["en", "fr"],
)
def test_each_act_tells_what_happens_next_in_the_readers_language(  # AX3, AX4
    house: House, lang: str, cancelled: str, kept: str
) -> None:
    person, plan_id = house.sign_up(), str(house.plan())
    person.headers["Accept-Language"] = lang
    joined = person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    act = f"/account/memberships/{joined['membership_id']}"
    assert plain(person.post(f"{act}/self-cancel")) == cancelled
    assert plain(person.post(f"{act}/withdraw-cancellation")) == kept


def test_a_removed_card_tells_what_will_wait_for_another(house: House) -> None:  # AC6
    person, plan_id = house.sign_up(), str(house.plan())
    person.post("/account/memberships", {"plan_id": plan_id, **CARD})
    told = person.delete("/account/method")["next"]
    assert told == (
        "Your card is removed: €12.00 for Gold on 22 Dec 2026 will wait for another one."
    )


@pytest.mark.parametrize("path", ["/account/method", "/account/dues", pay(str(UUID(int=1)))])
def test_staff_and_programs_touch_no_members_money(house: House, path: str) -> None:  # AC6
    staff = [house.as_staff(role) for role in STAFF]
    for client in (*staff, house.as_program(role=Role.ADMINISTRATOR)):
        for method in ("GET", "POST", "DELETE"):
            said = {"json": CARD} if method == "POST" else {}
            assert client.ask(method, path, **said).status_code in {403, 405}


def test_with_stripe_a_typed_card_is_refused_and_a_token_taken(house: House) -> None:
    key = {"stripe_publishable_key": "pk_test_1"}
    settings = house.parts.settings.model_copy(update=key)
    parts = dataclasses.replace(house.parts, settings=settings)
    app = create_app(parts, routes=all_routes())
    person, membership_id = owing(house)
    person.flask = with_cookies_of(person, app)
    answer = person.ask("POST", pay(membership_id), json=CARD)
    assert (code_of(answer), pointer_of(answer)) == ("method_token_needed", "/card_number")
    asks = {"method_token": "pm_card_authenticationRequired"}
    waiting = person.post(pay(membership_id), asks)
    confirm = f"/account/orders/{waiting['order_id']}/confirm"
    eve = house.sign_up("eve@example.org", "Eve")
    eve.flask = with_cookies_of(eve, app)
    assert eve.ask("POST", confirm, json={"approved": True}).status_code == 404
    assert person.post(confirm, {"approved": True})["outcome"] == "waiting"
    parts.sandbox.authenticate(action=waiting["action"], approved=True)
    assert person.post(confirm, {"approved": True})["outcome"] == "settled"


def plain(told: dict[str, Any]) -> str:
    """A sentence without the blanks that don't break."""
    return str(told["next"]).replace("\u202f", " ").replace("\xa0", " ")


def with_cookies_of(person: Client, app: Flask) -> FlaskClient:
    """The same browser at another app over the same books."""
    client, session = app.test_client(), person.flask.get_cookie("session")
    assert session is not None
    client.set_cookie("session", session.value)
    return client
