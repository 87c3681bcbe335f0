"""Say whether what is clicked is bought: in click space, in the entire space, counterfactual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field, field_validator, model_validator

import mtbench
from mtbench.data import Range, have_all, is_known
from mtbench.kit import PairScore, labels_of, reduced, within
from mtbench.metrics import bias_logits, positive_rate, predictions

BLOCK = 65536
"""Examples scored at once in evaluation."""


class Conversion(mtbench.Task):
    """Predict the conversions that follow a click: CVR = P(buy | click), CTCVR = P(click and buy).

    The click is another task's; its probability, CTR, is read from that task's head, and
    CTCVR = CTR · CVR. A row without a label, or without what `where` asks for, does not count.
    """

    name = "conversion"
    likelihood = "classification"
    hands = ("logit", "representation")
    scored_by = ("label", "threshold", "where", "scored_where", "scored_label")
    click: str = "click"
    """Name of the task that predicts whether a row is in `where`; it has to hand on a logit."""
    label: str = "buy"
    """Column of the conversions."""
    threshold: float = Field(1.0, allow_inf_nan=False)
    """A row is a conversion if its label is at least this."""
    where: dict[str, Range] = Field({"click": Range(least=1)})
    """The rows where there can be a conversion: by column the range that is clicked. CVR is learned
    on them, CTCVR on all, where the others are none."""
    scored_where: dict[str, Range] | None = None
    """The rows that CVR is scored on, {} for all; default: those of `where`. CTCVR is scored on
    all."""
    scored_label: str | None = None
    """Column that CVR is scored by, where another than `label` knows what would have been bought;
    default: `label`."""
    form: Literal["click-space", "entire-space", "ips", "dr"] = "entire-space"
    """`click-space`: cross-entropy of CVR on clicks alone. `entire-space`: that of CTCVR on all
    rows (ESMM: Ma et al., SIGIR 2018, eq. 4). `ips`, `dr`: of CVR on all rows by inverse propensity
    weights or doubly robust, and of CTCVR beside it (ESCM²: Wang et al., SIGIR 2022)."""
    gradients: bool = True
    """Whether the loss of CTCVR trains what predicts the click, too."""
    ctcvr_weight: float = Field(1.0, ge=0, allow_inf_nan=False)
    """With `ips` and `dr` the weight of the cross-entropy of CTCVR, λ_g / λ_c in the paper."""
    most_weight: float = Field(15.0, ge=1, allow_inf_nan=False)
    """With `ips` and `dr` the largest inverse propensity 1 / CTR."""
    interaction: Literal["mlp", "dot"] = "mlp"
    """How the embeddings become a logit: a network over both, or their dot product."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Units of the network's hidden layers, ReLU each; one linear unit follows."""
    biases: bool = False
    """Add the logit of the conversions' share in `where`, and a trained bias of query and
    candidate."""

    @field_validator("where")
    @classmethod
    def _says_where(cls, where: dict[str, Range]) -> dict[str, Range]:
        if not where:
            raise ValueError("expected the range of a column that is clicked, found none")
        return where

    @model_validator(mode="after")
    def _of_the_form(self) -> Conversion:
        for option in ("ctcvr_weight", "most_weight"):
            default = type(self).model_fields[option].default
            if self.form in ("click-space", "entire-space") and getattr(self, option) != default:
                raise ValueError(f"expected {option} with the form ips or dr, found {self.form}")
        return self

    def reads(self) -> tuple[mtbench.Read, ...]:
        """The click's logit; in click space only to be scored."""
        through = self.gradients and self.form != "click-space"
        return (mtbench.Read(self.click, ("logit",), gradients=through),)

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """AUC, log loss and calibration of CTCVR on all rows, then of CVR on its own.

        The AUC is missing where the rows have positives or negatives alone.
        """
        return tuple(
            metric
            for rate in ("ctcvr", "cvr")
            for metric in (
                mtbench.Metric(f"{rate}_auc", higher_is_better=True, headline=True, optional=True),
                mtbench.Metric(f"{rate}_log_loss", higher_is_better=False),
                mtbench.Metric(f"{rate}_calibration_error", higher_is_better=False),
            )
        )

    def needs(self) -> tuple[str, ...]:
        """The label, and what says where it counts."""
        scored = [*(self.scored_where or {}), *filter(None, [self.scored_label])]
        return tuple(dict.fromkeys((*self.learns_from(), *scored)))

    def learns_from(self) -> tuple[str, ...]:
        """The label, and the columns of `where`."""
        return tuple(dict.fromkeys((self.label, *self.where)))

    def check(self, rows: mtbench.Interactions) -> None:
        """Refuse masks that leave no row, and labels of which none or all are conversions."""
        rows = self.counting(rows)
        self.scored(rows)
        bought = self.bought(rows)[self.clicked(rows)]
        if bought.all() or not bought.any():
            where, end = ("below", "raise") if bought.all() else ("of at least", "lower")
            raise mtbench.DataError(
                f"expected a {self.label} {where} the threshold {self.threshold:g} in some rows "
                f"of where, found none in {len(bought)}: {end} it"
            )

    def build(self, num_queries: int, num_candidates: int) -> ConversionHead:
        """Make the head."""
        return ConversionHead(self, num_queries, num_candidates)

    def counting(self, rows: mtbench.Interactions) -> mtbench.Interactions:
        """The rows that have a label and all columns of `where`, some of them clicked.

        Raises:
            DataError: There is none, or `where` leaves none.
        """
        known = have_all(rows, self.learns_from())
        if not known.any():
            raise mtbench.DataError(
                f"expected rows with {' and '.join(self.learns_from())}, found none in {len(rows)}"
            )
        rows = rows if known.all() else rows.take(np.flatnonzero(known))
        _require_some(self.clicked(rows), "where", self.where)
        return rows

    def clicked(self, rows: mtbench.Interactions) -> np.ndarray:
        """Whether each row is in `where`, bool `[n]`."""
        return _all_hold(self.where, rows)

    def bought(self, rows: mtbench.Interactions, label: str | None = None) -> np.ndarray:
        """Whether each row's label is of a conversion, bool `[n]`."""
        return np.asarray(rows.columns[label or self.label] >= self.threshold)

    def scored(self, rows: mtbench.Interactions) -> np.ndarray:
        """Which rows CVR is scored on, bool `[n]`.

        Raises:
            DataError: None is.
        """
        where = self.where if self.scored_where is None else self.scored_where
        scored = _all_hold(where, rows) & is_known(rows.columns[self.scored_label or self.label])
        _require_some(scored, "scored_where", where)
        return np.asarray(scored)

    def floors(
        self, train: mtbench.Interactions, test: mtbench.Interactions, known: mtbench.Interactions
    ) -> dict[str, dict[str, float]]:
        """Score the training part's rates, and the logits that biases give."""
        train, test = self.counting(train), self.counting(test)
        clicked, bought, rows = self.clicked(train), self.bought(train), self.scored(test)
        on_clicks = train.take(np.flatnonzero(clicked))
        constant, biases = [], []
        for part, positive in ((train, clicked & bought), (on_clicks, bought[clicked])):
            rate = positive_rate(positive)
            constant.append(np.full(len(test), np.log(rate / (1 - rate))))
            biases.append(bias_logits(part, positive, test.query, test.candidate))
        floors = {"constant rate": constant, "user+item bias": biases}
        return {
            name: self.score_logits(test, ctcvr, cvr[rows]).metrics
            for name, (ctcvr, cvr) in floors.items()
        }

    def score_logits(
        self, test: mtbench.Interactions, ctcvr: np.ndarray, cvr: np.ndarray
    ) -> Scored:
        """Score logits.

        Args:
            test: The rows, all of which count.
            ctcvr: Logits of CTCVR, `[n]`.
            cvr: Logits of CVR of the rows that it is scored on.
        """
        rows = self.scored(test)
        whose, num_queries = test.query, test.num_queries
        scored = Scored({}, {})
        scored.add("ctcvr", self.clicked(test) & self.bought(test), ctcvr, whose, num_queries)
        bought = self.bought(test, self.scored_label)[rows]
        scored.add("cvr", bought, cvr, whose[rows], num_queries)
        return scored


