"""Where mails are handed over, and whom they come from, as settings name them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Tls = Literal["implicit", "required", "offered", "none"]
"""implicit: from the first byte. offered: where the server can. required: or not at all."""

SCHEMES = ("smtp", "smtps")
OPTIONS = frozenset({"tls", "ca"})
IMPLICIT_PORT, SUBMISSION_PORT, RELAY_PORT = 465, 587, 25

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class AddressMalformed(ValueError):
    """What is wrong, without what was given: that holds a password."""


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A server that takes mails; without `user` it asks for none."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str = field(default="", repr=False)
    ca_file: str | None = None
    """Certificates to trust beside nobody else's, for a server of one's own."""


@dataclass(frozen=True)
class Sender:
    """Whom mails come from."""

    address: str
    name: str

    @property
    def domain(self) -> str:
        """Where the sender is at home."""
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return formataddr((self.name, self.address))


def mail_server(text: str) -> MailServer:
    """A server of `smtp://user:password@host:port?tls=required`; AddressMalformed says the fault.

    A password is never said in the open unless `tls=none` allows it.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise AddressMalformed("names no port from 1 to 65535, or no host") from None
    _require_form(parts.scheme, parts.hostname, parts.path)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii() or bool(user) != bool(password):
        raise AddressMalformed("needs a user and a password, in ASCII, or neither")
    tls = _tls(parts.scheme, options, has_password=bool(password))
    usual = SUBMISSION_PORT if user else RELAY_PORT
    return MailServer(
        host=parts.hostname or "",
        port=port or (IMPLICIT_PORT if tls == "implicit" else usual),
        tls=tls,
        user=user or None,
        password=password,
        ca_file=options.get("ca") or None,
    )


def sender(text: str) -> Sender:
    """Whom mails come from, as `Name <address>` or an address; AddressMalformed."""
    if not text.isprintable():
        raise AddressMalformed("is not one line")
    name, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        address = ""
    if not _ADDRESS.fullmatch(address):
        raise AddressMalformed("is not an address such as Our site <us@example.org>")
    return Sender(address, name)


def _require_form(scheme: str, host: str | None, path: str) -> None:
    if scheme not in SCHEMES:
        raise AddressMalformed("begins with neither smtp:// nor smtps://")
    if not host or not host.isascii():
        raise AddressMalformed("names no host")
    if path not in {"", "/"}:
        raise AddressMalformed("has a path, or a password with a / that is not written as %2F")


def _tls(scheme: str, options: dict[str, str], *, has_password: bool) -> Tls:
    if options.keys() - OPTIONS:
        raise AddressMalformed("has an option other than tls= and ca=")
    asked = options.get("tls")
    if asked not in {None, "required", "none"}:
        raise AddressMalformed("has a tls= that is neither required nor none")
    if scheme == "smtps":
        if asked == "none":
            raise AddressMalformed("asks for no TLS with smtps://, which is TLS")
        return "implicit"
    if asked == "none":
        return "none"
    return "required" if asked or has_password else "offered"
