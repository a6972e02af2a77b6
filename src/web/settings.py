"""The settings: complete or refused. The only file that reads the environment."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import secrets
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.currencies import DECIMALS
from ledger.store.embedded import default_home
from ledger.store.master_key import KEY_BYTES
from web.identity.permissions import STAFF
from web.identity.seals import derive
from web.mails.transport_address import AddressMalformed, MailServer, Sender, mail_server, sender

PREFIX = "LEDGER_"
FOREIGN = f"{PREFIX}TEST_"
"""Names under this prefix belong to the tests, and are no misspelt settings."""

KEY_FILE = "master.key"
ORIGIN = re.compile(r"https?://([a-z0-9-]+\.)*[a-z0-9-]+(:[0-9]{1,5})?", re.IGNORECASE)
BESIDE_STRIPE_KEY = ("stripe_account", "stripe_publishable_key", "stripe_webhook_secrets")


class SettingsError(Exception):
    """The settings are incomplete or malformed; the message names every one, and no value."""


def _refuse(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{sentence}", {"sentence": sentence})


@cache
def _is_time_zone(name: str) -> bool:
    return name in available_timezones()  # which looks through a thousand files


def _time_zone(name: str) -> str:
    if not _is_time_zone(name):
        raise _refuse("is not a time zone such as Europe/Paris")
    return name


def _currency(code: str) -> str:
    if code not in DECIMALS:
        raise _refuse("is not a currency such as EUR")
    return code


def _database_url(address: SecretStr) -> SecretStr:
    try:
        conninfo_to_dict(address.get_secret_value())
    except ProgrammingError:
        # The driver's own message quotes the address, and the address holds a password.
        raise _refuse("is not a PostgreSQL address such as postgresql://user@host/name") from None
    return address


def _master_key(key: SecretStr) -> SecretStr:
    if decode_master_key(key.get_secret_value()) is None:
        raise _refuse("is not 32 bytes in base64; make one with: openssl rand -base64 32")
    return key


def _stripe_key(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"(sk|rk)_(test|live)_[A-Za-z0-9]+", key.get_secret_value()):
        raise _refuse("is not a secret or restricted key of Stripe's")
    return key


def _webhook_secrets(secrets_given: SecretStr) -> SecretStr:
    given = secrets_given.get_secret_value().split()
    if not given or not all(re.fullmatch(r"whsec_[A-Za-z0-9+/=]+", each) for each in given):
        raise _refuse("holds no endpoint's secret such as whsec_..., or something else")
    return secrets_given


def _smtp_url(address: SecretStr) -> SecretStr:
    try:
        mail_server(address.get_secret_value())
    except AddressMalformed as wrong:
        raise _refuse(
            f"{wrong}; it is written as smtp://user:password@host:587, smtps:// for TLS at once,"
            " ?tls=required or ?tls=none"
        ) from None
    return address


def _mail_from(text: str) -> str:
    try:
        return str(sender(text))
    except AddressMalformed as wrong:
        raise _refuse(str(wrong)) from None


def _staff_roles(given: str) -> str:
    if not {*given.split()} <= {*STAFF}:
        raise _refuse(f"is not a list, with spaces, of {', '.join(sorted(STAFF))}")
    return given


def _origins(given: str) -> str:
    if not all(ORIGIN.fullmatch(origin) for origin in given.split()):
        raise _refuse("is not a list of origins such as https://www.example.org, with spaces")
    return given


def decode_master_key(text: str) -> bytes | None:
    """The 32 bytes of a key written in base64, or None."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def default_data() -> Path:
    """Where data lies unless told: the user's data folder; the system's when root."""
    return default_home(xdg_data_home=os.environ.get("XDG_DATA_HOME"), home=os.environ.get("HOME"))


