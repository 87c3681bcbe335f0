"""`mtbench new`: what it writes works at once, and it writes over nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import mtbench
from mtbench.cli.main import main
from mtbench.plugin.kinds import KINDS
from mtbench.testing.look import NAMES, PARTS
from mtbench.testing.new import DATASETS, USES

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


@pytest.mark.thorough
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


@pytest.mark.thorough
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
        ("suite x.yaml --data movilens", ("--data movilens: expected a dataset, or a CSV, TSV or "
         "Parquet file (did you mean 'movielens'?)")),
        ("suite x.yaml --data no.csv", "no.csv: no such file"),
        ("suite x.yaml --data bad.csv", ("bad.csv:1: expected a column of users, such as user_id, "
         "found a, b")),
        ("suite x.yaml --data zip.csv", ("zip.csv: expected a table as text or Parquet, found a "
         "zip archive: unpack it")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_nothing_is_written(here, capsys, words, line):
    Path("bad.csv").write_text("a,b\n1,2\n")
    Path("zip.csv").write_bytes(b"PK\x03\x04")
    before = {path.name for path in here.iterdir()}
    assert refused(capsys, *words.split()) == line
    assert {path.name for path in here.iterdir()} == before


@pytest.mark.parametrize("words", [["plugin", "split", "mine.py"], ["suite", "mine.yaml"]])
def test_nothing_is_written_over(capsys, words):
    path = Path(words[-1])
    path.write_text("mine")
    assert refused(capsys, *words) == f"{path}: is there already, and stays as it is"
    assert path.read_text() == "mine"


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_a_suite_on_a_users_own_file(capsys):
    """Columns are found by their names; the path is relative to the suite."""
    Path("data of mine").mkdir()
    Path("suites").mkdir()
    rows = [f"{n % 7},{n % 5},{1 + n % 4},x" for n in range(70)]
    file = Path("data of mine/r.csv")
    file.write_text("\n".join(["userId,Movie_ID,Stars: all,more", *rows]))
    assert main(["new", "suite", "suites/by-part.yaml", "--data", str(file)]) == 0
    columns = yaml.safe_load(Path("suites/by-part.yaml").read_text())["dataset"]["columns"]
    assert columns == {"user_rating": "Stars: all"}
    file.write_text("\n".join(["userId,Movie_ID,Stars,more", *rows]))
    assert main(["new", "suite", "suites/m.yaml", "--data", str(file)]) == 0
    assert yaml.safe_load(Path("suites/m.yaml").read_text())["dataset"] == {
        "name": "table",
        "path": "../data of mine/r.csv",
        "query": "userId",
        "candidate": "Movie_ID",
        "columns": {"user_rating": "Stars"},
    }
    assert "  # not read: more, such as 'x'\n" in Path("suites/m.yaml").read_text()
    words = ["--seeds", "1", "--scenario", "joint", "-o", "train.epochs=1", "--format", "csv"]
    assert main(["run", "suites/m.yaml", *words]) == 0


def test_the_names_of_columns_are_in_lower_case():
    for names in (*NAMES.values(), *PARTS.values()):
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


def flat(number=60):
    """Interactions with what is known of users and items in every row."""
    yield "reader;book;stars;when;genre;blurb;age"
    for n in range(number):
        user, item = n % 7, n % 5
        when = f"2024-01-{1 + n % 28:02d}" if n % 9 else ""
        yield f"r{user};b{item};{1 + n % 4};{when};g{item % 2};the {item};{20 + user}"


PLAIN = [(f"u{n % 7}", f"i{n % 5}", 1 + n % 4, 1_700_000_000 + n) for n in range(40)]
OWN = {
    "a flat file with a time missing": (
        "ratings.csv", "\n".join(flat()),
        {
            "delimiter": ";", "query": "reader", "candidate": "book",
            "columns": {"user_rating": "stars", "timestamp": "when"}, "drop_missing": ["when"],
            "candidate_features": {
                "path": "ratings.csv", "delimiter": ";", "columns": {"genre": "categorical"},
            },
            "query_features": {
                "path": "ratings.csv", "delimiter": ";", "columns": {"age": "numeric"},
            },
        },
    ),
    "without a header": (
        "u.data", "\n".join(f"{u[1:]}\t{i[1:]}\t{r}\t{t}" for u, i, r, t in PLAIN),
        {
            "delimiter": "\t", "header": ["user_id", "item_id", "rating", "timestamp"],
            "query": "user_id", "candidate": "item_id",
            "columns": {"user_rating": "rating", "timestamp": "timestamp"},
        },
    ),
    "clicks in milliseconds, of RecBole": (
        "my clicks.inter",
        "user_id:token\titem_id:token\ttimestamp:float\n"
        + "\n".join(f"{u}\t{i}\t{t}000" for u, i, _, t in PLAIN),
        {
            "query": "user_id:token", "candidate": "item_id:token", "timestamp_unit": "ms",
            "columns": {"timestamp": "timestamp:float"},
        },
    ),
    "UTF-16, quoted, of names nobody knows": (
        "on.txt", ('"null";"on";"\u00e9"\n' + "\n".join(
            f'"{u}";"{i}";"{r}"' for u, i, r, _ in PLAIN)).encode("utf-16"),
        {
            "encoding": "utf-16", "delimiter": ";", "query": "null", "candidate": "on",
            "columns": {"user_rating": "\u00e9"},
        },
    ),
    "neither UTF-8": (
        "k\u00e4ufe.csv", b"kunde,user,item\n" + "\n".join(
            f"\u00fc{n},{u},{i}" for n, (u, i, *_) in enumerate(PLAIN)).encode("latin-1"),
        {"encoding": "cp1252", "query": "user", "candidate": "item", "columns": {}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OWN)
def test_a_suite_for_a_file_that_was_looked_at(capsys, what):
    name, content, expected = OWN[what]
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["init", name]) == 0
    suite = Path(capsys.readouterr().out.partition(":")[0])
    assert main(["check", str(suite)]) == 0
    assert yaml.safe_load(suite.read_text())["dataset"] == {
        "name": "table", "path": name, **expected
    }  # fmt: skip
    dataset = mtbench.load_suite(suite).dataset
    dataset.require()
    assert len(dataset.load().interactions) == (53 if "flat" in what else 40)
    assert refused_init(capsys, name) == f"{suite}: is there already, and stays as it is"


def refused_init(capsys, name):
    capsys.readouterr()
    assert main(["init", name]) == 2
    return capsys.readouterr().err.strip().removeprefix("mtbench: ")


def test_what_init_cannot_use_is_said(capsys):
    assert refused_init(capsys, "no.csv") == "no.csv: no such file"
    Path("one.csv").write_text("user,rating\n1,2\n2,3\n")
    assert refused_init(capsys, "one.csv") == (
        "one.csv:1: expected a column of items, such as item_id, found user, rating"
    )
    assert not Path("one.yaml").exists()
