"""What a person is told, and the list that they are on."""

from __future__ import annotations

from datetime import timedelta

from ledger import ids
from ledger.facts import Actor, Fact
from ledger.mailing_list import MailingList
from ledger.notification import Notification, Recipient
from ledger.told import Kind
from scripts.benches.big_lives import Life, Moment
from scripts.benches.big_site import LETTERS, STAFF

SCHEDULER = Actor(kind="scheduler")
SECOND = timedelta(seconds=1)


class Letters(Life):
    """A life in which mail is sent."""

    def tell(self, kind: Kind, because_of: type[Fact], moment: Moment) -> None:
        """Tells the person of the last fact of a kind, and sends it some seconds later."""
        facts = [fact for told in self.saves for fact in told.facts]
        fact = [fact for fact in facts if isinstance(fact, because_of)][-1]
        self.id(ids.SITE, "notice", fact.fact_id, self.member_id, kind)
        notice = Notification.queue(
            Recipient(kind="member", id=self.member_id, role="member"),
            kind,
            because_of=fact.fact_id,
            about=self.member_id,
            locale=self.member.locale,
            stamp=self.stamp(moment, SCHEDULER),
        )
        self.keep(moment, notice)
        later = moment._replace(after=moment.after + 8 * SECOND)
        message_id = f"<{notice.id}@example.org>"
        stamp = self.stamp(later, SCHEDULER)
        notice.record_sent(attempt=1, message_id=message_id, stamp=stamp)
        self.keep(later, notice)

    def subscribe(self, added: Moment, taken_off: Moment) -> None:
        """Staff put the person on the list, who asks to be taken off later."""
        letters = MailingList.create(LETTERS.id, name=LETTERS.name, stamp=self.stamp(added, STAFF))
        letters.collect_events()
        entry_id = self.id(LETTERS.id, "contact", self.member_id)
        letters.add_contact(self.member_id, stamp=self.stamp(added, STAFF))
        self.keep(added, letters)
        letters.unsubscribe(entry_id, stamp=self.stamp(taken_off, self.by_themself))
        self.keep(taken_off, letters)
