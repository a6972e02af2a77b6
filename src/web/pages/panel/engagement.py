"""What a member was sent and opened, their lists, and what they agreed to (AC11)."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.member import Member
from ledger.member.consent import Consented
from projections.queries.mailing_lists import ListOfMember
from web.identity.auth import parts
from web.pages.past_pages import past
from web.sessions.campaigns import Read


@dataclass(frozen=True)
class Engagement:
    """As a member's page shows it; lists, and what they read, are known of the present alone."""

    consent: Consented | None
    lists: list[ListOfMember] | None
    read: Read | None


def engagement_of(member: Member) -> Engagement:
    """Of a member as the page at hand knows them."""
    if past():
        return Engagement(member.consent, lists=None, read=None)
    return Engagement(
        member.consent,
        lists=parts().queries.mailing_lists.of_member(member.id),
        read=parts().desk.campaigns.of_member(member.id),
    )
