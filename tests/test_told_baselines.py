"""Baselines in results: apart from scenarios, beside them in tables, said where stronger."""

import csv
import io
import json
import math

import made
import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from mtbench import evidence
from mtbench.api import Results as ApiResults
from mtbench.errors import RecordError
from mtbench.records import store, tables
from mtbench.records.document import suite_document
from mtbench.records.record import Record
from mtbench.records.results import Results
from mtbench.records.series import from_json, load
from mtbench.regress.compare import compare, to_text
from mtbench.regress.gate import gate
from mtbench.report import FORMATS, summarize
from mtbench.report.formats import table
from mtbench.report.page.page import page

FLOORS = {
    "ranking": {"mean": {"rmse": 1.25, "mae": 1.0}},
    "retrieval": {"chance": {"top_5": 0.1}, "popularity": {"top_5": 0.2}},
}
IALS = {"name": "ials", "options": {"factors": 8}}
NOISE = (0.0, 0.002, 0.001, 0.003, 0.0015)


def runs(scenario, rmse, top, seeds=3, **changes):
    return [
        made.record(scenario, n, rmse + e, top + e, floors=FLOORS, **changes)
        for n, e in enumerate(NOISE[:seeds])
    ]


def fitted(key, tasks=("retrieval",), rmse=1.0, top=0.5, seeds=3, **changes):
    return [
        made.baseline(key, n, tasks, rmse - e, top - e, floors=FLOORS, **changes)
        for n, e in enumerate(NOISE[:seeds])
    ]


def suite_of(seeds=3):
    """Joint and weak are below ease in top 5, strong is above; of ease and ials ease is better."""
    return [
        *runs("rating-only", 1.0, 0.05, seeds, tasks=("ranking",)),
        *runs("joint", 0.9, 0.4, seeds),
        *runs("weak", 0.9, 0.3, seeds),
        *runs("strong", 0.95, 0.7, seeds),
        *fitted("ease", top=0.5, seeds=seeds),
        *fitted("ials", top=0.45, seeds=seeds, **IALS),
    ]


@pytest.fixture
def results():
    return Results.of(suite_of())


STRONG = 0.2 + 2 * 0.001  # what strong has in top 5 more than ease: 0.2 and twice the noise
BELOW = "2 of 3 means are not better: joint and weak"
TOLD = (
    "the best scenario in top 5, strong, is better than the baseline ease by 0.2020 "
    f"[0.1970, 0.2070] (3 seeds, p < 0.001 corrected for 3 comparisons); {BELOW}"
)
"""Two others have a p-value: joint against the floor in rmse, and joint and weak, alike in it."""
ALONE = (
    "whether training ranking with other tasks helped cannot be told: no claim on joint and "
    "rating-only in ranking/rmse: 0.100 better in each of 3 seeds, which shows no spread to hold "
    "that against"
)
"""The noise of a seed is the same in each scenario."""
FLOOR = (
    "the best scenario in rmse, joint, is better than the floor mean by 0.3490 [0.3465, 0.3515] "
    "(3 seeds, p < 0.001 corrected for 3 comparisons)"
)
"""0.35 but for the noise, which is 0.001 on average and varies by 0.001: 4.303 of its error."""


# records


def test_a_baselines_record_is_written_and_read(tmp_path):
    (record,) = fitted("ease", seeds=1)
    assert (record.kind, record.answer.baseline.name) == ("baseline", "ease")
    assert (record.parameters, record.curve, record.lacking) == (None, (), [])
    made.write(tmp_path, [record])
    assert store.read(store.path_of(tmp_path, "ease-0")) == record
    for key in ("curve", "parameters"):  # neither has to be there
        without = {k: v for k, v in made.as_json(record).items() if k != key}
        assert Record.of(without).lacking == []
    without = {k: v for k, v in made.as_json(record).items() if k != "metrics"}
    assert Record.of(without).lacking == ["metrics"]


