"""The command that writes the books out, fact by fact."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from web.cli.context import Failure, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER_ONLY = 0o600


@click.command()
@click.option("--opened", "is_open", is_flag=True, help="Personal fields in clear, not sealed.")
@click.option("--to", "target", type=click.Path(path_type=Path), help="A new file; else stdout.")
@click.option("--from", "first", type=click.IntRange(1), default=1, help="The first POSITION.")
def export(target: Path | None, first: int, *, is_open: bool) -> None:
    """Write every fact as a line of JSON, up to where nothing can still appear.

    Personal fields stay sealed, as they are stored and proved; with --opened they can be read,
    those of erased persons say "erased".
    """
    from ledger.audit.export import opened_lines, sealed_lines
    from ledger.store.mapper import FactMapper

    with opened() as (_settings, _dsn, parts):
        lines = (
            opened_lines(parts.recorder, FactMapper(parts.ledger.vault), first=first)
            if is_open
            else sealed_lines(parts.recorder, first=first)
        )
        if target is None:
            lost = _piped(lines)
        else:
            with _new_file(target) as file:
                written = _write(lines, file)
            lost = None
            click.echo(f"{target}: {written} facts.")
    if lost is not None:
        raise lost  # whoever read has left; click ends without a word


def _piped(lines: Iterable[bytes]) -> BrokenPipeError | None:
    try:
        _write(lines, sys.stdout.buffer)
    except BrokenPipeError as error:
        return error
    return None


def _write(lines: Iterable[bytes], file: BinaryIO) -> int:
    written = 0
    for line in lines:
        file.write(line + b"\n")
        written += 1
    file.flush()
    return written


@contextmanager
def _new_file(target: Path) -> Iterator[BinaryIO]:
    """A file that nobody else may read, under its name once it is whole; never over another."""
    if target.exists():
        raise Failure(f"{target} is there already.")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    part.touch(OWNER_ONLY)
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
