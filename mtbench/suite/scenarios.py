"""Reading the scenarios of a suite: each resolved, its sweep spread out, and validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench.config import document as marks
from mtbench.config.messages import found_text
from mtbench.errors import did_you_mean
from mtbench.plugin.task import Task
from mtbench.plugin.weighting import Weighting

from . import subsets, sweep
from .form import QUESTION, ExtendingForm
from .labels import Labels, as_mapping
from .names import fault_of_arm
from .parts import PartsReader
from .reads import untrained
from .resolve import Resolved, ResolveError, resolve
from .suite import Scenario
from .training import Train


def read_scenarios(reader: PartsReader, tasks: Mapping[str, Task]) -> dict[str, Scenario]:
    """Read the scenarios of a document, valid ones only; faults go to the reader.

    Args:
        reader: Reads their parts.
        tasks: The suite's, None for one that is at fault.
    """
    value = reader.document.value.get("scenarios")
    found: dict[str, Scenario] = {}
    named = reader.mapping(value, ("scenarios",), "scenarios by name")
    reader.named(named, ("scenarios",), fault_of_arm)
    for key in named:
        for resolved in _resolved(reader, key):
            if resolved.name in found:
                message = f"expected another name, since a sweep has a point {resolved.name!r}"
                reader.fault(("scenarios", key), message)
            if scenario := read_resolved(reader, resolved, tasks):
                found[scenario.name] = scenario
                reader.resolved[scenario.name] = resolved
    return found


def _resolved(reader: PartsReader, key: str) -> Iterator[Resolved]:
    """A scenario with what it starts from, its subsets, or the points of its sweep."""
    document, path = reader.document.value, ("scenarios", key)
    expected = "tasks to train, and what else it differs in"
    spec = reader.mapping(document["scenarios"][key], path, expected)
    keys = ExtendingForm.model_fields
    for name in spec.keys() - keys.keys():
        belongs = "belongs to the suite, since its scenarios answer one question"
        message = belongs if name in QUESTION else f"unknown key{did_you_mean(name, keys)}"
        reader.fault((*path, name), message)
    if not spec:
        return
    try:
        resolved = resolve(key, document)
        if subsets.are_asked(spec, path):
            yield from subsets.expand(resolved, document)
        else:
            yield from sweep.expand(resolved, spec["sweep"]) if "sweep" in spec else (resolved,)
    except ResolveError as error:
        reader.fault(error.path, str(error))


def read_resolved(
    reader: PartsReader, resolved: Resolved, tasks: Mapping[str, Task]
) -> Scenario | None:
    """Read a resolved scenario; None where it is at fault."""
    with reader.within(resolved):
        return _scenario(reader, resolved, tasks)


def _scenario(
    reader: PartsReader, resolved: Resolved, tasks: Mapping[str, Task]
) -> Scenario | None:
    """Read one, within it."""
    names = resolved.trained
    if not isinstance(names, list) or not names:
        reader.fault(("tasks",), f"expected a list of tasks to train, found {found_text(names)}")
        return None
    _check_names(reader, names, tasks)
    value = resolved.value
    weighting = _weighting(reader, value["weighting"], names)
    towers = reader.towers(value["towers"]) if value["towers"] else {}
    options = _options_of_tasks(reader, value["tasks"], tasks)
    train = reader.options(Train, value["train"] or {}, ("train",))
    if train:
        reader.training(train, tasks)
    pretrained = train.pretrain.tasks if train and train.pretrain else ()
    labels = _labels(reader, value["labels"], (*names, *pretrained), tasks)
    trained = tuple(task for task in tasks if task in names)  # in the order of the suite
    _check_reads(reader, tasks, {**tasks, **options}, trained, pretrained)
    return Scenario(resolved.name, trained, weighting, towers, options, train, labels)


def _check_names(reader: PartsReader, names: Sequence[Any], tasks: Mapping[str, Task]) -> None:
    """Check the names of a scenario's tasks."""
    sound = bool(tasks) and all(tasks.values())  # else a name may be meant for a faulty one
    for n, task in enumerate(names):
        path: marks.Path_ = ("tasks", n)
        if isinstance(task, str) and reader.place(("tasks", task)) in reader.document.places:
            path = ("tasks", task)  # of a mapping
        if not isinstance(task, str):
            reader.fault(path, f"expected the name of a task, found {task!r}")
        elif task not in tasks and sound:
            reader.fault(path, f"unknown task {task!r}{did_you_mean(task, tasks)}")
        elif task in names[:n]:
            reader.fault(path, f"task {task!r} is given twice")


