"""What mails said is kept for a while; that they were sent stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.web.mails.office import MINUTE, campaign, did, facts, mail, put, state, told
from tests.web.mails.servers import Post
from tests.web.schedule.sites import Site
from web.mails.returning import try_again
from web.sessions import mailbox
from web.sessions.mailbox import Mailbox
from web.sessions.outbox import MailCleared

DAY = timedelta(days=1)


def held(site: Site) -> list[str]:
    return [one.subject for one in site.parts.desk.mailbox.standing()]


def clear(site: Site) -> int:
    """What the hourly job does with mails."""
    return site.parts.desk.mailbox.purge()


def later(site: Site, span: timedelta) -> None:
    site.clock.advance_to(site.clock.now() + span)


def test_the_words_of_a_mail_that_was_sent_go_after_a_month_and_the_record_stays(
    site: Site, post: Post
) -> None:
    _, notice_id = told(site)
    did(site)
    later(site, 29 * DAY)
    assert clear(site) == 0
    later(site, 2 * DAY)
    before = facts(site, notice_id)
    assert site.parts.desk.purge() >= 1
    assert held(site) == []
    assert site.parts.desk.mailbox.holds(notice_id)
    assert state(site, notice_id).state == "sent"
    assert facts(site, notice_id) == before
    assert clear(site) == 0


def test_what_waits_or_is_left_to_a_person_keeps_its_words(site: Site, post: Post) -> None:
    post.to_mail = ["451 later"]
    waits = put(site)
    did(site)
    outbox = site.parts.desk.outbox
    unknown = put(site, campaign("b@example.test"))
    claimed = outbox.claim()
    assert claimed is not None
    outbox.settle(claimed, "unknown", "silence")
    later(site, 400 * DAY)
    assert clear(site) == 0
    assert {state(site, waits).state, state(site, unknown).state} == {"failed", "unknown"}


def test_a_mail_without_its_words_is_not_sent_again(site: Site, post: Post) -> None:
    post.to_recipient = ["550 5.1.1 nobody"]
    mail_id = put(site)
    did(site)
    assert state(site, mail_id).state == "bounced"
    later(site, 31 * DAY)
    assert clear(site) == 1
    with pytest.raises(MailCleared):
        try_again(site.parts, mail_id)
    assert site.parts.desk.outbox.retry(None, ("bounced",)) == 0
    later(site, MINUTE)
    assert did(site) == {}


def test_a_mail_that_was_put_is_never_put_again_though_its_words_are_gone(
    site: Site, post: Post
) -> None:
    mail_id = put(site)
    did(site)
    later(site, 31 * DAY)
    clear(site)
    site.parts.desk.mailbox.put(mail(), mail_id=mail_id)
    assert did(site) == {}
    assert len(post.recipients) == 1


def test_where_none_leaves_the_house_the_latest_are_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, parts = site.parts.desk, site.parts
    box = Mailbox(parts.pool, parts.clock, desk.seals, shown=True, outbox=desk.outbox, sends=False)
    monkeypatch.setattr(mailbox, "SHOWN_AT_MOST", 2)
    monkeypatch.setattr(mailbox, "CLEARED_AT_ONCE", 2)
    to = [f"p{number}@example.test" for number in range(6)]
    for address in to:
        box.put(mail(address))
    assert box.purge() == 4
    assert [kept.mail.to for kept in box.recent()] == [to[5], to[4]]
    assert box.recent(to=to[0]) == []
    assert box.purge() == 0
