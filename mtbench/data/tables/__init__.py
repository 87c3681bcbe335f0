"""A user's own tables: CSV, TSV and Parquet, read into columns."""

from .columns import Column, Reals, Texts, Times, Unit
from .features import FeatureFile
from .file import TableFile, TableReader
from .guess import guess
from .lists import Lists, Vectors
from .reading import Told, notes, read

__all__ = [
    "Column",
    "FeatureFile",
    "Lists",
    "Reals",
    "TableFile",
    "TableReader",
    "Texts",
    "Times",
    "Told",
    "Unit",
    "Vectors",
    "guess",
    "notes",
    "read",
]
