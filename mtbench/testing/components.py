"""Clauses that hold for every component, and for those of each kind but the weightings.

A clause takes a component, and returns None or what is wrong. Its first line is what it demands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.data.dataset import Data
from mtbench.data.encoding import Feature
from mtbench.data.history import positions
from mtbench.data.interactions import Interactions
from mtbench.data.parts import Parts
from mtbench.errors import DataError
from mtbench.plugin.component import Component
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.split import Split
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Features, Tower
from mtbench.suite.suite import Suite
from mtbench.train.evaluate import evaluate
from mtbench.train.feed import batches_of
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import Trainer, compile_model

from .baselines import BASELINE_CLAUSES
from .executors import EXECUTOR_CLAUSES
from .tiny import TinyDataset, TinySplit, TinyTask, TinyTower, tiny_suite, tiny_tasks

Clause = Callable[[Any], str | None]


def options(component: Component) -> str | None:
    """Options are valid, round-trip through JSON, and have help."""
    cls = type(component)
    if cls(**component.options()) != component:
        return f"{component.options()} makes another component"
    if not (cls.__doc__ or "").strip():
        return "the class has no docstring"
    for name, option in cls.schema_of_options().get("properties", {}).items():
        if not option.get("description"):
            return f"option {name!r} has no help: put a string below it"
    return None


def trained(suite: Suite, *seeds: int) -> Iterator[MultiTaskModel]:
    """Train a tiny suite with some seeds one after the other, and give the model after each."""
    data = suite.dataset.load()
    rows = suite.split.build(data, 0).train
    trainer = Trainer(suite.setup("all"), data)
    for seed in seeds:
        yield trainer.train(seed, data.interactions.take(rows)).model


def stepped(suite: Suite, steps: int = 1) -> MultiTaskModel:
    """A model of its own after some steps on the same rows, without a graph."""
    data, setup = suite.dataset.load(), suite.setup("all")
    tf.keras.utils.set_random_seed(0)
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    rows = data.interactions.take(np.arange(20))
    model.adapt(rows)
    columns = {**rows.columns, "history": positions(rows)}
    batch = {name: tf.constant(column) for name, column in columns.items()}
    for _ in range(steps):
        model.train_step((batch,) * batches_of(setup.weighting))
    return model


def values(model: MultiTaskModel) -> list[np.ndarray]:
    """All that a model's training changes."""
    return [np.array(v.numpy()) for v in (*model.seed_variables, *model.optimizer_variables)]


def same_numbers(suite: Suite) -> str | None:
    """Compare a seed trained first with the same one trained after another, and with a twin."""
    alone, _, after = ((values(model), model) for model in trained(suite, 1, 0, 1))
    if not all(map(np.array_equal, alone[0], after[0])):
        return (
            "a seed gives other numbers after another seed: keep what changes in `tf.Variable`s "
            "that are attributes of what `build` returns"
        )
    one, other = (values(stepped(suite)) for _ in range(2))
    if not all(map(np.array_equal, one, other)):
        return "a seed gives two models other numbers: draw all random ones by `tf.random`"
    return unchanged(after[1])


def unchanged(model: MultiTaskModel) -> str | None:
    """Compare a trained model before and after its evaluation."""
    before = values(model)
    data = TinyDataset().load()
    train, test = (data.interactions.take(rows) for rows in TinySplit().build(data, 0)[:2])
    evaluate(model, train, test)
    model.test_step({name: tf.constant(column) for name, column in test.columns.items()})
    if any(not np.array_equal(a, b) for a, b in zip(before, values(model), strict=True)):
        return "evaluating changes a variable"
    if any(not np.isfinite(value).all() for value in before):
        return "a variable is not finite after training"
    return None


