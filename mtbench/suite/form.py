"""The form of a suite's file: the one model that reader and JSON Schema go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import CoreSchema, core_schema

from mtbench.config.options import Options

from .training import Train

MOST_SEEDS = 10_000
SLOT = "x-component"
"""What the form's own JSON Schema has where a component belongs: its kind."""


@dataclass(frozen=True)
class Slot:
    """Stands for a component: its name, or a mapping of its name and options.

    What components there are only a registry knows, which reads the slot, and fills in its schema.
    """

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[..., Any]) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: Callable[..., Any]
    ) -> dict[str, Any]:
        return {SLOT: self.kind}  # no `$ref`: pydantic would look for it


def _seeds(value: Any) -> Any:
    """`5` is short for the seeds 0 to 4."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_SEEDS:
        return list(range(value))
    if not isinstance(value, list) or not value:
        raise ValueError(
            f"expected a number of seeds from 1 to {MOST_SEEDS}, or a list of them, found {value!r}"
        )
    return value


class Plain(Options):
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


class TowersForm(Options):
    """The two towers."""

    query: Annotated[Any, Slot("tower")]
    """Of the users."""
    candidate: Annotated[Any, Slot("tower")]
    """Of the items."""


class ScenarioForm(Options):
    """What a scenario says itself."""

    tasks: list[str] = Field(min_length=1)
    """Names of the tasks to train; every task of the suite is scored."""
    weighting: Annotated[Any, Slot("weighting")] = None
    """How their losses are combined; several tasks need one."""
    sweep: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field({}, min_length=1)
    """Options of the weighting, each with a list of values: a scenario for each point of the
    grid."""


class SuiteForm(Plain):
    """A suite's file."""

    dataset: Annotated[Any, Slot("dataset")]
    """What is read or made."""
    split: Annotated[Any, Slot("split")]
    """How it is divided."""
    towers: TowersForm
    """The networks of both sides."""
    tasks: dict[str, Annotated[Any, Slot("task")]] = Field(min_length=1)
    """By name; the name is that of the component where none is given."""
    scenarios: dict[str, ScenarioForm] = Field(min_length=1)
    """By name."""


PARTS = tuple(name for name in SuiteForm.model_fields if name not in Plain.model_fields)
"""The keys of a suite that are made of components."""
SIDES = tuple(TowersForm.model_fields)
"""`query` and `candidate`."""
