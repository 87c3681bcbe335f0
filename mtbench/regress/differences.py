"""Whether two sets of runs compare, and what differs between them besides the numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mtbench.errors import RecordError
from mtbench.records.series import Measured

ABSENT = "–"
"""What `differences` says of a key that one side lacks."""
SECTIONS = ("suite", "code", "engine", "environment", "data")
"""What a change besides the numbers may be in."""


def differences(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """What differs between two JSON values, by dotted key: what a has and what b has.

    Keys of options are written as in a suite: `tasks.ranking.units`.
    """
    left, right = dict(_flat(a, "")), dict(_flat(b, ""))
    return {
        key: (left.get(key, ABSENT), right.get(key, ABSENT))
        for key in dict.fromkeys([*left, *right])
        if left.get(key, ABSENT) != right.get(key, ABSENT)
    }


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield key, value
        return
    for name, child in value.items():
        shown = "" if name == "options" and "origin" in value else name
        yield from _flat(child, ".".join(part for part in (key, shown) if part))


_ORIGIN = re.compile(r"\.origin\.(plugin|distribution|version|sha256)$")
_MUST_AGREE = ("dataset", "stands_in_for", "split", "tasks", "task_order", "train", "evaluate_on")
"""Keys of a protocol without which a difference in a metric says nothing of code or options."""


def mismatches(a: Measured, b: Measured) -> dict[str, list[str]]:
    """Why two sets of runs do not compare: lines under `data` and `protocol`, {} where they do.

    Code may differ, and so may seeds, towers, strategies and versions: those are what one compares.
    So may an option that only one side has, since a later version brought it.
    """
    found: dict[str, list[str]] = {}
    prints = (a.data["fingerprint"], b.data["fingerprint"])
    if prints[0] != prints[1]:
        found["data"] = [f"fingerprint: {shown(prints[0])} → {shown(prints[1])}"]
    scored = {"evaluate_on": "test"}  # what records say nothing of that are older than the key
    for key, (left, right) in differences(scored | a.protocol, scored | b.protocol).items():
        if key.split(".")[0] not in _MUST_AGREE or _ORIGIN.search(key):
            continue
        if ABSENT not in (left, right) or key.endswith(".name"):
            found.setdefault("protocol", []).append(f"{key}: {shown(left)} → {shown(right)}")
    return found


def shown(value: Any) -> str:
    """A JSON value on one line; a digest is cut short."""
    if isinstance(value, str):
        digest = len(value) == 64 and not set(value) - set("0123456789abcdef")
        return value[:12] if digest else value if value.isprintable() else repr(value)
    return json.dumps(value, ensure_ascii=False)


def require_comparable(a: Measured, b: Measured, anyway: bool) -> tuple[str, ...]:
    """Refuse to compare what does not compare.

    Args:
        a: One side.
        b: The other.
        anyway: Do not refuse.

    Returns:
        What every line about them has to say: `(different data)`, `(different protocol)`.

    Raises:
        RecordError: They differ in data or protocol.
    """
    found = mismatches(a, b)
    if found and not anyway:
        what = "; ".join(f"{kind} ({', '.join(lines)})" for kind, lines in found.items())
        raise RecordError(
            f"{a.name} and {b.name} do not compare, they differ in {what}; "
            "--anyway compares them all the same"
        )
    return tuple(f"(different {kind})" for kind in found)


def sections(a: Measured, b: Measured) -> dict[str, dict[str, tuple[Any, Any]]]:
    """What differs besides the numbers, by what it is a change of and dotted key.

    Of scenarios, the definitions of those that both have.
    """
    found: dict[str, dict[str, tuple[Any, Any]]] = {name: {} for name in SECTIONS}
    both = [name for name in a.series if name in b.series]
    for key, pair in differences(_described(a, both), _described(b, both)).items():
        top, _, rest = key.partition(".")
        if _ORIGIN.search(key) or key == "engine.mtbench":
            found["code"][key] = pair
        elif top in ("engine", "environment", "data"):
            found[top][rest] = pair
        else:
            found["suite"][key] = pair
    return found


def _described(side: Measured, scenarios: Iterable[str]) -> dict[str, Any]:
    """All that decides a side's results."""
    return {
        **side.protocol,
        "scenarios": {name: side.series[name].definition for name in scenarios},
        "environment": side.environment,
        "data": side.data,
    }
