"""What follows a failed charge, as data (DU1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


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
