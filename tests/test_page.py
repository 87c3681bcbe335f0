"""The page: what it says, that it is sound, that names in a record are text, and in a browser."""

import base64
import hashlib
import http.server
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import made
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mtbench.errors import MtbenchError
from mtbench.evidence import assured_difference
from mtbench.records.record import Record
from mtbench.records.results import Results
from mtbench.report import summarize
from mtbench.report.page import curves, looks, plots, provenance
from mtbench.report.page.looks import Axis, Spread
from mtbench.report.page.markup import Html, escape, plain, tag
from mtbench.report.page.page import page
from mtbench.report.page.svg import SERIES, Canvas
from mtbench.report.page.tradeoff import best_in_two, staircase, trade_off
from mtbench.report.page.view import look_at

pytest.importorskip("matplotlib")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
REPORT = Path(plots.__file__).parent
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"' $x_1$ &amp; ]]> \x00\x1b\u202e\ud800"
)
HOSTILE_TASK = "<img src=x onerror=alert(3)>\"' & $y$"
ORIGIN = made.origin("x", "ab" * 32)
FLOORS = {
    "ranking": {
        "global mean": {"rmse": 1.2, "mae": 1.1},
        "user+item bias": {"rmse": 1.0, "mae": 0.9},
    },
    "retrieval": {"chance": {"top_5": 0.05}, "popularity": {"top_5": 0.3}},
}


def component(name, **options):
    return {**made.identity("x", name, **options), "origin": dict(ORIGIN)}


def epochs(tasks, seed):
    return [
        {"epoch": n, **{f"{task}_loss": (1 + seed / 10) / n for task in tasks}} for n in (1, 2, 3)
    ]


def diagnostics(tasks, seed):
    pair = {"|".join(tasks): 0.1 * seed - 0.1}
    return [
        {
            "epoch": n,
            "weights": dict.fromkeys(tasks, 1.0 + n * seed),
            "gradient_norms": dict.fromkeys(tasks, 1.0),
            "norm_ratio": 1.0 + n,
            "cosines": pair,
            "conflicts": dict.fromkeys(pair, 0.5),
        }
        for n in (1, 2, 3)
    ]


def record(scenario, seed, rmse, top, tasks=made.BOTH, **changes):
    """A record of a run that went well."""
    several = len(tasks) > 1
    of_page = {
        "question__dataset": component("synthetic", num_users=30),
        "question__engine": made.FEW_PACKAGES,
        "metrics": {"ranking": {"rmse": rmse, "mae": rmse - 0.1}, "retrieval": {"top_5": top}},
        "floors": FLOORS,
        "timings__train_examples_per_s": 1000.0 + 10 * seed + 500 * (not several),
        "curve": epochs(tasks, seed),
        "diagnostics": diagnostics(tasks, seed) if several else [],
        "data__fingerprint": "fe" * 32,
    }
    return made.record(scenario, seed, tasks=tasks, memory=5e6, **of_page | changes)


def suite_of(seeds=3):
    """rating-only, retrieval-only, joint, worse: what they reach is far more than what seeds do."""
    noise = [0.000, 0.002, 0.001, 0.003, 0.0015][:seeds]
    return [
        *(record("rating-only", n, 0.95 + e, 0.1, ("ranking",)) for n, e in enumerate(noise)),
        *(record("retrieval-only", n, 3.5, 0.4 + e, ("retrieval",)) for n, e in enumerate(noise)),
        *(record("joint", n, 0.9 - 2 * e, 0.45 + 2 * e) for n, e in enumerate(noise)),
        *(record("worse", n, 0.99 + e, 0.35 - 3 * e) for n, e in enumerate(noise)),
    ]


def failed(run, message="ranking/rmse is nan"):
    return made.failed(run, message, "FloatingPointError")


@pytest.fixture
def records():
    return suite_of()


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    """Leave the figures off a page, unless a test asks for them: to draw takes the longest."""
    if "figures" not in request.fixturenames:
        monkeypatch.setattr(Canvas, "finish", lambda self, title, description: Html(""))


@pytest.fixture
def figures():
    """The figures are drawn."""


@pytest.fixture(scope="module")
def drawn():
    """The page of those records as they are."""
    return page(Results.of(suite_of()))