def test_a_scenarios_record_has_no_key_of_a_baseline():
    record = made.record("a", 0)
    assert record.kind == "scenario"
    assert "baseline" not in record.plain()["answer"]
    assert "parameters" in made.changed(record, parameters=None).lacking


def test_a_fault_of_a_baselines_record_names_what_it_lacks(tmp_path):
    value = made.as_json(fitted("ease", seeds=1)[0])
    del value["metrics"], value["parameters"], value["timings"]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(value))
    with pytest.raises(RecordError, match=r"it lacks metrics, timings$"):
        store.read(path)


# results


def test_baselines_are_apart_from_scenarios(results):
    assert list(results.scenarios) == ["rating-only", "joint", "weak", "strong"]
    assert list(results.baselines) == ["ease", "ials"]
    ease = results.baselines["ease"]
    assert (list(ease.runs), ease.tasks) == ([0, 1, 2], ("retrieval",))
    assert (len(results.runs), len(results.done), len(results.records)) == (12, 18, 18)
    assert [metric.key for metric in results.metrics] == [
        "ranking/rmse",
        "ranking/mae",
        "retrieval/top_5",
    ]
    assert results.left_out == ()
    assert results.scenario("ease") is ease
    with pytest.raises(RecordError, match=r"found 'eas' \(did you mean 'ease'\?\)"):
        results.scenario("eas")


def test_the_last_record_may_be_a_baselines_or_all_of_them():
    later = [made.changed(r, started=f"2026-03-0{r.seed + 1}") for r in fitted("ease")]
    results = Results.of([*runs("joint", 1.0, 0.5), *later])
    assert {metric.task for metric in results.metrics} == {"ranking", "retrieval"}
    assert results.newest_of_scenarios.scenario == "joint"
    both = [*fitted("ease"), *fitted("svd", ("ranking",))]
    alone = Results.of(both)
    assert [metric.key for metric in alone.metrics] == [
        "ranking/rmse",
        "ranking/mae",
        "retrieval/top_5",
    ]
    summary = summarize(alone)
    assert (summary.scenarios, [row.name for row in summary.baselines]) == ((), ["ease", "svd"])
    assert [row.name for row in summary.floors] == ["mean", "chance", "popularity"]
    assert "20 candidates" in summary.data
    for form in FORMATS.values():
        assert "ease" in form(summary)


def test_a_scenario_and_a_baseline_of_one_name_are_two():
    results = Results.of([*runs("ease", 1.0, 0.5), *fitted("ease")])
    found = [len(arms["ease"].runs) for arms in (results.scenarios, results.baselines)]
    assert found == [3, 3]
    assert results.left_out == ()


def test_a_metric_that_no_baseline_has_is_kept_and_one_that_runs_lack_is_not():
    few = [
        made.changed(r, metric_info__ranking=[made.metric("rmse", higher=False)],
                     metrics__ranking={"rmse": 1.0})
        for r in fitted("svd", ("ranking",))
    ]  # fmt: skip
    results = Results.of([*runs("joint", 1.0, 0.5), *few])
    assert [metric.name for metric in results.metrics] == ["rmse", "mae", "top_5"]
    (row,) = summarize(results).baselines
    assert list(row.metrics) == ["ranking/rmse"]


def test_older_answers_of_a_baseline_do_not_count():
    older = fitted("ease", seeds=1, options={"l2": 1.0}, started="2025")
    results = Results.of([*older, *suite_of()])
    assert len(results.baselines["ease"].runs) == 3
    assert results.baselines["ease"].answer.baseline.options == {"l2": 500.0}
    assert len(results.left_out) == 1


