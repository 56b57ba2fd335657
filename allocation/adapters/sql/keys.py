"""Conditions on many keys at once, in statements whose text does not depend on how many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, bindparam, func

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Column, ColumnElement


def among(column: Column[Any]) -> ColumnElement[bool]:
    """Say that a column is one of the values bound to `keys`."""
    return column.in_(bindparam("keys", expanding=True))


def with_keys(statement: Select[Any], *columns: Column[Any]) -> Select[Any]:
    """Join the rows of the keys that `json_keys` binds: SQLite searches for them; for a list of row values it would scan."""
    keys = func.json_each(bindparam("keys")).table_valued("value", name="keys")
    same = [func.json_extract(keys.c.value, f"$[{n}]") == column for n, column in enumerate(columns)]
    return statement.select_from(keys.join(columns[0].table, and_(*same)))


def json_keys(keys: Collection[tuple[Any, ...]]) -> dict[str, str]:
    """Bind keys of several columns."""
    return {"keys": json.dumps(list(keys))}
