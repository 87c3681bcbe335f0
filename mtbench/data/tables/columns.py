"""Columns of a user's table as arrays: what is a number, a time, an id, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from mtbench.data.encoding import Coded, Numbers
from mtbench.errors import DataError

from .faults import Faults, shown
from .file import TableReader
from .values import WrongTypeError, as_array, compute, lists, reals, seconds, texts

Unit = Literal["s", "ms", "us", "ns"]
_UNITS: dict[Unit, tuple[str, int]] = {
    "s": ("seconds", 1),
    "ms": ("milliseconds", 10**3),
    "us": ("microseconds", 10**6),
    "ns": ("nanoseconds", 10**9),
}
"""What each is called, and how many make a second."""
_FIRST = -62_135_596_800
"""Seconds since 1970: the year 1."""
_LATEST = 10**11
"""Seconds since 1970 that are no time any more: the year 5138."""


class Column:
    """A column that is being read.

    Attributes:
        name: Its name in the file.
        missing: How many values are missing so far.
        first_missing: Row of the first of them.
    """

    what: str
    """What is expected of a value."""

    def __init__(self, name: str) -> None:
        self.name, self.missing = name, 0
        self.first_missing: int | None = None
        self._parts: list[Any] = []

    def add(self, values: Any, start: int, faults: Faults) -> None:
        """Take in a `pyarrow.Array`, whose first value is of row `start`."""
        raise NotImplementedError

    def result(self) -> Any:
        """All values."""
        return np.concatenate(self._parts)

    def note(self) -> str:
        """Say what it has."""
        raise NotImplementedError

    def _miss(self, missing: np.ndarray, start: int) -> None:
        """Count missing values."""
        rows = np.flatnonzero(missing)
        if len(rows):
            self.missing += len(rows)
            if self.first_missing is None:
                self.first_missing = start + int(rows[0])

    def _refuse(self, bad: np.ndarray, values: Any, start: int, faults: Faults) -> None:
        """Note values that are not what is expected."""
        rows = np.flatnonzero(bad)
        faults.add(
            self.name,
            rows + start,
            lambda row: f"expected {self.what}, found {shown(values[row - start].as_py())}",
        )


class Texts(Column):
    """Ids or categories: text, integers or truth values, counted out."""

    what = "text or integers"

    def __init__(self, name: str, required: bool = False) -> None:
        super().__init__(name)
        self._required = required
        self._numbers: Numbers[str] = Numbers()

    def add(self, values: Any, start: int, faults: Faults) -> None:
        """Take in values; where they are required an empty text is a fault."""
        strings = texts(values)
        missing = as_array(compute().equal(strings, ""))
        self._miss(missing, start)
        if self._required:
            rows = np.flatnonzero(missing) + start
            faults.add(self.name, rows, lambda row: "expected an id, found nothing")
        coded = strings.dictionary_encode()
        numbers = self._numbers.of(coded.dictionary.to_pylist())
        self._parts.append(numbers[as_array(coded.indices)])

    def result(self) -> Coded:
        """All values."""
        return Coded(np.array([*self._numbers], dtype=str), super().result())

    def note(self) -> str:
        """Say how many there are."""
        return f"{len(self._numbers)} different texts"


class Reals(Column):
    """Numbers, NaN where one is missing."""

    what = "a finite number"

    def __init__(self, name: str, dtype: Any = np.float32) -> None:
        super().__init__(name)
        self._dtype = dtype
        self.least, self.most = np.inf, -np.inf

    def add(self, values: Any, start: int, faults: Faults) -> None:
        """Take in values."""
        numbers, bad = reals(values)
        with np.errstate(over="ignore"):
            stored = numbers.astype(self._dtype)
        bad |= np.isinf(stored)
        self._refuse(bad, values, start, faults)
        missing = np.isnan(stored)
        self._miss(missing & ~bad, start)
        present = stored[~missing]
        if len(present):
            self.least = min(self.least, float(present.min()))
            self.most = max(self.most, float(present.max()))
        self._parts.append(stored)

    def note(self) -> str:
        """Say what numbers there are."""
        return f"numbers from {self.least:g} to {self.most:g}"


class Times(Column):
    """Times, as seconds since 1970, int64: numbers, or dates and times of ISO 8601."""

    def __init__(self, name: str, unit: Unit) -> None:
        super().__init__(name)
        self._unit = unit
        self.what = f"{_UNITS[unit][0]} since 1970 or an ISO 8601 date"
        self._ends = (2**62, -(2**62))

    def add(self, values: Any, start: int, faults: Faults) -> None:
        """Take in values."""
        times, bad = seconds(values, _UNITS[self._unit][1])
        late = (times >= _LATEST) | (times < _FIRST)
        self._refuse(bad, values, start, faults)
        faults.add(
            self.name,
            np.flatnonzero(late & ~bad) + start,
            lambda row: (
                f"expected {self.what}, found {shown(values[row - start].as_py())}: "
                "is `timestamp_unit` another?"
            ),
        )
        if not (bad | late).any():
            self._ends = (
                min(self._ends[0], int(times.min())),
                max(self._ends[1], int(times.max())),
            )
        self._parts.append(times)

    def note(self) -> str:
        """Say from when to when."""
        first, last = (datetime.fromtimestamp(end, UTC).date() for end in self._ends)
        return f"times from {first} to {last}"


class Lists(Column):
    """Several values in one: lists of a Parquet file, or texts with a separator."""

    what = "texts, or lists of them"

    def __init__(self, name: str, separator: str) -> None:
        super().__init__(name)
        self._separator = separator

    def add(self, values: Any, start: int, faults: Faults) -> None:
        """Take in values."""
        rows = lists(values, self._separator)
        self._miss(np.array([not any(each) for each in rows], dtype=bool), start)
        self._parts += rows

    def result(self) -> list[list[str]]:
        """All values."""
        return self._parts

    def note(self) -> str:
        """Say how many values there are."""
        return f"{len({text for each in self._parts for text in each if text})} different values"


def read(reader: TableReader, columns: Sequence[Column], first: bool = False) -> tuple[int, bool]:
    """Read columns of a table.

    Args:
        reader: The table.
        columns: The columns, which take the values in.
        first: Read only its first rows, to see in a moment what is wrong with them.

    Returns:
        The number of rows, and whether these are all.

    Raises:
        DataError: With all that is wrong.
    """
    faults, rows, whole = Faults(reader), 0, True
    for batch in reader.batches([*dict.fromkeys(column.name for column in columns)]):
        if first and rows:
            whole = False
            break
        for column in columns:
            try:
                column.add(batch[column.name], rows, faults)
            except WrongTypeError as error:
                raise DataError(
                    f"{reader.name}: column {column.name!r}: expected {column.what}, found {error}"
                ) from error
        rows += len(batch[columns[0].name])
    faults.refuse(whole)
    if not rows:
        raise DataError(f"{reader.name}: expected rows, found none")
    return rows, whole


def notes(reader: TableReader, columns: Iterable[Column]) -> list[str]:
    """Say of each column what it has, how many values are missing, and where the first is."""
    columns = list(columns)
    first = {c.name: c.first_missing for c in columns if c.first_missing is not None}
    places = reader.places(first.values()) if first else {}
    lines = []
    for column in columns:
        text = f"{reader.name}: column {column.name!r}: {column.note()}"
        if column.missing:
            text += f", {column.missing} missing (the first at {places[first[column.name]]})"
        lines.append(text)
    return lines
