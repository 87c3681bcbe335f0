"""What each scenario changed, and sweeps: in records, tables, the page, compare and gate."""

import csv
import io
import json

import made
import pytest
from rich.console import Console

from mtbench.records import tables
from mtbench.records.differing import changes, changes_text
from mtbench.records.record import Answer
from mtbench.records.results import Results
from mtbench.records.sweeps import NumberSweep, grouped, point_of, sweep_of
from mtbench.regress.compare import compare, to_text
from mtbench.regress.gate import gate
from mtbench.report import FORMATS, summarize
from mtbench.report.formats import table
from mtbench.report.page.page import page

RATE = "answer__train__optimizer__learning_rate"
DIMS = [f"answer__towers__{side}__options__embedding_dim" for side in ("query", "candidate")]
MLP = made.identity("tower_mlp", "mlp", embedding_dim=32, units=[8])


def runs(scenario, rmse=1.0, top=0.5, seeds=3, **changes):
    return [
        made.record(scenario, seed, rmse + seed / 1000, top - seed / 1000, **changes)
        for seed in range(seeds)
    ]


def sweep(name="lr", rates=(0.001, 0.01, 0.3)):
    return [
        record
        for n, rate in enumerate(rates)
        for record in runs(
            f"{name}[learning_rate={rate}]", 1 + n / 10, 0.5 - n / 10, **{RATE: rate}
        )
    ]


def told(*records):
    return Results.of([each for several in records for each in several]).changes


# what is a change


def test_the_most_common_value_is_the_reference_of_as_many_the_first():
    epochs = {"a": 9, "b": 3, "c": 3, "d": 1}
    found = told(*(runs(name, answer__train__epochs=n) for name, n in epochs.items()))
    assert found == {"a": {"train.epochs": "9"}, "b": {}, "c": {}, "d": {"train.epochs": "1"}}
    assert told(runs("a", answer__train__epochs=9), runs("b"))["b"] == {"train.epochs": "3"}


def test_options_of_another_component_are_told_where_they_vary():
    """A lone MLP's options say nothing: they may all be its defaults."""
    one = told(runs("a"), runs("b"), runs("c", answer__towers__query=MLP))
    assert one == {"a": {}, "b": {}, "c": {"towers.query": "mlp"}}
    wider = made.put(MLP, options__units=[64])
    two = told(
        *(runs(name) for name in "abx"),
        runs("c", answer__towers__query=MLP),
        runs("d", answer__towers__query=wider),
    )
    assert two["c"] == {"towers.query": "mlp", "towers.query.units": "[8]"}
    assert two["d"] == {"towers.query": "mlp", "towers.query.units": "[64]"}
    larger = made.put(MLP, options__embedding_dim=64)
    assert told(runs("a"), runs("c", answer__towers__query=larger))["c"] == {
        "towers.query": "mlp",
        "towers.query.embedding_dim": "64",  # the other has it as well
    }


def test_an_optimizer_of_another_name():
    sgd = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9}
    found = told(runs("a"), runs("b", answer__train__optimizer=sgd))
    assert found["b"] == {"train.optimizer": "sgd"}


def test_options_of_a_strategy_are_told_among_its_own():
    weights = [made.identity("w", "fixed", weights={"retrieval": w}) for w in (1.0, 2.0)]
    other = made.identity("w", "uncertainty", start=0.0)
    found = told(
        runs("a", answer__weighting=weights[0]),
        runs("b", answer__weighting=weights[1]),
        runs("c", answer__weighting=other),
        runs("d", tasks=("ranking",)),
    )
    assert found == {"a": {}, "b": {"weighting.weights.retrieval": "2.0"}, "c": {}, "d": {}}


def test_a_point_of_a_sweep_tells_what_is_varied_though_it_is_the_reference():
    found = told(runs("joint"), sweep())
    path = "train.optimizer.learning_rate"
    assert found == {
        "joint": {},
        "lr[learning_rate=0.001]": {path: "0.001"},
        "lr[learning_rate=0.01]": {path: "0.01"},
        "lr[learning_rate=0.3]": {path: "0.3"},
    }


