"""Everybody is told what happens, once, in their language; nobody of what they muted (NO1-NO3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger import ids
from ledger.contributor import Role
from ledger.errors import OnlyThePerson
from ledger.facts import Actor
from ledger.member.facts import Locale
from ledger.terms import Terms
from ledger.told import STAFF_KINDS, StaffKind
from tests.web.schedule.post import Killed, job_named, reads
from tests.web.schedule.sites import (
    DECLINES_LATER,
    MACHINE,
    MASTERCARD,
    Site,
    Stay,
    cause,
    eur,
    every,
)
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.jobs.telling import tell_from_now_on
from web.mails.resending import resend
from web.sessions.mailbox import Mail

FREE = Terms(model="free", amount=eur(0))


def helper(site: Site, role: Role, locale: Locale = "en") -> UUID:
    """One of the staff, of a role."""
    contributor_id = ids.new()
    site.parts.ledger.add_contributor(
        contributor_id,
        email=f"{role}@example.org",
        name=f"Some {role}",
        roles=frozenset({role}),
        locale=locale,
        by=MACHINE,
        cause=cause(),
    )
    site.catch_up()
    return contributor_id


def mute(site: Site, contributor_id: UUID, kind: StaffKind) -> None:
    """They ask not to be told."""
    site.parts.ledger.mute_notices(
        contributor_id, kind, by=Actor(kind="contributor", id=contributor_id), cause=cause()
    )


def told(site: Site) -> None:
    """The jobs tell and write."""
    site.run("news")
    site.run("letters")


def mails(site: Site, email: str) -> list[Mail]:
    """What was written to somebody, the oldest first."""
    return [one.mail for one in reversed(site.parts.desk.mailbox.recent(to=email))]


def to_member(stay: Stay) -> list[str]:
    """The subjects of what was written to a member, without the site's name."""
    return [subject(mail) for mail in mails(stay.site, f"{stay.member_id.hex}@example.org")]


def subject(mail: Mail) -> str:
    return mail.subject.partition("Membership ledger")[2].lstrip(" :\u00a0")


def pays_twice(stay: Stay) -> None:
    """The payment company took the money of their renewal once more."""
    ledger, order_id = stay.site.parts.ledger, stay.order(1)
    attempt = next(iter(ledger.order(order_id).attempts))
    ledger.settle_charge(
        order_id,
        attempt,
        reference="pay_again",
        amount=eur(1_200),
        by=Actor(kind="gateway"),
        cause=cause(),
    )


def everything(site: Site, card: str = MASTERCARD) -> Stay:
    """Somebody joins, pays again, pays twice, gets money back and cancels; another's card fails."""
    stay, other = site.join(card), site.join(DECLINES_LATER)
    told(site)
    site.sleep(28)
    site.run("charges")
    pays_twice(stay)
    collection = site.parts.collection
    collection.refund(stay.order(1), eur(500), "kind", by=MACHINE, cause=cause())
    stay.cancel()
    told(site)
    assert other.billing == "past_due"
    return stay


@pytest.mark.parametrize("role", ["owner", "administrator", "store_manager"])
def test_who_runs_the_site_is_told_who_joins_pays_fails_and_cancels(
    site: Site, role: Role
) -> None:  # NO1
    if role == "owner":
        site.found()
    else:
        helper(site, role)
    everything(site)
    found = sorted(subject(mail) for mail in mails(site, f"{role}@example.org"))
    assert found == sorted(
        [
            "Ada joined Gold",
            "Ada joined Gold",
            "Ada paid €12.00 for Gold",
            "a payment of Ada failed",
            "Ada paid for Gold twice",
            "Ada cancelled Gold",
        ]
    )


@pytest.mark.parametrize("role", ["auditor", "operator"])
def test_who_only_reads_is_told_nothing(site: Site, role: Role) -> None:  # NO1
    helper(site, role)
    everything(site)
    assert mails(site, f"{role}@example.org") == []


@pytest.mark.parametrize("kind", STAFF_KINDS)
def test_what_one_of_them_muted_they_alone_are_not_told(site: Site, kind: StaffKind) -> None:  # NO1
    quiet, other = helper(site, "administrator"), helper(site, "store_manager")
    mute(site, quiet, kind)
    everything(site)
    site.catch_up()
    assert site.told(kind, quiet) == 0
    assert site.told(kind, other) > 0
    assert all(site.told(one, quiet) > 0 for one in STAFF_KINDS if one != kind)


