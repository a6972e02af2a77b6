"""What every answer tells the browser to refuse."""

from __future__ import annotations

from flask import Response, g, request

from web.api.framework import BASE
from web.identity.auth import FORM_TOKEN, parts

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # the style sheet draws its arrows and ticks as data
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Links in mails hold tokens: no other site learns the address a person came from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
TRANSPORT = "max-age=31536000"


def protect(answer: Response) -> Response:
    """Add the headers that a page has not set for itself."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if parts().settings.secure:
        answer.headers.setdefault("Strict-Transport-Security", TRANSPORT)
    if _is_private(answer):
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _is_private(answer: Response) -> bool:
    known = "caller" in g and bool(g.caller.principals)
    # The cookie of forms is written after this: the form's token tells that it will be.
    has_form = FORM_TOKEN in g or "Set-Cookie" in answer.headers
    by_link = "token" in request.args or "token" in (request.view_args or {})
    return known or has_form or by_link or request.path.startswith(BASE)
