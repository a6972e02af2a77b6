"""What may be done with staff. There is exactly one owner (NO5)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from ledger import texts
from ledger.application.books import Position
from ledger.application.operating import OperatingUseCases
from ledger.application.use_case import use_case
from ledger.contributor import Contributor, Role
from ledger.errors import (
    EmailTaken,
    Forbidden,
    OnlyThePerson,
    OwnerExists,
    OwnerNeeded,
    RolesMalformed,
)
from ledger.facts import Actor, Cause, Stamp
from ledger.store.records import Claim
from ledger.store.refusals import ClaimTaken
from ledger.told import StaffKind

OWNER = "owner"
CONTRIBUTOR_EMAIL = "contributor_email"
OWNER_KEY = b"site"


class TeamUseCases(OperatingUseCases):
    """Contributors: added, given roles, removed; ownership transferred."""

    def contributor(self, contributor_id: UUID) -> Contributor:
        """One of the staff as the books know them now; NotFound."""
        return self.load(Contributor, contributor_id)

    def contributor_by_email(self, email: str) -> UUID | None:
        """Which of the staff has this address."""
        return self.owner_of(CONTRIBUTOR_EMAIL, self._staff_email_key(email))

    def owner_id(self) -> UUID | None:
        """Whose the site is; None before it is founded."""
        return self.owner_of(OWNER, OWNER_KEY)

    @use_case
    def found_site(
        self,
        contributor_id: UUID,
        *,
        email: str,
        name: str,
        locale: Literal["en", "fr"],
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Add the owner, once, and begin the stream of the site."""
        stamp = self.staff_stamp(by, cause)
        owner = Contributor.add(
            contributor_id,
            email=email,
            name=name,
            roles=frozenset({"owner"}),
            locale=locale,
            stamp=stamp,
        )
        ownership = Claim(OWNER, OWNER_KEY, contributor_id)
        try:
            return self.append(
                owner,
                self.site_or_new(stamp),
                claims=[ownership, self._staff_email(owner)],
                command=cause.id,
            )
        except ClaimTaken as taken:
            raise (OwnerExists if taken.kind == OWNER else EmailTaken) from None

    @use_case
    def add_contributor(
        self,
        contributor_id: UUID,
        *,
        email: str,
        name: str,
        roles: frozenset[Role],
        locale: Literal["en", "fr"],
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Someone becomes staff, with any roles but the owner's."""
        if "owner" in roles:
            raise RolesMalformed
        contributor = Contributor.add(
            contributor_id,
            email=email,
            name=name,
            roles=roles,
            locale=locale,
            stamp=self.staff_stamp(by, cause),
        )
        try:
            return self.append(
                contributor, claims=[self._staff_email(contributor)], command=cause.id
            )
        except ClaimTaken:
            raise EmailTaken from None

    @use_case
    def change_roles(
        self, contributor_id: UUID, roles: frozenset[Role], *, by: Actor, cause: Cause
    ) -> Position:
        """Give other roles; the owner's is only transferred."""
        contributor = self.contributor(contributor_id)
        contributor.change_roles(roles, stamp=self.staff_stamp(by, cause))
        return self.append(contributor, command=cause.id)

    @use_case
    def transfer_ownership(self, to: UUID, *, by: Actor, cause: Cause) -> Position:
        """The owner gives the site to another contributor, and stays as administrator.

        Nobody else does, but a person at the machine where the owner is locked out (NO5).
        """
        owner_id = self.owner_id()
        if owner_id is None:
            raise OwnerNeeded
        if by.kind != "machine" and by != Actor(kind="contributor", id=owner_id):
            raise Forbidden(role=by.kind)
        owner, heir = self.contributor(owner_id), self.contributor(to)
        heir.receive_ownership(owner, stamp=self.staff_stamp(by, cause))
        if owner_id == to:
            return 0
        return self.append(
            owner,
            heir,
            releases=[Claim(OWNER, OWNER_KEY, owner_id)],
            claims=[Claim(OWNER, OWNER_KEY, to)],
            command=cause.id,
        )

    @use_case
    def remove_contributor(self, contributor_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """Someone is no longer staff; their address may be used again."""
        contributor = self.contributor(contributor_id)
        email = self._staff_email(contributor)
        contributor.remove(stamp=self.staff_stamp(by, cause))
        return self.append(contributor, releases=[email], command=cause.id)

    @use_case
    def end_second_step(self, contributor_id: UUID, *, by: Actor, cause: Cause) -> Position:
        """One of the staff lost their telephone: they sign in without a code, as others decided."""
        contributor = self.contributor(contributor_id)
        contributor.end_second_step(stamp=self.staff_stamp(by, cause))
        return self.append(contributor, command=cause.id)

    @use_case
    def mute_notices(
        self, contributor_id: UUID, kind: StaffKind, *, by: Actor, cause: Cause
    ) -> Position:
        """One of the staff is told of a kind of news no more, as they asked themself (NO1)."""
        contributor = self.contributor(contributor_id)
        contributor.mute(kind, stamp=self._own_staff_stamp(contributor_id, by, cause))
        return self.append(contributor, command=cause.id)

    @use_case
    def unmute_notices(
        self, contributor_id: UUID, kind: StaffKind, *, by: Actor, cause: Cause
    ) -> Position:
        """One of the staff is told of a kind of news again, as they asked themself (NO1)."""
        contributor = self.contributor(contributor_id)
        contributor.unmute(kind, stamp=self._own_staff_stamp(contributor_id, by, cause))
        return self.append(contributor, command=cause.id)

    @use_case
    def choose_staff_locale(
        self, contributor_id: UUID, locale: Literal["en", "fr"], *, by: Actor, cause: Cause
    ) -> Position:
        """One of the staff chooses French or English for themself, of pages and letters."""
        contributor = self.contributor(contributor_id)
        contributor.choose_locale(locale, stamp=self._own_staff_stamp(contributor_id, by, cause))
        return self.append(contributor, command=cause.id)

    def _own_staff_stamp(self, contributor_id: UUID, by: Actor, cause: Cause) -> Stamp:
        if by != Actor(kind="contributor", id=contributor_id):
            raise OnlyThePerson
        return self.stamp(by, cause)

    def _staff_email_key(self, email: str) -> bytes:
        return self.vault.email_hash("staff " + texts.comparable_email(email))

    def _staff_email(self, contributor: Contributor) -> Claim:
        return Claim(CONTRIBUTOR_EMAIL, self._staff_email_key(contributor.email), contributor.id)
