"""What other sites can't make this one do: act for its people, or send them elsewhere."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request
from flask_wtf.csrf import validate_csrf  # type: ignore[import-untyped]
from wtforms import ValidationError  # type: ignore[import-untyped]

from web.parts import Parts
from web.problems import Problem


def own_path(destination: str | None, *, otherwise: str = "/") -> str:
    """A path of this site to go on to: never another host, whatever a link says."""
    if not destination or not destination.startswith("/") or "\\" in destination:
        return otherwise
    address = urlsplit(destination)
    strange = address.scheme or address.netloc or destination.startswith("//")
    return otherwise if strange or not destination.isprintable() else destination


def require_own_form(wired: Parts, asking: Request) -> None:
    """Refuse a form that the browser says another site has sent, whatever token it holds."""
    site, origin = asking.headers.get("Sec-Fetch-Site"), asking.headers.get("Origin")
    strange = site not in {"same-origin", "none"}
    if site is None:
        strange = origin is not None and origin not in _own_origins(wired, asking)
    if strange:
        raise Problem(403, "csrf_refused", "A form is sent from this site's own pages.")


def _own_origins(wired: Parts, asking: Request) -> frozenset[str]:
    return frozenset({wired.settings.address, asking.host_url.rstrip("/")})


def require_same_origin(wired: Parts, asking: Request) -> None:
    """Refuse a cookie's unsafe request that another site may have sent (CSRF).

    The browser says where a request comes from; a client that doesn't say shows the form token.
    """
    site = asking.headers.get("Sec-Fetch-Site")
    origin = asking.headers.get("Origin")
    if site == "same-origin":
        return
    if site is None and origin in _own_origins(wired, asking):
        return
    if site in {None, "none"} and _has_form_token(asking):
        return
    raise Problem(
        403,
        "csrf_refused",
        "A request with a session cookie comes from this site's own pages,"
        " or shows the form token in X-CSRF-Token.",
    )


def _has_form_token(asking: Request) -> bool:
    try:
        validate_csrf(asking.headers.get("X-CSRF-Token"))
    except ValidationError:
        return False
    return True
