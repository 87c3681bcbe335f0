"""A suite: one YAML file, validated whole before anything expensive starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from . import marks
from .components import Dataset, Split, Task, Tower, Weighting
from .errors import Fault, PluginError, SuiteError, did_you_mean
from .registry import Registry

SIDES = ("query", "candidate")
M = TypeVar("M", bound=BaseModel)


def _seeds(value: Any) -> Any:
    """`5` is short for the seeds 0 to 4."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return list(range(value))
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a number of seeds, or a list of them, found {value!r}")
    return value


class Options(BaseModel):
    """Base of the sections that are no components."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )


class Optimizer(Options):
    """The optimizer of `tf.keras.optimizers` and its learning rate."""

    name: Literal["adagrad", "adam", "adamw", "rmsprop", "sgd"] = "adagrad"
    """Which one; everything but its learning rate is Keras's default."""
    learning_rate: float = Field(0.1, gt=0)
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


class Protocol(Options):
    """The keys of a suite that are no components."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the suite, and of its folder of results."""
    plugins: list[str] = []
    """Python files with further plugins, relative to the suite."""
    train: Train = Train()
    """How every run trains."""
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], BeforeValidator(_seeds)] = [
        0,
        1,
        2,
    ]
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


def load_suite(
    path: Path,
    registry: Registry,
    *,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    synthetic: bool = False,
) -> Suite:
    """Read and validate a suite, and load the plugin files it names.

    Args:
        path: The YAML file.
        registry: The components there are; the suite's own plugin files are added to it.
        overrides: `key.path=value`, each replacing or adding a value, in order.
        seeds: Replaces the seeds, in the same form: `5`, or `[3, 4]`, or `3,4`.
        synthetic: Put the dataset's synthetic stand-in in its place.

    Raises:
        SuiteError: With every fault of the suite.
        PluginError: A plugin file of the suite cannot be loaded.
    """
    document = marks.read(path)
    _override(document, overrides, seeds)
    return _Reader(document, registry).suite(path.parent, synthetic)


def _override(document: marks.Document, overrides: Sequence[str], seeds: str | None) -> None:
    """Apply `-o key=value` and `--seeds` to a document."""
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            fault = Fault(f"-o {text}", "", "expected key=value, such as train.epochs=5")
            raise SuiteError([fault])
        document.set(tuple(key.split(".")), _value(f"-o {text}", value), f"-o {text}")
    if seeds is not None:
        listed = f"[{seeds}]" if re.fullmatch(r"\s*\d+\s*(,\s*\d*\s*)+", seeds) else seeds
        place = f"--seeds {seeds}"
        document.set(("seeds",), _value(place, listed), place)


def _value(place: str, text: str) -> Any:
    try:
        return marks.parse_value(text)
    except yaml.YAMLError as error:
        reason = getattr(error, "problem", None) or "cannot be read"
        raise SuiteError([Fault(place, "", f"YAML: {reason}")]) from error


