"""A user's own tables: CSV, TSV and Parquet, read into columns."""

from .columns import Column, Reals, Texts, Times, Unit
from .features import FeatureFile
from .file import TableFile, TableReader
from .guess import guess
from .lists import Lists, Vectors
from .parts import PartNames
from .reading import Told, notes, read
from .several import TablesReader, digest_of

__all__ = [
    "Column",
    "FeatureFile",
    "Lists",
    "PartNames",
    "Reals",
    "TableFile",
    "TableReader",
    "TablesReader",
    "Texts",
    "Times",
    "Told",
    "Unit",
    "Vectors",
    "digest_of",
    "guess",
    "notes",
    "read",
]
