"""Ids of rows: those that a column has, or the rows themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtbench.data.encoding import Coded

from .columns import Column, Texts
from .faults import Faults
from .made import ROW


def ids(name: str, way_out: str = "") -> Column:
    """Return what reads the ids of a column.

    Args:
        name: Its name in the file; that of the number of a row makes each row an id of its own.
        way_out: What to do where the file has no such column.
    """
    return RowNumbers(ROW) if name == ROW else Texts(name, is_id=True, way_out=way_out)


class RowNumbers(Column):
    """The number of each row over all files, for rows that name nobody and nothing."""

    what = "rows"

    def absent(self, values: Any) -> np.ndarray:
        """None is missing, bool `[n]`."""
        return np.zeros(len(values), bool)

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in rows."""
        self._parts.append(rows.astype(np.int32))

    def result(self) -> Coded:
        """All of them, each once."""
        numbers = super().result()
        return Coded(numbers, np.arange(len(numbers), dtype=np.int32))

    def note(self) -> str:
        """Say how many there are."""
        return f"{sum(map(len, self._parts))} rows, each an id of its own"