class Later(Answer):
    """An answer with a key that is not there yet."""

    later: dict[str, float] | None = None


def test_another_key_of_an_answer_is_told_like_the_others():
    answer = made.record("a", 0).answer.__dict__
    arms = [("a", Later(**answer)), ("b", Later(**answer, later={"ranking": 0.1}))]
    assert changes(arms) == [{}, {"later.ranking": "0.1"}]


def test_changes_on_a_line():
    assert changes_text({"towers.query": "mlp", "train.epochs": "30"}) == (
        "towers.query=mlp, train.epochs=30"
    )
    assert changes_text({}) == ""


# sweeps


def test_sweeps_and_points_by_name():
    assert (sweep_of("lr[a=1]"), point_of("lr[a=1]")) == ("lr", "a=1")
    assert (sweep_of("joint"), point_of("joint")) == (None, "joint")
    names = ["lr[a=1]", "joint", "w[b=1]", "lr[a=2]", "w"]
    assert grouped(names) == {
        "lr[a=1]": "lr", "lr[a=2]": "lr", "joint": None, "w[b=1]": None, "w": None,
    }  # fmt: skip
    assert list(grouped(names))[:2] == ["lr[a=1]", "lr[a=2]"]


def test_a_sweep_over_one_number():
    results = Results.of([*runs("joint"), *sweep(rates=(0.3, 0.001, 0.01))])
    path = "train.optimizer.learning_rate"
    points = {f"lr[learning_rate={rate}]": rate for rate in (0.001, 0.01, 0.3)}
    (found,) = results.number_sweeps
    assert found == NumberSweep("lr", (path,), points)
    assert (list(found.points.values()), found.label) == ([0.001, 0.01, 0.3], path)


def points_of(values, *keys, **more):
    return [
        record
        for n, value in enumerate(values)
        for record in runs(f"s[{n}]", **dict.fromkeys(keys, value), **more)
    ]


def test_values_that_go_together_count_as_one():
    (found,) = Results.of(points_of((8, 16, 32), *DIMS)).number_sweeps
    assert found.label == "embedding_dim"
    assert list(found.points.values()) == [8, 16, 32]


@pytest.mark.parametrize(
    "records",
    [
        points_of((8, 16), *DIMS),  # too few
        points_of(([8], [16], [32]), "answer__tasks__ranking__options__units"),
        points_of((True, False, 3), RATE),
        points_of(("a", "b", "c"), RATE),
        [r for n in range(3) for r in runs(f"s[{n}]", **{RATE: n, DIMS[0]: n + 1})],
        [r for n in range(3) for r in runs(f"s[{n}]", **{RATE: n}, tasks=made.BOTH[: n % 2 + 1])],
        [r for n in range(4) for r in runs(f"s[{n}]", **{RATE: n % 3})],  # a point twice
        [
            r
            for n in range(3)
            for r in runs(f"s[{n}]", **{RATE: n}, answer__weighting=made.identity("w", f"w{n % 2}"))
        ],
        [r for n in range(3) for r in runs(f"s{n}", **{RATE: n})],  # no sweep
    ],
)
def test_what_is_no_sweep_over_one_number(records):
    assert Results.of(records).number_sweeps == []


# tables