def test_the_suites_document_has_them(results):
    answers = {n: one.answer for n, one in (*results.scenarios.items(), *results.baselines.items())}
    document = suite_document("made", results.question, answers, [0])
    assert document["baselines"] == {
        "ease": {"name": "ease", "l2": 500.0},
        "ials": {"name": "ials", "factors": 8},
    }
    assert list(document["scenarios"]) == ["rating-only", "joint", "weak", "strong"]
    plain = {name: one.answer for name, one in results.scenarios.items()}
    without = suite_document("made", results.question, plain, [0])
    assert "baselines" not in without
    assert {k: v for k, v in document.items() if k != "baselines"} == without


# evidence


def test_baselines_are_no_scenarios_to_evidence(results):
    alone = Results.of([r for r in suite_of() if r.kind == "scenario"])
    found, without = (evidence.planned(each) for each in (results, alone))
    others, same = ([o for o in each if evidence.RIVAL not in o.why] for each in (found, without))
    assert others == same
    rivals = [
        [(one.a, one.b) for one in each if evidence.RIVAL in one.why] for each in (found, without)
    ]
    assert rivals == [[("mean", "joint"), (name, "strong")] for name in ("ease", "popularity")]
    every = evidence.compare_scenarios(results, pairs="all")
    assert every == evidence.compare_scenarios(alone, pairs="all")
    assert evidence.delta_m(results) == evidence.delta_m(alone)
    assert evidence.pareto(results) == evidence.pareto(alone)
    assert [one.kind for one in evidence.against_rivals(alone, without)] == ["floor", "floor"]


def test_a_pair_may_name_a_baseline():
    results = ApiResults.of(suite_of())
    (one,) = results.compare("ease", "joint")
    assert (one.metric, one.a, one.b, one.n) == ("retrieval/top_5", "ease", "joint", 3)
    assert one.mean == pytest.approx(-0.1 + 2 * 0.001)
    assert one.verdict == "worse"
    assert [each.metric for each in results.compare("ease", "ials")] == ["retrieval/top_5"]
    with pytest.raises(RecordError, match="to train a task of"):
        results.compare("ease", "rating-only")


def test_scenarios_below_the_strongest_baseline(results):
    """By means; of them the best scenario alone has a verdict, here above the baseline."""
    planned = evidence.planned(results)
    floor, found = evidence.against_rivals(results, planned)
    assert (floor.metric.key, floor.rival, floor.kind) == ("ranking/rmse", "mean", "floor")
    assert (floor.below, floor.trained) == ((), 4)
    assert (found.metric.key, found.rival, found.kind) == ("retrieval/top_5", "ease", "baseline")
    assert (found.below, found.trained) == (("joint", "weak"), 3)
    assert (found.best.a, found.best.b, found.best.verdict) == ("ease", "strong", "better")
    # twice the noise of 0, 0.002 and 0.001: its sd is 0.002, and 2.48 half of the interval's width
    half = 4.302653 * 0.002 / math.sqrt(3)
    assert found.best.mean == pytest.approx(STRONG)
    assert (found.best.low, found.best.high) == pytest.approx((STRONG - half, STRONG + half))
    assert found.best.p == pytest.approx(3 * stats.ttest_1samp([0.2, 0.204, 0.202], 0).pvalue)
    assert found.best in planned
    assert evidence.answer_sentences(results, planned) == [ALONE, FLOOR, TOLD]


@pytest.mark.parametrize("seeds", [1, 2])
def test_means_of_few_seeds_are_told_and_not_judged(seeds):
    results = Results.of(suite_of(seeds))
    planned = evidence.planned(results)
    found = evidence.against_rivals(results, planned)[-1]
    assert found.below == ("joint", "weak")
    assert found.best.verdict == "too few seeds"
    few = "1 seed is" if seeds == 1 else "2 seeds are"
    assert evidence.answer_sentences(results, planned)[-1] == (
        f"against the baseline ease: {few} too few to compare strong with ease in retrieval/top_5 "
        f"(as seen: 0.20 better); {BELOW}"
    )


