"""Hands mails over by SMTP, many a connection, and says what is known of each afterwards."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, cast

from web.mails.transport_address import MailServer
from web.mails.transport_message import Message

ANSWER_SECONDS = 30.0
"""How long a command's answer is waited for."""
TAKING_SECONDS = 300.0
"""How long a server may take to say that it has a mail: it may look into it first."""
MAILS_A_CONNECTION = 100

OK, GO_ON, CLOSING, FOR_EVER = range(200, 300), 354, 421, range(500, 600)
UNAUTHENTICATED = frozenset({530, 534, 535, 538})
"""Answers about us, whatever they were given to."""
ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class TransportError(Exception):
    """`why` is a status or a word; `detail` is what a person at the terminal may read."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(why)
        self.why, self.detail = why, detail or why


class ServerTrouble(TransportError):
    """Nothing was handed over, and nothing can be for now."""


class MailRefused(TransportError):
    """The server answered that it does not take this mail, now or ever."""

    def __init__(self, why: str, detail: str = "", *, for_ever: bool) -> None:
        super().__init__(why, detail)
        self.for_ever = for_ever


class CannotCarry(TransportError):
    """The server has no way for such an address."""


class PerhapsTaken(TransportError):
    """All was said, and no answer came: the server may have the mail, or not."""


class ClaimLost(Exception):
    """Somebody else may be at this mail by now; it was not handed over here."""


class Transport:
    """One server, connected when there is something to hand over. For one thread."""

    def __init__(self, server: MailServer, *, own_name: str) -> None:
        self._server, self._own_name = server, own_name
        self._smtp: smtplib.SMTP | None = None
        self._taken = 0

    def hand_over(self, message: Message, *, before_all: Callable[[], bool]) -> None:
        """Let the server take a message; when this returns it has.

        `before_all` is asked when the server is ready for the whole, and nothing was said of it:
        whoever dies after that leaves an outcome that nobody knows. False is ClaimLost.
        Raises ServerTrouble, MailRefused, CannotCarry or PerhapsTaken.
        """
        is_known = self._smtp is not None
        try:
            self._say(message, before_all)
        except ServerTrouble:
            self.close()
            if not is_known:
                raise
            self._say(message, before_all)  # it had closed the connection since the last mail
        self._taken += 1
        if self._taken >= MAILS_A_CONNECTION:
            self.close()

    def open(self) -> smtplib.SMTP:
        """Be connected, with TLS and signed in as the address says. Raises ServerTrouble."""
        if self._smtp is None:
            with _telling("connect"):
                smtp = self._connected()
            try:
                with _telling("connect"):
                    self._introduce(smtp)
            except BaseException:
                smtp.close()
                raise
            self._smtp, self._taken = smtp, 0
        return self._smtp

    def close(self) -> None:
        """Leave, politely where there is somebody to hear it."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "implicit":
            return smtplib.SMTP_SSL(
                server.host,
                server.port,
                self._own_name,
                timeout=ANSWER_SECONDS,
                context=self._context(),
            )
        return smtplib.SMTP(server.host, server.port, self._own_name, ANSWER_SECONDS)

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        smtp.ehlo_or_helo_if_needed()
        if server.tls == "required" and not smtp.has_extn("starttls"):
            raise ServerTrouble("tls_not_offered", "The server offers no STARTTLS.")
        if server.tls in {"required", "offered"} and smtp.has_extn("starttls"):
            code, said = smtp.starttls(context=self._context())
            if code not in OK:
                raise ServerTrouble(f"tls_{code}", _readable(code, said))
            smtp.ehlo()
        if server.user is not None:
            smtp.login(server.user, server.password)

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._server.ca_file)
        except OSError:
            raise ServerTrouble("ca_unreadable", "The file that ca= names can't be read.") from None

    def _say(self, message: Message, before_all: Callable[[], bool]) -> None:
        smtp = self.open()
        with _telling("talk"):
            self._envelope(smtp, message)
            code, said = smtp.docmd("DATA")
        if code != GO_ON:
            self._refuse(code, said)
        try:
            if not before_all():
                raise ClaimLost
        except BaseException:
            self._break_off()  # without the dot that ends a mail there is none
            raise
        code, said = self._all_of(smtp, message.content)
        if code not in OK:
            self._refuse(code, said)

    def _envelope(self, smtp: smtplib.SMTP, message: Message) -> None:
        options = ("SMTPUTF8", "BODY=8BITMIME") if message.needs_unicode else ()
        try:
            code, said = smtp.mail(message.sender, options)
        except smtplib.SMTPNotSupportedError:
            raise CannotCarry(
                "smtputf8_not_offered", "The server takes no address with such letters."
            ) from None
        if code not in OK:
            raise ServerTrouble(f"sender_{code}", _readable(code, said))
        code, said = smtp.rcpt(message.recipient)
        if code not in OK:
            self._refuse(code, said)

    def _all_of(self, smtp: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
        """The answer to a whole mail. Raises PerhapsTaken."""
        if smtp.sock is not None:
            smtp.sock.settimeout(TAKING_SECONDS)
        try:
            smtp.send(LEADING_DOT.sub(b"..", content) + b".\r\n")
            code, said = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(ANSWER_SECONDS)
        except Exception as broken:
            self._break_off()
            raise PerhapsTaken("no_answer", _word(broken)) from broken
        if code < OK.start:
            self._break_off()
            raise PerhapsTaken("no_answer", _readable(code, said))
        return code, said

    def _refuse(self, code: int, said: bytes) -> NoReturn:
        if code == CLOSING or code in UNAUTHENTICATED:
            raise ServerTrouble(str(code), _readable(code, said))
        with suppress(smtplib.SMTPException, OSError):
            if self._smtp is not None:
                self._smtp.rset()
        found = ENHANCED.match(said)
        why = f"{code}-{found[1].decode()}" if found else str(code)
        raise MailRefused(why, _readable(code, said), for_ever=code in FOR_EVER)

    def _break_off(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


@contextmanager
def _telling(step: str) -> Iterator[None]:
    """What breaks before a mail is handed over is the server's trouble."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as refused:
        said = _readable(refused.smtp_code, refused.smtp_error)
        raise ServerTrouble(f"auth_{refused.smtp_code}", said) from refused
    except smtplib.SMTPNotSupportedError as missing:
        raise ServerTrouble("auth_not_offered", "The server offers no sign-in.") from missing
    except smtplib.SMTPResponseException as refused:
        said = _readable(refused.smtp_code, refused.smtp_error)
        raise ServerTrouble(f"{step}_{refused.smtp_code}", said) from refused
    except (smtplib.SMTPException, OSError) as broken:
        raise ServerTrouble(_word(broken), str(broken)) from broken


def _word(broken: Exception) -> str:
    """One word for what broke; what the error says may quote anything."""
    words: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (ssl.SSLError, "tls_failed"),
        (smtplib.SMTPServerDisconnected, "closed"),
        (ConnectionError, "closed"),
    )
    if isinstance(broken, smtplib.SMTPServerDisconnected) and broken.__context__ is not None:
        broken = cast("Exception", broken.__context__)  # why it counts as disconnected
    named = next((word for kind, word in words if isinstance(broken, kind)), None)
    return named or ("name_not_found" if type(broken).__name__ == "gaierror" else "unreachable")


def _readable(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:300]
