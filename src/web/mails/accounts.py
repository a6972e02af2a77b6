"""Mails about an account: is this address yours, choose a password, your address changes."""

from __future__ import annotations

from collections.abc import Callable

from ledger.member.facts import Locale
from web.mails.letter import Letter
from web.sessions.mailbox import Mail
from web.settings import Settings

Writer = Callable[[Settings, str, str, Locale, str], Mail]
"""Makes a mail of settings, address, name, language and a link's token."""

Words = dict[str, tuple[str, tuple[str, ...], str]]
"""By language: the subject, the paragraphs, and what the link is called."""

HELLO = {"en": "Hello{name},", "fr": "Bonjour{name},"}
IGNORE = {
    "en": "If it wasn't you, ignore this mail: nothing changes.",
    "fr": "Si ce n’était pas vous, ignorez ce message : rien ne change.",
}

VERIFY_SIGN_UP: Words = {
    "en": (
        "{site}: confirm your address",
        (
            "someone, probably you, is creating an account with this address.",
            "Follow the link to confirm it and choose a password. It works once, for 24 hours.",
        ),
        "Confirm and choose a password",
    ),
    "fr": (
        "{site} : confirmez votre adresse",
        (
            "quelqu’un, sans doute vous, crée un compte avec cette adresse.",
            "Suivez le lien pour la confirmer et choisir un mot de passe. Il sert une seule fois,"
            " pendant 24 heures.",
        ),
        "Confirmer et choisir un mot de passe",
    ),
}
ACCOUNT_EXISTS: Words = {
    "en": (
        "{site}: you already have an account",
        (
            "someone, probably you, wanted to create an account with this address."
            " You already have an account: sign in as before.",
            "If you no longer know your password, the link lets you choose another."
            " It works once, for one hour.",
        ),
        "Choose another password",
    ),
    "fr": (
        "{site} : vous avez déjà un compte",
        (
            "quelqu’un, sans doute vous, a voulu créer un compte avec cette adresse."
            " Elle en a déjà un : connectez-vous comme auparavant.",
            "Si vous avez oublié votre mot de passe, le lien permet d’en choisir un autre."
            " Il sert une seule fois, pendant une heure.",
        ),
        "Choisir un autre mot de passe",
    ),
}
RESET_PASSWORD: Words = {
    "en": (
        "{site}: choose another password",
        (
            "someone, probably you, asked for another password.",
            "Follow the link to choose one. It works once, for one hour.",
        ),
        "Choose another password",
    ),
    "fr": (
        "{site} : choisissez un autre mot de passe",
        (
            "quelqu’un, sans doute vous, a demandé un autre mot de passe.",
            "Suivez le lien pour en choisir un. Il sert une seule fois, pendant une heure.",
        ),
        "Choisir un autre mot de passe",
    ),
}
NO_ACCOUNT: Words = {
    "en": (
        "{site}: there is no account with this address",
        (
            "someone, probably you, asked for another password. There is no account with this"
            " address: you may have signed up with another one, or not yet.",
        ),
        "See the plans and sign up",
    ),
    "fr": (
        "{site} : aucun compte avec cette adresse",
        (
            "quelqu’un, sans doute vous, a demandé un autre mot de passe. Cette adresse n’a pas de"
            " compte : vous en avez peut-être utilisé une autre, ou pas encore créé de compte.",
        ),
        "Voir les forfaits et s’inscrire",
    ),
}
CONFIRM_EMAIL: Words = {
    "en": (
        "{site}: confirm your new address",
        (
            "your account is to use this address from now on.",
            "Follow the link to confirm it; until then nothing changes."
            " It works once, for 24 hours.",
        ),
        "Use this address",
    ),
    "fr": (
        "{site} : confirmez votre nouvelle adresse",
        (
            "votre compte doit utiliser cette adresse désormais.",
            "Suivez le lien pour la confirmer ; d’ici là rien ne change."
            " Il sert une seule fois, pendant 24 heures.",
        ),
        "Utiliser cette adresse",
    ),
}
ADDRESS_IN_USE: Words = {
    "en": (
        "{site}: this address has an account already",
        (
            "someone, probably you, wanted to move another account to this address."
            " It has an account of its own, and two accounts are never merged: nothing changed.",
        ),
        "Sign in",
    ),
    "fr": (
        "{site} : cette adresse a déjà un compte",
        (
            "quelqu’un, sans doute vous, a voulu donner cette adresse à un autre compte."
            " Elle a déjà le sien, et deux comptes ne sont jamais réunis : rien n’a changé.",
        ),
        "Se connecter",
    ),
}
EMAIL_CHANGE_ASKED: Words = {
    "en": (
        "{site}: your account's address is about to change",
        (
            "someone signed in to your account asked to use another address. It changes once that"
            " address is confirmed.",
            "If it wasn't you, choose another password at once.",
        ),
        "Choose another password",
    ),
    "fr": (
        "{site} : l’adresse de votre compte va changer",
        (
            "une personne connectée à votre compte a demandé à utiliser une autre adresse. Elle"
            " changera dès que celle-ci sera confirmée.",
            "Si ce n’était pas vous, choisissez tout de suite un autre mot de passe.",
        ),
        "Choisir un autre mot de passe",
    ),
}


