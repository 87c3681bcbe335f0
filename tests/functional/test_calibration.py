"""Verdicts are right as often as they say: on made-up records, and on real runs of one scenario.

Every comparison is a family of its own here unless a test says otherwise: Holm's correction makes
false alarms rarer still.
"""

import functools
import math

import numpy as np
import pytest
from made import changed, metric, record, repeated, run_suite

from mtbench.evidence import compare_scenarios, compare_users
from mtbench.records.results import Results
from mtbench.records.series import measure
from mtbench.regress.gate import check
from mtbench.regress.limits import Limits

LEVEL = 0.05
NOTHING = "no evidence of a difference"


def upper(share, count):
    """A share with three standard errors of its own."""
    return share + 3 * math.sqrt(share * (1 - share) / count)


@functools.cache
def of_metrics(scenario, names):
    """A record with one task of these metrics, of which more is better."""
    return record(
        scenario,
        0,
        tasks=["t"],
        metrics={"t": dict.fromkeys(names, 0.0)},
        metric_info={"t": [metric(name) for name in names]},
        floors={"t": {}},
    )


def valued(scenario, seed, values):
    """A record with one task of metrics m0…."""
    metrics = {f"m{i}": float(value) for i, value in enumerate(values)}
    return repeated(of_metrics(scenario, tuple(metrics)), seed, t=metrics)


def judge(a, b):
    """Compare values `[seeds, metrics]` of two scenarios as records; the family."""
    made = [
        valued(name, seed, row)
        for name, rows in (("a", a), ("b", b))
        for seed, row in enumerate(rows)
    ]
    return compare_scenarios(Results.of(made), pairs=[("a", "b")])


def noise(rng, seeds):
    """Values of two equal scenarios, `[2, seeds, 1]`: a spread of splits, and one of their own."""
    return rng.normal(0, 3, (1, seeds, 1)) + rng.normal(0, 1, (2, seeds, 1))


@pytest.mark.parametrize("seeds", [3, 5])
def test_made_up_equals_are_seldom_different(seeds):
    rng, count = np.random.default_rng(seeds), 1000
    found = [judge(*noise(rng, seeds))[0].verdict for _ in range(count)]
    share = np.mean([verdict != NOTHING for verdict in found])
    assert 2 * LEVEL - upper(LEVEL, count) <= share <= upper(LEVEL, count)
    assert {*found} == {"better", "worse", NOTHING}


def test_a_family_of_equals_is_seldom_different_in_anything():
    rng, count = np.random.default_rng(1), 600
    families = [judge(*rng.normal(size=(2, 5, 6))) for _ in range(count)]
    share = np.mean([any(c.verdict != NOTHING for c in family) for family in families])
    assert share <= upper(LEVEL, count)


@pytest.mark.thorough
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_difference_of_the_stated_size_is_found_by_four_of_five_further_suites(seeds):
    """Stated of one suite's records, whose spread is an estimate, and planted in a further's."""
    rng, count = np.random.default_rng(seeds), 1000
    found = []
    for _ in range(count):
        stated = judge(*100 + noise(rng, seeds))[0].detectable
        a, b = 100 + noise(rng, seeds)
        found.append(judge(a, b + stated)[0].verdict == "better")
    assert 1 - upper(0.2, count) <= np.mean(found) <= upper(0.8, count)


def test_in_a_family_it_is_found_at_least_as_often():
    rng, count = np.random.default_rng(4), 200
    found = []
    for _ in range(count):
        stated = judge(*100 + rng.normal(size=(2, 5, 6)))[0].detectable
        a, b = 100 + rng.normal(size=(2, 5, 6))
        b[:, 0] += stated
        found.append(judge(a, b)[0].verdict == "better")
    assert np.mean(found) >= 1 - upper(0.2, count)


def test_equal_users_are_seldom_different():
    """Hits of five tries, as top-k accuracy by user is, of three models each."""
    rng, count = np.random.default_rng(5), 400
    found = []
    for _ in range(count):
        a, b = rng.binomial(5, rng.beta(1, 4, (1, 1, 60)), (2, 3, 60)) / 5
        found.append(compare_users(a, b).verdict)
    assert np.mean([verdict in ("better", "worse") for verdict in found]) <= upper(LEVEL, count)