def tower_output(tower: Tower) -> str | None:
    """It gives float32 [n, embedding_dim], for each task or for all, with features and without."""
    for features in (Features("id", {"id": 7}, num_other=5), _featured()):
        layer = tower.build(features, ("one", "two"))
        outputs = layer(_inputs(tower, layer, features), training=False)
        for output in outputs.values() if isinstance(outputs, Mapping) else [outputs]:
            dtype, shape = output.dtype, output.shape
            if dtype != tf.float32 or shape.rank != 2 or shape[0] != 4:
                return f"expected float32 [4, embedding_dim], found {dtype.name} {shape}"
            # but for rounding: a product of matrices may sum some rows in another order
            if tower.by_id and not np.allclose(output[0], output[1], rtol=1e-5, atol=1e-6):
                return "`by_id` is True, but two rows of one id differ"
        if isinstance(outputs, Mapping) and set(outputs) != {"one", "two"}:
            return f"expected an output for each of the tasks one, two, found {sorted(outputs)}"
    return None


def tower_history(tower: Tower) -> str | None:
    """It reads no more of a history than what lies before the example."""
    if "history" not in tower.needs():
        return None
    layer: Any = tower.build(_featured(), ("one", "two"))
    outputs = []
    for later in (0, 4):
        columns = {
            "query": np.array([3, 0, 3, 3, 3], np.int32),
            "candidate": np.array([1, later, 2, later, later], np.int32),
            "timestamp": np.array([1, 5, 2, 3, 3]),
        }
        layer.adapt(Interactions(columns, 7, 5))
        output = layer(_inputs(tower, layer, _featured()), training=False)
        outputs.append(np.stack(tf.nest.flatten(output)))
    return None if np.array_equal(outputs[0], outputs[1]) else "what comes later changes the output"


def _featured() -> Features:
    """A side of seven ids with a feature of each form."""
    columns = {
        "kind": Feature("categorical", np.arange(7, dtype=np.int32) % 2, np.array(["", "a"])),
        "size": Feature("numeric", np.arange(7, dtype=np.float32)),
        "tags": Feature("multi_hot", np.eye(7, 3, dtype=np.uint8), np.array(["a", "b", "c"])),
        "given": Feature("vector", np.linspace(-1, 1, 14, dtype=np.float32).reshape(7, 2)),
    }
    return Features("id", {"id": 7, "kind": 2, "tags": 3}, columns, num_other=5)


def _inputs(tower: Tower, layer: Any, features: Features) -> dict[str, Any]:
    """What the model would give the layer for the ids 3, 3, 0, 6."""
    ids = np.array([3, 3, 0, 6], np.int32)
    rows = {name: tf.constant(column.values[ids]) for name, column in features.columns.items()}
    rows = {name: tf.cast(x, tf.float32) if x.dtype == tf.uint8 else x for name, x in rows.items()}
    input_names = getattr(layer, "input_names", rows)
    inputs = {name: x for name, x in rows.items() if name in input_names}
    history = {name: tf.constant([2, 1, 0, 0]) for name in tower.needs()}
    return {features.key: tf.constant(ids), **inputs, **history}


def tower_trains(tower: Tower) -> str | None:
    """It trains on its sides; a seed gives the same numbers again; evaluating changes nothing."""
    layer = tower.build(_featured(), ("one",))
    output = layer(_inputs(tower, layer, _featured()), training=False)
    plain = TinyTower(embedding_dim=tf.nest.flatten(output)[0].shape[1])
    query, candidate = (tower if side in tower.sides else plain for side in ("query", "candidate"))
    return same_numbers(tiny_suite(tiny_tasks(1), None, (query, candidate)))


def task_scores(task: Task) -> str | None:
    """Floors and metrics are finite, and have the names it declares."""
    data = _data_for(task)
    train, test = (data.interactions.take(rows) for rows in TinySplit().build(data, 0)[:2])
    names = [metric.name for metric in task.metrics()]
    optional = {metric.name for metric in task.metrics() if metric.optional}
    suite = tiny_suite(_with_what_it_reads(task), None)
    scores = {"its head": evaluate(next(trained(suite, 0)), train, test).metrics["task"]}
    floors = task.floors(train, test, train)
    scores |= {f"floor {name!r}": metrics for name, metrics in floors.items()}
    for what, metrics in scores.items():
        if list(metrics) != [name for name in names if name in metrics or name not in optional]:
            return f"{what} gives {list(metrics)}, expected {names}"
        if not all(math.isfinite(value) for value in metrics.values()):
            return f"{what} gives a number that is not finite: {metrics}"
    return None