@pytest.mark.parametrize(("shift", "below"), [(-0.0005, True), (0.0, True), (0.0005, False)])
def test_a_mean_decides_whether_a_scenario_is_told(shift, below):
    """Without evidence of a difference too; an equal mean is not better."""
    shifts = np.array([0.004, -0.003, -0.001]) + shift
    close = [made.record("close", n, 1.0, 0.5 + e, floors=FLOORS) for n, e in enumerate(shifts)]
    level = [made.baseline("ease", n, top=0.5, floors=FLOORS) for n in range(3)]
    results = Results.of([*close, *level])
    planned = evidence.planned(results)
    (rival,) = [one for one in planned if one.a == "ease"]
    assert rival.verdict == "no evidence of a difference"
    found = evidence.against_rivals(results, planned)[-1]
    assert found.below == ("close",) * below
    said = evidence.answer_sentences(results, planned)[-1]
    assert said.startswith("against the baseline ease: no evidence of a difference between close ")
    assert said.endswith("; its mean is not better") == below


def test_equal_in_each_seed_is_not_better():
    same = [made.record("same", n, 1.0, 0.5 + n / 10) for n in range(3)]
    level = [made.baseline("ease", n, top=0.5 + n / 10) for n in range(3)]
    results = Results.of([*same, *level])
    assert evidence.answer_sentences(results, evidence.planned(results))[-1] == (
        "against the baseline ease: same and ease are identical in retrieval/top_5: equal in each "
        "of 3 seeds; its mean is not better"
    )


def test_a_lower_error_is_better_and_common_seeds_are_compared():
    records = [
        *runs("joint", 0.9, 0.5, 5),
        *fitted("svd", ("ranking",), rmse=0.8, seeds=3),
        *fitted("bias", ("ranking",), rmse=0.85, seeds=5),
    ]
    results = Results.of(records)
    found = evidence.against_rivals(results, evidence.planned(results))[0]
    assert (found.metric.key, found.rival, found.below) == ("ranking/rmse", "svd", ("joint",))
    assert (found.best.n, found.best.verdict) == (3, "worse")
    assert found.best.mean == pytest.approx(-0.1 - 2 * 0.001)
    (row,) = summarize(results).scenarios
    assert row.above_baseline["ranking/rmse"] == pytest.approx(-0.1 - 2 * 0.001)


def test_a_baseline_of_other_seeds_is_compared_with_nothing():
    later = [made.baseline("ease", n + 9, top=0.9, floors=FLOORS) for n in range(3)]
    results = Results.of([*runs("joint", 1.0, 0.5), *later])
    planned = evidence.planned(results)
    assert not [one for one in planned if one.metric == "retrieval/top_5"]
    assert [one.metric.key for one in evidence.against_rivals(results, planned)] == ["ranking/rmse"]


def test_many_names_are_counted():
    many = [r for n in range(8) for r in runs(f"s{n}", 1.0, 0.3)]
    above = runs("best", 1.0, 0.9)
    said = summarize(Results.of([*many, *above, *fitted("ease")])).answer[-1]
    assert said.startswith("the best scenario in top 5, best, is better than the baseline ease by ")
    assert said.endswith("; 8 of 9 means are not better: s0, s1, s2, s3 and 4 more")
    said = summarize(Results.of([*many, *fitted("ease")])).answer[-1]
    assert said.startswith("the best scenario in top 5, s0, is worse than the baseline ease by ")
    assert said.endswith("; none of 8 means is better")


# tables


def as_text(summary, width=80):
    stream = io.StringIO()
    table(summary, Console(width=width, file=stream, highlight=False))
    return stream.getvalue()


