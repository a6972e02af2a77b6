"""The letter to a member who has cancelled: until when they have access, and that it ends (NO3)."""

from __future__ import annotations

from typing import cast

from ledger.member.facts import Left, Locale, SelfCancelled
from projections.notices import NoticeRow
from web.mails.coming import ACCOUNT, LABEL
from web.mails.letter import HELLO, Letter
from web.mails.writing import Answer, NotTold
from web.parts import Parts
from web.wording.languages import day_for

SUBJECT = {
    "en": "{site}: your membership in {plan} is cancelled",
    "fr": "{site}\u00a0: votre adhésion à {plan} est annulée",
}
CANCELLED = {
    "en": "you have cancelled your membership in {plan}. You keep access until {until}, and nothing"
    " more is charged.",
    "fr": "vous avez annulé votre adhésion à {plan}. Vous gardez l’accès jusqu’au {until}, et rien"
    " de plus n’est prélevé.",
}
WITHDRAW = {
    "en": "You may change your mind until then, on your account.",
    "fr": "Vous pouvez changer d’avis d’ici là, depuis votre compte.",
}
LEFT = {
    "en": "you have left {plan}: your access has ended. Nothing was or will be charged.",
    "fr": "vous avez quitté {plan}\u00a0: votre accès a pris fin. Rien n’a été ni ne sera prélevé.",
}
NOT_CANCELLED = NotTold("cancellation_withdrawn")


def cancellation_confirmed(parts: Parts, notice: NoticeRow, fact: SelfCancelled | Left) -> Answer:
    """To who has cancelled or left, unless they changed their mind, or it ended otherwise since."""
    member = parts.ledger.member(notice.recipient_id)
    stay, locale = member.membership(fact.membership_id), cast("Locale", notice.locale)
    if stay.ended_by != fact.fact_id:
        return NOT_CANCELLED
    said = {"site": parts.settings.site_name, "plan": stay.plan_name}
    if isinstance(fact, SelfCancelled):
        until = fact.access_until.astimezone(parts.settings.zone).date()
        said["until"] = day_for(locale, until)
    is_ahead = isinstance(fact, SelfCancelled) and parts.clock.now() < fact.access_until
    words = CANCELLED if isinstance(fact, SelfCancelled) else LEFT
    letter = Letter(
        subject=SUBJECT[locale].format(**said),
        paragraphs=(
            HELLO[locale].format(name=member.name),
            words[locale].format(**said),
            *([WITHDRAW[locale]] if is_ahead else []),
        ),
        label=LABEL[locale],
        url=parts.settings.address + ACCOUNT,
    )
    return letter.to(member.email, locale=locale, signature=parts.settings.site_name)
