"""Run ids: equal for equal results, and only then."""

import pytest

from mtbench import plan as module
from mtbench.plan import make_plan
from mtbench.registry import installed
from mtbench.suite import load_suite


def ids(path, *overrides, scenarios=(), registry=None):
    registry = registry or installed()
    suite = load_suite(path, registry, overrides=overrides)
    return {(r.scenario.name, r.seed): r.id for r in make_plan(suite, registry, scenarios)}


def test_order_and_uniqueness(tiny):
    found = ids(tiny)
    names = ["rating-only", "retrieval-only", "joint"]
    assert list(found) == [(name, seed) for name in names for seed in (0, 1)]
    assert len(set(found.values())) == 6


def test_what_does_not_decide_a_result(tiny):
    before = ids(tiny)
    assert ids(tiny, "seeds=[1]").items() <= before.items()
    assert ids(tiny, scenarios=["joint"]).items() <= before.items()
    assert before.items() <= ids(tiny, "scenarios.more={tasks: [ranking]}").items()
    lines = tiny.read_text().splitlines()
    tiny.write_text("\n".join(["# a comment", *lines[3:], *lines[:3]]))
    assert ids(tiny) == before


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "dataset.num_ratings=301",
        "split.test_share=0.3",
        "towers.query.embedding_dim=5",
        "tasks.ranking.units=[9]",
        "train.epochs=3",
        "train.optimizer.learning_rate=0.2",
    ],
)
def test_what_decides_every_result(tiny, override):
    before, after = ids(tiny), ids(tiny, override)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_a_weighting_decides_its_scenario(tiny):
    before, after = (
        ids(tiny),
        ids(tiny, "scenarios.joint.weighting={name: fixed, weights: {ranking: 2}}"),
    )
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {("joint", 0), ("joint", 1)}


def test_threads_and_plugin_code_decide(tiny, tmp_path, monkeypatch):
    plugin = tmp_path / "mine.py"
    code = (
        "import mtbench\nclass Mine(mtbench.LossWeighting):\n    '''Mine.'''\n    name = 'mine'\n"
        "@mtbench.hookimpl\ndef mtbench_weightings():\n    return [Mine]\n"
    )
    plugin.write_text(code)
    words = ["plugins=[mine.py]", "scenarios.joint.weighting=mine"]
    before = ids(tiny, *words)
    plugin.write_text(code + "# changed\n")
    after = ids(tiny, *words)
    assert {key for key in before if before[key] != after[key]} == {("joint", 0), ("joint", 1)}
    before = ids(tiny)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    module.engine.cache_clear()
    assert not set(before.values()) & set(ids(tiny).values())
    monkeypatch.undo()
    module.engine.cache_clear()
    assert ids(tiny) == before
