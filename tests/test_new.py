"""`mtbench new`: what it writes works at once, and it writes over nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mtbench.cli.main import main
from mtbench.plugin.kinds import KINDS
from mtbench.testing.new import COLUMNS, DATASETS, USES

ROOT = Path(__file__).parent.parent
IN_SUITE = {
    "dataset": "dataset: my-dataset",
    "split": "split: my-split",
    "tower": "towers: {query: my-tower, candidate: my-tower}",
    "task": "tasks: {my-task: {}}, and my-task among the tasks of a scenario",
    "weighting": "weighting: my-weighting in a scenario",
    "baseline": "baselines: [my-baseline]",
    "executor": "executor: my-executor",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *words):
    assert main(["new", *words]) == 2
    output, told = capsys.readouterr()
    (line,) = told.splitlines()
    assert output == ""
    return line.removeprefix("mtbench: ")


THOROUGH = {"executor": [pytest.mark.thorough]}  # it starts workers


@pytest.mark.parametrize("kind", [pytest.param(k, marks=THOROUGH.get(k, [])) for k in KINDS])
def test_a_plugin_of_each_kind_keeps_its_contract(registry, capsys, kind):
    assert main(["new", "plugin", kind, f"my_{kind}.py"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"my_{kind}.py: the {kind} 'my-{kind}'",
        f"check it: mtbench check-plugin my_{kind}.py",
    ]
    if kind in IN_SUITE:
        expected = f"in a suite beside it: plugins: [my_{kind}.py], and {IN_SUITE[kind]}"
    else:
        expected = f"use it: mtbench run SUITE -p my_{kind}.py --track my-{kind}"
    assert lines[2:] == [expected]
    assert main(["check-plugin", f"my_{kind}.py"]) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"{kind} my-{kind}\n")
    assert output.endswith("the contract holds\n")


def test_every_kind_says_how_a_suite_has_it():
    assert [*USES] == [kind.name for kind in KINDS.values() if kind.in_suite]


def test_what_is_written_is_clean(here):
    """By ruff with its own settings, and by mypy as strictly as mtbench is."""
    for kind in KINDS:
        assert main(["new", "plugin", kind, f"my_{kind}.py"]) == 0
    paths = [str(path) for path in sorted(here.glob("*.py"))]
    assert len(paths) == len(KINDS)
    for folder, words in (
        (here, ["ruff", "check", "--isolated", "--no-cache", "--extend-select", "I,B,UP,PL,SIM"]),
        (here, ["ruff", "format", "--isolated", "--no-cache", "--check"]),
        (ROOT, ["mypy", "--cache-dir", str(here / "cache")]),  # by mtbench's settings
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words, *paths], cwd=folder, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_names_come_from_the_file(capsys):
    Path("deep").mkdir()
    assert main(["new", "plugin", "split", "deep/_two_words2.py"]) == 0
    text = Path("deep/_two_words2.py").read_text()
    assert 'name = "two-words2"' in text
    assert "class TwoWords2(mtbench.Split):" in text
    assert "$" not in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("plugin wieghting x.py", "unknown kind 'wieghting' (did you mean 'weighting'?)"),
        ("plugin split x", "x: expected a file that ends with .py"),
        ("plugin split 3d.py", ("3d.py: expected a name that Python can import, of letters, digits "
         "and _, found '3d'")),
        ("plugin split is.py", ("is.py: expected a name that Python can import, of letters, digits "
         "and _, found 'is'")),
        ("plugin split k_fold.py", ("k_fold.py: the split 'k-fold' is there already, of mtbench "
         "0.1.0; call the file otherwise")),
        ("plugin split no/x.py", "no/x.py: no such file or directory"),
        ("suite x.yml.txt", "x.yml.txt: expected a file that ends with .yaml or .yml"),
        ("suite -- -x.yaml", "-x.yaml: expected a name of letters, digits, _ and -, found '-x'"),
        ("suite x.yaml --data movilens", ("--data movilens: expected a dataset, or a CSV or TSV "
         "file (did you mean 'movielens'?)")),
        ("suite x.yaml --data no.csv", "--data no.csv: no such file or directory"),
        ("suite x.yaml --data bad.csv", ("--data bad.csv:1: expected a column for 'query', such as "
         "user_id, found a, b")),
        ("suite x.yaml --data latin.csv", "--data latin.csv: is not utf-8 text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_nothing_is_written(here, capsys, words, line):
    Path("bad.csv").write_text("a,b\n1,2\n")
    Path("latin.csv").write_bytes(b"\xff\xfe,\n")
    before = {path.name for path in here.iterdir()}
    assert refused(capsys, *words.split()) == line
    assert {path.name for path in here.iterdir()} == before


@pytest.mark.parametrize("words", [["plugin", "split", "mine.py"], ["suite", "mine.yaml"]])
def test_nothing_is_written_over(capsys, words):
    path = Path(words[-1])
    path.write_text("mine")
    assert refused(capsys, *words) == f"{path}: is there already, and stays as it is"
    assert path.read_text() == "mine"


def test_a_suite_is_valid_and_runs(capsys):
    Path("suites").mkdir()
    assert main(["new", "suite", "suites/mine.yaml"]) == 0
    assert capsys.readouterr().out == (
        "suites/mine.yaml: the suite 'mine'\nrun it: mtbench run suites/mine.yaml\n"
    )
    assert main(["check", "suites/mine.yaml"]) == 0
    assert "valid; 4 scenarios × 3 seeds = 12 runs" in capsys.readouterr().out
    words = ["--seeds", "1", "--scenario", "joint", "--format", "csv"]
    assert main(["run", "suites/mine.yaml", *words]) == 0


@pytest.mark.parametrize("data", DATASETS)
def test_a_suite_on_other_data_is_valid(capsys, data):
    assert main(["new", "suite", "mine.yml", "--data", data]) == 0
    assert main(["check", "mine.yml"]) == 0
    assert yaml.safe_load(Path("mine.yml").read_text())["dataset"]["name"] == data


def test_a_suite_on_a_users_own_file(capsys):
    """Columns are found by their names; the path is relative to the suite."""
    Path("data of mine").mkdir()
    Path("suites").mkdir()
    rows = [f"{n % 7},{n % 5},{1 + n % 4},x" for n in range(70)]
    file = Path("data of mine/r.csv")
    file.write_text("\n".join(["userId,Movie_ID,Stars: all,more", *rows]))
    assert refused(capsys, "suite", "suites/m.yaml", "--data", str(file)).endswith(
        "expected a column for 'user_rating', such as rating, found userId, Movie_ID, Stars: all, "
        "more"
    )
    file.write_text("\n".join(["userId,Movie_ID,Stars,more", *rows]))
    assert main(["new", "suite", "suites/m.yaml", "--data", str(file)]) == 0
    assert yaml.safe_load(Path("suites/m.yaml").read_text())["dataset"] == {
        "name": "table",
        "path": "../data of mine/r.csv",
        "query": "userId",
        "candidate": "Movie_ID",
        "columns": {"user_rating": "Stars"},
    }
    words = ["--seeds", "1", "--scenario", "joint", "-o", "train.epochs=1", "--format", "csv"]
    assert main(["run", "suites/m.yaml", *words]) == 0


def test_the_names_of_columns_are_in_lower_case():
    for names in COLUMNS.values():
        assert [*names] == [name.lower() for name in names]


def test_a_broken_scaffold_would_be_seen(capsys):
    """The check is the contract's: a plugin whose option has no help fails it."""
    assert main(["new", "plugin", "split", "mine.py"]) == 0
    path = Path("mine.py")
    path.write_text(
        path.read_text().replace('    """Share of the interactions that test."""\n', "")
    )
    assert main(["check-plugin", "mine.py"]) == 1
    assert "option 'test_share' has no help" in capsys.readouterr().out
