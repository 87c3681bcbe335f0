"""Metrics of ranked lists, and the table of them. In float64.

One more is a function and its entry in `LIST_METRICS`: from the entry follow the allowed
values of the option `measures` and their help, the names of what is reported, and which direction
is better.

Where candidates have equal scores a metric is its mean over all orders of them (McSherry and
Najork, Computing information retrieval performance measures efficiently in the presence of tied
scores, ECIR 2008): a middle rank, used as it is, could put three candidates into a list of two. So
a constant score gets what a random order is expected to get.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .list_metric import ListMetric, OfAllLists, OfEachList, OfRelevant, OfRows
from .relevant import Relevant

Array = np.ndarray


def hits(relevant: Relevant, k: int) -> Array:
    """How probably each relevant candidate is among the first k, float64 `[n]`.

    min(max((k − p) / g, 0), 1): 0 or 1 without ties.
    """
    places = relevant.places
    return np.asarray(np.clip((k - places.better) / places.equal, 0.0, 1.0))


def recall(relevant: Relevant, k: int) -> Array:
    """Recall@k = |R ∩ first k| / |R|, float64 `[num_queries]`."""
    return relevant.by_query(hits(relevant, k), relevant.count)


def precision(relevant: Relevant, k: int) -> Array:
    """Precision@k = |R ∩ first k| / k, also where fewer than k candidates are left."""
    return relevant.by_query(hits(relevant, k), k)


def hit_rate(relevant: Relevant, k: int) -> Array:
    """Whether a relevant candidate is among the first k: 1 or 0.

    Where k cuts through a group, after its first j: 1 − C(g − m, j) / C(g, j).
    """
    groups = relevant.groups()
    inside = np.clip(k - groups.better, 0, groups.equal)
    missed = np.ones(len(inside))
    for i in range(int(groups.relevant.max(initial=0))):
        chosen = i < groups.relevant  # the i-th relevant one is none of the first j
        left = np.where(chosen, groups.equal - i, 1)
        missed *= np.where(chosen, np.maximum(left - inside, 0) / left, 1.0)
    all_missed = np.ones(relevant.num_queries)
    np.multiply.at(all_missed, groups.query, missed)
    return np.where(relevant.count > 0, 1.0 - all_missed, np.nan)


def ndcg(relevant: Relevant, k: int) -> Array:
    """Normalised discounted cumulative gain of the first k, relevant or not.

    Σ_{r ≤ k} [r-th is relevant] / log2(1 + r), over the same sum for a list that begins with
    min(k, |R|) relevant candidates (Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR
    techniques, ACM TOIS 2002, with the discount log2(1 + r) of Burges et al., ICML 2005, which
    tells rank 1 from rank 2).
    """
    gains = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2.0, k + 2)))])
    places = relevant.places
    low, high = (np.minimum(r, k) for r in (places.better, places.better + places.equal))
    gain = (gains[high] - gains[low]) / places.equal
    return relevant.by_query(gain, gains[np.minimum(relevant.count, k)])


def average_precision(relevant: Relevant, k: int) -> Array:
    """Average precision@k: Σ_{r ≤ k} [r-th is relevant] precision@r / min(k, |R|).

    With a denominator of min(k, |R|) a list of relevant candidates alone has 1 (as in
    `trec_eval`'s `map_cut`, but for its |R|). Where m of a group of g are relevant, and b above it,
    rank r of it adds m/g · (1 + b + (r − p − 1)(m − 1)/(g − 1)) / r.
    """
    groups = relevant.groups()
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1.0, k + 1))])
    low = np.minimum(groups.better, k)
    high = np.minimum(groups.better + groups.equal, k)
    slope = (groups.relevant - 1) / np.maximum(groups.equal - 1, 1)
    inverse = harmonic[high] - harmonic[low]
    gain = (1 + groups.ahead - (groups.better + 1) * slope) * inverse + (high - low) * slope
    gain *= groups.relevant / groups.equal
    sums = np.bincount(groups.query, gain, relevant.num_queries)
    count = relevant.count
    return np.where(count > 0, sums / np.maximum(np.minimum(count, k), 1), np.nan)


def reciprocal_rank(relevant: Relevant) -> Array:
    """One over the rank of the first relevant candidate in the whole catalogue.

    (Voorhees, The TREC-8 question answering track report, TREC 1999; there cut at rank 5.) In a
    group the first relevant one is the x-th with probability C(g − x, m − 1) / C(g, m); on top of
    the list the mean of 1 / x is m (H_g − H_{m−1}) / (g − m + 1), with H the harmonic numbers.
    """
    groups = relevant.groups()
    reciprocal = np.full(relevant.num_queries, np.nan)
    first = groups.ahead == 0
    p, g, m = (part[first] for part in (groups.better, groups.equal, groups.relevant))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, g.max(initial=0) + 1))])
    value = m * (harmonic[g] - harmonic[m - 1]) / (g - m + 1)
    below = np.flatnonzero(p > 0)
    value[below] = _first_of_tied(p[below], g[below], m[below])
    reciprocal[groups.query[first]] = value
    return reciprocal


def _first_of_tied(p: Array, g: Array, m: Array) -> Array:
    """Mean of 1 / (p + x), x the place of the first of m relevant ones among g."""
    probability, total = m / g, np.zeros(len(p))
    for x in range(1, int((g - m).max(initial=-1)) + 2):
        total += probability / (p + x)
        probability = probability * np.maximum(g - x - m + 1, 0) / np.maximum(g - x, 1)
    return total


def coverage(top: Array, num_candidates: int) -> float:
    """Share of the catalogue that is in somebody's list.

    (Catalogue coverage of Ge, Delgado-Battenfeld and Jannach, Beyond accuracy, RecSys 2010.)

    Args:
        top: The lists, int `[queries, k]`, −1 where one is shorter.
        num_candidates: Size of the catalogue.
    """
    return float(np.count_nonzero(_exposure(top, num_candidates)) / num_candidates)


def expected_coverage(
    left: Array, removed: Iterable[Array] | None, k: int, num_candidates: int
) -> float:
    """Coverage that lists in a random order are expected to have.

    A candidate is in one of the lists but for the probability Π_u (1 − k / n_u), over the queries
    for which it is one of the n_u that are left.

    Args:
        left: How many candidates are left for each query, int `[queries]`, n_u.
        removed: Those that are not, for each query; None where nothing is removed.
        k: Length of the lists.
        num_candidates: Size of the catalogue.
    """
    misses = np.log(np.maximum(1.0 - k / np.maximum(left, 1), 1e-300))
    misses[left == 0] = 0.0  # an empty list
    absent = np.full(num_candidates, misses.sum())
    if removed is not None:
        for candidates, miss in zip(removed, misses, strict=True):
            absent[candidates] -= miss
    return float(np.mean(1.0 - np.exp(absent)))


def gini(top: Array, num_candidates: int) -> float:
    """Gini index of how often each candidate of the catalogue is in the lists.

    Σ_i (2i − n − 1) x_i / (n Σ x), x ascending: 0 where all are recommended equally often,
    1 − 1/n where one is alone (Shani and Gunawardana, Evaluating recommendation systems,
    Recommender Systems Handbook 2011, with n for its n − 1). Arguments as for `coverage`.
    """
    counts = np.sort(_exposure(top, num_candidates))
    weights = 2 * np.arange(1, num_candidates + 1) - num_candidates - 1
    return float(np.sum(weights * counts) / (num_candidates * np.sum(counts)))


def mean_in_lists(top: Array, values: Array) -> Array:
    """Mean of a value over each list, float64 `[queries]`; NaN for an empty one.

    Args:
        top: The lists, int `[queries, k]`, −1 where one is shorter.
        values: float `[num_candidates]`.
    """
    there = top >= 0
    counts = there.sum(axis=1)
    sums = np.where(there, values[top], 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _exposure(top: Array, num_candidates: int) -> Array:
    return np.bincount(top[top >= 0], minlength=num_candidates)


def popularity(seen_by: Array, num_queries: int) -> Array:
    """Share of the queries that have had each candidate, float64 `[num_candidates]`.

    The mean of it over the lists is the average recommendation popularity of Abdollahpouri et al.,
    Managing popularity bias in recommender systems with personalized re-ranking, FLAIRS 2019, as a
    share instead of a number.

    Args:
        seen_by: How many queries have had each, int `[num_candidates]`.
        num_queries: Of how many.
    """
    return np.asarray(seen_by / num_queries)


def self_information(seen_by: Array, num_queries: int) -> Array:
    """Novelty of each candidate in bits: −log2 p, with p as in `popularity`.

    (Zhou et al., Solving the apparent diversity-accuracy dilemma of recommender systems, PNAS
    2010.) One that nobody has had counts as had by one. Arguments as for `popularity`.
    """
    return np.asarray(np.log2(num_queries) - np.log2(np.maximum(seen_by, 1)))


LIST_METRICS: dict[str, ListMetric] = {
    metric.name: metric
    for metric in (
        OfRows(name="top_k"),
        OfRelevant(name="recall", by_query=recall),
        OfRelevant(name="precision", by_query=precision),
        OfRelevant(name="hit_rate", by_query=hit_rate),
        OfRelevant(name="ndcg", by_query=ndcg),
        OfRelevant(name="map", by_query=average_precision),
        OfRelevant(name="mrr", by_query=lambda r, _: reciprocal_rank(r), with_length=False),
        OfAllLists(name="coverage", of_lists=coverage, by_chance=expected_coverage),
        OfAllLists(name="gini", of_lists=gini, higher_is_better=False),
        OfEachList(name="popularity", by_candidate=popularity, higher_is_better=False),
        OfEachList(name="novelty", by_candidate=self_information),
    )
}
"""By name, in the order in which the option's help and its messages list them."""
