"""What is wrong with the rows of a user's table, a line for each column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mtbench.errors import DataError

from .file import TableReader


class Faults:
    """What is wrong with rows: of each column the first one, and how many there are."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._by_column: dict[str, tuple[int, str, int]] = {}  # first row, its message, rows

    @property
    def of_text(self) -> bool:
        """Whether the table is a text."""
        return self._reader.is_text

    def add(
        self, column: str, bad: np.ndarray, rows: np.ndarray, message: Callable[[int], str]
    ) -> None:
        """Note rows of a column.

        Args:
            column: Its name.
            bad: Which of some values are wrong, bool `[n]`.
            rows: Of each value the number of its row, `[n]`.
            message: What to say of the value at a position; asked for the first.
        """
        if bad.any():
            place = int(bad.argmax())
            first, text, count = self._by_column.get(column) or (
                int(rows[place]), message(place), 0,
            )  # fmt: skip
            self._by_column[column] = first, text, count + int(np.count_nonzero(bad))

    def refuse(self, whole: bool) -> None:
        """Say it all, a line for each column.

        Args:
            whole: Whether every row was read, so that the number is that of all.

        Raises:
            DataError: Something is wrong.
        """
        if not self._by_column:
            return
        places = self._reader.places(row for row, _, _ in self._by_column.values())
        lines = []
        for column, (row, text, count) in sorted(self._by_column.items(), key=lambda item: item[1]):
            more = f" ({count} such rows)" if whole and count > 1 else ""
            lines.append(f"{places[row]}: column {column!r}: {text}{more}")
        raise DataError("\n".join(lines))


def shown(value: Any) -> str:
    """Return a value as a message has it."""
    return "nothing" if value in ("", None) else repr(value)[:80]
