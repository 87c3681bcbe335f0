"""Reading a suite: one YAML file, validated whole before anything expensive starts."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from mtbench.config import document as marks
from mtbench.config.messages import found_text, message_of
from mtbench.errors import Fault, MtbenchError, PluginError, SuiteError, did_you_mean, in_one_line
from mtbench.plugin.component import Component
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower
from mtbench.plugin.weighting import Weighting

from . import sweep
from .form import PARTS, SIDES, Plain, ScenarioForm
from .suite import Scenario, Suite
from .training import Train

M = TypeVar("M", bound=BaseModel)


def load_suite(
    suite: Path | Mapping[str, Any],
    registry: Registry,
    *,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    synthetic: bool = False,
) -> Suite:
    """Read and validate a suite, and load the plugin files it names.

    Args:
        suite: The YAML file, or what such a file says.
        registry: The components there are; the suite's own plugin files are added to it.
        overrides: `key.path=value`, each replacing or adding a value, in order.
        seeds: Replaces the seeds, in the same form: `5`, or `[3, 4]`, or `3,4`.
        synthetic: Put the dataset's synthetic stand-in in its place.

    Raises:
        SuiteError: With every fault of the suite.
        PluginError: A component's own check fails, rather than the suite.
    """
    if isinstance(suite, Mapping):
        document, folder = marks.of_mapping(suite, "suite"), Path()
    else:
        document, folder = marks.read(suite), suite.parent
    _override(document, overrides, seeds)
    return _Reader(document, registry).suite(folder, synthetic)


def _override(document: marks.Document, overrides: Sequence[str], seeds: str | None) -> None:
    """Apply `-o key=value` and `--seeds` to a document."""
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            fault = Fault(f"-o {text}", "", "expected key=value, such as train.epochs=5")
            raise SuiteError([fault])
        document.set(tuple(key.split(".")), marks.parse_value(value, f"-o {text}"), f"-o {text}")
    if seeds is not None:
        listed = f"[{seeds}]" if re.fullmatch(r"\s*\d+\s*(,\s*\d*\s*)+", seeds) else seeds
        place = f"--seeds {seeds}"
        document.set(("seeds",), marks.parse_value(listed, place), place)


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
        parts = {key: value.pop(key, None) for key in PARTS}
        plain = self.options(Plain, value, (), extra=parts)
        self.load_plugins(value.get("plugins"), folder)
        dataset = self.component("dataset", parts["dataset"], ("dataset",))
        replaced = None
        if synthetic and dataset:
            dataset, replaced = self.stand_in(dataset)
        split = self.component("split", parts["split"], ("split",))
        towers = self.towers(parts["towers"])
        tasks = self.tasks(parts["tasks"])
        scenarios = self.scenarios(parts["scenarios"], tasks)
        if plain:
            self.training(plain.train, tasks)
        if self.faults or not (plain and dataset and split):
            self.refuse()
        return Suite(
            plain.name,
            dataset,
            split,
            towers,
            tasks,
            scenarios,
            plain.train,
            tuple(dict.fromkeys(plain.seeds)),
            plain.evaluate_on,
            replaced,
            self.registry,
        )

    def load_plugins(self, files: Any, folder: Path) -> None:
        """Load the plugin files of the suite, even where another of its keys is at fault.

        Raises:
            SuiteError: One cannot be loaded: what it offers would be missed everywhere.
        """
        failed = False
        for n, file in enumerate(files if isinstance(files, list) else []):
            if isinstance(file, str):
                try:
                    self.registry.load_file(folder / file)
                except PluginError as error:
                    self.fault(("plugins", n), str(error))
                    failed = True
        if failed:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Raise all faults, in the order of their lines."""
        raise SuiteError(sorted(set(self.faults), key=_position))

    def fault(self, path: marks.Path_, message: str) -> None:
        """Note a fault."""
        self.faults.append(self.document.fault(path, message))

    def options(
        self, model: type[M], value: Any, path: marks.Path_, extra: Iterable[str] = ()
    ) -> M | None:
        """Validate options; None and faults where they are wrong."""
        try:
            # as JSON: `strict` then takes a list for a tuple, but no `yes` for 1 and no '2' for 2
            return model.model_validate_json(json.dumps(value, default=str), strict=True)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self.fault((*path, *detail["loc"]), message_of(detail, model, extra))
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
        if value is None and path not in self.document.places:
            self.fault(path, f"missing key: expected a {kind}, its name, or name and options")
            return None
        if not isinstance(value, dict):
            written = found_text(value)
            self.fault(path, f"expected a {kind}: its name, or name and options; found {written}")
            return None
        options = dict(value)
        name = options.pop("name", default or None)
        if not isinstance(name, str) or not name:
            self.fault((*path, "name"), f"expected the name of a {kind}, found {found_text(name)}")
            return None
        try:
            cls = self.registry.find(kind, name)
        except PluginError as error:
            self.fault((*path, "name") if "name" in value else path, str(error))
            return None
        with _blame(cls, self.registry):
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
        self.fault(path, f"expected {what}, found {found_text(value)}")
        return {}

    def towers(self, value: Any) -> dict[str, Tower]:
        """Read the two towers."""
        sides = self.mapping(value, ("towers",), "a query and a candidate tower")
        for key in sides.keys() - set(SIDES):
            self.fault(("towers", key), f"unknown key{did_you_mean(key, SIDES)}")
        towers: dict[str, Tower] = {
            side: self.component("tower", sides.get(side), ("towers", side))
            for side in SIDES
            if sides
        }
        for side, tower in towers.items():
            if tower and side not in tower.sides:
                self.fault(
                    ("towers", side),
                    f"expected a tower of the {side}, found {tower.name!r}, which is one of the "
                    f"{' or '.join(tower.sides)}",
                )
        return towers

    def tasks(self, value: Any) -> dict[str, Task]:
        """Read the tasks; the key is the name where none is given."""
        specs = self.mapping(value, ("tasks",), "tasks by name")
        for side in specs.keys() & set(SIDES):
            self.fault(("tasks", side), "expected another name, since a tower has this one")
        return {
            key: self.component("task", spec, ("tasks", key), default=key)
            for key, spec in specs.items()
        }

    def training(self, train: Train, tasks: Mapping[str, Task]) -> None:
        """Check what the training options say of the tasks."""
        if not (tasks and all(tasks.values())):
            return
        for name in train.groups.keys() - {*SIDES, *tasks}:
            parts = (*SIDES, *tasks)
            self.fault(("train", "groups", name), f"unknown part{did_you_mean(name, parts)}")
        metrics = [f"{name}/{metric.name}" for name, t in tasks.items() for metric in t.metrics()]
        for n, path in enumerate(train.early_stopping.metrics if train.early_stopping else ()):
            if path not in metrics:
                self.fault(
                    ("train", "early_stopping", "metrics", n),
                    f"unknown metric {path!r}{did_you_mean(path, metrics)}",
                )

    def scenarios(self, value: Any, tasks: Mapping[str, Task]) -> dict[str, Scenario]:
        """Read the scenarios, valid ones only."""
        scenarios = []
        for key, each in self.mapping(value, ("scenarios",), "scenarios by name").items():
            path = ("scenarios", key)
            try:
                points = list(sweep.expand(key, each))
            except sweep.SweepError as error:
                self.fault((*path, *error.path), str(error))
                continue
            scenarios += [self.scenario(name, path, spec, tasks) for name, spec in points]
        return {scenario.name: scenario for scenario in scenarios if scenario}

    def scenario(
        self, name: str, path: marks.Path_, value: Any, tasks: Mapping[str, Task]
    ) -> Scenario | None:
        """Read one scenario."""
        spec = dict(self.mapping(value, path, "tasks and a weighting"))
        keys = ScenarioForm.model_fields
        for key in spec.keys() - keys.keys():
            self.fault((*path, key), f"unknown key{did_you_mean(key, keys)}")
        if not spec:
            return None
        names = spec.get("tasks")
        if not isinstance(names, list) or not names:
            self.fault((*path, "tasks"), f"expected a list of tasks to train, found {names!r}")
            return None
        self.names(names, tasks, (*path, "tasks"))
        weighting = self.weighting(spec.get("weighting"), names, path)
        trained = tuple(task for task in tasks if task in names)  # in the order of the suite
        return Scenario(name, trained, weighting)

    def names(self, names: Sequence[Any], tasks: Mapping[str, Task], path: marks.Path_) -> None:
        """Check the names of a scenario's tasks."""
        sound = bool(tasks) and all(tasks.values())  # else a name may be meant for a faulty one
        for n, task in enumerate(names):
            if not isinstance(task, str):
                self.fault((*path, n), f"expected the name of a task, found {task!r}")
            elif task not in tasks and sound:
                self.fault((*path, n), f"unknown task {task!r}{did_you_mean(task, tasks)}")
            elif task in names[:n]:
                self.fault((*path, n), f"task {task!r} is given twice")

    def weighting(self, value: Any, names: Sequence[Any], path: marks.Path_) -> Weighting | None:
        """Read a scenario's weighting and let it check its options for these tasks."""
        if value is None:
            if len(names) > 1:
                self.fault(path, f"expected a weighting, since {len(names)} tasks are trained")
            return None
        weighting: Weighting | None = self.component("weighting", value, (*path, "weighting"))
        if weighting and all(isinstance(task, str) for task in names):
            with _blame(type(weighting), self.registry):
                faults = list(weighting.check(names))
            for key, fault in faults:
                self.fault((*path, "weighting", *filter(None, key.split("."))), fault)
        return weighting


@contextlib.contextmanager
def _blame(cls: type[Component], registry: Registry) -> Iterator[None]:
    """Make an exception of a component's own code an error that names its plugin."""
    try:
        yield
    except MtbenchError:
        raise
    except Exception as error:
        plugin = registry.origin(cls).plugin
        raise PluginError(
            f"{plugin}: {cls.kind} {cls.name!r} failed: {in_one_line(error)}"
        ) from error


def _position(fault: Fault) -> tuple[str, int, str]:
    """Sort faults by file, then line."""
    file, _, line = fault.where.rpartition(":")
    return (file, int(line), fault.key) if line.isdigit() else (fault.where, 0, fault.key)
