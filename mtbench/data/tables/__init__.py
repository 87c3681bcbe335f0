"""A user's own tables: CSV, TSV and Parquet, read into columns."""

from .columns import Column, Lists, Reals, Texts, Times, Unit, notes, read
from .file import TableFile, TableReader

__all__ = [
    "Column",
    "Lists",
    "Reals",
    "TableFile",
    "TableReader",
    "Texts",
    "Times",
    "Unit",
    "notes",
    "read",
]
