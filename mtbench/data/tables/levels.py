"""Labels that a file has as texts: kinds of behaviour, grades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .columns import Reals
from .faults import Faults
from .values import MISSING, as_array, texts


class Levels(Reals):
    """Numbers for texts, NaN where one is missing.

    Args:
        name: Its name in the file.
        numbers: The number of each text.
        way_out: What to do where the file has no such column.
    """

    def __init__(self, name: str, numbers: Mapping[str, float], way_out: str = "") -> None:
        super().__init__(name, way_out=way_out)
        self._of_text = {**dict.fromkeys(MISSING, np.nan), **numbers}
        self.what = f"one of {', '.join(numbers)}"

    def add(self, values: Any, rows: np.ndarray, faults: Faults) -> None:
        """Take in values."""
        coded = texts(values).dictionary_encode()
        known = [self._of_text.get(text.strip()) for text in coded.dictionary.to_pylist()]
        codes = as_array(coded.indices)
        numbers = np.array([np.nan if number is None else number for number in known])
        bad = np.array([number is None for number in known], bool)
        self.take(numbers[codes], bad[codes], values, rows, faults)
