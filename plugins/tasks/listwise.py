"""Order a query's rated candidates: a loss of each list, as in ListNet."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.data import is_known, labelled, require_weights
from mtbench.kit import PairScore, labels_of, reduced, segment_log_softmax
from mtbench.metrics import defined

BLOCK = 65536
"""Examples scored at once in evaluation."""
MOST = 30
"""Greatest label."""
SHRINKAGE = 10
"""Rows at the overall mean that the floor of item means adds to each item."""


class Listwise(mtbench.Task):
    """Put what a query has rated into the order of its labels.

    A list is made of a query's labelled rows in a batch, so that a large batch makes for long ones.
    Lists of one row have nothing to order and do not count.
    """

    name = "listwise"
    likelihood = "classification"
    hands = ("score", "representation")
    wants = "predictions"
    label: str = "user_rating"
    """Column to order by."""
    loss: Literal["listnet", "softmax"] = "listnet"
    """Cross-entropy −Σ_j P_y(j) ln P_s(j) over a list, P_s = softmax of the scores; `listnet`:
    P_y = softmax of the labels y, the probabilities to be on top (Cao et al., ICML 2007);
    `softmax`: P_y in proportion to the gains 2^y − 1 of nDCG (Bruch et al., ICTIR 2019)."""
    interaction: Literal["mlp", "dot"] = "mlp"
    """How the embeddings become a score: a network over both, or their dot product."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Units of the network's hidden layers, ReLU each; one linear unit follows."""
    candidate_bias: bool = False
    """Add a trained bias of the candidate to the score."""
    l2: float = Field(0.0, ge=0, allow_inf_nan=False)
    """λ of the penalty λ (‖p_u‖² + ‖q_i‖² + b_i²) of each labelled row, p and q the embeddings;
    reduced over the rows."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the lists of a batch."""
    weight: str | None = None
    """Column with the weight of each row in the loss: one of weight 2 counts as two rows of its
    list, one of 0 as none; default: each counts alike. Metrics and baselines do not weigh."""
    top_k: tuple[Annotated[int, Field(ge=1)], ...] = Field((5, 10), min_length=1)
    """Lengths k of nDCG@k."""

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """nDCG@k, missing where no query has test rows of two labels."""
        headline = max(self.top_k)
        return tuple(
            mtbench.Metric(f"ndcg_{k}", True, headline=k == headline, optional=True)
            for k in dict.fromkeys(self.top_k)
        )

    def needs(self) -> tuple[str, ...]:
        """The label, and weights."""
        return (self.label, *([self.weight] if self.weight else []))

    def learns_from(self) -> tuple[str, ...]:
        """The label."""
        return (self.label,)

    def examples(self, train: mtbench.Interactions) -> tuple[mtbench.Interactions, np.ndarray]:
        """The rows with a label."""
        rows = labelled(train, self.label)
        return rows, rows.columns[self.label].astype(np.float64)

    def score(self, given: np.ndarray, part: mtbench.ScoredPart) -> dict[str, float]:
        """Mean nDCG over the rated test rows of each query, ordered by predictions."""
        predictions = given[is_known(part.test.columns[self.label])]
        by_query = self.scored(labelled(part.test, self.label), predictions)
        metrics = means(by_query)
        part.by_query.update({name: by_query[name] for name in metrics})
        return metrics

    def build(self, num_queries: int, num_candidates: int) -> ListwiseHead:
        """Make the head."""
        return ListwiseHead(self, num_candidates)

    def floors(
        self, train: mtbench.Interactions, test: mtbench.Interactions, known: mtbench.Interactions
    ) -> dict[str, dict[str, float]]:
        """Order at random (its expectation), by number of training rows and by item means."""
        train, test = labelled(train, self.label), labelled(test, self.label)
        counts = np.bincount(train.candidate, minlength=train.num_candidates)
        labels = train.columns[self.label].astype(np.float64)
        sums = np.bincount(train.candidate, labels - labels.mean(), train.num_candidates)
        orders = {
            "chance": np.zeros(train.num_candidates),
            "popularity": counts,
            "item mean": sums / (SHRINKAGE + counts),
        }
        return {
            name: means(self.scored(test, order[test.candidate])) for name, order in orders.items()
        }

    def scored(self, test: mtbench.Interactions, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Each metric by query, for rows that have a label."""
        labels = test.columns[self.label]
        return {
            f"ndcg_{k}": ndcg_by_query(labels, scores, test.query, test.num_queries, k)
            for k in dict.fromkeys(self.top_k)
        }


class ListwiseHead:
    """A score of the embeddings of query and candidate."""

    def __init__(self, options: Listwise, num_candidates: int) -> None:
        self.options = options
        units = options.units if options.interaction == "mlp" else None
        biases = num_candidates if options.candidate_bias else None
        self.score = PairScore(units, None, biases)
        self.state = self.score.state

    def adapt(self, train: mtbench.Interactions) -> None:
        """Check the labels; nothing of the head depends on the training part.

        Raises:
            DataError: They are no grades.
        """
        require_weights(train, self.options.weight)
        name = self.options.label
        labels = labelled(train, name).columns[name]
        wrong = labels[(labels < 0) | (labels > MOST)]
        if len(wrong):
            raise mtbench.DataError(
                f"column {name!r}: expected labels from 0 to {MOST}, found {wrong[0]:g}: their "
                "gains are 2^label − 1"
            )

    def counted(self, batch: Any) -> Any:
        """Number of lists that have something to order, an integer scalar."""
        labels, weights, lists, number = self.lists(batch)
        target = weights * self.target(labels, weights, lists, number)
        return tf.math.count_nonzero(self.counts(weights, target, lists, number))

    def loss(self, batch: Any) -> Any:
        """Loss over the batch's lists, scalar."""
        options = self.options
        labels, weights, lists, number = self.lists(batch)
        scores = self.score(batch.query, batch.candidate)
        target = weights * self.target(labels, weights, lists, number)
        log_probability = segment_log_softmax(scores, weights, lists, number)
        losses = -tf.math.unsorted_segment_sum(target * log_probability, lists, number)
        counted = tf.cast(self.counts(weights, target, lists, number), tf.float32)
        loss = reduced(losses, counted, options.reduction)
        if options.l2:
            norms = self.score.squared_norms(batch.query, batch.candidate)
            loss += options.l2 * reduced(norms, weights, options.reduction)
        return loss

    def hand_on(self, batch: Any) -> dict[str, Any]:
        """The score of each pair, float32 `[batch]`, and what it was made of, `[batch, dim]`."""
        score, hidden = self.score.with_hidden(batch.query, batch.candidate)
        return {"score": score, "representation": hidden}

    def lists(self, batch: Any) -> tuple[Any, Any, Any, Any]:
        """Label and weight of each row, the list it is of, `[batch]` each; the number of lists."""
        labels, weights = labels_of(batch, self.options.label, self.options.weight)
        queries, lists = tf.unique(batch.columns["query"])  # a tower may embed them ungrouped
        return labels, weights, lists, tf.size(queries)

    def counts(self, weights: Any, target: Any, lists: Any, number: Any) -> Any:
        """Whether each list has something to order, bool `[number]`."""
        mass = tf.math.unsorted_segment_sum(target, lists, number)
        rows = tf.math.unsorted_segment_sum(tf.cast(weights > 0, tf.int32), lists, number)
        return (rows > 1) & (mass > 0)

    def target(self, labels: Any, weights: Any, lists: Any, number: Any) -> Any:
        """P_y of each row of weight 1, float32 `[batch]`; all 0 in a list without gains."""
        if self.options.loss == "listnet":
            return tf.exp(segment_log_softmax(labels, weights, lists, number))
        gains = 2.0**labels - 1.0
        sums = tf.math.unsorted_segment_sum(weights * gains, lists, number)
        return tf.math.divide_no_nan(gains, tf.gather(sums, lists))

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Mean nDCG over the rated test rows of each query."""
        parts = [
            self.score(batch.query, batch.candidate).numpy() for _, batch in view.batches(BLOCK)
        ]
        return self.options.score(np.concatenate(parts), view)


def means(by_query: dict[str, np.ndarray]) -> dict[str, float]:
    """Means over the queries that define a metric; without one it is left out."""
    there = {name: values[~np.isnan(values)] for name, values in by_query.items()}
    return defined({name: np.mean(v) if len(v) else np.nan for name, v in there.items()})


def ndcg_by_query(
    labels: np.ndarray, scores: np.ndarray, query: np.ndarray, num_queries: int, k: int
) -> np.ndarray:
    """nDCG@k of each query's own rows, ordered by score, with gains 2^label − 1.

    DCG@k = Σ_{r ≤ k} (2^{y_r} − 1) / log2(1 + r) (Burges et al., ICML 2005), over that of the order
    by label. Rows of one score share their places: a gain counts with the mean of their discounts,
    the expectation over their orders (McSherry and Najork, ECIR 2008).

    Args:
        labels: float `[n]`, none missing, none negative.
        scores: float `[n]`, a high one for a high label.
        query: int `[n]`, whose each row is.
        num_queries: Number of queries.
        k: Length of the list.

    Returns:
        float64 `[num_queries]`; NaN for a query whose rows are all of one label, or that has none:
        every order of them is as good as any other.

    Raises:
        FloatingPointError: A score is NaN.
    """
    if np.isnan(scores).any():
        raise FloatingPointError("a score is nan")
    gains = 2.0 ** labels.astype(np.float64) - 1.0
    gain = np.bincount(query, gains * _discounts(scores, query, num_queries, k), num_queries)
    # of equal labels the mean of the discounts gives the same as any order
    best = np.bincount(query, gains * _discounts(gains, query, num_queries, k), num_queries)
    lowest, highest = np.full(num_queries, np.inf), np.full(num_queries, -np.inf)
    np.minimum.at(lowest, query, gains)
    np.maximum.at(highest, query, gains)
    differ = lowest < highest
    return np.where(differ, gain / np.where(differ, best, 1.0), np.nan)


def _discounts(scores: np.ndarray, query: np.ndarray, num_queries: int, k: int) -> np.ndarray:
    """Mean of 1 / log2(1 + r), 0 for r > k, over the places r that each row's score shares."""
    order = np.lexsort((-scores, query))
    rows = np.bincount(query, minlength=num_queries)
    starts = np.cumsum(rows) - rows
    place = np.arange(len(query)) - starts[query[order]] + 1
    discount = np.where(place <= k, 1.0 / np.log2(1.0 + place), 0.0)
    starts_group = (np.diff(query[order], prepend=-1) != 0) | (
        np.diff(scores[order], prepend=scores[order][:1]) != 0
    )
    group = np.cumsum(starts_group) - 1
    mean = np.bincount(group, discount) / np.bincount(group)
    shared = np.empty(len(query))
    shared[order] = mean[group]
    return shared


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Listwise]
