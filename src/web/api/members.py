"""Members: the list, one, their access and history, closing an account (SE3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from ledger.errors import (
    AccountClosed,
    AccountHasHistory,
    NotFound,
    ReasonMalformed,
)
from ledger.money import Money
from projections.history import Entry
from projections.notes import NoteRow
from projections.queries.members import MemberFilter, MemberSort, MemberSummary
from projections.queries.paging import Turn
from projections.queries.segments import Segment, Status
from projections.spending import SpendingRow
from web.api.access import answer_of
from web.api.framework import Answer, Call, Routes
from web.api.lists import cursor_in
from web.api.models import Body, InstantField, Page, PageQuery, Query, Reply
from web.api.shapes import (
    AccessReply,
    Counted,
    LongText,
    RecordedFactReply,
    SpentReply,
    done,
    recorded_fact,
)
from web.identity.permissions import Permission
from web.reading.facts import hidden_from
from web.reading.past import Scope
from web.sessions.sessions import Kind

routes = Routes("members")
LARGEST = 2**53 - 1


class StandingReply(Reply):
    """A membership that stands now; `until` null where it has no end."""

    membership_id: UUID
    plan_id: UUID
    plan_name: str
    standing: str
    until: datetime | None


class MemberReply(Reply):
    """A line of the list. Totals in the site's currency and mode: net = gross less the rest."""

    member_id: UUID
    name: str
    email: str
    verified: bool
    locale: str
    status: Status
    plans: list[StandingReply]
    opened_at: datetime
    closed_at: datetime | None
    joined_at: datetime | None
    last_joined_at: datetime | None
    is_customer: bool
    tags: list[str]
    order_count: int
    last_order_at: datetime | None
    gross: Money
    refunded: Money
    disputed: Money
    net: Money


class NoteReply(Reply):
    """What staff wrote, as it stands now."""

    note_id: UUID
    text: str
    author_kind: str
    author_id: UUID | None
    written_at: datetime
    corrected_at: datetime | None


class MethodShown(Reply):
    """What may be shown of a saved payment method."""

    brand: str | None
    last_four: str | None
    expires: str | None
    country: str | None


class Profile(MemberReply):
    """A member with everything about them; engagement is what the site saw lately (AC11)."""

    method: MethodShown | None
    notes: list[NoteReply]
    spent: list[SpentReply]
    duplicates: list[UUID] | None = Field(
        description="same name or card, another e-mail (SE1); null as of a moment"
    )
    last_sign_in_at: datetime | None = Field(description="null as of a moment")
    content_opened_at: datetime | None = Field(description="null as of a moment")
    is_stale: bool = Field(description="a fact of theirs could not be read into the views")


class MemberTurnQuery(PageQuery):
    """How a list of members is sorted, and which page of it."""

    sort: MemberSort = "name"
    descending: bool = False


class MembersQuery(MemberTurnQuery):
    """The list; all that is given must hold. Money is net, in the site's currency's minor units."""

    text: str = Field(default="", max_length=200, description="words of names and addresses")
    status: list[Status] = []
    segment: Segment | None = None
    plan_id: UUID | None = None
    tag: str | None = Field(default=None, max_length=200)
    joined_from: InstantField | None = None
    joined_before: InstantField | None = None
    spent_from: int | None = Field(default=None, ge=-LARGEST, le=LARGEST)
    spent_to: int | None = Field(default=None, ge=-LARGEST, le=LARGEST)
    last_order_from: InstantField | None = None
    last_order_before: InstantField | None = None
    method_country: str | None = Field(default=None, max_length=2)
    agrees: bool | None = Field(default=None, description="to messages beside what they bought")


class MemberPage(Page[MemberReply]):
    """Some members, and how many there are in all."""

    total: Counted


class ReasonBody(Body):
    """Why."""

    reason: LongText


class AccessOfQuery(Query):
    """To which plan's content, and when; now, unless told."""

    plan_id: UUID
    at: InstantField | None = None


@routes.get(
    "/members",
    permission=Permission.READ_MEMBERS,
    summary="List members",
    query=MembersQuery,
    answers=MemberPage,
    past=Scope.LISTS,
)
def list_members(call: Call[None, MembersQuery]) -> MemberPage:
    """Everybody who ever opened an account: sorted, filtered, searched (SE3)."""
    beside = {"cursor", "limit", "sort", "descending", "status"}
    said = call.query.model_dump(exclude=beside)
    return members_page(call, MemberFilter(statuses=tuple(call.query.status), **said))


@routes.get(
    "/members/<uuid:member_id>",
    permission=Permission.READ_MEMBERS,
    summary="One member",
    answers=Profile,
    past=Scope.MEMBER,
)
def show_member(call: Call[None, None], member_id: UUID) -> Profile:
    """With method, notes, totals by currency, and when they were last here (AC11)."""
    queries, row = call.queries, _found(call, member_id)
    seen = None if call.past else call.parts.desk.engagement.of(member_id)
    return Profile.model_validate(
        {
            **_line(call, row),
            "method": _method(row),
            "notes": [_note(note) for note in queries.members.notes_of(member_id)],
            "spent": [spent_reply(one) for one in queries.money.spending_of(member_id)],
            "duplicates": _duplicates(call, member_id),
            "last_sign_in_at": seen and seen.signed_in_at,
            "content_opened_at": seen and seen.content_opened_at,
            "is_stale": call.parts.views.is_stale(member_id),
        }
    )


