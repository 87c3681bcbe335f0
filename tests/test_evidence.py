"""Evidence from hand-made records: against R's examples, SciPy, statsmodels, and by hand."""

import math
import subprocess
import sys
from dataclasses import replace

import made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from mtbench.errors import RecordError
from mtbench.evidence import (
    FIRST,
    RIVAL,
    SECOND,
    SINGLE,
    answer_sentences,
    assured_difference,
    basis,
    compare_scenarios,
    compare_scenarios_over_users,
    compare_users,
    compare_values,
    correct,
    delta_m,
    front_sentences,
    interval_beyond,
    pareto,
    planned,
    sentences,
    transfer_sentences,
    with_best,
)
from mtbench.evidence.changes import change_of_pairs
from mtbench.evidence.families import over_seeds
from mtbench.evidence.formulas import hedges_correction, holm
from mtbench.evidence.words import by, decimal, p_value
from mtbench.records.results import Results
from mtbench.report import summarize

FLOORS = {
    "ranking": {"mean": {"rmse": 1.2}, "bias": {"rmse": 1.0}},
    "retrieval": {
        "chance": {"top_5": 0.1, "top_9": 0.2},
        "popularity": {"top_5": 0.2, "top_9": 0.4},
    },
}
NAMES = ("task/metric", "a", "b")

# R's data set `sleep` (Student 1908): extra hours of sleep with two drugs, ten patients
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def record(scenario, seed, values, tasks=("ranking", "retrieval"), **changes):
    """A record with (rmse, top_5); top_9 is no headline metric."""
    rmse, top = values
    info = {
        "ranking": [made.metric("rmse", higher=False)],
        "retrieval": [made.metric("top_5"), made.metric("top_9", headline=False)],
    }
    values = {"ranking": {"rmse": rmse}, "retrieval": {"top_5": top, "top_9": top / 2}}
    changes = {"metrics": values, "metric_info": info, "floors": FLOORS, **changes}
    return made.record(scenario, seed, tasks=tasks, **changes)


def runs(scenario, values, tasks=("ranking", "retrieval")):
    return [record(scenario, seed, pair, tasks) for seed, pair in enumerate(values)]


@pytest.fixture
def records():
    """Two single-task scenarios and two of both tasks, four seeds."""
    return [
        *runs("rank", [(1.00, 0.1), (1.10, 0.1), (0.90, 0.1), (1.00, 0.1)], ["ranking"]),
        *runs("retrieve", [(3.0, 0.50), (3.0, 0.40), (3.0, 0.45), (3.0, 0.50)], ["retrieval"]),
        *runs("joint", [(0.90, 0.52), (1.02, 0.41), (0.81, 0.45), (0.89, 0.51)]),
        *runs("other", [(0.95, 0.30), (1.01, 0.22), (0.88, 0.24), (0.97, 0.31)]),
    ]


# The test of one pair


def test_sleep_as_in_r():
    """`with(sleep, t.test(extra[group == 1], extra[group == 2], paired = TRUE))`."""
    one = compare_values(SLEEP[1], SLEEP[0], NAMES, True)
    assert one.n == 10
    assert one.mean == pytest.approx(-1.58)
    assert one.p == pytest.approx(0.002833, abs=5e-7)
    assert (one.low, one.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    assert one.mean / (one.sd / math.sqrt(10)) == pytest.approx(-4.0621, abs=5e-5)
    assert (one.verdict, one.p_adjusted, one.family) == ("worse", one.p, 1)
    assert one.effect == pytest.approx(-4.0621 / math.sqrt(10) * 0.9139, rel=1e-3)
    # hours awake: less is better, and so the same drug is worse
    awake = compare_values(-np.array(SLEEP[1]), -np.array(SLEEP[0]), NAMES, False)
    assert awake == one


@given(
    st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=3, max_size=12),
    st.booleans(),
    st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
@settings(max_examples=60)
def test_the_test_is_scipys(pairs, higher, confidence):
    a, b = np.array(pairs).T
    one = compare_values(a, b, NAMES, higher, confidence)
    mirrored = compare_values(b, a, NAMES, higher, confidence)
    assert mirrored.mean == -one.mean
    assert (mirrored.p, mirrored.sd, mirrored.detectable) == (one.p, one.sd, one.detectable)
    differences = b - a
    if one.sd < 1e-6 or len(set(differences)) < len(differences):
        return  # the latter may be counts, and have a spread of their own
    sign = 1 if higher else -1
    expected = stats.ttest_rel(sign * b, sign * a)
    interval = expected.confidence_interval(confidence)
    assert one.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
    assert (one.verdict != "no evidence of a difference") == (one.p < 1 - confidence)
    if one.verdict != "no evidence of a difference":
        assert one.low * one.high > 0
        assert one.verdict == ("better" if one.mean > 0 else "worse")


@given(st.integers(3, 8), st.floats(0.1, 10), st.integers(0, 2**32))
@settings(max_examples=30)
def test_units_do_not_matter(n, scale, seed):
    values = np.random.default_rng(seed).normal(size=(2, n))
    one, other = (compare_values(*v, NAMES, True) for v in (values, scale * values))
    assert other.p == pytest.approx(one.p, rel=1e-6)
    assert other.effect == pytest.approx(one.effect, rel=1e-6)
    assert (other.detectable is None) == (one.detectable is None)
    if one.detectable is not None:
        assert other.detectable == pytest.approx(scale * one.detectable, rel=1e-6)


def test_equal_values_are_no_evidence():
    one = compare_values([0.1, 0.5, 0.3], [0.1, 0.5, 0.3], NAMES, True)
    assert (one.mean, one.low, one.high, one.p, one.sd) == (0, 0, 0, 1, 0)
    assert (one.effect, one.detectable) == (None, None)
    assert one.verdict == "identical"
    assert sentences([one]) == ["b and a are identical in task/metric: equal in each of 3 seeds"]


def test_values_equal_but_for_rounding_are_no_evidence():
    a = np.array([0.1 + 0.2, 1.0, 7.0])
    b = np.array([0.3, 1.0 - 1e-16, 7.0 - 1e-15])
    assert len({*(a - b)}) > 1
    one = compare_values(a, b, NAMES, True)
    assert (one.mean, one.p, one.sd) == (0, 1, 0)
    # but a small difference is one
    assert compare_values(a, b + np.array([1, 2, 1.5]) * 1e-9, NAMES, True).verdict == "better"


@pytest.mark.parametrize("sign", [1, -1])
def test_one_difference_in_all_pairs_is_no_evidence(sign):
    """0.2 is not exactly so in floats: the differences vary by rounding alone."""
    a = np.array([0.3, 0.7, 0.9, 5.1])
    b = a + sign * 0.2
    assert len({*(b - a)}) > 1
    one = compare_values(a, b, NAMES, False, test_share=0.2)
    assert (one.verdict, one.mean, one.sd) == ("no spread", pytest.approx(-sign * 0.2), 0)
    nothing = (one.low, one.high, one.p, one.p_adjusted, one.effect, one.detectable, one.beyond)
    assert {*nothing} == {None}
    assert sentences([one]) == [
        (
            f"no claim on b and a in task/metric: 0.20 {'worse' if sign > 0 else 'better'} in each "
            "of 4 seeds, which shows no spread to hold that against"
        )
    ]


def test_counts_that_tie_vary_at_least_as_their_mean_takes():
    """Gains of 5, 5 and 6 of 20 test rows: a net 16/3 takes as many rows that changed sides.

    So the variance of a count is 16/3 or more, that of a share (16/3) / 20². The differences show
    1/3 / 20² alone, by which t would be 16 and p 0.004; with 16/3 it is 4 and p 0.057.
    """
    a = np.array([4.0, 9.0, 7.0]) / 20
    one = compare_values(a, a + np.array([5, 5, 6]) / 20, NAMES, True)
    assert one.sd == pytest.approx(math.sqrt(16 / 3) / 20)
    t = (16 / 3) / math.sqrt(16 / 3 / 3)
    assert t == pytest.approx(4)
    assert one.p == pytest.approx(2 * stats.t.sf(4, 2))  # 0.0572
    half = 4.302653 * math.sqrt(16 / 3 / 3) / 20  # the 97.5 % quantile of t with 2 degrees
    assert (one.low, one.high) == pytest.approx((16 / 60 - half, 16 / 60 + half), rel=1e-6)
    assert one.verdict == "no evidence of a difference"
    assert compare_values(-a, -a - np.array([5, 5, 6]) / 20, NAMES, False) == one


@pytest.mark.parametrize(
    ("counts", "sd"),
    [
        ((5, 5, 9), math.sqrt(16 / 3)),  # they show more: the steps are of 4, √(19/3 · 4) = 5.03
        ((-4, -4, -5, -5), math.sqrt(4.5)),
        ((0, 0, 3), math.sqrt(3)),  # √(1 · 3), as the differences show
        ((1, 1, -1, -1), math.sqrt(4 / 3)),  # a mean of nothing takes nothing
        ((5, 6, 7), 1.0),  # no two are equal, so that nothing says they are counts
    ],
)
def test_the_floor_of_the_spread_by_hand(counts, sd):
    if counts == (5, 5, 9):
        sd = math.sqrt(19 / 3 * 4)
    found = change_of_pairs(np.zeros(len(counts)), np.array(counts) / 100)
    assert found.sd == pytest.approx(sd / 100)
    assert found.error == pytest.approx(sd / 100 / math.sqrt(len(counts)))


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_verdicts_on_counts_of_few_rows_keep_their_level(rows):
    """Some of 40 rows change sides at random: no difference, in values of a few steps.

    Three counts of one row are alike in a quarter of all suites.
    """
    net = np.random.default_rng(rows).binomial(rows, 0.5, (400, 3)) * 2 - rows
    found = [compare_values(np.full(3, 0.5), 0.5 + row / 40, NAMES, True) for row in net]
    false = np.mean([one.verdict in ("better", "worse") for one in found])
    assert false <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    alike = [{*row} for row in net]
    told = [one.verdict for one, counts in zip(found, alike, strict=True) if len(counts) == 1]
    assert set(told) <= {"no spread", "identical"}
    assert len(told) > (80 if rows == 1 else 0)


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_seeds_are_too_few(n):
    one = compare_values([1.0, 1.0][:n], [9.0, 9.5][:n], NAMES, True)
    assert (one.n, one.verdict) == (n, "too few seeds")
    assert one.mean == pytest.approx([8.0, 8.25][n - 1])
    assert {one.low, one.high, one.p, one.p_adjusted, one.effect, one.detectable} == {None}
    (text,) = sentences([one])
    few, seen = ("1 seed is", "8.0") if n == 1 else ("2 seeds are", "8.2")
    assert text == f"{few} too few to compare b with a in task/metric (as seen: {seen} better)"


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0, 2.0]), ([], []), ([[1.0]], [[1.0]])])
def test_what_are_no_pairs(a, b):
    with pytest.raises(RecordError, match="expected pairs of values, found shapes"):
        compare_values(a, b, NAMES, True)


