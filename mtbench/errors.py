"""What can be wrong with what a user gave us, each with the one line that says so."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass


class MtbenchError(Exception):
    """A fault in a suite, plugin, data set or command line: exit code 2, never a traceback."""


class PluginError(MtbenchError):
    """A plugin that cannot be loaded, or breaks the rules of its hook."""


class DataError(MtbenchError):
    """Data that is absent, altered or of the wrong form."""


class LackingColumnError(DataError):
    """Interactions without a column that something reads.

    Args:
        message: What reads it.
        column: Its name.
    """

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


class SealedError(MtbenchError):
    """The test part was asked for before the model was trained."""


class RecordError(MtbenchError):
    """A results folder or record that cannot be read or written."""


@dataclass(frozen=True)
class Fault:
    """One fault in a suite: where it is and what would be right."""

    where: str
    """`file:line`, or the command-line option it came from."""
    key: str
    """Dotted path of the key, empty for the file as a whole."""
    message: str

    def __str__(self) -> str:
        key = self.key if self.key.isprintable() else repr(self.key)  # one line, whatever it is
        return ": ".join(part for part in (self.where, key, self.message) if part)


class SuiteError(MtbenchError):
    """A suite with faults, all of them at once, one a line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def in_one_line(error: BaseException) -> str:
    """`ZeroDivisionError: division by zero`, for an exception of somebody else's code."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to one, if any is near."""

    def rank(word: str) -> tuple[float, int]:
        ratio = difflib.SequenceMatcher(a=word, b=name).ratio()
        alike = os.path.commonprefix([word, name])  # noqa: RUF071 - characters are meant
        return ratio, len(alike)  # `--seeds` rather than `--speed`

    return max(difflib.get_close_matches(name, known, n=3), key=rank, default=None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'epochs'?)`, or the known names where none is near.

    Args:
        name: What the user wrote.
        known: The names that would have been right.

    Returns:
        A clause to append to a message, with its leading space.
    """
    known = sorted(known)
    if near := nearest(name, known):
        return f" (did you mean {near!r}?)"
    return f" (known: {', '.join(known)})" if known else " (there is none)"
