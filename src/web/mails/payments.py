"""Mails about a payment that failed: why, what happens next, and the link that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.member.facts import Locale
from ledger.money import Money
from web.mails.letter import HELLO, Letter
from web.sessions.mailbox import Mail
from web.settings import Settings
from web.wording.languages import day_for, money_for

SUBJECT = {
    "failed": {
        "en": "{site}: the payment for {plan} failed",
        "fr": "{site}\u00a0: le paiement du forfait {plan} a échoué",
    },
    "action": {
        "en": "{site}: your payment for {plan} needs you",
        "fr": "{site}\u00a0: votre paiement pour {plan} a besoin de vous",
    },
}
FAILED = {
    "en": "we could not charge {amount} for {plan}, due on {due}. {why}",
    "fr": "nous n’avons pas pu prélever {amount} pour {plan}, dus le {due}. {why}",
}
WHY = {
    "authentication": {
        "en": "Your bank wants you to confirm this payment yourself.",
        "fr": "Votre banque souhaite que vous confirmiez vous-même ce paiement.",
    },
    "expired": {
        "en": "The saved card has expired.",
        "fr": "La carte enregistrée a expiré.",
    },
    "funds": {
        "en": "Your bank says there was not enough money on the account.",
        "fr": "Votre banque signale que le compte n’était pas assez approvisionné.",
    },
    "mandate": {
        "en": "Your bank has ended our right to charge the saved card.",
        "fr": "Votre banque a mis fin à notre droit de prélever sur la carte enregistrée.",
    },
    "gone": {
        "en": "The payment company no longer keeps the saved card.",
        "fr": "L’organisme de paiement ne conserve plus la carte enregistrée.",
    },
    "lost": {
        "en": "The payment that you began never reached the payment company; nothing was taken.",
        "fr": "Le paiement que vous aviez commencé n’est jamais parvenu à l’organisme de paiement ;"
        " rien n’a été prélevé.",
    },
    "no_method": {
        "en": "No card is saved.",
        "fr": "Aucune carte n’est enregistrée.",
    },
    "declined": {
        "en": "The saved card was declined.",
        "fr": "La carte enregistrée a été refusée.",
    },
}
BY_CODE = {
    "approval_required": "authentication",
    "authentication_failed": "authentication",
    "authentication_failure": "authentication",
    "authentication_not_handled": "authentication",
    "authentication_required": "authentication",
    "cancelled": "authentication",
    "payment_attempt_expired": "authentication",
    "expired_card": "expired",
    "expired_payment_method": "expired",
    "insufficient_funds": "funds",
    "debit_not_authorized": "mandate",
    "india_recurring_payment_mandate_canceled": "mandate",
    "invalid_mandate": "mandate",
    "mandate_invalid": "mandate",
    "method_detached": "gone",
    "abandoned": "lost",
}
"""What a decline's code is called here; any other is a card that was declined."""