class Tree(HTMLParser):
    """The elements of a document, each with its attributes and all its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        element = {"tag": name, "text": "", "above": [e["tag"] for e in self._open]}
        self.elements.append({**element, **{f"@{k}": v for k, v in attributes}})
        if name not in ("meta", "link", "br"):
            self._open.append(self.elements[-1])

    def handle_startendtag(self, name, attributes):
        self.handle_starttag(name, attributes)
        self.handle_endtag(name)

    def handle_endtag(self, name):
        if self._open and name == self._open[-1]["tag"]:
            self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def __getitem__(self, name):
        return [element for element in self.elements if element["tag"] == name]

    def by_id(self, key):
        (element,) = [element for element in self.elements if element.get("@id") == key]
        return element


def sentences(text):
    return Tree(text).by_id("summary")["text"]


# what it is made of


def test_structure(records):
    records[-1] = failed(records[-1])
    text = page(Results.of(records, ["damaged.json: expected JSON, found a damaged file"]))
    tree = Tree(text)
    assert not tree._open  # every element is closed
    assert text.startswith("<!DOCTYPE html>")
    assert [h["text"] for h in tree["h1"]] == ["made"]
    assert tree["html"][0]["@lang"] == "en"
    assert tree["head"]
    ids = [e["@id"] for e in tree.elements if "@id" in e]
    assert len(ids) == len(set(ids))
    referred = {
        word
        for e in tree.elements
        for name in ("@aria-labelledby", "@aria-describedby")
        for word in e.get(name, "").split()
    }
    referred |= {e["@href"][1:] for e in tree["a"] + tree["use"]}
    referred |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert referred <= set(ids)
    assert len(tree["section"]) == len(tree["h2"]) == len(tree["nav"]) + len(tree["a"]) - 1
    levels = [int(e["tag"][1]) for e in tree.elements if re.fullmatch("h[1-6]", e["tag"])]
    assert all(after <= here + 1 for here, after in itertools.pairwise(levels))


@pytest.mark.thorough
def test_tables_and_plots_can_be_heard(drawn):
    tree = Tree(drawn)
    assert len(tree["table"]) == len(tree["caption"]) == len(tree["thead"]) > 4
    assert all(th["@scope"] in ("col", "row") for th in tree["th"])
    plots_of = [svg for svg in tree["svg"] if svg.get("@role") == "img"]
    assert (
        len(plots_of) == 2 + 1 + 2 + 2 + 3 + 1 + 2
    )  # metrics, trade-off, loss, weights, gradients, gains, speed
    for svg in plots_of:
        assert len(tree.by_id(svg["@aria-labelledby"])["text"]) > 5
        assert len(tree.by_id(svg["@aria-describedby"])["text"]) > 20
    assert all(s.get("@aria-hidden") == "true" for s in tree["svg"] if s not in plots_of)


def test_nothing_is_loaded(drawn):
    text = drawn
    assert not re.search(r"https?:|@import|//[a-z0-9]", text.replace("// ", ""))
    tree = Tree(text)
    sources = [
        v for e in tree.elements for k, v in e.items() if k in ("@src", "@href", "@xlink:href")
    ]
    assert all(source.startswith("#") or source == "data:," for source in sources)
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", text))
    (policy,) = [m["@content"] for m in tree["meta"] if "@http-equiv" in m]
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; ")


@pytest.mark.thorough
def test_size():
    assert len(page(Results.of(suite_of(5))).encode()) < 5e6
    rng = random.Random(0)
    many = []
    for n, seed in itertools.product(range(40), range(5)):
        one = record(f"strategy-{n}", seed, rng.gauss(1, 0.02), rng.gauss(0.4, 0.02))
        longer = [{**one.curve[0], "epoch": epoch} for epoch in range(1, 1001)]
        many.append(made.changed(one, curve=longer))
    assert len(page(Results.of(many)).encode()) < 5e6


@pytest.mark.thorough
@pytest.mark.usefixtures("figures")
def test_the_same_records_give_the_same_page(records, drawn, tmp_path):
    """In another process too, whatever its hashes and matplotlib's settings are."""
    text = page(Results.of(records))
    assert drawn == text
    (tmp_path / "matplotlibrc").write_text("axes.linewidth: 3\nxtick.direction: in\n")
    (tmp_path / "records.json").write_text(json.dumps([made.as_json(record) for record in records]))
    code = (
        "import json, sys; from mtbench.records.record import Record\n"
        "from mtbench.records.results import Results; from mtbench.report.page.page import page\n"
        "records = [Record.of(value) for value in json.load(open(sys.argv[1]))]\n"
        "sys.stdout.buffer.write(page(Results.of(records)).encode())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "records.json"],
        env=environment,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == text


def test_without_matplotlib_it_says_what_to_install(records, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MtbenchError) as raised:
        page(Results.of(records))
    (line,) = str(raised.value).splitlines()
    assert "matplotlib" in line
    assert "pip install 'mtbench[report]'" in line


def test_matplotlib_is_imported_when_a_page_is_made():
    code = "import sys, mtbench.report.page.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# what it says


def test_the_answer_and_how_sure(drawn):
    """Joint is 0.9 − 2e, rating-only 0.95 + e for e = 0, 2, 1 thousandths: 0.05 + 3e apart.

    So the mean is 0.053, the sd 0.003, and half of the interval 4.3027 · 0.003 / √3 = 0.00745. Of
    what is planned, eight in all, worse against rating-only is 0.04 in each seed.
    """
    text = sentences(drawn)
    by = "0.0530 [0.0455, 0.0605] (3 seeds, p = 0.002 corrected for 7 comparisons)"
    assert text.startswith(
        "The answerOf 2 scenarios that train ranking with other tasks 1 is better than ranking "
        "alone in rmse, 0 worse, 1 without a clear difference; the best mean of them: joint is "
        f"better than rating-only in ranking/rmse by {by}.Of 2 scenarios that train retrieval with "
        "other tasks 1 is better than retrieval alone in top 5, 1 worse, 0 without a clear "
        "difference; the best mean of them: joint is better than retrieval-only in "
        "retrieval/top_5 by "
    )
    assert (
        "ranking: rmse (lower is better): joint has the best mean of 3 scenarios trained for it, "
        "0.8980 ± 0.0020 (3 seeds); the interval of no other scenario's difference from it holds 0."
    ) in text
    assert "How sure: All seeds share one split; initial weights and the order of" in text
    assert "These 7 p-values are corrected together (Holm)" in text
    first = [p["text"] for p in Tree(drawn)["p"] if p.get("@class") == "first"]
    assert [said.partition(" other ")[0] for said in first[:2]] == [
        f"Of 2 scenarios that train {task} with" for task in made.BOTH
    ]


def test_the_first_screen_has_the_trade_off_beside_the_answer(drawn):
    tree = Tree(drawn)
    start = tree.elements.index(tree.by_id("summary"))
    end = tree.elements.index(tree.by_id("numbers"))
    inside = tree.elements[start:end]
    titles = [e["text"] for e in inside if e["tag"] == "h3"]
    assert titles == ["retrieval top 5 against ranking rmse"]
    classes = [e.get("@class") for e in inside if e["tag"] == "div"]
    assert classes[:2] == ["answer", "lead"]
    assert "“No evidence of a difference” is not “equal”." in sentences(drawn)


def test_the_findings_in_words(drawn):
    compared = Tree(drawn).by_id("compared")["text"]
    assert "All 11 findings in words" in compared  # eight, Δm of two, the front
    assert "joint is better than rating-only in ranking/rmse by 0.0530 [0.0455, 0.0605]" in compared
    assert "No claim on worse and rating-only in ranking/rmse: 0.040 worse in" in compared
    assert "worse against single tasks: Δm −8.8 % [−10.0, −7.6] (3 seeds)." in compared
    assert compared.endswith(
        "On the Pareto front of ranking/rmse and retrieval/top_5, by means: joint."
    )


def test_the_table_of_what_was_planned(drawn):
    head, *rows = cells(Tree(drawn), "comparisons")
    assert [th["text"] for th in head] == [
        "metric", "scenario", "against", "differencethis data set", "effect dz", "pcorrected",
        "four of five would find", "verdict", "planned as",
    ]  # fmt: skip
    texts = [[cell["text"] for cell in row] for row in rows]
    assert [row[:3] for row in texts] == [
        [metric, b, a]
        for metric, pairs in (
            ("ranking rmse", ["rating-only joint", "rating-only worse", "joint worse",
                              "user+item_bias joint"]),
            ("retrieval top 5", ["retrieval-only joint", "retrieval-only worse", "joint worse",
                                 "popularity joint"]),
        )
        for a, b in (pair.replace("_", " ").rsplit(" ", 1) for pair in pairs)
    ]  # fmt: skip
    # d_z: 0.053 / 0.003 / √π; 0.003 times the factor of three pairs at 0.05 / 7
    assert texts[0][3:5] == ["0.0530 better[0.0455, 0.0605]", "9.97"]
    found = 0.003 * assured_difference(3, 0.05 / 7)
    assert texts[0][6] == f"{found:.4f}"
    assert texts[0][7:] == ["better3 seeds", "its single task; best against second"]
    assert texts[1][3:] == ["0.040 worse", *["–"] * 3, "no spread3 seeds", "its single task"]
    assert texts[2][3] == "0.0930 worse[0.0855, 0.1005]"
    assert [row[8] for row in texts[2:4]] == ["the first of several tasks", "the strongest rival"]
    assert float(rows[2][3]["@data-v"]) == pytest.approx(-0.093)
    assert [cell["tag"] for cell in rows[0]] == ["th", *["td"] * 8]


def test_splits_of_their_own_have_an_interval_for_other_data(records):
    """80 rows train and 20 test: 4.3027 · 0.003 · √(1/3 + 4) = 0.0269 to each side of 0.053."""
    split = [made.changed(entry, data__scored=f"rows {entry.seed}") for entry in records]
    text = page(Results.of(split))
    head, *rows = cells(Tree(text), "comparisons")
    assert head[4]["text"] == "other data of the kindinterval"
    assert rows[0][4]["text"] == "[0.026, 0.080]"
    assert rows[1][4]["text"] == "–"
    low, high = (-float(end) for end in (0.093 + 0.0269, 0.093 - 0.0269))
    assert rows[2][3]["text"].startswith("0.0930 worse")
    assert rows[2][4]["text"] == f"[{-high:.3f}, {-low:.3f}]"  # of a difference told as worse
    assert "for other data of the kind the table of comparisons has wider ones" in sentences(text)


def test_what_was_not_planned_has_no_verdict(records):
    """The best in top 5 is neither the first of several tasks nor compared with another of them.

    It has 0.6 + e / 2 for e = 0, 2, 1 thousandths, worse has 0.35 − 3e: 0.25 + 3.5e apart.
    """
    best = [record("best", n, 0.97, 0.6 + e / 2000) for n, e in enumerate((0, 2, 1))]
    tree = Tree(page(Results.of([*records, *best])))
    head, *rows = cells(tree, "exploratory")
    (row,) = [row for row in rows if row[2]["text"] == "worse"]  # the others are floors
    assert [th["text"] for th in head] == [
        "metric", "scenario", "against", "differencethis data set", "effect dz",
    ]  # fmt: skip
    assert [cell["text"] for cell in row[:3]] == ["retrieval top 5", "best", "worse"]
    # 0.2535, sd 0.0035, half of the interval 4.3027 · 0.0035 / √3
    assert row[3]["text"] == "0.2535 better[0.2448, 0.2622]"
    planned = [[cell["text"] for cell in row[:3]] for row in cells(tree, "comparisons")[1:]]
    assert ["retrieval top 5", "best", "joint"] in planned
    assert "Exploratory, without a verdict" in tree.by_id("compared")["text"]


def test_no_evidence_is_said_in_those_words(records):
    for entry in records:
        if entry.scenario == "worse":
            joint = records[6 + entry.seed].metrics["ranking"]["rmse"]
            shift = (0.004, -0.003, 0.0005)[entry.seed]
            entry.metrics["ranking"]["rmse"] = joint + shift
    text = page(Results.of(records))
    assert "0.8980 ± 0.0020 (3 seeds); within noise of it: worse." in sentences(text)
    compared = Tree(text).by_id("compared")["text"]
    assert "No evidence of a difference between worse and joint in ranking/rmse: worse by" in (
        compared
    )


def test_different_winners(records):
    for entry in records[9:]:
        entry.metrics["retrieval"]["top_5"] = 0.7
    text = sentences(page(Results.of(records)))
    assert "ranking: rmse (lower is better): joint has the best mean" in text
    assert "retrieval: top 5 (higher is better): worse has the best mean" in text


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_support_no_claim(seeds):
    text = page(Results.of(suite_of(seeds)))
    said = sentences(text)
    few = "1 seed is" if seeds == 1 else "2 seeds are"
    assert f"with other tasks helped cannot be told: {few} too few to compare joint with" in said
    assert "nothing here shows whether that is more than chance" in said
    assert "No verdict here: fewer than 3 seeds" in said
    assert "is better than" not in text
    verdicts = {row[7]["text"] for row in cells(Tree(text), "comparisons")[1:]}
    assert verdicts == {f"too few seeds{seeds} seed{'s' * (seeds > 1)}"}


def test_a_sweep_is_said_and_drawn(records):
    points = [
        record(f"plane[w={w}]", seed, 0.93 + w / 100, 0.4 + w / 100)
        for w in (1, 2, 3)
        for seed in range(3)
    ]
    text = page(Results.of([*records, *points]))
    compared = Tree(text).by_id("compared")["text"]
    against = "against the 3 points of the sweep of plane, by means:"
    assert f"joint {against} better than all of them in every task." in compared
    assert (
        f"worse {against} no better than plane[w=1], plane[w=2] and plane[w=3] in any" in compared
    )
    assert "Dotted: the best of a sweep." in text


def cells(tree, key):
    """A table as text: rows of cells."""
    start = tree.elements.index(tree.by_id(key))
    rows = []
    for element in tree.elements[start + 1 :]:
        if element["tag"] == "table":
            break
        if element["tag"] == "tr":
            rows.append([])
        elif element["tag"] in ("td", "th"):
            rows[-1].append(element)
    return rows


def test_the_table_of_results(drawn):
    head, *rows = cells(Tree(drawn), "results")
    assert [th["text"] for th in head] == [
        "scenario",
        "seeds",
        "rankingrmse ↓floor: user+item bias",
        "retrievaltop 5 ↑floor: popularity",
        "Δm %against single tasks",
        "step/ref.s a run",
    ]
    better = ["lower", "higher", "lower", "higher", "higher", "lower"]
    assert [th["@data-better"] for th in head] == better
    texts = {row[0]["@data-v"]: [cell["text"] for cell in row] for row in rows}
    assert list(texts) == [
        "rating-only", "retrieval-only", "joint", "worse",
        "global mean", "user+item bias", "chance", "popularity",
    ]  # fmt: skip
    assert texts["joint"][2:4] == ["0.8980 ± 0.00200.1020 better", "0.4520 ± 0.00200.1520 better"]
    assert texts["retrieval-only"][2] == "3.5000 ± 0.0000"  # it was not trained for it
    assert texts["worse"][4] == "−8.8[−10.0, −7.6]ranking −4retrieval −13"
    assert texts["popularity"][2:4] == ["–", "0.3000 ± 0.0000"]
    assert texts["joint"][5] == "1.002.00"
    values = {row[0]["@data-v"]: [cell["@data-v"] for cell in row] for row in rows}
    assert float(values["joint"][2]) == pytest.approx(0.898)
    assert values["popularity"][2] == ""


def test_every_metric_is_in_a_table(drawn):
    tree = Tree(drawn)
    head, *_ = cells(tree, "metrics-0")
    assert [th["text"][:12] for th in head[1:]] == ["rankingrmse ", "rankingmae ↓"]
    _, *rows = cells(tree, "costs")
    assert [cell["text"] for cell in rows[2]] == [
        "joint",
        "1.00",
        "1,010 ± 10",
        "500",
        "2.00",
        "5.00",
        "1,234",
    ]


def test_floors_are_in_every_metric_plot(drawn):
    text = drawn
    drawn = [f for f in re.findall(r"<svg.*?</svg>", text, re.DOTALL) if 'role="img"' in f]
    dots = [f for f in drawn if "of every scenario</title>" in f]
    assert len(dots) == 2
    assert "floor: user+item bias 1" in dots[0]
    assert "floor: global mean 1.2" in dots[0]
    assert "floor: popularity 0.3" in dots[1]
    (trade,) = [f for f in drawn if "retrieval top 5 against ranking rmse" in f]
    assert "floor: user+item bias" in trade
    assert "floor: popularity" in trade
    assert trade.count("stroke:var(--floor)") >= 2


def test_failed_runs_are_listed(records):
    records[3] = failed(records[3], "a <b>reason</b>")
    text = page(Results.of(records))
    _, row = cells(Tree(text), "failed-runs")
    assert [cell["text"] for cell in row[:2]] == ["retrieval-only", "0"]
    assert "FloatingPointError: a <b>reason</b>" in row[2]["text"]
    assert "Traceback (most recent call last):" in row[2]["text"]
    assert "11 of 12 runs went well" in text
    assert "FAILED: retrieval-only seed 0" in Tree(text)["header"][0]["text"]


def test_many_failed_runs_do_not_fill_the_head(records):
    text = page(Results.of([*records, *(failed(record(f"bad-{n}", 0, 1, 1)) for n in range(9))]))
    head = Tree(text)["header"][0]["text"]
    assert head.count("FAILED") == 4
    assert "FAILED: 6 more, listed below" in head
    assert len(cells(Tree(text), "failed-runs")) == 10


@pytest.mark.parametrize(
    ("changes", "note", "kind"),
    [
        ({"data__synthetic": True}, "synthetic data", "made up"),
        (
            {"data__synthetic": True, "question__stands_in_for": "movies (1m)"},
            "SYNTHETIC DATA in place of movies (1m)",
            "made up, in place of movies (1m)",
        ),
    ],
)
def test_made_up_data_is_said_first(records, changes, note, kind):
    records = [made.changed(entry, **changes) for entry in records]
    tree = Tree(page(Results.of(records)))
    assert note in tree["header"][0]["text"]
    assert kind in [dd["text"] for dd in tree["dd"]]


def test_problems_are_shown(records):
    text = page(Results.of(records, ["x.json: <i>damaged</i>"]))
    assert "x.json: &lt;i&gt;damaged&lt;/i&gt;" in text


def test_provenance(records):
    records[0] = made.changed(records[0], environment__cpu="another CPU")
    tree = Tree(page(Results.of(records)))
    about = dict(zip([e["text"] for e in tree["dt"]], [e["text"] for e in tree["dd"]], strict=True))
    assert about["fingerprint (SHA-256)"] == "fe" * 32
    assert about["tensorflow"] == "2.21.0"
    assert about["threads"] == "2"
    assert about["cpu"] == "another CPU (1 run); a CPU (11 runs)"
    assert about["question"] == "q1"
    rows = cells(tree, "components")
    assert [row[0]["text"] for row in rows[1:]] == [
        "dataset", "split", "tower: query", "tower: candidate", "task: ranking", "task: retrieval",
        "scenario: joint", "scenario: worse",
    ]  # fmt: skip
    assert [cell["text"] for cell in rows[1][1:]] == [
        "synthetic", "num_users: 30", "x", "mtbench 0.1.0", ("ab" * 8),
    ]  # fmt: skip


def test_commands(records):
    local = {"plugin": "my task.py", "distribution": None}
    records = [
        made.changed(entry, suite="it's", answer__tasks__ranking__origin=local) for entry in records
    ]
    commands, suite = (e["text"] for e in Tree(page(Results.of(records)))["pre"])
    install, run, report = commands.splitlines()
    assert install == "pip install mtbench==0.1.0 tensorflow==2.21.0"
    assert run == """TF_NUM_INTRAOP_THREADS=2 mtbench run 'it'"'"'s.yaml' -p 'my task.py'"""
    assert report.startswith("mtbench report ")
    assert yaml.safe_load(suite)["scenarios"]["rating-only"] == {"tasks": ["ranking"]}
    assert yaml.safe_load(suite)["seeds"] == [0, 1, 2]


# what is missing


TRADE_OFF = "retrieval top 5 against ranking rmse"


def headings(text):
    return [h["text"] for h in Tree(text)["h2"]]


def test_all_sections(drawn):
    assert headings(drawn) == [
        "The answer", "Results", "Every seed", "Comparisons", "Against single tasks", "Learning",
        "Weights", "Gradients", "Speed", "Reproduce", "Data", "Environment", "Components",
    ]  # fmt: skip


def test_without_diagnostics(records):
    records = [made.changed(entry, diagnostics=[]) for entry in records]
    assert not {"Weights", "Gradients"} & set(headings(page(Results.of(records))))
    lacking = [{k: v for k, v in r.plain().items() if k != "diagnostics"} for r in records]
    records = [Record.of(value) for value in lacking]
    assert "Learning" in headings(page(Results.of(records)))


def test_diagnostics_of_weights_alone(records):
    for entry in records:
        for epoch in entry.diagnostics:
            for key in epoch.keys() - {"epoch", "weights"}:
                del epoch[key]
    found = headings(page(Results.of(records)))
    assert "Weights" in found
    assert "Gradients" not in found


@pytest.mark.thorough
@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds(seeds):
    text = page(Results.of(suite_of(seeds)))
    assert TRADE_OFF in [h["text"] for h in Tree(text)["h3"]]
    rows = cells(Tree(text), "results")[1:]
    assert ("±" in rows[0][2]["text"]) == (seeds == 2)


def test_one_run():
    text = page(Results.of(suite_of(1)[2:3]))
    assert "joint is the only scenario trained for it: 0.9 (1 seed)" in sentences(text)
    assert TRADE_OFF not in [h["text"] for h in Tree(text)["h3"]]
    rivals = [[cell["text"] for cell in row[1:3]] for row in cells(Tree(text), "comparisons")[1:]]
    assert rivals == [["joint", "user+item bias"], ["joint", "popularity"]]
    without = page(Results.of([made.changed(suite_of(1)[2], floors={t: {} for t in made.BOTH})]))
    assert "Comparisons" not in headings(without)


def test_no_scenario_of_several_tasks(records):
    text = page(Results.of(records[:6]))
    assert "is the only scenario trained for it" in sentences(text)
    assert "relative to rating-only" in text.lower()
    assert "Against single tasks" not in headings(text)
    assert "Pareto front" not in text


@pytest.mark.parametrize("odd", ["x", 3, None, {}, {"ranking": {}}, {"ranking": "x"}, [1]])
def test_numbers_of_epochs_that_are_none_are_left_out(records, odd):
    """As a damaged record may have them."""
    epochs = [{"epoch": 1, "losses": odd, "weights": odd, "cosines": odd, "norm_ratio": odd}]
    broken = [made.changed(run, validation=epochs, diagnostics=epochs) for run in records]
    assert "joint" in page(Results.of(broken))


def test_floors_that_some_records_lack(records):
    """The scenario has no difference from them, and the others have theirs."""
    some = [made.changed(r, floors={}) if r.scenario == "joint" else r for r in records]
    rows = {row.name: row for row in summarize(Results.of(some)).scenarios}
    assert not rows["joint"].above_floor
    assert rows["worse"].above_floor


def test_only_failed_runs(records):
    text = page(Results.of([failed(entry) for entry in records]))
    assert "No run went well, so there is nothing to compare." in text
    assert headings(text) == ["The answer", "Failed runs", "Reproduce", "Environment", "Components"]
    assert len(cells(Tree(text), "failed-runs")) == 13


def test_a_scenario_whose_runs_all_failed(records):
    text = page(Results.of([*records[:9], *map(failed, records[9:])]))
    _, *rows = cells(Tree(text), "results")
    assert [cell["text"] for cell in rows[3]] == ["worse", "0", "failed", "failed", "–", "–"]


def test_no_floors_and_no_speed(records):
    for entry in records:
        entry.floors.update(ranking={}, retrieval={})
        entry.timings["train_examples_per_s"] = None
    text = page(Results.of(records))
    assert "strongest floor," not in text
    assert "training throughput" not in text
    assert "None" not in Tree(text).by_id("results")["text"]


def test_records_of_another_question_are_left_out(records):
    older = [made.changed(e, question_id="q0", started="2025") for e in records[:3]]
    text = page(Results.of([*older, failed(older[0]), *records]))
    assert "4 records of another version of the suite, data or software are left out" in text
    assert "Failed runs" not in headings(text)
    assert "12 of 12 runs went well" in text


@pytest.mark.thorough
def test_three_tasks(records):
    """A trade-off for each pair of tasks; the curves of each pair."""
    tasks = ["a", "b", "c"]
    runs = []
    for n, seed in itertools.product(range(3), range(3)):
        conflicts = dict.fromkeys(("a|b", "a|c", "b|c"), 0.5)
        changes = {
            "answer__tasks": dict.fromkeys(tasks, made.TASKS["retrieval"]),
            "metric_info": {task: [made.metric("top_5")] for task in tasks},
            "metrics": {
                t: {"top_5": 0.1 * k + 0.01 * n + seed / 1000} for k, t in enumerate(tasks)
            },
            "floors": {t: {"chance": {"top_5": 0.05}} for t in tasks},
            "diagnostics": [{**e, "conflicts": conflicts} for e in diagnostics(tasks, seed)],
        }
        runs.append(record(f"s{n}", seed, 1, 1, tasks, **changes))
    titles = [h["text"] for h in Tree(page(Results.of(runs)))["h3"]]
    for pair in ("b top 5 against a top 5", "c top 5 against a top 5", "c top 5 against b top 5"):
        assert pair in titles
    assert "steps in conflict: b and c" in titles


@pytest.mark.thorough
def test_many_scenarios_are_grey_but_the_ones_that_matter(records):
    more = [
        record(f"strategy-{n}", seed, 0.96 + n / 1000, 0.3) for n in range(30) for seed in range(3)
    ]
    text = page(Results.of([*records, *more]))
    tree = Tree(text)
    legends = [e for e in tree["ul"] if e.get("@class") == "legend"]
    assert legends[0]["text"].startswith("rating-onlyretrieval-onlyjoint")
    assert "32 more in grey" in text or "27 more in grey" in text
    assert "The best is on top." in text


# names are text


def hostile_records():
    text = json.dumps([made.as_json(entry) for entry in suite_of()])
    names = ("joint", "user+item bias", "global mean", "movies", "a CPU", "made", "2.21.0")
    for name in names:
        text = text.replace(f'"{name}"', json.dumps(f"{name}{HOSTILE}"))
    task = f"ranking{HOSTILE_TASK}"
    for old, new in (("ranking", task), ("ranking_loss", f"{task}_loss"), ("rmse", HOSTILE)):
        text = text.replace(f'"{old}"', json.dumps(new))
    text = text.replace('"ranking|retrieval"', json.dumps(f"{task}|retrieval"))
    entries = json.loads(text)
    for entry in entries:
        entry["question"]["dataset"] = component(HOSTILE, **{HOSTILE: HOSTILE})
        entry["question"]["dataset"]["origin"] = dict.fromkeys(ORIGIN, HOSTILE)
        entry["question"]["split"]["origin"] = {"plugin": HOSTILE, "distribution": None}
    *entries, last = map(Record.of, entries)
    last = failed(last, HOSTILE)
    return [*entries, made.changed(last, error__type=HOSTILE, error__traceback=[HOSTILE])]


@pytest.mark.usefixtures("figures")
def test_nothing_in_a_record_is_markup():
    text = page(Results.of(hostile_records(), [HOSTILE]))
    text.encode()  # no half of a surrogate pair
    tree = Tree(text)
    assert not tree._open
    assert len(tree["script"]) == 1
    assert not tree["img"]
    assert not [k for e in tree.elements for k in e if k.startswith("@on")]
    assert not [e for e in tree.elements if e.get("@src")]
    readable = plain(HOSTILE)
    assert tree["h1"][0]["text"] == f"made{readable}"
    assert tree["title"][0]["text"] == f"made{readable} – mtbench"
    inside = [t["text"] for t in tree["title"] if "svg" in t["above"]]
    assert any(readable in text for text in inside)
    labels = [t["text"] for t in tree["text"]]
    assert any(label.startswith("joint<s") for label in labels)
    assert any(readable in cell["text"] for cell in tree["td"])
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)


