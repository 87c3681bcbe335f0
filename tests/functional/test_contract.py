"""What holds for every registered component, built-in or not."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from mtbench.data.history import positions
from mtbench.data.store import load_data
from mtbench.plugin.registry import installed
from mtbench.testing import check_component
from mtbench.train.evaluate import evaluate
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import Trainer, compile_model

COMPONENTS = [cls for cls, _ in installed()]
TOWERS = [cls for cls in COMPONENTS if cls.kind == "tower"]
TOWER_OF_IDS = next(cls for cls in TOWERS if cls.name == "embedding")
TASKS = {cls.name: cls for cls in COMPONENTS if cls.kind == "task"}
WEIGHTINGS = {cls.name: cls for cls in COMPONENTS if cls.kind == "weighting"}


EXAMPLES = {"embedding", "retrieval", "inline"}
THOROUGH = [pytest.mark.thorough]


def part(cls):
    """A parameter of the default run: of those that are trained some examples."""
    kinds = ("tower", "task", "weighting", "executor")
    many = cls.kind in kinds and cls.name not in EXAMPLES
    return pytest.param(cls, id=f"{cls.kind}-{cls.name}", marks=THOROUGH if many else [])


@pytest.mark.parametrize("cls", [part(cls) for cls in COMPONENTS])
def test_contract(cls):
    if cls.name == "dask":
        pytest.importorskip("distributed")
    check_component(cls)


TASK_SETS = {
    1: {"ranking": {"units": (4,)}},
    2: {"ranking": {"units": (4,)}, "retrieval": {}},
    3: {"ranking": {"interaction": "dot"}, "retrieval": {"loss": "full_softmax"}, "click": {}},
}


@pytest.mark.parametrize(
    ("weighting", "number", "tower"),
    [
        pytest.param(
            *(name, number, tower),
            id=f"{name}-{number}-{tower.name}",
            marks=[] if number == 3 and tower.name in EXAMPLES else THOROUGH,
        )
        for name, number in (("equal", 1), ("uncertainty", 2), ("mgda", 3))
        for tower in TOWERS
    ],
)
def test_builds_trains_and_evaluates(make_suite, tiny_data, tower, weighting, number):
    """Every tower with every number of tasks and each form of strategy, a step without a graph."""
    suite, parts = make_suite(), make_suite().split.build(tiny_data, 0)
    made = tower(embedding_dim=4)
    plain = TOWER_OF_IDS(embedding_dim=4)
    suite = dataclasses.replace(
        suite,
        towers={side: made if side in tower.sides else plain for side in ("query", "candidate")},
        tasks={name: TASKS[name](**options) for name, options in TASK_SETS[number].items()},
    )
    setup = dataclasses.replace(
        suite.setup("joint"), trained=tuple(suite.tasks), weighting=WEIGHTINGS[weighting]()
    )
    train, test = (tiny_data.interactions.take(rows) for rows in (parts.train, parts.test))
    model = MultiTaskModel(setup, tiny_data)
    compile_model(model, setup)
    model.adapt(train)
    before = [v.numpy() for v in model.model_variables]
    columns = {**train.columns, "history": positions(train)}
    losses = model.train_step({name: tf.constant(x[:64]) for name, x in columns.items()})
    assert list(losses) == [f"{task}_loss" for task in suite.tasks]
    moved = [
        not np.array_equal(old, v) for old, v in zip(before, model.model_variables, strict=True)
    ]
    assert any(moved[: len(model.parts["query"])])
    for task, found in evaluate(model, train, test).metrics.items():
        metrics = suite.tasks[task].metrics()
        assert {m.name for m in metrics if not m.optional} <= set(found)
        assert set(found) <= {metric.name for metric in metrics}
        assert all(math.isfinite(value) for value in found.values())


ALL = tuple(TASKS)


@pytest.mark.parametrize(
    ("tasks", "weighting"),
    [
        *(pytest.param((task,), "equal", marks=THOROUGH) for task in ALL[1:]),
        (ALL[:1], "equal"),
        *(pytest.param(ALL, name, marks=THOROUGH) for name in ("mgda", "uncertainty", "pcgrad")),
    ],
)
def test_every_task_by_itself_and_all_of_them(make_suite, registry, tasks, weighting):
    """Under Keras, each form of strategy."""
    suite = make_suite("train.epochs=1", "dataset.cascade={click_rate: 0.5, buy_rate: 0.5}")
    suite = dataclasses.replace(suite, tasks={name: cls() for name, cls in TASKS.items()})
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    rows = suite.split.build(data, 0)
    train, test = (data.interactions.take(part) for part in (rows.train, rows.test))
    setup = dataclasses.replace(
        suite.setup("joint"), trained=tasks, weighting=WEIGHTINGS[weighting]()
    )
    trained = Trainer(setup, data).train(0, train)
    assert evaluate(trained.model, train, test).metrics.keys() == suite.tasks.keys()
