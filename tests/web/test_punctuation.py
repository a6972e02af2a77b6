"""French words and the marks that follow them stay on one line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

WEB = Path("src/web")
PARTED = re.compile(r"\w[\s}»]? [:;!?](?=\s|$)")
"""A mark after an ordinary space, as no English sentence has it, nor any program of ours."""


def sentences(path: Path) -> Iterator[str]:
    """The strings of a module that are put together, its docstrings among them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("room", ["mails", "wording", "pages", "api", "cli"])
def test_no_mark_leaves_its_word(room: str) -> None:
    paths = sorted(WEB.joinpath(room).rglob("*.py"))
    assert paths
    parted = [(path.name, text) for path in paths for text in sentences(path)]
    assert [(name, text) for name, text in parted if PARTED.search(text)] == []


def test_a_mark_that_left_its_word_is_found() -> None:
    assert PARTED.search("Rien : rien")
    assert PARTED.search("{site} : bienvenue")
    assert not PARTED.search("Rien\u00a0: rien")
    assert not PARTED.search("Nothing: nothing; nothing?")
