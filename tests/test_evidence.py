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
from scipy import integrate, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from mtbench.errors import RecordError
from mtbench.evidence import (
    compare_scenarios,
    compare_scenarios_over_users,
    compare_users,
    compare_values,
    correct,
    delta_m,
    front_sentences,
    hypervolume_sentence,
    pareto,
    sentences,
    smallest_detectable,
    transfer_sentences,
)
from mtbench.evidence.formulas import hedges_correction, holm
from mtbench.evidence.words import decimal, p_value
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
@settings(max_examples=60, deadline=None)
def test_the_test_is_scipys(pairs, higher, confidence):
    a, b = np.array(pairs).T
    one = compare_values(a, b, NAMES, higher, confidence)
    mirrored = compare_values(b, a, NAMES, higher, confidence)
    assert mirrored.mean == -one.mean
    assert (mirrored.p, mirrored.sd, mirrored.detectable) == (one.p, one.sd, one.detectable)
    if one.sd < 1e-6:
        return
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
@settings(max_examples=30, deadline=None)
def test_units_do_not_matter(n, scale, seed):
    values = np.random.default_rng(seed).normal(size=(2, n))
    one, other = (compare_values(*v, NAMES, True) for v in (values, scale * values))
    assert other.p == pytest.approx(one.p, rel=1e-6)
    assert other.effect == pytest.approx(one.effect, rel=1e-6)
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


def test_one_difference_in_all_pairs():
    """0.1 is not exactly so in floats: the differences vary by rounding alone."""
    a = np.array([0.3, 0.7, 0.9, 5.1])
    assert len({*((a + 0.1) - a)}) > 1
    one = compare_values(a, a + 0.1, NAMES, False)
    assert (one.verdict, one.p, one.p_adjusted, one.sd) == ("worse", 0, 0, 0)
    assert (one.low, one.high) == (one.mean, one.mean) == (pytest.approx(-0.1),) * 2
    assert (one.effect, one.detectable) == (None, None)
    assert sentences([one]) == [
        (
            "b is worse than a in task/metric by 0.100 in each of 4 seeds alike "
            "(p < 0.001; it varies by nothing at all)"
        )
    ]


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_seeds_are_too_few(n):
    one = compare_values([1.0, 1.0][:n], [9.0, 9.5][:n], NAMES, True)
    assert (one.n, one.verdict) == (n, "too few seeds")
    assert one.mean == pytest.approx([8.0, 8.25][n - 1])
    assert {one.low, one.high, one.p, one.p_adjusted, one.effect, one.detectable} == {None}
    (text,) = sentences([one])
    assert text == (
        f"too few seeds to compare b with a in task/metric: {n} seed{'s' * (n - 1)}, and fewer "
        "than 3 do not show how much a difference varies by chance"
    )


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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=10, deadline=None)  # 0.1 s each, in statsmodels
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
    values = rng.normal(1.5, 1, size=(3000, 5))
    effects = [compare_values(np.zeros(5), row, NAMES, True).effect for row in values]
    assert np.mean(effects) == pytest.approx(1.5, abs=0.05)  # 1.88 without the correction


@pytest.mark.parametrize(("n", "level"), [(3, 0.05), (5, 0.05), (5, 0.01), (10, 0.01), (60, 0.05)])
def test_detectable_is_that_of_statsmodels(n, level):
    expected = TTestPower().solve_power(nobs=n, alpha=level, power=0.8)
    assert smallest_detectable(n, 2.5, level) == pytest.approx(2.5 * expected, rel=1e-5)


def test_detectable_as_in_r():
    """`pwr.t.test(d = 0.2, n = 60, sig.level = 0.10, type = "one.sample")`: power 0.4555818."""
    assert smallest_detectable(60, 1.0, 0.10, 0.4555818) == pytest.approx(0.2, abs=2e-3)


