"""Contributors: the staff and their roles (NO5)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from ledger.contributor import Contributor
from ledger.facts import Fact
from projections.laws import Law, one_row_a_fact
from projections.rows import quick
from projections.search import search_key
from projections.view import Index, Key, Needs, View, first, on


@quick
class ContributorRow(NamedTuple):
    """One of the staff; no role is left to somebody removed."""

    contributor_id: UUID
    name: str
    email: str
    name_key: str
    locale: str
    roles: tuple[str, ...]
    added_at: datetime
    removed_at: datetime | None = None
    position: int = 0


class Contributors(View[ContributorRow]):
    """Everybody who is, or was, staff."""

    name = "contributors"
    version = 1
    key = ("contributor_id",)
    columns = ContributorRow
    needs: ClassVar[Needs] = {Contributor.Added: frozenset({"name", "email"})}
    indexes: ClassVar[tuple[Index, ...]] = ()
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("contributor.added"),)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The contributor whose stream it is."""
        return ((fact.originator_id,),)

    @first(Contributor.Added)
    def added(self, fact: Contributor.Added) -> ContributorRow:
        """Staff, with roles."""
        return ContributorRow(
            contributor_id=fact.originator_id,
            name=fact.name,
            email=fact.email,
            name_key=search_key(fact.name),
            locale=fact.locale,
            roles=tuple(fact.roles),
            added_at=fact.occurred_at,
        )

    @on(Contributor.RolesChanged)
    def roles_changed(self, row: ContributorRow, fact: Contributor.RolesChanged) -> ContributorRow:
        """Other roles."""
        return row._replace(roles=tuple(fact.roles))

    @on(Contributor.OwnershipReceived)
    def ownership_received(
        self, row: ContributorRow, _: Contributor.OwnershipReceived
    ) -> ContributorRow:
        """The owner."""
        return row._replace(roles=("owner",))

    @on(Contributor.LocaleChosen)
    def locale_chosen(self, row: ContributorRow, fact: Contributor.LocaleChosen) -> ContributorRow:
        """Told in it."""
        return row._replace(locale=fact.locale)

    @on(Contributor.Removed)
    def removed(self, row: ContributorRow, fact: Contributor.Removed) -> ContributorRow:
        """No role any more."""
        return row._replace(roles=(), removed_at=fact.occurred_at)
