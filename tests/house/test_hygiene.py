"""No promise, no machine's path and no registry's address is committed."""

from __future__ import annotations

import pytest

from tests.house.hygiene import findings
from tests.house.sources import Source, report, repository


def test_no_line_is_out_of_place() -> None:
    found = [finding for source in repository() for finding in findings(source)]
    assert not found, report(found)


@pytest.mark.parametrize(
    ("path", "line", "message"),
    [
        ("src/a.py", "# TO" + "DO: later", "do it now"),
        ("src/a.html", "<!-- FIX" + "ME -->", "do it now"),
        ("README.md", "cd /wo" + "rk/main", "one machine"),
        ("README.md", "see /ro" + "ot/x", "one machine"),
        ("scripts/a", "PATH=/ho" + "me/ann/bin", "one machine"),
        ("README.md", "https://files.python" + "hosted.org/x", "registry"),
        ("requirements.lock", "--index-url ht" + "tp://mirror/", "names no address"),
    ],
)
def test_a_line_out_of_place_is_seen(path: str, line: str, message: str) -> None:
    (finding,) = findings(Source(path, f"fine\n{line}\n"))
    assert message in finding.message
    assert finding.line == 2


def test_ordinary_lines_are_left_alone() -> None:
    text = "https://example.org/wo" + "rk/x\n$HOME/wo" + "rk/\n/usr/lib/x\nToDo\n"
    assert findings(Source("README.md", text)) == []
