"""No French word stands before a name that it would have to be cut for: “de Amélie”."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.web.pages.messages import WEB, french

CUT = r"(?:de|que|le|la|je|me|te|se|ne|ce|jusque|lorsque|puisque|quoique|presque|entre)"
SPACE = "[ \u00a0\u202f]"
NAMED = r"(?:\{(?P<brace>\w+)(?:![rs])?\}|%\((?P<percent>\w+)\)s)"
BEFORE_A_NAME = re.compile(rf"(?<!\w){CUT}{SPACE}+[«“]?{SPACE}*{NAMED}", re.IGNORECASE)
CUT_ALREADY = re.compile(rf"(?<!\w)(?:d|qu|l|j|m|t|s|n|c)’{NAMED}", re.IGNORECASE)

FIGURES = {"amount", "asked", "before", "least", "most", "num", "payments", "price", "refundable"}
"""What is written in digits: nothing is cut before it, or it is read so seldom (huit, onze)."""
DAYS = {"begun", "day", "due", "end", "first", "last", "retry", "start", "until", "when"}
BEGIN_WITH_A_VOWEL = {"why"}
"""A cause is a demand, a task, a notice or a command: "une ...", "un ..."."""


def of_catalogue() -> Iterator[str]:
    """Everything that pages say in French."""
    for message in french():
        said = message.string
        yield from map(str, said if isinstance(said, tuple | list) else [said])


def of_letters() -> Iterator[str]:
    """Every text in the code of the edge: mails hold their French beside their English."""
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def uncut(text: str) -> list[str]:
    """The names in a text before which a word is cut that may not be, or not cut that must be."""
    loose = {(found["brace"] or found["percent"]) for found in BEFORE_A_NAME.finditer(text)}
    cut = {(found["brace"] or found["percent"]) for found in CUT_ALREADY.finditer(text)}
    names = {name for name in loose if not name.endswith(("_at", "_until"))} - FIGURES - DAYS
    return sorted(names | (cut - BEGIN_WITH_A_VOWEL))


def test_no_text_of_the_pages_has_a_word_to_be_cut_before_a_name() -> None:
    assert {text: uncut(text) for text in of_catalogue() if uncut(text)} == {}


def test_no_letter_has_a_word_to_be_cut_before_a_name() -> None:
    assert {text: uncut(text) for text in of_letters() if uncut(text)} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Fermer le compte de %(name)s", ["name"]),
        ("A prouvé que {email} est le sien", ["email"]),
        ("un paiement de « {member} »", ["member"]),
        ("Le code d’{plan}", ["plan"]),
        ("encore un paiement de {amount}, le {day}", []),
        ("Modifier les textes du forfait %(plan)s", []),
        ("par {who}, à la suite d’{why}", []),
    ],
)
def test_such_a_word_is_found(text: str, names: list[str]) -> None:
    assert uncut(text) == names
