"""What may be done with the site itself: segments kept, rebuilds recorded, facts left out."""

from __future__ import annotations

from uuid import UUID

from ledger import ids
from ledger.application.books import STAFF, Books, Position
from ledger.application.use_case import use_case
from ledger.errors import Forbidden, NotFound
from ledger.facts import Actor, Cause, Stamp
from ledger.plan import Plan
from ledger.segment import SegmentFilter
from ledger.site import RebuildReceipt, Site
from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder


def skipped_positions(recorder: FactRecorder, mapper: FactMapper) -> frozenset[Position]:
    """Where the facts stand that views leave out, for those who fold without a ledger."""
    records = recorder.of_stream(ids.SITE)
    skips = [record for record in records if record.topic == Site.FactSkipped.TOPIC]
    return frozenset(
        fact.position for fact in mapper.open_records(skips) if isinstance(fact, Site.FactSkipped)
    )


class OperatingUseCases(Books):
    """Saved segments, receipts of rebuilds, facts that views leave out."""

    def site(self) -> Site:
        """The site as the books know it now; NotFound before anything was recorded of it."""
        return self.load(Site, ids.SITE)

    def skipped_positions(self) -> frozenset[Position]:
        """Where the facts stand that views leave out."""
        return skipped_positions(self._fact_recorder, self._fact_mapper)

    @use_case
    def save_segment(
        self,
        segment_id: UUID,
        *,
        name: str,
        asked: SegmentFilter,
        text: str = "",
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Save a filter over the member list, or change what was saved under this id (SE2).

        NotFound where it asks for a plan that there never was.
        """
        stamp = self.staff_stamp(by, cause)
        if asked.plan_id is not None:
            self.load(Plan, asked.plan_id)
        site = self.site_or_new(stamp)
        currency = self.rules.currency
        site.save_segment(
            segment_id, name=name, asked=asked, text=text, currency=currency, stamp=stamp
        )
        return self.append(site, command=cause.id)

    @use_case
    def remove_segment(self, segment_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Keep a segment no longer; the members in it are not touched."""
        stamp = self.staff_stamp(by, cause)
        site = self.site_or_new(stamp)
        site.remove_segment(segment_id, stamp=stamp)
        return self.append(site, command=cause.id)

    @use_case
    def record_rebuild(self, receipt: RebuildReceipt, *, by: Actor, cause: Cause) -> Position:
        """Keep the receipt of a rebuild, whoever ran it: staff, or the server by itself."""
        if by.kind not in STAFF | {"scheduler"}:
            raise Forbidden(role=by.kind)
        stamp = self.stamp(by, cause)
        site = self.site_or_new(stamp)
        site.record_rebuild(receipt, stamp=stamp)
        return self.append(site, command=cause.id)

    @use_case
    def skip_fact(self, position: Position, reason: str, *, by: Actor, cause: Cause) -> Position:
        """Let the views leave out the fact at a position; NotFound where there is none.

        The fact stays. Views that hold it already do so until they are folded anew.
        """
        stamp = self.staff_stamp(by, cause)
        record = next(iter(self._fact_recorder.read(position - 1, 1)), None)
        if record is None or record.position != position:
            raise NotFound(what="fact at position", id=position)
        site = self.site_or_new(stamp)
        site.skip(
            position,
            stream_id=record.stream_id,
            fact_version=record.version,
            topic=record.topic,
            concerns=record.subject_id,
            reason=reason,
            stamp=stamp,
        )
        return self.append(site, command=cause.id)

    def site_or_new(self, stamp: Stamp) -> Site:
        """The stream of the site, which begins with the first thing that is recorded of it."""
        return self.find(Site, ids.SITE, about=ids.SITE) or Site.found(stamp=stamp)
