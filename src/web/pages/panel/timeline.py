"""A history as sentences: what happened, who did it, why, and when (AU2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.money import Money
from projections.history import Entry
from web.identity.auth import parts
from web.pages.frame import word
from web.wording.languages import NAMES, day, gettext, message, money, ngettext, say
from web.wording.next_steps import why
from web.wording.words import KNOWN_REASON, NO_REFUND, REFUND_FAILURE

SENTENCES = {
    "member.account_opened": message("Signed up as {name}, {email}"),
    "member.email_verified": message("Proved that {email} is theirs"),
    "member.email_changed": message("Changed their e-mail to {email}"),
    "member.renamed": message("Changed their name to {name}"),
    "member.locale_chosen": message("Chose the language {locale}"),
    "member.account_closed": message("Account closed: {reason}"),
    "member.joined": message("Joined {plan}"),
    "member.renewed": message("{plan}: the next period began"),
    "member.past_due": message("{plan}: a payment failed; access is kept until {grace_until}"),
    "member.action_required": message(
        "{plan}: a payment waits for the member; access is kept until {grace_until}"
    ),
    "member.action_cleared": message("{plan}: the payment can be tried again"),
    "member.price_moved": message("{plan}: moved to price version {price_version}"),
    "member.self_cancelled": message("Cancelled {plan}; access until {access_until}"),
    "member.cancellation_withdrawn": message("Kept {plan} after all"),
    "member.left": message("Left {plan}"),
    "member.removed": message("Removed from {plan}: {reason}"),
    "member.lapsed": message("{plan} lapsed, because nobody paid"),
    "member.instalments_completed": message("{plan}: all instalments are paid"),
    "member.method_saved": message("Saved a card, {brand} ending in {last_four}"),
    "member.method_replaced": message("Saved another card, {brand} ending in {last_four}"),
    "member.method_removed": message("Removed their card"),
    "member.mandate_changed": message("The right to debit the card has changed: {status}"),
    "member.consented": message("Agreed to messages"),
    "member.unsubscribed": message("Wants no messages any more"),
    "list.added": message("Put on a mailing list"),
    "list.taken_off": message("Taken off a mailing list"),
    "list.message_sent": message("Message sent: {subject}"),
    "member.tagged": message("Tagged “{tag}”"),
    "member.untagged": message("Took off the tag “{tag}”"),
    "member.noted": message("Wrote a note"),
    "member.note_corrected": message("Corrected a note"),
    "order.placed": message("Order placed: {amount} for {plan}"),
    "order.attempt_started": message("Tried to charge {amount} for {plan}"),
    "order.attempt_pending": message("The payment for {plan} is pending"),
    "order.outcome_unknown": message("The payment company did not answer; the outcome is unknown"),
    "order.attempt_abandoned": message("The try to charge for {plan} came to nothing"),
    "order.payment_failed": message("The payment for {plan} failed. {code}"),
    "order.paid": message("Paid {amount} for {plan}"),
    "order.payment_reversed": message("The payment company took back {amount}. {code}"),
    "order.fee_recorded": message("The payment company kept {amount}"),
    "order.withdrawn": message("Order withdrawn: {reason}"),
    "order.refund_requested": message("Refund of {amount} asked for: {reason}"),
    "order.refund_pending": message("Refund under way"),
    "order.refunded": message("Refunded {amount}"),
    "order.refund_failed": message("A refund of {amount} failed: {code}"),
    "order.dispute_opened": message("The bank contests {amount}: {reason}"),
    "order.dispute_updated": message("The bank contests {amount} now: {reason}"),
    "order.dispute_funds_moved": message("The dispute moved {amount} of the site’s balance"),
    "order.dispute_closed": message("Dispute won: {amount} stays with the site"),
    "discount.redeemed": message("Used a discount code"),
    "discount.released": message("The use of a discount code was given back"),
    "notice.queued": message("A letter to {recipient} is due: {kind}"),
    "notice.sent": message("A letter to {recipient} was sent: {kind}"),
    "notice.failed": message("A letter to {recipient} could not be sent: {kind}"),
    "notice.given_up": message("A letter to {recipient} was not sent after all: {kind}"),
    "notice.bounced": message("A letter to {recipient} came back: {kind}"),
    "notice.requeued": message("A letter to {recipient} is sent again: {kind}"),
}
"""One for every fact that concerns a member."""

OF_PLANS_AND_CODES = {
    "plan.created": message("Plan created: {name}"),
    "plan.described": message("Described anew: {name}"),
    "plan.price_set": message("Price version {version} set"),
    "plan.opened": message("Sign-ups opened"),
    "plan.closed": message("Sign-ups closed"),
    "plan.early_access_set": message("Early access set"),
    "plan.retired": message("Plan retired"),
    "discount.created": message("Code created"),
    "discount.changed": message("Rules changed for later uses"),
    "discount.ended": message("Code ended"),
}
"""What concerns nobody: told on the page of the plan, or of the code."""

OF_THE_HOUSE = {
    "contributor.added": message("{name} joined the team: {roles}"),
    "contributor.roles_changed": message("{contributor} has other roles now: {roles}"),
    "contributor.ownership_received": message("{contributor} owns the site now"),
    "contributor.muted": message("{contributor} is told no more: {kind}"),
    "contributor.unmuted": message("{contributor} is told again: {kind}"),
    "contributor.locale_chosen": message("{contributor} chose the language {locale}"),
    "contributor.second_step_ended": message("{contributor} signs in without a code"),
    "contributor.removed": message("{contributor} is no longer on the team"),
    "list.created": message("Mailing list made: {name}"),
    "list.ended": message("Mailing list ended"),
    "site.founded": message("The books of the site were opened"),
    "site.gateway_pinned": message("The books belong to the account {account}, {mode}"),
    "site.setting_changed": message("The setting {name} is {after} now"),
    "site.segment_saved": message("Segment saved: {name}"),
    "site.view_rebuilt": message("Views rebuilt and proved: {receipt}"),
    "site.fact_skipped": message("The views leave out fact {position}: {reason}"),
    "site.reconciled": message("Books held against the payment company: {receipt}"),
    "site.drift_detected": message("A difference from the payment company: {drift}"),
    "site.drift_resolved": message("A difference from the payment company is gone"),
}
"""What staff and machines see to: told in Audit."""

EVERY_SENTENCE = {**SENTENCES, **OF_PLANS_AND_CODES, **OF_THE_HOUSE}

UNSAID = KNOWN_REASON["general"]
LOST = message("Dispute lost: {amount} is gone")
WON_AFTER_ALL = message("Dispute won after all: {amount} is back")
SEGMENT_REMOVED = message("Segment removed: {name}")
DRIFT_ACCEPTED = message("A difference from the payment company may stay: {reason}")

TONES = {
    "order.paid": "good",
    "member.joined": "good",
    "member.renewed": "good",
    "member.removed": "bad",
    "member.lapsed": "bad",
    "order.payment_failed": "bad",
    "order.payment_reversed": "bad",
    "member.past_due": "bad",
    "member.action_required": "bad",
    "order.refunded": "warn",
    "member.self_cancelled": "warn",
}
CODED = {
    "brand": "brand",
    "kind": "letter",
    "mode": "mode",
    "reason": "known_reason",
    "status": "mandate_status",
}
"""Fields whose values have words of their own; what somebody typed is shown as it is."""


@dataclass(frozen=True)
class Line:
    """One fact as it is read. `cause` names the request, job or notice that led to it."""

    position: int
    sentence: str
    topic: str
    tone: str
    who: str
    why: str
    occurred_at: datetime
    recorded_at: datetime
    order_id: UUID | None


def rests_on_first(entry: Entry) -> bool:
    """Whether its sentence says what the fact said with which its stream began: what an order is
    for, whose letter it is.
    """
    if entry.topic == "order.placed":
        return False
    is_of_order = entry.topic.startswith("order.") and "{plan}" in _sentence(entry)
    return is_of_order or entry.topic.startswith("notice.")


def lines(entries: Sequence[Entry], *, most: int | None = None) -> list[Line]:
    """A history, the latest first, or the latest so many lines of it."""
    plans, names = _plan_names(entries), staff_names()
    letters = {e.stream_id: e.fields for e in entries if e.topic == "notice.queued"}
    latest = list(reversed(entries))[:most]
    return [_line(entry, plans, names, letters.get(entry.stream_id, {})) for entry in latest]


def _line(
    entry: Entry,
    plans: Mapping[str, str],
    names: Mapping[UUID, str],
    letter: Mapping[str, Any],
) -> Line:
    about = str(entry.fields.get("membership_id", entry.stream_id))
    values = {name: _value(name, value) for name, value in {**letter, **entry.fields}.items()}
    values["code"] = _why(entry)
    if entry.topic.startswith("order.dispute_"):
        values["reason"] = gettext(KNOWN_REASON.get(str(entry.fields.get("reason")), UNSAID))
    values["plan"] = entry.fields.get("plan_name") or plans.get(about, gettext("a plan"))
    if entry.topic == "site.setting_changed":
        values |= _setting(entry.fields)
    values["contributor"] = names.get(entry.stream_id, word("actor", "contributor"))
    return Line(
        position=entry.position,
        sentence=say(_sentence(entry), **values),
        topic=entry.topic,
        tone=TONES.get(entry.topic, ""),
        who=_who(entry, names),
        why=word("cause", entry.cause.kind),
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        order_id=entry.stream_id if entry.topic.startswith("order.") else None,
    )


def _sentence(entry: Entry) -> str:
    """What a fact says; money that a dispute moved is told by where it went."""
    said = entry.fields
    if entry.topic == "order.dispute_closed" and said["outcome"] == "lost":
        return LOST
    if entry.topic == "order.dispute_closed" and said.get("was_lost"):
        return WON_AFTER_ALL
    if entry.topic == "site.segment_saved" and said["filter"] is None:
        return SEGMENT_REMOVED
    if entry.topic == "site.drift_resolved" and said["ending"] == "accepted":
        return DRIFT_ACCEPTED
    return EVERY_SENTENCE.get(entry.topic, entry.topic)


def _why(entry: Entry) -> str:
    """Why a payment or a refund failed, in words: companies have more codes than anybody knows."""
    code = entry.fields.get("code")
    if entry.topic == "order.refund_failed":
        return gettext(REFUND_FAILURE.get(str(code), NO_REFUND))
    return why(code)


def _who(entry: Entry, names: Mapping[UUID, str]) -> str:
    actor = entry.actor
    name = names.get(actor.id) if actor.kind == "contributor" and actor.id else None
    return name or word("actor", actor.kind)


def _value(name: str, value: Any) -> object:
    if isinstance(value, dict) and value.keys() == {"minor", "currency"}:
        return money(Money(value["minor"], value["currency"]))
    if isinstance(value, str) and name.endswith(("_at", "_until", "_end", "_start")):
        return day(datetime.fromisoformat(value))
    if name in TOLD_BY:
        return TOLD_BY[name](value)
    return word(CODED[name], value) if name in CODED else value


def _receipt(made: Mapping[str, Any]) -> str:
    """What a rebuild took the place of, or how much a reconciliation found."""
    if "views" in made:
        return ", ".join(view["name"] for view in made["views"])
    found = sum(one["found"] for one in made["found"])
    return ngettext("%(num)s difference", "%(num)s differences", found) % {"num": found}


TOLD_BY: dict[str, Callable[[Any], str]] = {
    "drift": lambda drift: word("drift", drift["drift"]),
    "locale": lambda locale: NAMES.get(locale, locale),
    "receipt": _receipt,
    "recipient": lambda actor: word("actor", actor["kind"]),
    "roles": lambda roles: ", ".join(word("role", role) for role in roles),
}
"""Fields that hold more than a word."""


def _setting(changed: Mapping[str, Any]) -> dict[str, object]:
    """Which setting, and what it is now."""
    after = changed["after"]
    is_mode = changed["name"] == "mode"
    return {
        "name": word("setting", changed["name"]),
        "after": word("mode", after) if is_mode else after,
    }


def _plan_names(entries: Iterable[Entry]) -> dict[str, str]:
    """Which plan a membership or an order is about."""
    found = {}
    for entry in entries:
        if entry.topic in {"order.placed", "member.joined"}:
            found[str(entry.fields["membership_id"])] = entry.fields["plan_name"]
            found[str(entry.stream_id)] = entry.fields["plan_name"]
    return found


def staff_names() -> dict[UUID, str]:
    """What the staff are called, today also where the past is shown."""
    return {row.contributor_id: row.name for row in parts().queries.contributors.all()}
