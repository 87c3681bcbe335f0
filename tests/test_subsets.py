"""`subsets: true` in a scenario: a scenario for each set of some of its tasks."""

import itertools
from dataclasses import replace

import pytest

from mtbench.cli.main import main
from mtbench.errors import SuiteError
from mtbench.suite.schema import suite_schema
from mtbench.suite.sweep import base

TASKS = ("ranking", "retrieval", "liked")
LIKED = "tasks.liked={name: click, threshold: 4}"
SETS = [list(s) for n in (1, 2, 3) for s in itertools.combinations(TASKS, n)]


def of(spec):
    """What replaces the scenario of all tasks."""
    return LIKED, f"scenarios.joint={{tasks: [liked, ranking, retrieval], {spec}, subsets: true}}"


def subsets(make_suite, spec):
    """The suite's scenarios that a joint one is made into, by what sets them apart."""
    suite = make_suite(*of(spec))
    made = {name: one for name, one in suite.scenarios.items() if base(name) == "joint"}
    return {name.removeprefix("joint"): one for name, one in made.items()}


def test_three_tasks_are_seven_scenarios_in_the_order_of_the_suite(make_suite):
    found = subsets(make_suite, "weighting: uncertainty")
    assert list(found) == [f"[{'+'.join(each)}]" for each in SETS]
    assert [list(one.tasks) for one in found.values()] == SETS
    names = [one.weighting and one.weighting.name for one in found.values()]
    assert names == [None] * 3 + ["uncertainty"] * 4


def test_what_is_said_by_task_is_kept_for_the_tasks_of_a_set(make_suite):
    found = subsets(
        make_suite,
        "weighting: {name: fixed, weights: {liked: 2, ranking: 3}}, labels: {liked: 0.5}",
    )
    weights = {"liked": 2.0, "ranking": 3.0}
    for one in found.values():
        assert {*one.labels} == {"liked"} & {*one.tasks}
        if one.weighting:
            assert one.weighting.weights == {t: w for t, w in weights.items() if t in one.tasks}


def test_a_main_task_is_that_of_the_sets_that_have_it(make_suite):
    found = subsets(make_suite, "weighting: {name: auxiliary, main: liked, end: 0.5}")
    for one in found.values():
        if one.weighting:
            assert one.weighting.main == ("liked" if "liked" in one.tasks else None)
            assert one.weighting.end == 0.5


def test_other_options_of_a_task_are_of_the_sets_that_train_it(make_suite):
    found = make_suite(
        LIKED,
        "scenarios.joint={tasks: {liked: , ranking: {units: [4]}}, weighting: equal}",
        "scenarios.more={extends: joint, weighting: dwa, subsets: true}",
    ).scenarios
    made = {name: one.options for name, one in found.items() if base(name) == "more"}
    names = ["more[ranking]", "more[liked]", "more[ranking+liked]"]
    assert list(made) == names
    assert [{*made[name]} for name in names] == [{"ranking"}, set(), {"ranking"}]


def test_a_sweep_is_over_each_set_without_what_says_nothing_of_it(make_suite):
    found = subsets(
        make_suite,
        "weighting: fixed, sweep: {train.epochs: [1, 3], zip: "
        "{weighting.weights.liked: [1, 9], weighting.name: [fixed, fixed]}}",
    )
    epochs = ("epochs=1", "epochs=3")
    weights = ("weights.liked=1, weighting=fixed", "weights.liked=9, weighting=fixed")
    expected = [f"[{task}, {e}]" for task in TASKS for e in epochs]
    expected += [f"[ranking+retrieval, {e}, weighting=fixed]" for e in epochs]
    for pair in ("ranking+liked", "retrieval+liked", "ranking+retrieval+liked"):
        expected += [f"[{pair}, {e}, {w}]" for e in epochs for w in weights]
    assert list(found) == expected
    assert found["[liked, epochs=3]"].train.epochs == 3