# Formulas


def test_holm_by_hand():
    # sorted 0.005 0.01 0.03 0.04, times 4 3 2 1: 0.02 0.03 0.06 0.04, which may not fall
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([0.9, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.thorough
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=10)  # 0.1 s each, in statsmodels
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize(
    ("df", "factor"),
    [(2, 1 / math.sqrt(math.pi)), (3, math.sqrt(math.pi / 6)), (4, math.sqrt(2 / math.pi))],
)
def test_hedges_by_hand(df, factor):
    """Γ(1) = Γ(2) = 1, Γ(1/2) = √π and Γ(3/2) = √π / 2."""
    assert hedges_correction(df) == pytest.approx(factor)
    assert hedges_correction(100) == pytest.approx(1 - 3 / 399, abs=1e-5)


def test_an_effect_is_free_of_bias():
    rng = np.random.default_rng(0)
    values = rng.normal(1.5, 1, size=(1000, 5))
    effects = [compare_values(np.zeros(5), row, NAMES, True).effect for row in values]
    assert np.mean(effects) == pytest.approx(1.5, abs=0.08)  # 1.88 without the correction


@pytest.mark.parametrize("n", [3, 4, 5, 10])
@pytest.mark.parametrize("level", [0.05, 0.01, 0.05 / 40])
def test_an_assured_difference_by_integration(n, level):
    """The power of a further study's test, over the spreads that both of them may see.

    With σ = 1 a true c s₁ is found where c s₁ √n + Z > t s₂: given both with Φ(c √n s₁ − t s₂).
    Both s² are χ² / (n − 1); Gauss and Legendre's rule over the two quantiles.
    """
    nodes, weights = np.polynomial.legendre.leggauss(100)
    shares, weights = (nodes + 1) / 2, weights / 2
    spreads = np.sqrt(stats.chi2.ppf(shares, n - 1) / (n - 1))
    critical = stats.t.isf(level / 2, n - 1)
    noncentrality = assured_difference(n, level) * math.sqrt(n)
    found = stats.norm.cdf(noncentrality * spreads[:, None] - critical * spreads)
    assert weights @ found @ weights == pytest.approx(0.8, abs=5e-4)


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_an_assured_difference_is_found_by_four_of_five_further_studies(n, level):
    """20000 pairs of studies: the first sees s₁, and c s₁ is then the truth of the second."""
    rng = np.random.default_rng(n)
    first, second = rng.normal(size=(2, 20_000, n))
    truth = assured_difference(n, level) * first.std(axis=1, ddof=1)
    test = stats.ttest_1samp(second + truth[:, None], 0, axis=1)
    assert np.mean((test.pvalue < level) & (test.statistic > 0)) == pytest.approx(0.8, abs=0.02)


def test_more_pairs_less_difference_more_assurance_more():
    at = [assured_difference(n) for n in (3, 4, 5, 10, 60)]
    assert at == sorted(at, reverse=True)
    assert assured_difference(5, 0.01) > assured_difference(5, 0.05)
    assert assured_difference(5, 0.05, 0.9) > assured_difference(5, 0.05, 0.8)
    normal = stats.norm.isf(0.025) + stats.norm.isf(0.2)  # where s₁ and s₂ are σ
    assert assured_difference(2000) == pytest.approx(normal / math.sqrt(2000), rel=5e-3)


def test_what_is_larger_than_the_values_is_no_difference_to_be_found():
    """Of three pairs at 0.05 the factor is 5.07: with a spread of 0.1 it takes values of 0.507."""
    shifts = np.array([0.1, 0.0, -0.1])
    factor = assured_difference(3)
    for size, told in ((0.1 * factor * 0.99, False), (0.1 * factor * 1.01, True)):
        one = compare_values(np.full(3, size), size + shifts, NAMES, True)
        assert (one.sd, one.size) == (pytest.approx(0.1), pytest.approx(size))
        assert (one.detectable is not None) == told
        assert ("four of five further suites" in sentences([one])[0]) == told
    assert one.detectable == pytest.approx(0.1 * factor)
    negative = compare_values(np.full(3, -9.0), -9 + shifts, NAMES, True)
    assert negative.size == pytest.approx(9)
    assert negative.detectable == pytest.approx(0.1 * factor)


def test_of_a_family_it_is_that_of_the_first_step():
    one = compare_values([5.0, 6.0, 7.0, 8.0], [5.1, 6.3, 6.8, 8.1], NAMES, True)
    for many in (1, 4):
        found = correct([one] * many)
        expected = one.sd * assured_difference(4, 0.05 / many)
        assert [each.detectable for each in found] == pytest.approx([expected] * many)


# Other data of the kind


@pytest.mark.parametrize(
    ("share", "factor"),
    [(0.2, math.sqrt(1 / 4 + 4)), (0.25, math.sqrt(1 / 4 + 3)), (0.1, math.sqrt(1 / 4 + 9))],
)
def test_the_interval_beyond_by_hand(share, factor):
    """Of 1 2 3 6: mean 3, sd √(14/3); (1 − ρ) / ρ is 4, 3 or 9."""
    found = change_of_pairs(np.zeros(4), np.array([1.0, 2.0, 3.0, 6.0]))
    half = 3.182446 * math.sqrt(14 / 3) * factor  # the 97.5 % quantile of t with 3 degrees
    assert interval_beyond(found, share, 0.95) == pytest.approx((3 - half, 3 + half), rel=1e-6)
    one = compare_values([0.0] * 4, [1.0, 2.0, 3.0, 6.0], NAMES, True, test_share=share)
    assert one.beyond == pytest.approx((3 - half, 3 + half), rel=1e-6)
    assert one.beyond[0] < one.low < one.high < one.beyond[1]
    assert compare_values([0.0] * 4, [1.0, 2.0, 3.0, 6.0], NAMES, True).beyond is None


def test_nothing_is_said_beyond_where_more_than_a_quarter_tests():
    one = compare_values([0.0] * 4, [1.0, 2.0, 3.0, 6.0], NAMES, True, test_share=0.26)
    assert one.beyond is None
    assert one.low is not None


def test_nothing_is_said_beyond_what_is_not_judged():
    assert compare_values([1.0, 2.0], [2.0, 4.0], NAMES, True, test_share=0.2).beyond is None
    assert compare_values([1.0] * 3, [1.0] * 3, NAMES, True, test_share=0.2).beyond is None


def test_the_interval_beyond_holds_the_truth_of_other_data():
    """200 data sets of 100 rows, each split 5 times 80 to 20; the truth is 0.

    What is measured is the mean of the rows that test, then minus that of the rows that train, so
    that one data set's rows count for more than its splits show.
    """
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 100))
    order = rng.permuted(np.broadcast_to(np.arange(100), (200, 5, 100)), axis=2)
    taken = np.take_along_axis(rows[:, None], order, axis=2)
    for values in (taken[..., :20].mean(axis=2), taken[..., 20:].mean(axis=2)):
        within = beyond = 0
        for row in values:
            one = compare_values(np.zeros(5), row, NAMES, True, test_share=0.2)
            within += one.low <= 0 <= one.high
            beyond += one.beyond[0] <= 0 <= one.beyond[1]
        assert beyond / 200 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 200)
        assert within / 200 < 0.9


