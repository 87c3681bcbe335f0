"""The last interaction of each user."""

from __future__ import annotations

from pydantic import Field

import mtbench
from mtbench.data import parts


class LeaveLastOut(mtbench.Split):
    """The last interaction of each user tests, the last but one may validate.

    Leave-one-out as in He et al. (WWW 2017), with validation as in Kang and McAuley (ICDM 2018).
    A user with too few interactions only trains. Of two at the same time the one that comes first
    in the data counts as the earlier. The run's seed has no influence on the parts.
    """

    name = "leave-last-out"
    validation: bool = False
    """Whether the last interaction but one of each user that is tested validates."""
    min_train: int = Field(1, ge=1)
    """Training interactions that a user must be left with to be tested."""

    def to_validate(self) -> str | None:
        """Ask for it."""
        return None if self.validation else "say validation: true"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Sort each user's rows by time and cut off the last."""
        order, counts = parts.by_query_and_time(self, data), parts.counts_by_query(data)
        tested = counts >= self.min_train + 1 + self.validation
        kept = counts - tested
        cut = parts.cut_each(data, order, kept - tested * self.validation, kept)
        most = counts.max(initial=0)
        fix = f"{self.min_train + 1 + self.validation} of one are needed, the most of one is {most}"
        return parts.require_parts(self, data, cut, {"test": fix})


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [LeaveLastOut]
