"""The kind `task`, and the head it builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from mtbench.metrics.metric import Metric

if TYPE_CHECKING:
    import numpy as np

    from mtbench.data.interactions import Interactions

    from .batch import Batch
    from .view import ScoredPart, TestView
from .baseline import Given
from .component import Component, Tensor
from .reads import Read


class Head(Protocol):
    """What a task builds. The layers and variables it needs are its attributes."""

    def adapt(self, train: Interactions) -> None:
        """Set what depends on the training part (counts, means): assign to `tf.Variable`s.

        Called once for each run before it trains. Nothing else may carry over from the data into
        the graph, since further seeds of a scenario reuse it.
        """

    def loss(self, batch: Batch) -> Tensor:
        """Scalar loss of a batch, on the scale the task's options state.

        Rows that say nothing of the task, such as those without a label (NaN), do not count; where
        all rows are so it is 0 with a gradient of 0. An object may have `counted(batch)`, of how
        many examples the loss is, an integer scalar, or None for all rows. Default: of the rows
        that have all columns of `Task.learns_from`. The loss of an epoch is the mean of those of
        its batches by that number, and a batch where it is 0 is none of the task's.
        """

    def evaluate(self, view: TestView) -> dict[str, float]:
        """Metrics of the task on the test part, exactly the names of `Task.metrics`.

        Values for each query can be put into `view.by_query`. What it scores by may be methods of
        its own, which a saved model offers then: `predict(batch)` gives a number for each example,
        float32 `[batch]`; `scores(view)` a function from queries to scores of all candidates.

        A head whose task `hands` on something has a method `hand_on(batch)`, which gives that by
        name, a row for each example.
        """


class Task(Component):
    """Something the model must do, and is scored on."""

    kind: ClassVar[str] = "task"
    likelihood: ClassVar[Literal["regression", "classification"]]
    """Form of the loss, for strategies derived from a likelihood: squared error of a Gaussian, or
    the cross-entropy of a softmax."""
    scored_by: ClassVar[tuple[str, ...] | None] = None
    """Names of the options that decide what is scored, and how; results do not compare where they
    differ. None, the default, for all of them: then a trial with another loss asks another
    question."""

    hands: ClassVar[tuple[str, ...]] = ()
    """What of it the head of another task can read: names that its head's `hand_on` gives. Those in
    use are `prediction`, a number in the label's unit, `logit`, of a probability, `score`, by which
    candidates are ordered, float32 `[batch]` each; and `representation`, what these were made of,
    float32 `[batch, dim]`."""

    wants: ClassVar[Given | None] = None
    """What a baseline has to give to be scored as the head is; None where none can be."""

    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics `Head.evaluate` gives, in the order of a report."""
        raise NotImplementedError

    def scored_options(self) -> dict[str, Any]:
        """Return the options of `scored_by` with their values, as JSON types."""
        options = self.options()
        names = options if self.scored_by is None else self.scored_by
        return {name: options[name] for name in names}

    def needs(self) -> tuple[str, ...]:
        """Return the columns of the interactions that the task reads, such as its label."""
        return ()

    def learns_from(self) -> tuple[str, ...]:
        """Return the columns that the loss reads, so that a row that lacks one says nothing.

        Where a scenario gives the task a share of its labels, it is one of the rows that have all
        of these, or of all rows where there are none. Default: `needs`.
        """
        return self.needs()

    def reads(self) -> tuple[Read, ...]:
        """Return what its head is handed of other tasks, as `Batch.reads`.

        No task may read itself, not by way of others either. A suite names tasks, so that which
        they are is best an option.
        """
        return ()

    def check(self, rows: Interactions) -> None:
        """Refuse data on which the task is nonsense, before anything trains.

        Args:
            rows: All interactions of the data, which have the columns that the task `needs`.

        Raises:
            DataError: No label reaches a threshold, or the like.
        """

    def build(self, num_queries: int, num_candidates: int) -> Head:
        """Make the head.

        Args:
            num_queries: Number of queries (users) of the dataset.
            num_candidates: Number of candidates (movies) in the catalogue.
        """
        raise NotImplementedError

    def examples(self, train: Interactions) -> tuple[Interactions, np.ndarray | None]:
        """Return what a baseline is fitted on, where the task wants something of one.

        Args:
            train: The training part.

        Returns:
            The rows that the task learns from; and the number that is to be predicted of each,
            float64 `[rows]`, or None where the task wants scores.

        Raises:
            DataError: There is none.
        """
        raise NotImplementedError

    def score(self, given: Any, part: ScoredPart) -> dict[str, float]:
        """Metrics of what a baseline gives, of the names of `metrics`, as a head's `evaluate`.

        Args:
            given: As the task `wants`: scores, a function from queries, int `[n]`, to float
                `[n, num_candidates]`; or predictions, float `[len(part.test)]`.
            part: What is scored; values by query can be put into its `by_query`.
        """
        raise NotImplementedError

    def floors(
        self, train: Interactions, test: Interactions, known: Interactions
    ) -> dict[str, dict[str, float]]:
        """Score trivial predictors: `{floor: {metric: value}}`, NumPy only.

        They depend on options that decide what is scored alone: scenarios share them.

        Args:
            train: The training part, all that they may learn from.
            test: The part to score.
            known: What a query has seen: the training part, and the validation part where the test
                part is scored.
        """
        raise NotImplementedError