# Families
# Families


def keys(comparisons):
    return [(c.metric, c.a, c.b) for c in comparisons]


def test_what_is_planned(records):
    """In rmse joint is best, other second; in top 5 joint is best, its twin second."""
    found = compare_scenarios(Results.of(records))
    assert [(*key, c.why) for key, c in zip(keys(found), found, strict=True)] == [
        ("ranking/rmse", "rank", "joint", (SINGLE,)),
        ("ranking/rmse", "rank", "other", (SINGLE,)),
        ("ranking/rmse", "joint", "other", (FIRST, SECOND)),
        ("ranking/rmse", "bias", "joint", (RIVAL,)),
        ("retrieval/top_5", "retrieve", "joint", (SINGLE, SECOND)),
        ("retrieval/top_5", "retrieve", "other", (SINGLE,)),
        ("retrieval/top_5", "joint", "other", (FIRST,)),
        ("retrieval/top_5", "popularity", "joint", (RIVAL,)),
    ]
    assert found == planned(Results.of(records))
    assert {(c.n, c.family, c.over) for c in found} == {(4, 8, "seeds")}
    rmse = np.array([[1.00, 1.10, 0.90, 1.00], [0.90, 1.02, 0.81, 0.89]])
    assert found[0].mean == pytest.approx(np.mean(rmse[0] - rmse[1]))  # lower is better
    assert found[3].mean == pytest.approx(1.0 - np.mean(rmse[1]))
    assert found[3].p == pytest.approx(3 * stats.ttest_1samp(rmse[1], 1.0).pvalue)  # best of 3
    adjusted = multipletests([c.p for c in found], method="holm")[1]
    assert [c.p_adjusted for c in found] == pytest.approx(adjusted)
    assert [c.verdict == "no evidence of a difference" for c in found] == list(adjusted >= 0.05)
    assert {c.verdict for c in found} == {"better", "worse", "no evidence of a difference"}
    expected = DescrStatsW(rmse[0] - rmse[1]).tconfint_mean()
    assert (found[0].low, found[0].high) == pytest.approx(expected)


def test_a_metric_may_be_chosen_and_only_the_first_headline_metric_is_planned(records):
    both = [made.metric("top_5"), made.metric("top_9")]
    more = [made.changed(entry, metric_info__retrieval=both) for entry in records]
    assert keys(planned(Results.of(more))) == keys(planned(Results.of(records)))
    found = compare_scenarios(Results.of(more), metrics=["retrieval/top_9"])
    assert {c.metric for c in found} == {"retrieval/top_9"}
    assert {c.family for c in found} == {len(found)} == {4}


def test_the_twin_is_the_single_task_that_differs_least(records):
    """Of two towers each has scenarios alone and together; the weighting does not count."""
    mlp = {"answer__towers__query": made.identity("tower_mlp", "mlp", units=[8])}
    heavy = {"answer__weighting": made.identity("w", "fixed", weights={"retrieval": 3.0})}
    deep = [
        *(made.changed(r, scenario="deep rank", **mlp) for r in records if r.scenario == "rank"),
        *(made.changed(r, scenario="deep", **mlp) for r in records if r.scenario == "joint"),
        *(
            made.changed(r, scenario="heavy", **mlp, **heavy)
            for r in records
            if r.scenario == "other"
        ),
    ]
    found = planned(Results.of([*records, *deep]), metrics=["ranking/rmse"])
    twins = {c.b: c.a for c in found if SINGLE in c.why}
    assert twins == {
        "joint": "rank",
        "other": "rank",
        "deep": "deep rank",
        "heavy": "deep rank",
    }
    assert {c.b: c.a for c in found if FIRST in c.why} == {
        "other": "joint", "deep": "joint", "heavy": "deep",
    }  # fmt: skip


def test_a_baseline_is_the_rival_before_a_floor(records):
    ease = [made.baseline("ease", seed, top=0.41 - seed / 100) for seed in range(4)]
    knn = [made.baseline("knn", seed, top=0.3 + seed / 100) for seed in range(4)]
    found = {c.a: c for c in planned(Results.of([*records, *ease, *knn])) if RIVAL in c.why}
    assert list(found) == ["bias", "ease"]  # none serves ranking
    assert found["ease"].b == "joint"
    top = np.array([0.52, 0.41, 0.45, 0.51]) - [0.41, 0.40, 0.39, 0.38]
    assert found["ease"].p == pytest.approx(3 * stats.ttest_1samp(top, 0).pvalue)  # best of 3
    stronger = [made.baseline("svd", seed, top=0.71 - seed / 100) for seed in range(4)]
    found = planned(Results.of([*records, *ease, *knn, *stronger]))
    (svd,) = [c for c in found if c.a == "svd"]
    top = top - 0.3
    assert svd.p == pytest.approx(3 * stats.ttest_1samp(top, 0).pvalue)  # strongest of 3


def test_single_tasks_alone_have_the_best_the_second_and_a_rival():
    values = {"a": 1.0, "b": 0.9, "c": 0.8}
    noise = (0.0, 0.01, -0.02)
    several = [
        entry
        for name, rmse in values.items()
        for entry in runs(name, [(rmse + e, 0.1) for e in noise], ["ranking"])
    ]
    found = planned(Results.of(several))
    assert [(c.a, c.b, c.why) for c in found] == [("b", "c", (SECOND,)), ("bias", "c", (RIVAL,))]
    assert found[0].verdict == "no spread"
    assert {c.family for c in found} == {1}  # what has no p-value is no test


