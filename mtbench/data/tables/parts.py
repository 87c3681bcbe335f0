"""A column that says which part a row is of."""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import Column
from .faults import Faults
from .values import as_array, texts

PARTS = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "valid", "val", "dev"), 1),
    **dict.fromkeys(("test", "testing"), 2),
}
"""What each part is called, in small letters, and its number."""


class PartNames(Column):
    """Names of parts, as int8: 0 trains, 1 validates, 2 tests; −1, of an empty one, is in none."""

    what = "train, validation or test"

    def __init__(self, name: str, way_out: str = "") -> None:
        super().__init__(name, way_out)
        self._counts = np.zeros(4, np.int64)

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values."""
        coded = texts(values).dictionary_encode()
        names = [text.strip().lower() for text in coded.dictionary.to_pylist()]
        numbers = np.array([PARTS.get(text, -1 if not text else -2) for text in names], np.int8)
        parts = numbers[as_array(coded.indices)]
        self._refuse(parts == -2, values, rows, faults)
        self._miss(parts == -1, rows)
        self._counts += np.bincount(parts[parts > -2] + 1, minlength=4)
        self._parts.append(parts)

    def note(self) -> str:
        """Say how many rows are of each."""
        _, train, validation, test = self._counts.tolist()
        return f"{train} rows to train, {validation} to validate, {test} to test"
