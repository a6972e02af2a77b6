"""Messages to mailing lists on their way: to whoever agreed, each once, whatever breaks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.facts import Actor
from ledger.mailing_list import Entry
from tests.web.schedule.post import Killed
from tests.web.schedule.sites import MACHINE, Site, cause
from web.sessions.campaigns import Campaigns, Figures
from web.sessions.mailbox import Mail, Mailbox

OLD = "zoe@example.org"


class Post:
    """A site with one list, and what its people got."""

    def __init__(self, site: Site) -> None:
        self.site, self.parts = site, site.parts
        self.list_id = ids.new()
        self.parts.ledger.create_list(self.list_id, name="News", by=MACHINE, cause=cause())

    def member(self, name: str, *, agrees: bool = True, address: str | None = None) -> UUID:
        """A contact who agreed to messages, or not."""
        member_id = ids.new()
        self.parts.ledger.open_account(
            member_id,
            email=address or f"{name}@example.org",
            name=name,
            locale="en",
            agrees_to="campaigns-1" if agrees else None,
            by=Actor(kind="member", id=member_id),
            cause=cause(),
        )
        return member_id

    def add(self, *member_ids: UUID, emails: tuple[str, ...] = (), agreed: bool = True) -> None:
        """Staff put people on the list."""
        self.parts.ledger.add_to_list(
            self.list_id,
            member_ids=member_ids,
            emails=emails,
            consented=agreed,
            by=MACHINE,
            cause=cause(),
        )

    def write(self, text: str = "All is well.") -> UUID:
        """Staff send a message."""
        message_id = ids.new()
        self.parts.ledger.send_message(
            self.list_id,
            message_id,
            subject="News",
            text=text,
            locale="en",
            by=MACHINE,
            cause=cause(),
        )
        self.site.catch_up()
        return message_id

    def run(self) -> dict[str, int]:
        """The job runs; what it came to."""
        return self.site.run("messages")

    def mails(self) -> list[Mail]:
        """What lies in the box of messages, the oldest first."""
        kept = self.parts.desk.mailbox.recent(limit=500)
        return [one.mail for one in reversed(kept) if one.mail.unsubscribe]

    def to(self) -> list[str]:
        """Whom messages went to."""
        return [mail.to for mail in self.mails()]

    def entry(self, address: str) -> Entry:
        """The entry of an address that is no contact's."""
        return self.parts.ledger.mailing_list(self.list_id).addresses()[address]

    def leave(self, entry: Entry) -> None:
        """Somebody unsubscribes."""
        self.parts.ledger.unsubscribe_from_list(
            self.list_id,
            entry.entry_id,
            by=Actor(kind="member", id=entry.person_id),
            cause=cause(),
        )

    def figures(self, message_id: UUID) -> Figures:
        """What became of a message."""
        return self.parts.desk.campaigns.figures([message_id])[message_id]


@pytest.fixture
def post(site: Site) -> Post:
    return Post(site)


def test_a_message_goes_once_to_those_alone_who_agreed(post: Post) -> None:  # NO4
    ada, ben = post.member("ada"), post.member("ben", agrees=False)
    post.add(ada, ben, emails=(OLD,))
    post.add(emails=("max@example.org",), agreed=False)
    message_id = post.write()
    assert post.run() == {"sent": 2, "not_consented": 2}
    assert post.run() == {}
    assert post.to() == ["ada@example.org", OLD]
    assert post.figures(message_id) == Figures(sent=2, not_consented=2, is_finished=True)


def test_who_comes_after_a_message_does_not_get_it(post: Post) -> None:
    post.add(emails=(OLD,))
    post.write()
    post.add(emails=("max@example.org",))
    post.run()
    assert post.to() == [OLD]


@pytest.mark.parametrize("step", [(Mailbox, "put"), (Campaigns, "decide"), (Campaigns, "finish")])
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_who_dies_in_the_middle_of_sending_leaves_nobody_out_and_writes_to_nobody_twice(
    post: Post, step: tuple[type, str], is_done: bool, after: int
) -> None:  # NO4
    post.add(*[post.member(name) for name in ("ada", "ben")], emails=(OLD,))
    message_id = post.write()
    with pytest.MonkeyPatch.context() as patch:
        _dies_at(patch, *step, is_done=is_done, after=0 if step[1] == "finish" else after)
        with pytest.raises(Killed):
            post.run()
    post.run()
    assert sorted(post.to()) == ["ada@example.org", "ben@example.org", OLD]
    assert post.figures(message_id) == Figures(sent=3, is_finished=True)