def _check_reads(
    reader: PartsReader,
    suite: Mapping[str, Task],
    tasks: Mapping[str, Task],
    trained: Sequence[str],
    pretrained: Sequence[str],
) -> None:
    """Check what a scenario's tasks read of each other.

    Args:
        reader: Told of faults, but for those that the suite's tasks have, which it is told once.
        suite: The suite's tasks, None for one that is at fault.
        tasks: With the scenario's options.
        trained: Names of those that are trained.
        pretrained: Names of those that are trained before.
    """
    if not all(tasks.values()):
        return
    if faults := reader.faults_of_reads(tasks):
        told = reader.faults_of_reads(suite)
        for path, message in faults:
            if (path, message) not in told:
                reader.fault(path, message)
        return
    first = [name for name in pretrained if name in tasks]
    stages = ((("tasks",), trained, first), (("train", "pretrain", "tasks"), first, ()))
    for path, names, before in stages:
        for name, read in untrained(tasks, names, before):
            reader.fault(
                path,
                f"expected {read!r} among the trained tasks, since {name!r} reads it and no "
                f"gradients go through: found {', '.join(names)}",
            )


def _weighting(reader: PartsReader, value: Any, names: Sequence[Any]) -> Weighting | None:
    """Read a scenario's weighting and let it check its options for these tasks."""
    if value is None:
        if len(names) > 1:
            reader.fault((), f"expected a weighting, since {len(names)} tasks are trained")
        return None
    weighting: Weighting | None = reader.component("weighting", value, ("weighting",))
    weighting = weighting and _about(weighting, reader.document.value.get("main"), names)
    if weighting and all(isinstance(task, str) for task in names):
        with reader.blame(type(weighting)):
            faults = list(weighting.check(names))
        for key, fault in faults:
            reader.fault(("weighting", *filter(None, key.split("."))), fault)
    return weighting


def _about(weighting: Weighting, main: Any, names: Sequence[Any]) -> Weighting:
    """A weighting about the suite's main task, where it has one and names none itself."""
    option = weighting.main_option
    if option is None or getattr(weighting, option) is not None or main not in names:
        return weighting
    return weighting.model_copy(update={option: main})


def _labels(
    reader: PartsReader, value: Any, learning: Sequence[Any], tasks: Mapping[str, Task]
) -> dict[str, Labels]:
    """Read what of their labels tasks learn from.

    Args:
        reader: Reads them.
        value: What the scenario says, None for nothing.
        learning: Names of the tasks that are trained, first or in the run.
        tasks: The suite's, None for one that is at fault.
    """
    if value is None or value == {}:
        return {}
    read = {}
    for name, spec in reader.mapping(value, ("labels",), "shares of labels by task").items():
        path: marks.Path_ = ("labels", name)
        if name not in tasks:
            reader.fault(path, f"unknown task {name!r}{did_you_mean(name, tasks)}")
        elif name not in learning:
            there = ", ".join(map(str, learning))
            reader.fault(path, f"expected a task that is trained ({there}), found {name!r}")
        elif not isinstance(as_mapping(spec), dict):
            expected = "expected the share of its labels to keep, or share and shuffle"
            reader.fault(path, f"{expected}; found {found_text(spec)}")
        elif labels := reader.options(Labels, as_mapping(spec), path):
            read[name] = labels
            if labels.shuffle == "label" and tasks[name]:
                with reader.blame(type(tasks[name])):
                    columns = tasks[name].learns_from()
                if not columns:
                    message = "expected candidate, since the task reads no label, found 'label'"
                    reader.fault((*path, "shuffle"), message)
    return read


def _options_of_tasks(
    reader: PartsReader, value: Any, tasks: Mapping[str, Task]
) -> dict[str, Task]:
    """Read the tasks' options in a scenario, which are scored as those of the suite."""
    if not isinstance(value, dict):
        return {}  # which is a fault of the suite's
    read = {}
    for name, spec in value.items():
        if name not in tasks:
            reader.fault(("tasks", name), f"unknown task {name!r}{did_you_mean(name, tasks)}")
            continue
        task: Task | None = reader.component("task", spec, ("tasks", name), default=name)
        if not (task and tasks[name]):
            continue
        read[name] = task
        if task.name != tasks[name].name:
            reader.fault(
                ("tasks", name, "name"),
                f"expected {tasks[name].name!r} as in the suite, found {task.name!r}: which tasks "
                "are scored belongs to the suite",
            )
            continue
        with reader.blame(type(task)):
            ours, theirs = tasks[name].scored_options(), task.scored_options()
        for option, written in theirs.items():
            if written != ours[option]:
                reader.fault(
                    ("tasks", name, option),
                    f"expected {ours[option]!r} as in the suite, found {written!r}: how a task is "
                    "scored belongs to the suite, since its scenarios are compared",
                )
    return read
