"""Interactions as arrays: types, encoding, parts, history, users' own tables, the cache."""

from . import parts
from .dataset import Data, Side
from .encoding import Coded, Feature, Form, Ids, Known, Numbers, Raw, as_text
from .filters import Range
from .history import in_time, lengths, positions
from .interactions import Interactions, joined
from .labels import at_least, have_all, is_known, labelled, require_weights
from .matrix import interaction_matrix
from .names import RESERVED, ColumnName

__all__ = [
    "RESERVED",
    "Coded",
    "ColumnName",
    "Data",
    "Feature",
    "Form",
    "Ids",
    "Interactions",
    "Known",
    "Numbers",
    "Range",
    "Raw",
    "Side",
    "as_text",
    "at_least",
    "have_all",
    "in_time",
    "interaction_matrix",
    "is_known",
    "joined",
    "labelled",
    "lengths",
    "parts",
    "positions",
    "require_weights",
]
