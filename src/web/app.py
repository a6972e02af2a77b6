"""The Flask application: declared routes and pages around the parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]
from werkzeug.middleware.proxy_fix import ProxyFix

from projections.live import looking_once
from web import failures
from web.api import dispatch, docs, notices_in
from web.api.framework import Route
from web.compressing import compress
from web.headers import protect
from web.identity.auth import mark, refuse_undeclared
from web.identity.permissions import Permission
from web.pages import past_pages, unsubscribing
from web.pages.forms import command_field, refuse_strange_forms, refuse_unfit_text
from web.pages.frame import install
from web.parts import Parts
from web.running import health, metrics

MAX_BODY_BYTES = 1 << 20
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
READS = frozenset({"GET", "HEAD"})


class Edge(Flask):
    """An answer that only reads looks once who made the views, when it is put together."""

    def dispatch_request(self) -> ResponseReturnValue:
        """What the view of the request answers; an act looks at once, before it is carried out."""
        if request.method not in READS:
            return super().dispatch_request()
        with looking_once():
            return super().dispatch_request()


def create_app(
    parts: Parts, *, routes: Iterable[Route] = (), pages: Sequence[Blueprint] = ()
) -> Flask:
    """The site over its parts; each test wires its own."""
    app = Edge("web")
    app.extensions["parts"] = parts
    _configure(app, parts)
    mark(app.view_functions["static"], Permission.PUBLIC)
    declared = list(routes)
    forms = CSRFProtect(app)
    api, reference = dispatch.blueprint(declared), docs.blueprint(declared, parts.settings)
    forms.exempt(api)  # it asks where the request comes from: origins.py
    posted = notices_in.blueprint()
    forms.exempt(posted)  # it is signed by a payment company
    forms.exempt(unsubscribing.pages)  # its links are signed, and mail programs follow them
    plain = (health.blueprint(), metrics.blueprint(), posted)
    for blueprint in (api, reference, *plain, *pages):
        app.register_blueprint(blueprint)
    app.before_request(refuse_undeclared)
    app.before_request(refuse_unfit_text)
    app.before_request(refuse_strange_forms)
    app.jinja_env.globals["command_field"] = command_field
    install(app)
    past_pages.install(app)
    app.after_request(protect)
    app.after_request(compress)
    failures.register(app)
    return app


def _configure(app: Flask, parts: Parts) -> None:
    settings = parts.settings
    hosts = {settings.base_url.host if settings.base_url else settings.host, *LOCAL_HOSTS}
    app.config.update(
        SECRET_KEY=settings.flask_key(),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        TRUSTED_HOSTS=sorted(host for host in hosts if host),
        SESSION_COOKIE_NAME="__Host-form" if settings.secure else "form",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # it lives as long as the browser's cookie
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if settings.trusted_proxies:
        ours = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=ours, x_proto=ours, x_host=0)  # type: ignore[method-assign]
