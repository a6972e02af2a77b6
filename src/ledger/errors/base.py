"""What all refusals have in common, and their four kinds."""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """The ledger could not do what was asked."""

    code: ClassVar[str] = "ledger_error"
    pointer: ClassVar[str | None] = None
    """JSON pointer of the request field at fault, where one field is."""

    def __init__(self, **details: object) -> None:
        super().__init__()
        self.details = details

    def __str__(self) -> str:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        return sentence.format(**self.details)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.details))


def _rebuild(kind: type[LedgerError], details: dict[str, object]) -> LedgerError:
    return kind(**details)


class NotFound(LedgerError):
    """There is no {what} {id}."""

    code = "not_found"


class Forbidden(LedgerError):
    """This is not allowed for {role}."""

    code = "forbidden"


class Conflict(LedgerError):
    """Someone else changed this at the same time; please try again."""

    code = "conflict"


class Busy(Conflict):
    """Too many others change this at the same time; please try again in a moment."""

    code = "busy"


class Refused(LedgerError):
    """The ledger's rules refuse this."""

    code = "refused"
