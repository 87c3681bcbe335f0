"""What is said of tuning: the expected best by number of trials, and options at an edge."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtbench.evidence.tuning import at_edge, best_so_far, expected_best
from mtbench.records.tuning import Tuning


def tuning(scores, values=None, pruned=(), space=None, options=None):
    return Tuning.model_validate_json(
        Tuning.model_construct(
            trials=len(scores), sampler="tpe", pruner="none", seeds=(1000,), metrics=("a/m",),
            space=space or {}, best=0, options=options or {}, scores=tuple(scores),
            values={"a/m": tuple(values or scores)}, pruned=tuple(pruned),
        ).model_dump_json()
    )  # fmt: skip


def test_by_hand():
    """Of 1, 2, 4 the best of two draws is 4 in 5 of 9 cases, 2 in 3 and 1 in 1."""
    one, two, three = expected_best(tuning([2.0, 1.0, 4.0]), "a/m")
    assert one == pytest.approx(7 / 3)
    assert two == pytest.approx((4 * 5 + 2 * 3 + 1) / 9)
    assert three == pytest.approx((4 * 19 + 2 * 7 + 1) / 27)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_it_is_the_mean_over_all_draws(scores):
    scores = [float(score) for score in scores]
    for n, expected in enumerate(expected_best(tuning(scores), "a/m"), 1):
        draws = [max(draw) for draw in itertools.product(scores, repeat=n)]
        assert expected == pytest.approx(np.mean(draws))


def test_scores_decide_and_another_metric_is_told():
    found = expected_best(tuning([1.0, 2.0], values=[0.9, 0.5]), "a/m")
    assert found == pytest.approx([0.7, (0.9 + 3 * 0.5) / 4])


def test_what_failed_or_was_ended_early_is_as_bad_as_the_worst():
    whole = expected_best(tuning([1.0, 1.0, 3.0]), "a/m")
    assert expected_best(tuning([None, 1.0, 3.0]), "a/m") == pytest.approx(whole)
    assert expected_best(tuning([9.0, 1.0, 3.0], pruned=[0]), "a/m") == pytest.approx(whole)
    assert expected_best(tuning([None, None]), "a/m") == []


def test_the_best_so_far():
    told = tuning([None, 1.0, 3.0, 5.0, 2.0, 4.0], pruned=[3])
    assert best_so_far(told, "a/m") == [None, 1.0, 3.0, 3.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("values", "value", "end"),
    [
        ({"log": [0.001, 1.0]}, 0.00141, "lowest"),  # 5 % of three decades
        ({"log": [0.001, 1.0]}, 0.00142, ""),
        ({"log": [0.001, 1.0]}, 0.71, "highest"),
        ({"log": [0.001, 1.0]}, 0.7, ""),
        ({"uniform": [0.0, 1.0]}, 0.05, "lowest"),
        ({"uniform": [0.0, 1.0]}, 0.5, ""),
        ({"uniform": [-1.0, 1.0]}, 0.9, "highest"),
        ({"int": [1, 30]}, 30, "highest"),
        ({"int": [1, 30]}, 29, ""),
        ({"int": [1, 2]}, 2, ""),
        ([8, 32, 16], 32, "highest"),
        ([8, 32, 16], 8, "lowest"),
        ([8, 32, 16], 16, ""),
        ([8, 16], 16, ""),
        (["a", "b", "c"], "c", ""),
        ([True, False, True], True, ""),
    ],
)
def test_options_at_an_edge(values, value, end):
    told = tuning([1.0], space={"x": values}, options={"x": value})
    assert list(at_edge(told)) == ([("x", value, end)] if end else [])
