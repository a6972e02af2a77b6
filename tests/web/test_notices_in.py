"""The address that payment companies post to, and everything that strangers may send there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from ledger.billing.inbox import Inbox
from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.gateway import Delivery
from ledger.payments.sandbox import Sandbox
from ledger.payments.sandbox_signing import signed
from ledger.store.sandbox_books import PostgresBooks
from web.api.notices_in import AT_ONCE, LARGEST_BYTES
from web.app import create_app
from web.parts import Parts

ADDRESS = "/notices/sandbox"
SECRET = b"a secret of the tests"
MEMBER = UUID(int=7)


@pytest.fixture
def sandbox(parts: Parts, clock: VirtualClock) -> Sandbox:
    """The sandbox with a secret that tests know, and one payment made there."""
    company = Sandbox(books=PostgresBooks(parts.pool), clock=clock, notice_secrets=[SECRET])
    parts.inbox.gateway = company
    customer = company.ensure_customer(member_id=MEMBER)
    company.pay_at_gateway(
        customer_id=customer.id, method="pm_card_visa", amount=Money(500, "EUR"), key=UUID(int=8)
    )
    return company


@pytest.fixture
def posted(sandbox: Sandbox, clock: VirtualClock) -> Delivery:
    """What the company posts of it."""
    now = clock.now()
    [delivery, *_] = sandbox.deliveries(since=now, until=now + timedelta(seconds=1))
    return delivery


def post(
    client: FlaskClient, body: bytes, headers: Any = None, address: str = ADDRESS
) -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    answer = client.post(address, data=body, headers=dict(headers or {}))
    return answer.status_code, answer.get_json(force=True)


def kept(parts: Parts) -> int:
    """How many notices are in the inbox."""
    return sum(parts.inbox.table.counts().values())


def written(posted: Delivery, **changes: Any) -> bytes:
    """The notice with other words."""
    return json.dumps({**json.loads(posted.raw), **changes}).encode()


def test_a_notice_is_kept_with_its_evidence_and_answered(
    client: FlaskClient, parts: Parts, posted: Delivery
) -> None:
    assert post(client, posted.raw, posted.headers) == (200, {"status": "new"})
    [listed] = parts.inbox.table.listed(["received"])
    assert parts.inbox.table.body(listed.number) == posted.raw


def test_a_notice_that_is_sent_again_is_kept_once(
    client: FlaskClient, parts: Parts, posted: Delivery
) -> None:
    post(client, posted.raw, posted.headers)
    assert post(client, posted.raw, posted.headers) == (200, {"status": "known"})
    assert kept(parts) == 1


Bad = Callable[[Delivery, VirtualClock], Delivery]


def _at(hours: int) -> Bad:
    return lambda d, clock: signed(d.raw, SECRET, clock.now() + timedelta(hours=hours))


def _saying(**changes: Any) -> Bad:
    return lambda d, clock: signed(written(d, **changes), SECRET, clock.now())


def _raw(body: bytes) -> Bad:
    return lambda _, clock: signed(body, SECRET, clock.now())


REFUSED: dict[str, Bad] = {
    "unsigned": lambda d, _: Delivery(d.raw, {}),
    "forged": lambda d, clock: signed(d.raw, b"another secret", clock.now()),
    "altered": lambda d, _: Delivery(d.raw.replace(b"payment", b"paymens", 1), d.headers),
    "stale": _at(-1),
    "replayed later": _at(-48),
    "from the far future": _at(24),
    "cut short": lambda d, clock: signed(d.raw[:-9], SECRET, clock.now()),
    "empty": _raw(b""),
    "no text": _raw(b'{"id": "\xff\xfe"}'),
    "no object": _raw(b"[]"),
    "thin": _raw(b'{"id": "evt_1", "object": "v2.core.event", "type": "v2.core.account.updated"}'),
    "of another account": _saying(account="acct_of_another"),
    "of real money": _saying(mode="live"),
    "of no time": _saying(made_at="yesterday"),
    "made before time": _saying(made_at="0001-01-01T00:00:00+14:00"),
    "yet to be made": _saying(made_at="9999-12-31T23:59:59Z"),
    "nameless": _saying(id=""),
    "named at length": _saying(id="x" * 256),
    "named with a hole": _saying(id="a\0b"),
    "about a hole": _saying(object="a\0b"),
    "named by half a character": _saying(kind="x\ud800"),
}


@pytest.mark.parametrize("bad", REFUSED)
def test_what_can_t_be_believed_is_refused_and_leaves_nothing(
    bad: str, client: FlaskClient, parts: Parts, posted: Delivery, clock: VirtualClock
) -> None:
    sent = REFUSED[bad](posted, clock)
    status, said = post(client, sent.raw, sent.headers)
    assert (status, said["code"]) == (400, "notice_rejected")
    assert kept(parts) == 0


def test_an_unknown_kind_is_kept_and_needs_no_work(
    client: FlaskClient, parts: Parts, posted: Delivery, clock: VirtualClock
) -> None:
    sent = _saying(kind="weather.changed", object="cloud_1", id="n_1")(posted, clock)
    assert post(client, sent.raw, sent.headers)[0] == 200
    assert parts.inbox.work().outcomes == {"ignored_foreign": 1}


def test_a_notice_of_another_system_is_taken_and_set_aside(
    client: FlaskClient, parts: Parts, sandbox: Sandbox, clock: VirtualClock
) -> None:
    clock.advance(timedelta(minutes=1))
    now = clock.now()
    sandbox.pay_at_gateway(customer_id=None, method="pm_card_visa", amount=Money(500, "EUR"))
    for sent in sandbox.deliveries(since=now, until=now + timedelta(seconds=1)):
        assert post(client, sent.raw, sent.headers)[0] == 200
    assert set(parts.inbox.work().outcomes) == {"ignored_foreign"}


def test_what_is_too_large_is_not_read(client: FlaskClient, parts: Parts) -> None:
    status, said = post(client, b"x" * (LARGEST_BYTES + 1))
    assert (status, said["code"]) == (413, "body_too_large")
    assert kept(parts) == 0


def test_a_body_of_the_largest_size_is_read(
    client: FlaskClient, posted: Delivery, clock: VirtualClock
) -> None:
    padded = posted.raw + b" " * (LARGEST_BYTES - len(posted.raw))
    sent = signed(padded, SECRET, clock.now())
    assert post(client, sent.raw, sent.headers)[0] == 200


def test_what_breaks_off_is_refused(client: FlaskClient, parts: Parts, posted: Delivery) -> None:
    longer = {"CONTENT_LENGTH": str(len(posted.raw) + 50)}
    answer = client.post(
        ADDRESS, data=posted.raw, headers=dict(posted.headers), environ_overrides=longer
    )
    assert answer.status_code == 400
    assert kept(parts) == 0


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_the_bytes_count_whatever_they_are_called(
    kind: str, client: FlaskClient, posted: Delivery
) -> None:
    status, _ = post(client, posted.raw, {**posted.headers, "Content-Type": kind})
    assert status == 200


def test_nobody_else_posts_here(client: FlaskClient, parts: Parts, posted: Delivery) -> None:
    for company in ("stripe", "SANDBOX", "sandbox%00", "x" * 500):
        assert post(client, posted.raw, posted.headers, f"/notices/{company}")[0] == 404
    assert kept(parts) == 0


def test_the_address_takes_posts_alone(client: FlaskClient) -> None:
    assert client.get(ADDRESS).status_code == 405


def test_a_database_that_is_away_is_asked_again(
    client: FlaskClient, parts: Parts, posted: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> int:
        raise psycopg.OperationalError("the server at 10.0.0.7 is gone")

    monkeypatch.setattr(parts.inbox.table, "add", away)
    answer = client.post(ADDRESS, data=posted.raw, headers=dict(posted.headers))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "10.0.0.7" not in answer.get_data(as_text=True)
    monkeypatch.undo()
    assert post(client, posted.raw, posted.headers) == (200, {"status": "new"})


def test_strangers_reach_no_database(
    client: FlaskClient, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a stranger had the database asked")

    monkeypatch.setattr(type(parts.pool), "connection", asked)
    strange = {"Authorization": "Bearer guess", "Sandbox-Signature": "t=1,v1=" + "0" * 64}
    client.set_cookie("session", "guess")
    assert post(client, b"{}", strange)[0] == 400


# --- many at once -------------------------------------------------------------------------


class Slow(Inbox):
    """An inbox that takes until it is told to go on."""

    def __init__(self, like: Inbox) -> None:
        super().__init__(like.table, like.gateway, like.observing, like.clock)
        self.begun, self.may_go = [Event() for _ in range(AT_ONCE)], Event()
        self._turns: Iterator[Event] = iter(self.begun)

    def receive(self, raw: bytes, headers: Any) -> Any:
        """Wait, then take it."""
        next(self._turns, Event()).set()
        self.may_go.wait(30)
        return super().receive(raw, headers)


@pytest.fixture
def slow(parts: Parts, sandbox: Sandbox) -> Slow:
    return Slow(parts.inbox)


def test_a_flood_is_sent_away_and_the_rest_is_served(
    parts: Parts, slow: Slow, posted: Delivery
) -> None:
    app: Flask = create_app(replace(parts, inbox=slow))
    answers: list[int] = []

    def send() -> None:
        answers.append(post(app.test_client(), posted.raw, posted.headers)[0])

    senders = [Thread(target=send) for _ in range(AT_ONCE)]
    for sender, begun in zip(senders, slow.begun, strict=True):
        sender.start()
        assert begun.wait(30)
    flood = app.test_client().post(ADDRESS, data=posted.raw, headers=dict(posted.headers))
    assert (flood.status_code, flood.headers["Retry-After"]) == (503, "1")
    assert app.test_client().get("/livez").status_code == 200
    slow.may_go.set()
    for sender in senders:
        sender.join()
    assert answers == [200] * AT_ONCE
    assert post(app.test_client(), posted.raw, posted.headers)[0] == 200


def test_a_mistake_of_ours_names_nobody_in_the_log(
    client: FlaskClient, parts: Parts, posted: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = "ada@example.org"

    def mistaken(*_: object, **__: object) -> int:
        raise ValueError(person)

    monkeypatch.setattr(parts.inbox.table, "add", mistaken)
    with capture_logs() as logged:
        status, said = post(client, posted.raw, posted.headers)
    assert (status, said["code"]) == (500, "internal_error")
    assert "ValueError" in json.dumps(logged)
    assert "ada@" not in json.dumps(logged) + json.dumps(said)


# --- what is written down -----------------------------------------------------------------


def test_logs_hold_no_secret_and_nobody_s_data(
    client: FlaskClient, posted: Delivery, clock: VirtualClock
) -> None:
    personal = written(posted, email="ada@example.org", name="Ada")
    with capture_logs() as logged:
        post(client, personal, {"Sandbox-Signature": "t=1,v1=" + "ab" * 32})
        post(client, b"ada@example.org", posted.headers)
        sent = signed(personal, SECRET, clock.now())
        post(client, sent.raw, sent.headers)
    said = json.dumps(logged)
    assert "notice_rejected" in said
    for kept_quiet in ("ada", "Ada", "abab", SECRET.decode(), "t=1"):
        assert kept_quiet not in said


def test_a_refusal_is_one_line_of_the_log(client: FlaskClient) -> None:
    for body, event in ((b"{}", "notice_rejected"), (b"x" * (LARGEST_BYTES + 1), "notice_refused")):
        with capture_logs() as logged:
            post(client, body)
        assert [line["event"] for line in logged] == [event]
