"""What is written down of attacks: neither passwords, nor tokens, nor anybody's address."""

from __future__ import annotations

import logging

import pytest
from structlog.testing import capture_logs

from ledger import ids
from tests.web.security.conftest import Site, form_token

SECRETS = ("hunter2-the-secret", "ada.secret@example.org", "lgr_madeuptoken", "tok_madeup")


def test_an_attack_leaves_no_secret_and_no_address_in_the_logs(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    client = site.stranger().client
    password, email, token, link = SECRETS
    form = form_token(client)
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        for way_in in ("/sign-in", "/team/sign-in"):
            sent = {"email": email, "password": password, "csrf_token": form}
            assert client.post(way_in, data=sent).status_code == 401
            assert client.post(way_in, data={**sent, "csrf_token": "x"}).status_code == 400
            evil = {"Origin": "https://evil.example"}
            assert client.post(way_in, data=sent, headers=evil).status_code == 403
        client.get(f"/password/reset?token={link}")
        client.get(f"/pay?token={link}")
        client.get(f"/to/{link}")
        client.get("/api/v1/members", headers={"Authorization": f"Bearer {token}"})
        body = {"email": email, "password": password}
        headers = {"Idempotency-Key": str(ids.new())}
        client.post("/api/v1/sessions", json=body, headers=headers)
        client.get("/sign-in", headers={"Host": "evil.example"})
        client.get(f"/sign-in?next=//evil.example/{email}")
        client.post("/sign-up", data={"name": email, "email": "x" * 5_000, "csrf_token": form})
    written = str(logs) + caplog.text
    for secret in SECRETS:
        assert secret not in written, secret
