"""Early stopping: which epoch was the best on the validation part, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


class Stopping:
    """Follows the validation metrics of one run.

    An epoch's score is the mean of ± log m over the metrics m that are followed, + where higher is
    better: so a tenth better in one is worth a tenth better in another, whatever their scales.

    Args:
        metrics: `task/metric` and whether higher is better.
        patience: How many evaluations without a better score to wait for one.

    Attributes:
        best: Number of the best epoch so far, 0 before the first.
        over: Whether to stop.
    """

    def __init__(self, metrics: Sequence[tuple[str, bool]], patience: int) -> None:
        self._metrics, self._patience = metrics, patience
        self._score, self._waited = -math.inf, 0
        self.best = 0
        self.over = False

    def better(self, epoch: int, found: Mapping[str, Mapping[str, float]]) -> bool:
        """Note the metrics of an epoch, `{task: {metric: value}}`; return whether it is the best.

        The first evaluation is; one as good as another is not better.
        """
        score = self._mean(found)
        if self.best == 0 or score > self._score:
            self.best, self._score, self._waited = epoch, score, 0
            return True
        self._waited += 1
        self.over = self._waited >= self._patience
        return False

    def _mean(self, found: Mapping[str, Mapping[str, float]]) -> float:
        """The score of some metrics; what is 0 or less is as bad as can be."""
        scores = []
        for path, higher_is_better in self._metrics:
            task, _, metric = path.partition("/")
            value = found[task].get(metric, 0.0)
            log = math.log(value) if value > 0 else -math.inf if higher_is_better else math.inf
            scores.append(log if higher_is_better else -log)
        return sum(scores) / len(scores)
