"""What is reported of ranked lists: names, values against plain loops, chance over every order."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import textbook
from made import interactions, of_pairs

from mtbench.metrics.catalogue import Lists
from mtbench.metrics.seen import Seen

MEASURES = (
    *("top_k", "recall", "precision", "hit_rate", "ndcg", "map", "mrr"),
    *("coverage", "gini", "popularity", "novelty"),
)
SLICES = ("head", "tail", "cold_query", "cold_candidate")


def parts(seed, sizes, num_queries=4, num_candidates=5):
    rng = np.random.default_rng(seed)
    high = (num_queries, num_candidates)
    return [of_pairs(rng.integers(0, high, (size, 2)), *high) for size in sizes]


@pytest.mark.parametrize("seed", range(6))
def test_every_metric_against_plain_loops(seed):
    """Rows that repeat, test candidates that were seen, cold ones, a known part beyond training."""
    both, more, test = parts(seed, (30, 10, 25), 8, 12)
    train = both.take(np.flatnonzero((both.query > 0) & (both.candidate > 1)))
    known = interactions(
        np.r_[train.query, more.query], np.r_[train.candidate, more.candidate], 8, 12
    )
    scores = np.random.default_rng(seed).random((8, 12))
    orders = np.argsort(-scores, axis=1).tolist()
    spec = Lists(MEASURES, (1, 3, 20), ("kept", "removed"), SLICES)
    found = spec.score(lambda queries: scores[queries], train, known, test)
    expected = {}
    for k in (1, 3, 20):
        expected |= textbook.of_orders(orders, train, known, test, k, SLICES)
    means = {name: textbook.mean(value) for name, value in expected.items()}
    assert found.metrics == pytest.approx(means, rel=1e-12)
    assert list(found.metrics) == [m.name for m in spec.metrics() if m.name in expected]
    assert {name for name in expected if isinstance(expected[name], dict)} == set(found.by_query)
    for name, values in found.by_query.items():
        there = {u: value for u, value in enumerate(values.tolist()) if not math.isnan(value)}
        assert there == pytest.approx({u: np.mean(v) for u, v in expected[name].items()}), name


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_the_mean_over_every_order(seed):
    """Each of 24 orders of four candidates, for both of two users."""
    train, known, test = parts(seed, (5, 4, 4), 2, 4)
    total: dict[str, list[float]] = {}
    for orders in itertools.product(itertools.permutations(range(4)), repeat=2):
        for k in (1, 3):
            for name, value in textbook.of_orders(orders, train, known, test, k).items():
                total.setdefault(name, []).append(textbook.mean(value))
    expected = {name: np.mean(v) for name, v in total.items() if not name.startswith("gini")}
    found = Lists(MEASURES, (1, 3)).chance(train, known, test)
    assert found == pytest.approx(expected, rel=1e-12)


def test_popularity_is_the_order_by_training_rows():
    train, known, test = parts(3, (40, 50, 20), 6, 9)
    spec = Lists(MEASURES, (1, 4), slices=("tail",))
    counts = np.bincount(train.candidate, minlength=9)
    expected = spec.score(lambda queries: np.tile(counts, (len(queries), 1)), train, known, test)
    assert spec.popularity(train, known, test) == expected.metrics


def test_a_constant_score_has_what_chance_has():
    train, known, test = parts(4, (20, 25, 20), 6, 9)
    spec = Lists(MEASURES[1:7], (1, 4), slices=("tail", "head"))
    constant = spec.score(lambda queries: np.zeros((len(queries), 9)), train, known, test)
    assert constant.metrics == pytest.approx(spec.chance(train, known, test), rel=1e-12)


def test_an_empty_slice_is_left_out():
    train = of_pairs([(user, (user + n) % 5) for user in range(4) for n in range(3)], 4, 5)
    test = of_pairs([(user, (user + 3) % 5) for user in range(4)], 4, 5)
    spec = Lists(("ndcg", "top_k"), (3,), ("removed",), SLICES)
    found = spec.score(lambda queries: np.zeros((len(queries), 5)), train, train, test)
    cold = {name for name in found.by_query if "cold" in name}
    assert cold == set()
    assert set(found.metrics) == set(found.by_query)
    assert not any(math.isnan(value) for value in found.metrics.values())
    optional = {metric.name for metric in spec.metrics() if metric.optional}
    assert {metric.name for metric in spec.metrics()} - set(found.metrics) <= optional
    assert {"ndcg_3_seen_removed", "top_3_seen_removed"} <= set(found.metrics)
    kept = Lists(("ndcg",), (3,), ("kept",)).metrics()
    assert not any(metric.optional for metric in kept)


@pytest.mark.parametrize("scorer", ["score", "popularity", "chance"])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_a_query_has_had_are_left_out_where_seen_is_removed(seed, scorer):
    """One rule for every metric, floor and slice: as if these rows were no test rows."""
    train, known, test = parts(seed, (30, 40, 30), 6, 9)
    new = ~Seen.of(known).contains(test.query, test.candidate)
    assert 0 < new.sum() < len(test)
    spec = Lists(MEASURES[:7], (1, 4), ("removed",), SLICES)

    def found(rows):
        if scorer == "score":
            row = np.random.default_rng(seed).random((6, 9))
            return spec.score(lambda queries: row[queries], train, known, rows).metrics
        return getattr(spec, scorer)(train, known, rows)

    assert found(test) == pytest.approx(found(test.take(np.flatnonzero(new))), rel=1e-12)


def test_where_all_test_pairs_were_had_nothing_is_given_away():
    """Left in their rankings, they would be all that is left: 1.0 for any scores."""
    rows = [(user, item) for user in range(4) for item in range(user, user + 3)]
    test, scores = of_pairs(rows, 4, 8), np.random.default_rng(0).random((4, 8))
    spec = Lists(("top_k", "ndcg", "mrr", "coverage"), (1, 2))
    for found in (
        spec.score(lambda queries: scores[queries], test, test, test).metrics,
        spec.popularity(test, test, test),
        spec.chance(test, test, test),
    ):
        left = {name for name in found if name.endswith("removed")}
        assert left == {"coverage_1_seen_removed", "coverage_2_seen_removed"}


def test_who_has_had_everything_has_no_list():
    train, test = of_pairs([(0, 0), (0, 1), (1, 0)], 2, 2), of_pairs([(0, 0), (1, 1)], 2, 2)
    found = Lists(("coverage", "top_k"), (1,), ("removed",)).chance(train, train, test)
    assert found == {"coverage_1_seen_removed": 0.5, "top_1_seen_removed": 1.0}


@pytest.mark.parametrize(
    ("options", "headlines"),
    [
        ({}, ["top_100_seen_kept", "top_100_seen_removed"]),
        ({"seen": ("kept",)}, ["top_100_seen_kept"]),
        ({"measures": ("top_k", "ndcg")}, ["ndcg_10_seen_removed"]),
        ({"measures": ("ndcg",), "seen": ("kept",)}, ["ndcg_10_seen_kept"]),
        ({"measures": ("ndcg",), "top_k": (20, 50)}, ["ndcg_50_seen_removed"]),
        ({"measures": ("mrr", "recall")}, ["mrr_seen_removed"]),
        ({"measures": ("recall", "mrr"), "top_k": (5, 20)}, ["recall_20_seen_removed"]),
        ({"measures": ("ndcg",), "slices": ("tail",)}, ["ndcg_10_seen_removed"]),
    ],
)
def test_headlines(options, headlines):
    assert [metric.name for metric in Lists(**options).metrics() if metric.headline] == headlines


def test_names():
    spec = Lists(("top_k", "mrr", "gini"), (1, 5, 5), ("removed",), ("tail",))
    assert [(metric.name, metric.higher_is_better) for metric in spec.metrics()] == [
        ("top_1_seen_removed", True),
        ("top_5_seen_removed", True),
        ("mrr_seen_removed", True),
        ("gini_1_seen_removed", False),
        ("gini_5_seen_removed", False),
        ("top_1_seen_removed_tail", True),
        ("top_5_seen_removed_tail", True),
        ("mrr_seen_removed_tail", True),
    ]


PEERS = json.loads((Path(__file__).parent / "golden" / "metric_peers.json").read_text())
OF_LISTS = [output for output in PEERS["outputs"] if output["ours"] in MEASURES]


def test_the_peers_cover_every_measure_but_popularity():
    assert {output["ours"] for output in OF_LISTS} == set(MEASURES) - {"popularity"}
    assert {o["peer"] for o in OF_LISTS} == {"lenskit", "scikit-learn", "ranx", "recmetrics"}


@pytest.mark.parametrize("source", ["scores", "tied"])
def test_the_peers_values(source):
    """Those of LensKit, scikit-learn (nDCG also with ties), ranx and recmetrics."""
    inputs = PEERS["inputs"]
    scores = np.array(inputs[source])
    train, test = (of_pairs(inputs[part], *scores.shape) for part in ("train", "test"))
    spec = Lists(MEASURES, (1, 5, 20, 40))
    found = spec.score(lambda queries: scores[queries], train, train, test)
    outputs = [output for output in OF_LISTS if output["input"] == source]
    for output in outputs:
        k, ours, seen = output["k"], output["ours"], output["seen"]
        name = f"{'top' if ours == 'top_k' else ours}_{k}_seen_{seen}".replace(f"mrr_{k}", "mrr")
        if "value" in output:
            accuracy = 5e-5 if output["peer"] == "recmetrics" else 1e-12  # it rounds
            assert found.metrics[name] == pytest.approx(output["value"], abs=accuracy), output
        else:
            theirs = np.array(output["by_query"]) * output.get("factor", 1.0)
            np.testing.assert_allclose(found.by_query[name], theirs, rtol=1e-9, err_msg=name)
    assert len(outputs) == (4 if source == "tied" else len(OF_LISTS) - 4)
