"""A notice is told when its letter was handed over, and the books follow whatever crashes (NO2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.notification import Notification
from tests.web.mails.office import MINUTE, did, dies, facts, lease_ends, posts, state, told
from tests.web.mails.servers import CLOSES, OK, Post
from tests.web.schedule.post import DAY, dearer, due
from tests.web.schedule.sites import Site, eur, every
from web.sessions.outbox import PATIENCE


def test_a_notice_is_sent_when_the_server_took_its_letter_and_not_before(
    site: Site, post: Post
) -> None:  # part of NO2
    stay, notice_id = told(site)
    assert facts(site, notice_id) == ["queued"]
    assert did(site) == {"sent": 1}
    assert facts(site, notice_id) == ["queued", "sent"]
    assert post.recipients == [f"{stay.member_id.hex}@example.org"]
    sent = site.parts.ledger.facts_of(notice_id)[-1]
    assert isinstance(sent, Notification.Sent)
    assert (sent.attempt, sent.message_id) == (1, f"<{notice_id}@site.test>")
    assert site.run("letters") == did(site) == {}


def test_each_failed_attempt_is_a_fact_that_says_when_it_is_tried_again(
    site: Site, post: Post
) -> None:  # part of NO2
    _, notice_id = told(site)
    post.to_recipient = ["450 4.2.0 Later", OK]
    assert did(site) == {"failed": 1}
    failed = site.parts.ledger.facts_of(notice_id)[-1]
    assert isinstance(failed, Notification.Failed)
    assert (failed.attempt, failed.why) == (1, "450-4.2.0")
    assert failed.retry_at == site.clock.now() + MINUTE
    assert site.run("letters") == {}
    site.clock.advance(MINUTE)
    did(site)
    assert facts(site, notice_id) == ["queued", "failed", "sent"]


def test_a_refused_recipient_is_a_notice_that_came_back(site: Site, post: Post) -> None:
    _, notice_id = told(site)
    post.to_recipient = ["550 5.1.1 No such user"]
    assert did(site) == {"bounced": 1}
    assert facts(site, notice_id) == ["queued", "bounced"]
    assert site.parts.ledger.notice(notice_id).told_at is None


def test_a_notice_is_given_up_after_days(site: Site, post: Post) -> None:
    _, notice_id = told(site)
    post.to_recipient = ["450 4.2.0 Later"]
    did(site)
    site.clock.advance(PATIENCE)
    assert did(site) == {"given up": 1}
    assert facts(site, notice_id) == ["queued", "failed", "given_up"]


def test_a_notice_that_was_perhaps_sent_is_not_sent_again_and_the_books_say_so(
    site: Site, post: Post
) -> None:  # part of NO2
    _, notice_id = told(site)
    post.to_mail = [CLOSES, OK]
    assert [one.code for one in posts(site).run.broken] == ["mail_perhaps_sent"]
    site.clock.advance(PATIENCE)
    assert did(site) == site.run("letters") == {}
    assert len(post.taken) == 1
    failed = site.parts.ledger.facts_of(notice_id)[-1]
    assert isinstance(failed, Notification.Failed)
    assert (failed.why, failed.retry_at) == ("outcome_unknown", None)


def test_a_person_may_let_it_be_sent_again(site: Site, post: Post) -> None:
    _, notice_id = told(site)
    post.to_mail = [CLOSES, OK]
    posts(site)
    site.parts.desk.outbox.retry(notice_id, ["unknown"])
    assert did(site) == {"sent": 1}
    assert facts(site, notice_id) == ["queued", "failed", "sent"]


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("step", ["record_notice_sent", "note"])
def test_the_fact_follows_the_servers_answer_whatever_dies_between(
    site: Site, post: Post, step: str, is_done: bool
) -> None:  # part of NO2
    _, notice_id = told(site)
    where = site.parts.desk.outbox if step == "note" else site.parts.ledger
    dies(site, where, step, is_done=is_done)
    assert state(site, notice_id).state == "sent"
    assert did(site) == site.run("letters") == did(site) == {}
    assert len(post.taken) == 1
    assert facts(site, notice_id) == ["queued", "sent"]


def test_the_fact_of_a_failure_is_made_up_for_before_the_next_try(site: Site, post: Post) -> None:
    _, notice_id = told(site)
    post.to_recipient = ["450 4.2.0 Later", OK]
    dies(site, site.parts.ledger, "record_notice_failed", is_done=False)
    site.clock.advance(MINUTE)
    assert did(site) == {"sent": 1}
    assert facts(site, notice_id) == ["queued", "failed", "sent"]


def test_whoever_dies_while_handing_over_leaves_one_letter_and_a_report(
    site: Site, post: Post
) -> None:  # part of NO2
    _, notice_id = told(site)
    dies(site, site.parts.desk.outbox, "settle", is_done=False)
    assert facts(site, notice_id) == ["queued"]
    lease_ends(site)
    assert [one.code for one in posts(site).run.broken] == ["mail_perhaps_sent"]
    assert len(post.taken) == 1
    assert facts(site, notice_id) == ["queued", "failed"]


def test_a_price_counts_as_told_once_its_letter_was_handed_over(
    site: Site, post: Post
) -> None:  # PL4
    stays = [site.join(), site.join()]
    for stay in stays:
        dearer(stay, site.clock.now() + DAY, every("month", amount=1_500))
    site.run("prices")
    site.catch_up()
    assert site.run("letters") == {"written": 2}
    post.to_recipient = [OK, "450 4.2.0 Later"]
    assert did(site) == {"sent": 1, "failed": 1}
    site.clock.advance_to(max(due(stay) for stay in stays) + timedelta(hours=1))
    site.run("charges")
    amounts = [site.parts.ledger.order(stay.order(1)).placed.amount for stay in stays]
    told_of = {post.recipients[0]: eur(1_500)}
    assert amounts == [
        told_of.get(f"{stay.member_id.hex}@example.org", eur(1_200)) for stay in stays
    ]
    assert sorted(amount.minor for amount in amounts) == [1_200, 1_500]
