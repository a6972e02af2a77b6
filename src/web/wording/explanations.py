"""What figures, segments, rows and answers mean, in a sentence: shown wherever one is explained."""

from __future__ import annotations

from projections.explain.answers import Definition
from projections.queries.reports.definitions import DEFINITIONS
from web.wording.languages import gettext, locale, message

SENTENCES = {
    "total-spent": message(
        "Payments less refunds less disputes lost, each counted when it settled, by currency and"
        " mode."
    ),
    "spending-figures": message(
        "The sum of all payments, refunds and disputes lost that fit the filter, each counted when"
        " it settled; what the payment company kept stands apart."
    ),
    "order-figures": message(
        "What was paid, given back, is on its way back, contested or lost; left to refund is what"
        " was paid less all of these."
    ),
    "access": message(
        "A plan is open to somebody at an instant if one of their memberships in it covers that"
        " instant."
    ),
    "status": message(
        "The first that fits: action required, past due, cancelling, member, former member; without"
        " a membership, no plan yet or closed."
    ),
    "segment-members": message("Everybody with a membership that stands at this instant."),
    "segment-customers": message("Everybody who is, or was, in a plan that takes money."),
    "segment-past_due": message(
        "Everybody with a membership that stands, whose charge failed and is tried again."
    ),
    "segment-action_required": message(
        "Everybody with a membership that stands, whose charge waits for them to act."
    ),
    "segment-cancelling": message(
        "Everybody with a membership that was cancelled and has not run out yet."
    ),
    "segment-former_members": message(
        "Everybody who had a membership and has none that stands at this instant."
    ),
    "segment-accounts_without_plan": message(
        "Everybody with an open account who never joined a plan."
    ),
    "segment-possible_duplicates": message(
        "Everybody whose name or payment method somebody with another e-mail has too."
    ),
    "segment-saved": message("Everybody for whom every condition of the saved filter holds."),
    "members": message("Everybody who ever opened an account, one row each."),
    "memberships": message("Every stay of every member, with its terms, its periods and its end."),
    "orders": message("Every charge that was placed, free ones too, and where it stands."),
    "spending": message("What each member paid, got back and lost to disputes, by currency."),
    "movements": message("Every payment, refund, dispute lost and fee, when it settled."),
    "notes": message("Every note that staff wrote about a member, as it stands now."),
    "taggings": message("Every tag of every member."),
    "plans": message("Every plan with all its price versions, drafts and retired ones too."),
    "discounts": message("Every discount code with its rules and how often it is used."),
    "saved_segments": message("Every saved filter of the member list, as it stands."),
    "mailing_lists": message("Every mailing list, as it stands."),
    "list_entries": message("Everybody who is on a mailing list, list by list."),
    "list_messages": message("Every message that was sent to a mailing list."),
    "consents": message("Everybody who ever agreed to messages, and who agrees no more."),
    "notices": message("Every mail that was to be sent, and what came of it."),
    "timelines": message("When each member was one, and what they were worth a month."),
    "contributors": message("Everybody who is, or was, staff."),
}
"""By the name of a definition. A view is defined by its name: what a row of it is."""


FRENCH = {one.english: one.french for one in DEFINITIONS}
"""Of the reports, whose definitions bring their own."""


def sentence(definition: Definition) -> str:
    """What a definition says, to be translated; nothing where it has no sentence."""
    own = next((one.english for one in DEFINITIONS if one[:2] == definition), "")
    return SENTENCES.get(definition.name, own)


def translated(text: str) -> str:
    """A sentence in the reader's language."""
    return FRENCH[text] if locale() == "fr" and text in FRENCH else gettext(text)
