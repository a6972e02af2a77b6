"""Real mail servers of this machine, which accept, refuse, greylist and break off as told."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Event, Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = "250 OK"
CLOSES = "closes"
"""In place of an answer."""
USER, PASSWORD = "ledger", "open sesame/%"


@dataclass
class Post:
    """What a server was told, and what it answers next: the last answer stays.

    `is_deaf` holds back the answer to a mail until it is set. `on_mail` hears of each.
    """

    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    to_recipient: list[str] = field(default_factory=lambda: [OK])
    to_sender: list[str] = field(default_factory=lambda: [OK])
    to_mail: list[str] = field(default_factory=lambda: [OK])
    seen: list[str] = field(default_factory=list)
    connections: int = 0
    raw: list[bytes] = field(default_factory=list)
    utf8: list[bool] = field(default_factory=list)
    on_mail: Callable[[], object] = lambda: None
    port: int = 0

    @property
    def recipients(self) -> list[str]:
        """Whose mails were taken, in order."""
        return [recipient for recipient, _ in self.taken]

    async def handle_MAIL(  # noqa: N802 -- the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = _next(self.to_sender)
        if answer == OK:
            envelope.mail_from = address
            self.utf8.append("SMTPUTF8" in options)
        return _said(server, answer)

    async def handle_RCPT(  # noqa: N802 -- the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.seen.append(address)
        answer = _next(self.to_recipient)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return _said(server, answer)

    async def handle_DATA(  # noqa: N802 -- the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        await asyncio.get_running_loop().run_in_executor(None, self.on_mail)
        answer = _next(self.to_mail)
        if answer in {OK, CLOSES}:
            made = message_from_bytes(content, policy=policy.default)
            assert isinstance(made, EmailMessage)
            self.raw.append(content)
            self.taken.extend((recipient, made) for recipient in envelope.rcpt_tos)
        return _said(server, answer)


def _next(answers: list[str]) -> str:
    return answers.pop(0) if len(answers) > 1 else answers[0]


def _said(server: SMTP, answer: str) -> str:
    if answer == CLOSES:
        assert isinstance(server.transport, asyncio.WriteTransport)
        server.transport.abort()
        return OK
    return answer


@contextmanager
def mail_server(post: Post, **settings: Any) -> Iterator[Post]:
    """A server at a port of its own until the block ends; `settings` are the library's."""
    loop, started = asyncio.new_event_loop(), Event()
    thread = Thread(target=_run, args=(loop, post, settings, started), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield post
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        assert not thread.is_alive()


def _run(
    loop: asyncio.AbstractEventLoop, post: Post, settings: dict[str, Any], started: Event
) -> None:
    implicit, unicode = settings.pop("implicit", None), settings.pop("takes_unicode", True)

    def connected() -> SMTP:
        post.connections += 1
        return SMTP(post, hostname="mail.test", loop=loop, enable_SMTPUTF8=unicode, **settings)

    asyncio.set_event_loop(loop)
    serving = loop.create_server(connected, "127.0.0.1", post.port, ssl=implicit)
    server = loop.run_until_complete(serving)
    post.port = server.sockets[0].getsockname()[1]
    started.set()
    loop.run_forever()
    server.close()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def knows_password(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
) -> AuthResult:
    """Whether somebody is who they say."""
    is_right = isinstance(given, LoginPassword) and (
        given.login.decode(),
        given.password.decode(),
    ) == (USER, PASSWORD)
    return AuthResult(success=is_right, handled=is_right)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for 127.0.0.1, and the file by which it is trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    own = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .add_extension(own, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context, certificate_file