def test_every_other_scenario_with_the_best_to_look_at(records):
    ease = [made.baseline("ease", seed, top=0.3 + seed / 100) for seed in range(4)]
    results = Results.of([*records, *ease, *runs("third", [(1.0, 0.1 + s / 50) for s in range(4)])])
    told = planned(results)
    metric = results.main_metrics[1]
    found = with_best(results, metric, told)
    pairs = {(c.a, c.b) for c in told if c.metric == metric.key}
    assert {("retrieve", "joint"), ("ease", "joint"), ("joint", "other")} <= pairs
    assert [c.a for c in found] == ["chance", "popularity"]  # all others are planned
    found = with_best(results, metric, [])
    others = ("retrieve", "other", "third", "ease", "chance", "popularity")  # floors at the end
    assert [(c.a, c.b) for c in found] == [(name, "joint") for name in others]
    assert {(c.family, c.why) for c in found} == {(1, ())}
    assert [c.p_adjusted for c in found] == [c.p for c in found]
    nothing = [made.failed(entry) for entry in records]
    assert with_best(Results.of([*nothing, *ease]), metric, []) == []


# Seeds that share a split


def divided(scenario, values, splits, tasks=("ranking",), **changes):
    """Runs with an rmse each; `splits` says which seeds were scored on the same rows."""
    return [
        record(scenario, seed, (rmse, 0.1), tasks, data__scored=f"split {split}", **changes)
        for seed, (rmse, split) in enumerate(zip(values, splits, strict=True))
    ]


FOLDS = [0, 1, 2, 3, 4] * 2


def test_seeds_of_one_split_are_averaged():
    """Ten seeds of five folds are five pairs, each the mean of two."""
    a = np.array([1.0, 1.1, 0.9, 1.2, 1.05, 1.02, 1.08, 0.92, 1.22, 1.01])
    gains = np.array([0.1, 0.2, 0.15, 0.05, 0.1, 0.2, 0.12, 0.1, 0.17, 0.3])
    results = Results.of([*divided("a", a, FOLDS), *divided("b", a - gains, FOLDS)])
    (one,) = compare_scenarios(results, pairs=[("a", "b")])
    assert (one.n, one.over, one.beyond) == (5, "splits", None)
    expected = stats.ttest_1samp([0.15, 0.16, 0.125, 0.11, 0.2], 0)
    assert (one.mean, one.p) == (pytest.approx(0.149), pytest.approx(expected.pvalue))
    text = basis(results)
    assert text.startswith("10 seeds have 5 splits between them; seeds of one split are averaged")
    assert sentences([one])[0].startswith("b is better than a in ranking/rmse by 0.149 [")
    assert "(5 splits, p < 0.001)" in sentences([one])[0]


def test_seeds_that_all_share_a_split_count_and_say_nothing_of_other_data():
    a, b = [1.0, 1.1, 0.9], [0.9, 1.05, 0.7]
    results = Results.of([*divided("a", a, [0] * 3), *divided("b", b, [0] * 3)])
    (one,) = compare_scenarios(results, pairs=[("a", "b")])
    assert (one.n, one.over, one.beyond) == (3, "seeds", None)
    assert "about this split of this data set" in basis(results)


def test_seeds_with_splits_of_their_own_say_something_of_other_data():
    """80 interactions train and 20 test: ρ = 0.2 and 1/3 + max(1/4, 4)."""
    a, b = np.array([1.0, 1.1, 0.9]), np.array([0.9, 1.05, 0.7])
    results = Results.of([*divided("a", a, range(3)), *divided("b", b, range(3))])
    (one,) = compare_scenarios(results, pairs=[("a", "b")])
    assert (one.n, one.over) == (3, "seeds")
    half = 4.302653 * np.std(a - b, ddof=1) * math.sqrt(1 / 3 + 4)
    mean = np.mean(a - b)
    assert one.beyond == pytest.approx((mean - half, mean + half), rel=1e-6)
    assert "for other data of the kind" in basis(results)
    assert basis(Results.of(divided("a", [1.0], [0]))).startswith("One seed: ")


def test_of_a_record_that_does_not_tell_its_rows_the_floors_do():
    other = {**FLOORS, "ranking": {"mean": {"rmse": 1.3}, "bias": {"rmse": 0.9}}}
    runs_of = runs("a", [(1.0, 0.1)] * 3)
    assert len({entry.split for entry in runs_of}) == 1
    assert len({made.changed(runs_of[0], floors=f).split for f in (FLOORS, other)}) == 2
    none = [made.changed(entry, floors={"ranking": {}, "retrieval": {}}) for entry in runs_of]
    assert [entry.split for entry in none] == ["seed 0", "seed 1", "seed 2"]
    told = made.changed(runs_of[0], data__scored="rows")
    assert told.split == made.changed(runs_of[1], data__scored="rows", floors=other).split == "rows"


def test_more_seeds_than_splits_make_no_evidence():
    """500 suites without a difference: ten seeds of five splits whose luck is most of it.

    Were each a pair of its own, t would be 1.5 times as large: P(|t₄| > 2.26 / 1.5) is a fifth.
    """
    rng = np.random.default_rng(3)
    luck = np.tile(rng.normal(0, 0.05, (500, 5)), 2) + rng.normal(0, 0.005, (500, 10))
    results = Results.of([*divided("a", np.ones(10), FOLDS), *divided("b", np.ones(10), FOLDS)])
    (metric,) = results.choose(["ranking/rmse"])
    a, b = results.scenarios.values()
    false = 0
    for row in luck:
        moved = {
            seed: run.model_copy(update={"metrics": {"ranking": {"rmse": 1 + gain}}})
            for (seed, run), gain in zip(b.runs.items(), row, strict=True)
        }
        one = over_seeds(metric, a, replace(b, runs=moved))
        assert one.n == 5
        false += one.verdict in ("better", "worse")
    assert false / 500 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 500)
    assert np.mean(stats.ttest_1samp(luck, 0, axis=1).pvalue < 0.05) > 0.15


def test_all_pairs_and_named_ones(records):
    found = compare_scenarios(Results.of(records), pairs="all")
    assert keys(found) == [
        ("ranking/rmse", "rank", "joint"),
        ("ranking/rmse", "rank", "other"),
        ("retrieval/top_5", "retrieve", "joint"),
        ("retrieval/top_5", "retrieve", "other"),
        ("ranking/rmse", "joint", "other"),
        ("retrieval/top_5", "joint", "other"),
    ]  # rank and retrieve have no task in common
    assert {(c.family, c.why) for c in found} == {(6, ())}
    metrics = ["retrieval/top_9", "ranking/rmse"]
    found = compare_scenarios(Results.of(records), metrics=metrics, pairs=[("other", "joint")])
    assert keys(found) == [(metric, "other", "joint") for metric in metrics]
    assert found[0].family == 2
    (one,) = compare_scenarios(Results.of(records), pairs=[("retrieve", "joint")])
    assert one.p_adjusted == one.p


def test_only_common_seeds_pair(records):
    more = [*records, record("joint", 9, (9.0, 0.0)), record("rank", 8, (9.0, 0.0), ["ranking"])]
    pairs = [("rank", "joint")]
    assert compare_scenarios(Results.of(more), pairs=pairs) == compare_scenarios(
        Results.of(records), pairs=pairs
    )
    apart = [r if r.scenario != "other" else made.changed(r, seed=r.seed + 10) for r in records]
    assert {c.b for c in compare_scenarios(Results.of(apart))} == {"joint"}
    assert {c.b for c in compare_scenarios(Results.of(apart), pairs="all")} == {"joint"}
    with pytest.raises(RecordError, match="expected 'joint' and 'other' with a seed in common"):
        compare_scenarios(Results.of(apart), pairs=[("joint", "other")])


