"""The sums behind the site's figures: of a large site added up in the background, and kept.

Whoever asks first sees that they are being added up; whoever asks then has them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import current_app, render_template
from werkzeug.wrappers import Response

from projections.explain.days import Days
from projections.explain.recurring_sums import RecurringSums
from web.identity.auth import parts
from web.pages.past_pages import AGAIN_SECONDS, now, past, reading
from web.parts import Parts
from web.reading.explaining import Explaining
from web.reading.kept import Kept, is_large
from web.reading.past import Reading

NAME = "explained sums"


@dataclass
class KeptSums:
    """Those of the present; one a process."""

    parts: Parts

    def __post_init__(self) -> None:
        self.days = Kept[None, Days]("days added up", self._days)
        self.recurring = Kept[None, RecurringSums]("MRR added up", self._recurring)

    def _days(self, _: None, before: Days | None) -> Days:
        explaining = self._explaining()
        return explaining.days.added(explaining.now, before)

    def _recurring(self, _: None, _before: RecurringSums | None) -> RecurringSums:
        explaining = self._explaining()
        return explaining.recurring_sums.added(explaining.now)

    def _explaining(self) -> Explaining:
        return Explaining(self.parts, Reading(self.parts.queries), self.parts.clock.now())


def explaining() -> Explaining:
    """The explainers over what the page at hand reads."""
    return Explaining(parts(), reading(), now())


def days() -> Days | None:
    """What moved, by day; None while it is being added up."""
    if _is_kept():
        return _kept().days.so_far(None)
    return explaining().days.added(now())


def recurring() -> RecurringSums | None:
    """MRR by plan; None while it is being added up."""
    if _is_kept():
        return _kept().recurring.so_far(None)
    return explaining().recurring_sums.added(now())


def being_added() -> Response:
    """The browser asks again by itself, without a script."""
    page = render_template("panel/adding.html")
    headers = {"Refresh": AGAIN_SECONDS, "Retry-After": AGAIN_SECONDS}
    return current_app.response_class(page, HTTPStatus.ACCEPTED, headers)


def _is_kept() -> bool:
    return past() is None and is_large(parts().queries, now())


def _kept() -> KeptSums:
    found: KeptSums = current_app.extensions.setdefault(NAME, KeptSums(parts()))
    return found
