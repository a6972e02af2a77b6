"""Pages as of a moment: the address names it, every link keeps it, every page says it (AU3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask, current_app, g, render_template, request
from werkzeug.wrappers import Response

from projections.moments import MomentFailed, MomentInFuture
from web.identity.auth import parts
from web.pages.frame import url_with
from web.problems import Problem
from web.reading.past import AS_OF, KNOWN_AT, Asked, Past, Reading, Scope, StillBuilding

View = TypeVar("View", bound=Callable[..., Any])
MARK = "past_scope"
NAMES = (AS_OF, KNOWN_AT)
PANEL = "/panel"
AGAIN_SECONDS = "1"


def of_moment(scope: Scope) -> Callable[[View], View]:
    """Let a page be read as of the moment that its address names."""

    def declare(view: View) -> View:
        @wraps(view)
        def shown(*given: Any, **named: Any) -> Any:
            return _shown(scope, view, *given, **named)

        setattr(shown, MARK, scope)
        return shown  # type: ignore[return-value]

    return declare


def passes_moment(view: View) -> View:
    """Let a page that only leads elsewhere hand the moment on."""
    setattr(view, MARK, Scope.BOOKS)
    return view


def reading() -> Reading:
    """Where the page at hand reads."""
    found: Reading = g.get("reading") or Reading(parts().queries)
    return found


def now() -> datetime:
    """The instant at which the page asks: the present, or that of its moment."""
    past = reading().past
    return past.as_of if past else parts().clock.now()


def past() -> Past | None:
    """The moment that the page shows; None for the present."""
    return reading().past


def install(app: Flask) -> None:
    """Give an application's pages their moment."""
    app.before_request(_read_moment)
    app.url_defaults(_keep_moment)
    app.context_processor(_said)


def _read_moment() -> None:
    """Find the moment in the address of a page of the panel; refuse it where only now is known."""
    if not request.path.startswith(PANEL) or not any(request.args.get(name) for name in NAMES):
        return
    if not _is_marked(request.endpoint):
        detail = "This page shows the present alone."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "present_only", detail)
    g.asked = Asked(*(_instant(request.args.get(name)) for name in NAMES))


def _instant(text: str | None) -> datetime | None:
    """ISO 8601; without an offset it is the site's time, as a form's field gives it."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        local = instant if instant.tzinfo else instant.replace(tzinfo=parts().settings.zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        detail = "This is no instant such as 2026-11-01T12:00."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "moment_malformed", detail) from None


def _keep_moment(endpoint: str, values: dict[str, Any]) -> None:
    if "asked" in g and _is_marked(endpoint):
        for name, text in _named().items():
            values.setdefault(name, text)


def _is_marked(endpoint: str | None) -> bool:
    return hasattr(current_app.view_functions.get(endpoint or ""), MARK)


def _named() -> dict[str, str]:
    """The moment as the address names it."""
    return {name: request.args[name] for name in NAMES if request.args.get(name)}


def _shown(scope: Scope, view: Callable[..., Any], *given: Any, **named: Any) -> Any:
    if "asked" not in g:
        return view(*given, **named)
    try:
        past = parts().past
        is_book = scope is Scope.BOOKS
        with past.books(g.asked) if is_book else past.opened(g.asked, scope, named) as found:
            g.reading = found
            return view(*given, **named)
    except StillBuilding as building:
        return _progress(building)
    except MomentInFuture:
        detail = "This moment lies in the future."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "moment_in_future", detail) from None
    except MomentFailed as failed:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, failed.code, str(failed)) from failed


def _progress(building: StillBuilding) -> Response:
    """How far it is; the browser asks again by itself, without a script."""
    page = render_template("panel/moment.html", moment=building.moment)
    headers = {"Refresh": AGAIN_SECONDS, "Retry-After": AGAIN_SECONDS}
    return current_app.response_class(page, HTTPStatus.ACCEPTED, headers)


def _field(instant: datetime | None) -> str:
    """An instant as a form's field takes it: the site's time, without an offset."""
    if instant is None:
        return ""
    local = instant.astimezone(parts().settings.zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds")


def _said() -> dict[str, Any]:
    """What the frame of a page says of its moment."""
    asked: Asked | None = g.get("asked")
    return {
        "asked": asked,
        "moment_args": _named() if asked else {},
        "moment_fields": {
            name: _field(value) for name, value in (asked or Asked())._asdict().items()
        },
        "has_past": _is_marked(request.endpoint),
        "to_now": url_with(as_of=None, known_at=None, cursor=None),
    }
