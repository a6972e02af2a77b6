"""What is due is paid by the member themself, who is there to answer their bank (DU3)."""

from __future__ import annotations

from uuid import UUID

from ledger.application.books import Position
from ledger.application.charging import ChargeUseCases
from ledger.application.joining import attempt_claims
from ledger.application.use_case import use_case
from ledger.errors import NothingDue, PaymentMethodNeeded
from ledger.facts import Actor, Cause


class PayUseCases(ChargeUseCases):
    """What a member asks when a charge of theirs has failed."""

    @use_case
    def begin_payment(
        self,
        member_id: UUID,
        membership_id: UUID,
        *,
        method_token: str | None = None,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Write down the member's own try to pay what is due: now, whatever day a retry has.

        Without a token the saved method is charged. The member's stream must not have moved: a
        removal can't slip between (AX2). Raises NothingDue, PaymentMethodNeeded, AttemptOpen,
        MembershipEnded or AlreadyCancelling.
        """
        stamp = self.own_stamp(member_id, by, cause)
        member = self.member(member_id)
        membership = member.membership(membership_id)
        membership.require_going_on(stamp.occurred_at)
        if membership.unpaid_order_id is None:
            raise NothingDue(membership_id=membership_id)
        saved = member.method.method_id if member.method else None
        method_id = method_token or saved
        if method_id is None:
            raise PaymentMethodNeeded(plan_name=membership.plan_name)
        order = self.order(membership.unpaid_order_id)
        order.start_attempt(method_id=method_id, off_session=False, stamp=stamp)
        return self.append(
            order, claims=attempt_claims(order), relies_on=[member], command=cause.id
        )
