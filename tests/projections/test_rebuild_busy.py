"""Rebuilding while more comes the longer it takes."""

from __future__ import annotations

from typing import Any

import pytest

from projections import last_stretch, rebuild
from projections.rebuild_rows import Mismatch
from projections.verify import Verifier
from tests.projections.books import Books
from tests.projections.rebuilds import rebuilder
from tests.projections.test_engine import assert_true
from tests.projections.test_rebuild import ALL, follow, followed


def test_it_ends_although_more_comes_the_longer_it_proves(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(books)
    monkeypatch.setattr(rebuild, "PROVED_AGAIN", 16)
    monkeypatch.setattr(last_stretch, "FEW", 4)
    prove, proved = Verifier.since, list[int]()

    def slowly(self: Verifier, *given: Any) -> list[Mismatch]:
        most = given[-1]
        proved.append(most)
        found = prove(self, *given)
        if most:
            books.tell(10 + len(proved), 2 * most + 20)
            follow(books)
        return found

    monkeypatch.setattr(Verifier, "since", slowly)
    assert rebuilder(books).run(ALL).state == "live"
    assert proved == [16, 8, 4, 2, 1, 0]
    follow(books)
    assert_true(books)