def test_nobody_mutes_for_another_and_what_is_unmuted_is_told_again(site: Site) -> None:  # NO1
    quiet, other = helper(site, "administrator"), helper(site, "store_manager")
    with pytest.raises(OnlyThePerson):
        site.parts.ledger.mute_notices(
            quiet, "member_joined", by=Actor(kind="contributor", id=other), cause=cause()
        )
    mute(site, quiet, "member_joined")
    site.join()
    told(site)
    site.parts.ledger.unmute_notices(
        quiet, "member_joined", by=Actor(kind="contributor", id=quiet), cause=cause()
    )
    site.join()
    told(site)
    assert site.told("member_joined", quiet) == 1
    assert site.told("member_joined", other) == 2


def test_who_mutes_at_this_very_moment_is_not_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:  # NO1
    quiet = helper(site, "administrator")
    site.join()
    queue = site.parts.ledger.queue_notices

    def queued(*words: Any, **more: Any) -> int:
        mute(site, quiet, "member_joined")
        return queue(*words, **more)

    monkeypatch.setattr(site.parts.ledger, "queue_notices", queued)
    site.run("news")
    site.catch_up()
    assert site.told("member_joined", quiet) == 0


def test_who_mutes_while_the_letter_waits_does_not_get_it(site: Site) -> None:  # NO1
    quiet = helper(site, "administrator")
    site.join()
    site.run("news")
    mute(site, quiet, "member_joined")
    site.run("letters")
    assert mails(site, "administrator@example.org") == []


def test_members_are_welcomed_receipted_refunded_and_confirmed(site: Site) -> None:  # NO3
    stay = everything(site)
    year = site.clock.now().year
    assert sorted(to_member(stay)) == sorted(
        [
            "welcome to Gold",
            f"your receipt T{year}-000003",
            f"your receipt T{year}-000004",
            "€5.00 is given back to you",
            "your membership in Gold is cancelled",
        ]
    )
    all_mails = mails(site, f"{stay.member_id.hex}@example.org")
    assert all(mail.html.count("<p>") > 1 and mail.text for mail in all_mails)
    [welcome, *_] = all_mails
    assert f"Receipt: T{year}-000001" in welcome.text
    assert "Paid with: Mastercard ending in 4444" in welcome.text
    assert "Amount: €12.00" in welcome.text
    assert "<td>Mastercard ending in 4444</td>" in welcome.html


def test_letters_are_in_the_language_of_their_reader(site: Site) -> None:  # NO3
    helper(site, "administrator", "fr")
    stay = site.join()
    reads(stay, "fr")
    told(site)
    [welcome] = mails(site, f"{stay.member_id.hex}@example.org")
    assert welcome.subject.endswith("bienvenue dans Gold")
    assert "Montant\u00a0: 12,00\u00a0€" in welcome.text
    assert 'lang="fr"' in welcome.html
    [joined] = mails(site, "administrator@example.org")
    assert joined.subject.endswith("Ada a rejoint Gold")


def test_the_tax_inside_a_price_stands_on_the_receipt(site: Site) -> None:  # part of OR10
    plan_id = site.plan()
    site.parts.ledger.describe_plan(
        plan_id,
        name="Gold",
        description="",
        tax_basis_points=2_000,
        by=MACHINE,
        cause=cause(),
    )
    member_id = site.person()
    site.try_to_join(member_id, plan_id, MASTERCARD)
    told(site)
    [welcome] = mails(site, f"{member_id.hex}@example.org")
    assert "Including tax at 20%: €2.00" in welcome.text


def test_who_joins_for_nothing_is_welcomed_without_a_receipt(site: Site) -> None:  # NO3
    stay = site.join(None, terms=FREE)
    told(site)
    [welcome] = mails(site, f"{stay.member_id.hex}@example.org")
    assert subject(welcome) == "welcome to Gold"
    assert "Receipt" not in welcome.text


def test_who_buys_a_second_plan_gets_its_receipt_and_staff_hear_of_it(site: Site) -> None:  # NO3
    helper(site, "administrator")
    stay = site.join()
    told(site)
    site.try_to_join(stay.member_id, site.plan(), MASTERCARD)
    told(site)
    year = site.clock.now().year
    assert to_member(stay) == ["welcome to Gold", f"your receipt T{year}-000002"]
    assert len(mails(site, "administrator@example.org")) == 2


