"""Stored facts of one life, told again of other people: other ids, instants and names, sealed anew.

A state is cut into what every such life has in common and slots: an identifier, an instant, a
text of the person, or a sealed value, which has slots of its own.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha1
from typing import Any, NamedTuple, cast
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.facts import Fact
from ledger.order.facts import OrderPlaced
from ledger.store.mapper import FactMapper, canonical
from ledger.store.master_key import seal
from ledger.store.records import StoredFact
from ledger.store.shapes import SEALED, place
from scripts.benches.big_lives import (
    EMAIL,
    FINGERPRINT,
    LAST_FOUR,
    NAME,
    RENAMED,
    Calendar,
    Calendars,
    Life,
    Moment,
    Told,
)
from scripts.benches.big_people import Person

UUID_FORM = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
INSTANT_FORM = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
TEXTS = {
    EMAIL: "email",
    NAME: "name",
    RENAMED: "renamed",
    LAST_FOUR: "last_four",
    FINGERPRINT: "fingerprint",
}
WORDS = "|".join(map(re.escape, TEXTS))
TOKEN = re.compile(
    rf'(?P<recorded>(?<="timestamp":"){INSTANT_FORM})|(?P<instant>{INSTANT_FORM})'
    rf'|(?P<id>{UUID_FORM})|(?P<sealed>{{"{SEALED}":"[^"]+"}})|(?P<text>{WORDS})'
)

Slot = Callable[["Teller", datetime], bytes]
"""What stands in a slot when somebody's life is told; the instant is that of the recording."""


class Form(NamedTuple):
    """A text with slots."""

    text: bytes
    slots: tuple[int, ...]

    def filled(self, values: Sequence[bytes]) -> bytes:
        """The text with each slot's value."""
        return self.text % tuple([values[slot] for slot in self.slots])


class SealedField(NamedTuple):
    """A personal field: its value as JSON."""

    name: str
    value: Form


class FactTemplate(NamedTuple):
    """One fact of a save. `version` None says that its stream is everybody's."""

    stream: int
    version: int | None
    topic: str
    state: Form
    sealed: tuple[SealedField, ...]


class SaveTemplate(NamedTuple):
    """One save: its facts, and all that stands in their slots."""

    recorded: Moment
    facts: tuple[FactTemplate, ...]
    slots: tuple[Slot, ...]

    @property
    def shared(self) -> int | None:
        """The stream of everybody's that it writes to, if any."""
        return next((fact.stream for fact in self.facts if fact.version is None), None)


class Recipe(NamedTuple):
    """How an identifier is made: from another one and words; without a parent, it is `name`.

    `within` are identifiers that the words name, which have a slot for each.
    """

    parent: int | None
    name: bytes
    within: tuple[int, ...] = ()


class LifeTemplate(NamedTuple):
    """A life as it can be told of anybody. The first of `ids` is the person's."""

    saves: tuple[SaveTemplate, ...]
    calendars: tuple[Calendar, ...]
    ids: tuple[Recipe, ...]

    @property
    def first_order(self) -> int | None:
        """The save that holds the person's first order."""
        return next(
            (
                number
                for number, save in enumerate(self.saves)
                if any(fact.topic == OrderPlaced.TOPIC for fact in save.facts)
            ),
            None,
        )


class ToldFact(NamedTuple):
    """A fact of somebody, ready to be stored."""

    stream_id: bytes
    version: int
    topic: str
    state: bytes


class Teller:
    """Tells a life of one person."""

    def __init__(self, life: LifeTemplate, who: Person) -> None:
        self.who = who
        self.life = life
        self.calendars = Calendars(life.calendars, who.signed_up)
        self._ids = {0: who.member_id.bytes}
        self._cipher: AESGCM | None = None

    def id(self, number: int) -> bytes:
        """An identifier of this person's life: what ids.derived makes, in a third of the time."""
        found = self._ids.get(number)
        if found is None:
            parent, name, within = self.life.ids[number]
            if within:
                name %= tuple([_hyphenated(self.id(one)) for one in within])
            found = name if parent is None else _derived(self.id(parent), name)
            self._ids[number] = found
        return found

    def recorded(self) -> Iterator[datetime]:
        """When each save was recorded: never before the one before it."""
        latest = self.who.signed_up
        for save in self.life.saves:
            latest = max(latest, self.calendars.instant(save.recorded))
            yield latest

    def tell(self, save: SaveTemplate, recorded: datetime, shared_version: int) -> list[ToldFact]:
        """The facts of a save."""
        values = [slot(self, recorded) for slot in save.slots]
        return [self._told(fact, values, shared_version) for fact in save.facts]

    def _told(self, fact: FactTemplate, values: list[bytes], shared_version: int) -> ToldFact:
        stream_id, version = self.id(fact.stream), fact.version or shared_version
        if fact.sealed:
            sealed = [self._sealed(one, values, stream_id, version) for one in fact.sealed]
            values = [*values, *sealed]
        return ToldFact(stream_id, version, fact.topic, fact.state.filled(values))

    def _sealed(
        self, field: SealedField, values: list[bytes], stream_id: bytes, version: int
    ) -> bytes:
        if self._cipher is None:
            self._cipher = AESGCM(self.who.key)
        bound_to = place(UUID(bytes=stream_id), version, field.name)
        return b64encode(seal(self._cipher, field.value.filled(values), bound_to))


