"""Explanations by HTTP: figures, orders, rows, segments and access answers (NU4, AX7)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.web.api.conftest import CARD, Client, House

PAID, BACK = 1200, 500


@pytest.fixture
def owner(house: House) -> Client:
    return house.as_staff("owner")


@pytest.fixture
def joined(house: House, owner: Client) -> dict[str, str]:
    """The ids of a member who joined a plan, paid, and had some of it back."""
    plan_id, person = house.plan(), house.sign_up()
    made = person.post("/account/memberships", {"plan_id": str(plan_id), **CARD})
    body = {"amount": {"minor": BACK, "currency": "EUR"}, "reason": "kindness"}
    owner.post(f"/orders/{made['order_id']}/refunds", body)
    member_id = person.get("/account")["member_id"]
    owner.put(f"/members/{member_id}/tags", {"tag": "press"})
    owner.get(f"/members/{member_id}")  # which waits until the views show it
    return {"member": member_id, "order": made["order_id"], "plan": str(plan_id)}


def spoil(house: House, statement: str, **named: object) -> None:
    """Change a view by hand."""
    with house.parts.pool.connection() as connection:
        assert connection.execute(statement.encode(), named).rowcount == 1


def figures(found: dict[str, Any], view: str) -> dict[str, tuple[int, int]]:
    """Of one view: as stated, and as re-added."""
    return {
        one["name"]: (one["stated"]["minor"], one["readded"]["minor"])
        for one in found["figures"]
        if one["view"] == view
    }


TOTALS = {"gross": (PAID, PAID), "refunded": (BACK, BACK), "disputed": (0, 0), "net": (700, 700)}


def test_a_total_is_explained_by_its_facts(  # part of NU4
    owner: Client, joined: dict[str, str]
) -> None:
    found = owner.get(f"/members/{joined['member']}/spending/explain")
    assert found["agrees"] is True
    assert figures(found, "spending") == figures(found, "members") == TOTALS
    said = found["definition"]
    assert (said["name"], said["version"]) == ("total-spent", 1)
    assert said["sentence"].startswith("Payments less refunds less disputes lost")
    assert [fact["topic"] for fact in found["facts"]] == ["order.paid", "order.refunded"]
    assert [fact["adds"]["net"]["minor"] for fact in found["facts"]] == [PAID, -BACK]
    history = owner.get(f"/members/{joined['member']}/history", limit=200)["items"]
    known = {entry["fact"]: entry["position"] for entry in history}
    assert all(known[fact["fact"]] == fact["position"] for fact in found["facts"])


def test_the_definition_speaks_the_readers_language(owner: Client, joined: dict[str, str]) -> None:
    path = f"/members/{joined['member']}/spending/explain"
    answer = owner.ask("GET", path, headers={"Accept-Language": "fr"}).json
    assert answer is not None
    assert answer["definition"]["sentence"].startswith("Les paiements moins")


def test_facts_are_paged(owner: Client, joined: dict[str, str]) -> None:
    path = f"/members/{joined['member']}/spending/explain"
    first = owner.get(path, limit=1)
    second = owner.get(path, limit=1, cursor=first["next"])
    assert first["figures"] == second["figures"]
    assert (first["fact_count"], second["next"]) == (2, None)
    assert [one["facts"][0]["topic"] for one in (first, second)] == [
        "order.paid",
        "order.refunded",
    ]


def test_an_order_is_explained(owner: Client, joined: dict[str, str]) -> None:
    found = owner.get(f"/orders/{joined['order']}/explain")
    assert found["agrees"] is True
    said = figures(found, "orders")
    assert (said["paid"], said["refunded"], said["refundable"]) == (
        (PAID, PAID),
        (BACK, BACK),
        (700, 700),
    )
    refundable = [fact["adds"].get("refundable", {"minor": 0})["minor"] for fact in found["facts"]]
    assert sum(refundable) == 700


def test_a_figure_is_explained_with_the_filters_of_the_figure(
    owner: Client, joined: dict[str, str]
) -> None:
    for asked in ({}, {"plan_id": joined["plan"]}, {"member_id": joined["member"]}):
        [total] = owner.get("/figures/spending", **asked)["items"]
        found = owner.get("/figures/spending/explain", **asked)
        assert found["agrees"] is True
        assert found["apart"] == []
        for name, (stated, readded) in figures(found, "movements").items():
            assert total[name]["minor"] == stated == readded
    none = owner.get("/figures/spending/explain", currency="USD")
    assert (none["figures"], none["facts"], none["agrees"]) == ([], [], True)


def test_a_view_that_was_changed_by_hand_is_given_away(
    house: House, owner: Client, joined: dict[str, str]
) -> None:
    member = joined["member"]
    spoil(house, "UPDATE views.spending SET net = net + 9 WHERE member_id = %(m)s", m=member)
    spoil(
        house,
        "UPDATE views.movements SET minor = minor + 1 WHERE kind = 'payment' AND member_id = %(m)s",
        m=member,
    )
    spoil(house, "UPDATE views.members SET tags = '{}' WHERE member_id = %(m)s", m=member)
    total = owner.get(f"/members/{member}/spending/explain")
    assert total["agrees"] is False
    [wrong] = [figure for figure in total["figures"] if not figure["agrees"]]
    assert (wrong["view"], wrong["name"]) == ("spending", "net")
    assert wrong["difference"] == {"minor": 9, "currency": "EUR"}
    site = owner.get("/figures/spending/explain")
    assert site["agrees"] is False
    assert site["apart"] == [total["facts"][0]["position"]]
    row = owner.get("/views/members/rows/explain", member_id=member)
    assert row["agrees"] is False
    [cell] = [cell for cell in row["rows"][0]["columns"] if not cell["agrees"]]
    assert (cell["name"], cell["stored"], cell["refolded"]) == ("tags", [], ["press"])


# --- rows ---------------------------------------------------------------------------------


def test_a_row_is_explained_by_the_facts_that_made_it(
    owner: Client, joined: dict[str, str]
) -> None:
    found = owner.get("/views/members/rows/explain", key=joined["member"])
    [row] = found["rows"]
    assert found["agrees"] is row["agrees"] is True
    assert row["key"] == {"member_id": joined["member"]}
    cells = {cell["name"]: cell for cell in row["columns"]}
    assert cells["name"]["stored"] == cells["name"]["refolded"] == "Ada Lovelace"
    said = {fact["topic"]: fact for fact in found["facts"]}
    assert "tags" in said["member.tagged"]["changed"]
    assert said["member.tagged"]["effect"] == "One tag more."
    [movement, *_] = owner.get("/views/movements/rows/explain", member_id=joined["member"])["rows"]
    key = [str(part) for part in movement["key"].values()]
    assert owner.get("/views/movements/rows/explain", key=key)["rows"] == [movement]


def test_an_operator_sees_ids_column_names_and_digests(  # part of NO5
    house: House, joined: dict[str, str]
) -> None:
    operator = house.as_staff("operator")
    spoil(house, "UPDATE views.members SET name = 'X' WHERE member_id = %(m)s", m=joined["member"])
    for view in ("members", "memberships", "orders", "movements", "spending"):
        asked = {"member_id": joined["member"]}
        answer = operator.ask("GET", f"/views/{view}/rows/explain", query_string=asked)
        told = answer.json
        assert told is not None
        assert joined["member"] in answer.text
        for secret in ("ada@", "lovelace", "press", "kindness", "visa"):
            assert secret not in answer.text.lower(), (view, secret)
        for cell in told["rows"][0]["columns"]:
            assert cell["masked"] or cell["name"] == "fact_version" or is_id(cell["stored"])
            assert (cell["stored"] == cell["refolded"]) == cell["agrees"]
        assert told["agrees"] is (view != "members")
    again = operator.get("/views/members/rows/explain", member_id=joined["member"])
    once = operator.get("/views/members/rows/explain", member_id=joined["member"])
    digests = [
        {cell["name"]: cell["stored"] for cell in one["rows"][0]["columns"]}
        for one in (again, once)
    ]
    assert digests[0]["email"] != digests[1]["email"]  # nobody can try addresses until one fits


def is_id(value: object) -> bool:
    """Whether a value is an id, or none."""
    return value is None or str(UUID(str(value))) == value


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "which"),
        ({"key": "x"}, 422, "key_malformed"),
        ({"key": ["x"] * 3}, 422, "key_malformed"),
        ({"key": "22222222-2222-4222-8222-222222222222"}, 404, "not_found"),
    ],
)
def test_a_row_that_is_not_named_well_is_refused(
    owner: Client, query: dict[str, Any], status: int, code: str
) -> None:
    answer = owner.ask("GET", "/views/members/rows/explain", query_string=query)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["code"] == code
    if status == 422:
        assert answer.json["errors"][0]["parameter"] == "key"


# --- segments, access ---------------------------------------------------------------------


def test_an_entry_of_a_segment_is_explained(owner: Client, joined: dict[str, str]) -> None:
    found = owner.get(f"/segments/members/members/{joined['member']}/explain")
    assert (found["is_in"], found["agrees"]) == (True, True)
    [condition] = found["conditions"]
    [until] = condition["compared"]
    assert until["column"] == "member_until"
    assert until["set_by"] == found["facts"][-1]["fact"]
    assert found["facts"][-1]["topic"] == "member.joined"
    assert found["definition"]["name"] == "segment-members"
    out = owner.get(f"/segments/past_due/members/{joined['member']}/explain")
    assert out["is_in"] is False
    answer = owner.ask("GET", f"/segments/nobody/members/{joined['member']}/explain")
    assert answer.status_code == 404


def test_an_entry_of_a_saved_segment_is_explained_condition_by_condition(
    owner: Client, joined: dict[str, str]
) -> None:
    body = {"name": "Press", "tag": "press", "spent_from": {"minor": 900, "currency": "EUR"}}
    segment_id = owner.post("/segments/saved", body)["id"]
    path = f"/segments/saved/{segment_id}/members/{joined['member']}/explain"
    found = owner.get(path)
    assert (found["is_in"], found["agrees"]) == (False, True)
    holds = {
        one["name"]: (one["holds"], one["compared"][0]["stored"]) for one in found["conditions"]
    }
    assert holds == {"tag": (True, ["press"]), "spent_from": (False, 700)}
    assert owner.ask("GET", path.replace(segment_id, joined["plan"])).status_code == 404


def test_an_access_answer_is_explained(owner: Client, joined: dict[str, str]) -> None:  # AX7
    path = f"/members/{joined['member']}/access/explain"
    found = owner.get(path, plan_id=joined["plan"])
    assert (found["access"], found["refolded"], found["agrees"]) == (True, True, True)
    assert (found["rule"], found["facts"][0]["topic"]) == ("within_paid_period", "member.joined")
    before = owner.get(path, plan_id=joined["plan"], at="2020-01-01T00:00:00Z")
    assert (before["access"], before["rule"]) == (False, "not_yet_joined")
    asked = owner.get(f"/members/{joined['member']}/access", plan_id=joined["plan"])
    assert asked["facts"] == [fact["fact"] for fact in found["facts"]]
    nowhere = {"plan_id": joined["member"]}
    assert owner.ask("GET", path, query_string=nowhere).status_code == 404


def test_explanations_are_of_the_moment_that_is_asked_for(  # part of AU3
    house: House, owner: Client, joined: dict[str, str]
) -> None:
    then = house.clock.now()
    house.clock.advance_to(then.replace(day=then.day + 1))
    owner = house.as_staff("owner")
    body = {"amount": {"minor": 100, "currency": "EUR"}, "reason": "more"}
    owner.post(f"/orders/{joined['order']}/refunds", body)
    for path, view, name in (
        (f"/members/{joined['member']}/spending/explain", "spending", "refunded"),
        (f"/orders/{joined['order']}/explain", "orders", "refunded"),
    ):
        now, past = owner.get(path), owner.get(path, as_of=then.isoformat())
        assert figures(now, view)[name] == (BACK + 100, BACK + 100)
        assert figures(past, view)[name] == (BACK, BACK)
        assert past["agrees"] is True


def test_mrr_is_explained_by_its_memberships(  # part of NU4
    house: House, owner: Client, joined: dict[str, str]
) -> None:
    found = owner.get("/reports/mrr/explain")
    [total] = owner.get("/reports/mrr")["totals"]
    [figure] = found["figures"]
    assert found["agrees"] is figure["agrees"] is True
    assert figure["stated"] == figure["readded"] == total
    assert found["definition"]["name"] == "mrr"
    assert found["definition"]["sentence"].startswith("Monthly recurring revenue")
    [one] = found["memberships"]
    assert (one["member_id"], one["stated"], one["readded"]) == (joined["member"], "1200", "1200")
    assert one["parts"][0]["fact"] == found["facts"][0]["fact"]
    assert found["facts"][0]["topic"] == "member.joined"
    assert owner.get("/reports/mrr/explain", plan_id=joined["member"])["memberships"] == []
    statement = "UPDATE views.timelines SET numerators[1] = 1 WHERE member_id = %(m)s"
    spoil(house, statement, m=joined["member"])
    spoilt = owner.get("/reports/mrr/explain")
    [apart] = spoilt["apart"]
    assert (spoilt["agrees"], apart["member_id"]) == (False, joined["member"])
    french = owner.ask("GET", "/reports/mrr/explain", headers={"Accept-Language": "fr"}).json
    assert french is not None
    assert french["definition"]["sentence"].startswith("Revenu mensuel")


def test_a_months_movement_is_explained(owner: Client, joined: dict[str, str]) -> None:
    asked = {"month": "2026-11", "currency": "EUR", "kind": "new"}
    found = owner.get("/reports/movements/explain", **asked)
    assert (found["agrees"], found["moved"]) == (True, {"new": "1200"})
    assert found["starting"]["readded"]["exact"] == "0"
    assert found["ending"]["readded"]["mrr"] == {"minor": PAID, "currency": "EUR"}
    assert [part["amount"] for part in found["parts"]] == ["1200"]
    assert found["parts"][0]["member_id"] == joined["member"]
    for wrong in ({"month": "2026-12"}, {"month": "x"}, {"kind": "x"}, {"currency": "ZZZ"}):
        answer = owner.ask("GET", "/reports/movements/explain", query_string={**asked, **wrong})
        assert answer.status_code == 422, wrong


def test_members_of_a_month_and_their_lifetime_value_are_explained(  # NU4
    owner: Client, joined: dict[str, str]
) -> None:
    found = owner.get("/reports/members/explain", month="2026-11")
    assert (found["agrees"], found["moved"]) == (True, {"new": 1, "returned": 0, "left": 0})
    assert found["ending"] == {"stated": 1, "readded": 1}
    assert [part["member_id"] for part in found["parts"]] == [joined["member"]]
    assert found["facts"][0]["topic"] == "member.joined"
    asked = {"first_month": "2026-11", "last_month": "2026-11"}
    brought = owner.get("/reports/lifetime/explain", **asked)
    assert brought["agrees"] is True
    assert figures(brought, "spending") == TOTALS
    assert [fact["topic"] for fact in brought["facts"]] == ["order.paid", "order.refunded"]
    for wrong in ({"last_month": "2026-10"}, {"first_month": "2026-12", "last_month": "2026-12"}):
        query = {**asked, **wrong}
        assert owner.ask("GET", "/reports/lifetime/explain", query_string=query).status_code == 422