def as_text(summary, width=80):
    stream = io.StringIO()
    table(summary, Console(width=width, file=stream, highlight=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


@pytest.fixture
def varied():
    return [
        *runs("joint"),
        *sweep(),
        *runs("deep", answer__towers__query=MLP, answer__train__epochs=30),
    ]


def test_the_terminal_has_a_column_and_groups_a_sweep(varied):
    text = as_text(summarize(Results.of(varied))).partition("\n\nEach seed")[0]  # the table alone
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert max(map(len, text.splitlines())) <= 80
    assert (
        next(line for line in lines if line.startswith("scenario"))
        == "scenario changes rmse ↓ top 5 ↑ s a run"
    )
    start = lines.index("lr train.optimizer.")
    assert lines[start + 1] == "learning_rate"
    assert lines[start + 2] == "learning_rate=0.001 1.001 ± 0.001 0.499 ± 0.001 1.00"
    assert any(line.startswith("deep towers.query=mlp") for line in lines)
    assert any(line.startswith("train.epochs=30") for line in lines)
    assert "lr[" not in text


def test_where_there_is_no_room_for_a_column_lines_say_it(varied):
    text = as_text(summarize(Results.of(varied)), 60)
    assert " changes  " not in text
    assert "\nchanges: lr: train.optimizer.learning_rate\n" in text
    assert "\nchanges: deep: towers.query=mlp, train.epochs=30\n" in text


def test_without_changes_there_is_no_column():
    plain = Results.of([*runs("a"), *runs("b")])
    summary = summarize(plain)
    assert "changes" not in as_text(summary)
    for form in FORMATS.values():
        assert "changes" not in form(summary)


def test_markdown_has_a_table_of_scenarios(varied):
    lines = FORMATS["markdown"](summarize(Results.of(varied))).splitlines()
    start = lines.index("## scenarios")
    both = "ranking, retrieval | fixed"
    assert lines[start + 2 : start + 9] == [
        "| scenario | trained tasks | weighting | changes |",
        "| --- | --- | --- | --- |",
        f"| joint | {both} |  |",
        "| *lr* |  |  |  |",
        f"| learning_rate=0.001 | {both} | train.optimizer.learning_rate=0.001 |",
        f"| learning_rate=0.01 | {both} | train.optimizer.learning_rate=0.01 |",
        f"| learning_rate=0.3 | {both} | train.optimizer.learning_rate=0.3 |",
    ]
    assert f"| deep | {both} | towers.query=mlp, train.epochs=30 |" in lines
    ranking = lines[lines.index("## ranking") :]
    assert ranking[5] == "| *lr* |  |  |  |"
    assert ranking[6].startswith("| learning_rate=0.001 | 3 | 1.001 ± 0.001 |")


def test_csv_and_json_have_whole_names_and_changes(varied):
    summary = summarize(Results.of(varied))
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](summary))))
    texts = {row["name"]: row["changes"] for row in rows}
    assert texts["deep"] == "towers.query=mlp, train.epochs=30"
    assert texts["lr[learning_rate=0.3]"] == "train.optimizer.learning_rate=0.3"
    assert texts["joint"] == ""
    scenarios = {one["name"]: one for one in json.loads(FORMATS["json"](summary))["scenarios"]}
    assert scenarios["deep"]["changes"] == {"towers.query": "mlp", "train.epochs": "30"}
    assert scenarios["lr[learning_rate=0.3]"]["sweep"] == "lr"
    assert not {"changes", "sweep"} & scenarios["joint"].keys()


def test_frames_have_changes(varied, tmp_path):
    pytest.importorskip("pandas")
    folder = made.write(tmp_path / "r", varied)
    for frame, name in (
        (tables.load_results(folder), "name"),
        (tables.load_runs(folder), "scenario"),
    ):
        texts = dict(zip(frame[name], frame["changes"], strict=True))
        assert texts["deep"] == "towers.query=mlp, train.epochs=30"
        assert texts["lr[learning_rate=0.01]"] == "train.optimizer.learning_rate=0.01"
        assert texts["joint"] != texts["joint"] or texts["joint"] is None  # missing
    every = tables.load_runs(folder, every=True)
    assert set(every[every.scenario == "deep"].changes) == {"towers.query=mlp, train.epochs=30"}


# compare and gate


def test_compare_and_gate_say_them(varied, tmp_path):
    a, b = (made.write(tmp_path / name, varied) for name in "ab")
    lines = to_text(compare(a, b)).splitlines()
    assert "deep changes towers.query=mlp, train.epochs=30" in lines
    assert "lr[learning_rate=0.3] changes train.optimizer.learning_rate=0.3" in lines
    assert not [line for line in lines if line.startswith("joint changes")]
    outcome = gate(a, b).to_text().splitlines()
    assert "deep changes towers.query=mlp, train.epochs=30" in outcome


