"""How a file that nobody has said anything of is written."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from mtbench.errors import DataError

from .file import TableFile, TableReader
from .text import OtherKindError, TextTable, delimiter_of, is_text

LINES = 1000
"""Lines that are looked at."""
OTHER = "cp1252"
"""What a text is taken for that is no UTF-8: most are, and all bytes but five have a meaning."""


def guess(path: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Guess the options of a `TableFile`, those alone that differ from the defaults.

    Args:
        path: The file.
        names: What its first columns are called where its first line is a row.

    Raises:
        DataError: It is no table.
    """
    options: dict[str, Any] = {}
    try:
        lines = _lines(path, options)
    except OtherKindError as error:
        if not error.kind.encoding:
            raise
        options["encoding"] = error.kind.encoding
        lines = _lines(path, options)
    if not lines:
        return options
    if not all(is_text(field) for line in lines for field in line):
        options["encoding"] = OTHER
    if len(lines[0]) == 1:
        used = TableFile(path=path).dialect().delimiter
        best = delimiter_of(lines[0][0], used.join(lines[1]) if lines[1:] else "", ())
        if best:
            options["delimiter"] = best
    elif lines[0][0].startswith('"'):
        options["quoting"] = True
    try:
        TableReader(TableFile(path=path, **options)).table.check_quotes(first=True)
    except DataError:
        options["quoting"] = False
    lines = _lines(path, options)
    if any(map(_is_number, lines[0])):
        width = len(lines[0])
        more = (f"column_{n + 1}" for n in range(len(names), width))
        options["header"] = [*names[:width], *more]
    return options


def _lines(path: str, options: Mapping[str, Any]) -> list[list[str]]:
    """The fields of the first lines of a text; none of Parquet."""
    table = TableReader(TableFile(path=path, **options)).table
    if not isinstance(table, TextTable):
        return []
    table.columns(())
    return [fields for _, fields in itertools.islice(table.rows(header=True), LINES)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
