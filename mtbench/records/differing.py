"""What differs: between two JSON values, and between the scenarios of a suite."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .record import Answer

ABSENT = "–"
"""What is said of a key that one side lacks."""
_ORIGIN = re.compile(r"\.origin\.(plugin|distribution|version|sha256)$")


def is_origin(key: str) -> bool:
    """Whether a dotted key says where a component's code comes from."""
    return bool(_ORIGIN.search(key))


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings by dotted key.

    Keys of options are written as in a suite: `tasks.ranking.units`.
    """
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, child in value.items():
        shown_name = "" if name == "options" and "name" in value else name
        yield from leaves(child, ".".join(part for part in (key, shown_name) if part))


def shown(value: Any) -> str:
    """A JSON value on one line; a digest is cut short."""
    if isinstance(value, str):
        digest = len(value) == 64 and not set(value) - set("0123456789abcdef")
        return value[:12] if digest else value if value.isprintable() else repr(value)
    return json.dumps(value, ensure_ascii=False)


def differing(answers: Mapping[str, Answer]) -> list[str]:
    """A line that names the options in which scenarios differ, where they do.

    Which tasks are trained and how they are weighed is what scenarios are for; this is of towers,
    training, the options of tasks and what of their labels they learn from.

    Args:
        answers: By scenario.
    """
    sections = ("train", "towers", "tasks", "labels")
    tried = [[getattr(answer, name) for name in sections] for answer in answers.values()]
    if all(each == tried[0] for each in tried):
        return []
    flat = {
        name: {
            key: shown(value)
            for key, value in leaves(answer.model_dump(include={*sections}))
            if not is_origin(key)
        }
        for name, answer in answers.items()
    }
    said = []
    for key in dict.fromkeys(key for options in flat.values() for key in options):
        having: dict[str, list[str]] = {}
        for name, options in flat.items():
            having.setdefault(options.get(key, ABSENT), []).append(name)
        if len(having) > 1:
            values = (f"{value} ({', '.join(names)})" for value, names in having.items())
            said.append(f"{key}: {', '.join(values)}")
    return [f"scenarios differ in {'; '.join(said)}"] if said else []
