"""A random share of the interactions."""

from __future__ import annotations

import numpy as np
from pydantic import Field

import mtbench


class Random(mtbench.Split):
    """Every interaction is as likely as any other to be in the test part."""

    name = "random"
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the interactions in the test part, at least one and not all of them."""

    def build(self, data: mtbench.Data, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw a permutation; the first rows train, the last ones test."""
        total = len(data.interactions)
        if total < 2:
            raise mtbench.DataError(f"{data.source}: expected two interactions to split, found one")
        tests = min(max(round(total * self.test_share), 1), total - 1)
        order = np.random.default_rng(seed).permutation(total)
        return order[:-tests], order[-tests:]


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Random]
