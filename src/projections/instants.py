"""The two ends of time, where a column that is sorted and compared must hold something."""

from __future__ import annotations

from datetime import UTC, datetime

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""It has not happened."""

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""It has no end."""


def known(instant: datetime) -> datetime | None:
    """The instant, or None where it stands for never or for ever."""
    return None if instant in (NEVER, FOREVER) else instant
