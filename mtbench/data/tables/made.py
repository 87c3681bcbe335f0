"""Columns that no file has: the number of a row, the file that it is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtbench.extras import require

ROW, FILE = "#row", "#file"
MADE = (ROW, FILE)
"""What they are called where the name of a column is expected."""


def made(name: str, path: Path, number: int) -> Any:
    """Return the values of such a column for some rows of a file, as a `pyarrow.Array`."""
    pyarrow = require("pyarrow", "tables")
    if name == FILE:
        return pyarrow.repeat(path.name.partition(".")[0], number)
    return pyarrow.nulls(number)  # the number of a row is known to what reads it
