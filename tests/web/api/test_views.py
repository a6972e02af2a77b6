"""Operators see and run views over the interface, and never what a row holds (NO5)."""

from __future__ import annotations

import json

import pytest

from projections.members import Members
from projections.rebuild import RebuildFailed
from tests.projections.test_engine import wait_until
from tests.web.api.conftest import House
from web.running.rebuilding import Hands, rebuilder


def carried_out(house: House) -> None:
    """What the worker's process does."""
    rebuilder(house.parts, hands=Hands(workers=0)).carry_on()


def test_an_operator_sees_how_the_views_are(house: House) -> None:
    house.sign_up()
    operator = house.as_staff("operator")
    operator.position = house.parts.recorder.horizon()
    found = {one["name"]: one for one in operator.get("/views", digests="true")["items"]}
    assert found["members"]["rows"] == 1
    assert found["members"]["is_current"]
    assert len(found["members"]["digest"]) == 16
    assert "Lovelace" not in json.dumps(found)
    assert operator.get("/views")["items"][0]["digest"] is None


def test_a_rebuild_that_is_asked_for_is_carried_out_and_its_receipt_is_a_fact(
    house: House,
) -> None:
    house.sign_up()
    operator = house.as_staff("operator")
    asked = operator.post("/views/rebuilds", {"views": ["members", "orders"]})
    assert asked["state"] == "planned"
    carried_out(house)
    [found] = operator.get("/views/rebuilds")["items"]
    assert (found["state"], found["views"]) == ("live", ["members", "orders"])
    assert found["mismatches"] == []
    [receipt] = house.parts.ledger.site().rebuilds.values()
    assert {view.name for view in receipt.views} == {"members", "orders"}
    assert house.parts.recorder.position_time(found["receipt"]) is not None


def test_a_second_rebuild_and_a_view_that_there_isnt_are_refused(house: House) -> None:
    operator = house.as_staff("operator")
    operator.post("/views/rebuilds", {"views": ["members"]})
    busy = operator.ask("POST", "/views/rebuilds", json={"views": ["orders"]})
    assert (busy.status_code, busy.json and busy.json["code"]) == (409, "rebuild_busy")
    operator.delete("/views/rebuilds")
    missing = operator.ask("POST", "/views/rebuilds", json={"views": ["horses"]})
    assert (missing.status_code, missing.json and missing.json["code"]) == (404, "not_found")
    assert operator.get("/views/rebuilds")["items"][0]["state"] == "cancelled"


def test_a_rebuild_is_rolled_back(house: House) -> None:
    operator = house.as_staff("operator")
    operator.post("/views/rebuilds", {"views": ["members"]})
    carried_out(house)
    operator.post("/views/members/rollback")
    assert operator.get("/views/rebuilds")["items"][0]["state"] == "rolled_back"
    again = operator.ask("POST", "/views/members/rollback")
    assert again.status_code == 404


def test_what_is_wrong_with_a_row_is_told_without_what_it_holds(house: House) -> None:
    house.sign_up()
    operator = house.as_staff("operator")
    operator.position = house.parts.recorder.horizon()
    operator.get("/views")
    with house.parts.pool.connection() as connection:
        connection.execute("UPDATE views.members SET name = 'Somebody Else'")
    operator.post("/views/rebuilds", {"views": ["members"]})
    with pytest.raises(RebuildFailed, match="the old rows go on serving"):
        carried_out(house)
    [found] = operator.get("/views/rebuilds")["items"]
    assert found["state"] == "failed"
    assert [one["columns"] for one in found["mismatches"]] == [["name"]]
    assert "Else" not in json.dumps(found)
    assert "Lovelace" not in json.dumps(found)


def test_a_fact_that_was_not_set_aside_is_not_skipped(house: House) -> None:
    operator = house.as_staff("operator")
    refused = operator.ask("POST", "/views/parked/1/skip", json={"reason": "why not"})
    assert refused.status_code == 404
    assert operator.get("/views/parked")["items"] == []


def test_a_fact_that_is_skipped_lets_those_behind_it_in(house: House) -> None:
    person = house.sign_up()
    member_id = person.get("/account")["member_id"]
    with house.parts.pool.connection() as connection:
        connection.execute(
            """
            INSERT INTO ledger.facts
            SELECT nextval('ledger.position'), stream_id, version + 1, 'member.tagged', subject_id,
                   recorded_at, convert_to('{"what":1}', 'UTF8'), 0
              FROM ledger.facts WHERE stream_id = %(id)s ORDER BY version DESC LIMIT 1
            """,
            {"id": member_id},
        )
    operator = house.as_staff("operator")
    wait_until(lambda: operator.get("/views/parked")["items"])
    [bad] = operator.get("/views/parked")["items"]
    assert (bad["topic"], bad["why"]) == ("member.tagged", "fact_unreadable")
    operator.post(f"/views/parked/{bad['position']}/skip", {"reason": "a test planted it"})
    wait_until(lambda: not operator.get("/views/parked")["items"])
    assert house.parts.ledger.skipped_positions() == {bad["position"]}


def test_rows_of_another_version_are_refused_at_the_edge(house: House) -> None:
    owner = house.as_staff("owner")
    with house.parts.pool.connection() as connection:
        connection.execute("UPDATE views.positions SET version = 99 WHERE name = 'members'")
    refused = owner.ask("GET", "/members")
    assert (refused.status_code, refused.json and refused.json["code"]) == (503, "view_newer")
    with house.parts.pool.connection() as connection:
        connection.execute(
            "UPDATE views.positions SET version = %s, parameters = '{USD}' WHERE name = 'members'",
            [Members.version],
        )
    refused = owner.ask("GET", "/members")
    assert (refused.status_code, refused.json and refused.json["code"]) == (503, "view_not_ready")


def test_a_view_that_is_not_built_yet_is_refused_and_the_others_answer(house: House) -> None:
    owner = house.as_staff("owner")
    with house.parts.pool.connection() as connection:
        connection.execute("DROP TABLE views.discounts")
    refused = owner.ask("GET", "/discounts")
    assert (refused.status_code, refused.json and refused.json["code"]) == (503, "view_not_ready")
    assert owner.ask("GET", "/plans").status_code == 200


def test_answers_say_which_views_are_outdated_or_damaged(house: House) -> None:
    owner = house.as_staff("owner")
    with house.parts.pool.connection() as connection:
        connection.execute("UPDATE views.positions SET shape = 'old' WHERE name = 'notes'")
        connection.execute(
            "INSERT INTO views.damages VALUES ('orders', 'x', '{}', now())",
        )
    answer = owner.ask("GET", "/plans")
    assert answer.headers["Ledger-Outdated-Views"] == "notes"
    assert answer.headers["Ledger-Damaged-Views"] == "orders"