def test_who_unsubscribes_between_queue_and_send_gets_nothing(post: Post) -> None:  # NO4
    ada, ben = post.member("ada"), post.member("ben")
    post.add(ada, ben, emails=(OLD, "max@example.org"))
    message_id = post.write()
    contact = post.parts.ledger.mailing_list(post.list_id).contact(ada)
    assert contact is not None
    post.leave(contact)
    post.leave(post.entry(OLD))
    post.parts.ledger.unsubscribe(ben, by=Actor(kind="member", id=ben), cause=cause())
    post.run()
    assert post.to() == ["max@example.org"]
    assert post.figures(message_id).unsubscribed == 2
    assert post.figures(message_id).not_consented == 1


def test_who_leaves_one_list_by_a_link_gets_nothing_by_another(post: Post) -> None:  # NO4
    ada = post.member("ada")
    post.add(ada, emails=(OLD,))
    contact = post.parts.ledger.mailing_list(post.list_id).contact(ada)
    assert contact is not None
    post.leave(contact)
    post.leave(post.entry(OLD))
    other = Post(post.site)
    other.add(ada, emails=(OLD.upper(),))
    other.write()
    assert other.run() == {"not_consented": 1, "unsubscribed": 1}
    assert other.to() == []


@pytest.mark.parametrize("agrees", [True, False])
def test_an_address_that_becomes_a_contacts_gets_what_the_contact_agreed_to(
    post: Post, agrees: bool
) -> None:  # NO4
    post.add(emails=(OLD,))
    zoe = post.member("zoe", agrees=agrees)
    post.add(zoe)
    post.write()
    outcome = "sent" if agrees else "not_consented"
    assert post.run() == {"left_out": 1, outcome: 1}
    assert post.to() == [OLD] * agrees


def test_one_who_becomes_a_contact_as_a_message_goes_out_gets_it_once(post: Post) -> None:
    ada = post.member("ada")
    post.add(ada)
    post.add(emails=(OLD,))
    post.write()
    with pytest.MonkeyPatch.context() as patch:
        _dies_at(patch, Campaigns, "decide", is_done=False, after=1)
        with pytest.raises(Killed):
            post.run()
    post.member("zoe")
    post.run()
    assert post.to() == ["ada@example.org", OLD]


def test_an_erased_address_gets_nothing(post: Post) -> None:  # part of SE2
    post.add(emails=(OLD, "max@example.org"))
    message_id = post.write()
    post.parts.ledger.vault.destroy(post.entry(OLD).entry_id)
    assert post.run() == {"left_out": 1, "sent": 1}
    assert post.to() == ["max@example.org"]
    assert post.figures(message_id).left_out == 1


def test_a_list_that_is_over_sends_nothing_more(post: Post) -> None:
    post.add(emails=(OLD,))
    post.write()
    post.parts.ledger.end_list(post.list_id, by=MACHINE, cause=cause())
    assert post.run() == {"left_out": 1}
    assert post.to() == []


def test_one_recipient_who_breaks_holds_up_nobody_else(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    ada, ben = post.member("ada"), post.member("ben")
    post.add(ada, ben)
    message_id = post.write()
    put = Mailbox.put

    def breaks(box: Mailbox, mail: Mail, **more: Any) -> UUID:
        if mail.to == "ada@example.org":
            raise ValueError
        return put(box, mail, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mailbox, "put", breaks)
        with pytest.raises(AssertionError):  # the job tells of an item that broke
            post.run()
    assert "ValueError" in caplog.text
    assert post.to() == ["ben@example.org"]
    assert not post.figures(message_id).is_finished
    assert post.run() == {"sent": 1}
    assert post.to() == ["ben@example.org", "ada@example.org"]


def test_no_fact_of_a_message_holds_an_address(post: Post) -> None:
    post.add(emails=(OLD,))
    post.write()
    post.run()
    with post.parts.pool.connection() as connection:
        rows = connection.execute("SELECT convert_from(state, 'UTF8') FROM ledger.facts").fetchall()
    assert not [text for (text,) in rows if "zoe" in text]


def _dies_at(
    patch: pytest.MonkeyPatch, where: type, step: str, *, is_done: bool, after: int
) -> None:
    """The process dies at the nth time of a step, just before it or just after it `is_done`."""
    does, times = getattr(where, step), [0]

    def dies(*words: Any, **more: Any) -> Any:
        times[0] += 1
        if times[0] <= after:
            return does(*words, **more)
        if is_done:
            does(*words, **more)
        raise Killed

    patch.setattr(where, step, dies)
