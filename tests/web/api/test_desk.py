"""What the panel shows beside people and orders, by HTTP: facts, what is due, notices, the post."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.web.api.conftest import CARD, Client, House
from web.identity.permissions import Permission, Role
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner

NOTICE = """
INSERT INTO inbox.notices (account, notice_id, mode, kind, object_id, made_at, received_at, came,
                           headers, sealed, digest, state, tries, next_at, tried_from, why)
SELECT 'acct', 'evt_' || n, 'test', 'payment', 'pay_' || n, %(now)s, %(now)s, 'posted',
       '{}', 'sealed', decode(md5(n::text), 'hex'), 'dead', 9, %(now)s, %(now)s, 'gateway_rejected'
  FROM generate_series(1, 3) AS n
"""


def joined(house: House, code: str | None = None) -> tuple[Client, UUID]:
    """Somebody who joined a plan, and the plan."""
    plan_id, person = house.plan(), house.sign_up()
    body = {"plan_id": str(plan_id), **CARD, **({"discount_code": code} if code else {})}
    person.post("/account/memberships", body)
    return person, plan_id


def test_facts_are_read_as_the_audit_page_reads_them(house: House) -> None:  # part of AU2
    person, _ = joined(house)
    owner, member_id = house.as_staff("owner"), person.get("/account")["member_id"]
    owner.position = person.position
    first = owner.get("/facts", limit=3)
    assert [one["position"] for one in first["items"]] == sorted(
        (one["position"] for one in first["items"]), reverse=True
    )
    rest = owner.get("/facts", limit=3, cursor=first["next"])["items"]
    assert rest[0]["position"] < first["items"][-1]["position"]
    [opened] = owner.get("/facts", topic="member.account_opened", member_id=member_id)["items"]
    assert opened["fields"]["name"] == "Ada Lovelace"
    assert owner.get(f"/facts/{opened['position']}") == opened
    assert {one["actor_kind"] for one in owner.get("/facts", actor="member")["items"]} == {"member"}
    assert owner.ask("GET", f"/facts/{10**17}").status_code == 404
    before = {"known_at": opened["recorded_at"]}
    house.clock.advance(timedelta(hours=1))
    then = owner.get("/facts", **before, limit=200)["items"]
    assert all(one["recorded_at"] <= opened["recorded_at"] for one in then)


def test_what_is_personal_in_a_fact_is_for_who_reads_members(house: House) -> None:  # part of NO5
    joined(house)
    blind = house.as_program(role=Role.AUDITOR, scopes={Permission.READ_HISTORY})
    answer = blind.ask("GET", "/facts", query_string={"limit": 200})
    assert "Lovelace" not in answer.text
    assert "ada@" not in answer.text
    [opened] = blind.get("/facts", topic="member.account_opened")["items"]
    assert {"name", "email"} <= set(opened["hidden"])
    csv = blind.ask("GET", "/facts.csv")
    assert (csv.status_code, "Lovelace" in csv.text) == (200, False)


def test_what_is_due_is_told_by_day_and_unpaid_page_by_page(house: House) -> None:
    person, plan_id = joined(house)
    owner = house.as_staff("owner")
    owner.position = person.position
    [day] = owner.get("/agenda", days=90)["items"][:1]
    assert (day["renewals"], day["sum"]) == (1, {"minor": 1200, "currency": "EUR"})
    assert owner.get("/agenda", days=1)["items"] == []
    assert owner.get("/agenda/unpaid") == {"items": [], "next": None}
    coming = owner.get(f"/plans/{plan_id}/coming")["items"]
    assert [one["charges"] for one in coming[:2]] == [1, 1]
    since = (house.clock.now() + timedelta(days=40)).isoformat()
    path = f"/plans/{plan_id}/prices/preview"
    [told] = owner.get(path, effective_for_existing_from=since)["items"]
    assert (told["moving"], told["staying"], told["version"]) == (1, 0, 1)
    assert told["told_from"] < told["first"] == told["last"]
    [stays] = owner.get(path)["items"]
    assert (stays["moving"], stays["staying"]) == (0, 1)
    past: dict[str, Any] = {"effective_for_existing_from": "2001-01-01T00:00:00Z"}
    assert owner.ask("GET", path, query_string=past).status_code == 422


def test_orders_are_found_by_the_code_that_they_used(house: House) -> None:
    owner = house.as_staff("owner")
    owner.post("/discounts", {"discount_code": "TEN", "percent": 10})
    person, plan_id = joined(house, "ten")
    other = house.sign_up("bob@example.org", "Bob")
    other.post("/account/memberships", {"plan_id": str(plan_id), **CARD})
    owner.position = other.position
    [found] = owner.get("/orders", discount_code="ten")["items"]
    assert found["name"] == "Ada Lovelace"
    assert owner.ask("GET", "/orders", query_string={"discount_code": "%"}).status_code == 422
    mine = person.ask("GET", "/account/data")
    assert mine.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert mine.json is not None
    assert mine.json["account"]["email"] == "ada@example.org"
    assert "order.paid" in [one["fact"] for one in mine.json["facts"]]
    assert "bob@" not in mine.text


def test_notices_of_the_payment_company_are_listed_and_tried_again(house: House) -> None:
    assert Runner(house.parts, AlwaysLeads()).tick(next(job for job in JOBS if job.name == "news"))
    with house.parts.pool.connection() as connection:
        connection.execute(NOTICE, {"now": house.clock.now()})
        connection.execute(
            "UPDATE web.jobs SET left_facts = %s WHERE name = 'news'",
            [Jsonb({"17": [2, "2026-11-22T12:05:00+00:00", "not_found"]})],
        )
    owner, auditor, operator = (house.as_staff(one) for one in ("owner", "auditor", "operator"))
    page = auditor.get("/payment-notices", limit=2)
    rest = auditor.get("/payment-notices", limit=2, cursor=page["next"])
    found = [*page["items"], *rest["items"]]
    assert [one["notice_id"] for one in found] == ["evt_1", "evt_2", "evt_3"]
    assert (page["given_up"], "sealed" in str(found)) == (3, False)
    one = {"number": found[0]["number"]}
    assert owner.post("/payment-notices/retry", one) == {"again": 1}
    assert owner.ask("POST", "/payment-notices/retry", json=one).status_code == 404
    assert owner.ask("POST", "/payment-notices/retry", json={}).json == {"again": 2}
    assert auditor.get("/payment-notices", state="dead")["items"] == []
    jobs = {job["name"]: job for job in operator.get("/schedule")["jobs"]}
    assert jobs["news"]["left_facts"][0]["position"] == 17
    assert (jobs["news"]["left"], jobs["charges"]["left"]) == (1, 0)
    assert operator.get("/mails/figures")["waiting"] == 0
    assert owner.get("/team/second-step") == {"confirmed_at": None, "codes_left": 0}
