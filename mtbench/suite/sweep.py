"""A scenario for each point of a grid of a strategy's options: `sweep:` in a suite."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any


class SweepError(ValueError):
    """A `sweep:` that is wrong: its path within the scenario, and what was expected."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


def base(scenario: str) -> str:
    """The name of the scenario that a point of a sweep was made from, or the name itself."""
    return scenario.partition("[")[0]


def expand(name: str, spec: Any) -> Iterator[tuple[str, Any]]:
    """Turn a scenario with a sweep into one for each point of its grid.

    `sweep: {weights.retrieval: [1, 3]}` gives `name[weights.retrieval=1]` and
    `name[weights.retrieval=3]`, whose weighting has that option. More than one key makes a grid.

    Args:
        name: The scenario's key.
        spec: Its value; anything without a sweep is given back as it is.

    Raises:
        SweepError: The sweep is wrong.
    """
    if not isinstance(spec, dict) or "sweep" not in spec:
        yield name, spec
        return
    rest = {key: value for key, value in spec.items() if key != "sweep"}
    grid, weighting = spec["sweep"], rest.get("weighting")
    if not isinstance(grid, Mapping) or not grid:
        raise SweepError(
            ("sweep",), "expected options of the weighting, each with a list of values"
        )
    if not isinstance(weighting, str | dict):
        raise SweepError(("sweep",), "expected a weighting whose options to sweep")
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise SweepError(("sweep", key), f"expected a list of values, found {values!r}")
        if not isinstance(key, str) or not all(key.split(".")):
            raise SweepError(("sweep",), f"expected an option, such as weights.retrieval: {key!r}")
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        label = ", ".join(f"{key}={value}" for key, value in point.items())
        made = {"name": weighting} if isinstance(weighting, str) else copy.deepcopy(weighting)
        for key, value in point.items():
            _set(made, key.split("."), value)
        yield f"{name}[{label}]", {**rest, "weighting": made}


def _set(options: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for key in parents:
        inner = options.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SweepError(("sweep", ".".join(path)), f"{key} is {inner!r}, which has no options")
        options = inner
    options[last] = value