@pytest.mark.thorough
@pytest.mark.usefixtures("figures")
def test_a_slash_or_a_dollar_in_a_name_is_kept(records):
    for n, entry in enumerate(records):
        name = entry.scenario.replace("joint", "$a_1$ / 日本 😀")
        records[n] = made.changed(entry, scenario=name)
    tree = Tree(page(Results.of(records)))
    assert "$a_1$ / 日本 😀" in [t["text"] for t in tree["text"]]


@given(st.text(), st.text())
def test_text_is_read_as_it_was_written(text, attribute):
    tree = Tree(tag("p", text, title=attribute))
    (paragraph,) = tree.elements
    assert paragraph["text"] == plain(text)
    assert paragraph["@title"] == plain(attribute)
    assert all(c.isprintable() or c in "\u200c\u200d" for c in plain(text))


def test_markup():
    assert tag(
        "p.a.b", "x & ", tag("b", "<"), [1, None], hidden=True, title=None, aria_label='"'
    ) == ('<p class="a b" hidden aria-label="&quot;">x &amp; <b>&lt;</b>1</p>')
    assert escape(Html("<b>")) == "<b>"
    assert tag("br") == "<br>"


# the plots' numbers


def test_curves_by_hand(records):
    ranking, _ = curves.losses(records, made.BOTH)
    lines = {line.scenario: line for line in ranking.lines}
    assert list(lines) == ["rating-only", "joint", "worse"]
    joint = lines["joint"]
    assert joint.epochs == [1, 2, 3]
    assert joint.mean == pytest.approx([1.1, 1.1 / 2, 1.1 / 3])
    assert joint.low == pytest.approx([1.0, 1 / 2, 1 / 3])
    assert joint.high == pytest.approx([1.2, 1.2 / 2, 1.2 / 3])
    assert [panel.title for panel in curves.weights(records, made.BOTH)] == [
        "weight of ranking",
        "weight of retrieval",
    ]
    ratio, cosine, conflict = curves.gradients(records)
    assert ratio.lines[0].mean == [2, 3, 4]
    assert cosine.lines[0].low == pytest.approx([-0.1] * 3)
    assert (cosine.level, conflict.level) == (0, 0.5)


