"""A random share of the users, or of the items, with all their interactions."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import parts


class Cold(mtbench.Split):
    """All interactions of a random share of the users, or of the items, test: a cold start.

    None of them has a training row. What is scored of them rests on features, and on what the
    towers know of an id that they have never seen (`unknown_share` of a tower).
    """

    name = "cold"
    side: Literal["query", "candidate"] = "candidate"
    """Whether it is users that are held out, or items."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of those that have an interaction, at least one and not all of them."""
    validation_share: float = Field(0.0, ge=0, lt=1)
    """Share of the others that validates, with all their interactions; 0 for none."""

    def to_validate(self) -> str | None:
        """Raise the share, where it is 0."""
        return None if self.validation_share else "give it a validation_share"

    def build(self, data: mtbench.Data, seed: int) -> mtbench.Parts:
        """Draw the ids."""
        whose = data.interactions.columns[self.side]
        present = np.unique(whose)
        least = 3 if self.validation_share else 2
        if len(present) < least:
            raise mtbench.DataError(
                f"{data.source}: expected {least} different {getattr(data, self.side).key} or more "
                f"to split into {least} parts, found {len(present)}"
            )
        tests = min(max(round(len(present) * self.test_share), 1), len(present) - (least - 1))
        rest, held = np.split(np.random.default_rng(seed).permutation(present), [-tests])
        train = len(rest) - parts.validation_size(len(rest), self.validation_share)
        part_of = np.zeros(int(present.max()) + 1, np.int8)
        part_of[rest[train:]], part_of[held] = 1, 2
        return mtbench.Parts(*(np.flatnonzero(part_of[whose] == part) for part in (0, 2, 1)))


@mtbench.hookimpl
def mtbench_splits() -> list[type[mtbench.Split]]:
    """Offer the split."""
    return [Cold]
