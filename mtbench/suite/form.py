"""The form of a suite's file: the one model that reader and JSON Schema go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import CoreSchema, core_schema

from mtbench.config.options import Options

from .labels import Labels
from .names import TASK
from .training import Train
from .tune import ArmTune, Tune

MOST_SEEDS = 10_000
SLOT = "x-component"
"""What the form's own JSON Schema has where a component belongs: its kind."""
PARTIAL = "_difference"
"""Follows the kind where a difference from a component belongs."""


@dataclass(frozen=True)
class Slot:
    """Stands for a component: its name, or a mapping of its name and options.

    What components there are only a registry knows, which reads the slot, and fills in its schema.
    """

    kind: str
    partial: bool = False
    """Whether options alone will do, since they are merged with another's."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[..., Any]) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: Callable[..., Any]
    ) -> dict[str, Any]:
        # no `$ref`: pydantic would look for it
        return {SLOT: f"{self.kind}{PARTIAL if self.partial else ''}"}


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
    """Python files with further plugins, relative to the suite's file."""
    train: Train = Train()
    """How every run trains."""
    train_on: Literal["train", "train+validation"] = "train"
    """Part that models learn from; with the validation part too where it chooses nothing."""
    evaluate_on: Literal["test", "validation"] = "test"
    """Part that the trained models are scored on: `validation` while options are being chosen, so
    that the test part has no say in it."""
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], BeforeValidator(_seeds)] = Field(
        [0, 1, 2]
    )
    """Seeds, a run for each; `5` is short for 0 to 4."""
    main: str | None = None
    """The task that the suite is about: verdicts, Δm and the first sentences are of it alone, and
    weightings with a main task take it where they name none. Default: all tasks weigh alike."""
    tune: Tune | None = None
    """How options are chosen before the runs; default: they are not."""


class TowersForm(Options):
    """The two towers."""

    query: Annotated[Any, Slot("tower")]
    """Of the users."""
    candidate: Annotated[Any, Slot("tower")]
    """Of the items."""


class TowersDifference(Options):
    """What is different of the two towers."""

    query: Annotated[Any, Slot("tower", partial=True)] = None
    """Of the users."""
    candidate: Annotated[Any, Slot("tower", partial=True)] = None
    """Of the items."""


Values = Annotated[list[Any], Field(min_length=1)]
Together = Annotated[dict[str, Values], Field(min_length=1)]
"""Dotted paths whose values go together."""


Trained = (
    Annotated[list[str], Field(min_length=1)]
    | Annotated[dict[str, Annotated[Any, Slot("task", partial=True)]], Field(min_length=1)]
)
"""Names of tasks, or the options of each that differ."""


class ScenarioForm(Options):
    """What a scenario says itself: the tasks it trains, and what else of the suite it changes.

    A component with another name replaces the suite's; options alone are merged with it.
    """

    tasks: Trained
    """Names of the tasks to train, as a list or with options that differ; every task of the suite
    is scored."""
    weighting: Annotated[Any, Slot("weighting")] = None
    """How their losses are combined; several tasks need one."""
    towers: TowersDifference | None = None
    """What is different of the towers."""
    train: Train | None = None
    """What is different of the training."""
    tune: ArmTune | None = None
    """What is different in tuning it."""
    labels: dict[str, Annotated[float, Field(gt=0, le=1)] | Labels] | None = None
    """By task what it learns from: a share of its labels in the training part, or more options."""
    subsets: bool = False
    """A scenario for each set of some of its tasks, of three tasks seven: `joint[ranking]`,
    `joint[ranking+click]`, … One task alone has no weighting."""
    sweep: dict[str, Values | Together | list[Together]] | None = Field(None, min_length=1)
    """Dotted paths within the scenario, such as `train.epochs`, each with a list of values: a
    scenario for each point of the grid. Paths below `zip` go together."""


class ExtendingForm(ScenarioForm):
    """What a scenario says that starts from another one."""

    extends: str
    """Name of the scenario it starts from, without its sweep and subsets."""
    tasks: Trained | None = None  # type: ignore[assignment]
    """Names of the tasks to train, where they are others, or with options that differ."""
    weighting: Annotated[Any, Slot("weighting", partial=True)] = None
    """What is different of the weighting."""


class SuiteForm(Plain):
    """A suite's file."""

    dataset: Annotated[Any, Slot("dataset")]
    """What is read or made."""
    split: Annotated[Any, Slot("split")]
    """How it is divided."""
    towers: TowersForm
    """The networks of both sides."""
    tasks: dict[str, Annotated[Any, Slot("task")]] = Field(
        min_length=1, json_schema_extra={"propertyNames": {"pattern": TASK}}
    )
    """By name; the name is that of the component where none is given."""
    scenarios: dict[str, ScenarioForm | ExtendingForm] = Field(min_length=1)
    """By name."""
    baselines: list[str] | dict[str, Annotated[Any, Slot("baseline")]] = Field({})
    """Strong simple models to compare with: their names, or by name, which is that of the component
    where none is given."""
    executor: Annotated[Any, Slot("executor")] = None
    """Where runs are executed; default: `MTBENCH_EXECUTOR`, or `processes`. Nothing of it decides a
    run but its `threads`."""


PARTS = tuple(name for name in SuiteForm.model_fields if name not in Plain.model_fields)
"""The keys of a suite that are made of components."""
QUESTION = ("dataset", "split", "seeds", "train_on", "evaluate_on")
"""The keys that say what is asked, which all scenarios share."""
SIDES = tuple(TowersForm.model_fields)
"""`query` and `candidate`."""
