"""Early stopping: which epoch was the best on the validation part, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from mtbench.suite.setup import Setup


class Stopping:
    """Follows the validation metrics of one run.

    An epoch's score is that of `score`.

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
        value = score(self._metrics, found)
        if self.best == 0 or value > self._score:
            self.best, self._score, self._waited = epoch, value, 0
            return True
        self._waited += 1
        self.over = self._waited >= self._patience
        return False


def followed(setup: Setup, metrics: Iterable[str]) -> list[tuple[str, bool]]:
    """Those of some metrics, `task/metric`, that a setup trains for; whether higher is better."""
    higher = {
        f"{name}/{metric.name}": metric.higher_is_better
        for name in setup.trained
        for metric in setup.tasks[name].metrics()
    }
    return [(metric, higher[metric]) for metric in metrics if metric in higher]


def score(metrics: Sequence[tuple[str, bool]], found: Mapping[str, Mapping[str, float]]) -> float:
    """The mean of ± log m over metrics m, + where higher is better.

    A tenth better in one is worth a tenth better in another, whatever their scales; what is 0 or
    less is as bad as can be.

    Args:
        metrics: `task/metric` and whether higher is better.
        found: `{task: {metric: value}}`.
    """
    scores = []
    for path, higher_is_better in metrics:
        task, _, metric = path.partition("/")
        value = found[task].get(metric, 0.0)
        log = math.log(value) if value > 0 else -math.inf if higher_is_better else math.inf
        scores.append(log if higher_is_better else -log)
    return sum(scores) / len(scores)
