"""Which records count, for everything that reads results."""

from made import as_json, changed, record

from mtbench.records.current import current, newest
from mtbench.records.results import Results
from mtbench.records.series import measure
from mtbench.report import summarize

NOTE = "{} of another version of the suite, data or software {} left out"
OLD = {"started": "2025"}


def counted(found):
    """Names of those that count, and what is said of the others."""
    used, notes = current(found)
    return [(r.scenario, r.seed) for r in used], notes


def test_all_of_one_version_count_in_the_order_given():
    made = [record(name, seed) for name in "ba" for seed in (1, 0)]
    assert counted(made) == ([("b", 1), ("b", 0), ("a", 1), ("a", 0)], [])


def test_what_is_of_another_version_does_not_count():
    made = [record("a", 0)]
    for changes in (
        {"question_id": "q0"},
        {"answer__trained_tasks": ["ranking"]},
        {"answer__weighting": None},
        {"answer__train__epochs": 9},
        {"data__fingerprint": "f" * 64},
        {},
    ):
        older = record("a", 0, **changes, **OLD)
        for order in ([older, *made], [*made, older]):
            assert current(order) == (made, [NOTE.format("1 record", "is")]), changes
    older = [record("b", seed, question_id="q0", **OLD) for seed in range(2)]
    assert current([*made, *older]) == (made, [NOTE.format("2 records", "are")])


def test_a_failed_run_knows_no_data_and_counts():
    failed = record("a", 1, status="failed")
    assert counted([record("a", 0), failed]) == ([("a", 0), ("a", 1)], [])
    again = record("a", 1, status="failed", started="2026-03")
    assert current([record("a", 1), again])[0] == [again]


def test_what_a_wrong_clock_put_into_the_future_counts_as_the_oldest():
    """Else no run of today would ever count again."""
    made = [record("a", 0), record("a", 1)]
    ahead = record("a", 0, question_id="q0", started="2999")
    for order in ([ahead, *made], [*made, ahead]):
        used, notes = current(order)
        assert used == made
        assert notes[1:] == ["1 record of a time to come, which counts as the oldest"]
    both = [changed(ahead, seed=seed) for seed in (0, 1)]
    assert current(both)[0] == both
    assert current(both)[1] == ["2 records of a time to come, which count as the oldest"]


def test_the_newest_version_counts_even_where_all_its_runs_failed():
    """Nobody takes the results of the version before for its own."""
    failed = record("a", 0, status="failed", question_id="q2", started="2026-03")
    assert current([record("a", 0), failed])[0] == [failed]
    assert newest([record("a", 0), failed]) is failed


def test_everything_that_reads_results_takes_the_same_records():
    """A run done again, another protocol, other data, a scenario that was changed."""
    made = [
        *(record("a", seed, 1.0) for seed in range(3)),
        record("b", 0, 2.0, started="2026-02"),
        record("b", 1, status="failed"),
        record("a", 0, 9.0, **OLD),
        record("a", 4, 9.0, question_id="q0", **OLD),
        record("a", 5, 9.0, data__fingerprint="f" * 64, **OLD),
        record("b", 6, 9.0, answer__weighting=None, **OLD),
    ]
    used, _ = current(made)
    assert len(used) == 5
    expected = {"a": [1.0] * 3, "b": [2.0]}
    results = Results.of(made)
    assert {
        name: [run.metrics["ranking"]["rmse"] for run in one.runs.values()]
        for name, one in results.measured.items()
    } == expected
    series = measure(Results.of(made), "x").series
    assert {n: [*s.metrics["ranking/rmse"].values()] for n, s in series.items()} == expected
    assert series["b"].failed == {1: "ValueError: on purpose"}
    rows = {row.name: row.metrics["ranking/rmse"] for row in summarize(Results.of(made)).scenarios}
    assert {name: (stat.mean, stat.n) for name, stat in rows.items()} == {"a": (1, 3), "b": (2, 1)}


def without(found, metric):
    """A record whose test part does not define a metric of the ranking task."""
    listed = as_json(found)["metric_info"]["ranking"]
    info = [each for each in listed if each["name"] != metric]
    values = {name: v for name, v in found.metrics["ranking"].items() if name != metric}
    return changed(found, metric_info__ranking=info, metrics__ranking=values)


def test_a_metric_that_a_run_lacks_is_left_out_of_all():
    whole = [record("a", seed) for seed in range(3)]
    metric = whole[0].metric_info["ranking"][-1].name
    made = [*whole[:2], without(whole[2], metric), record("b", 0, status="failed")]
    used, notes = current(made)
    assert notes == [f"left out, since not every run's test part defines it: ranking/{metric}"]
    assert used[-1] is made[-1]
    for found in used[:3]:
        assert found == without(found, metric)
        assert found.metrics.keys() == whole[0].metrics.keys()
    summary = summarize(Results.of(made[:3]))
    assert notes[0] in summary.notes
    assert f"ranking/{metric}" not in {column.key for column in summary.columns}
    assert f"ranking/{metric}" in {column.key for column in summarize(Results.of(whole)).columns}


def test_a_floor_without_a_metric_is_no_floor_of_it():
    floors = {"strong": {"rmse": 0.5, "mae": 0.1}, "weak": {"rmse": 2.0, "mae": 2.0}}
    made = [record("a", 0, floors__ranking=floors)]
    assert [column.floor for column in summarize(Results.of(made)).columns[:2]] == [
        "strong",
        "strong",
    ]
    del made[0].floors["ranking"]["strong"]["mae"]
    summary = summarize(Results.of(made))
    assert [column.floor for column in summary.columns[:2]] == ["strong", "weak"]
    assert list(summary.floors[0].metrics) == ["ranking/rmse"]


def test_scores_of_the_validation_part_are_said_to_be():
    counts = {"data__train": 5, "data__validation": 7, "data__test": 5}
    made = [record("a", 0, question__evaluate_on="validation", **counts)]
    summary = summarize(Results.of(made))
    assert "scored on the VALIDATION part: the test part was not opened" in summary.notes
    assert summary.data.endswith("5 interactions to train, 7 to validate, 5 to test")
