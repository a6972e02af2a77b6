"""How an endpoint is declared, and what its handler is given.

One declaration serves the request (`dispatch`), the permission test and the OpenAPI document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Required, TypedDict, TypeVar, Unpack
from uuid import UUID

from ledger.errors import LedgerError
from ledger.facts import Actor, Cause
from ledger.member import Member
from web.api.models import Body, PageQuery, Query, Reply
from web.api.pagination import Cursors, Place
from web.identity.auth import unauthenticated
from web.identity.permissions import Permission
from web.identity.principals import Person, Principal
from web.parts import Freshness, Parts
from web.problems import Problem
from web.reading.past import Past, Reading, Scope
from web.reading.queries import Queries
from web.sessions.limits import Limit

BASE = "/api/v1"
POSITION = "Ledger-Position"
WAIT_SECONDS = 2.0
BodyType = TypeVar("BodyType", bound=Body | None)
QueryType = TypeVar("QueryType", bound=Query | None)
Handler = TypeVar("Handler", bound="Callable[..., Answer | Reply | None]")
PATH_PARAMETER = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")


@dataclass(frozen=True)
class Content:
    """An answer that is no JSON, sent piece by piece as it comes."""

    media_type: str
    pieces: Iterable[bytes]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply with what travels beside it."""

    reply: Reply | None = None
    content: Content | None = None
    """In place of a reply."""
    position: int | None = None
    """Of the last fact that the command recorded: name it to read your write."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[BodyType, QueryType]):
    """One request, parsed, with whoever sent it."""

    route: Route
    parts: Parts
    principal: Principal
    body: BodyType
    query: QueryType
    command_id: UUID
    """The same whenever this request is sent again with its Idempotency-Key."""
    reading: Reading
    """Where it reads the views: as they are, or as of the moment that it names."""
    freshness: Freshness | None = None

    @property
    def queries(self) -> Queries:
        """What is asked of the views."""
        return self.reading.queries

    @property
    def now(self) -> datetime:
        """The instant at which everything is asked: the present, or that of the moment."""
        # The present is looked at when it is needed: what was recorded before counts (AX2).
        return self.past.as_of if self.past else self.parts.clock.now()

    @property
    def past(self) -> Past | None:
        """The moment that is read; None for the present."""
        return self.reading.past

    def member(self, member_id: UUID) -> Member:
        """Somebody as the books have them, or had them. Raises NotFound."""
        if self.past is not None:
            return self.past.facts.member(member_id)
        return self.parts.ledger.member(member_id)

    def require_plan(self, plan_id: UUID) -> None:
        """Raise NotFound if there is, or was, no such plan."""
        if self.past is not None:
            self.past.facts.require_plan(plan_id)
        else:
            self.parts.ledger.plan(plan_id)

    def require_numbers(self) -> None:
        """Wait until the live views hold all that the moment knows: receipts are numbered there."""
        if self.past is None:
            return
        position = self.past.position
        found = self.parts.views.wait_for(position, wait_seconds=WAIT_SECONDS)
        if found.position < position:
            raise behind(found, position)

    @property
    def actor(self) -> Actor:
        """Who the facts will say did it."""
        if self.principal.actor is None:
            raise unauthenticated("Sign in, or send a token.")
        return self.principal.actor

    @property
    def cause(self) -> Cause:
        """What the facts will say led to it: this request."""
        return Cause(kind="request", id=self.command_id)

    @property
    def member_id(self) -> UUID:
        """The person who asks for themself."""
        if not isinstance(self.principal, Person):
            raise Problem(403, "forbidden", "Only the person may do this for themself.")
        return self.principal.member_id

    def spend(self, limit: Limit, key: object = None) -> None:
        """Count one use of a limit, by whoever asks unless another key is named."""
        self.parts.desk.limits.spend(limit, self.principal.key if key is None else key)

    def place(self) -> Place | None:
        """Where this page of a list begins; None at the start."""
        cursor = self.query.cursor if isinstance(self.query, PageQuery) else None
        return self._cursors().read(self._scope(), cursor) if cursor else None

    def cursor(self, place: Place) -> str:
        """The cursor of the page after this place."""
        return self._cursors().write(self._scope(), place)

    def _cursors(self) -> Cursors:
        return Cursors(self.parts.desk.seals)

    def _scope(self) -> str:
        beside = {"cursor", "limit"}
        query: Query | None = self.query
        filters = query.model_dump(mode="json", exclude=beside) if query else {}
        filters |= self.past.named if self.past else {}
        return f"{self.route.path} {json.dumps(filters, sort_keys=True)}"


@dataclass(frozen=True, kw_only=True)
class Route:
    """An endpoint, as declared."""

    method: str
    path: str
    """Below /api/v1, with Flask's path parameters: `/orders/<uuid:order_id>`."""
    handler: Callable[..., Answer | Reply | None]
    tag: str
    summary: str
    permission: Permission
    body: type[Body] | None = None
    query: type[Query] | None = None
    answers: type[Reply] | None = None
    status: int = 200
    refusals: tuple[type[LedgerError], ...] = ()
    past: Scope | None = None
    """How it is read as of a moment; None where it only knows the present."""
    media_type: str | None = None
    """Of an answer that is no JSON."""

    @property
    def success(self) -> int:
        """The status of an answer that is no refusal; 204 when there is nothing to say."""
        return self.status if self.answers or self.media_type else 204

    @property
    def name(self) -> str:
        """Flask's endpoint and OpenAPI's operationId."""
        return f"{self.tag}.{self.handler.__name__}"

    @property
    def description(self) -> str:
        """The handler's docstring."""
        return (self.handler.__doc__ or "").strip()

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.method == "GET"

    @property
    def path_parameters(self) -> list[tuple[str, str]]:
        """Name and kind (`uuid`, `int`, `string`) of each."""
        found = PATH_PARAMETER.finditer(self.path)
        return [(match["name"], match["kind"] or "string") for match in found]


