"""Contributor: staff, their roles, and what they do not want to be told (NO5, NO1)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, Self, get_args
from uuid import UUID

from ledger import texts
from ledger.errors import (
    ContributorRemoved,
    OwnerNeeded,
    OwnersSecondStep,
    OwnSecondStep,
    RolesMalformed,
)
from ledger.facts import Aggregate, Fact, FirstFact, Personal, Stamp
from ledger.told import TOLD_ROLES, StaffKind, ToldRole

Role = Literal["owner", "administrator", "store_manager", "auditor", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)


class ContributorFact(Fact):
    """A fact about one of the staff, whose own key seals what is personal."""

    @property
    def subject_id(self) -> UUID:
        """The contributor."""
        return self.originator_id


class Contributor(Aggregate):
    """One of the staff. The owner is one of them, and there is exactly one."""

    TOPIC: ClassVar[str] = "contributor"
    Event = Fact

    class Added(FirstFact, ContributorFact):
        """Someone became staff."""

        TOPIC: ClassVar[str] = "contributor.added"
        email: Personal[str]
        name: Personal[str]
        roles: tuple[Role, ...]
        locale: Literal["en", "fr"]

        def apply(self, contributor: Contributor) -> None:
            """Staff, with roles."""
            contributor.email, contributor.name = self.email, self.name
            contributor.roles = frozenset(self.roles)
            contributor.locale = self.locale

    Created = Added

    class RolesChanged(ContributorFact):
        """Someone's roles are others now."""

        TOPIC: ClassVar[str] = "contributor.roles_changed"
        roles: tuple[Role, ...]

        def apply(self, contributor: Contributor) -> None:
            """Other roles."""
            contributor.roles = frozenset(self.roles)

    class OwnershipReceived(ContributorFact):
        """The owner gave the site to this contributor (NO5)."""

        TOPIC: ClassVar[str] = "contributor.ownership_received"
        from_contributor_id: UUID | None

        def apply(self, contributor: Contributor) -> None:
            """The owner."""
            contributor.roles = frozenset({"owner"})

    class Muted(ContributorFact):
        """Someone does not want to be told of a kind of news (NO1)."""

        TOPIC: ClassVar[str] = "contributor.muted"
        kind: StaffKind

        def apply(self, contributor: Contributor) -> None:
            """Not told of it."""
            contributor.muted.add(self.kind)

    class Unmuted(ContributorFact):
        """Someone wants to be told of a kind of news after all (NO1)."""

        TOPIC: ClassVar[str] = "contributor.unmuted"
        kind: StaffKind

        def apply(self, contributor: Contributor) -> None:
            """Told of it."""
            contributor.muted.discard(self.kind)

    class LocaleChosen(ContributorFact):
        """Someone chose their language, of pages and letters."""

        TOPIC: ClassVar[str] = "contributor.locale_chosen"
        locale: Literal["en", "fr"]

        def apply(self, contributor: Contributor) -> None:
            """Told in it."""
            contributor.locale = self.locale
            contributor.has_chosen_locale = True

    class SecondStepEnded(ContributorFact):
        """Somebody else let them sign in without a code: their telephone is lost."""

        TOPIC: ClassVar[str] = "contributor.second_step_ended"

        def apply(self, contributor: Contributor) -> None:
            """No code is asked, until they set one up anew."""
            contributor.second_step_ended_at = self.occurred_at

    class Removed(ContributorFact):
        """Someone is no longer staff."""

        TOPIC: ClassVar[str] = "contributor.removed"

        def apply(self, contributor: Contributor) -> None:
            """No role, no sign-in."""
            contributor.removed_at = self.occurred_at
            contributor.roles = frozenset()

    def __init__(self) -> None:
        self.email = ""
        self.name = ""
        self.locale: Literal["en", "fr"] = "en"
        self.has_chosen_locale = False
        self.roles: frozenset[Role] = frozenset()
        self.muted: set[StaffKind] = set()
        self.second_step_ended_at: datetime | None = None
        self.removed_at: datetime | None = None

    @property
    def is_owner(self) -> bool:
        """Whether the site is theirs."""
        return "owner" in self.roles

    @property
    def told_as(self) -> ToldRole | None:
        """The role in which they are told what happens; None who is told nothing (NO1)."""
        return next((role for role in TOLD_ROLES if role in self.roles), None)

    def hears_of(self, kind: str, role: str) -> bool:
        """Whether they are told of a kind of news, as one of a role."""
        return role in self.roles and role in TOLD_ROLES and kind not in self.muted

    @classmethod
    def add(
        cls,
        contributor_id: UUID,
        *,
        email: str,
        name: str,
        roles: frozenset[Role],
        locale: Literal["en", "fr"],
        stamp: Stamp,
    ) -> Self:
        """Someone becomes staff; the owner only when the site is founded."""
        return cls.begin(
            cls.Added,
            contributor_id,
            stamp=stamp,
            email=texts.email(email),
            name=texts.person_name(name),
            roles=_in_order(roles),
            locale=locale,
        )

    def change_roles(self, roles: frozenset[Role], *, stamp: Stamp) -> None:
        """Give other roles. The owner's is only transferred (NO5)."""
        self._require_staff()
        if self.is_owner:
            raise OwnerNeeded
        if "owner" in roles:
            raise RolesMalformed
        if roles != self.roles:
            self.record(self.RolesChanged, stamp=stamp, roles=_in_order(roles))

    def receive_ownership(self, owner: Contributor, *, stamp: Stamp) -> None:
        """Become the owner; the owner before stays as administrator (NO5)."""
        self._require_staff()
        if not owner.is_owner:
            raise OwnerNeeded
        if owner.id != self.id:
            owner.record(self.RolesChanged, stamp=stamp, roles=("administrator",))
            self.record(self.OwnershipReceived, stamp=stamp, from_contributor_id=owner.id)

    def remove(self, *, stamp: Stamp) -> None:
        """No longer staff. The owner can't be removed; twice is no news."""
        if self.is_owner:
            raise OwnerNeeded
        if self.removed_at is None:
            self.record(self.Removed, stamp=stamp)

    def mute(self, kind: StaffKind, *, stamp: Stamp) -> None:
        """Be told of it no more. Twice is no news."""
        self._require_staff()
        if kind not in self.muted:
            self.record(self.Muted, stamp=stamp, kind=kind)

    def unmute(self, kind: StaffKind, *, stamp: Stamp) -> None:
        """Be told of it again. Of what was never muted it is no news."""
        self._require_staff()
        if kind in self.muted:
            self.record(self.Unmuted, stamp=stamp, kind=kind)

    def choose_locale(self, locale: Literal["en", "fr"], *, stamp: Stamp) -> None:
        """Choose French or English. The one that whoever added them guessed may be chosen, too;
        twice is no news.
        """
        self._require_staff()
        if locale != self.locale or not self.has_chosen_locale:
            self.record(self.LocaleChosen, stamp=stamp, locale=locale)

    def end_second_step(self, *, stamp: Stamp) -> None:
        """Let them sign in without a code. Nobody does it for the owner, or for themself."""
        self._require_staff()
        if self.is_owner:
            raise OwnersSecondStep
        if stamp.actor.kind == "contributor" and stamp.actor.id == self.id:
            raise OwnSecondStep
        self.record(self.SecondStepEnded, stamp=stamp)

    def _require_staff(self) -> None:
        if self.removed_at is not None:
            raise ContributorRemoved(contributor_id=self.id)


def _in_order(roles: frozenset[Role]) -> tuple[Role, ...]:
    if not roles or not roles <= set(ROLES):
        raise RolesMalformed
    return tuple(role for role in ROLES if role in roles)