def test_of_many_epochs_a_few_are_drawn(records):
    curve = [{"epoch": n, "ranking_loss": 1 / n} for n in range(1, 1001)]
    run = made.changed(records[0], curve=curve)
    (panel,) = curves.losses([run], ["ranking"])
    (line,) = panel.lines
    assert len(line.epochs) == curves.MOST_POINTS
    assert (line.epochs[0], line.epochs[-1]) == (1, 1000)
    assert panel.log  # 1000 to 1


def test_of_many_pairs_those_with_the_most_conflicts():
    tasks = "abcde"
    pairs = ["|".join(pair) for pair in itertools.combinations(tasks, 2)]
    shares = {pair: n / 10 for n, pair in enumerate(pairs)}
    seen = [{"epoch": 1, "conflicts": shares, "cosines": shares}]
    run = record("s", 0, 1, 1, diagnostics=seen)
    titles = [panel.title for panel in curves.gradients([run]) if "conflict" in panel.title]
    expected = [f"steps in conflict: {pair.replace('|', ' and ')}" for pair in pairs[:3:-1]]
    assert titles == expected


def test_what_is_far_off_does_not_decide_the_scale():
    near = [Spread("a", (0.90, 0.92)), Spread("b", (0.95,))]
    far = Spread("not trained for it", (3.5, 3.6), own=False)
    axis = Axis("rmse", False, {"bias": 0.94, "mean": 1.2}, [*near, far])
    low, high = axis.limits()
    assert low < 0.90
    assert 0.95 < high < 1
    diverged = [Spread(f"s{n}", (0.9 + n / 1000,)) for n in range(10)]
    low, high = Axis("rmse", False, {}, [*diverged, Spread("nan, nearly", (1e6,))]).limits()
    assert high < 1
    only = Axis("rmse", False, {}, [far]).limits()
    assert only[0] < 3.5 < 3.6 < only[1]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_limits_hold_what_was_trained_for(values):
    axis = Axis("x", True, {"floor": values[0]}, [Spread("a", tuple(values))])
    low, high = axis.limits()
    assert low < high
    if len(values) < 8:
        assert low <= min(values) <= max(values) <= high


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_what_is_far_better_is_within_the_limits(higher_is_better):
    sign = 1 if higher_is_better else -1
    spreads = [Spread(str(n), (sign * n / 10,)) for n in range(10)]
    best, worst = Spread("best", (sign * 40.0,)), Spread("worst", (sign * -40.0,))
    low, high = Axis("x", higher_is_better, {}, [*spreads, best, worst]).limits()
    assert low <= best.mean <= high
    assert not low <= worst.mean <= high


