"""Refusals of members and their memberships."""

from __future__ import annotations

from ledger.errors.base import Forbidden, Refused


class EmailTaken(Refused):
    """This e-mail already has an open account."""

    code = "email_taken"
    pointer = "/email"


class EmailUnchanged(Refused):
    """This is already the account's e-mail."""

    code = "email_unchanged"
    pointer = "/email"


class AccountClosed(Refused):
    """The account {member_id} is closed."""

    code = "account_closed"


class AccountHasHistory(Refused):
    """The account {member_id} has {what} and can't be closed; only the person may ask for erasure."""  # noqa: E501

    code = "account_has_history"


class AlreadyMember(Refused):
    """There is a running membership in {plan_name} already."""

    code = "already_member"
    pointer = "/plan_id"


class PaymentMethodNeeded(Refused):
    """The plan {plan_name} needs a payment method that can be charged again."""

    code = "payment_method_needed"
    pointer = "/method"


class MembershipEnded(Refused):
    """The membership {membership_id} ended on {ended_at} ({ending})."""

    code = "membership_ended"


class NotSelfCancellable(Refused):
    """A {model} membership can't be self-cancelled."""

    code = "not_self_cancellable"


class AlreadyCancelling(Refused):
    """The membership {membership_id} is already cancelled and ends on {access_until}."""

    code = "already_cancelling"


class NotCancelling(Refused):
    """The membership {membership_id} has no cancellation to withdraw."""

    code = "not_cancelling"


class NotLeavable(Refused):
    """Only a free membership can be left at once; this one is {model}."""

    code = "not_leavable"


class NotDue(Refused):
    """The membership {membership_id} is not due before {due_at}."""

    code = "not_due"


class NothingDue(Refused):
    """Nothing is due for the membership {membership_id}."""

    code = "nothing_due"


class TooManyTags(Refused):
    """The site has {limit} distinct tags already, which is the most it may have."""

    code = "too_many_tags"
    pointer = "/tag"


class TagMalformed(Refused):
    """A tag has 1 to 50 visible characters."""

    code = "tag_malformed"
    pointer = "/tag"


class NoteMalformed(Refused):
    """A note has 1 to 10,000 characters."""

    code = "note_malformed"
    pointer = "/text"


class MethodForbidden(Forbidden):
    """Only the member may set, replace or remove a payment method."""

    code = "method_forbidden"


class OnlyThePerson(Forbidden):
    """Only the person themself may do this."""

    code = "only_the_person"


class StillRunning(Refused):
    """Erasure is refused: {why}."""

    code = "still_running"
