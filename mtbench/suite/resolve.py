"""A scenario's differences, merged over the suite's parts, as plain values that keep their places.

A resolved scenario has the sections `towers`, `tasks`, `train`, `weighting` and `labels`. Which
tasks it trains is kept apart, so that dotted paths such as `tasks.ranking.units` name options.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from mtbench.config.document import Path_
from mtbench.config.messages import found_text
from mtbench.errors import did_you_mean

from .labels import as_mapping
from .training import Train

SECTIONS = ("towers", "tasks", "train", "weighting", "labels")
"""What a scenario can differ in."""


class ResolveError(ValueError):
    """A scenario that cannot be resolved: where in the document, and what was expected."""

    def __init__(self, path: Path_, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Resolved:
    """A scenario with all that it differs in, not yet validated."""

    name: str
    trained: Any
    """What it says of the tasks to train: names, where it is sound."""
    value: dict[str, Any]
    """By section."""
    layers: tuple[Path_, ...] = ((),)
    """Where in the document a section may stand, the scenario's own place first."""
    points: Mapping[Path_, Path_] = field(default_factory=dict)
    """The paths that a sweep sets, and where it says so."""
    whole: tuple[str, ...] = ()
    """The tasks of the scenario that it is a subset of; none for any other."""

    def place(self, path: Path_, document: Any) -> Path_:
        """Where in the document the value at a path of the resolved scenario comes from."""
        for point, place in self.points.items():
            if path[: len(point)] == point or point[: len(path)] == path:
                return place
        layer = max(self.layers, key=lambda layer: _depth(document, (*layer, *path)) - len(layer))
        return (*layer, *path)


def _depth(value: Any, path: Path_) -> int:
    """How many parts of a path there are in nested values."""
    for n, part in enumerate(path):
        value = _component(value)
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and (part in value or part in range(len(value))):
            return n + 1
        else:
            return n
    return len(path)


def resolve(key: str, suite: Mapping[str, Any], above: Sequence[str] = ()) -> Resolved:
    """Merge a scenario over what it extends, and that over the suite.

    Args:
        key: Of the scenario, which is a mapping.
        suite: The suite's document.
        above: The scenarios that extend it.

    Raises:
        ResolveError: It extends what is none, or itself.
    """
    path: Path_ = ("scenarios", key)
    spec = suite["scenarios"][key]
    base = _base(key, suite, above)
    own = spec.get("tasks", base.trained)
    trained = list(own) if isinstance(own, dict) else own
    value = {name: copy.deepcopy(base.value.get(name)) for name in SECTIONS}
    for name in SECTIONS:
        if name in spec and not (name == "tasks" and not isinstance(own, dict)):
            value[name] = _merged(value[name], spec[name], _DEPTH.get(name, -1), _short_for(name))
    if spec.get("weighting", "") is None:
        value["weighting"] = None
    if isinstance(trained, list) and isinstance(suite.get("tasks"), dict):
        for task, options in suite["tasks"].items():  # what is not trained is as the suite has it
            if task not in trained and isinstance(value["tasks"], dict):
                value["tasks"][task] = options
    value["labels"] = _labels(value, spec.get("labels"), trained)
    return Resolved(key, trained, value, (path, *base.layers))


_DEPTH = {"weighting": 0, "towers": 1, "tasks": 1, "labels": 1}
"""How deep below a section its components lie, or what may be said in short like one."""


def _labels(value: Mapping[str, Any], own: Any, trained: Any) -> Any:
    """The section `labels` without those that were taken over for a task that is not trained.

    Args:
        value: All sections.
        own: What the scenario itself says of labels.
        trained: Names of the trained tasks, where they are sound.
    """
    labels, train = value["labels"], value["train"]
    if not (isinstance(labels, dict) and isinstance(trained, list)):
        return labels
    first = train.get("pretrain") if isinstance(train, dict) else None
    first = first.get("tasks") if isinstance(first, dict) else None
    wanted = [own if isinstance(own, dict) else {}, trained, first or []]
    return {task: each for task, each in labels.items() if any(task in names for names in wanted)}


def _base(key: str, suite: Mapping[str, Any], above: Sequence[str]) -> Resolved:
    """What a scenario starts from: the suite, or the scenario it extends."""
    scenarios, path = suite["scenarios"], ("scenarios", key, "extends")
    if "extends" not in scenarios[key]:
        return Resolved("", None, {name: suite.get(name) for name in ("towers", "tasks", "train")})
    other = scenarios[key]["extends"]
    if not isinstance(other, str) or other not in scenarios:
        near = did_you_mean(other, scenarios) if isinstance(other, str) else ""
        raise ResolveError(path, f"expected a scenario, found {found_text(other)}{near}")
    chain = (*above, key)
    if other in chain:  # told once for all that are in the circle or lead into it
        circle = chain[chain.index(other) :]
        first = circle.index(min(circle))
        names = (*circle[first:], *circle[:first], circle[first])
        at: Path_ = ("scenarios", names[0], "extends")
        raise ResolveError(at, f"extends itself: {' → '.join(names)}")
    if not isinstance(scenarios[other], dict):
        raise ResolveError(path, f"expected a scenario, found {found_text(scenarios[other])}")
    return resolve(other, suite, chain)


