"""Find the candidate: the softmax over a batch or the catalogue, or BPR."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from pydantic import Field, model_validator

import mtbench
from mtbench.data import at_least, require_weights
from mtbench.kit import (
    DotScore,
    Sampler,
    full_softmax,
    in_batch_softmax,
    kept,
    labels_of,
    reduced,
    repeated,
    weights_of,
)
from mtbench.metrics import MEASURES_HELP, Lists, Measure, Score, SeenRule, Slice

_KERAS = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_hinge": "CategoricalHinge",
}
_IN_BATCH = ("sampling_correction", "remove_accidental_hits", "num_hard_negatives")
_BPR = ("negatives", "popularity_exponent", "num_negatives", "exclude_seen")


class Retrieval(mtbench.Task):
    """Find an interaction's candidate among all, by the dot product of the embeddings."""

    name = "retrieval"
    scored_by = (
        *("label", "positive_threshold", "relevance_threshold"),
        *("top_k", "measures", "seen", "slices"),
    )
    likelihood = "classification"
    hands = ("score", "representation")
    wants = "scores"
    loss: Literal[
        "categorical_crossentropy",
        "binary_crossentropy",
        "categorical_hinge",
        "full_softmax",
        "bpr",
    ] = "categorical_crossentropy"
    """Loss of `tf.keras.losses` over an example's logits for the candidates of the batch, as in
    `tfrs.tasks.Retrieval` (all but the first need the whole batch × batch matrix); `full_softmax`:
    cross-entropy over the whole catalogue; `bpr`: −ln σ(s_ui − s_uj) for sampled negatives j
    (BPR-Opt, Rendle et al., UAI 2009)."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the examples of a batch, or the pairs of `bpr`; `sum` is what TFRS does."""
    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Scores are divided by it."""
    sampling_correction: bool = False
    """Take the logarithm of a candidate's share of the training part off its scores, since the
    batch draws it that often as a negative (TFRS's `candidate_sampling_probability`, "logQ")."""
    remove_accidental_hits: bool = False
    """Leave out negatives that are the example's own candidate."""
    num_hard_negatives: int | None = Field(None, ge=1)
    """Keep only so many negatives, those with the highest scores; default: all."""
    negatives: Literal["uniform", "popularity", "batch"] = "uniform"
    """Where the negatives of `bpr` come from: the catalogue, each candidate alike or by its
    popularity; or the examples of the batch, which need no embeddings of their own."""
    popularity_exponent: float = Field(1.0, ge=0, allow_inf_nan=False)
    """With `negatives: popularity` a candidate with n training rows is drawn in proportion to n to
    the power of it."""
    num_negatives: int = Field(1, ge=1)
    """Negatives of `bpr` for each example."""
    exclude_seen: bool = True
    """Do not let `bpr` draw what the query has in the training part, whatever its label."""
    candidate_bias: bool = False
    """Add a trained bias of the candidate to every score, in evaluation too."""
    normalize: bool = False
    """Score by the cosine, before the bias; mind the temperature."""
    l2: float = Field(0.0, ge=0, allow_inf_nan=False)
    """λ of the penalty λ (‖p_u‖² + ‖q_i‖² + b_i²) that each example adds to its loss, p and q the
    embeddings; with `bpr` each pair, ‖q_j‖² + b_j² of the negative included."""
    weight: str | None = None
    """Column with the weight of each row in the loss, and of its pairs with `bpr`; one of 0 is as
    if it were not there; default: each counts alike. Metrics and baselines do not weigh."""
    label: str = "user_rating"
    """Column that `positive_threshold` and `relevance_threshold` are about."""
    positive_threshold: float | None = Field(None, allow_inf_nan=False)
    """Train and score only on rows whose label is at least this; the others are as if they were
    not there, but for what a query has seen. Default: all rows."""
    top_k: tuple[Annotated[int, Field(ge=1)], ...] = (1, 5, 10, 50, 100)
    """Lengths of the recommended list to score."""
    measures: tuple[Measure, ...] = Field(("top_k",), min_length=1, description=MEASURES_HELP)
    seen: tuple[SeenRule, ...] = Field(("kept", "removed"), min_length=1)
    """Whether candidates that a query has had already stay in its ranking; both for both."""
    slices: tuple[Slice, ...] = ()
    """Report all but the metrics of the lists for these test rows apart, too: those of popular
    candidates (that make 80 % of the training part) or of others, those of queries or candidates
    without a training row."""
    relevance_threshold: float | None = Field(None, allow_inf_nan=False)
    """Score only test rows whose label is at least this; default: `positive_threshold`."""

    @property
    def lists(self) -> Lists:
        """What is reported of the ranked catalogue."""
        return Lists(self.measures, self.top_k, self.seen, self.slices)

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """The measures at each length, seen candidates kept in the ranking or removed."""
        return self.lists.metrics()

    @model_validator(mode="after")
    def _of_the_loss(self) -> Retrieval:
        in_batch = self.loss in _KERAS
        foreign = (*(() if in_batch else _IN_BATCH), *(() if self.loss == "bpr" else _BPR))
        for option in foreign:
            if getattr(self, option) != type(self).model_fields[option].default:
                losses = "an in-batch loss" if option in _IN_BATCH else "loss bpr"
                raise ValueError(f"expected {option} with {losses}, found it with {self.loss}")
        if self.popularity_exponent != 1.0 and self.negatives != "popularity":
            raise ValueError(
                "expected popularity_exponent with negatives popularity, found it with "
                f"{self.negatives}"
            )
        return self

    def needs(self) -> tuple[str, ...]:
        """The label, where it says what is a positive, and weights."""
        thresholds = (self.positive_threshold, self.relevance_threshold)
        label = () if thresholds == (None, None) else (self.label,)
        return (*label, *([self.weight] if self.weight else []))

    def learns_from(self) -> tuple[str, ...]:
        """The label, where it says which rows are trained on."""
        return () if self.positive_threshold is None else (self.label,)

    def check(self, rows: mtbench.Interactions) -> None:
        """Refuse thresholds that no label reaches, and lists that are never shorter than all."""
        at_least(rows, self.label, self.positive_threshold, "positive_threshold")
        at_least(rows, self.label, self.relevance_threshold, "relevance_threshold")
        shortest = min(self.top_k, default=0)
        if shortest >= rows.num_candidates:
            raise mtbench.DataError(
                f"expected a top_k below the number of candidates, {rows.num_candidates}, found "
                f"{shortest}: lists of all candidates are right for every model"
            )

    def positives(self, part: mtbench.Interactions) -> mtbench.Interactions:
        """The rows that count.

        Raises:
            DataError: None does.
        """
        return at_least(part, self.label, self.positive_threshold, "positive_threshold")

    def relevant(self, test: mtbench.Interactions) -> mtbench.Interactions:
        """The test rows whose candidates are to be found.

        Raises:
            DataError: There is none.
        """
        if self.relevance_threshold is None:
            return self.positives(test)
        return at_least(test, self.label, self.relevance_threshold, "relevance_threshold")

    def build(self, num_queries: int, num_candidates: int) -> RetrievalHead:
        """Make the head."""
        return RetrievalHead(self, num_candidates)

    def examples(self, train: mtbench.Interactions) -> tuple[mtbench.Interactions, None]:
        """The positives."""
        return self.positives(train), None

    def score(self, given: Score, part: mtbench.ScoredPart) -> dict[str, float]:
        """Metrics of the catalogue, ranked by scores."""
        train, test = self.positives(part.train), self.relevant(part.test)
        scored = self.lists.score(given, train, part.known, test)
        part.by_query.update(scored.by_query)
        return scored.metrics

    def floors(
        self,
        train: mtbench.Interactions,
        test: mtbench.Interactions,
        known: mtbench.Interactions,
    ) -> dict[str, dict[str, float]]:
        """Score a random order (its expectation) and the order by number of training rows."""
        parts = self.positives(train), known, self.relevant(test)
        return {
            "chance": self.lists.chance(*parts),
            "popularity": self.lists.popularity(*parts),
        }


class RetrievalHead:
    """Losses over dot products, or cosines, with a bias of the candidate where asked for."""

    def __init__(self, options: Retrieval, num_candidates: int) -> None:
        self.options = options
        self.share = tf.Variable(
            tf.fill([num_candidates], 1.0 / num_candidates), trainable=False, name="share"
        )
        biases = num_candidates if options.candidate_bias else None
        self.score = DotScore(options.normalize, biases)
        self.state = self.score.state
        if options.loss == "bpr":
            exponent = options.popularity_exponent if options.negatives == "popularity" else 0.0
            self.sampler = Sampler(num_candidates, exponent, options.exclude_seen)
            self.state += self.sampler.state
        elif options.loss != "full_softmax":
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
        """Count how often the training part has each candidate, and what each query has."""
        require_weights(train, self.options.weight)
        counts = np.bincount(
            self.options.positives(train).candidate, minlength=train.num_candidates
        )
        self.share.assign((counts / counts.sum()).astype(np.float32))
        if self.options.loss == "bpr":
            self.sampler.adapt(train)

    def positives(self, batch: Any) -> Any:
        """Which rows are trained on, bool `[batch]`; None for all."""
        options = self.options
        if options.positive_threshold is None:
            return None if options.weight is None else weights_of(batch, options.weight) > 0
        labels, weights = labels_of(batch, options.label, options.weight)
        return (weights > 0) & (labels >= options.positive_threshold)

    def counted(self, batch: Any) -> Any:
        """Number of rows that the loss is of, an integer scalar; None for all."""
        positives = self.positives(batch)
        return None if positives is None else tf.math.count_nonzero(positives)

    def loss(self, batch: Any) -> Any:
        """Loss over the batch, scalar."""
        options, positives = self.options, self.positives(batch)
        weights = weights_of(batch, options.weight)
        if positives is not None:
            batch, stays = kept(batch, positives)
            weights = stays * weights_of(batch, options.weight)
        if options.loss == "bpr":
            losses, sides, weights = self.bpr(batch, weights)
        else:
            losses, sides = self.softmax(batch), (batch.query, batch.candidate)
        if options.l2:
            losses += options.l2 * self.score.squared_norms(*sides)
        return reduced(losses, weights, options.reduction)

    def hand_on(self, batch: Any) -> dict[str, Any]:
        """The score of each pair, float32 `[batch]`, and the products it sums, `[batch, dim]`."""
        query, candidate = self.score.query(batch.query), self.score.candidate(batch.candidate)
        products = query.expand() * candidate.expand()
        return {"score": tf.reduce_sum(products, axis=1), "representation": products}

    def softmax(self, batch: Any) -> Any:
        """Losses of all but `bpr`, float32 `[batch]`."""
        options, query = self.options, self.score.query(batch.query)
        if options.loss == "full_softmax":
            targets = tf.gather(batch.candidate.ids, batch.candidate.rows)
            catalogue = self.score.candidates(batch.catalogue())
            return full_softmax(query, targets, catalogue, temperature=options.temperature)
        candidate = self.score.candidate(batch.candidate)
        grouped = candidate.grouped or not options.remove_accidental_hits
        if options.loss == "categorical_crossentropy" and grouped:
            return self.grouped(query, candidate)
        return self.tfrs(query, candidate)

    def grouped(self, query: Any, candidate: Any) -> Any:
        """In-batch softmax without a batch × batch matrix, float32 `[batch]`."""
        options = self.options
        share = tf.gather(self.share, candidate.ids) if options.sampling_correction else None
        return in_batch_softmax(
            query,
            candidate,
            temperature=options.temperature,
            sampling_probability=share,
            remove_accidental_hits=options.remove_accidental_hits,
            num_hard_negatives=options.num_hard_negatives,
        )

    def tfrs(self, query: Any, candidate: Any) -> Any:
        """In-batch losses as TFRS computes them, float32 `[batch]`."""
        ids = tf.gather(candidate.ids, candidate.rows)
        correction = self.options.sampling_correction
        return self.task(
            query.expand(),
            candidate.expand(),
            candidate_sampling_probability=tf.gather(self.share, ids) if correction else None,
            candidate_ids=ids,
            compute_metrics=False,
            compute_batch_metrics=False,
        )

    def bpr(self, batch: Any, weights: Any) -> tuple[Any, tuple[Any, ...], Any]:
        """Losses of pairs of an example and a negative of it, what they are of, their weights.

        Args:
            batch: The batch.
            weights: float32 `[batch]`, those of the examples.

        Returns:
            float32 `[batch · num_negatives]`; query, candidate and negative; float32 as the losses.
        """
        options, number = self.options, self.options.num_negatives
        in_batch = options.negatives == "batch"
        draw = self.sampler.from_batch if in_batch else self.sampler.from_catalogue
        negative, negative_weights = draw(batch, number)
        query, positive = repeated(batch.query, number), repeated(batch.candidate, number)
        better, worse = (self.score.candidate(side).expand() for side in (positive, negative))
        gap = tf.reduce_sum(self.score.query(query).expand() * (better - worse), axis=1)
        losses = tf.nn.softplus(-gap / options.temperature)
        return losses, (query, positive, negative), tf.repeat(weights, number) * negative_weights

    def scores(self, view: mtbench.TestView) -> Score:
        """Function from queries to their scores, float32 `[n, num_candidates]`."""
        queries = np.asarray(self.score.queries(view.query_embeddings))
        return view.dot_scores(queries, np.asarray(self.score.candidates(view.catalogue)))

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Metrics of the ranked catalogue."""
        return self.options.score(self.scores(view), view)


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Retrieval]
