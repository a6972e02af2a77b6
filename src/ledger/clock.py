"""The only place that asks what time it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol


def within(earliest: datetime, instant: datetime | None, latest: datetime) -> datetime:
    """An instant that another clock told, or `latest` where it told none, kept between two."""
    return min(max(instant or latest, earliest), latest)


class Clock(Protocol):
    """Tells the time: an aware instant in UTC."""

    def now(self) -> datetime:
        """The present instant."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


@dataclass
class VirtualClock:
    """A clock that moves only when told, so that months of renewals run in seconds."""

    instant: datetime
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def now(self) -> datetime:
        """The instant it was last set to."""
        return self.instant

    def advance_to(self, instant: datetime) -> None:
        """Move forward. A clock never goes back: an earlier instant is a ValueError."""
        with self._lock:
            if instant < self.instant:
                message = f"the clock stands at {self.instant} and can't go back to {instant}"
                raise ValueError(message)
            self.instant = instant

    def advance(self, step: timedelta) -> None:
        """Move forward by a step."""
        self.advance_to(self.instant + step)
