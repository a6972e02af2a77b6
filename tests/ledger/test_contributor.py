"""Staff: exactly one owner, and roles."""

from __future__ import annotations

import pytest

from ledger.contributor import Contributor, Role
from ledger.errors import (
    ContributorRemoved,
    EmailMalformed,
    NameMissing,
    OwnerNeeded,
    RolesMalformed,
)
from tests.ledger.stories import Past, by_staff, day, given, names, past, recorded, uid


def someone(word: str, *roles: Role, more: tuple[Past, ...] = ()) -> Contributor:
    """One of the staff, to whom more has happened."""
    added = past(
        Contributor.Added,
        member_id=None,
        email=f"{word}@example.org",
        name=word,
        roles=roles,
        locale="en",
    )
    return given(Contributor, added, *more, stream_id=uid(word))


def add(*roles: Role, email: str = "c@example.org", name: str = "Carol") -> Contributor:
    """Someone becomes staff."""
    return Contributor.add(
        uid("carol"),
        email=email,
        name=name,
        roles=frozenset(roles),
        locale="fr",
        stamp=by_staff(),
    )


def test_someone_becomes_staff_with_roles() -> None:  # NO5
    carol = add("auditor", "store_manager")
    assert carol.roles == {"store_manager", "auditor"}
    assert recorded(carol)[0].subject_id == carol.id


@pytest.mark.parametrize(
    "roles", [frozenset(), frozenset({"king"}), frozenset({"auditor", "king"})]
)
def test_a_role_is_one_of_five(roles: frozenset[Role]) -> None:  # NO5
    with pytest.raises(RolesMalformed):
        add(*roles)
    with pytest.raises(RolesMalformed):
        someone("carol", "auditor").change_roles(roles, stamp=by_staff())


def test_staff_have_an_address_and_a_name() -> None:
    with pytest.raises(EmailMalformed):
        add("auditor", email="x")
    with pytest.raises(NameMissing):
        add("auditor", name="")


def test_roles_change() -> None:  # NO5
    carol = someone("carol", "auditor")
    carol.change_roles(frozenset({"administrator"}), stamp=by_staff())
    carol.change_roles(frozenset({"administrator"}), stamp=by_staff())
    assert names(carol) == ["contributor.roles_changed"]
    assert carol.roles == {"administrator"}


def test_nobody_is_made_a_second_owner() -> None:  # NO5
    with pytest.raises(RolesMalformed):
        someone("carol", "auditor").change_roles(frozenset({"owner"}), stamp=by_staff())


def test_the_owner_cannot_be_demoted() -> None:  # NO5
    with pytest.raises(OwnerNeeded):
        someone("olga", "owner").change_roles(frozenset({"auditor"}), stamp=by_staff())


def test_the_owner_cannot_be_removed() -> None:  # NO5
    with pytest.raises(OwnerNeeded):
        someone("olga", "owner").remove(stamp=by_staff())


def test_ownership_moves_whole() -> None:  # NO5
    olga, carol = someone("olga", "owner"), someone("carol", "auditor")
    carol.receive_ownership(olga, stamp=by_staff())
    assert (sorted(olga.roles), sorted(carol.roles)) == (["administrator"], ["owner"])
    assert names(olga) + names(carol) == [
        "contributor.roles_changed",
        "contributor.ownership_received",
    ]


def test_only_an_owner_gives_ownership() -> None:  # NO5
    bob, carol = someone("bob", "administrator"), someone("carol", "auditor")
    with pytest.raises(OwnerNeeded):
        carol.receive_ownership(bob, stamp=by_staff())
    assert not carol.is_owner


def test_the_owner_who_gives_to_themself_stays_owner() -> None:  # NO5
    olga = someone("olga", "owner")
    olga.receive_ownership(olga, stamp=by_staff())
    assert olga.is_owner
    assert recorded(olga) == []


def test_who_was_removed_has_no_role_and_gets_none() -> None:  # NO5
    carol = someone("carol", "auditor")
    carol.remove(stamp=by_staff(day(1)))
    carol.remove(stamp=by_staff(day(2)))
    assert (carol.roles, carol.removed_at) == (frozenset(), day(1))
    with pytest.raises(ContributorRemoved):
        carol.change_roles(frozenset({"auditor"}), stamp=by_staff())
    with pytest.raises(ContributorRemoved):
        carol.receive_ownership(someone("olga", "owner"), stamp=by_staff())


def test_staff_choose_their_language_even_the_one_that_was_guessed() -> None:
    carol = someone("carol", "auditor")
    carol.choose_locale("en", stamp=by_staff())
    carol.choose_locale("en", stamp=by_staff())
    carol.choose_locale("fr", stamp=by_staff())
    assert names(carol) == ["contributor.locale_chosen", "contributor.locale_chosen"]
    assert (carol.locale, carol.has_chosen_locale) == ("fr", True)
    carol.remove(stamp=by_staff(day(1)))
    with pytest.raises(ContributorRemoved):
        carol.choose_locale("en", stamp=by_staff())
