"""What the payment company tells of saved methods, and what that means for charges that failed."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ledger.application.books import Position
from ledger.application.members import MemberUseCases
from ledger.application.use_case import use_case
from ledger.dunning import PENDS
from ledger.facts import Actor, Cause, Stamp
from ledger.member import Member, Membership
from ledger.member.mandate import MandateStatus
from ledger.order import Order


class MendingUseCases(MemberUseCases):
    """Methods that are renewed or gone, and mandates that end or are given (DU3, OR7)."""

    @use_case
    def renew_method(
        self, member_id: UUID, method: Mapping[str, str], *, by: Actor, cause: Cause
    ) -> Position:
        """The card's network renewed the saved method by itself: another expiry, another number.

        What waited for the member is due again. Of another method than the saved one, or as it is
        known already, it is no news.
        """
        member, stamp = self.member(member_id), self.stamp(by, cause)
        saved = member.method
        if saved is None or saved.method_id != method["method_id"] or _says(saved, method):
            return 0
        member.save_method(stamp=stamp, **method)
        self._clear(member, "the payment method was renewed", stamp)
        return self.append(member, claims=self.method_claims(member))

    @use_case
    def lose_method(self, member_id: UUID, method_id: str, *, by: Actor, cause: Cause) -> Position:
        """The saved method is gone at the payment company; of another one it is no news."""
        member = self.member(member_id)
        if not member.has_method(method_id):
            return 0
        stamp = self.stamp(by, cause)
        member.remove_method(stamp=stamp)
        self._require(member, "the payment method is gone", stamp)
        return self.append(member)

    @use_case
    def change_mandate(
        self,
        member_id: UUID,
        mandate_id: str,
        *,
        method_id: str,
        status: MandateStatus,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """The bank changed the right to debit the saved method (DU3).

        Ended, whatever is unpaid waits for the member, and so will what falls due. Given again,
        what waited for the member is due at once.
        """
        member, stamp = self.member(member_id), self.stamp(by, cause)
        member.change_mandate(mandate_id, method_id=method_id, status=status, stamp=stamp)
        if not member.pending_events:
            return 0
        if status == "inactive":
            self._require(member, "the right to debit has ended", stamp)
        elif status == "active":
            self._clear(member, "the right to debit was given", stamp)
        return self.append(member)

    # --- within -----------------------------------------------------------------------

    def _require(self, member: Member, why: str, stamp: Stamp) -> None:
        for membership in _unpaid(member, stamp):
            if membership.billing == "past_due" and membership.unpaid_order_id is not None:
                order = self.load(Order, membership.unpaid_order_id)
                member.require_action(
                    membership.membership_id,
                    order_id=order.id,
                    due_at=order.placed.due_at,
                    why=why,
                    policy=self.rules.policy,
                    stamp=stamp,
                )

    def _clear(self, member: Member, why: str, stamp: Stamp) -> None:
        # Such a card waits for the member each time (DU4).
        if member.method is None or member.method.country in PENDS:
            return
        for membership in _unpaid(member, stamp):
            member.clear_action(membership.membership_id, why=why, stamp=stamp)


def _unpaid(member: Member, stamp: Stamp) -> list[Membership]:
    return [
        membership
        for membership in member.memberships.values()
        if membership.is_unpaid
        and membership.cancelled_at is None
        and membership.is_running(stamp.occurred_at)
    ]


def _says(saved: object, method: Mapping[str, str]) -> bool:
    return all(getattr(saved, name) == said for name, said in method.items())
