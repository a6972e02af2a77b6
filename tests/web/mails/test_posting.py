"""The post: each mail is sent once or reported, whatever server, network or process do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import OperationalError

from tests.web.mails.office import (
    ADA,
    HOUR,
    MINUTE,
    campaign,
    did,
    dies,
    lease_ends,
    mail,
    posts,
    put,
    state,
)
from tests.web.mails.servers import CLOSES, OK, Post, mail_server
from tests.web.schedule.sites import Site, cause
from web.mails import post_office
from web.mails.post_office import send_due
from web.mails.transport import Transport
from web.mails.transport_address import MailServer
from web.sessions.outbox import PATIENCE

GREYLISTED = "450 4.2.0 Come back later"
UNKNOWN_USER = "550 5.1.1 No such user"


def test_a_mail_is_sent_once(site: Site, post: Post) -> None:
    mail_id = put(site)
    assert did(site) == {"sent": 1}
    assert did(site) == {}
    assert post.recipients == [ADA]
    assert state(site, mail_id) == ("sent", None, 1, False)
    assert post.taken[0][1]["Message-ID"] == f"<{mail_id}@site.test>"


def test_a_mail_that_is_put_twice_is_sent_once(site: Site, post: Post) -> None:
    mail_id = put(site)
    site.parts.desk.mailbox.put(mail(), mail_id=mail_id)
    did(site)
    site.parts.desk.mailbox.put(mail(), mail_id=mail_id)
    did(site)
    assert post.recipients == [ADA]


def test_what_people_wait_for_goes_before_campaigns(site: Site, post: Post) -> None:
    for number in range(3):
        put(site, campaign(f"p{number}@example.test"))
    put(site)
    assert did(site) == {"sent": 4}
    assert post.recipients[0] == ADA
    assert post.connections == 1


def test_a_greylisted_mail_is_tried_again_after_a_while_and_taken(site: Site, post: Post) -> None:
    post.to_recipient = [GREYLISTED, GREYLISTED, OK]
    mail_id = put(site)
    assert did(site) == {"failed": 1}
    assert did(site) == {}
    assert state(site, mail_id) == ("failed", "450-4.2.0", 1, False)
    site.clock.advance(MINUTE)
    assert did(site) == {"failed": 1}
    site.clock.advance(MINUTE)
    assert did(site) == {}
    site.clock.advance(4 * MINUTE)
    assert did(site) == {"sent": 1}
    assert post.recipients == [ADA]
    assert state(site, mail_id) == ("sent", None, 3, False)


def test_who_does_not_exist_holds_up_nobody_and_is_not_tried_again(site: Site, post: Post) -> None:
    post.to_recipient = [UNKNOWN_USER, OK]
    lost = put(site, mail("nobody@example.test"))
    put(site)
    assert did(site) == {"bounced": 1, "sent": 1}
    assert state(site, lost) == ("bounced", "550-5.1.1", 1, False)
    site.clock.advance(PATIENCE)
    assert did(site) == {}


def test_a_mail_that_is_never_taken_is_given_up_after_days(site: Site, post: Post) -> None:
    post.to_recipient = [GREYLISTED]
    mail_id, tries = put(site), 0
    while state(site, mail_id).state in {"waiting", "failed"}:
        tries += did(site).get("failed", 0)
        site.clock.advance(30 * MINUTE)
        assert tries < 100
    assert state(site, mail_id) == ("given_up", "450-4.2.0", tries, False)
    assert 20 < tries < 30
    assert post.taken == []


def test_a_server_that_is_away_is_left_alone_and_every_mail_goes_when_it_is_back(
    site: Site, post: Post
) -> None:
    people = [f"p{number}@example.test" for number in range(4)]
    mails = [put(site, mail(to)) for to in people]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(post_office, "Transport", _refused)
        assert did(site) == {"failed": 1}
        assert did(site) == {}  # nobody knocks again at once
        for _ in range(20):
            site.clock.advance(10 * MINUTE)
            did(site)
    figures = site.parts.desk.outbox.figures()
    assert (figures.waiting, figures.silent_why) == (4, "refused")
    assert figures.silent_from is not None
    assert sum(state(site, one).attempts for one in mails) <= 21
    site.clock.advance(6 * HOUR)
    assert did(site) == {"sent": 4}
    assert sorted(post.recipients) == people
    after = site.parts.desk.outbox.figures()
    assert (after.waiting, after.silent_from, after.silent_why) == (0, None, None)


def _refused(*_words: object, own_name: str) -> object:
    return Transport(MailServer(host="127.0.0.1", port=1, tls="none"), own_name=own_name)


def test_mails_that_waited_too_long_for_a_server_are_given_up(site: Site, post: Post) -> None:
    put(site)
    site.clock.advance(PATIENCE + MINUTE)
    put(site, mail("bob@example.test"))
    assert did(site) == {"given up": 1, "sent": 1}
    assert post.recipients == ["bob@example.test"]


# --- nobody knows whether it was taken ------------------------------------------------


def test_a_campaign_that_was_perhaps_taken_is_reported_and_not_sent_again(
    site: Site, post: Post
) -> None:  # part of NO4
    post.to_mail = [CLOSES, OK]
    mail_id = put(site, campaign())
    ran = posts(site)
    assert [(one.item, one.code) for one in ran.run.broken] == [(mail_id, "mail_perhaps_sent")]
    site.clock.advance(PATIENCE)
    assert did(site) == {}
    assert post.recipients == [ADA]
    assert state(site, mail_id) == ("unknown", "no_answer", 1, False)
    assert site.parts.desk.outbox.figures().unknown == 1


def test_what_somebody_waits_for_is_sent_once_more_and_known_as_the_same(
    site: Site, post: Post
) -> None:
    post.to_mail = [CLOSES, OK]
    mail_id = put(site)
    assert did(site) == {"failed": 1}
    site.clock.advance(MINUTE)
    assert did(site) == {"sent": 1}
    assert state(site, mail_id) == ("sent", None, 2, True)
    assert {one["Message-ID"] for _, one in post.taken} == {f"<{mail_id}@site.test>"}
    assert len(post.taken) == 2


def test_it_is_sent_once_more_and_no_more(site: Site, post: Post) -> None:
    post.to_mail = [CLOSES]
    mail_id = put(site)
    did(site)
    site.clock.advance(MINUTE)
    assert [one.code for one in posts(site).run.broken] == ["mail_perhaps_sent"]
    site.clock.advance(PATIENCE)
    assert did(site) == {}
    assert state(site, mail_id) == ("unknown", "no_answer", 2, True)
    assert len(post.taken) == 2


def test_a_person_may_send_again_what_was_perhaps_taken(site: Site, post: Post) -> None:
    post.to_mail = [CLOSES, OK]
    mail_id = put(site, campaign())
    posts(site)
    assert site.parts.desk.outbox.retry(mail_id, ["unknown"]) == 1
    assert did(site) == {"sent": 1}
    assert state(site, mail_id) == ("sent", None, 2, True)


# --- death in the middle --------------------------------------------------------------


def test_who_dies_before_the_whole_is_said_has_sent_nothing(site: Site, post: Post) -> None:
    mail_id = put(site, campaign())
    dies(site, site.parts.desk.outbox, "begin_all", is_done=False)
    assert did(site) == {}  # it is still claimed
    lease_ends(site)
    assert did(site) == {"sent": 1}
    assert post.recipients == [ADA]
    assert state(site, mail_id) == ("sent", None, 2, False)


def test_who_dies_between_the_servers_answer_and_the_note_of_it_is_reported(
    site: Site, post: Post
) -> None:
    mail_id = put(site, campaign())
    dies(site, site.parts.desk.outbox, "settle", is_done=False)
    assert post.recipients == [ADA]
    lease_ends(site)
    assert [one.code for one in posts(site).run.broken] == ["mail_perhaps_sent"]
    assert did(site) == {}
    assert post.recipients == [ADA]
    assert state(site, mail_id) == ("unknown", "broken_off", 2, False)


def test_after_such_a_death_what_somebody_waits_for_is_sent_once_more(
    site: Site, post: Post
) -> None:
    mail_id = put(site)
    dies(site, site.parts.desk.outbox, "settle", is_done=False)
    lease_ends(site)
    assert did(site) == {"sent": 1}
    assert state(site, mail_id) == ("sent", None, 2, True)
    assert post.recipients == [ADA, ADA]


def test_two_such_deaths_are_reported(site: Site, post: Post) -> None:
    mail_id = put(site)
    for _ in range(2):
        dies(site, site.parts.desk.outbox, "settle", is_done=False)
        lease_ends(site)
    assert [one.code for one in posts(site).run.broken] == ["mail_perhaps_sent"]
    assert state(site, mail_id) == ("unknown", "broken_off", 3, True)
    assert post.recipients == [ADA, ADA]


def test_a_greylisting_after_such_a_death_forgets_nothing(site: Site, post: Post) -> None:
    mail_id = put(site)
    dies(site, site.parts.desk.outbox, "settle", is_done=False)
    lease_ends(site)
    post.to_recipient = [GREYLISTED, OK]
    assert did(site) == {"failed": 1}
    assert state(site, mail_id).perhaps_twice
    site.clock.advance(HOUR)
    dies(site, site.parts.desk.outbox, "settle", is_done=False)
    lease_ends(site)
    posts(site)
    assert state(site, mail_id).state == "unknown"
    assert post.recipients == [ADA, ADA]


# --- two at once ----------------------------------------------------------------------


def test_two_who_send_at_once_send_each_mail_once(site: Site, post: Post) -> None:
    people = sorted(f"p{number}@example.test" for number in range(30))
    for to in people:
        put(site, mail(to))
    with ThreadPoolExecutor() as threads:
        both = [threads.submit(send_due, site.parts, cause=cause()) for _ in range(2)]
    assert sum(one.result().outcomes["sent"] for one in both) == len(people)
    assert sorted(post.recipients) == people


def test_whoever_lost_a_claim_hands_nothing_over(site: Site, post: Post) -> None:
    mail_id = put(site, campaign())
    outbox = site.parts.desk.outbox
    begin = outbox.begin_all

    def after_too_long(claimed: object) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outbox, "begin_all", begin)
            lease_ends(site)
            assert did(site) == {"sent": 1}
        return begin(claimed)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "begin_all", after_too_long)
        assert did(site) == {"taken over": 1}
    assert post.recipients == [ADA]
    assert state(site, mail_id) == ("sent", None, 2, False)


def test_an_answer_that_comes_after_the_claim_ended_is_kept(site: Site, post: Post) -> None:
    mail_id = put(site, campaign())
    outbox = site.parts.desk.outbox
    settle = outbox.settle

    def after_too_long(*words: object, **more: object) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outbox, "settle", settle)
            lease_ends(site)
            assert posts(site).run.outcomes == {"unknown": 1}
        settle(*words, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "settle", after_too_long)
        assert did(site) == {"sent": 1}
    assert state(site, mail_id).state == "sent"
    assert post.recipients == [ADA]


# --- mails that can't be sent ---------------------------------------------------------


@pytest.mark.parametrize("subject", ["Hello\r\nBcc: eve@example.test", "Hello\nX: y", "a\rb"])
def test_a_line_break_in_a_header_is_no_header_more(site: Site, post: Post, subject: str) -> None:
    mail_id = put(site, replace(mail(), subject=subject))
    put(site, mail("bob@example.test"))
    assert did(site) == {"given up": 1, "sent": 1}
    assert post.seen == ["bob@example.test"]
    assert state(site, mail_id) == ("given_up", "malformed", 1, False)


def test_a_unicode_address_that_a_server_does_not_take_is_given_up(site: Site) -> None:
    with mail_server(Post(), takes_unicode=False) as old, pytest.MonkeyPatch.context() as patch:
        _to(patch, old)
        mail_id = put(site, mail("zoé@example.test"))
        assert did(site) == {"given up": 1}
    assert state(site, mail_id) == ("given_up", "smtputf8_not_offered", 1, False)


def _to(patch: pytest.MonkeyPatch, other: Post) -> None:
    """Mails go to another server."""
    server = MailServer(host="127.0.0.1", port=other.port, tls="none")
    patch.setattr(
        post_office, "Transport", lambda _, own_name: Transport(server, own_name=own_name)
    )


def test_a_mail_to_somebody_who_is_gone_is_not_sent(site: Site, post: Post) -> None:
    put(site)
    site.parts.desk.mailbox.forget(ADA)
    assert did(site) == {}
    assert post.seen == []


def test_a_database_that_is_away_ends_the_run_and_blames_no_mail(
    site: Site, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise OperationalError

    mail_id = put(site)
    with monkeypatch.context() as patch:
        patch.setattr(site.parts.desk.outbox, "begin_all", away)
        ran = posts(site)
    assert (ran.error, ran.is_done, ran.run.broken) == ("OperationalError", False, [])
    assert post.taken == []
    lease_ends(site)
    assert did(site) == {"sent": 1}
    assert state(site, mail_id) == ("sent", None, 2, False)


def test_the_figures_say_what_waits_since_when_and_what_was_given_up(
    site: Site, post: Post
) -> None:
    post.to_recipient = [UNKNOWN_USER, GREYLISTED]
    begin = site.clock.now()
    put(site)
    put(site, mail("bob@example.test"))
    did(site)
    figures = site.parts.desk.outbox.figures()
    assert (figures.waiting, figures.failed, figures.oldest_at) == (1, 1, begin)
    assert (figures.bounced, figures.given_up, figures.unknown) == (1, 0, 0)
    site.clock.advance(PATIENCE + timedelta(minutes=1))
    did(site)
    figures = site.parts.desk.outbox.figures()
    assert (figures.waiting, figures.oldest_at) == (0, None)
    assert (figures.bounced, figures.given_up) == (0, 1)
