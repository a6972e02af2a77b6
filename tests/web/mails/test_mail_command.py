"""`ledger mail`, as typed at a terminal."""

from __future__ import annotations

import base64
import socket

import pytest
from click.testing import CliRunner, Result

from tests.web.conftest import MASTER_KEY
from tests.web.mails.office import did, facts, put, state, told
from tests.web.mails.servers import Post
from tests.web.schedule.sites import Site
from web.cli.main import main


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, database: str, post: Post) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    monkeypatch.setenv("LEDGER_SMTP_URL", f"smtp://127.0.0.1:{post.port}")
    monkeypatch.setenv("LEDGER_MAIL_FROM", "us@site.test")


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["mail", *words], catch_exceptions=False)


def test_a_server_that_works_is_said_to_and_takes_a_test_mail(post: Post) -> None:
    found = typed("check", "--to", "me@example.test")
    assert found.exit_code == 0
    assert "answers, WITHOUT TLS, without signing in." in found.output
    assert "It took a test mail to me@example.test." in found.output
    assert post.recipients == ["me@example.test"]


def test_what_is_wrong_with_a_server_is_a_sentence(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.to_recipient = ["550 5.7.1 We relay nothing"]
    refused = typed("check", "--to", "me@example.test")
    assert (refused.exit_code, "550 5.7.1 We relay nothing" in refused.output) == (1, True)
    monkeypatch.setenv("LEDGER_SMTP_URL", f"smtp://127.0.0.1:{post.port}?tls=required")
    assert "The server offers no STARTTLS. (tls_not_offered)" in typed("check").output
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"smtp://us:hunter2@127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("LEDGER_SMTP_URL", nobody)
        silent = typed("check")
    assert (silent.exit_code, "(refused)" in silent.output) == (1, True)
    assert "hunter2" not in silent.output
    monkeypatch.delenv("LEDGER_SMTP_URL")
    assert "No mail server is named" in typed("check").output


def test_the_post_is_told_tried_again_and_noted_when_it_comes_back(site: Site, post: Post) -> None:
    _, notice_id = told(site)
    waits = typed("status")
    assert waits.exit_code == 0
    assert "1 mail to be sent, the first since" in waits.output
    post.to_recipient = ["550 5.1.1 No such user", "250 OK"]
    did(site)
    assert "1 mail to be tried again." in typed("retry", "--state", "bounced").output
    site.clock.advance_to(site.clock.now().replace(year=2100))
    did(site)
    assert state(site, notice_id).state == "given_up"
    assert "1 mail to be tried again." in typed("retry", str(notice_id)).output
    assert typed("retry").exit_code == 2


def test_a_mail_that_came_back_is_named_by_its_message_id_or_its_address(
    site: Site, post: Post
) -> None:
    _, notice_id = told(site)
    did(site)
    assert typed("bounced", f"<{notice_id}@site.test>", "--why", "5.1.1").exit_code == 0
    assert facts(site, notice_id) == ["queued", "sent", "bounced"]
    other = put(site)
    assert typed("bounced", "ada@example.test", "--why", "5.1.1").exit_code == 1
    did(site)
    assert typed("bounced", "ADA@example.test", "--why", "full").exit_code == 0
    assert state(site, other)[:2] == ("bounced", "full")
    assert typed("bounced", "ada@example.test", "--why", "two words").exit_code == 2
