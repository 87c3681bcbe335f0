"""What the names in a suite may be: they are parts of keys, of files' names and of tables."""

from __future__ import annotations

import re

MOST_LETTERS = 100
TASK = r"^[^\W_][\w-]*$"
"""A task's name: `task/metric` is a key of results, `tasks.NAME.option` one of suites."""
_ARM = re.compile(r"[^\W_]([^\n]*\S)?")


def fault_of_task(name: str) -> str | None:
    """What is wrong with the name of a task, if anything."""
    if re.match(TASK, name) and not name.endswith("\n"):
        return _fault_of_length(name)
    return "expected a name of letters, digits, '_' and '-', a letter or digit first"


def fault_of_arm(name: str) -> str | None:
    """What is wrong with the name of a scenario or a baseline, if anything."""
    if _ARM.fullmatch(name) and name.isprintable():
        return _fault_of_length(name)
    return "expected a name that begins with a letter or digit, and can be printed"


def _fault_of_length(name: str) -> str | None:
    if len(name) <= MOST_LETTERS:
        return None
    return f"expected a name of at most {MOST_LETTERS} letters, found {len(name)}"
