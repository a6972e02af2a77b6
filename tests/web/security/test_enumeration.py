"""Nobody learns who has an account: not from an answer, nor from the work that it takes (AC10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import get_ident
from typing import Any

import pytest
from argon2 import PasswordHasher
from psycopg import Cursor
from werkzeug.test import TestResponse

from ledger import ids
from tests.web.pages.conftest import PASSWORD
from tests.web.security.conftest import Site, form_token
from web.identity import accounts
from web.sessions.mailbox import Mailbox
from web.sessions.sessions import Kind

ADA, NOBODY = "ada@example.org", "eve@example.org"
SAM, NO_STAFF = "administrator@example.org", "tim@example.org"
VARYING = {"Date", "Set-Cookie", "Content-Length"}
OWN_OF_ANSWER = re.compile(r'(?<=name="csrf_token" value=")[^"]+|(?<=name="command" value=")[^"]+')
"""What every form has of its own, whoever asks."""

WRONG = "not the password"


@dataclass
class Work:
    """What an answer took: password hashings, mails, the holds that make it as slow, and every
    statement that the database was asked.
    """

    hashings: int = 0
    mails: int = 0
    holds: int = 0
    statements: list[str] = field(default_factory=list)

    def since(self, before: Work) -> Work:
        """What it took since then."""
        return Work(
            self.hashings - before.hashings,
            self.mails - before.mails,
            self.holds - before.holds,
            self.statements[len(before.statements) :],
        )

    def now(self) -> Work:
        """As it stands."""
        return replace(self, statements=[*self.statements])

    @property
    def counted(self) -> tuple[int, int, int]:
        """Hashings, mails and holds."""
        return self.hashings, self.mails, self.holds


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    found = Work()

    def counted(owner: type, name: str, what: str) -> None:
        usual: Callable[..., object] = getattr(owner, name)

        def counting(*given: object, **named: object) -> object:
            setattr(found, what, getattr(found, what) + 1)
            return usual(*given, **named)

        monkeypatch.setattr(owner, name, counting)

    counted(PasswordHasher, "verify", "hashings")
    counted(PasswordHasher, "hash", "hashings")
    counted(Mailbox, "put", "mails")
    held = accounts._held

    @contextmanager
    def counting_held() -> Iterator[None]:
        found.holds += 1
        with held():
            yield

    monkeypatch.setattr(accounts, "_held", counting_held)
    _count_statements(monkeypatch, found.statements)
    return found


def _count_statements(monkeypatch: pytest.MonkeyPatch, found: list[str]) -> None:
    """Write down what this thread asks the database; the views are followed by another."""
    here, execute, executemany = get_ident(), Cursor.execute, Cursor.executemany

    def executing(cursor: Any, query: Any, *given: Any, **named: Any) -> Any:
        if get_ident() == here:
            found.append(str(query))
        return execute(cursor, query, *given, **named)

    def executing_many(cursor: Any, query: Any, rows: Any, **named: Any) -> Any:
        rows = list(rows)
        if get_ident() == here:
            found.extend([str(query)] * len(rows))
        return executemany(cursor, query, rows, **named)

    monkeypatch.setattr(Cursor, "execute", executing)
    monkeypatch.setattr(Cursor, "executemany", executing_many)


@pytest.fixture(scope="module")
def peopled(site: Site) -> Site:
    site.account()
    site.staff()
    hashed = site.parts.desk.passwords.hash(PASSWORD)
    boss = ids.derived(ids.SITE, "administrator")
    site.parts.desk.credentials.put(Kind.CONTRIBUTOR, boss, SAM, password_hash=hashed)
    site.parts.desk.passwords.verify(WRONG, None)  # what nobody's password is compared with
    return site


def told(answer: TestResponse, email: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers, whoever was asked about."""
    body = OWN_OF_ANSWER.sub("NEW", answer.text.replace(email, "SOMEBODY"))
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    return answer.status_code, body, headers


def by_form(site: Site, path: str, **sent: str) -> TestResponse:
    client = site.stranger().client
    return client.post(path, data={**sent, "csrf_token": form_token(client, path)})


def by_interface(site: Site, path: str, **sent: str) -> TestResponse:
    headers = {"Idempotency-Key": str(ids.new())}
    return site.stranger().client.post(f"/api/v1{path}", json=sent, headers=headers)


ASKING = {
    "signing in": (by_form, "/sign-in", {"password": WRONG}, (1, 0, 0)),
    "signing up": (by_form, "/sign-up", {"name": "Somebody"}, (0, 1, 1)),
    "a forgotten password": (by_form, "/password/forgotten", {}, (0, 1, 1)),
    "signing in by the API": (by_interface, "/sessions", {"password": WRONG}, (1, 0, 0)),
    "signing up by the API": (by_interface, "/sign-ups", {"name": "Somebody"}, (0, 1, 1)),
    "a forgotten password by the API": (by_interface, "/password-resets", {}, (0, 1, 1)),
    "staff signing in": (by_form, "/team/sign-in", {"password": WRONG}, (1, 0, 0)),
    "staff by the API": (by_interface, "/team/sessions", {"password": WRONG}, (1, 0, 0)),
}


