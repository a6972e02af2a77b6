"""The composition root: everything is built here, once, in sight."""

from __future__ import annotations

from collections.abc import Collection as SetOf
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import UUID

from ledger.application import Ledger, SiteRules
from ledger.application.operating import skipped_positions
from ledger.billing.collection import Collection
from ledger.billing.inbox import Inbox
from ledger.billing.observing import Observing
from ledger.clock import Clock, SystemClock
from ledger.errors import NotFound
from ledger.store.inbox import InboxTable
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from projections.catalogue import all_views
from projections.engine import prepare
from projections.freshness import Views
from projections.history import History
from projections.live import LiveViews
from projections.moment_building import Builder
from projections.moment_worker import PATIENCE_SECONDS, MomentWorker
from projections.moments import Moments
from projections.site import Site
from projections.tables import SCHEMA
from web.parts import Parts
from web.payments.companies import SANDBOX, company_of, gateway_of, sandbox_of
from web.payments.pinned import own_account
from web.reading.past import PastViews
from web.reading.queries import Queries
from web.sessions.desk import Desk
from web.sessions.pool import Pool
from web.sessions.site_time import SiteClock
from web.settings import Settings

MARK_DIGITS = 16
"""As many as tell two ledgers apart that share an account at the payment company."""


@contextmanager
def wire(settings: Settings, dsn: str, *, clock: Clock | None = None) -> Iterator[Parts]:
    """Everything that endpoints, pages and jobs use, over a database that is up to date.

    Raises DatabaseUnreachable, ServerTooOld or MasterKeyWrong.
    """
    with ExitStack() as open_things:
        time = clock or open_things.enter_context(site_time(settings, dsn))
        pool = open_things.enter_context(
            open_pool(dsn, max_size=16, name="ledger", search_path=SCHEMA)
        )
        gateway_pool = open_things.enter_context(open_pool(dsn, max_size=4, name="sandbox"))
        recorder, vault = FactRecorder(pool), Vault(settings.key(), KeyTable(pool))
        ledger = Ledger(recorder, vault, clock=time, rules=rules(settings))
        open_things.callback(ledger.close)
        sandbox = sandbox_of(settings, gateway_pool, time)
        company = gateway_of(settings, time, sandbox, ledger=mark_of(vault))
        if company is not sandbox:  # which is the site's own by its making
            company = own_account(company, ledger, settings)
        collection = Collection(ledger, company)
        views = all_views(site := site_of(settings))
        prepare(dsn, views, time)
        past = past_views(settings, dsn, pool, FactMapper(vault), time)
        open_things.callback(past.worker.stop)
        yield Parts(
            settings=settings,
            clock=time,
            ledger=ledger,
            sandbox=sandbox,
            collection=collection,
            inbox=inbox_of(collection, pool, time, company_of(settings)),
            desk=desk_of(settings, pool, time),
            views=Views(pool, time, views),
            team=LedgerTeam(ledger),
            pool=pool,
            queries=Queries.over(LiveViews(pool, views), History(recorder, FactMapper(vault))),
            past=past,
            recorder=recorder,
            site=site,
        )


def desk_of(settings: Settings, pool: Pool, clock: Clock) -> Desk:
    """What the edge keeps. A test site without a mail server keeps its mails and shows them."""
    shows = settings.test_mode and settings.mail_server is None
    return Desk.over(
        pool,
        clock,
        settings.key(),
        shows_mails=shows,
        sends_mails=not shows,
        mail_days=settings.mail_days,
    )


def mark_of(vault: Vault) -> str:
    """What marks at a payment company which things are of these books."""
    return vault.derive("mark at the gateway").hex()[:MARK_DIGITS]


def inbox_of(collection: Collection, pool: Pool, clock: Clock, company: str = SANDBOX) -> Inbox:
    """The inbox of the collection's payment company."""
    ledger = collection.ledger
    table = InboxTable(pool, ledger.vault.derive("inbox"))
    observing = Observing(ledger, collection)
    inbox = Inbox(table, collection.gateway, observing, clock, company=company)
    collection.heard_until = inbox.heard_until
    return inbox


@contextmanager
def site_time(settings: Settings, dsn: str) -> Iterator[Clock]:
    """The clock of every process of the site; only beside the sandbox can it be moved."""
    if not settings.test_mode or company_of(settings) != SANDBOX:
        yield SystemClock()
        return
    # Whoever asks the time may hold a connection of another pool: it must not wait for one there.
    with open_pool(dsn, max_size=1, name="clock") as pool:
        yield SiteClock(pool)


def past_views(
    settings: Settings, dsn: str, pool: Pool, mapper: FactMapper, clock: Clock
) -> PastViews:
    """The views as of moments, and who builds these where no worker does."""
    recorder = FactRecorder(pool)
    views, skipped = all_views(site_of(settings)), partial(skipped_positions, recorder, mapper)
    moments = Moments(pool, recorder, views, clock, skipped=skipped)
    moments.lay_out()
    builder = Builder(dsn, moments, mapper, settings.moments_mb << 20)
    worker = MomentWorker(builder, patience_seconds=PATIENCE_SECONDS)
    return PastViews(pool, mapper, moments, worker)


def rules(settings: Settings) -> SiteRules:
    """What the site has decided."""
    return SiteRules(
        currency=settings.currency,
        zone=settings.zone,
        mode=settings.mode,
        most_plans=settings.max_plans,
        most_tags=settings.max_tags,
    )


def site_of(settings: Settings) -> Site:
    """What the views must know of the site."""
    return Site(settings.currency, settings.mode, settings.time_zone)


class LedgerTeam:
    """Who is staff, asked of the books: a role that was taken away is gone at once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def roles_of(self, contributor_id: UUID) -> SetOf[str]:
        """The roles they have now; none when they were removed."""
        try:
            return self._ledger.contributor(contributor_id).roles
        except NotFound:
            return frozenset()
