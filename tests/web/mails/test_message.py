"""What a mail looks like on its way."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest

from tests.web.mails.office import campaign, mail
from web.mails.transport_address import sender
from web.mails.transport_message import Message, Unsendable, message
from web.sessions.mailbox import Mail

US = sender("Nos amis réunis <us@site.test>")
MAIL_ID = UUID("11111111-1111-4111-8111-111111111111")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def made(one: Mail) -> Message:
    return message(one, MAIL_ID, sender=US, date=NOON)


def read(one: Mail) -> EmailMessage:
    found = message_from_bytes(made(one).content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_it_has_text_and_html_in_its_language() -> None:
    french = Mail(
        to="zoe@example.test",
        subject="Votre adhésion à « Or » se renouvelle bientôt, le trente-et-un janvier prochain",
        text="Très bientôt.\n",
        html="<p>Très bientôt.</p>" + " mot" * 400,
        locale="fr",
    )
    found = read(french)
    assert found["Subject"] == french.subject
    assert found["From"] == "Nos amis réunis <us@site.test>"
    assert found["To"] == "zoe@example.test"
    assert found["Content-Language"] == "fr"
    text, html = found.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().splitlines() == french.text.splitlines()
    assert html.get_content().splitlines() == [french.html]
    lines = made(french).content.split(b"\r\n")
    assert made(french).content.isascii()
    assert max(map(len, lines)) < 998


def test_it_is_known_again_and_dated() -> None:
    found = read(mail())
    assert found["Message-ID"] == f"<{MAIL_ID}@site.test>"
    assert found["Date"].datetime == NOON
    assert made(mail()).content.count(b"Message-ID") == 1


def test_what_answers_an_event_says_that_a_machine_wrote_it() -> None:
    assert read(mail())["Auto-Submitted"] == "auto-generated"
    assert read(mail())["List-Unsubscribe"] is None


def test_a_campaign_can_be_left_by_one_press() -> None:
    found = read(campaign())
    assert found["List-Unsubscribe"] == "<https://site.test/unsubscribe?token=abc>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["Auto-Submitted"] is None


def test_a_domain_in_any_script_is_said_as_every_server_knows_it() -> None:
    one = made(mail("zoe@bücher.example"))
    assert (one.recipient, one.needs_unicode) == ("zoe@xn--bcher-kva.example", False)


def test_an_address_whose_name_is_unicode_needs_a_server_that_takes_it() -> None:
    one = made(mail("zoé@example.test"))
    assert one.needs_unicode
    assert "To: zoé@example.test".encode() in one.content


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.test\r\nBcc: eve@example.test",
        "ada@example.test\nRCPT TO:<eve@example.test>",
        "eve@example.test, ada@example.test x",
        "ada",
        "@example.test",
        "ada@" + "a" * 64 + ".test",
        "ada@exa..mple.test",
    ],
)
def test_no_address_says_more_than_an_address(to: str) -> None:
    with pytest.raises(Unsendable, match=r"^malformed$"):
        made(mail(to))


@pytest.mark.parametrize("breaks", ["\r\n", "\n", "\r"])
def test_no_header_says_more_than_itself(breaks: str) -> None:
    more = f"Hello{breaks}Bcc: eve@example.test"
    for one in (
        Mail(to="a@example.test", subject=more, text="", html="", locale="en"),
        Mail(to="a@example.test", subject="", text="", html="", locale=more),
        campaign_from(f"https://site.test/{more}"),
    ):
        with pytest.raises(Unsendable, match=r"^malformed$"):
            made(one)


def campaign_from(url: str) -> Mail:
    return mail(unsubscribe=url)
