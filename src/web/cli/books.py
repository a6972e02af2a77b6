"""Commands on the books: the schema, and a member's history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from web.cli.context import Failure, opened, sentences, settings_given
from web.cli.past import books_of, of_moment

if TYPE_CHECKING:
    from projections.one_member import Known
    from web.parts import Parts
    from web.reading.past import Asked


@click.group()
def db() -> None:
    """The database: upgrade, back up, restore."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema up to date; safe from many processes at once."""
    from ledger.store.upgrade import upgrade
    from web.running.database import database

    with sentences(), database(settings_given()) as dsn:
        applied = upgrade(dsn)
    click.echo("\n".join(applied) if applied else "The schema is up to date.")


@db.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--vault", is_flag=True, help="The persons' keys instead; keep them elsewhere.")
def db_backup(folder: Path, *, vault: bool) -> None:
    """Write the books to a new FOLDER, checksummed; sign-ins and the like are in it, sealed.

    Books and keys are two backups: whoever finds one of them alone can't read who anybody is.
    """
    from ledger.store.backup import backup
    from web.running.database import database

    with sentences():
        settings = settings_given()
        with database(settings) as dsn:
            manifest = backup(dsn, folder, vault=vault, master_key=settings.key())
    rows = sum(table.rows for table in manifest.tables)
    click.echo(f"{folder}: {len(manifest.tables)} tables, {rows} rows.")


@db.command("restore")
@click.argument("books", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--vault",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The backup of the persons' keys.",
)
def db_restore(books: Path, vault: Path | None) -> None:
    """Restore BOOKS into an empty database, whole or not at all; views are folded anew.

    The master key must be the one in use when the backup was made. A key whose person was erased
    is destroyed again before anything is served.
    """
    from ledger.store.restore import restore
    from web.running.database import database

    with sentences():
        settings = settings_given()
        with database(settings) as dsn:
            restored = restore(dsn, books, vault=vault, master_key=settings.key())
    click.echo(f"{sum(restored.rows.values())} rows restored.")
    if restored.keys_destroyed_again:
        click.echo(f"{restored.keys_destroyed_again} erased persons were erased again.")
    if restored.subjects_without_key:
        click.echo(
            f"{restored.subjects_without_key} persons can't be read: their keys are missing."
        )
    if restored.left_out:
        click.echo(f"Begin empty: {', '.join(restored.left_out)}.")


@click.command()
@click.argument("member")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a fact and line.")
@of_moment
def history(member: str, asked: Asked, *, as_json: bool) -> None:
    """Replay all facts of MEMBER (an id or an e-mail address), oldest first."""
    with opened() as (_settings, _dsn, parts), books_of(parts, asked) as known:
        entries = list(_entries(parts, member_id_of(parts, member), known))
    for entry in entries:
        if as_json:
            click.echo(json.dumps(entry, ensure_ascii=False))
        else:
            click.echo(
                f"{entry['position']:>10}  {entry['occurred_at']:<32} {entry['topic']:<28}"
                f" by {entry['actor']}"
            )


def member_id_of(parts: Parts, member: str) -> UUID:
    """Of an id or an open account's address. Raises Failure, or NotFound."""
    try:
        member_id: UUID | None = UUID(member)
    except ValueError:
        member_id = parts.ledger.member_by_email(member) if "@" in member else None
    if member_id is None:
        raise Failure(f"There is no member {member}: give an id or an open account's address.")
    parts.ledger.member(member_id)
    return member_id


def _entries(parts: Parts, member_id: UUID, known: Known | None) -> Iterator[dict[str, Any]]:
    from ledger.store.mapper import FactMapper

    records = parts.recorder.of_subject(member_id)
    facts = FactMapper(parts.ledger.vault).open_records(records)
    for record, fact in zip(records, facts, strict=True):
        if known is not None and not known.holds(record.position, fact.occurred_at):
            continue
        stated = fact.model_dump(mode="json", exclude={"actor", "cause", "originator_topic"})
        actor = fact.actor
        yield {
            "position": record.position,
            "fact_id": fact.fact_id,
            "topic": fact.TOPIC,
            "occurred_at": fact.occurred_at.isoformat(),
            "recorded_at": fact.recorded_at.isoformat(),
            "actor": f"{actor.kind} {actor.id}" if actor.id else actor.kind,
            "cause": f"{fact.cause.kind} {fact.cause.id}",
            "says": stated,
        }
