"""Facts as the books keep them: canonical JSON, what is personal sealed within it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from ledger.errors import LedgerError
from ledger.facts import ERASED, Fact, fact_classes
from ledger.store.key_cache import Opened
from ledger.store.master_key import seal, unseal
from ledger.store.quick import FactReader, Needs
from ledger.store.records import FactRecord, StoredFact, SubjectKey
from ledger.store.shapes import (
    SCHEMA,
    SEALED,
    SEALED_MARK,
    erased,
    place,
    reader,
    sealed_fields,
    whole,
)
from ledger.store.vault import Vault

ADDRESS = {"originator_id", "originator_version"}
"""Fields that stand in columns of their own."""

_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
)


class SealBroken(LedgerError):
    """Fact {version} of stream {stream_id} ({topic}) was altered: the seal of {field} is broken."""

    code = "seal_broken"


class FactUnreadable(LedgerError):
    """Fact {version} of stream {stream_id} ({topic}) can't be read: {why}."""

    code = "fact_unreadable"


class FactUnwritable(LedgerError):
    """Fact {version} of stream {stream_id} ({topic}) can't be stored: {why}."""

    code = "fact_unwritable"


class Prepared(NamedTuple):
    """Facts as they are stored, and the new keys that must be saved in the same transaction."""

    facts: list[StoredFact]
    keys: list[SubjectKey]


class _Stored(NamedTuple):
    """What reading needs to know of a stored fact."""

    stream_id: UUID
    version: int
    topic: str
    state: bytes
    subject_id: UUID | None

    def broken(self, field: str) -> SealBroken:
        return SealBroken(
            topic=self.topic, stream_id=self.stream_id, version=self.version, field=field
        )

    def unreadable(self, why: str) -> FactUnreadable:
        return FactUnreadable(
            topic=self.topic, stream_id=self.stream_id, version=self.version, why=why
        )


