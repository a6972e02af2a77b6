"""The books as lines of JSON: what is exported, and the leaves of the audit tree (EVIDENCE.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from pydantic_core import from_json

from ledger.errors import LedgerError
from ledger.store.mapper import FactMapper, canonical
from ledger.store.recorder import FactRecorder
from ledger.store.records import FactRecord
from ledger.store.shapes import SCHEMA

AT_ONCE = 2_000
"""Facts held in memory at a time, more or less: saves are not cut."""

# Sorted keys, no spaces. The state goes in as it is stored, so that nothing is written anew.
_LINE = (
    b'{"position":%d,"recorded_at":"%b","schema":%d,"state":%b,"stream_id":"%b",'
    b'"subject_id":%b,"topic":%b,"version":%d}'
)
_SCHEMA_MARK = f'"{SCHEMA}":'.encode()
_NOBODY = b"null"

States = Callable[[Sequence[FactRecord]], Sequence[bytes]]


class LineUnwritable(LedgerError):
    """The fact at position {position} has a state that is not one line of JSON."""

    code = "line_unwritable"


def canonical_line(record: FactRecord) -> bytes:
    """The one line that stands for a fact, without its end: position, columns and stored state.

    What is personal stays sealed in it. Raises LineUnwritable.
    """
    return _line(record, record.state)


def sealed_lines(recorder: FactRecorder, *, first: int = 1) -> Iterator[bytes]:
    """The canonical lines from a position up to the horizon of when it was asked."""
    return _lines(recorder, first, lambda records: [record.state for record in records])


def opened_lines(recorder: FactRecorder, mapper: FactMapper, *, first: int = 1) -> Iterator[bytes]:
    """The same lines with what is personal in clear, or "erased"; they prove nothing.

    Raises SealBroken, FactUnreadable or KeyMissing at a fact that does not open.
    """
    return _lines(recorder, first, mapper.open_states)


def _lines(recorder: FactRecorder, first: int, states: States) -> Iterator[bytes]:
    after, until = first - 1, recorder.horizon()
    while after < until:
        records = [one for one in recorder.read(after, AT_ONCE) if one.position <= until]
        if not records:
            return
        for record, state in zip(records, states(records), strict=True):
            yield _line(record, state)
        after = records[-1].position


def _line(record: FactRecord, state: bytes) -> bytes:
    if b"\n" in state:
        raise LineUnwritable(position=record.position)
    subject = record.subject_id
    return _LINE % (
        record.position,
        _instant(record.recorded_at),
        _schema(record, state),
        state,
        str(record.stream_id).encode(),
        _NOBODY if subject is None else b'"%b"' % str(subject).encode(),
        canonical(record.topic),
        record.version,
    )


def _instant(instant: datetime) -> bytes:
    """As the states write instants."""
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00").encode() + b"Z"


def _schema(record: FactRecord, state: bytes) -> int:
    """The version of the fact's shape; states do not name the first."""
    if _SCHEMA_MARK not in state:
        return 1
    try:
        found = from_json(state).get(SCHEMA, 1)
    except (ValueError, AttributeError):
        raise LineUnwritable(position=record.position) from None
    return int(found)
