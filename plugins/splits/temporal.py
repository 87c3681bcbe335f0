"""The latest share of all interactions."""

from __future__ import annotations

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import parts


class Temporal(mtbench.Split):
    """All that happened from some moment on tests, whoever did it.

    No training interaction is later than any that validates, nor these than any that tests, as
    Ji et al. (TOIS 2023) ask for. The moment is the one that comes nearest to `test_share`:
    interactions at the same time stay together. Users and items of the test part may be new. The
    run's seed has no influence on the parts.
    """

    name = "temporal"
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the interactions in the test part, the latest."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of what comes before, the latest of it, that validates; 0 for none."""

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Cut where the time changes."""
        times = parts.column(self, data, "timestamp")
        ordered = np.sort(times)
        changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        count = 3 if self.validation_share else 2
        if len(changes) < count - 1:
            different = len(changes) + min(len(times), 1)
            raise mtbench.DataError(
                f"{data.source}: expected {count} different timestamps or more to split into "
                f"{count} parts by time, found {different}: use split 'random' or 'stratified'"
            )
        kept = nearest(changes[count - 2 :], len(times) * (1 - self.test_share))
        train = kept
        if self.validation_share:
            train = nearest(changes[changes < kept], kept * (1 - self.validation_share))
        tests, trains = times >= ordered[kept], times < ordered[train]
        return mtbench.Parts(*map(np.flatnonzero, (trains, tests, ~(trains | tests))))


def nearest(changes: np.ndarray, wanted: float) -> int:
    """Return the number that comes nearest to the one that is wanted, of two the smaller."""
    # 5 (1 - 0.7) is off by some 1e-16, which must not decide between two
    return int(changes[np.argmin(np.abs(changes - round(wanted, 6)))])


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Temporal]
