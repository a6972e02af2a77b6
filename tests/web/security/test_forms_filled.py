"""The forms that others are refused are good ones: sent by who may, each is written down."""

from __future__ import annotations

import pyotp

from ledger import ids
from tests.web.security.conftest import Site, form_token
from tests.web.security.things import doors, filled, furnish, path_of

JOINING = "/plans/<uuid:plan_id>/join"
HANDING_ON = "/panel/team/<uuid:contributor_id>/ownership"


def test_each_form_that_is_tried_in_vain_elsewhere_is_taken_from_who_may(site: Site) -> None:
    furnish(site)
    factors, one = site.parts.desk.second_factors, site.known["contributor_id"]
    assert factors.confirm(one, pyotp.TOTP(factors.begin(one)).at(site.clock.now()))
    ada, owner = site.as_member(site.known["member_id"]).client, site.staff("owner").client
    eve = site.person("eve@example.org", "Eve").client
    rules = {door.rule: rule for door, rule in doors(site) if door.method == "POST"}
    tokens, idle = {client: form_token(client) for client in (ada, eve, owner)}, []
    for name, form in filled(site).items():
        before = site.position()
        client = owner if name.startswith("/panel") else eve if name == JOINING else ada
        sent = {**form, "command": site.command(), "csrf_token": tokens[client]}
        answer = client.post(path_of(site, rules[name]), data=sent)
        if site.position() == before:
            idle.append((name, answer.status_code))
        if name == HANDING_ON:  # whoever owns the site now can't be removed
            site.known["contributor_id"] = ids.derived(ids.SITE, "auditor")
    assert idle == []
