"""What a suite says of label shares and of tasks trained first, and which rows that means."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from made import changed, interactions, plan_of, record, setups

from mtbench.errors import DataError, SuiteError
from mtbench.records.document import suite_document
from mtbench.records.record import Answer, Question
from mtbench.records.results import Results
from mtbench.records.series import measure
from mtbench.regress.differences import mismatches
from mtbench.runs.plan import make_plan
from mtbench.suite.labels import Labels
from mtbench.suite.reader import load_suite
from mtbench.suite.schema import suite_schema
from mtbench.testing.tiny import TinyTask
from mtbench.train.rows import Lessons, column_of, kept_rows
from mtbench_plugins.tasks.click import Click
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval

SCENARIOS = """
  tenth: {tasks: [ranking], labels: {ranking: 0.1}}
  control:
    tasks: [ranking, retrieval]
    weighting: fixed
    labels: {ranking: 0.1, retrieval: {shuffle: candidate}}
  half: {extends: control, labels: {ranking: 0.5, retrieval: {share: 0.25}}}
  alone: {extends: half, tasks: [ranking], weighting: }
  first:
    tasks: [ranking]
    labels: {ranking: 0.1, retrieval: 0.5}
    train: {pretrain: {tasks: [retrieval], epochs: 4}}
  later: {extends: first, train: {pretrain: {epochs: 1}}}
