"""What a suite is made of, once it is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .components import Dataset, Options, Split, Task, Tower, Weighting

SIDES = ("query", "candidate")
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


class Optimizer(Options):
    """The optimizer of `tf.keras.optimizers` and its learning rate."""

    name: Literal["adagrad", "adam", "adamw", "rmsprop", "sgd"] = "adagrad"
    """Which one; everything but its learning rate is Keras's default."""
    learning_rate: float = Field(0.1, gt=0, allow_inf_nan=False)
    """Learning rate."""


class Train(Options):
    """How every run of the suite trains."""

    epochs: int = Field(3, ge=1)
    """Passes over the training part."""
    batch_size: int = Field(8192, ge=1)
    """Examples in a step; for in-batch retrieval also the number of negatives."""
    optimizer: Optimizer = Optimizer()
    """Optimizer of the model."""
    reshuffle: bool = True
    """A new order in every epoch. False: one random order, as in the TFRS tutorial."""
    diagnostics: bool = False
    """Record gradient norms, cosines and conflicts for strategies too that need no gradients."""


class Protocol(Options):
    """The keys of a suite that are no components."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the suite, and of its folder of results."""
    plugins: list[str] = Field([])
    """Python files with further plugins, relative to the suite."""
    train: Train = Train()
    """How every run trains."""
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], BeforeValidator(_seeds)] = Field(
        [0, 1, 2]
    )
    """Seeds, a run for each; `5` is short for 0 to 4."""


@dataclass(frozen=True)
class Scenario:
    """Which tasks are trained, and how their losses are combined."""

    name: str
    tasks: tuple[str, ...]
    """Names of the trained tasks; every task of the suite is evaluated."""
    weighting: Weighting | None
    """None for a single task, whose loss is minimised as it is."""


@dataclass(frozen=True)
class Suite:
    """A valid suite."""

    name: str
    dataset: Dataset
    split: Split
    towers: Mapping[str, Tower]
    """`query` and `candidate`."""
    tasks: Mapping[str, Task]
    scenarios: Mapping[str, Scenario]
    train: Train
    seeds: tuple[int, ...]
    stands_in_for: str | None = None
    """What `--synthetic` replaced."""
