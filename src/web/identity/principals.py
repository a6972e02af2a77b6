"""Who may ask: a person, a contributor or a program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from uuid import UUID

from ledger.facts import Actor
from web.identity.permissions import Permission, Role, granted

TO_ENROL = frozenset({Permission.PUBLIC, Permission.OWN_SESSION, Permission.OWN_SECURITY})


class Principal(Protocol):
    """Whoever asks."""

    @property
    def key(self) -> str:
        """Names the principal in idempotency keys and rate limits."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """Everything it may do."""

    @property
    def actor(self) -> Actor | None:
        """Who the facts say did it; None for somebody unknown."""


@dataclass(frozen=True)
class Anonymous:
    """Nobody we know."""

    key: str = "anonymous"
    permissions: frozenset[Permission] = frozenset({Permission.PUBLIC})
    actor: Actor | None = None


@dataclass(frozen=True)
class Person:
    """A member or contact, signed in to their own account."""

    member_id: UUID
    session_id: UUID

    @property
    def key(self) -> str:
        """Names the principal."""
        return f"member:{self.member_id}"

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """What a person may do for themself."""
        return granted(frozenset({Role.MEMBER}))

    @property
    def actor(self) -> Actor:
        """The person, as facts name them."""
        return Actor(kind="member", id=self.member_id)


@dataclass(frozen=True)
class Contributor:
    """Staff, with the roles that the books give them at this moment."""

    contributor_id: UUID
    session_id: UUID
    roles: frozenset[Role]
    must_enrol: bool = False
    """Whether a role asks for a second step that they have not set up yet."""

    @property
    def key(self) -> str:
        """Names the principal."""
        return f"contributor:{self.contributor_id}"

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """What the roles may do together; until a second step that they ask for is set up, only
        that.
        """
        found = granted(self.roles)
        return found & TO_ENROL if self.must_enrol else found

    @property
    def actor(self) -> Actor:
        """The contributor, as facts name them."""
        return Actor(kind="contributor", id=self.contributor_id)


@dataclass(frozen=True)
class Program:
    """A program with a token."""

    token_id: UUID
    name: str
    scopes: frozenset[Permission]

    @property
    def key(self) -> str:
        """Names the principal."""
        return f"program:{self.token_id}"

    @property
    def permissions(self) -> frozenset[Permission]:
        """Its scopes, and what is public."""
        return self.scopes | {Permission.PUBLIC}

    @property
    def actor(self) -> Actor:
        """The token, as facts name it."""
        return Actor(kind="program", id=self.token_id)


@dataclass(frozen=True)
class Caller:
    """Everyone a request speaks for: one browser may be signed in as a person and as staff."""

    principals: tuple[Principal, ...] = ()
    by_cookie: bool = False
    person: Person | None = None
    contributor: Contributor | None = None

    def principal_for(self, permission: Permission) -> Principal | None:
        """The first of them that may; Anonymous for what is public."""
        able = (each for each in self.principals if permission in each.permissions)
        public = Anonymous() if permission is Permission.PUBLIC else None
        return next(able, public)