def test_who_changed_their_mind_before_the_letter_is_told_of_no_cancellation(site: Site) -> None:
    helper(site, "administrator")
    stay = site.join()
    told(site)
    stay.cancel()
    site.run("news")
    site.parts.ledger.withdraw_cancellation(
        stay.member_id, stay.membership_id, by=stay.person, cause=cause()
    )
    assert site.run("letters") == {"not told": 2}
    assert to_member(stay) == ["welcome to Gold"]


def test_nobody_is_told_of_what_is_long_past_or_of_a_demonstration(site: Site) -> None:
    owner = site.found()
    site.join()
    tell_from_now_on(site.parts)
    assert site.run("news") == {}
    site.join()
    site.run("news")
    site.catch_up()
    assert site.told("member_joined", owner) == 1


@pytest.mark.parametrize("is_done", [False, True])
def test_a_process_that_dies_while_it_queues_tells_everybody_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, is_done: bool
) -> None:  # NO2
    who = [helper(site, "administrator"), helper(site, "store_manager")]
    stays = [site.join() for _ in range(3)]
    queue, count = site.parts.ledger.queue_notices, [0]

    def dies(*words: Any, **more: Any) -> int:
        count[0] += 1
        if count[0] == 2:
            if is_done:
                queue(*words, **more)
            raise Killed
        return queue(*words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(site.parts.ledger, "queue_notices", dies)
        with pytest.raises(Killed):
            site.run("news")
    told(site)
    told(site)
    assert [site.told("member_joined", one) for one in who] == [3, 3]
    assert [to_member(stay) for stay in stays] == [["welcome to Gold"]] * 3


def test_two_jobs_at_once_tell_everybody_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:  # NO2
    owner = site.found()
    stay = site.join()
    queue, job = site.parts.ledger.queue_notices, job_named("news")

    def crossed(*words: Any, **more: Any) -> int:
        monkeypatch.setattr(site.parts.ledger, "queue_notices", queue)
        other = Runner(site.parts, AlwaysLeads()).work(job, job.slot(site.clock.now()))
        assert not other.run.broken
        return queue(*words, **more)

    monkeypatch.setattr(site.parts.ledger, "queue_notices", crossed)
    told(site)
    assert site.told("member_joined", owner) == 1
    assert to_member(stay) == ["welcome to Gold"]


def test_each_notice_names_who_as_what_and_why(site: Site) -> None:  # NO2
    helper_id = helper(site, "store_manager")
    stay = site.join()
    site.run("news")
    site.catch_up()
    joined = next(
        fact for fact in site.parts.ledger.facts_of(stay.member_id) if fact.TOPIC == "member.joined"
    )
    notice = site.parts.ledger.notice(ids.notice(joined.fact_id, helper_id, "member_joined"))
    assert (notice.recipient.role, notice.because_of) == ("store_manager", joined.fact_id)
    assert site.topics(notice.id) == ["notice.queued"]
    site.run("letters")
    assert site.topics(notice.id) == ["notice.queued", "notice.sent"]


def test_what_was_given_up_is_sent_again_as_staff_ask(site: Site) -> None:  # NO2
    staff = helper(site, "administrator")
    stay = site.join()
    site.run("news")
    site.catch_up()
    joined = f"{stay.member_id}/{_version(site, stay)}"
    notice_id = ids.notice(joined, stay.member_id, "welcome")
    ledger = site.parts.ledger
    ledger.give_up_notice(notice_id, "timeout", by=MACHINE, cause=cause())
    site.run("letters")
    assert to_member(stay) == []
    resend(site.parts, notice_id, by=Actor(kind="contributor", id=staff), cause=cause())
    site.clock.advance(timedelta(minutes=1))
    site.run("letters")
    assert to_member(stay) == ["welcome to Gold"]
    assert site.topics(notice_id)[-3:] == ["notice.given_up", "notice.requeued", "notice.sent"]


def _version(site: Site, stay: Stay) -> int:
    facts = site.parts.ledger.facts_of(stay.member_id)
    return next(fact.originator_version for fact in facts if fact.TOPIC == "member.joined")


def test_a_year_is_told_with_one_receipt_for_each_payment(site: Site) -> None:  # NO3
    stay = site.join(terms=every("month"))
    site.run("news")
    site.live(95, step_hours=24)
    assert stay.told("welcome") == 1
    assert stay.told("receipt") == stay.now.charge_index == 3
