"""What others wrote and is kept here is what they published."""

from __future__ import annotations

import hashlib
import tomllib

from tests.house.sources import ROOT, VENDORED

FILES = tomllib.loads((ROOT / "scripts" / "vendored.toml").read_text("utf-8"))["file"]


def test_a_vendored_file_is_what_its_digest_says_and_stands_beside_its_licence() -> None:
    for one in FILES:
        path = ROOT / one["path"]
        assert hashlib.sha384(path.read_bytes()).hexdigest() == one["sha384"], one["path"]
        assert path.with_name(f"{path.name}.LICENSE").read_text("utf-8").strip(), one["path"]


def test_nothing_is_vendored_unless_it_is_listed() -> None:
    listed = {one["path"] for one in FILES}
    kept = {
        str(path.relative_to(ROOT))
        for folder in ("src/web/static/vendor", "tests/vendor")
        for path in (ROOT / folder).glob("*")
        if path.suffix != ".LICENSE"
    }
    assert kept == listed
    assert all(any(folder in path for folder in VENDORED) for path in kept)
