"""How a list is written as CSV: every cell says one thing, to people and to programs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal

from pydantic import BaseModel

from ledger.money import Money
from web.reading.csv_export import ROWS_AT_ONCE, columns_of, pieces


class Card(BaseModel):
    brand: str
    owed: Money | None


class Row(BaseModel):
    name: str
    number: int
    is_new: bool
    kind: Literal["a", "b"] | None = None
    paid: Money
    at: datetime
    day: date | None = None
    card: Card | None = None
    tags: list[str] = []
    cards: list[Card] = []


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def row(**said: Any) -> Row:
    return Row(
        **{"name": "Ada", "number": 1, "is_new": True, "paid": Money(-5, "JPY"), "at": NOON, **said}
    )


def read(*rows: Row, **how: Any) -> list[dict[str, str]]:
    text = b"".join(pieces(Row, rows, **how)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_money_is_minor_units_and_a_currency() -> None:  # EX1
    (told,) = read(row(card=Card(brand="visa", owed=Money(1250, "EUR"))))
    assert (told["paid_minor"], told["paid_currency"]) == ("-5", "JPY")
    assert (told["card_owed_minor"], told["card_owed_currency"]) == ("1250", "EUR")


def test_instants_are_in_utc_and_days_are_days() -> None:  # EX1
    paris = NOON.astimezone(timezone(timedelta(hours=1)))
    (told,) = read(row(at=paris, day=date(2026, 1, 2)))
    assert (told["at"], told["day"]) == ("2026-11-22T12:00:00Z", "2026-01-02")


def test_what_is_not_there_is_empty() -> None:
    (told,) = read(row())
    assert {told[name] for name in ("kind", "day", "card_brand", "card_owed_minor")} == {""}
    assert (told["is_new"], told["tags"]) == ("true", "[]")


def test_what_has_many_parts_is_json() -> None:
    (told,) = read(row(tags=["vip", "é;x"], cards=[Card(brand="visa", owed=Money(1, "EUR"))]))
    assert told["tags"] == '["vip","é;x"]'
    assert told["cards"] == '[{"brand":"visa","owed":{"minor":1,"currency":"EUR"}}]'


def test_no_text_is_a_formula_and_numbers_stay_numbers() -> None:  # EX1
    for text in ("=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", '=HYPERLINK("x")'):
        assert read(row(name=text))[0]["name"] == f"'{text}"
    (told,) = read(row(name="Ada = 1", number=-7))
    assert (told["name"], told["number"]) == ("Ada = 1", "-7")


def test_texts_come_back_as_they_were() -> None:
    for text in ('a "quoted", word', "two\nlines", "semi;colon", "Zoë 株式会社"):
        assert read(row(name=text))[0]["name"] == text


def test_a_spreadsheet_is_helped_where_asked() -> None:  # EX1
    plain = b"".join(pieces(Row, [row()]))
    helped = b"".join(pieces(Row, [row()], separator="semicolon", byte_order_mark=True))
    assert plain.startswith(b"name,number,is_new,")
    assert helped.startswith(b"\xef\xbb\xbfname;number;is_new;")
    assert plain.count(b"\r\n") == 2


def test_an_empty_list_has_its_header() -> None:
    assert list(pieces(Card, [])) == [b"brand,owed_minor,owed_currency\r\n"]


def test_a_long_list_is_sent_piece_by_piece() -> None:  # EX1
    taken: list[int] = []

    def rows() -> Any:
        for number in range(3 * ROWS_AT_ONCE):
            taken.append(number)
            yield row(number=number)

    sent = pieces(Row, rows())
    assert next(sent).count(b"\r\n") == ROWS_AT_ONCE + 1
    assert len(taken) == ROWS_AT_ONCE
    assert sum(piece.count(b"\r\n") for piece in sent) == 2 * ROWS_AT_ONCE


def test_columns_are_those_of_the_type() -> None:
    assert [column.name for column in columns_of(Card)] == ["brand", "owed_minor", "owed_currency"]
