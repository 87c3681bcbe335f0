"""Columns of a user's table as arrays: what is a number, a time, an id, and what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from mtbench.data.encoding import Coded, Numbers
from mtbench.errors import DataError

from .faults import Faults, shown
from .file import TableReader
from .quotes import AS_TEXT
from .values import absent, as_array, compute, reals, seconds, texts

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
        way_out: What to do where the file has no such column.
        missing: How many values are missing so far.
        first_missing: Row of the first of them.
    """

    what: str
    """What is expected of a value."""
    needs_all = False
    """Whether a row that lacks a value is a fault."""

    def __init__(self, name: str, way_out: str = "") -> None:
        self.name, self.way_out, self.missing = name, way_out, 0
        self.first_missing: int | None = None
        self._parts: list[Any] = []

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in a `pyarrow.Array`, and the numbers of its rows in the file."""
        raise NotImplementedError

    def absent(self, values: Any) -> np.ndarray:
        """Which values are missing, bool `[n]`."""
        return absent(values)

    def finish(self, reader: TableReader) -> None:
        """Refuse what all values together are.

        Raises:
            DataError: They are nonsense.
        """

    def result(self) -> Any:
        """All values."""
        return np.concatenate(self._parts)

    def note(self) -> str:
        """Say what it has."""
        raise NotImplementedError

    def _miss(self, missing: np.ndarray, rows: np.ndarray) -> None:
        """Count missing values."""
        if missing.any():
            self.missing += int(np.count_nonzero(missing))
            if self.first_missing is None:
                self.first_missing = int(rows[missing.argmax()])

    def _refuse(self, bad: np.ndarray, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Note values that are not what is expected."""
        faults.add(self.name, bad, rows, lambda n: self._expected(values[n].as_py()))

    def _expected(self, value: Any) -> str:
        hint = ""
        if self.needs_all and value in ("", None):
            hint = f": `drop_missing: [{self.name}]` leaves such rows out"
        elif isinstance(value, str) and value.startswith('"'):
            hint = ": `quoting: true` takes the quotes off"
        return f"expected {self.what}, found {shown(value)}{hint}"


class Texts(Column):
    """Ids or categories: text, integers or truth values, counted out.

    Args:
        name: Its name in the file.
        is_id: Whether each row has to have one, in one line.
    """

    what = "text or integers"

    def __init__(self, name: str, is_id: bool = False, way_out: str = "") -> None:
        super().__init__(name, way_out)
        self.needs_all = is_id
        self._numbers: Numbers[str] = Numbers()

    def absent(self, values: Any) -> np.ndarray:
        """Which are empty: `NA` is a text as another."""
        return as_array(compute().equal(texts(values), ""))

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values; of an id an empty text is a fault, and a line break."""
        strings = texts(values)
        missing = as_array(compute().equal(strings, ""))
        self._miss(missing, rows)
        coded = strings.dictionary_encode()
        distinct = coded.dictionary.to_pylist()
        codes = as_array(coded.indices)
        if self.needs_all:
            self.what = "an id"
            self._refuse(missing, values, rows, faults)
            broken = as_array(compute().match_substring_regex(coded.dictionary, r"[\r\n]"))
            if faults.of_text and broken.any():
                faults.add(
                    self.name,
                    broken[codes],
                    rows,
                    lambda n: (
                        f"expected an id in one line, found {shown(distinct[codes[n]])}: {AS_TEXT}"
                    ),
                )
        self._parts.append(self._numbers.of(distinct)[codes])

    def finish(self, reader: TableReader) -> None:
        """Refuse lists in place of ids."""
        if self.needs_all and all(map(_is_list, self._numbers)):
            raise DataError(
                f"{reader.name}: column {self.name!r}: expected an id in each row, found lists, "
                f"such as {shown(next(iter(self._numbers)))}: write a row for each value of a list"
            )

    def result(self) -> Coded:
        """All values."""
        return Coded(np.array([*self._numbers], dtype=str), super().result())

    def note(self) -> str:
        """Say how many there are, and which may be meant otherwise."""
        known = self._numbers
        blanks = [text for text in known if text != text.strip() and text.strip() in known]
        quoted = [text for text in known if len(text) > 1 and text[0] == text[-1] == '"']
        listed = [*filter(_is_list, known)] if self.needs_all else []
        said = [f"{len(known)} different texts"]
        for found, what in (
            (blanks, "differ from others by blanks at their ends alone"),
            (quoted, "in quotes, which `quoting: true` takes off"),
            (listed, "that look like lists"),
        ):
            if found:
                said.append(f"{len(found)} {what}, such as {shown(found[0])}")
        return ", ".join(said)


def _is_list(text: str) -> bool:
    return text[:1] == "[" and text[-1:] == "]"


class Reals(Column):
    """Numbers, NaN where one is missing."""

    what = "a finite number"

    def __init__(self, name: str, dtype: Any = np.float32, way_out: str = "") -> None:
        super().__init__(name, way_out)
        self._dtype = dtype
        self.least, self.most = np.inf, -np.inf

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values."""
        self.take(*reals(values), values, rows, faults)

    def take(
        self, numbers: np.ndarray, bad: np.ndarray, values: Any, rows: np.ndarray, faults: Faults
    ) -> None:
        """Take in the numbers that values are, NaN where one is missing, and which are none."""
        with np.errstate(over="ignore"):
            stored = numbers.astype(self._dtype)
        bad = bad | np.isinf(stored)
        self._refuse(bad, values, rows, faults)
        missing = np.isnan(stored)
        self._miss(missing & ~bad, rows)
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

    needs_all = True

    def __init__(self, name: str, unit: Unit, way_out: str = "") -> None:
        super().__init__(name, way_out)
        self._unit = unit
        self.what = f"{_UNITS[unit][0]} since 1970 or an ISO 8601 date"
        self._ends = (2**62, -(2**62))

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values."""
        times, bad = seconds(values, _UNITS[self._unit][1])
        late = (times >= _LATEST) | (times < _FIRST)
        self._refuse(bad, values, rows, faults)
        faults.add(
            self.name,
            late & ~bad,
            rows,
            lambda n: f"{self._expected(values[n].as_py())}: is `timestamp_unit` another?",
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
