"""The keys of a suite that are no components."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mtbench.config.options import Options

from .training import Train

MOST_SEEDS = 10_000


def _seeds(value: Any) -> Any:
    """`5` is short for the seeds 0 to 4."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_SEEDS:
        return list(range(value))
    if not isinstance(value, list) or not value:
        raise ValueError(
            f"expected a number of seeds from 1 to {MOST_SEEDS}, or a list of them, found {value!r}"
        )
    return value


class Protocol(Options):
    """The keys of a suite that are no components."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the suite, and of its folder of results."""
    plugins: list[str] = Field([])
    """Python files with further plugins, relative to the suite."""
    train: Train = Train()
    """How every run trains."""
    evaluate_on: Literal["test", "validation"] = "test"
    """Part that the trained models are scored on: `validation` while options are being chosen, so
    that the test part has no say in it."""
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], BeforeValidator(_seeds)] = Field(
        [0, 1, 2]
    )
    """Seeds, a run for each; `5` is short for 0 to 4."""
