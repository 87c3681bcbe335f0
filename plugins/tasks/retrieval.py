"""Find the candidate: in-batch softmax retrieval, the loss of `tfrs.tasks.Retrieval`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from pydantic import Field

import mtbench
from mtbench.evaluation import Seen, block_size, catalogue_ranks, top_k_accuracy, top_k_hits
from mtbench.softmax import in_batch_softmax

_KERAS = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_hinge": "CategoricalHinge",
}


class Retrieval(mtbench.Task):
    """Find an interaction's candidate among all, by the dot product of the embeddings."""

    name = "retrieval"
    likelihood = "classification"
    loss: Literal["categorical_crossentropy", "binary_crossentropy", "categorical_hinge"] = (
        "categorical_crossentropy"
    )
    """Loss of `tf.keras.losses` over an example's logits. All but the first need the whole
    batch × batch matrix."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the examples of a batch; `sum` is what TFRS does."""
    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Scores are divided by it."""
    sampling_correction: bool = False
    """Take the logarithm of a candidate's share of the training part off its scores, since the
    batch draws it that often as a negative (TFRS's `candidate_sampling_probability`, "logQ")."""
    remove_accidental_hits: bool = False
    """Leave out negatives that are the example's own candidate."""
    num_hard_negatives: int | None = Field(None, ge=1)
    """Keep only so many negatives, those with the highest scores; default: all."""
    top_k: tuple[Annotated[int, Field(ge=1)], ...] = (1, 5, 10, 50, 100)
    """Lengths of the recommended list to score."""

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """Top-k accuracy, seen candidates kept in the ranking or removed."""
        return tuple(
            mtbench.Metric(f"top_{k}_seen_{seen}", higher_is_better=True, headline=k == headline)
            for seen in ("kept", "removed")
            for headline in [max(self.top_k, default=0)]
            for k in self.top_k
        )

    def build(self, num_queries: int, num_candidates: int) -> RetrievalHead:
        """Make the head; its only variable is each candidate's share of the training part."""
        return RetrievalHead(self, num_candidates)

    def floors(
        self, train: mtbench.Interactions, test: mtbench.Interactions
    ) -> dict[str, dict[str, float]]:
        """Score a random order (its expectation) and the order by number of training rows."""
        counts = np.bincount(train.candidate, minlength=train.num_candidates).astype(np.float32)
        size = block_size(train.num_candidates)
        sizes = (min(size, len(test) - start) for start in range(0, len(test), size))
        blocks = (np.tile(counts, (rows, 1)) for rows in sizes)
        ranks = catalogue_ranks(blocks, train, test)
        return {
            "chance": self.chance(train, test),
            "popularity": top_k_accuracy(*ranks, self.top_k),
        }

    def chance(self, train: mtbench.Interactions, test: mtbench.Interactions) -> dict[str, float]:
        """Expected top-k accuracy of a random order: k over the number of candidates left."""
        whole = np.full(len(test), test.num_candidates)
        seen = Seen(train)
        left = whole - seen.counts(test.query) + seen.contains(test.query, test.candidate)
        return {
            f"top_{k}_seen_{name}": float(np.mean(np.minimum(k / size, 1.0)))
            for name, size in (("kept", whole), ("removed", left))
            for k in self.top_k
        }


class RetrievalHead:
    """In-batch softmax over dot products."""

    def __init__(self, options: Retrieval, num_candidates: int) -> None:
        self.options = options
        self.share = tf.Variable(
            tf.fill([num_candidates], 1.0 / num_candidates), trainable=False, name="share"
        )
        config: dict[str, Any] = {"from_logits": True, "reduction": "none"}
        if options.loss == "categorical_hinge":
            del config["from_logits"]
        self.task = tfrs.tasks.Retrieval(
            loss=tf.keras.losses.get({"class_name": _KERAS[options.loss], "config": config}),
            temperature=options.temperature,
            num_hard_negatives=options.num_hard_negatives,
            remove_accidental_hits=options.remove_accidental_hits,
        )

    def adapt(self, train: mtbench.Interactions) -> None:
        """Count how often the training part has each candidate."""
        counts = np.bincount(train.candidate, minlength=train.num_candidates)
        self.share.assign((counts / len(train)).astype(np.float32))

    def loss(self, batch: Any) -> Any:
        """Loss over the batch, scalar."""
        options = self.options
        grouped = batch.candidate.grouped or not options.remove_accidental_hits
        if options.loss == "categorical_crossentropy" and grouped:
            losses = self.grouped(batch)
        else:
            losses = self.tfrs(batch)
        return tf.reduce_sum(losses) if options.reduction == "sum" else tf.reduce_mean(losses)

    def grouped(self, batch: Any) -> Any:
        """Losses without a batch × batch matrix, float32 `[batch]`."""
        options = self.options
        share = tf.gather(self.share, batch.candidate.ids) if options.sampling_correction else None
        return in_batch_softmax(
            batch.query,
            batch.candidate,
            temperature=options.temperature,
            sampling_probability=share,
            remove_accidental_hits=options.remove_accidental_hits,
            num_hard_negatives=options.num_hard_negatives,
        )

    def tfrs(self, batch: Any) -> Any:
        """Losses as TFRS computes them, float32 `[batch]`."""
        ids = tf.gather(batch.candidate.ids, batch.candidate.rows)
        correction = self.options.sampling_correction
        return self.task(
            batch.query.expand(),
            batch.candidate.expand(),
            candidate_sampling_probability=tf.gather(self.share, ids) if correction else None,
            candidate_ids=ids,
            compute_metrics=False,
            compute_batch_metrics=False,
        )

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Top-k accuracy over the whole catalogue."""
        blocks = view.dot_scores(block_size(view.test.num_candidates))
        ranks = catalogue_ranks(blocks, view.train, view.test)
        for name, hits in top_k_hits(*ranks, self.options.top_k).items():
            view.by_query[name] = view.mean_by_query(hits)
        return top_k_accuracy(*ranks, self.options.top_k)


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Retrieval]
