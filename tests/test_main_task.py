"""`main:` in a suite: verdicts, Δm and the first sentences are about one task alone."""

import dataclasses

import pytest
from made import record, write

from mtbench import evidence
from mtbench.cli.main import main
from mtbench.records import asked
from mtbench.records.merging import merge
from mtbench.records.results import Results
from mtbench.report.page.page import page
from mtbench.report.summary import summarize


@pytest.fixture(scope="module")
def runs():
    """Both tasks together help the ranking, and do harm to the retrieval."""
    noise = [0.0, 0.01, -0.01, 0.005]
    return [
        one
        for seed, d in enumerate(noise)
        for one in (
            record("rating", seed, 1.0 + d, 0.1, tasks=("ranking",)),
            record("finding", seed, 3.0, 0.5 + d / 10, tasks=("retrieval",)),
            record("joint", seed, 0.8 + 2 * d, 0.4 + d, tasks=("ranking", "retrieval")),
            record("more", seed, 0.9 - d, 0.45 - d, tasks=("ranking", "retrieval")),
        )
    ]


def about(runs, task):
    return dataclasses.replace(Results.of(runs), main=task)


def test_verdicts_are_about_the_main_task_alone(runs):
    whole, ranking = Results.of(runs), about(runs, "ranking")
    assert {one.metric for one in evidence.planned(whole)} == {"ranking/rmse", "retrieval/top_5"}
    planned = evidence.planned(ranking)
    assert {one.metric for one in planned} == {"ranking/rmse"}
    # fewer comparisons are corrected for, and nothing else about them is another
    known = {(one.metric, one.a, one.b): one for one in evidence.planned(whole)}
    for one in planned:
        assert one.family == len(planned)
        assert one.p == known[one.metric, one.a, one.b].p
    assert evidence.planned(ranking, metrics=["retrieval/top_5"])  # what is asked for is told


def test_delta_m_is_the_gain_of_the_main_task(runs):
    for task, gain in (("ranking", 20.0), ("retrieval", -20.0)):
        found = {one.scenario: one for one in evidence.delta_m(about(runs, task))}
        assert {*found} == {"joint", "more"}
        assert {*found["joint"].per_task} == {task}
        assert found["joint"].mean == pytest.approx(gain, abs=1)
    both = {one.scenario: one for one in evidence.delta_m(Results.of(runs))}
    assert both["joint"].mean == pytest.approx(0.0, abs=1)


def test_the_twin_of_another_task_is_not_needed(runs):
    few = [one for one in runs if one.scenario != "finding"]
    assert evidence.delta_m(Results.of(few)) == []
    assert len(evidence.delta_m(about(few, "ranking"))) == 2


def test_the_first_sentences_are_about_it(runs):
    summary = summarize(about(runs, "retrieval"))
    assert summary.answer
    assert all("retrieval" in said and "ranking" not in said for said in summary.answer)
    assert summary.notes[0] == "main task: retrieval; verdicts and Δm are about it alone"
    assert {column.key for column in summary.headline} == {"ranking/rmse", "retrieval/top_5"}
    text = page(about(runs, "retrieval"))
    assert "\nmain: retrieval<" in text  # of the suite to run again
    first = text[text.index('class="first"') :]
    assert "retrieval" in first[: first.index("</p>")]


def test_a_main_task_that_nothing_is_known_of_hides_nothing(runs):
    assert evidence.planned(about(runs, "click")) == evidence.planned(Results.of(runs))
    assert evidence.delta_m(about(runs, "click")) == evidence.delta_m(Results.of(runs))


def test_the_folder_knows_what_was_last_said(runs, tmp_path):
    version = asked.version_of(runs)
    for said in ("ranking", None, "retrieval", "ranking"):
        asked.note(tmp_path, dataclasses.replace(version, main=said))
        last = asked.versions(tmp_path, runs)[-1]
        assert (last.name, last.main) == (version.name, said)
        assert Results.of(runs, version=last).main == said
    lines = (tmp_path / asked.FILE).read_text().splitlines()
    assert len(lines) == 4
    asked.note(tmp_path, dataclasses.replace(version, main="ranking"))
    assert (tmp_path / asked.FILE).read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("mains", "kept"), [(["ranking"] * 2, "ranking"), ([None, "ranking"], None)]
)
def test_merged_shards_keep_it(runs, tmp_path, mains, kept):
    shards = [tmp_path / "a", tmp_path / "b"]
    for n, (folder, said) in enumerate(zip(shards, mains, strict=True)):
        write(folder, part := [one for one in runs if one.seed % 2 == n])
        version = dataclasses.replace(asked.version_of(part), main=said)
        asked.note(folder, version, whole=False)
        assert Results.read(folder).main == said
    merge(shards, tmp_path / "whole")
    found = Results.read(tmp_path / "whole")
    assert (found.main, len(found.records)) == (kept, len(runs))


# -- in a suite ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("main: rankin", "main: unknown task 'rankin' (did you mean 'ranking'?)"),
        ("main: 3", "main: expected "),
        ("main: [ranking]", "main: expected "),
        ("mian: ranking", "mian: unknown key (did you mean 'main'?)"),
        (
            "main: liked",
            "main: expected a task that is trained (ranking, retrieval), found 'liked'",
        ),
    ],
)
def test_a_wrong_main_task_is_one_line(tiny, capsys, said, told):
    liked = "\n  liked: {name: click, threshold: 4}\nscenarios:"
    text = tiny.read_text().replace("\nscenarios:", liked) + f"{said}\n"
    tiny.write_text(text)
    assert main(["check", str(tiny)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    number = text.splitlines().index(said) + 1
    assert line.startswith(f"mtbench: {tiny}:{number}: {told}")


def test_weightings_with_a_main_task_take_the_suites(make_suite):
    made = make_suite(
        "main=retrieval",
        "scenarios.a={tasks: [ranking, retrieval], weighting: auxiliary}",
        "scenarios.b={tasks: [ranking, retrieval], weighting: {name: auxiliary, main: ranking}}",
        "scenarios.c={tasks: [ranking, retrieval], weighting: metabalance}",
    )
    assert made.main == "retrieval"
    weightings = [made.scenarios[name].weighting for name in "abc"]
    assert [weightings[0].main, weightings[1].main] == ["retrieval", "ranking"]
    assert weightings[2].target == "retrieval"
    plain = make_suite("scenarios.c={tasks: [ranking, retrieval], weighting: metabalance}")
    assert plain.scenarios["c"].weighting.target is None
    # nothing else of a run is another
    assert plain.setup("joint") == made.setup("joint")