def _merged(
    base: Any, difference: Any, depth: int = -1, in_full: Callable[[Any], Any] | None = None
) -> Any:
    """A difference over what it differs from.

    Mappings are merged key by key, unless they are of components of two names; anything else is
    replaced.

    Args:
        base: What it differs from.
        difference: What a scenario says.
        depth: How deep below them components lie, which may be a name alone; −1 for nowhere.
        in_full: Makes a mapping of such a name.
    """
    if depth == 0 and in_full:
        base, difference = in_full(base), in_full(difference)
        if difference is None:  # the name of a task alone
            return base
    if not (isinstance(base, dict) and isinstance(difference, dict)):
        return copy.deepcopy(difference)
    if difference.get("name", base.get("name")) != base.get("name"):
        return copy.deepcopy(difference)
    below = max(depth - 1, -1)
    merged = {
        key: _merged(base.get(key), value, below, in_full) for key, value in difference.items()
    }
    return {**base, **merged}


def _component(value: Any) -> Any:
    """A component's name as a mapping of it."""
    return {"name": value} if isinstance(value, str) else value


def _short_for(section: str) -> Callable[[Any], Any]:
    """What makes a mapping of a value that is said in short there."""
    return as_mapping if section == "labels" else _component


def with_value(resolved: Resolved, dotted: str, value: Any, place: Path_) -> Resolved:
    """A resolved scenario with another value at a dotted path.

    Args:
        resolved: The scenario.
        dotted: Such as `train.optimizer.learning_rate`; `tasks` alone is which tasks to train,
            `*` every key that is there, as in `towers.*.embedding_dim`.
        value: To put there.
        place: Where the document says so.

    Raises:
        ResolveError: There is nothing that has such a part.
    """
    path = tuple(dotted.split("."))
    if path[0] not in SECTIONS or not all(path):
        raise ResolveError(place, f"unknown path {dotted!r}{_near(resolved, dotted)}")
    if "*" in path:
        for each in _spread(resolved.value, path):
            resolved = with_value(resolved, ".".join(each), value, place)
        return resolved
    points = {**resolved.points, path: place}
    if path == ("tasks",):
        return replace(resolved, trained=value, points=points)
    sections = copy.deepcopy(resolved.value)
    node = sections
    for n, part in enumerate(path[:-1]):
        child = node.get(part)
        child = _short_for(path[0])(child) if n == _DEPTH.get(path[0]) else child
        if not isinstance(child, dict | None):
            raise ResolveError(place, f"{'.'.join(path[: n + 1])} is {child!r}, which has no keys")
        node[part] = node = child or {}
    node[path[-1]] = copy.deepcopy(value)
    return replace(resolved, value=sections, points=points)


def concerns(dotted: str, trained: Sequence[str], tasks: Iterable[str]) -> bool:
    """Whether a path says something of a scenario that trains some of the tasks.

    What is said of a task that it does not train says nothing of it, nor does the weighting of one
    task alone.
    """
    section, *rest = dotted.split(".")
    absent = {*tasks} - {*trained}
    if section == "weighting":
        return len(trained) > 1 and not absent & {*rest[1:]}
    return section not in ("tasks", "labels") or not absent & {*rest[:1]}


def _spread(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths that one with `*` stands for."""
    if "*" not in path:
        yield path
        return
    at = path.index("*")
    for part in path[:at]:
        value = value.get(part) if isinstance(value, dict) else None
    for key in value if isinstance(value, dict) else ():
        yield from ((*path[:at], key, *rest) for rest in _spread(value[key], path[at + 1 :]))


def _near(resolved: Resolved, dotted: str) -> str:
    """The path a user may have meant: one that is there and ends like it, or is spelt like it."""
    known = [*_paths(resolved.value), *(f"train.{name}" for name in Train.model_fields)]
    ends = [path for path in known if path.endswith(f".{dotted}")]
    is_section = get_close_matches(dotted.partition(".")[0], SECTIONS, 1, cutoff=0.8)
    if not ends and resolved.value["weighting"] and not is_section:
        ends = [f"weighting.{dotted}"]
    return f" (did you mean {ends[0]!r}?)" if ends else did_you_mean(dotted, known)


def _paths(value: Any, above: str = "") -> Iterator[str]:
    """The dotted paths of nested mappings."""
    for key, child in value.items() if isinstance(value, dict) else ():
        path = f"{above}.{key}" if above else str(key)
        yield path
        yield from _paths(child, path)
