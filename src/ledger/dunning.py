"""What follows a failed charge, as data (DU1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PENDS = frozenset({"IN"})
"""Where a card was issued whose charges may stay pending for 26 hours, and are never retried."""
LONGEST_PENDING = timedelta(hours=48)
"""How long a bank is waited for; 26 hours are usual."""
PENDING_STARTS_AHEAD = timedelta(hours=47)
"""How long before it is due the charge of such a card begins: 27 to 48 hours, with all the slack
that the schedule may need (DU4)."""


def starts_ahead(country: str | None) -> timedelta:
    """How long before it is due a charge begins, by the country of the card's bank."""
    return PENDING_STARTS_AHEAD if country in PENDS else timedelta()


@dataclass(frozen=True, slots=True)
class DunningPolicy:
    """Days after the due date on which a charge is tried again, and how long access is kept."""

    name: str
    retry_days: tuple[int, ...]
    grace_days: int

    def grace_until(self, due_at: datetime) -> datetime:
        """Until when access is kept though the charge due then is unpaid."""
        return due_at + timedelta(days=self.grace_days)

    def retry_at(self, due_at: datetime, failures: int) -> datetime | None:
        """When the charge is tried again after so many failures; None when it is not."""
        if failures > len(self.retry_days):
            return None
        return due_at + timedelta(days=self.retry_days[failures - 1])


STANDARD = DunningPolicy("standard", retry_days=(5, 10), grace_days=10)
GENTLE = DunningPolicy("gentle", retry_days=(2, 7, 14, 21), grace_days=21)
STRICT = DunningPolicy("strict", retry_days=(), grace_days=0)

POLICIES = {policy.name: policy for policy in (STANDARD, GENTLE, STRICT)}
