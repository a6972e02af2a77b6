"""Reconciliation by HTTP: the latest report, what differs, a run now."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from ledger.money import Money
from ledger.payments.balance import Movement
from ledger.payments.gateway import OutcomeUnknown
from ledger.payments.sandbox import Sandbox
from tests.web.api.conftest import CARD, Client, House


@pytest.fixture
def stranger(house: House, monkeypatch: pytest.MonkeyPatch) -> Movement:
    """Money that moved at the company and that nobody here asked for."""
    honest, at = Sandbox.list_movements, house.clock.now()
    found = Movement("m_1", "payment", "pay_x", "pay_x", Money(700, "EUR"), at, "test")

    def listed(self: Sandbox, **asked: Any) -> list[Movement]:
        inside = asked["since"] <= at < asked["until"]
        return [*honest(self, **asked), *([found] if inside else [])]

    monkeypatch.setattr(Sandbox, "list_movements", listed)
    house.clock.advance(timedelta(hours=1))
    return found


def run(client: Client) -> Any:
    """Somebody reconciles now."""
    answer = client.ask("POST", "/reconciliation", json={})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_before_the_first_there_is_nothing_to_tell(house: House) -> None:
    told = house.as_staff("auditor").get("/reconciliation")
    assert told == {"items": [], "next": None, "latest": None}


def test_what_was_paid_agrees(house: House) -> None:
    ada = house.sign_up()
    ada.post("/account/memberships", {"plan_id": str(house.plan()), **CARD})
    house.clock.advance(timedelta(hours=1))
    told = run(house.as_staff("store_manager"))
    assert told["items"] == []
    (total,) = told["latest"]["sums"]
    assert total["ours"] == total["theirs"]
    assert total["movements"] == 2
    assert house.as_staff("auditor").get("/reconciliation")["latest"] == told["latest"]


def test_what_differs_is_listed_exported_and_accepted(house: House, stranger: Movement) -> None:
    owner = house.as_staff("owner")
    (drift,) = run(owner)["items"]
    assert (drift["drift"], drift["theirs"]["minor"], drift["ours"]) == ("foreign", 700, None)
    (others,) = owner.get("/reconciliation")["latest"]["foreign"]
    assert (others["movements"], others["sum"]["minor"], others["mode"]) == (1, 700, "test")
    answer = owner.ask("GET", "/reconciliation.csv", query_string={"state": "all"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["source"], row["theirs_minor"], row["ours_minor"]) == (stranger.source, "700", "")
    owner.post(f"/reconciliation/drifts/{drift['id']}/accept", {"reason": "our other shop"})
    assert owner.get("/reconciliation")["items"] == []
    (kept,) = owner.get("/reconciliation", state="all")["items"]
    assert (kept["ending"], kept["reason"]) == ("accepted", "our other shop")
    assert run(owner)["items"] == []


def test_the_list_is_paged(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    at = house.clock.now()
    found = [
        Movement(f"m_{n}", "payment", f"pay_{n}", f"pay_{n}", Money(700, "EUR"), at, "live")
        for n in range(5)
    ]
    monkeypatch.setattr(Sandbox, "list_movements", lambda *_, **__: found)
    house.clock.advance(timedelta(hours=1))
    owner = house.as_staff("owner")
    assert len(run(owner)["items"]) == 5
    page = owner.get("/reconciliation", limit=2)
    seen = page["items"]
    while page["next"]:
        page = owner.get("/reconciliation", limit=2, cursor=page["next"])
        seen += page["items"]
    assert sorted(one["source"] for one in seen) == [one.source for one in found]


def test_a_range_that_runs_backward_is_refused(house: House) -> None:
    now = house.clock.now()
    asked = {"since": now.isoformat(), "until": (now - timedelta(days=1)).isoformat()}
    answer = house.as_staff("owner").ask("POST", "/reconciliation", json=asked)
    assert (answer.status_code, answer.json["code"]) == (422, "range_malformed")  # type: ignore[index]


def test_a_company_that_does_not_answer_leaves_all_as_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise OutcomeUnknown(key="identify")

    monkeypatch.setattr(Sandbox, "list_movements", silent)
    answer = house.as_staff("owner").ask("POST", "/reconciliation", json={})
    assert (answer.status_code, answer.json["code"]) == (503, "gateway_silent")  # type: ignore[index]
    assert house.as_staff("owner").get("/reconciliation")["latest"] is None
