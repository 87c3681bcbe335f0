"""A user's own tables: CSV, TSV and Parquet, read into columns."""

from .columns import Column, Lists, Reals, Texts, Times, Unit, notes, read
from .file import TableFile, TableReader
from .parts import PartNames
from .several import TablesReader, digest_of

__all__ = [
    "Column",
    "Lists",
    "PartNames",
    "Reals",
    "TableFile",
    "TableReader",
    "TablesReader",
    "Texts",
    "Times",
    "Unit",
    "digest_of",
    "notes",
    "read",
]