def task_trains(task: Task) -> str | None:
    """It trains; the same seed gives the same numbers; evaluating changes nothing."""
    _data_for(task)
    return same_numbers(tiny_suite(_with_what_it_reads(task), None))


def task_hands(task: Task) -> str | None:
    """What it hands on has the names it declares, and a row for each example."""
    if not task.hands:
        return None
    data = _data_for(task)
    model = MultiTaskModel(tiny_suite(_with_what_it_reads(task), None).setup("all"), data)
    columns = {name: tf.constant(c[:7]) for name, c in data.interactions.columns.items()}
    head: Any = model.heads["task"]
    handed = head.hand_on(model.batches(columns, ["task"])["task"])
    if sorted(handed) != sorted(task.hands):
        return f"`hand_on` gives {sorted(handed)}, expected {sorted(task.hands)}"
    for name, value in handed.items():
        rank = 2 if name == "representation" else 1
        if value.shape[0] != 7 or (name in _NUMBERS and value.shape.rank != rank):
            return f"{name}: expected a row for each of 7 examples, found shape {value.shape}"
    return None


_NUMBERS = ("prediction", "logit", "score", "representation")


def _with_what_it_reads(task: Task) -> dict[str, Task]:
    """A task, `task`, with plain ones in the place of those that it reads."""
    return {"task": task, **{each.task: TinyTask() for each in task.reads()}}


def _data_for(task: Task) -> Data:
    """The tiny data, if it has what the task reads."""
    data = TinyDataset().load()
    for column in task.needs():
        if column not in data.interactions.columns:
            raise DataError(f"reads column {column!r}, which the data of this check lacks")
    return data


def split_divides(split: Split) -> str | None:
    """It makes disjoint parts of data it does not refuse; a seed gives the same ones again."""
    for seed in (1, 2):
        data = TinyDataset().load()
        try:
            parts, again = split.build(data, seed), split.build(TinyDataset().load(), seed)
        except DataError as error:  # a split of other data: it has said so, and that is all
            return None if len(str(error).splitlines()) == 1 else "a refusal is not one line"
        fault = _fault_of(parts, len(data.interactions))
        if fault or data.fingerprint != TinyDataset().load().fingerprint:
            return fault or "dividing the data changes it"
        if not all(map(np.array_equal, parts, again)):
            return "one seed gives two splits"
    return None


def _fault_of(parts: object, total: int) -> str | None:
    """What is wrong with the parts of so many rows."""
    if not isinstance(parts, Parts):
        return f"expected mtbench.Parts(train, test, validation), found {type(parts).__name__}"
    for name, rows in parts._asdict().items():
        if rows.dtype != np.int64 or rows.ndim != 1:
            return f"{name} part: expected int64 [n], found {rows.dtype} {list(rows.shape)}"
    if not len(parts.train) or not len(parts.test):
        return f"parts of {len(parts.train)} and {len(parts.test)} rows"
    every = np.concatenate(parts)
    if every.min() < 0 or every.max() >= total:
        return f"a row number is out of range: expected 0 to {total - 1}"
    for name, rows in parts._asdict().items():
        if len(np.unique(rows)) < len(rows):
            return f"{name} part: a row is there twice"
    return "a row is in two parts" if len(np.unique(every)) < len(every) else None


def dataset_loads(dataset: Dataset) -> str | None:
    """It loads twice the same data, with ids in range (if the data is at hand)."""
    try:
        dataset.require()
    except DataError:
        return None
    data = dataset.load()
    for side, name in ((data.query, "query"), (data.candidate, "candidate")):
        column = data.interactions.columns[name]
        if column.dtype != np.int32 or column.min() < 0 or column.max() >= len(side.ids):
            return f"column {name!r}: expected int32 from 0 to {len(side.ids) - 1}"
    return None if dataset.load().fingerprint == data.fingerprint else "two loads differ"


CLAUSES: Mapping[str, tuple[Clause, ...]] = {
    "any": (options,),
    "dataset": (dataset_loads,),
    "split": (split_divides,),
    "tower": (tower_output, tower_history, tower_trains),
    "task": (task_scores, task_trains, task_hands),
    "baseline": BASELINE_CLAUSES,
    "executor": EXECUTOR_CLAUSES,
}
