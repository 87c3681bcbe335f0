"""Rows of a user's table, read into columns: how many were taken in, and what is told of others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtbench.errors import DataError, did_you_mean
from mtbench.extras import require
from mtbench.text import counted

from .columns import Column
from .faults import Faults
from .file import TableReader
from .quotes import AS_TEXT
from .values import WrongTypeError


class Told(NamedTuple):
    """What was read of a table."""

    rows: int
    """That were taken in."""
    whole: bool
    """Whether these and those left out are all."""
    notes: tuple[str, ...]
    """What is worth saying of the rows."""


def read(reader: TableReader, columns: Sequence[Column], first: bool = False) -> Told:
    """Read columns of a table.

    Args:
        reader: The table.
        columns: The columns, which take the values in.
        first: Read only its first rows, to see in a moment what is wrong with them.

    Raises:
        DataError: With all that is wrong.
    """
    reader.check({column.name: column.way_out for column in columns})
    names = [*dict.fromkeys(column.name for column in columns)]
    for name in reader.drop_missing:
        if name not in names:
            near = did_you_mean(name, names)
            raise DataError(f"{reader.name}: drop_missing: no column {name!r} is read{near}")
    faults, rows, whole, dropped = Faults(reader), 0, True, 0
    for batch in reader.batches(names, first):
        if first and rows:
            whole = False
            break
        kept, of_rows = _kept(reader, columns, batch)
        for column in columns if len(kept) else ():
            values = batch[column.name]
            with _named(reader, column):
                column.add(values if of_rows is None else values.take(of_rows), rows + kept, faults)
        dropped += len(batch[names[0]]) - len(kept)
        rows += len(batch[names[0]])
    faults.refuse(whole)
    if rows == dropped:
        some = f" with a value of {' and '.join(reader.drop_missing)}" if rows else ""
        raise DataError(f"{reader.name}: expected rows{some}, found none")
    for column in columns:
        column.finish(reader)
    return Told(rows - dropped, whole, tuple(_of_rows(reader, rows, dropped)))


def _kept(
    reader: TableReader, columns: Sequence[Column], batch: Mapping[str, Any]
) -> tuple[np.ndarray, Any]:
    """Which rows of a batch lack nothing that they need; as a `pyarrow.Array`, None for all."""
    number = len(batch[columns[0].name])
    missing = np.zeros(number, bool)
    for column in columns:
        if column.name in reader.drop_missing:
            with _named(reader, column):
                missing |= column.absent(batch[column.name])
    if not missing.any():
        return np.arange(number), None
    kept = np.flatnonzero(~missing)
    return kept, require("pyarrow", "tables").array(kept)


@contextlib.contextmanager
def _named(reader: TableReader, column: Column) -> Iterator[None]:
    """Say of which column the type is wrong."""
    try:
        yield
    except WrongTypeError as error:
        raise DataError(
            f"{reader.name}: column {column.name!r}: expected {column.what}, found {error}"
        ) from error


def _of_rows(reader: TableReader, rows: int, dropped: int) -> Iterator[str]:
    """Say which rows are left out, and which lines are no rows."""
    if dropped:
        lacking = " or ".join(map(repr, reader.drop_missing))
        yield f"{reader.name}: {dropped:,} of {rows:,} rows without {lacking} are left out"
    if (breaks := reader.breaks).number:
        yield (
            f"{reader.name}: {counted(breaks.number, 'line break')} within quotes (the first in "
            f"the row of line {breaks.first}): {AS_TEXT}"
        )


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