class Settings(BaseSettings):
    """Every setting, read from `LEDGER_*`. Nothing secret has a default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = None
    """The PostgreSQL server; none means the embedded one in the data folder."""
    master_key: Annotated[SecretStr, AfterValidator(_master_key)] | None = None
    """The key of all keys; may be left out only beside the embedded server."""
    data: Path = Field(default_factory=default_data)
    pg_bin_dir: Path | None = Field(default=None, validation_alias="PG_BIN_DIR")
    """The PostgreSQL programs to run the embedded server with, if not the package's."""
    mode: Literal["test", "live"] = "test"
    """Test mode moves no real money, and shows its mails on a page."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    base_url: AnyHttpUrl | None = None
    """The address people type, for links in mails and for the cookies' safety."""
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    """How many proxies in front are ours, and may say who the client is."""
    body_seconds: float = Field(default=10, gt=0, le=3600)
    """How long a request's body may take; the time for its size on a slow line comes on top."""
    secure_cookies: bool | None = None
    show_sign_in: bool = True
    """Whether pages link to the sign-in; hidden, it is still found by its address."""
    second_step_for: Annotated[str, AfterValidator(_staff_roles)] = ""
    """The roles that sign in with a second step, with spaces between; others may."""
    seller: str = Field(default="", max_length=1000)
    """Who sells, as receipts say it: lines with `;` between; the site's name unless given."""
    embed_origins: Annotated[str, AfterValidator(_origins)] = ""
    """The sites whose pages may show the sign-up block, with spaces between; none unless given."""
    site_name: str = Field(default="Membership ledger", min_length=1, max_length=100)
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Europe/Paris"
    currency: Annotated[str, AfterValidator(_currency)] = "EUR"
    default_locale: Literal["en", "fr"] = "en"
    max_plans: int = Field(default=500, ge=1, le=100_000)
    max_tags: int = Field(default=250, ge=1, le=100_000)
    stripe_key: Annotated[SecretStr, AfterValidator(_stripe_key)] | None = None
    """Charges through Stripe; without it, through the sandbox."""
    stripe_account: str | None = Field(default=None, pattern=r"^acct_[A-Za-z0-9]+$")
    stripe_webhook_secrets: Annotated[SecretStr, AfterValidator(_webhook_secrets)] | None = None
    """What notices are signed with; two, with a space between, while one replaces the other."""
    stripe_publishable_key: str | None = Field(
        default=None, pattern=r"^pk_(test|live)_[A-Za-z0-9]+$"
    )
    """For the browser; with it, pages show Stripe's own fields for cards, and we see none."""
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)] | None = None
    """The server that mails are handed over to; without it none leaves the house."""
    mail_from: Annotated[str, AfterValidator(_mail_from)] | None = None
    """Whom mails come from, as `Name <address>`."""
    mail_days: int = Field(default=30, ge=1, le=3_650)
    """How long the words of a mail are kept after it was sent or given up."""
    moments_mb: int = Field(default=1_024, ge=1, le=1_000_000)
    """How much of the views as they were is kept; those read least lately are dropped."""

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.database_url is not None and self.master_key is None:
            raise _refuse(
                f"{PREFIX}MASTER_KEY is needed with {PREFIX}DATABASE_URL;"
                " make one with: openssl rand -base64 32"
            )
        return self

    @model_validator(mode="after")
    def _stripe_complete(self) -> Settings:
        key = self.stripe_key.get_secret_value() if self.stripe_key else None
        beside = {name: getattr(self, name) for name in BESIDE_STRIPE_KEY}
        missing = [f"{PREFIX}{name}".upper() for name, value in beside.items() if value is None]
        if key is None:
            if self.stripe_account or self.stripe_webhook_secrets:
                raise _refuse(f"{PREFIX}STRIPE_KEY is needed with the other settings for Stripe")
            return self
        if missing:
            raise _refuse(f"{' and '.join(missing)} are needed with {PREFIX}STRIPE_KEY")
        for name, text in (("KEY", key), ("PUBLISHABLE_KEY", self.stripe_publishable_key or "")):
            if f"_{self.mode}_" not in text:
                raise _refuse(f"{PREFIX}STRIPE_{name} is not of {self.mode} mode, as the site is")
        return self

    @model_validator(mode="after")
    def _mail_complete(self) -> Settings:
        if self.smtp_url is not None and self.mail_from is None:
            raise _refuse(f"{PREFIX}MAIL_FROM is needed with {PREFIX}SMTP_URL")
        return self

    @property
    def mail_server(self) -> MailServer | None:
        """Where mails are handed over."""
        return mail_server(self.smtp_url.get_secret_value()) if self.smtp_url else None

    @property
    def sender(self) -> Sender | None:
        """Whom mails come from."""
        return sender(self.mail_from) if self.mail_from else None

    @property
    def stripe_secrets(self) -> tuple[str, ...]:
        """What Stripe's notices may be signed with."""
        given = self.stripe_webhook_secrets
        return tuple(given.get_secret_value().split()) if given else ()

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """The sites whose pages may show the sign-up block."""
        return tuple(self.embed_origins.split())

    @property
    def second_step_roles(self) -> frozenset[str]:
        """The roles that sign in with a second step."""
        return frozenset(self.second_step_for.split())

    @property
    def seller_lines(self) -> tuple[str, ...]:
        """Who sells, line by line: a name, an address, a number for taxes."""
        lines = (line.strip() for line in (self.seller or self.site_name).split(";"))
        return tuple(line for line in lines if line)

    @property
    def embedded(self) -> bool:
        """Whether the database is the one in the data folder."""
        return self.database_url is None

    @property
    def test_mode(self) -> bool:
        """Whether money is play money; said on every page."""
        return self.mode == "test"

    @property
    def address(self) -> str:
        """The site's address, without a slash at its end."""
        if self.base_url is not None:
            return str(self.base_url).rstrip("/")
        return f"http://{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether cookies travel over https alone."""
        if self.secure_cookies is not None:
            return self.secure_cookies
        return self.address.startswith("https://")

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)

    def key(self) -> bytes:
        """The 32-byte master key: the one given, else the data folder's, made on first use."""
        if self.master_key is not None:
            key = decode_master_key(self.master_key.get_secret_value())
            if key is not None:
                return key
        return keep_key(self.data / KEY_FILE)

    def flask_key(self) -> bytes:
        """Signs the cookie that holds the form token and nothing else."""
        return derive(self.key(), "flask")


