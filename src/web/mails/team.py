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

SECOND_STEP_ENDED = {
    "en": (
        "{site}: your sign-in asks for no code",
        "someone on the team ended the second step of your sign-in: your password alone signs you"
        " in, and you are signed out everywhere. Please set the second step up again. If you did"
        " not ask for this, change your password and tell the owner of the site.",
        "Set it up again",
    ),
    "fr": (
        "{site}\u00a0: votre connexion ne demande plus de code",
        "quelqu’un de l’équipe a désactivé la seconde étape de votre connexion\u00a0: votre mot de"
        " passe suffit, et vous êtes déconnecté partout. Merci de configurer de nouveau la seconde"
        " étape. Si vous ne l’avez pas demandé, changez votre mot de passe et prévenez le"
        " propriétaire du site.",
        "La configurer de nouveau",
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


def second_step_ended(settings: Settings, email: str, name: str, locale: Locale) -> Mail:
    """What somebody else did to their sign-in, and what to do if nobody asked for it."""
    subject, text, label = SECOND_STEP_ENDED[locale]
    letter = Letter(
        subject=subject.format(site=settings.site_name),
        paragraphs=(HELLO[locale].format(name=name), text),
        label=label,
        url=f"{settings.address}/panel/security",
    )
    return letter.to(email, locale=locale, signature=settings.site_name)
