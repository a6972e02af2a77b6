"""Refusals of staff."""

from __future__ import annotations

from ledger.errors.base import Refused


class OwnerExists(Refused):
    """The site has an owner already; only the owner transfers ownership."""

    code = "owner_exists"


class OwnerNeeded(Refused):
    """The site always has exactly one owner."""

    code = "owner_needed"


class ContributorRemoved(Refused):
    """The contributor {contributor_id} was removed."""

    code = "contributor_removed"


class RolesMalformed(Refused):
    """A contributor has at least one role, and the owner's role is only transferred."""

    code = "roles_malformed"
    pointer = "/roles"