@pytest.mark.parametrize("n", [3, 4, 10])
@pytest.mark.parametrize("level", [0.05, 0.01, 0.05 / 2000])
def test_detectable_by_integration(n, level):
    """At many levels SciPy's distribution of the noncentral t, and so statsmodels, gives NaN."""
    noncentrality = smallest_detectable(n, math.sqrt(n), level)
    critical = stats.t.isf(level / 2, n - 1)

    def found(share):  # where sd / σ is at this quantile
        sd = np.sqrt(stats.chi2.ppf(share, n - 1) / (n - 1))
        return stats.norm.cdf(noncentrality - critical * sd)

    assert integrate.quad(found, 0, 1)[0] == pytest.approx(0.8, abs=1e-4)


def test_detectable_for_many_users_is_the_normals():
    normal = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    assert smallest_detectable(10**6, 1.0) == pytest.approx(normal / 1000, rel=1e-4)


# Families


def keys(comparisons):
    return [(c.metric, c.a, c.b) for c in comparisons]


def test_default_family(records):
    found = compare_scenarios(Results.of(records))
    assert keys(found) == [
        ("ranking/rmse", "rank", "joint"),
        ("retrieval/top_5", "retrieve", "joint"),
        ("ranking/rmse", "rank", "other"),
        ("retrieval/top_5", "retrieve", "other"),
        ("ranking/rmse", "joint", "other"),
        ("retrieval/top_5", "joint", "other"),
    ]
    assert {(c.n, c.family, c.over) for c in found} == {(4, 6, "seeds")}
    rmse = np.array([[1.00, 1.10, 0.90, 1.00], [0.90, 1.02, 0.81, 0.89]])
    assert found[0].mean == pytest.approx(np.mean(rmse[0] - rmse[1]))  # lower is better
    assert found[0].p == pytest.approx(stats.ttest_rel(*rmse).pvalue)
    adjusted = multipletests([c.p for c in found], method="holm")[1]
    assert [c.p_adjusted for c in found] == pytest.approx(adjusted)
    assert [c.verdict == "no evidence of a difference" for c in found] == list(adjusted >= 0.05)
    assert {c.verdict for c in found} == {"better", "worse", "no evidence of a difference"}
    assert found[0].detectable == pytest.approx(smallest_detectable(4, found[0].sd, 0.05 / 6))


def test_all_pairs_and_named_ones(records):
    found = compare_scenarios(Results.of(records), pairs="all")
    assert ("ranking/rmse", "rank", "retrieve") not in keys(found)  # no task of both
    assert set(keys(found)) == set(keys(compare_scenarios(Results.of(records))))
    metrics = ["retrieval/top_9", "ranking/rmse"]
    found = compare_scenarios(Results.of(records), metrics=metrics, pairs=[("other", "joint")])
    assert keys(found) == [(metric, "other", "joint") for metric in metrics]
    assert found[0].family == 2
    (one,) = compare_scenarios(Results.of(records), pairs=[("retrieve", "joint")])
    assert one.p_adjusted == one.p


def test_only_common_seeds_pair(records):
    more = [*records, record("joint", 9, (9.0, 0.0)), record("rank", 8, (9.0, 0.0), ["ranking"])]
    assert compare_scenarios(Results.of(more))[0] == compare_scenarios(Results.of(records))[0]
    apart = [r if r.scenario != "other" else made.changed(r, seed=r.seed + 10) for r in records]
    assert {c.b for c in compare_scenarios(Results.of(apart))} == {"joint"}
    with pytest.raises(RecordError, match="expected 'joint' and 'other' with a seed in common"):
        compare_scenarios(Results.of(apart), pairs=[("joint", "other")])


def test_too_few_seeds_are_no_tests_of_the_family(records):
    few = [r for r in records if r.scenario != "other" or r.seed < 2]
    found = compare_scenarios(Results.of(few))
    assert [c.verdict for c in found[2:]] == ["too few seeds"] * 4
    assert {c.family for c in found} == {2}
    assert found[:2] == correct(found[:2])


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
    again = record("joint", 0, (0.7, 0.6), started="2027")
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
    assert compare_scenarios(Results.of(alone)) == []
    assert delta_m(Results.of(alone)) == []
    assert [p.on_front for p in pareto(Results.of(alone)).points] == [True]


