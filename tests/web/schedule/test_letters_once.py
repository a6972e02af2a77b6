"""A notice that waits has one letter, or a reason, whatever crashes or happens since."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast, get_args

import pytest
from psycopg import OperationalError

from ledger import ids
from ledger.notification import Recipient
from ledger.told import Kind
from projections.queries.notices import NoticeFilter
from projections.queries.paging import Turn
from tests.web.schedule.post import (
    DAY,
    dearer,
    dies_sending,
    dies_travelling,
    due,
    facts_of_notices,
    job_named,
    letter,
    letters,
    told_as,
)
from tests.web.schedule.sites import (
    DECLINES_LATER,
    INDIAN,
    MACHINE,
    VISA,
    Site,
    Stay,
    cause,
    eur,
    every,
)
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Ran, Runner
from web.mails import notice_letters
from web.mails.writing import Writer

TO_MEMBERS = ("own_payment_failed", "renewal_reminder", "price_change")


def waiting(site: Site, kind: str) -> Stay:
    """A member with a notice of a kind that waits for its letter."""
    return {
        "own_payment_failed": _failed,
        "renewal_reminder": _reminded,
        "price_change": _moved,
    }[kind](site)


def _failed(site: Site) -> Stay:
    stay = site.join(DECLINES_LATER)
    site.sleep(28)
    site.run("charges")
    site.run("news")
    return _queued(stay)


def _reminded(site: Site) -> Stay:
    stay = site.join(terms=every("year"))
    site.clock.advance_to(due(stay) - 6 * DAY)
    site.run("reminders")
    return _queued(stay)


def _moved(site: Site, card: str = VISA) -> Stay:
    stay = site.join(card)
    dearer(stay, site.clock.now() + DAY, every("month", amount=1_500))
    site.run("prices")
    return _queued(stay)


def _queued(stay: Stay) -> Stay:
    stay.site.catch_up()
    return stay


def ran(site: Site) -> Ran:
    """The job that sends letters, with what broke."""
    site.catch_up()
    job = job_named("letters")
    return Runner(site.parts, AlwaysLeads()).work(job, job.slot(site.clock.now()))


@pytest.mark.parametrize("kind", TO_MEMBERS)
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("step", ["put_all", "record_notice_sent"])
def test_a_process_that_dies_between_two_steps_leaves_one_letter_and_one_fact_of_it(
    site: Site, kind: str, step: str, is_done: bool
) -> None:  # DU2, DU8, PL4
    stay = waiting(site, kind)
    where = site.parts.desk.mailbox if step == "put_all" else site.parts.ledger
    dies_sending(site, where, step, is_done=is_done)
    was_noted = step == "record_notice_sent" and is_done
    assert site.run("letters") == ({} if was_noted else {"sent": 1})
    assert site.run("letters") == {}
    assert len(letters(stay)) == 1
    assert facts_of_notices(stay, kind) == [["notice.queued", "notice.sent"]]


@pytest.mark.parametrize("kind", ["renewal_reminder", "price_change"])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_process_that_dies_while_it_gives_up_a_letter_leaves_one_fact_and_none_in_the_box(
    site: Site, kind: str, is_done: bool
) -> None:  # DU8, PL4
    stay = waiting(site, kind)
    stay.remove()
    dies_sending(site, site.parts.ledger, "give_up_notice", is_done=is_done)
    assert site.run("letters") == ({} if is_done else {"not told": 1})
    assert letters(stay) == []
    assert facts_of_notices(stay, kind) == [["notice.queued", "notice.given_up"]]


def test_who_runs_the_site_no_more_is_not_told_and_the_member_is(site: Site) -> None:  # DU2
    helper, ledger = ids.new(), site.parts.ledger
    ledger.add_contributor(
        helper,
        email="eve@example.org",
        name="Eve",
        roles=frozenset({"store_manager"}),
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    stay = waiting(site, "own_payment_failed")
    ledger.remove_contributor(helper, by=MACHINE, cause=cause())
    assert site.run("letters") == {"sent": 1, "not told": 1}
    assert len(letters(stay)) == 1
    assert site.parts.desk.mailbox.recent(to="eve@example.org") == []
    site.catch_up()
    (notice,) = site.parts.queries.notices.page(
        NoticeFilter(kind="payment_failed"), Turn("queued")
    ).rows
    assert (notice.state, notice.why) == ("given_up", "no_role")


@pytest.mark.parametrize("kind", TO_MEMBERS)
def test_what_was_in_the_box_when_the_process_died_was_told_though_it_is_over_since(
    site: Site, kind: str
) -> None:
    stay = waiting(site, kind)
    dies_sending(site, site.parts.desk.mailbox, "put_all", is_done=True)
    stay.remove()
    assert site.run("letters") == {"sent": 1}
    assert told_as(stay, kind) == [("sent", None)]
    assert len(letters(stay)) == 1


@pytest.mark.parametrize("kind", TO_MEMBERS)
def test_a_process_that_dies_on_its_way_through_time_leaves_one_letter(
    site: Site, kind: str
) -> None:
    stay = waiting(site, kind)
    dies_travelling(site)
    site.live(1)
    assert len(letters(stay)) == 1
    assert facts_of_notices(stay, kind) == [["notice.queued", "notice.sent"]]


def renews(stay: Stay) -> None:
    """The next period is paid."""
    site = stay.site
    site.clock.advance_to(due(stay))
    assert site.run("charges") == {"settled": 1}


def comes_due(stay: Stay) -> None:
    """The instant of the charge comes, and nobody charged yet."""
    stay.site.clock.advance_to(due(stay))


def moves_again(stay: Stay) -> None:
    """The price is set once more before the renewal."""
    dearer(stay, stay.site.clock.now() + DAY, every("month", amount=1_800))


def moves_back(stay: Stay) -> None:
    """The price is set to what it was."""
    dearer(stay, stay.site.clock.now() + DAY, every("month"))


def rejoins(stay: Stay) -> None:
    """They are removed, and join again at the new price."""
    stay.remove()
    stay.site.clock.advance(DAY)
    stay.site.try_to_join(stay.member_id, stay.plan_id, VISA)


@pytest.mark.parametrize(
    ("kind", "happens", "why"),
    [
        ("renewal_reminder", Stay.remove, "membership_over"),
        ("renewal_reminder", comes_due, "already_due"),
        ("renewal_reminder", renews, "already_charged"),
        ("price_change", Stay.remove, "membership_over"),
        ("price_change", moves_again, "price_set_again"),
        ("price_change", moves_back, "price_unchanged"),
        ("price_change", rejoins, "price_unchanged"),
        ("own_payment_failed", Stay.remove, "no_longer_due"),
    ],
)
def test_what_is_not_so_any_more_is_not_told_and_the_books_say_why(
    site: Site, kind: str, happens: Callable[[Stay], None], why: str
) -> None:  # DU2, DU8, PL4
    stay = waiting(site, kind)
    happens(stay)
    assert site.run("letters") == {"not told": 1}
    assert told_as(stay, kind) == [("given_up", why)]
    assert letters(stay) == []
    assert site.run("letters") == {}


@pytest.mark.parametrize("kind", ["renewal_reminder", "price_change"])
@pytest.mark.parametrize("withdraws", [True, False])
def test_who_cancelled_is_told_of_a_charge_once_they_withdraw_it_and_else_never(
    site: Site, kind: str, withdraws: bool
) -> None:  # DU8, PL4
    stay = waiting(site, kind)
    stay.cancel()
    assert site.run("letters") == {}
    assert told_as(stay, kind) == [("queued", None)]
    if withdraws:
        stay.withdraw()
        assert site.run("letters") == {"sent": 1}
        return
    site.clock.advance_to(due(stay))
    assert site.run("letters") == {"not told": 1}
    assert told_as(stay, kind) == [("given_up", "membership_over")]


def test_a_price_letter_that_comes_too_late_for_a_renewal_tells_of_the_next(
    site: Site,
) -> None:  # PL4, DU10
    stay = waiting(site, "price_change")
    site.clock.advance_to(due(stay))
    assert site.run("letters") == {}
    assert told_as(stay, "price_change") == [("queued", None)]
    assert site.run("charges") == {"settled": 1}
    assert site.run("letters") == {"sent": 1}
    assert "from your renewal on 31 March 2026, Gold costs €15.00" in letter(stay).text
    site.live(32, step_hours=24)
    charged = [site.parts.ledger.order(stay.order(index)).placed.amount for index in (1, 2)]
    assert charged == [eur(1_200), eur(1_500)]


def test_a_price_letter_waits_while_an_early_charge_has_its_price_already(
    site: Site,
) -> None:  # PL4, DU4
    stay = _moved(site, INDIAN)
    site.clock.advance_to(due(stay) - DAY)
    assert site.run("letters") == {}
    site.live(3)
    assert "from your renewal on 31 March 2026, Gold costs €15.00" in letter(stay).text
    assert site.parts.ledger.order(stay.order(1)).placed.amount == eur(1_200)


def test_who_is_told_of_a_price_that_was_set_again_reads_of_the_last_one(site: Site) -> None:
    stay = waiting(site, "price_change")
    moves_again(stay)
    site.run("prices")
    assert site.run("letters") == {"sent": 1, "not told": 1}
    assert "costs €18.00 instead of €12.00" in letter(stay).text
    assert site.run("prices") == site.run("letters") == {}


def test_a_kind_that_nobody_writes_letters_of_is_seen_and_holds_nothing_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(cast("dict[str, Writer]", notice_letters.WRITERS), "welcome")
    stay = waiting(site, "renewal_reminder")
    site.parts.ledger.queue_notice(
        Recipient(kind="member", id=stay.member_id, role="member"),
        "welcome",
        because_of=f"{stay.order(0)}/1",
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    first = ran(site)
    assert first.run.outcomes == {"sent": 1}
    assert [(one.code, one.why) for one in first.run.broken] == [
        ("no_letter_writer", "no letter is written of welcome")
    ]
    assert told_as(stay, "welcome") == [("queued", None)]
    Runner(site.parts, AlwaysLeads()).keep([ran(site)])
    state = next(state for state in site.states() if state.name == "letters")
    assert (state.outcomes, state.error) == ({"broken": 1}, "no_letter_writer")


def test_every_kind_of_notice_has_a_writer() -> None:
    assert set(notice_letters.WRITERS) == set(get_args(Kind))


def test_letters_that_break_hold_up_none_of_those_behind_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_letters, "READ_AT_ONCE", 2)
    stays = [site.join(terms=every("year")) for _ in range(5)]
    site.clock.advance_to(due(stays[0]) - 6 * DAY)
    site.run("reminders")
    known = site.parts.ledger.member
    broken = {stay.member_id for stay in stays[:3]}

    def member(member_id: object) -> object:
        if member_id in broken:
            raise ZeroDivisionError
        return known(member_id)  # type: ignore[arg-type]

    monkeypatch.setattr(site.parts.ledger, "member", member)
    run = ran(site).run
    assert (run.outcomes, [one.code for one in run.broken]) == (
        {"sent": 2},
        ["ZeroDivisionError"] * 3,
    )
    monkeypatch.undo()
    assert site.run("letters") == {"sent": 3}
    assert [len(letters(stay)) for stay in stays] == [1] * 5


def test_a_database_that_is_away_breaks_no_letter_but_ends_the_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay = waiting(site, "renewal_reminder")

    def away(*_words: object, **_more: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(site.parts.desk.mailbox, "put_all", away)
        cut_off = ran(site)
    assert (cut_off.error, cut_off.is_done, cut_off.run.broken) == ("OperationalError", False, [])
    assert site.run("letters") == {"sent": 1}
    assert len(letters(stay)) == 1


def test_two_runs_at_once_put_one_letter(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stay = waiting(site, "price_change")
    box = site.parts.desk.mailbox
    put = box.put_all

    def while_another_runs(*words: object, **more: object) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(box, "put_all", put)
            assert ran(site).run.outcomes == {"sent": 1}
        return put(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(box, "put_all", while_another_runs)
    assert not ran(site).run.broken
    assert len(letters(stay)) == 1
    assert facts_of_notices(stay, "price_change") == [["notice.queued", "notice.sent"]]