def test_too_few_seeds_are_no_tests_of_the_family(records):
    few = [r for r in records if r.scenario != "other" or r.seed < 2]
    found = compare_scenarios(Results.of(few))
    assert {c.verdict for c in found if "other" in (c.a, c.b)} == {"too few seeds"}
    assert {c.n for c in found if "other" in (c.a, c.b)} == {2}
    assert {c.family for c in found} == {4}
    assert correct(found) == found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["ranking/rsme"]}, "expected a metric, found 'ranking/rsme' (did you mean"),
        ({"pairs": [("joint", "jont")]}, "expected a scenario with results, found 'jont' (did"),
        ({"pairs": [("rank", "retrieve")]}, "expected 'rank' and 'retrieve' to train a task of"),
        ({"confidence": 1.0}, "expected a confidence from 0.5 to below 1, found 1.0"),
        ({"confidence": math.nan}, "expected a confidence from 0.5 to below 1, found nan"),
    ],
)
def test_bad_questions_are_one_line(records, arguments, message):
    with pytest.raises(RecordError) as error:
        compare_scenarios(Results.of(records), **arguments)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_records_are_those_of_the_report(records):
    """Old protocols, changed scenarios and failures are left out, and no others."""
    old = [made.changed(r, question_id="q0", started="2025", seed=r.seed + 4) for r in records]
    stray = [
        record("joint", 7, (5.0, 0.9), ["ranking"], started="2025"),
        record("joint", 8, (5.0, 0.9), started="2025", answer__weighting={"name": "old"}),
    ]
    failure = record("other", 4, (1, 1), status="failed")
    never = made.changed(failure, scenario="never")
    mixed = [*old, *records[:8], *stray, *records[8:], failure, never]
    assert compare_scenarios(Results.of(mixed)) == compare_scenarios(Results.of(records))
    assert delta_m(Results.of(mixed)) == delta_m(Results.of(records))
    assert pareto(Results.of(mixed)) == pareto(Results.of(records))
    rows = {row.name: row for row in summarize(Results.of(mixed)).scenarios if row.metrics}
    results = Results.of(mixed)
    assert list(results.measured) == list(rows)
    for name, scenario in results.measured.items():
        for metric in results.metrics:
            values = scenario.values(metric, list(scenario.runs))
            stat = rows[name].metrics[metric.key]
            assert (stat.n, stat.mean) == (len(values), pytest.approx(np.mean(values)))


def test_a_run_done_again_counts_once(records):
    again = record("joint", 0, (0.7, 0.6), started="2026-03")
    for order in ([again, *records], [*records, again]):
        runs = Results.of(order).scenarios["joint"].runs
        assert list(runs) == [0, 1, 2, 3]
        assert runs[0].metrics["ranking"]["rmse"] == 0.7


@pytest.mark.parametrize("found", [[], [{"status": "failed"}]])
def test_nothing_to_compare(found):
    entries = [record("joint", 0, (1.0, 1.0), **change) for change in found]
    assert compare_scenarios(Results.of(entries)) == []
    assert delta_m(Results.of(entries)) == []
    assert pareto(Results.of(entries)).points == ()
    assert front_sentences(pareto(Results.of(entries))) == []


def test_one_scenario_alone(records):
    alone = [r for r in records if r.scenario == "joint"]
    found = compare_scenarios(Results.of(alone))
    assert [(c.a, c.b, c.why) for c in found] == [
        (floor, "joint", (RIVAL,)) for floor in ("bias", "popularity")
    ]
    without = [made.changed(r, floors={"ranking": {}, "retrieval": {}}) for r in alone]
    assert compare_scenarios(Results.of(without)) == []
    assert delta_m(Results.of(alone)) == []
    assert [p.on_front for p in pareto(Results.of(alone)).points] == [True]


# Users


def test_seeds_and_users_crossed_by_hand():
    """d = [[1, 2, 6], [2, 4, 6], [3, 3, 9]]: means by seed 3 4 5, by user 2 3 7, of all 4.

    The variances of the means by seed and by user are 1 and 7, so that the squared error is at
    most 1/3 + 7/3 with (8/3)² / ((1/3)² / 2 + (7/3)² / 2) = 64 / 25 degrees of freedom.
    """
    d = np.array([[1, 2, 6], [2, 4, 6], [3, 3, 9.0]])
    a = np.array([[5, 5, 5], [6, 6, 6], [1, 2, 3.0]])
    one = compare_users(a, a + d, ("retrieval/top_5", "x", "y"))
    error = math.sqrt(8 / 3)
    assert (one.metric, one.a, one.b) == ("retrieval/top_5 by user", "x", "y")
    assert (one.over, one.n, one.mean) == ("seeds and users", 3, pytest.approx(4))
    assert one.p == pytest.approx(2 * stats.t.sf(4 / error, 64 / 25))
    half = stats.t.isf(0.025, 64 / 25) * error
    assert (one.low, one.high) == pytest.approx((4 - half, 4 + half))
    assert (one.verdict, one.effect, one.detectable, one.beyond) == (
        "no evidence of a difference", None, None, None,
    )  # fmt: skip
    (text,) = sentences([one])
    assert text == (
        "no evidence of a difference between y and x in retrieval/top_5 by user: better by 4.0 "
        f"[−1.7, 9.7] (3 seeds and users, p = {one.p:.3f})"
    )
    lower = compare_users(a, a + d, ("retrieval/top_5", "x", "y"), False)
    assert (lower.mean, lower.p) == (-one.mean, one.p)
    assert (lower.low, lower.high) == pytest.approx((-one.high, -one.low))


def test_of_many_users_the_seeds_decide_and_of_many_seeds_the_users():
    """What one sample has none of, the other's t test says."""
    rng = np.random.default_rng(1)
    seeds, users = rng.normal(0.5, 1, (5, 1)), rng.normal(0.5, 1, (1, 400))
    alike = compare_users(np.zeros((5, 400)), np.repeat(seeds, 400, axis=1))
    assert alike.p == pytest.approx(stats.ttest_1samp(seeds[:, 0], 0).pvalue)
    by_seed = rng.normal(0, 1e-6, (5, 1))
    steady = compare_users(np.zeros((5, 400)), np.repeat(users, 5, axis=0) + by_seed)
    assert steady.p == pytest.approx(stats.ttest_1samp(users[0], 0).pvalue, rel=1e-3)


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_a_models_luck_is_no_property_of_its_scenario(level):
    """A/A with effects of seeds: each trained model is better or worse for all users.

    A test over users, each the mean of its five seeds, finds a difference in nearly half.
    """
    rng = np.random.default_rng(7)
    count, users = 200, 40
    shape = (count, 5, users)
    d = rng.normal(0, 0.3, (count, 5, 1)) + rng.normal(0, 0.3, (count, 1, users))
    d = d + rng.normal(0, 0.5, shape)
    zeros = np.zeros(shape[1:])
    found = [compare_users(zeros, one, confidence=1 - level) for one in d]
    false = np.mean([one.verdict in ("better", "worse") for one in found])
    assert false <= level + 3 * math.sqrt(level * (1 - level) / count)
    over_users = stats.ttest_1samp(d.mean(axis=1), 0, axis=1).pvalue
    assert np.mean(over_users < level) > 0.4


