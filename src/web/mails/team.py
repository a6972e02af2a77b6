"""Mails to staff about their own sign-in."""

from __future__ import annotations

from ledger.member.facts import Locale
from web.mails.letter import HELLO, Letter
from web.sessions.mailbox import Mail
from web.settings import Settings

INVITATION = {
    "en": (
        "{site}: you are on the team",
        "someone gave you a place on the team of {site}. Follow the link to choose the password"
        " that you sign in with. It works once, for seven days.",
        "Choose a password",
    ),
    "fr": (
        "{site}\u00a0: vous faites partie de l’équipe",
        "vous avez maintenant une place dans l’équipe du site {site}. Suivez le lien pour choisir"
        " le mot de passe de votre connexion. Il sert une seule fois, pendant sept jours.",
        "Choisir un mot de passe",
    ),
}


def invitation(settings: Settings, email: str, name: str, locale: Locale, *, token: str) -> Mail:
    """The link leads to the contributor's first, or another, password."""
    subject, text, label = INVITATION[locale]
    letter = Letter(
        subject=subject.format(site=settings.site_name),
        paragraphs=(HELLO[locale].format(name=name), text.format(site=settings.site_name)),
        label=label,
        url=f"{settings.address}/team/welcome?token={token}",
    )
    return letter.to(email, locale=locale, signature=settings.site_name)
