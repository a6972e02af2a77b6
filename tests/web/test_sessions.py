"""Sessions, passwords, links, limits, tokens and mails: what the tables may and may not tell."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import pytest

from ledger import ids
from ledger.clock import VirtualClock
from ledger.errors import EmailTaken, NotFound
from tests.web.asking import named
from web.identity.passwords import fit
from web.identity.permissions import Permission, Role
from web.identity.seals import SealBroken, Seals
from web.problems import Problem
from web.sessions.desk import Desk
from web.sessions.limits import Limit
from web.sessions.links import LIFETIME, Purpose
from web.sessions.mailbox import Mail
from web.sessions.pool import Pool
from web.sessions.sessions import Kind

ADA = named("ada")
PASSWORD = "correct horse battery"
TABLES = ("credentials", "sessions", "tokens", "links", "limits", "mails")
MAIL = Mail(to="ada@example.org", subject="Hello Ada", text="Hi", html="<p>Hi</p>", locale="en")


@pytest.fixture
def hashed(desk: Desk) -> str:
    return desk.passwords.hash(PASSWORD)


def test_a_session_runs_until_it_expires(desk: Desk, clock: VirtualClock) -> None:
    opened = desk.sessions.open(Kind.CONTRIBUTOR, ADA)
    found = desk.sessions.find(Kind.CONTRIBUTOR, opened.token)
    assert found
    assert found.account_id == ADA
    clock.advance_to(opened.expires_at)
    assert desk.sessions.find(Kind.CONTRIBUTOR, opened.token) is None
    assert desk.purge() == 1


def test_a_session_is_of_one_side_of_the_house(desk: Desk) -> None:
    opened = desk.sessions.open(Kind.MEMBER, ADA)
    assert desk.sessions.find(Kind.CONTRIBUTOR, opened.token) is None


def test_a_revoked_session_is_over_wherever_its_token_is(desk: Desk) -> None:
    opened = desk.sessions.open(Kind.MEMBER, ADA)
    desk.sessions.revoke(opened.token)
    assert desk.sessions.find(Kind.MEMBER, opened.token) is None


def test_all_other_sessions_of_an_account_end_at_once(desk: Desk) -> None:
    here, there = desk.sessions.open(Kind.MEMBER, ADA), desk.sessions.open(Kind.MEMBER, ADA)
    somebody_else = desk.sessions.open(Kind.MEMBER, ids.new())
    mine = desk.sessions.find(Kind.MEMBER, here.token)
    assert mine
    assert desk.sessions.revoke_all(Kind.MEMBER, ADA, but=mine.session_id) == 1
    assert desk.sessions.find(Kind.MEMBER, here.token)
    assert desk.sessions.find(Kind.MEMBER, there.token) is None
    assert desk.sessions.find(Kind.MEMBER, somebody_else.token)


@pytest.mark.parametrize("token", ["", "x" * 100_000, "a\x00b", "\ud800"])
def test_a_strange_token_is_nobodys(desk: Desk, token: str) -> None:
    assert desk.sessions.find(Kind.MEMBER, token) is None
    assert desk.tokens.find(token) is None


def test_every_spelling_of_an_address_signs_in(desk: Desk, hashed: str) -> None:  # AC5
    desk.credentials.put(Kind.MEMBER, ADA, "Ada.Straße@Example.org", password_hash=hashed)
    assert desk.credentials.check(Kind.MEMBER, " ADA.STRASSE@EXAMPLE.ORG ", PASSWORD) == ADA
    assert desk.credentials.check(Kind.MEMBER, "ada.straße@example.org", "wrong password") is None
    assert desk.credentials.check(Kind.CONTRIBUTOR, "ada.straße@example.org", PASSWORD) is None


def test_an_address_has_one_open_account(desk: Desk, hashed: str) -> None:  # AC5
    desk.credentials.put(Kind.MEMBER, ADA, "ada@example.org", password_hash=hashed)
    with pytest.raises(EmailTaken):
        desk.credentials.put(Kind.MEMBER, ids.new(), "ADA@example.org", password_hash=hashed)
    desk.credentials.put(Kind.MEMBER, ADA, "ada@example.org", password_hash=hashed)
    desk.credentials.put(Kind.CONTRIBUTOR, ADA, "ada@example.org", password_hash=hashed)


def test_an_unknown_address_takes_as_long_as_a_known_one(desk: Desk, hashed: str) -> None:  # AC10
    desk.credentials.put(Kind.MEMBER, ADA, "ada@example.org", password_hash=hashed)
    desk.credentials.check(Kind.MEMBER, "nobody@example.org", PASSWORD)

    def seconds(email: str) -> float:
        began = time.perf_counter()
        desk.credentials.check(Kind.MEMBER, email, "wrong password")
        return time.perf_counter() - began

    known = min(seconds("ada@example.org") for _ in range(5))
    unknown = min(seconds("nobody@example.org") for _ in range(5))
    assert known / 2 < unknown < known * 2


def test_a_changed_password_and_address_replace_the_old(desk: Desk, hashed: str) -> None:
    desk.credentials.put(Kind.MEMBER, ADA, "ada@example.org", password_hash=hashed)
    desk.credentials.set_password(Kind.MEMBER, ADA, "another password")
    desk.credentials.set_email(Kind.MEMBER, ADA, "ada@example.net")
    assert desk.credentials.check(Kind.MEMBER, "ada@example.org", "another password") is None
    assert desk.credentials.check(Kind.MEMBER, "ada@example.net", PASSWORD) is None
    assert desk.credentials.check(Kind.MEMBER, "ada@example.net", "another password") == ADA
    assert desk.credentials.confirm(Kind.MEMBER, ADA, "another password")
    assert not desk.credentials.confirm(Kind.MEMBER, ids.new(), "another password")


@pytest.mark.parametrize("password", ["", "nine char", "x" * 201])
def test_a_password_of_unfit_length_is_refused(password: str) -> None:
    with pytest.raises(Problem) as refused:
        fit(password)
    assert refused.value.errors[0].pointer == "/password"


def test_a_password_is_the_same_from_every_keyboard(desk: Desk) -> None:
    composed, decomposed = "p\u00e2t\u00e9-cr\u00eape", "pa\u0302te\u0301-cre\u0302pe"
    assert desk.passwords.verify(decomposed, desk.passwords.hash(composed))
    assert "m=19456,t=2,p=1" in desk.passwords.hash(composed)


def test_a_link_works_once_for_its_purpose(desk: Desk) -> None:  # AC10
    token = desk.links.issue(Purpose.RESET_PASSWORD, subject=ADA, carries={"account": str(ADA)})
    with pytest.raises(Problem):
        desk.links.redeem(Purpose.SIGN_IN, token)
    assert desk.links.peek(Purpose.RESET_PASSWORD, token) == {"account": str(ADA)}
    assert desk.links.redeem(Purpose.RESET_PASSWORD, token) == {"account": str(ADA)}
    with pytest.raises(Problem) as used:
        desk.links.redeem(Purpose.RESET_PASSWORD, token)
    assert (used.value.status, used.value.code) == (410, "link_unusable")


def test_a_link_that_is_sent_again_ends_the_older(desk: Desk) -> None:  # AC10
    older = desk.links.issue(Purpose.SIGN_IN, subject=ADA, carries={})
    others = desk.links.issue(Purpose.SIGN_IN, subject=ids.new(), carries={})
    newer = desk.links.issue(Purpose.SIGN_IN, subject=ADA, carries={})
    with pytest.raises(Problem):
        desk.links.peek(Purpose.SIGN_IN, older)
    assert desk.links.redeem(Purpose.SIGN_IN, newer) == {}
    assert desk.links.redeem(Purpose.SIGN_IN, others) == {}


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_link_is_short_lived(desk: Desk, clock: VirtualClock, purpose: Purpose) -> None:  # AC10
    token = desk.links.issue(purpose, subject=ADA, carries={})
    clock.advance(LIFETIME[purpose])
    with pytest.raises(Problem):
        desk.links.redeem(purpose, token)


def test_a_window_has_so_many_uses(desk: Desk, clock: VirtualClock) -> None:
    limit = Limit("test", uses=2, window_seconds=60)
    desk.limits.spend(limit, "ada")
    desk.limits.require(limit, "ada")
    desk.limits.spend(limit, "ada")
    desk.limits.spend(limit, "bob")
    for ask in (desk.limits.spend, desk.limits.require):
        with pytest.raises(Problem) as refused:
            ask(limit, "ada")
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "60"})
    clock.advance(timedelta(seconds=60))
    desk.limits.spend(limit, "ada")
    assert desk.limits.purge() == 2


def test_a_token_may_do_its_scopes_until_revoked(desk: Desk) -> None:
    token_id = ids.new()
    token = desk.tokens.create(
        token_id, "site", role=Role.AUDITOR, scopes={Permission.READ_ACCESS}, by=ADA
    )
    found = desk.tokens.find(token)
    assert found
    assert found.permissions() == {Permission.READ_ACCESS}
    assert token.startswith("lgr_")
    assert token.endswith(found.hint)
    desk.tokens.revoke(token_id)
    assert desk.tokens.find(token) is None
    assert desk.tokens.page()[0].revoked_at is not None
    with pytest.raises(NotFound):
        desk.tokens.revoke(ids.new())


def test_a_token_may_expire(desk: Desk, clock: VirtualClock) -> None:
    token = desk.tokens.create(
        ids.new(),
        "site",
        role=Role.AUDITOR,
        scopes={Permission.READ_ACCESS},
        by=ADA,
        expires_at=clock.now() + timedelta(days=1),
    )
    clock.advance(timedelta(days=1))
    assert desk.tokens.find(token) is None


def test_a_token_made_again_by_the_same_command_replaces_the_text_nobody_saw(desk: Desk) -> None:
    def make(token_id: UUID) -> str:
        scopes = {Permission.READ_ACCESS}
        return desk.tokens.create(token_id, "site", role=Role.AUDITOR, scopes=scopes, by=ADA)

    command_id = ids.new()
    lost, seen = make(command_id), make(command_id)
    assert desk.tokens.find(lost) is None
    assert desk.tokens.find(seen)
    assert len(desk.tokens.page()) == 1


@pytest.mark.parametrize(
    ("role", "scopes", "pointer"),
    [
        (Role.OWNER, {Permission.READ_ACCESS}, "/role"),
        (Role.MEMBER, {Permission.OWN_ACCOUNT}, "/role"),
        (Role.AUDITOR, set[Permission](), "/scopes"),
        (Role.AUDITOR, {Permission.REFUND_ORDERS}, "/scopes"),
        (Role.ADMINISTRATOR, {Permission.TRANSFER_OWNERSHIP}, "/scopes"),
        (Role.ADMINISTRATOR, {Permission.OWN_METHOD}, "/scopes"),
        (Role.OPERATOR, {Permission.READ_MEMBERS}, "/scopes"),
    ],
)
def test_a_program_has_no_more_than_its_role(
    desk: Desk, role: Role, scopes: set[Permission], pointer: str
) -> None:
    with pytest.raises(Problem) as refused:
        desk.tokens.create(ids.new(), "site", role=role, scopes=scopes, by=ADA)
    assert refused.value.errors[0].pointer == pointer
    assert desk.tokens.page() == []


def test_mails_are_kept_once_and_shown_in_test_mode(desk: Desk) -> None:
    mail_id = desk.mailbox.put(MAIL)
    desk.mailbox.put(MAIL, mail_id=mail_id)
    assert [kept.mail for kept in desk.mailbox.recent()] == [MAIL]
    assert desk.mailbox.recent(to="ADA@example.org")[0].mail_id == mail_id
    assert desk.mailbox.recent(to="bob@example.org") == []
    assert desk.mailbox.one(mail_id).mail == MAIL
    with pytest.raises(NotFound):
        desk.mailbox.one(ids.new())


def test_in_live_mode_no_mail_is_shown(pool: Pool, clock: VirtualClock) -> None:
    live = Desk.over(pool, clock, bytes(32), shows_mails=False)
    mail_id = live.mailbox.put(MAIL)
    for ask in (live.mailbox.recent, lambda: live.mailbox.one(mail_id)):
        with pytest.raises(NotFound):
            ask()


def fill(desk: Desk, hashed: str) -> None:
    """Something of Ada's in every table."""
    desk.credentials.put(Kind.MEMBER, ADA, "ada@example.org", password_hash=hashed)
    desk.sessions.open(Kind.MEMBER, ADA)
    desk.links.issue(Purpose.CHANGE_EMAIL, subject=ADA, carries={"email": "ada@example.net"})
    desk.links.issue(Purpose.SIGN_IN, subject="ada@example.org", carries={})
    desk.limits.spend(Limit("test", uses=2, window_seconds=60), "ada@example.org")
    desk.mailbox.put(MAIL)
    scopes = {Permission.READ_ACCESS}
    desk.tokens.create(ids.new(), "site", role=Role.AUDITOR, scopes=scopes, by=ids.new())


