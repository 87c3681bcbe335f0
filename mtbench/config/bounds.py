"""YAML within bounds: what a file of a stranger may take of time and memory."""

from __future__ import annotations

import re
from typing import Any

import yaml

MOST_BYTES = 5_000_000
MOST_VALUES = 50_000
"""Values of a file, aliases counted as often as they stand; a text counts for every 50 letters."""
MOST_LEVELS = 50
MOST_DIGITS = 100


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with the numbers of YAML 1.2: `1e-3` is a number, not a word.

    What it makes is bounded, as are time and memory that it takes.
    """

    levels, values = 0, 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """Read a node and those in it.

        Raises:
            yaml.MarkedYAMLError: They are nested too deeply.
        """
        if self.levels >= MOST_LEVELS:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        self.levels += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self.levels -= 1
        return node

    def count(self, node: yaml.Node) -> None:
        """Count a value that is about to be made.

        Raises:
            yaml.MarkedYAMLError: There are too many, or it is a number of too many digits.
        """
        if not isinstance(node, yaml.ScalarNode):
            self._count(node, 1)
            return
        size = len(node.value)
        self._count(node, 1 + size // 50)
        if node.tag == "tag:yaml.org,2002:int" and size > MOST_DIGITS:
            problem = f"expected a number of at most {MOST_DIGITS} digits, found {size}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)

    def count_merged(self, node: yaml.MappingNode, above: tuple[int, ...]) -> None:
        """Count the keys that a mapping gets by `<<`.

        Raises:
            yaml.MarkedYAMLError: There are too many, or it merges itself.
        """
        self._count(node, _merged(node, above))

    def _count(self, node: yaml.Node, values: int) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            problem = f"expected at most {MOST_VALUES} values, found more (aliases repeat them)"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_TOO_DEEP = f"expected at most {MOST_LEVELS} levels, found more: is nested too deeply"

Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+"),
    list("-+.0123456789"),
)


def _merged(node: yaml.MappingNode, above: tuple[int, ...], most: int = MOST_VALUES) -> int:
    """How many keys a mapping gets by `<<`, which may merge what merges others.

    Raises:
        yaml.MarkedYAMLError: It merges itself.
    """
    total = 0
    for key, value in node.value:
        for one in value.value if isinstance(value, yaml.SequenceNode) else (value,):
            if key.tag != "tag:yaml.org,2002:merge" or not isinstance(one, yaml.MappingNode):
                continue
            if id(one) in above:
                problem, mark = "a value contains itself", one.start_mark
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            total += len(one.value) + _merged(one, (*above, id(one)), most - total)
            if total > most:
                return total
    return total
