"""Stories with an office: staff that comes and goes, lists, notices and saved segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from ledger.contributor import Contributor
from ledger.errors import LedgerError
from ledger.facts import Aggregate, Stamp
from ledger.mailing_list import MailingList
from ledger.money import Money
from ledger.notification import Notification, Recipient
from ledger.segment import SegmentFilter
from ledger.site import Site
from tests.projections.stories import Story

WORDS = ("Winter", "Été", "Alumni", "Board")


@dataclass
class OfficeStory(Story):
    """What staff do besides members and money."""

    staff: list[Contributor] = field(default_factory=list)
    lists: list[MailingList] = field(default_factory=list)
    notices: list[Notification] = field(default_factory=list)
    dice: Random = field(default_factory=lambda: Random(7))  # noqa: S311 -- not for secrets
    told: int = 0

    def found(self) -> Iterator[list[Aggregate]]:
        """The site's own stream too."""
        for save in super().found():
            self.staff += [one for one in save if isinstance(one, Contributor)]
            yield save
        self.site = Site.found(stamp=self.stamp())
        yield [self.site]

    def acts(self) -> list[Callable[[], list[Aggregate]]]:
        """What may happen besides."""
        return [*super().acts(), self.employ, self.mail, self.notify, self.save_segment]

    def step(self) -> list[Aggregate]:
        """Now and then what has to do with messages, by dice of its own; else what may happen.

        It takes no time and is no command, so that all else happens as it would without it.
        """
        if not (self.members and self.lists and self.dice.random() < 0.1):
            return super().step()
        before = self.random, self.now, self.commands
        self.random, self.told = self.dice, self.told + 1
        try:
            acts = (self.agree, self.write_to_list, self.state_consent, self.try_again)
            return acts[self.told % len(acts)]() or self.choose_language()
        except LedgerError:
            return []
        finally:
            self.random, self.now, self.commands = before

    def stamp(self, *, late_days: int = 0) -> Stamp:
        """As of any story, at the same instant as what was before where it takes no time."""
        now, stamp = self.now, super().stamp(late_days=late_days)
        if self.random is not self.dice:
            return stamp
        return replace(stamp, occurred_at=now, recorded_at=now)

    def employ(self) -> list[Aggregate]:
        """Somebody becomes staff, changes roles, becomes the owner or leaves."""
        someone, chance = self.random.choice(self.staff), self.random.random()
        owner = next(one for one in self.staff if one.is_owner)
        if chance < 0.4:
            someone = Contributor.add(
                self.id(),
                email=f"s{len(self.staff)}@example.org",
                name=f"Zoé {len(self.staff)}",
                roles=frozenset({"auditor"}),
                locale="en",
                stamp=self.stamp(),
            )
            self.staff.append(someone)
        elif chance < 0.7:
            roles = frozenset({self.random.choice(("administrator", "store_manager"))})
            someone.change_roles(roles, stamp=self.stamp())  # type: ignore[arg-type]
        elif chance < 0.85:
            someone.receive_ownership(owner, stamp=self.stamp())
            return [owner, someone]
        else:
            someone.remove(stamp=self.stamp())
        return [someone]

    def mail(self) -> list[Aggregate]:
        """A list is made, fills, empties, or is over."""
        if not self.lists or self.random.random() < 0.15:
            name = f"{self.random.choice(WORDS)} {len(self.lists)}"
            self.lists.append(MailingList.create(self.id(), name=name, stamp=self.stamp()))
        one, chance = self.random.choice(self.lists), self.random.random()
        if chance < 0.5:
            one.add_contact(self.member().id, stamp=self.stamp())
        elif chance < 0.7:
            address = f"old{self.random.randrange(9)}@example.org"
            one.add_addresses({self.id(): address}, stamp=self.stamp())
        elif chance < 0.95 and one.entries:
            entry = one.entries[self.random.choice(sorted(one.entries))]
            leave = self.random.choice((one.take_off, one.unsubscribe, None))
            if leave is not None:
                leave(entry.entry_id, stamp=self.stamp())
            elif entry.email is not None:
                one.erase(entry.email, stamp=self.stamp())
        else:
            one.end(stamp=self.stamp())
        return [one]

    def agree(self) -> list[Aggregate]:
        """Somebody agrees to messages, or no more."""
        member = self.member()
        if member.consent is None:
            member.agree(wording="campaigns-1", where="account", stamp=self.stamp())
        else:
            member.unsubscribe(where="link", stamp=self.stamp())
        return [member]

    def write_to_list(self) -> list[Aggregate]:
        """A message goes to a list."""
        one = self.random.choice(self.lists)
        one.send_message(
            self.id(), subject="News", text="All is well.", locale="en", stamp=self.stamp()
        )
        return [one]

    def try_again(self) -> list[Aggregate]:
        """What was given up is to be sent after all."""
        over = [one for one in self.notices if one.state == "given_up"]
        for one in over[:1]:
            one.requeue(stamp=self.stamp())
        return [*over[:1]]

    def state_consent(self) -> list[Aggregate]:
        """An address whose owner agreed, as staff say."""
        one, address = self.random.choice(self.lists), f"old{self.random.randrange(9)}@example.org"
        one.add_addresses({self.id(): address}, consented=True, stamp=self.stamp())
        return [one]

    def choose_language(self) -> list[Aggregate]:
        """One of the staff reads another language."""
        someone = self.staff[self.told % len(self.staff)]
        someone.choose_locale("fr" if someone.locale == "en" else "en", stamp=self.stamp())
        return [someone]

    def notify(self) -> list[Aggregate]:
        """Somebody is told something, or is to be; mails fail, are given up, come back."""
        if not self.notices or self.random.random() < 0.5:
            member = self.member()
            told = Notification.queue(
                Recipient(kind="member", id=member.id, role="member"),
                "welcome",
                because_of=f"{member.id}/{self.random.randrange(1, 9)}",
                about=member.id,
                locale="fr",
                stamp=self.stamp(),
            )
            if all(told.id != one.id for one in self.notices):
                self.notices.append(told)
        one, number = self.random.choice(self.notices), 0
        match self.random.randrange(5):
            case 0:
                one.record_sent(attempt=one.attempts + 1, message_id="m1", stamp=self.stamp())
            case 1:
                number, again = one.attempts + 1, self.now + timedelta(hours=1)
                one.record_failed(attempt=number, why="timeout", retry_at=again, stamp=self.stamp())
            case 2:
                one.give_up("too_often", stamp=self.stamp())
            case 3:
                one.record_bounced("unknown", stamp=self.stamp())
        return [one]

    def save_segment(self) -> list[Aggregate]:
        """A filter is saved, changed or removed."""
        known: list[UUID] = sorted(self.site.known_segments)
        if known and self.random.random() < 0.3:
            self.site.remove_segment(self.random.choice(known), stamp=self.stamp())
            return [self.site]
        segment_id = self.random.choice([*known[-1:], self.id(), self.id()])
        self.site.save_segment(
            segment_id,
            name=f"{self.random.choice(WORDS)} {self.commands}",
            asked=self.filter(),
            text=self.random.choice(("", "zoë", "example")),
            currency="EUR",
            stamp=self.stamp(),
        )
        return [self.site]

    def filter(self) -> SegmentFilter:
        """Any filter."""
        plan, since = self.random.choice(self.plans), self.now - timedelta(days=60)
        asked: list[dict[str, Any]] = [
            {"statuses": ("member", "former")},
            {"segment": "customers", "tag": "vip"},
            {"plan_id": plan.id},
            {"joined_from": since, "spent_from": Money(100, "EUR")},
            {"joined_before": since, "spent_to": Money(9000, "EUR")},
            {"last_order_from": since, "method_country": "FR"},
            {"last_order_before": since, "segment": "possible_duplicates"},
        ]
        return SegmentFilter(**self.random.choice(asked))
