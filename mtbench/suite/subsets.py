"""A scenario for each set of some of its tasks: `subsets: true` in a suite."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtbench.config.document import Path_
from mtbench.config.messages import found_text

from . import sweep
from .resolve import Resolved, ResolveError, concerns, resolve


def are_asked(spec: Mapping[str, Any], path: Path_) -> bool:
    """Whether a scenario asks for its subsets.

    Raises:
        ResolveError: It says something else.
    """
    said = spec.get("subsets", False)
    if not isinstance(said, bool):
        expected = "expected true for a scenario of each set of the tasks, or false"
        raise ResolveError((*path, "subsets"), f"{expected}; found {found_text(said)}")
    return said


def expand(resolved: Resolved, suite: Mapping[str, Any]) -> Iterator[Resolved]:
    """Turn a scenario into one for each set of some of its tasks, the smallest sets first.

    `joint` of three tasks gives `joint[ranking]`, …, `joint[ranking+click]`, …, seven in all, in
    the order of the suite's tasks. One task alone has no weighting; what the scenario says by task,
    of labels, options or within the weighting, is kept for the tasks of the set. A sweep is over
    each set, without the paths that say nothing of it.

    Args:
        resolved: The scenario without its subsets and its sweep.
        suite: The suite's document.

    Raises:
        ResolveError: The tasks are no several ones, or there are too many.
    """
    key, tasks = resolved.name, suite.get("tasks")
    spec, path = suite["scenarios"][key], ("scenarios", key, "subsets")
    points = spec.get("sweep")
    swept = _paths(points)
    if "tasks" in swept:
        message = "expected no sweep of tasks, since `subsets` goes through all sets of them"
        raise ResolveError((*path[:2], "sweep"), message)
    if "sweep" in spec and not points:
        yield from sweep.expand(resolved, points)  # which tells what is wrong with it
    whole, named = resolved.trained, isinstance(tasks, Mapping) and [*tasks]
    ordered = [task for task in named or () if isinstance(whole, list) and task in whole]
    weighed = resolved.value["weighting"] or any(p.startswith("weighting") for p in swept)
    if not ordered or len(ordered) != len(whole) or (len(ordered) > 1 and not weighed):
        yield resolved  # what is wrong with it is told once
        return
    if len(ordered) < 2:
        raise ResolveError(path, f"expected several tasks to train, found {found_text(whole)}")
    count = 0
    for trained in _sets(ordered, path):
        made = _points(_part(resolved, trained, suite), _concerning(points, trained, ordered))
        count += len(made)
        if count > sweep.MOST_POINTS:
            most = f"expected at most {sweep.MOST_POINTS} scenarios of subsets and sweep"
            raise ResolveError(path, f"{most}, found more")
        yield from made


def _sets(tasks: Sequence[str], path: Path_) -> list[tuple[str, ...]]:
    """All sets of some tasks but the empty one, the smallest first."""
    number = 2 ** len(tasks) - 1
    if number > sweep.MOST_POINTS:
        most = f"at most {sweep.MOST_POINTS} sets of tasks"
        raise ResolveError(path, f"expected {most}, found {number} of {len(tasks)} tasks")
    sizes = range(1, len(tasks) + 1)
    return [each for size in sizes for each in itertools.combinations(tasks, size)]


def _part(whole: Resolved, trained: Sequence[str], suite: Mapping[str, Any]) -> Resolved:
    """The scenario with some of its tasks."""
    key, scenarios = whole.name, suite["scenarios"]
    own = scenarios[key].get("tasks")
    tasks = {task: own[task] for task in trained} if isinstance(own, dict) else [*trained]
    spec = {**scenarios[key], "tasks": tasks}
    part = resolve(key, {**suite, "scenarios": {**scenarios, key: spec}})
    value, gone = part.value, {*whole.trained} - {*trained}
    first = value["train"].get("pretrain") if isinstance(value["train"], dict) else None
    first = first.get("tasks") if isinstance(first, dict) else None
    if isinstance(value["labels"], dict):
        unlearned = gone - {*(first if isinstance(first, list) else [])}
        value["labels"] = {t: each for t, each in value["labels"].items() if t not in unlearned}
    value["weighting"] = _weighting(value["weighting"], trained, whole.trained)
    return replace(part, whole=tuple(whole.trained))


def _weighting(weighting: Any, trained: Sequence[str], whole: Sequence[str]) -> Any:
    """A weighting for some of the tasks: what it says by task is of these, its main task too."""
    if len(trained) < 2:
        return None
    if not isinstance(weighting, dict):
        return weighting
    gone = {*whole} - {*trained}
    return {
        option: {task: each for task, each in value.items() if task in trained}
        if isinstance(value, dict) and value and {*value} <= {*whole}
        else value
        for option, value in weighting.items()
        if option == "name" or not (isinstance(value, str) and value in gone)
    }


def _points(part: Resolved, points: Any) -> list[Resolved]:
    """A set of tasks by its name, or the points of a sweep over it."""
    label = "+".join(part.trained)
    if points:
        return [*sweep.expand(part, points, label)]
    return [replace(part, name=f"{part.name}[{label}]")]


def _paths(points: Any) -> list[str]:
    """The paths that a sweep sets: its own, and those below `zip`."""
    if not isinstance(points, Mapping):
        return []
    groups = points.get("zip")
    listed = [points, *(groups if isinstance(groups, list) else [groups])]
    return [str(path) for each in listed if isinstance(each, Mapping) for path in each]


def _concerning(points: Any, trained: Sequence[str], whole: Sequence[str]) -> Any:
    """A sweep without the paths that say nothing of some tasks, and without points thus equal."""
    if not isinstance(points, Mapping):
        return points

    def kept(paths: Mapping[str, Any]) -> dict[str, Any]:
        return {p: each for p, each in paths.items() if concerns(str(p), trained, whole)}

    found = kept({path: values for path, values in points.items() if path != "zip"})
    if "zip" not in points:
        return found
    many = isinstance(points["zip"], list)
    groups = []
    for group in points["zip"] if many else [points["zip"]]:
        own = kept(group) if isinstance(group, Mapping) else group
        if isinstance(own, dict) and len(own) < len(group):
            own = _distinct(own)
        if own != {} or not group:
            groups.append(own)
    return {**found, **({"zip": groups if many else groups[0]} if groups else {})}


def _distinct(group: dict[str, Any]) -> dict[str, Any]:
    """Paths that go together without the points that are there before."""
    if not all(isinstance(values, list) for values in group.values()):
        return group
    points: list[tuple[Any, ...]] = []
    for point in zip(*group.values(), strict=False):
        if point not in points:
            points.append(point)
    return {path: [point[n] for point in points] for n, path in enumerate(group)}
