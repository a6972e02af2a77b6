"""A message to a mailing list as its reader gets it: plain text, and HTML made from it.

Blank lines part paragraphs, lines that begin with `- ` are a list, addresses that begin with
http:// or https:// become links. Nothing else is markup: whatever is typed is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from ledger import texts
from ledger.mailing_list import Language
from web.sessions.mailbox import Mail

ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]’»]")
PARTED = re.compile(r"\n[ \t]*\n\s*")
ITEM = "- "

HTML = Markup(
    '<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{subject}</title>'
    '</head><body style="font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:2em auto">'
    '{body}<hr style="border:0;border-top:1px solid #d0d5dd;margin:2em 0 1em">'
    '<p style="color:#667085;font-size:14px">{why}<br><a href="{leave}">{label}</a></p>'
    "</body></html>"
)
PARAGRAPH, ITEMS, ONE = Markup("<p>{}</p>"), Markup("<ul>{}</ul>"), Markup("<li>{}</li>")
LINK, BREAK = Markup('<a href="{}">{}</a>'), Markup("<br>")

WHY = {
    "en": "You get this because you agreed to messages from {site}.",
    "fr": "Vous recevez ce message parce que vous avez accepté les messages du site {site}.",
}
LEAVE = {"en": "Unsubscribe", "fr": "Se désabonner"}
COLON = {"en": ":", "fr": "\u00a0:"}


@dataclass(frozen=True)
class Said:
    """What a message says, in which language."""

    subject: str
    text: str
    locale: Language

    def checked(self) -> Said:
        """As a fact would keep it. Raises TextMalformed."""
        subject = texts.one_line(text=self.subject, field="subject")
        return Said(subject, texts.message(self.text), self.locale)


def campaign_mail(
    to: str, said: Said, *, leave: str, site_name: str, go: Callable[[str], str] = str
) -> Mail:
    """The mail, ready to be kept; `leave` is where its reader unsubscribes."""
    subject, text, locale = said.subject, said.text, said.locale
    why = WHY[locale].format(site=site_name)
    footer = f"-- \n{why}\n{LEAVE[locale]}{COLON[locale]}\n{leave}\n"
    return Mail(
        to=to,
        subject=subject,
        text=f"{text}\n\n{footer}",
        html=str(
            HTML.format(
                locale=locale,
                subject=subject,
                body=as_html(text, go),
                why=why,
                leave=leave,
                label=LEAVE[locale],
            )
        ),
        locale=locale,
        links={LEAVE[locale]: leave},
        unsubscribe=leave,
    )


def as_html(text: str, go: Callable[[str], str] = str) -> Markup:
    """What a message says, as HTML that holds nothing but what is described above.

    `go` answers where a link leads that shows an address.
    """
    said = Markup()
    for part in PARTED.split(text.strip("\n")):
        for is_list, lines in groupby(part.split("\n"), key=lambda line: line.startswith(ITEM)):
            shown = [_line(line.removeprefix(ITEM), go) for line in lines]
            if is_list:
                said += ITEMS.format(Markup().join(map(ONE.format, shown)))
            else:
                said += PARAGRAPH.format(BREAK.join(shown))
    return said


def _line(line: str, go: Callable[[str], str]) -> Markup:
    said, at = Markup(), 0
    for found in ADDRESS.finditer(line):
        said += escape(line[at : found.start()]) + LINK.format(go(found[0]), found[0])
        at = found.end()
    return said + escape(line[at:])
