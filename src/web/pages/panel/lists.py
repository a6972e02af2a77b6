"""Mailing lists: all of them, and one with who is on it and what was sent to it (SE2)."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger import ids, texts
from ledger.errors import EmailMalformed, LedgerError, NotFound
from ledger.texts import LONGEST_EMAIL, LONGEST_NAME
from projections.queries.mailing_lists import ListSummary
from projections.queries.paging import Turn
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails.erasing import erase_address
from web.pages.filling import Args, blame, signed
from web.pages.forms import Filled, command_id, read_args, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.pages.panel.listing import PAGE, ListArgs
from web.pages.past_pages import of_moment, past, reading
from web.problems import FieldFault
from web.reading.past import Scope
from web.wording.languages import gettext, ngettext, say

pages = group("lists", url_prefix="/panel/lists")

MOST_AT_ONCE = 2_000
"""Addresses of one form: each is looked up before any is added."""


class NameForm(Query):
    """What a new list is called."""

    name: str = Field(max_length=4 * LONGEST_NAME)


class AddressesForm(Query):
    """Addresses, one a line, and whether their owners agreed to messages."""

    addresses: str
    consented: Literal["yes"] | None = None


class EntryForm(Query):
    """An entry of the list."""

    entry: UUID


class AddressForm(Query):
    """An address that is to be erased."""

    address: str = Field(max_length=4 * LONGEST_EMAIL)


class OfEntryArgs(Args):
    """The entry whose address it is, where somebody came from a list."""

    list_id: UUID | None = None
    entry: UUID | None = None


@pages.get("")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def listing() -> str:
    """Every list, also those that are over."""
    return _listing()


@pages.post("")
@requires(Permission.CHANGE_LISTS)
def create() -> Response | tuple[str, int]:
    """A new, empty list."""
    filled, wrong = read_form(NameForm), ""
    if filled.value is not None:
        list_id = ids.derived(command_id(), "list")
        try:
            settled(parts().ledger.create_list(list_id, name=filled.value.name, **signed()))
            return onward("lists.one", list_id=list_id)
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
    return _listing(filled, wrong), UNPROCESSABLE


@pages.get("/<uuid:list_id>")
@requires(Permission.READ_MEMBERS)
@of_moment(Scope.LISTS)
def one(list_id: UUID) -> str:
    """Who is on a list, and what was sent to it."""
    return _one(list_id)


@pages.post("/<uuid:list_id>/addresses")
@requires(Permission.CHANGE_LISTS)
def add(list_id: UUID) -> Response | tuple[str, int]:
    """Put addresses on the list: all of them, or none where a line is no address."""
    filled, wrong = read_form(AddressesForm), ""
    lines = _lines(filled)
    if filled.value is not None:
        faults = _faults(lines)
        if faults:
            said = FieldFault(pointer="/addresses", code="lines", detail=" ".join(faults))
            return _one(list_id, Filled(filled.given, faults={"addresses": said})), UNPROCESSABLE
        try:
            position = parts().ledger.add_to_list(
                list_id,
                emails=[text for _, text in lines],
                consented=filled.value.consented is not None,
                **signed(),
            )
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
        else:
            settled(position)
            return onward("lists.one", _told_of(len(lines), position), list_id=list_id)
    return _one(list_id, filled, wrong), UNPROCESSABLE


@pages.post("/<uuid:list_id>/take-off")
@requires(Permission.CHANGE_LISTS)
def take_off(list_id: UUID) -> Response:
    """Take one entry off; it may be added again."""
    filled = read_form(EntryForm)
    if filled.value is not None:
        settled(parts().ledger.take_off_list(list_id, filled.value.entry, **signed()))
    return onward("lists.one", list_id=list_id)


@pages.get("/erase")
@requires(Permission.CHANGE_LISTS)
def ask_erase() -> str:
    """What erasing an address does, before it is done."""
    return _ask_erase()


@pages.post("/erase")
@requires(Permission.CHANGE_LISTS)
def erase() -> Response | tuple[str, int]:
    """An address that is no member's is unreadable from now on, on every list (SE2)."""
    filled, wrong = read_form(AddressForm), ""
    if filled.value is not None:
        try:
            lists = erase_address(parts(), filled.value.address, **signed())
        except LedgerError as refused:
            filled, wrong = blame(filled, refused)
        else:
            settled()
            said = _told_of_erasure(lists)
            return onward("lists.listing", said, tone="good" if lists else "bad")
    return _ask_erase(filled, wrong), UNPROCESSABLE


