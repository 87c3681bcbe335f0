"""A run as observers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Run:
    """One setup with one seed: what is executed, stored and resumed. Plain data."""

    id: str
    """Made of all that decides the result."""
    suite: str
    scenario: str
    seed: int
    question: Mapping[str, Any]
    """What is asked, as in the record; runs with an equal one compare."""
    question_id: str
    answer: Mapping[str, Any]
    """What is tried, as in the record."""
