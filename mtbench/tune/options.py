"""The options a setup has, by the dotted paths that a space names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mtbench.plugin.component import Component
from mtbench.suite.setup import Setup

_ABSENT = object()


def options_of(setup: Setup, paths: Iterable[str]) -> dict[str, Any]:
    """What a setup has at some paths; a path of what it does not have is left out.

    Args:
        setup: Of a scenario, whose paths begin with a section; or of a baseline, whose paths are
            names of its options.
        paths: Dotted; `*` for what all keys agree on.
    """
    has = _all(setup)
    found = {path: _at(has, path.split(".")) for path in paths}
    return {path: value for path, value in found.items() if value is not _ABSENT}


def _all(setup: Setup) -> dict[str, Any]:
    if setup.baseline:
        return setup.baseline.options()
    parts: dict[str, Any] = {
        "towers": {side: _said(tower) for side, tower in setup.towers.items()},
        "tasks": {name: _said(task) for name, task in setup.tasks.items()},
        "train": setup.train.model_dump(mode="json"),
    }
    return {**parts, **({"weighting": _said(setup.weighting)} if setup.weighting else {})}


def _said(component: Component) -> dict[str, Any]:
    return {"name": component.name, **component.options()}


def _at(value: Any, path: list[str]) -> Any:
    for n, part in enumerate(path):
        if not isinstance(value, dict):
            return _ABSENT
        if part == "*":
            each = [_at(child, path[n + 1 :]) for child in value.values()]
            return each[0] if each and all(one == each[0] for one in each) else _ABSENT
        value = value.get(part, _ABSENT)
    return value
