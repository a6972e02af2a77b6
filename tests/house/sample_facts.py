"""One stored sample of every shape a fact ever had: what is in the books is read for ever.

`samples/<stored name>.<number>.json` is a fact as its row holds it; `samples/vault.json` has the
keys that open what is personal in them.
"""

from __future__ import annotations

import json
import types
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid5

from ledger.facts import Fact, FirstFact
from ledger.money import Money
from ledger.store.mapper import FactMapper
from ledger.store.records import StoredFact
from ledger.store.vault import Vault

FOLDER = Path(__file__).with_name("samples")
VAULT = FOLDER / "vault.json"
MASTER_KEY = bytes(range(32))
SUBJECT = UUID("3f8f0c52-8a0f-5d0e-9a57-0e6f5f7c2d11")
INSTANT = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATED: dict[Any, Any] = {
    Money: Money(1234, "EUR"),
    datetime: INSTANT,
    date: INSTANT.date(),
    int: 1,
    bool: True,
    type(None): None,
}
"""What stands for a value of a type."""


class KeptKeys:
    """The vault's rows in a file."""

    def __init__(self) -> None:
        kept = json.loads(VAULT.read_text(encoding="utf-8")) if VAULT.exists() else {}
        self._rows = {owner: b64decode(wrapped) for owner, wrapped in kept.items()}

    def wrapped(self, subject_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """The wrapped keys of those who have one."""
        return {who: self._rows[str(who)] for who in subject_ids if str(who) in self._rows}

    def destroy(self, subject_id: UUID) -> None:
        """Leave a tombstone."""
        self._rows[str(subject_id)] = b""

    def root(self) -> bytes | None:
        """The wrapped root secret."""
        return self._rows.get("root")

    def keep_root(self, root: bytes) -> bytes | None:
        """The root that is kept."""
        return self._rows.setdefault("root", root)

    def replace(self, rewrap: Callable[[bytes, bytes], bytes]) -> int:
        """Samples keep their keys."""
        raise NotImplementedError

    def add(self, subject_id: UUID, wrapped: bytes) -> None:
        """Keep a new key."""
        self._rows[str(subject_id)] = wrapped

    def save(self) -> None:
        """Write the file."""
        kept = {owner: b64encode(wrapped).decode() for owner, wrapped in self._rows.items()}
        VAULT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def keep_samples(facts: list[type[Fact]]) -> None:
    """Store a fact of each of these, beside the older samples of the same name."""
    rows = KeptKeys()
    mapper = FactMapper(Vault(MASTER_KEY, rows))
    for fact in facts:
        prepared = mapper.prepare([example(fact)])
        for key in prepared.keys:
            rows.add(key.subject_id, key.wrapped)
        _next_place(fact.TOPIC).write_text(_as_text(prepared.facts[0]), encoding="utf-8")
    rows.save()


def stored_samples() -> dict[str, StoredFact]:
    """Every sample by its file's name."""
    return {
        path.name: _from_text(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.*.json"))
    }


def opened(stored: StoredFact) -> Fact:
    """The fact of a sample, read as the product reads it."""
    return FactMapper(Vault(MASTER_KEY, KeptKeys())).to_domain_event(stored)


def example(fact: type[Fact]) -> Fact:
    """A fact with every field filled."""
    hints = get_type_hints(fact, include_extras=True)
    given = {name: _value(hints[name], name) for name in fact.model_fields}
    given["originator_id"] = SUBJECT if issubclass(fact, FirstFact) else given["originator_id"]
    return fact(**given | {"member_id": SUBJECT})


def _value(hint: Any, name: str) -> Any:
    """Something that fits a type; texts say the name of their field."""
    if origin := get_origin(hint):
        return _composed(origin, get_args(hint), name)
    if hint is UUID:
        return uuid5(SUBJECT, name)
    if hint is str:
        return name
    return STATED[hint] if hint in STATED else _whole(hint)


def _composed(origin: Any, arguments: tuple[Any, ...], name: str) -> Any:
    if origin is Literal:
        return arguments[0]
    if origin in {Annotated, Union, types.UnionType}:
        return _value(next(a for a in arguments if a is not type(None)), name)
    if origin is dict:
        return {_value(arguments[0], name): _value(arguments[1], name)}
    return origin([_value(arguments[0], name)])


def _whole(kind: type[Any]) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    return kind(**{name: _value(hint, name) for name, hint in hints.items() if _is_field(hint)})


def _is_field(hint: Any) -> bool:
    return "ClassVar" not in str(hint)


def _next_place(topic: str) -> Path:
    number = 1
    while (place := FOLDER / f"{topic}.{number}.json").exists():
        number += 1
    return place


def _as_text(stored: StoredFact) -> str:
    row = {
        "originator_id": str(stored.originator_id),
        "originator_version": stored.originator_version,
        "topic": stored.topic,
        "subject_id": str(stored.subject_id) if stored.subject_id else None,
        "recorded_at": stored.recorded_at.isoformat(),
        "state": json.loads(stored.state),
    }
    return json.dumps(row, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _from_text(text: str) -> StoredFact:
    row = json.loads(text)
    state = json.dumps(row["state"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return StoredFact(
        originator_id=UUID(row["originator_id"]),
        originator_version=row["originator_version"],
        topic=row["topic"],
        state=state.encode(),
        subject_id=UUID(row["subject_id"]) if row["subject_id"] else None,
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
    )
