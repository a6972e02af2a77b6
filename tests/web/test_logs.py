"""What went wrong is written down without what our names held when it did."""

from __future__ import annotations

import pytest
from flask import Blueprint

from web.app import create_app
from web.identity.auth import requires
from web.identity.permissions import Permission
from web.parts import Parts


def broken() -> Blueprint:
    """A page that knows a password and has a mistake."""
    pages = Blueprint("broken", __name__)

    @pages.get("/broken")
    @requires(Permission.PUBLIC)
    def page() -> str:
        password = "hunter" + str(2)
        nobody: dict[int, str] = {}
        return nobody[len(password)]

    return pages


def test_a_traceback_shows_lines_and_no_values(
    parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(parts, pages=(broken(),)).test_client()
    assert client.get("/broken").status_code == 500
    written = "".join(capsys.readouterr())
    assert "len(password)" in written
    assert "KeyError" in written
    assert "hunter2" not in written
