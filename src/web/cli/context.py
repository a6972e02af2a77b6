"""What every command needs: settings, parts, and sentences in place of tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from web.parts import Parts
    from web.settings import Settings


class Failure(click.ClickException):
    """One sentence, exit code 1."""

    def format_message(self) -> str:
        """The sentence as it is."""
        return self.message


def counted(number: int, noun: str) -> str:
    """So many of something, in English: `1 notice`, `2,000 notices`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def sentences() -> Iterator[None]:
    """Say what went wrong in a sentence where a person can mend it."""
    import psycopg
    from eventsourcing.persistence import PersistenceError

    from ledger.errors import LedgerError
    from ledger.store.embedded_error import EmbeddedError
    from web.running.serving import ChildLost, PortTaken
    from web.settings import SettingsError

    try:
        yield
    except (SettingsError, LedgerError, EmbeddedError, PortTaken, ChildLost) as error:
        raise Failure(str(error)) from error
    except UnicodeError as error:
        raise Failure("What was typed is not valid text (UTF-8).") from error
    except OSError as error:
        raise Failure(f"{error.filename or 'The system'}: {error.strerror or error}.") from error
    except (PersistenceError, psycopg.OperationalError) as error:
        raise Failure(f"The database could not answer: {str(error).strip()}") from error


def settings_given(**given: object) -> Settings:
    """The settings, with what the command line gave over the environment's."""
    from web.settings import load

    return load(**given)


@contextmanager
def opened() -> Iterator[tuple[Settings, str, Parts]]:
    """Settings, database address and parts, over an up-to-date schema."""
    from ledger.store.upgrade import upgrade
    from web.running.database import database
    from web.wiring import wire

    with sentences():
        settings = settings_given()
        with database(settings) as dsn:
            upgrade(dsn)
            with wire(settings, dsn) as parts:
                yield settings, dsn, parts
