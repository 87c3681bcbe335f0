"""The terminal's table at 80 and 120 columns, from made-up records, against golden files.

`MTBENCH_UPDATE_GOLDEN=1 pytest -n0 tests/test_terminal.py` writes the golden files anew.
"""

import io
import os
import re
from pathlib import Path

import made
import pytest
from rich.console import Console

from mtbench.records.results import Results
from mtbench.report import summarize
from mtbench.report.columns import distance
from mtbench.report.formats import table
from mtbench.report.layout import Line, narrowest, numbers, shortened, wrapped

GOLDEN = Path(__file__).parent / "golden" / "terminal"
INFO = {
    "ranking": [made.metric("rmse", higher=False)],
    "retrieval": [made.metric("top_100_seen_kept"), made.metric("top_100_seen_removed")],
}
FLOORS = {
    "ranking": {"global mean": {"rmse": 1.2}, "user+item bias": {"rmse": 0.99}},
    "retrieval": {
        "chance": {"top_100_seen_kept": 0.1, "top_100_seen_removed": 0.125},
        "popularity": {"top_100_seen_kept": 0.3, "top_100_seen_removed": 0.45},
    },
}
LONG = (
    "joint-uncertainty-with-a-cross-stitch-tower-and-a-long-name",
    "averyveryverylongnamethatnobodycanbreakanywhereatall",
    "joint[weighting.weights.retrieval=0.5, train.optimizer.learning_rate=0.001]",
    "joint[weighting.weights.retrieval=0.5, train.optimizer.learning_rate=0.01]",
    "joint[weighting.weights.retrieval=12, train.optimizer.learning_rate=0.1]",
)


def scenario(name, seeds=3, tasks=made.BOTH, rmse=0.95, top=0.25, **changes):
    """The records of a scenario's seeds."""
    return [
        made.record(
            name,
            seed,
            tasks=tasks,
            question__engine=made.FEW_PACKAGES,
            metric_info=INFO,
            floors=FLOORS,
            timings__train_examples_per_s=76273.0 + seed,
            metrics={
                "ranking": {"rmse": rmse + seed / 100},
                "retrieval": {
                    "top_100_seen_kept": top + seed / 50,
                    "top_100_seen_removed": top * 1.5,
                },
            },
            **changes,
        )
        for seed in range(seeds)
    ]


def four():
    return [
        *scenario("rating-only", tasks=["ranking"], top=0.19),
        *scenario("retrieval-only", tasks=["retrieval"], rmse=10.4, top=0.5),
        *scenario("joint"),
        *scenario("joint-uncertainty", rmse=0.99, top=0.3),
    ]


def many():
    """29 scenarios, a sweep of four points, and one whose runs failed."""
    weight = "answer__weighting__options"
    names = ["retrieval-only", *(f"strategy-{n}-of-many" for n in range(27)), "rating-only"]
    sweep = [(f"joint[weights.retrieval={w}]", {weight: {"weights": w}}) for w in (0.1, 1, 3, 10)]
    changed = [(name, {}) for name in names] + sweep
    told = [r for name, changes in changed for r in scenario(name, 2, **changes)]
    return [*told, *(made.failed(r, "loss is nan") for r in scenario("failing-strategy", 2))]


def baselines(name, top):
    info, floors = {"retrieval": INFO["retrieval"]}, {"retrieval": FLOORS["retrieval"]}
    values = {"top_100_seen_kept": top, "top_100_seen_removed": top + 0.1}
    told = {"metric_info": info, "floors": floors, "question__engine": made.FEW_PACKAGES}
    return [made.baseline(name, seed, metrics={"retrieval": values}, **told) for seed in range(3)]


def tasks_of_many_metrics():
    """Three tasks with seven headline metrics."""
    names = {"ranking": ["rmse"], "retrieval": [f"top_{k}_seen_kept" for k in (1, 10, 100)]}
    names["click"] = ["log_loss", "brier_score", "area_under_the_curve"]
    task = made.identity("task_click", "click")
    info = {t: [made.metric(n, higher=t != "ranking") for n in each] for t, each in names.items()}
    values = {t: dict.fromkeys(each, 0.25) for t, each in names.items()}
    told = {
        "metric_info": info,
        "metrics": values,
        "floors": {"click": {"share": dict.fromkeys(names["click"], 0.5)}},
        "answer__tasks": made.TASKS | {"click": task},
    }
    return [made.changed(r, **told) for r in scenario("joint", 2)]


CASES = {
    "one": lambda: scenario("joint", 1),
    "four": four,
    "many": many,
    "long": lambda: [r for name in LONG for r in scenario(name, tasks=made.BOTH)],
    "baselines": lambda: [*four(), *baselines("ease", 0.4), *baselines("item_knn", 0.2)],
    "tasks": tasks_of_many_metrics,
    "uneven": lambda: [*scenario("joint", 1), *scenario("rating-only", 3, ["ranking"])],
}


