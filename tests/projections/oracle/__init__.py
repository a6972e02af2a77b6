"""The oracle: every view and report from exported facts alone.

Plain Python over dictionaries as NDJSON has them, with the standard library and nothing of the
product: a fold that is compared with itself would not notice a fact that is applied twice.
"""

from tests.projections.oracle.compare import KEYS, NOT_JUDGED, compared, disagreements, plain
from tests.projections.oracle.judge import SEGMENTS, VIEWS, Oracle, due

__all__ = [
    "KEYS",
    "NOT_JUDGED",
    "SEGMENTS",
    "VIEWS",
    "Oracle",
    "compared",
    "disagreements",
    "due",
    "plain",
]
