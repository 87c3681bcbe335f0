"""What tuning came to: the best by number of trials, and options at the edge of their space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mtbench.records.tuning import Tuning

NEAR = 0.05
"""Share of a range, in the measure it is drawn by, that counts as its edge."""


def expected_best(tuning: Tuning, metric: str) -> list[float]:
    """The expected value of a metric at the best of n trials, for n = 1, 2, … up to all.

    V_n = Σ_i v_(i) ((i/N)^n − ((i−1)/N)^n), v_(i) the value at the trial of the i-th lowest score:
    the expected maximum of n draws with replacement from the N trials (Dodge, Gururangan, Card,
    Schwartz and Smith, Show your work: improved reporting of experimental results, EMNLP 2019,
    eq. 6). Scores decide, so that where several metrics do, each is told for the same choice.
    Trials that failed or were ended early are not chosen while another is among the n; those
    without a value have that of the worst trial that has one.

    Args:
        tuning: What is known of the trials.
        metric: `task/metric`, one of those that decided.

    Returns:
        One number for each n; empty where no trial has a value.
    """
    scores, values = tuning.scores, tuning.values.get(metric, ())
    known = [n for n in range(len(scores)) if _counts(tuning, n) and values[n] is not None]
    if not known:
        return []
    order = sorted(known, key=lambda n: (_number(scores[n]), -n))
    lacking = len(scores) - len(order)
    ranked = np.array([_number(values[n]) for n in (*[order[0]] * lacking, *order)])
    total = len(ranked)
    places = np.arange(total + 1) / total
    return [float(ranked @ np.diff(places**n)) for n in range(1, total + 1)]


def best_so_far(tuning: Tuning, metric: str) -> list[float | None]:
    """The value of a metric at the best of the first n trials, in their order; None before one."""
    found: list[float | None] = []
    best, value = -math.inf, None
    for n, score in enumerate(tuning.scores):
        if _counts(tuning, n) and _number(score) > best:
            best, value = _number(score), tuning.values[metric][n]
        found.append(value)
    return found


def at_edge(tuning: Tuning) -> Iterator[tuple[str, Any, str]]:
    """The chosen options that lie at an end of their range, so that a wider one may have better.

    Yields:
        The dotted path, the value, and `lowest` or `highest`. Choices that are no numbers have no
        order, so none of them is an end.
    """
    for path, value in tuning.options.items():
        end = _end(tuning.space[path], value)
        if end:
            yield path, value, end


def _end(values: Any, value: Any) -> str:
    if isinstance(values, Sequence):
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) < len(values) or len(set(numbers)) < 3:
            return ""
        return {min(numbers): "lowest", max(numbers): "highest"}.get(value, "")
    ((form, (low, high)),) = values.items()
    if form == "int":
        return {low: "lowest", high: "highest"}.get(value, "") if high - low > 1 else ""
    measure = math.log if form == "log" else float
    share = (measure(value) - measure(low)) / (measure(high) - measure(low))
    return "lowest" if share <= NEAR else "highest" if share >= 1 - NEAR else ""


def _counts(tuning: Tuning, number: int) -> bool:
    return tuning.scores[number] is not None and number not in tuning.pruned


def _number(value: float | None) -> float:
    return -math.inf if value is None else value
