"""Tags and notes: what staff write about members, who never see it (AC9)."""

from __future__ import annotations

from uuid import UUID

from ledger import ids
from ledger.errors import NoteMalformed, NotFound, TagMalformed, TooManyTags
from web.api.framework import Answer, Call, Routes
from web.api.models import Body, Page, Query, Reply
from web.api.shapes import LongText, Made, ShortText, done, made
from web.identity.permissions import Permission
from web.reading.past import Scope

routes = Routes("remarks")


class TagBody(Body):
    """One tag."""

    tag: ShortText


class TagQuery(Query):
    """One tag."""

    tag: ShortText


class TagReply(Reply):
    """A tag in use, and how many have it."""

    tag: str
    members: int


class NoteBody(Body):
    """What a note says."""

    text: LongText


@routes.get(
    "/tags",
    permission=Permission.READ_MEMBERS,
    summary="List tags",
    answers=Page[TagReply],
    past=Scope.LISTS,
)
def list_tags(call: Call[None, None]) -> Page[TagReply]:
    """Every tag in use, and how many have it."""
    tags = call.queries.members.tags()
    return Page[TagReply](items=[TagReply(tag=tag, members=n) for tag, n in tags.items()])


@routes.put(
    "/members/<uuid:member_id>/tags",
    permission=Permission.CHANGE_TAGS,
    summary="Tag a member",
    body=TagBody,
    refusals=(NotFound, TagMalformed, TooManyTags),
)
def tag_member(call: Call[TagBody, None], member_id: UUID) -> Answer:
    """Put one tag on; members never see it (AC9)."""
    ledger = call.parts.ledger
    return done(ledger.tag(member_id, call.body.tag, by=call.actor, cause=call.cause))


@routes.delete(
    "/members/<uuid:member_id>/tags",
    permission=Permission.CHANGE_TAGS,
    summary="Untag a member",
    query=TagQuery,
    refusals=(NotFound, TagMalformed),
)
def untag_member(call: Call[None, TagQuery], member_id: UUID) -> Answer:
    """Take one tag off."""
    ledger = call.parts.ledger
    return done(ledger.untag(member_id, call.query.tag, by=call.actor, cause=call.cause))


@routes.post(
    "/members/<uuid:member_id>/notes",
    permission=Permission.CHANGE_NOTES,
    summary="Write a note",
    body=NoteBody,
    answers=Made,
    status=201,
    refusals=(NotFound, NoteMalformed),
)
def write_note(call: Call[NoteBody, None], member_id: UUID) -> Answer:
    """Its author and time are kept; members never see it (AC9)."""
    note_id = ids.derived(call.command_id, "note")
    position = call.parts.ledger.write_note(
        member_id, note_id, call.body.text, by=call.actor, cause=call.cause
    )
    return made(note_id, position)


@routes.put(
    "/members/<uuid:member_id>/notes/<uuid:note_id>",
    permission=Permission.CHANGE_NOTES,
    summary="Correct a note",
    body=NoteBody,
    refusals=(NotFound, NoteMalformed),
)
def correct_note(call: Call[NoteBody, None], member_id: UUID, note_id: UUID) -> Answer:
    """By a fact of its own: the books keep what it said before (AC9)."""
    ledger, text = call.parts.ledger, call.body.text
    return done(ledger.correct_note(member_id, note_id, text, by=call.actor, cause=call.cause))