def everything(pool: Pool) -> str:
    """All rows of all tables, bytes as text."""
    with pool.connection() as connection:
        rows = [
            connection.execute(f"SELECT * FROM web.{table}").fetchall()  # noqa: S608
            for table in TABLES
        ]
    return str(rows)


def test_the_tables_name_nobody(desk: Desk, pool: Pool, hashed: str) -> None:
    fill(desk, hashed)
    told = everything(pool)
    assert str(ADA) in told
    for word in ("ada@", "example.org", "example.net", "Ada", "Lovelace", "Hello", "/join"):
        assert word not in told


def test_no_token_can_be_read_back(desk: Desk, pool: Pool) -> None:
    session = desk.sessions.open(Kind.MEMBER, ADA).token
    link = desk.links.issue(Purpose.SIGN_IN, subject=ADA, carries={})
    scopes = {Permission.READ_ACCESS}
    token = desk.tokens.create(ids.new(), "site", role=Role.AUDITOR, scopes=scopes, by=ADA)
    told = everything(pool)
    assert not any(secret in told for secret in (session, link, token, token[4:]))


def test_nothing_of_an_account_that_is_gone_remains(desk: Desk, pool: Pool, hashed: str) -> None:
    fill(desk, hashed)
    desk.forget(Kind.MEMBER, ADA, email="ada@example.org")
    assert desk.credentials.account_of(Kind.MEMBER, "ada@example.org") is None
    assert desk.mailbox.recent() == []
    with pool.connection() as connection:
        links = connection.execute("SELECT count(*) FROM web.links").fetchone()
        running = connection.execute(
            "SELECT count(*) FROM web.sessions WHERE revoked_at IS NULL"
        ).fetchone()
    assert (links, running) == ((0,), (0,))


def test_what_is_sealed_opens_for_its_purpose_and_key_alone() -> None:
    seals = Seals(bytes(32))
    sealed = seals.seal({"a": 1}, purpose="mail")
    assert seals.open(sealed, purpose="mail") == {"a": 1}
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for text, keeper, purpose in (
        (sealed, seals, "link"),
        (sealed, Seals(bytes([1] * 32)), "mail"),
        (altered, seals, "mail"),
        (b"", seals, "mail"),
    ):
        with pytest.raises(SealBroken):
            keeper.open(text, purpose=purpose)
