"""`compare` of more than two folders, and of scenarios within one."""

import os
from pathlib import Path

import pytest
from made import baseline, identity, record, write
from scipy import stats

from mtbench.cli.main import main
from mtbench.errors import RecordError
from mtbench.regress.compare import compare
from mtbench.regress.several import compare_folders, compare_scenarios, to_text

GOLDEN = Path(__file__).parent / "golden"
A = [(1.00, 0.50), (1.02, 0.55), (0.97, 0.45), (1.01, 0.52)]
"""RMSE and top-5 of four seeds."""
FALLS = (0.010, 0.020, 0.030, 0.014)
DIMENSION = "answer__towers__query__options__embedding_dim"


def runs(scenario="joint", better=(0.0,) * 4, **changes):
    return [
        record(scenario, seed, rmse - by, top + by, **changes)
        for seed, ((rmse, top), by) in enumerate(zip(A, better, strict=True))
    ]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Folders of results, `a`, `b` and so on."""
    monkeypatch.chdir(tmp_path)

    def make(*sides):
        return [write(tmp_path / "abcd"[n], made) for n, made in enumerate(sides)]

    return make


def said(capsys, *words, code=0):
    assert main(["compare", *map(str, words)]) == code
    output, told = capsys.readouterr()
    return (told if code else output).splitlines()


def golden(name, lines):
    """Hold lines to a golden file, which `MTBENCH_UPDATE_GOLDEN` writes anew."""
    path, text = GOLDEN / name, "".join(f"{line}\n" for line in lines)
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_three_folders(folders, capsys):
    folders(runs(), runs(**{DIMENSION: 64}), runs(better=FALLS, **{DIMENSION: 8}))
    golden("compare_three.txt", said(capsys, "a", "b", "c"))


def test_each_is_held_against_the_first_as_two_folders_are(folders):
    a, b, c = folders(runs(), runs(better=FALLS), runs(better=[2 * by for by in FALLS]))
    three = compare_folders([a, b, c]).comparisons
    for found, other in zip(three, (b, c), strict=True):
        alone = compare(a, other)
        assert (found.differences, found.speeds) == (alone.differences, alone.speeds)
        for one, two in zip(found.metrics, alone.metrics, strict=True):
            assert (one.metric, one.change, one.low, one.high) == (
                two.metric, two.change, two.low, two.high
            )  # fmt: skip


def test_the_correction_counts_the_comparisons_of_all_sides(folders):
    """Of four alike p-values Holm's takes four times each, of two twice."""
    a, b = folders(runs(), runs(better=FALLS))
    p = stats.ttest_1samp(FALLS, 0).pvalue
    two, four = compare_folders([a, b]), compare_folders([a, b, b])
    assert [one.p_adjusted for one in two.comparisons[0].metrics] == pytest.approx([2 * p] * 2)
    for each in four.comparisons:
        assert [one.p_adjusted for one in each.metrics] == pytest.approx([4 * p] * 2)


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ([{}, {}, {}], ["a", "b", "c"]),
        (
            [{}, {"question__engine__mtbench": "0.2.0"}, {"question__engine__mtbench": "0.3.0"}],
            ["mtbench=0.1.0", "mtbench=0.2.0", "mtbench=0.3.0"],
        ),
        (
            [{}, {"question__engine__code": "a" * 64}, {"question__engine__code": "b" * 64}],
            ["code=null", f"code={'a' * 12}", f"code={'b' * 12}"],
        ),
        (
            [{}, {"question__engine__mtbench": "0.2.0"}, {DIMENSION: 8}],
            ["a (towers.query.embedding_dim=32)", "b (towers.query.embedding_dim=32)",
             "c (towers.query.embedding_dim=8)"],
        ),
        (
            [{}, {"question__engine__threads": 4}, {"question__engine__threads": 8}],
            ["threads=2", "threads=4", "threads=8"],
        ),
        ([{}, {"environment__cpu": "x"}, {"environment__cpu": "y"}],
         ["cpu=a CPU", "cpu=x", "cpu=y"]),
    ],
)  # fmt: skip
def test_columns_say_what_differs(folders, capsys, changes, labels):
    found = compare_folders(folders(*(runs(**each) for each in changes)))
    assert [label.rpartition("/")[2] for label in found.labels] == labels


