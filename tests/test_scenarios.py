"""What a scenario can differ in from its suite, and from a scenario it extends."""

import json

import pytest
from made import plan_of, run_suite, setups

from mtbench.cli.main import main
from mtbench.errors import SuiteError
from mtbench.records.document import suite_document
from mtbench.records.results import Results
from mtbench.suite.reader import load_suite
from mtbench.suite.resolve import resolve

DIFFERENCES = """
  plain:
    tasks: {ranking: {l2: 0.5, units: [4]}, retrieval: }
    weighting: {name: fixed, weights: {retrieval: 3}}
  wide:
    extends: plain
    towers: {query: {embedding_dim: 8}, candidate: {embedding_dim: 8}}
    train: {epochs: 1, optimizer: {learning_rate: 0.01}}
    weighting: {weights: {ranking: 2}}
  other:
    extends: wide
    weighting: uncertainty
    towers: {query: {name: mlp, embedding_dim: 8}}
    train: {optimizer: {name: adam}}
  alone:
    extends: other
    tasks: [ranking]
    weighting:
"""


@pytest.fixture
def differing(tiny):
    tiny.write_text(tiny.read_text().replace("\ntrain:", f"{DIFFERENCES}train:"))
    return tiny


def test_what_differs_is_merged_and_the_rest_is_the_suites(differing, registry):
    found = setups(differing, registry)
    joint, plain, wide, other, alone = (
        found[name] for name in ("joint", "plain", "wide", "other", "alone")
    )
    assert (plain.tasks["ranking"].l2, plain.tasks["ranking"].units) == (0.5, (4,))
    assert plain.tasks["retrieval"] == joint.tasks["retrieval"]
    assert (plain.towers, plain.train) == (joint.towers, joint.train)
    assert plain.weighting.weights == {"retrieval": 3}
    assert [tower.embedding_dim for tower in wide.towers.values()] == [8, 8]
    assert wide.train.optimizer.learning_rate == 0.01
    assert (wide.train.epochs, wide.train.batch_size) == (1, 64)
    assert wide.weighting.weights == {"retrieval": 3, "ranking": 2}
    assert wide.tasks == plain.tasks
    # another name replaces: nothing of the one before is left
    assert other.weighting.name == "uncertainty"
    assert other.towers["query"].name == "mlp"
    assert other.towers["candidate"] == wide.towers["candidate"]
    assert other.train.optimizer.learning_rate == 0.1
    assert other.train.epochs == 1
    assert (alone.trained, alone.weighting) == (("ranking",), None)
    assert alone.tasks["ranking"].l2 == 0.5


def test_what_is_not_trained_is_as_in_the_suite():
    """So that a task's options in a scenario that leaves it out cannot matter."""
    suite = {
        "tasks": {"a": {"x": 1}, "b": None},
        "scenarios": {
            "both": {"tasks": {"a": {"x": 2}, "b": {"y": 3}}},
            "one": {"extends": "both", "tasks": {"b": {"z": 4}}},
        },
    }
    resolved = resolve("one", suite)
    assert resolved.trained == ["b"]
    assert resolved.value["tasks"] == {"a": {"x": 1}, "b": {"y": 3, "z": 4}}
    assert suite["scenarios"]["both"] == {"tasks": {"a": {"x": 2}, "b": {"y": 3}}}


def test_a_sweep_is_not_taken_over(differing, registry):
    sweep = "scenarios.plain.sweep={train.epochs: [1, 2]}"
    found = setups(differing, registry, sweep)
    assert {"plain[epochs=1]", "plain[epochs=2]", "wide"} <= set(found)


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("scenarios.joint.train.epochs=5", lambda joint: joint.train.epochs == 5),
        ("scenarios.joint.tasks.ranking.l2=0.5", lambda joint: joint.tasks["ranking"].l2 == 0.5),
        ("scenarios.joint.tasks={ranking: {l2: 1}}", lambda joint: joint.trained == ("ranking",)),
        (
            "scenarios.joint.towers={query: {embedding_dim: 3}, candidate: {embedding_dim: 3}}",
            lambda joint: joint.towers["query"].embedding_dim == 3,
        ),
        (
            "scenarios.joint.towers.query={name: mlp, embedding_dim: 4}",
            lambda joint: joint.towers["query"].name == "mlp",
        ),
        (
            "scenarios.joint.weighting.weights.ranking=2",
            lambda joint: joint.weighting.weights == {"ranking": 2},
        ),
        (
            "scenarios.joint.train.optimizer={name: sgd, momentum: 0.5}",
            lambda joint: joint.train.optimizer.momentum == 0.5,
        ),
    ],
)
def test_the_command_line_reaches_into_a_scenario(tiny, registry, override, value):
    found, before = setups(tiny, registry, override), setups(tiny, registry)
    assert value(found["joint"])
    assert not value(before["joint"])
    assert found["rating-only"] == before["rating-only"]


