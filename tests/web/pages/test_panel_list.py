"""The heart of the panel: who is listed, kept as segments, exported, and seen to all at once."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from ledger import ids
from ledger.facts import Cause
from tests.web.pages.conftest import FREE, MACHINE, Browser, Place, cause
from tests.web.pages.reading import Page
from web.jobs.acting import carry_on_acts
from web.jobs.job import AlwaysLeads, Run
from web.pages.panel import bulk, members, members_export
from web.running import bulk_acts
from web.sessions.bulk_acts import BulkActs

PART = {"HX-Request": "true"}
TAG, UNTAG, LIST = (f"/panel/members/bulk/{name}" for name in ("tag", "untag", "list"))


def people(place: Place, count: int) -> list[UUID]:
    """So many contacts, the first one first by name."""
    return [
        place.account(f"p{number:02}@example.org", f"Person {number:02}") for number in range(count)
    ]


def exported(browser: Browser, query: str = "", lang: str = "en") -> list[list[str]]:
    browser.client.set_cookie("lang", lang)
    answer = browser.client.get(f"/panel/members/export.csv?{query}")
    assert answer.mimetype == "text/csv"
    text = answer.get_data(as_text=True).removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text), delimiter=";" if lang == "fr" else ","))


def tags_of(place: Place, member_id: UUID) -> set[str]:
    return set(place.parts.ledger.member(member_id).tags)


def act_of(page: Page, ending: str = "") -> str:
    """Where a form of an act goes."""
    shape = re.compile(rf"/panel/members/bulk/[0-9a-f-]{{36}}{ending}")
    return next(form.action for form in page.forms if shape.fullmatch(form.action))


def test_what_is_typed_gets_the_list_alone(place: Place) -> None:  # part of SE3
    place.account("zoe@example.org", "Zoë Lemaître")
    place.account("ada@example.org", "Ada Lovelace")
    client = place.staff().client
    part = client.get("/panel/members?q=lemaitre", headers=PART).text
    assert part.lstrip().startswith('<div id="results">')
    assert "Zoë Lemaître" in part
    assert "Ada Lovelace" not in part
    assert "<html" not in part
    assert "hx-swap-oob" in part
    whole = client.get("/panel/members?q=lemaitre").text
    assert "hx-swap-oob" not in whole
    assert "<html" in whole


def test_the_search_keeps_the_filters_that_are_on(place: Place) -> None:
    gold = place.plan()
    place.member(gold)
    place.account("bob@example.org", "Ada Bobson")
    staff = place.staff()
    page = staff.get(f"/panel/members?plan={gold}")
    [form] = [form for form in page.forms if form.action == "/panel/search"]
    assert ("plan", str(gold)) in form.fields
    found = staff.get(f"/panel/search?plan={gold}&status=member&status=former&q=ada").words
    assert "Plan: Gold" in found
    assert "Ada Bobson" not in found


def test_the_last_order_is_a_filter_with_chips(place: Place) -> None:  # part of SE3
    place.member(place.plan())
    place.account("bob@example.org", "Bob")
    staff = place.staff()
    within = staff.get("/panel/members?ordered_from=2026-11-22&ordered_to=2026-11-22")
    assert "Members 1" in within.words
    assert "Last order from 22 Nov 2026" in within.words.replace("Nov 22, 2026", "22 Nov 2026")
    assert "Members 0" in staff.get("/panel/members?ordered_from=2026-11-23").words
    assert "Members 0" in staff.get("/panel/members?ordered_to=2026-11-21").words


def test_a_filter_that_cant_be_read_is_told_and_the_others_hold(place: Place) -> None:
    gold = place.plan()
    place.member(gold)
    place.account("bob@example.org", "Bob")
    page = place.staff().get(f"/panel/members?plan={gold}&spent_from=much&joined_from=soon&q=ada")
    assert "Plan: Gold" in page.words
    assert "“ada”" in page.words
    assert "This is not an amount such as 12.50." in page.words
    assert "Members 1" in page.words
    form = next(form for form in page.forms if ("spent_from", "much") in form.fields)
    assert ("joined_from", "soon") in form.fields


def test_columns_are_chosen_by_the_address_and_kept_by_the_browser(place: Place) -> None:
    place.member(place.plan())
    staff = place.staff()
    address = "/panel/members?columns=language&columns=orders"
    assert table(staff.get(address)).endswith("Ada Lovelace ada@example.org 1 en")
    assert "Number of orders" not in table(staff.get("/panel/members"))
    kept = staff.get(f"{address}&keep=1")
    assert urlsplit(kept.path).query == ""
    assert "Number of orders" in table(staff.get("/panel/members"))
    assert "Number of orders" not in table(staff.get("/panel/members?columns=email"))


def table(page: Page) -> str:
    """What the list itself says, after the bar above it."""
    return page.words.partition("Export as CSV")[2]


def test_a_file_has_exactly_what_is_shown(place: Place) -> None:  # part of EX1
    place.member(place.plan())
    place.account("zoe@example.org", "=Zoë")
    place.account("bob@example.org", "Bob")
    staff = place.staff()
    header, *rows = exported(staff, "sort=name&direction=desc&columns=spent&columns=joined")
    assert header == ["name", "email", "joined_at", "spent_minor", "spent_currency"]
    assert [row[0] for row in rows] == ["Bob", "Ada Lovelace", "'=Zoë"]
    assert rows[1][2] == "2026-11-22T12:00:00Z"
    assert rows[1][3:] == ["1200", "EUR"]
    assert [row[0] for row in exported(staff, "q=bob", "fr")[1:]] == ["Bob"]


def test_a_long_file_is_read_piece_by_piece_and_whole(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:  # part of EX1
    people(place, 3)
    monkeypatch.setattr(members_export, "AT_ONCE", 2)
    rows = exported(place.staff(), "sort=name&direction=asc")[1:]
    assert [row[0] for row in rows] == ["Person 00", "Person 01", "Person 02"]


def test_an_act_leads_back_to_the_page_of_the_list_where_it_was_begun(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "PAGE", 2)
    people(place, 3)
    staff = place.staff()
    first = staff.get("/panel/members?sort=name&direction=asc")
    [way] = [link for link in first.links if "cursor=" in link]
    second = staff.get(way)
    assert "Person 02" in table(second)
    after = staff.send(second, TAG, who="all", tag="late")
    assert "Person 02" in table(after)
    assert "Person 00" not in table(after)


def test_a_file_of_those_who_are_ticked_has_nobody_else(place: Place) -> None:
    first, _, third = people(place, 3)
    rows = exported(place.staff(), f"member={third}&member={first}&member=nobody&columns=email")
    assert [row[0] for row in rows[1:]] == ["Person 02", "Person 00"]


def test_a_segment_is_saved_found_renamed_and_ended(place: Place) -> None:  # part of SE2
    gold = place.plan()
    place.member(gold)
    place.account("bob@example.org", "Bob")
    staff = place.staff("store_manager")
    page = staff.get(f"/panel/members?plan={gold}&spent_from=10&q=ada&joined_to=2026-11-30")
    saved = staff.send(page, "/panel/segments", name="Patrons")
    assert "The segment “Patrons” is saved." in saved.words
    assert "Members 1" in saved.words
    for chip in ("Plan: Gold", "Spent at least €10.00", "“ada”", "Joined until"):
        assert chip in saved.words
    [row] = place.parts.queries.saved_segments.all()
    listed = staff.get("/panel/segments")
    assert "Patrons 1" in listed.words
    path = f"/panel/segments/{row.segment_id}"
    renamed = staff.send(listed, path, name="Friends")
    assert "The segment “Friends” is changed." in renamed.words
    [again] = place.parts.queries.saved_segments.all()
    assert again[2:-2] != row[2:-2]
    assert again.joined_before == row.joined_before
    assert again.text == "ada"
    gone = staff.send(staff.get("/panel/segments"), f"{path}/end")
    assert "No segment is saved yet." in gone.words


def test_a_segment_may_ask_for_others_from_now_on(place: Place) -> None:
    place.member(place.plan())
    staff = place.staff()
    page = staff.send(staff.get("/panel/members?q=ada"), "/panel/segments", name="Adas")
    [row] = place.parts.queries.saved_segments.all()
    path = f"/panel/segments/{row.segment_id}"
    assert path not in {form.action for form in page.forms}
    other = staff.get(f"/panel/members?change={row.segment_id}&status=member")
    changed = staff.send(other, path)
    assert "The segment “Adas” is changed." in changed.words
    [row] = place.parts.queries.saved_segments.all()
    assert (row.statuses, row.text) == (("member",), None)


def test_a_name_that_is_taken_keeps_the_filters(place: Place) -> None:
    place.account()
    staff = place.staff()
    staff.send(staff.get("/panel/members?q=ada"), "/panel/segments", name="Adas")
    again = staff.send(staff.get("/panel/members?q=lovelace"), "/panel/segments", name="adas")
    assert "“lovelace”" in again.words
    assert len(place.parts.queries.saved_segments.all()) == 1


def test_the_counts_of_saved_segments_come_after_the_page(place: Place) -> None:
    place.account()
    staff = place.staff()
    staff.send(staff.get("/panel/members?q=ada"), "/panel/segments", name="Adas")
    assert "/panel/segments/tabs" in staff.client.get("/panel/members").text
    part = staff.client.get("/panel/segments/tabs", headers=PART).text
    assert "hx-trigger" not in part
    assert re.search(r'Adas <span class="count">\s*1\s*</span>', part)


def test_all_that_match_are_tagged_and_nobody_else(place: Place) -> None:  # part of AC9
    chosen = people(place, 3)
    other = place.account("other@example.org", "Other")
    place.parts.ledger.tag(chosen[0], "press", by=MACHINE, cause=cause())
    place.settle()
    staff = place.staff("store_manager")
    page = staff.send(staff.get("/panel/members?q=person"), TAG, tag="press")
    assert "2 members were tagged “press”. 1 was so already." in page.words
    assert "“person”" in page.words
    assert [tags_of(place, one) for one in chosen] == [{"press"}] * 3
    assert tags_of(place, other) == set()


def test_only_those_who_are_ticked_are_tagged(place: Place) -> None:
    first, second, third = people(place, 3)
    staff = place.staff()
    ticked = [str(first), str(third)]
    page = staff.send(staff.get("/panel/members"), TAG, tag="press", who="ticked", member=ticked)
    assert "2 members were tagged “press”." in page.words
    assert [tags_of(place, one) for one in (first, second, third)] == [{"press"}, set(), {"press"}]
    nobody = staff.send(staff.get("/panel/members"), TAG, tag="other", who="ticked")
    assert "Nobody is ticked" in nobody.words
    assert "A tag has 1 to 50" in staff.send(staff.get("/panel/members"), TAG, tag="").words


def test_undoing_takes_the_tag_off_those_who_got_it_alone(place: Place) -> None:
    had, got = people(place, 2)
    place.parts.ledger.tag(had, "press", by=MACHINE, cause=cause())
    place.settle()
    staff = place.staff()
    page = staff.send(staff.get("/panel/members"), TAG, tag="press")
    undone = staff.send(page, act_of(page, "/undo"))
    assert "Undone: “press” was taken off 1 member again." in undone.words
    assert tags_of(place, had) == {"press"}
    assert tags_of(place, got) == set()
    again = staff.send(page, act_of(page, "/undo"))
    assert tags_of(place, had) == {"press"}
    assert "/undo" not in "".join(form.action for form in again.forms)


def test_undoing_puts_back_a_tag_that_was_taken_off(place: Place) -> None:
    had, never = people(place, 2)
    place.parts.ledger.tag(had, "press", by=MACHINE, cause=cause())
    place.settle()
    staff = place.staff()
    page = staff.get("/panel/members")
    fields = dict(page.form(TAG).filled({"tag": "press"}))
    staff.client.post(UNTAG, data=fields)
    assert tags_of(place, had) == set()
    page = staff.get("/panel/members")
    staff.send(page, act_of(page, "/undo"))
    assert tags_of(place, had) == {"press"}
    assert tags_of(place, never) == set()


def test_undo_is_offered_for_ten_seconds(place: Place) -> None:
    people(place, 1)
    staff = place.staff()
    page = staff.send(staff.get("/panel/members"), TAG, tag="press")
    assert act_of(page, "/undo")
    place.clock.advance(timedelta(seconds=11))
    later = staff.get("/panel/members")
    assert "/undo" not in "".join(form.action for form in later.forms)
    assert "were tagged" not in later.words


def test_a_form_that_is_sent_twice_does_it_once(place: Place) -> None:
    [only] = people(place, 1)
    staff = place.staff()
    page = staff.get("/panel/members")
    before = staff.send(page, TAG, tag="press").words
    position = place.parts.recorder.max_notification_id()
    assert "1 member was tagged “press”." in before
    place.parts.ledger.untag(only, "press", by=MACHINE, cause=cause())
    assert "1 member was tagged “press”." in staff.send(page, TAG, tag="press").words
    assert tags_of(place, only) == set()
    assert place.parts.recorder.max_notification_id() == (position or 0) + 1


def test_an_act_that_broke_off_is_told_and_the_schedule_brings_it_to_its_end(
    place: Place,
) -> None:
    chosen = people(place, 3)
    staff = place.staff()
    staff.get("/panel/members")
    by = place.parts.ledger.contributor_by_email("administrator@example.org")
    assert by is not None
    act_id = ids.new()
    begin(place.parts.desk.bulk_acts, act_id, by, chosen)
    # One was tagged before the server went away, and nobody had noted it yet.
    done = cause().model_copy(update={"id": ids.derived(act_id, chosen[0])})
    place.parts.ledger.tag(chosen[0], "press", by=MACHINE, cause=done)
    path = f"/panel/members/bulk/{act_id}"
    assert "Tagging “press”: 0 of 3" in staff.get("/panel/members").words
    under_way = staff.client.get(path, headers=PART)
    assert "0 of 3" in under_way.text
    assert "HX-Refresh" not in under_way.headers
    run_acts(place)
    place.clock.advance(timedelta(minutes=5))
    assert staff.client.get(path, headers=PART).headers["HX-Refresh"] == "true"
    over = staff.get("/panel/members")
    assert "3 members were tagged “press”." in over.words
    assert act_of(over, "/undo")
    assert [tags_of(place, one) for one in chosen] == [{"press"}] * 3


def run_acts(place: Place) -> Run:
    """What the schedule does with acts every few seconds."""
    run = Run(parts=place.parts, cause=Cause(kind="job", id=ids.new()), lead=AlwaysLeads())
    carry_on_acts(run)
    assert run.broken == []
    return run


def begin(acts: BulkActs, act_id: UUID, by: UUID, chosen: list[UUID]) -> None:
    acts.begin(act_id, "tag", "press", chosen, by_id=by, back="/panel/members")


def test_nobody_looks_at_what_another_began(place: Place) -> None:
    act_id, other = ids.new(), place.staff("store_manager")
    other.get("/panel/members")
    begin(
        place.parts.desk.bulk_acts, act_id, ids.derived(ids.SITE, "store_manager"), people(place, 1)
    )
    staff, path = place.staff(), f"/panel/members/bulk/{act_id}"
    assert "0 of 1" not in staff.get("/panel/members").words
    assert staff.client.get(path).status_code == 404
    assert other.client.get(path).status_code == 303


def test_all_that_match_are_put_on_a_list_once(place: Place) -> None:  # part of SE2
    chosen = people(place, 2)
    closed = place.account("closed@example.org", "Person closed")
    place.parts.ledger.close_account(closed, "asked", by=MACHINE, cause=cause())
    list_id = ids.new()
    place.parts.ledger.create_list(list_id, name="News", by=MACHINE, cause=cause())
    place.settle()
    staff = place.staff()
    for _ in range(2):
        fields = dict(staff.get("/panel/members?q=person").form(TAG).fields)
        answer = staff.client.post(LIST, data={**fields, "list_id": str(list_id)})
        assert answer.status_code == 303
        said = staff.get(answer.location).words
        assert "2 members are on the list “News” now. 1 was left as it is" in said
    entries = place.parts.ledger.mailing_list(list_id).entries.values()
    assert {entry.member_id for entry in entries} == set(chosen)


def test_what_is_not_done_at_once_is_left_to_the_schedule(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = people(place, 5)
    staff = place.staff()
    monkeypatch.setattr(bulk_acts, "PART", 2)
    monkeypatch.setattr(bulk, "AT_ONCE_SECONDS", 0)
    page = staff.send(staff.get("/panel/members?sort=name"), TAG, tag="press")
    assert "Tagging “press”: 2 of 5" in page.words
    assert "Tagging “press”: 2 of 5" in staff.get("/panel/members").words
    assert run_acts(place).outcomes == {"seen to": 3}
    place.settle()
    assert "5 members were tagged “press”." in staff.get("/panel/members").words
    assert [tags_of(place, one) for one in chosen] == [{"press"}] * 5


def test_a_reader_may_export_and_is_offered_nothing_else(place: Place) -> None:
    people(place, 1)
    page = place.staff("auditor").get("/panel/members?q=person")
    assert "Export as CSV" in page.words
    for said in ("Untag", "Add to list", "Save as a segment"):
        assert said not in page.words


def test_a_list_without_anybody_offers_nothing_to_do_with_them(place: Place) -> None:
    place.plan("Letter", FREE)
    page = place.staff().get("/panel/members?q=nobody")
    assert "Nobody matches these filters." in page.words
    assert "Untag" not in page.words
