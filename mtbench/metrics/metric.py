"""What a task reports, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A number that a task reports, and how to read it."""

    name: str
    higher_is_better: bool
    headline: bool = False
    """Whether the short table in the terminal shows it."""
    optional: bool = False
    """Whether `evaluate` may leave it out, where the test part does not define it."""
