"""The lives that a big log is made of, and how many people live each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from scripts.benches.big_lives import DAY, Moment
from scripts.benches.big_site import (
    ARCHIVE,
    COURSE,
    DOLLARS,
    FREE,
    FRIEND,
    GOLD,
    PATRON,
    POUNDS,
    QUARTERLY,
    SILVER,
    TAGS,
    WELCOME,
    Code,
    Offer,
)
from scripts.benches.big_stories import Story

ALWAYS = 40
"""More months than the log has."""
WEEK = 7 * DAY


class Pattern(NamedTuple):
    """How something goes for somebody, and how many in a thousand it goes so for."""

    share: int
    tell: Callable[[Story], None]
    locale: str = "fr"
    country: str = "FR"


def visits(story: Story) -> None:
    """Signs up and does nothing more."""
    story.rename(Moment(0, after=9 * DAY))


def reads(story: Story) -> None:
    """Stays in the free plan."""
    story.join(FREE)


def reads_for_a_while(story: Story) -> None:
    """Leaves the free plan."""
    stay = story.join(FREE)
    story.subscribe(stay.since(days=1), stay.since(days=90))
    story.leave(stay, days=100)


def stays(offer: Offer, times: int, code: Code | None, story: Story) -> None:
    """Pays for as long as the log goes on."""
    stay = story.join(offer, code=code)
    story.renew(stay, times=times)


def is_declined_first(story: Story) -> None:
    """The first card is declined; pays with another one a week later."""
    story.decline(SILVER, WELCOME)
    stay = story.join(SILVER, Moment(0, after=WEEK))
    story.renew(stay, times=6)
    story.cancel(stay, days=11)


def pays_by_debit(story: Story) -> None:
    """Each payment is told three days after it was made."""
    stay = story.join(QUARTERLY)
    for _ in range(ALWAYS // 3):
        story.renew(stay, late=3 * DAY)


def falters(story: Story) -> None:
    """A charge fails once or twice a year and is paid on a later try."""
    stay = story.join(GOLD)
    story.renew(stay, times=4)
    story.fail(stay)
    story.recover(stay, days=5)
    story.write(stay.since(days=7), tag=TAGS[0], note="Called about the bank.")
    story.renew(stay, times=8)
    story.fail(stay, tries=2)
    story.recover(stay, days=10)
    story.lose_sight(stay)
    story.renew(stay, times=ALWAYS)


def mends(story: Story) -> None:
    """The bank asks for the member, who comes with another card."""
    stay = story.join(GOLD)
    story.renew(stay, times=7)
    story.need_action(stay)
    story.renew(stay, times=ALWAYS)


def lapses_and_rejoins(story: Story) -> None:
    """Nobody pays; two months later the person joins again."""
    stay = story.join(SILVER)
    story.renew(stay, times=5)
    story.fail(stay, tries=3)
    story.lapse(stay)
    again = story.join(GOLD, stay.due(days=70))
    story.renew(again, times=ALWAYS)


def cancels(months: int, story: Story) -> None:
    """Stops renewal after some months."""
    stay = story.join(SILVER)
    story.renew(stay, times=months)
    story.cancel(stay, days=10)


def thinks_again(story: Story) -> None:
    """Stops renewal, renews after all, and stops for good half a year later."""
    stay = story.join(GOLD)
    story.renew(stay, times=3)
    story.cancel(stay, days=5)
    story.think_again(stay, days=12)
    story.renew(stay, times=6)
    story.refund(stay, days=2, parts=2)
    story.cancel(stay, days=20)


def is_removed(story: Story) -> None:
    """Staff end the membership and give a payment back; the person joins again later."""
    stay = story.join(GOLD)
    story.renew(stay, times=2)
    story.write(stay.since(days=3), tag=TAGS[1], note="Wants to be taken off.")
    story.refund(stay, days=5)
    story.remove(stay, days=8)
    again = story.join(SILVER, stay.since(days=90))
    story.renew(again, times=ALWAYS)


def goes_to_the_bank(story: Story) -> None:
    """Contests two payments: one dispute is won, one is lost."""
    stay = story.join(GOLD)
    story.renew(stay)
    story.dispute(stay, days=9, outcome="won")
    story.renew(stay, times=2)
    story.dispute(stay, days=9, outcome="lost")
    story.remove(stay, days=18)


def buys(story: Story) -> None:
    """Pays once."""
    stay = story.join(ARCHIVE, code=WELCOME)
    story.refund(stay, days=20, parts=3, comes_back=True)


def learns(story: Story) -> None:
    """Pays in three parts, the second of them late."""
    stay = story.join(COURSE)
    story.fail(stay)
    story.recover(stay, days=5)
    story.renew(stay)
    story.write(stay.since(days=4), tag=TAGS[2], note="Asked for the recording.")


def grows(story: Story) -> None:
    """Reads for free first, then pays every month, and buys the archive as well."""
    story.join(FREE)
    stay = story.join(GOLD, Moment(0, after=40 * DAY))
    story.renew(stay, times=3)
    story.join(ARCHIVE, stay.since(days=12))
    story.renew(stay, times=ALWAYS)


def sings(story: Story) -> None:
    """Two plans at once, both paid every month."""
    stay = story.join(SILVER)
    other = story.join(DOLLARS, Moment(1, after=13 * DAY))
    story.write(Moment(1, after=15 * DAY), tag=TAGS[4], note="Alto.")
    for _ in range(ALWAYS):
        story.renew(stay)
        story.renew(other)


PATTERNS = (
    Pattern(60, visits, "en", "US"),
    Pattern(160, reads),
    Pattern(60, reads_for_a_while),
    Pattern(160, partial(stays, SILVER, ALWAYS, None)),
    Pattern(70, partial(stays, GOLD, ALWAYS, WELCOME)),
    Pattern(30, partial(stays, GOLD, ALWAYS, FRIEND)),
    Pattern(60, partial(stays, DOLLARS, ALWAYS, None), "en", "US"),
    Pattern(40, partial(stays, PATRON, 3, None), "fr", "BE"),
    Pattern(20, partial(stays, POUNDS, 3, None), "en", "GB"),
    Pattern(20, is_declined_first, "fr", "CH"),
    Pattern(30, pays_by_debit, "fr", "DE"),
    Pattern(40, falters),
    Pattern(20, mends, "en", "IN"),
    Pattern(30, lapses_and_rejoins),
    Pattern(50, partial(cancels, 2)),
    Pattern(30, partial(cancels, 9), "fr", "BE"),
    Pattern(20, thinks_again),
    Pattern(10, is_removed),
    Pattern(5, goes_to_the_bank, "en", "US"),
    Pattern(40, buys),
    Pattern(20, learns),
    Pattern(15, grows),
    Pattern(10, sings, "en", "GB"),
)


def told(pattern: Pattern) -> Story:
    """The life of a pattern, told once."""
    story = Story("en" if pattern.locale == "en" else "fr", pattern.country)
    if pattern.tell is not visits:
        story.verify()
    pattern.tell(story)
    return story
