"""Segments: the smart ones and those that were saved, with how many each has (SE1, SE2)."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

from flask import render_template, request
from pydantic import Field
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ledger import ids, texts
from ledger.errors import CurrencyMismatch, LedgerError, NotFound
from ledger.money import Money
from ledger.segment import SegmentFilter
from projections.queries.counting import Count
from projections.queries.members import MemberFilter
from projections.queries.saved_segments import filter_of
from projections.saved_segments import SavedSegmentRow
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import Args, signed
from web.pages.forms import command_id, read_form
from web.pages.frame import group, onward, onward_to, reason, settled, told
from web.pages.panel.members_asked import asked_for
from web.pages.panel.segment_counts import smart_counts
from web.pages.past_pages import now, of_moment, reading
from web.reading.past import Scope
from web.wording.languages import gettext, say

pages = group("segments", url_prefix="/panel/segments")


class SegmentForm(Args):
    """A name, and the state of the list whose filters are kept."""

    name: str = Field(max_length=4 * texts.LONGEST_TAG)
    asked: str = ""


@pages.get("")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every segment, with how many it has."""
    saved = reading().queries.saved_segments.all()
    return render_template(
        "panel/segments.html", segments=smart_counts(now()), saved=saved, counts=counts_of(saved)
    )


@pages.get("/tabs")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def tabs() -> str:
    """The ways to every segment, counted: asked for when the list is there already."""
    saved = reading().queries.saved_segments.all()
    return render_template(
        "panel/segments_tabs.html",
        asked_for=asked_for(request.args),
        segments=smart_counts(now()),
        saved=saved,
        counts=counts_of(saved),
    )


@pages.post("")
@requires(Permission.CHANGE_SEGMENTS)
def save() -> Response:
    """Keep the filters of the list under a name."""
    segment_id = ids.derived(command_id(), "segment")
    return _save(segment_id, gettext("The segment “{name}” is saved."))


@pages.post("/<uuid:segment_id>")
@requires(Permission.CHANGE_SEGMENTS)
def change(segment_id: UUID) -> Response:
    """Another name for a segment, or other filters."""
    if reading().queries.saved_segments.one(segment_id) is None:
        raise NotFound(what="saved segment", id=segment_id)
    return _save(segment_id, gettext("The segment “{name}” is changed."))


@pages.post("/<uuid:segment_id>/end")
@requires(Permission.CHANGE_SEGMENTS)
def end(segment_id: UUID) -> Response:
    """Keep a segment no longer; nobody in it is touched."""
    settled(parts().ledger.remove_segment(segment_id, **signed()))
    return onward("segments.listing", gettext("The segment is kept no longer."))


def counts_of(saved: list[SavedSegmentRow]) -> dict[UUID, Count | None]:
    """How many each has; None where it counts what is spent in another currency."""
    return {row.segment_id: _count(row) for row in saved}


def _count(row: SavedSegmentRow) -> Count | None:
    try:
        asked = filter_of(row, parts().site.currency)
    except CurrencyMismatch:
        return None
    return reading().queries.members.count(asked, now())


def _save(segment_id: UUID, done: str) -> Response:
    filled = read_form(SegmentForm)
    form = filled.value
    if form is None:
        return onward("segments.listing", told(next(iter(filled.faults.values()))), tone="bad")
    asked = asked_for(MultiDict(parse_qsl(form.asked)))
    try:
        position = parts().ledger.save_segment(
            segment_id,
            name=form.name,
            asked=kept(asked.filter),
            text=asked.filter.text,
            **signed(),
        )
    except LedgerError as refused:
        back = f"/panel/members?{form.asked}"
        return onward_to(back, reason(refused), tone="bad")
    settled(position)
    said = say(done, name=form.name.strip())
    return onward("members.listing", said, saved=segment_id)


def kept(asked: MemberFilter) -> SegmentFilter:
    """The filters of a list as the books keep them."""
    currency = parts().site.currency
    spent = {
        name: None if minor is None else Money(minor, currency)
        for name, minor in (("spent_from", asked.spent_from), ("spent_to", asked.spent_to))
    }
    return SegmentFilter(
        statuses=asked.statuses,
        segment=asked.segment,
        plan_id=asked.plan_id,
        tag=asked.tag,
        joined_from=_universal(asked.joined_from),
        joined_before=_universal(asked.joined_before),
        last_order_from=_universal(asked.last_order_from),
        last_order_before=_universal(asked.last_order_before),
        method_country=asked.method_country,
        agrees=asked.agrees,
        **spent,
    )


def _universal(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
