"""The parts that a column of the data names."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

import mtbench
from mtbench.data import parts


class Column(mtbench.Split):
    """Every interaction is in the part that its value of a column says.

    The dataset `table` reads names of parts (train, validation, test) where a column is called
    `part` under `columns`, and numbers, such as those of folds, under any other name. A row whose
    value is none of those listed is in no part. The run's seed has no influence on the parts.
    """

    name = "column"
    column: str = "part"
    """Name of the column, as `columns` of the dataset has it."""
    train: tuple[float, ...] = Field((0.0,), min_length=1)
    """Values of the rows that train; of a column with names of parts 0 is `train`."""
    validation: tuple[float, ...] = (1.0,)
    """Values of the rows that validate; of names 1 is `validation`."""
    test: tuple[float, ...] = Field((2.0,), min_length=1)
    """Values of the rows that test; of names 2 is `test`."""

    @model_validator(mode="after")
    def _disjoint(self) -> Column:
        values = [*self.train, *self.validation, *self.test]
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"expected each value in one part, found {value:g} in several")
        return self

    def to_validate(self) -> str | None:
        """List values."""
        return None if self.validation else "list values under validation"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Look the values up."""
        values = parts.column(self, data, self.column)
        found = mtbench.Parts(
            *(
                np.flatnonzero(np.isin(values, of))
                for of in (self.train, self.test, self.validation)
            )
        )
        there = ", ".join(f"{value:g}" for value in np.unique(values)[:5])
        fix = f"column {self.column!r} has the values {there}"
        return parts.require_parts(self, data, found, {"train": fix, "test": fix})


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Column]
