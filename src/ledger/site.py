"""Site: what concerns no one person: saved segments, rebuilt views, facts that views leave out,
and the site's money as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self
from uuid import UUID

from ledger import ids, site_money, texts
from ledger.errors import NotFound, ReceiptMalformed, SegmentNameTaken
from ledger.facts import Fact, FirstFact, Personal, Stamp, Value
from ledger.segment import SegmentFilter, checked
from ledger.site_money import MoneyWatch


class RebuiltView(Value):
    """A view as a rebuild left it: version, rows, and the digest of them all, in hexadecimal."""

    name: str
    version: int
    rows: int
    digest: str


class RebuildReceipt(Value):
    """What a rebuild read, made and took.

    `from_position` is where its first round ended, `to_position` where it took its place, both
    in the books; `blocked_milliseconds` says how long writers waited at the swap.
    """

    rebuild_id: UUID
    views: tuple[RebuiltView, ...]
    from_position: int
    to_position: int
    facts: int
    milliseconds: int
    facts_per_second: int
    blocked_milliseconds: int
    workers: int
    code_version: str


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A named filter; `text` is looked for in names and addresses, None for nothing."""

    name: str
    filter: SegmentFilter
    text: str | None


class Site(MoneyWatch):
    """The one stream of the site itself."""

    TOPIC: ClassVar[str] = "site"
    Event = Fact

    GatewayPinned = site_money.GatewayPinned
    SettingChanged = site_money.SettingChanged
    Reconciled = site_money.Reconciled
    DriftDetected = site_money.DriftDetected
    DriftResolved = site_money.DriftResolved

    class Founded(FirstFact):
        """The stream of the site begins."""

        TOPIC: ClassVar[str] = "site.founded"

        def apply(self, site: Site) -> None:
            """Nothing is known yet."""

    Created = Founded

    class SegmentSaved(Fact):
        """A segment is this filter now; None where the segment was removed.

        What it looks for in names is sealed with a key of the segment's own.
        """

        TOPIC: ClassVar[str] = "site.segment_saved"
        segment_id: UUID
        name: str
        filter: SegmentFilter | None
        text: Personal[str | None]

        @property
        def subject_id(self) -> UUID:
            """The segment."""
            return self.segment_id

        def apply(self, site: Site) -> None:
            """Another filter, or none."""
            site.known_segments[self.segment_id] = self.name
            if self.filter is None:
                site.segments.pop(self.segment_id, None)
            else:
                saved = SavedSegment(self.name, self.filter, self.text)
                site.segments[self.segment_id] = saved

    class ViewRebuilt(Fact):
        """Views were folded anew, proved, and took the place of the ones before."""

        TOPIC: ClassVar[str] = "site.view_rebuilt"
        receipt: RebuildReceipt

        def apply(self, site: Site) -> None:
            """One receipt more."""
            site.rebuilds[self.receipt.rebuild_id] = self.receipt

    class FactSkipped(Fact):
        """The views leave a fact out, which stays in the books all the same."""

        TOPIC: ClassVar[str] = "site.fact_skipped"
        position: int
        stream_id: UUID
        fact_version: int
        topic: str
        concerns: UUID | None
        reason: str

        @property
        def subject_id(self) -> UUID | None:
            """Whom the fact concerns that is left out."""
            return self.concerns

        def apply(self, site: Site) -> None:
            """One fact less to fold."""
            site.skipped[self.position] = self.reason

    def __init__(self) -> None:
        super().__init__()
        self.segments: dict[UUID, SavedSegment] = {}
        self.known_segments: dict[UUID, str] = {}
        self.rebuilds: dict[UUID, RebuildReceipt] = {}
        self.skipped: dict[int, str] = {}

    @classmethod
    def found(cls, *, stamp: Stamp) -> Self:
        """Begin the stream."""
        return cls.begin(cls.Founded, ids.SITE, stamp=stamp)

    def save_segment(
        self,
        segment_id: UUID,
        *,
        name: str,
        asked: SegmentFilter,
        text: str,
        currency: str,
        stamp: Stamp,
    ) -> None:
        """Save a filter under a name, or change what was saved under this id.

        `text` is looked for in names and addresses, word by word; `currency` is the site's.
        The same again is no news.
        """
        words = " ".join(text.split())
        saved = SavedSegment(
            texts.one_line(text=name, field="name"),
            checked(asked, currency=currency),
            texts.one_line(text=words, field="text") if words else None,
        )
        others = (one.name for i, one in self.segments.items() if i != segment_id)
        if saved.name.casefold() in {other.casefold() for other in others}:
            raise SegmentNameTaken(segment_name=saved.name)
        if self.segments.get(segment_id) != saved:
            self.record(
                self.SegmentSaved,
                stamp=stamp,
                segment_id=segment_id,
                name=saved.name,
                filter=saved.filter,
                text=saved.text,
            )

    def remove_segment(self, segment_id: UUID, *, stamp: Stamp) -> None:
        """Keep a segment no longer. Removing twice is no news."""
        if segment_id not in self.known_segments:
            raise NotFound(what="saved segment", id=segment_id)
        if segment_id in self.segments:
            self.record(
                self.SegmentSaved,
                stamp=stamp,
                segment_id=segment_id,
                name=self.segments[segment_id].name,
                filter=None,
                text=None,
            )

    def record_rebuild(self, receipt: RebuildReceipt, *, stamp: Stamp) -> None:
        """Keep the receipt of a rebuild. One rebuild has one receipt."""
        counts = [receipt.from_position, receipt.facts, receipt.milliseconds]
        counts += [receipt.facts_per_second, receipt.blocked_milliseconds]
        if min(counts) < 0 or receipt.workers < 1 or not receipt.views:
            raise ReceiptMalformed
        if receipt.to_position < receipt.from_position:
            raise ReceiptMalformed
        if receipt.rebuild_id not in self.rebuilds:
            self.record(self.ViewRebuilt, stamp=stamp, receipt=receipt)

    def skip(
        self,
        position: int,
        *,
        stream_id: UUID,
        fact_version: int,
        topic: str,
        concerns: UUID | None,
        reason: str,
        stamp: Stamp,
    ) -> None:
        """Let the views leave a fact of the books out. Twice is no news."""
        reason = texts.reason(reason)
        if position not in self.skipped:
            self.record(
                self.FactSkipped,
                stamp=stamp,
                position=position,
                stream_id=stream_id,
                fact_version=fact_version,
                topic=topic,
                concerns=concerns,
                reason=reason,
            )