def test_the_edge_of_a_front():
    """Worked by hand: more is better in both, then less."""
    assert staircase([(1, 3), (2, 2)], (True, True), (0, 0)) == [
        (0, 3), (1, 3), (1, 2), (2, 2), (2, 0)
    ]  # fmt: skip
    assert staircase([(1, 3), (2, 2)], (False, False), (9, 9)) == [
        (9, 2), (2, 2), (2, 3), (1, 3), (1, 9)
    ]  # fmt: skip
    assert staircase([(1, 1)], (True, False), (0, 5)) == [(0, 1), (1, 1), (1, 5)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_of_two_metrics(points):
    """Lower is better across, higher is better up."""
    names = [str(n) for n in range(len(points))]
    x = Axis("x", False, {}, [Spread(n, (p[0],)) for n, p in zip(names, points, strict=True)])
    y = Axis("y", True, {}, [Spread(n, (p[1],)) for n, p in zip(names, points, strict=True)])
    found = set(best_in_two(x, y))
    for name, (across, up) in zip(names, points, strict=True):
        better = [p for p in points if p != (across, up) and p[0] <= across and p[1] >= up]
        assert (name in found) == (not better)


@pytest.mark.usefixtures("figures")
def test_the_drawn_front_is_of_scenarios_that_train_both():
    """Any other is hollow; the words beside the plot say the same of the front."""
    x = Axis("x", True, {}, [Spread("both", (1.0,)), Spread("one", (2.0,))])
    y = Axis("y", True, {}, [Spread("both", (1.0,)), Spread("one", (2.0,), own=False)])
    assert best_in_two(x, y) == best_in_two(y, x) == ["both"]
    drawn = trade_off(Canvas(), (x, y), looks.choose(["both", "one"], []))
    assert "On the front: both." in drawn


@pytest.mark.thorough
@pytest.mark.usefixtures("figures")
def test_bars_are_relative_to_the_first_scenario_of_several_tasks(records):
    text = page(Results.of(records))
    assert "rating-only: 1.00× · 1.00" in text
    assert "joint: 1.00× · 1.00" in text
    assert "Relative to joint (hatched)" in text
    assert "fill:url(#" in text  # the hatch


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.91234, "0.9123"),
        (12_300.4, "12,300"),
        (0.0005, "5.0e−04"),
        (-3.2, "−3.2"),
        (1e9, "1.0e+09"),
    ],
)
def test_figures(value, text):
    assert looks.figures(value) == text