def keep_key(path: Path) -> bytes:
    """Read the key file; make it first, readable by its owner alone, where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_key(path)
        key = decode_master_key(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as unusable:
        raise SettingsError(f"The key file {path} can't be read or made.") from unusable
    if key is None:
        raise SettingsError(f"The key file {path} doesn't hold 32 bytes in base64.")
    return key


def _make_key(path: Path) -> None:
    """Write beside, then link: of two processes that start together, one key remains."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def load(**given: Any) -> Settings:
    """The settings from the environment; what is given (by the command line) goes first.

    Raises SettingsError with every fault in one message.
    """
    faults = [f"{name} is not a setting" for name in _unknown_names()]
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as refused:
        faults += [_sentence(dict(error)) for error in refused.errors(include_input=False)]
        raise _refusal(faults) from None
    if faults:
        raise _refusal(faults)
    return settings


def hand_on(settings: Settings) -> None:
    """Let the processes we start find what the command line gave us."""
    os.environ[f"{PREFIX}HOST"] = settings.host
    os.environ[f"{PREFIX}PORT"] = str(settings.port)


def _refusal(faults: list[str]) -> SettingsError:
    return SettingsError("The settings can't be used: " + "; ".join(faults) + ".")


def _unknown_names() -> list[str]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    named = {name for name in os.environ if re.match(PREFIX, name, re.IGNORECASE)}
    return sorted(n for n in named if n.upper() not in known and not n.upper().startswith(FOREIGN))


def _sentence(error: dict[str, Any]) -> str:
    if not error["loc"]:
        return str(error["msg"])
    name = f"{PREFIX}{error['loc'][0]}".upper()
    message = str(error["msg"]).removeprefix("Input ").strip()
    return f"{name} {message}"