def test_a_label_names_two_options_and_counts_the_rest(folders):
    weights = {"answer__weighting__options__weights": {"retrieval": 3.0}}
    origin = {"answer__towers__candidate__options__embedding_dim": 9}
    several = compare_folders(folders(runs(), runs(**{DIMENSION: 8}, **weights, **origin)))
    assert several.labels[1] == (
        "towers.query.embedding_dim=8, towers.candidate.embedding_dim=9, 1 more"
    )


def test_scenarios_of_one_folder(folders, capsys):
    single = runs(
        "single", FALLS, answer__trained_tasks=["ranking"], answer__weighting=None, pace=2.0
    )
    weighting = {"answer__weighting": identity("weighting_even", "even", power=1.0)}
    even = [*runs("even", FALLS, **weighting), record("even", 7, status="failed", **weighting)]
    folders([*runs(), *single, *even])
    words = [word for name in ("joint", "single", "even") for word in ("--scenario", name)]
    golden("compare_scenarios.txt", said(capsys, "a", *words))


def test_a_scenario_and_a_baseline(folders):
    (a,) = folders([*runs(), *(baseline("ease", seed, top=0.6) for seed in range(4))])
    text = to_text(compare_scenarios(a, ["joint", "ease"]))
    assert "  retrieval/top_5 ↑" in text
    assert "ranking/rmse" not in text


def test_folders_with_some_scenarios_only(folders, capsys):
    folders([*runs(), *runs("more")], [*runs(), *runs("more")])
    text = said(capsys, "a", "b", "--scenario", "more")
    assert "more" in text
    assert "joint" not in text


def test_what_does_not_compare_is_refused_and_marked_where_it_is_asked_for(folders, capsys):
    a, _, c = folders(runs(), runs(), runs(answer__train__epochs=4))
    with pytest.raises(RecordError, match="do not compare, they differ in protocol"):
        compare_folders([a, a, c])
    (line,) = said(capsys, "a", "b", "c", code=2)
    assert line.startswith("mtbench: a and c do not compare, they differ in protocol (train.epochs")
    text = said(capsys, "a", "b", "c", "--anyway")
    assert text[2].startswith("c: c: ")
    assert text[2].endswith(" (different protocol)")
    assert not text[1].endswith("protocol)")


def test_notes_are_said_once(folders, capsys):
    (a,) = folders([*runs(), *runs("more")])
    (a / "x.json").write_text("{")
    words = ["--scenario", "joint", "--scenario", "more"]
    assert said(capsys, "a", *words)[-2] == (
        "left out: a/x.json: expected JSON, found a damaged file"
    )
    assert len([line for line in said(capsys, "a", *words) if "x.json" in line]) == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["a"], "a: expected another folder, or two scenarios or more of this one"),
        (["a", "--scenario", "joint"], ("a: expected another folder, or two scenarios or more of "
         "this one")),
        (["a", "--scenario", "joint", "--scenario", "joint"], ("a: expected another folder, or two "
         "scenarios or more of this one")),
        (["a", "--scenario", "joint", "--scenario", "mroe"], ("a: expected a scenario with "
         "results, found 'mroe' (did you mean 'more'?)")),
        (["a", "b", "--scenario", "more"], ("b: expected a scenario with results, found 'more' "
         "(known: joint)")),
        (["a", "b", "no"], "no: no such folder of results"),
        (["a"] * 27, "expected at most 26, found 27"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(folders, capsys, words, line):
    folders([*runs(), *runs("more")], runs())
    assert said(capsys, *words, code=2) == [f"mtbench: {line}"]
