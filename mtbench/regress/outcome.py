"""What a gate found: a line for each breach, one exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["breach", "cannot tell", "inconclusive", "ok"]


@dataclass(frozen=True)
class Check:
    """One limit in one scenario."""

    scenario: str
    what: str
    """`task/metric`, `step time`, `peak memory` or `runs`."""
    state: State
    text: str
    """What was found, and the limit."""

    def __str__(self) -> str:
        return f"{self.state.upper()}: {self.scenario}: {self.what}: {self.text}"


@dataclass(frozen=True)
class Outcome:
    """What a gate found."""

    checks: tuple[Check, ...]
    strict: bool
    mark: str
    """` (different data)`, ` (different protocol)`, both, or nothing."""
    notes: tuple[str, ...]

    @property
    def breaches(self) -> tuple[Check, ...]:
        """The checks that keep the current results out."""
        out = {"breach", "cannot tell", *(["inconclusive"] if self.strict else [])}
        return tuple(check for check in self.checks if check.state in out)

    @property
    def exit_code(self) -> int:
        """1 where there is a breach, or what may hide one, else 0."""
        return 1 if self.breaches else 0

    def to_text(self) -> str:
        """A line for each breach and each thing not settled, and one that counts them all."""
        words = {
            "breach": "beyond the limit",
            "cannot tell": "that may be beyond it",
            "inconclusive": "not settled",
            "ok": "within it",
        }
        lines = [str(check) for state in list(words)[:-1] for check in self._of(state)]
        counts = Counter(str(check.state) for check in self.checks)
        counted = ", ".join(
            f"{counts[state]} {text}"
            for state, text in words.items()
            if counts[state] or state != "cannot tell"
        )
        verdict = "does not pass" if self.breaches else "passes"
        lines += [*self.notes, f"{verdict}: {counted}"]
        return "".join(f"{line}{self.mark}\n" for line in lines)

    def _of(self, state: str) -> Iterator[Check]:
        return (check for check in self.checks if check.state == state)
