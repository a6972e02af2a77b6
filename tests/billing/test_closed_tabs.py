"""In test mode too, a card that a bank approved after the page was closed is saved."""

from __future__ import annotations

from tests.application.sites import MONTHLY, SENDS_LATER_BACK, cause, eur, themself
from tests.billing.offices import Office


def test_the_notice_of_an_approved_card_saves_it_and_charges_what_is_due(  # DU3
    office: Office,
) -> None:
    site = office.site
    member_id, _plan_id, stay = site.joined(MONTHLY, SENDS_LATER_BACK)
    site.later(28)
    assert site.charge(member_id, stay.membership_id).outcome == "declined"
    setup = site.collection.save_method(
        member_id,
        method_token="pm_card_authenticationRequiredOnSetup",
        by=themself(member_id),
        cause=cause(),
    )
    site.sandbox.authenticate(action=str(setup.action), approved=True)
    assert office.hear().is_well
    assert office.hear().is_well
    saved = site.ledger.member(member_id).method
    assert saved is not None
    assert saved.last_four == "3155"
    assert (site.stay(member_id).billing, site.moved()) == ("current", eur(2_400))