class FactMapper(Mapper[UUID]):
    """Turns facts into what is stored, and back."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(JSONTranscoder())
        self._vault = vault
        self._classes: dict[str, type[Fact]] = {}

    # --- writing --------------------------------------------------------------------------

    def prepare(self, facts: Iterable[Fact]) -> Prepared:
        """One save's facts with the keys that were made for them.

        Raises KeyDestroyed, PersonalHidden or FactUnwritable. After a save that failed, prepare
        again: the keys of the failed one are gone with it.
        """
        self._vault.discard_pending()
        stored = [self.to_stored_event(fact) for fact in facts]
        subjects = [fact.subject_id for fact in stored if fact.subject_id is not None]
        return Prepared(stored, self._vault.take_pending(subjects))

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredFact:
        """One fact as it is stored; a new key that it needed is left pending in the vault."""
        fact = cast("Fact", domain_event)
        state = fact.model_dump(mode="json", exclude=ADDRESS, round_trip=True)
        if _holds_float(state):
            raise _unwritable(fact, "it holds a floating point number")
        sealed = [name for name in sealed_fields(type(fact)) if state[name] is not None]
        if sealed:
            self._seal(fact, state, sealed)
        if fact.class_version > 1:
            state[SCHEMA] = fact.class_version
        return StoredFact(
            originator_id=fact.originator_id,
            originator_version=fact.originator_version,
            topic=fact.TOPIC,
            state=canonical(state),
            subject_id=fact.subject_id,
            recorded_at=fact.timestamp,
        )

    def _seal(self, fact: Fact, state: dict[str, Any], names: list[str]) -> None:
        if fact.subject_id is None:
            raise _unwritable(fact, "it holds personal data and names no person")
        key = self._vault.key_for_writing(fact.subject_id)
        for name in names:
            bound_to = place(fact.originator_id, fact.originator_version, name)
            sealed = seal(key, canonical(state[name]), bound_to)
            state[name] = {SEALED: b64encode(sealed).decode()}

    # --- reading --------------------------------------------------------------------------

    def to_domain_event(self, stored_event: StoredEvent) -> Fact:
        """The fact that was stored. Raises SealBroken, FactUnreadable or KeyMissing.

        What is sealed opens from a StoredFact: the library's StoredEvent names no person.
        Once their key is destroyed, personal fields say ERASED and all others are exact.
        """
        return self._read(
            _Stored(
                cast("UUID", stored_event.originator_id),
                stored_event.originator_version,
                stored_event.topic,
                stored_event.state,
                getattr(stored_event, "subject_id", None),
            ),
            self._vault.key,
        )

    def open_record(self, record: FactRecord) -> Fact:
        """The fact of a row of the books; raises as `to_domain_event` does."""
        return self._read(_of(record), self._vault.key)

    def open_records(self, records: Sequence[FactRecord]) -> list[Fact]:
        """The facts of many rows, with one query for all keys that are not at hand."""
        keys = self._keys_of(records)
        return [self._read(_of(record), keys.__getitem__) for record in records]

    def reader(self, needs: Needs) -> FactReader:
        """Reads facts of some kinds for folds that say what they need: several times as quick."""
        return FactReader(needs, keys_of=self._vault.keys, read_whole=self.open_record)

    def open_states(self, records: Sequence[FactRecord]) -> list[bytes]:
        """The states of many rows as they are stored, but what is sealed in clear, or ERASED.

        Shapes that are old stay so. Raises SealBroken, FactUnreadable or KeyMissing.
        """
        keys = self._keys_of(records)
        return [_in_clear(_of(record), keys.__getitem__) for record in records]

    def _keys_of(self, records: Sequence[FactRecord]) -> dict[UUID, Opened]:
        return self._vault.keys(
            record.subject_id
            for record in records
            if record.subject_id is not None and SEALED_MARK in record.state
        )

    def _read(self, stored: _Stored, key_of: Callable[[UUID], Opened]) -> Fact:
        fact_class = self._class_of(stored)
        if SEALED_MARK in stored.state:
            return self._read_parsed(stored, fact_class, key_of)
        document = _spliced(stored)
        try:
            fact = cast("Fact", reader(fact_class).validate_json(document))
        except (ValidationError, LedgerError) as error:
            if fact_class.class_version > 1:
                return self._read_parsed(stored, fact_class, key_of)
            # The error itself quotes what was stored, which may be personal.
            raise stored.unreadable(_why(error)) from None
        _require_sealed(stored, fact, opened=())
        return fact

    def _read_parsed(
        self, stored: _Stored, fact_class: type[Fact], key_of: Callable[[UUID], Opened]
    ) -> Fact:
        """Slower: what is sealed must be opened and what is old brought up to date."""
        state, version = _parsed(stored, fact_class)
        is_old = version < fact_class.class_version
        candidates = list(state) if is_old else sealed_fields(fact_class)
        opened = [name for name in candidates if _is_sealed(state.get(name))]
        key = _key(stored, opened[0], key_of) if opened else None
        for name in opened:
            state[name] = ERASED if key is None else _unsealed(stored, name, state[name], key)
        is_erased = bool(opened) and key is None
        if is_old:
            _upcast(stored, fact_class, state, version)
        validator = erased(fact_class) if is_erased else whole(fact_class)
        try:
            document = _spliced(stored._replace(state=to_json(state)))
            fact = cast("Fact", validator.validate_json(document))
        except (ValueError, LedgerError) as error:
            raise stored.unreadable(_why(error)) from None
        if not is_old:
            _require_sealed(stored, fact, opened)
        if opened and fact.subject_id != stored.subject_id:
            raise stored.broken(opened[0])
        return fact

    def _class_of(self, stored: _Stored) -> type[Fact]:
        found = self._classes.get(stored.topic)
        if found is None:
            self._classes = {kind.TOPIC: kind for kind in fact_classes()}
            found = self._classes.get(stored.topic)
        if found is None:
            raise stored.unreadable("no such kind of fact is known")
        return found


def canonical(value: object) -> bytes:
    """The only way to write a value: UTF-8, keys sorted, no spaces."""
    return _CANONICAL.encode(value).encode()


def _holds_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_float(part) for part in value.values())
    if isinstance(value, list):
        return any(_holds_float(part) for part in value)
    return isinstance(value, float)


def _unwritable(fact: Fact, why: str) -> FactUnwritable:
    return FactUnwritable(
        topic=fact.TOPIC,
        stream_id=fact.originator_id,
        version=fact.originator_version,
        why=why,
    )


def _of(record: FactRecord) -> _Stored:
    return _Stored(record.stream_id, record.version, record.topic, record.state, record.subject_id)


def _spliced(stored: _Stored) -> bytes:
    """The state with its address, which comes last: of two equal keys, the last one counts."""
    state = stored.state
    if state[-1:] != b"}":
        raise stored.unreadable("it does not end as JSON does")
    return b'%b,"originator_id":"%b","originator_version":%d}' % (
        state[:-1],
        str(stored.stream_id).encode(),
        stored.version,
    )


def _parsed(stored: _Stored, fact_class: type[Fact]) -> tuple[dict[str, Any], int]:
    """The fields as stored, and the version of the class that wrote them."""
    state = _document(stored)
    version = state.pop(SCHEMA, 1)
    if type(version) is not int or not 1 <= version <= fact_class.class_version:
        raise stored.unreadable(f"its schema {version!r} is not one this ledger knows")
    return state, version


def _document(stored: _Stored) -> dict[str, Any]:
    try:
        state = from_json(stored.state, allow_inf_nan=False)
    except ValueError:
        raise stored.unreadable("it is not JSON") from None
    if not isinstance(state, dict):
        raise stored.unreadable("it is not a JSON object")
    return state


def _in_clear(stored: _Stored, key_of: Callable[[UUID], Opened]) -> bytes:
    if SEALED_MARK not in stored.state:
        return stored.state
    state = _document(stored)
    for name in [name for name, value in state.items() if _is_sealed(value)]:
        key = _key(stored, name, key_of)
        state[name] = ERASED if key is None else _unsealed(stored, name, state[name], key)
    return canonical(state)


def _is_sealed(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {SEALED}


def _key(stored: _Stored, field: str, key_of: Callable[[UUID], Opened]) -> Opened:
    if stored.subject_id is None:
        raise stored.broken(field)
    return key_of(stored.subject_id)


def _unsealed(stored: _Stored, field: str, value: dict[str, str], key: AESGCM) -> Any:
    bound_to = place(stored.stream_id, stored.version, field)
    try:
        return from_json(unseal(key, b64decode(value[SEALED], validate=True), bound_to))
    except (InvalidTag, ValueError, TypeError):
        raise stored.broken(field) from None


def _upcast(stored: _Stored, fact_class: type[Fact], state: dict[str, Any], version: int) -> None:
    """Bring an old state up to date, in place; what was personal says ERASED where it is gone."""
    for older in range(version, fact_class.class_version):
        step = getattr(fact_class, f"upcast_v{older}_v{older + 1}", None)
        if step is None:
            raise stored.unreadable(f"nothing brings its schema {older} to {older + 1}")
        try:
            step(state)
        except (LookupError, AttributeError, TypeError, ValueError):
            raise stored.unreadable(f"its schema {older} is not as it was") from None


def _require_sealed(stored: _Stored, fact: Fact, opened: Sequence[str]) -> None:
    """A personal field holds what was sealed, or nothing."""
    for name in sealed_fields(type(fact)):
        if name not in opened and getattr(fact, name) is not None:
            raise stored.broken(name)


def _why(error: ValueError | LedgerError) -> str:
    """Which fields are wrong and how, without what they hold."""
    if isinstance(error, LedgerError):
        return error.code
    if not isinstance(error, ValidationError):
        return "it holds what JSON does not"
    return ", ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'it'} is {fault['type']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
