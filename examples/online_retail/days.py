"""Reads the files and decides what each row means.

The first of these that fits decides:

1. An InvoiceNo that begins with C is a cancellation. The service has no command that takes a line back, and the row does not
   say which line it means: left out, and counted.
2. A StockCode of FEES is postage, a discount, a bank charge...: nothing that lies on a shelf. Left out, and counted.
3. A Quantity of 0 asks for nothing: left out, and counted.
4. A negative Quantity is damage or loss. A positive one is a find, if it has no price, no customer, and for a Description
   nothing or a clerk's note in small letters ("amazon"), where the catalogue writes in capitals. Both adjust stock.
5. All others are order lines, those without a customer or a price too: a gift leaves the shelf as well.

"85123a" and "85123A" are one article, typed by two people: a sku is the StockCode in capitals. A line is named by its row
number inside the invoice, since the same article can stand on several rows of one invoice.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from examples.online_retail.errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
FEES = frozenset({"ADJUST", "AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "POST", "S"})
CANCELLATION, FEE, NOTHING = "cancellations", "postage and fees", "rows of no quantity"


@dataclass(frozen=True, slots=True)
class Line:
    """An order line."""

    order_id: str
    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A shelf was found to hold so much more, or less if negative."""

    sku: str
    change: int


@dataclass(slots=True)
class Day:
    """One file: its rows in their order, and how many were left out for which reason."""

    date: date
    rows: list[Line | Adjustment] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> Iterator[Line]:
        """The order lines alone."""
        return (row for row in self.rows if isinstance(row, Line))


def read_days(folder: Path, run: str) -> list[Day]:
    """Read every CSV file of a folder in the order of names; order ids and skus get the run as a prefix.

    Raises:
        ReplayError: there is no such folder, no file or no row in it, or a file cannot be read.

    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise ReplayError(f"{folder} has no *.csv files: see examples/online_retail/README.md for where to get them")
    row_numbers: Counter[str] = Counter()
    days = []
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            try:
                days.append(_read_day(csv.DictReader(opened), run, row_numbers))
            except (ValueError, csv.Error) as error:
                raise ReplayError(f"{file} cannot be read: {error}") from error
    if len({day.date for day in days}) < len(days):
        raise ReplayError(f"two files of {folder} are of the same day: a file is a day")
    if not any(True for day in days for _ in day.lines):
        raise ReplayError(f"the files of {folder} have no order line in them")
    return days


def _read_day(rows: csv.DictReader[str], run: str, row_numbers: Counter[str]) -> Day:
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ValueError(f"it has no column {', '.join(missing)}")
    day = None
    for row in rows:
        try:
            day = day or Day(datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC).date())
            row_numbers[row["InvoiceNo"]] += 1
            _sort_in(day, row, run, row_numbers[row["InvoiceNo"]])
        except (TypeError, ValueError) as error:
            raise ValueError(f"line {rows.line_num}: {error}") from error
    if day is None:
        raise ValueError("it has no rows")
    return day


def _sort_in(day: Day, row: dict[str, str], run: str, row_number: int) -> None:
    invoice, code, quantity = row["InvoiceNo"], row["StockCode"].strip().upper(), int(row["Quantity"])
    sku = f"{run}-{code}"
    if invoice.startswith("C"):
        day.left_out[CANCELLATION] += 1
    elif code in FEES:
        day.left_out[FEE] += 1
    elif quantity == 0:
        day.left_out[NOTHING] += 1
    elif quantity < 0 or _is_find(row):
        day.rows.append(Adjustment(sku, quantity))
    else:
        day.rows.append(Line(f"{run}-{invoice}", str(row_number), sku, quantity))


def _is_find(row: dict[str, str]) -> bool:
    is_priced = float(row["UnitPrice"]) != 0
    return not is_priced and not row["CustomerID"] and not any(letter.isupper() for letter in row["Description"])


def demand(lines: Iterable[Line]) -> Counter[str]:
    """Add up what is asked for of each sku."""
    total: Counter[str] = Counter()
    for line in lines:
        total[line.sku] += line.quantity
    return total
