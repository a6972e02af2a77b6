"""Fields that nobody asked for: refused, or without effect."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.endpoints import NOWHERE, nowhere
from tests.web.api.samples import fit
from tests.web.security.conftest import Site, form_token
from tests.web.security.things import doors, filled, furnish, path_of
from web.api.catalogue import all_routes
from web.api.framework import BASE

PRIVILEGED: dict[str, Any] = {
    "role": "owner",
    "roles": ["owner"],
    "member_id": str(NOWHERE),
    "account_id": str(NOWHERE),
    "contributor_id": str(NOWHERE),
    "email_verified": True,
    "verified": True,
    "amount": {"minor": 1, "currency": "EUR"},
    "price": {"minor": 0, "currency": "EUR"},
    "occurred_at": "2020-01-01T00:00:00Z",
    "recorded_at": "2020-01-01T00:00:00Z",
    "mode": "live",
    "by": {"kind": "machine"},
    "actor": {"kind": "machine"},
    "cause": {"kind": "command_line", "id": str(NOWHERE)},
    "id": str(NOWHERE),
    "must_enrol": False,
    "consent": True,
}


THEIR_OWN = {"account:own", "method:own", "plans:join"}


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    furnish(site)
    return site


def test_no_form_takes_a_field_that_it_does_not_show(furnished: Site) -> None:
    """Each good form with one strange field more: nothing of it is carried out, or none of that."""
    site, known = furnished, filled(furnished)
    owner, ada = site.staff("owner").client, site.as_member(site.known["member_id"]).client
    tokens = {client: form_token(client) for client in (owner, ada)}
    rules = {door.rule: rule for door, rule in doors(site) if door.method == "POST"}
    taken = []
    for number, (name, form) in enumerate(known.items()):
        client = owner if name.startswith("/panel") else ada
        strange = [field for field in PRIVILEGED if field not in form][number % 12 :: 6]
        if not form or name in LENIENT:
            continue
        before = site.position()
        sent = {**form, **{field: str(PRIVILEGED[field]) for field in strange}}
        sent |= {"csrf_token": tokens[client], "command": site.command()}
        client.post(path_of(site, rules[name]), data=sent)
        if site.position() != before:
            taken.append((name, strange))
    assert taken == []


LENIENT = {
    "/panel/segments",
    "/panel/segments/<uuid:segment_id>",
}
"""They carry the address of a list along, whatever stands in it, and read only what they know."""


def test_what_a_lenient_form_carries_along_is_not_read(furnished: Site) -> None:
    owner = furnished.staff("owner").client
    sent = {field: str(value) for field, value in PRIVILEGED.items()}
    sent |= {"name": "Along", "csrf_token": form_token(owner), "command": furnished.command()}
    before = furnished.position()
    assert owner.post("/panel/segments", data=sent).status_code == 303
    furnished.settle()
    assert furnished.position() > before
    assert furnished.parts.ledger.contributor_by_email("owner@example.org") is not None
    told = owner.get("/api/v1/segments/saved").text
    assert "Along" in told
    assert str(NOWHERE) not in told
    assert "2020-01-01" not in told


def test_no_endpoint_takes_a_field_that_it_does_not_declare(furnished: Site) -> None:
    site, wrong = furnished, []
    owner, ada = site.staff("owner").client, site.as_member(site.known["member_id"]).client
    before = site.position()
    for route in all_routes():
        if route.body is None:
            continue
        declared = set(route.body.model_json_schema().get("properties", {}))
        client = ada if route.permission.value in THEIR_OWN else owner
        strange = {name: value for name, value in PRIVILEGED.items() if name not in declared}
        headers = {"Sec-Fetch-Site": "same-origin", "Idempotency-Key": site.command()}
        answer = client.open(
            BASE + nowhere(route),
            method=route.method,
            json={**fit(route.body), **strange},
            headers=headers,
        )
        named = {error["pointer"] for error in (answer.json or {}).get("errors", [])}
        if answer.status_code != 422 or not {f"/{name}" for name in strange} <= named:
            wrong.append((route.method, route.path, answer.status_code))
    assert wrong == []
    assert site.position() == before
