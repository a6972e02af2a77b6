"""Rate limits by HTTP: sign-in, sign-up, links, joining, refunds, wrong tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from werkzeug.test import TestResponse

from tests.web.api.conftest import CARD, PASSWORD, Client, House
from web.sessions.limits import (
    BAD_TOKEN_FROM,
    JOIN_BY,
    LINK_TO,
    REFUND_BY,
    SIGN_IN,
    SIGN_UP_FROM,
    Limit,
)

NOWHERE = UUID("22222222-2222-4222-8222-222222222222")


def spend(ask: Callable[[], TestResponse], limit: Limit) -> None:
    """The uses of a window are answered, and the one too many is a 429 that says for how long."""
    for _ in range(limit.uses):
        assert ask().status_code != 429
    answer = ask()
    assert answer.status_code == 429
    assert answer.json is not None
    assert answer.json["limit"] == limit.name
    assert 0 < int(answer.headers["Retry-After"]) <= limit.window_seconds


def test_signing_in_to_one_account(house: House) -> None:
    person = house.sign_up()
    wrong = {"email": "ada@example.org", "password": "wrong horse battery"}
    spend(lambda: house.stranger().ask("POST", "/sessions", json=wrong), SIGN_IN)
    right = {**wrong, "password": PASSWORD}
    assert house.stranger().ask("POST", "/sessions", json=right).status_code == 429
    house.clock.advance(timedelta(seconds=SIGN_IN.window_seconds))
    assert house.stranger().ask("POST", "/sessions", json=right).status_code == 201
    assert person.ask("GET", "/account").status_code == 200


def test_mails_to_one_address_whether_or_not_it_has_an_account(house: House) -> None:
    body = {"email": "nobody@example.org"}
    spend(lambda: house.stranger().ask("POST", "/password-resets", json=body), LINK_TO)


def test_signing_up_from_one_place(house: House) -> None:
    numbers = iter(range(1000))

    def ask() -> TestResponse:
        body = {"email": f"p{next(numbers)}@example.org", "name": "P"}
        return house.stranger().ask("POST", "/sign-ups", json=body)

    spend(ask, SIGN_UP_FROM)


def test_joining(house: House) -> None:
    person = house.sign_up()
    body = {"plan_id": str(NOWHERE), **CARD}
    spend(lambda: person.ask("POST", "/account/memberships", json=body), JOIN_BY)


def test_refunding(house: House) -> None:
    owner = house.as_staff("owner")
    for _ in range(REFUND_BY.uses - 2):
        house.parts.desk.limits.spend(REFUND_BY, f"contributor:{house.staff['owner']}")
    body = {"amount": {"minor": 1, "currency": "EUR"}, "reason": "x"}
    answers = [
        owner.ask("POST", f"/orders/{NOWHERE}/refunds", json=body).status_code for _ in range(3)
    ]
    assert answers == [404, 404, 429]


def test_wrong_tokens_from_one_place(house: House) -> None:
    stranger = Client(
        house.app.test_client(use_cookies=False), {"Authorization": "Bearer lgr_wrong"}
    )
    spend(lambda: stranger.ask("GET", "/plans"), BAD_TOKEN_FROM)
