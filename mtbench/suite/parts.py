"""Reading the components of a suite, with every fault collected and put in its place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mtbench.config import document as marks
from mtbench.config.messages import found_text, message_of
from mtbench.errors import Fault, PluginError, did_you_mean
from mtbench.plugin.baseline import Baseline
from mtbench.plugin.blame import blame
from mtbench.plugin.component import Component
from mtbench.plugin.registry import Registry
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower

from . import names
from .declared import require_declared
from .form import SIDES
from .reads import Fault as FaultOfReads
from .reads import faults_of_reads
from .resolve import Resolved
from .training import Train

M = TypeVar("M", bound=BaseModel)


class PartsReader:
    """Turns values of a document into components and options.

    Attributes:
        document: What is read.
        registry: The components there are.
        faults: All that were found so far.
        resolved: The scenarios that were read, before they were validated.
        baselines: The baselines that were read: where they stand, and their options.
    """

    def __init__(self, document: marks.Document, registry: Registry) -> None:
        self.document = document
        self.registry = registry
        self.faults: list[Fault] = []
        self.resolved: dict[str, Resolved] = {}
        self.baselines: dict[str, tuple[marks.Path_, dict[str, Any], Baseline]] = {}
        self._within: Resolved | None = None
        self._made: dict[tuple[type[BaseModel], str], Any] = {}
        self._asked: dict[int, Any] = {}

    @contextlib.contextmanager
    def within(self, resolved: Resolved) -> Iterator[None]:
        """Take paths as those of a resolved scenario in the meantime."""
        self._within = resolved
        try:
            yield
        finally:
            self._within = None

    def place(self, path: marks.Path_) -> marks.Path_:
        """Where in the document the value at a path comes from."""
        return self._within.place(path, self.document.value) if self._within else path

    def fault(self, path: marks.Path_, message: str) -> None:
        """Note a fault."""
        self.faults.append(self.document.fault(self.place(path), message))

    def options(
        self, model: type[M], value: Any, path: marks.Path_, extra: Iterable[str] = ()
    ) -> M | None:
        """Validate options; None and faults where they are wrong. Equal ones are made once."""
        # as JSON: `strict` then takes a list for a tuple, but no `yes` for 1 and no '2' for 2
        text = json.dumps(value, default=str)
        if (model, text) not in self._made:
            try:
                self._made[model, text] = model.model_validate_json(text, strict=True)
            except ValidationError as error:
                for detail in error.errors(include_url=False):
                    self.fault((*path, *detail["loc"]), message_of(detail, model, extra))
                return None
        made: M = self._made[model, text]
        return made

    def component(self, kind: str, value: Any, path: marks.Path_, default: str = "") -> Any:
        """Read a component: its name, or a mapping of `name` and options.

        Returns:
            The component, or None where there is a fault.
        """
        if isinstance(value, str):
            value = {"name": value}
        if value is None and default:
            value = {}
        if value is None and self.place(path) not in self.document.places:
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
        with self.blame(cls):
            made = self.options(cls, options, path, extra=("name",))
            if made and id(made) not in self._asked:
                require_declared(made)
                self._asked[id(made)] = made
        places = self.document.folder_of
        return made and made.placed(lambda keys: places(self.place((*path, *keys))))

    def blame(self, cls: type[Component]) -> contextlib.AbstractContextManager[None]:
        """Make an exception of a component's own code an error that names its plugin."""
        return blame(cls, lambda: self.registry.origin(cls).plugin)

    def mapping(self, value: Any, path: marks.Path_, what: str) -> dict[str, Any]:
        """Return a mapping that is not empty, or {} and a fault."""
        if isinstance(value, dict) and value:
            return value
        self.fault(path, f"expected {what}, found {found_text(value)}")
        return {}

    def named(self, value: Any, path: marks.Path_, fault_of: Callable[[str], str | None]) -> None:
        """Note the faults of the names in a mapping, or list."""
        for n, name in enumerate(value if isinstance(value, dict | list) else ()):
            fault = fault_of(name) if isinstance(name, str) else None
            if fault:
                self.fault((*path, name if isinstance(value, dict) else n), fault)

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
            elif tower and side == "candidate" and (needs := tower.needs()):
                self.fault(
                    ("towers", side),
                    f"expected a tower of the catalogue alone, found one that reads "
                    f"{', '.join(map(repr, needs))} of interactions: that is for the query's",
                )
        return towers

    def tasks(self, value: Any) -> dict[str, Task]:
        """Read the tasks; the key is the name where none is given."""
        specs = self.mapping(value, ("tasks",), "tasks by name")
        self.named(specs, ("tasks",), names.fault_of_task)
        for side in specs.keys() & set(SIDES):
            self.fault(("tasks", side), "expected another name, since a tower has this one")
        tasks = {
            key: self.component("task", spec, ("tasks", key), default=key)
            for key, spec in specs.items()
        }
        for path, message in self.faults_of_reads(tasks):
            self.fault(path, message)
        return tasks

    def faults_of_reads(self, tasks: Mapping[str, Task]) -> list[FaultOfReads]:
        """The faults of what tasks read of each other; none where one is at fault itself, None."""
        if not all(tasks.values()):
            return []
        return list(faults_of_reads(tasks))

    def main_task(self, main: str | None, tasks: Mapping[str, Task]) -> None:
        """Check that the main task is one, and that a scenario trains it."""
        if main is None or not tasks:
            return
        if main not in tasks:
            self.fault(("main",), f"unknown task {main!r}{did_you_mean(main, tasks)}")
        elif not any(main in one.trained for one in self.resolved.values()) and not self.faults:
            trained = dict.fromkeys(name for one in self.resolved.values() for name in one.trained)
            there = ", ".join(trained)
            self.fault(("main",), f"expected a task that is trained ({there}), found {main!r}")

    def training(self, train: Train, tasks: Mapping[str, Task]) -> None:
        """Check what the training options say of the tasks."""
        if not (tasks and all(tasks.values())):
            return
        for name in train.groups.keys() - {*SIDES, *tasks}:
            parts = (*SIDES, *tasks)
            self.fault(("train", "groups", name), f"unknown part{did_you_mean(name, parts)}")
        pretrained = train.pretrain.tasks if train.pretrain else ()
        for n, task in enumerate(pretrained):
            place: marks.Path_ = ("train", "pretrain", "tasks", n)
            if task not in tasks:
                self.fault(place, f"unknown task {task!r}{did_you_mean(task, tasks)}")
            elif task in pretrained[:n]:
                self.fault(place, f"task {task!r} is given twice")
        stopping = train.early_stopping.metrics if train.early_stopping else ()
        self.metrics(stopping, ("train", "early_stopping", "metrics"), tasks)

    def metrics(self, keys: Iterable[str], path: marks.Path_, tasks: Mapping[str, Task]) -> None:
        """Check that there are metrics of these names, `task/metric`."""
        known = []
        for name, task in tasks.items():
            with self.blame(type(task)):
                known += [f"{name}/{metric.name}" for metric in task.metrics()]
        for n, name in enumerate(keys):
            if name not in known:
                self.fault((*path, n), f"unknown metric {name!r}{did_you_mean(name, known)}")