def test_an_interval_over_seeds_and_users_holds_the_mean():
    rng, count = np.random.default_rng(6), 300
    made = [
        compare_users(np.zeros((4, 60)), rng.exponential(1, (1, 60)) + rng.normal(0, 0.2, (4, 1)))
        for _ in range(count)
    ]
    held = np.mean([one.low <= 1 <= one.high for one in made])
    assert held >= 0.9  # 0.95 but for the skew of 60 exponential values


# Real runs: one scenario twice, under two names, with different seeds

RUNS, GROUP, SHUFFLES = 100, 5, 10
METRICS = ("ranking/rmse", "retrieval/top_5_seen_kept")
COMPARISONS = SHUFFLES * RUNS // (2 * GROUP) * len(METRICS)
"""They are not independent: a run is in one comparison of every shuffle and metric. Their expected
share is the level all the same. With two metrics that hardly correlate (−0.04 over 400 runs; so one
a task is taken) it varies as that of independent ones: simulated with normal values, its standard
error is 1.00 times as much, and 1.06 times with a correlation of 0.5."""


@pytest.fixture(scope="module")
def run(tmp_path_factory, shared_tiny):
    """Run the small suite's joint scenario with different seeds, an epoch of one step each."""
    folder = tmp_path_factory.mktemp("real")

    def run(*changes):
        changes = ["train.epochs=1", "train.batch_size=1024", *changes]
        made = run_suite(shared_tiny, folder, *changes, scenarios=["joint"])
        assert {entry.status for entry in made} == {"ok"}
        return made

    return run


@pytest.fixture(scope="module")
def made(run):
    """A hundred runs."""
    return run(f"seeds={RUNS}")


def groups(made):
    """Records of A and B in groups, in many orders of the runs, half of them A's and half B's.

    Seeds are renamed so that they pair. A run is in one group of a shuffle.
    """
    rng, half = np.random.default_rng(0), len(made) // 2
    for _ in range(SHUFFLES):
        order = rng.permutation(len(made))
        for start in range(0, half, GROUP):
            yield [
                changed(made[row], scenario=name, seed=seed)
                for name, rows in (("A", order[:half]), ("B", order[half:]))
                for seed, row in enumerate(rows[start : start + GROUP])
            ]


def compare(group, metric):
    (one,) = compare_scenarios(Results.of(group), metrics=[metric], pairs=[("A", "B")])
    return one


def plant(group, metric, gain):
    """The group with one metric of B's records better by a gain."""
    task, name = metric.split("/")
    signed = -gain if name == "rmse" else gain
    return [
        changed(entry, metrics={task: {name: entry.metrics[task][name] + signed}})
        if entry.scenario == "B"
        else entry
        for entry in group
    ]


@pytest.mark.thorough
def test_real_runs_of_one_scenario_under_two_names(made):
    """They are seldom different, unless a difference of the stated size is planted in them."""
    asked = [(group, metric) for group in groups(made) for metric in METRICS]
    assert len(asked) == COMPARISONS >= 200
    equals = [compare(*one) for one in asked]
    assert {one.n for one in equals} == {GROUP}
    error = math.sqrt(LEVEL * (1 - LEVEL) / COMPARISONS)
    assert np.mean([one.verdict != NOTHING for one in equals]) <= LEVEL + 2 * error
    stated = [
        (*one, equal.detectable)
        for one, equal in zip(asked, equals, strict=True)
        if equal.detectable is not None  # larger than the values
    ]
    assert len(stated) > COMPARISONS / 2
    found = [compare(plant(*one), one[1]) for one in stated]
    error = math.sqrt(0.8 * 0.2 / len(stated))
    assert np.mean([one.verdict == "better" for one in found]) >= 0.8 - 3 * error


@pytest.mark.thorough
def test_twenty_repeats_with_other_seeds_raise_no_alarm(run, made):
    """A gate's, without a margin; a planted loss does: next to no training."""
    limits = Limits(max_increase={"rmse": 0.0}, max_decrease={"top_5_seen_kept": 0.0})

    def alarm(records):
        return check(
            measure(Results.of(made[:3]), "a"), measure(Results.of(records), "b"), limits
        ).exit_code

    assert [alarm(made[n : n + 3]) for n in range(3, 63, 3)] == [0] * 20
    assert alarm(run("train.optimizer.learning_rate=1e-9", "seeds=3")) == 1
