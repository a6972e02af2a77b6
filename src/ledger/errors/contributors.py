"""Refusals of staff."""

from __future__ import annotations

from ledger.errors.base import Refused


class OwnerExists(Refused):
    """The site has an owner already; only the owner transfers ownership."""

    code = "owner_exists"


class OwnerNeeded(Refused):
    """The site always has exactly one owner."""

    code = "owner_needed"


class OwnersSecondStep(Refused):
    """The owner's second step is ended at the machine alone, by `ledger team reset`."""

    code = "owners_second_step"


class OwnSecondStep(Refused):
    """Your own second step is turned off with your password and a code."""

    code = "own_second_step"


class ContributorRemoved(Refused):
    """The contributor {contributor_id} was removed."""

    code = "contributor_removed"


class RolesMalformed(Refused):
    """A contributor has at least one role, and the owner's role is only transferred."""

    code = "roles_malformed"
    pointer = "/roles"
