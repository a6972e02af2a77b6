"""What the views must know of the site besides its facts."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ledger.money import Mode


@dataclass(frozen=True, slots=True)
class Site:
    """The currency in which members are compared, the mode the site runs in, its time zone."""

    currency: str
    mode: Mode
    zone: str

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone in which days, months and years are counted."""
        return ZoneInfo(self.zone)
