"""Mails about a membership."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_date

from ledger.member.facts import Locale
from web.mails.letter import HELLO, Letter
from web.sessions.mailbox import Mail
from web.settings import Settings

SELF_CANCEL = {
    "en": (
        "{site}: would you like to end your membership?",
        "with this link you can stop the renewal of {plan}. Access stays until {until}, and"
        " nothing more is charged. If you do nothing, your membership goes on.",
        "Stop the renewal",
    ),
    "fr": (
        "{site}\u00a0: souhaitez-vous mettre fin à votre adhésion\u202f?",
        "ce lien permet d’arrêter le renouvellement du forfait {plan}. L’accès reste ouvert"
        " jusqu’au {until}, et rien de plus n’est prélevé. Sans action de votre part,"
        " l’adhésion continue.",
        "Arrêter le renouvellement",
    ),
}


def self_cancel(
    settings: Settings,
    email: str,
    name: str,
    locale: Locale,
    *,
    token: str,
    plan_name: str,
    until: datetime | None,
) -> Mail:
    """The link stops renewal; the mail says until when access would stay."""
    subject, text, label = SELF_CANCEL[locale]
    day = until.astimezone(settings.zone).date() if until else None
    shown = format_date(day, format="long", locale=locale) if day else ""
    letter = Letter(
        subject=subject.format(site=settings.site_name),
        paragraphs=(HELLO[locale].format(name=name), text.format(plan=plan_name, until=shown)),
        label=label,
        url=f"{settings.address}/account/self-cancel?token={token}",
    )
    return letter.to(email, locale=locale, signature=settings.site_name)
