"""A user's own tables: CSV, TSV and Parquet, read into columns."""

from .columns import Column, Reals, Texts, Times, Unit
from .features import FeatureFile
from .file import TableFile, TableReader
from .guess import guess
from .ids import ids
from .levels import Levels
from .lists import Lists, Vectors
from .made import ROW
from .parts import PartNames
from .reading import Told, notes, read
from .several import TableFiles, TablesReader, digest_of

__all__ = [
    "ROW",
    "Column",
    "FeatureFile",
    "Levels",
    "Lists",
    "PartNames",
    "Reals",
    "TableFile",
    "TableFiles",
    "TableReader",
    "TablesReader",
    "Texts",
    "Times",
    "Told",
    "Unit",
    "Vectors",
    "digest_of",
    "guess",
    "ids",
    "notes",
    "read",
]
