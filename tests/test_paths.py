"""Where the files lie that a suite names; and what a dataset raises of its own is one line."""

from pathlib import Path

import pytest
from pydantic import Field

import mtbench
from mtbench.cli.main import main
from mtbench.config.options import Options, within
from mtbench.runs.plan import make_plan
from mtbench.suite.schema import suite_schema

SUITE = """
name: tiny
dataset: {name: table, path: data/ratings.csv, columns: {user_rating: rating}}
split: random
towers: {query: embedding, candidate: embedding}
tasks: {ranking: {}}
scenarios: {all: {tasks: [ranking]}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A suite in `suites`, and a file beside it in `suites/data`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites" / "data").mkdir(parents=True)
    rows = [f"{n % 7},{n % 5},{1 + n % 4}" for n in range(70)]
    lines = "\n".join(["user_id,item_id,rating", *rows])
    (tmp_path / "suites" / "data" / "ratings.csv").write_text(lines)
    (tmp_path / "suites" / "tiny.yaml").write_text(SUITE)
    return tmp_path


def path_in(suite, **options):
    return mtbench.load_suite(suite, **options).dataset.path


def test_a_path_is_relative_to_the_suites_file(here, monkeypatch):
    expected = "suites/data/ratings.csv"
    assert path_in("suites/tiny.yaml") == expected
    assert path_in(here / "suites" / "tiny.yaml") == expected  # however the suite is named
    monkeypatch.chdir(here / "suites")
    assert path_in("tiny.yaml") == path_in("./tiny.yaml") == "data/ratings.csv"
    monkeypatch.chdir(here / "suites" / "data")
    assert path_in("../tiny.yaml") == "ratings.csv"
    monkeypatch.chdir("/")
    assert Path(path_in(here / "suites" / "tiny.yaml")).is_file()
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert path_in(here / "suites" / "tiny.yaml") == str(here / expected)
    assert path_in("../suites/tiny.yaml") == f"../{expected}"


def test_what_is_said_elsewhere_is_relative_to_the_working_folder(here):
    suite = "suites/tiny.yaml"
    assert path_in(suite, overrides=["dataset.path=x.csv"]) == "x.csv"
    assert path_in(suite, overrides=["dataset={name: table, path: y.csv}"]) == "y.csv"
    assert path_in(suite, overrides=["dataset.query=who"]) == "suites/data/ratings.csv"
    import yaml

    assert path_in(yaml.safe_load(SUITE)) == "data/ratings.csv"


def test_an_absolute_path_and_a_home_stay(here):
    suite = here / "suites" / "tiny.yaml"
    for path in ("/data/../x.csv", "~/x.csv"):
        suite.write_text(SUITE.replace("data/ratings.csv", path))
        assert path_in("suites/tiny.yaml") == path


def test_the_files_of_features_too(here):
    text = SUITE.replace(
        "columns: {", "candidate_features: {path: i.csv, columns: {a: numeric}}, columns: {"
    )
    (here / "suites" / "tiny.yaml").write_text(text)
    dataset = mtbench.load_suite("suites/tiny.yaml").dataset
    assert dataset.candidate_features.path == "suites/i.csv"
    assert dataset.path == "suites/data/ratings.csv"
    over = ["dataset.candidate_features.path=j.csv"]
    assert mtbench.load_suite(
        "suites/tiny.yaml", overrides=over
    ).dataset.candidate_features.path == ("j.csv")


def test_a_default_is_relative_to_the_suites_file(here):
    (here / "suites" / "tiny.yaml").write_text(SUITE.replace("path: data/ratings.csv, ", ""))
    assert path_in("suites/tiny.yaml") == "suites/ratings.csv"


def test_it_runs_and_its_model_is_found_again(here, capsys):
    words = ["--seeds", "1", "-o", "train.epochs=1", "--format", "csv", "--save-models"]
    assert main(["run", str(here / "suites" / "tiny.yaml"), *words]) == 0
    capsys.readouterr()
    assert main(["plan", "suites/tiny.yaml", "--seeds", "1", "-o", "train.epochs=1"]) == 0
    assert "1 runs, 1 done" in capsys.readouterr().out
    (record,) = Path("results/tiny").glob("*.json")
    model = mtbench.load_model("results", record.stem)
    assert model.evaluate() == model.record.metrics


def test_plugins_are_relative_to_the_same_place(here):
    plugin = (
        "import mtbench\nclass Mine(mtbench.Tower):\n    '''Mine.'''\n    name = 'mine'\n"
        "@mtbench.hookimpl\ndef mtbench_towers():\n    return [Mine]\n"
    )
    (here / "suites" / "mine.py").write_text(plugin)
    (here / "other.py").write_text(plugin.replace("'mine'", "'other'"))
    suite = here / "suites" / "tiny.yaml"
    suite.write_text(SUITE.replace("query: embedding", "query: mine") + "plugins: [mine.py]\n")
    assert main(["check", "suites/tiny.yaml"]) == 0
    words = ["-o", "plugins=[other.py]", "-o", "towers.query=other"]
    assert main(["check", "suites/tiny.yaml", *words]) == 0


def test_within():
    assert within(Path(), "../x") == "../x"
    assert within(Path("a/b"), "../x") == "a/x"
    assert within(Path("a"), "/x") == "/x"
    assert within(Path("/a"), "..x") == "/a/..x"
    assert within(Path.cwd() / "d", "..x") == "d/..x"


def test_options_say_which_of_them_are_paths():
    class Inner(Options):
        file: mtbench.SuitePath = "x"

    class Outer(Options):
        file: mtbench.SuitePath = Field("y")
        text: str = "z"
        inner: Inner = Inner()
        nothing: mtbench.SuitePath | None = None

    seen = []

    def folder(keys):
        seen.append(keys)
        return Path("d")

    placed = Outer().placed(folder)
    assert (placed.file, placed.text, placed.inner.file) == ("d/y", "z", "d/x")
    assert seen == [("file",), ("inner", "file")]
    assert placed.placed(lambda keys: Path()) is placed


def test_the_schema_says_it(registry):
    definitions = suite_schema(registry)["$defs"]["dataset"]["anyOf"]
    (table,) = [each for each in definitions[1:] if each["properties"]["name"]["const"] == "table"]
    assert "relative to the suite's file" in table["properties"]["path"]["description"]


# --- what a dataset's own code raises


DATASETS = '''
import pathlib
import mtbench


class Base(mtbench.Dataset):
    """Base."""
    name = "base"
    def load(self):
        return pathlib.Path("nowhere.dat").read_text()

class Content(Base):
    name = "content"
    def content(self):
        return pathlib.Path("nowhere.dat").read_text()

class Require(Base):
    name = "require"
    def require(self):
        raise PermissionError(13, "Permission denied", "secret.dat")

class Digest(Base):
    name = "digest"
    def source_digest(self):
        raise OSError("no\\nluck")

class Odd(Base):
    name = "odd"
    def content(self):
        return 1 / 0

class Told(Base):
    name = "told"
    def content(self):
        raise mtbench.DataError("not there yet")
    require = content

@mtbench.hookimpl
def mtbench_datasets():
    return [Base, Content, Require, Digest, Odd, Told]
'''


@pytest.mark.parametrize(
    ("name", "command", "line"),
    [
        ("content", "plan", "d.py: dataset 'content': nowhere.dat: no such file or directory"),
        ("content", "run", "d.py: dataset 'content': nowhere.dat: no such file or directory"),
        ("odd", "plan", "d.py: dataset 'odd' failed: ZeroDivisionError: division by zero"),
        ("require", "run", "d.py: dataset 'require': secret.dat: permission denied"),
        ("digest", "run", "d.py: dataset 'digest' failed: OSError: no luck"),
        ("base", "run", "d.py: dataset 'base': nowhere.dat: no such file or directory"),
        ("told", "run", "not there yet"),
    ],
)
def test_what_a_dataset_raises_is_one_line(capsys, name, command, line):
    Path("d.py").write_text(DATASETS)
    words = ["suites/tiny.yaml", "-p", "d.py", "-o", f"dataset={name}"]
    assert main([command, *words]) == 2
    assert capsys.readouterr() == ("", f"mtbench: {line}\n")
    assert not list(Path().glob("results/tiny/*.json"))


@pytest.mark.parametrize("name", ["require", "digest", "base", "told"])
def test_a_plan_does_not_read_the_data(capsys, name):
    Path("d.py").write_text(DATASETS)
    words = ["suites/tiny.yaml", "-p", "d.py", "-o", f"dataset={name}"]
    assert main(["plan", *words]) == 0


def run_id(*overrides, content="data/ratings.csv"):
    """Id of the first run with the data under a path."""
    found = mtbench.load_suite(
        "suites/tiny.yaml", overrides=[*overrides, f"dataset.path={content}"]
    )
    return make_plan(found, found.registry)[0].run


def test_the_same_bytes_under_another_path_are_the_same_question(here):
    """Runs of moved data are done; those of other bytes, or read otherwise, are not."""
    bytes_ = (here / "suites" / "data" / "ratings.csv").read_bytes()
    (here / "moved.csv").write_bytes(bytes_)
    (here / "other.csv").write_bytes(bytes_ + b"1,2,3\n")
    (here / "items.csv").write_text("item_id,price\n0,1\n1,2\n")
    (here / "things.csv").write_text("item_id,price\n0,1\n1,2\n")
    before = run_id(content="suites/data/ratings.csv")
    after = run_id(content="moved.csv")
    assert (before.id, before.question_id) == (after.id, after.question_id)
    assert after.question["dataset"]["options"]["path"] == "moved.csv"
    assert run_id(content="other.csv").id != before.id
    assert run_id("dataset.query=item_id", "dataset.candidate=user_id", content="moved.csv").id != (
        before.id
    )
    features = [
        f"dataset.candidate_features={{path: {name}, columns: {{price: numeric}}}}"
        for name in ("items.csv", "things.csv")
    ]
    ids = {run_id(each, content="moved.csv").id for each in features}
    assert len(ids) == 1
    assert ids != {before.id}


def test_paths_in_lists_are_placed_and_left_out(here):
    class Inner(Options):
        path: mtbench.SuitePath = "in.csv"
        columns: tuple[str, ...] = ("a",)

    class Outer(Options):
        files: tuple[mtbench.SuitePath, ...] = ("a.csv", "b.csv")
        inner: Inner = Inner()
        perhaps: mtbench.SuitePath | None = None

    placed = Outer(perhaps="c.csv").placed(lambda keys: Path("suites"))
    assert placed.files == ("suites/a.csv", "suites/b.csv")
    assert (placed.inner.path, placed.perhaps) == ("suites/in.csv", "suites/c.csv")
    assert placed.without_paths(placed.model_dump(mode="json")) == {"inner": {"columns": ["a"]}}
