"""Sweeps among the scenarios of a suite: whose points are whose, and what a sweep is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .record import Answer

LEAST_POINTS = 3
"""Numbers that make a curve."""


def sweep_of(scenario: str) -> str | None:
    """`joint` for a scenario `joint[weights.retrieval=3]`, None for a scenario of no sweep."""
    name, bracket, _ = scenario.partition("[")
    return name if name and bracket and scenario.endswith("]") else None


def point_of(scenario: str) -> str:
    """`weights.retrieval=3` for a scenario `joint[weights.retrieval=3]`, else its whole name."""
    return scenario.partition("[")[2][:-1] if sweep_of(scenario) else scenario


def grouped(scenarios: Iterable[str]) -> dict[str, str | None]:
    """Names of scenarios with the sweep they are a point of, those of a sweep together.

    A sweep stands where its first point does; one of a single point is none.
    """
    groups: dict[tuple[bool, str], list[str]] = {}
    for name in scenarios:
        sweep = sweep_of(name)
        groups.setdefault((sweep is not None, sweep or name), []).append(name)
    return {
        name: sweep if is_sweep and len(names) > 1 else None
        for (is_sweep, sweep), names in groups.items()
        for name in names
    }


@dataclass(frozen=True)
class NumberSweep:
    """A sweep over one number."""

    name: str
    paths: tuple[str, ...]
    """Dotted paths that it sets, all of them to the same number."""
    points: Mapping[str, float]
    """By scenario, from the smallest number on."""

    @property
    def label(self) -> str:
        """The path, of several the end that they have in common."""
        parts = [path.split(".")[::-1] for path in self.paths]
        common: list[str] = []
        for ends in zip(*parts, strict=False):
            if len(set(ends)) > 1:
                break
            common.insert(0, ends[0])
        return ".".join(common) if common else " and ".join(self.paths)


def number_sweeps(
    options: Mapping[str, dict[str, Any]], answers: Mapping[str, Answer]
) -> list[NumberSweep]:
    """Find the sweeps over one number, of at least `LEAST_POINTS` values.

    Args:
        options: By scenario and dotted path, what is a change where scenarios differ in it.
        answers: By scenario; points differ neither in tasks nor in the strategy.
    """
    points: dict[str, dict[str, dict[str, Any]]] = {}
    for scenario, values in options.items():
        if name := sweep_of(scenario):
            answer = answers[scenario]
            strategy = answer.weighting and answer.weighting.name
            rest = {"tasks": answer.trained_tasks, "weighting": strategy}
            points.setdefault(name, {})[scenario] = values | rest
    found = [_over_one_number(name, of_sweep) for name, of_sweep in points.items()]
    return [sweep for sweep in found if sweep]


def _over_one_number(name: str, points: Mapping[str, Mapping[str, Any]]) -> NumberSweep | None:
    """The sweep, unless what its points vary is not one number."""
    paths = dict.fromkeys(path for values in points.values() for path in values)
    missing = object()
    columns = {path: [values.get(path, missing) for values in points.values()] for path in paths}
    varied = {
        path: column for path, column in columns.items() if any(v != column[0] for v in column)
    }
    if not varied:
        return None
    numbers, *others = varied.values()
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in numbers):
        return None
    if any(other != numbers for other in others) or len(set(numbers)) < max(
        LEAST_POINTS, len(numbers)
    ):
        return None
    by_point = dict(zip(points, map(float, numbers), strict=True))
    ordered = dict(sorted(by_point.items(), key=lambda point: point[1]))
    return NumberSweep(name, tuple(varied), ordered)
