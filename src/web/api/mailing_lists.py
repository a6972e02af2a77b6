"""Mailing lists: fixed sets of contacts, and of addresses that are no contacts (SE2)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from ledger import ids
from ledger.errors import AccountClosed, EmailMalformed, ListEnded, NotFound, TextMalformed
from ledger.mailing_list import Entry
from projections.queries.mailing_lists import ListSummary
from projections.queries.paging import Turn
from web.api.framework import Answer, Call, Routes
from web.api.lists import cursor_in
from web.api.models import Body, Page, PageQuery, Reply
from web.api.shapes import Count, Made, ShortText, done, made
from web.identity.permissions import Permission
from web.mails.erasing import erase_address
from web.reading.past import Scope

routes = Routes("lists")
MOST_AT_ONCE = 500


class ListReply(Reply):
    """A list, and how many are on it."""

    list_id: UUID
    name: str
    entries: Count
    created_at: datetime
    ended_at: datetime | None


class ListEntryReply(Reply):
    """A contact with name and address as they are now; or an address, which has no name.

    `agrees`: to campaign messages, by their own word or by that of whoever added the address.
    """

    entry_id: UUID
    member_id: UUID | None
    name: str | None
    email: str
    added_at: datetime
    agrees: bool


class ListOfMemberReply(Reply):
    """A list that a contact is on."""

    list_id: UUID
    name: str
    entry_id: UUID
    added_at: datetime
    ended_at: datetime | None


class NewList(Body):
    """A new list."""

    name: ShortText


class NewEntries(Body):
    """Who is added; the address of an open account stands for that contact."""

    member_ids: list[UUID] = Field(default=[], max_length=MOST_AT_ONCE)
    emails: list[ShortText] = Field(default=[], max_length=MOST_AT_ONCE)
    consented: bool = Field(
        default=False,
        description="staff state that the owners of the addresses agreed to messages",
    )


class ErasedAddress(Body):
    """An address whose owner has no account and wants to be known no more."""

    email: ShortText


class AddressErased(Reply):
    """On how many lists it was; 0 where it stood on none by itself."""

    lists: Count


class EntryAdded(Reply):
    """What became of one who was to be added: on the list, or left off because they asked."""

    entry_id: UUID | None
    outcome: Literal["on_list", "unsubscribed", "off_list"]


class EntriesAdded(Reply):
    """Each of them, in the order of the request."""

    members: list[EntryAdded]
    emails: list[EntryAdded]


@routes.get(
    "/lists",
    permission=Permission.READ_MEMBERS,
    summary="List mailing lists",
    answers=Page[ListReply],
    past=Scope.LISTS,
)
def list_lists(call: Call[None, None]) -> Page[ListReply]:
    """Every one by name, also those that are over."""
    return Page[ListReply](items=[_list(row) for row in call.queries.mailing_lists.all()])


@routes.get(
    "/lists/<uuid:list_id>",
    permission=Permission.READ_MEMBERS,
    summary="One mailing list",
    answers=ListReply,
    refusals=(NotFound,),
    past=Scope.LISTS,
)
def show_list(call: Call[None, None], list_id: UUID) -> ListReply:
    """With how many are on it."""
    return _list(_found(call, list_id))


@routes.get(
    "/lists/<uuid:list_id>/entries",
    permission=Permission.READ_MEMBERS,
    summary="List who is on a mailing list",
    query=PageQuery,
    answers=Page[ListEntryReply],
    refusals=(NotFound,),
    past=Scope.LISTS,
)
def list_entries(call: Call[None, PageQuery], list_id: UUID) -> Page[ListEntryReply]:
    """In the order in which they were added."""
    _found(call, list_id)
    turn = Turn("added", limit=call.query.limit, cursor=cursor_in(call))
    page = call.queries.mailing_lists.entries(list_id, turn)
    return Page[ListEntryReply](
        items=[
            ListEntryReply(
                entry_id=row.entry_id,
                member_id=row.member_id,
                name=row.name,
                email=row.email,
                added_at=row.added_at,
                agrees=row.agrees,
            )
            for row in page.rows
        ],
        next=call.cursor([page.next_cursor]) if page.next_cursor else None,
    )


@routes.get(
    "/members/<uuid:member_id>/lists",
    permission=Permission.READ_MEMBERS,
    summary="List the mailing lists that a member is on",
    answers=Page[ListOfMemberReply],
    refusals=(NotFound,),
    past=Scope.LISTS,
)
def list_lists_of_member(call: Call[None, None], member_id: UUID) -> Page[ListOfMemberReply]:
    """By name (AC11)."""
    call.parts.ledger.member(member_id)
    return Page[ListOfMemberReply](
        items=[
            ListOfMemberReply(
                list_id=row.list_id,
                name=row.name,
                entry_id=row.entry_id,
                added_at=row.added_at,
                ended_at=row.ended_at,
            )
            for row in call.queries.mailing_lists.of_member(member_id)
        ]
    )


@routes.post(
    "/lists",
    permission=Permission.CHANGE_LISTS,
    summary="Create a mailing list",
    body=NewList,
    answers=Made,
    status=201,
    refusals=(TextMalformed,),
)
def create_list(call: Call[NewList, None]) -> Answer:
    """Nobody is on it yet."""
    list_id = ids.derived(call.command_id, "list")
    position = call.parts.ledger.create_list(
        list_id, name=call.body.name, by=call.actor, cause=call.cause
    )
    return made(list_id, position)


@routes.post(
    "/lists/<uuid:list_id>/entries",
    permission=Permission.CHANGE_LISTS,
    summary="Add to a mailing list",
    body=NewEntries,
    answers=EntriesAdded,
    refusals=(NotFound, ListEnded, AccountClosed, EmailMalformed),
)
def add_entries(call: Call[NewEntries, None], list_id: UUID) -> Answer:
    """All of them, or none where one is refused. Nobody is on a list twice."""
    ledger, asked = call.parts.ledger, call.body
    position = ledger.add_to_list(
        list_id,
        member_ids=asked.member_ids,
        emails=asked.emails,
        consented=asked.consented,
        by=call.actor,
        cause=call.cause,
    )
    found = ledger.entries_of(list_id, member_ids=asked.member_ids, emails=asked.emails)
    said = [_added(entry) for entry in found]
    members, emails = said[: len(asked.member_ids)], said[len(asked.member_ids) :]
    return Answer(reply=EntriesAdded(members=members, emails=emails), position=position or None)


@routes.delete(
    "/lists/<uuid:list_id>/entries/<uuid:entry_id>",
    permission=Permission.CHANGE_LISTS,
    summary="Take off a mailing list",
    refusals=(NotFound,),
)
def take_off(call: Call[None, None], list_id: UUID, entry_id: UUID) -> Answer:
    """They may be added again."""
    ledger = call.parts.ledger
    return done(ledger.take_off_list(list_id, entry_id, by=call.actor, cause=call.cause))


@routes.post(
    "/lists/erase",
    permission=Permission.CHANGE_LISTS,
    summary="Erase an address that is no member's",
    body=ErasedAddress,
    answers=AddressErased,
    refusals=(EmailMalformed,),
)
def erase(call: Call[ErasedAddress, None]) -> AddressErased:
    """On every list that it is or was on, for ever: what is kept of it can't be read any more."""
    lists = erase_address(call.parts, call.body.email, by=call.actor, cause=call.cause)
    return AddressErased(lists=lists)


@routes.post(
    "/lists/<uuid:list_id>/end",
    permission=Permission.CHANGE_LISTS,
    summary="End a mailing list",
    refusals=(NotFound,),
)
def end_list(call: Call[None, None], list_id: UUID) -> Answer:
    """Nobody is added any more; who was on it stays to be seen."""
    return done(call.parts.ledger.end_list(list_id, by=call.actor, cause=call.cause))


def _found(call: Call[None, PageQuery] | Call[None, None], list_id: UUID) -> ListSummary:
    row = call.queries.mailing_lists.one(list_id)
    if row is None:
        raise NotFound(what="list", id=list_id)
    return row


def _list(row: ListSummary) -> ListReply:
    return ListReply(
        list_id=row.list_id,
        name=row.name,
        entries=row.entries,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _added(entry: Entry | None) -> EntryAdded:
    if entry is None or not (entry.is_on or entry.unsubscribed):
        return EntryAdded(entry_id=entry and entry.entry_id, outcome="off_list")
    outcome: Literal["on_list", "unsubscribed"] = "on_list" if entry.is_on else "unsubscribed"
    return EntryAdded(entry_id=entry.entry_id, outcome=outcome)
