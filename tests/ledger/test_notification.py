"""Notices: what may become of one, and what is written down of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger import ids
from ledger.errors import NoticeMalformed, NoticeOver
from ledger.notification import Notification, Recipient
from ledger.told import Kind
from tests.ledger.stories import (
    ANNE,
    BOB,
    by_scheduler,
    day,
    names,
    recorded,
    replayed,
    state,
    uid,
)

CAUSE = f"{ANNE}/2"
STAFF = Recipient(kind="contributor", id=BOB, role="owner")
HERSELF = Recipient(kind="member", id=ANNE, role="member")
Step = Callable[[Notification], None]


def queued(
    who: Recipient = STAFF, kind: Kind = "member_joined", because_of: str = CAUSE
) -> Notification:
    """Somebody is to be told of Anne."""
    return Notification.queue(
        who, kind, because_of=because_of, about=ANNE, locale="fr", stamp=by_scheduler()
    )


def sent(notice: Notification, attempt: int = 1, message_id: str | None = "<1@site>") -> None:
    notice.record_sent(attempt=attempt, message_id=message_id, stamp=by_scheduler())


def failed(notice: Notification, attempt: int = 1, why: str = "4.2.2") -> None:
    notice.record_failed(attempt=attempt, why=why, retry_at=day(1), stamp=by_scheduler())


def given_up(notice: Notification) -> None:
    notice.give_up("too_many", stamp=by_scheduler())


def bounced(notice: Notification) -> None:
    notice.record_bounced("5.1.1", stamp=by_scheduler())


def test_one_cause_tells_one_person_of_one_kind_once() -> None:  # part of NO2
    same = {queued().id, queued().id}
    others = {
        queued(who=HERSELF).id,
        queued(kind="payment_failed").id,
        queued(because_of=f"{ANNE}/3").id,
    }
    assert same == {ids.notice(CAUSE, BOB, "member_joined")}
    assert len(same | others) == 4


def test_a_notice_says_who_is_told_as_what_and_why() -> None:  # part of NO2
    notice = queued()
    assert (notice.recipient, notice.because_of, notice.locale) == (STAFF, CAUSE, "fr")
    sent(notice)
    assert {fact.subject_id for fact in recorded(notice)} == {ANNE}


@pytest.mark.parametrize(
    ("story", "state", "news"),
    [
        ([sent], "sent", ["sent"]),
        ([sent, sent], "sent", ["sent"]),
        ([failed, failed], "failed", ["failed"]),
        ([failed, given_up, given_up], "given_up", ["failed", "given_up"]),
        ([given_up], "given_up", ["given_up"]),
        ([given_up, sent], "sent", ["given_up", "sent"]),
        ([sent, bounced, bounced], "bounced", ["sent", "bounced"]),
        ([sent, bounced, sent], "bounced", ["sent", "bounced"]),
        ([bounced], "bounced", ["bounced"]),
    ],
)
def test_what_becomes_of_a_notice(  # part of NO2
    story: list[Step], state: str, news: list[str]
) -> None:
    notice = queued()
    for step in story:
        step(notice)
    assert notice.state == state
    assert names(notice)[1:] == [f"notice.{one}" for one in news]


def test_it_may_fail_often_and_be_sent_after_all() -> None:
    notice = queued()
    for attempt in (1, 2, 2, 1, 3):
        failed(notice, attempt)
    assert (notice.attempts, notice.retry_at, notice.is_waiting) == (3, day(1), True)
    sent(notice, 4)
    assert (names(notice).count("notice.failed"), notice.attempts) == (3, 4)


@pytest.mark.parametrize("over", [sent, given_up, bounced])
def test_what_is_over_does_not_fail_any_more(over: Step) -> None:
    notice = queued()
    over(notice)
    with pytest.raises(NoticeOver):
        failed(notice, 9)


@pytest.mark.parametrize("over", [sent, bounced])
def test_what_went_out_is_not_given_up(over: Step) -> None:
    notice = queued()
    over(notice)
    with pytest.raises(NoticeOver):
        given_up(notice)


@pytest.mark.parametrize("why", ["", "550 no such user ada@example.org", "a@b", "x" * 41, "é"])
def test_what_a_server_answered_is_not_written_down(why: str) -> None:
    acts: list[Callable[..., None]] = [queued().give_up, queued().record_bounced]
    for act in acts:
        with pytest.raises(NoticeMalformed):
            act(why, stamp=by_scheduler())
    with pytest.raises(NoticeMalformed):
        failed(queued(), why=why)


@pytest.mark.parametrize(
    "fields",
    [
        {"because_of": "x"},
        {"because_of": f"{ANNE}/0"},
        {"because_of": f"{ANNE}"},
        {"who": Recipient(kind="member", id=ANNE, role="owner")},
        {"who": Recipient(kind="contributor", id=BOB, role="member")},
    ],
)
def test_a_notice_has_a_cause_and_a_role(fields: dict[str, Any]) -> None:
    with pytest.raises(NoticeMalformed):
        queued(**fields)


@pytest.mark.parametrize(("attempt", "message_id"), [(0, None), (1, "a b"), (1, "é"), (1, "x\n")])
def test_what_was_sent_is_known_by_a_word(attempt: int, message_id: str | None) -> None:
    with pytest.raises(NoticeMalformed):
        sent(queued(), attempt, message_id)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(NoticeMalformed):
        failed(queued(), 0)


def test_a_notice_is_read_back_as_it_was() -> None:  # AU1
    notice = queued(who=Recipient(kind="contributor", id=uid("carol"), role="store_manager"))
    failed(notice)
    sent(notice, 2)
    bounced(notice)
    assert state(replayed(notice)) == state(notice)