RETRIED = {
    "en": "We try again on {retry}. You may pay now instead, or save another card.",
    "fr": "Nous réessaierons le {retry}. Vous pouvez aussi payer maintenant, ou enregistrer une"
    " autre carte.",
}
NOT_RETRIED = {
    "en": "We do not try again by ourselves: please pay with the link.",
    "fr": "Nous ne réessaierons pas de nous-mêmes\u00a0: merci de payer avec le lien.",
}
KEPT = {
    "en": "You have access until {until}. If it is not paid by then, your membership ends.",
    "fr": "Vous gardez l’accès jusqu’au {until}. Sans paiement d’ici là, votre adhésion prend fin.",
}
LINK = {
    "en": "The link works for {days} days, for this payment alone, and without signing in.",
    "fr": "Le lien fonctionne {days} jours, pour ce seul paiement, et sans connexion.",
}
STAFF_SUBJECT = {
    "en": "{site}: a payment of {member} failed",
    "fr": "{site}\u00a0: un paiement a échoué ({member})",
}
STAFF_FAILED = {
    "en": "{amount} for {plan}, due on {due}, could not be charged to {member}: {why}.",
    "fr": "{amount} pour {plan}, dus le {due}, n’ont pas pu être prélevés auprès du membre"
    " {member}\u00a0: {why}.",
}
STAFF_WHY = {
    "authentication": {
        "en": "their bank wants them to confirm it",
        "fr": "sa banque souhaite une confirmation",
    },
    "expired": {"en": "the card has expired", "fr": "la carte a expiré"},
    "funds": {
        "en": "there was not enough money on the account",
        "fr": "le compte n’était pas assez approvisionné",
    },
    "mandate": {
        "en": "the right to debit has ended",
        "fr": "le droit de prélever a pris fin",
    },
    "gone": {
        "en": "the payment company no longer keeps the card",
        "fr": "l’organisme de paiement ne conserve plus la carte",
    },
    "lost": {
        "en": "the payment that they began never reached the payment company",
        "fr": "le paiement commencé n’est jamais parvenu à l’organisme de paiement",
    },
    "no_method": {"en": "no card is saved", "fr": "aucune carte n’est enregistrée"},
    "declined": {"en": "the card was declined", "fr": "la carte a été refusée"},
}
STAFF_RETRIED = {
    "en": "It is tried again on {retry}.",
    "fr": "Un nouvel essai aura lieu le {retry}.",
}
STAFF_NOT_RETRIED = {
    "en": "It is not tried again: only the member can pay it, and has a link for it.",
    "fr": "Il n’y aura pas de nouvel essai\u00a0: seul le membre peut payer, et dispose d’un lien.",
}
STAFF_LABEL = {"en": "See the member", "fr": "Voir le membre"}
LABEL = {"en": "Pay {amount} now", "fr": "Payer {amount} maintenant"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed charge as its member is told of it.

    `retry_at` is when it is tried again without them, if it is. `decline_code` is None where
    there was no method to try.
    """

    plan_name: str
    amount: Money
    due_at: datetime
    retry_at: datetime | None
    access_until: datetime | None
    decline_code: str | None


def payment_failed(
    settings: Settings,
    email: str,
    name: str,
    locale: Locale,
    *,
    failure: Failure,
    token: str,
    link_days: int,
) -> Mail:
    """To the member whose renewal or instalment failed; the link leads to its recovery page."""
    said = _said(settings, locale, failure)
    paragraphs = (
        HELLO[locale].format(name=name),
        FAILED[locale].format(**said),
        (RETRIED if failure.retry_at else NOT_RETRIED)[locale].format(**said),
        *([KEPT[locale].format(**said)] if failure.access_until else []),
        LINK[locale].format(days=link_days),
    )
    letter = Letter(
        subject=SUBJECT["failed" if failure.retry_at else "action"][locale].format(**said),
        paragraphs=paragraphs,
        label=LABEL[locale].format(**said),
        url=f"{settings.address}/pay?token={token}",
    )
    return letter.to(email, locale=locale, signature=settings.site_name)


def member_failed(
    settings: Settings,
    email: str,
    name: str,
    locale: Locale,
    *,
    failure: Failure,
    member_name: str,
    path: str,
) -> Mail:
    """To somebody who runs the site: whose charge failed, why, and what happens next (NO1)."""
    said = {
        **_said(settings, locale, failure),
        "member": member_name,
        "why": STAFF_WHY[_reason(failure.decline_code)][locale],
    }
    letter = Letter(
        subject=STAFF_SUBJECT[locale].format(**said),
        paragraphs=(
            HELLO[locale].format(name=name),
            STAFF_FAILED[locale].format(**said),
            (STAFF_RETRIED if failure.retry_at else STAFF_NOT_RETRIED)[locale].format(**said),
        ),
        label=STAFF_LABEL[locale],
        url=settings.address + path,
    )
    return letter.to(email, locale=locale, signature=settings.site_name)


def _said(settings: Settings, locale: Locale, failure: Failure) -> dict[str, str]:
    def day(instant: datetime | None) -> str:
        return day_for(locale, instant.astimezone(settings.zone).date()) if instant else ""

    return {
        "site": settings.site_name,
        "plan": failure.plan_name,
        "amount": money_for(locale, failure.amount),
        "due": day(failure.due_at),
        "retry": day(failure.retry_at),
        "until": day(failure.access_until),
        "why": WHY[_reason(failure.decline_code)][locale],
    }


def _reason(decline_code: str | None) -> str:
    return BY_CODE.get(decline_code, "declined") if decline_code else "no_method"
