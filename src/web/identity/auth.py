"""Finds out who asks, and whether they may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, Request, current_app, g, redirect, request, session
from werkzeug.wrappers import Response

from web.identity.permissions import READ_ALONG, Permission, Role, granted
from web.identity.principals import Caller, Contributor, Person, Principal, Program
from web.parts import Parts
from web.problems import Problem
from web.sessions.limits import BAD_TOKEN_FROM
from web.sessions.sessions import Kind, Opened

View = TypeVar("View", bound=Callable[..., Any])
COOKIE = {Kind.MEMBER: "session", Kind.CONTRIBUTOR: "team"}
PERMISSION_MARK = "permission"
BEARER = "bearer "
FORM_TOKEN = "csrf_token"  # noqa: S105 - a name
"""Where Flask-WTF keeps it."""
SECURITY = "/panel/security"


def parts() -> Parts:
    """The parts this app was wired from."""
    found: Parts = current_app.extensions["parts"]
    return found


def caller() -> Caller:
    """Who the present request speaks for; looked up once, when first asked."""
    if "caller" not in g:
        g.caller = _authenticate(parts(), request)
    found: Caller = g.caller
    return found


def client_address(asking: Request) -> str:
    """Where the request comes from, as far as our own proxies say."""
    return asking.remote_addr or "unknown"


def cookie_name(kind: Kind, *, secure: bool) -> str:
    """`__Host-` makes the browser refuse a cookie that another host or plain http would set."""
    return f"__Host-{COOKIE[kind]}" if secure else COOKIE[kind]


def sign_in(answer: Response, kind: Kind, opened: Opened) -> None:
    """Hand the browser its new session; the one that it came with is over."""
    secure = parts().settings.secure
    _begin_anew(cookie_name(kind, secure=secure))
    answer.set_cookie(
        cookie_name(kind, secure=secure),
        opened.token,
        max_age=opened.lifetime,
        secure=secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def sign_out(answer: Response, kind: Kind) -> None:
    """End the browser's session here, not only in the browser."""
    secure = parts().settings.secure
    name = cookie_name(kind, secure=secure)
    _begin_anew(name)
    answer.delete_cookie(name, secure=secure, httponly=True, samesite="Lax", path="/")


def _begin_anew(cookie: str) -> None:
    """Nothing that the browser held before is worth anything: neither session nor form token."""
    token = request.cookies.get(cookie)
    if token:
        parts().desk.sessions.revoke(token)
    for keeper in (session, g):
        keeper.pop(FORM_TOKEN, None)


def _authenticate(wired: Parts, asking: Request) -> Caller:
    header = asking.headers.get("Authorization", "")
    if header:
        return Caller(principals=(_program(wired, asking, header),))
    contributor, person = _contributor(wired, asking), _person(wired, asking)
    found = tuple(each for each in (contributor, person) if each is not None)
    return Caller(found, by_cookie=bool(found), person=person, contributor=contributor)


def _program(wired: Parts, asking: Request, header: str) -> Program:
    address = client_address(asking)
    wired.desk.limits.require(BAD_TOKEN_FROM, address)
    text = header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""
    token = wired.desk.tokens.find(text)
    if token is None:
        wired.desk.limits.spend(BAD_TOKEN_FROM, address)
        raise unauthenticated("This token is unknown, has expired, or was revoked.")
    return Program(token.token_id, token.name, token.permissions())


def _person(wired: Parts, asking: Request) -> Person | None:
    token = asking.cookies.get(cookie_name(Kind.MEMBER, secure=wired.settings.secure), "")
    session = wired.desk.sessions.find(Kind.MEMBER, token)
    return Person(session.account_id, session.session_id) if session else None


def _contributor(wired: Parts, asking: Request) -> Contributor | None:
    token = asking.cookies.get(cookie_name(Kind.CONTRIBUTOR, secure=wired.settings.secure), "")
    session = wired.desk.sessions.find(Kind.CONTRIBUTOR, token)
    roles = wired.team.roles_of(session.account_id) if session else frozenset()
    if session is None or not roles:
        return None
    held = frozenset(map(Role, roles))
    asks = not held.isdisjoint(wired.settings.second_step_roles)
    must_enrol = asks and not wired.desk.second_factors.is_on(session.account_id)
    return Contributor(session.account_id, session.session_id, held, must_enrol)


def unauthenticated(detail: str) -> Problem:
    """Nobody we know asks for something that isn't public."""
    headers = {"WWW-Authenticate": 'Bearer realm="membership ledger"'}
    return Problem(401, "unauthenticated", detail, headers=headers)


def require(permission: Permission) -> Principal:
    """The principal that may do this; else a 401 for a stranger, a 403 for anyone else."""
    found = caller().principal_for(permission)
    if found is not None:
        return found
    if not caller().principals:
        raise unauthenticated("Sign in, or send a token.")
    if must_enrol():
        raise Problem(403, "second_step_missing", "Set up the second step of your sign-in first.")
    raise Problem(
        403,
        "forbidden",
        f"This needs the permission {permission.value}, which you don't have.",
        more={"permission": permission.value},
    )


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare what a page needs. Every route declares something: what is public, PUBLIC.

    Whoever acts by a page must be able to read what it shows of whom it is about (READ_ALONG).
    """

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if request.method == "GET" and _is_stranger(permission):
                return _to_sign_in(permission)
            if request.method == "GET" and must_enrol() and not caller().principal_for(permission):
                return redirect(SECURITY)
            g.principal = require(permission)
            if permission in READ_ALONG:
                require(READ_ALONG[permission])
            return view(*args, **kwargs)

        return mark(guarded, permission)  # type: ignore[return-value]

    return declare


def must_enrol() -> bool:
    """Whether staff ask here who have a second step to set up before anything else."""
    contributor = caller().contributor
    return contributor is not None and contributor.must_enrol


def mark(view: Callable[..., Any], permission: Permission) -> Callable[..., Any]:
    """Write the permission on a view, where the walk over the URL map finds it."""
    setattr(view, PERMISSION_MARK, permission)
    return view


def declared(app: Flask, endpoint: str | None) -> Permission | None:
    """The permission that the view of an endpoint declares."""
    view = app.view_functions.get(endpoint or "")
    found: Permission | None = getattr(view, PERMISSION_MARK, None)
    return found


def refuse_undeclared() -> None:
    """A page that forgot to say who may see it is seen by nobody."""
    if request.endpoint and declared(current_app, request.endpoint) is None:
        raise Problem(500, "permission_undeclared", "This page doesn't say who may see it.")


def _is_stranger(permission: Permission) -> bool:
    return not caller().principals and caller().principal_for(permission) is None


def _to_sign_in(permission: Permission) -> Response:
    page = "/sign-in" if permission in granted(frozenset({Role.MEMBER})) else "/team/sign-in"
    here = request.full_path.rstrip("?")
    return redirect(f"{page}?{urlencode({'next': here})}")
