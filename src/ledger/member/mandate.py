"""Mandate: the right to debit a saved payment method, as its bank sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from ledger.facts import Fact, Personal

if TYPE_CHECKING:
    from ledger.member.account import Account

MandateStatus = Literal["active", "pending", "inactive"]


class MandateChanged(Fact):
    """The bank gave, holds back or ended the right to debit a saved method (DU3)."""

    TOPIC: ClassVar[str] = "member.mandate_changed"
    mandate_id: Personal[str]
    method_id: Personal[str]
    status: MandateStatus

    def apply(self, account: Account) -> None:
        """What later charges may rely on."""
        account.mandate = self