def test_the_terminal(results):
    text = as_text(summarize(results))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[2:5] == [
        "ranking retrieval",
        "rmse ↓ top 5 ↑ step/ref.",
        "scenario vs mean vs ease s a run",
    ]
    names = [line.split(" ")[0] for line in lines]
    places = [
        names.index(name) for name in ("strong", "baselines", "ease", "ials", "floors", "mean")
    ]
    assert places == sorted(places)
    assert lines[names.index("joint")] == "joint 0.901 ± 0.001 0.401 ± 0.001 1.00"
    assert lines[names.index("joint") + 1] == "0.349 better 0.098 worse 2.00"
    assert lines[names.index("ease")] == "ease – 0.499 ± 0.001 –"
    below = lines.index("mean 1.250 ± 0.000 –") + 3  # the other floors, and the rule
    assert lines[below + 1 : below + 4] == [f"{t[0].upper()}{t[1:]}." for t in (ALONE, FLOOR, TOLD)]
    assert "strongest baseline, or floor, named in the head" in text
    assert max(len(line) for line in text.splitlines() if "─" in line) <= 80


def test_markdown(results):
    lines = FORMATS["markdown"](summarize(results)).splitlines()
    assert lines[2:5] == [f"> **{text}**" for text in (ALONE, FLOOR, TOLD)]
    retrieval = lines[lines.index("## retrieval") + 2 :]
    assert retrieval[0] == "| scenario | seeds | top_5 ↑ (vs ease) |"
    assert retrieval[3] == "| joint | 3 | 0.401 ± 0.001 (0.098 worse) |"
    assert retrieval[6:12] == [
        "| *baselines* |  |  |",
        "| ease | 3 | 0.499 ± 0.001 |",
        "| ials | 3 | 0.449 ± 0.001 |",
        "| *floors* |  |  |",
        "| chance | 3 | 0.100 ± 0.000 |",
        "| popularity | 3 | 0.200 ± 0.000 |",
    ]
    ranking = lines[lines.index("## ranking") + 2 :]
    assert ranking[0] == "| scenario | seeds | rmse ↓ | mae ↓ |"
    assert ranking[6] == "| mean | 3 | 1.250 ± 0.000 | 1.000 ± 0.000 |"
    assert "| ease | – | – | – | 2.00 ± 0.00 | 1,000 ± 0 | – |" in lines


def test_csv_and_json(results):
    summary = summarize(results)
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](summary))))
    by_name = {
        (row["kind"], row["name"]): row for row in rows if row["metric"] == "retrieval/top_5"
    }
    assert list(by_name)[4:] == [
        ("baseline", "ease"), ("baseline", "ials"), ("floor", "chance"), ("floor", "popularity"),
    ]  # fmt: skip
    joint = by_name["scenario", "joint"]
    assert (joint["floor"], joint["baseline"]) == ("popularity", "ease")
    assert float(joint["above_floor"]) == pytest.approx(0.201)
    assert float(joint["above_baseline"]) == pytest.approx(-0.098)
    assert by_name["baseline", "ease"]["above_baseline"] == ""
    told = json.loads(FORMATS["json"](summary))
    assert told["answer"] == [ALONE, FLOOR, TOLD]
    rival = next(one for one in told["planned"] if one["a"] == "ease")
    assert (rival["b"], rival["verdict"], rival["why"]) == (
        "strong", "better", ["the strongest rival"],
    )  # fmt: skip
    assert "basis" in told
    assert [row["name"] for row in told["baselines"]] == ["ease", "ials"]
    assert told["columns"][2]["baseline"] == "ease"
    assert "baseline" not in told["columns"][0]
    plain = json.loads(FORMATS["json"](summarize(Results.of(suite_of()[:12]))))
    assert "baselines" not in plain