@given(st.text(max_size=60), st.integers(4, 30))
def test_short_names(name, length):
    found = looks.short(name, length)
    assert len(found) <= length
    if len(plain(name)) > length:
        assert "…" in found
        assert plain(name).endswith(found[-(length // 2) :])


def test_looks():
    few = looks.choose([f"s{n}" for n in range(7)], [])
    assert sorted(look.style for look in few.values()) == list(range(7))
    names = [f"s{n}" for n in range(30)]
    many = looks.choose(names, ["s20", "s3", "s20", *names])
    coloured = [name for name, look in many.items() if look.style is not None]
    assert len(coloured) == 7
    assert coloured == ["s0", "s1", "s2", "s3", "s4", "s5", "s20"]
    assert many["s3"].classes == "s s3"
    assert many["s29"].classes == "s s29 grey"
    assert len(set(looks.MARKERS)) == len(plots.DASHES) == len(set(plots.DASHES)) == len(SERIES)


@pytest.mark.usefixtures("figures")
def test_ids_of_figures_differ_and_notes_are_where_they_belong():
    canvas = Canvas("x")
    drawn = []
    for _ in range(2):
        with canvas.style():
            axes = canvas.figure(2, 2).subplots()
            (line,) = axes.plot([1, 2], [1, 2], marker="o")
            canvas.note(line, "<note>", "s s1")
            drawn.append(canvas.finish("a title", "words"))
    ids = [re.findall(r'id="([^"]+)"', svg) for svg in drawn]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    assert '<g class="s s1"><title>&lt;note&gt;</title>' in drawn[0].replace(' id="x1note0"', "")
    assert "DejaVu" not in drawn[0]
    assert "<style" not in drawn[0]


# its colours

SCHEMES = re.findall(r":root \{(.*?)\}", (REPORT / "page.css").read_text(), re.DOTALL)


def contrast(one, other):
    """WCAG 2.1's contrast ratio of two colours."""

    def luminance(colour):
        full = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        channels = [int(full[n : n + 2], 16) / 255 for n in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark"])
def test_contrast(scheme):
    colours = dict(re.findall(r"--(\w+): (#\w+)", scheme))
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    for name in ("ink", "soft", "link", "good", "bad", "warn", "floor"):
        for ground in ("paper", "wash"):
            assert contrast(colours[name], colours[ground]) >= 4.5, name
    for n in range(len(SERIES)):
        assert contrast(colours[f"c{n}"], colours["paper"]) >= 3, n  # WCAG 1.4.11, graphics


# real runs


@pytest.fixture(scope="module")
def real(tmp_path_factory, shared_tiny):
    """Records of the small suite with diagnostics."""
    folder = tmp_path_factory.mktemp("real")
    return made.run_suite(shared_tiny, folder, "train.diagnostics=true", "seeds=3")


@pytest.mark.thorough
def test_the_page_of_real_runs(real):
    text = page(Results.of(real))
    assert "synthetic data" in Tree(text)["header"][0]["text"]
    assert "Gradients" in headings(text)
    assert "9 of 9 runs went well" in text


@pytest.mark.thorough
def test_the_suite_on_the_page_has_the_same_runs(real, tmp_path):
    """It is valid, and the ids, which hold every option and the code, are those of the records."""
    same_runs(real, tmp_path / "again.yaml")


def test_the_suite_on_the_page_leaves_the_test_part_closed(tiny, tmp_path):
    overrides = ["split.validation_share=0.2", "evaluate_on=validation", "train.epochs=1"]
    records = made.run_suite(tiny, tmp_path, *overrides, seeds="1", scenarios=["rating-only"])
    same_runs(records, tmp_path / "again.yaml")


def same_runs(records, path):
    suite = Tree(page(Results.of(records)))["pre"][1]["text"]
    path.write_text(suite)
    assert [run.id for run in made.plan_of(path)] == [record.run_id for record in records]
    assert provenance.suite(look_at(Results.of(records))) == yaml.safe_load(suite)


# in a browser


@pytest.fixture
def browse(tmp_path):
    """Open a page in Chromium: give its DOM, what the console said, and what was asked of us."""
    if not CHROMIUM:
        pytest.skip("no chromium is installed")

    def browse(text, fragment=""):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200 if self.path == "/page.html" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if self.path == "/page.html":
                    self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            profile = tmp_path / f"profile{len(list(tmp_path.iterdir()))}"
            done = subprocess.run(
                [
                    CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update",
                    "--disable-sync", "--disable-extensions", f"--user-data-dir={profile}",
                    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                    "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--dump-dom",
                    f"http://127.0.0.1:{server.server_port}/page.html{fragment}",
                ],
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            server.shutdown()
        said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return Tree(done.stdout), said, asked

    return browse


def names_in(tree, key="results"):
    return [row[0]["@data-v"] for row in cells(tree, key)[1:]]


def test_a_browser_has_nothing_to_complain_of_and_asks_for_nothing(browse, drawn):
    tree, said, asked = browse(drawn)
    assert said == []
    assert asked == ["/page.html"]
    assert len(tree["button"]) > 20  # the script ran
    assert names_in(tree)[:4] == ["rating-only", "retrieval-only", "joint", "worse"]


@pytest.mark.thorough
def test_a_browser_would_have_complained(browse, drawn):
    """The test above can fail: it sees an image, a script of a record's, and a fault of ours."""
    text = drawn
    planted = text.replace("</footer>", '<img src="/x.png"></footer>')
    _, said, asked = browse(planted)
    assert any("Content Security Policy" in line for line in said)
    assert asked == ["/page.html"]  # the policy holds what escaping would have missed
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", planted)
    _, said, asked = browse(free)
    assert "/x.png" in asked
    _, said, _ = browse(free.replace('"use strict";', '"use strict"; nothing.at.all();'))
    assert any("ReferenceError" in line for line in said)


def test_hostile_names_in_a_browser(browse):
    tree, said, asked = browse(page(Results.of(hostile_records(), [HOSTILE])))
    assert said == []
    assert asked == ["/page.html"]
    assert not tree["img"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("fragment", "first", "last", "sort"),
    [
        ("#sort=results.2", "joint", "popularity", "ascending"),  # RMSE, less is better
        ("#sort=results.3", "joint", "user+item bias", "descending"),  # hits, more is better
        ("#sort=results.3.worst", "chance", "user+item bias", "ascending"),
    ],
)
def test_sorting_by_address(browse, drawn, fragment, first, last, sort):
    tree, said, _ = browse(drawn, fragment)
    names = names_in(tree)
    assert said == []
    assert sorted(names) == sorted(names_in(Tree(drawn)))  # none is lost
    assert names[0] == first
    assert names[-1] == last
    column = int(fragment.split(".")[1])
    head = cells(tree, "results")[0]
    assert [th.get("@aria-sort") for th in head] == [
        sort if n == column else None for n in range(len(head))
    ]
    if column == 3:  # what has no value is last, whichever way
        assert set(names[-2:]) == {"global mean", "user+item bias"}


@pytest.mark.thorough
@pytest.mark.parametrize("fragment", ["#sort=results.99", "#sort=nothing.1"])
def test_an_odd_address_does_nothing(browse, drawn, fragment):
    tree, said, _ = browse(drawn, fragment)
    assert said == []
    assert names_in(tree) == names_in(Tree(drawn))


@pytest.mark.thorough
def test_clicks(browse, drawn):
    """A head clicked twice sorts the other way; a pressed legend marks its scenario everywhere."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", drawn)
    click = (
        "<script>const b = document.querySelectorAll('#results thead button');"
        "b[2].click(); b[2].click();"
        "document.querySelectorAll('.legend button')[2].click();</script></body>"
    )
    tree, said, _ = browse(text.replace("</body>", click))
    assert said == []
    values = [float(row[2]["@data-v"]) for row in cells(tree, "results")[1:] if row[2]["@data-v"]]
    assert values == sorted(values, reverse=True)
    pressed = [b["text"] for b in tree["button"] if b.get("@aria-pressed") == "true"]
    assert pressed
    assert set(pressed) == {"joint"}
    marked = [e for e in tree.elements if e.get("@class") in ("s s2 on",)]
    assert len(marked) > 5


@pytest.mark.thorough
def test_sorting_takes_the_groups_of_a_table_apart(browse, records):
    """The titles of sweeps and baselines go, and points have their whole names."""
    points = [record(f"plane[w={w}]", n, 0.93, 0.4 + w / 100) for w in (1, 2) for n in range(3)]
    data = {"data__fingerprint": "fe" * 32, "floors": FLOORS}
    ease = [made.baseline("ease", n, **data) for n in range(3)]
    text = page(Results.of([*records, *points, *ease]))
    assert {"plane", "baselines", "floors"} < set(names_in(Tree(text)))
    tree, said, _ = browse(text, "#sort=results.3")
    assert said == []
    assert names_in(tree)[:3] == ["ease", "joint", "plane[w=2]"]
    assert not {"plane", "baselines", "floors"} & set(names_in(tree))
    assert tree.by_id("results")["@class"] == "sortable sorted"
