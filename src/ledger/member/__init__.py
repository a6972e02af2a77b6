"""Member: a contact, their memberships, and what staff write about them."""

from ledger.member.member import Member
from ledger.member.membership import AccessAnswer, Ending, Membership

__all__ = ["AccessAnswer", "Ending", "Member", "Membership"]
