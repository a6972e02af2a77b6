"""The ready message that invites former members of another system, in both languages (NO4)."""

from __future__ import annotations

from datetime import timedelta

from ledger.mailing_list import Language
from projections.discounts import DiscountRow
from web.mails.campaigns import Said
from web.parts import Parts
from web.wording.languages import day_for

SUBJECT = {
    "en": "{site}: come with us",
    "fr": "{site}\u00a0: venez avec nous",
}
TEXT = {
    "en": """Hello,

you were with us before, and we have moved: memberships are at {site} now. Nothing was \
taken along: you decide whether to join again.

How to join:
- Open {address}
- Choose a plan and create your account with your e-mail
{code}- Pay there; you have access at once
{until}
We look forward to seeing you again.

{site}""",
    "fr": """Bonjour,

vous étiez avec nous, et nous avons déménagé\u00a0: les adhésions se font désormais sur {site}. \
Rien n’a été repris\u00a0: c’est vous qui décidez de revenir.

Comment faire\u00a0:
- Ouvrez {address}
- Choisissez un forfait et créez votre compte avec votre adresse e-mail
{code}- Payez sur place\u202f; l’accès s’ouvre aussitôt
{until}
Au plaisir de vous retrouver.

{site}""",
}
CODE = {
    "en": "- Type the code {code} when you join\n",
    "fr": "- Saisissez le code {code} au moment d’adhérer\n",
}
UNTIL = {
    "en": "\nThe code works until {day}, that day included.\n",
    "fr": "\nLe code est valable jusqu’au {day} inclus.\n",
}


def invitation(parts: Parts, locale: Language, discount: DiscountRow | None) -> Said:
    """How to join, and with which code until when; the words are a beginning to be changed."""
    site = parts.settings.site_name
    last = discount.ends_at - timedelta(microseconds=1) if discount and discount.ends_at else None
    said = TEXT[locale].format(
        site=site,
        address=_address(parts, discount),
        code=CODE[locale].format(code=discount.code) if discount else "",
        until=UNTIL[locale].format(day=day_for(locale, last.astimezone(parts.settings.zone).date()))
        if last
        else "",
    )
    return Said(SUBJECT[locale].format(site=site), said, locale)


def _address(parts: Parts, discount: DiscountRow | None) -> str:
    """The plan of a code that is for one alone, with the code typed already; else all plans."""
    home = parts.settings.address
    if discount is None or len(discount.plan_ids) != 1:
        return home
    return f"{home}/plans/{discount.plan_ids[0]}?code={discount.code}"
