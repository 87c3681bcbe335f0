"""One of k random folds."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

import mtbench
from mtbench.data import parts


class KFold(mtbench.Split):
    """The interactions are dealt into folds of equal size, once, and one of the folds tests.

    The folds depend on the options alone: those of one dataset are disjoint and cover it. The run's
    seed s only chooses fold s mod `folds` + 1 to test, so that `seeds: 5` is a whole
    cross-validation by five folds. Where `fold` names one, the seed has no influence on the parts:
    it decides initial weights and the order of the examples, as it always does.
    """

    name = "k-fold"
    folds: int = Field(5, ge=2)
    """Number of folds."""
    fold: int | None = Field(None, ge=1)
    """The fold that tests, 1 to `folds`; null for another one with each seed."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of the other folds that validates, from the next one on: 1 / (`folds` − 1) is that
    fold; 0 for none."""
    seed: int = Field(0, ge=0)
    """Seed of the folds; a run's seed has no influence on them."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> KFold:
        if self.fold is not None and self.fold > self.folds:
            raise ValueError(f"expected fold at most folds = {self.folds}, found {self.fold}")
        return self

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Draw a permutation and take a piece of it, and what follows, round and round."""
        least = max(self.folds, 4 if self.validation_share else 2)
        total = parts.require_rows(data, least, f"for {self.folds} folds")
        order = np.random.default_rng(self.seed).permutation(total)
        fold = seed % self.folds if self.fold is None else self.fold - 1
        start, stop = (total * number // self.folds for number in (fold, fold + 1))
        rest = np.concatenate([order[stop:], order[:start]])
        validates = parts.validation_size(len(rest), self.validation_share)
        return mtbench.Parts(*map(np.sort, (rest[validates:], order[start:stop], rest[:validates])))


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [KFold]
