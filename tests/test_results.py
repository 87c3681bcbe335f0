"""Results: one reading of records, worked out once, and what it says of scenarios that differ."""

import sys
from pathlib import Path

import made
import pytest

from mtbench.records import current as choice
from mtbench.records import results as module
from mtbench.records.columns import COSTS, NUMBERS, RUN_COLUMNS, Heading, Number, run_rows
from mtbench.records.results import Results
from mtbench.regress.compare import compare, to_text
from mtbench.regress.gate import gate
from mtbench.report import FORMATS, summarize
from mtbench.report.page.page import page
from mtbench.runs import environment


def runs(scenario, seeds=2, **changes):
    return [made.record(scenario, seed, 1 + seed / 10, **changes) for seed in range(seeds)]


def test_scenarios_hold_their_runs_by_seed_good_and_failed():
    bad = made.record("b", 3, status="failed")
    never = made.record("c", 0, status="failed")
    results = Results.of([never, *runs("b")[::-1], bad, *runs("a")], ["x.json: damaged"])
    assert list(results.scenarios) == ["c", "b", "a"]
    assert list(results.measured) == ["b", "a"]
    b = results.scenarios["b"]
    assert (list(b.runs), b.failed, b.tasks) == ([0, 1], {3: bad}, made.BOTH)
    assert (len(results.runs), results.failed, results.given) == (4, (never, bad), 6)
    assert results.problems == ("x.json: damaged",)
    assert (results.left_out, results.notes) == ((), ())
    assert results.newest == bad
    assert (results.suite, results.question) == ("made", bad.question)
    assert [metric.key for metric in results.metrics if metric.headline] == [
        "ranking/rmse",
        "retrieval/top_5",
    ]


def test_floors_are_those_of_a_split():
    floors = [{"mean": {"rmse": 1 + seed}} for seed in range(2)]
    records = [
        made.record(name, seed, floors__ranking=floors[seed]) for name in "ab" for seed in range(2)
    ]
    by_seed = Results.of(records).floors
    assert {seed: each["ranking"] for seed, each in by_seed.items()} == dict(enumerate(floors))


def test_which_records_count_is_asked_once_for_a_page(monkeypatch):
    pytest.importorskip("matplotlib")
    asked = []

    def counting(records, version):
        asked.append(len(records))
        return choice.current(records, version)

    monkeypatch.setattr(module, "current", counting)
    records = [*runs("joint", 3), *runs("alone", 3, tasks=("ranking",))]
    assert page(Results.of(records))
    assert asked == [6]


def test_scenarios_that_differ_in_training_are_told_by_their_changes():
    """As after `run -o train.epochs=30 --scenario other`; no note says it again."""
    records = [
        *runs("rating-only", tasks=("ranking",)),
        *runs("joint"),
        *runs("other", answer__train__epochs=30),
    ]
    results = Results.of(records)
    assert results.changes == {"rating-only": {}, "joint": {}, "other": {"train.epochs": "30"}}
    assert (results.notes, summarize(results).notes) == ((), ())
    older = runs("joint", answer__train__epochs=9, started="2025")
    results = Results.of([*older, *records])
    assert results.changes["joint"] == {}  # of those that count
    assert len(results.left_out) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"answer__towers__query__options__embedding_dim": 64},
            {"towers.query.embedding_dim": "64"},
        ),
        ({"answer__tasks__ranking__options__units": [8]}, {"tasks.ranking.units": "[8]"}),
        ({"answer__tasks__ranking__options__more": True}, {"tasks.ranking.more": "true"}),
        (
            {"answer__train__epochs": 9, "answer__towers__query__name": "bag"},
            {"towers.query": "bag", "train.epochs": "9"},
        ),
        (
            {"answer__weighting": made.identity("w", "fixed", weights={"retrieval": 2.0})},
            {"weighting.weights.retrieval": "2.0"},
        ),
        ({"answer__train": {"epochs": 3, "batch_size": 64}}, {"train.optimizer": "–"}),
    ],
)
def test_what_scenarios_differ_in(changes, told):
    """Of two the first is the reference."""
    made_of = [*runs("a"), *runs("b", **changes)]
    assert Results.of(made_of).changes == {"a": {}, "b": told}


@pytest.mark.parametrize(
    "changes",
    [
        {"answer__weighting": made.identity("w", "other")},
        {"answer__trained_tasks": ["ranking"], "answer__weighting": None},
        {"answer__tasks__ranking__origin__sha256": "f" * 64},
    ],
)
def test_what_has_a_place_of_its_own_is_no_change(changes):
    results = Results.of([*runs("a"), *runs("b", **changes)])
    assert results.changes == {"a": {}, "b": {}}


def test_nothing_gives_nothing():
    results = Results.of([])
    assert (results.records, dict(results.scenarios), results.metrics) == ((), {}, ())


# columns


