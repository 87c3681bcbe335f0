"""The kind `baseline`: a strong simple model, scored as the trained ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from mtbench.data.dataset import Side
    from mtbench.data.interactions import Interactions

from .component import Component

Given = Literal["scores", "predictions"]
"""What a baseline gives and a task is scored on: scores of all candidates, or numbers of pairs."""


class Ranker(Protocol):
    """A fitted baseline that gives scores."""

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Scores of all candidates for some queries, float `[queries, num_candidates]`."""


class Predictor(Protocol):
    """A fitted baseline that gives predictions."""

    def predictions(self, query: np.ndarray, candidate: np.ndarray) -> np.ndarray:
        """A number for each pair of a query and the candidate beside it, float `[n]`."""


Fitted = Ranker | Predictor
"""A fitted baseline: it has a method for each thing that its class `gives`."""


class Baseline(Component):
    """A model of its own, in NumPy, SciPy or a library, that no task shares with another.

    It is fitted for each task it can serve, on the rows of the training part that the task learns
    from, while the test part is sealed; what it gives is scored by the task's own metrics.
    """

    kind: ClassVar[str] = "baseline"
    gives: ClassVar[tuple[Given, ...]]
    """What a fitted one gives; it serves the tasks that want it."""

    def require(self) -> None:
        """Find out whether `fit` can work, before anything expensive starts.

        Raises:
            MtbenchError: A package is missing; the message says how to get it.
        """

    def fit(self, rows: Interactions, labels: np.ndarray | None, seed: int) -> Fitted:
        """Fit.

        Args:
            rows: The training rows that the task learns from, such as its positives; a query or
                candidate may have none.
            labels: What is to be predicted of each of them, float64 `[len(rows)]`; None where the
                task wants scores, and each row counts alike.
            seed: Of all that is random in it.

        Returns:
            What has the methods that `gives` names.
        """
        raise NotImplementedError

    def fit_named(
        self,
        rows: Interactions,
        labels: np.ndarray | None,
        seed: int,
        sides: tuple[Side, Side],
    ) -> Fitted:
        """Fit where ids matter, as those of a file do. Default: `fit`.

        Args:
            rows: As for `fit`.
            labels: As for `fit`.
            seed: As for `fit`.
            sides: Of the queries and of the candidates; their `ids` are text, in the order of the
                integers that stand for them.
        """
        return self.fit(rows, labels, seed)
