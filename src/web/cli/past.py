"""Reading the past at the terminal: the options of every command that can, and where it reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from web.cli.context import Failure

if TYPE_CHECKING:
    from projections.moments import Moment
    from projections.one_member import Known
    from web.parts import Parts
    from web.reading.past import Asked, Reading, Scope

NAP_SECONDS = 0.2


class InstantParameter(click.ParamType[datetime]):
    """An instant with its offset, as in RFC 3339."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """In UTC."""
        found = value if isinstance(value, datetime) else _instant(value)
        if found is None:
            self.fail(f"{value} is no instant such as 2026-11-01T12:00:00Z.", param, ctx)
        return found


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None  # written wrong, or no day of the calendar


INSTANT = InstantParameter()


def of_moment(command: Callable[..., None]) -> Callable[..., None]:
    """The options `--as-of` and `--known-at`, given to a command as one: `asked`."""

    @wraps(command)
    def carry_out(
        *given: Any, as_of: datetime | None, known_at: datetime | None, **own: Any
    ) -> None:
        from web.reading.past import Asked

        command(*given, asked=Asked(as_of, known_at), **own)

    known = click.option("--known-at", type=INSTANT, help="From what the ledger knew then.")
    return click.option("--as-of", type=INSTANT, help="What was true then.")(known(carry_out))


@contextmanager
def read(parts: Parts, asked: Asked, scope: Scope, **named: object) -> Iterator[Reading]:
    """Where a command reads: the present, or the moment that is asked for, once it is made."""
    from web.reading.past import Reading

    if not asked:
        yield Reading(parts.queries)
        return
    with ExitStack() as opened:
        yield _opened(parts, asked, scope, named, opened)


@contextmanager
def books_of(parts: Parts, asked: Asked) -> Iterator[Known | None]:
    """Which facts count; None for all of them. Raises MomentInFuture."""
    if not asked:
        yield None
        return
    with parts.past.books(asked) as reading:
        yield reading.past.facts.known if reading.past else None


def _opened(
    parts: Parts, asked: Asked, scope: Scope, named: dict[str, object], opened: ExitStack
) -> Reading:
    from projections.moments import MomentFailed
    from web.reading.past import StillBuilding

    while True:
        try:
            return opened.enter_context(parts.past.opened(asked, scope, named))
        except StillBuilding as building:
            _say(building.moment)
            time.sleep(NAP_SECONDS)
        except MomentFailed as failed:
            raise Failure(str(failed)) from failed


def _say(moment: Moment) -> None:
    """How far it is, where somebody looks on; over what was said before."""
    if sys.stderr.isatty():
        click.echo(f"\rPutting the past together: {moment.per_cent} % ", nl=False, err=True)
