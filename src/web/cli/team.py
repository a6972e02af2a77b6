"""Commands on the staff, for whoever is at the machine."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypedDict, cast
from uuid import UUID

import click

from web.cli.context import Failure, opened
from web.cli.past import of_moment, read

if TYPE_CHECKING:
    from ledger.contributor import Role
    from ledger.facts import Actor, Cause
    from web.parts import Parts
    from web.reading.past import Asked


class AtTheMachine(TypedDict):
    """Who and why, of what is typed on the server."""

    by: Actor
    cause: Cause


ROLES = ("administrator", "store_manager", "auditor", "operator")


@click.group()
def team() -> None:
    """Staff: list, add, change roles, remove, let in again."""


@team.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a contributor and line.")
@of_moment
def team_list(asked: Asked, *, as_json: bool) -> None:
    """Who is staff, with which roles."""
    with opened() as (_settings, _dsn, parts):
        staff = list(_then(parts, asked) if asked else _now(parts))
    for one in staff:
        if as_json:
            click.echo(json.dumps(one, ensure_ascii=False))
        else:
            click.echo(f"{one['id']}  {one['email']:<40} {', '.join(one['roles'])}")


def _now(parts: Parts) -> Iterator[dict[str, Any]]:
    for owner in _staff(parts):
        one = parts.ledger.contributor(owner)
        yield _said(one.id, one.email, one.name, one.roles)


def _then(parts: Parts, asked: Asked) -> Iterator[dict[str, Any]]:
    from web.reading.past import Scope

    with read(parts, asked, Scope.LISTS) as reading:
        for row in reading.queries.contributors.all():
            if row.roles:
                yield _said(row.contributor_id, row.email, row.name, row.roles)


def _said(staff_id: UUID, email: str, name: str, roles: Iterable[str]) -> dict[str, Any]:
    return {"id": str(staff_id), "email": email, "name": name, "roles": sorted(roles)}


@team.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES))
@click.option("--locale", type=click.Choice(["en", "fr"]), default="en")
def team_add(email: str, name: str, roles: tuple[str, ...], locale: str) -> None:
    """Make someone staff and print their password once."""
    from ledger import ids

    with opened() as (_settings, _dsn, parts):
        contributor_id = ids.new()
        parts.ledger.add_contributor(
            contributor_id,
            email=email,
            name=name,
            roles=cast("frozenset[Role]", frozenset(roles)),
            locale="fr" if locale == "fr" else "en",
            **_at_the_machine(),
        )
        _print_password(parts, contributor_id)


@team.command("roles")
@click.argument("email")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES))
def team_roles(email: str, roles: tuple[str, ...]) -> None:
    """Give EMAIL exactly these roles."""
    with opened() as (_settings, _dsn, parts):
        wanted = cast("frozenset[Role]", frozenset(roles))
        parts.ledger.change_roles(_find(parts, email), wanted, **_at_the_machine())


@team.command("remove")
@click.argument("email")
def team_remove(email: str) -> None:
    """Let EMAIL be staff no more; they are signed out everywhere."""
    from web.sessions.sessions import Kind

    with opened() as (_settings, _dsn, parts):
        contributor_id = _find(parts, email)
        parts.ledger.remove_contributor(contributor_id, **_at_the_machine())
        parts.desk.forget(Kind.CONTRIBUTOR, contributor_id, email=email)


@team.command("reset")
@click.argument("email", required=False)
def team_reset(email: str | None) -> None:
    """Make a new password for EMAIL, or for an owner who is locked out, and print it once.

    The second step goes too: whoever lost their telephone and their codes signs in without.
    """
    with opened() as (_settings, _dsn, parts):
        contributor_id = _find(parts, email) if email else parts.ledger.owner_id()
        if contributor_id is None:
            raise Failure("The site has no owner yet; start it with `ledger serve`.")
        parts.desk.second_factors.forget(contributor_id)
        parts.desk.links.forget(contributor_id)
        _print_password(parts, contributor_id)


def _print_password(parts: Parts, contributor_id: UUID) -> None:
    from web.sessions.sessions import Kind

    password = secrets.token_urlsafe(12)
    email = parts.ledger.contributor(contributor_id).email
    hashed = parts.desk.passwords.hash(password)
    parts.desk.credentials.put(Kind.CONTRIBUTOR, contributor_id, email, password_hash=hashed)
    parts.desk.sessions.revoke_all(Kind.CONTRIBUTOR, contributor_id)
    click.echo(f"{email} signs in with the password {password}")


def _find(parts: Parts, email: str) -> UUID:
    found = parts.ledger.contributor_by_email(email)
    if found is None:
        raise Failure(f"Nobody on the staff has the address {email}.")
    return found


def _staff(parts: Parts) -> list[UUID]:
    return [claim.owner for claim in parts.recorder.claims_of_kind("contributor_email")]


def _at_the_machine() -> AtTheMachine:
    from ledger import ids
    from ledger.facts import Actor, Cause

    cause = Cause(kind="command_line", id=ids.new())
    return {"by": Actor(kind="machine"), "cause": cause}
