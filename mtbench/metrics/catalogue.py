"""What a task reports of the catalogue ranked for each query: names, values, values by chance."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mtbench.data.interactions import Interactions

from .list_metric import ListMetric, OfLists, OfRelevant, OfRows
from .lists import LIST_METRICS
from .metric import Metric
from .places import Score
from .predictions import defined, mean, mean_by_query
from .rankings import Chance, Parts, Scored, SeenRule
from .relevant import Relevant
from .slices import Slice, in_parts

Array = np.ndarray
if TYPE_CHECKING:
    Measure = str  # a checker of types cannot look into the table
else:
    Measure = Literal[tuple(LIST_METRICS)]
"""A name that the table has, as the type of an option."""


def _enumerated(kind: type[ListMetric]) -> str:
    """The names of the metrics of a kind: `a, b and c`."""
    names = [
        metric.name + ("" if metric.with_length else " (without a length)")
        for metric in LIST_METRICS.values()
        if isinstance(metric, kind)
    ]
    return f"{', '.join(names[:-1])} and {names[-1]}"


MEASURES_HELP = textwrap.fill(
    "What to report, for each length: `top_k` is the share of test rows whose candidate ranks so "
    f"high; {_enumerated(OfRelevant)} are means over queries; {_enumerated(OfLists)} are of the "
    "lists themselves.",
    width=96,
)
"""Help of an option with a list of `Measure`."""


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
    their middle rank. The others are means over the queries with a test row, whose relevant
    candidates are those of their test rows, each once. The protocol `removed` takes what a query
    has had out of its ranking, and leaves out the test rows whose candidate is so taken out, in
    every metric and floor: where all of them are, it has no value but for the lists themselves.

    Where the data have a context, a query asks for a list in each of those that its test rows have,
    whatever the model reads: means are over these requests, and what is relevant to one are the
    candidates of its own rows.

    Slices restrict the test rows, not the lists, so they apply to all but the metrics of the lists
    themselves (`OfLists`).
    """

    measures: Sequence[Measure] = ("top_k",)
    top_k: Sequence[int] = (1, 5, 10, 50, 100)
    seen: Sequence[SeenRule] = ("kept", "removed")
    slices: Sequence[Slice] = ()

    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics; those of slices, with seen removed and without chance may be missing.

        Headlines are nDCG at the greatest k up to 10, if it is asked for, else the first measure at
        the greatest k; with seen candidates removed, or `top_k` with both protocols.
        """
        first = "ndcg" if "ndcg" in self.measures else next(iter(self.measures), "top_k")
        up_to_ten = [k for k in self.top_k if k <= 10]
        longest = max(up_to_ten if first == "ndcg" and up_to_ten else self.top_k, default=0)
        protocols = self.seen if first == "top_k" else sorted(self.seen)[-1:]
        headlines = {LIST_METRICS[first].reported(seen, longest) for seen in protocols}
        return tuple(
            Metric(
                name + suffix,
                metric.higher_is_better,
                headline=name in headlines and not suffix,
                optional=bool(suffix) or seen == "removed" or not metric.has_chance,
            )
            for suffix in ("", *(f"_{name}" for name in dict.fromkeys(self.slices)))
            for metric, seen, _, name in self._each()
            if not suffix or not isinstance(metric, OfLists)
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
        parts = Parts.of(train, known, test)
        of_lists = any(isinstance(metric, OfLists) for metric in self._asked)
        length = max(self.top_k, default=0) if of_lists else 0
        ranked = Scored(score, parts, self.seen, length)
        return self._measure(ranked, parts)

    def chance(
        self, train: Interactions, known: Interactions, test: Interactions
    ) -> dict[str, float]:
        """Return the exact expectation for a random order, where it has one; see `score`."""
        parts = Parts.of(train, known, test)
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
    def _asked(self) -> list[ListMetric]:
        """The metrics asked for, each once."""
        return [LIST_METRICS[name] for name in dict.fromkeys(self.measures)]

    def _each(self) -> Iterator[tuple[ListMetric, SeenRule, int, str]]:
        """Each metric of the whole part, with protocol, k and name."""
        for metric in self._asked:
            for seen in dict.fromkeys(self.seen):
                for k in dict.fromkeys(self.top_k if metric.with_length else (1,)):
                    yield metric, seen, k, metric.reported(seen, k)

    def _measure(self, ranked: Scored | Chance, parts: Parts) -> ListScores:
        """Measure what was found of the test rows, and of those in each slice."""
        test = parts.test
        metrics: dict[str, float] = {}
        by_query: dict[str, Array] = {}
        by_pair = any(isinstance(metric, OfRelevant) for metric in self._asked)
        once = _first_of_pairs(test) if by_pair else np.zeros(len(test), bool)
        answerable = {seen: parts.answerable(seen) for seen in self.seen}
        for suffix, within in in_parts(self.slices, parts.train, parts.rows).items():
            rows = {seen: within & there for seen, there in answerable.items()}
            relevant = {
                seen: Relevant(test.query[once & there], places, test.num_queries)
                for seen, there in rows.items()
                for places in [ranked.places[seen].take(once & there)]
            }
            for metric, seen, k, name in self._each():
                values: Array | None
                if isinstance(metric, OfRows):
                    hits, query = ranked.hits(seen, k)[rows[seen]], test.query[rows[seen]]
                    metrics[name + suffix] = mean(hits)
                    values = mean_by_query(hits, query, test.num_queries)
                elif isinstance(metric, OfRelevant):
                    values = metric.by_query(relevant[seen], k)
                    metrics[name + suffix] = mean(values[~np.isnan(values)])
                elif isinstance(metric, OfLists) and not suffix:
                    metrics[name], values = ranked.of_lists(metric, seen, k)
                else:
                    continue
                if values is not None:
                    by_query[name + suffix] = parts.by_query(values)
        metrics = defined(metrics)
        return ListScores(metrics, {name: v for name, v in by_query.items() if name in metrics})


def _first_of_pairs(test: Interactions) -> Array:
    """Whether each row is the first with its query and candidate, bool `[n]`."""
    pairs = test.query.astype(np.int64) * test.num_candidates + test.candidate
    first = np.zeros(len(test), bool)
    first[np.unique(pairs, return_index=True)[1]] = True
    return first
