"""Metrics of ranked lists in plain loops, for lists without ties."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

import numpy as np

from mtbench.data.interactions import Interactions
from mtbench.metrics.slices import in_slice


def of_list(places: list[int], k: int, num_relevant: int) -> dict[str, float]:
    """The metrics of one list, given the ranks of its relevant candidates, from 1."""
    first = sorted(r for r in places if r <= k)
    ideal = sum(1 / math.log2(1 + r) for r in range(1, min(k, num_relevant) + 1))
    precisions = [n / r for n, r in enumerate(first, 1)]
    return {
        "recall": len(first) / num_relevant,
        "precision": len(first) / k,
        "hit_rate": float(bool(first)),
        "ndcg": sum(1 / math.log2(1 + r) for r in first) / ideal,
        "map": sum(precisions) / min(k, num_relevant),
        "mrr": 1 / min(places),
    }


def of_lists(tops: dict[int, list[int]], train: Interactions) -> dict[str, Any]:
    """Coverage and Gini index of the lists; popularity and novelty by user."""
    size, users = train.num_candidates, len(set(train.query.tolist()))
    had = [len(set(train.query[train.candidate == c].tolist())) for c in range(size)]
    every = [c for top in tops.values() for c in top]
    times = [every.count(c) for c in range(size)]
    bits = [-math.log2(max(h, 1) / users) for h in had]
    return {
        "coverage": len(set(every)) / size,
        "gini": sum(abs(a - b) for a in times for b in times) / (2 * size * sum(times)),
        "popularity": {u: fmean(had[c] / users for c in top) for u, top in tops.items() if top},
        "novelty": {u: fmean(bits[c] for c in top) for u, top in tops.items() if top},
    }


def of_orders(
    orders: Any,
    train: Interactions,
    known: Interactions,
    test: Interactions,
    k: int,
    slices: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Every metric of the order that each user has, best first; by user where it has such values.

    The names are those of `mtbench.lists.Lists`.
    """
    found: dict[str, Any] = {}
    tested = sorted({*test.query.tolist()})
    seen = {u: {*known.candidate[known.query == u].tolist()} for u in tested}
    for protocol in ("kept", "removed"):
        gone = {u: seen[u] if protocol == "removed" else set() for u in tested}
        lists = {u: [c for c in orders[u] if c not in gone[u]] for u in tested}
        for metric, value in of_lists({u: top[:k] for u, top in lists.items()}, train).items():
            found[f"{metric}_{k}_seen_{protocol}"] = value
        for name in ("", *slices):
            end = name and f"_{name}"
            rows = np.flatnonzero(in_slice(name, train, test)) if name else np.arange(len(test))
            part = test.take(rows)
            pairs = list(zip(part.query.tolist(), part.candidate.tolist(), strict=True))
            pairs = [(u, c) for u, c in pairs if c not in gone[u]]
            hits: dict[int, list[bool]] = {}
            for u, c in pairs:
                hits.setdefault(u, []).append(lists[u].index(c) < k)
            if hits:
                found[f"top_{k}_seen_{protocol}{end}"] = hits
            for u in hits:
                places = [lists[u].index(c) + 1 for c in {c for v, c in pairs if v == u}]
                for metric, value in of_list(places, k, len(places)).items():
                    at = "" if metric == "mrr" else f"_{k}"
                    found.setdefault(f"{metric}{at}_seen_{protocol}{end}", {})[u] = value
    return found


def mean(value: Any) -> float:
    """The mean over users, or over the rows of all of them, of what `of_orders` gives."""
    if not isinstance(value, dict):
        return float(value)
    return float(np.mean(np.hstack(list(value.values()))))