def verify_sign_up(settings: Settings, email: str, name: str, locale: Locale, token: str) -> Mail:
    """Is this address yours? The link makes the account.

    The name is left out: anyone may type one, and make us send it to somebody else.
    """
    del name
    path = f"/sign-up/verify?token={token}"
    return _mail(settings, VERIFY_SIGN_UP, path, to=email, name="", locale=locale)


def account_exists(settings: Settings, email: str, name: str, locale: Locale, token: str) -> Mail:
    """To whoever signs up with an address that has an account."""
    path = f"/password/reset?token={token}"
    return _mail(settings, ACCOUNT_EXISTS, path, to=email, name=name, locale=locale)


def reset_password(settings: Settings, email: str, name: str, locale: Locale, token: str) -> Mail:
    """The link leads to another password."""
    path = f"/password/reset?token={token}"
    return _mail(settings, RESET_PASSWORD, path, to=email, name=name, locale=locale)


def no_account(settings: Settings, email: str, locale: Locale) -> Mail:
    """To whoever asks for the password of an account that isn't there."""
    return _mail(settings, NO_ACCOUNT, "/", to=email, name="", locale=locale)


def confirm_email(settings: Settings, email: str, name: str, locale: Locale, token: str) -> Mail:
    """To a new address: the link puts it in the place of the old one."""
    path = f"/account/email/confirm?token={token}"
    return _mail(settings, CONFIRM_EMAIL, path, to=email, name=name, locale=locale)


def address_in_use(settings: Settings, email: str, name: str, locale: Locale, _token: str) -> Mail:
    """To an address that has an account of its own. Says nothing of the account that asked."""
    del name
    return _mail(settings, ADDRESS_IN_USE, "/sign-in", to=email, name="", locale=locale)


def email_change_asked(settings: Settings, email: str, name: str, locale: Locale) -> Mail:
    """To the address that an account is about to leave."""
    return _mail(
        settings, EMAIL_CHANGE_ASKED, "/password/forgotten", to=email, name=name, locale=locale
    )


def _mail(
    settings: Settings, words: Words, path: str, *, to: str, name: str, locale: Locale
) -> Mail:
    subject, paragraphs, label = words[locale]
    greeting = HELLO[locale].format(name=f" {name}" if name else "")
    letter = Letter(
        subject=subject.format(site=settings.site_name),
        paragraphs=(greeting, *paragraphs, IGNORE[locale]),
        label=label,
        url=settings.address + path,
    )
    return letter.to(to, locale=locale, signature=settings.site_name)
