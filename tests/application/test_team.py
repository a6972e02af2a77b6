"""Staff: exactly one owner, and addresses that are used once."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger import ids
from ledger.contributor import Role
from ledger.errors import (
    ContributorRemoved,
    EmailTaken,
    Forbidden,
    NotFound,
    OwnerExists,
    OwnerNeeded,
    RolesMalformed,
)
from ledger.facts import Actor
from tests.application.sites import Site, cause

MACHINE = Actor(kind="machine")


def founded(site: Site) -> UUID:
    owner_id = ids.new()
    site.ledger.found_site(
        owner_id, email="owner@example.org", name="O", locale="fr", by=MACHINE, cause=cause()
    )
    return owner_id


def added(site: Site, email: str, role: Role = "administrator") -> UUID:
    contributor_id = ids.new()
    site.ledger.add_contributor(
        contributor_id,
        email=email,
        name="C",
        roles=frozenset({role}),
        locale="en",
        by=MACHINE,
        cause=cause(),
    )
    return contributor_id


def staff(contributor_id: UUID) -> Actor:
    return Actor(kind="contributor", id=contributor_id)


def test_a_site_is_founded_once(site: Site) -> None:  # NO5
    owner_id = founded(site)
    with pytest.raises(OwnerExists):
        site.ledger.found_site(
            ids.new(), email="b@example.org", name="B", locale="en", by=MACHINE, cause=cause()
        )
    assert site.ledger.owner_id() == owner_id


def test_only_the_owner_transfers_ownership(site: Site) -> None:  # NO5
    owner_id = founded(site)
    heir_id, other_id = added(site, "heir@example.org"), added(site, "other@example.org")
    for nobody in (staff(heir_id), staff(other_id), Actor(kind="program", id=owner_id)):
        with pytest.raises(Forbidden):
            site.ledger.transfer_ownership(heir_id, by=nobody, cause=cause())
    site.ledger.transfer_ownership(heir_id, by=staff(owner_id), cause=cause())
    assert site.ledger.owner_id() == heir_id
    assert site.ledger.contributor(owner_id).roles == {"administrator"}
    assert site.ledger.contributor(heir_id).is_owner
    with pytest.raises(Forbidden):
        site.ledger.transfer_ownership(owner_id, by=staff(owner_id), cause=cause())


def test_a_transfer_that_is_sent_again_answers_as_the_first_time(site: Site) -> None:
    owner_id, one = founded(site), cause()
    heir_id = added(site, "heir@example.org")
    answers = {
        site.ledger.transfer_ownership(heir_id, by=staff(owner_id), cause=one) for _ in range(2)
    }
    assert len(answers) == 1
    assert site.topics(heir_id).count("contributor.ownership_received") == 1


def test_the_machine_lets_a_new_owner_in(site: Site) -> None:  # NO5
    founded(site)
    heir_id = added(site, "heir@example.org")
    site.ledger.transfer_ownership(heir_id, by=MACHINE, cause=cause())
    assert site.ledger.owner_id() == heir_id


def test_the_owner_is_neither_removed_nor_given_other_roles(site: Site) -> None:  # NO5
    owner_id = founded(site)
    with pytest.raises(OwnerNeeded):
        site.ledger.remove_contributor(owner_id, by=MACHINE, cause=cause())
    with pytest.raises(OwnerNeeded):
        site.ledger.change_roles(owner_id, frozenset({"auditor"}), by=MACHINE, cause=cause())
    with pytest.raises(RolesMalformed):
        added(site, "second@example.org", "owner")


def test_nobody_inherits_who_is_not_staff(site: Site) -> None:  # part of NO5
    owner_id = founded(site)
    gone_id = added(site, "gone@example.org")
    site.ledger.remove_contributor(gone_id, by=staff(owner_id), cause=cause())
    with pytest.raises(ContributorRemoved):
        site.ledger.transfer_ownership(gone_id, by=staff(owner_id), cause=cause())
    with pytest.raises(NotFound):
        site.ledger.transfer_ownership(ids.new(), by=staff(owner_id), cause=cause())
    assert site.ledger.owner_id() == owner_id


def test_staff_sign_in_by_an_address_that_is_free_again_when_they_go(site: Site) -> None:
    first = added(site, "Staff@example.org")
    with pytest.raises(EmailTaken):
        added(site, "staff@EXAMPLE.org")
    site.ledger.remove_contributor(first, by=MACHINE, cause=cause())
    second = added(site, "staff@example.org")
    assert site.ledger.contributor_by_email("STAFF@example.org") == second


def test_a_member_may_have_the_address_of_one_of_the_staff(site: Site) -> None:
    contributor_id, member_id = added(site, "ada@example.org"), site.person("ada")
    assert site.ledger.contributor_by_email("ada@example.org") == contributor_id
    assert site.ledger.member_by_email("ada@example.org") == member_id


def test_a_member_is_no_staff(site: Site) -> None:  # part of NO5
    owner_id = founded(site)
    with pytest.raises(Forbidden):
        site.ledger.remove_contributor(
            owner_id, by=Actor(kind="member", id=owner_id), cause=cause()
        )
    assert site.ledger.contributor(owner_id).is_owner
