"""How long runs take, by those that were measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping


class Times:
    """Seconds of runs that have ended, by scenario or baseline."""

    def __init__(self) -> None:
        self._spent: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._spent.values()))

    def add(self, arm: str, seconds: float) -> None:
        """Count a run."""
        self._spent.setdefault(arm, []).append(seconds)

    def left(self, counts: Mapping[str, int]) -> float | None:
        """Seconds that so many runs of each arm will take; None where none was measured.

        One of an arm that was not measured takes as long as the arms' mean.
        """
        if not self._spent:
            return None
        means = {arm: statistics.fmean(seconds) for arm, seconds in self._spent.items()}
        other = statistics.fmean(means.values())
        return sum(count * means.get(arm, other) for arm, count in counts.items())


def duration(seconds: float) -> str:
    """`42 s`, `12 min`, `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
