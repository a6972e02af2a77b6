"""The office that tests of the inbox work in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.billing.offices import Office, opened


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    with opened(database) as office:
        yield office
