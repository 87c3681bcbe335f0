"""Columns of a user's table as arrays: what is a number, a time, an id, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from mtbench.data.encoding import Coded, Numbers
from mtbench.errors import DataError

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
_LATEST = 10**11
"""Seconds since 1970 that are no time any more: the year 5138."""


class Faults:
    """What is wrong with rows: of each column the first one, and how many there are."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._found: dict[str, tuple[int, str, int]] = {}

    def add(self, column: str, rows: np.ndarray, message: Callable[[int], str]) -> None:
        """Note rows of a column, and what to say of the first."""
        if len(rows):
            first, text, count = self._found.get(column) or (int(rows[0]), message(int(rows[0])), 0)
            self._found[column] = first, text, count + len(rows)

    def refuse(self, whole: bool) -> None:
        """Say it all, a line for each column.

        Args:
            whole: Whether every row was read, so that the number is that of all.

        Raises:
            DataError: Something is wrong.
        """
        if not self._found:
            return
        places = self._reader.places(row for row, _, _ in self._found.values())
        lines = []
        for column, (row, text, count) in sorted(self._found.items(), key=lambda item: item[1]):
            more = f" ({count} such rows)" if whole and count > 1 else ""
            lines.append(f"{places[row]}: column {column!r}: {text}{more}")
        raise DataError("\n".join(lines))


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
            lambda row: f"expected {self.what}, found {_shown(values[row - start].as_py())}",
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
        found = texts(values)
        missing = as_array(compute().equal(found, ""))
        self._miss(missing, start)
        if self._required:
            rows = np.flatnonzero(missing) + start
            faults.add(self.name, rows, lambda row: "expected an id, found nothing")
        coded = found.dictionary_encode()
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
            found = numbers.astype(self._dtype)
        bad |= np.isinf(found)
        self._refuse(bad, values, start, faults)
        missing = np.isnan(found)
        self._miss(missing & ~bad, start)
        known = found[~missing]
        if len(known):
            self.least = min(self.least, float(known.min()))
            self.most = max(self.most, float(known.max()))
        self._parts.append(found)

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
        found, bad = seconds(values, _UNITS[self._unit][1])
        late = np.abs(found) >= _LATEST
        self._refuse(bad, values, start, faults)
        faults.add(
            self.name,
            np.flatnonzero(late & ~bad) + start,
            lambda row: (
                f"expected {self.what}, found {_shown(values[row - start].as_py())}: "
                "is `timestamp_unit` another?"
            ),
        )
        if not (bad | late).any():
            self._ends = (
                min(self._ends[0], int(found.min())),
                max(self._ends[1], int(found.max())),
            )
        self._parts.append(found)

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
        found = lists(values, self._separator)
        self._miss(np.array([not any(each) for each in found], dtype=bool), start)
        self._parts += found

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
    found = []
    for column in columns:
        text = f"{reader.name}: column {column.name!r}: {column.note()}"
        if column.missing:
            text += f", {column.missing} missing (the first at {places[first[column.name]]})"
        found.append(text)
    return found


def _shown(value: Any) -> str:
    """A value in a message."""
    return "nothing" if value in ("", None) else repr(value)[:80]