def test_a_set_is_the_setup_of_a_scenario_that_says_the_same(make_suite):
    plain, sets = make_suite(), make_suite("scenarios.joint.subsets=true")
    for one, other in (
        ("rating-only", "joint[ranking]"),
        ("retrieval-only", "joint[retrieval]"),
        ("joint", "joint[ranking+retrieval]"),
    ):
        assert plain.setup(one) == replace(sets.setup(other), scenario=one)


def test_what_is_tuned_is_tuned_of_the_sets_that_it_is_of(make_suite):
    suite = make_suite(
        *of("weighting: fixed, tune: {space: {weighting.weights.liked: {log: [1, 9]}}}"),
        "split.validation_share=0.1",
        "tune={trials: 2, metrics: [ranking/rmse, retrieval/top_5_seen_kept, liked/auc], "
        "space: {train.epochs: [1, 2], tasks.ranking.units: [[4], [8]]}}",
    )
    for name, budget in suite.budgets.items():
        tasks = suite.scenarios[name].tasks
        expected = {"train.epochs"} | {"tasks.ranking.units" for t in tasks if t == "ranking"}
        if base(name) == "joint" and "liked" in tasks and len(tasks) > 1:
            expected |= {"weighting.weights.liked"}
        assert {*budget.space} == expected, name


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("subsets: 3", "joint.subsets: expected true for a scenario of each set of the tasks, or"),
        ("subsets: all", "joint.subsets: expected true for a scenario of each set of the tasks"),
        ("substs: true", "joint.substs: unknown key (did you mean 'subsets'?)"),
        ("subsets: true, weighting: ", "joint: expected a weighting, since 2 tasks are trained"),
        ("subsets: true, weighting: fixd", "unknown weighting 'fixd' (did you mean"),
        ("subsets: true, tasks: [ranking]", "joint.subsets: expected several tasks to train, "),
        ("subsets: true, tasks: 3", "joint.tasks: expected a list of tasks to train, found 3"),
        ("subsets: true, tasks: [rating, ranking]", "unknown task 'rating' (did you mean 'ran"),
        ("subsets: true, tasks: [ranking, ranking]", "task 'ranking' is given twice"),
        ("subsets: true, tasks: [[ranking], 3]", "expected the name of a task"),
        ("subsets: true, sweep: {}", "joint.sweep: expected dotted paths such as train.epochs"),
        ("subsets: true, sweep: {train.epochs: 3}", "expected a list of values, found 3"),
        ("subsets: true, sweep: {tasks: [[ranking]]}", "joint.sweep: expected no sweep of tasks"),
        ("subsets: true, sweep: {zip: {tasks: [3]}}", "joint.sweep: expected no sweep of tasks"),
        ("subsets: true, labels: {click: 0.5}", "joint.labels.click: unknown task 'click'"),
    ],
)
def test_wrong_subsets_are_told_with_their_line(tiny, capsys, said, told):
    keys = {"tasks": "[ranking, retrieval]", "weighting": "fixed"}
    whole = ", ".join(f"{key}: {value}" for key, value in keys.items() if f"{key}:" not in said)
    text = tiny.read_text().replace(
        "joint: {tasks: [ranking, retrieval], weighting: fixed}", f"joint: {{{whole}, {said}}}"
    )
    tiny.write_text(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "joint:" in each)
    assert main(["check", str(tiny)]) == 2
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith(f"mtbench: {tiny}:{line}: scenarios.joint")
    assert told in first


def test_too_many_sets_are_refused(make_suite):
    tasks = [f"t{n}" for n in range(10)]
    more = [f"tasks.{task}={{name: click, threshold: 4}}" for task in tasks]
    joint = f"scenarios.joint={{tasks: [{', '.join(tasks)}], weighting: equal, subsets: true}}"
    with pytest.raises(SuiteError, match="at most 1000 sets of tasks, found 1023 of 10 tasks"):
        make_suite(*more, joint)


def test_editors_know_it(registry):
    schema = suite_schema(registry)
    for form in ("ScenarioForm", "ExtendingForm"):
        assert schema["$defs"][form]["properties"]["subsets"]["type"] == "boolean"
