"""How a mail is laid out: the same words as plain text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from web.sessions.mailbox import Mail

HELLO = {"en": "Hello {name},", "fr": "Bonjour {name},"}
HTML = Markup(
    '<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><title>{subject}</title>'
    '</head><body style="font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:2em auto">'
    '{paragraphs}{lines}{button}<p style="color:#667085">{signature}</p></body></html>'
)
PARAGRAPH = Markup("<p>{}</p>")
BUTTON = Markup(
    '<p><a href="{url}" style="display:inline-block;padding:.6em 1.1em;border-radius:.4em;'
    'background:#2f4b8f;color:#fff;text-decoration:none">{label}</a></p><p>{url}</p>'
)
TABLE = Markup('<table style="border-spacing:0 .3em">{}</table>')
ROW = Markup(
    '<tr><th scope="row" style="text-align:left;font-weight:normal;color:#667085;'
    'padding-right:1.5em">{}</th><td>{}</td></tr>'
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a mail says. With a `url`, it has one link, named `label`.

    `lines` are what stands below each other, such as on a receipt: a name and what it is.
    """

    subject: str
    paragraphs: tuple[str, ...]
    lines: tuple[tuple[str, str], ...] = ()
    label: str = ""
    url: str = ""

    def to(self, address: str, *, locale: str, signature: str) -> Mail:
        """The mail, ready to be kept for sending."""
        colon = "\u00a0:" if locale == "fr" else ":"
        link = [f"{self.label}{colon}\n{self.url}"] if self.url else []
        lines = ["\n".join(f"{name}{colon} {what}" for name, what in self.lines)]
        return Mail(
            to=address,
            subject=self.subject,
            text="\n\n".join([*self.paragraphs, *filter(None, lines), *link, f"-- \n{signature}"])
            + "\n",
            html=str(self._html(locale, signature)),
            locale=locale,
            links={self.label: self.url} if self.url else {},
        )

    def _html(self, locale: str, signature: str) -> Markup:
        return HTML.format(
            locale=locale,
            subject=self.subject,
            paragraphs=Markup().join(map(PARAGRAPH.format, self.paragraphs)),
            lines=TABLE.format(Markup().join(ROW.format(*line) for line in self.lines))
            if self.lines
            else "",
            button=BUTTON.format(url=self.url, label=self.label) if self.url else "",
            signature=signature,
        )
