"""A person's own data as a file (AC8)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from web.api.framework import Answer, Call, Routes
from web.api.models import Reply
from web.identity.permissions import Permission
from web.reading import own_data
from web.sessions.limits import DATA_BY

routes = Routes("own_data")

FILE_NAME = "my-data.json"


class OwnDataReply(Reply):
    """All that the books know of a person: as they stand now, and every fact that is theirs."""

    account: dict[str, Any]
    receipts: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    facts: list[dict[str, Any]] = Field(description="in the order in which they were recorded")


@routes.get(
    "/account/data",
    permission=Permission.OWN_ACCOUNT,
    summary="My data as a file",
    answers=OwnDataReply,
)
def download_own_data(call: Call[None, None]) -> Answer:
    """Made anew from the books. What staff write about a person is not in it (AC9)."""
    call.spend(DATA_BY, call.member_id)
    known = own_data.known_of(call.parts, call.member_id)
    facts = list(own_data.facts_of(call.parts, call.member_id))
    return Answer(
        reply=OwnDataReply.model_validate({**known, "facts": facts}),
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
    )