"""


@pytest.fixture
def shares(tiny):
    tiny.write_text(tiny.read_text().replace("\ntrain:", f"{SCENARIOS}train:"))
    return tiny


def test_labels_are_merged_and_those_of_untrained_tasks_are_not_taken_over(shares, registry):
    found = {name: setup.labels for name, setup in setups(shares, registry).items()}
    shuffled = Labels(shuffle="candidate")
    assert found["joint"] == {}
    assert found["tenth"] == {"ranking": Labels(share=0.1)}
    assert found["control"] == {"ranking": Labels(share=0.1), "retrieval": shuffled}
    quarter = Labels(share=0.25, shuffle="candidate")
    assert found["half"] == {"ranking": Labels(share=0.5), "retrieval": quarter}
    assert found["alone"] == {"ranking": Labels(share=0.5)}
    assert (
        found["first"]
        == found["later"]
        == {
            "ranking": Labels(share=0.1),
            "retrieval": Labels(share=0.5),
        }
    )


def test_pretraining_is_merged(shares, registry):
    found = setups(shares, registry)
    assert found["first"].train.pretrain.epochs == 4
    assert found["later"].train.pretrain.model_dump() == {"tasks": ("retrieval",), "epochs": 1}
    without = setups(shares, registry, "scenarios.later.train.pretrain=null")["later"]
    assert without.train == found["joint"].train
    assert without.labels == {"ranking": Labels(share=0.1)}


def test_both_spellings_of_a_share_have_one_id_and_no_labels_another(shares):
    ids = [
        {run.run.scenario: run.id for run in plan_of(shares, *overrides, seeds="1")}
        for overrides in (
            [],
            ["scenarios.tenth.labels={ranking: {share: 0.1}}"],
            ["scenarios.tenth.labels={ranking: 0.2}"],
            ["scenarios.tenth.labels={ranking: {share: 0.1, shuffle: label}}"],
            ["scenarios.tenth.labels={ranking: 1.0}"],
            ["scenarios.tenth.labels={}"],
        )
    ]
    assert ids[0] == ids[1]
    assert len({each["tenth"] for each in ids}) == 5


def test_answers_without_labels_say_nothing_of_them(shares, registry):
    found = setups(shares, registry)
    answers = {name: setup.answer(registry.identity) for name, setup in found.items()}
    assert "labels" not in answers["joint"]
    assert "pretrain" not in answers["joint"]["train"]
    assert answers["half"]["labels"]["retrieval"] == {"share": 0.25, "shuffle": "candidate"}
    for answer in answers.values():
        read = Answer.model_validate_json(json.dumps(answer))
        assert read.labels == answer.get("labels", {})
        assert read.train == json.loads(json.dumps(answer["train"]))
    assert not found["joint"].trains_as(found["control"])
    assert not found["control"].trains_as(found["half"])


def test_the_suite_of_the_records_has_the_same_runs(shares, registry):
    plan = plan_of(shares, seeds="1")
    answers = {
        run.run.scenario: Answer.model_validate_json(json.dumps(run.run.answer)) for run in plan
    }
    question = Question.model_validate_json(json.dumps(plan[0].run.question))
    document = json.loads(json.dumps(suite_document("tiny", question, answers, [0])))
    again = make_plan(load_suite(document, registry), registry)
    assert [run.id for run in again] == [run.id for run in plan]


def test_a_sweep_over_shares(shares, registry):
    found = setups(shares, registry, "scenarios.control.sweep={labels.ranking: [0.02, 0.1, 1.0]}")
    names = [f"control[ranking={share}]" for share in (0.02, 0.1, 1.0)]
    assert [found[name].labels["ranking"].share for name in names] == [0.02, 0.1, 1.0]
    assert {found[name].labels["retrieval"].shuffle for name in names} == {"candidate"}
    found = setups(
        shares,
        registry,
        "scenarios.tenth.sweep={labels.ranking.share: [0.5], labels.ranking.shuffle: [label]}",
    )
    swept = found["tenth[ranking.share=0.5, ranking.shuffle=label]"]
    assert swept.labels == {"ranking": Labels(share=0.5, shuffle="label")}


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("tenth.labels=0.1", "labels: expected shares of labels by task, found 0.1"),
        (
            "tenth.labels={rankng: 0.1}",
            "labels.rankng: unknown task 'rankng' (did you mean 'ranking'?)",
        ),
        (
            "tenth.labels={retrieval: 0.1}",
            "labels.retrieval: expected a task that is trained (ranking), found 'retrieval'",
        ),
        (
            "tenth.labels.ranking=0",
            "labels.ranking.share: expected greater than 0, found 0",
        ),
        (
            "tenth.labels.ranking=10",
            "labels.ranking.share: expected less than or equal to 1, found 10",
        ),
        (
            "tenth.labels.ranking=half",
            (
                "labels.ranking: expected the share of its labels to keep, or share and shuffle; "
                "found 'half'"
            ),
        ),
        (
            "tenth.labels.ranking=true",
            (
                "labels.ranking: expected the share of its labels to keep, or share and shuffle; "
                "found True"
            ),
        ),
        (
            "tenth.labels.ranking={shar: 1}",
            "labels.ranking.shar: unknown key (did you mean 'share'?)",
        ),
        (
            "tenth.labels.ranking={shuffle: labels}",
            (
                "labels.ranking.shuffle: expected 'candidate' or 'label', found 'labels' "
                "(did you mean 'label'?)"
            ),
        ),
        (
            "control.labels.retrieval={shuffle: label}",
            (
                "labels.retrieval.shuffle: expected candidate, since the task reads no label, "
                "found 'label'"
            ),
        ),
        ("tenth.label={ranking: 0.1}", "label: unknown key (did you mean 'labels'?)"),
        (
            "first.train.pretrain.tasks=[retrievl]",
            "train.pretrain.tasks.0: unknown task 'retrievl' (did you mean 'retrieval'?)",
        ),
        (
            "first.train.pretrain.tasks=[retrieval, retrieval]",
            "train.pretrain.tasks.1: task 'retrieval' is given twice",
        ),
        ("tenth.train.pretrain={tasks: [ranking]}", "train.pretrain.epochs: missing key"),
        ("tenth.train.pretrain={epochs: 2}", "train.pretrain.tasks: missing key"),
        ("first.train.pretrain.epochs=0", "train.pretrain.epochs: expected greater than or equal"),
        (
            "first.train.pretrain=null",
            "labels.retrieval: expected a task that is trained (ranking), found 'retrieval'",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(shares, registry, override, told):
    with pytest.raises(SuiteError) as caught:
        load_suite(shares, registry, overrides=[f"scenarios.{override}"])
    scenario = override.partition(".")[0]
    lines = str(caught.value).splitlines()
    assert any(f": scenarios.{scenario}.{told}" in line for line in lines), lines


def test_shares_are_the_scenarios_and_pretraining_may_be_the_suites(shares, registry):
    found = setups(shares, registry, "train.pretrain={tasks: [ranking], epochs: 1}")
    assert found["joint"].train.pretrain.tasks == ("ranking",)
    with pytest.raises(SuiteError, match=r"train.pretrain.tasks: "):
        load_suite(shares, registry, overrides=["train.pretrain={tasks: [], epochs: 1}"])
    with pytest.raises(SuiteError, match="labels: unknown key"):
        load_suite(shares, registry, overrides=["labels={ranking: 0.1}"])


@pytest.mark.parametrize(
    ("labels", "valid"),
    [
        ({"ranking": 0.1}, True),
        ({"ranking": {"share": 0.1, "shuffle": "label"}, "retrieval": 1}, True),
        ({}, True),
        ({"ranking": 0}, False),
        ({"ranking": {"share": 1.1}}, False),
        ({"ranking": {"part": 0.1}}, False),
        (0.1, False),
    ],
)
def test_the_schema_has_them(registry, tiny_text, labels, valid):
    suite = yaml.safe_load(tiny_text)
    suite["scenarios"]["joint"]["labels"] = labels
    assert Draft202012Validator(suite_schema(registry)).is_valid(suite) == valid


def of_size(n, missing=()):
    rating = np.arange(n, dtype=np.float32)
    rating[list(missing)] = np.nan
    numbers = np.arange(n)
    return interactions(numbers % 7, numbers % 5, 7, 5, user_rating=rating)


@given(
    n=st.integers(1, 60),
    shares=st.lists(st.floats(0.001, 1), min_size=2, max_size=2).map(sorted),
    seed=st.integers(0, 2**31 - 1),
    gaps=st.sets(st.integers(0, 59)),
)
def test_subsets_are_nested_and_of_the_size_asked_for(n, shares, seed, gaps):
    gaps = {row for row in gaps if row < n}
    train, labelled = of_size(n, gaps), n - len(gaps)
    fewer, more = (kept_rows(Ranking(), train, share, seed) for share in shares)
    for rows, share in ((fewer, shares[0]), (more, shares[1])):
        assert len(rows) == min(labelled, max(1, round(share * labelled)))
        assert not np.isnan(train.columns["user_rating"][rows]).any()
        assert (np.diff(rows) > 0).all()
    assert set(fewer) <= set(more)
    assert kept_rows(Retrieval(), train, 1.0, seed).tolist() == list(range(n))
    if not gaps:  # one order for all tasks
        np.testing.assert_array_equal(fewer, kept_rows(Retrieval(), train, shares[0], seed))


def test_another_seed_keeps_other_rows():
    train = of_size(100)
    first, second = (kept_rows(Ranking(), train, 0.3, seed) for seed in (0, 1))
    assert len(first) == len(second) == 30
    assert set(first) != set(second)


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        (Ranking(label="stars"), ("stars",)),
        (Click(), ()),
        (Click(threshold=4), ("user_rating",)),
        (Retrieval(), ()),
        (Retrieval(relevance_threshold=4), ()),
        (Retrieval(positive_threshold=4), ("user_rating",)),
        (TinyTask(), ("user_rating",)),
    ],
)
def test_what_a_task_learns_from(task, columns):
    assert task.learns_from() == columns


def lessons(shares, registry, train, *overrides, scenario="control", seed=0):
    return Lessons(setups(shares, registry, *overrides)[scenario], train, seed)


def test_shuffled_candidates_are_as_many_of_each_in_other_rows(shares, registry):
    train = of_size(200, missing=range(0, 200, 9))
    made = lessons(shares, registry, train, "scenarios.control.labels.retrieval.share=0.5")
    rows = kept_rows(Retrieval(), train, 0.5, 0)
    seen, real = made.by_task["retrieval"], train.take(rows)
    np.testing.assert_array_equal(np.bincount(seen.candidate), np.bincount(real.candidate))
    assert (seen.candidate != real.candidate).mean() > 0.5
    for name in ("query", "user_rating"):
        np.testing.assert_array_equal(seen.columns[name], real.columns[name])
    fed = made.fed(train.columns)
    np.testing.assert_array_equal(fed["candidate"], train.candidate[fed_rows(made, train)])
    mask = fed[column_of("retrieval")]
    own = fed[column_of("retrieval", "candidate")]
    np.testing.assert_array_equal(own[mask], seen.candidate)


def fed_rows(made, train):
    """Numbers of the fed rows."""
    return made.fed({**train.columns, "number": np.arange(len(train))})["number"]


def test_shuffled_labels_are_as_many_of_each_and_none_is_missing(shares, registry):
    train = of_size(200, missing=range(0, 200, 9))
    made = lessons(shares, registry, train, "scenarios.control.labels.ranking.shuffle=label")
    rows = kept_rows(Ranking(), train, 0.1, 0)
    seen, real = made.by_task["ranking"], train.take(rows)
    labels = [part.columns["user_rating"] for part in (seen, real)]
    np.testing.assert_array_equal(*map(np.sort, labels))
    assert (labels[0] != labels[1]).mean() > 0.5
    np.testing.assert_array_equal(seen.candidate, real.candidate)
    fed = made.fed(train.columns)
    mask = fed[column_of("ranking")]
    np.testing.assert_array_equal(fed[column_of("ranking", "user_rating")][mask], labels[0])
    assert np.isnan(fed["user_rating"]).any()  # other tasks have all rows, as they are


def test_two_tasks_are_not_shuffled_alike(shares, registry):
    train = interactions(np.zeros(99, int), np.arange(99), 1, 99, user_rating=np.ones(99))
    both = "{ranking: {shuffle: candidate}, retrieval: {shuffle: candidate}}"
    made = lessons(shares, registry, train, f"scenarios.control.labels={both}")
    found = [part.candidate for part in made.by_task.values()]
    assert (found[0] != found[1]).mean() > 0.9


def test_what_no_trained_task_learns_from_is_not_fed(shares, registry):
    train = of_size(200)
    tenth, half = (kept_rows(Ranking(), train, share, 0) for share in (0.1, 0.5))
    for override, scenario, rows in (
        ([], "tenth", tenth),
        ([], "control", np.arange(200)),  # the partner has all rows
        (["scenarios.control.labels.retrieval=0.5"], "control", half),
        ([], "first", tenth),
        (["scenarios.tenth.labels.ranking=1.0"], "tenth", np.arange(200)),
    ):
        made = lessons(shares, registry, train, *override, scenario=scenario)
        np.testing.assert_array_equal(fed_rows(made, train), rows)
    made = lessons(shares, registry, train, "scenarios.control.labels.retrieval=0.5")
    fed = made.fed(train.columns)
    assert fed[column_of("ranking")].sum() == 20
    assert fed[column_of("retrieval")].all()


def test_no_label_at_all(shares, registry):
    with pytest.raises(DataError, match="task 'ranking': expected rows with a label to train on"):
        lessons(shares, registry, of_size(5, missing=range(5)), scenario="tenth")


def test_gain_and_comparison_are_against_the_same_labels():
    def single(share, rmse, seed):
        labels = {} if share is None else {"labels": {"ranking": {"share": share}}}
        made = record(f"rating[{share}]", seed, tasks=("ranking",), rmse=rmse)
        return changed(made, answer={**made.plain()["answer"], **labels})

    def joint(share, seed):
        made = record(f"joint[{share}]", seed)
        labels = {"labels": {"ranking": {"share": share}}}
        return changed(made, answer={**made.plain()["answer"], **labels})

    seeds = range(3)
    records = [
        *(single(share, rmse, s) for share, rmse in ((None, 1.0), (0.1, 2.0)) for s in seeds),
        *(joint(share, s) for share in (0.1, 0.5, 1.0) for s in seeds),
    ]
    results = Results.of(records)
    found = {
        name: results.single("ranking", scenario) and results.single("ranking", scenario).name
        for name, scenario in results.scenarios.items()
        if len(scenario.tasks) > 1
    }
    assert found == {
        "joint[0.1]": "rating[0.1]",
        "joint[0.5]": None,
        "joint[1.0]": "rating[None]",
    }
    assert results.single("ranking").name == "rating[None]"


def test_results_of_other_labels_do_not_compare():
    made = [record("joint", seed) for seed in range(3)]
    fewer = [
        changed(each, answer={**each.plain()["answer"], "labels": {"ranking": {"share": 0.1}}})
        for each in made
    ]
    first = [
        changed(each, answer__train__pretrain={"tasks": ["ranking"], "epochs": 1}) for each in made
    ]
    plain, *others = (measure(Results.of(each), "x") for each in (made, fewer, first))
    assert not mismatches(plain, plain)
    assert [list(mismatches(plain, other)["protocol"]) for other in others] == [
        ["labels.ranking.share: – → 0.1"],
        ['train.pretrain.tasks: – → ["ranking"]', "train.pretrain.epochs: – → 1"],
    ]
