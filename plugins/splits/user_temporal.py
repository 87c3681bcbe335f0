"""The latest share of each user's interactions."""

from __future__ import annotations

from pydantic import Field

import mtbench
from mtbench.data import parts


class UserTemporal(mtbench.Split):
    """Of a user's n interactions all but the first round((1 − test_share) n) test.

    One at least trains. Of two at the same time the one that comes first in the data counts as the
    earlier. A user's future is not known in training, that of others is: see `temporal` (Meng et
    al., RecSys 2020, compare the two). The run's seed has no influence on the parts.
    """

    name = "user-temporal"
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of each user's interactions in the test part, to the nearest whole number."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of the rest of each user's, the latest of it, that validates; 0 for none."""

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Sort each user's rows by time and cut them."""
        order, counts = parts.by_query_and_time(self, data), parts.counts_by_query(data)
        train, kept = parts.shares(counts, self.test_share, self.validation_share)
        fixes = {"test": "raise test_share, or use split 'temporal'"}
        if self.validation_share:
            fixes["validation"] = "raise validation_share, or use split 'temporal'"
        return parts.require_parts(self, data, parts.cut_each(data, order, train, kept), fixes)


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [UserTemporal]
