"""A random share of each user's interactions."""

from __future__ import annotations

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import parts


class Stratified(mtbench.Split):
    """Of a user's n interactions a random round((1 − test_share) n) do not test, but one at least.

    So every user is in the training part. One of few interactions may be in no other: with a
    `test_share` of 0.2 a user with two.
    """

    name = "stratified"
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of each user's interactions in the test part, to the nearest whole number."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of the rest of each user's that validates, to the nearest whole number; 0 for none."""

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Shuffle all rows, bring those of a user together, and cut each user's."""
        order = np.random.default_rng(seed).permutation(len(data.interactions))
        order = parts.by_query(data, order)
        counts = parts.counts_by_query(data)
        train, kept = parts.shares(counts, self.test_share, self.validation_share)
        fixes = {"test": "raise test_share, or use split 'random'"}
        if self.validation_share:
            fixes["validation"] = "raise validation_share, or use split 'random'"
        return parts.require_parts(self, data, parts.cut_each(data, order, train, kept), fixes)


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Stratified]
