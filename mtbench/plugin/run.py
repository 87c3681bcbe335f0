"""A run as observers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtbench.suite.suite import Scenario


@dataclass(frozen=True)
class Run:
    """One scenario with one seed: what is executed, stored and resumed."""

    id: str
    scenario: Scenario
    seed: int
    protocol: Mapping[str, Any]
    """All but scenario and seed that decides the result: runs with an equal one compare."""
    protocol_id: str