@pages.get("/<uuid:list_id>/end")
@requires(Permission.CHANGE_LISTS)
def ask_end(list_id: UUID) -> str:
    """What ending does, before it is done."""
    return render_template("panel/list_end.html", list=found(list_id))


@pages.post("/<uuid:list_id>/end")
@requires(Permission.CHANGE_LISTS)
def end(list_id: UUID) -> Response:
    """Nobody is added any more, and nothing is sent."""
    settled(parts().ledger.end_list(list_id, **signed()))
    return onward("lists.one", gettext("The list is over."), list_id=list_id)


def found(list_id: UUID) -> ListSummary:
    """A list as the page at hand knows it; NotFound."""
    row = reading().queries.mailing_lists.one(list_id)
    if row is None:
        raise NotFound(what="list", id=list_id)
    return row


# --- within -----------------------------------------------------------------------------


def _listing(filled: Filled[NameForm] | None = None, wrong: str = "") -> str:
    rows = reading().queries.mailing_lists.all()
    return render_template("panel/lists.html", lists=rows, form=filled, wrong=wrong)


def _one(list_id: UUID, filled: Filled[Any] | None = None, wrong: str = "") -> str:
    row, queries = found(list_id), reading().queries.mailing_lists
    args = read_args(ListArgs).value or ListArgs()
    messages = queries.messages(list_id)
    figures = {} if past() else parts().desk.campaigns.figures([m.message_id for m in messages])
    return render_template(
        "panel/list.html",
        list=row,
        audience=queries.audience(list_id),
        page=queries.entries(list_id, Turn("added", limit=PAGE, cursor=args.cursor)),
        messages=messages,
        figures=figures,
        form=filled,
        wrong=wrong,
    )


def _ask_erase(filled: Filled[AddressForm] | None = None, wrong: str = "") -> str:
    args = read_args(OfEntryArgs).value or OfEntryArgs()
    address = ""
    if args.list_id and args.entry:
        entry = parts().ledger.mailing_list(args.list_id).entry(args.entry)
        address = "" if entry.is_erased else entry.email or ""
    return render_template("panel/list_erase.html", form=filled, wrong=wrong, address=address)


def _told_of_erasure(lists: int) -> str:
    if not lists:
        return gettext("No list holds this address by itself.")
    return ngettext(
        "The address is erased, on %(num)s list.", "The address is erased, on %(num)s lists.", lists
    ) % {"num": lists}


def _lines(filled: Filled[AddressesForm]) -> list[tuple[int, str]]:
    """What is not empty, with the number of its line."""
    typed = filled.value.addresses if filled.value else ""
    lines = [(number, text.strip(" \t,;")) for number, text in enumerate(typed.splitlines(), 1)]
    return [(number, text) for number, text in lines if text]


def _faults(lines: list[tuple[int, str]]) -> list[str]:
    if len(lines) > MOST_AT_ONCE:
        return [say("At most {most} addresses at once.", most=MOST_AT_ONCE)]
    return [
        say("Line {number} is not an e-mail address: {text}", number=str(number), text=text[:80])
        for number, text in lines
        if not _is_address(text)
    ]


def _is_address(text: str) -> bool:
    try:
        texts.email(text)
    except EmailMalformed:
        return False
    return True


def _told_of(count: int, position: int) -> str:
    if not position:
        return gettext("They were all on the list, or asked to be left off.")
    return ngettext(
        "%(num)s address read; whoever asked to be left off stays off.",
        "%(num)s addresses read; whoever asked to be left off stays off.",
        count,
    ) % {"num": count}
