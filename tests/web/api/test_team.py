"""Staff and programs by HTTP (NO5)."""

from __future__ import annotations

import pytest

from tests.web.api.conftest import PASSWORD, Client, House
from web.identity.permissions import Permission, Role

GRACE = {"email": "grace@example.org", "name": "Grace", "roles": ["store_manager"]}


@pytest.fixture
def owner(house: House) -> Client:
    return house.as_staff("owner")


def test_a_contributor_is_invited_and_signs_in(house: House, owner: Client) -> None:  # NO5
    owner.post("/team", GRACE)
    grace = house.stranger()
    token = house.token_for("grace@example.org")
    grace.post("/team/invitations/finish", {"token": token, "password": PASSWORD})
    assert grace.get("/session")["roles"] == ["store_manager"]
    said = {"email": "grace@example.org", "password": PASSWORD}
    assert house.stranger().ask("POST", "/team/sessions", json=said).status_code == 201
    assert house.stranger().ask("POST", "/sessions", json=said).status_code == 401


def test_other_roles_count_at_once(house: House, owner: Client) -> None:  # part of NO5
    manager, path = house.as_staff("store_manager"), f"/team/{house.staff['store_manager']}"
    assert manager.ask("GET", "/members").status_code == 200
    owner.put(f"{path}/roles", {"roles": ["operator"]})
    assert manager.ask("GET", "/members").status_code == 403
    owner.delete(path)
    assert manager.ask("GET", "/session").status_code == 401


def test_there_is_exactly_one_owner(house: House, owner: Client) -> None:  # NO5
    heir = str(house.staff["administrator"])
    administrator = house.as_staff("administrator")
    body = {"contributor_id": heir}
    assert administrator.ask("POST", "/team/ownership", json=body).status_code == 403
    assert owner.ask("DELETE", f"/team/{house.staff['owner']}").status_code == 422
    owner.post("/team/ownership", body)
    assert administrator.get("/session")["roles"] == ["owner"]
    assert owner.get("/session")["roles"] == ["administrator"]
    staff = owner.get("/team")["items"]
    assert [one["name"] for one in staff if "owner" in one["roles"]] == ["administrator"]


def test_nobody_adds_an_owner(owner: Client) -> None:  # part of NO5
    answer = owner.ask("POST", "/team", json={**GRACE, "roles": ["owner"]})
    assert answer.status_code == 422


def test_a_token_works_until_it_is_revoked(house: House, owner: Client) -> None:
    asked = {"name": "site", "role": "auditor", "scopes": ["access:read"]}
    made = owner.post("/tokens", asked)
    program = Client(
        house.app.test_client(use_cookies=False), {"Authorization": f"Bearer {made['token']}"}
    )
    query = {"email": "nobody@example.org", "plan_id": str(house.plan())}
    assert program.ask("GET", "/access", query_string=query).status_code == 200
    assert program.ask("GET", "/orders").status_code == 403
    [listed] = owner.get("/tokens")["items"]
    assert made["token"] not in str(listed)
    assert listed["hint"] == made["token"][-4:]
    owner.delete(f"/tokens/{made['id']}")
    assert program.ask("GET", "/access", query_string=query).status_code == 401


def test_a_program_gives_no_more_than_it_has(house: House) -> None:
    program = house.as_program(scopes={Permission.CHANGE_TOKENS}, role=Role.ADMINISTRATOR)
    more = {"name": "more", "role": "administrator", "scopes": ["members:read"]}
    answer = program.ask("POST", "/tokens", json=more)
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["errors"][0]["pointer"] == "/scopes"


def test_an_auditor_gives_a_program_nothing_to_change(owner: Client) -> None:
    asked = {"name": "x", "role": "auditor", "scopes": ["orders:refund"]}
    assert owner.ask("POST", "/tokens", json=asked).status_code == 422


def test_tokens_come_page_by_page_and_none_is_made_for_the_past(owner: Client) -> None:
    asked = {"name": "site", "role": "auditor", "scopes": ["access:read"]}
    made = [owner.post("/tokens", asked)["id"] for _ in range(3)]
    first = owner.get("/tokens", limit=2)
    rest = owner.get("/tokens", limit=2, cursor=first["next"])
    found = [one["token_id"] for one in [*first["items"], *rest["items"]]]
    assert (sorted(found), rest["next"]) == (sorted(made), None)
    over = owner.ask("POST", "/tokens", json={**asked, "expires_at": "2001-01-01T00:00:00Z"})
    assert over.json is not None
    assert (over.status_code, over.json["errors"][0]["pointer"]) == (422, "/expires_at")


def test_one_of_the_staff_chooses_their_own_language(house: House, owner: Client) -> None:
    auditor = house.as_staff("auditor")
    auditor.put("/team/locale", {"locale": "fr"})
    owner.position = auditor.position
    assert owner.get(f"/team/{house.staff['auditor']}")["locale"] == "fr"
    assert owner.get(f"/team/{house.staff['owner']}")["locale"] == "en"
    assert house.as_program().ask("PUT", "/team/locale", json={"locale": "fr"}).status_code == 403