class _Reader:
    """Turns a document into a suite, collecting every fault on the way."""

    def __init__(self, document: marks.Document, registry: Registry) -> None:
        self.document = document
        self.registry = registry
        self.faults: list[Fault] = []

    def suite(self, folder: Path, synthetic: bool) -> Suite:
        """Read the whole document.

        Raises:
            SuiteError: With all faults.
        """
        value = dict(self.document.value)
        parts = {
            key: value.pop(key, None)
            for key in ("dataset", "split", "towers", "tasks", "scenarios")
        }
        protocol = self.options(Protocol, value, (), extra=parts)
        for file in protocol.plugins if protocol else []:
            self.registry.load_file(folder / file)
        dataset = self.component("dataset", parts["dataset"], ("dataset",))
        replaced = None
        if synthetic and dataset:
            dataset, replaced = self.stand_in(dataset)
        split = self.component("split", parts["split"], ("split",))
        towers = self.towers(parts["towers"])
        tasks = self.tasks(parts["tasks"])
        scenarios = self.scenarios(parts["scenarios"], tasks)
        if self.faults or not (protocol and dataset and split):
            raise SuiteError(sorted(set(self.faults), key=_position))
        return Suite(
            protocol.name,
            dataset,
            split,
            towers,
            tasks,
            scenarios,
            protocol.train,
            tuple(dict.fromkeys(protocol.seeds)),
            replaced,
        )

    def fault(self, path: marks.Path_, message: str) -> None:
        """Note a fault."""
        self.faults.append(self.document.fault(path, message))

    def options(
        self, model: type[M], value: Any, path: marks.Path_, extra: Iterable[str] = ()
    ) -> M | None:
        """Validate options; None and faults where they are wrong."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self.fault((*path, *detail["loc"]), _message(detail, model, extra))
            return None

    def component(self, kind: str, value: Any, path: marks.Path_, default: str = "") -> Any:
        """Read a component: its name, or a mapping of `name` and options.

        Returns:
            The component, or None where there is a fault.
        """
        if isinstance(value, str):
            value = {"name": value}
        if value is None and default:
            value = {}
        if not isinstance(value, dict):
            found = "nothing" if value is None else repr(value)
            self.fault(path, f"expected a {kind}: its name, or name and options; found {found}")
            return None
        options = dict(value)
        name = options.pop("name", default)
        if not isinstance(name, str) or not name:
            self.fault((*path, "name"), f"expected the name of a {kind}, found {name or 'none'!r}")
            return None
        try:
            cls = self.registry.find(kind, name)
        except PluginError as error:
            self.fault((*path, "name") if "name" in value else path, str(error))
            return None
        return self.options(cls, options, path, extra=("name",))

    def stand_in(self, dataset: Dataset) -> tuple[Dataset | None, str | None]:
        """Replace a dataset by its synthetic stand-in."""
        spec = dataset.stand_in()
        if spec is None:
            self.fault(("dataset",), f"{dataset.name!r} has no synthetic stand-in")
            return None, None
        options = ", ".join(f"{key}={value}" for key, value in dataset.options().items())
        replaced = f"{dataset.name} ({options})" if options else dataset.name
        return self.component("dataset", dict(spec), ("dataset",)), replaced

    def mapping(self, value: Any, path: marks.Path_, what: str) -> dict[str, Any]:
        """Return a mapping that is not empty, or {} and a fault."""
        if isinstance(value, dict) and value:
            return value
        found = "nothing" if value is None else repr(value)
        self.fault(path, f"expected {what}, found {found}")
        return {}

    def towers(self, value: Any) -> dict[str, Tower]:
        """Read the two towers."""
        sides = self.mapping(value, ("towers",), "a query and a candidate tower")
        for key in sides.keys() - set(SIDES):
            self.fault(("towers", key), f"unknown key{did_you_mean(key, SIDES)}")
        return {
            side: self.component("tower", sides.get(side), ("towers", side))
            for side in SIDES
            if sides
        }

    def tasks(self, value: Any) -> dict[str, Task]:
        """Read the tasks; the key is the name where none is given."""
        return {
            key: self.component("task", spec, ("tasks", key), default=key)
            for key, spec in self.mapping(value, ("tasks",), "tasks by name").items()
        }

    def scenarios(self, value: Any, tasks: Mapping[str, Task]) -> dict[str, Scenario]:
        """Read the scenarios, valid ones only."""
        specs = self.mapping(value, ("scenarios",), "scenarios by name")
        read = {key: self.scenario(key, spec, tasks) for key, spec in specs.items()}
        return {key: scenario for key, scenario in read.items() if scenario}

    def scenario(self, name: str, value: Any, tasks: Mapping[str, Task]) -> Scenario | None:
        """Read one scenario."""
        path = ("scenarios", name)
        spec = dict(self.mapping(value, path, "tasks and a weighting"))
        for key in spec.keys() - {"tasks", "weighting"}:
            self.fault((*path, key), f"unknown key{did_you_mean(key, ('tasks', 'weighting'))}")
        if not spec:
            return None
        names = spec.get("tasks")
        if not isinstance(names, list) or not names:
            self.fault((*path, "tasks"), f"expected a list of tasks to train, found {names!r}")
            return None
        for n, task in enumerate(names):
            if task not in tasks:
                known = did_you_mean(str(task), tasks)
                self.fault((*path, "tasks", n), f"unknown task {task!r}{known}")
            elif task in names[:n]:
                self.fault((*path, "tasks", n), f"task {task!r} is given twice")
        weighting = None
        if spec.get("weighting") is not None:
            weighting = self.component("weighting", spec["weighting"], (*path, "weighting"))
            for key, fault in weighting.check(names) if weighting else ():
                self.fault((*path, "weighting", *key.split(".")), fault)
        elif len(names) > 1:
            self.fault(path, f"expected a weighting, since {len(names)} tasks are trained")
        trained = tuple(task for task in tasks if task in names)  # in the order of the suite
        return Scenario(name, trained, weighting)


def _position(fault: Fault) -> tuple[str, int, str]:
    """Sort faults by file, then line."""
    file, _, line = fault.where.rpartition(":")
    return (file, int(line), fault.key) if line.isdigit() else (fault.where, 0, fault.key)


def _message(detail: ErrorDetails, model: type[BaseModel], extra: Iterable[str]) -> str:
    """Say what pydantic found in our words: `expected X, found Y`."""
    if detail["type"] == "extra_forbidden":
        *above, key = detail["loc"]
        known = [*_fields(model, above), *(() if above else extra)]
        return f"unknown key{did_you_mean(str(key), known)}"
    if detail["type"] == "missing":
        return "missing key"
    found = detail["input"]
    if detail["type"] == "value_error":
        return f"{detail['ctx']['error']}"
    message = detail["msg"].replace("Input should be", "expected").split(", unable")[0]
    if detail["type"] in ("list_type", "tuple_type"):
        message = "expected a list"
    if detail["type"] == "string_pattern_mismatch":
        message = "expected a name of letters, digits, '.', '_' and '-'"
    near = ""
    if detail["type"] == "literal_error" and isinstance(found, str):
        near = did_you_mean(found, re.findall(r"'([^']+)'", detail["ctx"]["expected"]))
        near = near if "did you mean" in near else ""  # the message lists them all
    return f"{message[0].lower()}{message[1:]}, found {found!r}{near}"


def _fields(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Names of the fields of the model at a path below `model`."""
    for part in loc:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
