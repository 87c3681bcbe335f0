"""What an entry of the table of list metrics is: one class for each way of making a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from .relevant import Relevant

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class ListMetric:
    """A metric of ranked lists: the class says what it is made from."""

    name: str
    """As the option `measures` has it."""
    higher_is_better: bool = True
    with_length: bool = True
    """Whether it is of the first k; else of the whole ranking, and reported once."""

    @property
    def has_chance(self) -> bool:
        """Whether its expectation for a random order is known."""
        return True

    def reported(self, seen: str, k: int) -> str:
        """The name of its value, such as `ndcg_10_seen_kept` or `mrr_seen_removed`."""
        length = f"_{k}" if self.with_length else ""
        return f"{self.name.removesuffix('_k')}{length}_seen_{seen}"


@dataclass(frozen=True, kw_only=True)
class OfRows(ListMetric):
    """Whether the candidate of a test row is among the first k, a mean over test rows."""


@dataclass(frozen=True, kw_only=True)
class OfRelevant(ListMetric):
    """A mean over queries of a function of where their relevant candidates stand."""

    by_query: Callable[[Relevant, int], Array]
    """Of the relevant candidates and k, float64 `[num_queries]`, NaN for a query without one."""


@dataclass(frozen=True, kw_only=True)
class OfLists(ListMetric):
    """A metric of the lists themselves, whatever is relevant, so that no slice has one."""


@dataclass(frozen=True, kw_only=True)
class OfAllLists(OfLists):
    """A number for all lists together."""

    of_lists: Callable[[Array, int], float]
    """Of the lists, int `[queries, k]`, −1 where one is shorter, and the size of the catalogue."""
    by_chance: Callable[[Array, Iterable[Array] | None, int, int], float] | None = None
    """Its expectation for a random order, arguments as for `lists.expected_coverage`; None: no
    formula, so that the floor `chance` lacks it."""

    @property
    def has_chance(self) -> bool:
        """Whether there is a formula."""
        return self.by_chance is not None


@dataclass(frozen=True, kw_only=True)
class OfEachList(OfLists):
    """A mean over queries of the mean over their lists of a value that each candidate has."""

    by_candidate: Callable[[Array, int], Array]
    """The values, float64 `[num_candidates]`; arguments as for `lists.popularity`."""