@routes.get(
    "/members/<uuid:member_id>/access",
    permission=Permission.READ_MEMBERS,
    summary="A member's access, explained",
    query=AccessOfQuery,
    answers=AccessReply,
    past=Scope.BOOKS,
)
def explain_access(call: Call[None, AccessOfQuery], member_id: UUID) -> AccessReply:
    """The answer with the rule and the facts that decide it, at any instant (AX7)."""
    return answer_of(call, member_id, call.query.plan_id, call.query.at)


@routes.get(
    "/members/<uuid:member_id>/history",
    permission=Permission.READ_HISTORY,
    summary="A member's history",
    query=PageQuery,
    answers=Page[RecordedFactReply],
    past=Scope.BOOKS,
)
def show_history(call: Call[None, PageQuery], member_id: UUID) -> Page[RecordedFactReply]:
    """Every fact about them, oldest first, straight from the books (AU2); what is personal for who
    may read of members.
    """
    call.member(member_id)
    place = call.place()
    after = int(place[0] or 0) if place else 0
    entries = [
        entry for entry in call.queries.history.of_subject(member_id) if entry.position > after
    ]
    page = entries[: call.query.limit]
    more = len(entries) > len(page)
    return Page[RecordedFactReply](
        items=[_recorded(call, entry) for entry in page],
        next=call.cursor([page[-1].position]) if more else None,
    )


def _recorded(call: Call[None, PageQuery], entry: Entry) -> RecordedFactReply:
    hidden = hidden_from(call.principal.permissions, entry.topic)
    return RecordedFactReply(**recorded_fact(entry, without=hidden))


@routes.post(
    "/members/<uuid:member_id>/close",
    permission=Permission.CLOSE_ACCOUNTS,
    summary="Close an account",
    body=ReasonBody,
    refusals=(NotFound, AccountHasHistory, AccountClosed, ReasonMalformed),
)
def close_account(call: Call[ReasonBody, None], member_id: UUID) -> Answer:
    """Only one that never bought or joined anything (AC4)."""
    member = call.parts.ledger.member(member_id)
    position = call.parts.ledger.close_account(
        member_id, call.body.reason, by=call.actor, cause=call.cause
    )
    call.parts.desk.forget(Kind.MEMBER, member_id, email=member.email)
    return done(position)


def members_page(call: Call[None, Any], filters: MemberFilter) -> MemberPage:
    """A page of some members, sorted as the query asks (it is a MemberTurnQuery)."""
    now, queries = call.now, call.queries.members
    asked: MemberTurnQuery = call.query
    turn = Turn(asked.sort, asked.descending, asked.limit, cursor_in(call))
    page, count = queries.page(filters, turn, now), queries.count(filters, now)
    return MemberPage(
        items=[MemberReply.model_validate(_line(call, row)) for row in page.rows],
        next=call.cursor([page.next_cursor]) if page.next_cursor else None,
        total=Counted(count=count.rows, is_exact=count.is_exact),
    )


def spent_reply(row: SpendingRow) -> SpentReply:
    """A total in its currency and mode."""
    return SpentReply(
        currency=row.currency,
        mode=row.mode,
        gross=Money(row.gross, row.currency),
        refunded=Money(row.refunded, row.currency),
        disputed=Money(row.disputed, row.currency),
        net=Money(row.net, row.currency),
        payments=row.payments,
    )


def _found(call: Call[None, None], member_id: UUID) -> MemberSummary:
    row = call.queries.members.one(member_id, call.now)
    if row is None:
        raise NotFound(what="member", id=member_id)
    return row


def _duplicates(call: Call[None, None], member_id: UUID) -> list[UUID] | None:
    """Of the past, one member is read alone: who else there was can't be told."""
    if call.past is not None:
        return None
    return [one.member_id for one in call.queries.members.duplicates_of(member_id, call.now)]


def _line(call: Call[Any, Any], row: MemberSummary) -> dict[str, object]:
    amounts = {"gross", "refunded", "disputed", "net"}
    same = {name: getattr(row, name) for name in set(MemberReply.model_fields) - amounts}
    currency = call.parts.site.currency
    return {
        **same,
        **{name: Money(getattr(row, name), currency) for name in amounts},
        "plans": [
            {name: getattr(stay, name) for name in StandingReply.model_fields} for stay in row.plans
        ],
        "tags": list(row.tags),
    }


def _method(row: MemberSummary) -> MethodShown | None:
    if row.method_brand is None:
        return None
    return MethodShown(
        brand=row.method_brand,
        last_four=row.method_last_four,
        expires=row.method_expires,
        country=row.method_country,
    )


def _note(row: NoteRow) -> NoteReply:
    return NoteReply(
        note_id=row.note_id,
        text=row.text,
        author_kind=row.author_kind,
        author_id=row.author_id,
        written_at=row.written_at,
        corrected_at=row.corrected_at,
    )
