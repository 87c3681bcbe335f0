"""What holds for every registered component, built-in or not."""

import dataclasses
import math

import numpy as np
import pytest

from mtbench.data import load_data
from mtbench.evaluation import evaluate
from mtbench.registry import installed
from mtbench.training import Trainer

COMPONENTS = [cls for cls, _ in installed()]
TOWERS = [cls for cls in COMPONENTS if cls.kind == "tower"]
WEIGHTINGS = [cls for cls in COMPONENTS if cls.kind == "weighting"]
TASKS = [cls for cls in COMPONENTS if cls.kind == "task"]
SPLITS = [cls for cls in COMPONENTS if cls.kind == "split"]


@pytest.mark.parametrize("cls", COMPONENTS, ids=lambda cls: f"{cls.kind}-{cls.name}")
def test_options(cls):
    component = cls()
    assert cls(**component.options()) == component
    assert cls.__doc__
    for name, option in cls.model_json_schema()["properties"].items():
        assert option.get("description"), f"{name} has no help"
    with pytest.raises(Exception, match="frozen"):
        next(setattr(component, name, 1) for name in cls.model_fields)


@pytest.mark.parametrize("tower", TOWERS, ids=lambda cls: cls.name)
@pytest.mark.parametrize("weighting", WEIGHTINGS, ids=lambda cls: cls.name)
@pytest.mark.parametrize("task", TASKS, ids=lambda cls: cls.name)
def test_trains_and_evaluates(make_suite, registry, tower, weighting, task):
    """A scenario of the one task, then of all tasks, each with the tower and the strategy."""
    suite = make_suite("train.epochs=1")
    suite = dataclasses.replace(
        suite,
        towers={"query": tower(), "candidate": tower()},
        tasks={cls.name: cls() for cls in TASKS},
    )
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    train, test = (data.interactions.take(rows) for rows in suite.split.build(data, 0))
    for tasks in ((task.name,), tuple(suite.tasks)):
        scenario = dataclasses.replace(suite.scenarios["joint"], tasks=tasks, weighting=weighting())
        assert not list(scenario.weighting.check(tasks))
        trained = Trainer(suite, scenario, data).train(0, train)
        found = evaluate(trained.model, train, test)
        for name, each in suite.tasks.items():
            names = [metric.name for metric in each.metrics()]
            assert list(found[name]) == names
            assert all(math.isfinite(value) for value in found[name].values())
            for floor in each.floors(train, test).values():
                assert list(floor) == names


@pytest.mark.parametrize("split", SPLITS, ids=lambda cls: cls.name)
def test_splits(make_suite, registry, split):
    suite = make_suite()
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    train, test = split().build(data, 1)
    assert len(train) > 0
    assert len(test) > 0
    assert len(np.intersect1d(train, test)) == 0
    for part, again in zip((train, test), split().build(data, 1), strict=True):
        np.testing.assert_array_equal(part, again)
