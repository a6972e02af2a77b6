"""What a mailed link opens, sent by staff instead of a removal: renewal is stopped, without
signing in (AX2).

Opening it changes nothing: scanners open links, people press buttons.
"""

from __future__ import annotations

from flask import render_template, request

from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.mails import cancellation
from web.pages.filling import LONGEST_TYPED
from web.pages.forms import cause
from web.pages.frame import group, settled
from web.wording.next_steps import after_cancelling

pages = group("self_cancelling", url_prefix="/account/self-cancel")


@pages.get("")
@requires(Permission.PUBLIC)
def ask() -> str:
    """What will happen, before it does."""
    token = request.args.get("token", "")[:LONGEST_TYPED]
    membership = cancellation.waiting_cancellation(parts(), token)
    return render_template("public/self_cancel.html", token=token, membership=membership)


@pages.post("")
@requires(Permission.PUBLIC)
def cancel() -> str:
    """Renewal is stopped; access stays to the end of the paid period (AX3)."""
    token = request.form.get("token", "")[:LONGEST_TYPED]
    asked = cancellation.waiting_cancellation(parts(), token)
    settled(cancellation.cancel_by_link(parts(), token, cause=cause()))
    membership = parts().ledger.member(asked.member_id).membership(asked.membership_id)
    done = after_cancelling(membership, parts().clock.now())
    return render_template("public/self_cancel.html", membership=membership, done=done)