class Declared(TypedDict, total=False):
    """What is said of a route beside its method and path."""

    permission: Required[Permission]
    summary: Required[str]
    body: type[Body]
    query: type[Query]
    answers: type[Reply]
    status: int
    refusals: tuple[type[LedgerError], ...]
    past: Scope


class Routes:
    """The endpoints of one file, under one tag."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._declared: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._declared)

    def get(self, path: str, **said: Unpack[Declared]) -> Callable[[Handler], Handler]:
        """Declare a read: it changes nothing, and honours Ledger-Position."""
        return self._declaring("GET", path, said)

    def post(self, path: str, **said: Unpack[Declared]) -> Callable[[Handler], Handler]:
        """Declare a command: it needs an Idempotency-Key, and is carried out once."""
        return self._declaring("POST", path, said)

    def put(self, path: str, **said: Unpack[Declared]) -> Callable[[Handler], Handler]:
        """Declare a command that sets; sent twice, it sets the same."""
        return self._declaring("PUT", path, said)

    def delete(self, path: str, **said: Unpack[Declared]) -> Callable[[Handler], Handler]:
        """Declare a command that takes away; sent twice, it is away."""
        return self._declaring("DELETE", path, said)

    def _declaring(self, method: str, path: str, said: Declared) -> Callable[[Handler], Handler]:
        def keep(handler: Handler) -> Handler:
            route = Route(method=method, path=path, handler=handler, tag=self.tag, **said)
            self._declared.append(route)
            return handler

        return keep


def behind(found: Freshness, asked: int) -> Problem:
    """The views have not read up to a position in time."""
    return Problem(
        503,
        "view_behind",
        f"The views have read up to position {found.position}, and not yet {asked}.",
        headers={"Retry-After": "1", POSITION: str(found.position)},
        more={"position": found.position, "lag": asked - found.position},
    )