def test_users_without_a_value_are_left_out():
    nan = math.nan
    a = [[1.0, nan, 3.0, nan, 5.0], [2.0, 2.0, nan, nan, 5.0], [0.0, 0.0, 0.0, nan, 0.0]]
    b = [[2.0, 9.0, 4.0, 1.0, nan], [4.0, 5.0, 9.0, 1.0, 9.0], [1.0, 2.0, 3.0, 4.0, 4.0]]
    # gains 1 – 1 – –, 2 3 – – 4, 1 2 3 – 4: by seed 1, 3, 2.5, by user 4/3, 2.5, 2, –, 4
    one = compare_users(a, b)
    by_seed, by_user = np.array([1, 3, 2.5]), np.array([4 / 3, 2.5, 2, 4])
    # by seed the means of a are over the same users, so that their difference is that of the gains
    assert (one.n, one.mean) == (3, pytest.approx(by_seed.mean()))
    parts = [np.var(by_seed, ddof=1) / 3, np.var(by_user, ddof=1) / 4]
    df = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 3)
    assert one.p == pytest.approx(2 * stats.t.sf(one.mean / math.sqrt(sum(parts)), df))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (
            [[1.0, 2.0]],
            [[1.0]],
            r"expected values of the same seeds and users, found shapes \(1, 2\) and \(1, 1\)",
        ),
        ([1.0], [1.0], r"expected values of the same seeds and users, found shapes \(1,\)"),
        ([[math.nan]], [[1.0]], "expected users with a value of metric on both sides in every"),
        ([[]], [[]], "expected users with a value of metric on both sides in every seed, found no"),
        ([[1.0, math.nan], [1.0, 1.0]], [[math.nan, 1.0], [1.0, 1.0]], "expected users with a va"),
    ],
)
def test_users_that_do_not_pair(a, b, message):
    with pytest.raises(RecordError, match=f"^{message}"):
        compare_users(a, b)


def test_few_seeds_of_many_users_are_too_few():
    rng = np.random.default_rng(2)
    one = compare_users(np.zeros((2, 100)), rng.normal(9, 1, (2, 100)))
    assert (one.verdict, one.low, one.p, one.n) == ("too few seeds", None, None, 2)
    assert correct([one]) == [one]
    assert sentences([one])[0].startswith(
        "2 seeds and users are too few to compare b with a in metric"
    )


@pytest.mark.parametrize("users", [1, 2])
def test_few_users_of_many_seeds_have_no_verdict(users):
    d = np.random.default_rng(2).normal(9, 1, (5, users))
    one = compare_users(np.zeros((5, users)), d)
    assert (one.low, one.high, one.p, one.p_adjusted, one.detectable) == (None,) * 5
    assert one.verdict not in ("better", "worse")


def test_equal_users():
    """But for rounding."""
    a = np.full((3, 5), 0.3)
    one = compare_users(a, np.where(np.eye(3, 5), 0.1 + 0.2, a))
    assert (one.p, one.low, one.high, one.verdict) == (1, 0, 0, "identical")


def test_scenarios_over_users(records):
    rng = np.random.default_rng(0)
    users = {r.run_id: {"retrieval/top_5": rng.uniform(size=50)} for r in records}
    for run, values in users.items():
        values["retrieval/top_5"] += run.startswith("joint")
    found = compare_scenarios_over_users(Results.of(records), users)
    assert keys(found) == [
        ("retrieval/top_5 by user", "retrieve", "joint"),
        ("retrieval/top_5 by user", "retrieve", "other"),
        ("retrieval/top_5 by user", "joint", "other"),
    ]  # what is planned over seeds, but for the floor, which has no users
    assert [c.verdict for c in found] == ["better", "no evidence of a difference", "worse"]
    assert {(c.over, c.n, c.family) for c in found} == {("seeds and users", 4, 3)}
    stacks = [
        np.array([users[f"{name}-{seed}"]["retrieval/top_5"] for seed in range(4)])
        for name in ("joint", "other")
    ]
    alone = compare_users(*stacks, ("retrieval/top_5", "joint", "other"))
    adjusted = multipletests([c.p for c in found], method="holm")[1]
    assert [c.p_adjusted for c in found] == pytest.approx(adjusted)
    assert (found[2].p, found[2].mean, found[2].low) == (alone.p, alone.mean, alone.low)
    (named,) = compare_scenarios_over_users(Results.of(records), users, pairs=[("joint", "other")])
    assert named == alone
    assert compare_scenarios_over_users(Results.of(records), {}) == []
    with pytest.raises(RecordError, match="expected values of ranking/rmse by user, found none "):
        compare_scenarios_over_users(Results.of(records), users, metrics=["ranking/rmse"])
    users["joint-2"] = {"retrieval/top_5": np.zeros(49)}
    with pytest.raises(RecordError, match="expected retrieval/top_5 of the same users"):
        compare_scenarios_over_users(Results.of(records), users)


# Δm


def test_delta_m_by_hand(records):
    joint, other = delta_m(Results.of(records))
    assert (joint.scenario, joint.n, joint.left_out) == ("joint", 4, ())
    ranking = np.array([10.0, 100 * 0.08 / 1.1, 10.0, 11.0])
    retrieval = np.array([4.0, 2.5, 0.0, 2.0])
    both = (ranking + retrieval) / 2
    assert joint.per_task["ranking"].mean == pytest.approx(np.mean(ranking))
    assert joint.per_task["retrieval"].mean == pytest.approx(2.125)
    assert joint.mean == pytest.approx(np.mean(both))
    half = 3.182446 * np.std(both, ddof=1) / 2  # the 97.5 % quantile of t with 3 degrees
    assert (joint.low, joint.high) == pytest.approx((joint.mean - half, joint.mean + half))
    assert other.per_task["retrieval"].high < 0 < other.per_task["ranking"].mean
    narrow = delta_m(Results.of(records), 0.5)[0]
    assert joint.low < narrow.low < narrow.high < joint.high


def test_delta_m_in_words(records):
    assert transfer_sentences(delta_m(Results.of(records))) == [
        "joint against single tasks: Δm +5.8 % [4.2, 7.5] (4 seeds)",
        "other against single tasks: Δm −18.9 % [−22.5, −15.3] (4 seeds)",
    ]
    one = [r for r in records if r.seed == 0]
    assert {d.low for d in delta_m(Results.of(one))} == {None}
    assert transfer_sentences(delta_m(Results.of(one)))[0] == (
        "joint against single tasks: Δm +7.0 % (1 seed: too few for an interval)"
    )


def test_delta_m_averages_the_headline_metrics_of_a_task_first(records):
    listed = [made.metric("top_5"), made.metric("top_9")]
    records = [made.changed(entry, metric_info__retrieval=listed) for entry in records]
    for entry in records:
        if entry.scenario == "joint":
            entry.metrics["retrieval"]["top_9"] *= 2  # about +100 %
    joint = delta_m(Results.of(records))[0]
    gains = np.array([[4.0, 2.5, 0.0, 2.0], [108.0, 105.0, 100.0, 104.0]])
    assert joint.per_task["retrieval"].mean == pytest.approx(gains.mean())
    ranking = joint.per_task["ranking"].mean
    assert joint.mean == pytest.approx((ranking + gains.mean()) / 2)


def test_delta_m_needs_every_baseline_and_a_common_seed(records):
    assert delta_m(Results.of([r for r in records if r.scenario != "rank"])) == []
    fewer = [r for r in records if r.scenario != "retrieve" or r.seed != 1]
    assert [d.n for d in delta_m(Results.of(fewer))] == [3, 3]
    apart = [made.changed(r, seed=r.seed + 9) if r.scenario == "rank" else r for r in records]
    assert delta_m(Results.of(apart)) == []


def test_nothing_is_relative_to_zero(records):
    for entry in records:
        if entry.scenario == "retrieve" and entry.seed == 2:
            entry.metrics["retrieval"]["top_5"] = 0.0
    assert delta_m(Results.of(records)) == []  # no other headline metric of retrieval
    listed = [made.metric("top_5"), made.metric("top_9")]
    records = [made.changed(entry, metric_info__retrieval=listed) for entry in records]
    for entry in records:
        entry.metrics["retrieval"]["top_9"] = 0.5
    joint = delta_m(Results.of(records))[0]
    assert joint.left_out == ("retrieval/top_5",)
    assert joint.per_task["retrieval"].mean == 0