# Users


def test_users_by_t_and_bootstrap():
    rng = np.random.default_rng(3)
    a = rng.binomial(5, 0.3, 400) / 5
    b = np.clip(a + rng.choice([-0.2, 0, 0, 0.2, 0.2], 400), 0, 1)
    one = compare_users(a, b, ("retrieval/top_5", "x", "y"))
    test = stats.ttest_rel(b, a)
    assert (one.over, one.n, one.verdict) == ("users", 400, "better")
    assert (one.mean, one.p) == (pytest.approx(np.mean(b - a)), pytest.approx(test.pvalue))
    interval = test.confidence_interval()
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high), abs=0.002)
    assert (one.low, one.high) != (interval.low, interval.high)
    assert one == compare_users(a, b, ("retrieval/top_5", "x", "y"))  # seeded
    lower = compare_users(a, b, ("retrieval/top_5", "x", "y"), False)
    assert (lower.verdict, lower.mean) == ("worse", -one.mean)
    assert (lower.low, lower.high) == pytest.approx((-one.high, -one.low), abs=0.002)
    (text,) = sentences([one])
    assert text.startswith("y is better than x in retrieval/top_5 by 0.0")
    assert "(400 users, p < 0.001)" in text


def test_users_interval_by_hand():
    """Of 1000 users one half gains 1: the mean is 0.5 with standard error √(0.25 / 1000)."""
    b = np.repeat([0.0, 1.0], 500)
    one = compare_users(np.zeros(1000), b, confidence=0.9)
    half = 1.6449 * math.sqrt(0.25 / 1000)
    assert (one.low, one.high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.003)


def test_users_without_a_value_are_left_out():
    nan = math.nan
    a = [[1.0, nan, 3.0, nan, 5.0], [2.0, 2.0, nan, nan, 5.0]]
    b = [[2.0, 9.0, 4.0, 1.0, nan], [4.0, 5.0, 9.0, 1.0, 9.0]]
    # user 0: (1 + 2) / 2, 1: 3 of the second seed, 2: 1 of the first, 3: none, 4: 4 of the second
    one = compare_users(a, b)
    assert (one.n, one.mean) == (4, pytest.approx((1.5 + 3 + 1 + 4) / 4))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0], r"expected values of the same users, found shapes \(2,\) and \(1,\)"),
        ([math.nan], [1.0], "expected users with a value of metric on both sides, found none"),
        ([], [], "expected users with a value of metric on both sides, found none"),
    ],
)
def test_users_that_do_not_pair(a, b, message):
    with pytest.raises(RecordError, match=f"^{message}"):
        compare_users(a, b)


def test_two_users_are_too_few():
    one = compare_users([1.0, 2.0], [3.0, 5.0])
    assert (one.verdict, one.low, one.p) == ("too few users", None, None)
    assert correct([one]) == [one]
    assert sentences([one])[0].startswith("too few users to compare b with a in metric: 2 users")


def test_equal_users():
    one = compare_users([0.3] * 5, [0.3] * 4 + [0.1 + 0.2])  # but for rounding
    assert (one.p, one.low, one.high, one.verdict) == (1, 0, 0, "identical")


def test_scenarios_over_users(records):
    rng = np.random.default_rng(0)
    users = {r.run_id: {"retrieval/top_5": rng.uniform(size=50)} for r in records}
    for run, values in users.items():
        values["retrieval/top_5"] += run.startswith("joint")
    found = compare_scenarios_over_users(Results.of(records), users)
    assert keys(found) == [
        ("retrieval/top_5", "retrieve", "joint"),
        ("retrieval/top_5", "retrieve", "other"),
        ("retrieval/top_5", "joint", "other"),
    ]
    assert [c.verdict for c in found] == ["better", "no evidence of a difference", "worse"]
    assert {(c.over, c.n, c.family) for c in found} == {("users", 50, 3)}
    stacks = [
        [users[f"{name}-{seed}"]["retrieval/top_5"] for seed in range(4)]
        for name in ("joint", "other")
    ]
    alone = compare_users(*stacks, ("retrieval/top_5", "joint", "other"))
    assert found[2].p_adjusted == pytest.approx(min(1, alone.p * 3), rel=1e-6)
    assert (found[2].mean, found[2].low) == (alone.mean, alone.low)
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
    assert joint.negative_transfer == ()
    assert other.per_task["retrieval"].high < 0 < other.per_task["ranking"].mean
    assert other.negative_transfer == ("retrieval",)
    narrow = delta_m(Results.of(records), 0.5)[0]
    assert joint.low < narrow.low < narrow.high < joint.high


