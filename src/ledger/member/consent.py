"""Consent: whether a member wants messages that are no part of what they bought (NO4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from ledger.facts import Fact

if TYPE_CHECKING:
    from ledger.member.account import Account

Subject = Literal["campaigns"]
ConsentPlace = Literal["sign_up", "join", "account"]
WithdrawalPlace = Literal["account", "link"]


class Consented(Fact):
    """The person agreed to messages, of their own accord, to a wording that is kept by name."""

    TOPIC: ClassVar[str] = "member.consented"
    what: Subject
    wording: str
    where: ConsentPlace

    def apply(self, account: Account) -> None:
        """Messages may be sent."""
        account.consent = self


class Unsubscribed(Fact):
    """The person wants no more of them: asked on their page, or by the link in a mail."""

    TOPIC: ClassVar[str] = "member.unsubscribed"
    what: Subject
    where: WithdrawalPlace

    def apply(self, account: Account) -> None:
        """None are sent."""
        account.consent = None
