"""A user's own tables: CSV, TSV and Parquet, read into columns."""

from .columns import Column, Lists, Reals, Texts, Times, Unit
from .faults import shown
from .file import TableFile, TableReader
from .reading import Told, notes, read

__all__ = [
    "Column",
    "Lists",
    "Reals",
    "TableFile",
    "TableReader",
    "Texts",
    "Times",
    "Told",
    "Unit",
    "notes",
    "read",
    "shown",
]
