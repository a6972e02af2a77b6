"""Importing the product does nothing, and money is never a float."""

from __future__ import annotations

import pytest

from tests.house.sources import Source, python, report
from tests.house.stillness import float_findings, import_findings


def test_nothing_happens_at_import() -> None:
    found = [finding for source in python("src") for finding in import_findings(source)]
    assert not found, report(found)


def test_no_float_in_the_books() -> None:
    found = [finding for source in python("src") for finding in float_findings(source)]
    assert not found, report(found)


@pytest.mark.parametrize(
    "text",
    [
        "f()",
        "pool = ConnectionPool('x')",
        "TEXT = Path('a').read_text()",
        "class A:\n    b = open('x')",
        "for a in b:\n    c = a",
        "if a:\n    f()",
        "try:\n    f()\nexcept E:\n    pass",
        "X = {'a': [datetime.now()]}",
    ],
)
def test_a_deed_at_import_is_seen(text: str) -> None:
    assert len(import_findings(Source("src/web/app.py", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        '"""Words."""\nimport a\nA = UUID("1")\nB: int = field(default=3)',
        "if TYPE_CHECKING:\n    import a",
        "if __name__ == '__main__':\n    main()",
        "def f():\n    return open('x')",
        "later = lambda: open('x')",
        "Model.model_rebuild()",
        "try:\n    import a\nexcept ImportError:\n    a = None",
    ],
)
def test_a_definition_is_left_alone(text: str) -> None:
    assert import_findings(Source("src/web/app.py", text)) == []


@pytest.mark.parametrize("text", ["x = 0.5", "def f(x: float): ...", "y = float(x)"])
def test_a_float_in_the_books_is_seen(text: str) -> None:
    assert len(float_findings(Source("src/ledger/money.py", text))) == 1
    assert float_findings(Source("src/ledger/store/recorder.py", text)) == []
    assert float_findings(Source("src/web/app.py", text)) == []