def test_compare_says_where_they_are_others(tmp_path):
    others = [*runs("joint"), *runs("wide")]
    before = made.write(tmp_path / "a", [*others, *runs("deep")])
    after = made.write(tmp_path / "b", [*others, *runs("deep", answer__towers__query=MLP)])
    lines = to_text(compare(before, after)).splitlines()
    assert f"deep changes nothing in {before}" in lines
    assert f"deep changes towers.query=mlp in {after}" in lines


# the page


def test_the_page_has_the_section_the_groups_and_the_curves(varied):
    pytest.importorskip("matplotlib")
    from test_page import Tree, cells, headings

    text = page(Results.of(varied))
    assert headings(text)[1:5] == ["Results", "Scenarios", "Sweeps", "Every seed"]
    tree = Tree(text)
    rows = cells(tree, "changes")
    assert [[cell["text"] for cell in row] for row in rows[1:4]] == [
        ["joint", "ranking, retrieval", "fixed", ""],
        ["lr", "", "", ""],
        ["lr[learning_rate=0.001]", "ranking, retrieval", "fixed",
         "train.optimizer.learning_rate = 0.001"],
    ]  # fmt: skip
    deep = rows[-1]
    assert deep[3]["text"] == "towers.query = mlptrain.epochs = 30"
    assert deep[3]["@data-v"] == "towers.query=mlp, train.epochs=30"
    names = [row[0]["text"] for row in cells(tree, "results")[1:6]]
    assert names == ["joint", "lr", *(f"lr[learning_rate={r}]" for r in (0.001, 0.01, 0.3))]
    titles = [h["text"] for h in tree["h3"] if " over " in h["text"]]
    assert titles == [
        f"{metric} over train.optimizer.learning_rate (log scale)"
        for metric in ("ranking rmse", "retrieval top 5")
    ]
    said = [d["text"] for d in tree["desc"] if d["text"].startswith("lr: ")]
    assert said[0] == (
        "lr: 0.001: 1.001 ± 0.001; 0.01: 1.101 ± 0.001; 0.3: 1.201 ± 0.001. "
        "across: joint: 1.001 ± 0.001 (3 seeds). across: deep: 1.001 ± 0.001 (3 seeds)"
    )
    numbers = [[cell["text"] for cell in row] for row in cells(tree, "sweep-0")]
    assert numbers[0] == [
        "sweep", "train.optimizer.learning_rate", "seeds", "ranking rmse", "retrieval top 5",
    ]  # fmt: skip
    assert numbers[3] == ["lr", "0.3", "3", "1.2010 ± 0.0010", "0.2990 ± 0.0010"]


def test_two_sweeps_over_one_option_share_a_plot_and_few_decades_are_linear():
    pytest.importorskip("matplotlib")
    from test_page import Tree

    both = [*sweep("lr", (0.01, 0.02, 0.9)), *sweep("other", (0.01, 0.05, 0.5))]
    many = [record for n in range(5) for record in runs(f"s{n}")]
    tree = Tree(page(Results.of([*both, *many])))
    titles = [h["text"] for h in tree["h3"] if " over " in h["text"]]
    assert titles == [
        f"{metric} over train.optimizer.learning_rate"
        for metric in ("ranking rmse", "retrieval top 5")
    ]
    (words,) = [d["text"] for d in tree["desc"] if d["text"].startswith("lr: 0.01: 1.001")]
    assert ". other: 0.01: 1.001 ± 0.001; 0.05" in words
    assert "across" not in words  # five others would hide the curves


def test_a_point_that_failed_is_not_on_the_curve():
    pytest.importorskip("matplotlib")
    from test_page import Tree, cells

    points = sweep()
    lost = [*points[:6], *map(made.failed, points[6:])]
    tree = Tree(page(Results.of([*runs("joint"), *lost])))
    assert [row[1]["text"] for row in cells(tree, "sweep-0")[1:]] == ["0.001", "0.01"]


def test_the_page_without_changes_has_neither_section():
    pytest.importorskip("matplotlib")
    from test_page import headings

    assert not {"Scenarios", "Sweeps"} & set(headings(page(Results.of([*runs("a"), *runs("b")]))))
