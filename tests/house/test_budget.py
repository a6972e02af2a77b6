"""Functions and files stay short enough to be read."""

from __future__ import annotations

from tests.house.budget import FILE_LINES, FUNCTION_LINES, findings
from tests.house.sources import Source, report, repository


def function(lines: int) -> str:
    """A function of so many lines, the def line counted."""
    return "def f():\n" + "    x = 1\n" * (lines - 1)


def test_every_function_and_file_keeps_its_budget() -> None:
    found = [finding for source in repository() for finding in findings(source)]
    assert not found, report(found)


def test_a_long_function_is_seen() -> None:
    (finding,) = findings(Source("src/a.py", "\n" + function(FUNCTION_LINES + 1)))
    assert str(finding) == "src/a.py:2: f has 41 lines of 40"
    assert findings(Source("src/a.py", function(FUNCTION_LINES))) == []


def test_a_long_file_is_seen() -> None:
    assert len(findings(Source("src/a.py", "x = 1\n" * (FILE_LINES + 1)))) == 1
    assert len(findings(Source("src/a.html", "<p>\n" * (FILE_LINES + 1)))) == 1
    assert findings(Source("src/a.py", "x = 1\n" * FILE_LINES)) == []
    assert findings(Source("LICENSE", "words\n" * (FILE_LINES + 1))) == []


def test_a_script_without_an_ending_is_python_by_its_first_line() -> None:
    script = Source("scripts/bench", "#!/usr/bin/env python3\n" + function(FUNCTION_LINES + 1))
    assert len(findings(script)) == 1