def test_the_command_line_reaches_into_a_sweep(tiny, registry):
    sweep = "scenarios.joint.sweep={train.epochs: [1, 2]}"
    more = ["scenarios.joint.sweep.train.epochs=[3]", "scenarios.joint.sweep.train.batch_size=[8]"]
    found = setups(tiny, registry, sweep, *more)
    assert "joint[epochs=3, batch_size=8]" in found
    assert len(found) == 3


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "wide.extends=plein",
            "extends: expected a scenario, found 'plein' (did you mean 'plain'?)",
        ),
        ("wide.extends=3", "extends: expected a scenario, found 3"),
        ("wide.extends=wide", "extends: extends itself: wide → wide"),
        (
            "wide.dataset=x",
            "dataset: belongs to the suite, since its scenarios answer one question",
        ),
        ("wide.seeds=3", "seeds: belongs to the suite, since its scenarios answer one question"),
        ("wide.trian=3", "trian: unknown key (did you mean 'train'?)"),
        ("wide.train.epocs=3", "train.epocs: unknown key (did you mean 'epochs'?)"),
        ("wide.train.epochs=no", "train.epochs: expected an integer, found False"),
        ("wide.train.groups={ranking: {name: adam}, x: {}}", "train.groups.x: unknown part"),
        ("wide.tasks.rankng.l2=3", "tasks.rankng: unknown task 'rankng' (did you mean 'ranking'?)"),
        ("wide.tasks.ranking.l3=3", "tasks.ranking.l3: unknown key"),
        (
            "wide.tasks={ranking: {label: x}}",
            "tasks.ranking.label: expected 'user_rating' as in the suite, found 'x'",
        ),
        (
            "wide.tasks={ranking: listwise}",
            "tasks.ranking.name: expected 'ranking' as in the suite, found 'listwise'",
        ),
        ("wide.towers=3", "towers: expected a query and a candidate tower, found 3"),
        ("wide.towers.qery=mlp", "towers.qery: unknown key (did you mean 'query'?)"),
        ("wide.towers.query=mpl", "towers.query.name: unknown tower 'mpl'"),
        ("wide.towers.query.dim=3", "towers.query.dim: unknown key"),
        ("wide.weighting.power=3", "weighting.power: unknown key"),
    ],
)
def test_a_wrong_difference_is_told_where_it_stands(differing, registry, override, told):
    with pytest.raises(SuiteError) as caught:
        load_suite(differing, registry, overrides=[f"scenarios.{override}"])
    lines = str(caught.value).splitlines()
    assert any(
        line.startswith(f"-o scenarios.{override}: scenarios.wide.{told}") for line in lines
    ), lines


def test_a_circle_is_told_once(differing, registry):
    with pytest.raises(SuiteError) as caught:
        load_suite(differing, registry, overrides=["scenarios.plain.extends=other"])
    (fault,) = caught.value.faults
    assert fault.key == "scenarios.other.extends"
    assert fault.message == "extends itself: other → wide → plain → other"


def test_a_fault_of_the_suite_is_told_once(differing, registry):
    with pytest.raises(SuiteError) as caught:
        load_suite(
            differing, registry, overrides=["train.epochs=x", "towers.query.embedding_dim=x"]
        )
    assert len(caught.value.faults) == 2


def test_a_name_that_a_sweep_has_made_is_refused(tiny, registry):
    tiny.write_text(
        tiny.read_text().replace("\ntrain:", "\n  'joint[epochs=1]': {tasks: [ranking]}\ntrain:")
    )
    with pytest.raises(SuiteError, match="expected another name, since a sweep has a point"):
        load_suite(tiny, registry, overrides=["scenarios.joint.sweep={train.epochs: [1]}"])


def test_check_of_the_same_words(differing, capsys):
    assert main(["check", str(differing)]) == 0
    assert "7 scenarios × 2 seeds" in capsys.readouterr().out


@pytest.mark.thorough
def test_runs_of_the_records_suite_are_the_same(differing, registry, tmp_path):
    """What the page and a saved model know of a suite makes the same runs."""
    plan = plan_of(differing, "seeds=[0]")
    records = run_suite(differing, tmp_path, "seeds=[0]")
    assert [record.status for record in records] == ["ok"] * 7
    results = Results.of(records)
    answers = {record.scenario: record.answer for record in records}
    document = suite_document("tiny", results.question, answers, [0])
    again = load_suite(json.loads(json.dumps(document)), registry)
    from mtbench.runs.plan import make_plan

    assert [run.id for run in make_plan(again, registry)] == [run.id for run in plan]
