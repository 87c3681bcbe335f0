"""Columns with several values in each row: vectors of numbers, and lists of texts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mtbench.errors import DataError

from .columns import Column
from .faults import Faults, shown
from .file import TableReader
from .values import lists, vectors


class Vectors(Column):
    """Numbers, as many for each row: lists of a Parquet file, or texts."""

    what = "a vector of numbers"

    def __init__(self, name: str, separator: str) -> None:
        super().__init__(name)
        self._separator = separator
        self._length = 0

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values; the first that is there says how long they are."""
        found, bad = vectors(values, self._separator)
        missing = np.isnan(found).all(1) & ~bad
        if (~missing & ~bad).any():
            self._length = self._length or found.shape[1]
            self.what = f"a vector of {self._length} finite numbers"
            bad |= ~missing & (found.shape[1] != self._length)
        self._refuse(bad, values, rows, faults)
        self._miss(missing, rows)
        self._parts.append(found)

    def result(self) -> np.ndarray:
        """All values, float64 `[n, length]`, NaN where missing."""
        empty = (part.shape[1] != self._length for part in self._parts)
        parts = [
            np.full((len(part), self._length), np.nan) if none else part
            for part, none in zip(self._parts, empty, strict=True)
        ]
        return np.concatenate(parts)

    def note(self) -> str:
        """Say how long they are."""
        return f"vectors of {self._length} numbers"


class Lists(Column):
    """Several values in one: lists of a Parquet file, or texts with a separator."""

    what = "texts, or lists of them"

    def __init__(self, name: str, separator: str) -> None:
        super().__init__(name)
        self._separator = separator

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values."""
        found = lists(values, self._separator)
        self._miss(np.array([not any(each) for each in found], dtype=bool), rows)
        self._parts += found

    def finish(self, reader: TableReader) -> None:
        """Refuse fractions, which are no values that rows share."""
        known = {text for each in self._parts for text in each if text}
        if known and all(map(_is_number, known)) and any("." in text for text in known):
            raise DataError(
                f"{reader.name}: column {self.name!r}: expected {self.what}, found numbers, such "
                f"as {shown(min(known))}: is it a `vector`?"
            )

    def result(self) -> list[list[str]]:
        """All values."""
        return self._parts

    def note(self) -> str:
        """Say how many values there are."""
        return f"{len({text for each in self._parts for text in each if text})} different values"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
