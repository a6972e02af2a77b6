"""A mail is handed over to a real server, and what is known afterwards is said in one word."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from urllib.parse import quote

import pytest

from tests.web.mails.servers import (
    CLOSES,
    OK,
    PASSWORD,
    USER,
    Post,
    certificate,
    knows_password,
    mail_server,
)
from web.mails import transport as transport_module
from web.mails.transport import (
    CannotCarry,
    ClaimLost,
    MailRefused,
    PerhapsTaken,
    ServerTrouble,
    Transport,
)
from web.mails.transport_address import mail_server as address
from web.mails.transport_message import Message

SENDER = "us@site.test"
SIGNS_IN = f"{USER}:{quote(PASSWORD, safe='')}@"


@pytest.fixture
def post() -> Iterator[Post]:
    with mail_server(Post()) as started:
        yield started


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


def to(port: int, *, before: str = "", after: str = "", scheme: str = "smtp") -> Transport:
    """A way to a server of this machine."""
    return Transport(address(f"{scheme}://{before}127.0.0.1:{port}{after}"), own_name="[127.0.0.1]")


def mail(
    recipient: str = "ada@example.test", text: bytes = b"Subject: Hi\r\n\r\nHello\r\n"
) -> Message:
    return Message(SENDER, recipient, text, needs_unicode=not recipient.isascii())


def sent(way: Transport, *mails: Message) -> None:
    """All are handed over, and the connection is closed."""
    try:
        for one in mails:
            way.hand_over(one, before_all=lambda: True)
    finally:
        way.close()


def test_many_mails_go_over_one_connection(post: Post) -> None:
    people = [f"p{number}@example.test" for number in range(5)]
    sent(to(post.port), *map(mail, people))
    assert post.recipients == people
    assert post.connections == 1


def test_a_connection_is_renewed_before_a_server_tires_of_it(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "MAILS_A_CONNECTION", 2)
    sent(to(post.port), *[mail()] * 5)
    assert (len(post.taken), post.connections) == (5, 3)


def test_lines_that_begin_with_a_dot_arrive_whole(post: Post) -> None:
    text = b"Subject: Dots\r\n\r\n.\r\n..two\r\nafter\r\n"
    sent(to(post.port), mail(text=text))
    assert post.raw == [text]


@pytest.mark.parametrize(
    ("answer", "why", "for_ever"),
    [
        ("450 4.2.0 Greylisted, try again", "450-4.2.0", False),
        ("452 Full", "452", False),
        ("550 5.1.1 No such user ada@example.test", "550-5.1.1", True),
        ("553 Not here", "553", True),
    ],
)
@pytest.mark.parametrize("step", ["to_recipient", "to_mail"])
def test_a_refusal_is_told_by_its_status_and_the_next_mail_goes_on(
    post: Post, step: str, answer: str, why: str, for_ever: bool
) -> None:
    setattr(post, step, [answer, OK])
    way = to(post.port)
    with pytest.raises(MailRefused) as refused:
        way.hand_over(mail(), before_all=lambda: True)
    assert (refused.value.why, refused.value.for_ever) == (why, for_ever)
    sent(way, mail("bob@example.test"))
    assert post.recipients == ["bob@example.test"]
    assert post.connections == 1


def test_a_server_that_nobody_listens_at_is_trouble(post: Post) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ServerTrouble, match=r"^refused$"):
            sent(to(unused.getsockname()[1]), mail())


def test_a_server_that_says_nothing_is_trouble_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "ANSWER_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(ServerTrouble, match=r"^timeout$"),
    ):
        sent(to(mute.getsockname()[1]), mail())


def test_a_sender_that_is_refused_is_the_servers_trouble_and_no_recipients(post: Post) -> None:
    post.to_sender = ["550 5.7.1 Who are you?"]
    with pytest.raises(ServerTrouble, match=r"^sender_550$"):
        sent(to(post.port), mail())
    assert post.seen == []


def test_a_server_that_asks_to_be_signed_in_at_bounces_nobody(post: Post) -> None:
    post.to_recipient = ["530 5.7.0 Authentication required"]
    with pytest.raises(ServerTrouble, match=r"^530$"):
        sent(to(post.port), mail())


@pytest.mark.parametrize("answer", [CLOSES, "421 4.3.2 Shutting down"])
def test_a_connection_that_was_closed_meanwhile_is_made_again(post: Post, answer: str) -> None:
    post.to_recipient = [OK, answer, OK]
    sent(to(post.port), mail(), mail("bob@example.test"))
    assert post.recipients == ["ada@example.test", "bob@example.test"]
    assert post.connections == 2


def test_who_closes_after_the_whole_was_said_has_the_mail_perhaps(post: Post) -> None:
    post.to_mail = [CLOSES]
    with pytest.raises(PerhapsTaken, match=r"^no_answer$"):
        sent(to(post.port), mail())
    assert len(post.taken) == 1  # this one had it


def test_who_does_not_answer_after_the_whole_was_said_has_the_mail_perhaps(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "TAKING_SECONDS", 0.05)
    answers = Event()
    post.on_mail = answers.wait
    try:
        with pytest.raises(PerhapsTaken, match=r"^no_answer$"):
            sent(to(post.port), mail())
    finally:
        answers.set()


def test_whose_claim_is_over_hands_nothing_over(post: Post) -> None:
    way = to(post.port)
    with pytest.raises(ClaimLost):
        way.hand_over(mail(), before_all=lambda: False)
    sent(way, mail("bob@example.test"))
    assert post.recipients == ["bob@example.test"]


def test_what_breaks_before_the_whole_is_said_hands_nothing_over(post: Post) -> None:
    def breaks() -> bool:
        raise ZeroDivisionError

    way = to(post.port)
    with pytest.raises(ZeroDivisionError):
        way.hand_over(mail(), before_all=breaks)
    sent(way, mail("bob@example.test"))
    assert post.recipients == ["bob@example.test"]


def test_a_unicode_address_goes_to_servers_that_take_them(post: Post) -> None:
    sent(to(post.port), mail("zoé@example.test"), mail())
    assert post.recipients == ["zoé@example.test", "ada@example.test"]
    assert post.utf8 == [True, False]


def test_a_unicode_address_is_a_clear_failure_where_a_server_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mail_server(Post(), takes_unicode=False) as old:
        way = to(old.port)
        with pytest.raises(CannotCarry, match=r"^smtputf8_not_offered$"):
            way.hand_over(mail("zoé@example.test"), before_all=lambda: True)
        sent(way, mail())
    assert old.recipients == ["ada@example.test"]


# --- TLS and signing in ---------------------------------------------------------------


def test_tls_is_used_where_it_is_offered(certified: tuple[ssl.SSLContext, Path]) -> None:
    context, trusted = certified
    with mail_server(Post(), tls_context=context, require_starttls=True) as post:
        sent(to(post.port, after=f"?ca={trusted}"), mail())
        assert len(post.taken) == 1


def test_tls_from_the_first_byte(certified: tuple[ssl.SSLContext, Path]) -> None:
    context, trusted = certified
    with mail_server(Post(), implicit=context) as post:
        sent(to(post.port, after=f"?ca={trusted}", scheme="smtps"), mail())
        assert len(post.taken) == 1


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_mail(
    certified: tuple[ssl.SSLContext, Path],
) -> None:
    context, _ = certified
    with mail_server(Post(), tls_context=context) as post:
        with pytest.raises(ServerTrouble, match=r"^tls_failed$"):
            sent(to(post.port), mail())
        assert post.seen == []


@pytest.mark.parametrize("asks", [{"after": "?tls=required"}, {"before": SIGNS_IN}])
def test_where_tls_is_required_and_not_offered_nothing_is_said(
    post: Post, asks: dict[str, str]
) -> None:
    with pytest.raises(ServerTrouble, match=r"^tls_not_offered$"):
        sent(to(post.port, **asks), mail())
    assert post.seen == []


def test_who_signs_in_rightly_may_send(certified: tuple[ssl.SSLContext, Path]) -> None:
    context, trusted = certified
    settings = {"tls_context": context, "authenticator": knows_password, "auth_required": True}
    with mail_server(Post(), **settings) as post:
        sent(to(post.port, before=SIGNS_IN, after=f"?ca={trusted}"), mail())
        assert len(post.taken) == 1


def test_a_wrong_password_is_trouble_and_is_not_told(
    certified: tuple[ssl.SSLContext, Path],
) -> None:
    context, trusted = certified
    settings = {"tls_context": context, "authenticator": knows_password, "auth_required": True}
    with mail_server(Post(), **settings) as post:
        wrong = to(post.port, before=f"{USER}:hunter2@", after=f"?ca={trusted}")
        with pytest.raises(ServerTrouble, match=r"^auth_535$") as refused:
            sent(wrong, mail())
    assert "hunter2" not in repr((refused.value, refused.value.detail, wrong._server))


def test_a_server_that_lets_nobody_sign_in_is_trouble(post: Post) -> None:
    with pytest.raises(ServerTrouble, match=r"^auth_not_offered$"):
        sent(to(post.port, before=SIGNS_IN, after="?tls=none"), mail())
