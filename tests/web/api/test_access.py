"""Access by HTTP: for a site's server, for a reverse proxy, and explained (AX7, AX9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.web.api.conftest import CARD, Client, House
from web.app import create_app
from web.identity.permissions import Permission, Role
from web.parts import Freshness


@pytest.fixture
def plan_id(house: House) -> str:
    return str(house.plan())


@pytest.fixture
def person(house: House) -> Client:
    return house.sign_up()


def site_server(house: House) -> Client:
    """A program that may ask for access and nothing else."""
    return house.as_program(role=Role.AUDITOR, scopes={Permission.READ_ACCESS})


def join(person: Client, plan_id: str) -> Any:
    """With a card."""
    return person.post("/account/memberships", {"plan_id": plan_id, **CARD})


def test_a_site_s_server_asks_by_id_or_by_address(  # AX9
    house: House, person: Client, plan_id: str
) -> None:
    server = site_server(house)
    email = {"email": "ADA@example.org", "plan_id": plan_id}
    assert server.get("/access", **email)["access"] is False
    join(person, plan_id)
    answer = server.get("/access", **email)
    assert answer["access"] is True
    assert answer["member_id"] == person.get("/account")["member_id"]
    assert (
        server.get("/access", email="nobody@example.org", plan_id=plan_id)["rule"] == "no_account"
    )
    assert server.ask("GET", "/members").status_code == 403


def test_access_asks_for_one_of_both(house: House, plan_id: str) -> None:
    server = site_server(house)
    for who in ({}, {"email": "a@example.org", "member_id": str(uuid4())}):
        answer = server.ask("GET", "/access", query_string={**who, "plan_id": plan_id})
        assert answer.status_code == 422


def test_an_unknown_plan_or_member_is_not_found(house: House, person: Client) -> None:
    member_id = person.get("/account")["member_id"]
    server, nowhere = site_server(house), str(uuid4())
    for who in ({"member_id": member_id}, {"email": "nobody@example.org"}):
        query = {**who, "plan_id": nowhere}
        assert server.ask("GET", "/access", query_string=query).status_code == 404


def test_an_answer_names_the_rule_and_the_facts_that_decide_it(  # AX7
    house: House, person: Client, plan_id: str
) -> None:
    joined, owner = join(person, plan_id), house.as_staff("owner")
    member_id = person.get("/account")["member_id"]
    yes = owner.get(f"/members/{member_id}/access", plan_id=plan_id)
    removal = {"membership_ids": [joined["membership_id"]], "reason": "asked"}
    owner.post(f"/members/{member_id}/removals", removal)
    no = owner.get(f"/members/{member_id}/access", plan_id=plan_id)
    history = {
        entry["fact"]: entry["topic"]
        for entry in owner.get(f"/members/{member_id}/history")["items"]
    }
    assert [history[fact] for fact in yes["facts"]] == ["member.joined"]
    assert [history[fact] for fact in no["facts"]] == ["member.joined", "member.removed"]


def test_access_is_asked_at_any_instant(  # part of AX9, AX1, AX8
    house: House, person: Client, plan_id: str
) -> None:
    before = house.clock.now() - timedelta(days=1)
    join(person, plan_id)
    member_id = person.get("/account")["member_id"]
    server = site_server(house)

    def rule(at: Any) -> str:
        query = {"member_id": member_id, "plan_id": plan_id, "at": at.isoformat()}
        return str(server.get("/access", **query)["rule"])

    assert rule(before) == "not_yet_joined"
    assert rule(before + timedelta(days=20)) == "within_paid_period"
    assert rule(before + timedelta(days=35)) == "within_grace"
    assert rule(before + timedelta(days=90)) == "unpaid"


def test_a_proxy_forwards_the_browser_s_cookie(  # AX9
    house: House, person: Client, plan_id: str
) -> None:
    query = {"plan_id": plan_id}

    def status(client: Client) -> int:
        return client.ask("GET", "/access/forward", query_string=query).status_code

    assert status(house.stranger()) == 401
    assert status(person) == 403
    joined = join(person, plan_id)
    answer = person.ask("GET", "/access/forward", query_string=query)
    assert answer.status_code == 200
    assert answer.headers["Ledger-Member"] == person.get("/account")["member_id"]
    assert answer.headers["Ledger-Access-Rule"] == "within_paid_period"
    assert status(house.as_staff("owner")) == 403
    removal = {"membership_ids": [joined["membership_id"]], "reason": "asked"}
    house.as_staff("owner").post(f"/members/{answer.headers['Ledger-Member']}/removals", removal)
    assert status(person) == 403


def test_the_profile_tells_when_they_were_last_here(  # AC11
    house: House, person: Client, plan_id: str
) -> None:
    join(person, plan_id)
    owner, member_id = house.as_staff("owner"), person.get("/account")["member_id"]
    owner.position = person.position
    profile = owner.get(f"/members/{member_id}")
    assert profile["last_sign_in_at"] == "2026-11-22T12:00:00Z"
    assert profile["content_opened_at"] is None
    house.clock.advance(timedelta(hours=2))
    person.get("/access/forward", plan_id=plan_id)
    assert owner.get(f"/members/{member_id}")["content_opened_at"] == "2026-11-22T14:00:00Z"


class NoViews:
    """Views whose database is away."""

    def freshness(self) -> Freshness:
        raise psycopg.OperationalError

    def wait_for(self, position: int, *, wait_seconds: float) -> Freshness:
        raise psycopg.OperationalError

    def is_stale(self, subject_id: UUID) -> bool:
        raise psycopg.OperationalError


def test_health_is_told_with_and_without_a_database(house: House) -> None:
    well = house.stranger().flask
    assert well.get("/livez").json == {"status": "alive"}
    assert (well.get("/readyz").json or {})["status"] == "ready"
    assert well.get("/healthz").status_code == 200
    alone = create_app(replace(house.parts, views=NoViews())).test_client()
    assert alone.get("/livez").status_code == 200
    assert (alone.get("/readyz").json or {})["status"] == "database_unavailable"
    assert alone.get("/healthz").status_code == 503