def template(life: Life, mapper: FactMapper) -> LifeTemplate:
    """A life as it can be told of anybody. The mapper says how facts are stored."""
    cutter = _Cutter(life)
    saves = tuple(cutter.cut(told, mapper) for told in life.saves)
    return LifeTemplate(saves, tuple(life.calendars), tuple(cutter.recipes))


class _Cutter:
    """Finds what stands in the saves of one person and not in those of others."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._numbers = {life.member_id: 0}
        self.recipes = [Recipe(None, life.member_id.bytes)]
        self._slots: dict[object, int] = {}
        self._fillers: list[Slot] = []

    def _id(self, theirs: UUID) -> int:
        """The number of an identifier, which gets one."""
        if theirs not in self._numbers:
            parent, words = self._life.ids.get(theirs, (None, ()))
            recipe = Recipe(None, theirs.bytes)
            if parent is not None:
                recipe = self._recipe(parent, "/".join(map(str, words)))
            self._numbers[theirs] = len(self.recipes)
            self.recipes.append(recipe)
        return self._numbers[theirs]

    def _recipe(self, parent: UUID, name: str) -> Recipe:
        named = [UUID(found) for found in re.findall(UUID_FORM, name)]
        if not named:
            return Recipe(self._id(parent), name.encode())
        cut = re.sub(UUID_FORM, "%b", name.replace("%", "%%"))
        return Recipe(self._id(parent), cut.encode(), tuple(map(self._id, named)))

    def _is_own(self, theirs: UUID) -> bool:
        return theirs in self._life.ids or theirs == self._life.member_id

    def cut(self, told: Told, mapper: FactMapper) -> SaveTemplate:
        """A save as it can be told of anybody."""
        self._slots, self._fillers = {}, []
        stored = mapper.prepare(told.facts).facts
        facts = list(zip(told.facts, stored, strict=True))
        # Everything has its slot before the sealed values, which are numbered after them all.
        for fact, one in facts:
            self._cut(fact, one, told.recorded.calendar)
        made = tuple(self._cut(fact, one, told.recorded.calendar) for fact, one in facts)
        return SaveTemplate(told.recorded, made, tuple(self._fillers))

    def _cut(self, fact: Fact, stored: StoredFact, calendar: int) -> FactTemplate:
        state = json.loads(stored.state)
        names = [name for name in sorted(state) if _is_sealed(state[name])]
        sealed = tuple(
            SealedField(name, self._form(_plain(fact, name), calendar, 0)) for name in names
        )
        return FactTemplate(
            stream=self._id(fact.originator_id),
            version=fact.originator_version if self._is_own(fact.originator_id) else None,
            topic=stored.topic,
            state=self._form(stored.state, calendar, len(self._fillers)),
            sealed=sealed,
        )

    def _form(self, text: bytes, calendar: int, first_sealed: int) -> Form:
        slots: list[int] = []
        sealed = 0

        def cut(found: re.Match[str]) -> str:
            nonlocal sealed
            if found.lastgroup == "sealed":
                slots.append(first_sealed + sealed)
                sealed += 1
                return f'{{"{SEALED}":"%b"}}'
            slot = self._slot(found, calendar)
            if slot is None:
                return found[0]
            slots.append(slot)
            return "%b"

        cut_text = TOKEN.sub(cut, text.decode().replace("%", "%%"))
        return Form(cut_text.encode(), tuple(slots))

    def _slot(self, found: re.Match[str], calendar: int) -> int | None:
        """The slot of what was found; None if it is the same for everybody."""
        what = found[0]
        if found.lastgroup == "id":
            theirs = UUID(what)
            if not self._is_own(theirs):
                return None
            number = self._id(theirs)
            return self._numbered(theirs, lambda teller, _: _hyphenated(teller.id(number)))
        if found.lastgroup == "recorded":
            return self._numbered("recorded", lambda _, recorded: _instant(recorded))
        if found.lastgroup == "instant":
            moment = self._life.when.moment(calendar, datetime.fromisoformat(what))
            return self._numbered(
                moment, lambda teller, _: _instant(teller.calendars.instant(moment))
            )
        name = TEXTS[what]
        return self._numbered(name, lambda teller, _: _text(cast("str", getattr(teller.who, name))))

    def _numbered(self, what: object, filler: Slot) -> int:
        if what not in self._slots:
            self._slots[what] = len(self._fillers)
            self._fillers.append(filler)
        return self._slots[what]


def _is_sealed(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {SEALED}


def _plain(fact: Fact, name: str) -> bytes:
    state: dict[str, Any] = fact.model_dump(mode="json", include={name}, round_trip=True)
    return canonical(state[name])


def _derived(parent: bytes, name: bytes) -> bytes:
    made = bytearray(sha1(parent + name, usedforsecurity=False).digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    return bytes(made)


def _hyphenated(identifier: bytes) -> bytes:
    text = identifier.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


def _instant(instant: datetime) -> bytes:
    return instant.isoformat().replace("+00:00", "Z").encode()


def _text(value: str) -> bytes:
    """As it stands within quotes."""
    return canonical(value)[1:-1]