OTHER = (
    "other against single tasks: Δm −18.9 % [−22.5, −15.3] (4 seeds); "
    "negative transfer to retrieval"
)


def test_delta_m_in_words(records):
    assert transfer_sentences(delta_m(Results.of(records))) == [
        "joint against single tasks: Δm +5.8 % [4.2, 7.5] (4 seeds)",
        OTHER,
    ]
    one = [r for r in records if r.seed == 0]
    assert [d.negative_transfer for d in delta_m(Results.of(one))] == [(), ()]
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
    assert hypervolume_sentence(front) is None
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
    gain = "it adds 0.0075 to their hypervolume"
    assert front_sentences(front)[1:] == [
        f"best {against} dominates all of them",
        f"lost {against} no better than s[w2] in any task, worse in one",
        f"between {against} dominates 1 of them, and none dominates it; {gain}",
        f"equal {against} dominates 1 of them, and none dominates it",
    ]
    assert hypervolume_sentence(front) == (
        "hypervolume beyond the strongest floors, ranking/rmse × retrieval/top_5: 0.16 of all "
        "scenarios and 0.07 of the sweep of s alone, in the tasks it trains"
    )


def test_sweeps_against_each_other_and_not_against_single_tasks():
    other = {"u_c1__": (0.9, 0.25), "u_c2__": (0.6, 0.3)}
    single = record("rank", 0, (0.5, 0.1), ["ranking"])
    front = pareto(Results.of([single, *flat(**SWEEP, **other)]))
    assert [sweep.name for sweep in front.sweeps] == ["s", "u"]
    assert [(one.scenario, one.sweep) for one in front.standings] == [
        ("u[c1]", "s"),
        ("u[c2]", "s"),
        ("s[w1]", "u"),
        ("s[w2]", "u"),
        ("s[w3]", "u"),
    ]
    assert front.points[0].on_front


def test_a_sweep_is_seen_in_its_own_tasks():
    """A third task that the sweep does not train does not decide."""
    entries = with_tasks(3, {"s[1]": (1, 1, 0.5), "best": (0.5, 0.5, 1.9)})
    entries = [made.changed(entry, answer__trained_tasks=["t0", "t1"]) for entry in entries]
    front = pareto(Results.of(entries))
    assert front.standings[0].dominates == ("s[1]",)
    assert front.sweeps[0].hypervolume == pytest.approx(1.0)
    assert [p.on_front for p in front.points] == [True, True]


@pytest.mark.parametrize("name", ["[a]", "a[b", "a]", "a"])
def test_what_is_no_sweep(name):
    assert pareto(Results.of([record(name, 0, (0.5, 0.5))])).sweeps == ()


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
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
    text = sentences(compare_scenarios(Results.of(records)))
    assert text[0] == (
        "joint is better than rank in ranking/rmse by 0.095 [0.074, 0.116] "
        "(4 seeds, p = 0.003 corrected for 6 comparisons)"
    )
    assert text[3].startswith("other is worse than retrieve in retrieval/top_5 by 0.195 [0.1")
    assert text[1] == (
        "no evidence of a difference between joint and retrieve in retrieval/top_5: "
        "+0.010 [−0.003, 0.023] (4 seeds, p = 0.183 corrected for 6 comparisons); "
        "a difference of 0.032 would have been found four times in five at this spread"
    )


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