def test_a_baseline_below_zero_keeps_the_sign(records):
    for entry in records:
        entry.metrics["retrieval"]["top_5"] -= 1  # as a correlation or R² may be
    joint = delta_m(Results.of(records))[0]
    assert joint.per_task["retrieval"].mean == pytest.approx(
        np.mean([100 * g for g in (0.02 / 0.5, 0.01 / 0.6, 0.0, 0.01 / 0.5)])
    )


# Front


def flat(**points):
    """One run of each scenario of both tasks."""
    return [record(name.replace("__", "]").replace("_", "["), 0, p) for name, p in points.items()]


def test_hypervolume_by_hand():
    """Beyond rmse 1.0 and top_5 0.2: 0.3 × 0.1, then 0.2 × 0.2 more, then 0.1 × 0.3 more."""
    front = pareto(Results.of(flat(a=(0.7, 0.3), b=(0.8, 0.5), c=(0.9, 0.8), d=(0.85, 0.4))))
    assert [(o.key, o.higher_is_better, o.reference) for o in front.objectives] == [
        ("ranking/rmse", False, 1.0),
        ("retrieval/top_5", True, 0.2),
    ]
    assert front.hypervolume == pytest.approx(0.3 * 0.1 + 0.2 * 0.2 + 0.1 * 0.3)
    assert [p.on_front for p in front.points] == [True, True, True, False]
    assert front.points[0].values == {"ranking/rmse": 0.7, "retrieval/top_5": 0.3}
    assert front_sentences(front) == [
        "on the Pareto front of ranking/rmse and retrieval/top_5, by means: a, b and c"
    ]


def test_what_no_floor_is_beaten_by_adds_nothing():
    one = pareto(Results.of(flat(a=(0.7, 0.3))))
    worse = pareto(Results.of(flat(a=(0.7, 0.3), b=(1.1, 0.9))))  # above a floor in one task alone
    assert worse.hypervolume == one.hypervolume == pytest.approx(0.3 * 0.1)
    assert [p.on_front for p in worse.points] == [True, True]
    assert pareto(Results.of(flat(b=(1.1, 0.9)))).hypervolume == 0


def test_equal_points_are_both_on_the_front():
    front = pareto(Results.of(flat(a=(0.7, 0.3), b=(0.7, 0.3), c=(0.7, 0.2))))
    assert [p.on_front for p in front.points] == [True, True, False]


def with_tasks(number, points):
    """Records with tasks t0… of one metric x each, of which less is better; the floors are 2."""
    tasks = [f"t{i}" for i in range(number)]
    return [
        record(
            name,
            0,
            (0, 0),
            tasks,
            metrics={task: {"x": x} for task, x in zip(tasks, point, strict=True)},
            floors={task: {"floor": {"x": 2.0}} for task in tasks},
            metric_info={task: [made.metric("x", higher=False)] for task in tasks},
        )
        for name, point in points.items()
    ]


def test_three_objectives_by_hand():
    """A box of 2 × 2 × 1 and one of 1 × 1 × 2 that share 1 × 1 × 1."""
    front = pareto(Results.of(with_tasks(3, {"a": (0, 0, 1), "b": (1, 1, 0), "c": (1, 1, 1)})))
    assert front.hypervolume == pytest.approx(4 + 2 - 1)
    assert [p.on_front for p in front.points] == [True, True, False]


def test_one_objective():
    front = pareto(Results.of(with_tasks(1, {"a": (1.5,), "b": (0.5,), "c": (3.0,)})))
    assert front.hypervolume == pytest.approx(1.5)
    assert [p.on_front for p in front.points] == [False, True, False]
    assert front_sentences(front) == []


def test_moocores_example():
    """Four points with the reference (10, 10): 38."""
    points = {"a": (5, 5), "b": (4, 6), "c": (2, 7), "d": (7, 4)}
    floors = {task: {"floor": {"x": 10.0}} for task in ("t0", "t1")}
    entries = [made.changed(entry, floors=floors) for entry in with_tasks(2, points)]
    assert pareto(Results.of(entries)).hypervolume == 38


def test_no_floor_no_hypervolume():
    entries = flat(a=(0.7, 0.3), s_w1__=(0.9, 0.2))
    for entry in entries:
        entry.floors["retrieval"] = {}
    front = pareto(Results.of(entries))
    assert [o.reference for o in front.objectives] == [1.0, None]
    assert front.hypervolume is None
    assert (front.sweeps[0].hypervolume, front.standings[0].gain) == (None, None)
    assert front.standings[0].dominates == ("s[w1]",)


def test_points_are_means_and_the_reference_is_one_of_splits(records):
    for entry in records:  # seed 1 has a stronger floor; its split counts once
        if entry.seed == 1:
            entry.floors["ranking"] = {"bias": {"rmse": 0.6}, "mean": {"rmse": 0.9}}
    front = pareto(Results.of(records))
    assert front.objectives[0].reference == pytest.approx((3 * 1.0 + 0.6) / 4)
    joint = front.points[2]
    assert joint.values["ranking/rmse"] == pytest.approx((0.90 + 1.02 + 0.81 + 0.89) / 4)
    assert (joint.n, joint.on_front) == (4, True)


def test_the_axis_is_the_first_headline_metric(records):
    def axes(*listed):
        found = [made.changed(entry, metric_info__retrieval=listed) for entry in records]
        return [objective.key for objective in pareto(Results.of(found)).objectives]

    last = made.metric("top_9", headline=False)
    assert axes(last, made.metric("top_5")) == ["ranking/rmse", "retrieval/top_5"]
    assert axes(last, made.metric("top_5", headline=False)) == ["ranking/rmse", "retrieval/top_9"]


SWEEP = {"s_w1__": (0.7, 0.3), "s_w2__": (0.8, 0.5), "s_w3__": (0.85, 0.4)}


def test_a_strategy_against_a_sweep():
    others = {"best": (0.6, 0.6), "lost": (0.8, 0.4), "between": (0.75, 0.45), "equal": (0.8, 0.5)}
    front = pareto(Results.of(flat(**SWEEP, **others)))
    assert [p.sweep for p in front.points] == ["s"] * 3 + [None] * 4
    (sweep,) = front.sweeps
    assert (sweep.name, sweep.members) == ("s", ("s[w1]", "s[w2]", "s[w3]"))
    assert sweep.front == ("s[w1]", "s[w2]")
    assert sweep.hypervolume == pytest.approx(0.3 * 0.1 + 0.2 * 0.2)
    best, lost, between, equal = front.standings
    assert (best.scenario, best.sweep, best.members) == ("best", "s", 3)
    assert (best.dominates, best.dominated_by) == (sweep.members, ())
    assert best.gain == pytest.approx(0.4 * 0.4 - sweep.hypervolume)
    assert (lost.dominates, lost.dominated_by, lost.gain) == (("s[w3]",), ("s[w2]",), 0)
    assert (between.dominates, between.dominated_by) == (("s[w3]",), ())
    assert between.gain == pytest.approx(0.05 * 0.15)
    assert (equal.dominates, equal.dominated_by, equal.gain) == (("s[w3]",), (), 0)
    against = "against the 3 points of the sweep of s, by means:"
    assert front_sentences(front)[1:] == [
        f"best {against} better than all of them in every task",
        f"lost {against} no better than s[w2] in any task, worse in one",
        f"between {against} better than 1 of them in every task, and worse than none in every task",
        f"equal {against} better than 1 of them in every task, and worse than none in every task",
    ]


