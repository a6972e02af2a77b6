"""Where mails go and whom they come from, as settings say it; a refusal quotes no password."""

from __future__ import annotations

import pytest

from web.mails.transport_address import AddressMalformed, mail_server, sender
from web.settings import SettingsError, load


@pytest.mark.parametrize(
    ("text", "port", "tls"),
    [
        ("smtp://mail.test", 25, "offered"),
        ("smtp://us:pass@mail.test", 587, "required"),
        ("smtp://us:pass@mail.test?tls=none", 587, "none"),
        ("smtp://mail.test:2525?tls=required", 2525, "required"),
        ("smtps://us:pass@mail.test", 465, "implicit"),
        ("smtps://mail.test:4650?tls=required", 4650, "implicit"),
    ],
)
def test_ports_and_tls_are_as_the_address_says(text: str, port: int, tls: str) -> None:
    server = mail_server(text)
    assert (server.host, server.port, server.tls) == ("mail.test", port, tls)


def test_a_password_may_have_any_sign_and_is_never_shown() -> None:
    server = mail_server("smtp://us%40site.test:p%2F%40ss@mail.test")
    assert (server.user, server.password) == ("us@site.test", "p/@ss")
    assert "p/@ss" not in repr(server)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("http://mail.test", "neither smtp"),
        ("mail.test", "neither smtp"),
        ("smtp://", "names no host"),
        ("smtp://mail.test:hunter2", "no port"),
        ("smtp://us:hunter2/x@mail.test", "no port"),
        ("smtp://mail.test/hunter2", "has a path"),
        ("smtp://hunter2@mail.test", "or neither"),
        ("smtp://us:hunter2é@mail.test", "in ASCII"),
        ("smtp://mail.test?tls=hunter2", "neither required nor none"),
        ("smtp://mail.test?hunter2=1", "other than tls="),
        ("smtps://mail.test?tls=none", "which is TLS"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_and_not_the_address(text: str, fault: str) -> None:
    with pytest.raises(AddressMalformed, match=fault) as refused:
        mail_server(text)
    assert "hunter2" not in str(refused.value)


def test_a_sender_has_an_address_and_perhaps_a_name() -> None:
    assert sender("us@site.test").domain == "site.test"
    assert str(sender("Our site <us@site.test>")) == "Our site <us@site.test>"
    assert sender("us@bücher.example").address == "us@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "text", ["us", "Us <us>", "a@b@c d", "us@site.test\r\nBcc: eve@x.test", ""]
)
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(AddressMalformed):
        sender(text)


def test_the_settings_say_by_name_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_SMTP_URL", "smtp://us:hunter2@")
    monkeypatch.setenv("LEDGER_MAIL_FROM", "nobody")
    with pytest.raises(SettingsError) as refused:
        load()
    assert "LEDGER_SMTP_URL names no host" in str(refused.value)
    assert "LEDGER_MAIL_FROM is not an address" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_server_needs_a_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_SMTP_URL", "smtp://us:hunter2@mail.test")
    monkeypatch.delenv("LEDGER_MAIL_FROM", raising=False)
    with pytest.raises(SettingsError, match="LEDGER_MAIL_FROM is needed with LEDGER_SMTP_URL"):
        load()
    monkeypatch.setenv("LEDGER_MAIL_FROM", "us@site.test")
    assert "hunter2" not in repr(load())