@pytest.mark.parametrize("act", ASKING)
def test_a_known_address_and_an_unknown_are_answered_alike(  # AC10
    peopled: Site, work: Work, act: str
) -> None:
    ask, path, sent, expected = ASKING[act]
    known, unknown = (SAM, NO_STAFF) if "staff" in act else (ADA, NOBODY)
    answers, took = [], []
    ada = peopled.parts.ledger.member_by_email(ADA)
    assert ada is not None
    for email, is_at_hand in ((known, True), (unknown, True), (unknown, False), (known, False)):
        peopled.clock.advance(timedelta(hours=2))  # each alone, within no limit
        if not is_at_hand:
            peopled.parts.ledger.vault._cache.drop(ada)  # nobody read of her for a minute
        before = work.now()
        answers.append(told(ask(peopled, path, email=email, **sent), email))
        took.append(work.since(before))
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert {one.counted for one in took} == {expected}
    assert took[0].statements
    assert took[0] == took[1] == took[2] == took[3]


def test_both_are_slowed_down_after_as_many_tries(peopled: Site) -> None:
    peopled.clock.advance(timedelta(hours=2))
    tries = []
    for email in (ADA, NOBODY):
        sent = {"email": email, "password": WRONG}
        answers = [by_interface(peopled, "/sessions", **sent) for _ in range(12)]
        tries.append([answer.status_code for answer in answers])
    assert tries[0] == tries[1]
    assert {401, 429} == set(tries[0])


def test_an_address_of_one_side_of_the_house_is_unknown_on_the_other(peopled: Site) -> None:
    peopled.clock.advance(timedelta(hours=2))
    for path, email in (("/team/sign-in", ADA), ("/sign-in", SAM)):
        right, wrong = (
            told(by_form(peopled, path, email=email, password=word), email)
            for word in (PASSWORD, WRONG)
        )
        assert right == wrong
        assert right[0] == 401


def test_asking_for_somebody_elses_address_tells_nothing(peopled: Site, work: Work) -> None:
    peopled.account("bob@example.org", "Bob")
    ada = peopled.parts.ledger.member_by_email(ADA)
    assert ada is not None
    client, answers, took = peopled.as_member(ada).client, [], []
    for email in ("bob@example.org", "new@example.org"):
        peopled.clock.advance(timedelta(hours=2))
        sent = {"email": email, "password": PASSWORD, "command": peopled.command()}
        sent["csrf_token"] = form_token(client, "/account/details")
        before = work.now()
        answers.append(told(client.post("/account/email", data=sent), email))
        took.append(work.since(before))
    assert answers[0] == answers[1]
    assert took[0] == took[1]
    assert took[0].counted == (1, 2, 1)


def test_a_link_that_is_not_ours_tells_nothing_of_whose_it_might_be(peopled: Site) -> None:
    client = peopled.stranger().client
    client.get("/sign-in")
    for page in ("/pay?token={}", "/password/reset?token={}", "/unsubscribe/{}", "/to/{}"):
        made_up = [told(client.get(page.format(token)), token) for token in ("x" * 43, "A" * 86)]
        assert made_up[0] == made_up[1], page
        assert made_up[0][0] == 410, page


def test_a_mailed_link_that_is_over_and_one_that_never_was_take_the_same(
    peopled: Site, work: Work
) -> None:
    peopled.clock.advance(timedelta(hours=2))
    by_form(peopled, "/password/forgotten", email=ADA)
    [kept] = peopled.parts.desk.mailbox.recent(to=ADA, limit=1)
    [address] = kept.mail.links.values()
    was_good = address.partition("token=")[2]
    peopled.clock.advance(timedelta(hours=2))  # a link to a new password is good for an hour
    client, answers, took = peopled.stranger().client, [], []
    token = form_token(client, "/sign-in")
    for link in (was_good, "x" * len(was_good)):
        before = work.now()
        answers.append(told(client.get(f"/password/reset?token={link}"), link))
        sent = {"token": link, "password": PASSWORD, "csrf_token": token}
        answers.append(told(client.post("/password/reset", data=sent), link))
        took.append(work.since(before))
    assert answers[:2] == answers[2:]
    assert [status for status, _, _ in answers] == [410] * 4
    assert took[0] == took[1]
    assert took[0].statements


def test_another_members_thing_and_none_at_all_are_answered_alike(peopled: Site) -> None:
    plan_id = peopled.plan()
    order_id = peopled.join(peopled.account("cy@example.org", "Cy"), plan_id)
    ada = peopled.parts.ledger.member_by_email(ADA)
    assert ada is not None
    client = peopled.as_member(ada).client
    for path in ("/account/orders/{}", "/orders/{}/confirm", "/api/v1/account/orders/{}"):
        theirs, nothing = (
            told(client.get(path.format(one)), str(one)) for one in (order_id, ids.new())
        )
        assert theirs == nothing, path
        assert theirs[0] == 404
