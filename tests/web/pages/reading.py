"""Reads a page as a browser does: its forms, its links, its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"input", "meta", "link", "br", "hr", "img"})
NAMED = frozenset({"input", "select", "textarea"})


@dataclass
class Form:
    """A form as it would be sent untouched; `None` for a field that a person must fill."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, given: Mapping[str, str | list[str]]) -> list[tuple[str, str]]:
        """What is sent with some fields filled in by hand."""
        sent = [(name, value) for name, value in self.fields if name not in given]
        for name, value in given.items():
            sent += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return sent


@dataclass
class Control:
    """An input and how it is named for whoever can't see it."""

    id: str
    type: str
    hidden: bool
    labelled: bool


class Page(HTMLParser):
    """A page that was parsed."""

    def __init__(self, text: str, path: str = "") -> None:
        super().__init__()
        self.path = path
        self.lang = ""
        self.headings: list[str] = []
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.controls: list[Control] = []
        self.labels: set[str] = set()
        self.styled: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if tag == "html":
            self.lang = found.get("lang", "")
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in {"link", "script", "img", "iframe", "source"}:
            self.loaded += [found[name] for name in ("href", "src") if name in found]
        self.styled += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "label":
            self.labels.add(found.get("for", ""))
        if tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get")))
        if tag in NAMED:
            self._control(tag, found)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "h1" in self._open:
            self.headings.append(data)
        if "style" in self._open or ("script" in self._open and data.strip()):
            self.styled.append(data)
        self.words += " " + " ".join(data.split()) if data.strip() else ""

    def unnamed(self) -> list[str]:
        """Controls without a label."""
        return [
            control.id
            for control in self.controls
            if not (control.hidden or control.labelled or control.id in self.labels)
        ]

    def form(self, action: str) -> Form:
        """The form that is sent to an address; an empty action stands for the page's own."""
        return next(form for form in self.forms if form.action == action and form.method == "post")

    def _control(self, tag: str, found: dict[str, str]) -> None:
        kind = found.get("type", tag)
        hidden = kind == "hidden" or found.get("aria-hidden") == "true"
        name = found.get("id") or found.get("name", "")
        named = "label" in self._open or bool(found.get("aria-label"))
        self.controls.append(Control(name, kind, hidden, named))
        if tag == "input" and "form" in self._open and found.get("name"):
            unchecked = kind in {"checkbox", "radio"} and "checked" not in found
            if not unchecked:
                self.forms[-1].fields.append((found["name"], found.get("value", "")))
