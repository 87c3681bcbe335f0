"""A scenario for each point of a grid: `sweep:` in a suite."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mtbench.config.document import Path_
from mtbench.config.messages import found_text

from .resolve import Resolved, ResolveError, with_value

_Axis = list[tuple[tuple[str, Any], ...]]
"""Points along one direction of a grid: paths and values that are set together."""


def base(scenario: str) -> str:
    """The name of the scenario that a point of a sweep was made from, or the name itself."""
    return scenario.partition("[")[0]


MOST_POINTS = 1000
"""Of a sweep: each is a scenario."""


def expand(resolved: Resolved, sweep: Any, first: str = "") -> Iterator[Resolved]:
    """Turn a scenario with a sweep into one for each point of its grid.

    `sweep: {train.epochs: [1, 3]}` gives `name[epochs=1]` and `name[epochs=3]`. More than one key
    makes a grid; the paths of a mapping below `zip` go together, value by value, and a list of such
    mappings is one direction of the grid each.

    Args:
        resolved: The scenario without its sweep.
        sweep: What it says.
        first: Stands first in what sets a point apart.

    Raises:
        ResolveError: The sweep is wrong.
    """
    path: Path_ = ("scenarios", resolved.name, "sweep")
    axes = [axis for axis in _axes(sweep, path) if axis]
    points = math.prod(map(len, axes))
    if points > MOST_POINTS:
        raise ResolveError(path, f"expected at most {MOST_POINTS} points, found {points}")
    names = set()
    for point in itertools.product(*axes):
        made = resolved
        for dotted, value in itertools.chain(*point):
            made = with_value(made, dotted, value, _place(path, sweep, dotted))
        name = f"{resolved.name}[{', '.join(filter(None, [first, *map(_label, point)]))}]"
        if name in names:
            raise ResolveError(path, f"the point {name} is there twice")
        names.add(name)
        yield replace(made, name=name)


def _axes(sweep: Any, path: Path_) -> Iterator[_Axis]:
    """The directions of the grid."""
    if not isinstance(sweep, Mapping) or not sweep:
        expected = "expected dotted paths such as train.epochs, each with a list of values"
        raise ResolveError(path, f"{expected}, found {found_text(sweep)}")
    for dotted, values in sweep.items():
        if dotted != "zip":
            yield [((dotted, value),) for value in _listed(values, (*path, dotted))]
            continue
        many = isinstance(values, list)
        for n, group in enumerate(values if many else [values]):
            yield _zipped(group, (*path, "zip", n) if many else (*path, "zip"))


def _zipped(group: Any, path: Path_) -> _Axis:
    """Paths whose values go together."""
    if not isinstance(group, Mapping) or not group:
        expected = "expected dotted paths, each with a list of as many values"
        raise ResolveError(path, f"{expected}, found {found_text(group)}")
    lists = {dotted: _listed(values, (*path, dotted)) for dotted, values in group.items()}
    lengths = {dotted: len(values) for dotted, values in lists.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{count} of {dotted}" for dotted, count in lengths.items())
        raise ResolveError(path, f"expected as many values of each path, found {found}")
    return [tuple(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _listed(values: Any, path: Path_) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise ResolveError(path, f"expected a list of values, found {found_text(values)}")
    return values


def _place(path: Path_, sweep: Mapping[str, Any], dotted: str) -> Path_:
    """Where the document says a path's values."""
    if dotted in sweep:
        return (*path, dotted)
    groups = sweep["zip"]
    if isinstance(groups, list):
        number = next(n for n, group in enumerate(groups) if dotted in group)
        return (*path, "zip", number, dotted)
    return (*path, "zip", dotted)


def _label(point: tuple[tuple[str, Any], ...]) -> str:
    """What sets a point apart, such as `learning_rate=0.01`.

    Values that go together are said once where they are one option's and equal.
    """
    point = tuple((dotted.removesuffix(".name"), value) for dotted, value in point)
    if len(point) > 1 and all(value == point[0][1] for _, value in point):
        ends = {dotted.rpartition(".")[2] for dotted, _ in point}
        sections = {dotted.partition(".")[0] for dotted, _ in point}
        for common in (ends, sections):
            if len(common) == 1:
                return f"{common.pop()}={_shown(point[0][1])}"
    return ", ".join(f"{_short(dotted)}={_shown(value)}" for dotted, value in point)


def _short(dotted: str) -> str:
    """A path without what a reader knows: `weights.retrieval`, `learning_rate`."""
    section, _, rest = dotted.partition(".")
    return rest.removeprefix("optimizer.") or section


def _shown(value: Any) -> str:
    """A value as YAML, a component as its name and options."""
    if isinstance(value, Mapping):
        options = ", ".join(f"{key}={_shown(one)}" for key, one in value.items() if key != "name")
        name = value.get("name", "")
        return f"{name}({options})" if options else str(name)
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