def text_of(records, width, **console):
    stream = io.StringIO()
    shown = Console(file=stream, width=width, highlight=False, force_terminal=True, **console)
    table(summarize(Results.of(records)), shown)
    return stream.getvalue()


def plain(records, width):
    text = text_of(records, width, color_system=None)
    assert "\x1b" not in text
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
def test_golden(case, width):
    text = plain(CASES[case](), width)
    path = GOLDEN / f"{case}.{width}.txt"
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("width", [30, 45, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("case", CASES)
def test_no_line_is_longer_than_the_terminal(case, width):
    longest = max(len(line) for line in plain(CASES[case](), width).splitlines())
    words = [len(word) for line in plain(CASES[case](), 500).splitlines() for word in line.split()]
    assert longest <= max(width, *(n + 2 for n in words if n < 80))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_names_stay_whole(width):
    """Every word of a name stands whole in the column of names."""
    text = plain(many(), width)
    assert all(f"strategy-{n}-of-many" in text for n in range(27))
    long = plain(CASES["long"](), width)
    assert "learning_rate" in long
    assert "joint-uncertainty-" in long
    assert ("…" in long) == (width < 120)


def decimals(lines):
    """Where each line's first decimal point stands, by column of the table's text."""
    return [[match.start(1) for match in re.finditer(r"\d(\.)\d{3}\b", line)] for line in lines]


@pytest.mark.parametrize("width", [80, 120])
def test_decimal_points_are_below_each_other(width):
    text = plain(four(), width)
    rows = text.split("\n\n")[1].splitlines()
    # means, distances from the floor and floors: at most a mean's and a spread's for each metric
    assert len({place for row in decimals(rows) for place in row}) == 6
    mean_of_ten = next(line for line in rows if "10.41" in line)
    mean_of_one = next(line for line in rows if "0.96" in line)
    assert mean_of_ten.index(".") == mean_of_one.index(".")


def test_what_is_better_and_worse():
    assert distance(0.0042) == ("0.004 better", "green")
    assert distance(-0.0042) == ("0.004 worse", "red")
    assert distance(-0.0001) == ("0.000 equal", "")
    text = plain(four(), 80)
    assert "0.030 better" in text  # rmse 0.96 where the floor has 0.99
    assert "0.230 worse" not in text
    assert "+" not in text.replace("user+item", "").replace("±", "")


def test_a_task_that_was_not_trained_is_marked():
    text = plain(four(), 80)
    assert "(10.410 ± 0.010)" in text
    assert "(0.210 ± 0.020)" in text
    assert "In parentheses: a task that the scenario was not trained for" in text
    assert "In parentheses" not in plain(scenario("joint", 1), 80)


def test_it_is_grey_where_there_are_styles(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = text_of(four(), 80, color_system="standard")
    assert "\x1b[2m10.410 ± 0.010" in text
    assert "(10.410" not in text
    assert "Grey: a task that the scenario was not trained for" in re.sub(r"\x1b\[\d*m", "", text)


def test_costs_are_left_out_before_tasks_are_parted():
    text = plain(four(), 72)
    left = "Left out for want of room: step/ref., s a run (--format markdown has them)."
    assert left in " ".join(text.split())
    assert "step/ref." not in text.partition("Left out")[0]
    assert text.count("\nscenario ") == 1
    assert plain(four(), 50).count("\nscenario ") == 2
    assert plain(four(), 40).count("\nscenario ") == 3


def test_a_scenario_without_a_run_says_so():
    line = next(x for x in plain(many(), 80).splitlines() if x.startswith("failing-strategy"))
    assert line.split() == ["failing-strategy", "failed", "failed", "failed", "–"]


def test_names_are_broken_between_words():
    assert wrapped("joint-uncertainty", 15) == ["joint-", "  uncertainty"]
    assert wrapped("  weights.a=1, b.c=2", 16) == ["  weights.a=1,", "    b.c=2"]
    assert wrapped("joint[weights.retrieval=3]", 25) == ["joint", "  [weights.retrieval=3]"]
    assert wrapped("  share", 8) == ["  share"]
    assert wrapped("short", 15) == ["short"]
    assert wrapped("abcdefghijklmnop", 11) == ["abcd…mnop"]
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 4) == "ab…g"


def test_the_width_of_names():
    assert narrowest(["joint-uncertainty", "a"], 5, 40) == 13
    assert narrowest(["a", "b"], 14, 40) == 1
    assert narrowest(["x" * 50], 14, 40) == 40
    assert narrowest(["train ex/s, x"], 2, 40) == 7


def test_numbers_below_each_other():
    column = numbers(["a long head"], [[Line("0.5")], [Line("12")], [Line("–")], [Line("3.25")]])
    assert [cell.plain for cell in column.cells] == [" 0.5 ", "12   ", " –   ", " 3.25"]
    assert list(column.head) == [" long" if x == 1 else x for x in ("    a", " long", " head")]
