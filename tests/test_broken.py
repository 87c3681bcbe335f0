"""What is broken and would train all the same: splits, strategies, models that learn nothing."""

import dataclasses
from typing import ClassVar

import made
import numpy as np
import pytest
import tensorflow as tf

import mtbench
from mtbench.errors import DataError
from mtbench.runs.stages import divide
from mtbench.train.forms import build, weigh

NUMBERS = "expected row numbers from 0 to 7, found"
ONCE = "expected each row in one part at most, and once, found row"


MASK = "a mask is made one by np.flatnonzero"
PARTS = [
    (([0, 1, 2], [2, 3]), f": {ONCE} 2 in train and test (1 such rows)"),
    (([0, 1], [1, 2], [2, 3]), f": {ONCE} 1 in train and test (2 such rows)"),
    (([0, 1, 1], [3]), f": {ONCE} 1 in train and train (1 such rows)"),
    (([0, 1], [-1]), f", test part: {NUMBERS} -1"),
    (([0, 8], [1]), f", train part: {NUMBERS} 8"),
    (([[0]], [2]), ", train part: expected row numbers, [rows], found an array of shape (1, 1)"),
    (([True], [2]), f", train part: expected row numbers, int64, found bool: {MASK}"),
    (([0.0], [2]), f", train part: expected row numbers, int64, found float64: {MASK}"),
]


@pytest.mark.parametrize(("parts", "fault"), PARTS)
def test_parts_that_are_none(make_suite, parts, fault):
    class Broken(mtbench.Split):
        """Broken."""

        name = "broken"

        def build(self, data, seed):
            return mtbench.Parts(*(np.array(part) for part in parts))

    data = mtbench.Data.encode(
        ("user_id", np.arange(8).astype(str)),
        ("movie_id", np.arange(8).astype(str)),
        {"user_rating": np.ones(8, np.float32)},
        "made",
        synthetic=True,
    )
    setup = dataclasses.replace(make_suite().setup("joint"), split=Broken())
    with pytest.raises(DataError) as caught:
        divide(setup, data, 0)
    assert str(caught.value) == f"split 'broken'{fault}"


class OfLosses(mtbench.LossWeighting):
    """Of losses."""

    name = "mine"


class OfGramian(mtbench.GramianWeighting):
    """Of the Gramian."""

    name = "mine"


class OfGradients(mtbench.GradientWeighting):
    """Of gradients."""

    name = "mine"


class OfBatches(mtbench.BatchesWeighting):
    """Of two batches."""

    name = "mine"


class OfAllBatches(OfBatches):
    """Weighs both."""

    weighs_all = True


class Ahead(OfBatches):
    """Looks ahead without saying where to."""

    ahead: ClassVar[mtbench.Ahead] = mtbench.Ahead("gradients")

    def build(self, tasks):
        return print


class OfNone(OfBatches):
    """Of no batch."""

    batches: ClassVar[int] = 0


SCALAR = "a scalar of the losses, "
WEIGHTS = "a weight for each task, float32 [2], found"
LACKS = " looks ahead: expected what its build returns to have"
BOTH = "a weight for each task, float32 [2, 2], found"
UPDATE = "a gradient, float32 [3], found"
BROKEN = [
    (OfLosses, lambda losses: tf.constant(1.0), f"{SCALAR}found a constant"),
    (OfLosses, lambda losses: 1, f"{SCALAR}float32 [], found int32 ()"),
    (OfLosses, lambda losses: losses, f"{SCALAR}float32 [], found float32 (2,)"),
    (OfLosses, lambda losses: None, f"{SCALAR}found NoneType"),
    (OfLosses, lambda losses: "x", f"{SCALAR}float32 [], found string ()"),
    (OfGramian, lambda losses, given: 1.0, f"{WEIGHTS} float32 ()"),
    (OfGramian, lambda losses, given: [1, 2], f"{WEIGHTS} int32 (2,)"),
    (OfGramian, lambda losses, given: given, f"{WEIGHTS} float64 (2, 2)"),
    (OfGradients, lambda losses, given: given, f"{UPDATE} float32 (2, 3)"),
    (OfGradients, lambda losses, given: 0.0, f"{UPDATE} float32 ()"),
    (OfBatches, lambda losses, given: losses, f"{WEIGHTS} float64 (2, 2)"),
    (OfAllBatches, lambda losses, given: losses[0], f"{BOTH} float64 (2,)"),
]


@pytest.mark.parametrize(("kind", "strategy", "fault"), BROKEN)
def test_strategies_that_return_something_else(kind, strategy, fault):
    given = {
        OfLosses: None,
        OfGramian: tf.eye(2, dtype=tf.float64),
        OfGradients: tf.ones([2, 3]),
    }.get(kind, len)
    losses = tf.ones([2, 2] if issubclass(kind, OfBatches) else [2])
    with pytest.raises(TypeError) as caught:
        weigh(kind(), strategy, [], losses, given)
    assert str(caught.value) == f"what weighting 'mine' returned: expected {fault}"


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (OfNone, ": batches: expected at least 1, found 0"),
        (
            Ahead,
            f"{LACKS} step_ahead(), found builtin_function_or_method",
        ),
    ],
)
def test_strategies_of_batches_that_lack_something(kind, fault):
    with pytest.raises(TypeError) as caught:
        build(kind(), {}, [])
    assert str(caught.value) == f"weighting 'mine'{fault}"


def test_a_model_that_learned_nothing_is_a_failed_run(tiny, tmp_path):
    few = ("train.epochs=1", "train.optimizer.learning_rate=1e-50")
    (record,) = made.run_suite(tiny, tmp_path / "r", *few, scenarios=["joint"], seeds="1")
    assert record.error.line.startswith("RuntimeError: training moved none of the ")


@pytest.mark.thorough
def test_values_by_query_that_are_no_numbers_are_a_failed_run(tiny, tmp_path, monkeypatch):
    from mtbench_plugins.tasks.ranking import RankingHead

    score = RankingHead.evaluate
    for wrong in (["a"] * 30, np.ones(3), None):

        def evaluate(self, view, wrong=wrong):
            metrics = score(self, view)
            view.by_query["rmse"] = wrong
            return metrics

        monkeypatch.setattr(RankingHead, "evaluate", evaluate)
        words = (tiny, tmp_path / "r", "train.epochs=1")
        (record,) = made.run_suite(*words, scenarios=["rating-only"], seeds="1")
        assert record.error.line.startswith("ValueError: by_query, ranking/rmse: expected")