def test_sweeps_against_each_other_and_not_against_single_tasks():
    other = {"u_c1__": (0.9, 0.25), "u_c2__": (0.6, 0.3)}
    single = record("rank", 0, (0.5, 0.9), ["ranking"])
    front = pareto(Results.of([single, *flat(**SWEEP, **other)]))
    assert [sweep.name for sweep in front.sweeps] == ["s", "u"]
    assert [(one.scenario, one.sweep) for one in front.standings] == [
        ("u[c1]", "s"),
        ("u[c2]", "s"),
        ("s[w1]", "u"),
        ("s[w2]", "u"),
        ("s[w3]", "u"),
    ]
    assert not front.points[0].on_front


def test_the_front_is_of_scenarios_that_train_every_task():
    """A score in a task that was not trained is of a head as it was drawn: no trade-off."""
    both = flat(a=(0.7, 0.3), b=(0.8, 0.5))
    alone = [
        record("rank", 0, (0.1, 0.9), ["ranking"]),
        record("retrieve", 0, (0.6, 0.95), ["retrieval"]),
    ]
    front = pareto(Results.of([*alone, *both]))
    assert [p.on_front for p in front.points] == [False, False, True, True]
    assert front.hypervolume == pareto(Results.of(both)).hypervolume
    assert front_sentences(front) == [
        "on the Pareto front of ranking/rmse and retrieval/top_5, by means: a and b"
    ]
    neither = pareto(Results.of(alone))
    assert (neither.hypervolume, [p.on_front for p in neither.points]) == (None, [False, False])
    assert front_sentences(neither) == []
    assert front_sentences(pareto(Results.of([]))) == []


def test_a_sweep_is_seen_in_its_own_tasks():
    """A third task that the sweep does not train does not decide."""
    entries = with_tasks(3, {"s[1]": (1, 1, 0.5), "best": (0.5, 0.5, 1.9)})
    entries = [made.changed(entry, answer__trained_tasks=["t0", "t1"]) for entry in entries]
    front = pareto(Results.of(entries))
    assert front.standings[0].dominates == ("s[1]",)
    assert front.sweeps[0].hypervolume == pytest.approx(1.0)
    assert [p.on_front for p in front.points] == [False, False]  # none trains all three


@pytest.mark.parametrize("name", ["[a]", "a[b", "a]", "a"])
def test_what_is_no_sweep(name):
    assert pareto(Results.of([record(name, 0, (0.5, 0.5))])).sweeps == ()


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=8))
@settings(max_examples=50)
def test_the_front_is_what_is_not_dominated(points):
    entries = with_tasks(2, {f"s{i}": point for i, point in enumerate(points)})
    front = pareto(Results.of(entries))
    for point, (x, y) in zip(front.points, points, strict=True):
        beaten = any(u <= x and v <= y and (u, v) != (x, y) for u, v in points)
        assert point.on_front != beaten
    step, area = 0.0, 0.0
    for x, y in sorted(points):  # a staircase
        gain = max(0.0, 2 - y - step)
        area, step = area + (2 - x) * gain, step + gain
    assert front.hypervolume == pytest.approx(area, abs=1e-9)


# Words


def test_sentences(records):
    found = compare_scenarios(Results.of(records))
    text = sentences(found)
    assert text[0] == (
        "joint is better than rank in ranking/rmse by 0.095 [0.074, 0.116] "
        "(4 seeds, p = 0.004 corrected for 8 comparisons)"
    )
    assert text[5].startswith("other is worse than retrieve in retrieval/top_5 by 0.195 [0.1")
    # gains of 0.02, 0.01, 0 and 0.01: two are alike, in steps of 0.01, so that the spread is
    # √(0.01 · 0.01) or more and the interval 0.01 ± 3.18 · 0.01 / √4
    assert assured_difference(4, 0.05 / 8) == pytest.approx(5.97, abs=0.01)
    assert text[4] == (
        "no evidence of a difference between joint and retrieve in retrieval/top_5: better by "
        f"0.010 [−0.006, 0.026] (4 seeds, p = {found[4].p_adjusted:.3f} corrected for 8 "
        "comparisons); four of five further suites like this one would find a difference of 0.060"
    )


def test_whether_training_together_helped(records):
    """The scenario of several tasks with the best mean speaks for all of a task's twins."""
    results = Results.of(records)
    found = compare_scenarios(results)
    ranking, retrieval, *rivals = answer_sentences(results, found)
    assert ranking == (
        "of 2 scenarios that train ranking with other tasks 1 is better than ranking alone in "
        f"rmse, 0 worse, 1 without a clear difference; the best mean of them: {sentences(found)[0]}"
    )
    assert retrieval == (
        "of 2 scenarios that train retrieval with other tasks none is better than retrieval alone "
        "in top 5, 1 worse, 1 without a clear difference; the best mean of them: "
        f"{sentences(found)[4]}"
    )
    assert [text[:35] for text in rivals] == [
        "against the floor bias: no evidence",
        "the best scenario in top 5, joint, ",
    ]


@pytest.mark.parametrize(
    ("gains", "start"),
    [
        ((0.1, 0.12, 0.13, 0.1), "training ranking with other tasks helped: joint is better than"),
        (
            (-0.1, -0.12, -0.13, -0.1),
            "training ranking with other tasks did harm: joint is worse than",
        ),
        (
            (0.1, -0.1, 0.2, -0.1),
            "training ranking with other tasks had no clear effect: no eviden",
        ),
        ((0.0,) * 4, "training ranking with other tasks changed nothing: joint and rank"),
        (
            (0.1,) * 4,
            "whether training ranking with other tasks helped cannot be told: no claim on",
        ),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_twin_alone_is_the_answer(gains, start, order):
    """Whichever comes first, and where the single task is the best, so that it is compared last."""
    alone = runs("rank", [(1.0 + s / 50, 0.1) for s in range(4)], ["ranking"])
    joint = runs("joint", [(1.0 + s / 50 - gain, 0.1) for s, gain in enumerate(gains)])
    results = Results.of([*alone, *joint][::order])
    assert answer_sentences(results, planned(results))[0].startswith(start)


def test_of_one_seed_there_is_no_answer():
    results = Results.of([*runs("rank", [(1.0, 0.1)], ["ranking"]), *runs("joint", [(0.5, 0.1)])])
    assert answer_sentences(results, planned(results))[0] == (
        "whether training ranking with other tasks helped cannot be told: 1 seed is too few to "
        "compare joint with rank in ranking/rmse (as seen: 0.50 better)"
    )


@pytest.mark.parametrize(
    ("mean", "scale", "text"),
    [(0.0101, 0.01, "0.010 better"), (-0.5, 0.1, "0.50 worse"), (0.0, 0.1, "0")],
)
def test_better_or_worse_instead_of_signs(mean, scale, text):
    assert by(mean, scale) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "p < 0.001"), (0.0009, "p < 0.001"), (0.0123, "p = 0.012"), (1.0, "p = 1.000")],
)
def test_p_values(p, text):
    one = replace(compare_values([1, 2, 3], [2, 5, 3], NAMES, True), p_adjusted=p)
    assert p_value(one) == text
    assert p_value(replace(one, family=7)) == f"{text} corrected for 7 comparisons"


@pytest.mark.parametrize(
    ("value", "scale", "sign", "text"),
    [
        (0.01416, 0.0061, "", "0.0142"),
        (-3.14159, 0.5, "", "−3.14"),
        (12345.6, 700, "", "12,346"),
        (0.5, 0.0, "+", "+0.500"),
        (-0.00001, 0.1, "", "0.00"),
        (1e-9, 2e-10, "", "0.00000000100"),
    ],
)
def test_numbers_have_two_digits_of_their_uncertainty(value, scale, sign, text):
    assert decimal(value, scale, sign) == text


def test_scipy_and_moocore_are_paid_for_where_they_are_used():
    code = "import sys, mtbench.evidence; print({'scipy', 'moocore', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
