"""Whether two sets of runs compare, and what differs between them besides the numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mtbench.errors import RecordError
from mtbench.records.differing import ABSENT, changes_text, is_origin, leaves, shown
from mtbench.records.record import Answer
from mtbench.records.series import Measured

SECTIONS = ("suite", "code", "engine", "environment", "data")
"""What a change besides the numbers may be in."""
_MATTERS = re.compile(r"\.name$|^labels\.|^train\.pretrain")
"""Keys that have to agree even where one side lacks them."""
CODE = ("engine.mtbench", "engine.code")
"""Keys that say which code of ours it was."""


def differences(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """What differs between two JSON values, by dotted key: what a has and what b has.

    Keys of options are written as in a suite: `tasks.ranking.units`.
    """
    left, right = dict(leaves(a)), dict(leaves(b))
    return {
        key: (left.get(key, ABSENT), right.get(key, ABSENT))
        for key in dict.fromkeys([*left, *right])
        if left.get(key, ABSENT) != right.get(key, ABSENT)
    }


def mismatches(a: Measured, b: Measured) -> dict[str, list[str]]:
    """Why two sets of runs do not compare: lines under `data` and `protocol`, {} where they do.

    What has to agree is the question, and of every scenario in both the options of training and
    tasks, and what of their labels they learn from. Code may differ, and so may seeds, towers,
    strategies and versions: those are what one compares. So may an option that only one side has,
    since a later version brought it.
    """
    faults: dict[str, list[str]] = {}
    prints = (a.data.fingerprint, b.data.fingerprint)
    if prints[0] != prints[1]:
        faults["data"] = [f"fingerprint: {shown(prints[0])} → {shown(prints[1])}"]
    lines: dict[str, None] = {}
    for left, right in _that_agree(a, b):
        for key, pair in differences(left, right).items():
            if not is_origin(key) and (ABSENT not in pair or _MATTERS.search(key)):
                lines[f"{key}: {shown(pair[0])} → {shown(pair[1])}"] = None
    if lines:
        faults["protocol"] = list(lines)
    return faults


def _that_agree(a: Measured, b: Measured) -> Iterator[tuple[Any, Any]]:
    """Pairs of what has to agree: of the questions, then of each scenario in both."""
    yield _asked(a, b), _asked(b, a)
    for name in _in_both(a, b):
        yield _options(a.series[name].answer), _options(b.series[name].answer)
    orders = [list(side.question.tasks) for side in (a, b)]
    if set(orders[0]) == set(orders[1]):  # heads draw their initial weights in this order
        yield {"task_order": orders[0]}, {"task_order": orders[1]}


def _asked(side: Measured, other: Measured) -> dict[str, Any]:
    """A question but for the engine, and for the digest of files: the data's fingerprint tells.

    Of data or parts that come from files, and are equal, the options do not count: they say where
    the files lie and how they are read.
    """
    asked = side.question.model_dump(exclude={"engine", "content", "split_content"})
    contents = (side.question.content, other.question.content)
    if all(contents) and side.data.fingerprint == other.data.fingerprint:
        del asked["dataset"]["options"]
    if side.question.split_content == other.question.split_content is not None:
        del asked["split"]["options"]
    return asked


def _options(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(include={"tasks", "train", "labels"})


def _in_both(a: Measured, b: Measured) -> list[str]:
    """Names of the scenarios in both."""
    return [name for name in a.series if name in b.series]


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
    faults = mismatches(a, b)
    if faults and not anyway:
        what = "; ".join(f"{kind} ({', '.join(lines)})" for kind, lines in faults.items())
        raise RecordError(
            f"{a.name} and {b.name} do not compare, they differ in {what}; "
            "--anyway compares them all the same"
        )
    return tuple(f"(different {kind})" for kind in faults)


def sections(a: Measured, b: Measured) -> dict[str, dict[str, tuple[Any, Any]]]:
    """What differs besides the numbers, by what it is a change of and dotted key.

    Of scenarios, the answers of those that both have.
    """
    by_section: dict[str, dict[str, tuple[Any, Any]]] = {name: {} for name in SECTIONS}
    of_all = differences(_described(a), _described(b))
    for key, pair in (of_all | _of_answers(a, b)).items():
        top, _, rest = key.partition(".")
        if is_origin(key) or key in CODE:
            by_section["code"][key] = pair
        elif top in ("engine", "environment", "data"):
            by_section[top][rest] = pair
        else:
            by_section["suite"][key] = pair
    return by_section


def told_changes(a: Measured, b: Measured) -> list[str]:
    """What each scenario changed among those of its folder, a line each, two where sides differ."""
    lines = []
    for name in dict.fromkeys([*a.series, *b.series]):
        texts = [changes_text(s.series[name].changes) if name in s.series else "" for s in (a, b)]
        if texts[0] == texts[1] or not all(name in side.series for side in (a, b)):
            lines += [f"{shown(name)} changes {text}" for text in dict.fromkeys(texts) if text]
            continue
        for side, text in zip((a, b), texts, strict=True):
            lines.append(f"{shown(name)} changes {text or 'nothing'} in {side.name}")
    return lines


def _described(side: Measured) -> dict[str, Any]:
    """What decides the results of all scenarios; tasks are told by the answers, with origins."""
    return {
        "suite": side.suite,
        **side.question.model_dump(exclude={"tasks"}),
        "environment": side.environment.model_dump(),
        "data": side.data.model_dump(),
    }


def _of_answers(a: Measured, b: Measured) -> dict[str, tuple[Any, Any]]:
    """What differs between the answers: under `scenarios.NAME`, but what is alike in all of them.

    A suite's towers, tasks and training are those of all its scenarios, unless one says otherwise.
    """
    by_scenario: dict[str, dict[str, tuple[Any, Any]]] = {}
    for name in _in_both(a, b):
        left, right = (side.series[name].answer.model_dump() for side in (a, b))
        by_scenario[name] = differences(left, right)
    trained = [  # a baseline has neither towers nor training
        pairs
        for name, pairs in by_scenario.items()
        if not any(side.series[name].answer.baseline for side in (a, b))
    ]
    shared = {
        key: pair
        for key, pair in next(iter(trained), {}).items()
        if key.partition(".")[0] in ("towers", "tasks", "train")
        if all(other.get(key) == pair for other in trained)
    }
    rest = {
        f"scenarios.{name}.{key}": pair
        for name, pairs in by_scenario.items()
        for key, pair in pairs.items()
        if key not in shared
    }
    return shared | rest