def test_frames(tmp_path):
    pytest.importorskip("pandas")
    failed = made.baseline("ials", 7, status="failed", **IALS)
    folder = made.write(tmp_path / "r", [*suite_of(), failed])
    found = tables.load_results(folder)
    assert list(dict.fromkeys(found.kind)) == ["scenario", "baseline", "floor"]
    ease = found[found.name == "ease"]
    assert set(ease.task) == {"retrieval"}
    assert (set(ease.trained), set(ease.status)) == ({True}, {"ok"})
    assert ease.weighting.isna().all()
    assert sorted(ease.value) == pytest.approx([0.498, 0.499, 0.5])
    lost = found[(found.name == "ials") & (found.seed == 7)]
    assert (list(lost.metric), lost.value.isna().all()) == (["top_5"], True)
    floors = found[found.kind == "floor"]
    assert len(floors) == 3 * (2 + 2)
    runs_found = tables.load_runs(folder).set_index("run_id")
    row = runs_found.loc["ease-0"]
    assert (row.kind, row.scenario, row.trained_tasks) == ("baseline", "ease", "retrieval")
    assert json.loads(row.options) == {"l2": 500.0}
    assert runs_found.loc["joint-0"].kind == "scenario"
    assert row.parameters != row.parameters  # missing


def test_frames_of_baselines_alone_have_floors_of_the_tasks_they_serve(tmp_path):
    pytest.importorskip("pandas")
    both = [*fitted("ease", seeds=1), *fitted("svd", ("ranking",), seeds=1)]
    found = tables.load_results(made.write(tmp_path / "r", both))
    floors = found[found.kind == "floor"]
    assert set(floors.name) == {"mean", "chance", "popularity"}
    assert set(found[found.kind == "baseline"].metric) == {"rmse", "mae", "top_5"}


# compare and gate


def test_compare(tmp_path):
    better = [
        *(r for r in suite_of() if r.scenario != "ease"),
        *fitted("ease", top=0.55, options={"l2": 250.0}),
        *fitted("knn", top=0.2),
    ]
    a, b = made.write(tmp_path / "a", suite_of()), made.write(tmp_path / "b", better)
    lines = to_text(compare(a, b)).splitlines()
    assert (
        lines[0]
        == f"a: {a}: suite made, 4 scenarios, 2 baselines, mtbench 0.1.0, tensorflow 2.21.0"
    )
    assert "suite: scenarios.ease.baseline.l2: 500.0 → 250.0" in lines
    assert "only in b: baseline knn" in lines
    (ease,) = [line for line in lines if line.startswith("ease: retrieval/top_5")]
    assert ease == "ease: retrieval/top_5 ↑: 0.499 → 0.549, +0.050: no spread (3 seeds, paired)"
    assert not [line for line in lines if line.startswith("ease: ranking")]


def test_what_is_alike_in_all_scenarios_stays_the_suites_beside_baselines(tmp_path):
    a = made.write(tmp_path / "a", suite_of())
    other = [
        made.changed(r, answer__towers__query__options__embedding_dim=64)
        if r.kind == "scenario"
        else r
        for r in suite_of()
    ]
    b = made.write(tmp_path / "b", other)
    lines = to_text(compare(a, b)).splitlines()
    assert "suite: towers.query.embedding_dim: 32 → 64" in lines


def test_gate(tmp_path):
    worse = [r for r in suite_of() if r.scenario != "ease"] + fitted("ease", top=0.45)
    a, b = made.write(tmp_path / "a", suite_of()), made.write(tmp_path / "b", worse)
    assert gate(a, a).exit_code == 0
    outcome = gate(a, b)
    assert [(c.scenario, c.what) for c in outcome.breaches] == [("ease", "retrieval/top_5")]
    checked = {(check.scenario, check.what) for check in outcome.checks}
    assert ("ease", "peak memory") not in checked  # but where a limit names it
    assert ("ease", "step time") not in checked  # nothing takes steps
    gone = made.write(tmp_path / "c", [r for r in suite_of() if r.scenario != "ials"])
    assert [(c.scenario, c.what) for c in gate(a, gone).breaches] == [("ials", "runs")]


def test_what_was_measured_comes_back_from_json(tmp_path):
    measured = load(made.write(tmp_path / "r", suite_of()))
    assert from_json(json.loads(json.dumps(measured.to_json())), "x") == measured
    assert measured.series["ease"].answer.baseline.name == "ease"


