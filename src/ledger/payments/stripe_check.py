"""Whether a configuration of Stripe can work, and what to mend where it can't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.payments.gateway import OutcomeUnknown
from ledger.payments.stripe_api import Json, NotLetIn, StripeApi, answered, api_version
from ledger.payments.stripe_notices import EVENTS


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, and what to do about it unless it is well."""

    found: str
    mend: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to do."""
        return self.mend is None


def findings(api: StripeApi, *, account: str, address: str) -> Iterator[Finding]:
    """What there is to say of key, account and endpoint.

    `account` is the one that is meant, `address` where our notices are posted to.
    """
    try:
        found = api.account()
        yield from _of_account(found, account)
        yield from _of_endpoints(list(api.endpoints()), address)
    except NotLetIn as shut:
        mend = "give a secret key, or a restricted key that may write payments and read endpoints"
        yield Finding(f"The key is refused: {shut.details['why']}", mend)
    except OutcomeUnknown:
        yield Finding("Stripe does not answer", "see that this machine reaches api.stripe.com")


def problems(api: StripeApi, *, account: str, address: str) -> list[Finding]:
    """Only what is to be mended."""
    return [each for each in findings(api, account=account, address=address) if not each.is_well]


def _of_account(found: Json, account: str) -> Iterator[Finding]:
    if found["id"] == account:
        yield Finding(f"The key is of the account {account}")
    else:
        yield Finding(
            f"The key is of the account {found['id']}, and not of {account}",
            f"take the key of {account}, or name {found['id']} as the account",
        )
    if found.get("charges_enabled"):
        yield Finding("The account may charge")
    else:
        yield Finding("The account may not charge yet", "complete it in Stripe's Dashboard")


def _of_endpoints(endpoints: list[Json], address: str) -> Iterator[Finding]:
    with answered("endpoints"):
        ours = [each for each in endpoints if each["url"].rstrip("/") == address]
        if not ours:
            yield Finding(
                f"No endpoint posts to {address}",
                f"add one in Stripe's Dashboard for {address}, version {api_version()},"
                f" with these events: {' '.join(EVENTS)}",
            )
        for endpoint in ours:
            yield from _of_endpoint(endpoint)


def _of_endpoint(endpoint: Json) -> Iterator[Finding]:
    name, version = f"The endpoint {endpoint['id']}", endpoint.get("api_version")
    if endpoint["status"] == "enabled":
        yield Finding(f"{name} is switched on")
    else:
        yield Finding(f"{name} is {endpoint['status']}", "switch it on in Stripe's Dashboard")
    if version == api_version():
        yield Finding(f"{name} speaks the version {version}")
    else:
        yield Finding(
            f"{name} speaks the version {version or 'of the account'}",
            f"make a new one of the version {api_version()}: an endpoint's can't be changed",
        )
    asked = endpoint["enabled_events"]
    missing = [] if "*" in asked else [kind for kind in EVENTS if kind not in asked]
    if missing:
        yield Finding(f"{name} does not tell all", f"let it tell these too: {' '.join(missing)}")
    else:
        yield Finding(f"{name} tells all that is asked for")
