"""Schemathesis over the OpenAPI document, with real sign-in: nothing is a server's error."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.web.api.conftest import CARD, House
from web.identity.permissions import Permission

EXAMPLES = 4
"""Of each operation; some ten times as many found no more, and every run draws others."""

UNHURRIED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


class Site:
    """A site with one of each thing, and credentials for everybody."""

    def __init__(self, house: House) -> None:
        self.house = house
        plan_id, person, owner = house.plan(), house.sign_up(), house.as_staff("owner")
        joined = person.post("/account/memberships", {"plan_id": str(plan_id), **CARD})
        member_id = person.get("/account")["member_id"]
        note = owner.post(f"/members/{member_id}/notes", {"text": "tall"})
        code = owner.post("/discounts", {"discount_code": "TEN", "percent": 10})
        self.member_id = member_id
        self.known = {
            "plan_id": str(plan_id),
            "member_id": member_id,
            "membership_id": joined["membership_id"],
            "order_id": joined["order_id"],
            "note_id": note["id"],
            "discount_id": code["id"],
            "contributor_id": str(house.staff["auditor"]),
            "token_id": str(house.staff["auditor"]),
        }
        self.program = house.as_program().headers

    def credentials(self, operation: Any) -> dict[str, Any]:
        """What whoever may ask this sends beside the request."""
        raw = operation.definition.raw
        if raw["x-permission"] == Permission.PUBLIC.value:
            return {}
        if raw["x-roles"] == ["member"] or "member" in raw["x-roles"]:
            cookies = self.house.member_cookies(self.member_id)
            return {"headers": {"Sec-Fetch-Site": "same-origin"}, "cookies": cookies}
        if raw["x-roles"] == ["owner"]:
            cookies = self.house.staff_cookies("owner")
            return {"headers": {"Sec-Fetch-Site": "same-origin"}, "cookies": cookies}
        return {"headers": self.program}


# A pool of connections rolls dice in a thread of its own, which Hypothesis takes for a strategy's.
@pytest.mark.filterwarnings("ignore:Do not use the .random. module inside strategies")
def test_no_request_breaks_the_server_or_gets_in_unseen(house: House) -> None:
    site = Site(house)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", house.app)
    wrong: list[str] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        attack(site, found.ok(), wrong)
    assert not wrong


def attack(site: Site, operation: Any, wrong: list[str]) -> None:
    """Ask an operation in many ways, each also as nobody."""
    beside = site.credentials(operation)
    nobody = site.house.app.test_client(use_cookies=False)

    @UNHURRIED
    @given(case=operation.as_strategy(), real=st.booleans())
    def ask(case: Any, real: bool) -> None:
        if real:
            case.path_parameters = {
                name: site.known.get(name, value) for name, value in case.path_parameters.items()
            }
        # A position to come would be waited for; too many wrong tokens shut everybody out.
        for name in ("Ledger-Position", "Authorization"):
            case.headers.pop(name, None)
        answer = case.call(**beside)
        if answer.status_code >= 500:
            wrong.append(f"{operation.label}: {answer.status_code} for {case.as_curl_command()}")
        if beside:
            unseen = nobody.open(case.formatted_path, method=case.method)
            if unseen.status_code not in {401, 404, 405}:
                wrong.append(f"{operation.label} answers a stranger {unseen.status_code}")

    ask()