def test_a_number_that_is_declared_is_in_every_table():
    pytest.importorskip("matplotlib")
    records = runs("joint")
    summary = summarize(Results.of(records))
    markdown, csv = FORMATS["markdown"](summary), FORMATS["csv"](summary)
    html = page(Results.of(records))
    (row, _) = run_rows(records)
    for number, heading in COSTS:
        assert f" {heading.label} |" in markdown
        assert f",{number.key}," in csv
        assert f">{heading.label}<" in html.partition('id="costs"')[2]
        assert number.key in summary.scenarios[0].speed
    for number in NUMBERS:
        assert number.key in RUN_COLUMNS
        assert row[number.key] == number.read(records[0])


def test_declaring_one_more_is_all_it_takes(monkeypatch):
    """As the seconds of validating would be: one line in `records.columns`."""
    pytest.importorskip("matplotlib")
    number = Number("validate_s", lambda record: record.timings["validate_s"])
    heading = Heading("s to validate", digits=1)
    costs = (*COSTS, (number, heading))
    for where in ("summary", "columns", "markdown", "page.sections"):
        monkeypatch.setattr(f"mtbench.report.{where}.COSTS", costs)
    results = Results.of(runs("joint", timings__validate_s=7.25))
    summary = summarize(results)
    markdown = FORMATS["markdown"](summary)
    assert "| peak MB | parameters | s to validate |" in markdown
    assert " 7.2 ± 0.0 |" in markdown
    assert "made,scenario,joint,validate_s,7.25,0.0,2,," in FORMATS["csv"](summary)
    assert ">s to validate<" in page(results).partition('id="costs"')[2]


def test_where_the_system_does_not_tell_of_memory_all_else_is_told(tmp_path, monkeypatch):
    """As on Windows, which has no module `resource`."""
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert environment.peak_memory() is None
    monkeypatch.undo()
    silent = [made.record("a", seed, peak_memory_bytes=None) for seed in range(3)]
    results = Results.of(silent)
    assert "peak_memory_bytes" not in summarize(results).scenarios[0].speed
    assert "<table" in page(results)
    for form in FORMATS.values():
        assert form(summarize(results))
    assert [row["peak_memory_bytes"] for row in run_rows(silent)] == [None] * 3
    folder = made.write(tmp_path / "r", silent)
    asked = gate(folder, folder, options=["memory-growth=1.2"])
    assert "the records lack the peak memory" in asked.to_text()
    assert "peak memory" not in to_text(compare(folder, folder))


# the order of scenarios


def of_suite(name, minute, arms=("first", "second", "third"), seed=0):
    started = f"2026-01-01T00:{minute:02d}:00.000000"
    return made.record(name, seed, started=started, arms=arms)


def names_of(tmp_path, records):
    results = Results.read(made.write(tmp_path / "r", records))
    summary = summarize(results)
    assert [row.name for row in summary.scenarios] == list(results.scenarios)
    told = [line for line in FORMATS["csv"](summary).splitlines() if ",scenario," in line]
    assert list(dict.fromkeys(line.split(",")[2] for line in told)) == list(results.scenarios)
    return list(results.scenarios)


def test_scenarios_stand_in_the_suites_order_whatever_was_run_first(tmp_path):
    """The third was run first, the first last, as `--scenario` and resuming can have it."""
    records = [of_suite("third", 1), of_suite("second", 2), of_suite("first", 3)]
    assert names_of(tmp_path, records) == ["first", "second", "third"]


def test_a_scenario_that_is_done_again_keeps_its_place(tmp_path):
    records = [of_suite(name, n, seed=0) for n, name in enumerate(("first", "second", "third"))]
    again = made.changed(records[0], run_id="again", started="2026-02-01T00:00:00.000000")
    assert names_of(tmp_path, [*records, again]) == ["first", "second", "third"]


def test_the_newest_suite_says_the_order_and_what_it_lacks_comes_last(tmp_path):
    records = [of_suite("gone", 1, ["gone", "first"]), of_suite("first", 2, ["gone", "first"])]
    records += [of_suite("new", 3, ["new", "first"])]
    assert names_of(tmp_path, records) == ["new", "first", "gone"]


def test_records_that_do_not_tell_the_order_stand_as_they_were_made(tmp_path):
    records = [of_suite(name, n, []) for n, name in enumerate(("third", "first", "second"))]
    assert names_of(tmp_path, records) == ["third", "first", "second"]


def test_baselines_have_an_order_too(tmp_path):
    arms = ["joint", "ease", "ials"]
    records = [of_suite("joint", 3, arms)]
    for minute, name in enumerate(("ials", "ease")):
        started = f"2026-01-01T00:{minute:02d}:00.000000"
        records.append(made.baseline(name, 0, arms=arms, started=started))
    results = Results.read(made.write(tmp_path / "r", records))
    assert list(results.baselines) == ["ease", "ials"]
