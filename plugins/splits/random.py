"""A random share of the interactions."""

from __future__ import annotations

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import parts


class Random(mtbench.Split):
    """Every interaction is as likely as any other to be in the test part."""

    name = "random"
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the interactions in the test part, at least one and not all of them."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of what is left that validates, at least one and not all of it; 0 for none."""

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Draw a permutation: first rows to train, then those to validate, last those to test."""
        least = 3 if self.validation_share else 2
        total = parts.require_rows(data, least, f"to split into {least} parts")
        tests = min(max(round(total * self.test_share), 1), total - (least - 1))
        order = np.random.default_rng(seed).permutation(total)
        rest, test = order[:-tests], order[-tests:]
        train = len(rest) - parts.validation_size(len(rest), self.validation_share)
        return mtbench.Parts(rest[:train], test, rest[train:])


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Random]