# the page


@pytest.fixture(scope="module")
def drawn():
    pytest.importorskip("matplotlib")
    return page(Results.of(suite_of()))


def test_the_page_says_it_first(drawn):
    from test_page import Tree, sentences

    first = [p["text"] for p in Tree(drawn)["p"] if p.get("@class", "").startswith("first")]
    assert first == [f"{text[0].upper()}{text[1:]}." for text in (ALONE, FLOOR, TOLD)]
    text = sentences(drawn)
    assert text.startswith(f"The answerW{ALONE[1:]}.")
    assert (
        "strong has the best mean of 3 scenarios trained for it, 0.7010 ± 0.0010 (3 seeds)" in text
    )
    assert "the best mean against the strongest baseline, or else floor" in text
    assert "4 scenarios, 2 baselines, 3 seeds, 18 of 18 runs went well" in drawn


def test_the_pages_tables_have_them(drawn):
    from test_page import Tree, cells

    tree = Tree(drawn)
    head, *rows = cells(tree, "results")
    assert [th["text"] for th in head[2:4]] == [
        "rankingrmse ↓floor: mean",
        "retrievaltop 5 ↑baseline: ease",
    ]
    assert [row[0]["@data-v"] for row in rows] == [
        "rating-only", "joint", "weak", "strong", "baselines", "ease", "ials",
        "floors", "mean", "chance", "popularity",
    ]  # fmt: skip
    texts = {row[0]["@data-v"]: [cell["text"] for cell in row] for row in rows}
    assert texts["joint"][3] == "0.4010 ± 0.00100.0980 worse"
    assert texts["ease"] == ["easebaseline", "3", "–", "0.4990 ± 0.0010", "–", "–2.00"]
    compared = [
        [[cell["text"] for cell in row[:3]] for row in cells(tree, key)[1:]]
        for key in ("comparisons", "exploratory")
    ]
    assert ["retrieval top 5", "strong", "ease"] in compared[0]
    assert ["retrieval top 5", "strong", "ials"] in compared[1]
    assert not [row for row in compared[1] if row in compared[0]]
    assert [row[0]["text"] for row in cells(tree, "costs")[1:]][-2:] == ["ease", "ials"]
    components = {row[0]["text"]: row[1]["text"] for row in cells(tree, "components")[1:]}
    assert (components["baseline: ease"], components["baseline: ials"]) == ("ease", "ials")
    assert "tower: query" in components


def test_the_pages_plots_have_them(drawn):
    from test_page import Tree

    words = [d["text"] for d in Tree(drawn)["desc"]]
    (top,) = [text for text in words if "baseline ease: 0.499" in text]
    assert "baseline ials: 0.449" in top
    assert "floor popularity: 0.2" in top
    assert "baseline: ease 0.499" in drawn


def test_the_pages_suite_has_them(drawn):
    import yaml
    from test_page import Tree

    suite = yaml.safe_load(Tree(drawn)["pre"][1]["text"])
    assert suite["baselines"]["ials"] == {"name": "ials", "factors": 8}
    assert suite["towers"]["query"]["name"] == "embedding"


def test_a_page_of_baselines_alone():
    pytest.importorskip("matplotlib")
    from test_page import headings

    text = page(Results.of([*fitted("ease"), *fitted("svd", ("ranking",))]))
    assert "No run of a scenario went well, so there is nothing to compare." in text
    assert "Results" in headings(text)


def test_a_failed_baseline_is_told_with_the_failed_runs():
    pytest.importorskip("matplotlib")
    failed = made.baseline("ials", 7, status="failed", **IALS)
    results = Results.of([*suite_of(), failed])
    assert "FAILED: ials seed 7: ValueError: on\npurpose" in summarize(results).notes
    assert "18 of 19 runs went well" in page(results)
