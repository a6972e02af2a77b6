"""Who may do what: one table, read by every endpoint and page."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a principal is to the site."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    STORE_MANAGER = "store_manager"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    MEMBER = "member"
    """The person themself, signed in; never held by staff or by a program."""


class Permission(StrEnum):
    """One thing that may be done; also the scope of a program's token."""

    PUBLIC = "public"
    OWN_ACCOUNT = "account:own"
    OWN_METHOD = "method:own"
    JOIN_PLAN = "plans:join"
    READ_ACCESS = "access:read"
    READ_PLANS = "plans:read"
    CHANGE_PLANS = "plans:change"
    READ_DISCOUNTS = "discounts:read"
    CHANGE_DISCOUNTS = "discounts:change"
    READ_MEMBERS = "members:read"
    REMOVE_MEMBERS = "members:remove"
    CLOSE_ACCOUNTS = "members:close"
    CHANGE_NOTES = "notes:change"
    CHANGE_TAGS = "tags:change"
    CHANGE_SEGMENTS = "segments:change"
    CHANGE_LISTS = "lists:change"
    READ_ORDERS = "orders:read"
    REFUND_ORDERS = "orders:refund"
    READ_FIGURES = "figures:read"
    RECONCILE = "money:reconcile"
    READ_HISTORY = "history:read"
    READ_TEAM = "team:read"
    CHANGE_TEAM = "team:change"
    TRANSFER_OWNERSHIP = "ownership:transfer"
    READ_TOKENS = "tokens:read"
    CHANGE_TOKENS = "tokens:change"
    READ_SETTINGS = "settings:read"
    CHANGE_SETTINGS = "settings:change"
    READ_VIEWS = "views:read"
    RUN_VIEWS = "views:run"
    CHANGE_NOTICES = "notices:change"
    OWN_NOTICES = "notices:own"
    """What one of the staff is told, as they choose it for themself."""
    OWN_SESSION = "session:own"
    """What anyone signed in may do with their own session: see it, end it."""
    OWN_SECURITY = "security:own"
    """What staff may do with their own sign-in: another password, a second step, their
    language."""


OWNER_ONLY = frozenset({Role.OWNER})
ADMINISTRATORS = OWNER_ONLY | {Role.ADMINISTRATOR}
SELLERS = ADMINISTRATORS | {Role.STORE_MANAGER}
READERS = SELLERS | {Role.AUDITOR}
ADMINISTRATIVE_READERS = ADMINISTRATORS | {Role.AUDITOR}
OPERATORS = ADMINISTRATORS | {Role.OPERATOR}
THE_MEMBER = frozenset({Role.MEMBER})
EVERYONE = frozenset(Role)
STAFF = EVERYONE - THE_MEMBER

HOLDERS: dict[Permission, frozenset[Role]] = {
    Permission.PUBLIC: EVERYONE,
    Permission.OWN_SESSION: EVERYONE,
    Permission.OWN_SECURITY: STAFF,
    Permission.OWN_ACCOUNT: THE_MEMBER,
    Permission.OWN_METHOD: THE_MEMBER,
    Permission.JOIN_PLAN: THE_MEMBER,
    Permission.READ_ACCESS: READERS,
    Permission.READ_PLANS: READERS,
    Permission.CHANGE_PLANS: ADMINISTRATORS,
    Permission.READ_DISCOUNTS: READERS,
    Permission.CHANGE_DISCOUNTS: ADMINISTRATORS,
    Permission.READ_MEMBERS: READERS,
    Permission.REMOVE_MEMBERS: SELLERS,
    Permission.CLOSE_ACCOUNTS: SELLERS,
    Permission.CHANGE_NOTES: SELLERS,
    Permission.CHANGE_TAGS: SELLERS,
    Permission.CHANGE_SEGMENTS: SELLERS,
    Permission.CHANGE_LISTS: SELLERS,
    Permission.READ_ORDERS: READERS,
    Permission.REFUND_ORDERS: SELLERS,
    Permission.READ_FIGURES: READERS,
    Permission.RECONCILE: SELLERS,
    Permission.READ_HISTORY: READERS,
    Permission.READ_TEAM: ADMINISTRATIVE_READERS,
    Permission.CHANGE_TEAM: ADMINISTRATORS,
    Permission.TRANSFER_OWNERSHIP: OWNER_ONLY,
    Permission.READ_TOKENS: ADMINISTRATIVE_READERS,
    Permission.CHANGE_TOKENS: ADMINISTRATORS,
    Permission.READ_SETTINGS: ADMINISTRATIVE_READERS,
    Permission.CHANGE_SETTINGS: ADMINISTRATORS,
    Permission.CHANGE_NOTICES: SELLERS,
    Permission.OWN_NOTICES: SELLERS,
    Permission.READ_VIEWS: OPERATORS | {Role.AUDITOR},
    Permission.RUN_VIEWS: OPERATORS,
}

READ_ALONG: dict[Permission, Permission] = {
    Permission.CHANGE_PLANS: Permission.READ_PLANS,
    Permission.CHANGE_DISCOUNTS: Permission.READ_DISCOUNTS,
    Permission.REMOVE_MEMBERS: Permission.READ_MEMBERS,
    Permission.CLOSE_ACCOUNTS: Permission.READ_MEMBERS,
    Permission.CHANGE_NOTES: Permission.READ_MEMBERS,
    Permission.CHANGE_TAGS: Permission.READ_MEMBERS,
    Permission.CHANGE_SEGMENTS: Permission.READ_MEMBERS,
    Permission.CHANGE_LISTS: Permission.READ_MEMBERS,
    Permission.CHANGE_NOTICES: Permission.READ_MEMBERS,
    Permission.REFUND_ORDERS: Permission.READ_ORDERS,
    Permission.RECONCILE: Permission.READ_ORDERS,
    Permission.CHANGE_TEAM: Permission.READ_TEAM,
    Permission.TRANSFER_OWNERSHIP: Permission.READ_TEAM,
    Permission.CHANGE_TOKENS: Permission.READ_TOKENS,
    Permission.CHANGE_SETTINGS: Permission.READ_SETTINGS,
    Permission.RUN_VIEWS: Permission.READ_VIEWS,
}
"""What an act takes beside its own permission on a page: that asks back, says whom or what it is
about, and leads to where that stands. The interface answers with a position, and asks for less.
Every role that may do the act may read along.
"""

PERSONAL_ONLY = frozenset(
    {
        Permission.OWN_ACCOUNT,
        Permission.OWN_METHOD,
        Permission.JOIN_PLAN,
        Permission.OWN_SESSION,
        Permission.OWN_SECURITY,
        Permission.OWN_NOTICES,
    }
)
"""Never a scope of a program: only the person does these."""


def granted(roles: frozenset[Role]) -> frozenset[Permission]:
    """Everything that these roles may do together."""
    return frozenset(permission for permission, holders in HOLDERS.items() if roles & holders)
