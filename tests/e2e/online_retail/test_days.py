"""What each row of the files means."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from examples.online_retail.days import CANCELLATION, FEE, NOTHING, Adjustment, Day, Line, read_days
from examples.online_retail.errors import ReplayError
from tests.e2e.online_retail.invoices import Row, adjustment, row, write_day

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
ORDERED = row("536000", "SMALL-TABLE", 1)


def read(folder: Path, *rows: Row) -> Day:
    write_day(folder, "2031-03-01", [*rows, ORDERED])
    [day] = read_days(folder, "run")
    assert day.rows.pop() == Line("run-536000", "1", "run-SMALL-TABLE", 1)
    return day


def test_a_row_is_an_order_line_named_by_its_place_in_the_invoice(tmp_path: Path) -> None:
    day = read(tmp_path, row("536001", "SMALL-TABLE", 2), row("536001", "MISBEGOTTEN-RUG", 3), row("536002", "SMALL-TABLE", 1))
    assert day.date == date(2031, 3, 1)
    assert day.rows == [
        Line("run-536001", "1", "run-SMALL-TABLE", 2),
        Line("run-536001", "2", "run-MISBEGOTTEN-RUG", 3),
        Line("run-536002", "1", "run-SMALL-TABLE", 1),
    ]


def test_the_same_article_twice_in_an_invoice_makes_two_lines(tmp_path: Path) -> None:
    day = read(tmp_path, row("536001", "SMALL-TABLE", 2), row("536001", "SMALL-TABLE", 2))
    assert [line.line_id for line in day.lines] == ["1", "2"]


def test_a_code_in_small_letters_is_the_same_article(tmp_path: Path) -> None:
    day = read(tmp_path, row("536001", "écharpe-rouge", 1), row("536001", "ÉCHARPE-ROUGE", 1))
    assert {line.sku for line in day.lines} == {"run-ÉCHARPE-ROUGE"}


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        (row("C536001", "SMALL-TABLE", -2), CANCELLATION),
        (row("C536001", "D", -1, "Discount"), CANCELLATION),
        (row("536001", "POST", 1, "POSTAGE"), FEE),
        (row("536001", "bank charges", 1, "Bank Charges"), FEE),
        (row("536001", "M", -1, "Manual"), FEE),
        (row("536001", "SMALL-TABLE", 0), NOTHING),
    ],
)
def test_what_asks_for_nothing_from_a_shelf_is_left_out_and_counted(tmp_path: Path, left_out: Row, reason: str) -> None:
    day = read(tmp_path, left_out)
    assert day.rows == []
    assert day.left_out == {reason: 1}


def test_rows_that_are_left_out_keep_their_number(tmp_path: Path) -> None:
    day = read(tmp_path, row("536001", "POST", 1), row("536001", "SMALL-TABLE", 2))
    assert [line.line_id for line in day.lines] == ["2"]


@pytest.mark.parametrize("note", ["", "damaged", "Wet damaged", "?"])
def test_less_than_nothing_without_a_cancellation_is_damage(tmp_path: Path, note: str) -> None:
    assert read(tmp_path, adjustment("536001", "SMALL-TABLE", -7, note)).rows == [Adjustment("run-SMALL-TABLE", -7)]


@pytest.mark.parametrize("note", ["", "amazon"])
def test_goods_from_nowhere_are_a_find(tmp_path: Path, note: str) -> None:
    assert read(tmp_path, adjustment("536001", "SMALL-TABLE", 7, note)).rows == [Adjustment("run-SMALL-TABLE", 7)]


@pytest.mark.parametrize(
    "gift",
    [
        row("536001", "SMALL-TABLE", 7, "", UnitPrice="0.0"),
        row("536001", "SMALL-TABLE", 7, "SMALL TABLE No 8", UnitPrice="0.0", CustomerID=""),
        row("536001", "SMALL-TABLE", 7, "", CustomerID=""),
    ],
)
def test_a_gift_and_an_anonymous_sale_are_order_lines(tmp_path: Path, gift: Row) -> None:
    assert read(tmp_path, gift).rows == [Line("run-536001", "1", "run-SMALL-TABLE", 7)]


def test_days_come_in_the_order_of_their_files(tmp_path: Path) -> None:
    write_day(tmp_path, "2031-03-02", [ORDERED])
    write_day(tmp_path, "2031-03-01", [ORDERED])
    first, second = read_days(tmp_path, "run")
    assert (first.date, second.date) == (date(2031, 3, 1), date(2031, 3, 2))
    # An invoice that goes on the next day counts on.
    assert [line.line_id for day in (first, second) for line in day.lines] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("InvoiceNo,StockCode\n536001,SMALL-TABLE\n", "no column Description, Quantity"),
        (HEADER, "no rows"),
        (
            f"{HEADER}536001,SMALL-TABLE,,many,2031-03-01 08:26:00,1.0,,\n",
            "line 2: .*'many'",
        ),
        (
            f"{HEADER}536001,SMALL-TABLE,,1,2031-03-01 08:26:00\n",
            "line 2: ",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "2031-03-01.csv").write_text(text)
    with pytest.raises(ReplayError, match=f"2031-03-01.csv cannot be read: .*{told}"):
        read_days(tmp_path, "run")


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "2031-03-01.csv").write_bytes("InvoiceNo,Écharpe\n".encode("latin-1"))
    with pytest.raises(ReplayError, match=r"2031-03-01\.csv cannot be read"):
        read_days(tmp_path, "run")


def test_a_folder_without_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"no \*\.csv files"):
        read_days(tmp_path, "run")
    write_day(tmp_path, "2031-03-01", [row("C536001", "SMALL-TABLE", -1)])
    with pytest.raises(ReplayError, match="no order line"):
        read_days(tmp_path, "run")


def test_a_day_in_two_files_is_refused(tmp_path: Path) -> None:
    write_day(tmp_path, "2031-03-01", [ORDERED])
    (tmp_path / "again.csv").write_bytes((tmp_path / "2031-03-01.csv").read_bytes())
    with pytest.raises(ReplayError, match="the same day"):
        read_days(tmp_path, "run")
