"""What differs: between two JSON values, and between the scenarios of a suite."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .record import Answer
from .sweeps import sweep_of

ABSENT = "–"
"""What is said of a key that one side lacks."""
Changes = Mapping[str, str]
"""What a scenario changed: by dotted path as in a suite, `towers.query.embedding_dim`, the value on
one line; a component's name stands at its place, `towers.query`."""
_ORIGIN = re.compile(r"\.origin\.(plugin|distribution|version|sha256)$")
_OTHER_PLACES = {"trained_tasks", "weighting", "baseline", "tuning"}
"""Keys of an answer that are told elsewhere; of a weighting the options are told here."""


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


def tried(answer: Answer) -> dict[str, Any]:
    """What may be a change of a scenario, by dotted path: the values of its options.

    The weighting's name is not, as little as which tasks are trained, nor an option that was
    chosen by tuning, which has a place of its own.
    """
    parts = answer.model_dump(exclude=_OTHER_PLACES)
    flat = {
        key.removesuffix(".name"): value
        for part, options in parts.items()
        if options is not None
        for key, value in leaves(options, part)
        if not is_origin(key)
    }
    weighting = leaves(answer.weighting.options if answer.weighting else {}, "weighting")
    flat |= dict(weighting)
    chosen = (
        [*answer.tuning.space, *(["train.epochs"] if answer.tuning.epochs else [])]
        if (answer.tuning)
        else []
    )
    return {key: v for key, v in flat.items() if not any(fnmatchcase(key, c) for c in chosen)}


def changes(arms: Sequence[tuple[str, Answer]]) -> list[Changes]:
    """What each scenario changed: where it is not as most of them are.

    The value that most have is the reference, of as many the first scenario's. Options of a
    component that is another than the reference's are told where those that have it differ in
    them, and so are options of a weighting among the scenarios with that weighting. A point of a
    sweep tells all that the sweep varies, the reference's value too.

    Args:
        arms: Names and answers of scenarios.

    Returns:
        For each of them its changes, in the order of its answer; those that it lacks at the end.
    """
    names = [name for name, _ in arms]
    weightings = [answer.weighting and answer.weighting.name for _, answer in arms]
    flat = [{key: shown(value) for key, value in tried(answer).items()} for _, answer in arms]
    paths = list(dict.fromkeys(key for options in flat for key in options))
    told: list[dict[str, str]] = [{} for _ in arms]
    for path in sorted(paths, key=lambda path: path.count(".")):  # components before their options
        values = [options.get(path, ABSENT) for options in flat]
        if len(set(values)) == 1:
            continue
        for number, value in enumerate(values):
            if path.startswith("weighting."):
                peers = [
                    v for v, w in zip(values, weightings, strict=True) if w == weightings[number]
                ]
                is_told = value not in (ABSENT, _most(peers))
            else:
                is_told = _is_change(values, value, _enclosed(path, told[number]))
            sweep = sweep_of(names[number])
            if sweep and value != ABSENT and not is_told:
                of_sweep = {v for n, v in zip(names, values, strict=True) if sweep_of(n) == sweep}
                is_told = len(of_sweep) > 1
            if is_told:
                told[number][path] = value
    order = {path: place for place, path in enumerate(paths)}
    return [dict(sorted(one.items(), key=lambda item: order[item[0]])) for one in told]


def _is_change(values: Sequence[str], value: str, replaced: bool) -> bool:
    """Whether a value is told of a scenario.

    Args:
        values: Those of all scenarios at the path.
        value: The scenario's.
        replaced: Whether the option is one of a component that is told already.
    """
    reference = _most(values)
    if not replaced:
        return value != reference
    if value == ABSENT:
        return False
    having = {one for one in values if one != ABSENT}
    return len(having) > 1 if reference == ABSENT else value != reference


def _most(values: Sequence[str]) -> str:
    """The most common value, of as many the first."""
    return Counter(values).most_common(1)[0][0]


def _enclosed(path: str, told: Mapping[str, str]) -> bool:
    """Whether a path lies below one that is told."""
    return any(path.startswith(f"{above}.") for above in told)


def changes_text(made: Changes) -> str:
    """Changes on one line: `towers.query=mlp, train.epochs=30`; empty where there are none."""
    return ", ".join(f"{path}={value}" for path, value in made.items())
