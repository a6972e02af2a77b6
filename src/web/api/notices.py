"""Notices: who was told what, why, and what became of it (NO2)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from ledger.errors import NotFound, NoticeSent
from ledger.notification import Locale, State
from ledger.told import Kind, ToldRole
from projections.notices import NoticeRow
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from web.api.framework import Answer, Call, Routes
from web.api.lists import cursor_in
from web.api.models import Page, PageQuery, Reply
from web.api.shapes import Count, done
from web.identity.permissions import Permission
from web.mails.resending import resend
from web.reading.past import Scope

routes = Routes("notices")


class NoticeReply(Reply):
    """A notice. `because_of` is the fact that it tells of, as stream/version."""

    notice_id: UUID
    recipient_kind: Literal["contributor", "member"]
    recipient_id: UUID
    role: ToldRole
    kind: Kind
    because_of: str
    member_id: UUID | None
    locale: Locale
    state: State
    attempts: Count
    queued_at: datetime
    sent_at: datetime | None
    retry_at: datetime | None
    why: str | None

    @classmethod
    def of(cls, row: NoticeRow) -> NoticeReply:
        """As the view has it."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class NoticesQuery(PageQuery):
    """The list; all that is given must hold. `member_id` is whom a notice concerns."""

    descending: bool = True
    recipient_id: UUID | None = None
    member_id: UUID | None = None
    kind: Kind | None = None
    state: State | None = None


@routes.get(
    "/notices",
    permission=Permission.READ_MEMBERS,
    summary="List notices",
    query=NoticesQuery,
    answers=Page[NoticeReply],
    past=Scope.LISTS,
)
def list_notices(call: Call[None, NoticesQuery]) -> Page[NoticeReply]:
    """By when they were queued, the latest first unless told."""
    asked = call.query
    filters = NoticeFilter(**asked.model_dump(exclude={"cursor", "limit", "descending"}))
    turn = Turn("queued", asked.descending, asked.limit, cursor_in(call))
    page = call.queries.notices.page(filters, turn)
    return Page[NoticeReply](
        items=[NoticeReply.of(row) for row in page.rows],
        next=call.cursor([page.next_cursor]) if page.next_cursor else None,
    )


@routes.post(
    "/notices/<uuid:notice_id>/resend",
    permission=Permission.CHANGE_NOTICES,
    summary="Send a notice again",
    refusals=(NotFound, NoticeSent),
)
def resend_notice(call: Call[None, None], notice_id: UUID) -> Answer:
    """One that was given up, or came back: it waits for a letter of its own, as at first.

    One that still waits is left as it is; one that was sent is refused.
    """
    return done(resend(call.parts, notice_id, by=call.actor, cause=call.cause))
