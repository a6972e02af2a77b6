"""Stretches of time as people type them: 36h, 3d, 2w, 18mo, 1y."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ledger.errors import Refused
from ledger.money import Money
from ledger.terms import Terms, charge_date

SPAN = re.compile(r"([1-9][0-9]{0,3})(h|d|w|mo|y)")
HOURS = {"h": 1, "d": 24, "w": 168}
MONTHS = {"mo": 1, "y": 12}
MOST_MONTHS = 120

MONTHLY = Terms(model="recurring", amount=Money(1, "EUR"), unit="month", every=1)
"""Counts months as charges are counted (DU11)."""


class SpanMalformed(Refused):
    """A span is hours, days, weeks, months or years, such as 36h, 3d, 2w, 18mo or 1y, up to 10y."""

    code = "span_malformed"


def after(instant: datetime, span: str, zone: ZoneInfo) -> datetime:
    """The instant that lies a span after another. Raises SpanMalformed."""
    found = SPAN.fullmatch(span)
    if found is None:
        raise SpanMalformed
    count, unit = int(found[1]), found[2]
    if unit in HOURS:
        reached = instant + timedelta(hours=count * HOURS[unit])
    elif count * MONTHS[unit] <= MOST_MONTHS:
        reached = charge_date(MONTHLY, instant, count * MONTHS[unit], zone)
    else:
        raise SpanMalformed
    if reached > charge_date(MONTHLY, instant, MOST_MONTHS, zone):
        raise SpanMalformed
    return reached
