"""How the sandbox writes and signs its notices, and how they are believed.

The signature covers the instant of sending and the bytes of the body, with HMAC and SHA-256:
`Sandbox-Signature: t=1767225600,v1=<64 hexadecimal digits>`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ledger import ids
from ledger.errors import Refused
from ledger.payments.gateway import Delivery, Identity, Mode, Notice, NoticeRejected
from ledger.payments.sandbox_happenings import Happening

HEADER = "Sandbox-Signature"
NOTICE = "sandbox_notice_"
MOST_AGE = timedelta(minutes=10)
"""How long after it was sent, and before, a notice is believed."""

_SIGNATURE = re.compile(r"t=(?P<sent_at>[0-9]{1,12}),v1=(?P<digest>[0-9a-f]{64})", re.ASCII)


class NoticeSecretEmpty(Refused):
    """A secret that signs notices is empty: anyone could sign with it."""

    code = "notice_secret_empty"


class _Body(BaseModel):
    """What a notice says."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    object: str
    account: str
    mode: Mode
    made_at: AwareDatetime


def written(happening: Happening, identity: Identity, copy: int = 0) -> bytes:
    """The body of a notice; another copy is another notice of the same happening."""
    seed = (happening.object_id, happening.kind, happening.at.isoformat(), copy)
    body = _Body(
        id=NOTICE + ids.derived(ids.SITE, "sandbox notice", identity.account, *seed).hex,
        kind=happening.kind,
        object=happening.object_id,
        account=identity.account,
        mode=identity.mode,
        made_at=happening.at,
    )
    return body.model_dump_json().encode()


def signed(body: bytes, secret: bytes, at: datetime) -> Delivery:
    """A body as it is posted at an instant."""
    sent_at = str(int(at.timestamp()))
    headers = {
        "Content-Type": "application/json",
        HEADER: f"t={sent_at},v1={_digest(secret, sent_at, body)}",
    }
    return Delivery(body, headers)


def require_signed(
    raw: bytes, headers: Mapping[str, str], secrets: Sequence[bytes], now: datetime
) -> None:
    """Refuse what none of the secrets signed just now: NoticeRejected."""
    found = next((text for name, text in headers.items() if name.lower() == HEADER.lower()), "")
    signature = _SIGNATURE.fullmatch(found)
    if signature is None:
        raise NoticeRejected(why="it carries no signature")
    digests = (_digest(secret, signature["sent_at"], raw) for secret in secrets)
    if not any(hmac.compare_digest(signature["digest"], right) for right in digests):
        raise NoticeRejected(why="its signature is not ours")
    if abs(int(signature["sent_at"]) - now.timestamp()) > MOST_AGE.total_seconds():
        raise NoticeRejected(why="it was not sent just now")


def read(raw: bytes, ours: Identity) -> Notice:
    """The notice in a body, if it is about our account. Raises NoticeRejected."""
    try:
        body = _Body.model_validate_json(raw)
    except ValidationError:
        raise NoticeRejected(why="it is no notice") from None
    if body.account != ours.account:
        raise NoticeRejected(why="it is about another account")
    if body.mode != ours.mode:
        raise NoticeRejected(why=f"it is about {body.mode} money")
    return Notice(body.id, body.kind, body.object, body.account, body.mode, body.made_at, raw)


def _digest(secret: bytes, sent_at: str, body: bytes) -> str:
    return hmac.new(secret, f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()
