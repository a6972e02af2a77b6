"""Who may do what (NO5), as a table."""

from __future__ import annotations

import pytest

from ledger.told import TOLD_ROLES
from web.identity.permissions import (
    HOLDERS,
    PERSONAL_ONLY,
    READ_ALONG,
    Permission,
    Role,
    granted,
)

READS = {permission for permission in Permission if permission.value.endswith(":read")}
OWN = {
    Permission.PUBLIC,
    Permission.OWN_SESSION,
    Permission.OWN_SECURITY,
    Permission.OWN_NOTICES,
}


def may(role: Role) -> frozenset[Permission]:
    return granted(frozenset({role})) - OWN


def test_every_permission_has_a_holder() -> None:
    assert set(HOLDERS) == set(Permission)
    assert all(HOLDERS.values())


def test_the_owner_alone_transfers_ownership() -> None:  # NO5
    assert may(Role.OWNER) - may(Role.ADMINISTRATOR) == {Permission.TRANSFER_OWNERSHIP}


def test_auditors_read_everything_and_change_nothing() -> None:  # NO5
    assert may(Role.AUDITOR) == READS


def test_operators_run_views_and_see_no_person() -> None:  # NO5
    assert may(Role.OPERATOR) == {Permission.READ_VIEWS, Permission.RUN_VIEWS}


def test_store_managers_change_orders_and_members_and_what_groups_them_alone() -> None:  # NO5
    assert may(Role.STORE_MANAGER) - READS == {
        Permission.REFUND_ORDERS,
        Permission.RECONCILE,
        Permission.REMOVE_MEMBERS,
        Permission.CLOSE_ACCOUNTS,
        Permission.CHANGE_NOTES,
        Permission.CHANGE_TAGS,
        Permission.CHANGE_SEGMENTS,
        Permission.CHANGE_LISTS,
        Permission.CHANGE_NOTICES,
    }
    assert Permission.READ_TEAM not in may(Role.STORE_MANAGER)


def test_no_staff_touches_a_payment_method_or_joins_for_anyone() -> None:  # AC6, AC1
    for role in set(Role) - {Role.MEMBER}:
        assert not may(role) & (PERSONAL_ONLY - OWN)


def test_whoever_acts_may_read_of_whom_it_is_about() -> None:
    acts = set(Permission) - READS - PERSONAL_ONLY - {Permission.PUBLIC}
    assert set(READ_ALONG) == acts
    assert set(READ_ALONG.values()) <= READS
    for act, reading in READ_ALONG.items():
        assert HOLDERS[act] <= HOLDERS[reading]


def test_those_who_are_told_choose_what_they_are_told() -> None:  # part of NO1
    told = {role for role in Role if Permission.OWN_NOTICES in granted(frozenset({role}))}
    assert told == set(TOLD_ROLES)


def test_a_member_may_do_what_is_their_own() -> None:
    assert may(Role.MEMBER) == PERSONAL_ONLY - OWN


def test_administrators_and_store_managers_manage_codes_as_ruled() -> None:  # DI6
    holders = HOLDERS[Permission.CHANGE_DISCOUNTS]
    assert holders == {Role.OWNER, Role.ADMINISTRATOR}


@pytest.mark.parametrize("role", list(Role))
def test_roles_add_up(role: Role) -> None:
    both = granted(frozenset({role, Role.OPERATOR}))
    assert both == granted(frozenset({role})) | granted(frozenset({Role.OPERATOR}))
