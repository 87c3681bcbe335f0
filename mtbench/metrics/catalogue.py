"""What a task reports of the catalogue ranked for each query: names, values, values by chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mtbench.data.interactions import Interactions

from . import lists
from .lists import Relevant
from .metric import Metric
from .places import Score
from .predictions import defined, mean, mean_by_query
from .rankings import OF_LISTS, Chance, Parts, Scored, SeenRule
from .slices import Slice, in_parts

Measure = Literal[
    "top_k",
    "recall",
    "precision",
    "hit_rate",
    "ndcg",
    "map",
    "mrr",
    "coverage",
    "gini",
    "popularity",
    "novelty",
]
Array = np.ndarray

_OF_RELEVANT: dict[str, Callable[[Relevant, int], Array]] = {
    "recall": lists.recall,
    "precision": lists.precision,
    "hit_rate": lists.hit_rate,
    "ndcg": lists.ndcg,
    "map": lists.average_precision,
    "mrr": lambda relevant, k: lists.reciprocal_rank(relevant),
}
_LOWER_IS_BETTER = ("gini", "popularity")


class ListScores(NamedTuple):
    """What was scored."""

    metrics: dict[str, float]
    """By name, in the order of `Lists.metrics`."""
    by_query: dict[str, Array]
    """By name float64 `[num_queries]`, NaN for a query without a value."""


@dataclass(frozen=True)
class Lists:
    """Which metrics of ranked lists to report.

    `top_k` is a mean over test rows: whether the row's candidate has a rank of at most k, ties at
    their middle rank, in the catalogue without what else the query has had (protocol `removed`).
    The others are means over the queries with a test row, whose relevant candidates are those of
    their test rows, each once; `removed` takes out what the query has had, but for these.

    Slices restrict the test rows, not the lists, so they apply to all but the metrics of the lists
    themselves: coverage, Gini index, popularity and novelty.
    """

    measures: Sequence[Measure] = ("top_k",)
    top_k: Sequence[int] = (1, 5, 10, 50, 100)
    seen: Sequence[SeenRule] = ("kept", "removed")
    slices: Sequence[Slice] = ()

    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics; those of slices may be missing, and a random order has no `gini`.

        Headlines are nDCG at the greatest k up to 10, if it is asked for, else the first measure at
        the greatest k; with seen candidates removed, or `top_k` with both protocols.
        """
        first = "ndcg" if "ndcg" in self.measures else next(iter(self.measures), "top_k")
        up_to_ten = [k for k in self.top_k if k <= 10]
        longest = max(up_to_ten if first == "ndcg" and up_to_ten else self.top_k, default=0)
        protocols = self.seen if first == "top_k" else sorted(self.seen)[-1:]
        headlines = {_name(first, seen, longest) for seen in protocols}
        return tuple(
            Metric(
                name + suffix,
                higher_is_better=measure not in _LOWER_IS_BETTER,
                headline=name in headlines and not suffix,
                optional=bool(suffix) or measure == "gini",
            )
            for suffix in ("", *(f"_{name}" for name in dict.fromkeys(self.slices)))
            for measure, _, _, name in self._each()
            if not suffix or measure not in OF_LISTS
        )

    def score(
        self, score: Score, train: Interactions, known: Interactions, test: Interactions
    ) -> ListScores:
        """Rank the catalogue by some scores, and measure.

        Args:
            score: Gives the scores of some queries, float `[n, num_candidates]`.
            train: The training part: what is popular, and what is cold.
            known: What each query has had.
            test: The relevant test rows.

        Raises:
            FloatingPointError: A score is NaN.
        """
        parts = Parts(train, known, test)
        length = max(self.top_k, default=0) if set(OF_LISTS) & set(self.measures) else 0
        found = Scored(score, parts, self.seen, self._of, length)
        return self._measure(found, parts)

    def chance(
        self, train: Interactions, known: Interactions, test: Interactions
    ) -> dict[str, float]:
        """Return the exact expectation for a random order, but for `gini`; see `score`."""
        parts = Parts(train, known, test)
        return self._measure(Chance(parts), parts).metrics

    def popularity(
        self, train: Interactions, known: Interactions, test: Interactions
    ) -> dict[str, float]:
        """Return the metrics of the order by number of training rows; see `score`."""
        counts = np.bincount(train.candidate, minlength=train.num_candidates)

        def score(queries: Array) -> Array:
            return np.broadcast_to(counts, (len(queries), len(counts)))

        return self.score(score, train, known, test).metrics

    @property
    def _of(self) -> set[Literal["rows", "queries"]]:
        """What the metrics are means over."""
        return {"rows" if measure == "top_k" else "queries" for measure in self.measures}

    def _each(self) -> Iterator[tuple[Measure, SeenRule, int, str]]:
        """Each metric of the whole part: measure, protocol, k and name."""
        for measure in dict.fromkeys(self.measures):
            for seen in dict.fromkeys(self.seen):
                for k in (1,) if measure == "mrr" else dict.fromkeys(self.top_k):
                    yield measure, seen, k, _name(measure, seen, k)

    def _measure(self, found: Scored | Chance, parts: Parts) -> ListScores:
        """Measure what was found of the test rows, and of those in each slice."""
        test = parts.test
        metrics: dict[str, float] = {}
        by_query: dict[str, Array] = {}
        once = _first_of_pairs(test) if "queries" in self._of else np.ones(len(test), bool)
        for suffix, rows in in_parts(self.slices, parts.train, test).items():
            relevant = {
                seen: Relevant(test.query[once & rows], places, test.num_queries)
                for seen in (self.seen if "queries" in self._of else ())
                for places in [found.places[seen].take(once & rows)]
            }
            for measure, seen, k, name in self._each():
                values: Array | None
                if measure == "top_k":
                    hits = found.hits(seen, k)[rows]
                    metrics[name + suffix] = mean(hits)
                    values = mean_by_query(hits, test.query[rows], test.num_queries)
                elif measure in _OF_RELEVANT:
                    values = _OF_RELEVANT[measure](relevant[seen], k)
                    metrics[name + suffix] = mean(values[~np.isnan(values)])
                elif suffix:
                    continue
                else:
                    metrics[name], values = found.of_lists(measure, seen, k)
                if values is not None:
                    by_query[name + suffix] = values
        metrics = defined(metrics)
        return ListScores(metrics, {name: v for name, v in by_query.items() if name in metrics})


def _name(measure: str, seen: str, k: int) -> str:
    """Such as `top_10_seen_kept`, `mrr_seen_removed`."""
    if measure == "mrr":
        return f"mrr_seen_{seen}"
    return f"{'top' if measure == 'top_k' else measure}_{k}_seen_{seen}"


def _first_of_pairs(test: Interactions) -> Array:
    """Whether each row is the first with its query and candidate, bool `[n]`."""
    pairs = test.query.astype(np.int64) * test.num_candidates + test.candidate
    first = np.zeros(len(test), bool)
    first[np.unique(pairs, return_index=True)[1]] = True
    return first
