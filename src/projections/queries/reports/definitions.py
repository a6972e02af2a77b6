"""What each figure of a report means: a name, a version, a sentence in each language.

A figure whose meaning changes gets another version, so that nobody compares what is not alike.
"""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """The meaning of a figure, shown beside it."""

    name: str
    version: int
    english: str
    french: str

    @property
    def label(self) -> str:
        """How it is cited: `mrr-1`."""
        return f"{self.name}-{self.version}"


REVENUE = Definition(
    "revenue",
    1,
    "Payments, refunds and disputes lost, each on the day on which it settled, in the site's time"
    " zone. Net is gross less refunded less disputed. The gateway's fees stand apart; live and"
    " test money, and different currencies, are never added.",
    "Paiements, remboursements et litiges perdus, chacun au jour de son règlement, dans le fuseau"
    " horaire du site. Le net est le brut moins les remboursements et les litiges perdus. Les frais"
    " de la passerelle sont à part ; l’argent réel et l’argent d’essai, comme des devises"
    " différentes, ne s’additionnent jamais.",
)
MRR = Definition(
    "mrr",
    1,
    "Monthly recurring revenue: the monthly value of every membership that renews and whose"
    " billing is current or past due. Every k periods counts for one k-th, a year for a twelfth, a"
    " week for 52 twelfths; sums are exact and rounded once. A discount on every payment lowers"
    " it, one on the first payment does not. Free, one-time and instalment plans, memberships that"
    " wait for their member to act, and those that lapsed or whose cancellation took effect are"
    " left out.",
    "Revenu mensuel récurrent : la valeur mensuelle de chaque adhésion renouvelable dont les"
    " paiements sont à jour ou en retard. Un prix dû toutes les k périodes compte pour un"
    " k-ième, un prix annuel pour un douzième, un prix hebdomadaire pour 52 douzièmes ; les"
    " sommes sont exactes et arrondies une seule fois. Une réduction sur chaque paiement la"
    " diminue, une réduction sur le premier paiement non. Les forfaits gratuits, à montant fixe"
    " ou échelonnés, les adhésions en attente d’une action du membre, expirées ou dont"
    " l’annulation a pris effet ne comptent pas.",
)
MOVEMENTS = Definition(
    "mrr-movements",
    1,
    "What changed mrr-1 in a month and currency: starting + new + reactivated + expansion -"
    " contraction - churned = ending. A change is what it is to the member: new if nothing of"
    " theirs ever counted before, reactivated if nothing does at that moment, churned if nothing"
    " is left, else expansion or contraction.",
    "Ce qui a changé mrr-1 dans un mois et une devise : début + nouveau + réactivé + expansion -"
    " contraction - perdu = fin. Un changement est ce qu’il est pour le membre : nouveau si rien"
    " de lui n’a jamais compté, réactivé si rien ne compte à ce moment, perdu s’il ne reste rien,"
    " sinon expansion ou contraction.",
)
MEMBERS = Definition(
    "members",
    1,
    "People with at least one running membership, in any plan: starting + new + returned - left ="
    " ending. New is who joined for the first time ever; returned, who had left before.",
    "Personnes ayant au moins une adhésion en cours, quel que soit le forfait : début + nouveaux +"
    " revenus - partis = fin. Nouveau : qui souscrit pour la toute première fois ; revenu : qui"
    " était parti.",
)
CHURN = Definition(
    "churn",
    1,
    "Of the members at the beginning of a month, how many per hundred left in it, whatever the"
    " reason; of the month that is not over, until now. Nothing is said of a month that began with"
    " no member.",
    "Sur cent membres au début d’un mois, combien sont partis dans le mois, quelle qu’en soit la"
    " raison ; pour le mois en cours, jusqu’ici. Rien n’est dit d’un mois commencé sans membre.",
)
RETENTION = Definition(
    "retention",
    1,
    "Of the people who joined for the first time in a month, those with a running membership at"
    " the end of that month and of each month after; who left and returned counts again.",
    "Parmi les personnes ayant souscrit pour la première fois dans un mois, celles qui ont une"
    " adhésion en cours à la fin de ce mois et de chaque mois suivant ; qui est parti puis revenu"
    " compte à nouveau.",
)
LIFETIME = Definition(
    "lifetime",
    1,
    "What people who joined for the first time in a month, or in a plan, have paid until now, less"
    " refunds and disputes lost, each when it settled; on average over all of them, also those who"
    " never paid.",
    "Ce que les personnes ayant souscrit pour la première fois dans un mois, ou à un forfait, ont"
    " payé jusqu’ici, moins les remboursements et les litiges perdus, chacun à son règlement ; la"
    " moyenne porte sur toutes, y compris celles qui n’ont jamais payé.",
)

DEFINITIONS = (REVENUE, MRR, MOVEMENTS, MEMBERS, CHURN, RETENTION, LIFETIME)
"""Every definition."""
