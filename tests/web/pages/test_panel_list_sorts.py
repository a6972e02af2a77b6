"""The member list: who agreed to messages, and a sort for each column that has one."""

from __future__ import annotations

from ledger.facts import Actor
from tests.web.pages.conftest import Place, cause
from tests.web.pages.test_panel_list import exported, people
from web.pages.panel import members_columns
from web.wording.consent import WORDING


def test_who_agreed_to_messages_is_a_filter_that_a_segment_keeps(  # part of SE2
    place: Place,
) -> None:
    agreed, _ = people(place, 2)
    ada = Actor(kind="member", id=agreed)
    place.parts.ledger.agree(agreed, wording=WORDING, where="account", by=ada, cause=cause())
    place.settle()
    staff = place.staff()
    page = staff.get("/panel/members?agrees=yes")
    assert ("Members 1" in page.words, "Person 01" in page.words) == (True, False)
    assert "Agreed to messages" in page.words.partition("Export as CSV")[0]
    form = page.form("/panel/segments")
    fields = {**dict(form.fields), "name": "Friends"}
    kept = staff.client.post("/panel/segments", data=fields, follow_redirects=True).text
    assert "Person 00" in kept
    assert "Person 01" not in kept
    [row] = place.parts.queries.saved_segments.all()
    assert row.agrees is True
    spelled = staff.get(f"/panel/members?change={row.segment_id}&agrees=yes")
    assert "Agreed to messages" in spelled.words.partition("Export as CSV")[0]
    [_, line] = exported(staff, f"saved={row.segment_id}")
    assert line[0] == "Person 00"
    others = staff.get("/panel/members?agrees=no").words
    assert ("Person 01" in others, "Person 00" in others) == (True, False)


def test_every_column_but_tags_and_country_is_sorted_by_its_heading(
    place: Place,
) -> None:  # part of SE3
    place.member(place.plan())
    place.account("bob@example.org", "Bob")
    staff = place.staff()
    columns = [name for name in members_columns.COLUMNS if name not in {"tags", "country"}]
    asked = "&".join(f"columns={name}" for name in members_columns.COLUMNS)
    page = staff.get(f"/panel/members?{asked}")
    sorts = {link.partition("sort=")[2].partition("&")[0] for link in page.links if "sort=" in link}
    assert sorts == {"name", *(members_columns.COLUMNS[name].sort for name in columns)}
    for sort in ("orders", "refunded", "language"):
        assert exported(staff, f"sort={sort}&columns=orders")[1:] != []
    by_orders = exported(staff, "sort=orders&columns=orders")[1:]
    assert [row[0] for row in by_orders] == ["Ada Lovelace", "Bob"]