@dataclass(frozen=True)
class Scored:
    """Metrics, and those that are means of rows by query, float64 `[num_queries]`."""

    metrics: dict[str, float]
    by_query: dict[str, np.ndarray]

    def add(
        self,
        rate: str,
        positive: np.ndarray,
        logits: np.ndarray,
        query: np.ndarray,
        num_queries: int,
    ) -> None:
        """Add those of a rate, whose logits are `[n]`, as are the labels and the queries."""
        metrics = predictions.defined(predictions.of_logits(positive, logits))
        self.metrics.update({f"{rate}_{name}": value for name, value in metrics.items()})
        losses = predictions.log_losses(positive, logits)
        by_query = predictions.mean_by_query(losses, query, num_queries)
        self.by_query[f"{rate}_log_loss"] = by_query


class ConversionHead:
    """A logit of CVR, and for the form `dr` a network that imputes its cross-entropy."""

    def __init__(self, options: Conversion, num_queries: int, num_candidates: int) -> None:
        self.options = options
        sizes = (num_queries, num_candidates) if options.biases else (None, None)
        units = options.units if options.interaction == "mlp" else None
        self.score = PairScore(units, *sizes)
        self.state = self.score.state
        self.imputation: PairScore | None = None
        if options.form == "dr":
            self.imputation = PairScore(units)
            self.state = [*self.state, *self.imputation.state]

    def adapt(self, train: mtbench.Interactions) -> None:
        """Set the offset of the biases."""
        train = self.options.counting(train)
        if self.options.biases:
            bought = self.options.bought(train)[self.options.clicked(train)]
            rate = positive_rate(bought)
            self.score.offset.assign(np.log(rate / (1 - rate)))

    def counted(self, batch: Any) -> Any:
        """Number of rows that the loss is of, an integer scalar; None for all that learn."""
        if self.options.form != "click-space":
            return None
        _, clicked, counts = self._labels(batch)
        return tf.math.count_nonzero(clicked * counts)

    def loss(self, batch: Any) -> Any:
        """Loss over the batch, scalar."""
        form, (bought, clicked, counts) = self.options.form, self._labels(batch)
        cvr = self.score(batch.query, batch.candidate)
        if form == "click-space":
            losses = tf.nn.sigmoid_cross_entropy_with_logits(bought, cvr)
            return reduced(losses, clicked * counts, "mean")
        ctr = batch.reads[self.options.click]["logit"]
        losses = entire_space(ctr, cvr, clicked * bought)
        if form != "entire-space":
            weights = inverse_propensity(ctr, self.options.most_weight) * clicked
            errors = tf.nn.sigmoid_cross_entropy_with_logits(bought, cvr)
            losses = self.options.ctcvr_weight * losses
            if self.imputation is None:
                losses += weights * errors
            else:
                imputed = tf.nn.softplus(self.imputation(batch.query, batch.candidate))
                losses += doubly_robust(weights, errors, imputed)
        return reduced(losses, counts, "mean")

    def _labels(self, batch: Any) -> tuple[Any, Any, Any]:
        """Whether each row is bought, clicked, and counts: 0 or 1, float32 `[batch]` each."""
        options = self.options
        labels, counts = labels_of(batch, options.label)
        for name in options.where:
            _, known = labels_of(batch, name)
            counts *= known
        bought = tf.cast(labels >= options.threshold, tf.float32)
        return bought, tf.cast(within(batch, options.where), tf.float32), counts

    def hand_on(self, batch: Any) -> dict[str, Any]:
        """The logit of CTCVR, float32 `[batch]`, and what that of CVR was made of."""
        cvr, hidden = self.score.with_hidden(batch.query, batch.candidate)
        logit = product_logit(batch.reads[self.options.click]["logit"], cvr)
        return {"logit": logit, "representation": hidden}

    def predict(self, batch: Any) -> Any:
        """CTCVR of each pair, float32 `[batch]`."""
        return tf.sigmoid(self.hand_on(batch)["logit"])

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Metrics of CTCVR over all rows that count, of CVR over those it is scored on."""
        ctcvr, cvr = [], []
        for _, batch in view.batches(BLOCK):
            cvr.append(self.score(batch.query, batch.candidate).numpy())
            ctr = batch.reads[self.options.click]["logit"]
            ctcvr.append(product_logit(ctr, cvr[-1]).numpy())
        options, test = self.options, view.test
        counts = have_all(test, options.learns_from())
        logits = [np.concatenate(each)[counts] for each in (ctcvr, cvr)]
        test = options.counting(test)
        scored = options.score_logits(test, logits[0], logits[1][options.scored(test)])
        view.by_query.update(scored.by_query)
        return scored.metrics


def entire_space(ctr: Any, cvr: Any, bought: Any) -> Any:
    """Cross-entropy −y ln p − (1 − y) ln(1 − p) of each row, with p = σ(ctr) σ(cvr).

    Ma et al., Entire space multi-task model (SIGIR 2018), eq. 4, its second sum.

    Args:
        ctr: Logits of the click, `[n]`.
        cvr: Logits of the conversion of what is clicked, `[n]`.
        bought: y, whether a row is clicked and bought, 0 or 1, `[n]`.
    """
    yes, no = _log_product(ctr, cvr)
    return -bought * yes - (1.0 - bought) * no


def product_logit(ctr: Any, cvr: Any) -> Any:
    """The logit of σ(ctr) σ(cvr), `[n]`; arguments as for `entire_space`."""
    yes, no = _log_product(ctr, cvr)
    return yes - no


def _log_product(ctr: Any, cvr: Any) -> tuple[Any, Any]:
    """Logarithms of p and of 1 − p, p = σ(ctr) σ(cvr), where 1 − p = σ(−ctr) + σ(ctr) σ(−cvr)."""
    clicked, left = tf.math.log_sigmoid(ctr), tf.math.log_sigmoid(-ctr)
    not_bought = clicked + tf.math.log_sigmoid(-cvr)
    no = tf.reduce_logsumexp(tf.stack([left, not_bought]), axis=0)
    return clicked + tf.math.log_sigmoid(cvr), no


def inverse_propensity(ctr: Any, most: float) -> Any:
    """The smaller of 1 / σ(ctr) and `most` of each row, a constant to the gradient, `[n]`."""
    return tf.stop_gradient(tf.minimum(1.0 + tf.exp(-ctr), most))


def doubly_robust(weights: Any, errors: Any, imputed: Any) -> Any:
    """Sum ê + w (e − ê) + w (e − ê)² of each row: the error that counts, and that of imputing it.

    Wang et al., ESCM² (SIGIR 2022), with w = o / p̂ of the clicks o.

    Args:
        weights: w, `[n]`.
        errors: e, the cross-entropy of CVR, `[n]`; where w is 0 it says nothing.
        imputed: ê, `[n]`.
    """
    left = errors - imputed
    return imputed + weights * left + weights * left**2


def _all_hold(where: dict[str, Range], rows: mtbench.Interactions) -> np.ndarray:
    """Which rows have all their columns within, bool `[n]`."""
    holds = np.ones(len(rows), bool)
    for name, ends in where.items():
        holds &= ends.holds(rows.columns[name])
    return holds


def _require_some(mask: np.ndarray, option: str, where: dict[str, Range]) -> None:
    if not mask.any():
        ranges = " and ".join(f"a {name} of {ends}" for name, ends in where.items()) or "a label"
        raise mtbench.DataError(
            f"{option}: expected rows with {ranges}, found none of {len(mask)}: widen it"
        )


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Conversion]
