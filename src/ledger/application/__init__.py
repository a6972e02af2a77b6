"""The ledger: one method per use case, which loads, asks and saves."""

from ledger.application.batch import Known
from ledger.application.books import Position, SiteRules
from ledger.application.disputes import DisputeUseCases
from ledger.application.joining import JoinUseCases, Quote
from ledger.application.lists import ListUseCases
from ledger.application.mending import MendingUseCases
from ledger.application.notices import NoticeUseCases
from ledger.application.paying import PayUseCases
from ledger.application.reconciling import ReconcilingUseCases
from ledger.application.refunding import RefundUseCases
from ledger.application.team import TeamUseCases


class Ledger(
    JoinUseCases,
    PayUseCases,
    RefundUseCases,
    DisputeUseCases,
    MendingUseCases,
    ReconcilingUseCases,
    TeamUseCases,
    ListUseCases,
    NoticeUseCases,
):
    """Everything that may be done with the books."""

    name = "ledger"


__all__ = ["Known", "Ledger", "Position", "Quote", "SiteRules"]
