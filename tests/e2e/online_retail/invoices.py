"""Invoice rows as the example reads them, all made up."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from examples.online_retail.days import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Row = dict[str, str]


def row(invoice: str, code: str, quantity: int, description: str = "HARDLY EVER WOBBLES", **others: str) -> Row:
    """Write a row; `others` are columns."""
    usual = {"InvoiceDate": "2031-03-01 08:26:00", "UnitPrice": "9.99", "CustomerID": "10001.0", "Country": "Ruritania"}
    return {
        "InvoiceNo": invoice,
        "StockCode": code,
        "Description": description,
        "Quantity": str(quantity),
        **usual,
        **others,
    }


def adjustment(invoice: str, code: str, quantity: int, note: str = "") -> Row:
    """Write the row of a clerk who has counted."""
    return row(invoice, code, quantity, note, UnitPrice="0.0", CustomerID="")


def write_day(folder: Path, day: str, rows: Iterable[Row]) -> None:
    """Write the file of a day."""
    folder.mkdir(exist_ok=True)
    with (folder / f"{day}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**one, "InvoiceDate": f"{day} 08:26:00"} for one in rows)
